// Transposition of small blocks in registers, per tier.

#if defined(SARDONYX_CPU_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_TRANSPOSE_INL_H_
#undef SARDONYX_CPU_TRANSPOSE_INL_H_
#else
#define SARDONYX_CPU_TRANSPOSE_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One vector from the 128-bit blocks at src, src + stride, ...
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* src, int64_t stride) {
  if constexpr (sizeof(T) * hn::MaxLanes(d) <= 16) {
    (void)stride;
    return hn::LoadU(d, src);
  } else {
    const hn::Half<D> half;
    constexpr int64_t kBlocks = static_cast<int64_t>(hn::MaxLanes(half) * sizeof(T) / 16);
    const auto low = load_blocks(half, src, stride);
    return hn::Combine(d, load_blocks(half, src + kBlocks * stride, stride), low);
  }
}

// dst[i * dst_ld + r] = src[r * ld + i], for as many r as a vector has lanes and as many i as a
// 128-bit block.
HWY_INLINE void transpose_blocks(const float* src, int64_t ld, float* dst, int64_t dst_ld) {
  const hn::ScalableTag<float> d;
  const hn::RepartitionToWide<decltype(d)> dw;
  const auto r0 = load_blocks(d, src, 4 * ld);
  const auto r1 = load_blocks(d, src + ld, 4 * ld);
  const auto r2 = load_blocks(d, src + 2 * ld, 4 * ld);
  const auto r3 = load_blocks(d, src + 3 * ld, 4 * ld);
  const auto lo01 = hn::BitCast(dw, hn::InterleaveLower(d, r0, r1));
  const auto lo23 = hn::BitCast(dw, hn::InterleaveLower(d, r2, r3));
  const auto hi01 = hn::BitCast(dw, hn::InterleaveUpper(d, r0, r1));
  const auto hi23 = hn::BitCast(dw, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dw, lo01, lo23)), d, dst);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dw, lo01, lo23)), d, dst + dst_ld);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dw, hi01, hi23)), d, dst + 2 * dst_ld);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dw, hi01, hi23)), d, dst + 3 * dst_ld);
}
HWY_INLINE void transpose_blocks(const double* src, int64_t ld, double* dst, int64_t dst_ld) {
  const hn::ScalableTag<double> d;
  const auto r0 = load_blocks(d, src, 2 * ld);
  const auto r1 = load_blocks(d, src + ld, 2 * ld);
  hn::StoreU(hn::InterleaveLower(d, r0, r1), d, dst);
  hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, dst + dst_ld);
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
