// LoneNode: a node as a graph of its own. Of an operator that others say (OpDef::lower) it is what
// a plan runs where the shapes that decide how to say it are known only then. Entry points:
// make_lone_node, waits_for_shapes.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/graph.h"
#include "ops/op.h"

namespace sardonyx {

struct LoneNode {
  std::shared_ptr<Graph> graph;  // its outputs are those of the node that somebody asks for
  std::vector<size_t> inputs;    // which input of the node each of its inputs is
};

// The node has no subgraphs. One entry per input: its type, its value and its integers where known.
LoneNode make_lone_node(const Graph& graph, const Node& node, std::span<const ValueType> types,
                        std::span<const Tensor* const> constants,
                        std::span<const std::optional<Dims>> known_ints);

// Whether the rule that lowers the node asks for a rank or dim that the graph does not know.
bool waits_for_shapes(const OpDef& op, const Graph& graph, const Node& node);

}  // namespace sardonyx
