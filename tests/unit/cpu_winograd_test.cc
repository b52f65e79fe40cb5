// Winograd convolution against f64, on every tier: sizes that tiles do not divide, padding,
// channels that vectors do not divide, slices of wider tensors, epilogues; and the same bits for 1,
// 2 and 3 threads.
#include "cpu/winograd.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  int64_t batch, height, width, in, out, pad;
  int64_t more_src = 0, more_dst = 0;  // channels of the wider tensors beyond these
  int64_t dilation_y = 1, dilation_x = 1;
  int64_t groups = 1;
};

ConvShape shape_of(const Case& c) {
  ConvShape s;
  s.batch = c.batch;
  s.in = {1, c.height, c.width};
  s.kernel = {1, 3, 3};
  s.pad = {0, c.pad, c.pad};
  s.dilation = {1, c.dilation_y, c.dilation_x};
  s.out = {1, c.height + 2 * c.pad - 2 * c.dilation_y, c.width + 2 * c.pad - 2 * c.dilation_x};
  s.groups = c.groups;
  s.in_channels = c.in;
  s.out_channels = c.out;
  if (c.more_src != 0) s.src_ld = c.in + c.more_src;
  if (c.more_dst != 0) s.dst_ld = c.out + c.more_dst;
  return s;
}

std::vector<float> random_vector(int64_t count, uint32_t seed) {
  return random_floats(static_cast<size_t>(count), seed);
}

// The sums of all outputs, [pixels, out], in f64.
std::vector<double> reference(const ConvShape& s, const std::vector<float>& src,
                              const std::vector<float>& weights) {
  std::vector<double> sums;
  for (int64_t pixel = 0; pixel < s.batch * s.out_pixels(); ++pixel) {
    const int64_t item = pixel / s.out_pixels();
    const int64_t oy = pixel / s.out[2] % s.out[1];
    const int64_t ox = pixel % s.out[2];
    for (int64_t k = 0; k < s.out_channels; ++k) {
      double sum = 0;
      for (int64_t tap = 0; tap < 9; ++tap) {
        const int64_t y = oy - s.pad[1] + tap / 3 * s.dilation[1];
        const int64_t x = ox - s.pad[2] + tap % 3 * s.dilation[2];
        if (y < 0 || y >= s.in[1] || x < 0 || x >= s.in[2]) continue;
        const int64_t at = ((item * s.in[1] + y) * s.in[2] + x) * s.src_stride();
        const int64_t depth = s.in_channels / s.groups;
        const int64_t first = k / (s.out_channels / s.groups) * depth;
        for (int64_t c = 0; c < depth; ++c) {
          sum += static_cast<double>(src[at + first + c]) * weights[(k * depth + c) * 9 + tap];
        }
      }
      sums.push_back(sum);
    }
  }
  return sums;
}

struct Data {
  ConvShape s;
  std::vector<float> src, weights, bias, residual;
  explicit Data(const Case& c)
      : s(shape_of(c)),
        src(random_vector(s.batch * s.in_pixels() * s.src_stride(), 1)),
        weights(random_vector(s.out_channels * s.in_channels / s.groups * 9, 2)),
        bias(random_vector(s.out_channels, 3)),
        residual(random_vector(s.batch * s.out_pixels() * s.dst_stride(), 4)) {}

