// The tile of depthwise convolution: some output pixels of one line or two x a vector of channels.
// Every element is one chain of multiply-adds over the taps in order, whatever the tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/depthwise_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/depthwise.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// alpha * sum + bias, clipped.
struct Finish {
  V alpha, low, high;
  explicit HWY_INLINE Finish(const DepthwiseLine& t)
      : alpha(hn::Set(D(), t.alpha)), low(hn::Set(D(), t.low)), high(hn::Set(D(), t.high)) {}
  HWY_INLINE V operator()(V sum, V bias) const {
    return min_keep_nan(high, max_keep_nan(low, hn::MulAdd(sum, alpha, bias)));
  }
};

// Two lines of output at once need more registers than 16.
constexpr bool kPairs = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON;

// kPixels output pixels from `pixel` on, of kLines lines. Channels are those of whole vectors; the
// last vector overlaps the one before where they do not divide. Every input pixel is loaded once
// and used under all its taps, of both lines. kInside: no input pixel is in the padding left or
// right.
template <int kRows, int kCols, int kStride, int kDilation, int kPixels, int kLines, bool kInside>
struct Tile {
  static constexpr int kInputs = (kPixels - 1) * kStride + (kCols - 1) * kDilation + 1;
  static constexpr int kInputRows = kRows + (kLines - 1) * kStride;

  HWY_INLINE Tile(const DepthwiseLine& t, int64_t pixel)
      : channels(t.channels), src_ld(t.src_ld), weights(t.weights) {
    const int64_t x0 = pixel * kStride - t.pad;
    for (int r = 0; r < kInputRows; ++r) {
      rows[r] = t.rows[r] == nullptr ? nullptr : t.rows[r] + (kInside ? x0 * src_ld : 0);
      if constexpr (!kInside) {
        for (int x = 0; x < kInputs; ++x) {
          const bool outside = x0 + x < 0 || x0 + x >= t.in_width;
          inputs[r][x] = outside || rows[r] == nullptr ? t.zeros : rows[r] + (x0 + x) * src_ld;
        }
      }
    }
  }

  // Input rows [row, end), which have taps of the first line, of the second, or of both.
  template <bool kFirst, bool kSecond>
  HWY_INLINE void add_rows(int row, int end, int64_t c, V (&sum)[kLines][kPixels]) const {
    const D d;
#pragma GCC unroll 1
    for (; row < end; ++row) {
      if (rows[row] == nullptr) continue;
      V w[2][kCols];
      const float* taps = weights + row * kCols * channels + c;
#pragma GCC unroll 8
      for (int k = 0; k < kCols; ++k) {
        if (kFirst) w[0][k] = hn::LoadU(d, taps + k * channels);
        if (kSecond) w[1][k] = hn::LoadU(d, taps + (k - kStride * kCols) * channels);
      }
      const float* line = rows[row] + c;
#pragma GCC unroll 32
      for (int x = 0; x < kInputs; ++x) {
        const V input = hn::LoadU(d, kInside ? line : inputs[row][kInside ? 0 : x] + c);
        line += src_ld;
#pragma GCC unroll 8
        for (int k = 0; k < kCols; ++k) {
          const int first = x - k * kDilation;  // under tap 0 of the pixel
          if (first < 0 || first % kStride != 0 || first / kStride >= kPixels) continue;
          const int p = first / kStride;
          if (kFirst) sum[0][p] = hn::MulAdd(input, w[0][k], sum[0][p]);
          if (kSecond) sum[kLines - 1][p] = hn::MulAdd(input, w[1][k], sum[kLines - 1][p]);
        }
      }
    }
  }

