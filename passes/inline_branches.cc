// If with a constant condition → the nodes of the branch it takes.
#include <unordered_map>

#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// Copies the nodes of a body into the graph that owns it; returns what its outputs have become.
class Inliner {
 public:
  Inliner(Graph& graph, const Subgraph& subgraph, std::string prefix)
      : graph_(graph), body_(*subgraph.body), prefix_(std::move(prefix)) {
    for (size_t i = 0; i < subgraph.captures.size(); ++i) {
      ids_.emplace(body_.captures()[i], subgraph.captures[i]);
    }
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
  std::string prefix_;
  std::unordered_map<ValueId, ValueId> ids_;
};

Result<bool> inline_if(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  if (node.op_type != "If" || !node.domain.empty()) return false;
  const Tensor* condition = graph.constant_input(node, 0);
  if (condition == nullptr || condition->count() != 1) return false;
  const Subgraph* branch =
      node.attrs.get_subgraph(*condition->as<bool>() ? "then_branch" : "else_branch");
  graph.remove_node(id);
  const auto outputs = TRY(Inliner(graph, *branch, node.name + "/").run());
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) graph.replace_uses(node.outputs[i], outputs[i]);
  }
  return true;
}

}  // namespace

Result<bool> inline_branches(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    if (TRY(inline_if(graph, id))) {
      changed = true;
      continue;
    }
    std::vector<std::shared_ptr<Graph>> bodies;
    for_each_subgraph(graph.node(id), [&](Subgraph& subgraph) { bodies.push_back(subgraph.body); });
    for (const auto& body : bodies) changed |= TRY(inline_branches(*body, options));
  }
  return changed;
}

}  // namespace sardonyx
