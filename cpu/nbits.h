// nbits: dot products with rows of weights that are stored in 4 bits, blocks of which share a scale
// and a zero point. The codes look up a table of 16 numbers. Entry point: nbits_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

// One row of weights: weight k of block b is (table[code] - zeros[b]) * scales[b].
struct NBitsRow {
  const uint8_t* codes = nullptr;  // two in a byte, the first one in the low half
  const float* scales = nullptr;   // [blocks]
  const float* zeros = nullptr;    // [blocks]; null: 0
  int64_t blocks = 0;
  int64_t block_size = 0;  // a multiple of 32
};

struct NBitsKernels {
  // The dot product of a row with a vector whose elements are sorted by `sort`.
  float (*dot)(const NBitsRow& row, const float* table, const float* sorted);
  // dst[0, count): every 32 elements, those at even places before those at odd ones. count is a
  // multiple of 32.
  void (*sort)(const float* src, int64_t count, float* dst);
  // dst[i] = (table[code i] - zero) * scale for `count` codes, a multiple of 2; high_first: the
  // first code of a byte is in its upper half.
  void (*expand)(const uint8_t* codes, int64_t count, const float* table, float zero, float scale,
                 bool high_first, float* dst);
  // dst[i] = (code i + shift) * scale for codes of 8 bits.
  void (*expand_bytes)(const uint8_t* codes, int64_t count, float shift, float scale, float* dst);
};
const NBitsKernels& nbits_kernels(Tier tier);

}  // namespace sardonyx
