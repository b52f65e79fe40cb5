// The tile of 8-bit depthwise convolution: one 32-bit lane is a channel, its four bytes are four
// kernel rows.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/depthwise_s8_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/byte_dot.h"
#include "cpu/depthwise_s8.h"
#include "cpu/finish_s8-inl.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D8 = hn::Rebind<uint8_t, D32>;

// Apart, since every load of every tile has one.
HWY_NOINLINE V32 load_few_bytes(const uint8_t* src, int64_t count) {
  HWY_ALIGN uint8_t lanes[kLanesS8] = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = src[i];
  return hn::PromoteTo(D32(), hn::Load(D8(), lanes));
}

HWY_INLINE V32 load_bytes(const uint8_t* src, int64_t count) {
  if (HWY_LIKELY(count >= kLanesS8)) return hn::PromoteTo(D32(), hn::LoadU(D8(), src));
  return load_few_bytes(src, count);
}

// kRows kernel rows, 4 at most, of a column of input pixels: one channel per lane.
template <bool kDot, int kRows>
HWY_INLINE BytesA<kDot> load_quad(const uint8_t* const* pixels, int64_t stride, int64_t c,
                                  int64_t count, V32 shift) {
  V32 quad = load_bytes(pixels[0] + c, count);
  if constexpr (kRows > 1) {
    quad = hn::Or(quad, hn::ShiftLeft<8>(load_bytes(pixels[stride] + c, count)));
  }
  if constexpr (kRows > 2) {
    quad = hn::Or(quad, hn::ShiftLeft<16>(load_bytes(pixels[2 * stride] + c, count)));
  }
  if constexpr (kRows > 3) {
    quad = hn::Or(quad, hn::ShiftLeft<24>(load_bytes(pixels[3 * stride] + c, count)));
  }
  return BytesA<kDot>(hn::Xor(quad, shift));
}

template <bool kDot>
HWY_INLINE BytesB<kDot> load_weights(const int8_t* src) {
  const hn::Repartition<int8_t, D32> d8;
  return BytesB<kDot>(hn::BitCast(D32(), hn::LoadU(d8, src)));
}

HWY_INLINE V32 shift_of(const DepthwiseS8Tile& t) {
  return hn::Set(D32(), t.is_signed ? static_cast<int32_t>(0x80808080u) : 0);
}

// Vectors of channels; the last one overlaps the one before where they do not divide.
struct Channels {
  int64_t c, count;
  HWY_INLINE Channels(int64_t at, int64_t channels)
      : c(at + kLanesS8 <= channels || channels < kLanesS8 ? at : channels - kLanesS8),
        count(channels < kLanesS8 ? channels : kLanesS8) {}
};

// Sums of pixels that are not to be bytes.
HWY_NOINLINE void finish_pixels(const DepthwiseS8Tile& t, const V32* sum, int pixels,
                                const Channels& at) {
  FinishS8 f = t.finish;
  if (f.add != nullptr) f.add += at.c;
  if (f.scale != nullptr) f.scale += at.c;
  if (f.bias != nullptr) f.bias += at.c;
  f.dst = static_cast<char*>(f.dst) + at.c * (gives_bytes(f) ? 1 : 4);
  HWY_ALIGN int32_t sums[8 * kLanesS8];
  for (int p = 0; p < pixels; ++p) hn::Store(sum[p], D32(), sums + p * kLanesS8);
  finish_rows(f, sums, pixels, 1, at.count);
}

// A one for each of kRows bytes.
template <bool kDot, int kRows>
HWY_INLINE BytesB<kDot> ones() {
  constexpr uint32_t kOnes = 0x01010101u >> (8 * (4 - kRows));
  return BytesB<kDot>(hn::Set(D32(), static_cast<int32_t>(kOnes)));
}

// Sums of products, and where weights have zero points, of the elements themselves.
template <bool kZeros, int kPixels>
struct Sums {
  HWY_INLINE Sums() {}  // spelled out: g++ takes an implicit one out of the target
  V32 products[kPixels];
  V32 elements[kZeros ? kPixels : 1];  // NOLINT(bugprone-branch-clone)
};

// Adds kRows kernel rows of a kernel kCols wide, from row 4 * quad on, to the sums of pixels.
template <bool kDot, bool kZeros, int kRows, int kCols, int kStride, int kPixels>
HWY_INLINE void add_rows(const DepthwiseS8Tile& t, int quad, const Channels& at, V32 shift,
                         Sums<kZeros, kPixels>& sums) {
  constexpr int kInputs = (kPixels - 1) * kStride + kCols;
  const int64_t column = 4 * t.padded, stride = t.pixel_stride;
  const int8_t* weights = t.weights + quad * kCols * column + 4 * at.c;
  const uint8_t* const* pixels = t.pixels + 4 * quad * stride;
#pragma GCC unroll 20
  for (int x = 0; x < kInputs; ++x) {
    const auto bytes = load_quad<kDot, kRows>(pixels + x, stride, at.c, at.count, shift);
    V32 elements = hn::Zero(D32());
    if constexpr (kZeros) elements = add_dot(bytes, ones<kDot, kRows>(), elements);
#pragma GCC unroll 8
    for (int k = 0; k < kCols; ++k) {
      if (x >= k && (x - k) % kStride == 0 && (x - k) / kStride < kPixels) {
        const int p = (x - k) / kStride;
        sums.products[p] =
            add_dot(bytes, load_weights<kDot>(weights + k * column), sums.products[p]);
        if constexpr (kZeros) sums.elements[p] = hn::Add(sums.elements[p], elements);
      }
    }
  }
}

