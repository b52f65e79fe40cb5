// Threads of the program's own, pools that sessions share, and what the program is told of work.
#include <sched.h>

#include <atomic>
#include <thread>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

// Work for several threads: 4 million elements.
constexpr char kWide[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N] x) => (float[N] y) { y = Mul(x, x) })";
constexpr int64_t kElements = 1 << 22;

thread_local bool is_ours = false;

// What the functions that the program gives count.
struct Counts {
  std::atomic<int> created = 0;
  std::atomic<int> joined = 0;
  std::atomic<int> enqueued = 0;
  std::atomic<int> started = 0;
  std::atomic<int> started_on_ours = 0;
  std::atomic<int> stopped = 0;
  std::atomic<int> abandoned = 0;
  std::atomic<int> processors = 0;  // that the last worker to start may run on
};
Counts counts;

OrtCustomThreadHandle create_thread(void* options, OrtThreadWorkerFn work, void* argument) {
  EXPECT_EQ(options, &counts);
  ++counts.created;
  auto* thread = new std::thread([work, argument] {
    is_ours = true;
    work(argument);
  });
  return reinterpret_cast<OrtCustomThreadHandle>(thread);
}

void join_thread(OrtCustomThreadHandle handle) {
  ++counts.joined;
  auto* thread = reinterpret_cast<std::thread*>(const_cast<OrtCustomHandleType*>(handle));
  thread->join();
  delete thread;
}

// Tells of work from now on, while it lives.
class Watched {
 public:
  explicit Watched(OrtEnv* env) : env_(env) {
    OrtThreadPoolCallbacksConfig config{};
    config.version = ORT_API_VERSION;
    config.user_context = &counts;
    config.on_enqueue = [](void* context) -> void* {
      ++static_cast<Counts*>(context)->enqueued;
      return context;
    };
    config.on_start_work = [](void* context, void* enqueued) {
      EXPECT_EQ(context, enqueued);
      ++counts.started;
      if (is_ours) ++counts.started_on_ours;
      cpu_set_t set;
      if (sched_getaffinity(0, sizeof(set), &set) == 0) counts.processors = CPU_COUNT(&set);
    };
    config.on_stop_work = [](void*, void*) { ++counts.stopped; };
    config.on_abandon = [](void*, void*) { ++counts.abandoned; };
    EXPECT_OK(api().SetPerSessionThreadPoolCallbacks(env_, &config));
  }
  ~Watched() {
    OrtThreadPoolCallbacksConfig nothing{};
    nothing.version = ORT_API_VERSION;
    EXPECT_OK(api().SetPerSessionThreadPoolCallbacks(env_, &nothing));
  }

 private:
  OrtEnv* env_;
};

class CApiThreads : public ::testing::Test {
 protected:
  CApiThreads() {
    for (auto* count : {&counts.created, &counts.joined, &counts.enqueued, &counts.started,
                        &counts.started_on_ours, &counts.stopped, &counts.abandoned}) {
      *count = 0;
    }
    EXPECT_OK(api().SetIntraOpNumThreads(options_.get(), 2));
  }
  void use_own_threads() {
    EXPECT_OK(api().SessionOptionsSetCustomCreateThreadFn(options_.get(), &create_thread));
    EXPECT_OK(api().SessionOptionsSetCustomThreadCreationOptions(options_.get(), &counts));
    EXPECT_OK(api().SessionOptionsSetCustomJoinThreadFn(options_.get(), &join_thread));
  }
  // Until the worker has taken part, which it need not each time.
  void run_until_started(const Session& session) {
    for (int i = 0; i < 200 && counts.started == 0; ++i) run_once(session);
  }
  void run_once(const Session& session) {
    Value output;
    EXPECT_EQ(run(session, "x", tensor(data_, {kElements}), "y", output).message, "");
    EXPECT_EQ(elements(output.get())[kElements - 1], 9);
  }

  SessionOptions options_ = make_options();
  std::vector<float> data_ = std::vector<float>(kElements, 3);
};

TEST_F(CApiThreads, AreMadeByTheProgramAndWork) {
  const Env env = make_env();
  const Watched watched(env.get());
  use_own_threads();
  Session session = load(env, kWide, options_.get());
  EXPECT_EQ(counts.created, 1);
  run_until_started(session);
  EXPECT_GT(counts.started_on_ours, 0);
  EXPECT_EQ(counts.started, counts.started_on_ours);
  EXPECT_EQ(counts.joined, 0);
  session.reset();
  EXPECT_EQ(counts.joined, 1);
  EXPECT_EQ(counts.started, counts.stopped);
  EXPECT_EQ(counts.enqueued, counts.started + counts.abandoned);
}

