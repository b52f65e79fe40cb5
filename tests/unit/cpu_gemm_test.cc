// Matrix products against f64, on every tier: every tile shape and remainder, packed and dynamic B,
// transposes, batches, epilogues; and the same bits for 1, 2 and 3 threads.
#include "cpu/gemm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "base/memory.h"
#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

template <class T>
std::vector<T> random_values(int64_t count, uint32_t seed) {
  const std::vector<float> values = random_floats(static_cast<size_t>(count), seed);
  return std::vector<T>(values.begin(), values.end());
}

template <class T>
double unit_roundoff() {
  return sizeof(T) == 4 ? 0x1p-24 : 0x1p-53;
}

struct Problem {
  int64_t m = 1, n = 1, k = 1;
  bool trans_a = false, trans_b = false, packed = true;
  int64_t batch = 1;
  int64_t pad = 0;  // added to every leading dimension
};

template <class T>
struct Operands {
  std::vector<T> a, b, c, bias, residual, packed;
  GemmArgs<T> args;
};

template <class T>
Operands<T> make_operands(const GemmKernels<T>& kernels, const Problem& p) {
  Operands<T> o;
  GemmArgs<T>& args = o.args;
  args.m = p.m;
  args.n = p.n;
  args.k = p.k;
  args.trans_a = p.trans_a;
  args.trans_b = p.trans_b;
  args.batch = p.batch;
  args.lda = (p.trans_a ? p.m : p.k) + p.pad;
  args.ldb = (p.trans_b ? p.k : p.n) + p.pad;
  args.ldc = p.n + p.pad;
  args.a_stride = (p.trans_a ? p.k : p.m) * args.lda;
  args.b_stride = p.packed ? 0 : (p.trans_b ? p.n : p.k) * args.ldb;
  args.c_stride = p.m * args.ldc;
  args.residual_stride = args.c_stride;
  o.a = random_values<T>(p.batch * args.a_stride, 1);
  o.b = random_values<T>((p.trans_b ? p.n : p.k) * args.ldb * p.batch, 2);
  o.bias = random_values<T>(p.n, 3);
  o.residual = random_values<T>(p.batch * args.c_stride, 4);
  o.c.assign(static_cast<size_t>(p.batch * args.c_stride), T(77));
  args.a = o.a.data();
  args.b = o.b.data();
  args.epilogue.residual_ld = args.ldc;
  if (p.packed) {
    ThreadPool pool(2);
    o.packed.resize(static_cast<size_t>(packed_b_count(kernels, p.k, p.n)));
    pack_b(kernels, args.b, args.ldb, p.trans_b, p.k, p.n, o.packed.data(), pool);
    args.packed_b = o.packed.data();
  }
  return o;
}

template <class T>
void run(const GemmKernels<T>& kernels, Operands<T>& o, int threads) {
  ThreadPool pool(threads);
  o.args.c = o.c.data();
  const auto space =
      allocate_memory(gemm_workspace_bytes(kernels, o.args, threads), Contents::kUndefined);
  gemm(kernels, o.args, space.get(), pool);
}

using Finish = std::function<double(double sum, double bias, double residual)>;

// Checks C against the f64 product: each sum of k products carries at most (k + 4) roundings of
// its absolute sum; `slope` bounds what the epilogue makes of that. The padding stays untouched.
template <class T>
void expect_product(const Operands<T>& o, const Finish& finish, double slope, const char* what) {
  const GemmArgs<T>& args = o.args;
  for (int64_t item = 0; item < args.batch; ++item) {
    for (int64_t i = 0; i < args.m; ++i) {
      for (int64_t j = 0; j < args.ldc; ++j) {
        const int64_t at = item * args.c_stride + i * args.ldc + j;
        if (j >= args.n) {
          ASSERT_EQ(o.c[at], T(77)) << what;
          continue;
        }
        double sum = 0, absolute = 2;
        for (int64_t k = 0; k < args.k; ++k) {
          const int64_t a = args.trans_a ? k * args.lda + i : i * args.lda + k;
          const int64_t b = args.trans_b ? j * args.ldb + k : k * args.ldb + j;
          const double product =
              static_cast<double>(o.a[item * args.a_stride + a]) * o.b[item * args.b_stride + b];
          sum += product;
          absolute += std::abs(product);
        }
        const double want = finish(sum, o.bias[j], o.residual[at]);
        const double bound =
            slope * static_cast<double>(args.k + 4) * unit_roundoff<T>() * absolute;
        ASSERT_NEAR(o.c[at], want, bound)
            << what << " m " << args.m << " n " << args.n << " k " << args.k << " at " << i << ","
            << j << " of item " << item;
      }
    }
  }
}

