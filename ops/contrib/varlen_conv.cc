// com.microsoft VarlenCausalConvWithState: a depthwise convolution that sees only the past, over
// sequences that lie end to end, each with a state of its own: what was before it.
#include <cmath>

#include "ops/cells.h"
#include "ops/contrib/sequences.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
constexpr size_t kInput = 0, kWeight = 1, kBounds = 2, kBias = 3, kState = 4, kCaptures = 5;

Result<bool> has_silu(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("activation");
  if (name == "none") return false;
  if (name == "silu" || name == "swish") return true;
  return fail(Code::kInvalidGraph, "activation is '{}', expected silu, swish or none", name);
}

Result<void> infer(InferContext& context) {
  const AttrMap& attrs = context.attrs();
  TRY(has_silu(attrs));
  const int64_t dilation = attrs.get_int("dilation");
  if (dilation < 1) {
    return fail(Code::kInvalidGraph, "dilation is {}, expected 1 or more", dilation);
  }
  TRY(check_captures(context, kCaptures));
  TRY(expect_rank(context, kInput, 2));
  TRY(expect_rank(context, kWeight, 3));
  TRY(expect_rank(context, kBounds, 1));
  TRY(expect_rank(context, kBias, 1));
  TRY(expect_rank(context, kState, 3));
  TRY(expect_rank(context, kCaptures, 1));
  Dims input = context.has_rank(kInput) ? context.dims(kInput) : Dims(2, Dim::unknown());
  Dims state(3, Dim::unknown());
  if (context.has_rank(kBounds) && context.dims(kBounds)[0].is_constant()) {
    state[0] = context.dims(kBounds)[0] - 1;
  }
  if (context.has_rank(kWeight)) {
    const Dims& weight = context.dims(kWeight);
    input[1] = TRY(same_dim(input[1], weight[0], "the channels of input and weight"));
    TRY(same_dim(weight[1], Dim(1), "dim 1 of the depthwise weight, which is 1,"));
    if (weight[2] == Dim(0)) {
      return fail(Code::kInvalidArgument, "{} has an empty kernel", context.describe(kWeight));
    }
    if (weight[2].is_constant()) state[2] = Dim((weight[2].value() - 1) * dilation);
  }
  if (context.has_rank(kBias)) {
    input[1] = TRY(same_dim(input[1], context.dims(kBias)[0], "the channels of input and bias"));
  }
  if (context.has_rank(kState)) {
    const Dims& given = context.dims(kState);
    state[0] = TRY(same_dim(state[0], given[0], "the sequences and those of initial_state"));
    input[1] = TRY(same_dim(input[1], given[1], "the channels of input and initial_state"));
    state[2] = TRY(same_dim(state[2], given[2], "(k - 1) * dilation and initial_state's length"));
  }
  if (context.has_rank(kCaptures)) {
    TRY(same_dim(state[0], context.dims(kCaptures)[0], "the sequences and capture_count"));
  }
  state[1] = input[1];
  context.set_output(2, context.dtype(kInput),
                     {state[0], Dim(attrs.get_int("state_update_capacity")), input[1]});
  context.set_output(1, context.dtype(kInput), std::move(state));
  context.set_output(0, context.dtype(kInput), std::move(input));
  return {};
}

struct VarlenConv {
  int64_t tokens, channels, taps, dilation, capacity;
  bool silu;

  int64_t tail() const { return (taps - 1) * dilation; }

  // One channel of one sequence: `line` has room for its state and itself, one after the other.
  template <class T>
  void run_channel(const RunArgs& args, const Range& range, int64_t item, int64_t channel,
                   std::span<const TensorView> dst, double* line) const {
    const T* input = args.inputs[kInput].as<T>() + range.begin * channels + channel;
    const T* state = args.inputs[kState].as<T>() + (item * channels + channel) * tail();
    const T* weight = args.inputs[kWeight].as<T>() + channel * taps;
    const T* bias = args.inputs[kBias].as<T>();
    for (int64_t i = 0; i < tail(); ++i) line[i] = widen(state[i]);
    for (int64_t i = 0; i < range.count(); ++i) line[tail() + i] = widen(input[i * channels]);
    for (int64_t i = 0; i < range.count() && dst[0].data != nullptr; ++i) {
      double sum = bias == nullptr ? 0 : static_cast<double>(widen(bias[channel]));
      for (int64_t j = 0; j < taps; ++j) sum += widen(weight[j]) * line[i + j * dilation];
      if (silu) sum /= 1 + std::exp(-sum);
      dst[0].as<T>()[(range.begin + i) * channels + channel] = narrow<T>(sum);
    }
    if (dst[1].data != nullptr) {
      T* last = dst[1].as<T>() + (item * channels + channel) * tail();
      for (int64_t i = 0; i < tail(); ++i) last[i] = narrow<T>(line[range.count() + i]);
    }
    if (dst[2].data == nullptr) return;
    const int64_t captured = captured_count(args, kCaptures, item, capacity, range.count());
    for (int64_t slot = 0; slot < capacity; ++slot) {
      dst[2].as<T>()[(item * capacity + slot) * channels + channel] =
          slot < captured ? input[slot * channels] : narrow<T>(0);
    }
  }
};

Result<std::unique_ptr<Kernel>> make_conv(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const Shape input = request.inputs[kInput].shape();
  const int64_t taps = request.inputs[kWeight].shape()[2];
  const VarlenConv conv{input[0],
                        input[1],
                        taps,
                        attrs.get_int("dilation"),
                        attrs.get_int("state_update_capacity"),
                        TRY(has_silu(attrs))};
  return make_kernel([conv](RunArgs& args) {
    const Ranges ranges = packed_ranges(args, kBounds, conv.tokens);
    if (args.failed()) return;
    TensorView dst[3];
    for (size_t i = 0; i < args.outputs.size() && i < 3; ++i) dst[i] = args.outputs[i];
    const auto rows = static_cast<int64_t>(ranges.size()) * conv.channels;
    const int64_t work = (conv.tokens / std::max<int64_t>(1, rows) + conv.tail()) * conv.taps * 8;
    visit_float(args.inputs[kInput].dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, rows, work, [&](int64_t first, int64_t last) {
        std::vector<double> line(static_cast<size_t>(conv.tokens + conv.tail()));
        for (int64_t row = first; row < last; ++row) {
          const int64_t item = row / conv.channels;
          conv.run_channel<T>(args, ranges[static_cast<size_t>(item)], item, row % conv.channels,
                              dst, line.data());
        }
      });
    });
  });
}

}  // namespace

OpDef op_VarlenCausalConvWithState() {
  const DTypeSet i32 = dtype_set(DType::kInt32);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"input", "T", kTypes},
               {"weight", "T", kTypes},
               {"cumulative_sequence_length", "M", i32},
               {"bias", "T", kTypes, Form::kOptional},
               {"initial_state", "T", kTypes},
               {"capture_count", "M", i32, Form::kOptional}};
  op.outputs = {{"output", "T", kTypes},
                {"final_state", "T", kTypes},
                {"state_update", "T", kTypes, Form::kOptional}};
  op.attrs = {string_attr("activation", "none"), int_attr("dilation", 1),
              int_attr("state_update_capacity", 0)};
  op.infer = infer;
  op.kernels = {{"reference", make_conv}};
  return op;
}

}  // namespace sardonyx
