// Transposed convolution against a scatter in f64, on every tier; same bits for 1, 2, 3 threads.
#include "cpu/conv_transpose.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  const char* name;
  ConvShape shape;
  std::array<int64_t, 3> pad_end = {0, 0, 0};  // may be negative: output padding
};

// The scatter as ONNX defines it, and the sums of absolute products.
struct Reference {
  std::vector<double> sum, absolute;
};
Reference scatter(const ConvShape& s, const std::vector<float>& src,
                  const std::vector<float>& weights) {
  const size_t count = static_cast<size_t>(s.batch * s.out_pixels() * s.out_channels);
  Reference r{std::vector<double>(count), std::vector<double>(count, 2.0)};
  const int64_t channels = s.in_channels / s.groups, cols = s.out_channels / s.groups;
  for (int64_t pixel = 0; pixel < s.batch * s.in_pixels(); ++pixel) {
    const int64_t item = pixel / s.in_pixels();
    const int64_t iz = pixel / s.in[2] / s.in[1] % s.in[0];
    const int64_t iy = pixel / s.in[2] % s.in[1], ix = pixel % s.in[2];
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      const int64_t z =
          iz * s.stride[0] + tap / s.kernel[2] / s.kernel[1] * s.dilation[0] - s.pad[0];
      const int64_t y =
          iy * s.stride[1] + tap / s.kernel[2] % s.kernel[1] * s.dilation[1] - s.pad[1];
      const int64_t x = ix * s.stride[2] + tap % s.kernel[2] * s.dilation[2] - s.pad[2];
      if (z < 0 || z >= s.out[0] || y < 0 || y >= s.out[1] || x < 0 || x >= s.out[2]) continue;
      const int64_t to = ((item * s.out[0] + z) * s.out[1] + y) * s.out[2] + x;
      for (int64_t ic = 0; ic < s.in_channels; ++ic) {
        const int64_t group = ic / channels;
        for (int64_t c = 0; c < cols; ++c) {
          const double product = static_cast<double>(src[pixel * s.src_stride() + ic]) *
                                 weights[(ic * cols + c) * s.taps() + tap];
          r.sum[to * s.out_channels + group * cols + c] += product;
          r.absolute[to * s.out_channels + group * cols + c] += std::abs(product);
        }
      }
    }
  }
  return r;
}

void check(Tier tier, const Case& test, bool adds) {
  ConvShape s = test.shape;
  for (int i = 0; i < 3; ++i) {
    s.out[i] = (s.in[i] - 1) * s.stride[i] + (s.kernel[i] - 1) * s.dilation[i] + 1 - s.pad[i] -
               test.pad_end[i];
  }
  const auto& kernels = gemm_kernels<float>(tier);
  const auto src = random_floats(s.batch * s.in_pixels() * s.src_stride(), 1);
  const auto weights = random_floats(s.in_channels * s.out_channels / s.groups * s.taps(), 2);
  const auto bias = random_floats(s.out_channels, 3);
  const int64_t pixels = s.batch * s.out_pixels();
  const auto residual = random_floats(pixels * s.dst_stride(), 4);
  const Reference want = scatter(s, src, weights);
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    std::vector<float> packed(static_cast<size_t>(conv_transpose_packed_count(kernels, s)));
    conv_transpose_pack(kernels, s, weights.data(), packed.data(), pool);
    std::vector<float> dst(static_cast<size_t>(pixels * s.dst_stride()), 77.0f);
    Epilogue<float> epilogue = relu_epilogue<float>(bias.data());
    if (adds) epilogue.residual = residual.data();
    epilogue.residual_ld = s.dst_stride();
    std::vector<float> space(conv_transpose_workspace_bytes<float>(s, threads) / sizeof(float));
    conv_transpose(kernels, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
    if (threads == 1) first = dst;
    ASSERT_TRUE(same_bits(first, dst)) << test.name;
  }
  const int64_t depth = s.taps() * s.in_channels / s.groups;
  const auto k = static_cast<double>(depth);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < s.dst_stride(); ++c) {
      const int64_t at = pixel * s.dst_stride() + c;
      if (c >= s.out_channels) {
        ASSERT_EQ(first[at], 77.0f);
        continue;
      }
      const int64_t i = pixel * s.out_channels + c;
      const double y = std::max(want.sum[i] + bias[c] + (adds ? residual[at] : 0), 0.0);
      ASSERT_NEAR(first[at], y, (k + 4) * 0x1p-24 * want.absolute[i])
          << test.name << " on " << tier_name(tier) << " pixel " << pixel << " channel " << c;
    }
  }
}

