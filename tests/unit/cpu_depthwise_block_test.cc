// A convolution, the depthwise one behind it and a projection in one go: the bits that they give
// one after the other, over kernels, strides, pads, batches, threads and tiers.
#include "cpu/depthwise_block.h"

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
  int64_t first_kernel = 1;  // with pads of half of it
  int64_t first_stride = 1;
};

// Gives `height` lines of `width` pixels.
ConvShape first_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in_channels = c.in_channels;
  s.out_channels = c.channels;
  s.out = {1, c.height, c.width};
  const int64_t pad = c.first_kernel / 2;
  s.pad = {0, pad, pad};
  s.kernel = {1, c.first_kernel, c.first_kernel};
  s.stride = {1, c.first_stride, c.first_stride};
  for (int i : {1, 2}) s.in[i] = (s.out[i] - 1) * c.first_stride + c.first_kernel - 2 * pad;
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

ConvShape projection_of(const Case& c, int64_t columns) {
  const ConvShape depthwise = depthwise_of(c);
  ConvShape s;
  s.batch = c.batch;
  s.in_channels = c.channels;
  s.out_channels = columns;
  s.in = s.out = depthwise.out;
  return s;
}

// The stages one after the other, and what they read.
class Stages {
 public:
  Stages(Tier tier, const Case& test, int64_t columns, Activation activation)
      : tier_(tier),
        test_(test),
        bias_(random_floats(std::max(test.channels, columns), 4)),
        src_(random_floats(first_of(test).in_pixels() * test.batch * test.in_channels, 1)) {
    block.first = dense(first_of(test), 2, packed_[0]);
    const ConvShape shape = depthwise_of(test);
    const auto filters = random_floats(test.channels * shape.taps(), 3);
    packed_[1].resize(filters.size());
    depthwise_pack(shape, filters.data(), packed_[1].data());
    block.depthwise = {shape, packed_[1].data(), {}};
    if (columns > 0) block.projection = dense(projection_of(test, columns), 6, packed_[2]);
    for (ConvStage* stage : {&block.first, &block.depthwise}) {
      stage->epilogue.bias = bias_.data();
      stage->epilogue.activation = activation;
      stage->epilogue.p1 = 6;
    }
    if (columns > 0) block.projection->epilogue.bias = bias_.data();
    last_ = columns > 0 ? &*block.projection : &block.depthwise;
  }

  void add_residual() {
    residual_ = random_floats(count(last_->shape), 5);
    last_->epilogue.residual = residual_.data();
    last_->epilogue.residual_ld = last_->shape.out_channels;
  }

  std::vector<float> expected() const {
    const std::vector<float> first = run_dense(block.first, src_);
    std::vector<float> second(static_cast<size_t>(count(block.depthwise.shape)));
    std::vector<char> space(depthwise_workspace_bytes(block.depthwise.shape, 1) + 64);
    ThreadPool one(1);
    depthwise(tier_, block.depthwise.shape, first.data(), block.depthwise.packed,
              block.depthwise.epilogue, second.data(), space.data(), one);
    return block.projection ? run_dense(*block.projection, second) : second;
  }

  std::vector<float> at_once(int threads) const {
    ThreadPool pool(threads);
    std::vector<char> space(depthwise_block_workspace_bytes(block, threads) + 64);
    std::vector<float> dst(static_cast<size_t>(count(last_->shape)), 77.0f);
    depthwise_block(tier_, block, src_.data(), dst.data(), space.data(), pool);
    return dst;
  }

  DepthwiseBlock block;

 private:
  const GemmKernels<float>& kernels() const { return gemm_kernels<float>(tier_); }
  int64_t count(const ConvShape& s) const { return s.batch * s.out_pixels() * s.out_channels; }

  ConvStage dense(const ConvShape& shape, unsigned seed, std::vector<float>& packed) {
    ThreadPool one(1);
    const auto weights = random_floats(shape.out_channels * shape.in_channels * shape.taps(), seed);
    packed.resize(static_cast<size_t>(conv_packed_count(kernels(), shape)));
    conv_pack(kernels(), shape, weights.data(), packed.data(), one);
    return {shape, packed.data(), {}};
  }
  std::vector<float> run_dense(const ConvStage& stage, const std::vector<float>& src) const {
    ThreadPool one(1);
    std::vector<char> space(conv_workspace_bytes(kernels(), stage.shape, 1) + 64);
    std::vector<float> dst(static_cast<size_t>(count(stage.shape)));
    conv(kernels(), stage.shape, src.data(), stage.packed, stage.epilogue, dst.data(), space.data(),
         one);
    return dst;
  }

  Tier tier_;
  Case test_;
  std::vector<float> bias_, src_, residual_;
  std::vector<float> packed_[3];
  ConvStage* last_ = nullptr;
};

void check(Tier tier, const Case& test, Activation activation, bool with_residual) {
  for (const int64_t columns : {0, 21}) {
    Stages stages(tier, test, columns, activation);
    ASSERT_TRUE(can_join_depthwise(first_of(test), depthwise_of(test), 1));
    if (with_residual) stages.add_residual();
    const std::vector<float> expected = stages.expected();
    for (int threads : {1, 2, 3}) {
      ASSERT_TRUE(same_bits(expected, stages.at_once(threads)))
          << tier_name(tier) << " kernel " << test.kernel << " stride " << test.stride << " height "
          << test.height << " columns " << columns << " threads " << threads;
    }
  }
}

TEST(DepthwiseBlock, GivesWhatItsStagesGive) {
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
    // Other convolutions before it: of a picture, and of many channels.
    check(tier, {2, 61, 57, 3, 96, 3, 1, -1, 1, 3, 2}, Activation::kClip, false);
    check(tier, {1, 64, 64, 20, 80, 5, 2, -1, 1, 3, 1}, Activation::kClip, true);
  }
}

TEST(DepthwiseBlock, OnlyWhereItPays) {
  const Case large{1, 64, 64, 16, 96, 3, 1};
  const auto takes = [](const Case& test, int threads) {
    return can_join_depthwise(first_of(test), depthwise_of(test), threads);
  };
  EXPECT_TRUE(takes(large, 1));
  EXPECT_FALSE(takes(large, 2));
  EXPECT_FALSE(takes({1, 28, 28, 16, 96, 3, 1}, 1));
  ConvShape groups = first_of(large);
  groups.groups = 2;
  EXPECT_FALSE(can_join_depthwise(groups, depthwise_of(large), 1));
  ConvShape apart = first_of(large);
  apart.dst_ld = 200;
  EXPECT_FALSE(can_join_depthwise(apart, depthwise_of(large), 1));

  const ConvShape projection = projection_of(large, 24);
  EXPECT_TRUE(can_join_projection(depthwise_of(large), projection, 1));
  EXPECT_FALSE(can_join_projection(depthwise_of(large), projection, 2));
  ConvShape wide = projection;
  wide.kernel = {1, 3, 3};
  EXPECT_FALSE(can_join_projection(depthwise_of(large), wide, 1));
  ConvShape slice = projection;
  slice.src_ld = 200;
  EXPECT_FALSE(can_join_projection(depthwise_of(large), slice, 1));
}

}  // namespace
}  // namespace sardonyx
