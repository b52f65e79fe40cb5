// A client in C++ as its authors write it, over onnxruntime_cxx_api.h alone: tests/clients/cpp
// compiles this same file with ONNX Runtime's own header, and runs it on ONNX Runtime's own
// library.
#include <cpu_provider_factory.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_cxx_api.h>
#include <onnxruntime_run_options_config_keys.h>
#include <onnxruntime_session_options_config_keys.h>

#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <limits>
#include <mutex>

#include "wire_model.h"

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Strings = std::vector<std::string>;
using Shape = std::vector<int64_t>;

constexpr const char* kAddMul = "tests/capi/add_mul.onnx";  // z = (x + y) * 2 of 2 by 2

Ort::Env& env() {
  static Ort::Env env(ORT_LOGGING_LEVEL_ERROR, "cxx");
  return env;
}

Ort::Session add_mul(const Ort::SessionOptions& options = Ort::SessionOptions{}) {
  return Ort::Session(env(), kAddMul, options);
}

Ort::MemoryInfo cpu() { return Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault); }

template <class T>
Ort::Value tensor(std::vector<T>& data, const Shape& shape) {
  return Ort::Value::CreateTensor<T>(cpu(), data.data(), data.size(), shape.data(), shape.size());
}

std::vector<float> floats(const Ort::Value& value) {
  const float* data = value.GetTensorData<float>();
  return {data, data + value.GetTensorTypeAndShapeInfo().GetElementCount()};
}

Ort::ValueInfo tensor_info(const char* name, ONNXTensorElementDataType type, const Shape& shape) {
  const Ort::TensorTypeAndShapeInfo info(type, shape);
  return Ort::ValueInfo(name, Ort::TypeInfo::CreateTensorInfo(info.GetConst()).GetConst());
}

// A session of one node.
Ort::Session one_node(Ort::Node node, Ort::ValueInfo input, Ort::ValueInfo output) {
  Ort::Graph graph;
  std::vector<Ort::ValueInfo> inputs, outputs;
  inputs.push_back(std::move(input));
  outputs.push_back(std::move(output));
  graph.SetInputs(inputs);
  graph.SetOutputs(outputs);
  graph.AddNode(node);
  Ort::Model model({{"", 17}, {"ai.onnx.ml", 3}});
  model.AddGraph(graph);
  return Ort::Session(env(), model, Ort::SessionOptions{});
}

template <class Call>
void expect_error(OrtErrorCode code, const std::string& message, Call call) {
  try {
    call();
  } catch (const Ort::Exception& error) {
    EXPECT_EQ(error.GetOrtErrorCode(), code) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(message));
    return;
  }
  ADD_FAILURE() << "no error with: " << message;
}

TEST(Cxx, SaysWhatItIs) {
  EXPECT_THAT(Ort::GetVersionString(), HasSubstr("1."));
  EXPECT_FALSE(Ort::GetBuildInfoString().empty());
  EXPECT_THAT(Ort::GetAvailableProviders(), testing::Contains("CPUExecutionProvider"));
  ASSERT_FALSE(env().GetEpDevices().empty());
  const auto device = env().GetEpDevices().front();
  EXPECT_STREQ(device.EpName(), "CPUExecutionProvider");
  EXPECT_EQ(device.Device().Type(), OrtHardwareDeviceType_CPU);
}

