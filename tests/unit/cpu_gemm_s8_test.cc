// Integer products and convolutions against plain loops, exactly, on every tier.
#include "cpu/conv_s8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
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

// Weights as they are stored (signed, or shifted by 128): up to +-spread, which is frequent, and
// now and then up to +-most.
struct Spread {
  int32_t spread = 128, most = 128;
};

std::vector<uint8_t> random_weights(int64_t count, uint32_t seed, bool is_signed, Spread s) {
  if (s.spread == 128) return random_bytes(count, seed);
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  for (uint8_t& byte : bytes) {
    const uint32_t random = engine();
    const int32_t most = random % 64 == 0 ? s.most : s.spread;
    const int32_t inner = static_cast<int32_t>(random >> 8) % (2 * most + 1) - most;
    const int32_t stored = random % 4 == 1 ? most : random % 4 == 2 ? -most : inner;
    byte = static_cast<uint8_t>(std::min(stored, 127) ^ (is_signed ? 0 : 0x80));
  }
  return bytes;
}

struct Signs {
  bool a, b;
};

void check_gemm(Tier tier, int64_t m, int64_t n, int64_t k, bool trans_b, Signs signs,
                bool per_line, Spread spread = {}) {
  const auto a = random_bytes(m * (k + 1), 1);
  const auto b = random_weights(k * n, 2, signs.b, spread);
  std::vector<int32_t> a_zero(static_cast<size_t>(m)), b_zero(static_cast<size_t>(n));
  for (int64_t i = 0; i < m; ++i)
    a_zero[i] = static_cast<int32_t>(signs.a ? i % 255 - 128 : i % 256);
  for (int64_t i = 0; i < n; ++i) b_zero[i] = static_cast<int32_t>(signs.b ? 127 - i % 255 : 255);
  const BytesMatrix am{a.data(), signs.a, a_zero.data(), per_line};
  const BytesMatrix bm{b.data(), signs.b, b_zero.data(), per_line};
  ThreadPool one(1);
  std::vector<char> packed(packed_s8_bytes(tier, n, 1, k));
  PlacesS8 places;
  places.step = trans_b ? 1 : n;
  places.col_step = trans_b ? k : 1;
  pack_b_s8(tier, bm, places, n, 1, k, packed.data(), &one);
  for (int threads : {1, 2, 3}) {
    std::vector<int32_t> c(static_cast<size_t>(m * (n + 2)), 77);
    GemmS8Args args;
    args.m = m;
    args.a = am;
    args.lda = k + 1;
    args.b = packed_s8(tier, packed.data(), n, 1, k);
    args.output.dst = c.data();
    args.output.ld = n + 2;
    ThreadPool pool(threads);
    std::vector<char> space(gemm_s8_workspace_bytes(tier, m, n, k, threads));
    gemm_s8(tier, args, space.data(), &pool);
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

TEST(GemmS8, ShapesSignsZeroPoints) {
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

// Weights whose products fit 16 bits, two or four of them together, or do not, or all of that in
// one panel: what tiers without an instruction for four products tell apart.
TEST(GemmS8, SpreadsOfWeights) {
  for (Tier tier : available_tiers()) {
    for (const Spread spread : {Spread{32, 32}, Spread{33, 33}, Spread{64, 64}, Spread{65, 65},
                                Spread{32, 128}, Spread{64, 128}}) {
      for (bool a : {false, true}) {
        check_gemm(tier, 21, 70, 260, a, {a, true}, false, spread);
        check_gemm(tier, 7, 19, 42, true, {a, false}, true, spread);
      }
    }
  }
}

// A pair of one group and one of another at the same place; 255 * 128 < 2^15 < 255 * 129.
TEST(GemmS8, WhatFitsSixteenBits) {
  struct Case {
    int8_t pair[2], more[2];
    bool alone, together;
  };
  for (Tier tier : available_tiers()) {
    const GemmS8Kernels& kernels = gemm_s8_kernels(tier, 1, 64);
    if (!kernels.orders_groups) continue;
    const int64_t bytes = 4 * kernels.panel_cols;
    for (const Case& c :
         {Case{{64, 64}, {0, 0}, true, true}, Case{{65, 64}, {0, 0}, false, false},
          Case{{127, 1}, {-64, -64}, true, true}, Case{{127, 2}, {}, false, false},
          Case{{-128, 0}, {0, 127}, true, true}, Case{{-65, -64}, {}, false, false},
          Case{{32, 32}, {32, 32}, true, true}, Case{{32, 33}, {32, 32}, true, false},
          Case{{-32, -33}, {-64, 127}, true, false}}) {
      for (int64_t at = 0; at < bytes; at += 2) {
        std::vector<int8_t> group(static_cast<size_t>(bytes)), more = group;
        std::copy_n(c.pair, 2, group.begin() + at);
        std::copy_n(c.more, 2, more.begin() + at);
        EXPECT_EQ(kernels.fit(group.data(), 0, nullptr, bytes), c.alone) << int{c.pair[0]};
        if (!c.alone) continue;
        EXPECT_EQ(kernels.fit(group.data(), 0, more.data(), bytes), c.together) << int{c.pair[0]};
      }
    }
  }
}

// Which groups a panel has, in the tiers that order them.
TEST(GemmS8, KindsOfGroups) {
  constexpr int64_t kDepth = 64;
  struct Case {
    Spread spread;
    int32_t twos, ones;
  };
  for (Tier tier : available_tiers()) {
    if (!gemm_s8_kernels(tier, 1, kDepth).orders_groups) continue;
    for (const Case& c : {Case{{32, 32}, 8, 0}, Case{{64, 64}, 0, 16}, Case{{128, 128}, 0, 0}}) {
      const int64_t n = gemm_s8_kernels(tier).panel_cols;
      const auto b = random_weights(kDepth * n, 3, true, c.spread);
      const BytesMatrix bm{b.data(), true, nullptr, false};
      std::vector<char> packed(packed_s8_bytes(tier, n, 1, kDepth));
      pack_b_s8(tier, bm, {.step = n, .col_step = 1}, n, 1, kDepth, packed.data(), nullptr);
      const PackedS8 result = packed_s8(tier, packed.data(), n, 1, kDepth);
      EXPECT_EQ(result.kinds[0].twos, c.twos) << tier_name(tier);
      EXPECT_EQ(result.kinds[0].ones, c.ones) << tier_name(tier);
      std::vector<uint32_t> order(result.order, result.order + kDepth / 4);
      for (uint32_t& place : order) place &= (1u << kTurnShiftS8) - 1;
      std::sort(order.begin(), order.end());
      for (uint32_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
    }
  }
}

// Weights of which the first two do not fit 16 bits, and now and then neither the first and third.
TEST(GemmS8, TurnedGroups) {
  constexpr int64_t kDepth = 40, kRows = 5;
  constexpr int8_t kFours[2][4] = {{127, 10, -5, 20}, {-100, -40, -40, 20}};
  for (Tier tier : available_tiers()) {
    const int64_t n = gemm_s8_kernels(tier).panel_cols;
    std::vector<int8_t> b(static_cast<size_t>(kDepth * n));
    for (int64_t k = 0; k < kDepth; ++k) b[k * n + k % n] = 1;
    for (int64_t k = 0; k < kDepth; ++k) b[k * n + 2] = kFours[k / 4 % 2][k % 4];
    const BytesMatrix bm{b.data(), true, nullptr, false};
    std::vector<char> packed(packed_s8_bytes(tier, n, 1, kDepth));
    pack_b_s8(tier, bm, {.step = n, .col_step = 1}, n, 1, kDepth, packed.data(), nullptr);
    const std::vector<uint8_t> a(static_cast<size_t>(kRows * kDepth), 255);
    std::vector<int32_t> c(static_cast<size_t>(kRows * n));
    GemmS8Args args;
    args.m = kRows;
    args.a = {a.data(), false, nullptr, false};
    args.lda = kDepth;
    args.b = packed_s8(tier, packed.data(), n, 1, kDepth);
    args.output.dst = c.data();
    args.output.ld = n;
    if (args.b.kinds != nullptr) {
      EXPECT_EQ(args.b.kinds[0].turned, kDepth / 4) << tier_name(tier);
    }
    std::vector<char> space(gemm_s8_workspace_bytes(tier, kRows, n, kDepth, 1));
    gemm_s8(tier, args, space.data(), nullptr);
    for (int64_t i = 0; i < kRows * n; ++i) {
      int32_t want = 0;
      for (int64_t k = 0; k < kDepth; ++k) want += 255 * b[k * n + i % n];
      EXPECT_EQ(c[i], want) << tier_name(tier) << " " << i;
    }
  }
}

// The sums of a convolution by plain loops.
std::vector<int32_t> plain_conv(const ConvShape& s, const BytesMatrix& xm, const BytesMatrix& wm) {
  const int64_t channels = s.in_channels / s.groups, cols = s.out_channels / s.groups;
  std::vector<int32_t> y(static_cast<size_t>(s.batch * s.out_pixels() * s.out_channels));
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
        want += (xm.at(at * s.in_channels + oc / cols * channels + c) - xm.zero_point(0)) *
                (wm.at((oc * channels + c) * s.taps() + tap) - wm.zero_point(oc));
      }
    }
    y[i] = want;
  }
  return y;
}

// w_zeros: how far the zero points of the weights spread.
void check_conv(Tier tier, ConvShape s, bool src_signed, bool weights_signed = true,
                int32_t w_zeros = 20, Spread spread = {}) {
  for (int i = 0; i < 3; ++i) {
    const int64_t span = (s.kernel[i] - 1) * s.dilation[i] + 1;
    s.out[i] = (s.in[i] + 2 * s.pad[i] - span) / s.stride[i] + 1;
  }
  const int64_t channels = s.in_channels / s.groups;
  const auto x = random_bytes(s.batch * s.in_pixels() * s.in_channels, 1);
  const auto w = random_weights(s.out_channels * channels * s.taps(), 2, weights_signed, spread);
  const int32_t x_zero = src_signed ? -7 : 131;
  std::vector<int32_t> w_zero(static_cast<size_t>(s.out_channels));
  for (size_t i = 0; i < w_zero.size(); ++i) {
    w_zero[i] = static_cast<int32_t>(i) % w_zeros + (weights_signed ? -w_zeros / 2 : 128);
  }
  const BytesMatrix xm{x.data(), src_signed, &x_zero, false};
  const BytesMatrix wm{w.data(), weights_signed, w_zero.data(), true};
  const std::vector<int32_t> want = plain_conv(s, xm, wm);
  ThreadPool one(1);
  std::vector<char> packed(conv_s8_packed_bytes(tier, s));
  conv_s8_pack(tier, s, wm, packed.data(), one);
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::vector<char> space(conv_s8_workspace_bytes(tier, s, threads));
    std::vector<int32_t> y(static_cast<size_t>(s.batch * s.out_pixels() * s.out_channels));
    ConvS8Args args;
    args.src = xm;
    args.packed = packed.data();
    args.output.dst = y.data();
    conv_s8(tier, s, args, space.data(), pool);
    ASSERT_EQ(y, want) << tier_name(tier);
  }
}