  std::vector<float> run(Tier tier, int tile, int threads, const Epilogue<float>& epilogue) const {
    ThreadPool pool(threads);
    std::vector<float> packed(static_cast<size_t>(winograd_packed_count(tier, tile, s)));
    winograd_pack(tier, tile, s, weights.data(), packed.data(), pool);
    std::vector<float> space(winograd_workspace_bytes(tier, tile, s, threads) / sizeof(float), NAN);
    std::vector<float> dst(residual.size(), 77);
    winograd(tier, tile, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
    return dst;
  }
};

// Roundings of f32 sums of k random products spread like sqrt(k) 2^-24 times the size of a product,
// and the outputs, over whose range we measure, grow like sqrt(k) too: a plain sum loses some 2^-24
// times a slow function of k of the range. The two transforms at these points cost a factor of
// about 2 (0.8e-6 of the range at 16 channels, 2.7e-6 at 256, where plain sums in order lose 0.4e-6
// and 1.7e-6). 2e-7 sqrt(9 in) of the range leaves room for unlucky draws and for tiers without
// fused multiply-adds; it is a tenth of what is promised, 2e-6 sqrt(k).
double allowed(const ConvShape& s, double range) {
  return 2e-7 * std::sqrt(9.0 * static_cast<double>(s.in_channels / s.groups)) * range;
}

void check(Tier tier, int tile, const Case& c) {
  const Data data(c);
  const ConvShape& s = data.s;
  Epilogue<float> epilogue = relu_epilogue<float>(data.bias.data());
  epilogue.residual = data.residual.data();
  epilogue.residual_ld = s.dst_stride();
  const std::vector<float> got = data.run(tier, tile, 1, epilogue);
  for (const int threads : {2, 3})
    ASSERT_EQ(got, data.run(tier, tile, threads, epilogue)) << threads;
  const std::vector<double> sums = reference(s, data.src, data.weights);
  double range = 0;
  for (const double sum : sums) range = std::max(range, std::abs(sum));
  for (int64_t pixel = 0; pixel < s.batch * s.out_pixels(); ++pixel) {
    for (int64_t k = 0; k < s.dst_stride(); ++k) {
      const auto at = static_cast<size_t>(pixel * s.dst_stride() + k);
      if (k >= s.out_channels) {
        ASSERT_EQ(got[at], 77.0f);
        continue;
      }
      const double sum = sums[static_cast<size_t>(pixel * s.out_channels + k)];
      const double want =
          std::max(sum + data.bias[static_cast<size_t>(k)] + data.residual[at], 0.0);
      ASSERT_NEAR(got[at], want, allowed(s, range))
          << tier_name(tier) << " tile " << tile << " pixel " << pixel << " channel " << k;
    }
  }
}

TEST(Winograd, AgreesWithPlainSums) {
  const Case cases[] = {
      {1, 4, 4, 16, 16, 1},
      {2, 5, 7, 17, 33, 1},
      {1, 8, 8, 64, 64, 1},
      {1, 3, 3, 32, 32, 0},
      {1, 6, 6, 32, 48, 0},
      {3, 9, 13, 24, 70, 1},
      {1, 14, 14, 40, 130, 1},
      {2, 7, 7, 31, 16, 2},
      {1, 40, 44, 16, 20, 1},
      {1, 10, 10, 20, 20, 1, 5},
      {1, 10, 10, 20, 20, 1, 0, 3},
      {1, 1, 1, 16, 16, 1},
      // dilated: by what divides the sizes, and what does not, and more than a tile has pixels
      {1, 16, 16, 24, 20, 2, 0, 0, 2, 2},
      {2, 13, 19, 24, 20, 4, 3, 5, 4, 3},
      {1, 11, 9, 17, 33, 1, 0, 0, 1, 2},
      {1, 15, 14, 32, 18, 6, 0, 0, 6, 5},
      // weights that are not stored: of one block, and of several
      {1, 12, 13, 130, 150, 1},
      {1, 60, 61, 131, 129, 1},
      // groups: of what vectors do not divide, of more and of one vector, two and three, of parts
      {1, 9, 11, 40, 40, 1, 0, 0, 1, 1, 2},
      {2, 10, 9, 102, 153, 1, 5, 7, 1, 1, 3},
      {1, 21, 22, 132, 132, 2, 0, 0, 2, 2, 2},
      {1, 13, 15, 96, 96, 1, 0, 0, 1, 1, 3},
      {2, 14, 14, 272, 272, 1, 3, 5, 1, 1, 17},
      {1, 28, 30, 168, 168, 1, 0, 0, 1, 1, 7},
      {1, 6, 7, 240, 240, 1, 0, 0, 1, 1, 5},
      {1, 15, 14, 88, 176, 1, 0, 0, 1, 1, 11},
      {1, 29, 30, 192, 192, 1, 0, 0, 1, 1, 24},
      {1, 14, 15, 128, 128, 2, 0, 0, 2, 2, 32},
  };
  for (const Tier tier : available_tiers()) {
    for (const Case& c : cases) {
      for (const int tile : {2, 4}) check(tier, tile, c);
    }
  }
}

// What the transform applies itself and what it leaves to a second pass give one answer.
void check_epilogues(const Case& c) {
  const Data data(c);
  const size_t count = data.residual.size();
  struct Seen {
    std::vector<int> times;
    int64_t cols;
  };
  for (const Tier tier : available_tiers()) {
    const std::vector<float> plain = data.run(tier, 4, 1, Epilogue<float>());
    Epilogue<float> epilogue;
    epilogue.alpha = 0.5f;
    epilogue.bias = data.bias.data();
    epilogue.residual = data.residual.data();
    epilogue.residual_ld = 40;
    for (const bool after : {false, true}) {
      epilogue.residual_after = after;
      epilogue.activation = Activation::kLeakyRelu;
      epilogue.p0 = 0.25f;
      Seen seen{std::vector<int>(count), 40};
      epilogue.context = &seen;
      epilogue.fn = [](void* context, float*, int64_t, int64_t rows, int64_t cols, int64_t row0,
                       int64_t col0) {
        auto& each = *static_cast<Seen*>(context);
        for (int64_t r = row0; r < row0 + rows; ++r) {
          for (int64_t k = col0; k < col0 + cols; ++k) ++each.times[size_t(r * each.cols + k)];
        }
      };
      const std::vector<float> got = data.run(tier, 4, 1, epilogue);
      for (size_t i = 0; i < count; ++i) {
        const double before = 0.5 * plain[i] + data.bias[i % 40] + (after ? 0 : data.residual[i]);
        const double want = (before < 0 ? 0.25 * before : before) + (after ? data.residual[i] : 0);
        ASSERT_NEAR(got[i], want, 1e-5 * (1 + std::abs(want)));
        ASSERT_EQ(seen.times[i], 1);
      }
    }
  }
}

TEST(Winograd, AppliesEveryEpilogue) {
  check_epilogues({1, 9, 9, 32, 40, 1});
  check_epilogues({1, 9, 9, 40, 40, 1, 0, 0, 1, 1, 5});
  check_epilogues({1, 9, 9, 40, 40, 1, 0, 0, 1, 1, 2});
  check_epilogues({1, 9, 9, 32, 40, 2, 0, 0, 2, 2});
}

TEST(Winograd, IsOnlyForTheFormThatItComputes) {
  const Tier tier = choose_tier().value();
  const ConvShape good = shape_of({1, 56, 56, 64, 64, 1});
  EXPECT_EQ(winograd_tile(tier, good), 4);
  EXPECT_EQ(winograd_tile(tier, shape_of({1, 10, 10, 512, 512, 1})), 2);  // few pixels
  EXPECT_EQ(winograd_tile(tier, shape_of({1, 4, 4, 512, 512, 1})), 0);    // too few
  EXPECT_EQ(winograd_tile(tier, shape_of({1, 56, 56, 64, 64, 2, 0, 0, 2, 2})), 4);
  // mostly padding, which a plain product leaves out
  EXPECT_EQ(winograd_tile(tier, shape_of({1, 20, 20, 64, 64, 18, 0, 0, 18, 18})), 0);
  const auto changed = [&](auto change) {
    ConvShape s = good;
    change(s);
    return winograd_tile(tier, s);
  };
  EXPECT_EQ(changed([](ConvShape& s) { s.stride = {1, 2, 1}; }), 0);
  EXPECT_EQ(changed([](ConvShape& s) { s.kernel = {1, 3, 1}; }), 0);
  EXPECT_EQ(changed([](ConvShape& s) { s.groups = 2; }), 4);
  EXPECT_EQ(changed([](ConvShape& s) { s.groups = 64; }), 0);
  EXPECT_EQ(changed([](ConvShape& s) { s.in[0] = s.out[0] = 2; }), 0);
  EXPECT_EQ(changed([](ConvShape& s) { s.in_channels = 3; }), 0);
}

}  // namespace
}  // namespace sardonyx
