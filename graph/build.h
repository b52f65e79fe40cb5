// Model → Graph: names become values, Constant nodes and initializers become constants, calls of
// model-local functions become their bodies, old opset forms become the newest ones. From here on
// a node means what the newest version of its operator means. Entry point: build_graph.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"

namespace sardonyx {

struct BuildOptions {
  bool fixed_defaults = false;  // initializers of inputs count as constants that nobody overrides
  int nesting_limit = 64;       // subgraphs and function calls
  int64_t node_limit = 10'000'000;            // after inlining
  size_t dense_limit = size_t{1} << 30;       // bytes of one sparse initializer made dense
  std::map<std::string, int64_t> dim_values;  // symbols of the model's inputs that are fixed
  std::map<std::string, int64_t> denoted_dim_values;  // and dims by their denotation
};

// The tensors of the graph share the model's storage.
Result<std::shared_ptr<Graph>> build_graph(const Model& model, const BuildOptions& options = {});

}  // namespace sardonyx
