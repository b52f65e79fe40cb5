// Binds nodes to the operators that the program registered. Entry point: bind_custom_ops.
#pragma once

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

// Sets Node::custom of every node, also in subgraphs, that calls one of options.custom_ops. Fails
// on a registration that makes no sense and on attributes that cannot be passed on.
Result<void> bind_custom_ops(Graph& graph, const Model& model, const SessionOptions& options);

}  // namespace sardonyx
