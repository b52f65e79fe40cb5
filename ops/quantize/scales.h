// ScaleInputs: which inputs of a quantized operator are scales and zero points, and what the 8-bit
// kernels make of them in a run: a factor per column, bounds, zero points as int32.
#pragma once

#include <vector>

#include "cpu/gemm_s8.h"
#include "ops/kernel.h"

namespace sardonyx {

// Of a product A * B (or a convolution of A with weights B): input indices, -1 where the operator
// has none. Without a_scale and b_scale the result is int32, without y_scale float32.
struct ScaleInputs {
  int a = 0, a_scale = -1, a_zero = -1;
  int b = 1, b_scale = -1, b_zero = -1;
  int y_scale = -1, y_zero = -1;
  int bias = -1;  // int32 in units of both scales, or float32 where the result is
};

// Whether operand `index` (or -1) of the request is there.
inline bool has_operand(const KernelRequest& request, int index) {
  return index >= 0 && request.has_input(static_cast<size_t>(index));
}

// An 8-bit operand and its zero points, as known when the plan is made.
class BytesOperand {
 public:
  // Declines unless the zero points are one, or one per line of `lines`.
  static Result<BytesOperand> read(const KernelRequest& request, int data, int zero, int64_t lines);

  int64_t zero_count() const { return zero_count_; }
  bool is_signed() const { return is_signed_; }
  size_t workspace_bytes() const;
  // With zero points widened into `space`. `data` is at the matrix wanted.
  BytesMatrix bind(const void* data, const void* zeros, int32_t* space) const;

 private:
  bool is_signed_ = false;
  int64_t zero_count_ = 0;
};

// What becomes of the sums of a node: the type of its result, and its scales.
class ScaledOutput {
 public:
  // columns: of B, or filters. Declines what only the reference does.
  static Result<ScaledOutput> read(const KernelRequest& request, const ScaleInputs& inputs,
                                   int64_t columns);

  // Factors per column, unspread, into space[0, columns).
  void write_scales(const RunArgs& args, float* space) const;
  // The output without scales, bias and place.
  OutputS8 describe(const RunArgs& args) const;
  ResultS8 result() const { return result_; }
  // The bias as int32, null where there is none or it is float.
  const int32_t* int_bias(const RunArgs& args) const;
  const float* float_bias(const RunArgs& args) const;

 private:
  ScaleInputs inputs_;
  ResultS8 result_ = ResultS8::kInt32;
  int64_t columns_ = 0;
  bool float_bias_ = false;
  float alpha_ = 1;
  float low_ = 0, high_ = 0;  // attributes: bounds of the result
};

}  // namespace sardonyx