TEST(ConvTranspose, MatchesScatter) {
  const Case cases[] = {
      {"2x2 stride 2",
       {.batch = 2,
        .in = {1, 5, 7},
        .kernel = {1, 2, 2},
        .stride = {1, 2, 2},
        .in_channels = 20,
        .out_channels = 37}},
      {"3x3 stride 1",
       {.in = {1, 5, 7},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 5,
        .out_channels = 9},
       {0, 1, 1}},
      {"3x3 stride 2, output padding",
       {.in = {1, 5, 7},
        .kernel = {1, 3, 3},
        .stride = {1, 2, 2},
        .pad = {0, 1, 1},
        .in_channels = 16,
        .out_channels = 9},
       {0, 0, 1}},
      {"output padding beyond every tap",
       {.in = {1, 3, 3},
        .kernel = {1, 1, 1},
        .stride = {1, 3, 3},
        .in_channels = 4,
        .out_channels = 5},
       {0, -2, -2}},
      {"stride 3, dilation 2",
       {.in = {1, 4, 6},
        .kernel = {1, 3, 4},
        .stride = {1, 3, 2},
        .dilation = {1, 2, 3},
        .pad = {0, 1, 2},
        .in_channels = 7,
        .out_channels = 18},
       {0, 0, 1}},
      {"groups",
       {.in = {1, 4, 6},
        .kernel = {1, 4, 4},
        .stride = {1, 2, 2},
        .pad = {0, 1, 1},
        .groups = 3,
        .in_channels = 12,
        .out_channels = 15},
       {0, 1, 1}},
      {"1-d",
       {.in = {1, 1, 11},
        .kernel = {1, 1, 5},
        .stride = {1, 1, 2},
        .in_channels = 7,
        .out_channels = 3}},
      {"3-d, slices",
       {.batch = 2,
        .in = {2, 3, 4},
        .kernel = {3, 2, 3},
        .stride = {2, 1, 2},
        .pad = {1, 0, 1},
        .in_channels = 6,
        .out_channels = 10,
        .src_ld = 9,
        .dst_ld = 13},
       {0, 0, 1}},
      {"long lines",
       {.in = {1, 3, 70},
        .kernel = {1, 4, 4},
        .stride = {1, 2, 2},
        .pad = {0, 1, 1},
        .in_channels = 16,
        .out_channels = 24},
       {0, 1, 1}},
      {"many short lines, of one pixel",
       {.batch = 3,
        .in = {1, 40, 1},
        .kernel = {1, 4, 4},
        .stride = {1, 2, 1},
        .pad = {0, 1, 0},
        .in_channels = 10,
        .out_channels = 24},
       {0, 1, 0}},
      {"cropped more than a tap",
       {.in = {1, 4, 5},
        .kernel = {1, 2, 2},
        .stride = {1, 2, 2},
        .pad = {0, 3, 2},
        .in_channels = 6,
        .out_channels = 10},
       {0, 1, 2}},
  };
  for (Tier tier : available_tiers()) {
    for (const Case& test : cases) {
      for (const bool adds : {false, true}) check(tier, test, adds);
    }
  }
}

}  // namespace
}  // namespace sardonyx
