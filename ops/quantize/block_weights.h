// BlockWeights: a weight matrix [rows, depth] stored in 2, 4 or 8 bits, blocks of which share a
// scale and a zero point: which number an element is. Entry points: BlockWeights::decode, dot.
#pragma once

#include <cstdint>
#include <vector>

#include "cpu/nbits.h"

namespace sardonyx {

struct BlockWeights {
  int64_t rows = 0, depth = 0;
  int bits = 4;
  int64_t block_size = 0;
  bool high_first = false;  // the first of two 4-bit codes is in the upper half of its byte
  // Blocks count through the whole matrix, rows following one another; else each row has its own.
  bool flat = false;
  std::vector<float> table;  // [1 << bits]: what a code means before zero point and scale

  const uint8_t* codes = nullptr;
  const float* scales = nullptr;
  const float* zeros = nullptr;       // one per block; null: 0
  const int32_t* block_of = nullptr;  // [depth]: which block of its row; null: depth / block_size
  const NBitsKernels* kernels = nullptr;

  int64_t blocks_per_row() const { return (depth + block_size - 1) / block_size; }
  int64_t row_bytes() const { return blocks_per_row() * block_size * bits / 8; }

  // dst[0, depth): row `row` in f32.
  void decode(int64_t row, float* dst) const;
  // Whether dot() takes these weights.
  bool can_dot() const;
  int64_t sorted_count() const { return blocks_per_row() * block_size; }
  // A vector of `depth` elements as dot() wants it.
  void sort(const float* src, float* space, float* dst) const;
  float dot(int64_t row, const float* sorted) const;
  NBitsRow row(int64_t row) const;

 private:
  int code(int64_t row, int64_t at) const;
};

}  // namespace sardonyx
