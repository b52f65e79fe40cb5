// Sardonyx: runs ONNX models. The C++ API: load a Session from a file or from bytes, look at its
// inputs and outputs, run it. Every fallible call returns Result<T>; `.value()` throws instead.
//
//   auto session = sardonyx::Session::load("model.onnx").value();
//   auto image = sardonyx::Tensor::wrap(sardonyx::DType::kFloat32, {1, 3, 224, 224}, data, {});
//   auto outputs = session.run({{"input", image}}).value();
//   const float* scores = outputs[0].tensor().as<float>();
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/export.h"
#include "base/shape.h"
#include "base/tensor.h"
#include "base/thread_settings.h"
#include "base/value.h"
#include "sardonyx/custom_op.h"

namespace sardonyx {

// "0.1.0".
SARDONYX_API const char* version();

// Random operators without a seed of their own: their next runs give the same numbers, in the order
// in which they happen, after the same seed.
SARDONYX_API void set_random_seed(uint64_t seed);

// Threads of sessions made from now on that ask for none (SessionOptions::threads == 0); 0: as many
// as affinity, cgroup quota and physical cores allow.
SARDONYX_API void set_default_threads(int threads);

// How far the graph is rewritten before it runs; the values are ONNX Runtime's.
enum class OptimizationLevel : int { kNone = 0, kBasic = 1, kExtended = 2, kLayout = 3, kAll = 99 };

// How f32 matrices are multiplied. kBfloat16 rounds both operands of a MatMul, Gemm or Conv with
// constant weights to bf16 and sums in f32: faster, at half the memory for weights, less exact.
enum class MatMulPrecision : uint8_t { kFloat32, kBfloat16 };

// Bytes in the caller's memory; `owner` keeps them alive, or is null when the caller promises that
// they outlive the session.
struct ExternalFile {
  std::span<const std::byte> bytes;
  std::shared_ptr<void> owner;
};

// Where the bytes of an initializer lie outside of a model: in a file beside it, by its name.
struct InitializerPlace {
  std::string file;
  int64_t offset = 0;
  size_t bytes = 0;
};

// What sessions that are given the same one share: weights of equal bytes, and what is packed from
// them. It keeps them while it lives.
struct SharedWeights;
SARDONYX_API std::shared_ptr<SharedWeights> make_shared_weights();

struct SessionOptions {
  // Threads that one run may use, the caller included; 0: as many as affinity, cgroup quota and
  // physical cores allow. The answer's bits do not depend on it.
  int threads = 0;
  // How they are made and wait; sessions with settings of their own have a pool of their own, the
  // others share the process-wide one. (`threads` counts, not thread_settings.threads.)
  ThreadSettings thread_settings;
  // A pool to use, of make_thread_pool; null: by the two above.
  std::shared_ptr<ThreadPool> pool;
  // Sessions that are given the same one share weights; null: this session's are its own.
  std::shared_ptr<SharedWeights> shared_weights;
  // Set to true from any thread to stop a load at its next stage: Error kModelLoadCanceled.
  std::shared_ptr<const std::atomic<bool>> cancel_load;
  // Where activations and results come from: a 64-byte aligned block of so many bytes, null when it
  // cannot be had; empty: the library's own. Called from the threads that run the session.
  std::function<std::shared_ptr<void>(size_t bytes)> allocate;
  OptimizationLevel optimization = OptimizationLevel::kAll;
  // Loading fails where the machine, or the tier, has no bf16 products. The config entry
  // `sardonyx.matmul_precision` ("f32", "bf16") says the same and counts more.
  MatMulPrecision matmul_precision = MatMulPrecision::kFloat32;
  // Most bytes that weights, plans and one run may take together; 0: no limit. Exceeding it is an
  // Error, at load or at run, never an abort.
  size_t memory_limit = 0;
  // Deepest nesting of subgraphs, functions and types accepted from a file.
  int nesting_limit = 64;
  // Plans kept for different input shapes, least recently used first to go; at least 1.
  int plan_limit = 16;
  // Record a profile of every run; Session::take_profile() returns it.
  bool profiling = false;
  // Values for symbolic input dims, fixed at load: by the symbol's name, and by the denotation that
  // the model gives a dim of an input ("DATA_BATCH").
  std::map<std::string, int64_t> dim_overrides;
  std::map<std::string, int64_t> dim_overrides_by_denotation;
  // Initializers of the model's main graph that are replaced at load, by name: same dtype and
  // shape. External data is not read where all of it is replaced.
  std::map<std::string, Tensor> initializers;
  // Of them, those that a model may not have; another name that it has not is an error.
  std::set<std::string> optional_initializers;
  // Contents of external data files by the name that the model refers to them by; files that are
  // not here are read from the model's folder.
  std::map<std::string, ExternalFile> external_files;
  // Where to save the graph as rewritten for `optimization`, as an ONNX file; empty: nowhere. Above
  // kBasic it holds operators of domain "sardonyx", which only this library runs.
  std::filesystem::path optimized_model_path;
  // Called for each initializer of that file, with its name, its value, and where the loaded model
  // has these bytes when it has them outside: returns where they are, perhaps because it wrote them
  // there, or nothing for bytes that go into the file. Empty: all do, but for those that the config
  // entries `session.optimized_model_external_initializers_*` name.
  std::function<Result<std::optional<InitializerPlace>>(
      const std::string& name, const Tensor& value, const InitializerPlace* origin)>
      place_initializer;
  // Operators of the program's own that the model may use.
  std::vector<std::shared_ptr<const CustomOp>> custom_ops;
  // Passes left out by name (`sardonyx graph --passes` lists them).
  std::vector<std::string> disabled_passes;
  // Kernels that are not chosen, by name (`sardonyx plan` shows them): "winograd", whose sums round
  // differently, for one.
  std::vector<std::string> disabled_kernels;
  // Instruction set to use: "sse4", "avx2", "avx512", "amx", "amx_f32", "neon"; empty: the
  // last of these that this machine has. "amx_f32" is "amx" with large products of f32 by its tiles
  // too, as exact as multiply-adds and other in the last bits. The config entry `sardonyx.tier`
  // says the same and counts more.
  std::string tier;
  // Keys and values as ONNX Runtime's session config entries: known ones are honoured, others kept.
  // `session.set_denormal_as_zero` is "1" when it is absent: while a run computes, denormals are
  // zeros, and the floating-point state of the thread that called is back when it returns.
  std::map<std::string, std::string> config;
};

// Parameters that a run takes in the place of a model's overridable initializers or inputs of their
// names (LoRA); files are ONNX Runtime's `.onnx_adapter`.
struct SARDONYX_API Adapter {
  int32_t adapter_version = 0;
  int32_t model_version = 0;
  std::map<std::string, Tensor> parameters;

