// A model with the types and shapes of all its values written into it. Entry point: infer_shapes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "sardonyx/sardonyx.h"

namespace sardonyx {

struct InferShapesOptions {
  // An operator that this library does not know, a node whose operands do not fit it and a declared
  // type that disagrees with the inferred one are errors; otherwise such nodes are passed over.
  bool strict = true;
  std::filesystem::path folder;  // of external data
};

// ONNX bytes → the same model with value_info for the outputs of all nodes, also in subgraphs, and
// the types of its outputs completed. Expressions of symbols stand as dim_param ("2*N+1").
SARDONYX_API Result<std::string> infer_shapes(std::span<const std::byte> model,
                                              const InferShapesOptions& options = {});

}  // namespace sardonyx
