// choose_tasks: how many tasks a loop over equal pieces is cut into.
#pragma once

#include <cstdint>

namespace sardonyx {

// Tasks for `units` equal pieces of work of which each takes about `nanoseconds`: one where the
// work is not worth waking a thread, a few per thread so that a slowed one is caught up with,
// otherwise. Task i takes units [units * i / tasks, units * (i + 1) / tasks).
inline int64_t choose_tasks(int64_t units, double nanoseconds, int threads) {
  constexpr double kTaskNanoseconds = 2000;
  if (threads == 1 || units <= 1) return 1;
  const double work = static_cast<double>(units) * nanoseconds;
  int64_t tasks = 8 * threads;
  if (work < kTaskNanoseconds * static_cast<double>(tasks)) {
    tasks = static_cast<int64_t>(work / kTaskNanoseconds) / threads * threads;
  }
  if (tasks > units) tasks = units;
  return tasks < 1 ? 1 : tasks;
}

}  // namespace sardonyx