  HWY_INLINE void run(const DepthwiseLine& t, int64_t pixel) const {
    const D d;
    const Finish finish(t);
    const int64_t dst_ld = t.dst_ld;
    const int64_t dst_line = t.dst_line;
    float* const dst = t.dst + (pixel - t.first) * dst_ld;
    const float* const bias_at = t.bias;
    const int64_t end = t.channel_end;
    for (int64_t i = t.channel; i < end; i += kLanes) {
      const int64_t c = i + kLanes <= end ? i : end - kLanes;
      V sum[kLines][kPixels];
#pragma GCC unroll 2
      for (int l = 0; l < kLines; ++l) {
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) sum[l][p] = hn::Zero(d);
      }
      if constexpr (kLines == 1) {
        add_rows<true, false>(0, kRows, c, sum);
      } else {
        add_rows<true, false>(0, kStride, c, sum);
        add_rows<true, true>(kStride, kRows, c, sum);
        add_rows<false, true>(kRows, kInputRows, c, sum);
      }
      const V bias = bias_at != nullptr ? hn::LoadU(d, bias_at + c) : hn::Zero(d);
#pragma GCC unroll 2
      for (int l = 0; l < kLines; ++l) {
        float* to = dst + l * dst_line + c;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p, to += dst_ld) hn::StoreU(finish(sum[l][p], bias), d, to);
      }
    }
  }

  const int64_t channels;
  const int64_t src_ld;
  const float* const weights;
  const float* rows[kInputRows];
  const float* inputs[kInside ? 1 : kInputRows][kInside ? 1 : kInputs];
};

template <int kRows, int kCols, int kStride, int kDilation, int kPixels, int kLines = 1>
void tile_at(const DepthwiseLine& t, int64_t pixel) {
  const int64_t x0 = pixel * kStride - t.pad;
  if (x0 >= 0 && x0 + (kPixels - 1) * kStride + (kCols - 1) * kDilation < t.in_width) {
    Tile<kRows, kCols, kStride, kDilation, kPixels, kLines, true>(t, pixel).run(t, pixel);
  } else {
    Tile<kRows, kCols, kStride, kDilation, kPixels, kLines, false>(t, pixel).run(t, pixel);
  }
}

// The input channels of a pixel under output channels [c, c + count), as a vector.
template <bool kWhole>
struct OwnInputs {
  const int64_t c;
  const size_t count;
  HWY_INLINE OwnInputs(const DepthwiseLine&, int64_t c, size_t count) : c(c), count(count) {}
  HWY_INLINE V operator()(const float* pixel) const {
    const D d;
    return kWhole ? hn::LoadU(d, pixel + c) : load_n(d, pixel + c, count);
  }
};
// The same where each is under `multiplier` outputs: loaded once and spread.
template <bool kWhole>
struct SharedInputs {
  using Indices = decltype(hn::SetTableIndices(D(), static_cast<const int32_t*>(nullptr)));
  int64_t first;
  size_t loaded;
  Indices indices;
  HWY_INLINE SharedInputs(const DepthwiseLine& t, int64_t c, size_t count) {
    const int64_t inputs = t.channels / t.multiplier;
    loaded = static_cast<size_t>(HWY_MIN(inputs, kLanes));
    first = HWY_MIN(c / t.multiplier, inputs - static_cast<int64_t>(loaded));
    HWY_ALIGN int32_t lanes[kLanes] = {};
    int64_t input = c / t.multiplier - first;
    int64_t output = c % t.multiplier;
    for (size_t lane = 0; lane < count; ++lane) {
      lanes[lane] = static_cast<int32_t>(input);
      if (++output < t.multiplier) continue;
      output = 0;
      ++input;
    }
    indices = hn::SetTableIndices(D(), lanes);
  }
  HWY_INLINE V operator()(const float* pixel) const {
    const D d;
    const bool fill = loaded == static_cast<size_t>(kLanes);
    const V some = fill ? hn::LoadU(d, pixel + first) : load_n(d, pixel + first, loaded);
    return hn::TableLookupLanes(some, indices);
  }
};

constexpr int64_t kGeneralPixels = 8;
constexpr int64_t kCopiedPixels = 64;

