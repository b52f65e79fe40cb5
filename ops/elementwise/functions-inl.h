// Mathematical functions, one struct per operator; see ops/elementwise/tile-inl.h.

#if defined(SARDONYX_OPS_FUNCTIONS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_FUNCTIONS_INL_H_
#undef SARDONYX_OPS_FUNCTIONS_INL_H_
#else
#define SARDONYX_OPS_FUNCTIONS_INL_H_
#endif

#include "ops/elementwise/tile-inl.h"

// A struct for a function of Lanes, and for one of libm, taken lane by lane.
#define SARDONYX_FUNCTION(Name, function) \
  struct Name {                           \
    static constexpr char name[] = #Name; \
    static constexpr size_t kArity = 1;   \
    template <class V>                    \
    HWY_INLINE V eval(V x) const {        \
      return function(x);                 \
    }                                     \
  };
#define SARDONYX_LANE_FUNCTION(Name, function) \
  struct Name {                                \
    static constexpr char name[] = #Name;      \
    static constexpr size_t kArity = 1;        \
    template <class V>                         \
    HWY_INLINE V eval(V x) const {             \
      return map(x, function);                 \
    }                                          \
  };

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

SARDONYX_FUNCTION(Acos, acos)
SARDONYX_FUNCTION(Asin, asin)
SARDONYX_FUNCTION(Atan, atan)
SARDONYX_FUNCTION(Ceil, ceil)
SARDONYX_FUNCTION(Cos, cos)
SARDONYX_FUNCTION(Erf, erf)
SARDONYX_FUNCTION(Exp, exp)
SARDONYX_FUNCTION(Floor, floor)
SARDONYX_FUNCTION(Log, log)
SARDONYX_FUNCTION(Round, round)
SARDONYX_FUNCTION(Sin, sin)
SARDONYX_FUNCTION(Sqrt, sqrt)
SARDONYX_FUNCTION(Tanh, tanh)
SARDONYX_LANE_FUNCTION(Acosh, std::acosh)
SARDONYX_LANE_FUNCTION(Asinh, std::asinh)
SARDONYX_LANE_FUNCTION(Atanh, std::atanh)
SARDONYX_LANE_FUNCTION(Cosh, std::cosh)
SARDONYX_LANE_FUNCTION(Sinh, std::sinh)
SARDONYX_LANE_FUNCTION(Tan, std::tan)

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#undef SARDONYX_FUNCTION
#undef SARDONYX_LANE_FUNCTION

#endif  // include guard per target