TEST(Cxx, ConvertsHalves) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::pair<float, uint16_t> exact[] = {
      {0.f, 0x0000},         {-0.f, 0x8000},     {1.f, 0x3c00},      {-2.f, 0xc000},
      {65504.f, 0x7bff},     {infinity, 0x7c00}, {0x1p-14f, 0x0400}, {0x1p-24f, 0x0001},
      {0x1.ffcp-1f, 0x3bff}, {-0x1p-15f, 0x8200}};
  for (const auto& [number, bits] : exact) {
    EXPECT_EQ(Ort::Float16_t(number).val, bits) << number;
    EXPECT_EQ(Ort::Float16_t::FromBits(bits).ToFloat(), number) << bits;
  }
  // Halfway cases go to the even one.
  EXPECT_EQ(Ort::Float16_t(1 + 0x1p-11f).val, 0x3c00);
  EXPECT_EQ(Ort::Float16_t(1 + 3 * 0x1p-11f).val, 0x3c02);
  EXPECT_EQ(Ort::Float16_t(0x1p-25f).val, 0x0000);
  EXPECT_EQ(Ort::Float16_t(3 * 0x1p-25f).val, 0x0002);
  EXPECT_EQ(Ort::Float16_t(65520.f).val, 0x7c00);
  EXPECT_TRUE(Ort::Float16_t(NAN).IsNaN());
  EXPECT_TRUE(std::isnan(static_cast<float>(Ort::Float16_t(NAN))));
  EXPECT_TRUE(Ort::Float16_t(1.f) < Ort::Float16_t(2.f));
  EXPECT_TRUE(Ort::Float16_t(-1.f) < Ort::Float16_t(0.f));
  EXPECT_FALSE(Ort::Float16_t(NAN) == Ort::Float16_t(NAN));
  EXPECT_TRUE(Ort::Float16_t::FromBits(1).IsSubnormal());
  EXPECT_EQ(Ort::Float16_t(-3.f).Abs().ToFloat(), 3.f);
  EXPECT_EQ(Ort::Float16_t(3.f).Negate().ToFloat(), -3.f);

  EXPECT_EQ(Ort::BFloat16_t(1.f).val, 0x3f80);
  EXPECT_EQ(Ort::BFloat16_t(1 + 0x1p-8f).val, 0x3f80);
  EXPECT_EQ(Ort::BFloat16_t(1 + 3 * 0x1p-8f).val, 0x3f82);
  EXPECT_EQ(Ort::BFloat16_t(-infinity).ToFloat(), -infinity);
  EXPECT_TRUE(Ort::BFloat16_t(NAN).IsNaN());
}

TEST(Cxx, Describes) {
  const Ort::Session session = add_mul();
  Ort::AllocatorWithDefaultOptions allocator;
  ASSERT_EQ(session.GetInputCount(), 2u);
  ASSERT_EQ(session.GetOutputCount(), 1u);
  EXPECT_EQ(session.GetOverridableInitializerCount(), 0u);
  EXPECT_STREQ(session.GetInputNameAllocated(1, allocator).get(), "y");
  EXPECT_STREQ(session.GetOutputNameAllocated(0, allocator).get(), "z");
  EXPECT_THAT(session.GetInputNames(), ElementsAre("x", "y"));
  EXPECT_THAT(session.GetOutputNames(), ElementsAre("z"));

  const Ort::TypeInfo type = session.GetInputTypeInfo(0);
  EXPECT_EQ(type.GetONNXType(), ONNX_TYPE_TENSOR);
  const auto info = type.GetTensorTypeAndShapeInfo();
  EXPECT_EQ(info.GetElementType(), ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);
  EXPECT_EQ(info.GetDimensionsCount(), 2u);
  EXPECT_EQ(info.GetSymbolicDimensions().size(), 2u);

  const Ort::ModelMetadata metadata = session.GetModelMetadata();
  EXPECT_NE(metadata.GetProducerNameAllocated(allocator), nullptr);
  EXPECT_STRNE(metadata.GetGraphNameAllocated(allocator).get(), "");
  EXPECT_TRUE(metadata.GetCustomMetadataMapKeysAllocated(allocator).empty());
  EXPECT_EQ(metadata.LookupCustomMetadataMapAllocated("none", allocator), nullptr);
}