double plain(double sum, double, double) { return sum; }

template <class T>
void check(Tier tier, const Problem& p) {
  const GemmKernels<T>& kernels = gemm_kernels<T>(tier);
  Operands<T> o = make_operands(kernels, p);
  run(kernels, o, 1);
  expect_product(o, plain, 1, std::string(tier_name(tier)).c_str());
  const std::vector<T> once = o.c;
  for (int threads : {2, 3}) {
    o.c.assign(o.c.size(), T(77));
    run(kernels, o, threads);
    ASSERT_EQ(once, o.c) << threads << " threads on " << tier_name(tier);
  }
}

TEST(Gemm, EveryTileHeight) {
  for (Tier tier : available_tiers()) {
    for (int64_t m = 1; m <= 27; ++m) {
      check<float>(tier, {.m = m, .n = 37, .k = 19});
      check<double>(tier, {.m = m, .n = 37, .k = 19});
    }
  }
}

TEST(Gemm, EveryPanelWidth) {
  for (Tier tier : available_tiers()) {
    for (int64_t n = 1; n <= 67; ++n) {
      check<float>(tier, {.m = 5, .n = n, .k = 8, .pad = 3});
      check<float>(tier, {.m = 2, .n = n, .k = 8, .trans_b = true, .packed = false, .pad = 1});
      check<double>(tier, {.m = 5, .n = n, .k = 8});
    }
  }
}

TEST(Gemm, WideTilesOfFewRows) {
  for (Tier tier : available_tiers()) {
    for (int64_t m : {1, 2, 3}) {
      for (int64_t n : {128, 129, 300, 1000}) {
        check<float>(tier, {.m = m, .n = n, .k = 33, .pad = 2});
        check<double>(tier, {.m = m, .n = n, .k = 33});
      }
    }
  }
}

TEST(Gemm, ChunksOfK) {
  for (Tier tier : available_tiers()) {
    for (int64_t k : {1, 2, 511, 512, 513, 767, 769, 1100, 2049}) {
      check<float>(tier, {.m = 14, .n = 50, .k = k});
      check<float>(tier, {.m = 3, .n = 140, .k = k});
    }
  }
}

TEST(Gemm, SizesThatAreCutIntoTasks) {
  for (Tier tier : available_tiers()) {
    check<float>(tier, {.m = 250, .n = 40, .k = 300});
    check<float>(tier, {.m = 13, .n = 1000, .k = 300});
    check<float>(tier, {.m = 1, .n = 2100, .k = 1000});
    check<float>(tier, {.m = 131, .n = 257, .k = 129, .packed = false});
  }
}

// Sizes at which f32 is multiplied by parts where the tier does that (pays_to_split).
constexpr Problem kLargeProblems[] = {
    {.m = 250, .n = 200, .k = 300, .pad = 3},
    {.m = 97, .n = 513, .k = 777},
    {.m = 700, .n = 130, .k = 450, .pad = 2},
    {.m = 520, .n = 130, .k = 900},
    {.m = 97, .n = 300, .k = 1300, .packed = false},
    {.m = 193, .n = 160, .k = 1031, .trans_b = true},
    {.m = 400, .n = 207, .k = 160},
    {.m = 101, .n = 555, .k = 2100, .pad = 1},
    {.m = 110, .n = 300, .k = 300, .trans_a = true, .packed = false, .batch = 3},
};

