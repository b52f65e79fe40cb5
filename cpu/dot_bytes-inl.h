// Sums of four products of unsigned by signed bytes per 32-bit lane, exact: one instruction where
// the processor has it (kDot), 16-bit products otherwise. Included once per tier.

#if defined(SARDONYX_CPU_DOT_BYTES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_DOT_BYTES_INL_H_
#undef SARDONYX_CPU_DOT_BYTES_INL_H_
#else
#define SARDONYX_CPU_DOT_BYTES_INL_H_
#endif

#include "cpu/store_bytes-inl.h"
#include "cpu/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D32 = hn::ScalableTag<int32_t>;
using V32 = hn::Vec<D32>;
using DF32 = hn::ScalableTag<float>;
using VF32 = hn::Vec<DF32>;
constexpr int64_t kLanesS8 = static_cast<int64_t>(hn::MaxLanes(D32()));

// Whether this target may hold the instruction; the processor decides whether it is used.
constexpr bool kMayDot = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

#if HWY_TARGET == HWY_AVX3
// Written out, because the target of this code is that of the whole tier, which does not have it.
HWY_INLINE V32 dot_instruction(V32 a, V32 b, V32 sum) {
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
}
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE V32 dot_instruction(V32 a, V32 b, V32 sum) {
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(b.raw));
  return sum;
}
#else
HWY_INLINE V32 dot_instruction(V32, V32, V32 sum) { return sum; }
#endif

// Four unsigned bytes, split for the products that the tier has.
template <bool kDot>
struct BytesA {
  V32 whole;
  explicit HWY_INLINE BytesA(V32 a) : whole(a) {}
};
template <>
struct BytesA<false> {
  V32 even, odd;  // 16-bit elements
  explicit HWY_INLINE BytesA(V32 a) {
    const hn::Repartition<uint16_t, D32> d16;
    const auto words = hn::BitCast(d16, a);
    even = hn::BitCast(D32(), hn::And(words, hn::Set(d16, 0xFF)));
    odd = hn::BitCast(D32(), hn::ShiftRight<8>(words));
  }
};

// Four signed bytes.
template <bool kDot>
struct BytesB {
  V32 whole;
  explicit HWY_INLINE BytesB(V32 b) : whole(b) {}
};
template <>
struct BytesB<false> {
  V32 even, odd;
  explicit HWY_INLINE BytesB(V32 b) {
    const hn::Repartition<int16_t, D32> d16;
    const auto words = hn::BitCast(d16, b);
    even = hn::BitCast(D32(), hn::ShiftRight<8>(hn::ShiftLeft<8>(words)));
    odd = hn::BitCast(D32(), hn::ShiftRight<8>(words));
  }
};

// sum + the products of the two 16-bit elements of each lane.
HWY_INLINE V32 add_pairs(V32 a, V32 b, V32 sum) {
#if HWY_ARCH_X86
  const hn::Repartition<int16_t, D32> d16;
  V32 unused = sum;
  return hn::ReorderWidenMulAccumulate(D32(), hn::BitCast(d16, a), hn::BitCast(d16, b), sum,
                                       unused);
#else
  const V32 low =
      hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
  return hn::Add(sum, hn::Add(low, hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b))));
#endif
}

// What x86 has instead of the instruction: products of unsigned by signed bytes added two by two in
// 16 bits, which they must not overflow, and 16-bit numbers two by two in 32.
#if HWY_TARGET == HWY_AVX3
HWY_INLINE V32 pair_products(V32 a, V32 b) { return V32{_mm512_maddubs_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_words(V32 a, V32 b) { return V32{_mm512_add_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_pair_sums(V32 words, V32 sum) {
  return hn::Add(sum, V32{_mm512_madd_epi16(words.raw, _mm512_set1_epi16(1))});
}
#elif HWY_TARGET == HWY_AVX2
HWY_INLINE V32 pair_products(V32 a, V32 b) { return V32{_mm256_maddubs_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_words(V32 a, V32 b) { return V32{_mm256_add_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_pair_sums(V32 words, V32 sum) {
  return hn::Add(sum, V32{_mm256_madd_epi16(words.raw, _mm256_set1_epi16(1))});
}
#elif HWY_ARCH_X86
HWY_INLINE V32 pair_products(V32 a, V32 b) { return V32{_mm_maddubs_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_words(V32 a, V32 b) { return V32{_mm_add_epi16(a.raw, b.raw)}; }
HWY_INLINE V32 add_pair_sums(V32 words, V32 sum) {
  return hn::Add(sum, V32{_mm_madd_epi16(words.raw, _mm_set1_epi16(1))});
}
#endif

HWY_INLINE V32 add_dot(const BytesA<true>& a, const BytesB<true>& b, V32 sum) {
  return dot_instruction(a.whole, b.whole, sum);
}
HWY_INLINE V32 add_dot(const BytesA<false>& a, const BytesB<false>& b, V32 sum) {
  return add_pairs(a.odd, b.odd, add_pairs(a.even, b.even, sum));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
