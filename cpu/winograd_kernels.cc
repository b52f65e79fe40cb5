// The transforms of F(t x t, 3x3) on one tile, a vector of channels at a time: B' d B of its input
// pixels, A' m A of its products, G g G' of weights. For t = 4, with a = 3/4 and b = 3/2 the
// points,
//
//     t0 = a2 b2 d0 - (a2 + b2) d2 + d4         y0 = m0 + (m1 + m2) + (m3 + m4)
//     t1, t2 = (d4 - b2 d2) +- a (d3 - b2 d1)   y1 = a (m1 - m2) + b (m3 - m4)
//     t3, t4 = (d4 - a2 d2) +- b (d3 - a2 d1)   y2 = a2 (m1 + m2) + b2 (m3 + m4)
//     t5 = a2 b2 d1 - (a2 + b2) d3 + d5         y3 = a3 (m1 - m2) + b3 (m3 - m4) + m5
//
// and for t = 2, with the points 0, 1, -1: t = d0 - d2, d1 + d2, d2 - d1, d3 - d1;
// y = m0 + m1 + m2, m1 - m2 + m3.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/winograd_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"
#include "cpu/winograd.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

constexpr float kA = 0.75f;
constexpr float kB = 1.5f;
constexpr float kA2 = kA * kA;
constexpr float kB2 = kB * kB;

HWY_INLINE void input_line(const V (&d)[6], V (&t)[6]) {
  const D tag;
  const V a = hn::Set(tag, kA);
  const V b = hn::Set(tag, kB);
  const V a2 = hn::Set(tag, kA2);
  const V b2 = hn::Set(tag, kB2);
  const V product = hn::Set(tag, kA2 * kB2);
  const V sum = hn::Set(tag, kA2 + kB2);
  const V even_a = hn::NegMulAdd(b2, d[2], d[4]);
  const V odd_a = hn::NegMulAdd(b2, d[1], d[3]);
  const V even_b = hn::NegMulAdd(a2, d[2], d[4]);
  const V odd_b = hn::NegMulAdd(a2, d[1], d[3]);
  t[0] = hn::MulAdd(product, d[0], hn::NegMulAdd(sum, d[2], d[4]));
  t[1] = hn::MulAdd(a, odd_a, even_a);
  t[2] = hn::NegMulAdd(a, odd_a, even_a);
  t[3] = hn::MulAdd(b, odd_b, even_b);
  t[4] = hn::NegMulAdd(b, odd_b, even_b);
  t[5] = hn::MulAdd(product, d[1], hn::NegMulAdd(sum, d[3], d[5]));
}

HWY_INLINE void input_line(const V (&d)[4], V (&t)[4]) {
  t[0] = hn::Sub(d[0], d[2]);
  t[1] = hn::Add(d[1], d[2]);
  t[2] = hn::Sub(d[2], d[1]);
  t[3] = hn::Sub(d[3], d[1]);
}

HWY_INLINE void output_line(const V (&m)[4], V (&y)[2]) {
  y[0] = hn::Add(hn::Add(m[0], m[1]), m[2]);
  y[1] = hn::Add(hn::Sub(m[1], m[2]), m[3]);
}

HWY_INLINE void output_line(const V (&m)[6], V (&y)[4]) {
  const D tag;
  const V a = hn::Set(tag, kA);
  const V b = hn::Set(tag, kB);
  const V a2 = hn::Set(tag, kA2);
  const V b2 = hn::Set(tag, kB2);
  const V a3 = hn::Set(tag, kA2 * kA);
  const V b3 = hn::Set(tag, kB2 * kB);
  const V even_a = hn::Add(m[1], m[2]);
  const V odd_a = hn::Sub(m[1], m[2]);
  const V even_b = hn::Add(m[3], m[4]);
  const V odd_b = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], even_a), even_b);
  y[1] = hn::MulAdd(b, odd_b, hn::Mul(a, odd_a));
  y[2] = hn::MulAdd(b2, even_b, hn::Mul(a2, even_a));
  y[3] = hn::MulAdd(b3, odd_b, hn::MulAdd(a3, odd_a, m[5]));
}

