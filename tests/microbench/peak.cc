// The multiply-add peak of one core: 24 independent chains, 12 x 2 as in the matrix tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/microbench/peak.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "tests/microbench/bench.h"

#ifndef SARDONYX_PEAK_TABLE
#define SARDONYX_PEAK_TABLE
namespace sardonyx {
struct PeakTable {
  double (*flops)(int64_t rounds, float* out);
};
const PeakTable& peak_table(Tier tier);
}  // namespace sardonyx
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

double flops(int64_t rounds, float* out) {
  const hn::ScalableTag<float> d;
  constexpr int kChains = HWY_TARGET == HWY_AVX3 ? 24 : 12;
  hn::Vec<decltype(d)> sum[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) sum[i] = hn::Set(d, 1.0f + 0.01f * static_cast<float>(i));
  auto a = hn::Set(d, 1.0f);
  auto b = hn::Set(d, 1e-9f);
  for (int64_t round = 0; round < rounds; ++round) {
    __asm__ volatile("" : "+x"(a.raw), "+x"(b.raw));
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) sum[i] = hn::MulAdd(a, b, sum[i]);
  }
  for (int i = 1; i < kChains; ++i) sum[0] = hn::Add(sum[0], sum[i]);
  *out = hn::GetLane(sum[0]);
  return 2.0 * kChains * static_cast<double>(hn::Lanes(d)) * static_cast<double>(rounds);
}

}  // namespace

extern const PeakTable kPeakTable;
constexpr PeakTable kPeakTable = {flops};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(peak_table, PeakTable, kPeakTable)

namespace sardonyx {

double measure_peak(Tier tier) {
  volatile float sink = 0;
  float out = 0;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = thread_seconds();
    const double done = peak_table(tier).flops(10000, &out);
    best = std::max(best, done / (thread_seconds() - start) * 1e-9);
    sink = sink + out;
  }
  return best;
}

}  // namespace sardonyx
#endif
