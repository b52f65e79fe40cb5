// Depthwise convolution against f64, on every tier: all specialised kernels and the general one,
// widths around the tiles, channels around the vectors, epilogues; same bits for 1, 2, 3 threads.
#include "cpu/depthwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  int64_t kernel, stride, dilation, height, width, channels;
  int64_t batch = 1, depth = 1, kernel_depth = 1;
  int64_t pad_ld = 0;
  int64_t multiplier = 1;
};

ConvShape shape_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in = {c.depth, c.height, c.width};
  s.kernel = {c.kernel_depth, c.kernel, c.kernel};
  s.stride = {1, c.stride, c.stride};
  s.dilation = {1, c.dilation, c.dilation};
  const int64_t pad = c.kernel / 2 * c.dilation;
  s.pad = {c.kernel_depth / 2, pad, pad};
  for (int i = 0; i < 3; ++i) {
    const int64_t span = (s.kernel[i] - 1) * s.dilation[i] + 1;
    s.out[i] = (s.in[i] + 2 * s.pad[i] - span) / s.stride[i] + 1;
  }
  s.groups = s.in_channels = c.channels;
  s.out_channels = c.channels * c.multiplier;
  s.src_ld = s.in_channels + c.pad_ld;
  s.dst_ld = s.out_channels + c.pad_ld;
  return s;
}

double reference(const ConvShape& s, const std::vector<float>& src,
                 const std::vector<float>& weights, int64_t pixel, int64_t channel,
                 double& absolute) {
  const int64_t n = pixel / s.out_pixels();
  const int64_t z0 = pixel / s.out[2] / s.out[1] % s.out[0] * s.stride[0] - s.pad[0];
  const int64_t y0 = pixel / s.out[2] % s.out[1] * s.stride[1] - s.pad[1];
  const int64_t x0 = pixel % s.out[2] * s.stride[2] - s.pad[2];
  double sum = 0;
  absolute = 2;
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t z = z0 + tap / s.kernel[2] / s.kernel[1] * s.dilation[0];
    const int64_t y = y0 + tap / s.kernel[2] % s.kernel[1] * s.dilation[1];
    const int64_t x = x0 + tap % s.kernel[2] * s.dilation[2];
    if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1] || x < 0 || x >= s.in[2]) continue;
    const int64_t at = ((n * s.in[0] + z) * s.in[1] + y) * s.in[2] + x;
    const double a = src[at * s.src_stride() + channel * s.in_channels / s.out_channels];
    sum += a * weights[channel * s.taps() + tap];
    absolute += std::abs(a * weights[channel * s.taps() + tap]);
  }
  return sum;
}

void check(Tier tier, const Case& test, const Epilogue<float>& epilogue,
           double (*finish)(double sum, double residual)) {
  const ConvShape s = shape_of(test);
  ASSERT_EQ(depth_multiplier(s), test.multiplier);
  const int64_t pixels = s.batch * s.out_pixels();
  const auto src = random_floats(s.batch * s.in_pixels() * s.src_stride(), 1);
  const auto weights = random_floats(s.out_channels * s.taps(), 2);
  const auto bias = random_floats(s.out_channels, 3);
  const auto residual = random_floats(pixels * s.dst_stride(), 4);
  std::vector<float> packed(weights.size());
  depthwise_pack(s, weights.data(), packed.data());
  Epilogue<float> e = epilogue;
  e.bias = bias.data();
  if (e.residual_ld != 0) e.residual = residual.data();
  e.residual_ld = s.dst_stride();
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    // Kernels learn of strides after their workspace has been sized.
    ConvShape dense = s;
    dense.src_ld = dense.dst_ld = 0;
    std::vector<char> space(depthwise_workspace_bytes(dense, threads));
    std::vector<float> dst(static_cast<size_t>(pixels * s.dst_stride()), 77.0f);
    depthwise(tier, s, src.data(), packed.data(), e, dst.data(), space.data(), pool);
    if (threads == 1) first = dst;
    ASSERT_TRUE(same_bits(first, dst));
  }
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < s.dst_stride(); ++c) {
      const int64_t at = pixel * s.dst_stride() + c;
      if (c >= s.out_channels) {
        ASSERT_EQ(first[at], 77.0f);
        continue;
      }
      double absolute = 0;
      const double sum = reference(s, src, weights, pixel, c, absolute);
      const double bound = 2 * static_cast<double>(s.taps() + 4) * 0x1p-24 * absolute;
      ASSERT_NEAR(first[at], finish(sum + bias[c], residual[at]), bound)
          << tier_name(tier) << " kernel " << test.kernel << " stride " << test.stride << " width "
          << test.width << " channels " << test.channels << " pixel " << pixel;
    }
  }
}

double relu6(double sum, double) { return std::min(std::max(sum, 0.0), 6.0); }

