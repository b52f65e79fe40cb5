// store_bytes: 32-bit lanes to bytes. Included once per tier.

#if defined(SARDONYX_CPU_STORE_BYTES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_STORE_BYTES_INL_H_
#undef SARDONYX_CPU_STORE_BYTES_INL_H_
#else
#define SARDONYX_CPU_STORE_BYTES_INL_H_
#endif

#include "cpu/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

// A number within (-2^22, 2^22) plus kRoundToInteger is rounded to nearest even, and its bits, less
// kRoundedBits, are the integer.
inline constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23
inline constexpr int32_t kRoundedBits = 0x4B400000;

// Stores the lowest bytes of the first `count` lanes, or of all where there are as many.
HWY_INLINE void store_bytes(hn::Vec<hn::ScalableTag<int32_t>> v, uint8_t* dst, int64_t count) {
  const hn::ScalableTag<int32_t> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
#if HWY_TARGET == HWY_AVX3
  const hn::Vec<decltype(d8)> bytes{_mm512_cvtepi32_epi8(v.raw)};
#else
  const auto bytes = hn::TruncateTo(d8, hn::BitCast(hn::RebindToUnsigned<decltype(d)>(), v));
#endif
  if (HWY_LIKELY(count >= static_cast<int64_t>(hn::Lanes(d)))) {
    hn::StoreU(bytes, d8, dst);
  } else {
    store_n(bytes, d8, dst, static_cast<size_t>(count));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
