// Graph → Model: the way back from the IR to what a file can say, so that a rewritten graph can be
// saved and loaded again. Operators that only the passes make stay in domain "sardonyx", which this
// library alone reads; a graph rewritten up to the basic level has none of them.
#pragma once

#include <functional>

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"

namespace sardonyx {

// The version of the node's operator whose meaning it has; the domain's opset import is the newest
// of them.
using VersionOfNode = std::function<int64_t(const Node& node)>;

// Tensors share the graph's storage. Names of inputs and outputs stay; others are made unique.
Result<Model> to_model(const Graph& graph, const VersionOfNode& version_of);

// A type as a file says it: unknown dims without a name, expressions by their text.
TypeDef type_def(const ValueType& type);

}  // namespace sardonyx
