// Computes nodes whose inputs are all constant, once, at load. Values whose integers inference has
// found (Shape of a fixed shape, ...) become constants too. CastLike, which reads no more of its
// second input than the dtype, becomes Cast.
#include <algorithm>
#include <optional>

#include "ops/infer.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// Results that are large, and larger than their inputs by more than bytes made floats, are left to
// the run: a constant that is expanded to a huge one costs memory and time to read.
constexpr size_t kLargeBytes = size_t{1} << 20;
constexpr size_t kMostGrowth = 4;

bool set_known_integers(Graph& graph, ValueId id) {
  const GraphValue& value = graph.value(id);
  if (value.is_constant() || !value.known_ints || !all_constant(*value.known_ints)) return false;
  if (value.type.dtype != DType::kInt64 || !value.type.is_concrete()) return false;
  const Shape shape = to_shape(*value.type.dims);
  if (shape.count() != static_cast<int64_t>(value.known_ints->size())) return false;
  std::vector<int64_t> ints;
  for (const Dim& dim : *value.known_ints) ints.push_back(dim.value());
  graph.set_constant(id, Tensor::from<int64_t>(shape, ints));
  return true;
}

// The id of the Cast in the place of a CastLike.
NodeId settle_cast(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.domain.empty() || node.op_type != "CastLike" || node.custom != nullptr) return id;
  const DType dtype = graph.value(node.inputs[1]).type.dtype;
  if (dtype == DType::kUndefined) return id;
  Node cast = node;
  cast.op_type = "Cast";
  cast.inputs.resize(1);
  cast.attrs.set("to", static_cast<int64_t>(dtype));
  graph.remove_node(id);
  return graph.add_node(std::move(cast));
}

Result<bool> fold_node(Graph& graph, NodeId id, Tier tier) {
  const Node& node = graph.node(id);
  const OpDef& op = *find_op(node);
  std::vector<const Tensor*> inputs;
  size_t input_bytes = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    inputs.push_back(graph.constant_input(node, i));
    if (node.inputs[i] != kNoValue && inputs.back() == nullptr) return false;
    if (inputs.back() != nullptr) input_bytes += inputs.back()->bytes();
  }
  if (!can_evaluate(op, node)) return false;
  // Known integers may have taken its outputs away already.
  const auto nobody = [](ValueId output) { return output == kNoValue; };
  if (std::all_of(node.outputs.begin(), node.outputs.end(), nobody)) return false;
  for (ValueId output : node.outputs) {
    if (output == kNoValue) continue;
    const ValueType& type = graph.value(output).type;
    if (!type.is_concrete()) continue;
    const auto count = to_shape(*type.dims).checked_count();
    if (!count) return false;
    const size_t bytes = dtype_bytes(type.dtype, static_cast<size_t>(*count));
    if (bytes > kLargeBytes && bytes > kMostGrowth * input_bytes) return false;
  }
  auto outputs = evaluate_node(op, graph, node, inputs, tier);
  if (!outputs) {
    // Sequences and the like stay nodes; a real error is reported when the node would run.
    return false;
  }
  const std::vector<ValueId> values = node.outputs;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kNoValue) continue;
    if (!(*outputs)[i].has_data()) return false;
  }
  graph.remove_node(id);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != kNoValue) graph.set_constant(values[i], std::move((*outputs)[i]));
  }
  return true;
}

}  // namespace

Result<bool> fold_constants(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId ordered : TRY(graph.order())) {
    const NodeId id = settle_cast(graph, ordered);
    changed |= id != ordered;
    for (ValueId output : std::vector<ValueId>(graph.node(id).outputs)) {
      if (output != kNoValue) changed |= set_known_integers(graph, output);
    }
    const auto& outputs = graph.node(id).outputs;
    if (std::all_of(outputs.begin(), outputs.end(),
                    [](ValueId output) { return output == kNoValue; })) {
      graph.remove_node(id);  // all of it was known integers
      continue;
    }
    changed |= TRY(fold_node(graph, id, options.tier));
    if (graph.node(id).removed) continue;
    std::optional<Error> error;
    for_each_subgraph(graph.node(id), [&](Subgraph& subgraph) {
      auto inner = fold_constants(*subgraph.body, options);
      if (inner) {
        changed |= *inner;
      } else {
        error = std::move(inner.error());
      }
    });
    if (error) return tl::unexpected(std::move(*error));
  }
  return changed;
}

}  // namespace sardonyx
