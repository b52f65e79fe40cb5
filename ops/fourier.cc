// Behind ops/fourier.h. Of n numbers that are s lines of a transform apart, a pass of radix f takes
// those n / f apart, transforms them and turns them; what comes next are f times as many lines.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/fourier.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <type_traits>
#include <utility>

#include "cpu/tier_table.h"
#include "ops/fourier.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
struct ComplexOf {
  using V = hn::Vec<D>;
  V re, im;

  friend HWY_INLINE ComplexOf operator+(ComplexOf a, ComplexOf b) {
    return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
  }
  friend HWY_INLINE ComplexOf operator-(ComplexOf a, ComplexOf b) {
    return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
  }
  friend HWY_INLINE ComplexOf operator*(ComplexOf a, ComplexOf b) {
    return {hn::NegMulAdd(a.im, b.im, hn::Mul(a.re, b.re)),
            hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
  }
};

// One pass: numbers that n values of p and s of q tell apart.
template <class D>
struct Pass {
  using Complex = ComplexOf<D>;
  using V = hn::Vec<D>;
  static constexpr int64_t kLines = static_cast<int64_t>(hn::MaxLanes(D()));

  const FourierPlan& plan;
  int64_t n, s;
  const double* x;
  double* y;

  HWY_INLINE Complex root(int64_t k) const {
    const D d;
    const double* at = plan.roots.data() + 2 * k;
    return {hn::Set(d, at[0]), hn::Set(d, at[1])};
  }
  HWY_INLINE Complex from(int64_t q, int64_t p) const {
    const double* at = x + 2 * kLines * (q + s * p);
    return {hn::LoadU(D(), at), hn::LoadU(D(), at + kLines)};
  }
  HWY_INLINE void to(int64_t q, int64_t p, Complex number) const {
    double* at = y + 2 * kLines * (q + s * p);
    hn::StoreU(number.re, D(), at);
    hn::StoreU(number.im, D(), at + kLines);
  }

  void two() const {
    const int64_t m = n / 2;
    for (int64_t p = 0; p < m; ++p) {
      const Complex w = root(p * s);
      for (int64_t q = 0; q < s; ++q) {
        const Complex a = from(q, p), b = from(q, p + m);
        to(q, 2 * p, a + b);
        to(q, 2 * p + 1, (a - b) * w);
      }
    }
  }

  // A quarter of a turn exchanges the parts.
  void four() const {
    const int64_t m = n / 4;
    const V sign = hn::Set(D(), plan.inverse ? 1.0 : -1.0);
    for (int64_t p = 0; p < m; ++p) {
      const Complex w1 = root(p * s), w2 = root(2 * p * s), w3 = root(3 * p * s);
      for (int64_t q = 0; q < s; ++q) {
        const Complex a = from(q, p), b = from(q, p + m), c = from(q, p + 2 * m),
                      e = from(q, p + 3 * m);
        const Complex even = a + c, odd = b + e, even_less = a - c, odd_less = b - e;
        const Complex turned = {hn::Neg(hn::Mul(sign, odd_less.im)), hn::Mul(sign, odd_less.re)};
        to(q, 4 * p, even + odd);
        to(q, 4 * p + 1, (even_less + turned) * w1);
        to(q, 4 * p + 2, (even - odd) * w2);
        to(q, 4 * p + 3, (even_less - turned) * w3);
      }
    }
  }

  void any(int64_t factor) const {
    const int64_t m = n / factor, part = plan.length / factor;
    for (int64_t p = 0; p < m; ++p) {
      for (int64_t k = 0; k < factor; ++k) {
        const Complex w = root(p * k * s);
        for (int64_t q = 0; q < s; ++q) {
          Complex sum = from(q, p);
          int64_t turn = 0;  // r * k modulo the factor
          for (int64_t r = 1; r < factor; ++r) {
            turn += k;
            if (turn >= factor) turn -= factor;
            sum = sum + from(q, p + m * r) * root(turn * part);
          }
          to(q, factor * p + k, sum * w);
        }
      }
    }
  }
};

template <class D>
double* run(const FourierPlan& plan, double* numbers, double* scratch) {
  constexpr int64_t kLines = Pass<D>::kLines;
  Pass<D> pass{plan, plan.length, 1, numbers, scratch};
  for (const int64_t factor : plan.factors) {
    if (factor == 4) {
      pass.four();
    } else if (factor == 2) {
      pass.two();
    } else {
      pass.any(factor);
    }
    pass.n /= factor;
    pass.s *= factor;
    std::swap(numbers, scratch);
    pass.x = numbers;
    pass.y = scratch;
  }
  if (plan.inverse) {
    const D d;
    const auto scale = hn::Set(d, 1 / static_cast<double>(plan.length));
    for (int64_t i = 0; i < 2 * plan.length * kLines; i += kLines) {
      hn::StoreU(hn::Mul(hn::LoadU(d, numbers + i), scale), d, numbers + i);
    }
  }
  return numbers;
}

}  // namespace
extern const FourierKernels kFourier;
// SSE4 is not worth the code.
using Vectors =
    std::conditional_t<HWY_TARGET == HWY_SSE4, hn::CappedTag<double, 1>, hn::ScalableTag<double>>;
constexpr FourierKernels kFourier = {static_cast<int64_t>(hn::MaxLanes(Vectors())), run<Vectors>,
                                     run<hn::CappedTag<double, 1>>};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <cmath>
#include <numbers>

SARDONYX_TIER_TABLE(fourier_kernels, FourierKernels, kFourier)

namespace sardonyx {

Fourier::Fourier(Tier tier, int64_t length, bool inverse, int64_t lines) {
  const FourierKernels& kernels = fourier_kernels(tier);
  lines_ = lines == 1 ? 1 : kernels.lines;
  run_ = lines == 1 ? kernels.run_one : kernels.run;
  plan_.length = length;
  plan_.inverse = inverse;
  int64_t left = length;
  for (; left % 4 == 0; left /= 4) plan_.factors.push_back(4);
  for (int64_t factor = 2; factor * factor <= left; ++factor) {
    for (; left % factor == 0; left /= factor) plan_.factors.push_back(factor);
  }
  if (left > 1) plan_.factors.push_back(left);
  const double turn = (inverse ? 2 : -2) * std::numbers::pi / static_cast<double>(length);
  plan_.roots.resize(static_cast<size_t>(2 * length));
  double* root = plan_.roots.data();
  for (int64_t k = 0; k < length; ++k, root += 2) {
    const double angle = turn * static_cast<double>(k);
    root[0] = std::cos(angle);
    root[1] = std::sin(angle);
  }
}

}  // namespace sardonyx
#endif  // HWY_ONCE