TEST(Cxx, Runs) {
  Ort::Session session = add_mul();
  std::vector<float> x{1, 2, 3, 4}, y{10, 20, 30, 40};
  const char* names[] = {"x", "y"};
  const char* outputs[] = {"z"};
  Ort::Value inputs[] = {tensor(x, {2, 2}), tensor(y, {2, 2})};
  const auto results = session.Run(Ort::RunOptions{nullptr}, names, inputs, 2, outputs, 1);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].IsTensor());
  EXPECT_TRUE(results[0].HasValue());
  EXPECT_THAT(floats(results[0]), ElementsAre(22, 44, 66, 88));
  EXPECT_EQ(results[0].GetTensorTypeAndShapeInfo().GetShape(), (Shape{2, 2}));
  EXPECT_EQ(results[0].GetTensorMemoryInfo().GetDeviceType(), OrtMemoryInfoDeviceType_CPU);
  EXPECT_EQ(results[0].GetTensorSizeInBytes(), 16u);

  // Into a value of the program's.
  std::vector<float> place(4);
  Ort::Value result = tensor(place, {2, 2});
  session.Run(Ort::RunOptions{}, names, inputs, 2, outputs, &result, 1);
  EXPECT_THAT(place, ElementsAre(22, 44, 66, 88));
  EXPECT_EQ(result.GetTensorMutableData<float>(), place.data());
  EXPECT_EQ(result.At<float>({1, 0}), 66.f);
}

TEST(Cxx, RunsAlongside) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(2);  // ONNX Runtime's library refuses with one
  Ort::Session session = add_mul(options);
  std::vector<float> x{1, 2, 3, 4}, y{10, 20, 30, 40};
  const char* names[] = {"x", "y"};
  const char* outputs[] = {"z"};
  Ort::Value inputs[] = {tensor(x, {2, 2}), tensor(y, {2, 2})};
  Ort::Value result{nullptr};
  struct Finish {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    std::string error;
  } finish;
  const auto callback = [](void* data, OrtValue**, size_t, OrtStatusPtr status) {
    auto& finished = *static_cast<Finish*>(data);
    const std::lock_guard<std::mutex> lock(finished.mutex);
    const Ort::Status outcome(status);
    if (!outcome.IsOK()) finished.error = outcome.GetErrorMessage();
    finished.done = true;
    finished.changed.notify_all();
  };
  session.RunAsync(Ort::RunOptions{nullptr}, names, inputs, 2, outputs, &result, 1, callback,
                   &finish);
  std::unique_lock<std::mutex> lock(finish.mutex);
  finish.changed.wait(lock, [&] { return finish.done; });
  EXPECT_EQ(finish.error, "");
  EXPECT_THAT(floats(result), ElementsAre(22, 44, 66, 88));
}

TEST(Cxx, BindsInputsAndOutputs) {
  Ort::Session session = add_mul();
  Ort::IoBinding binding(session);
  std::vector<float> x{1, 2, 3, 4}, y{10, 20, 30, 40}, place(4);
  binding.BindInput("x", tensor(x, {2, 2}));
  binding.BindInput("y", tensor(y, {2, 2}));
  binding.BindOutput("z", tensor(place, {2, 2}));
  binding.SynchronizeInputs();
  session.Run(Ort::RunOptions{nullptr}, binding);
  EXPECT_THAT(place, ElementsAre(22, 44, 66, 88));
  x[0] = 5;
  session.Run(Ort::RunOptions{nullptr}, binding);
  EXPECT_EQ(place[0], 30);

  binding.ClearBoundOutputs();
  binding.BindOutput("z", cpu());
  session.Run(Ort::RunOptions{nullptr}, binding);
  binding.SynchronizeOutputs();
  EXPECT_THAT(binding.GetOutputNames(), ElementsAre("z"));
  const auto values = binding.GetOutputValues();
  ASSERT_EQ(values.size(), 1u);
  EXPECT_THAT(floats(values[0]), ElementsAre(30, 44, 66, 88));
  expect_error(ORT_FAIL, "bad", [&] { binding.BindInput("bad", values[0]); });
}

