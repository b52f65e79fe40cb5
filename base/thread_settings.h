// ThreadSettings: how the workers of a pool are made and how they wait, for pools that are not the
// process-wide ones. Entry point: make_thread_pool.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/export.h"

namespace sardonyx {

class ThreadPool;

struct ThreadSettings {
  // The caller included; 0: as many as affinity, cgroup quota and physical cores allow.
  int threads = 0;
  // Workers wait actively for some microseconds before they sleep.
  bool spin = true;
  // The processors, counted from 0, that each worker may run on; empty: any. One list per worker.
  std::vector<std::vector<int>> affinity;
  // Makes a thread that calls work(argument) and ends when that returns; null when it cannot. What
  // it returns is given to `join`, which waits for the end. Both or neither.
  std::function<const void*(void (*work)(void*), void* argument)> create;
  std::function<void(const void* thread)> join;
  // What the program wants to know of work that is handed to workers: each hand-over begins with
  // enqueue() on the thread that has the work, and what that returns goes to start() and stop() on
  // the worker, around what it does, or to abandon(), on the first thread, when no worker came to
  // it. All or none.
  struct Watch {
    std::function<void*()> enqueue;
    std::function<void(void* enqueued)> start;
    std::function<void(void* enqueued)> stop;
    std::function<void(void* enqueued)> abandon;
  };
  Watch watch;
};

// A pool of its own, whose workers end with its last owner. Fails when there are not as many lists
// of processors as workers, or not both of `create` and `join`, or when `create` gives no thread.
SARDONYX_API Result<std::shared_ptr<ThreadPool>> make_thread_pool(const ThreadSettings& settings);

}  // namespace sardonyx
