// Pooling against a plain loop over taps, on every tier.
#include "cpu/pool.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/memory.h"
#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

double reference(const PoolArgs& args, const std::vector<float>& src, int64_t pixel, int64_t c) {
  const ConvShape& s = args.shape;
  const int64_t at[3] = {pixel / s.out[2] / s.out[1] % s.out[0], pixel / s.out[2] % s.out[1],
                         pixel % s.out[2]};
  const int64_t item = pixel / s.out_pixels();
  double most = -INFINITY, sum = 0, squares = 0;
  int64_t inside = 0, counted = 0;
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t k[3] = {tap / s.kernel[2] / s.kernel[1], tap / s.kernel[2] % s.kernel[1],
                          tap % s.kernel[2]};
    int64_t i[3];
    bool in = true, in_pads = true;
    for (int axis = 0; axis < 3; ++axis) {
      i[axis] = at[axis] * s.stride[axis] - s.pad[axis] + k[axis] * s.dilation[axis];
      in = in && i[axis] >= 0 && i[axis] < s.in[axis];
      in_pads = in_pads && i[axis] < s.in[axis] + args.pad_end[axis];
    }
    counted += in_pads;
    if (!in) continue;
    ++inside;
    const int64_t from = ((item * s.in[0] + i[0]) * s.in[1] + i[1]) * s.in[2] + i[2];
    const double x = src[from * s.src_stride() + c];
    if (std::isnan(x)) most = x;
    if (x > most) most = x;
    sum += x;
    squares += x * x;
  }
  switch (args.mode) {
    case PoolMode::kMax:
      return most;
    case PoolMode::kAverage:
      return sum / static_cast<double>(inside);
    case PoolMode::kAverageWithPads:
      return sum / static_cast<double>(counted);
    case PoolMode::kSum:
      return sum;
    default:
      return squares;
  }
}

void check(Tier tier, PoolArgs args) {
  ConvShape& s = args.shape;
  s.out_channels = s.in_channels;
  const int64_t pixels = s.batch * s.out_pixels();
  const int64_t dst_ld = s.dst_ld != 0 ? s.dst_ld : s.in_channels;
  const auto src = random_floats(s.batch * s.in_pixels() * s.src_stride(), 1, -2, 1);
  for (PoolMode mode : {PoolMode::kMax, PoolMode::kAverage, PoolMode::kAverageWithPads,
                        PoolMode::kSum, PoolMode::kSumOfSquares}) {
    args.mode = mode;
    std::vector<float> first;
    for (int threads : {1, 2, 3}) {
      ThreadPool workers(threads);
      std::vector<float> dst(static_cast<size_t>(pixels * dst_ld), 77.0f);
      pool(tier, args, src.data(), dst.data(), workers);
      if (threads == 1) first = dst;
      ASSERT_TRUE(same_bits(first, dst));
    }
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      for (int64_t c = 0; c < dst_ld; ++c) {
        const float got = first[pixel * dst_ld + c];
        if (c >= s.in_channels) {
          ASSERT_EQ(got, 77.0f);
          continue;
        }
        const double want = reference(args, src, pixel, c);
        const double bound = static_cast<double>(s.taps() + 2) * 0x1p-24 *
                             (mode == PoolMode::kMax ? 0 : 4.0 * static_cast<double>(s.taps()));
        ASSERT_NEAR(got, want, bound) << tier_name(tier) << " mode " << static_cast<int>(mode)
                                      << " pixel " << pixel << " channel " << c;
      }
    }
  }
}

PoolArgs window(int64_t in, int64_t kernel, int64_t stride, int64_t pad, int64_t dilation,
                int64_t channels, int64_t extra_out = 0) {
  PoolArgs args;
  ConvShape& s = args.shape;
  s.in = {1, in, in + 1};
  s.kernel = {1, kernel, kernel};
  s.stride = {1, stride, stride};
  s.pad = {0, pad, pad};
  s.dilation = {1, dilation, dilation};
  s.in_channels = channels;
  args.pad_end = {0, pad, pad};
  const int64_t span = (kernel - 1) * dilation + 1;
  s.out = {1, (in + 2 * pad - span) / stride + 1 + extra_out,
           (in + 1 + 2 * pad - span) / stride + 1 + extra_out};
  return args;
}

