// Convolution against f64, on every tier: strides, dilations, padding, groups, few channels, 1 to 3
// dimensions, slices of wider tensors; and the same bits for 1, 2 and 3 threads.
#include "cpu/group_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/memory.h"
#include "base/narrow.h"
#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

struct Case {
  const char* name;
  ConvShape shape;
  std::array<int64_t, 3> pad_end = {0, 0, 0};
};

ConvShape with_output(ConvShape s, const std::array<int64_t, 3>& pad_end) {
  for (int i = 0; i < 3; ++i) {
    const int64_t span = s.dilation[i] * (s.kernel[i] - 1) + 1;
    s.out[i] = (s.in[i] + s.pad[i] + pad_end[i] - span) / s.stride[i] + 1;
  }
  return s;
}

// f64 sums and absolute sums, [pixels, out_channels].
struct Reference {
  std::vector<double> sum, absolute;
};

template <class T>
Reference reference_conv(const ConvShape& s, const std::vector<T>& src,
                         const std::vector<T>& weights) {
  Reference r;
  const int64_t channels = s.in_channels / s.groups;
  const int64_t cols = s.out_channels / s.groups;
  for (int64_t n = 0; n < s.batch; ++n) {
    for (int64_t pixel = 0; pixel < s.out_pixels(); ++pixel) {
      const int64_t oz = pixel / s.out[2] / s.out[1];
      const int64_t oy = pixel / s.out[2] % s.out[1];
      const int64_t ox = pixel % s.out[2];
      for (int64_t oc = 0; oc < s.out_channels; ++oc) {
        double sum = 0, absolute = 2;
        for (int64_t tap = 0; tap < s.taps(); ++tap) {
          const int64_t kz = tap / s.kernel[2] / s.kernel[1];
          const int64_t ky = tap / s.kernel[2] % s.kernel[1];
          const int64_t kx = tap % s.kernel[2];
          const int64_t z = oz * s.stride[0] - s.pad[0] + kz * s.dilation[0];
          const int64_t y = oy * s.stride[1] - s.pad[1] + ky * s.dilation[1];
          const int64_t x = ox * s.stride[2] - s.pad[2] + kx * s.dilation[2];
          if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1] || x < 0 || x >= s.in[2]) continue;
          const int64_t at = ((n * s.in[0] + z) * s.in[1] + y) * s.in[2] + x;
          for (int64_t c = 0; c < channels; ++c) {
            const double a = src[at * s.src_stride() + oc / cols * channels + c];
            const double product = a * weights[(oc * channels + c) * s.taps() + tap];
            sum += product;
            absolute += std::abs(product);
          }
        }
        r.sum.push_back(sum);
        r.absolute.push_back(absolute);
      }
    }
  }
  return r;
}

template <class T>
std::vector<T> random_values(int64_t count, uint32_t seed) {
  const std::vector<float> values = random_floats(static_cast<size_t>(count), seed);
  return std::vector<T>(values.begin(), values.end());
}