// kPixels output pixels of a kernel of kSize x kSize taps.
template <bool kDot, bool kZeros, int kSize, int kStride, int kPixels>
void several_pixels(const DepthwiseS8Tile& t) {
  const V32 shift = shift_of(t);
  const int64_t channels = t.channels;
  const bool bytes = gives_bytes(t.finish);
  const FinishBytes finish(t.finish);
  for (int64_t i = 0; i < channels; i += kLanesS8) {
    const Channels at(i, channels);
    Sums<kZeros, kPixels> sums;
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; ++p) {
      sums.products[p] = hn::Zero(D32());
      if constexpr (kZeros) sums.elements[p] = hn::Zero(D32());
    }
    constexpr int kFirst = kSize < 4 ? kSize : 4;
    add_rows<kDot, kZeros, kFirst, kSize, kStride, kPixels>(t, 0, at, shift, sums);
    if constexpr (kSize > 4) {
      add_rows<kDot, kZeros, kSize - 4, kSize, kStride, kPixels>(t, 1, at, shift, sums);
    }
    if constexpr (kZeros) {
      const V32 zeros = hn::LoadU(D32(), t.zeros + at.c);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) {
        sums.products[p] = hn::Sub(sums.products[p], hn::Mul(sums.elements[p], zeros));
      }
    }
    if (HWY_LIKELY(bytes)) {
      const FinishBytes::Column column = finish.column(at.c);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; ++p) finish.store(sums.products[p], column, p, at.c, at.count);
    } else {
      finish_pixels(t, sums.products, kPixels, at);
    }
  }
}

template <bool kDot>
void one_pixel(const DepthwiseS8Tile& t) {
  const V32 shift = shift_of(t);
  const int64_t column = 4 * t.padded;
  for (int64_t i = 0; i < t.channels; i += kLanesS8) {
    const Channels at(i, t.channels);
    V32 sum = hn::Zero(D32()), elements = hn::Zero(D32());
    const int8_t* weights = t.weights + 4 * at.c;
    for (int64_t q = 0; q < t.quads; ++q) {
      const uint8_t* const* pixels = t.pixels + 4 * q * t.pixel_stride;
      const int64_t left = t.kernel_rows - 4 * q;
      const uint32_t mask = left >= 4 ? 0x01010101u : 0x01010101u >> (8 * (4 - left));
      const BytesB<kDot> rows(hn::Set(D32(), static_cast<int32_t>(mask)));
      for (int64_t k = 0; k < t.kernel_cols; ++k, weights += column) {
        const BytesA<kDot> quad =
            load_quad<kDot, 4>(pixels + k * t.dilation, t.pixel_stride, at.c, at.count, shift);
        sum = add_dot(quad, load_weights<kDot>(weights), sum);
        if (t.zeros != nullptr) elements = add_dot(quad, rows, elements);
      }
    }
    if (t.zeros != nullptr) {
      sum = hn::Sub(sum, hn::Mul(elements, hn::LoadU(D32(), t.zeros + at.c)));
    }
    finish_pixels(t, &sum, 1, at);
  }
}

template <bool kDot, bool kZeros, int kSize, int kStride>
constexpr void fill_tiles(DepthwiseS8Kernels::Tile (&tile)[4]) {
  // Larger ones would not fit the first cache of instructions.
  if constexpr (kSize == 3 && !kZeros) tile[0] = several_pixels<kDot, kZeros, kSize, kStride, 7>;
  // Weights with zero points are rare, and strides of large kernels too.
  if constexpr (!(kZeros && kSize == 5 && kStride == 2)) {
    tile[1] = several_pixels<kDot, kZeros, kSize, kStride, 4>;
  }
  tile[2] = several_pixels<kDot, kZeros, kSize, kStride, 2>;
  tile[3] = several_pixels<kDot, kZeros, kSize, kStride, 1>;
}

template <bool kDot, bool kZeros>
constexpr void fill_sizes(DepthwiseS8Kernels::Tile (&tile)[2][2][4]) {
  fill_tiles<kDot, kZeros, 3, 1>(tile[0][0]);
  fill_tiles<kDot, kZeros, 3, 2>(tile[0][1]);
  fill_tiles<kDot, kZeros, 5, 1>(tile[1][0]);
  fill_tiles<kDot, kZeros, 5, 2>(tile[1][1]);
}

template <bool kDot>
constexpr DepthwiseS8Kernels make_kernels() {
  DepthwiseS8Kernels kernels;
  fill_sizes<kDot, false>(kernels.tile[0]);
  // Weights with zero points are rare here, and SSE4 is not worth the code for them.
  if constexpr (HWY_TARGET != HWY_SSE4) {
    fill_sizes<kDot, true>(kernels.tile[1]);
    kernels.seven[1] = several_pixels<kDot, false, 7, 1, 4>;
  }
  kernels.one = one_pixel<kDot>;
  return kernels;
}

}  // namespace

extern const DepthwiseS8Kernels kDepthwiseS8;
constexpr DepthwiseS8Kernels kDepthwiseS8 = make_kernels<false>();
extern const DepthwiseS8Kernels kDepthwiseS8Dot;
constexpr DepthwiseS8Kernels kDepthwiseS8Dot = make_kernels<kMayDot>();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(depthwise_s8_plain_kernels, DepthwiseS8Kernels, kDepthwiseS8)
SARDONYX_TIER_TABLE(depthwise_s8_dot_kernels, DepthwiseS8Kernels, kDepthwiseS8Dot)

namespace sardonyx {

const DepthwiseS8Kernels& depthwise_s8_kernels(Tier tier) {
  const bool dot = has_byte_dot(tier);
  return dot ? depthwise_s8_dot_kernels(tier) : depthwise_s8_plain_kernels(tier);
}

}  // namespace sardonyx
#endif