TEST(Depthwise, KernelsStridesWidthsChannels) {
  Epilogue<float> clip;
  clip.activation = Activation::kClip;
  clip.p1 = 6;
  for (Tier tier : available_tiers()) {
    for (int64_t kernel : {3, 5, 7}) {
      for (int64_t stride : {1, 2}) {
        for (int64_t width : {1, 2, 7, 13, 14, 16, 31}) {
          check(tier, {kernel, stride, 1, 6, width, 40}, clip, relu6);
        }
        for (int64_t channels : {1, 3, 4, 15, 16, 17, 24, 100}) {
          check(tier, {kernel, stride, 1, 5, 9, channels, 2, 1, 1, 3}, clip, relu6);
        }
      }
    }
    for (int64_t kernel : {3, 5}) {
      for (int64_t width : {1, 3, 9, 14, 16, 33}) {
        check(tier, {kernel, 1, 2, 9, width, 20}, clip, relu6);
      }
    }
    check(tier, {3, 2, 3, 12, 15, 20}, clip, relu6);
    check(tier, {1, 1, 1, 4, 4, 20}, clip, relu6);
    check(tier, {4, 3, 1, 11, 10, 9}, clip, relu6);
    check(tier, {3, 1, 1, 6, 7, 20, 2, 4, 3}, clip, relu6);
    check(tier, {5, 1, 1, 40, 40, 70}, clip, relu6);
  }
}

TEST(Depthwise, AnyKernel) {
  const Epilogue<float> none;
  const auto plain = [](double sum, double) { return sum; };
  for (Tier tier : available_tiers()) {
    for (int64_t kernel : {1, 2, 9, 31}) {
      for (int64_t stride : {1, 2, 4}) {
        for (int64_t width : {1, 7, 8, 15, 50}) {
          check(tier, {kernel, stride, 1, 9, width, 20}, none, plain);
        }
        check(tier, {kernel, stride, 3, 9, 50, 3}, none, plain);
      }
    }
  }
}

// Vectors that go through pixel after pixel.
TEST(Depthwise, ChannelsThatFillNoVector) {
  Epilogue<float> e;
  e.residual_ld = 1;
  e.residual_after = true;
  const auto added = [](double sum, double residual) { return sum + residual; };
  for (Tier tier : available_tiers()) {
    for (int64_t channels : {1, 2, 3, 4, 5, 6, 7, 9, 15}) {
      for (int64_t width : {1, 5, 37, 300}) {
        check(tier, {5, 1, 1, 9, width, channels, 2}, e, added);
      }
      check(tier, {3, 1, 1, 8, 1000, channels}, e, added);
      check(tier, {11, 1, 2, 30, 40, channels}, e, added);
      check(tier, {3, 1, 1, 6, 40, channels, 2, 4, 3}, e, added);
      check(tier, {3, 1, 1, 9, 40, channels, 1, 1, 1, 3}, e, added);
    }
  }
}

// Lines that are copied: of few sets of the first cache, of a ring, whole and in strips.
TEST(Depthwise, DistancesOfPowersOfTwo) {
  const Epilogue<float> none;
  const auto plain = [](double sum, double) { return sum; };
  for (Tier tier : available_tiers()) {
    for (int64_t pad_ld : {0, 16}) {
      check(tier, {3, 1, 1, 9, 14, 512, 1, 1, 1, pad_ld}, none, plain);
      check(tier, {3, 2, 1, 9, 29, 256, 2, 1, 1, pad_ld}, none, plain);
      check(tier, {5, 1, 1, 8, 40, 256, 1, 1, 1, pad_ld}, none, plain);
      check(tier, {7, 1, 2, 9, 33, 256, 1, 1, 1, pad_ld}, none, plain);
      check(tier, {3, 1, 1, 5, 20, 256, 1, 4, 3, pad_ld}, none, plain);
    }
  }
}

TEST(Depthwise, SeveralFiltersPerChannel) {
  Epilogue<float> e;
  e.activation = Activation::kClip;
  e.p1 = 6;
  for (Tier tier : available_tiers()) {
    for (int64_t multiplier : {2, 3, 7, 16, 33}) {
      for (int64_t channels : {2, 3, 5, 8, 17, 40}) {
        check(tier, {3, 1, 1, 4, 9, channels, 2, 1, 1, 3, multiplier}, e, relu6);
        check(tier, {7, 2, 1, 9, 21, channels, 1, 1, 1, 0, multiplier}, e, relu6);
      }
    }
    check(tier, {3, 1, 2, 6, 7, 20, 2, 4, 3, 0, 2}, e, relu6);
  }
}

TEST(Depthwise, Epilogues) {
  for (Tier tier : available_tiers()) {
    Epilogue<float> e;
    check(tier, {3, 1, 1, 8, 8, 20}, e, [](double sum, double) { return sum; });
    e.activation = Activation::kSilu;
    check(tier, {3, 1, 1, 30, 30, 150}, e,
          [](double sum, double) { return sum / (1 + std::exp(-sum)); });
    e.residual_ld = 1;
    e.residual_after = true;
    check(tier, {3, 1, 1, 8, 8, 20}, e,
          [](double sum, double r) { return sum / (1 + std::exp(-sum)) + r; });
    e.activation = Activation::kClip;
    e.p1 = 1;
    e.residual_after = false;
    check(tier, {3, 1, 1, 8, 8, 20}, e,
          [](double sum, double r) { return std::min(std::max(sum + r, 0.0), 1.0); });
  }
}

}  // namespace
}  // namespace sardonyx
