// If with a constant condition → the nodes of the branch it takes.
#include "passes/inline_body.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

Result<bool> inline_if(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  if (node.op_type != "If" || !node.domain.empty()) return false;
  const Tensor* condition = graph.constant_input(node, 0);
  if (condition == nullptr || condition->count() != 1) return false;
  const Subgraph* branch =
      node.attrs.get_subgraph(*condition->as<bool>() ? "then_branch" : "else_branch");
  graph.remove_node(id);
  const auto outputs = TRY(inline_body(graph, *branch, node.name + "/"));
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
    changed |= TRY(run_in_bodies(graph, id, options, inline_branches));
  }
  return changed;
}

}  // namespace sardonyx