TEST(Cxx, PassesStrings) {
  Ort::Session session = one_node(Ort::Node("Identity", "", "copy", {"x"}, {"y"}),
                                  tensor_info("x", ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, {3}),
                                  tensor_info("y", ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, {3}));
  Ort::AllocatorWithDefaultOptions allocator;
  const Shape shape{3};
  Ort::Value texts = Ort::Value::CreateTensor(allocator, shape.data(), shape.size(),
                                              ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
  const char* words[] = {"one", "", "drei ✓"};
  texts.FillStringTensor(words, 3);
  texts.FillStringTensorElement("1", 0);
  std::memcpy(texts.GetResizedStringTensorElementBuffer(1, 3), "two", 3);
  const char* input = "x";
  const char* output = "y";
  const auto results = session.Run(Ort::RunOptions{nullptr}, &input, &texts, 1, &output, 1);
  EXPECT_EQ(results[0].GetStringTensorElement(0), "1");
  EXPECT_EQ(results[0].GetStringTensorElement(1), "two");
  EXPECT_EQ(results[0].GetStringTensorElement(2), "drei ✓");
  ASSERT_EQ(results[0].GetStringTensorDataLength(), 12u);
  char content[12];
  size_t offsets[3];
  results[0].GetStringTensorContent(content, sizeof content, offsets, 3);
  EXPECT_EQ(std::string(content, 4), "1two");
  EXPECT_THAT(offsets, ElementsAre(0, 1, 4));
}

// parts = SplitToSequence(x, axis = 1), x of 1 by 2: a model whose output is a sequence.
std::string split_model() {
  using wire::field;
  const std::string ends = field(1, std::string("x")) + field(2, std::string("parts"));
  const std::string axis = wire::attribute("axis", 2, field(3, uint64_t{1}));
  const std::string sequence = field(4, field(1, field(1, field(1, uint64_t{1}))));
  return wire::model(wire::node("SplitToSequence", "", "", ends, axis),
                     wire::value("x", wire::floats({1, 2})), wire::value("parts", sequence));
}

TEST(Cxx, ReadsSequencesAndMaps) {
  const std::string model = split_model();
  Ort::Session session(env(), model.data(), model.size(), Ort::SessionOptions{});
  EXPECT_EQ(session.GetOutputTypeInfo(0)
                .GetSequenceTypeInfo()
                .GetSequenceElementType()
                .GetTensorTypeAndShapeInfo()
                .GetElementType(),
            ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT);

  std::vector<float> x{0.25f, 0.75f};
  const Ort::Value input = tensor(x, {1, 2});
  const char* input_name = "x";
  const char* output_name = "parts";
  const auto results =
      session.Run(Ort::RunOptions{nullptr}, &input_name, &input, 1, &output_name, 1);
  Ort::AllocatorWithDefaultOptions allocator;
  EXPECT_FALSE(results[0].IsTensor());
  EXPECT_EQ(results[0].GetTypeInfo().GetONNXType(), ONNX_TYPE_SEQUENCE);
  ASSERT_EQ(results[0].GetCount(), 2u);
  EXPECT_THAT(floats(results[0].GetValue(1, allocator)), ElementsAre(0.75f));

  // And made here.
  std::vector<int64_t> keys{10, 20};
  std::vector<float> values{0.5f, 1.5f};
  const Ort::Value map = Ort::Value::CreateMap(tensor(keys, {2}), tensor(values, {2}));
  ASSERT_EQ(map.GetCount(), 2u);
  EXPECT_EQ(map.GetValue(0, allocator).GetTensorData<int64_t>()[1], 20);
  EXPECT_THAT(floats(map.GetValue(1, allocator)), ElementsAre(0.5f, 1.5f));
  EXPECT_EQ(map.GetTypeInfo().GetMapTypeInfo().GetMapKeyType(),
            ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64);
  std::vector<Ort::Value> parts;
  parts.push_back(tensor(values, {2}));
  EXPECT_EQ(Ort::Value::CreateSequence(parts).GetCount(), 1u);
}

TEST(Cxx, HoldsSparseTensors) {
  std::vector<float> values{7, 8};
  std::vector<int64_t> indices{1, 5};
  const Shape dense{2, 3}, count{2};
  Ort::Value sparse = Ort::Value::CreateSparseTensor<float>(
      cpu(), values.data(), {dense.data(), dense.size()}, {count.data(), count.size()});
  sparse.UseCooIndices(indices.data(), indices.size());
  EXPECT_TRUE(sparse.IsSparseTensor());
  EXPECT_EQ(sparse.GetSparseFormat(), ORT_SPARSE_COO);
  EXPECT_EQ(sparse.GetSparseTensorValues<float>()[1], 8);
  size_t found = 0;
  const auto* read = sparse.GetSparseTensorIndicesData<int64_t>(ORT_SPARSE_COO_INDICES, found);
  ASSERT_EQ(found, 2u);
  EXPECT_EQ(read[1], 5);
  EXPECT_EQ(sparse.GetSparseTensorValuesTypeAndShapeInfo().GetShape(), count);
}

TEST(Cxx, TakesOptions) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1)
      .SetInterOpNumThreads(1)
      .SetGraphOptimizationLevel(GraphOptimizationLevel::ORT_ENABLE_EXTENDED)
      .SetExecutionMode(ExecutionMode::ORT_SEQUENTIAL)
      .EnableCpuMemArena()
      .DisableMemPattern()
      .SetLogId("mine")
      .SetLogSeverityLevel(3)
      .AddConfigEntry(kOrtSessionOptionsConfigSetDenormalAsZero, "1");
  Ort::ThrowOnError(OrtSessionOptionsAppendExecutionProvider_CPU(options, 1));
  EXPECT_TRUE(options.HasConfigEntry(kOrtSessionOptionsConfigSetDenormalAsZero));
  EXPECT_EQ(options.GetConfigEntry(kOrtSessionOptionsConfigSetDenormalAsZero), "1");
  EXPECT_EQ(options.GetConfigEntryOrDefault("none", "other"), "other");
  const Ort::SessionOptions clone = options.Clone();
  EXPECT_EQ(clone.GetConfigEntry(kOrtSessionOptionsConfigSetDenormalAsZero), "1");
  EXPECT_EQ(add_mul(clone).GetInputCount(), 2u);
  EXPECT_THROW(options.AppendExecutionProvider("Nonsense"), Ort::Exception);

  Ort::RunOptions run;
  run.SetRunTag("tag").SetRunLogSeverityLevel(3).SetRunLogVerbosityLevel(1);
  run.AddConfigEntry(kOrtRunOptionsConfigEnableMemoryArenaShrinkage, "cpu:0");
  EXPECT_STREQ(run.GetRunTag(), "tag");
  EXPECT_EQ(run.GetRunLogSeverityLevel(), 3);
  EXPECT_EQ(run.GetRunLogVerbosityLevel(), 1);
  run.SetTerminate();
  Ort::Session session = add_mul();
  std::vector<float> x(4);
  Ort::Value inputs[] = {tensor(x, {2, 2}), tensor(x, {2, 2})};
  const char* names[] = {"x", "y"};
  const char* outputs[] = {"z"};
  EXPECT_THROW(session.Run(run, names, inputs, 2, outputs, 1), Ort::Exception);
  run.UnsetTerminate();
  EXPECT_EQ(session.Run(run, names, inputs, 2, outputs, 1).size(), 1u);
}

