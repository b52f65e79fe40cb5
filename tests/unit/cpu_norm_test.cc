// Layer and RMS normalisation against f64, on every tier, at odd sizes.
#include "cpu/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Expected {
  std::vector<double> y;
  double mean = 0;
  double inv_std = 0;
};

Expected normalise(const std::vector<double>& x, bool center, double epsilon,
                   const std::vector<float>& scale, const std::vector<float>& bias) {
  Expected expected;
  const double cols = static_cast<double>(x.size());
  for (double v : x) expected.mean += center ? v / cols : 0;
  double square = 0;
  for (double v : x) square += (v - expected.mean) * (v - expected.mean) / cols;
  expected.inv_std = 1 / std::sqrt(square + epsilon);
  for (size_t i = 0; i < x.size(); ++i) {
    const double unit = (x[i] - expected.mean) * expected.inv_std;
    expected.y.push_back(unit * scale[i] + bias[i]);
  }
  return expected;
}

void check(Tier tier, int64_t cols, bool center, bool with_residual) {
  constexpr int64_t kRows = 3;
  const size_t count = static_cast<size_t>(kRows * cols);
  const std::vector<float> src = random_floats(count, 1, -3, 5);
  const std::vector<float> residual = random_floats(count, 2);
  const std::vector<float> scale = random_floats(static_cast<size_t>(cols), 3, 0.5f, 2);
  const std::vector<float> bias = random_floats(static_cast<size_t>(cols), 4);
  std::vector<float> dst(count), sum(count), mean(kRows), inv_std(kRows);
  NormRows args{src.data(),   with_residual ? residual.data() : nullptr,
                scale.data(), bias.data(),
                dst.data(),   sum.data(),
                mean.data(),  inv_std.data(),
                cols,         1e-5f};
  const NormKernels& kernels = norm_kernels(tier);
  (center ? kernels.layer_norm : kernels.rms_norm)(args, 0, kRows);
  for (int64_t row = 0; row < kRows; ++row) {
    std::vector<double> x;
    for (int64_t i = row * cols; i < (row + 1) * cols; ++i) {
      x.push_back(with_residual ? static_cast<double>(src[i] + residual[i]) : src[i]);
      if (with_residual) {
        EXPECT_EQ(sum[i], src[i] + residual[i]);
      }
    }
    const Expected expected = normalise(x, center, 1e-5, scale, bias);
    for (int64_t i = 0; i < cols; ++i) {
      EXPECT_NEAR(dst[row * cols + i], expected.y[i], 1e-5) << tier_name(tier) << " " << cols;
    }
    if (center) {
      EXPECT_NEAR(mean[row], expected.mean, 2e-6);
    }
    EXPECT_NEAR(inv_std[row] / expected.inv_std, 1, 2e-6);
  }
}

TEST(Norm, RowsMatchReference) {
  for (Tier tier : available_tiers()) {
    for (int64_t cols : {1, 2, 7, 16, 33, 64, 100, 384, 769}) {
      for (bool center : {true, false}) {
        check(tier, cols, center, false);
        check(tier, cols, center, true);
      }
    }
  }
}

TEST(Norm, OptionalOperandsMayBeAbsent) {
  for (Tier tier : available_tiers()) {
    std::vector<float> x = {1, 2, 3, 4, 5};
    NormRows args;
    args.src = x.data();
    args.dst = x.data();
    args.cols = 5;
    norm_kernels(tier).layer_norm(args, 0, 1);
    EXPECT_NEAR(x[0], -std::sqrt(2.0), 1e-6);
    EXPECT_NEAR(x[2], 0, 1e-6);
    EXPECT_NEAR(x[4], std::sqrt(2.0), 1e-6);
  }
}

}  // namespace
}  // namespace sardonyx
