// What sessions take from their environment and share: allocators, packed weights; what they tell:
// messages and profiles.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

using ::testing::HasSubstr;

constexpr char kAdd[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { z = Add(x, w)  y = Abs(z) })";
constexpr char kReshape[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (float[4] x) => (float[M] y) <int64[1] s = {4}> { z = Neg(x)  y = Reshape(z, s) })";

// The program's allocator, counted.
struct Counting : OrtAllocator {
  MemoryInfo memory =
      made<MemoryInfo>(api().CreateCpuMemoryInfo, OrtDeviceAllocator, OrtMemTypeDefault);
  int allocations = 0;
  int frees = 0;
  Counting() : OrtAllocator() {
    version = ORT_API_VERSION;
    Alloc = [](OrtAllocator* self, size_t bytes) {
      ++static_cast<Counting*>(self)->allocations;
      return std::malloc(bytes);
    };
    Reserve = Alloc;
    Free = [](OrtAllocator* self, void* freed) {
      if (freed != nullptr) ++static_cast<Counting*>(self)->frees;
      std::free(freed);
    };
    Info = [](const OrtAllocator* self) -> const OrtMemoryInfo* {
      return static_cast<const Counting*>(self)->memory.get();
    };
  }
};

SessionOptions sharing_options() {
  SessionOptions options = make_options();
  EXPECT_OK(api().AddSessionConfigEntry(options.get(), "session.use_env_allocators", "1"));
  return options;
}

void run_add(const Session& session) {
  std::vector<float> data = {1, -4};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output).message, "");
  EXPECT_THAT(elements(output.get()), ::testing::ElementsAre(2, 2));
}

TEST(CApiSharing, SessionsUseTheRegisteredAllocator) {
  const Env env = make_env();
  Counting mine;
  EXPECT_OK(api().RegisterAllocator(env.get(), &mine));
  run_add(load(env, kAdd));
  EXPECT_EQ(mine.allocations, 0);  // it was not asked for
  run_add(load(env, kAdd, sharing_options().get()));
  EXPECT_GT(mine.allocations, 0);
  EXPECT_EQ(mine.allocations, mine.frees);
  EXPECT_OK(api().UnregisterAllocator(env.get(), mine.memory.get()));
  EXPECT_FAILS(api().UnregisterAllocator(env.get(), mine.memory.get()), ORT_INVALID_ARGUMENT,
               "No allocator for this device has been registered for sharing.");
}

std::map<std::string, std::string> stats(OrtAllocator* allocator) {
  const auto pairs =
      made<KeyValuePairs>(api().AllocatorGetStats, static_cast<const OrtAllocator*>(allocator));
  const char* const* keys = nullptr;
  const char* const* values = nullptr;
  size_t count = 0;
  api().GetKeyValuePairs(pairs.get(), &keys, &values, &count);
  std::map<std::string, std::string> result;
  for (size_t i = 0; i < count; ++i) result[keys[i]] = values[i];
  return result;
}

TEST(CApiSharing, AllocatorsSayWhatIsInUse) {
  const Env env = make_env();
  const Session session = load(env, kAdd);
  OrtAllocator* made_allocator = nullptr;
  EXPECT_OK(api().CreateAllocator(session.get(), cpu_memory().get(), &made_allocator));
  void* memory = nullptr;
  EXPECT_OK(api().AllocatorAlloc(made_allocator, 1000, &memory));
  auto told = stats(made_allocator);
  EXPECT_EQ(told["RequestedInUse"], "1000");
  EXPECT_EQ(told["NumAllocs"], "1");
  EXPECT_EQ(told["Limit"], "-1");
  EXPECT_OK(api().AllocatorFree(made_allocator, memory));
  EXPECT_EQ(stats(made_allocator)["InUse"], "0");
  EXPECT_TRUE(stats(allocator()).empty());
  api().ReleaseAllocator(made_allocator);
}

