// The tiles of group_conv: some output pixels x one vector of output channels or some. Every
// element is one chain of multiply-adds over taps and channels in order, whatever the tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/group_conv_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/group_conv.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
constexpr bool kManyRegisters = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;
// Pictures are mostly multiples of 7 wide; sums of a few pixels are enough for units to be busy.
constexpr int kPixelsOfOne = 7;
constexpr int kPixelsOfMore = kManyRegisters ? 7 : 4;

// alpha * sum + bias, clipped, of the pixels that are there.
template <int kPixels, int kVectors>
HWY_INLINE void finish(const GroupTiles& t, int64_t pixel, const V (&sum)[kPixels][kVectors]) {
  const D d;
  const V alpha = hn::Set(d, t.alpha), low = hn::Set(d, t.low), high = hn::Set(d, t.high);
  float* dst = t.dst + pixel * t.dst_pixel;
  const int64_t left = t.count - pixel;
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p, dst += t.dst_pixel) {
    if (p >= left) return;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const V bias = t.bias != nullptr ? hn::LoadU(d, t.bias + v * kLanes) : hn::Zero(d);
      const V y = hn::MulAdd(sum[p][v], alpha, bias);
      hn::StoreU(min_keep_nan(high, max_keep_nan(low, y)), d, dst + v * kLanes);
    }
  }
}

template <int kPixels, int kVectors>
HWY_INLINE void clear(V (&sum)[kPixels][kVectors]) {
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::Zero(D());
  }
}

// Every input element times the weights of kVectors vectors of its group.
template <int kVectors, int kPixels>
void wide_tiles(const GroupTiles& t) {
  const D d;
  constexpr int kBases = (kPixels + 2) / 3;  // so that an address is one of these and 0 to 2 steps
  const int64_t step = t.src_pixel;
  for (int64_t pixel = 0; pixel < t.count; pixel += kPixels) {
    V sum[kPixels][kVectors];
    clear(sum);
    const float* weights = t.weights;
    for (int64_t r = 0; r < t.kernel_rows; ++r) {
      const float* tap = t.src + r * t.src_line + pixel * step;
      for (int64_t c = 0; c < t.kernel_cols; ++c, tap += t.src_tap) {
        const float* base[kBases];
#pragma GCC unroll 4
        for (int b = 0; b < kBases; ++b) base[b] = tap + 3 * b * step;
        for (int64_t i = t.channels; i > 0; --i, weights += kVectors * kLanes) {
          V w[kVectors];
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) w[v] = hn::LoadU(d, weights + v * kLanes);
#pragma GCC unroll 8
          for (int p = 0; p < kPixels; ++p) {
            const V x = hn::Set(d, base[p / 3][p % 3 * step]);
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) sum[p][v] = hn::MulAdd(x, w[v], sum[p][v]);
          }
#pragma GCC unroll 4
          for (int b = 0; b < kBases; ++b) ++base[b];
        }
      }
    }
    finish(t, pixel, sum);
  }
}

// Element i of the group of each lane.
template <int kChannels>
struct Spread {
  HWY_INLINE V at(V x, int i) const {
    if constexpr (kChannels == 4) {
      switch (i) {
        case 0:
          return hn::Broadcast<0>(x);
        case 1:
          return hn::Broadcast<1>(x);
        case 2:
          return hn::Broadcast<2>(x);
        default:
          return hn::Broadcast<3>(x);
      }
    } else {
      const hn::RebindToSigned<D> di;
      const auto first = hn::AndNot(hn::Set(di, kChannels - 1), hn::Iota(di, 0));
      return hn::TableLookupLanes(x, hn::IndicesFromVec(D(), hn::Add(first, hn::Set(di, i))));
    }
  }
};

// A vector of groups of kChannels inputs and outputs: elements are spread over their group.
template <int kChannels, int kPixels>
void narrow_tiles(const GroupTiles& t) {
  const D d;
  const Spread<kChannels> spread;
  for (int64_t pixel = 0; pixel < t.count; pixel += kPixels) {
    V sum[kPixels][1];
    clear(sum);
    const float* weights = t.weights;
    for (int64_t r = 0; r < t.kernel_rows; ++r) {
      const float* tap = t.src + r * t.src_line + pixel * t.src_pixel;
      for (int64_t c = 0; c < t.kernel_cols; ++c, tap += t.src_tap) {
        V w[kChannels];
#pragma GCC unroll 8
        for (int i = 0; i < kChannels; ++i, weights += kLanes) w[i] = hn::LoadU(d, weights);
        const float* src = tap;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p, src += t.src_pixel) {
          const V x = hn::LoadU(d, src);
#pragma GCC unroll 8
          for (int i = 0; i < kChannels; ++i) {
            sum[p][0] = hn::MulAdd(spread.at(x, i), w[i], sum[p][0]);
          }
        }
      }
    }
    finish(t, pixel, sum);
  }
}

constexpr GroupConvKernels make_kernels() {
  GroupConvKernels kernels;
  kernels.lanes = kLanes;
  if constexpr (HWY_TARGET == HWY_SSE4) return kernels;  // not worth the code
  kernels.wide = {nullptr, wide_tiles<1, kPixelsOfOne>, wide_tiles<2, kPixelsOfMore>,
                  wide_tiles<3, kPixelsOfMore>};
  kernels.wide_pixels = {0, kPixelsOfOne, kPixelsOfMore, kPixelsOfMore};
  if constexpr (kLanes > 4) kernels.fours = narrow_tiles<4, kPixelsOfOne>;
  if constexpr (kLanes > 8) kernels.eights = narrow_tiles<8, kPixelsOfOne>;
  kernels.narrow_pixels = kPixelsOfOne;
  return kernels;
}

}  // namespace

extern const GroupConvKernels kGroupConv;
constexpr GroupConvKernels kGroupConv = make_kernels();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(group_conv_kernels, GroupConvKernels, kGroupConv)
#endif
