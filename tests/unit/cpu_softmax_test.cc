// Softmax and its logarithm against f64, on every tier: sizes around vectors, masks, special
// values.
#include "cpu/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

void check(Tier tier, int64_t cols, bool with_mask, bool log) {
  constexpr int64_t kRows = 3;
  const int64_t src_ld = cols + 2, dst_ld = cols + 1;
  const auto src = random_floats(static_cast<size_t>(kRows * src_ld), 1, -20, 20);
  std::vector<float> mask = random_floats(static_cast<size_t>(cols), 2, -3, 3);
  if (cols > 3) mask[2] = -INFINITY;
  std::vector<float> dst(static_cast<size_t>(kRows * dst_ld), 77.0f);
  SoftmaxRows args{
      src.data(), src_ld, dst.data(), dst_ld, cols, 0.5f, with_mask ? mask.data() : nullptr, 0};
  const SoftmaxKernels& kernels = softmax_kernels(tier);
  (log ? kernels.log_softmax : kernels.softmax)(args, 0, kRows);
  for (int64_t row = 0; row < kRows; ++row) {
    EXPECT_EQ(dst[row * dst_ld + cols], 77.0f);
    std::vector<double> x;
    for (int64_t i = 0; i < cols; ++i) {
      x.push_back(0.5 * src[row * src_ld + i] + (with_mask ? mask[i] : 0.0f));
    }
    const double most = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (double v : x) sum += std::exp(v - most);
    for (int64_t i = 0; i < cols; ++i) {
      const double want = log ? x[i] - most - std::log(sum) : std::exp(x[i] - most) / sum;
      const float got = dst[row * dst_ld + i];
      if (std::isinf(want)) {
        EXPECT_EQ(got, want);
      } else if (log) {
        EXPECT_NEAR(got, want, 1e-5) << tier_name(tier) << " " << cols;
      } else {
        // The difference x - most is rounded at its own size.
        EXPECT_NEAR(got, want, want * 1e-5 + 1e-37) << tier_name(tier) << " " << cols;
      }
    }
  }
}

TEST(Softmax, RowsMatchReference) {
  for (Tier tier : available_tiers()) {
    for (int64_t cols : {1, 2, 5, 15, 16, 17, 32, 33, 100, 1000}) {
      for (bool mask : {false, true}) {
        check(tier, cols, mask, false);
        check(tier, cols, mask, true);
      }
    }
  }
}

TEST(Softmax, NanAndInfinity) {
  for (Tier tier : available_tiers()) {
    for (int64_t at : {0, 3, 17, 20}) {
      std::vector<float> x(21, 1.0f), y(21);
      x[at] = NAN;
      SoftmaxRows args{x.data(), 21, y.data(), 21, 21, 1, nullptr, 0};
      softmax_kernels(tier).softmax(args, 0, 1);
      for (float value : y) EXPECT_TRUE(std::isnan(value));
      x[at] = -INFINITY;
      softmax_kernels(tier).softmax(args, 0, 1);
      EXPECT_EQ(y[at], 0);
      EXPECT_NEAR(y[1], 1.0 / 20, 1e-7);
    }
  }
}

}  // namespace
}  // namespace sardonyx
