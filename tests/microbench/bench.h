// Timing for kernel benchmarks: the best of many short runs, beside the multiply-add peak of the
// same moment, since a neighbour on the machine may take a share of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>

#include "base/thread_pool.h"
#include "cpu/tier.h"

namespace sardonyx {

// GFLOP/s of independent f32 multiply-adds on one core, over about a millisecond.
double measure_peak(Tier tier);

struct BenchOptions {
  Tier tier = Tier::kSse4;
  int threads = 1;
  double seconds = 0.08;  // per shape
  std::string filter;     // only shapes whose name contains it
};

// 64-byte aligned floats, random in [-1, 1].
class Buffer {
 public:
  explicit Buffer(int64_t count) : data_(allocate(count)) {
    std::minstd_rand engine(1);
    std::uniform_real_distribution<float> distribution(-1, 1);
    for (int64_t i = 0; i < count; ++i) data_.get()[i] = distribution(engine);
  }
  float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  static float* allocate(int64_t count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 127) / 64 * 64;
    return static_cast<float*>(std::aligned_alloc(64, bytes));
  }
  std::unique_ptr<float, Free> data_;
};

// Prints a line: name, microseconds, GFLOP/s, percent of peak times threads, GB/s.
void print_result(const BenchOptions& options, const std::string& name, double seconds,
                  double flops, double bytes, double peak);

// Processor time of this thread: what neighbours take does not count.
double thread_seconds();
double wall_seconds();

template <class Fn>
void bench(const BenchOptions& options, const std::string& name, double flops, double bytes,
           Fn&& fn) {
  if (name.find(options.filter) == std::string::npos) return;
  const auto clock = options.threads == 1 ? thread_seconds : wall_seconds;
  const double begin = wall_seconds();
  // Short kernels are repeated, so that reading the clock weighs nothing.
  fn();
  const double first = clock();
  fn();
  const int repeats = std::max(1, static_cast<int>(20e-6 / std::max(clock() - first, 1e-7)));
  double best = 1e9, peak = 0;
  int runs = 0;
  while (wall_seconds() - begin < options.seconds || runs < 5) {
    if (runs++ % 16 == 0) peak = std::max(peak, measure_peak(options.tier));
    const double start = clock();
    for (int i = 0; i < repeats; ++i) fn();
    best = std::min(best, (clock() - start) / repeats);
  }
  print_result(options, name, best, flops, bytes, peak);
}

void bench_gemm(const BenchOptions& options, ThreadPool& pool);
void bench_conv(const BenchOptions& options, ThreadPool& pool);
void bench_activation(const BenchOptions& options, ThreadPool& pool);
void bench_depthwise(const BenchOptions& options, ThreadPool& pool);

}  // namespace sardonyx
