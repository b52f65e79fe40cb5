// Arithmetic of floats and integers, one struct per operator; see ops/elementwise/tile-inl.h.

#if defined(SARDONYX_OPS_ARITHMETIC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_ARITHMETIC_INL_H_
#undef SARDONYX_OPS_ARITHMETIC_INL_H_
#else
#define SARDONYX_OPS_ARITHMETIC_INL_H_
#endif

#include "ops/elementwise/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

struct Add {
  static constexpr char name[] = "Add";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a + b;
  }
};
struct Sub {
  static constexpr char name[] = "Sub";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a - b;
  }
};
struct Mul {
  static constexpr char name[] = "Mul";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a * b;
  }
};
struct Div {
  static constexpr char name[] = "Div";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a / b;
  }
};
struct Min {
  static constexpr char name[] = "Min";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return min(a, b);
  }
};
struct Max {
  static constexpr char name[] = "Max";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return max(a, b);
  }
};

// The sign of the divisor, as Python's %.
struct Mod {
  static constexpr char name[] = "Mod";
  static constexpr size_t kArity = 2;
  template <class T>
  HWY_INLINE Lane<T> eval(Lane<T> a, Lane<T> b) const {
    const Lane<T> rest = a - (a / b) * b;
    if (b == Lane<T>(0)) return rest.v * T(0);
    const bool other_sign = !(rest == Lane<T>(0)) && ((rest < Lane<T>(0)) != (b < Lane<T>(0)));
    return other_sign ? rest + b : rest;
  }
};
// The sign of the dividend, as C's % and fmod.
struct Fmod {
  static constexpr char name[] = "Fmod";
  static constexpr size_t kArity = 2;
  template <class T>
  HWY_INLINE Lane<T> eval(Lane<T> a, Lane<T> b) const {
    return b == Lane<T>(0) ? Lane<T>(0) : a - (a / b) * b;
  }
  template <class T>
  HWY_INLINE Lanes<T> eval(Lanes<T> a, Lanes<T> b) const {
    return map(a, b, std::fmod);
  }
#if HWY_TARGET != HWY_SSE4 && HWY_TARGET != HWY_SCALAR  // those with fused multiply-adds
  // A multiple of the divisor's last place, and less than the divisor, the rest is exact, as long
  // as the quotient is; where that was rounded up to an integer, the rest is negative.
  HWY_INLINE Lanes<float> eval(Lanes<float> a, Lanes<float> b) const {
    using F = Lanes<float>;
    const F quotient = trunc(a / b);
    const auto known = hn::And((abs(quotient) < F(0x1p22)), (abs(b) <= F(0x1.fffffep127)));
    if (!hn::AllTrue(F::D(), known)) return map(a, b, std::fmod);
    const F rest = hn::NegMulAdd(quotient.v, b.v, a.v);
    const F other = rest + copy_sign(b, a);
    return copy_sign(select(rest * copy_sign(F(1.0), a) < F(0.0), other, rest), a);
  }
#endif
};

// x^y; for integers by squaring, modulo 2^64, towards zero for negative y.
struct Pow {
  static constexpr char name[] = "Pow";
  static constexpr size_t kArity = 2;
  template <class T>
  HWY_INLINE Lanes<T> eval(Lanes<T> x, Lanes<T> y) const {
    return pow(x, y);
  }
  HWY_INLINE Lane<int64_t> eval(Lane<int64_t> x, Lane<int64_t> y) const {
    if (y.v < 0) {
      if (x.v == 1 || (x.v == -1 && y.v % 2 == 0)) return int64_t{1};
      return x.v == -1 ? int64_t{-1} : int64_t{0};
    }
    uint64_t power = 1;
    auto square = static_cast<uint64_t>(x.v);
    for (auto rest = static_cast<uint64_t>(y.v); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) power *= square;
      square *= square;
    }
    return power;
  }
};
// x^0.5 with the special cases of pow: -inf gives inf, -0 gives 0.
struct PowHalf {
  static constexpr char name[] = "PowHalf";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    const V infinity(std::numeric_limits<double>::infinity());
    return select(x == -infinity, infinity, sqrt(x + V(0.0)));
  }
};

struct Abs {
  static constexpr char name[] = "Abs";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return abs(x);
  }
};
struct Neg {
  static constexpr char name[] = "Neg";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return -x;
  }
};
struct Sign {
  static constexpr char name[] = "Sign";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    const V zero(0.0);
    // What is neither positive, negative nor zero stays: NaN.
    return select(x > zero, V(1.0), select(x < zero, -V(1.0), select(x == zero, zero, x)));
  }
};
struct Reciprocal {
  static constexpr char name[] = "Reciprocal";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return V(1.0) / x;
  }
};
struct Clip {
  static constexpr char name[] = "Clip";
  static constexpr size_t kArity = 3;
  template <class V>
  HWY_INLINE V eval(V x, V low, V high) const {
    return min(max(x, low), high);
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
