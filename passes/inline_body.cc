// See passes/inline_body.h.
#include "passes/inline_body.h"

#include <unordered_map>

namespace sardonyx {
namespace {

class Inliner {
 public:
  Inliner(Graph& graph, const Subgraph& subgraph, const std::string& prefix,
          std::span<const ValueId> inputs)
      : graph_(graph), body_(*subgraph.body), prefix_(prefix) {
    for (size_t i = 0; i < subgraph.captures.size(); ++i) {
      ids_.emplace(body_.captures()[i], subgraph.captures[i]);
    }
    for (size_t i = 0; i < inputs.size(); ++i) ids_.emplace(body_.inputs()[i], inputs[i]);
  }

  Result<std::vector<ValueId>> run() {
    for (NodeId id : TRY(body_.order())) {
      Node node = body_.node(id);
      if (!node.name.empty()) node.name = prefix_ + node.name;
      for (ValueId& input : node.inputs) input = outer_id(input);
      for (ValueId& output : node.outputs) output = outer_id(output);
      for_each_subgraph(node, [&](Subgraph& inner) {
        for (ValueId& capture : inner.captures) capture = outer_id(capture);
      });
      graph_.add_node(std::move(node));
    }
    std::vector<ValueId> outputs;
    for (const GraphOutput& output : body_.outputs()) outputs.push_back(outer_id(output.value));
    return outputs;
  }

 private:
  ValueId outer_id(ValueId id) {
    if (id == kNoValue) return kNoValue;
    const auto [entry, is_new] = ids_.emplace(id, kNoValue);
    if (!is_new) return entry->second;
    const GraphValue& value = body_.value(id);
    entry->second = value.is_constant() ? graph_.add_constant(value.name, value.constant)
                                        : graph_.add_value(prefix_ + value.name, value.type);
    return entry->second;
  }

  Graph& graph_;
  const Graph& body_;
  const std::string& prefix_;
  std::unordered_map<ValueId, ValueId> ids_;
};

}  // namespace

Result<std::vector<ValueId>> inline_body(Graph& graph, const Subgraph& subgraph,
                                         const std::string& prefix,
                                         std::span<const ValueId> inputs) {
  return Inliner(graph, subgraph, prefix, inputs).run();
}

}  // namespace sardonyx
