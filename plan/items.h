// Which graphs treat the items along the first axis of their inputs one by one, so that item i of
// every output depends on item i of the inputs alone: most networks do with a batch. Such a run
// may be cut into runs of fewer items, whose results are the same as those of one run.
// Entry point: find_items.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace sardonyx {

// The axis is the first one of each value that has items.
struct Items {
  std::vector<ValueId> values;  // all that have items
  std::vector<bool> inputs;     // by graph input
};

// Nothing where an operator mixes items or is not known not to, and where an output has no items.
// The graph has types.
std::optional<Items> find_items(const Graph& graph);

}  // namespace sardonyx
