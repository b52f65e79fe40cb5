// The pool runs every task once, with nested and concurrent callers, and sleeps when idle.
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace sardonyx {
namespace {

TEST(ThreadPool, RunsEveryTaskOnce) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      pool.parallel_for(count, [&](int64_t task) { seen[static_cast<size_t>(task)]++; });
      for (const auto& times : seen) EXPECT_EQ(times.load(), 1);
    }
  }
}

TEST(ThreadPool, ManyShortJobs) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  for (int job = 0; job < 20000; ++job) {
    pool.parallel_for(3, [&](int64_t task) { sum += task; });
  }
  EXPECT_EQ(sum.load(), 20000 * 3);
}

TEST(ThreadPool, JobsAfterSleep) {
  ThreadPool pool(2);
  for (int job = 0; job < 20; ++job) {
    std::atomic<int> ran{0};
    pool.parallel_for(4, [&](int64_t) { ran++; });
    EXPECT_EQ(ran.load(), 4);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(ThreadPool, NestedCallsRunSerially) {
  ThreadPool pool(2);
  std::atomic<int> inner{0};
  pool.parallel_for(4, [&](int64_t) {
    const std::thread::id self = std::this_thread::get_id();
    pool.parallel_for(8, [&](int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      inner++;
    });
  });
  EXPECT_EQ(inner.load(), 32);
}

TEST(ThreadPool, ConcurrentCallersBothFinish) {
  ThreadPool pool(2);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  callers.reserve(3);
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      for (int job = 0; job < 2000; ++job) pool.parallel_for(5, [&](int64_t) { sum++; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 3 * 2000 * 5);
}

TEST(ThreadPool, IdleWorkersUseNoCpu) {
  ThreadPool pool(3);
  pool.parallel_for(3, [](int64_t) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto cpu_seconds = [] {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(cpu_seconds() - before, 0.03);
}

TEST(ThreadPool, SharedPoolsAreShared) {
  const auto a = shared_thread_pool(2);
  const auto b = shared_thread_pool(2);
  EXPECT_EQ(a, b);
  EXPECT_EQ(a->threads(), 2);
  EXPECT_EQ(shared_thread_pool(0)->threads(), default_thread_count());
  EXPECT_GE(default_thread_count(), 1);
}

}  // namespace
}  // namespace sardonyx