TEST(Cxx, SharesThreadsAndAllocators) {
  Ort::ThreadingOptions threading;
  threading.SetGlobalIntraOpNumThreads(2).SetGlobalInterOpNumThreads(1).SetGlobalSpinControl(0);
  Ort::Env& shared = env();
  const Ort::MemoryInfo info = cpu();
  EXPECT_EQ(info.GetAllocatorType(), OrtArenaAllocator);
  EXPECT_EQ(info.GetMemoryType(), OrtMemTypeDefault);
  EXPECT_EQ(info.GetDeviceId(), 0);
  EXPECT_EQ(info.GetAllocatorName(), "Cpu");
  EXPECT_TRUE(info == cpu().GetConst());
  const Ort::ArenaCfg arena(0, -1, -1, -1);
  shared.CreateAndRegisterAllocator(info, arena);
  shared.UnregisterAllocator(info);

  const Ort::Session session = add_mul();
  Ort::Allocator allocator(session, info);
  Ort::MemoryAllocation memory = allocator.GetAllocation(256);
  EXPECT_EQ(memory.size(), 256u);
  std::memset(memory.get(), 1, memory.size());
  void* more = allocator.Alloc(16);
  allocator.Free(more);
  EXPECT_EQ(allocator.GetInfo().GetAllocatorName(), "Cpu");

  Ort::KeyValuePairs pairs(std::unordered_map<std::string, std::string>{{"a", "1"}});
  pairs.Add("b", "2");
  pairs.Remove("a");
  EXPECT_STREQ(pairs.GetValue("b"), "2");
  EXPECT_THAT(pairs.GetKeyValuePairs(), ElementsAre(testing::Pair("b", "2")));
}

