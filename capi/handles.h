// What is behind the handles of the C API.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/value.h"
#include "sardonyx/onnxruntime_c_api.h"
#include "sardonyx/sardonyx.h"

struct OrtStatus {
  OrtErrorCode code;
  std::string message;
};

struct OrtMemoryInfo {
  std::string name = "Cpu";
  OrtAllocatorType allocator = OrtDeviceAllocator;
  int id = 0;
  OrtMemType mem_type = OrtMemTypeDefault;
  OrtMemoryInfoDeviceType device = OrtMemoryInfoDeviceType_CPU;
  uint32_t vendor = 0;
  OrtDeviceMemoryType device_mem_type = OrtDeviceMemoryType_DEFAULT;
  size_t alignment = 0;

  friend bool operator==(const OrtMemoryInfo&, const OrtMemoryInfo&) = default;
};

struct OrtKeyValuePairs {
  std::map<std::string, std::string> entries;
  // Parallel views of `entries` for GetKeyValuePairs.
  std::vector<const char*> keys;
  std::vector<const char*> values;

  OrtKeyValuePairs() = default;
  OrtKeyValuePairs(OrtKeyValuePairs&&) = default;  // the views stay valid

  void set(const std::string& key, const std::string& value) {
    entries[key] = value;
    refresh();
  }
  void refresh();
};

struct OrtTensorTypeAndShapeInfo {
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  bool has_shape = true;
  std::vector<int64_t> dims;         // -1: symbolic or unknown
  std::vector<std::string> symbols;  // parallel to dims
};

struct OrtMapTypeInfo {
  ONNXTensorElementDataType key = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::shared_ptr<const OrtTypeInfo> value;
};
struct OrtSequenceTypeInfo {
  std::shared_ptr<const OrtTypeInfo> element;
};
struct OrtOptionalTypeInfo {
  std::shared_ptr<const OrtTypeInfo> element;
};

struct OrtTypeInfo {
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  std::string denotation;
  OrtTensorTypeAndShapeInfo tensor;  // tensor, sparse tensor
  OrtMapTypeInfo map;
  OrtSequenceTypeInfo sequence;
  OrtOptionalTypeInfo optional;
};

namespace sardonyx {
struct Model;
}

namespace sardonyx::capi {

// How the client makes threads.
struct ThreadHooks {
  OrtCustomCreateThreadFn create = nullptr;
  OrtCustomJoinThreadFn join = nullptr;
  void* options = nullptr;
};

// A sparse tensor as the client gave it; models take it as COO, which is the value itself.
struct SparseForm {
  OrtSparseFormat format = ORT_SPARSE_UNDEFINED;
  Shape dense_shape;
  Tensor values;
  Tensor indices;  // of COO and blocks; inner ones of CSR
  Tensor outer;    // of CSR
};

}  // namespace sardonyx::capi

struct OrtValue {
  sardonyx::Value value;
  OrtMemoryInfo memory;
  std::shared_ptr<const sardonyx::capi::SparseForm> sparse;  // null: as `value` has it
};

struct OrtCustomOpDomain {
  std::string name;
  std::vector<const OrtCustomOp*> ops;
};

struct OrtLoraAdapter {
  std::shared_ptr<const sardonyx::Adapter> adapter;
};

struct OrtRunOptions {
  std::atomic<bool> terminate = false;
  int log_verbosity = 0;
  int log_severity = -1;
  std::string tag;
  bool profiling = false;
  std::string profile_prefix;
  std::map<std::string, std::string> config;
  std::vector<std::shared_ptr<const sardonyx::Adapter>> adapters;
};

struct OrtThreadingOptions {
  int intra_op_threads = 0;
  int inter_op_threads = 0;
  bool spin = true;
  std::string affinity;
  sardonyx::capi::ThreadHooks hooks;
};

struct OrtArenaCfg {
  std::map<std::string, size_t> settings;
};

