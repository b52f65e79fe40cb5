// Environments, options, sessions and runs through the table.
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "tests/capi/client.h"

namespace sardonyx::capi_tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAdd[] = R"(<ir_version: 8, opset_import: ["" : 17],
  producer_name: "tests", model_version: 3, doc_string: "adds",
  metadata_props: ["key": "value", "other": "thing"]>
  adder (float[N,2] x) => (float[N,2] y) <float[2] w = {1, 2}> { y = Add(x, w) })";
constexpr char kStrings[] = R"(<ir_version: 8, opset_import: ["" : 17]>
  g (string[N] x) => (string[N] y) { y = Identity(x) })";

class CApiSession : public ::testing::Test {
 protected:
  Env env_ = make_env();
};

TEST_F(CApiSession, RunsAndAllocatesOutputs) {
  const Session session = load(env_, kAdd);
  std::vector<float> data = {1, 2, 3, 4};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {2, 2}), "y", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(2, 4, 4, 6));
  EXPECT_THAT(dims(output.get()), ElementsAre(2, 2));
}

TEST_F(CApiSession, WritesIntoTheCallersMemory) {
  const Session session = load(env_, kAdd);
  std::vector<float> data = {1, 2};
  std::vector<float> place = {0, 0};
  Value output = tensor(place, {1, 2});
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output).message, "");
  EXPECT_THAT(place, ElementsAre(2, 4));
  std::vector<float> small = {0};
  Value wrong = tensor(small, {1, 1});
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", wrong).code, ORT_INVALID_ARGUMENT);
}

TEST_F(CApiSession, SaysWhatTheModelIs) {
  const Session session = load(env_, kAdd);
  size_t count = 0;
  EXPECT_OK(api().SessionGetInputCount(session.get(), &count));
  EXPECT_EQ(count, 1);
  char* name = nullptr;
  EXPECT_OK(api().SessionGetOutputName(session.get(), 0, allocator(), &name));
  EXPECT_EQ(taken(name), "y");
  EXPECT_FAILS(api().SessionGetOutputName(session.get(), 1, allocator(), &name), ORT_FAIL,
               "index out of range: 1 of 1");

  const auto type = made<TypeInfo>(api().SessionGetInputTypeInfo, session.get(), size_t{0});
  ONNXType kind = ONNX_TYPE_UNKNOWN;
  EXPECT_OK(api().GetOnnxTypeFromTypeInfo(type.get(), &kind));
  EXPECT_EQ(kind, ONNX_TYPE_TENSOR);
  const OrtTensorTypeAndShapeInfo* info = nullptr;
  EXPECT_OK(api().CastTypeInfoToTensorInfo(type.get(), &info));
  int64_t shape[2];
  const char* symbols[2];
  EXPECT_OK(api().GetDimensions(info, shape, 2));
  EXPECT_OK(api().GetSymbolicDimensions(info, symbols, 2));
  EXPECT_THAT(shape, ElementsAre(-1, 2));
  EXPECT_STREQ(symbols[0], "N");
  EXPECT_STREQ(symbols[1], "");
  const OrtMapTypeInfo* map = nullptr;
  EXPECT_OK(api().CastTypeInfoToMapTypeInfo(type.get(), &map));
  EXPECT_EQ(map, nullptr);
}

TEST_F(CApiSession, GivesMetadata) {
  const Session session = load(env_, kAdd);
  const auto metadata = made<ModelMetadata>(api().SessionGetModelMetadata, session.get());
  char* text = nullptr;
  EXPECT_OK(api().ModelMetadataGetProducerName(metadata.get(), allocator(), &text));
  EXPECT_EQ(taken(text), "tests");
  EXPECT_OK(api().ModelMetadataGetGraphName(metadata.get(), allocator(), &text));
  EXPECT_EQ(taken(text), "adder");
  int64_t version = 0;
  EXPECT_OK(api().ModelMetadataGetVersion(metadata.get(), &version));
  EXPECT_EQ(version, 3);
  EXPECT_OK(api().ModelMetadataLookupCustomMetadataMap(metadata.get(), allocator(), "key", &text));
  EXPECT_EQ(taken(text), "value");
  EXPECT_OK(api().ModelMetadataLookupCustomMetadataMap(metadata.get(), allocator(), "no", &text));
  EXPECT_EQ(text, nullptr);
  char** keys = nullptr;
  int64_t count = 0;
  EXPECT_OK(
      api().ModelMetadataGetCustomMetadataMapKeys(metadata.get(), allocator(), &keys, &count));
  ASSERT_EQ(count, 2);
  EXPECT_EQ(taken(keys[0]), "key");
  EXPECT_EQ(taken(keys[1]), "other");
  EXPECT_OK(api().AllocatorFree(allocator(), keys));
}