// Input pixels x, x + step, ... of a line, as vectors one after the other; zeros in the padding.
template <class Inputs>
HWY_INLINE void copy_pixels(const DepthwiseLine& t, const Inputs& input, const float* row,
                            int64_t x, int64_t step, int64_t count, float* to) {
  const D d;
  for (; count > 0; --count, x += step, to += kLanes) {
    const bool outside = x < 0 || x >= t.in_width;
    hn::Store(outside ? hn::Zero(d) : input(row + x * t.src_ld), d, to);
  }
}

// Any kernel, stride, dilation and multiplier: pixels [pixel, pixel + count), at most
// kGeneralPixels, which have that many sums in any case. kInside: no input pixel is in the padding,
// and all are taken where they are. Else those under a line of taps are copied, or under one tap
// where they are too many.
template <class Inputs, bool kWhole, bool kInside>
HWY_INLINE void general_vector(const DepthwiseLine& t, int64_t pixel, int64_t count, int64_t c,
                               size_t lanes) {
  const D d;
  const Inputs input(t, c, lanes);
  const auto load = [&](const float* from)
                        HWY_ATTR { return kWhole ? hn::LoadU(d, from) : load_n(d, from, lanes); };
  HWY_ALIGN float copies[kInside ? 1 : kCopiedPixels * kLanes];
  V sum[kGeneralPixels];
#pragma GCC unroll 8
  for (int64_t p = 0; p < kGeneralPixels; ++p) sum[p] = hn::Zero(d);
  const int64_t x0 = pixel * t.stride - t.pad;
  const int64_t reach = (kGeneralPixels - 1) * t.stride + (t.kernel_cols - 1) * t.dilation + 1;
  const bool fits = kInside || reach <= kCopiedPixels;
  const int64_t ld = kInside ? t.src_ld : kLanes;
  const int64_t pixel_step = fits ? t.stride * ld : ld;
  const int64_t tap_step = t.dilation * ld;
  for (int64_t r = 0; r < t.kernel_rows; ++r) {
    const float* const row = t.rows[r];
    if (row == nullptr) continue;
    const float* weights = t.weights + r * t.kernel_cols * t.channels + c;
    const float* taps = kInside ? row + x0 * ld + c : copies;
    if (!kInside && fits) copy_pixels(t, input, row, x0, 1, reach, copies);
    for (int64_t k = 0; k < t.kernel_cols; ++k, weights += t.channels) {
      if (!fits) {
        copy_pixels(t, input, row, x0 + k * t.dilation, t.stride, kGeneralPixels, copies);
      }
      const V w = load(weights);
      const float* at = taps;
#pragma GCC unroll 8
      for (int64_t p = 0; p < kGeneralPixels; ++p, at += pixel_step) {
        sum[p] = hn::MulAdd(hn::LoadU(d, at), w, sum[p]);
      }
      if (fits) taps += tap_step;
    }
  }
  const V bias = t.bias != nullptr ? load(t.bias + c) : hn::Zero(d);
  const Finish finish(t);
  float* to = t.dst + (pixel - t.first) * t.dst_ld + c;
#pragma GCC unroll 8
  for (int64_t p = 0; p < kGeneralPixels; ++p, to += t.dst_ld) {
    if (p >= count) break;
    const V y = finish(sum[p], bias);
    if constexpr (kWhole) {
      hn::StoreU(y, d, to);
    } else {
      store_n(y, d, to, lanes);
    }
  }
}

template <template <bool> class Inputs>
void general_tiles(const DepthwiseLine& t) {
  constexpr bool kOwn = std::is_same_v<Inputs<true>, OwnInputs<true>>;
  const int64_t reach = (kGeneralPixels - 1) * t.stride + (t.kernel_cols - 1) * t.dilation + 1;
  for (int64_t pixel = t.first; pixel < t.first + t.count; pixel += kGeneralPixels) {
    const int64_t x0 = pixel * t.stride - t.pad;
    const bool inside = kOwn && x0 >= 0 && x0 + reach <= t.in_width;
    const int64_t count = HWY_MIN(kGeneralPixels, t.first + t.count - pixel);
    if (t.channels < kLanes) {
      const auto lanes = static_cast<size_t>(t.channels);
      general_vector<Inputs<false>, false, false>(t, pixel, count, 0, lanes);
      continue;
    }
    for (int64_t i = t.channel; i < t.channel_end; i += kLanes) {
      const int64_t c = HWY_MIN(i, t.channel_end - kLanes);
      if (inside) {
        general_vector<Inputs<true>, true, kOwn>(t, pixel, count, c, kLanes);
      } else {
        general_vector<Inputs<true>, true, false>(t, pixel, count, c, kLanes);
      }
    }
  }
}