TEST(GemmS8, Convolutions) {
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
    // groups of few channels, which are multiplied some at a time
    for (const int64_t of_group : {2, 3, 4, 8}) {
      for (const int64_t groups : {4, 6, 7, 32}) {
        check_conv(tier,
                   {.in = {1, 6, 7},
                    .kernel = {1, 3, 3},
                    .stride = {1, 1, 2},
                    .pad = {0, 1, 1},
                    .groups = groups,
                    .in_channels = 4 * groups,
                    .out_channels = of_group * groups},
                   of_group == 3, groups != 6);
      }
    }
    ConvShape pointers{.batch = 2,
                       .in = {1, 9, 8},
                       .kernel = {1, 3, 2},
                       .stride = {1, 1, 2},
                       .pad = {0, 1, 1},
                       .groups = 2,
                       .in_channels = 24,
                       .out_channels = 70};
    check_conv(tier, pointers, true, false);
    check_conv(tier, pointers, false, true, 1);
    check_conv(tier, pointers, true, true, 1, {32, 128});
    check_conv(tier, pointers, false, false, 20, {64, 64});
    check_conv(tier, {.in = {1, 5, 30}, .in_channels = 16, .out_channels = 33}, false);
    check_conv(tier, {.in = {1, 5, 30}, .in_channels = 3, .out_channels = 4}, true);
  }
}