TEST_F(CApiSession, ReportsWhatIsWrongAsOnnxRuntimeDoes) {
  const Session session = load(env_, kAdd);
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_THAT(run(session, "x", tensor(data, {2}), "y", output).message,
              HasSubstr("Invalid rank for input: x"));
  EXPECT_THAT(run(session, "x", tensor(data, {2, 1}), "y", output).message,
              HasSubstr("Got invalid dimensions for input: x"));
  EXPECT_THAT(run(session, "bad", tensor(data, {1, 2}), "y", output).message,
              HasSubstr("Invalid input name: bad"));
  EXPECT_THAT(run(session, "x", tensor(data, {1, 2}), "bad", output).message,
              HasSubstr("Invalid output name: bad"));
  std::vector<double> doubles = {1, 2};
  const Failure wrong_type = run(session, "x", tensor(doubles, {1, 2}), "y", output);
  EXPECT_EQ(wrong_type.code, ORT_INVALID_ARGUMENT);
  EXPECT_EQ(wrong_type.message,
            "Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))");
  const char* name = "x";
  const OrtValue* none[] = {nullptr};
  OrtValue* out = nullptr;
  EXPECT_FAILS(api().Run(session.get(), nullptr, &name, none, 1, &name, 1, &out),
               ORT_INVALID_ARGUMENT, "NULL input supplied for input x");
  EXPECT_FAILS(api().Run(session.get(), nullptr, nullptr, nullptr, 0, &name, 0, &out),
               ORT_INVALID_ARGUMENT, "At least one output should be requested.");
  const char* y = "y";
  EXPECT_FAILS(api().Run(session.get(), nullptr, nullptr, nullptr, 0, &y, 1, &out),
               ORT_INVALID_ARGUMENT, "Missing Input: x");
}

TEST_F(CApiSession, ReportsModelsThatCannotBeLoaded) {
  OrtSession* session = nullptr;
  EXPECT_FAILS(api().CreateSession(env_.get(), "missing.onnx", nullptr, &session), ORT_NO_SUCHFILE,
               "Load model from missing.onnx failed");
  EXPECT_FAILS(api().CreateSessionFromArray(env_.get(), nullptr, 0, nullptr, &session),
               ORT_INVALID_ARGUMENT, "Model data pointer is null.");
  const char garbage[] = "no model at all";
  EXPECT_FAILS(
      api().CreateSessionFromArray(env_.get(), garbage, sizeof(garbage), nullptr, &session),
      ORT_INVALID_PROTOBUF, "");
  EXPECT_EQ(session, nullptr);
}

TEST_F(CApiSession, ObeysOptions) {
  const SessionOptions options = make_options();
  EXPECT_OK(api().AddFreeDimensionOverrideByName(options.get(), "N", 3));
  EXPECT_FAILS(api().AddSessionConfigEntry(options.get(), "", "x"), ORT_INVALID_ARGUMENT,
               "Config key is empty");
  EXPECT_FAILS(api().SetSessionGraphOptimizationLevel(options.get(), GraphOptimizationLevel(7)),
               ORT_INVALID_ARGUMENT, "graph_optimization_level");
  EXPECT_FAILS(
      api().SessionOptionsAppendExecutionProvider(options.get(), "Nonsense", nullptr, nullptr, 0),
      ORT_INVALID_ARGUMENT, "Unknown provider name 'Nonsense'");
  EXPECT_FAILS(
      api().SessionOptionsAppendExecutionProvider(options.get(), "QNN", nullptr, nullptr, 0),
      ORT_INVALID_ARGUMENT, "QNN execution provider is not supported in this build");
  EXPECT_OK(OrtSessionOptionsAppendExecutionProvider_CPU(options.get(), 1));
  EXPECT_OK(api().AddSessionConfigEntry(options.get(), "some.key", "some value"));
  char text[32];
  size_t size = sizeof(text);
  EXPECT_OK(api().GetSessionConfigEntry(options.get(), "some.key", text, &size));
  EXPECT_STREQ(text, "some value");
  EXPECT_EQ(size, sizeof("some value"));
  const Session session = load(env_, kAdd, options.get());
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_THAT(run(session, "x", tensor(data, {1, 2}), "y", output).message,
              HasSubstr("Got invalid dimensions for input: x"));
}

