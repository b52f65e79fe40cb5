// Lanes<T>: a vector of floats, Lane<T>: one element of any number type, with the same operators
// and functions, so that an operator's `eval` is written once for both. Integers wrap around;
// dividing one by zero gives 0. Included once per tier; see ops/elementwise/tile-inl.h.

#if defined(SARDONYX_OPS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_LANES_INL_H_
#undef SARDONYX_OPS_LANES_INL_H_
#else
#define SARDONYX_OPS_LANES_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "cpu/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace vm = sardonyx::HWY_NAMESPACE;

// ---- Lanes

template <class T>
struct Lanes {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  V v;
  HWY_INLINE Lanes() : v(hn::Zero(D())) {}
  HWY_INLINE Lanes(V vector) : v(vector) {}  // NOLINT: implicit, as constants are
  HWY_INLINE Lanes(double number) : v(hn::Set(D(), static_cast<T>(number))) {}  // NOLINT

  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) { return hn::Add(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) { return hn::Sub(a.v, b.v); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return hn::Mul(a.v, b.v); }
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) { return hn::Div(a.v, b.v); }
  friend HWY_INLINE Lanes operator-(Lanes a) { return hn::Neg(a.v); }
  friend HWY_INLINE auto operator<(Lanes a, Lanes b) { return hn::Lt(a.v, b.v); }
  friend HWY_INLINE auto operator>(Lanes a, Lanes b) { return hn::Gt(a.v, b.v); }
  friend HWY_INLINE auto operator<=(Lanes a, Lanes b) { return hn::Le(a.v, b.v); }
  friend HWY_INLINE auto operator>=(Lanes a, Lanes b) { return hn::Ge(a.v, b.v); }
  friend HWY_INLINE auto operator==(Lanes a, Lanes b) { return hn::Eq(a.v, b.v); }

  friend HWY_INLINE Lanes select(hn::Mask<D> mask, Lanes yes, Lanes no) {
    return hn::IfThenElse(mask, yes.v, no.v);
  }
  friend HWY_INLINE auto is_nan(Lanes x) { return hn::IsNaN(x.v); }
  friend HWY_INLINE Lanes mul_add(Lanes a, Lanes b, Lanes c) { return hn::MulAdd(a.v, b.v, c.v); }
  friend HWY_INLINE Lanes abs(Lanes x) { return hn::Abs(x.v); }
  friend HWY_INLINE Lanes copy_sign(Lanes x, Lanes sign) { return hn::CopySign(x.v, sign.v); }
  friend HWY_INLINE Lanes sqrt(Lanes x) { return hn::Sqrt(x.v); }
  friend HWY_INLINE Lanes ceil(Lanes x) { return hn::Ceil(x.v); }
  friend HWY_INLINE Lanes floor(Lanes x) { return hn::Floor(x.v); }
  friend HWY_INLINE Lanes trunc(Lanes x) { return hn::Trunc(x.v); }
  friend HWY_INLINE Lanes round(Lanes x) { return hn::Round(x.v); }  // ties to even
  // NaN where either is.
  friend HWY_INLINE Lanes min(Lanes a, Lanes b) {
    return hn::IfThenElse(hn::IsNaN(a.v), a.v, min_keep_nan(a.v, b.v));
  }
  friend HWY_INLINE Lanes max(Lanes a, Lanes b) {
    return hn::IfThenElse(hn::IsNaN(a.v), a.v, max_keep_nan(a.v, b.v));
  }
  // The same for a bound that is no NaN.
  friend HWY_INLINE Lanes at_least(Lanes x, Lanes bound) { return max_keep_nan(bound.v, x.v); }
  friend HWY_INLINE Lanes at_most(Lanes x, Lanes bound) { return min_keep_nan(bound.v, x.v); }

  friend HWY_INLINE Lanes exp(Lanes x) { return vm::exp(x.v); }
  friend HWY_INLINE Lanes expm1(Lanes x) { return vm::expm1(x.v); }
  friend HWY_INLINE Lanes log(Lanes x) { return vm::log(x.v); }
  friend HWY_INLINE Lanes log1p(Lanes x) { return vm::log1p(x.v); }
  friend HWY_INLINE Lanes softplus(Lanes x) { return vm::softplus(x.v); }
  friend HWY_INLINE Lanes sigmoid(Lanes x) { return vm::sigmoid(x.v); }
  friend HWY_INLINE Lanes tanh(Lanes x) { return vm::tanh(x.v); }
  friend HWY_INLINE Lanes erf(Lanes x) { return vm::erf(x.v); }
  friend HWY_INLINE Lanes gelu(Lanes x) { return vm::gelu(x.v); }
  friend HWY_INLINE Lanes gelu_tanh(Lanes x) { return vm::gelu_tanh(x.v); }
  friend HWY_INLINE Lanes sin(Lanes x) { return vm::sin(x.v); }
  friend HWY_INLINE Lanes cos(Lanes x) { return vm::cos(x.v); }
  friend HWY_INLINE Lanes atan(Lanes x) { return vm::atan(x.v); }
  friend HWY_INLINE Lanes asin(Lanes x) { return vm::asin(x.v); }
  friend HWY_INLINE Lanes acos(Lanes x) { return vm::acos(x.v); }
  friend HWY_INLINE Lanes pow(Lanes x, Lanes y) { return vm::pow(x.v, y.v); }
  friend HWY_INLINE Lanes map(Lanes x, T (*fn)(T)) { return vm::map_lanes<V>(x.v, fn); }
  friend HWY_INLINE Lanes map(Lanes x, Lanes y, T (*fn)(T, T)) {
    return vm::map_lanes<V>(x.v, y.v, fn);
  }
};