TEST(Gemm, LargeProducts) {
  for (Tier tier : available_tiers()) {
    for (const Problem& p : kLargeProblems) {
      if (tier == Tier::kAmxF32) {
        EXPECT_TRUE(pays_to_split(gemm_kernels<float>(tier), p.m, p.n, p.k));
      }
      check<float>(tier, p);
    }
  }
}

// Rows and columns with numbers that are no sum of three of bf16, which have to be multiplied as
// they are, beside others, whose bits stay what they are without them.
void check_numbers_without_parts(Tier tier, const Problem& p) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kMost = std::numeric_limits<float>::max();
  constexpr int64_t kRows[] = {0, 5, 33, 69, 109}, kCol = 40;
  const auto& kernels = gemm_kernels<float>(tier);
  Operands<float> plain_ones = make_operands(kernels, p);
  plain_ones.args.epilogue.bias = plain_ones.bias.data();
  run(kernels, plain_ones, 1);
  for (const float odd : {kInfinity, -kInfinity, std::nanf(""), kMost, -kMost}) {
    Operands<float> o = make_operands(kernels, p);
    o.args.epilogue.bias = o.bias.data();
    for (const int64_t row : kRows) o.a[row * o.args.lda + 600] = odd;
    run(kernels, o, 2);
    for (int64_t i = 0; i < p.m; ++i) {
      const bool is_odd = std::find(std::begin(kRows), std::end(kRows), i) != std::end(kRows);
      for (int64_t j = 0; j < p.n; ++j) {
        const float got = o.c[i * o.args.ldc + j];
        const float want = odd * o.b[600 * o.args.ldb + j];  // what else there is does not count
        if (!is_odd) {
          ASSERT_EQ(got, plain_ones.c[i * o.args.ldc + j]) << tier_name(tier);
        } else if (std::isnan(odd)) {
          ASSERT_TRUE(std::isnan(got)) << tier_name(tier);
        } else if (std::isinf(odd)) {
          ASSERT_EQ(got, want) << tier_name(tier);
        } else {
          ASSERT_NEAR(got, want, std::abs(want) * 1e-6) << tier_name(tier);
        }
      }
    }
    // The same in a column of B: its panel is multiplied otherwise, the next one is not.
    o = make_operands(kernels, p);
    o.b[600 * o.args.ldb + kCol] = odd;
    ThreadPool pool(1);
    pack_b(kernels, o.b.data(), o.args.ldb, false, p.k, p.n, o.packed.data(), pool);
    o.args.epilogue.bias = o.bias.data();
    run(kernels, o, 2);
    for (int64_t i = 0; i < p.m; ++i) {
      const float got = o.c[i * o.args.ldc + kCol];
      const float want = odd * o.a[i * o.args.lda + 600];
      if (std::isnan(odd)) {
        ASSERT_TRUE(std::isnan(got)) << tier_name(tier);
      } else if (std::isinf(odd)) {
        ASSERT_EQ(got, want) << tier_name(tier);
      }
      const int64_t beside = i * o.args.ldc + 2 * kernels.panel_cols + kCol;
      ASSERT_EQ(o.c[beside], plain_ones.c[beside]) << tier_name(tier);
    }
  }
}

TEST(Gemm, NumbersWithoutParts) {
  for (Tier tier : available_tiers()) {
    check_numbers_without_parts(tier, {.m = 110, .n = 200, .k = 700});
    // In strips of rows that become parts in turn.
    check_numbers_without_parts(tier, {.m = 600, .n = 130, .k = 700});
    check_numbers_without_parts(tier, {.m = 110, .n = 200, .k = 2000});  // sums in parts
  }
}

