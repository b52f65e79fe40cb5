// Convolutions with joined pixels against plain ones, on every tier: lines that divide and lines
// that do not, strides, padding, several lines and channels, every form of epilogue.
#include "cpu/band_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

ConvShape shape_of(int64_t lines, int64_t width, int64_t kernel, int64_t stride, int64_t in,
                   int64_t out) {
  ConvShape s;
  s.batch = 2;
  s.in = {1, lines, width};
  s.kernel = {1, lines > 1 ? 3 : 1, kernel};
  s.stride = {1, 1, stride};
  s.pad = {0, lines > 1 ? 1 : 0, kernel / 2};
  s.out = {1, lines, (width + 2 * (kernel / 2) - kernel) / stride + 1};
  s.in_channels = in;
  s.out_channels = out;
  return s;
}

struct Data {
  ConvShape s;
  int64_t count;
  std::vector<float> src, weights, bias, residual;
  explicit Data(const ConvShape& shape) : s(shape), count(s.batch * s.out_pixels()) {
    const auto random = [](int64_t n, uint32_t seed) {
      return random_floats(static_cast<size_t>(n), seed);
    };
    src = random(s.batch * s.in_pixels() * s.in_channels, 1);
    weights = random(s.out_channels * s.in_channels * s.taps(), 2);
    bias = random(s.out_channels, 3);
    residual = random(count * s.out_channels, 4);
  }

  std::vector<float> plain(Tier tier, const Epilogue<float>& epilogue) const {
    const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
    ThreadPool pool(1);
    std::vector<float> packed(static_cast<size_t>(conv_packed_count(kernels, s)));
    std::vector<float> space(conv_workspace_bytes(kernels, s, 1) / sizeof(float));
    std::vector<float> dst(static_cast<size_t>(count * s.out_channels));
    conv_pack(kernels, s, weights.data(), packed.data(), pool);
    conv(kernels, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
    return dst;
  }

  std::vector<float> banded(Tier tier, int64_t pixels, int threads,
                            const Epilogue<float>& epilogue) const {
    const GemmKernels<float>& kernels = gemm_kernels<float>(tier);
    ThreadPool pool(threads);
    std::vector<float> packed(static_cast<size_t>(band_conv_packed_count(kernels, pixels, s)));
    std::vector<float> space(band_conv_workspace_bytes(kernels, pixels, s, threads) /
                             sizeof(float));
    std::vector<float> dst(static_cast<size_t>(count * s.out_channels), NAN);
    band_conv_pack(kernels, pixels, s, weights.data(), packed.data(), pool);
    band_conv(kernels, pixels, s, src.data(), packed.data(), epilogue, dst.data(), space.data(),
              pool);
    return dst;
  }
};

// Counts how often each element is finished, and doubles it.
struct Twice {
  std::vector<int> times;
  int64_t channels;
  static void fn(void* context, float* c, int64_t ldc, int64_t rows, int64_t cols, int64_t row0,
                 int64_t col0) {
    auto& self = *static_cast<Twice*>(context);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < cols; ++k) {
        c[r * ldc + k] *= 2;
        ++self.times[static_cast<size_t>((row0 + r) * self.channels + col0 + k)];
      }
    }
  }
};

void check(Tier tier, const ConvShape& shape, int64_t pixels) {
  const Data data(shape);
  for (const bool with_residual : {false, true}) {
    for (const bool after : {false, true}) {
      Epilogue<float> epilogue;
      epilogue.alpha = 0.5f;
      epilogue.bias = data.bias.data();
      epilogue.activation = Activation::kClip;
      epilogue.p0 = -0.25f;
      epilogue.p1 = 4;
      epilogue.residual = with_residual ? data.residual.data() : nullptr;
      epilogue.residual_ld = shape.out_channels;
      epilogue.residual_after = after;
      const std::vector<float> want = data.plain(tier, epilogue);
      Twice twice{std::vector<int>(want.size()), shape.out_channels};
      for (const int threads : {1, 3}) {
        epilogue.fn = threads == 1 ? nullptr : Twice::fn;
        epilogue.context = &twice;
        const std::vector<float> got = data.banded(tier, pixels, threads, epilogue);
        const float times = threads == 1 ? 1 : 2;
        for (size_t i = 0; i < want.size(); ++i) {
          ASSERT_NEAR(got[i], times * want[i], 2e-5f) << tier_name(tier) << " at " << i;
        }
      }
      for (const int each : twice.times) ASSERT_EQ(each, 1);
    }
  }
}

TEST(BandConv, AgreesWithPlainConvolution) {
  for (const Tier tier : available_tiers()) {
    check(tier, shape_of(1, 64, 9, 1, 1, 1), 8);
    check(tier, shape_of(1, 101, 40, 2, 1, 1), 16);  // lines do not divide
    check(tier, shape_of(5, 24, 7, 1, 8, 3), 4);
    check(tier, shape_of(4, 30, 5, 3, 2, 1), 4);
    check(tier, shape_of(3, 20, 3, 1, 20, 2), 8);
    check(tier, shape_of(1, 6, 15, 1, 3, 1), 4);  // the kernel is wider than the line
  }
}

TEST(BandConv, IsForFewOutputChannels) {
  const GemmKernels<float>& kernels = gemm_kernels<float>(choose_tier().value());
  EXPECT_GT(band_pixels(kernels, shape_of(1, 1000, 256, 2, 1, 1)), 1);
  EXPECT_EQ(band_pixels(kernels, shape_of(1, 1000, 1, 1, 256, 1)), 0);
  EXPECT_EQ(band_pixels(kernels, shape_of(8, 56, 3, 1, 64, 64)), 0);
}

}  // namespace
}  // namespace sardonyx