// A way to compute convolutions, weights packed.
template <class T>
struct Plain {
  const GemmKernels<T>& kernels;
  static T rounded(T x) { return x; }
  void run(const ConvShape& s, const std::vector<T>& src, const std::vector<T>& weights,
           const Epilogue<T>& epilogue, std::vector<T>& dst, ThreadPool& pool) const {
    std::vector<T> packed(static_cast<size_t>(conv_packed_count(kernels, s)));
    conv_pack(kernels, s, weights.data(), packed.data(), pool);
    std::vector<T> space(conv_workspace_bytes(kernels, s, pool.threads()) / sizeof(T));
    conv(kernels, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
  }
};

// Operands that are bf16 already, whose products are sums in f32 as well.
struct InBf16 {
  const Bf16Kernels& kernels;
  const GemmKernels<float>& finish;
  static float rounded(float x) { return to_float(to_bfloat16(x)); }
  void run(const ConvShape& s, const std::vector<float>& src, const std::vector<float>& weights,
           const Epilogue<float>& epilogue, std::vector<float>& dst, ThreadPool& pool) const {
    const auto packed = allocate_memory(conv_bf16_packed_bytes(s), Contents::kUndefined);
    conv_bf16_pack(s, weights.data(), packed.get(), pool);
    const size_t bytes = conv_bf16_workspace_bytes(s, pool.threads());
    const auto space = allocate_memory(bytes, Contents::kUndefined);
    std::memset(space.get(), 0xFF, bytes);  // NaN, where it is read unwritten
    conv_bf16(kernels, finish, s, src.data(), packed.get(), epilogue, dst.data(), space.get(),
              pool);
  }
};

struct InGroups {
  Tier tier;
  static float rounded(float x) { return x; }
  void run(const ConvShape& s, const std::vector<float>& src, const std::vector<float>& weights,
           const Epilogue<float>& epilogue, std::vector<float>& dst, ThreadPool& pool) const {
    const GroupConvForm form = group_conv_form(tier, s);
    std::vector<float> packed(weights.size());
    group_conv_pack(form, s, weights.data(), packed.data());
    const size_t bytes = group_conv_workspace_bytes(form, s, pool.threads());
    std::vector<float> space(bytes / sizeof(float), NAN);
    group_conv(tier, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
  }
};

template <class T, class Method>
void check(Tier tier, const Case& test, const Method& method, bool adds = true) {
  const ConvShape s = with_output(test.shape, test.pad_end);
  auto src = random_values<T>(s.batch * s.in_pixels() * s.src_stride(), 1);
  auto weights = random_values<T>(s.out_channels * s.in_channels / s.groups * s.taps(), 2);
  for (auto* numbers : {&src, &weights}) {
    for (T& number : *numbers) number = Method::rounded(number);
  }
  const auto bias = random_values<T>(s.out_channels, 3);
  const int64_t pixels = s.batch * s.out_pixels();
  const auto residual = random_values<T>(pixels * s.dst_stride(), 4);
  const Reference want = reference_conv(s, src, weights);
  const int64_t depth = s.taps() * s.in_channels / s.groups;
  const auto k = static_cast<double>(depth);
  const double unit = sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
  std::vector<T> first;
  for (int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    std::vector<T> dst(static_cast<size_t>(pixels * s.dst_stride()), T(77));
    Epilogue<T> epilogue = relu_epilogue<T>(bias.data());
    if (adds) epilogue.residual = residual.data();
    epilogue.residual_ld = s.dst_stride();
    method.run(s, src, weights, epilogue, dst, pool);
    if (threads == 1) first = dst;
    ASSERT_EQ(first, dst) << test.name << ": " << threads << " threads";
  }
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t c = 0; c < s.dst_stride(); ++c) {
      const int64_t at = pixel * s.dst_stride() + c;
      if (c >= s.out_channels) {
        ASSERT_EQ(first[at], T(77)) << test.name;
        continue;
      }
      const int64_t i = pixel * s.out_channels + c;
      const double y = std::max(want.sum[i] + bias[c] + (adds ? residual[at] : 0), 0.0);
      ASSERT_NEAR(first[at], y, (k + 4) * unit * want.absolute[i])
          << test.name << " on " << tier_name(tier) << " pixel " << pixel << " channel " << c;
    }
  }
}

