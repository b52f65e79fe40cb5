// CausalConvWithState: a depthwise 1-D convolution that sees only the past; what a later call
// needs of it is handed on as the state, the last k - 1 positions.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);

Result<bool> has_silu(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("activation");
  if (name == "none") return false;
  if (name == "silu" || name == "swish") return true;
  return fail(Code::kInvalidArgument, "activation is '{}', expected silu, swish or none", name);
}

Result<void> infer_causal_conv(InferContext& context) {
  TRY(has_silu(context.attrs()));
  for (size_t i : {0, 1, 3}) TRY(expect_rank(context, i, 3));
  TRY(expect_rank(context, 2, 1));
  Dims dims = context.has_rank(0) ? context.dims(0) : unknown_dims(3);
  Dim tail = Dim::unknown();  // k - 1
  if (context.has_rank(1)) {
    const Dims& weight = context.dims(1);
    dims[1] = TRY(same_dim(dims[1], weight[0], "the channels of input and weight"));
    TRY(same_dim(weight[1], Dim(1), "dim 1 of the depthwise weight, which is 1,"));
    if (weight[2] == Dim(0)) {
      return fail(Code::kInvalidArgument, "{} has an empty kernel", context.describe(1));
    }
    if (!weight[2].is_unknown()) tail = weight[2] - 1;
  }
  if (context.has_rank(2)) {
    dims[1] = TRY(same_dim(dims[1], context.dims(2)[0], "the channels of input and bias"));
  }
  if (context.has_rank(3)) {
    const Dims& past = context.dims(3);
    dims[0] = TRY(same_dim(dims[0], past[0], "the batch of input and past_state"));
    dims[1] = TRY(same_dim(dims[1], past[1], "the channels of input and past_state"));
    tail = TRY(same_dim(tail, past[2], "k - 1 and the length of past_state"));
  }
  if (context.output_count() > 1) context.set_output(1, context.dtype(0), {dims[0], dims[1], tail});
  set_like_input(context, std::move(dims));
  return {};
}

struct CausalConv {
  int64_t channels, length, kernel;
  bool silu;

  // One channel of one sample: `line` has room for the past and the input, one after the other.
  template <class T>
  void run_channel(const RunArgs& args, int64_t row, T* dst, T* state, double* line) const {
    const int64_t tail = kernel - 1;
    const int64_t channel = row % channels;
    const auto input = [&](size_t i) {
      return i < args.inputs.size() ? args.inputs[i].as<const T>() : nullptr;
    };
    const T* past = input(3);
    for (int64_t i = 0; i < tail; ++i) line[i] = past ? widen(past[row * tail + i]) : 0;
    for (int64_t i = 0; i < length; ++i) line[tail + i] = widen(input(0)[row * length + i]);
    const T* weight = input(1) + channel * kernel;
    const double bias = input(2) == nullptr ? 0 : static_cast<double>(widen(input(2)[channel]));
    for (int64_t i = 0; i < length && dst != nullptr; ++i) {
      double sum = bias;
      for (int64_t j = 0; j < kernel; ++j) sum += widen(weight[j]) * line[i + j];
      if (silu) sum /= 1 + std::exp(-sum);
      dst[row * length + i] = narrow<T>(sum);
    }
    for (int64_t i = 0; i < tail && state != nullptr; ++i) {
      state[row * tail + i] = narrow<T>(line[length + i]);
    }
  }
};

Result<std::unique_ptr<Kernel>> make_causal_conv(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.inputs[0].shape();
  const int64_t kernel = request.inputs[1].shape()[2];
  const CausalConv conv{shape[1], shape[2], kernel, TRY(has_silu(request.node.attrs))};
  const bool wanted[2] = {request.has_output(0), request.has_output(1)};
  return make_kernel([=](RunArgs& args) {
    const DType dtype = args.inputs[0].dtype;
    TensorView dst, state;
    if (wanted[0]) dst = args.allocate(0, dtype, shape);
    if (wanted[1]) state = args.allocate(1, dtype, {shape[0], shape[1], kernel - 1});
    if (args.failed()) return;
    visit_float(dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const int64_t work = (conv.length + kernel) * kernel * 4;
      parallel_ranges(args.pool, shape[0] * shape[1], work, [&](int64_t first, int64_t last) {
        std::vector<double> line(static_cast<size_t>(conv.length + kernel - 1));
        for (int64_t row = first; row < last; ++row) {
          conv.run_channel<T>(args, row, dst.as<T>(), state.as<T>(), line.data());
        }
      });
    });
  });
}

}  // namespace

OpDef op_CausalConvWithState() {
  OpDef op;
  op.versions = {27};
  op.inputs = {{"input", "T", kTypes},
               {"weight", "T", kTypes},
               {"bias", "T", kTypes, Form::kOptional},
               {"past_state", "T", kTypes, Form::kOptional}};
  op.outputs = {{"output", "T", kTypes}, {"present_state", "T", kTypes}};
  op.attrs = {string_attr("activation", "none")};
  op.infer = infer_causal_conv;
  op.kernels = {{"reference", make_causal_conv}};
  return op;
}

}  // namespace sardonyx
