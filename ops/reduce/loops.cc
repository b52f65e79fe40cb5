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

// The same element of a vector of rows at once.
template <class Op, int kWidth>
void short_rows_of(const float* src, size_t count, float* totals) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes, src += kWidth * lanes) {
    F32 x[4];
    if constexpr (kWidth == 2) hn::LoadInterleaved2(d, src, x[0].v, x[1].v);
    if constexpr (kWidth == 3) hn::LoadInterleaved3(d, src, x[0].v, x[1].v, x[2].v);
    if constexpr (kWidth == 4) hn::LoadInterleaved4(d, src, x[0].v, x[1].v, x[2].v, x[3].v);
    F32 total = Op::term(x[0]);
    for (int k = 1; k < kWidth; ++k) total = Op::join(total, Op::term(x[k]));
    hn::StoreU(total.v, d, totals + i);
  }
  for (; i < count; ++i, src += kWidth) totals[i] = reduce_run<Op>(src, kWidth);
}

template <class Op>
void short_rows(const float* src, int64_t width, size_t count, float* totals) {
  if (width == 2) return short_rows_of<Op, 2>(src, count, totals);
  if (width == 3) return short_rows_of<Op, 3>(src, count, totals);
  short_rows_of<Op, 4>(src, count, totals);
}

template <class Op>
constexpr ReduceLoops loops_of() {
  // SSE4 is not worth the code.
  return {reduce_run<Op>, reduce_row<Op>, HWY_TARGET == HWY_SSE4 ? nullptr : short_rows<Op>};
}

}  // namespace
extern const ReduceTable kReduceTable;
const ReduceTable kReduceTable = {{loops_of<SumOf>(), loops_of<AbsOf>(), loops_of<SquareOf>(),
                                   loops_of<MaxOf>(), loops_of<MinOf>()}};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(reduce_table, ReduceTable, kReduceTable)
#endif  // HWY_ONCE