std::vector<Case> cases() {  // NOLINT(readability-function-size): a table
  return {
      {"1x1", {.in = {1, 7, 9}, .in_channels = 20, .out_channels = 37}},
      {"1x1 batch 3", {.batch = 3, .in = {1, 7, 9}, .in_channels = 20, .out_channels = 37}},
      {"1x1 stride 2",
       {.in = {1, 7, 9}, .stride = {1, 2, 2}, .in_channels = 20, .out_channels = 16}},
      {"3x3 same",
       {.in = {1, 9, 11},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 19,
        .out_channels = 33},
       {0, 1, 1}},
      {"3x3 same, large",
       {.batch = 2,
        .in = {1, 23, 31},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 64,
        .out_channels = 70},
       {0, 1, 1}},
      {"3x3 stride 2, uneven pads",
       {.batch = 2,
        .in = {1, 10, 11},
        .kernel = {1, 3, 3},
        .stride = {1, 2, 2},
        .pad = {0, 0, 1},
        .in_channels = 24,
        .out_channels = 18},
       {0, 1, 0}},
      {"3x3 dilation 2, 3",
       {.in = {1, 12, 13},
        .kernel = {1, 3, 3},
        .dilation = {1, 2, 3},
        .pad = {0, 2, 3},
        .in_channels = 17,
        .out_channels = 9},
       {0, 2, 3}},
      {"3x3 dilation 9, 30, mostly padding, batch 2",
       {.batch = 2,
        .in = {1, 15, 17},
        .kernel = {1, 3, 3},
        .dilation = {1, 9, 30},
        .pad = {0, 9, 30},
        .in_channels = 20,
        .out_channels = 50},
       {0, 9, 30}},
      {"7x7 stride 2, 3 channels",
       {.batch = 2,
        .in = {1, 29, 31},
        .kernel = {1, 7, 7},
        .stride = {1, 2, 2},
        .pad = {0, 3, 3},
        .in_channels = 3,
        .out_channels = 64},
       {0, 3, 3}},
      {"5x5, 1 channel",
       {.in = {1, 13, 14},
        .kernel = {1, 5, 5},
        .pad = {0, 2, 2},
        .in_channels = 1,
        .out_channels = 40},
       {0, 2, 2}},
      {"3x3, 3 channels, dilated",
       {.in = {1, 13, 14},
        .kernel = {1, 3, 3},
        .dilation = {1, 1, 2},
        .pad = {0, 1, 2},
        .in_channels = 3,
        .out_channels = 8},
       {0, 1, 2}},
      {"kernel wider than the input",
       {.in = {1, 3, 2},
        .kernel = {1, 5, 5},
        .pad = {0, 3, 4},
        .in_channels = 3,
        .out_channels = 5},
       {0, 3, 4}},
      {"padding wider than the kernel",
       {.in = {1, 3, 2},
        .kernel = {1, 2, 2},
        .stride = {1, 3, 3},
        .pad = {0, 5, 7},
        .in_channels = 18,
        .out_channels = 5},
       {0, 6, 4}},
      {"groups of 4",
       {.in = {1, 9, 8},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .groups = 8,
        .in_channels = 32,
        .out_channels = 32},
       {0, 1, 1}},
      {"groups of 40, 1x1",
       {.in = {1, 5, 8}, .groups = 3, .in_channels = 120, .out_channels = 150}},
      {"depthwise, multiplier 2",
       {.in = {1, 9, 8},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .groups = 6,
        .in_channels = 6,
        .out_channels = 12},
       {0, 1, 1}},
      {"1-d",
       {.batch = 2,
        .in = {1, 1, 40},
        .kernel = {1, 1, 5},
        .stride = {1, 1, 2},
        .pad = {0, 0, 2},
        .in_channels = 21,
        .out_channels = 34},
       {0, 0, 1}},
      {"1-d, kernel rows in several chunks of k",
       {.batch = 2,
        .in = {1, 1, 700},
        .kernel = {1, 1, 512},
        .stride = {1, 1, 3},
        .pad = {0, 0, 50},
        .in_channels = 1,
        .out_channels = 20},
       {0, 0, 50}},
      {"kernel rows in several chunks of k",
       {.batch = 1,
        .in = {1, 4, 90},
        .kernel = {1, 3, 60},
        .pad = {0, 1, 20},
        .in_channels = 9,
        .out_channels = 18},
       {0, 1, 20}},
      {"3-d",
       {.batch = 2,
        .in = {5, 6, 7},
        .kernel = {3, 2, 3},
        .stride = {2, 1, 1},
        .pad = {1, 1, 1},
        .in_channels = 16,
        .out_channels = 20},
       {1, 0, 1}},
      {"3-d, 2 channels",
       {.in = {5, 6, 7},
        .kernel = {3, 2, 3},
        .dilation = {2, 1, 1},
        .pad = {1, 1, 1},
        .in_channels = 2,
        .out_channels = 20},
       {1, 0, 1}},
      {"slices of wider tensors",
       {.batch = 2,
        .in = {1, 6, 7},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 5,
        .out_channels = 35,
        .src_ld = 11,
        .dst_ld = 50},
       {0, 1, 1}},
      {"more channels than a chunk",
       {.in = {1, 3, 3},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 1700,
        .out_channels = 18},
       {0, 1, 1}},
      {"cut into tasks by columns",
       {.in = {1, 4, 4},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 160,
        .out_channels = 300},
       {0, 1, 1}},
      {"large, of short segments",
       {.in = {1, 14, 14},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 20,
        .out_channels = 200},
       {0, 1, 1}},
      {"large, of segments of whole steps",
       {.in = {1, 20, 15},
        .kernel = {1, 3, 3},
        .stride = {1, 1, 2},
        .pad = {0, 1, 1},
        .in_channels = 96,
        .out_channels = 170},
       {0, 1, 1}},
      {"large, of few panels and short segments",
       {.in = {1, 29, 31},
        .kernel = {1, 3, 3},
        .pad = {0, 1, 1},
        .in_channels = 20,
        .out_channels = 150},
       {0, 1, 1}},
      {"large, of few panels and segments of whole steps",
       {.in = {1, 29, 31},
        .kernel = {1, 3, 3},
        .stride = {1, 1, 2},
        .pad = {0, 1, 1},
        .in_channels = 64,
        .out_channels = 120},
       {0, 1, 1}},
  };
}

