// Takes out nodes whose outputs nobody reads, last ones first; outputs of live nodes that nobody
// reads become omitted where the operator lets them be, and constants that nobody reads let go of
// their memory.
#include <algorithm>

#include "passes/rewrites.h"

namespace sardonyx {

Result<bool> remove_dead_nodes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  std::vector<NodeId> order = TRY(graph.order());
  std::reverse(order.begin(), order.end());
  for (NodeId id : order) {
    const auto& outputs = graph.node(id).outputs;
    const bool used = std::any_of(outputs.begin(), outputs.end(), [&](ValueId output) {
      return output != kNoValue && graph.use_count(output) != 0;
    });
    if (!used) {
      graph.remove_node(id);
      changed = true;
      continue;
    }
    for_each_subgraph(graph.node(id), [&](Subgraph& subgraph) {
      const auto inner = remove_dead_nodes(*subgraph.body, options);
      changed |= inner && *inner;
    });
  }
  for (size_t i = 0; i < graph.value_count(); ++i) {
    const auto id = static_cast<ValueId>(i);
    if (graph.value(id).is_constant() && graph.use_count(id) == 0) graph.value(id).constant = {};
  }
  return changed;
}

}  // namespace sardonyx
