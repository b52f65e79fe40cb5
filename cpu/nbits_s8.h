// nbits_s8: dot products of rows in f32, rounded to 8 bits in chunks of 32, with rows of weights in
// 4 bits as in cpu/nbits.h. Entry point: nbits_s8_kernels(tier).
#pragma once

#include "cpu/nbits.h"

namespace sardonyx {

// A row of A in 8 bits. Chunks of 32 elements; `group` of them fill a vector.
struct NBitsVector {
  int8_t* bytes = nullptr;      // [groups][elements at even places, then those at odd ones]
  float* scales = nullptr;      // [groups][4 * group]: of the chunk of each lane
  int32_t* starts = nullptr;    // [groups][4 * group]: what sums begin with
  float* block_sums = nullptr;  // [blocks]: of the rounded elements
};

struct NBitsS8Kernels {
  int group = 0;  // chunks
  // Rounds src[0, count) to the row; start: what is added to every code.
  void (*round)(const float* src, int64_t count, int64_t block_size, float start,
                const NBitsVector& dst) = nullptr;
  // The dot products of one row of weights (zeros null, or added to `start` 0) with `rows` vectors,
  // 4 at most, to dst[row * ld].
  void (*dot)(const NBitsRow& row, const NBitsVector* vectors, int64_t rows, float* dst,
              int64_t ld) = nullptr;
};
const NBitsS8Kernels& nbits_s8_kernels(Tier tier);

}  // namespace sardonyx
