// A convolution and the pooling behind it in one go: the bits that they give one after the other,
// over kernels, strides, pads, modes, batches, threads and tiers.
#include "cpu/pooled_conv.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  int64_t batch, height, width, channels;  // before the pooling
  int64_t kernel, stride, pad;             // of the pooling
  int64_t dilation = 1;
  PoolMode mode = PoolMode::kMax;
  int64_t dst_ld = 0;
};

// Gives `height` lines of `width` pixels.
ConvShape conv_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in_channels = 3;
  s.out_channels = c.channels;
  s.out = {1, c.height, c.width};
  s.in = {1, 2 * c.height, 2 * c.width};
  s.kernel = {1, 3, 3};
  s.stride = {1, 2, 2};
  s.pad = {0, 1, 1};
  return s;
}

PoolArgs pool_of(const Case& c) {
  PoolArgs pool;
  ConvShape& s = pool.shape;
  pool.mode = c.mode;
  pool.pad_end = {0, c.pad, c.pad};
  s.batch = c.batch;
  s.in_channels = s.out_channels = c.channels;
  s.in = {1, c.height, c.width};
  s.kernel = {1, c.kernel, c.kernel};
  s.stride = {1, c.stride, c.stride};
  s.dilation = {1, c.dilation, c.dilation};
  s.pad = {0, c.pad, c.pad};
  for (int i : {1, 2}) {
    s.out[i] = (s.in[i] + 2 * c.pad - (c.kernel - 1) * c.dilation - 1) / c.stride + 1;
  }
  s.dst_ld = c.dst_ld;
  return pool;
}

void check(Tier tier, const Case& test) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
  const PoolArgs args = pool_of(test);
  const int64_t dst_ld = test.dst_ld == 0 ? test.channels : test.dst_ld;
  ConvStage stage{conv_of(test), nullptr, {}};
  const ConvShape& shape = stage.shape;
  const auto src = random_floats(test.batch * shape.in_pixels() * shape.in_channels, 1);
  const auto weights = random_floats(shape.out_channels * shape.in_channels * shape.taps(), 2);
  const auto bias = random_floats(test.channels, 3);
  ThreadPool one(1);
  std::vector<float> packed(static_cast<size_t>(conv_packed_count(kernels, shape)));
  conv_pack(kernels, shape, weights.data(), packed.data(), one);
  stage.packed = packed.data();
  stage.epilogue.bias = bias.data();
  stage.epilogue.activation = Activation::kSilu;

  const int64_t count = test.batch * args.shape.out_pixels() * dst_ld;
  std::vector<float> between(static_cast<size_t>(test.batch * shape.out_pixels() * test.channels));
  std::vector<char> space(conv_workspace_bytes(kernels, shape, 1) + 64);
  conv(kernels, shape, src.data(), packed.data(), stage.epilogue, between.data(), space.data(),
       one);
  std::vector<float> expected(static_cast<size_t>(count), 77.0f);
  pool(tier, args, between.data(), expected.data(), one);
  for (int threads : {1, 2, 3}) {
    ThreadPool several(threads);
    std::vector<float> dst(static_cast<size_t>(count), 77.0f);
    std::vector<char> memory(pooled_conv_workspace_bytes(shape, args, threads) + 64);
    pooled_conv(tier, stage, args, src.data(), dst.data(), memory.data(), several);
    ASSERT_TRUE(same_bits(expected, dst))
        << tier_name(tier) << " kernel " << test.kernel << " stride " << test.stride << " pad "
        << test.pad << " height " << test.height << " threads " << threads;
  }
}

TEST(PooledConv, GivesWhatTheTwoGive) {
  for (Tier tier : available_tiers()) {
    for (const PoolMode mode : {PoolMode::kMax, PoolMode::kAverage, PoolMode::kAverageWithPads}) {
      for (const int64_t stride : {1, 2, 3}) {
        check(tier, {1, 57, 60, 96, 3, stride, 1, 1, mode});
        check(tier, {2, 41, 50, 70, 2, stride, 0, 1, mode, 100});
      }
      check(tier, {1, 40, 50, 64, 3, 2, 1, 2, mode});
    }
    check(tier, {1, 45, 50, 64, 2, 5, 0});    // lines that no window reads
    check(tier, {2, 3, 900, 64, 3, 1, 1});    // few lines
    check(tier, {1, 9, 3000, 100, 3, 2, 1});  // lines too long for the cache
    check(tier, {1, 8, 50, 64, 8, 1, 0});     // a window as high as the picture
  }
}

TEST(PooledConv, OnlyWhereItPays) {
  const Case large{1, 100, 50, 64, 3, 2, 1};
  const auto takes = [](const Case& test, int threads) {
    return can_join_pool(conv_of(test), pool_of(test), threads);
  };
  EXPECT_TRUE(takes(large, 1));
  EXPECT_FALSE(takes(large, 2));
  EXPECT_FALSE(takes({1, 50, 50, 64, 3, 2, 1}, 1));
  ConvShape groups = conv_of(large);
  groups.groups = 2;
  EXPECT_FALSE(can_join_pool(groups, pool_of(large), 1));
  PoolArgs slice = pool_of(large);
  slice.shape.src_ld = 100;
  EXPECT_FALSE(can_join_pool(conv_of(large), slice, 1));
}

}  // namespace
}  // namespace sardonyx
