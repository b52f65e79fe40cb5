// Graph → Model: the way back from the IR to what a file can say, so that a rewritten graph can be
// saved and loaded again. Operators that only the passes make stay in domain "sardonyx", which this
// library alone reads; a graph rewritten up to the basic level has none of them.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"

namespace sardonyx {

// How the operators of the graph are said.
struct ModelForm {
  // Versions to import at least, by domain.
  std::map<std::string, int64_t> opsets;
  // The version that a node needs; a domain's import is the newest of them.
  std::function<int64_t(const Node& node)> version_of;
  // Whether the version that is imported knows the attribute; others are left out.
  std::function<bool(const Node& node, const std::string& attr)> knows;
  int64_t ir_version = 0;  // at least; types may need a newer one
};

// Tensors share the graph's storage. Names of inputs and outputs stay; others are made unique.
Result<Model> to_model(const Graph& graph, const ModelForm& form);

// A type as a file says it: unknown dims without a name, expressions by their text.
TypeDef type_def(const ValueType& type);

}  // namespace sardonyx
