// The f32 loops of reductions, per tier. The order of every sum depends on the count alone.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/reduce/loops.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "ops/elementwise/lanes-inl.h"
#include "ops/reduce/reduce.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using F32 = Lanes<float>;
using D = F32::D;

struct SumOf {
  static HWY_INLINE F32 first() { return 0.0; }
  static HWY_INLINE F32 term(F32 x) { return x; }
  static HWY_INLINE F32 join(F32 a, F32 b) { return a + b; }
  static HWY_INLINE float all(F32 x) { return hn::GetLane(hn::SumOfLanes(D(), x.v)); }
};
struct AbsOf : SumOf {
  static HWY_INLINE F32 term(F32 x) { return abs(x); }
};
struct SquareOf : SumOf {
  static HWY_INLINE F32 term(F32 x) { return x * x; }
};
// Extremes are NaN where any element is.
HWY_INLINE bool any_nan(F32 x) { return !hn::AllFalse(D(), is_nan(x)); }
struct MaxOf {
  static HWY_INLINE F32 first() { return -std::numeric_limits<double>::infinity(); }
  static HWY_INLINE F32 term(F32 x) { return x; }
  static HWY_INLINE F32 join(F32 a, F32 b) { return max(a, b); }
  static HWY_INLINE float all(F32 x) {
    if (any_nan(x)) return std::numeric_limits<float>::quiet_NaN();
    return hn::GetLane(hn::MaxOfLanes(D(), x.v));
  }
};
struct MinOf {
  static HWY_INLINE F32 first() { return std::numeric_limits<double>::infinity(); }
  static HWY_INLINE F32 term(F32 x) { return x; }
  static HWY_INLINE F32 join(F32 a, F32 b) { return min(a, b); }
  static HWY_INLINE float all(F32 x) {
    if (any_nan(x)) return std::numeric_limits<float>::quiet_NaN();
    return hn::GetLane(hn::MinOfLanes(D(), x.v));
  }
};

template <class Op>
float reduce_run(const float* src, size_t count) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  F32 s0 = Op::first(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    s0 = Op::join(s0, Op::term(hn::LoadU(d, src + i)));
    s1 = Op::join(s1, Op::term(hn::LoadU(d, src + i + lanes)));
    s2 = Op::join(s2, Op::term(hn::LoadU(d, src + i + 2 * lanes)));
    s3 = Op::join(s3, Op::term(hn::LoadU(d, src + i + 3 * lanes)));
  }
  for (; i + lanes <= count; i += lanes) s0 = Op::join(s0, Op::term(hn::LoadU(d, src + i)));
  if (i < count) {
    const F32 part = Op::term(load_n(d, src + i, count - i));
    s1 = Op::join(s1, select(hn::FirstN(d, count - i), part, Op::first()));
  }
  return Op::all(Op::join(Op::join(s0, s1), Op::join(s2, s3)));
}

template <class Op>
void reduce_row(const float* src, size_t count, float* sums) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const F32 sum = Op::join(hn::LoadU(d, sums + i), Op::term(hn::LoadU(d, src + i)));
    hn::StoreU(sum.v, d, sums + i);
  }
  if (i < count) {
    const size_t rest = count - i;
    const F32 sum = Op::join(load_n(d, sums + i, rest), Op::term(load_n(d, src + i, rest)));
    store_n(sum.v, d, sums + i, rest);
  }
}

}  // namespace
extern const ReduceTable kReduceTable;
const ReduceTable kReduceTable = {{{reduce_run<SumOf>, reduce_row<SumOf>},
                                   {reduce_run<AbsOf>, reduce_row<AbsOf>},
                                   {reduce_run<SquareOf>, reduce_row<SquareOf>},
                                   {reduce_run<MaxOf>, reduce_row<MaxOf>},
                                   {reduce_run<MinOf>, reduce_row<MinOf>}}};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(reduce_table, ReduceTable, kReduceTable)
#endif  // HWY_ONCE
