// A pass turns a Graph into an equivalent one. passes/pipeline.cc lists them in order; the runner
// names, times, disables and (in debug builds) verifies each. Entry point: run_passes.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cpu/tier.h"
#include "graph/graph.h"

namespace sardonyx {

struct PassOptions {
  int level = 99;  // 0 none, 1 basic, 2 extended, 3 layout, 99 all (ONNX Runtime's values)
  std::vector<std::string> disabled;  // names of passes left out
  Tier tier;
};

struct Pass {
  std::string_view name;
  int level;  // runs when PassOptions::level >= level; 0: always (required for correctness)
  // Returns whether it changed the graph. Goes into subgraphs itself where it applies to them
  // (run_in_bodies).
  Result<bool> (*run)(Graph&, const PassOptions&);
};

// A pass over the bodies of a node; whether it changed one of them.
Result<bool> run_in_bodies(Graph& graph, NodeId id, const PassOptions& options,
                           Result<bool> (*pass)(Graph&, const PassOptions&));

// All passes in order.
std::span<const Pass> all_passes();

struct PassRecord {
  std::string name;
  bool changed = false;
  int64_t duration_ns = 0;
  size_t nodes_after = 0;
};

// Types are inferred before the first pass and again after each pass that changed something, so
// that a pass finds (and leaves) every value with what is known of its type.
Result<std::vector<PassRecord>> run_passes(Graph& graph, const PassOptions& options);

}  // namespace sardonyx