TEST(Gemm, TransposesAndBatches) {
  for (Tier tier : available_tiers()) {
    for (bool trans_a : {false, true}) {
      for (bool trans_b : {false, true}) {
        for (int64_t batch : {1, 3, 13}) {
          const Problem p{.m = 17,
                          .n = 45,
                          .k = 70,
                          .trans_a = trans_a,
                          .trans_b = trans_b,
                          .packed = false,
                          .batch = batch,
                          .pad = 5};
          check<float>(tier, p);
          check<double>(tier, p);
        }
      }
    }
    check<float>(tier, {.m = 20, .n = 45, .k = 70, .batch = 13});
    check<float>(tier, {.m = 20, .n = 45, .k = 70, .trans_a = true, .batch = 13});
  }
}

TEST(Gemm, BatchOffsetsBroadcast) {
  for (Tier tier : available_tiers()) {
    const auto& kernels = gemm_kernels<float>(tier);
    Operands<float> o =
        make_operands(kernels, {.m = 4, .n = 9, .k = 5, .packed = false, .batch = 6});
    const std::vector<int64_t> a = {0, 0, 0, 20, 20, 20};
    const std::vector<int64_t> b = {0, 45, 90, 0, 45, 90};
    o.args.a_offsets = a.data();
    o.args.b_offsets = b.data();
    run(kernels, o, 2);
    for (int64_t item = 0; item < 6; ++item) {
      Operands<float> one = make_operands(kernels, {.m = 4, .n = 9, .k = 5, .packed = false});
      one.a.assign(o.a.begin() + a[item], o.a.begin() + a[item] + 20);
      one.b.assign(o.b.begin() + b[item], o.b.begin() + b[item] + 45);
      one.args.a = one.a.data();
      one.args.b = one.b.data();
      run(kernels, one, 1);
      for (int64_t i = 0; i < 36; ++i) ASSERT_EQ(one.c[i], o.c[item * 36 + i]);
    }
  }
}

TEST(Gemm, EmptySumsAndShapes) {
  for (Tier tier : available_tiers()) {
    const auto& kernels = gemm_kernels<float>(tier);
    Operands<float> o = make_operands(kernels, {.m = 3, .n = 5, .k = 0});
    o.args.epilogue.bias = o.bias.data();
    run(kernels, o, 2);
    for (int64_t i = 0; i < 15; ++i) EXPECT_EQ(o.c[i], o.bias[i % 5]);
    o.args.m = 0;
    run(kernels, o, 2);
  }
}

struct ActivationCase {
  Activation activation;
  double p0, p1;
  std::function<double(double)> formula;
};

std::vector<ActivationCase> activation_cases() {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  const auto clamp = [](double x, double low, double high) {
    return std::min(std::max(x, low), high);
  };
  return {
      {Activation::kNone, 0, 0, [](double x) { return x; }},
      {Activation::kClip, 0, 6, [=](double x) { return clamp(x, 0, 6); }},
      {Activation::kLeakyRelu, 0.125, 0, [](double x) { return x < 0 ? 0.125 * x : x; }},
      {Activation::kElu, 1.5, 0, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }},
      {Activation::kSigmoid, 0, 0, sigmoid},
      {Activation::kTanh, 0, 0, [](double x) { return std::tanh(x); }},
      {Activation::kSilu, 0, 0, [=](double x) { return x * sigmoid(x); }},
      {Activation::kHardSigmoid, 0.25, 0.5, [=](double x) { return clamp(x / 4 + 0.5, 0, 1); }},
      {Activation::kHardSwish, 0, 0, [=](double x) { return x * clamp(x / 6 + 0.5, 0, 1); }},
      {Activation::kGelu, 0, 0, [](double x) { return x / 2 * (1 + std::erf(x / M_SQRT2)); }},
      {Activation::kGeluTanh, 0, 0,
       [](double x) {
         return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
       }},
      {Activation::kSoftplus, 0, 0, softplus},
      {Activation::kMish, 0, 0, [=](double x) { return x * std::tanh(softplus(x)); }},
      {Activation::kScaledRelu, 1.5, -0.25, [](double x) { return 1.5 * std::max(x, 0.0) - 0.25; }},
      {Activation::kScaledHardSwish, -0.75, 0.5,
       [=](double x) { return -0.75 * x * clamp(x / 6 + 0.5, 0, 1) + 0.5; }},
  };
}