// Whole vectors, or the last `count` channels.
struct Whole {
  HWY_INLINE V load(const float* src) const { return hn::LoadU(D(), src); }
  HWY_INLINE void store(V v, float* dst) const { hn::StoreU(v, D(), dst); }
};
struct Part {
  size_t count;
  HWY_INLINE V load(const float* src) const { return load_n(D(), src, count); }
  HWY_INLINE void store(V v, float* dst) const { store_n(v, D(), dst, count); }
};

template <int kTile, class Access>
HWY_INLINE void input_at(const Access access, const float* const* pixels, int64_t channel,
                         float* dst, int64_t plane_stride, int64_t ahead) {
  constexpr int kPatch = kTile + 2;
  V lines[kPatch][kPatch];  // [column][row] after the first transform
  for (int x = 0; x < kPatch; ++x) {
    V column[kPatch];
#pragma GCC unroll 6
    for (int y = 0; y < kPatch; ++y) {
      const float* at = pixels[y * kPatch + x] + channel;
      column[y] = access.load(at);
      if (x >= kPatch - kTile) __builtin_prefetch(at + ahead, 0, 3);
    }
    input_line(column, lines[x]);
  }
  for (int y = 0; y < kPatch; ++y) {
    V row[kPatch], result[kPatch];
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) row[x] = lines[x][y];
    input_line(row, result);
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x, dst += plane_stride) access.store(result[x], dst + channel);
  }
}

template <int kTile>
void input(const float* const* pixels, int64_t channels, float* dst, int64_t plane_stride,
           int64_t ahead) {
  int64_t channel = 0;
  for (; channel + kLanes <= channels; channel += kLanes) {
    input_at<kTile>(Whole(), pixels, channel, dst, plane_stride, ahead);
  }
  if (channel == channels) return;
  input_at<kTile>(Part{static_cast<size_t>(channels - channel)}, pixels, channel, dst, plane_stride,
                  ahead);
}

template <int kTile, class Access>
HWY_INLINE void output_at(const Access access, const WinogradOutput& t, int64_t channel) {
  const D d;
  constexpr int kPatch = kTile + 2;
  V columns[kPatch][kTile];  // [column][line]
  const float* product = t.products + channel;
  for (int x = 0; x < kPatch; ++x, product += t.plane_stride) {
    V column[kPatch];
#pragma GCC unroll 6
    for (int y = 0; y < kPatch; ++y) {
      column[y] = access.load(product + y * kPatch * t.plane_stride);
    }
    output_line(column, columns[x]);
  }
  const V alpha = hn::Set(d, t.alpha);
  const V low = hn::Set(d, t.low);
  const V high = hn::Set(d, t.high);
  const V bias = t.bias != nullptr ? access.load(t.bias + channel) : hn::Zero(d);
  for (int y = 0; y < t.lines; ++y) {
    V row[kPatch], result[kTile];
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) row[x] = columns[x][y];
    output_line(row, result);
    const bool before = t.residual != nullptr && !t.residual_after;
    const bool after = t.residual != nullptr && t.residual_after;
    const float* residual =
        t.residual != nullptr ? t.residual + y * t.residual_line + channel : nullptr;
    float* dst = t.dst + y * t.dst_line + channel;
#pragma GCC unroll 4
    for (int x = 0; x < kTile; ++x) {
      if (x >= t.pixels) break;
      V v = hn::MulAdd(result[x], alpha, bias);
      if (before) v = hn::Add(v, access.load(residual + x * t.residual_pixel));
      v = min_keep_nan(high, max_keep_nan(low, v));
      if (after) v = hn::Add(v, access.load(residual + x * t.residual_pixel));
      access.store(v, dst + x * t.dst_pixel);
      __builtin_prefetch(dst + (x + kTile) * t.dst_pixel, 1, 3);  // of the next tile
    }
  }
}

template <int kTile>
void output(const WinogradOutput& t) {
  int64_t channel = 0;
  for (; channel + kLanes <= t.channels; channel += kLanes) output_at<kTile>(Whole(), t, channel);
  if (channel == t.channels) return;
  output_at<kTile>(Part{static_cast<size_t>(t.channels - channel)}, t, channel);
}