TEST_F(CApiSession, ReplacesInitializers) {
  const SessionOptions options = make_options();
  std::vector<float> weights = {10, 20};
  const Value value = tensor(weights, {2});
  EXPECT_OK(api().AddInitializer(options.get(), "w", value.get()));
  EXPECT_FAILS(api().AddInitializer(options.get(), "w", value.get()), ORT_INVALID_ARGUMENT,
               "An OrtValue for this name has already been added: w");
  const Session session = load(env_, kAdd, options.get());
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output).message, "");
  EXPECT_THAT(elements(output.get()), ElementsAre(11, 22));
}

TEST_F(CApiSession, StopsWhenAsked) {
  const SessionOptions options = make_options();
  EXPECT_OK(api().SessionOptionsSetLoadCancellationFlag(options.get(), true));
  EXPECT_EQ(try_load(env_, kAdd, options.get()).error.code, ORT_MODEL_LOAD_CANCELED);

  const Session session = load(env_, kAdd);
  const auto run_options = made<RunOptions>(api().CreateRunOptions);
  EXPECT_OK(api().RunOptionsSetTerminate(run_options.get()));
  std::vector<float> data = {1, 2};
  Value output;
  const Failure stopped = run(session, "x", tensor(data, {1, 2}), "y", output, run_options.get());
  EXPECT_EQ(stopped.message, "Exiting due to terminate flag being set to true.");
  EXPECT_OK(api().RunOptionsUnsetTerminate(run_options.get()));
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output, run_options.get()).code, ORT_OK);
}

