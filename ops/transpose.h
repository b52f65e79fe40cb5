// What a plan has to know of Transpose.
#pragma once

#include <span>

#include "graph/graph.h"

namespace sardonyx {

// Whether the node is a Transpose that leaves every element of its input where it is: the axes that
// are not 1 keep their order. Its output is a view then. types: of all values, by id.
bool moves_nothing(const Node& node, std::span<const ValueType> types);

}  // namespace sardonyx
