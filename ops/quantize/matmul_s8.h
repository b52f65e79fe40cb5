// The 8-bit matrix product through cpu/gemm_s8, for MatMulInteger, QLinearMatMul and their kin.
// Entry point: make_matmul_s8.
#pragma once

#include "ops/matrix_shape.h"
#include "ops/quantize/scales.h"

namespace sardonyx {

// trans_b: matrices of B are stored transposed. Declines what cpu/gemm_s8 does not do.
Result<std::unique_ptr<Kernel>> make_matmul_s8(const KernelRequest& request,
                                               const ScaleInputs& inputs, bool trans_b = false);

}  // namespace sardonyx
