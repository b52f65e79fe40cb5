// byte_map: dst[i] = table[src[i]], for functions of one byte. Entry point: byte_map_kernels(tier).
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

struct ByteMapKernels {
  // table has 256 elements; dst may be src.
  void (*map)(const uint8_t* table, const uint8_t* src, uint8_t* dst, size_t count);
};
const ByteMapKernels& byte_map_kernels(Tier tier);

}  // namespace sardonyx
