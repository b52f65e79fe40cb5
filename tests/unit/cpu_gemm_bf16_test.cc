// Products with operands rounded to bf16 against sums in f64 of the same rounded operands.
#include "cpu/gemm_bf16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "base/narrow.h"

namespace sardonyx {
namespace {

struct Kind {
  const char* name;
  const Bf16Kernels* kernels;
};

std::vector<Kind> kinds_here() {
  std::vector<Kind> kinds;
  if (const auto* tiles = bf16_kernels(best_tier(), Bf16Kind::kTiles)) {
    kinds.push_back({"tiles", tiles});
  }
  if (const auto* dots = bf16_kernels(best_tier(), Bf16Kind::kDots)) {
    kinds.push_back({"dots", dots});
  }
  return kinds;
}

std::vector<float> random_floats(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  std::vector<float> numbers(static_cast<size_t>(count));
  for (float& number : numbers) number = normal(engine);
  return numbers;
}

double rounded(float x) { return static_cast<double>(to_float(to_bfloat16(x))); }

// Memory as kernels get it.
struct Space {
  std::vector<char> bytes;
  explicit Space(size_t size) : bytes(size + 64) {}
  void* data() {
    const auto address = reinterpret_cast<uintptr_t>(bytes.data());
    return bytes.data() + (64 - address % 64) % 64;
  }
};

struct Case {
  int64_t m, n, k, batch = 1;
  bool trans_b = false;
  Epilogue<float> epilogue = {};
};

// What the epilogue makes of a sum.
double finished(const Epilogue<float>& e, double sum, double residual, int64_t col) {
  double y = static_cast<double>(e.alpha) * sum;
  if (e.bias != nullptr) y += static_cast<double>(e.bias[col]);
  if (!e.residual_after) y += residual;
  if (e.activation == Activation::kClip) {
    y = std::min(std::max(y, static_cast<double>(e.p0)), static_cast<double>(e.p1));
  }
  if (e.activation == Activation::kGelu) y = 0.5 * y * (1 + std::erf(y / std::sqrt(2.0)));
  return e.residual_after ? y + residual : y;
}

void check(const Case& c) {
  const int64_t lda = c.k + 3, ldb = (c.trans_b ? c.k : c.n) + 1, ldc = c.n + 2;
  const auto a = random_floats(c.batch * c.m * lda, 1), b = random_floats((c.n + c.k) * ldb, 2);
  ThreadPool one(1);
  Space packed(packed_b_bf16_bytes(c.k, c.n));
  for (const Kind& kind : kinds_here()) {
    pack_b_bf16(b.data(), ldb, c.trans_b, c.k, c.n, packed.data(), one);
    std::vector<float> first;
    for (const int threads : {1, 2, 3}) {
      std::vector<float> y(static_cast<size_t>(c.batch * c.m * ldc), 77);
      GemmArgs<float> args;
      args.m = c.m;
      args.n = c.n;
      args.k = c.k;
      args.a = a.data();
      args.lda = lda;
      args.c = y.data();
      args.ldc = ldc;
      args.batch = c.batch;
      args.a_stride = c.m * lda;
      args.c_stride = c.m * ldc;
      args.residual_stride = c.m * c.epilogue.residual_ld;
      args.epilogue = c.epilogue;
      ThreadPool pool(threads);
      Space space(gemm_bf16_workspace_bytes(args));
      gemm_bf16(*kind.kernels, gemm_kernels<float>(best_tier()), args, packed.data(), space.data(),
                pool);
      if (threads == 1) first = y;
      ASSERT_EQ(first, y) << kind.name << " with " << threads << " threads";
    }
    const double unit = std::ldexp(1.0, -24);
    for (int64_t i = 0; i < c.batch * c.m; ++i) {
      ASSERT_EQ(first[i * ldc + c.n], 77);
      for (int64_t j = 0; j < c.n; ++j) {
        double sum = 0, size = 0;
        for (int64_t p = 0; p < c.k; ++p) {
          const float other = c.trans_b ? b[j * ldb + p] : b[p * ldb + j];
          const double product = rounded(a[i * lda + p]) * rounded(other);
          sum += product;
          size += std::abs(product);
        }
        const double residual =
            c.epilogue.residual == nullptr
                ? 0
                : static_cast<double>(c.epilogue.residual[i * c.epilogue.residual_ld + j]);
        const double want = finished(c.epilogue, sum, residual, j);
        // Each of k additions rounds once; what follows adds some of its own.
        const double most = 1.2 * static_cast<double>(c.k + 2) * unit * size + 1e-6;
        ASSERT_NEAR(static_cast<double>(first[i * ldc + j]), want, most)
            << kind.name << " " << c.m << "x" << c.n << "x" << c.k << " at " << i << ", " << j;
      }
    }
  }
}

class GemmBf16 : public testing::Test {
 protected:
  void SetUp() override {
    if (kinds_here().empty()) GTEST_SKIP() << "this machine has no bf16 products";
  }
};

TEST_F(GemmBf16, OddSizes) {
  for (const int64_t m : {1, 15, 16, 17, 31, 33, 70}) {
    for (const int64_t n : {1, 15, 17, 32, 33, 97}) {
      for (const int64_t k : {1, 2, 31, 33, 100}) check({m, n, k, 1, (m + n + k) % 2 == 0});
    }
  }
}

TEST_F(GemmBf16, LargeAndBatched) {
  check({300, 200, 1100});
  check({37, 64, 3000, 1, true});
  check({5, 40, 77, 3});
}

TEST_F(GemmBf16, Epilogues) {
  const auto bias = random_floats(64, 3), residual = random_floats(3 * 40 * 64, 4);
  for (const Activation activation : {Activation::kNone, Activation::kClip, Activation::kGelu}) {
    for (const bool after : {false, true}) {
      Epilogue<float> e;
      e.alpha = 0.5f;
      e.bias = bias.data();
      e.residual = residual.data();
      e.residual_ld = 64;
      e.residual_after = after;
      e.activation = activation;
      e.p0 = -1;
      e.p1 = 2;
      check({37, 45, 50, 3, false, e});
    }
  }
}

// One product is exact in f32, so that it shows how its operands were rounded.
TEST_F(GemmBf16, RoundsToNearestEven) {
  const std::vector<float> numbers = {1.0f,         1.00390625f, 1.01171875f, 1.0039063f,
                                      -1.00390625f, 3.0e38f,     1e-30f,      65280.5f,
                                      0.1f,         -0.3f,       1.0117187f,  0};
  const auto count = static_cast<int64_t>(numbers.size());
  ThreadPool one(1);
  for (const Kind& kind : kinds_here()) {
    Space packed(packed_b_bf16_bytes(1, count));
    pack_b_bf16(numbers.data(), count, false, 1, count, packed.data(), one);
    std::vector<float> y(numbers.size() * numbers.size());
    GemmArgs<float> args;
    args.m = args.n = args.lda = args.ldc = count;
    args.k = args.lda = 1;
    args.a = numbers.data();
    args.c = y.data();
    Space space(gemm_bf16_workspace_bytes(args));
    gemm_bf16(*kind.kernels, gemm_kernels<float>(best_tier()), args, packed.data(), space.data(),
              one);
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t j = 0; j < count; ++j) {
        const auto want = static_cast<float>(rounded(numbers[i]) * rounded(numbers[j]));
        EXPECT_EQ(y[i * count + j], want) << kind.name << " " << numbers[i] << " " << numbers[j];
      }
    }
  }
}

TEST(Bf16Kinds, SayWhatIsMissing) {
  const char* why = nullptr;
  EXPECT_EQ(bf16_kernels(Tier::kSse4, Bf16Kind::kTiles, &why), nullptr);
  EXPECT_NE(why, nullptr);
}

}  // namespace
}  // namespace sardonyx
