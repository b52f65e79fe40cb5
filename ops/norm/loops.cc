#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/norm/loops.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"
#include "ops/norm/loops.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

float squared_distance(const float* src, size_t count, float mean) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V center = hn::Set(d, mean);
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const V x0 = hn::Sub(hn::LoadU(d, src + i), center);
    const V x1 = hn::Sub(hn::LoadU(d, src + i + lanes), center);
    const V x2 = hn::Sub(hn::LoadU(d, src + i + 2 * lanes), center);
    const V x3 = hn::Sub(hn::LoadU(d, src + i + 3 * lanes), center);
    s0 = hn::MulAdd(x0, x0, s0);
    s1 = hn::MulAdd(x1, x1, s1);
    s2 = hn::MulAdd(x2, x2, s2);
    s3 = hn::MulAdd(x3, x3, s3);
  }
  for (; i + lanes <= count; i += lanes) {
    const V x = hn::Sub(hn::LoadU(d, src + i), center);
    s0 = hn::MulAdd(x, x, s0);
  }
  if (i < count) {
    const V x = hn::Sub(load_n(d, src + i, count - i), center);
    s1 = hn::Add(s1, hn::IfThenElseZero(hn::FirstN(d, count - i), hn::Mul(x, x)));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

void scale(const float* src, float* dst, size_t count, float center, float factor, float offset) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V c = hn::Set(d, center), f = hn::Set(d, factor), o = hn::Set(d, offset);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(hn::Sub(hn::LoadU(d, src + i), c), f, o), d, dst + i);
  }
  if (i < count) {
    const size_t rest = count - i;
    store_n(hn::MulAdd(hn::Sub(load_n(d, src + i, rest), c), f, o), d, dst + i, rest);
  }
}

void scale_each(const float* src, float* dst, size_t count, const float* centers,
                const float* factors, const float* offsets) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const V x = hn::Sub(hn::LoadU(d, src + i), hn::LoadU(d, centers + i));
    hn::StoreU(hn::MulAdd(x, hn::LoadU(d, factors + i), hn::LoadU(d, offsets + i)), d, dst + i);
  }
  if (i < count) {
    const size_t rest = count - i;
    const V x = hn::Sub(load_n(d, src + i, rest), load_n(d, centers + i, rest));
    const V y = hn::MulAdd(x, load_n(d, factors + i, rest), load_n(d, offsets + i, rest));
    store_n(y, d, dst + i, rest);
  }
}

}  // namespace
extern const NormLoops kNormLoops;
const NormLoops kNormLoops = {squared_distance, scale, scale_each};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(norm_loops, NormLoops, kNormLoops)
#endif  // HWY_ONCE