struct OrtPrepackedWeightsContainer {
  std::shared_ptr<sardonyx::SharedWeights> weights = sardonyx::make_shared_weights();
};

namespace sardonyx::capi {

// What an environment holds; sessions keep it, so that releases may come in any order.
struct Environment {
  OrtLoggingFunction logger = nullptr;
  void* logger_param = nullptr;
  std::atomic<int> level = ORT_LOGGING_LEVEL_WARNING;
  std::string log_id;
  std::shared_ptr<ThreadPool> global_pool;  // null: there is none
  std::mutex mutex;
  ThreadSettings::Watch watch;  // of the pools of sessions
  // Allocators that sessions may use: the client's, which stays, or one of this library.
  struct Registered {
    OrtAllocator* allocator = nullptr;
    std::shared_ptr<OrtAllocator> owned;
  };
  std::vector<Registered> allocators;
  std::map<std::string, std::string> config;
};

}  // namespace sardonyx::capi

struct OrtEnv {
  std::shared_ptr<sardonyx::capi::Environment> environment;
  int references = 1;
};

struct OrtLogger {
  OrtLoggingFunction function = nullptr;  // null: messages go to standard error
  void* param = nullptr;
  std::string log_id;
  int severity = ORT_LOGGING_LEVEL_WARNING;  // the least that is passed on
};

struct OrtSessionOptions {
  sardonyx::SessionOptions library;
  ExecutionMode mode = ORT_SEQUENTIAL;
  std::string log_id;
  int log_verbosity = 0;
  int log_severity = -1;
  OrtLoggingFunction logger = nullptr;
  void* logger_param = nullptr;
  std::string profile_prefix;
  bool memory_pattern = true;
  bool cpu_arena = true;
  bool per_session_threads = true;
  bool deterministic = false;
  sardonyx::capi::ThreadHooks hooks;
  // Set at any time, from any thread, before and while a session is loaded.
  std::shared_ptr<std::atomic<bool>> load_canceled = std::make_shared<std::atomic<bool>>(false);
  std::vector<std::pair<std::string, sardonyx::Tensor>> initializers;
  std::vector<std::string> providers;
  EpSelectionDelegate select_devices = nullptr;
  void* select_state = nullptr;
  std::vector<const OrtCustomOpDomain*> domains;  // of custom operators; the client keeps them
};

namespace sardonyx::capi {

// A loaded session and what the door adds to it; runs that are under way keep it. The last that
// lets go writes the profile, when there is one that nobody has asked for.
struct LoadedSession {
  LoadedSession(Session loaded, const OrtSessionOptions& given,
                std::shared_ptr<Environment> shared_environment, OrtLogger session_logger,
                uint64_t start_ns);
  LoadedSession(const LoadedSession&) = delete;
  LoadedSession& operator=(const LoadedSession&) = delete;
  ~LoadedSession();

  Session session;
  OrtSessionOptions options;
  std::shared_ptr<Environment> environment;
  OrtLogger logger;
  uint64_t profile_start_ns;
  std::atomic<bool> is_profile_written = false;
  // Nodes by provider, made when first asked for.
  std::mutex assigned_mutex;
  std::shared_ptr<OrtEpAssignedSubgraph> assigned;
  const OrtEpAssignedSubgraph* assigned_list = nullptr;
};

}  // namespace sardonyx::capi

struct OrtSession {
  std::shared_ptr<sardonyx::capi::LoadedSession> loaded;
  // The model as the client edits it; null: the session is ready to run.
  std::shared_ptr<sardonyx::Model> edited;
};

struct OrtModelMetadata {
  sardonyx::ModelInfo info;
};

struct OrtIoBinding {
  std::shared_ptr<sardonyx::capi::LoadedSession> loaded;
  std::vector<sardonyx::NamedValue> inputs;
  struct Output {
    std::string name;
    sardonyx::Value value;  // kNone: the run makes it
    bool is_bound = false;  // to the client's memory
  };
  std::vector<Output> outputs;
};