// G g of three taps: the Lagrange weights of each point. Points come in pairs: 0 and infinity, and
// those that differ in their sign; `pair` counts them.
constexpr double kPairScale[] = {1 / (2.0 * kA2 * (kA2 - kB2)), 1 / (2.0 * kB2 * (kB2 - kA2))};
constexpr double kPairPoint[] = {kA, kB};
constexpr float kZeroScale = static_cast<float>(1 / (double{kA2} * kB2));

template <int kTile, int kPair>
HWY_INLINE void weight_pair(V g0, V g1, V g2, V& first, V& second) {
  const D d;
  if constexpr (kPair == 0) {
    first = kTile == 2 ? g0 : hn::Mul(hn::Set(d, kZeroScale), g0);
    second = g2;
  } else {
    constexpr double kPoint = kTile == 2 ? 1 : kPairPoint[kPair - 1];
    constexpr double kScale = kTile == 2 ? 0.5 : kPairScale[kPair - 1];
    const V low = hn::Set(d, static_cast<float>(kScale));
    const V high = hn::Set(d, static_cast<float>(kScale * kPoint * kPoint));
    const V even = hn::MulAdd(low, g0, hn::Mul(high, g2));
    const V middle = hn::Set(d, static_cast<float>(kScale * kPoint));
    first = hn::MulAdd(middle, g1, even);
    second = hn::NegMulAdd(middle, g1, even);
  }
}

template <int kTile>
HWY_INLINE void weight_line(V g0, V g1, V g2, V (&u)[kTile + 2]) {
  weight_pair<kTile, 0>(g0, g1, g2, u[0], u[kTile + 1]);
  weight_pair<kTile, 1>(g0, g1, g2, u[1], u[2]);
  if constexpr (kTile == 4) weight_pair<kTile, 2>(g0, g1, g2, u[3], u[4]);
}

template <int kTile, int kPair>
void weight_rows(const float* taps, int64_t tap, int64_t count, float* dst, int64_t plane) {
  constexpr int kPatch = kTile + 2;
  const float* upper = taps;
  const float* middle = taps + 3 * tap;
  const float* lower = taps + 6 * tap;
  float* to_first = dst;
  float* to_second = dst + kPatch * plane;
  for (int64_t left = count; left > 0; left -= kLanes) {
    V above[3], below[3];  // of both rows of planes, by column of taps
#pragma GCC unroll 3
    for (int x = 0; x < 3; ++x) {
      weight_pair<kTile, kPair>(hn::LoadU(D(), upper + x * tap), hn::LoadU(D(), middle + x * tap),
                                hn::LoadU(D(), lower + x * tap), above[x], below[x]);
    }
    V first[kPatch], second[kPatch];
    weight_line<kTile>(above[0], above[1], above[2], first);
    weight_line<kTile>(below[0], below[1], below[2], second);
#pragma GCC unroll 6
    for (int x = 0; x < kPatch; ++x) {
      hn::StoreU(first[x], D(), to_first + x * plane);
      hn::StoreU(second[x], D(), to_second + x * plane);
    }
    upper += kLanes;
    middle += kLanes;
    lower += kLanes;
    to_first += kLanes;
    to_second += kLanes;
  }
}

template <int kTile>
void weights(const float* taps, int64_t tap, int64_t count, int pair, float* dst, int64_t plane) {
  if (pair == 0) return weight_rows<kTile, 0>(taps, tap, count, dst, plane);
  if (pair == 1) return weight_rows<kTile, 1>(taps, tap, count, dst, plane);
  if constexpr (kTile == 4) weight_rows<kTile, 2>(taps, tap, count, dst, plane);
}

}  // namespace

extern const WinogradTiles kWinograd;
constexpr WinogradTiles kWinograd = {{input<2>, output<2>, weights<2>},
                                     {input<4>, output<4>, weights<4>}};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(winograd_kernels, WinogradTiles, kWinograd)
#endif
