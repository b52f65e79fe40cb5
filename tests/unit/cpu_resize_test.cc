// Separable interpolation against f64 sums over the same tables, on every tier.
#include "cpu/resize.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Table {
  std::vector<int32_t> index;
  std::vector<float> weight;
  ResizeAxis axis;
};

Table random_table(int64_t in, int64_t out, int64_t taps, bool weights, uint32_t seed) {
  Table table;
  std::mt19937 engine(seed);
  table.weight = random_floats(static_cast<size_t>(out * taps), seed);
  for (int64_t i = 0; i < out * taps; ++i) {
    table.index.push_back(static_cast<int32_t>(engine() % static_cast<uint32_t>(in)));
    if (!weights) table.weight[static_cast<size_t>(i)] = 1;
  }
  table.axis = {in, out, taps, nullptr, nullptr};
  return table;
}

void check(Tier tier, int64_t lines, int64_t columns, int64_t taps, int64_t channels,
           bool weights) {
  Table y = random_table(7, lines, taps, weights, 1);
  Table x = random_table(columns, 37, taps, weights, 2);
  y.axis.index = y.index.data();
  x.axis.index = x.index.data();
  if (weights) {
    y.axis.weight = y.weight.data();
    x.axis.weight = x.weight.data();
  }
  const auto src = random_floats(static_cast<size_t>(2 * 7 * columns * channels), 3);
  std::vector<float> first;
  for (int threads : {1, 2, 3}) {
    std::vector<float> dst(static_cast<size_t>(2 * lines * 37 * channels));
    const ResizeArgs args{2, channels, y.axis, x.axis, src.data(), dst.data()};
    ThreadPool pool(threads);
    std::vector<char> space(resize_workspace_bytes(tier, args, threads));
    resize(tier, args, space.data(), pool);
    if (threads == 1) first = dst;
    ASSERT_TRUE(same_bits(first, dst));
  }
  for (int64_t i = 0; i < 2 * lines * 37 * channels; ++i) {
    const int64_t c = i % channels, ox = i / channels % 37, oy = i / channels / 37 % lines;
    const int64_t item = i / channels / 37 / lines;
    double want = 0;
    for (int64_t ty = 0; ty < taps; ++ty) {
      for (int64_t tx = 0; tx < taps; ++tx) {
        const int64_t iy = y.index[oy * taps + ty], ix = x.index[ox * taps + tx];
        want += static_cast<double>(y.weight[oy * taps + ty]) * x.weight[ox * taps + tx] *
                src[((item * 7 + iy) * columns + ix) * channels + c];
      }
    }
    ASSERT_NEAR(first[i], want, static_cast<double>(taps * taps * 2) * 0x1p-22)
        << tier_name(tier) << " taps " << taps << " channels " << channels;
  }
}

// Where lines become many more they are resized first, else blended first; the taps of a vector of
// gray pixels lie in one vector or far from one another.
TEST(Resize, TapsAndChannels) {
  for (Tier tier : available_tiers()) {
    for (int64_t channels : {1, 2, 3, 16, 21, 70}) {
      for (const auto& [lines, columns] : {std::pair{5, 9}, {40, 9}, {11, 50}, {40, 50}}) {
        check(tier, lines, columns, 1, channels, false);
        check(tier, lines, columns, 1, channels, true);
        check(tier, lines, columns, 2, channels, true);
        check(tier, lines, columns, 4, channels, true);
        check(tier, lines, columns, 9, channels, true);
      }
    }
  }
}

}  // namespace
}  // namespace sardonyx
