// Weighted sums of lines and of pixels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/resize_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/resize.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

void blend(const float* const* rows, const float* weights, int64_t taps, float* dst,
           int64_t count) {
  const D d;
  for (int64_t i = 0; i < count; i += kLanes) {
    const bool whole = i + kLanes <= count;
    const size_t n = static_cast<size_t>(HWY_MIN(kLanes, count - i));
    V sum = hn::Zero(d);
    for (int64_t t = 0; t < taps; ++t) {
      const V x = whole ? hn::LoadU(d, rows[t] + i) : load_n(d, rows[t] + i, n);
      sum = hn::MulAdd(x, hn::Set(d, weights[t]), sum);
    }
    if (whole) {
      hn::StoreU(sum, d, dst + i);
    } else {
      store_n(sum, d, dst + i, n);
    }
  }
}

// One channel: neighbouring outputs side by side, their taps gathered.
void gray_line(const ResizeAxis& axis, const float* line, float* dst) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int64_t taps = axis.taps;
  HWY_ALIGN int32_t indices[kLanes];
  HWY_ALIGN float weights[kLanes];
  int64_t x = 0;
  for (; x + kLanes <= axis.out; x += kLanes) {
    V sum = hn::Zero(d);
    for (int64_t t = 0; t < taps; ++t) {
      for (int64_t i = 0; i < kLanes; ++i) {
        indices[i] = axis.index[(x + i) * taps + t];
        weights[i] = axis.weight == nullptr ? 1.0f : axis.weight[(x + i) * taps + t];
      }
      const V pixels = hn::GatherIndex(d, line, hn::Load(di, indices));
      sum = hn::MulAdd(pixels, hn::Load(d, weights), sum);
    }
    hn::StoreU(sum, d, dst + x);
  }
  for (; x < axis.out; ++x) {
    V sum = hn::Zero(d);
    for (int64_t t = 0; t < taps; ++t) {
      const float weight = axis.weight == nullptr ? 1.0f : axis.weight[x * taps + t];
      sum = hn::MulAdd(hn::Set(d, line[axis.index[x * taps + t]]), hn::Set(d, weight), sum);
    }
    dst[x] = hn::GetLane(sum);
  }
}

void line(const ResizeAxis& axis, const float* src, int64_t channels, float* dst) {
  if (channels == 1) return gray_line(axis, src, dst);
  const D d;
  for (int64_t x = 0; x < axis.out; ++x, dst += channels) {
    const int32_t* index = axis.index + x * axis.taps;
    const float* weight = axis.weight == nullptr ? nullptr : axis.weight + x * axis.taps;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const bool whole = c + kLanes <= channels;
      const size_t n = static_cast<size_t>(HWY_MIN(kLanes, channels - c));
      V sum = hn::Zero(d);
      for (int64_t t = 0; t < axis.taps; ++t) {
        const float* pixel = src + index[t] * channels + c;
        const V v = whole ? hn::LoadU(d, pixel) : load_n(d, pixel, n);
        sum = weight == nullptr ? v : hn::MulAdd(v, hn::Set(d, weight[t]), sum);
      }
      if (whole) {
        hn::StoreU(sum, d, dst + c);
      } else {
        store_n(sum, d, dst + c, n);
      }
    }
  }
}

}  // namespace

extern const ResizeKernels kResizeKernels;
constexpr ResizeKernels kResizeKernels = {blend, line};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(resize_kernels, ResizeKernels, kResizeKernels)
#endif