template <class T>
void check_epilogue(Tier tier, const Problem& p, const ActivationCase& test, bool residual,
                    bool after) {
  const GemmKernels<T>& kernels = gemm_kernels<T>(tier);
  Operands<T> o = make_operands(kernels, p);
  Epilogue<T>& e = o.args.epilogue;
  e.alpha = T(0.5);
  e.bias = o.bias.data();
  e.residual = residual ? o.residual.data() : nullptr;
  e.residual_after = after;
  e.activation = test.activation;
  e.p0 = static_cast<T>(test.p0);
  e.p1 = static_cast<T>(test.p1);
  const auto finish = [&](double sum, double bias, double r) {
    double y = 0.5 * sum + bias;
    if (residual && !after) y += r;
    y = test.formula(y);
    return residual && after ? y + r : y;
  };
  run(kernels, o, 2);
  // The steepest activations have slopes below 2.
  expect_product(o, finish, 2, "epilogue");
}

TEST(Gemm, Epilogues) {
  for (Tier tier : available_tiers()) {
    for (const ActivationCase& test : activation_cases()) {
      for (int mode = 0; mode < 3; ++mode) {
        check_epilogue<float>(tier, {.m = 61, .n = 41, .k = 20, .pad = 3}, test, mode > 0,
                              mode == 2);
        check_epilogue<float>(tier, {.m = 2, .n = 150, .k = 600}, test, mode > 0, mode == 2);
        check_epilogue<float>(tier, {.m = 61, .n = 141, .k = 600}, test, mode > 0, mode == 2);
        check_epilogue<double>(tier, {.m = 13, .n = 41, .k = 20}, test, mode > 0, mode == 2);
      }
    }
  }
}

// A callback sees every element once, final, at its place.
struct Seen {
  std::vector<std::atomic<int>> times;
  const float* c;
  int64_t m, n, ldc;
};

void mark(void* context, float* c, int64_t ldc, int64_t rows, int64_t cols, int64_t row0,
          int64_t col0) {
  Seen& seen = *static_cast<Seen*>(context);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < cols; ++i) {
      EXPECT_EQ(c + r * ldc + i, seen.c + (row0 + r) * seen.ldc + col0 + i);
      seen.times[static_cast<size_t>((row0 + r) * seen.n + col0 + i)]++;
      c[r * ldc + i] += 1000;
    }
  }
}

TEST(Gemm, CallbackSeesEveryElementOnce) {
  for (Tier tier : available_tiers()) {
    for (int64_t m : {1, 3, 130}) {
      const auto& kernels = gemm_kernels<float>(tier);
      Operands<float> o = make_operands(kernels, {.m = m, .n = 150, .k = 700, .batch = 2});
      Seen seen{std::vector<std::atomic<int>>(static_cast<size_t>(2 * m * 150)), o.c.data(), m, 150,
                o.args.ldc};
      o.args.epilogue.fn = mark;
      o.args.epilogue.context = &seen;
      run(kernels, o, 2);
      for (const auto& times : seen.times) ASSERT_EQ(times.load(), 1);
      // 1000 + sum rounds to 2^-14.
      for (float& value : o.c) value -= 1000;
      expect_product(o, plain, 5e4, "callback");
    }
  }
}

TEST(Gemm, NanPassesThroughClip) {
  for (Tier tier : available_tiers()) {
    const auto& kernels = gemm_kernels<float>(tier);
    for (int64_t n : {5, 64}) {
      Operands<float> o = make_operands(kernels, {.m = 2, .n = n, .k = 3});
      o.a[0] = NAN;
      o.args.epilogue = relu_epilogue<float>(nullptr);
      run(kernels, o, 1);
      for (int64_t j = 0; j < n; ++j) {
        EXPECT_TRUE(std::isnan(o.c[j])) << tier_name(tier);
        EXPECT_FALSE(std::isnan(o.c[n + j]));
      }
    }
  }
}

}  // namespace
}  // namespace sardonyx
