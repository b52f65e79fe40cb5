// Concat(a, b), Concat(a, b, c) → Concat(a, b), Concat(that, c). The layers of a dense block each
// join everything before them; nested, a plan can compute all of it in one place (plan/in_place.h).
#include <map>
#include <utility>

#include "passes/rewrites.h"

namespace sardonyx {

Result<bool> nest_concats(Graph& graph, const PassOptions& options) {
  bool changed = false;
  // What gives the concatenation of some values along an axis.
  std::map<std::pair<int64_t, std::vector<ValueId>>, ValueId> known;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, nest_concats));
    const Node& node = graph.node(id);
    if (!node.domain.empty() || node.op_type != "Concat" || node.inputs.size() < 2) continue;
    const int64_t axis = node.attrs.get_int("axis");
    const std::vector<ValueId> all = node.inputs;
    known.emplace(std::pair(axis, all), node.outputs[0]);
    for (std::vector<ValueId> some(all.begin(), all.end() - 1); some.size() >= 2; some.pop_back()) {
      const auto found = known.find({axis, some});
      if (found == known.end()) continue;
      std::vector<ValueId> nested = {found->second};
      nested.insert(nested.end(), all.begin() + static_cast<ptrdiff_t>(some.size()), all.end());
      graph.set_inputs(id, std::move(nested));
      changed = true;
      break;
    }
  }
  return changed;
}

}  // namespace sardonyx