// ---- Lane

template <class T>
struct Lane {
  // Integer arithmetic is done on this type: unsigned, so that it wraps around.
  using Wrap = std::conditional_t<std::is_integral_v<T>,
                                  std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>, T>;
  static constexpr bool kIsInteger = std::is_integral_v<T>;
  T v;
  HWY_INLINE Lane() = default;
  template <class Number>
  HWY_INLINE Lane(Number number) : v(static_cast<T>(number)) {}  // NOLINT: as for Lanes

  friend HWY_INLINE Lane operator+(Lane a, Lane b) { return static_cast<Wrap>(a.v) + Wrap(b.v); }
  friend HWY_INLINE Lane operator-(Lane a, Lane b) { return static_cast<Wrap>(a.v) - Wrap(b.v); }
  friend HWY_INLINE Lane operator*(Lane a, Lane b) { return static_cast<Wrap>(a.v) * Wrap(b.v); }
  friend HWY_INLINE Lane operator-(Lane a) { return Wrap(0) - Wrap(a.v); }
  friend HWY_INLINE Lane operator/(Lane a, Lane b) {
    if constexpr (kIsInteger) {
      if (b.v == 0) return T(0);
      if constexpr (std::is_signed_v<T>) {
        if (b.v == -1) return -a;
      }
    }
    return a.v / b.v;
  }
  friend HWY_INLINE bool operator<(Lane a, Lane b) { return a.v < b.v; }
  friend HWY_INLINE bool operator>(Lane a, Lane b) { return a.v > b.v; }
  friend HWY_INLINE bool operator<=(Lane a, Lane b) { return a.v <= b.v; }
  friend HWY_INLINE bool operator>=(Lane a, Lane b) { return a.v >= b.v; }
  friend HWY_INLINE bool operator==(Lane a, Lane b) { return a.v == b.v; }
  friend HWY_INLINE Lane operator&(Lane a, Lane b) { return static_cast<T>(a.v & b.v); }
  friend HWY_INLINE Lane operator|(Lane a, Lane b) { return static_cast<T>(a.v | b.v); }
  friend HWY_INLINE Lane operator^(Lane a, Lane b) { return static_cast<T>(a.v ^ b.v); }
  friend HWY_INLINE Lane operator~(Lane a) { return static_cast<T>(~a.v); }

  friend HWY_INLINE Lane select(bool condition, Lane yes, Lane no) { return condition ? yes : no; }
  friend HWY_INLINE Lane abs(Lane x) { return x.v < T(0) ? -x : x; }
  friend HWY_INLINE Lane min(Lane a, Lane b) { return b.v < a.v ? b : a; }
  friend HWY_INLINE Lane max(Lane a, Lane b) { return a.v < b.v ? b : a; }
  friend HWY_INLINE Lane at_least(Lane x, Lane bound) { return max(x, bound); }
  friend HWY_INLINE Lane at_most(Lane x, Lane bound) { return min(x, bound); }
};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
