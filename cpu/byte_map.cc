#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/byte_map.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "base/cpu_features.h"
#include "cpu/byte_map.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

void map_each(const uint8_t* table, const uint8_t* src, uint8_t* dst, size_t count) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {  // loads before stores: dst may be src
    const uint8_t a = table[src[i]], b = table[src[i + 1]];
    const uint8_t c = table[src[i + 2]], d = table[src[i + 3]];
    dst[i] = a;
    dst[i + 1] = b;
    dst[i + 2] = c;
    dst[i + 3] = d;
  }
  for (; i < count; ++i) dst[i] = table[src[i]];
}

#if HWY_TARGET == HWY_AVX3
// Two lookups in 128 bytes each, by the lower seven bits, and the upper bit chooses. Written out,
// because the target of this code is that of the whole tier, which does not have the instruction.
void map_vectors(const uint8_t* table, const uint8_t* src, uint8_t* dst, size_t count) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m512i index = _mm512_loadu_si512(src + i);
    __m512i low = index, high = index;
    __asm__("vpermi2b %2, %1, %0" : "+v"(low) : "v"(t0), "v"(t1));
    __asm__("vpermi2b %2, %1, %0" : "+v"(high) : "v"(t2), "v"(t3));
    const __mmask64 upper = _mm512_movepi8_mask(index);
    _mm512_storeu_si512(dst + i, _mm512_mask_blend_epi8(upper, low, high));
  }
  map_each(table, src + i, dst + i, count - i);
}
#endif

}  // namespace

extern const ByteMapKernels kByteMap;
constexpr ByteMapKernels kByteMap = {map_each};
extern const ByteMapKernels kByteMapVectors;
#if HWY_TARGET == HWY_AVX3
constexpr ByteMapKernels kByteMapVectors = {map_vectors};
#else
constexpr ByteMapKernels kByteMapVectors = {map_each};
#endif

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(byte_map_each, ByteMapKernels, kByteMap)
SARDONYX_TIER_TABLE(byte_map_vectors, ByteMapKernels, kByteMapVectors)

namespace sardonyx {

const ByteMapKernels& byte_map_kernels(Tier tier) {
  const bool vectors = has_avx512(tier) && cpu_features().avx512_vbmi;
  return vectors ? byte_map_vectors(tier) : byte_map_each(tier);
}

}  // namespace sardonyx
#endif