TEST(Conv, MatchesReference) {
  for (Tier tier : available_tiers()) {
    for (const Case& test : cases()) {
      check<float>(tier, test, Plain<float>{gemm_kernels<float>(tier)});
      if (test.shape.in_channels < 100) {
        check<double>(tier, test, Plain<double>{gemm_kernels<double>(tier)});
      }
    }
  }
}

TEST(Conv, InBf16) {
  bool any = false;
  for (const Tier tier : available_tiers()) {
    for (const Bf16Kind kind : {Bf16Kind::kTiles, Bf16Kind::kDots}) {
      const Bf16Kernels* kernels = bf16_kernels(tier, kind);
      if (kernels == nullptr) continue;
      any = true;
      for (const Case& test : cases()) {
        check<float>(tier, test, InBf16{*kernels, gemm_kernels<float>(tier)});
      }
    }
  }
  if (!any) GTEST_SKIP() << "this machine has no bf16 products";
}

std::vector<Case> group_cases(int64_t of_group) {
  ConvShape s{.in = {1, 9, 8},
              .kernel = {1, 3, 3},
              .pad = {0, 1, 1},
              .groups = 8,
              .in_channels = 8 * of_group,
              .out_channels = 8 * of_group};
  std::vector<Case> cases = {{"3x3", s, {0, 1, 1}}};
  const auto add = [&](const char* name, std::array<int64_t, 3> pad_end, auto change) {
    ConvShape changed = s;
    change(changed);
    cases.push_back({name, changed, pad_end});
  };
  add("strides", {0, 1, 0}, [](ConvShape& c) { c.stride = {1, 2, 3}; });
  add("dilations", {0, 2, 3}, [](ConvShape& c) {
    c.dilation = {1, 2, 3};
    c.pad = {0, 2, 3};
  });
  add("no padding, 1x5", {0, 0, 0}, [](ConvShape& c) {
    c.kernel = {1, 1, 5};
    c.pad = {0, 0, 0};
  });
  add("padding wider than the kernel", {0, 6, 5}, [](ConvShape& c) {
    c.in = {1, 2, 3};
    c.pad = {0, 5, 4};
  });
  add("1-d, batch", {0, 0, 2}, [](ConvShape& c) {
    c.batch = 3;
    c.in = {1, 1, 40};
    c.kernel = {1, 1, 4};
    c.pad = {0, 0, 1};
  });
  add("many lines, slices of wider tensors", {0, 1, 1}, [](ConvShape& c) {
    c.in = {1, 50, 37};
    c.src_ld = c.in_channels + 3;
    c.dst_ld = c.out_channels + 5;
  });
  return cases;
}

