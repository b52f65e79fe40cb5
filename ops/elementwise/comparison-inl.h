// Comparisons and predicates, one struct per operator; see ops/elementwise/tile-inl.h.

#if defined(SARDONYX_OPS_COMPARISON_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_COMPARISON_INL_H_
#undef SARDONYX_OPS_COMPARISON_INL_H_
#else
#define SARDONYX_OPS_COMPARISON_INL_H_
#endif

#include "ops/elementwise/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

struct Equal {
  static constexpr char name[] = "Equal";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return a == b;
  }
};
// Of booleans stored as bytes.
struct EqualTruth {
  static constexpr char name[] = "Equal";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return (a.v != 0) == (b.v != 0);
  }
};
struct Less {
  static constexpr char name[] = "Less";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return a < b;
  }
};
struct Greater {
  static constexpr char name[] = "Greater";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return a > b;
  }
};
struct LessOrEqual {
  static constexpr char name[] = "LessOrEqual";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return a <= b;
  }
};
struct GreaterOrEqual {
  static constexpr char name[] = "GreaterOrEqual";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE bool eval(V a, V b) const {
    return a >= b;
  }
};

struct IsNaN {
  static constexpr char name[] = "IsNaN";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE bool eval(V x) const {
    return !(x == x);  // NOLINT(misc-redundant-expression)
  }
};
struct IsInf {
  static constexpr char name[] = "IsInf";
  static constexpr size_t kArity = 1;
  float detect_negative, detect_positive;
  template <class T>
  HWY_INLINE bool eval(Lane<T> x) const {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    return ((x.v == kInfinity) & (detect_positive != 0)) |
           ((x.v == -kInfinity) & (detect_negative != 0));
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
