// Weights as numbers of 2, 4 or 8 bits, of which a block shares a scale: what MatMulNBits,
// DequantizeLinear and MatMulBnb4 read. Numbers, scales and zero points have the bits that ONNX
// Runtime's functions of these names give, so that tools write the same models with either.
#pragma once

#include "base/result.h"
#include "base/tensor.h"

namespace sardonyx {

// A block is so many values of one column, one below the other. Symmetric: all zero points are
// half the range (signed numbers: 0), and none are written.
struct BlockQuantization {
  int bits = 4;
  int64_t block = 32;
  bool symmetric = true;
};

// Where results go: `scales` has the dtype of the weights, the others bytes. Arrays may have more
// elements than are needed; bits past the last number stay as they are, but in MatMulNBits's
// numbers, where the rest of the last byte has what the number before left there.
struct QuantizedWeights {
  Tensor numbers;
  Tensor scales;
  Tensor zero_points;
};

// weights: [depth, columns], f32 or f16. For MatMulNBits: numbers [columns, blocks, bytes of a
// block], scales [columns, blocks], zero points [columns, bytes of a column]; bits are 2, 4 or 8.
Result<void> quantize_columns(const Tensor& weights, const BlockQuantization& how,
                              const QuantizedWeights& results);

// For DequantizeLinear on axis 0: numbers in the order of the weights, signed where symmetric,
// scales and zero points [blocks, columns]; bits are 2 or 4.
Result<void> quantize_in_order(const Tensor& weights, const BlockQuantization& how,
                               const QuantizedWeights& results);

enum class FourBitCode { kFp4 = 0, kNf4 = 1 };

// For MatMulBnb4: the nearest values of a table, the first of two in the high bits; scales hold the
// largest magnitude of each block of consecutive weights.
Result<void> quantize_to_table(const Tensor& weights, FourBitCode code, int64_t block,
                               const QuantizedWeights& results);

}  // namespace sardonyx
