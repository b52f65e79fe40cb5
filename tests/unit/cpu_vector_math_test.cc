// Every function of cpu/vector_math-inl.h against libm in f64, on every tier: the largest error in
// units in the last place over values of all magnitudes, and the special values.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/unit/cpu_vector_math_test.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"
#include "tests/support/numbers.h"

#ifndef SARDONYX_VECTOR_MATH_TEST_TABLE
#define SARDONYX_VECTOR_MATH_TEST_TABLE
namespace sardonyx {
struct MathTable {
  using Loop = void (*)(float* x, size_t count);
  Loop exp, exp_up_to_88, expm1, sigmoid, silu, tanh, erf, log, log1p, softplus, sin, cos, atan,
      asin, acos, gelu, gelu_tanh;
  void (*copy_n)(const float* src, float* dst, size_t count);
  void (*exp_double)(double* x, size_t count);
};
}  // namespace sardonyx
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

#define SARDONYX_LOOP(name)                                                     \
  void name##_loop(float* x, size_t count) {                                    \
    const hn::ScalableTag<float> d;                                             \
    for (size_t i = 0; i < count; i += hn::Lanes(d)) {                          \
      const size_t n = HWY_MIN(hn::Lanes(d), count - i);                        \
      store_n(sardonyx::HWY_NAMESPACE::name(load_n(d, x + i, n)), d, x + i, n); \
    }                                                                           \
  }
SARDONYX_LOOP(exp)
SARDONYX_LOOP(exp_up_to_88)
SARDONYX_LOOP(expm1)
SARDONYX_LOOP(sigmoid)
SARDONYX_LOOP(silu)
SARDONYX_LOOP(tanh)
SARDONYX_LOOP(erf)
SARDONYX_LOOP(log)
SARDONYX_LOOP(log1p)
SARDONYX_LOOP(softplus)
SARDONYX_LOOP(sin)
SARDONYX_LOOP(cos)
SARDONYX_LOOP(atan)
SARDONYX_LOOP(asin)
SARDONYX_LOOP(acos)
SARDONYX_LOOP(gelu)
SARDONYX_LOOP(gelu_tanh)
#undef SARDONYX_LOOP

void copy_n(const float* src, float* dst, size_t count) {
  const hn::ScalableTag<float> d;
  store_n(load_n(d, src, count), d, dst, count);
}

void exp_double(double* x, size_t count) {
  const hn::ScalableTag<double> d;
  for (size_t i = 0; i < count; i += hn::Lanes(d)) {
    const size_t n = HWY_MIN(hn::Lanes(d), count - i);
    store_n(sardonyx::HWY_NAMESPACE::exp(load_n(d, x + i, n)), d, x + i, n);
  }
}

}  // namespace

extern const MathTable kMathTable;
const MathTable kMathTable = {exp_loop,  exp_up_to_88_loop, expm1_loop, sigmoid_loop, silu_loop,
                              tanh_loop, erf_loop,          log_loop,   log1p_loop,   softplus_loop,
                              sin_loop,  cos_loop,          atan_loop,  asin_loop,    acos_loop,
                              gelu_loop, gelu_tanh_loop,    copy_n,     exp_double};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx {
const MathTable& math_table(Tier tier);
}
SARDONYX_TIER_TABLE(math_table, MathTable, kMathTable)

