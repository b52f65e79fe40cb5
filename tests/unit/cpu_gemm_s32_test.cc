// Integer products and convolutions against plain loops, exactly, on every tier.
#include "cpu/gemm_s32.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sardonyx {
namespace {

std::vector<uint8_t> random_bytes(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  // Extremes are frequent, so that sums of saturated pairs occur.
  for (uint8_t& byte : bytes) {
    const uint32_t random = engine();
    byte = random % 4 == 0 ? (random % 8 == 0 ? 0x80 : 0x7F) : static_cast<uint8_t>(random >> 8);
    if (random % 16 == 1) byte = 0xFF;
  }
  return bytes;
}

struct Signs {
  bool a, b;
};

void check_gemm(Tier tier, int64_t m, int64_t n, int64_t k, bool trans_b, Signs signs,
                bool per_line) {
  const auto a = random_bytes(m * (k + 1), 1), b = random_bytes(k * n, 2);
  std::vector<int32_t> a_zero(static_cast<size_t>(m)), b_zero(static_cast<size_t>(n));
  for (int64_t i = 0; i < m; ++i)
    a_zero[i] = static_cast<int32_t>(signs.a ? i % 255 - 128 : i % 256);
  for (int64_t i = 0; i < n; ++i) b_zero[i] = static_cast<int32_t>(signs.b ? 127 - i % 255 : 255);
  const BytesMatrix am{a.data(), signs.a, a_zero.data(), per_line};
  const BytesMatrix bm{b.data(), signs.b, b_zero.data(), per_line};
  std::vector<int16_t> packed(static_cast<size_t>(packed_b_s32_count(tier, k, n)));
  pack_b_s32(tier, bm, trans_b ? k : n, trans_b, k, n, packed.data());
  for (int threads : {1, 2, 3}) {
    std::vector<int32_t> c(static_cast<size_t>(m * (n + 2)), 77);
    GemmS32Args args;
    args.m = m;
    args.n = n;
    args.k = k;
    args.a = am;
    args.lda = k + 1;
    args.packed_b = packed.data();
    args.c = c.data();
    args.ldc = n + 2;
    ThreadPool pool(threads);
    std::vector<char> space(gemm_s32_workspace_bytes(tier, args, threads));
    gemm_s32(tier, args, space.data(), pool);
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n + 2; ++j) {
        int32_t want = 77;
        if (j < n) {
          want = 0;
          for (int64_t p = 0; p < k; ++p) {
            want += (am.at(i * (k + 1) + p) - am.zero_point(i)) *
                    (bm.at(trans_b ? j * k + p : p * n + j) - bm.zero_point(j));
          }
        }
        ASSERT_EQ(c[i * (n + 2) + j], want) << tier_name(tier) << " " << m << "x" << n << "x" << k;
      }
    }
  }
}

TEST(GemmS32, ShapesSignsZeroPoints) {
  for (Tier tier : available_tiers()) {
    for (bool a : {false, true}) {
      for (bool b : {false, true}) {
        check_gemm(tier, 5, 7, 9, false, {a, b}, false);
        check_gemm(tier, 29, 37, 70, true, {a, b}, true);
        check_gemm(tier, 50, 16, 1, false, {a, b}, true);
      }
    }
    for (int64_t m = 1; m <= 13; ++m) check_gemm(tier, m, 33, 6, false, {false, true}, false);
    check_gemm(tier, 100, 130, 257, false, {false, true}, false);
    check_gemm(tier, 3, 5, 0, false, {false, true}, false);
  }
}

void check_conv(Tier tier, ConvShape s, bool src_signed) {
  for (int i = 0; i < 3; ++i) {
    const int64_t span = (s.kernel[i] - 1) * s.dilation[i] + 1;
    s.out[i] = (s.in[i] + 2 * s.pad[i] - span) / s.stride[i] + 1;
  }
  const int64_t channels = s.in_channels / s.groups, cols = s.out_channels / s.groups;
  const auto x = random_bytes(s.batch * s.in_pixels() * s.in_channels, 1);
  const auto w = random_bytes(s.out_channels * channels * s.taps(), 2);
  const int32_t x_zero = src_signed ? -7 : 131;
  std::vector<int32_t> w_zero(static_cast<size_t>(s.out_channels));
  for (size_t i = 0; i < w_zero.size(); ++i) w_zero[i] = static_cast<int32_t>(i % 20) - 10;
  const BytesMatrix xm{x.data(), src_signed, &x_zero, false};
  const BytesMatrix wm{w.data(), true, w_zero.data(), true};
  std::vector<int16_t> packed(static_cast<size_t>(conv_s32_packed_count(tier, s)));
  conv_s32_pack(tier, s, wm, packed.data());
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<char> space(conv_s32_workspace_bytes(tier, s, threads));
    std::vector<int32_t> y(static_cast<size_t>(s.batch * s.out_pixels() * s.out_channels));
    conv_s32(tier, s, xm, packed.data(), y.data(), nullptr, nullptr, space.data(), pool);
    for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
      const int64_t oc = i % s.out_channels, pixel = i / s.out_channels;
      const int64_t item = pixel / s.out_pixels();
      int32_t want = 0;
      for (int64_t tap = 0; tap < s.taps(); ++tap) {
        const int64_t iz = pixel / s.out[2] / s.out[1] % s.out[0] * s.stride[0] - s.pad[0] +
                           tap / s.kernel[2] / s.kernel[1] * s.dilation[0];
        const int64_t iy = pixel / s.out[2] % s.out[1] * s.stride[1] - s.pad[1] +
                           tap / s.kernel[2] % s.kernel[1] * s.dilation[1];
        const int64_t ix =
            pixel % s.out[2] * s.stride[2] - s.pad[2] + tap % s.kernel[2] * s.dilation[2];
        if (iz < 0 || iz >= s.in[0] || iy < 0 || iy >= s.in[1] || ix < 0 || ix >= s.in[2]) continue;
        const int64_t at = ((item * s.in[0] + iz) * s.in[1] + iy) * s.in[2] + ix;
        for (int64_t c = 0; c < channels; ++c) {
          want += (xm.at(at * s.in_channels + oc / cols * channels + c) - x_zero) *
                  (wm.at((oc * channels + c) * s.taps() + tap) - w_zero[oc]);
        }
      }
      ASSERT_EQ(y[i], want) << tier_name(tier);
    }
  }
}

TEST(GemmS32, Convolutions) {
  for (Tier tier : available_tiers()) {
    check_conv(tier,
               {.batch = 2,
                .in = {1, 7, 9},
                .kernel = {1, 3, 3},
                .stride = {1, 2, 1},
                .dilation = {1, 1, 2},
                .pad = {0, 1, 2},
                .in_channels = 5,
                .out_channels = 35},
               false);
    check_conv(tier,
               {.in = {3, 5, 6},
                .kernel = {2, 3, 1},
                .pad = {1, 1, 0},
                .groups = 3,
                .in_channels = 6,
                .out_channels = 9},
               true);
  }
}

}  // namespace
}  // namespace sardonyx
