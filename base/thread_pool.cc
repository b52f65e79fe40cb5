// See base/thread_pool.h and base/thread_settings.h.
#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/float_state.h"
#include "base/result.h"
#include "base/thread_settings.h"

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

namespace sardonyx {
namespace {

constexpr auto kSpinTime = std::chrono::microseconds(50);

void pause_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Spins until ready() or until kSpinTime has passed; returns whether it is ready.
template <class Ready>
bool spin_until(bool spin, const Ready& ready) {
  if (!spin) return ready();
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

// True on a thread that is inside of a task of any pool.
thread_local bool inside_task = false;

void stay_on(const std::vector<int>& cpus) {
#if defined(__linux__)
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
  }
  sched_setaffinity(0, sizeof(set), &set);  // advice: its failure changes no result
#else
  (void)cpus;
#endif
}

}  // namespace

// Tasks [begin, end) that belong to one thread. It takes them from the beginning; who has none left
// takes from the end of another's.
struct alignas(64) Share {
  std::atomic<uint64_t> range{0};  // begin in the upper half

  void set(uint32_t begin, uint32_t end) {
    range.store(uint64_t{begin} << 32 | end, std::memory_order_relaxed);
  }

  // The task taken, or -1.
  int64_t take(bool first) {
    uint64_t seen = range.load(std::memory_order_relaxed);
    for (;;) {
      const auto begin = static_cast<uint32_t>(seen >> 32);
      const auto end = static_cast<uint32_t>(seen);
      if (begin >= end) return -1;
      const uint64_t left = first ? seen + (uint64_t{1} << 32) : seen - 1;
      if (range.compare_exchange_weak(seen, left, std::memory_order_relaxed)) {
        return first ? begin : end - 1;
      }
    }
  }
};

// One job at a time. Its fields are written while the gate is closed and nobody is inside; a
// worker enters through the gate (counted) or not at all, and the caller, having run out of tasks,
// closes the gate and waits for those inside. So a worker that wakes up late costs nothing.
struct ThreadPool::State {
  static constexpr uint32_t kOpen = 1;    // lowest bit of gate
  static constexpr uint32_t kInside = 2;  // the rest counts the workers inside

  std::atomic<bool> busy{false};
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<uint32_t> epoch{0};  // changes when a job begins or the pool stops
  alignas(64) std::atomic<uint32_t> gate{0};
  // Job after job, the same share of the tasks is the same thread's where it can be: what a thread
  // wrote in one step of a network is mostly what it reads in the next, from its own caches.
  std::vector<Share> shares;
  int64_t first = 0;  // the task that is number 0 of the shares
  Task call = nullptr;
  void* data = nullptr;
  FloatState float_state = 0;  // the caller's: it is part of what a task computes
  ThreadSettings settings;

  struct Worker {
    State* state = nullptr;
    size_t index = 0;
    std::thread thread;          // where the program does not make threads
    const void* made = nullptr;  // where it does
    void* enqueued = nullptr;    // of Watch::enqueue, for this job
    bool came = false;           // to this job
  };
  std::vector<std::unique_ptr<Worker>> workers;

  static void run_worker(void* argument) {
    auto* worker = static_cast<Worker*>(argument);
    const ThreadSettings& settings = worker->state->settings;
    if (worker->index < settings.affinity.size()) stay_on(settings.affinity[worker->index]);
    worker->state->work(*worker);
  }

  // False where the system, or the program, refuses another thread.
  bool add_worker() {
    auto worker = std::make_unique<Worker>();
    worker->state = this;
    worker->index = workers.size();
    if (settings.create) {
      worker->made = settings.create(&run_worker, worker.get());
      if (worker->made == nullptr) return false;
    } else {
      try {
        worker->thread = std::thread(&run_worker, worker.get());
      } catch (const std::system_error&) {
        return false;
      }
    }
    workers.push_back(std::move(worker));
    return true;
  }

  State(int threads, ThreadSettings wanted)
      : shares(static_cast<size_t>(std::max(threads, 1))), settings(std::move(wanted)) {}

  void share_out(size_t count) {
    for (size_t i = 0; i < shares.size(); ++i) {
      shares[i].set(static_cast<uint32_t>(count * i / shares.size()),
                    static_cast<uint32_t>(count * (i + 1) / shares.size()));
    }
  }

