// The f32 and f64 kernels of MatMul, Gemm and their fused form: cpu/gemm with B packed when the
// plan is made, if it is constant. Entry point: make_gemm_kernel.
#pragma once

#include "ops/fused_epilogue.h"
#include "ops/matrix_shape.h"

namespace sardonyx {

// y = epilogue(alpha * A * B + bias), A and B inputs 0 and 1.
struct Product {
  MatrixShape matrix;
  bool trans_a = false;  // the last two axes of A lie swapped in memory
  bool trans_b = false;
  double alpha = 1;
  size_t bias_input = 0;         // one number per column; 0: none
  const Tensor* bias = nullptr;  // in place of that input: a constant
  FusedEpilogue epilogue;
};

// Declines dtypes other than f32 and f64.
Result<std::unique_ptr<Kernel>> make_gemm_kernel(const KernelRequest& request,
                                                 const Product& product);

}  // namespace sardonyx
