// Packed elements of less than a byte, as elements that programs compute with and back: int4 and
// int2 as int8, uint4 and uint2 as uint8, float4e2m1 as f32.
#pragma once

#include <cstddef>

#include "base/dtype.h"

namespace sardonyx {

// The dtype that unpacked elements have; the dtype itself when it is not packed.
DType unpacked_dtype(DType dtype);

// Elements [first, first + count) of `src` to dst[0, count).
void unpack_elements(DType dtype, const void* src, size_t first, size_t count, void* dst);
// The reverse, keeping the low bits; f32 is rounded to nearest even and saturated. `first` is even,
// for 2-bit types a multiple of 4; the unused bits of the last byte become 0.
void pack_elements(DType dtype, const void* src, size_t first, size_t count, void* dst);

}  // namespace sardonyx