  void run_tasks(size_t thread) {
    inside_task = true;
    for (size_t i = 0; i < shares.size(); ++i) {
      Share& share = shares[(thread + i) % shares.size()];
      for (int64_t task; (task = share.take(i == 0)) >= 0;) call(data, first + task);
    }
    inside_task = false;
  }

  bool enter() {
    uint32_t seen = gate.load(std::memory_order_relaxed);
    while ((seen & kOpen) != 0) {
      if (gate.compare_exchange_weak(seen, seen + kInside, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  void leave() {
    // The last one out of a closed gate wakes the caller.
    if (gate.fetch_sub(kInside, std::memory_order_release) == kInside) gate.notify_one();
  }

  // A worker, inside of the gate.
  void take_part(Worker& worker) {
    if (!settings.watch.enqueue) return run_tasks(worker.index + 1);
    worker.came = true;
    settings.watch.start(worker.enqueued);
    run_tasks(worker.index + 1);
    settings.watch.stop(worker.enqueued);
  }

  // Before the gate opens and after it has closed.
  void hand_over() {
    for (const auto& worker : workers) {
      worker->came = false;
      worker->enqueued = settings.watch.enqueue();
    }
  }
  void abandon_the_rest() {
    for (const auto& worker : workers) {
      if (!worker->came) settings.watch.abandon(worker->enqueued);
    }
  }

  void work(Worker& worker) {
    uint32_t seen = 0;
    while (!stopping.load(std::memory_order_acquire)) {
      const auto changed = [&] { return epoch.load(std::memory_order_acquire) != seen; };
      if (!spin_until(settings.spin, changed)) epoch.wait(seen, std::memory_order_acquire);
      const uint32_t now = epoch.load(std::memory_order_acquire);
      if (now == seen) continue;
      seen = now;
      if (!enter()) continue;
      follow_float_state(float_state);
      take_part(worker);
      leave();
    }
  }

  void wait_until_empty() {
    gate.fetch_and(~kOpen, std::memory_order_relaxed);
    const auto empty = [&] { return gate.load(std::memory_order_acquire) == 0; };
    if (spin_until(settings.spin, empty)) return;
    for (uint32_t seen; (seen = gate.load(std::memory_order_acquire)) != 0;) gate.wait(seen);
  }
};

ThreadPool::ThreadPool(int threads) : ThreadPool(threads, ThreadSettings()) {}

ThreadPool::ThreadPool(int threads, const ThreadSettings& settings)
    : state_(std::make_unique<State>(threads, settings)) {
  // Where another thread is refused, the pool is smaller.
  for (int i = 1; i < threads; ++i) {
    if (!state_->add_worker()) break;
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_release);
  state_->epoch.fetch_add(1, std::memory_order_release);
  state_->epoch.notify_all();
  for (const auto& worker : state_->workers) {
    if (worker->made != nullptr) {
      state_->settings.join(worker->made);
    } else {
      worker->thread.join();
    }
  }
}

int ThreadPool::threads() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::run(int64_t count, Task call, void* data) {
  State& state = *state_;
  if (inside_task || state.busy.exchange(true, std::memory_order_acquire)) {
    for (int64_t task = 0; task < count; ++task) call(data, task);
    return;
  }
  state.call = call;
  state.data = data;
  state.float_state = float_state();
  const bool watched = static_cast<bool>(state.settings.watch.enqueue);
  constexpr int64_t kMostTasks = int64_t{1} << 31;  // of one job
  for (state.first = 0; state.first < count; state.first += kMostTasks) {
    state.share_out(static_cast<size_t>(std::min(count - state.first, kMostTasks)));
    if (watched) state.hand_over();
    state.gate.store(State::kOpen, std::memory_order_release);
    state.epoch.fetch_add(1, std::memory_order_release);
    state.epoch.notify_all();
    state.run_tasks(0);
    state.wait_until_empty();
    if (watched) state.abandon_the_rest();
  }
  state.busy.store(false, std::memory_order_release);
}

namespace {

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// CPUs that quota / period allows, rounded up; 0 when there is no limit.
int quota_cpus(double quota, double period) {
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<int>(std::min(std::ceil(quota / period), 4096.0));
}

int cgroup_v2_cpus(const std::string& dir) {
  std::istringstream line(read_line(dir + "/cpu.max"));  // "200000 100000" or "max 100000"
  std::string quota;
  double period = 0;
  if (!(line >> quota >> period) || quota == "max") return 0;
  return quota_cpus(std::strtod(quota.c_str(), nullptr), period);
}

int cgroup_v1_cpus(const std::string& dir) {
  const double quota = std::strtod(read_line(dir + "/cpu.cfs_quota_us").c_str(), nullptr);
  const double period = std::strtod(read_line(dir + "/cpu.cfs_period_us").c_str(), nullptr);
  return quota_cpus(quota, period);
}

// The tightest limit on the way from this process's group up to the root; 0 when there is none.
template <class Limit>
int limit_up_the_tree(const std::string& mount, std::string group, const Limit& limit) {
  int least = 0;
  for (;;) {
    if (const int cpus = limit(mount + group)) least = least == 0 ? cpus : std::min(least, cpus);
    const size_t slash = group.rfind('/');
    if (slash == std::string::npos) return least;
    group.resize(slash);
  }
}

int cgroup_cpus() {
  int least = 0;
  const auto take = [&](int cpus) {
    if (cpus != 0) least = least == 0 ? cpus : std::min(least, cpus);
  };
  std::ifstream groups("/proc/self/cgroup");  // lines "id:controllers:/group"
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers == ",,") take(limit_up_the_tree("/sys/fs/cgroup", group, cgroup_v2_cpus));
    if (controllers.find(",cpu,") != std::string::npos) {
      take(limit_up_the_tree("/sys/fs/cgroup/cpu", group, cgroup_v1_cpus));
    }
  }
  return least;
}

std::vector<int> allowed_cpus() {
  std::vector<int> cpus;
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
#endif
  if (cpus.empty()) {
    const int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    for (int cpu = 0; cpu < count; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

// Two hyperthreads of one core count once: the kernels fill a core's vector units alone.
int physical_cores(const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (int cpu : cpus) {
    const std::string dir = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    const std::string siblings = read_line(dir + "thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu" + std::to_string(cpu) : siblings);
  }
  return static_cast<int>(cores.size());
}

}  // namespace

CoreLimits core_limits() {
  const std::vector<int> allowed = allowed_cpus();
  CoreLimits limits;
  limits.logical = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#if defined(__linux__)
  // hardware_concurrency() is the affinity mask there.
  limits.logical = std::max(1, static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)));
#endif
  limits.affinity = static_cast<int>(allowed.size());
  limits.physical = physical_cores(allowed);
  limits.quota = cgroup_cpus();
  return limits;
}

namespace {
std::atomic<int> chosen_thread_count = 0;
}  // namespace

void set_default_thread_count(int threads) { chosen_thread_count = std::max(threads, 0); }

int default_thread_count() {
  if (const int chosen = chosen_thread_count; chosen > 0) return chosen;
  const CoreLimits limits = core_limits();
  const int threads = limits.quota == 0 ? limits.physical : std::min(limits.physical, limits.quota);
  return std::max(threads, 1);
}

Result<std::shared_ptr<ThreadPool>> make_thread_pool(const ThreadSettings& settings) {
  const int threads = settings.threads > 0 ? settings.threads : default_thread_count();
  if ((settings.create == nullptr) != (settings.join == nullptr)) {
    return fail(Code::kFail,
                "threads of the program's own need both a function that creates them and one that "
                "joins them");
  }
  if (!settings.affinity.empty() && settings.affinity.size() + 1 != static_cast<size_t>(threads)) {
    return fail(Code::kFail,
                "Number of affinities does not equal to thread_pool_size minus one: {} lists of "
                "processors for {} workers ({} threads with the caller)",
                settings.affinity.size(), threads - 1, threads);
  }
  auto pool = std::make_shared<ThreadPool>(threads, settings);
  if (settings.create != nullptr && pool->threads() != threads) {
    return fail(Code::kFail, "custom_create_thread_fn returned invalid handle.");
  }
  return pool;
}

std::shared_ptr<ThreadPool> shared_thread_pool(int threads) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<ThreadPool>> pools;
  if (threads <= 0) threads = default_thread_count();
  const std::lock_guard lock(mutex);
  std::weak_ptr<ThreadPool>& slot = pools[threads];
  std::shared_ptr<ThreadPool> pool = slot.lock();
  if (pool == nullptr) {
    pool = std::make_shared<ThreadPool>(threads);
    slot = pool;
  }
  return pool;
}

}  // namespace sardonyx