TEST(GemmS8, DepthwiseConvolutions) {
  for (Tier tier : available_tiers()) {
    for (int64_t channels : {3, 16, 37, 64}) {
      for (int64_t kernel : {1, 2, 3, 5, 7}) {
        for (int64_t stride : {1, 2}) {
          const ConvShape shape{.batch = 2,
                                .in = {1, 8, 14},
                                .kernel = {1, kernel, kernel},
                                .stride = {1, stride, stride},
                                .pad = {0, kernel / 2, kernel / 2},
                                .groups = channels,
                                .in_channels = channels,
                                .out_channels = channels};
          check_conv(tier, shape, stride == 1, true, 1);
          check_conv(tier, shape, stride == 2, kernel == 3, 20);
        }
      }
    }
    check_conv(tier,
               {.in = {3, 5, 12},
                .kernel = {2, 3, 3},
                .dilation = {1, 1, 2},
                .pad = {1, 1, 2},
                .groups = 20,
                .in_channels = 20,
                .out_channels = 20},
               true, false);
  }
}

// Scaled results: what a sum becomes, with halves that round to even and numbers that saturate.
TEST(GemmS8, Results) {
  constexpr int64_t kM = 31, kN = 37, kK = 12;
  const auto a = random_bytes(kM * kK, 3), b = random_bytes(kK * kN, 4);
  const BytesMatrix am{a.data(), false, nullptr, false}, bm{b.data(), true, nullptr, false};
  std::vector<int32_t> add(64, 5);
  std::vector<float> scale(64, 1.0f / 512), bias(64, 0.25f);
  for (size_t i = 0; i < 64; i += 3) scale[i] = 1e30f;
  for (Tier tier : available_tiers()) {
    ThreadPool pool(2);
    std::vector<char> packed(packed_s8_bytes(tier, kN, 1, kK));
    PlacesS8 places;
    places.step = kN;
    places.col_step = 1;
    pack_b_s8(tier, bm, places, kN, 1, kK, packed.data(), &pool);
    ASSERT_LE(padded_cols_s8(tier, kN), 64);
    std::vector<char> space(gemm_s8_workspace_bytes(tier, kM, kN, kK, 2));
    std::vector<float> floats(kM * kN);
    std::vector<uint8_t> bytes(kM * kN), signed_bytes(kM * kN);
    for (ResultS8 result : {ResultS8::kFloat32, ResultS8::kUint8, ResultS8::kInt8}) {
      GemmS8Args args;
      args.m = kM;
      args.a = am;
      args.lda = kK;
      args.b = packed_s8(tier, packed.data(), kN, 1, kK);
      args.output.result = result;
      args.output.add = add.data();
      args.output.scale = scale.data();
      args.output.ld = kN;
      args.output.dst = bytes.data();
      if (result == ResultS8::kInt8) args.output.dst = signed_bytes.data();
      args.output.zero = result == ResultS8::kInt8 ? -3 : 7;
      if (result == ResultS8::kFloat32) {
        args.output.dst = floats.data();
        args.output.bias = bias.data();
      } else {
        saturate_s8(args.output);
      }
      gemm_s8(tier, args, space.data(), &pool);
    }
    for (int64_t i = 0; i < kM * kN; ++i) {
      int32_t sum = 5;
      for (int64_t k = 0; k < kK; ++k) {
        sum += am.at(i / kN * kK + k) * bm.at(k * kN + i % kN);
      }
      const float scaled = static_cast<float>(sum) * scale[static_cast<size_t>(i % kN)];
      const auto at = static_cast<size_t>(i);
      ASSERT_EQ(floats[at], scaled + 0.25f);
      ASSERT_EQ(bytes[at], std::clamp(std::nearbyint(scaled) + 7, 0.0f, 255.0f));
      ASSERT_EQ(static_cast<int8_t>(signed_bytes[at]),
                std::clamp(std::nearbyint(scaled) - 3, -128.0f, 127.0f));
    }
  }
}

}  // namespace
}  // namespace sardonyx
