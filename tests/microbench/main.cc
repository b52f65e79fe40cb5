// sardonyx_microbench [--tier avx2] [--threads 2] [--seconds 0.1] [filter]
// Prints each kernel at layer shapes of real networks: microseconds, GFLOP/s, percent of the peak
// measured in the same moment on one core times the number of threads, GB/s.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "cpu/peak.h"
#include "tests/microbench/bench.h"

namespace sardonyx {
namespace {

double read_clock(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

double thread_seconds() { return read_clock(CLOCK_THREAD_CPUTIME_ID); }
double wall_seconds() { return read_clock(CLOCK_MONOTONIC); }

double measure_peak(Tier tier) {
  constexpr int64_t kRounds = 20000;
  static float sink = 0;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double start = thread_seconds();
    const int64_t done = peak_kernels(tier).multiply_add(kRounds, &sink);
    best = std::max(best, 2e-9 * static_cast<double>(done) / (thread_seconds() - start));
  }
  return best;
}

void print_result(const BenchOptions& options, const std::string& name, double seconds,
                  double flops, double bytes, double peak) {
  const double rate = flops / seconds * 1e-9;
  std::printf("%-44s %10.2f us %8.1f GFLOP/s %6.1f%% of %3.0f %8.1f GB/s\n", name.c_str(),
              seconds * 1e6, rate, 100 * rate / (peak * options.threads), peak,
              bytes / seconds * 1e-9);
  std::fflush(stdout);
}

int run(int argc, char** argv) {
  BenchOptions options;
  options.tier = best_tier();
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--tier") == 0 && has_value) {
      const auto tier = tier_from_name(argv[++i]);
      if (!tier) {
        std::fprintf(stderr, "no tier '%s'\n", argv[i]);
        return 2;
      }
      options.tier = *tier;
    } else if (std::strcmp(argv[i], "--threads") == 0 && has_value) {
      options.threads = std::atoi(argv[++i]);
    } else if (std::strcmp(argv[i], "--seconds") == 0 && has_value) {
      options.seconds = std::atof(argv[++i]);
    } else {
      options.filter = argv[i];
    }
  }
  ThreadPool pool(options.threads);
  bench_gemm(options, pool);
  bench_conv(options, pool);
  bench_activation(options, pool);
  bench_depthwise(options, pool);
  return 0;
}

}  // namespace sardonyx

int main(int argc, char** argv) { return sardonyx::run(argc, argv); }
