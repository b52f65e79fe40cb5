// Measures the ceilings of the roofline: best of several short rounds on all threads at once.
#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "api/inspect.h"
#include "base/cpu_features.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "cpu/peak.h"

namespace sardonyx {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double measure_flops(ThreadPool& pool, const PeakKernels& kernels) {
  constexpr int64_t kRounds = 400000;  // a few milliseconds
  double best = 0;
  for (int round = 0; round < 12; ++round) {
    std::vector<int64_t> counts(static_cast<size_t>(pool.threads()), 0);
    const auto start = Clock::now();
    pool.parallel_for(pool.threads(), [&](int64_t task) {
      float sink = 0;
      counts[static_cast<size_t>(task)] = kernels.multiply_add(kRounds, &sink);
    });
    const int64_t count = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    best = std::max(best, 2.0 * static_cast<double>(count) / seconds_since(start));
  }
  return best;
}

Result<double> measure_reads(ThreadPool& pool, const PeakKernels& kernels) {
  constexpr int64_t kChunk = 1 << 18;  // floats: 1 MB
  const size_t bytes = std::clamp<size_t>(3 * cpu_features().l3_bytes, 64 << 20, 384 << 20);
  const int64_t count = static_cast<int64_t>(bytes / sizeof(float)) / kChunk * kChunk;
  const Tensor buffer = TRY(Tensor::allocate(DType::kFloat32, Shape{count}));
  float* data = buffer.as<float>();
  std::fill(data, data + count, 1.0f);  // pages exist before they are read
  std::vector<float> sums(static_cast<size_t>(count / kChunk));
  double best = 0;
  for (int round = 0; round < 4; ++round) {
    const auto start = Clock::now();
    pool.parallel_for(count / kChunk, [&](int64_t task) {
      sums[static_cast<size_t>(task)] = kernels.read(data + task * kChunk, kChunk);
    });
    best = std::max(best, static_cast<double>(count) * sizeof(float) / seconds_since(start));
  }
  return best;
}

}  // namespace

Result<MachinePeak> measure_peak(int threads, const std::string& tier_text) {
  Tier tier = best_tier();
  if (!tier_text.empty()) {
    const auto named = tier_from_name(tier_text);
    const std::vector<Tier> available = available_tiers();
    if (!named || std::find(available.begin(), available.end(), *named) == available.end()) {
      return fail(Code::kInvalidArgument, "there is no tier '{}' on this machine", tier_text);
    }
    tier = *named;
  }
  const std::shared_ptr<ThreadPool> pool = shared_thread_pool(threads);
  const PeakKernels& kernels = peak_kernels(tier);
  return MachinePeak{measure_flops(*pool, kernels), TRY(measure_reads(*pool, kernels))};
}

}  // namespace sardonyx
