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

// Picks the lanes of a group from the line for each tap: pick(offsets of the tap) gives a vector.
template <class Pick>
HWY_INLINE V sum_taps(const GrayAxis& axis, int64_t group, const Pick& pick) {
  const D d;
  const hn::RebindToSigned<D> di;
  const int32_t* offset = axis.offset + group * axis.taps * kLanes;
  if (axis.weight == nullptr) return pick(hn::LoadU(di, offset));
  const float* weight = axis.weight + group * axis.taps * kLanes;
  V sum = hn::Zero(d);
  for (int64_t t = 0; t < axis.taps; ++t, offset += kLanes, weight += kLanes) {
    sum = hn::MulAdd(pick(hn::LoadU(di, offset)), hn::LoadU(d, weight), sum);
  }
  return sum;
}

void gray_line(const GrayAxis& axis, const float* line, float* dst) {
  const D d;
  for (int64_t x = 0, group = 0; x < axis.out; x += kLanes, ++group) {
    const float* begin = line + axis.groups[group].begin;
    V sum;
    if (axis.groups[group].in_one_vector) {
      const V pixels =
          axis.in >= kLanes ? hn::LoadU(d, begin) : load_n(d, begin, static_cast<size_t>(axis.in));
      sum = sum_taps(axis, group, [&](auto offset) {
        return hn::TableLookupLanes(pixels, hn::IndicesFromVec(d, offset));
      });
    } else {
      sum = sum_taps(axis, group, [&](auto offset) { return hn::GatherIndex(d, begin, offset); });
    }
    if (x + kLanes <= axis.out) {
      hn::StoreU(sum, d, dst + x);
    } else {
      store_n(sum, d, dst + x, static_cast<size_t>(axis.out - x));
    }
  }
}

void line(const ResizeAxis& axis, const float* src, int64_t channels, float* dst) {
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
constexpr ResizeKernels kResizeKernels = {kLanes, blend, line, gray_line};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(resize_kernels, ResizeKernels, kResizeKernels)
#endif
