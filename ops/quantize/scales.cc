#include "ops/quantize/scales.h"

#include <cmath>

namespace sardonyx {
namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

const TensorView* operand(const RunArgs& args, int index) {
  if (index < 0 || static_cast<size_t>(index) >= args.inputs.size()) return nullptr;
  const TensorView& view = args.inputs[static_cast<size_t>(index)];
  return view.data == nullptr ? nullptr : &view;
}

Result<void> check_float_scale(const KernelRequest& request, int index, int64_t columns) {
  if (!has_operand(request, index)) return {};
  const Operand& scale = request.inputs[static_cast<size_t>(index)];
  if (scale.dtype() != DType::kFloat32) return decline("a scale is not float32");
  if (!scale.is_concrete()) return decline("the shape of a scale is not known");
  const int64_t count = scale.shape().count();
  if (count != 1 && count != columns) return decline("a scale is neither one nor one per column");
  return {};
}

}  // namespace

Result<BytesOperand> BytesOperand::read(const KernelRequest& request, int data, int zero,
                                        int64_t lines) {
  BytesOperand operand;
  const DType dtype = request.inputs[static_cast<size_t>(data)].dtype();
  if (dtype != DType::kInt8 && dtype != DType::kUint8) {
    return decline("{} is not an 8-bit integer", dtype_name(dtype));
  }
  operand.is_signed_ = dtype == DType::kInt8;
  if (!has_operand(request, zero)) return operand;
  const Operand& zeros = request.inputs[static_cast<size_t>(zero)];
  if (!zeros.is_concrete()) return decline("the shape of a zero point is not known");
  operand.zero_count_ = zeros.shape().count();
  if (operand.zero_count_ > 1 && operand.zero_count_ != lines) {
    return decline("zero points differ by matrix");
  }
  return operand;
}

size_t BytesOperand::workspace_bytes() const {
  return aligned(static_cast<size_t>(zero_count_) * sizeof(int32_t));
}

BytesMatrix BytesOperand::bind(const void* data, const void* zeros, int32_t* space) const {
  BytesMatrix matrix;
  matrix.data = data;
  matrix.is_signed = is_signed_;
  if (zero_count_ == 0 || zeros == nullptr) return matrix;
  const BytesMatrix bytes{zeros, is_signed_, nullptr, false};
  for (int64_t i = 0; i < zero_count_; ++i) space[i] = bytes.at(i);
  matrix.zero_points = space;
  matrix.zero_point_per_line = zero_count_ > 1;
  return matrix;
}

Result<ScaledOutput> ScaledOutput::read(const KernelRequest& request, const ScaleInputs& inputs,
                                        int64_t columns) {
  ScaledOutput output;
  output.inputs_ = inputs;
  output.columns_ = columns;
  switch (request.outputs[0].dtype()) {
    case DType::kInt32:
      output.result_ = ResultS8::kInt32;
      break;
    case DType::kFloat32:
      output.result_ = ResultS8::kFloat32;
      break;
    case DType::kInt8:
      output.result_ = ResultS8::kInt8;
      break;
    case DType::kUint8:
      output.result_ = ResultS8::kUint8;
      break;
    default:
      return decline("no {} result", dtype_name(request.outputs[0].dtype()));
  }
  TRY(check_float_scale(request, inputs.a_scale, 1));
  TRY(check_float_scale(request, inputs.b_scale, columns));
  TRY(check_float_scale(request, inputs.y_scale, 1));
  if (has_operand(request, inputs.bias)) {
    const Operand& bias = request.inputs[static_cast<size_t>(inputs.bias)];
    if (!bias.is_concrete() || bias.shape().count() != columns) {
      return decline("the bias is not one number per column");
    }
    output.float_bias_ = bias.dtype() == DType::kFloat32;
    if (output.float_bias_ && output.result_ != ResultS8::kFloat32) {
      return decline("a float bias with a quantized result");
    }
  }
  const AttrMap& attrs = request.node.attrs;
  output.alpha_ = attrs.get_float("alpha", 1);
  output.low_ = attrs.get_float("low", -std::numeric_limits<float>::infinity());
  output.high_ = attrs.get_float("high", std::numeric_limits<float>::infinity());
  return output;
}

void ScaledOutput::write_scales(const RunArgs& args, float* space) const {
  const TensorView* a = operand(args, inputs_.a_scale);
  const TensorView* b = operand(args, inputs_.b_scale);
  const TensorView* y = operand(args, inputs_.y_scale);
  const float first = a == nullptr ? 1.0f : *a->as<float>();
  const bool per_column = b != nullptr && b->count() > 1;
  const float divisor = y == nullptr ? 1.0f : *y->as<float>();
  for (int64_t i = 0; i < columns_; ++i) {
    const float second = b == nullptr ? 1.0f : b->as<float>()[per_column ? i : 0];
    space[i] = alpha_ * (first * second) / divisor;
  }
}

OutputS8 ScaledOutput::describe(const RunArgs& args) const {
  OutputS8 output;
  output.result = result_;
  output.low = low_;
  output.high = high_;
  if (result_ == ResultS8::kInt32 || result_ == ResultS8::kFloat32) return output;
  if (const TensorView* zero = operand(args, inputs_.y_zero)) {
    output.zero = result_ == ResultS8::kInt8 ? *zero->as<int8_t>() : *zero->as<uint8_t>();
  }
  saturate_s8(output);
  const TensorView* scale = operand(args, inputs_.y_scale);
  const float unit = scale == nullptr ? 1.0f : *scale->as<float>();
  output.low = std::max(output.low, low_ / unit);
  output.high = std::min(output.high, high_ / unit);
  return output;
}

const int32_t* ScaledOutput::int_bias(const RunArgs& args) const {
  const TensorView* bias = operand(args, inputs_.bias);
  return bias == nullptr || float_bias_ ? nullptr : bias->as<int32_t>();
}

const float* ScaledOutput::float_bias(const RunArgs& args) const {
  const TensorView* bias = operand(args, inputs_.bias);
  return bias == nullptr || !float_bias_ ? nullptr : bias->as<float>();
}

}  // namespace sardonyx