std::vector<Tier> tiers_of_groups() {
  std::vector<Tier> tiers = available_tiers();
  std::erase_if(tiers, [](Tier tier) { return group_conv_kernels(tier).wide[1] == nullptr; });
  return tiers;
}

TEST(Conv, InGroups) {
  for (const Tier tier : tiers_of_groups()) {
    const int64_t lanes = group_conv_kernels(tier).lanes;
    for (const int64_t of_group : {int64_t{4}, int64_t{8}, lanes, 2 * lanes, 3 * lanes}) {
      for (const Case& test : group_cases(of_group)) {
        for (const bool adds : {false, true}) {
          check<float>(tier, test, InGroups{tier}, adds);
        }
      }
    }
  }
}

TEST(Conv, InGroupsOfOtherInputs) {
  for (const Tier tier : tiers_of_groups()) {
    Case test = group_cases(2 * group_conv_kernels(tier).lanes)[0];
    test.shape.in_channels = 8 * 5;
    check<float>(tier, test, InGroups{tier});
  }
}

TEST(Conv, HasGroupsThatFillVectors) {
  for (const Tier tier : tiers_of_groups()) {
    const int64_t lanes = group_conv_kernels(tier).lanes;
    const ConvShape good = with_output(group_cases(lanes)[0].shape, {0, 1, 1});
    EXPECT_NE(group_conv_form(tier, good).tiles, nullptr);
    const auto has = [&](auto change) {
      ConvShape s = good;
      change(s);
      return group_conv_form(tier, s).tiles != nullptr;
    };
    EXPECT_FALSE(has([](ConvShape& s) { s.groups = 1; }));
    EXPECT_FALSE(has([&](ConvShape& s) { s.out_channels += 8; }));
    EXPECT_FALSE(has([&](ConvShape& s) { s.out_channels *= 4; }));
    EXPECT_FALSE(has([](ConvShape& s) { s.in_channels *= 64; }));
    EXPECT_FALSE(has([](ConvShape& s) { s.kernel[0] = 3; }));
  }
}

TEST(Conv, NanInAPixelReachesNoOtherPixel) {
  // A pixel's zeros come from a buffer of their own, never from multiplying a neighbour.
  for (Tier tier : available_tiers()) {
    const auto& kernels = gemm_kernels<float>(tier);
    ConvShape s{.in = {1, 1, 4},
                .kernel = {1, 1, 3},
                .pad = {0, 0, 1},
                .in_channels = 20,
                .out_channels = 1};
    s.out = {1, 1, 4};
    std::vector<float> src(80, 1.0f), weights(60, 1.0f), dst(4);
    src[79] = NAN;
    ThreadPool pool(1);
    std::vector<float> packed(static_cast<size_t>(conv_packed_count(kernels, s)));
    conv_pack(kernels, s, weights.data(), packed.data(), pool);
    conv(kernels, s, src.data(), packed.data(), Epilogue<float>(), dst.data(), nullptr, pool);
    EXPECT_EQ(dst[0], 40);
    EXPECT_EQ(dst[1], 60);
    EXPECT_TRUE(std::isnan(dst[2]));
    EXPECT_TRUE(std::isnan(dst[3]));
  }
}

}  // namespace
}  // namespace sardonyx
