// Saves the graph that a session runs as an ONNX file: SessionOptions::optimized_model_path.
#pragma once

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

// The rewritten graph with the origin's producer, domain, version, documentation and metadata. The
// config entries `session.optimized_model_external_initializers_file_name` and
// `..._min_size_in_bytes` move weights into a file beside it, which a model of over 2 GB has
// anyway.
Result<void> save_optimized_model(const Graph& graph, const Model& origin,
                                  const SessionOptions& options);

}  // namespace sardonyx
