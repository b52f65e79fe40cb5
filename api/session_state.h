// What a Session holds; for api/ only.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/model.h"
#include "passes/pass.h"
#include "plan/runner.h"
#include "sardonyx/sardonyx.h"

namespace sardonyx {

// Finds names without making strings of them.
struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};
using NameIndex = std::unordered_map<std::string, size_t, NameHash, std::equal_to<>>;

struct Session::State {
  SessionOptions options;
  bool flush_denormals = true;
  ModelInfo model;
  std::vector<ArgInfo> inputs;
  std::vector<ArgInfo> outputs;
  std::vector<ArgInfo> overridable;

  std::shared_ptr<const Graph> graph;
  std::shared_ptr<const PlanContext> context;
  std::shared_ptr<PlanRunner> runner;
  // Positions in graph->inputs() (required and overridable ones) and graph->outputs() by name.
  NameIndex input_index;
  NameIndex output_index;

  // For the tools.
  std::vector<std::pair<std::string, size_t>> op_counts;  // of the file, most frequent first
  size_t node_count = 0;
  int64_t parameter_count = 0;  // elements of the file's initializers
  int64_t parameter_bytes = 0;
  std::vector<PassRecord> passes;

  std::chrono::steady_clock::time_point start;
  mutable std::mutex profile_mutex;
  mutable std::vector<StepTime> profile;
};

}  // namespace sardonyx
