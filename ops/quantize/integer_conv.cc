// ConvInteger: a convolution of 8-bit integers less their zero points, into int32.
// QLinearConv: the same, rescaled to 8 bits with a zero point of its own.
// sardonyx QLinearConv: all of it, channels-last when `channels_last` is 1: without scales the
// result is int32, without y_scale float32, clipped to [low, high].
#include "ops/conv_sizes.h"
#include "ops/number.h"
#include "ops/quantize/conv_s8.h"
#include "ops/quantize/quantized.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kBytes = dtype_set(DType::kInt8, DType::kUint8);

constexpr ConvInputs kConvInteger = {0, 1, -1};
constexpr ConvInputs kQLinearConv = {0, 3, 8};

Result<void> check_per_filter(const InferContext& context, size_t index, size_t weight) {
  if (!context.has_rank(index)) return {};
  const Dims& dims = context.dims(index);
  if (dims.empty() || (dims.size() == 1 && dims[0] == Dim(1))) return {};
  const Dim filters = context.has_rank(weight) ? context.dims(weight)[0] : Dim::unknown();
  const bool known = dims[0].is_constant() && filters.is_constant();
  if (dims.size() != 1 || (known && dims[0] != filters)) {
    return fail(Code::kInvalidArgument, "{} must have one number, or one per filter ({})",
                context.describe(index), filters.to_string());
  }
  return {};
}

Result<void> infer_conv_integer(InferContext& context) {
  TRY(check_one_number(context, 2));
  TRY(infer_conv(context, kConvInteger, DType::kInt32));
  return check_per_filter(context, 3, 1);
}

Result<void> infer_qlinear_conv(InferContext& context) {
  for (size_t index : {1, 2, 6, 7}) TRY(check_one_number(context, index));
  TRY(infer_conv(context, kQLinearConv, context.dtype(7)));
  TRY(check_per_filter(context, 4, 3));
  return check_per_filter(context, 5, 3);
}

// Calls fn(tag of x, tag of w).
template <class Fn>
void visit_bytes(DType x, DType w, Fn&& fn) {
  visit_dtype<int8_t, uint8_t>(x, [&](auto x_tag) {
    visit_dtype<int8_t, uint8_t>(w, [&](auto w_tag) { fn(x_tag, w_tag); });
  });
}

// store(offset, filter, exact sum).
template <class X, class W, class Store>
void run_integer_conv(const ConvSizes& conv, RunArgs& args, const ConvInputs& inputs, size_t x_zero,
                      size_t w_zero, Store store) {
  const X* x = args.inputs[static_cast<size_t>(inputs.x)].as<X>();
  const W* w = args.inputs[static_cast<size_t>(inputs.w)].as<W>();
  const int32_t x_zero_point = read_zero_point<X>(args, x_zero, 0);
  const int64_t per_filter = conv.group_channels() * conv.window.taps();
  const bool many = operand_count(args, w_zero) > 1;
  const int32_t one_zero = read_zero_point<W>(args, w_zero, 0);
  plain_conv<int64_t>(
      conv, *args.pool, [=](int64_t i) { return static_cast<int32_t>(x[i]) - x_zero_point; },
      [=, &args](int64_t i) {
        const int32_t zero = many ? read_zero_point<W>(args, w_zero, i / per_filter) : one_zero;
        return static_cast<int32_t>(w[i]) - zero;
      },
      store);
}

Result<std::unique_ptr<Kernel>> make_conv_integer(const KernelRequest& request) {
  const ConvSizes conv = TRY(read_forward_conv_sizes(request, kConvInteger));
  std::unique_ptr<Kernel> kernel;
  visit_bytes(request.inputs[0].dtype(), request.inputs[1].dtype(), [&](auto x, auto w) {
    using X = typename decltype(x)::Type;
    using W = typename decltype(w)::Type;
    kernel = make_kernel([conv](RunArgs& args) {
      int32_t* y = args.outputs[0].as<int32_t>();
      run_integer_conv<X, W>(conv, args, kConvInteger, 2, 3, [y](int64_t i, int64_t, int64_t sum) {
        y[i] = static_cast<int32_t>(sum);
      });
    });
  });
  return kernel;
}

Result<std::unique_ptr<Kernel>> make_qlinear_conv(const KernelRequest& request) {
  const ConvSizes conv = TRY(read_forward_conv_sizes(request, kQLinearConv));
  const bool is_signed = request.outputs[0].dtype() == DType::kInt8;
  std::unique_ptr<Kernel> kernel;
  visit_bytes(request.inputs[0].dtype(), request.inputs[3].dtype(), [&](auto x, auto w) {
    using X = typename decltype(x)::Type;
    using W = typename decltype(w)::Type;
    kernel = make_kernel([conv, is_signed](RunArgs& args) {
      const float x_scale = *args.inputs[1].as<float>();
      const TensorView& w_scale = args.inputs[4];
      const float y_scale = *args.inputs[6].as<float>();
      const int32_t* bias = operand_count(args, 8) > 0 ? args.inputs[8].as<int32_t>() : nullptr;
      const int32_t zero = is_signed ? *args.inputs[7].as<int8_t>() : *args.inputs[7].as<uint8_t>();
      uint8_t* y = args.outputs[0].as<uint8_t>();
      run_integer_conv<X, W>(
          conv, args, kQLinearConv, 2, 5, [=](int64_t i, int64_t filter, int64_t sum) {
            if (bias != nullptr) sum += bias[filter];
            const float scale =
                x_scale * w_scale.as<float>()[w_scale.count() > 1 ? filter : 0] / y_scale;
            y[i] = quantize_byte(static_cast<float>(sum) * scale, zero, is_signed);
          });
    });
  });
  return kernel;
}