constexpr bool kSpreads = HWY_TARGET != HWY_SSE4;  // which is not worth the code

// Vectors of elements after which the channels of theirs are the same again.
int64_t spread_vectors(int64_t channels) {
  int64_t vectors = 1;
  while (vectors * kLanes % channels != 0) ++vectors;
  return vectors;
}

bool spread_weights(const DepthwiseLine& t, float* to) {
  if (!kSpreads || t.multiplier != 1 || t.stride != 1 || t.channels >= kLanes) return false;
  const int64_t period = spread_vectors(t.channels) * kLanes;
  const int64_t taps = t.kernel_rows * t.kernel_cols;
  for (int64_t tap = 0; tap <= taps; ++tap) {
    const float* from = tap < taps ? t.weights + tap * t.channels : t.bias;
    for (int64_t i = 0; i < period; ++i) *to++ = from == nullptr ? 0 : from[i % t.channels];
  }
  return true;
}

// kVectors vectors of elements, each a period after the one before; `first` is the first of them,
// and `phase` its place in the period.
template <int kVectors>
HWY_INLINE void spread_tile(const DepthwiseLine& t, int64_t period, int64_t phase, int64_t first,
                            V (&sum)[kVectors]) {
  const D d;
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sum[v] = hn::Zero(d);
  const float* weights = t.spread + phase;
  const int64_t tap_step = t.dilation * t.channels;
  for (int64_t r = 0; r < t.kernel_rows; ++r) {
    if (t.rows[r] == nullptr) {
      weights += t.kernel_cols * period;
      continue;
    }
    const float* taps = t.rows[r] + t.first * t.channels + first;
    for (int64_t k = 0; k < t.kernel_cols; ++k, weights += period, taps += tap_step) {
      const V w = hn::LoadU(d, weights);
      const float* at = taps;
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v, at += period) {
        sum[v] = hn::MulAdd(hn::LoadU(d, at), w, sum[v]);
      }
    }
  }
  const Finish finish(t);
  const V bias = hn::LoadU(d, weights);
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sum[v] = finish(sum[v], bias);
}

template <int kVectors>
int64_t spread_tiles(const DepthwiseLine& t, int64_t period, int64_t phase, int64_t first,
                     int64_t end) {
  V sum[kVectors];
  for (; first + (kVectors - 1) * period + kLanes <= end; first += kVectors * period) {
    spread_tile<kVectors>(t, period, phase, first, sum);
    float* to = t.dst + first;
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v, to += period) hn::StoreU(sum[v], D(), to);
  }
  return first;
}

// Pixels of few channels one after the other, in whole vectors.
[[maybe_unused]] void spread_line(const DepthwiseLine& t) {
  const int64_t period = spread_vectors(t.channels) * kLanes;
  const int64_t end = t.count * t.channels;
  for (int64_t phase = 0; phase < period; phase += kLanes) {
    int64_t first = spread_tiles<8>(t, period, phase, phase, end);
    first = spread_tiles<4>(t, period, phase, first, end);
    first = spread_tiles<1>(t, period, phase, first, end);
    if (first >= end) continue;
    V sum[1];
    spread_tile<1>(t, period, phase, first, sum);
    store_n(sum[0], D(), t.dst + first, static_cast<size_t>(end - first));
  }
}

