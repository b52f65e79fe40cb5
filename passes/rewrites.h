// The rewrites that passes/pipeline.cc lists; one file each, named after its function.
#pragma once

#include "passes/pass.h"

namespace sardonyx {

// Nodes whose inputs are all constant → constants.
Result<bool> fold_constants(Graph& graph, const PassOptions& options);
// Identity (and what amounts to it) → its input.
Result<bool> remove_identities(Graph& graph, const PassOptions& options);
// Nodes nobody reads → gone.
Result<bool> remove_dead_nodes(Graph& graph, const PassOptions& options);
// Nodes that compute the same from the same → one.
Result<bool> merge_equal_nodes(Graph& graph, const PassOptions& options);

}  // namespace sardonyx
