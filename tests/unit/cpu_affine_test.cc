// Scaled, shifted and clipped columns against f64, on every tier.
#include "cpu/affine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void check(Tier tier, int64_t rows, int64_t cols, int64_t src_ld, float low, float high) {
  const auto src = random_floats(static_cast<size_t>(rows * src_ld), 1);
  const auto scale = random_floats(static_cast<size_t>(cols), 2);
  const auto shift = random_floats(static_cast<size_t>(cols), 3);
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    std::vector<float> dst(static_cast<size_t>(rows * cols));
    ThreadPool pool(threads);
    affine_rows(tier,
                {rows, cols, src.data(), src_ld, scale.data(), shift.data(), low, high, dst.data()},
                pool);
    if (threads == 1) first = dst;
    ASSERT_TRUE(same_bits(first, dst)) << threads;
  }
  for (int64_t i = 0; i < rows * cols; ++i) {
    const int64_t c = i % cols;
    const double sum = static_cast<double>(src[i / cols * src_ld + c]) * scale[c] + shift[c];
    const double want = std::min<double>(high, std::max<double>(low, sum));
    ASSERT_NEAR(first[i], want, 0x1p-23) << tier_name(tier) << " cols " << cols << " at " << i;
  }
}

TEST(Affine, RowsOfAnyLength) {
  for (Tier tier : available_tiers()) {
    for (int64_t cols : {1, 15, 16, 17, 64, 203}) {
      check(tier, 301, cols, cols, 0, kInfinity);
      check(tier, 301, cols, cols + 9, -kInfinity, kInfinity);
      check(tier, 3, cols, cols, 0, 0.25f);
    }
    check(tier, 700, 130, 256, -0.5f, 0.5f);
  }
}

TEST(Affine, NanStaysAndInPlace) {
  for (Tier tier : available_tiers()) {
    std::vector<float> data = {NAN, 1, -1, 2, 3, NAN};
    const std::vector<float> scale = {1, 2, 1}, shift = {0, 0, 1};
    ThreadPool pool(1);
    affine_rows(tier, {2, 3, data.data(), 3, scale.data(), shift.data(), 0, 5, data.data()}, pool);
    EXPECT_TRUE(std::isnan(data[0]) && std::isnan(data[5]));
    EXPECT_EQ(data[1], 2);
    EXPECT_EQ(data[2], 0);
    EXPECT_EQ(data[3], 2);
    EXPECT_EQ(data[4], 5);
  }
}

}  // namespace
}  // namespace sardonyx
