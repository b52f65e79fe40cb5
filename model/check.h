// Verifies what a model says about names, before any graph is built: every value is defined once
// and somewhere, nodes form no cycle, every domain in use is imported, functions do not call
// themselves. Knows no operators, types or shapes. Entry point: check_model.
#pragma once

#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

// The first thing that is wrong, with the node that it is wrong in. Nodes may stand in any order,
// and an inner graph may reuse a name of an outer one.
Result<void> check_model(const Model& model);

// The same, but domains that are not imported are no error here: what there is to say about them
// comes back, or nothing.
Result<std::string> find_missing_imports(const Model& model);

// "Conv 'conv1'", or "Conv (node 3)" when it has no name.
std::string node_title(const NodeDef& node, size_t index);

}  // namespace sardonyx