TEST(Cxx, ReportsErrors) {
  expect_error(ORT_NO_SUCHFILE, "no_such_file.onnx",
               [] { Ort::Session(env(), "no_such_file.onnx", Ort::SessionOptions{}); });
  const std::string nonsense = "no model at all";
  expect_error(ORT_INVALID_PROTOBUF, "", [&] {
    Ort::Session(env(), nonsense.data(), nonsense.size(), Ort::SessionOptions{});
  });
  expect_error(ORT_INVALID_ARGUMENT, "rank", [] {
    Ort::Session session = add_mul();
    std::vector<float> x(4);
    Ort::Value inputs[] = {tensor(x, {4}), tensor(x, {2, 2})};
    const char* names[] = {"x", "y"};
    const char* outputs[] = {"z"};
    session.Run(Ort::RunOptions{nullptr}, names, inputs, 2, outputs, 1);
  });
  const Ort::Status status("it went wrong", ORT_ENGINE_ERROR);
  EXPECT_FALSE(status.IsOK());
  EXPECT_EQ(status.GetErrorCode(), ORT_ENGINE_ERROR);
  EXPECT_EQ(status.GetErrorMessage(), "it went wrong");
  EXPECT_TRUE(Ort::Status().IsOK());
  expect_error(ORT_ENGINE_ERROR, "it went wrong", [&] { Ort::ThrowOnError(status); });
}

TEST(Cxx, HandlesMove) {
  Ort::Session first = add_mul();
  OrtSession* handle = first;
  Ort::Session second = std::move(first);
  EXPECT_EQ(static_cast<OrtSession*>(second), handle);
  Ort::Session third{nullptr};
  third = std::move(second);
  EXPECT_EQ(third.GetInputCount(), 2u);
  EXPECT_EQ(third.GetConst().GetInputCount(), 2u);
  Ort::Session owner(nullptr);
  OrtSession* released = third.release();
  Ort::GetApi().ReleaseSession(released);
}

TEST(Cxx, WritesProfiles) {
  Ort::SessionOptions options;
  const std::string prefix = testing::TempDir() + "cxx_profile";
  options.EnableProfiling(prefix.c_str());
  Ort::Session session = add_mul(options);
  Ort::AllocatorWithDefaultOptions allocator;
  const Ort::AllocatedStringPtr file = session.EndProfilingAllocated(allocator);
  EXPECT_THAT(file.get(), HasSubstr("cxx_profile"));
  EXPECT_EQ(std::remove(file.get()), 0);
}

}  // namespace
