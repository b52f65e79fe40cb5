// Many threads at once: runs of one session, sessions that come and go, flags that others set.
// Under the thread sanitizer this says that they share nothing unguarded.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

constexpr char kAdd[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { z = Add(x, w)  y = Abs(z) })";
constexpr char kProduct[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N,64] x) => (float[N,64] y) {
    s = Constant <value = int64[2] {64, 64}> ()
    w = ConstantOfShape <value = float[1] {0.5}> (s)
    y = MatMul(x, w)
  })";
constexpr int kThreads = 6;
constexpr int kTimes = 60;

// work(index) on each of the threads, at once.
template <class Work>
void at_once(const Work& work) {
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int index = 0; index < kThreads; ++index)
    threads.emplace_back([&work, index] { work(index); });
  for (std::thread& thread : threads) thread.join();
}

SessionOptions two_threads() {
  SessionOptions options = make_options();
  EXPECT_OK(api().SetIntraOpNumThreads(options.get(), 2));
  return options;
}

TEST(CApiConcurrent, RunsOfOneSession) {
  const Env env = make_env();
  const Session session = load(env, kAdd, two_threads().get());
  at_once([&](int index) {
    for (int i = 0; i < kTimes; ++i) {
      const int64_t rows = 1 + (index + i) % 4;  // plans are made while others run
      std::vector<float> data(static_cast<size_t>(rows) * 2, static_cast<float>(i));
      Value output;
      EXPECT_EQ(run(session, "x", tensor(data, {rows, 2}), "y", output).message, "");
      EXPECT_EQ(elements(output.get())[1], static_cast<float>(i + 2));
    }
  });
}

TEST(CApiConcurrent, WideRunsOfOneSession) {
  const Env env = make_env();
  const Session session = load(env, kProduct, two_threads().get());
  at_once([&](int index) {
    for (int i = 0; i < kTimes / 4; ++i) {
      std::vector<float> data(128 * 64, static_cast<float>(index));
      Value output;
      EXPECT_EQ(run(session, "x", tensor(data, {128, 64}), "y", output).message, "");
      EXPECT_EQ(elements(output.get()).back(), static_cast<float>(index * 32));
    }
  });
}

TEST(CApiConcurrent, SessionsThatComeAndGo) {
  OrtPrepackedWeightsContainer* container = nullptr;
  EXPECT_OK(api().CreatePrepackedWeightsContainer(&container));
  const std::string bytes = model_bytes(kProduct);
  at_once([&](int index) {
    for (int i = 0; i < kTimes / 10; ++i) {
      const Env env = make_env();
      const SessionOptions options = two_threads();
      if (index % 2 == 1) {
        EXPECT_OK(api().AddSessionConfigEntry(options.get(), "session.intra_op.allow_spinning",
                                              "0"));  // a pool of its own
      }
      OrtSession* made_session = nullptr;
      EXPECT_OK(api().CreateSessionFromArrayWithPrepackedWeightsContainer(
          env.get(), bytes.data(), bytes.size(), options.get(), container, &made_session));
      const Session session(made_session);
      std::vector<float> data(64, 1);
      Value output;
      EXPECT_EQ(run(session, "x", tensor(data, {1, 64}), "y", output).message, "");
      EXPECT_EQ(elements(output.get())[0], 32);
    }
  });
  api().ReleasePrepackedWeightsContainer(container);
}

TEST(CApiConcurrent, RunsThatOthersTerminate) {
  const Env env = make_env();
  const Session session = load(env, kAdd, two_threads().get());
  const auto options = made<RunOptions>(api().CreateRunOptions);
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      EXPECT_OK(api().RunOptionsSetTerminate(options.get()));
      std::this_thread::yield();
      EXPECT_OK(api().RunOptionsUnsetTerminate(options.get()));
    }
  });
  at_once([&](int) {
    for (int i = 0; i < kTimes; ++i) {
      std::vector<float> data = {1, 2};
      Value output;
      const Failure failed = run(session, "x", tensor(data, {1, 2}), "y", output, options.get());
      if (failed.code == ORT_OK) continue;
      EXPECT_EQ(failed.message, "Exiting due to terminate flag being set to true.");
    }
  });
  done = true;
  other.join();
}

TEST(CApiConcurrent, LoadsThatOthersCancel) {
  const Env env = make_env();
  const std::string bytes = model_bytes(kProduct);
  at_once([&](int) {
    const SessionOptions options = two_threads();
    std::thread other(
        [&] { EXPECT_OK(api().SessionOptionsSetLoadCancellationFlag(options.get(), true)); });
    for (int i = 0; i < 4; ++i) {
      OrtSession* session = nullptr;
      const Failure failed = failure(api().CreateSessionFromArray(
          env.get(), bytes.data(), bytes.size(), options.get(), &session));
      api().ReleaseSession(session);
      if (failed.code == ORT_OK) continue;
      EXPECT_EQ(failed.code, ORT_MODEL_LOAD_CANCELED);
    }
    other.join();
  });
}

TEST(CApiConcurrent, RunsInThreadsOfTheirOwn) {
  const Env env = make_env();
  const Session session = load(env, kAdd, two_threads().get());
  struct Waiting {
    std::mutex mutex;
    std::condition_variable changed;
    int left = kThreads;
  } waiting;
  std::vector<float> data = {1, 2};
  const Value value = tensor(data, {1, 2});
  const OrtValue* input = value.get();
  const char* x = "x";
  const char* y = "y";
  std::vector<OrtValue*> outputs(kThreads, nullptr);
  for (OrtValue*& output : outputs) {
    EXPECT_OK(api().RunAsync(
        session.get(), nullptr, &x, &input, 1, &y, 1, &output,
        [](void* user_data, OrtValue**, size_t, OrtStatus* status) {
          EXPECT_EQ(failure(status).message, "");
          auto& state = *static_cast<Waiting*>(user_data);
          const std::lock_guard lock(state.mutex);
          --state.left;
          state.changed.notify_all();
        },
        &waiting));
  }
  std::unique_lock lock(waiting.mutex);
  waiting.changed.wait(lock, [&] { return waiting.left == 0; });
  for (OrtValue* output : outputs) EXPECT_EQ(elements(Value(output).get())[0], 2);
}

TEST(CApiConcurrent, AllocatorsAndMessages) {
  const Env env = make_env();
  EXPECT_OK(api().CreateAndRegisterAllocator(env.get(), cpu_memory().get(), nullptr));
  const SessionOptions options = two_threads();
  std::atomic<int> messages = 0;
  EXPECT_OK(api().AddSessionConfigEntry(options.get(), "session.use_env_allocators", "1"));
  EXPECT_OK(api().SetUserLoggingFunction(
      options.get(),
      [](void* param, OrtLoggingLevel, const char*, const char*, const char*, const char*) {
        ++*static_cast<std::atomic<int>*>(param);
      },
      &messages));
  EXPECT_OK(api().SetSessionLogSeverityLevel(options.get(), ORT_LOGGING_LEVEL_INFO));
  const Session session = load(env, kAdd, options.get());
  at_once([&](int) {
    for (int i = 0; i < kTimes; ++i) {
      std::vector<float> data = {1, 2};
      Value output;
      EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output).message, "");
    }
  });
  EXPECT_GT(messages, 0);
  EXPECT_OK(api().UnregisterAllocator(env.get(), cpu_memory().get()));
}

}  // namespace
}  // namespace sardonyx::capi_tests
