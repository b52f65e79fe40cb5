// Copies the nodes of a body into the graph that owns it. Entry point: inline_body.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace sardonyx {

// `inputs` are what the inputs of the body become; names of values and nodes get the prefix.
// Returns what the outputs of the body have become.
Result<std::vector<ValueId>> inline_body(Graph& graph, const Subgraph& subgraph,
                                         const std::string& prefix,
                                         std::span<const ValueId> inputs = {});

}  // namespace sardonyx
