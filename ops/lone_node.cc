// See ops/lone_node.h.
#include "ops/lone_node.h"

#include <algorithm>

namespace sardonyx {

LoneNode make_lone_node(const Graph& graph, const Node& node, std::span<const ValueType> types,
                        std::span<const Tensor* const> constants,
                        std::span<const std::optional<Dims>> known_ints) {
  LoneNode lone{std::make_shared<Graph>(), {}};
  lone.graph->name = node.title();
  Node copy = node;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const std::string& name = graph.value(node.inputs[i]).name;
    if (constants[i] != nullptr) {
      copy.inputs[i] = lone.graph->add_constant(name, *constants[i]);
      continue;
    }
    copy.inputs[i] = lone.graph->add_input(name, types[i]);
    lone.graph->value(copy.inputs[i]).known_ints = known_ints[i];
    lone.inputs.push_back(i);
  }
  for (ValueId& output : copy.outputs) {
    if (output == kNoValue) continue;
    const std::string& name = graph.value(output).name;
    output = lone.graph->add_value(name, ValueType());
    lone.graph->add_output(name, output, ValueType());
  }
  lone.graph->add_node(std::move(copy));
  return lone;
}

bool waits_for_shapes(const OpDef& op, const Graph& graph, const Node& node) {
  std::vector<ValueType> types;
  std::vector<const Tensor*> constants;
  std::vector<std::optional<Dims>> ints;
  bool all_known = true;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool given = node.inputs[i] != kNoValue;
    types.push_back(given ? graph.value(node.inputs[i]).type : ValueType());
    constants.push_back(graph.constant_input(node, i));
    ints.push_back(given ? graph.value(node.inputs[i]).known_ints : std::nullopt);
    all_known &= !given || constants.back() != nullptr || types.back().is_concrete();
  }
  if (all_known) return false;
  const LoneNode trial = make_lone_node(graph, node, types, constants, ints);
  const Result<void> lowered = op.lower(*trial.graph, 0);
  return !lowered && lowered.error().code == Code::kNotFound;
}

}  // namespace sardonyx