TEST(CApiSharing, ArenasEndWhereTheyAreTold) {
  const Env env = make_env();
  const char* key = "max_mem";
  const size_t limit = 1 << 20;
  OrtArenaCfg* arena = nullptr;
  EXPECT_OK(api().CreateArenaCfgV2(&key, &limit, 1, &arena));
  EXPECT_OK(api().CreateAndRegisterAllocator(env.get(), cpu_memory().get(), arena));
  api().ReleaseArenaCfg(arena);
  const Session session = load(env, kAdd, sharing_options().get());
  run_add(session);
  std::vector<float> data(1 << 20);
  Value output;
  const Failure failed = run(session, "x", tensor(data, {1 << 19, 2}), "y", output);
  EXPECT_NE(failed.code, ORT_OK);
  EXPECT_OK(api().UnregisterAllocator(env.get(), cpu_memory().get()));
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident * static_cast<size_t>(sysconf(_SC_PAGESIZE))) / (1 << 20);
}

// A product with 64 MB of weights.
std::string heavy_model() {
  Model model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4096] x) => (float[N,4096] y) <float[1] w = {0}> { y = MatMul(x, w) })")
                    .value();
  Tensor weights = Tensor::allocate(DType::kFloat32, {4096, 4096}).value();
  std::fill_n(weights.as<float>(), weights.count(), 0.5F);
  model.graph.initializers[0].data = weights;
  return write_model(model).value();
}

TEST(CApiSharing, SessionsOfOneContainerShareWeights) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer keeps memory of its own";
#endif
  const Env env = make_env();
  OrtPrepackedWeightsContainer* container = nullptr;
  EXPECT_OK(api().CreatePrepackedWeightsContainer(&container));
  const std::string bytes = heavy_model();
  std::vector<float> ones(4096, 1);
  std::vector<Session> sessions;
  const auto growth = [&](bool share) {
    const double before = resident_megabytes();
    OrtSession* session = nullptr;
    if (share) {
      EXPECT_OK(api().CreateSessionFromArrayWithPrepackedWeightsContainer(
          env.get(), bytes.data(), bytes.size(), nullptr, container, &session));
    } else {
      EXPECT_OK(
          api().CreateSessionFromArray(env.get(), bytes.data(), bytes.size(), nullptr, &session));
    }
    sessions.emplace_back(session);
    Value output;
    EXPECT_EQ(run(sessions.back(), "x", tensor(ones, {1, 4096}), "y", output).message, "");
    EXPECT_EQ(elements(output.get())[4095], 2048);
    return resident_megabytes() - before;
  };
  growth(true);
  EXPECT_LT(growth(true), 32);
  EXPECT_GT(growth(false), 48);
  sessions.clear();
  api().ReleasePrepackedWeightsContainer(container);
}

// The initializers of two sessions are the program's own.
TEST(CApiSharing, InitializersOfTheProgramAreShared) {
  const Env env = make_env();
  std::vector<float> weights = {10, 20};
  const Value value = tensor(weights, {2});
  const SessionOptions options = make_options();
  EXPECT_OK(api().AddInitializer(options.get(), "w", value.get()));
  EXPECT_OK(api().AddInitializer(options.get(), "of another model", value.get()));
  OrtPrepackedWeightsContainer* container = nullptr;
  EXPECT_OK(api().CreatePrepackedWeightsContainer(&container));
  const std::string bytes = model_bytes(kAdd);
  for (int i = 0; i < 2; ++i) {
    OrtSession* session = nullptr;
    EXPECT_OK(api().CreateSessionFromArrayWithPrepackedWeightsContainer(
        env.get(), bytes.data(), bytes.size(), options.get(), container, &session));
    const Session loaded(session);
    std::vector<float> data = {1, 2};
    Value output;
    EXPECT_EQ(run(loaded, "x", tensor(data, {1, 2}), "y", output).message, "");
    EXPECT_THAT(elements(output.get()), ::testing::ElementsAre(11, 22));
  }
  api().ReleasePrepackedWeightsContainer(container);
}

struct Message {
  OrtLoggingLevel level;
  std::string log_id;
  std::string text;
};
using Messages = std::vector<Message>;

void keep_message(void* param, OrtLoggingLevel level, const char* category, const char* log_id,
                  const char* location, const char* text) {
  EXPECT_NE(category, nullptr);
  EXPECT_NE(location, nullptr);
  static_cast<Messages*>(param)->push_back({level, log_id, text});
}

