// How GroupQueryAttention stores the keys and values of its cache: as floats, or as codes of 8 or 4
// bits that a scale makes numbers; the whole sequence, or its end alone. Entry points: CacheCodes,
// resident_rows.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace sardonyx {

// One vector of a cache, in codes: int8, or two numbers of 4 bits less 8 in a byte, the first one
// in the low bits.
struct CacheCodes {
  int bits = 0;  // 8 or 4; 0: floats as they are
  int64_t size = 0;
  bool per_channel = false;  // of scales: one for each number of each head, or one for all

  int64_t stored_size() const { return bits == 4 ? size / 2 : size; }
  const float* scales_of(const float* scales, int64_t head) const {
    return per_channel ? scales + head * size : scales;
  }

  // Vectors of a head whose scales these are.
  void encode(const float* numbers, const float* scales, uint8_t* codes) const;
  void decode(const uint8_t* codes, const float* scales, float* numbers) const;
};

// A cache of `capacity` vectors for a window of `window` holds the last of the `total` that there
// were; how many. Vectors go out `capacity - window + 1` at a time, so that this depends on nothing
// else.
int64_t resident_rows(int64_t total, int64_t capacity, int64_t window);

}  // namespace sardonyx
