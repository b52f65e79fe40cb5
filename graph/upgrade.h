// An operator as an old opset meant it → nodes with today's meaning. graph/upgrade*.cc hold one
// rule per change of meaning; a node whose operator has not changed is left alone.
#pragma once

#include <string_view>

#include "base/result.h"
#include "graph/graph.h"

namespace sardonyx {

// Rewrites the node in place or replaces it by others, given the version of the operator set of
// its domain that the model imports. A version newer than the rules know leaves the node as it is.
Result<void> upgrade_node(Graph& graph, NodeId node, int64_t opset_version);

// The version of the domain's operator set from which on the operator's nodes have today's form; 0
// where no rule changes it.
int64_t last_change(std::string_view domain, std::string_view op_type);

}  // namespace sardonyx