template <int kRows, int kCols, int kStride, int kDilation = 1>
void tiles(const DepthwiseLine& t) {
  int64_t pixel = t.first;
  const int64_t end = t.first + t.count;
  // Pictures are mostly multiples of 7 or of 8 wide.
  if (t.count % 7 == 0) {
    for (; pixel < end; pixel += 7) tile_at<kRows, kCols, kStride, kDilation, 7>(t, pixel);
  }
  for (; pixel + 8 <= end; pixel += 8) tile_at<kRows, kCols, kStride, kDilation, 8>(t, pixel);
  if (pixel + 4 <= end) {
    tile_at<kRows, kCols, kStride, kDilation, 4>(t, pixel);
    pixel += 4;
  }
  if (pixel < end) {
    DepthwiseLine rest = t;
    rest.first = pixel;
    rest.count = end - pixel;
    rest.dst += (pixel - t.first) * t.dst_ld;
    general_tiles<OwnInputs>(rest);
  }
}

// Two lines; the pixels that are left over line by line.
template <int kSize, int kStride>
void pair_tiles(const DepthwiseLine& t) {
  int64_t pixel = t.first;
  const int64_t end = t.first + t.count;
  if (t.count % 7 == 0) {
    for (; pixel < end; pixel += 7) tile_at<kSize, kSize, kStride, 1, 7, 2>(t, pixel);
  }
  for (; pixel + 8 <= end; pixel += 8) tile_at<kSize, kSize, kStride, 1, 8, 2>(t, pixel);
  if (pixel == end) return;
  DepthwiseLine line = t;
  line.lines = 1;
  line.first = pixel;
  line.count = end - pixel;
  line.dst += (pixel - t.first) * t.dst_ld;
  tiles<kSize, kSize, kStride>(line);
  line.rows += kStride;
  line.dst += t.dst_line;
  tiles<kSize, kSize, kStride>(line);
}

bool is_kernel(const DepthwiseLine& t, int64_t size, int64_t stride) {
  return t.kernel_rows == size && t.kernel_cols == size && t.stride == stride;
}

bool takes_pairs(const DepthwiseLine& t) {
  return kPairs && t.multiplier == 1 && t.dilation == 1 && t.channels >= kLanes &&
         (is_kernel(t, 3, 1) || is_kernel(t, 3, 2) || is_kernel(t, 5, 1) || is_kernel(t, 5, 2));
}

void line(const DepthwiseLine& t) {
  if constexpr (kSpreads) {
    if (t.spread != nullptr) return spread_line(t);
  }
  if (t.multiplier != 1) return general_tiles<SharedInputs>(t);
  if constexpr (kPairs) {
    if (t.lines == 2) {
      if (is_kernel(t, 3, 1)) return pair_tiles<3, 1>(t);
      if (is_kernel(t, 3, 2)) return pair_tiles<3, 2>(t);
      if (is_kernel(t, 5, 1)) return pair_tiles<5, 1>(t);
      return pair_tiles<5, 2>(t);
    }
  }
  if (t.dilation == 1 && t.channels >= kLanes) {
    if (is_kernel(t, 3, 1)) return tiles<3, 3, 1>(t);
    if (is_kernel(t, 3, 2)) return tiles<3, 3, 2>(t);
    if (is_kernel(t, 5, 1)) return tiles<5, 5, 1>(t);
    if (is_kernel(t, 5, 2)) return tiles<5, 5, 2>(t);
    if (is_kernel(t, 7, 1)) return tiles<7, 7, 1>(t);
  }
  if (t.dilation == 2 && t.channels >= kLanes) {
    if (is_kernel(t, 3, 1)) return tiles<3, 3, 1, 2>(t);
    if (is_kernel(t, 5, 1)) return tiles<5, 5, 1, 2>(t);
  }
  general_tiles<OwnInputs>(t);
}

}  // namespace

extern const DepthwiseKernels kDepthwise;
constexpr DepthwiseKernels kDepthwise = {line, takes_pairs, spread_weights};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(depthwise_kernels, DepthwiseKernels, kDepthwise)
#endif