TEST_F(CApiSession, PassesStrings) {
  const Session session = load(env_, kStrings);
  const int64_t shape[] = {2};
  const auto value = made<Value>(api().CreateTensorAsOrtValue, allocator(), shape, size_t{1},
                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  const char* texts[] = {"one", ""};
  EXPECT_OK(api().FillStringTensor(value.get(), texts, 2));
  Value output;
  EXPECT_EQ(run(session, "x", value, "y", output).message, "");
  EXPECT_OK(api().FillStringTensorElement(output.get(), "second", 1));
  size_t length = 0;
  EXPECT_OK(api().GetStringTensorDataLength(output.get(), &length));
  ASSERT_EQ(length, 9);
  std::string content(length, ' ');
  size_t offsets[2];
  EXPECT_OK(api().GetStringTensorContent(output.get(), content.data(), length, offsets, 2));
  EXPECT_EQ(content, "onesecond");
  EXPECT_THAT(offsets, ElementsAre(0, 3));
  EXPECT_FAILS(api().GetStringTensorElementLength(output.get(), 2, &length), ORT_INVALID_ARGUMENT,
               "out of bounds");
}

TEST_F(CApiSession, BindsInputsAndOutputs) {
  const Session session = load(env_, kAdd);
  const auto binding = made<IoBinding>(api().CreateIoBinding, session.get());
  std::vector<float> data = {1, 2};
  EXPECT_OK(api().BindInput(binding.get(), "x", tensor(data, {1, 2}).get()));
  EXPECT_FAILS(api().BindInput(binding.get(), "bad", tensor(data, {1, 2}).get()), ORT_FAIL,
               "Failed to find input name in the mapping: bad");
  EXPECT_FAILS(api().RunWithBinding(session.get(), nullptr, binding.get()), ORT_INVALID_ARGUMENT,
               "At least one output");
  EXPECT_OK(api().BindOutputToDevice(binding.get(), "y", cpu_memory().get()));
  EXPECT_OK(api().RunWithBinding(session.get(), nullptr, binding.get()));
  OrtValue** values = nullptr;
  size_t count = 0;
  EXPECT_OK(api().GetBoundOutputValues(binding.get(), allocator(), &values, &count));
  ASSERT_EQ(count, 1);
  EXPECT_THAT(elements(Value(values[0]).get()), ElementsAre(2, 4));
  EXPECT_OK(api().AllocatorFree(allocator(), values));

  std::vector<float> place = {0, 0};
  EXPECT_OK(api().BindOutput(binding.get(), "y", tensor(place, {1, 2}).get()));
  data[0] = 5;
  EXPECT_OK(api().RunWithBinding(session.get(), nullptr, binding.get()));
  EXPECT_THAT(place, ElementsAre(6, 4));
  char* names = nullptr;
  size_t* lengths = nullptr;
  EXPECT_OK(api().GetBoundOutputNames(binding.get(), allocator(), &names, &lengths, &count));
  EXPECT_EQ(std::string(names, lengths[0]), "y");
  EXPECT_OK(api().AllocatorFree(allocator(), names));
  EXPECT_OK(api().AllocatorFree(allocator(), lengths));
}

struct Finished {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::string message;
};

TEST_F(CApiSession, RunsInAThreadOfItsOwn) {
  const SessionOptions options = make_options();
  EXPECT_OK(api().SetIntraOpNumThreads(options.get(), 2));
  const Session session = load(env_, kAdd, options.get());
  std::vector<float> data = {1, 2};
  const Value value = tensor(data, {1, 2});
  const OrtValue* inputs[] = {value.get()};
  const char* x = "x";
  const char* y = "y";
  OrtValue* output = nullptr;
  Finished finished;
  EXPECT_OK(api().RunAsync(
      session.get(), nullptr, &x, inputs, 1, &y, 1, &output,
      [](void* user_data, OrtValue**, size_t, OrtStatus* status) {
        auto& state = *static_cast<Finished*>(user_data);
        const std::lock_guard lock(state.mutex);
        state.message = failure(status).message;
        state.done = true;
        state.changed.notify_one();
      },
      &finished));
  std::unique_lock lock(finished.mutex);
  finished.changed.wait(lock, [&] { return finished.done; });
  EXPECT_EQ(finished.message, "");
  EXPECT_THAT(elements(Value(output).get()), ElementsAre(2, 4));

  EXPECT_OK(api().SetIntraOpNumThreads(options.get(), 1));
  const Session single = load(env_, kAdd, options.get());
  EXPECT_FAILS(api().RunAsync(
                   single.get(), nullptr, &x, inputs, 1, &y, 1, &output,
                   [](void*, OrtValue**, size_t, OrtStatus*) {}, nullptr),
               ORT_INVALID_ARGUMENT,
               "intra op thread pool must have at least one thread for RunAsync");
}

TEST_F(CApiSession, WritesProfiles) {
  const SessionOptions options = make_options();
  const std::string prefix = ::testing::TempDir() + "capi_profile";
  EXPECT_OK(api().EnableProfiling(options.get(), prefix.c_str()));
  const Session session = load(env_, kAdd, options.get());
  char* name = nullptr;
  EXPECT_OK(api().SessionEndProfiling(session.get(), allocator(), &name));
  const std::string path = taken(name);
  EXPECT_THAT(path, ::testing::StartsWith(prefix));
  EXPECT_THAT(path, HasSubstr(".json"));
  EXPECT_GT(std::filesystem::file_size(path), 2);
  std::filesystem::remove(path);
}

TEST_F(CApiSession, WritesTheProfileThatNobodyAskedForAtTheEnd) {
  const std::filesystem::path folder = ::testing::TempDir() + "capi_profiles";
  std::filesystem::create_directories(folder);
  const SessionOptions options = make_options();
  EXPECT_OK(api().EnableProfiling(options.get(), (folder / "run").c_str()));
  load(env_, kAdd, options.get()).reset();
  EXPECT_EQ(std::filesystem::remove_all(folder), 2);
}

TEST_F(CApiSession, LetsTheProgramSelectTheDevice) {
  static size_t offered;
  const auto select = [](const OrtEpDevice** devices, size_t count, const OrtKeyValuePairs*,
                         const OrtKeyValuePairs*, const OrtEpDevice** selected, size_t, size_t* out,
                         void* state) -> OrtStatus* {
    offered = count;
    if (state != nullptr) return api().CreateStatus(ORT_FAIL, "none of these");
    selected[0] = devices[0];
    *out = 1;
    return nullptr;
  };
  const SessionOptions options = make_options();
  EXPECT_OK(api().SessionOptionsSetEpSelectionPolicyDelegate(options.get(), select, nullptr));
  load(env_, kAdd, options.get()).reset();
  EXPECT_EQ(offered, 1);
  EXPECT_OK(api().SessionOptionsSetEpSelectionPolicyDelegate(options.get(), select, &offered));
  EXPECT_THAT(try_load(env_, kAdd, options.get()).error.message, HasSubstr("none of these"));
}

TEST_F(CApiSession, SaysWhichProviderRunsWhichNodes) {
  const OrtEpAssignedSubgraph* const* graphs = nullptr;
  size_t count = 0;
  const Session unasked = load(env_, kAdd);
  EXPECT_FAILS(api().Session_GetEpGraphAssignmentInfo(unasked.get(), &graphs, &count), ORT_FAIL,
               "session.record_ep_graph_assignment_info");
  const SessionOptions options = make_options();
  EXPECT_OK(
      api().AddSessionConfigEntry(options.get(), "session.record_ep_graph_assignment_info", "1"));
  const Session session = load(env_, kAdd, options.get());
  EXPECT_OK(api().Session_GetEpGraphAssignmentInfo(session.get(), &graphs, &count));
  ASSERT_EQ(count, 1);
  const char* text = nullptr;
  EXPECT_OK(api().EpAssignedSubgraph_GetEpName(graphs[0], &text));
  EXPECT_STREQ(text, "CPUExecutionProvider");
  const OrtEpAssignedNode* const* nodes = nullptr;
  EXPECT_OK(api().EpAssignedSubgraph_GetNodes(graphs[0], &nodes, &count));
  ASSERT_EQ(count, 1);
  EXPECT_OK(api().EpAssignedNode_GetOperatorType(nodes[0], &text));
  EXPECT_STREQ(text, "Add");
}

TEST_F(CApiSession, FindsWhatModelsSayOfProviders) {
  const std::string bytes = model_bytes(R"(<ir_version: 8, opset_import: ["" : 17],
      metadata_props: ["ep_compatibility_info.SomeProvider": "as compiled"]>
      g (float[2] x) => (float[2] y) { y = Neg(x) })");
  char* text = nullptr;
  EXPECT_OK(api().GetCompatibilityInfoFromModelBytes(bytes.data(), bytes.size(), "SomeProvider",
                                                     allocator(), &text));
  EXPECT_EQ(taken(text), "as compiled");
  EXPECT_OK(api().GetCompatibilityInfoFromModelBytes(bytes.data(), bytes.size(), "Other",
                                                     allocator(), &text));
  EXPECT_EQ(text, nullptr);
}

TEST(CApiEnvironment, CallsTheProgramsLogger) {
  std::vector<std::string> messages;
  const auto env =
      made<Env>(api().CreateEnvWithCustomLogger,
                OrtLoggingFunction([](void* param, OrtLoggingLevel, const char* category,
                                      const char* log_id, const char*, const char* message) {
                  static_cast<std::vector<std::string>*>(param)->push_back(
                      std::string(category) + "/" + log_id + ": " + message);
                }),
                static_cast<void*>(&messages), ORT_LOGGING_LEVEL_INFO, "mine");
  const SessionOptions options = make_options();
  EXPECT_OK(api().SetSessionLogId(options.get(), "session"));
  const Session session = load(env, kAdd, options.get());
  EXPECT_THAT(messages,
              ::testing::Contains("onnxruntime/session: Session successfully initialized."));
}

TEST(CApiEnvironment, IsOneForTheProcessAndMayGoBeforeItsSessions) {
  Env first = make_env();
  const Env second = make_env();
  EXPECT_EQ(first.get(), second.get());
  const Session session = load(first, kAdd);
  first.reset();
  std::vector<float> data = {1, 2};
  Value output;
  EXPECT_EQ(run(session, "x", tensor(data, {1, 2}), "y", output).message, "");
}

TEST(CApiEnvironment, ListsProvidersAndDevices) {
  char** names = nullptr;
  int count = 0;
  EXPECT_OK(api().GetAvailableProviders(&names, &count));
  ASSERT_EQ(count, 1);
  EXPECT_STREQ(names[0], "CPUExecutionProvider");
  EXPECT_OK(api().ReleaseAvailableProviders(names, count));
  const Env env = make_env();
  const OrtEpDevice* const* devices = nullptr;
  size_t device_count = 0;
  EXPECT_OK(api().GetEpDevices(env.get(), &devices, &device_count));
  ASSERT_EQ(device_count, 1);
  EXPECT_STREQ(api().EpDevice_EpName(devices[0]), "CPUExecutionProvider");
  EXPECT_EQ(api().HardwareDevice_Type(api().EpDevice_Device(devices[0])),
            OrtHardwareDeviceType_CPU);
  const SessionOptions options = make_options();
  EXPECT_OK(api().SessionOptionsAppendExecutionProvider_V2(options.get(), env.get(), devices, 1,
                                                           nullptr, nullptr, 0));
}

}  // namespace
}  // namespace sardonyx::capi_tests
