// Twelve accumulators hide the latency of a multiply-add on every processor so far (latency 4 to 5,
// two per cycle), and fit the sixteen registers of SSE4 and AVX2.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/peak.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/peak.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

int64_t multiply_add(int64_t rounds, float* sink) {
  const D d;
  // Two for each cycle of the latency of a multiply-add. They differ, or the compiler would compute
  // one of them.
  constexpr int kChains = 12;
  const V scale = hn::Set(d, 0.5f);
  const V shift = hn::Set(d, 0.25f);
  V chain[kChains];
#pragma GCC unroll 12
  for (int i = 0; i < kChains; ++i) chain[i] = hn::Set(d, 1.0f + 0.125f * static_cast<float>(i));
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) chain[i] = hn::MulAdd(chain[i], scale, shift);
  }
  V sum = chain[0];
  for (int i = 1; i < kChains; ++i) sum = hn::Add(sum, chain[i]);
  *sink += hn::GetLane(hn::SumOfLanes(d, sum));
  return rounds * kChains * static_cast<int64_t>(hn::Lanes(d));
}

float read(const float* data, int64_t count) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (int64_t i = 0; i < count; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, data + i));
    s1 = hn::Add(s1, hn::LoadU(d, data + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, data + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, data + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

}  // namespace

extern const PeakKernels kPeakKernels;
const PeakKernels kPeakKernels = {multiply_add, read};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(peak_kernels, PeakKernels, kPeakKernels)
#endif
