// What older operator sets can say: the way back from today's meaning to a file's version.
#pragma once

#include <string_view>

#include "graph/graph.h"

namespace sardonyx {

// The oldest version of its domain's operator set that says what the node says: its operator is
// there in today's form, with the attributes that are not at their default, and with the types of
// its values.
int64_t oldest_version(const Graph& graph, const Node& node);

// Whether an attribute is known to this version of the operator set.
bool knows_attr(const Node& node, std::string_view attr, int64_t opset);

// The newest version of a domain's operator set that any operator here is of; 0: none.
int64_t newest_version(std::string_view domain);

}  // namespace sardonyx
