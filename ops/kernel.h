// Kernel: one prepared computation: everything decided, weights packed. Made at plan time for
// concrete shapes by a KernelCandidate, which may decline with a reason; run() only computes.
// Entry points: Kernel, KernelRequest, RunArgs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "base/thread_pool.h"
#include "base/value.h"
#include "cpu/tier.h"
#include "graph/graph.h"
#include "ops/static_text.h"

namespace sardonyx {

// Keeps what is derived from constant weights (packed panels, folded tables), so that the plans of
// a session and sessions of one model share it. Thread-safe.
class WeightCache {
 public:
  // The buffer made for (source bytes, tag), calling make() the first time. `tag` says layout,
  // tier and parameters. The cache keeps `source` alive; its bytes may leave memory between calls
  // of make() (base/rebuilt.h).
  std::shared_ptr<void> get(const Tensor& source, const std::string& tag,
                            const std::function<std::shared_ptr<void>()>& make);
  // A 64-byte aligned buffer for make() to return.
  static std::shared_ptr<void> allocate(size_t bytes);
  WeightCache();
  ~WeightCache();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Runs the body of If, Loop or Scan; implemented by plan/.
class GraphRunner {
 public:
  virtual ~GraphRunner() = default;
  virtual Result<std::vector<Value>> run(std::span<const Value> inputs,
                                         std::span<const Value> captures) const = 0;
  virtual size_t input_count() const = 0;
  virtual size_t output_count() const = 0;
};

// One operand at plan time.
struct Operand {
  ValueType type;  // kUnknown kind: omitted
  // Its bytes when they are known and stay as they are. A tensor that some kernel takes through
  // WeightCache::get is to be read within its make() only, or in runs (Kernel::reads).
  const Tensor* constant = nullptr;

  bool present() const { return type.kind != ValueType::Kind::kUnknown; }
  bool is_concrete() const { return type.is_concrete(); }
  DType dtype() const { return type.dtype; }
  Shape shape() const { return to_shape(*type.dims); }  // only when is_concrete()
};

struct KernelRequest {
  const Node& node;
  std::span<const Operand> inputs;
  std::span<const Operand> outputs;  // shapes unknown where they depend on data
  Tier tier;
  int threads;
  WeightCache& weights;
  // Runners of the node's subgraphs by attribute name.
  std::function<std::shared_ptr<GraphRunner>(std::string_view attr)> runner;
  // Products of f32 matrices may round their operands to bf16.
  bool bf16_products = false;

  bool has_input(size_t index) const { return index < inputs.size() && inputs[index].present(); }
  bool has_output(size_t index) const { return index < outputs.size() && outputs[index].present(); }
};

// What a kernel gets when it runs. Omitted operands have data == nullptr and dtype kUndefined.
struct RunArgs {
  std::span<const TensorView> inputs;
  std::span<TensorView> outputs;  // ready to be written unless the shape depends on data
  // Set for operands that are not plain planned tensors (sequences, maps, optionals, results whose
  // shape depends on data), else null. A kernel stores such an output with set_value or allocate.
  std::span<const Value* const> input_values;
  std::span<Value* const> output_values;
  void* workspace = nullptr;  // workspace_bytes() bytes, 64-byte aligned, contents undefined
  ThreadPool* pool = nullptr;
  Error* error = nullptr;  // where report() puts the first error; one per run

  // The operand as a Value: what it was given as, or a wrapper of the planned tensor, which is
  // valid during this step only.
  Value input_value(size_t index) const;
  // Memory for an output whose shape depends on data; the planned memory otherwise.
  TensorView allocate(size_t index, DType dtype, const Shape& shape);
  void set_value(size_t index, Value value);
  // Only data can be at fault here (an index out of range, ...); the run stops after this step.
  void report(Code code, std::string message);
  bool failed() const { return error->code != Code::kOk; }
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual void run(RunArgs& args) const = 0;
  virtual size_t workspace_bytes() const { return 0; }
  // True when output `output` may be written over input `input`, which nobody reads later.
  virtual bool can_overwrite(size_t /*input*/, size_t /*output*/) const { return false; }
  // Whether rows of an operand, of `row` elements, may begin further apart than they are long, as
  // they do where it lies inside of a wider tensor (plan/in_place.h). How far, in elements, is said
  // before the first run.
  virtual bool takes_stride(size_t /*input*/, int64_t /*row*/) const { return false; }
  virtual bool gives_stride(size_t /*output*/, int64_t /*row*/) const { return false; }
  virtual void set_input_stride(size_t /*input*/, int64_t /*stride*/) {}
  virtual void set_output_stride(size_t /*output*/, int64_t /*stride*/) {}
  // Whether run() looks at the elements of this input; not when they are constant and packed.
  virtual bool reads(size_t /*input*/) const { return true; }
  // Floating-point (or integer) operations and bytes of weights touched per run, for the roofline;
  // 0 where the operand sizes say it all.
  virtual double flops() const { return 0; }
};

// A way to compute an operator. make() declines with Code::kNotImplemented and a reason, which
// `sardonyx plan` prints; any other error is the user's (an illegal attribute, a bad shape).
struct KernelCandidate {
  StaticText name;  // "gemm", "indirect gemm", "reference"
  Result<std::unique_ptr<Kernel>> (*make)(const KernelRequest&) = nullptr;
};

// A kernel from a callable `void(RunArgs&)`, for simple operators.
// Cold: what makes kernels is compiled for size, not so what they run.
template <class Fn>
[[gnu::cold]] std::unique_ptr<Kernel> make_kernel(Fn fn, size_t workspace_bytes = 0) {
  class FnKernel final : public Kernel {
   public:
    FnKernel(Fn fn, size_t bytes) : fn_(std::move(fn)), bytes_(bytes) {}
    void run(RunArgs& args) const override { fn_(args); }
    size_t workspace_bytes() const override { return bytes_; }

   private:
    Fn fn_;
    size_t bytes_;
  };
  return std::make_unique<FnKernel>(std::move(fn), workspace_bytes);
}

// The Error with which a candidate declines.
template <class... Args>
[[gnu::cold]] tl::unexpected<Error> decline(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Code::kNotImplemented, format, std::forward<Args>(args)...);
}

}  // namespace sardonyx