// The output of an operator whose scales say what it is.
DType scaled_dtype(const InferContext& context, size_t x_scale, size_t y_scale, size_t y_zero) {
  if (context.has_input(y_zero)) return context.dtype(y_zero);
  if (context.has_input(y_scale)) return DType::kUint8;
  return context.has_input(x_scale) ? DType::kFloat32 : DType::kInt32;
}

Result<void> infer_fused(InferContext& context) {
  for (size_t index : {1, 2, 6, 7}) TRY(check_one_number(context, index));
  TRY(infer_conv(context, kQLinearConv, scaled_dtype(context, 1, 6, 7)));
  TRY(check_per_filter(context, 4, 3));
  return check_per_filter(context, 5, 3);
}

ScaleInputs fused_inputs() {
  ScaleInputs inputs;
  inputs.a_scale = 1;
  inputs.a_zero = 2;
  inputs.b = 3;
  inputs.b_scale = 4;
  inputs.b_zero = 5;
  inputs.y_scale = 6;
  inputs.y_zero = 7;
  inputs.bias = 8;
  return inputs;
}

Result<std::unique_ptr<Kernel>> make_fused(const KernelRequest& request) {
  return make_conv_s8(request, fused_inputs(), TRY(read_forward_conv_sizes(request, kQLinearConv)));
}

// The same by plain loops, for what the kernel declines.
Result<std::unique_ptr<Kernel>> make_fused_reference(const KernelRequest& request) {
  const ConvSizes conv = TRY(read_forward_conv_sizes(request, kQLinearConv));
  const ScaleInputs inputs = fused_inputs();
  const ScaledOutput output = TRY(ScaledOutput::read(request, inputs, conv.filters));
  std::unique_ptr<Kernel> kernel;
  visit_bytes(request.inputs[0].dtype(), request.inputs[3].dtype(), [&](auto x, auto w) {
    using X = typename decltype(x)::Type;
    using W = typename decltype(w)::Type;
    kernel = make_kernel([conv, output](RunArgs& args) {
      std::vector<float> scales(static_cast<size_t>(conv.filters));
      output.write_scales(args, scales.data());
      const OutputS8 finish = output.describe(args);
      const int32_t* bias = output.int_bias(args);
      const float* float_bias = output.float_bias(args);
      void* y = args.outputs[0].data;
      run_integer_conv<X, W>(
          conv, args, kQLinearConv, 2, 5, [&, y](int64_t i, int64_t filter, int64_t sum) {
            const auto exact = static_cast<int32_t>(sum + (bias == nullptr ? 0 : bias[filter]));
            const float more = float_bias == nullptr ? 0 : float_bias[filter];
            store_finished(finish, exact, scales[static_cast<size_t>(filter)], more, y, i);
          });
    });
  });
  return kernel;
}

OpDef integer_conv_op() {
  OpDef op;
  op.versions = {10};
  op.attrs = window_attrs(false);
  op.attrs.push_back(int_attr("group", 1));
  return op;
}

}  // namespace

OpDef op_ConvInteger() {
  OpDef op = integer_conv_op();
  op.inputs = {{"x", "T1", kBytes},
               {"w", "T2", kBytes},
               {"x_zero_point", "T1", kBytes, Form::kOptional},
               {"w_zero_point", "T2", kBytes, Form::kOptional}};
  op.outputs = {{"y", "T3", dtype_set(DType::kInt32)}};
  op.infer = infer_conv_integer;
  op.kernels = {{"reference", make_conv_integer}};
  return op;
}

OpDef op_QLinearConv() {
  constexpr DTypeSet kScale = dtype_set(DType::kFloat32);
  OpDef op = integer_conv_op();
  op.inputs = {{"x", "T1", kBytes},
               {"x_scale", "", kScale},
               {"x_zero_point", "T1", kBytes},
               {"w", "T2", kBytes},
               {"w_scale", "", kScale},
               {"w_zero_point", "T2", kBytes},
               {"y_scale", "", kScale},
               {"y_zero_point", "T3", kBytes},
               {"B", "T4", dtype_set(DType::kInt32), Form::kOptional}};
  op.outputs = {{"y", "T3", kBytes}};
  op.infer = infer_qlinear_conv;
  op.kernels = {{"reference", make_qlinear_conv}};
  return op;
}

OpDef op_FusedQLinearConv() {
  constexpr DTypeSet kScale = dtype_set(DType::kFloat32);
  OpDef op = integer_conv_op();
  op.versions = {1};
  op.inputs = {{"x", "T1", kBytes},
               {"x_scale", "", kScale, Form::kOptional},
               {"x_zero_point", "T1", kBytes, Form::kOptional},
               {"w", "T2", kBytes},
               {"w_scale", "", kScale, Form::kOptional},
               {"w_zero_point", "T2", kBytes, Form::kOptional},
               {"y_scale", "", kScale, Form::kOptional},
               {"y_zero_point", "", kBytes, Form::kOptional},
               {"B", "", dtype_set(DType::kInt32, DType::kFloat32), Form::kOptional}};
  op.outputs = {{"y", "", kBytes | dtype_set(DType::kInt32, DType::kFloat32)}};
  op.attrs.push_back(int_attr("channels_last", 0));
  op.attrs.push_back(float_attr("low", -std::numeric_limits<float>::infinity()));
  op.attrs.push_back(float_attr("high", std::numeric_limits<float>::infinity()));
  op.infer = infer_fused;
  op.kernels = {{"s8", make_fused}, {"reference", make_fused_reference}};
  return op;
}

}  // namespace sardonyx