TEST(Pool, Windows) {
  for (Tier tier : available_tiers()) {
    check(tier, window(9, 3, 2, 1, 1, 40));
    check(tier, window(9, 2, 2, 0, 1, 3));
    check(tier, window(8, 3, 1, 1, 1, 17));
    check(tier, window(8, 3, 2, 0, 1, 70, 1));  // ceil mode: windows beyond the end
    check(tier, window(12, 3, 2, 2, 2, 20));
    check(tier, window(7, 5, 3, 2, 1, 129));
    PoolArgs deep = window(5, 2, 1, 0, 1, 18);
    deep.shape.batch = 2;
    deep.shape.in[0] = 4;
    deep.shape.kernel[0] = 3;
    deep.shape.stride[0] = 2;
    deep.shape.pad[0] = 1;
    deep.pad_end[0] = 1;
    deep.shape.out[0] = 2;
    deep.shape.src_ld = 25;
    deep.shape.dst_ld = 21;
    check(tier, deep);
  }
}

TEST(Pool, Global) {
  for (Tier tier : available_tiers()) {
    PoolArgs args;
    args.shape.batch = 2;
    args.shape.in = args.shape.kernel = {1, 30, 31};
    args.shape.in_channels = 150;
    check(tier, args);
  }
}

TEST(Pool, GlobalAverage) {
  const int64_t sizes[][3] = {{1, 1, 3},     {2, 49, 40},  {3, 49, 1280}, {1, 900, 7},
                              {2, 3136, 24}, {1, 4, 20000}};  // batch, pixels, channels
  for (Tier tier : available_tiers()) {
    for (const auto& [batch, pixels, channels] : sizes) {
      const std::vector<float> src =
          random_floats(static_cast<size_t>(batch * pixels * channels), 5);
      std::vector<float> first;
      for (int threads : {1, 3}) {
        ThreadPool workers(threads);
        const auto workspace = allocate_memory(
            global_average_workspace_bytes(batch, pixels, channels), Contents::kUndefined);
        std::vector<float> dst(static_cast<size_t>(batch * channels), -1.0f);
        global_average(tier, batch, pixels, channels, src.data(), dst.data(), workspace.get(),
                       workers);
        if (first.empty()) first = dst;
        EXPECT_EQ(dst, first);  // whatever the threads
        for (int64_t item = 0; item < batch; ++item) {
          for (int64_t c = 0; c < channels; ++c) {
            double sum = 0;
            for (int64_t i = 0; i < pixels; ++i) {
              sum +=
                  static_cast<double>(src[static_cast<size_t>((item * pixels + i) * channels + c)]);
            }
            ASSERT_NEAR(dst[static_cast<size_t>(item * channels + c)],
                        sum / static_cast<double>(pixels), 1e-6)
                << tier_name(tier) << " " << pixels << " x " << channels;
          }
        }
      }
    }
  }
}

TEST(Pool, MaximumKeepsNan) {
  for (Tier tier : available_tiers()) {
    PoolArgs args = window(3, 2, 1, 0, 1, 20);
    std::vector<float> src(12 * 20, 1.0f), dst(6 * 20);
    src[5 * 20 + 3] = NAN;
    ThreadPool workers(1);
    pool(tier, args, src.data(), dst.data(), workers);
    for (int64_t pixel = 0; pixel < 6; ++pixel) {
      const bool seen = pixel / 3 <= 1 && pixel % 3 <= 1;  // windows over pixel (1, 1)
      EXPECT_EQ(std::isnan(dst[pixel * 20 + 3]), seen) << pixel;
      EXPECT_EQ(dst[pixel * 20 + 4], 1.0f);
    }
  }
}

}  // namespace
}  // namespace sardonyx
