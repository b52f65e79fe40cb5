// SharedWeights: what sessions that are given the same one have in common: constants of equal
// bytes, and what is packed from them. Entry point: share_constants.
#pragma once

#include <map>
#include <mutex>

#include "graph/graph.h"
#include "ops/kernel.h"

namespace sardonyx {

struct SharedWeights {
  const std::shared_ptr<WeightCache> packed = std::make_shared<WeightCache>();

  std::mutex mutex;
  std::multimap<uint64_t, Tensor> constants;  // by a hash of their bytes
};

// Puts the constants that are there already in the place of the graph's; the others are there from
// now on, and live as long as `shared`.
void share_constants(Graph& graph, SharedWeights& shared);

}  // namespace sardonyx
