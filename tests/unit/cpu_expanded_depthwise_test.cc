// A 1x1 convolution and the depthwise one behind it in one go: the bits that the two give one after
// the other, over kernels, strides, pads, batches, threads and tiers.
#include "cpu/expanded_depthwise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  int64_t batch, height, width, in_channels, channels, kernel, stride;
  int64_t pad = -1;  // -1: half of the kernel
  int64_t dilation = 1;
};

ConvShape expansion_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in_channels = c.in_channels;
  s.out_channels = c.channels;
  s.in = s.out = {1, c.height, c.width};
  return s;
}

ConvShape depthwise_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in_channels = s.out_channels = s.groups = c.channels;
  s.in = {1, c.height, c.width};
  s.kernel = {1, c.kernel, c.kernel};
  s.stride = {1, c.stride, c.stride};
  s.dilation = {1, c.dilation, c.dilation};
  const int64_t pad = c.pad < 0 ? c.kernel / 2 * c.dilation : c.pad;
  s.pad = {0, pad, pad};
  for (int i : {1, 2}) {
    s.out[i] = (s.in[i] + 2 * pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  }
  return s;
}

void check(Tier tier, const Case& test, Activation activation, bool with_residual) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  ConvStage expand, depth;
  expand.shape = expansion_of(test);
  depth.shape = depthwise_of(test);
  ASSERT_TRUE(can_expand_depthwise(expand.shape, depth.shape, 1));
  const int64_t between = test.batch * expand.shape.out_pixels() * test.channels;
  const int64_t count = test.batch * depth.shape.out_pixels() * test.channels;
  const auto src = random_floats(test.batch * expand.shape.in_pixels() * test.in_channels, 1);
  const auto weights = random_floats(test.channels * test.in_channels, 2);
  const auto filters = random_floats(test.channels * depth.shape.taps(), 3);
  const auto bias = random_floats(test.channels, 4);
  const auto residual = random_floats(count, 5);
  ThreadPool one(1);
  std::vector<float> packed(static_cast<size_t>(conv_packed_count(kernels, expand.shape)));
  conv_pack(kernels, expand.shape, weights.data(), packed.data(), one);
  std::vector<float> packed_filters(filters.size());
  depthwise_pack(depth.shape, filters.data(), packed_filters.data());
  expand.packed = packed.data();
  depth.packed = packed_filters.data();
  for (ConvStage* stage : {&expand, &depth}) {
    stage->epilogue.bias = bias.data();
    stage->epilogue.activation = activation;
    stage->epilogue.p1 = 6;
  }
  if (with_residual) {
    depth.epilogue.residual = residual.data();
    depth.epilogue.residual_ld = test.channels;
  }
  std::vector<float> middle(static_cast<size_t>(between)), expected(static_cast<size_t>(count));
  std::vector<char> space(std::max(conv_workspace_bytes(kernels, expand.shape, 1),
                                   depthwise_workspace_bytes(depth.shape, 1)));
  conv(kernels, expand.shape, src.data(), packed.data(), expand.epilogue, middle.data(),
       space.data(), one);
  depthwise(tier, depth.shape, middle.data(), packed_filters.data(), depth.epilogue,
            expected.data(), space.data(), one);
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    std::vector<char> own(expanded_depthwise_workspace_bytes(expand.shape, depth.shape, threads) +
                          64);
    std::vector<float> dst(static_cast<size_t>(count), 77.0f);
    expanded_depthwise(tier, expand, depth, src.data(), dst.data(), own.data(), pool);
    ASSERT_TRUE(same_bits(expected, dst))
        << tier_name(tier) << " kernel " << test.kernel << " stride " << test.stride << " height "
        << test.height << " threads " << threads;
  }
}

TEST(ExpandedDepthwise, GivesWhatTheTwoGive) {
  for (Tier tier : available_tiers()) {
    for (const int64_t kernel : {3, 5}) {
      for (const int64_t stride : {1, 2}) {
        check(tier, {1, 50, 61, 9, 100, kernel, stride}, Activation::kClip, false);
        check(tier, {2, 51, 64, 16, 96, kernel, stride}, Activation::kSilu, false);
        check(tier, {1, 64, 50, 24, 112, kernel, stride, 0}, Activation::kHardSwish, stride == 1);
      }
    }
    check(tier, {1, 60, 60, 16, 96, 3, 1, -1, 2}, Activation::kClip, true);
    check(tier, {1, 60, 60, 16, 96, 3, 3, 1}, Activation::kClip, false);
    check(tier, {1, 60, 60, 16, 96, 1, 2, 0}, Activation::kClip, false);
    // A window that is higher than the picture, and lines too long for the ring.
    check(tier, {3, 2, 1500, 8, 100, 5, 1}, Activation::kClip, false);
    check(tier, {1, 5, 3000, 8, 100, 3, 1}, Activation::kClip, false);
  }
}

TEST(ExpandedDepthwise, OnlyWhereItPays) {
  const Case large{1, 64, 64, 16, 96, 3, 1};
  const auto takes = [](const Case& test, int threads) {
    return can_expand_depthwise(expansion_of(test), depthwise_of(test), threads);
  };
  EXPECT_TRUE(takes(large, 1));
  EXPECT_FALSE(takes(large, 2));
  EXPECT_FALSE(takes({1, 28, 28, 16, 96, 3, 1}, 1));
  ConvShape wide = expansion_of(large);
  wide.kernel = {1, 3, 3};
  EXPECT_FALSE(can_expand_depthwise(wide, depthwise_of(large), 1));
  ConvShape apart = expansion_of(large);
  apart.dst_ld = 200;
  EXPECT_FALSE(can_expand_depthwise(apart, depthwise_of(large), 1));
}

}  // namespace
}  // namespace sardonyx