  static Result<Adapter> load(const std::filesystem::path& path);
  static Result<Adapter> load(std::span<const std::byte> bytes);  // copied
  // The file is replaced only when the new one is complete.
  Result<void> save(const std::filesystem::path& path) const;
};

// One step of a profiled run, or, where `op` and `kernel` are empty, what the session did as a
// whole: "model_loading_uri" (or "..._array"), "session_initialization", "model_run".
struct StepTime {
  std::string node;         // node name
  std::string op;           // operator
  std::string kernel;       // kernel that ran
  int64_t start_ns = 0;     // since loading the session began
  int64_t duration_ns = 0;  // with the bodies that it ran (If, Loop, ...), which come before it
  int depth = 0;            // 0: of the model's graph, 1: of a body of one of its nodes, ...
};

struct RunOptions {
  // Set to true from any thread to stop the run at the next step: Error kFail.
  const std::atomic<bool>* cancel = nullptr;
  // The run stops with an Error when this passes.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  // Their parameters are inputs of the run; an input that is given too counts, not theirs.
  std::vector<std::shared_ptr<const Adapter>> adapters;
  // The steps of this run are appended here, whether it succeeds or not; null: no profile.
  std::vector<StepTime>* profile = nullptr;
};

struct ModelInfo {
  std::string producer_name;
  std::string producer_version;
  std::string graph_name;
  std::string graph_description;
  std::string domain;
  std::string description;
  int64_t version = 0;
  int64_t ir_version = 0;
  std::vector<std::pair<std::string, int64_t>> opsets;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::string> warnings;  // odd but harmless things seen while loading
};

struct NamedValue {
  std::string name;
  Value value;
};

// A loaded model, ready to run. run() is const and may be called from many threads at once.
class SARDONYX_API Session {
 public:
  static Result<Session> load(const std::filesystem::path& path,
                              const SessionOptions& options = {});
  // The bytes are not copied: `owner` keeps them alive, or is null when the caller promises that
  // they outlive the session. External data is looked up below `folder`.
  static Result<Session> load(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                              const SessionOptions& options = {},
                              const std::filesystem::path& folder = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const std::vector<ArgInfo>& inputs() const;
  const std::vector<ArgInfo>& outputs() const;
  // Initializers that a run may replace by feeding a value of their name.
  const std::vector<ArgInfo>& overridable_initializers() const;
  const ModelInfo& model() const;
  const SessionOptions& options() const;
  int threads() const;

  // Runs with inputs by name and returns the named outputs (all, in order, when none are named).
  // Errors name the input, the dims and the symbol: unknown or missing names, wrong kind of value,
  // dtype, rank or dim.
  Result<std::vector<Value>> run(const std::vector<NamedValue>& inputs,
                                 const std::vector<std::string>& outputs = {},
                                 const RunOptions& options = {}) const;
  // The same, writing where results[i] already has a tensor of exactly the right dtype and shape
  // (the caller's memory), and setting it otherwise. results.size() == outputs.size().
  Result<void> run_into(const std::vector<NamedValue>& inputs,
                        const std::vector<std::string>& outputs, std::vector<Value>& results,
                        const RunOptions& options = {}) const;

  // The steps of the runs since the last call; empty unless SessionOptions::profiling.
  std::vector<StepTime> take_profile() const;

  struct State;
  // For the tools of this project (api/inspect.h).
  const State& state() const { return *state_; }

 private:
  explicit Session(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sardonyx