SessionOptions logging_options(Messages& messages, OrtLoggingLevel level) {
  SessionOptions options = make_options();
  EXPECT_OK(api().SetUserLoggingFunction(options.get(), &keep_message, &messages));
  EXPECT_OK(api().SetSessionLogId(options.get(), "session"));
  EXPECT_OK(api().SetSessionLogSeverityLevel(options.get(), level));
  return options;
}

TEST(CApiMessages, ArriveFromTheSeverityThatWasAskedFor) {
  const Env env = make_env();
  for (const auto level : {ORT_LOGGING_LEVEL_INFO, ORT_LOGGING_LEVEL_ERROR}) {
    Messages messages;
    const Session session = load(env, kAdd, logging_options(messages, level).get());
    run_add(session);
    EXPECT_EQ(messages.empty(), level == ORT_LOGGING_LEVEL_ERROR);
    for (const Message& message : messages) {
      EXPECT_GE(message.level, level);
      EXPECT_EQ(message.log_id, "session");
    }
  }
}

TEST(CApiMessages, OfRunsHaveTheirTagAndSeverity) {
  const Env env = make_env();
  Messages messages;
  const Session session = load(env, R"(<ir_version: 8, opset_import: ["" : 17]>
        g (float[2] x, int64[1] s) => (float[M] y) { y = Reshape(x, s) })",
                               logging_options(messages, ORT_LOGGING_LEVEL_INFO).get());
  messages.clear();
  const auto options = made<RunOptions>(api().CreateRunOptions);
  EXPECT_OK(api().RunOptionsSetRunTag(options.get(), "tagged"));
  std::vector<float> data = {1, 2};
  std::vector<int64_t> shape = {3};
  const Value x = tensor(data, {2});
  const Value s = tensor(shape, {1});
  const auto fails = [&] {
    const char* names[] = {"x", "s"};
    const OrtValue* values[] = {x.get(), s.get()};
    const char* y = "y";
    OrtValue* output = nullptr;
    EXPECT_NE(
        failure(api().Run(session.get(), options.get(), names, values, 2, &y, 1, &output)).code,
        ORT_OK);
  };
  fails();
  bool told = false;
  for (const Message& message : messages) {
    if (message.level == ORT_LOGGING_LEVEL_INFO) continue;
    EXPECT_EQ(message.level, ORT_LOGGING_LEVEL_ERROR);
    EXPECT_EQ(message.log_id, "session:tagged");
    EXPECT_THAT(message.text, HasSubstr("Reshape"));
    told = true;
  }
  EXPECT_TRUE(told);
  EXPECT_OK(api().RunOptionsSetRunLogSeverityLevel(options.get(), ORT_LOGGING_LEVEL_FATAL));
  messages.clear();
  fails();
  for (const Message& message : messages) EXPECT_EQ(message.level, ORT_LOGGING_LEVEL_INFO);
}

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(CApiProfiles, OfOneRun) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("capi_run_profile" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const Env env = make_env();
  const Session session = load(env, kReshape);
  const auto options = made<RunOptions>(api().CreateRunOptions);
  const auto run_it = [&] {
    std::vector<float> data = {1, 2, 3, 4};
    Value output;
    EXPECT_EQ(run(session, "x", tensor(data, {4}), "y", output, options.get()).message, "");
  };
  run_it();
  EXPECT_OK(api().RunOptionsEnableProfiling(options.get(), (folder / "run").c_str()));
  run_it();
  EXPECT_OK(api().RunOptionsDisableProfiling(options.get()));
  run_it();
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++files;
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name.starts_with("run") && name.ends_with(".json")) << name;
    const std::string text = contents(entry.path());
    EXPECT_THAT(text, HasSubstr("model_run"));
    EXPECT_THAT(text, HasSubstr("_kernel_time"));
    EXPECT_THAT(text, HasSubstr("op_name"));
    EXPECT_THAT(text, ::testing::Not(HasSubstr("session_initialization")));
  }
  EXPECT_EQ(files, 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sardonyx::capi_tests
