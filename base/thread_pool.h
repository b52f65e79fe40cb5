// ThreadPool: turns "n independent tasks" into work on a fixed number of threads. The caller takes
// part; workers spin for microseconds after work and then sleep. One pool serves many callers: a
// caller that finds the workers busy runs its tasks alone. Entry point: parallel_for.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace sardonyx {

struct ThreadSettings;  // base/thread_settings.h

class ThreadPool {
 public:
  // threads counts the caller: 1 means no workers at all.
  explicit ThreadPool(int threads);
  ThreadPool(int threads, const ThreadSettings& settings);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls fn(task) once for each task in [0, count), in any order, on up to threads() threads,
  // and returns when all are done. fn must not throw. Results may not depend on which thread ran
  // a task. Nested calls run serially.
  template <class Fn>
  void parallel_for(int64_t count, Fn&& fn) {
    if (count <= 0) return;
    if (count == 1 || threads() == 1) {
      for (int64_t task = 0; task < count; ++task) fn(task);
      return;
    }
    using Plain = std::remove_reference_t<Fn>;
    run(
        count, [](void* data, int64_t task) { (*static_cast<Plain*>(data))(task); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using Task = void (*)(void* data, int64_t task);
  void run(int64_t count, Task call, void* data);
  struct State;
  std::unique_ptr<State> state_;
};

// What limits the number of threads here.
struct CoreLimits {
  int logical = 1;   // processors of the machine that are online
  int affinity = 1;  // of them, those that this process may use
  int physical = 1;  // cores among these: two hyperthreads of one core count once
  int quota = 0;     // cgroup cpu quota, rounded up; 0: none
};
CoreLimits core_limits();

// Threads to use when nobody says: the least of affinity mask, cgroup cpu quota (rounded up) and
// physical cores; at least 1.
int default_thread_count();

// What default_thread_count() gives from now on; 0: what it found.
void set_default_thread_count(int threads);

// The process-wide pool with this many threads (0: default_thread_count()); pools are shared by
// all sessions that ask for the same number and freed with the last of them.
std::shared_ptr<ThreadPool> shared_thread_pool(int threads);

}  // namespace sardonyx
