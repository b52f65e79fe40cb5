// SessionOptions and RunOptions as Python sees them, with ONNX Runtime's properties.
// Entry points: add_options, library_options.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <atomic>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

enum class ExecutionMode { kSequential = 0, kParallel = 1 };
enum class ExecutionOrder { kDefault = 0, kPriorityBased = 1, kMemoryEfficient = 2 };

// Of new SessionOptions; the stand-in for onnxruntime sets its own.
std::string default_profile_prefix();

struct PySessionOptions {
  // What the library reads; the names on the right are ONNX Runtime's.
  int threads = 0;                                           // intra_op_num_threads
  OptimizationLevel optimization = OptimizationLevel::kAll;  // graph_optimization_level
  bool profiling = false;                                    // enable_profiling
  std::string profile_prefix = default_profile_prefix();     // profile_file_prefix
  std::string optimized_path;                                // optimized_model_filepath
  std::map<std::string, int64_t> dim_overrides;
  std::map<std::string, int64_t> denoted_dim_overrides;
  std::map<std::string, ExternalFile> external_files;
  std::map<std::string, Tensor> initializers;
  decltype(SessionOptions::place_initializer) place_initializer;
  std::map<std::string, std::string> config;
  bool load_canceled = false;
  // The library's own.
  size_t memory_limit = 0;
  int nesting_limit = 64;
  int plan_limit = 16;
  std::string tier;
  MatMulPrecision matmul_precision = MatMulPrecision::kFloat32;
  std::vector<std::string> disabled_passes;
  std::vector<std::string> disabled_kernels;
  std::vector<std::shared_ptr<const CustomOp>> custom_ops;
  // Kept for reading back; they change nothing here: one pool, one arena per run, one order.
  bool cpu_arena = true;
  bool memory_pattern = true;
  bool memory_reuse = true;
  bool deterministic = true;
  bool per_session_threads = true;
  int inter_threads = 0;
  int log_severity = -1;
  int log_verbosity = 0;
  std::string log_id;
  ExecutionMode mode = ExecutionMode::kSequential;
  ExecutionOrder order = ExecutionOrder::kDefault;
  std::vector<std::pair<std::string, std::map<std::string, std::string>>> providers;
  nb::object policy_delegate = nb::none();
};

struct PyRunOptions {
  std::atomic<bool> terminate{false};
  std::atomic<double> timeout{0};  // seconds; 0: none
  int log_severity = -1;
  int log_verbosity = 0;
  std::string log_id;
  bool training_mode = false;
  bool only_fetches = false;
  std::map<std::string, std::string> config;
  std::vector<std::shared_ptr<const Adapter>> adapters;
};

// Raises NotImplemented for what is asked and not available.
SessionOptions library_options(const PySessionOptions& options);

// The memory limit of sessions with the config entry `session.use_env_allocators`; 0: none.
void set_arena_limit(size_t bytes);

void add_options(nb::module_& module);

}  // namespace sardonyx::python