TEST_F(CApiThreads, AreNotTakenWhenTheProgramMakesNone) {
  const Env env = make_env();
  EXPECT_OK(api().SessionOptionsSetCustomCreateThreadFn(
      options_.get(),
      [](void*, OrtThreadWorkerFn, void*) -> OrtCustomThreadHandle { return nullptr; }));
  EXPECT_OK(api().SessionOptionsSetCustomJoinThreadFn(options_.get(), &join_thread));
  const Failure failed = try_load(env, kWide, options_.get()).error;
  EXPECT_EQ(failed.code, ORT_FAIL);
  EXPECT_THAT(failed.message, ::testing::HasSubstr("custom_create_thread_fn returned invalid"));
}

TEST_F(CApiThreads, OfTheEnvironmentAreShared) {
  OrtThreadingOptions* threading = nullptr;
  EXPECT_OK(api().CreateThreadingOptions(&threading));
  EXPECT_OK(api().SetGlobalIntraOpNumThreads(threading, 3));
  EXPECT_OK(api().SetGlobalInterOpNumThreads(threading, 1));
  EXPECT_OK(api().SetGlobalSpinControl(threading, 0));
  EXPECT_OK(api().SetGlobalCustomCreateThreadFn(threading, &create_thread));
  EXPECT_OK(api().SetGlobalCustomThreadCreationOptions(threading, &counts));
  EXPECT_OK(api().SetGlobalCustomJoinThreadFn(threading, &join_thread));
  Env env = made<Env>(api().CreateEnvWithGlobalThreadPools, ORT_LOGGING_LEVEL_ERROR, "tests",
                      static_cast<const OrtThreadingOptions*>(threading));
  api().ReleaseThreadingOptions(threading);
  EXPECT_EQ(counts.created, 2);
  EXPECT_OK(api().DisablePerSessionThreads(options_.get()));
  Session first = load(env, kWide, options_.get());
  Session second = load(env, kWide, options_.get());
  EXPECT_EQ(counts.created, 2);
  run_once(first);
  run_once(second);
  first.reset();
  second.reset();
  EXPECT_EQ(counts.joined, 0);
  env.reset();
  EXPECT_EQ(counts.joined, 2);
}

TEST_F(CApiThreads, StayOnTheirProcessors) {
  const Env env = make_env();
  const Watched watched(env.get());
  EXPECT_OK(api().AddSessionConfigEntry(options_.get(), "session.intra_op_thread_affinities", "1"));
  const Session session = load(env, kWide, options_.get());
  run_until_started(session);
  EXPECT_EQ(counts.processors, 1);
}

TEST_F(CApiThreads, ComputeTheSameWithoutSpinning) {
  const Env env = make_env();
  EXPECT_OK(api().AddSessionConfigEntry(options_.get(), "session.intra_op.allow_spinning", "0"));
  const Session session = load(env, kWide, options_.get());
  for (int i = 0; i < 20; ++i) run_once(session);
}

TEST_F(CApiThreads, TakeDenormalsForZeroWhenAsked) {
  const Env env = make_env();
  constexpr char kHalf[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y) <float h = {0.5}> { y = Mul(x, h) })";
  std::vector<float> tiny(kElements, 1e-39F);
  for (const bool flush : {false, true}) {
    EXPECT_OK(api().AddSessionConfigEntry(options_.get(), "session.set_denormal_as_zero",
                                          flush ? "1" : "0"));
    const Session session = load(env, kHalf, options_.get());
    Value output;
    EXPECT_EQ(run(session, "x", tensor(tiny, {kElements}), "y", output).message, "");
    const std::vector<float> halves = elements(output.get());
    const auto zeros = std::count(halves.begin(), halves.end(), 0.0F);
    EXPECT_EQ(zeros, flush ? kElements : 0);
    volatile float denormal = 1e-39F;
    EXPECT_NE(denormal * 0.5F, 0.0F);  // the caller's thread is as it was
  }
}

}  // namespace
}  // namespace sardonyx::capi_tests
