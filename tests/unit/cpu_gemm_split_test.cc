// The three parts of a number: that they are it, and what has none.
#include "cpu/gemm_split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "cpu/tier.h"

namespace sardonyx {
namespace {

class GemmSplit : public testing::Test {
 protected:
  void SetUp() override {
    for (const Tier tier : available_tiers()) {
      if (tier == Tier::kAmxF32) kernels_ = split_kernels();
    }
    if (kernels_ == nullptr) GTEST_SKIP() << "this machine has no AMX";
  }

  const SplitKernels* kernels_ = nullptr;
};

float number_of(uint16_t upper) {
  const uint32_t bits = static_cast<uint32_t>(upper) << 16;
  float number;
  std::memcpy(&number, &bits, sizeof(number));
  return number;
}

struct alignas(64) Parts {
  uint16_t lines[kSplitParts][kSplitLine];
};

bool split(const SplitKernels& kernels, const float (&numbers)[kSplitStep], Parts& parts) {
  const float* segment = numbers;
  bool whole = false;
  SplitRows job;
  job.segments = &segment;
  job.stride = 1;
  job.count = 1;
  job.depth = kSplitStep;
  job.rows = 1;
  job.dst = parts.lines[0];
  job.step = kSplitParts * kSplitLine;
  job.whole = &whole;
  kernels.split_rows(job, 1);
  EXPECT_TRUE(job.done());
  return !whole;
}

TEST_F(GemmSplit, PartsAddUpToTheNumber) {
  std::mt19937 random(7);
  std::uniform_int_distribution<uint32_t> bits;
  for (int i = 0; i < 100000; ++i) {
    float numbers[kSplitStep];
    for (float& number : numbers) {
      do {
        const uint32_t word = bits(random);
        std::memcpy(&number, &word, sizeof(number));
      } while (!(std::abs(number) > 0x1p-100f && std::abs(number) < 0x1p127f));
    }
    Parts parts;
    ASSERT_TRUE(split(*kernels_, numbers, parts));
    for (int64_t k = 0; k < kSplitStep; ++k) {
      const double first = number_of(parts.lines[0][k]);
      const double second = number_of(parts.lines[1][k]);
      const double third = number_of(parts.lines[2][k]);
      ASSERT_EQ(first + second + third, numbers[k]);
      ASSERT_LE(std::abs(second), 0x1p-8 * std::abs(first));
      ASSERT_LE(std::abs(third), 0x1p-16 * std::abs(first));
    }
  }
}

TEST_F(GemmSplit, SaysWhatHasNoParts) {
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  float all_ones;  // rounding it would carry into its sign
  const uint32_t bits = 0x7FFFFFFF;
  std::memcpy(&all_ones, &bits, sizeof(all_ones));
  for (const float odd : {kMost, -kMost, kInfinity, -kInfinity, std::nanf(""), all_ones}) {
    for (int64_t k = 0; k < kSplitStep; ++k) {
      float numbers[kSplitStep];
      std::fill(std::begin(numbers), std::end(numbers), 1.5f);
      Parts parts;
      ASSERT_TRUE(split(*kernels_, numbers, parts));
      numbers[k] = odd;
      ASSERT_FALSE(split(*kernels_, numbers, parts)) << odd << " at " << k;
    }
  }
}

// Rows in one segment and in several, of whole steps and of others, whatever is done at once.
TEST_F(GemmSplit, RowsInSegments) {
  constexpr int64_t kRows = 3;
  for (const auto& [count, depth] : std::initializer_list<std::pair<int64_t, int64_t>>{
           {1, 1}, {1, 32}, {1, 77}, {3, 64}, {5, 7}, {2, 48}}) {
    for (const int64_t pairs : {1, 2, 100}) {
      const int64_t k = count * depth, steps = (k + kSplitStep - 1) / kSplitStep;
      std::vector<float> numbers(static_cast<size_t>(kRows * k));
      for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = std::sin(static_cast<float>(i));
      numbers[static_cast<size_t>(k)] = std::numeric_limits<float>::infinity();  // of row 1
      std::vector<const float*> segments;
      for (int64_t s = 0; s < count; ++s) {
        for (int64_t r = 0; r < kRows; ++r) segments.push_back(&numbers[r * k + s * depth]);
      }
      std::vector<float> joined(static_cast<size_t>(k));
      bool whole[kRows] = {};
      SplitRows job;
      job.segments = segments.data();
      job.stride = kRows;
      job.count = count;
      job.depth = depth;
      job.rows = kRows;
      job.step = kRows * kSplitParts * kSplitLine;
      job.dst = split_space(static_cast<size_t>(steps * job.step));
      ASSERT_NE(job.dst, nullptr);
      job.whole = whole;
      job.joined = joined.data();
      EXPECT_EQ(job.pairs(), kRows * steps);
      while (!job.done()) kernels_->split_rows(job, pairs);
      for (int64_t r = 0; r < kRows; ++r) {
        EXPECT_EQ(whole[r], r == 1);
        for (int64_t i = 0; i < steps * kSplitStep && r != 1; ++i) {
          float sum = 0;
          for (int64_t part = 0; part < kSplitParts; ++part) {
            sum += number_of(job.dst[i / kSplitStep * job.step +
                                     (r * kSplitParts + part) * kSplitLine + i % kSplitStep]);
          }
          ASSERT_EQ(sum, i < k ? numbers[static_cast<size_t>(r * k + i)] : 0.0f);
        }
      }
    }
  }
}

TEST_F(GemmSplit, PanelsAreSplitAsRowsAre) {
  for (const int64_t vectors : {1, 2}) {
    for (const int64_t depth : {1, 16, 17, 32, 45, 64}) {
      const int64_t width = 16 * vectors, steps = (depth + kSplitStep - 1) / kSplitStep;
      std::vector<float> panel(static_cast<size_t>(depth * width));
      for (size_t i = 0; i < panel.size(); ++i) panel[i] = std::sin(static_cast<float>(i));
      uint16_t* dst = split_space(static_cast<size_t>(steps * kSplitParts * kSplitStep * width));
      ASSERT_NE(dst, nullptr);
      SplitPanel job(panel.data(), depth, vectors, dst);
      while (job.pairs > 0) kernels_->split_panel(job, 6);
      EXPECT_TRUE(job.has_parts);
      for (int64_t k = 0; k < steps * kSplitStep; ++k) {
        for (int64_t col = 0; col < width; ++col) {
          float sum = 0;
          for (int64_t part = 0; part < kSplitParts; ++part) {
            const int64_t at = (k / 2 * kSplitParts + part) * width * 2 + col / 16 * kSplitLine +
                               col % 16 * 2 + k % 2;
            sum += number_of(dst[at]);
          }
          ASSERT_EQ(sum, k < depth ? panel[static_cast<size_t>(k * width + col)] : 0.0f);
        }
      }
    }
  }
}

}  // namespace
}  // namespace sardonyx
