// Scales and zero points of the integer convolutions and matrix products: checks, reading, and the
// rounding back to 8 bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cpu/gemm_s8.h"
#include "ops/op.h"

namespace sardonyx {

// An error unless input `index` is omitted, unknown, or has exactly one element.
Result<void> check_one_number(const InferContext& context, size_t index);

// Elements of an operand; 0 when it is omitted.
inline int64_t operand_count(const RunArgs& args, size_t index) {
  if (index >= args.inputs.size() || args.inputs[index].data == nullptr) return 0;
  return args.inputs[index].count();
}

template <class T>
int32_t read_zero_point(const RunArgs& args, size_t index, int64_t at) {
  return operand_count(args, index) == 0 ? 0 : args.inputs[index].as<T>()[at];
}

// round(x) + zero, halves to even, saturated; the bits of an int8 or uint8.
inline uint8_t quantize_byte(float x, int32_t zero, bool is_signed) {
  const float low = is_signed ? -128.0f : 0.0f;
  const float high = is_signed ? 127.0f : 255.0f;
  const float shifted = std::nearbyint(x) + static_cast<float>(zero);
  if (!(shifted >= low)) return static_cast<uint8_t>(static_cast<int32_t>(low));
  return static_cast<uint8_t>(static_cast<int32_t>(std::min(shifted, high)));
}

// One sum finished as OutputS8 says, stored as element `at`.
inline void store_finished(const OutputS8& output, int32_t sum, float scale, float bias, void* dst,
                           int64_t at) {
  if (output.result == ResultS8::kInt32) {
    static_cast<int32_t*>(dst)[at] = sum;
    return;
  }
  const float y = static_cast<float>(sum) * scale;
  if (output.result == ResultS8::kFloat32) {
    static_cast<float*>(dst)[at] = std::clamp(y + bias, output.low, output.high);
    return;
  }
  static_cast<uint8_t*>(dst)[at] = quantize_byte(std::clamp(y, output.low, output.high),
                                                 output.zero, output.result == ResultS8::kInt8);
}

}  // namespace sardonyx