namespace sardonyx {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kMin = std::numeric_limits<float>::min();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min();

// Values that step through all exponents, both signs, dense in [-100, 100], and the special ones.
std::vector<float> sweep() {
  std::vector<float> values = {0.0f,      -0.0f,      kInf, -kInf, kNan,  kMin,  -kMin,
                               kDenormal, -kDenormal, 1.0f, -1.0f, 3e38f, -3e38f};
  const std::vector<float> mantissas = random_floats(40000, 7, 1, 2);
  for (size_t i = 0; i < mantissas.size(); ++i) {
    const int exponent = static_cast<int>(i % 276) - 149;
    const float value = std::ldexp(mantissas[i], exponent);
    values.push_back(i % 2 == 0 ? value : -value);
  }
  for (float value : random_floats(200000, 8, -100, 100)) values.push_back(value);
  for (float value : random_floats(200000, 9, -4, 4)) values.push_back(value);
  return values;
}

using Reference = double (*)(double);

void expect_ulp(const char* name, MathTable::Loop MathTable::*loop, Reference reference,
                double limit, float low = -kInf, float high = kInf) {
  const std::vector<float> input = sweep();
  for (Tier tier : available_tiers()) {
    std::vector<float> output = input;
    (math_table(tier).*loop)(output.data(), output.size());
    double worst = 0;
    float worst_at = 0;
    for (size_t i = 0; i < input.size(); ++i) {
      if (input[i] < low || input[i] > high) continue;
      const double error = ulp_error(output[i], reference(input[i]));
      if (error > worst) {
        worst = error;
        worst_at = input[i];
      }
    }
    EXPECT_LE(worst, limit) << name << " on " << tier_name(tier) << " at " << worst_at;
    testing::Test::RecordProperty(std::string(name) + "_" + std::string(tier_name(tier)),
                                  std::to_string(worst));
  }
}

double sigmoid_reference(double x) { return 1 / (1 + std::exp(-x)); }
double silu_reference(double x) { return x / (1 + std::exp(-x)); }
double softplus_reference(double x) {
  return std::isnan(x) ? x : std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double gelu_reference(double x) { return 0.5 * x * (1 + std::erf(x * std::sqrt(0.5))); }
double gelu_tanh_reference(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

TEST(VectorMath, Exp) { expect_ulp("exp", &MathTable::exp, std::exp, 1.0); }
TEST(VectorMath, ExpUpTo88) {
  expect_ulp("exp_up_to_88", &MathTable::exp_up_to_88, std::exp, 2.0, -kInf, 88);
}
TEST(VectorMath, Expm1) { expect_ulp("expm1", &MathTable::expm1, std::expm1, 2.0); }
TEST(VectorMath, Sigmoid) { expect_ulp("sigmoid", &MathTable::sigmoid, sigmoid_reference, 3.0); }
TEST(VectorMath, Silu) { expect_ulp("silu", &MathTable::silu, silu_reference, 5.0, -87); }
TEST(VectorMath, Tanh) { expect_ulp("tanh", &MathTable::tanh, std::tanh, 3.0); }
TEST(VectorMath, Erf) { expect_ulp("erf", &MathTable::erf, std::erf, 7.0); }
TEST(VectorMath, Log) { expect_ulp("log", &MathTable::log, std::log, 2.0); }
TEST(VectorMath, Log1p) { expect_ulp("log1p", &MathTable::log1p, std::log1p, 2.0); }
TEST(VectorMath, Softplus) {
  expect_ulp("softplus", &MathTable::softplus, softplus_reference, 3.0);
}
TEST(VectorMath, Sin) { expect_ulp("sin", &MathTable::sin, std::sin, 2.0, -100, 100); }
TEST(VectorMath, Cos) { expect_ulp("cos", &MathTable::cos, std::cos, 2.0, -100, 100); }
TEST(VectorMath, Atan) { expect_ulp("atan", &MathTable::atan, std::atan, 3.0); }
TEST(VectorMath, Asin) { expect_ulp("asin", &MathTable::asin, std::asin, 3.0, -1, 1); }
TEST(VectorMath, Acos) { expect_ulp("acos", &MathTable::acos, std::acos, 3.0, -1, 1); }
TEST(VectorMath, AnglesBeyondOneAreNone) {
  for (Tier tier : available_tiers()) {
    for (const auto loop : {&MathTable::asin, &MathTable::acos}) {
      std::vector<float> values = {1.0001f, -1.0001f, kInf, -kInf, kNan};
      (math_table(tier).*loop)(values.data(), values.size());
      for (const float value : values) EXPECT_TRUE(std::isnan(value)) << tier_name(tier);
    }
  }
}
// The negative tail cancels, as in any f32 formula with 1 + erf: bounded absolutely below.
TEST(VectorMath, Gelu) { expect_ulp("gelu", &MathTable::gelu, gelu_reference, 4.0, 0); }
TEST(VectorMath, GeluTanh) {
  expect_ulp("gelu_tanh", &MathTable::gelu_tanh, gelu_tanh_reference, 5.0, 0);
}

void expect_absolute(MathTable::Loop MathTable::*loop, Reference reference, double limit,
                     float bound) {
  const std::vector<float> input = sweep();
  for (Tier tier : available_tiers()) {
    std::vector<float> output = input;
    (math_table(tier).*loop)(output.data(), output.size());
    double worst = 0;
    for (size_t i = 0; i < input.size(); ++i) {
      if (!(std::abs(input[i]) <= bound)) continue;
      worst = std::max(worst, std::abs(output[i] - reference(input[i])));
    }
    EXPECT_LE(worst, limit) << tier_name(tier);
  }
}

TEST(VectorMath, NegativeGeluAbsolute) {
  expect_absolute(&MathTable::gelu, gelu_reference, 1e-6, 4);
  expect_absolute(&MathTable::gelu_tanh, gelu_tanh_reference, 1e-6, 4);
}
TEST(VectorMath, SiluGoesToZero) {
  for (Tier tier : available_tiers()) {
    std::vector<float> values = {-88, -103, -1000, -3e38f};
    math_table(tier).silu(values.data(), values.size());
    for (float value : values) {
      EXPECT_LE(value, 0);
      EXPECT_GE(value, -2e-36f) << tier_name(tier);
    }
  }
}
TEST(VectorMath, SinAndCosOfLargeArguments) {
  expect_absolute(&MathTable::sin, std::sin, 2e-7, 3e38f);
  expect_absolute(&MathTable::cos, std::cos, 2e-7, 3e38f);
}

TEST(VectorMath, TailsTouchNothingElse) {
  for (Tier tier : available_tiers()) {
    for (size_t count = 0; count <= 4; ++count) {
      const std::vector<float> src(count, 5.0f);  // a read beyond it is seen by the sanitizer
      std::vector<float> dst(20, 1.0f);
      math_table(tier).copy_n(src.data(), dst.data(), count);
      for (size_t i = 0; i < dst.size(); ++i) EXPECT_EQ(dst[i], i < count ? 5.0f : 1.0f);
    }
  }
}

TEST(VectorMath, DoubleIsLibm) {
  for (Tier tier : available_tiers()) {
    std::vector<double> x = {0.1, -3.0, 700.0, -700.0, 1.0, 2.0, 3.0};
    const std::vector<double> input = x;
    math_table(tier).exp_double(x.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(x[i], std::exp(input[i]));
  }
}

}  // namespace
}  // namespace sardonyx
#endif
