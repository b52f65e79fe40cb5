// A client of the C API for the tests: the table, and handles that release themselves.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnxruntime_c_api.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/text.h"
#include "model/write_model.h"

namespace sardonyx::capi_tests {

inline const OrtApi& api() { return *OrtGetApiBase()->GetApi(ORT_API_VERSION); }

struct Failure {
  OrtErrorCode code = ORT_OK;
  std::string message;
};

// What a status says; it is released.
inline Failure failure(OrtStatus* status) {
  if (status == nullptr) return {};
  Failure result{api().GetErrorCode(status), api().GetErrorMessage(status)};
  api().ReleaseStatus(status);
  return result;
}

#define EXPECT_OK(call) EXPECT_EQ(::sardonyx::capi_tests::failure(call).message, "")
#define EXPECT_FAILS(call, wanted_code, matcher)                \
  do {                                                          \
    const auto failed = ::sardonyx::capi_tests::failure(call);  \
    EXPECT_EQ(failed.code, wanted_code) << failed.message;      \
    EXPECT_THAT(failed.message, ::testing::HasSubstr(matcher)); \
  } while (false)

// Handles by what releases them.
template <auto Release, class T>
struct Deleter {
  void operator()(T* handle) const { (api().*Release)(handle); }
};
#define HANDLE(name) \
  using name = std::unique_ptr<Ort##name, Deleter<&OrtApi::Release##name, Ort##name>>
HANDLE(Env);
HANDLE(SessionOptions);
HANDLE(Session);
HANDLE(RunOptions);
HANDLE(Value);
HANDLE(MemoryInfo);
HANDLE(TypeInfo);
HANDLE(TensorTypeAndShapeInfo);
HANDLE(ModelMetadata);
HANDLE(IoBinding);
HANDLE(CustomOpDomain);
HANDLE(KeyValuePairs);
HANDLE(OpAttr);
#undef HANDLE

// The handle that a function writes: made<Env>(api().CreateEnv, level, "id").
template <class Handle, class Fn, class... Args>
Handle made(Fn function, Args... args) {
  typename Handle::pointer handle = nullptr;
  EXPECT_EQ(failure(function(args..., &handle)).message, "");
  return Handle(handle);
}

inline Env make_env() { return made<Env>(api().CreateEnv, ORT_LOGGING_LEVEL_ERROR, "tests"); }
inline SessionOptions make_options() { return made<SessionOptions>(api().CreateSessionOptions); }
inline MemoryInfo cpu_memory() {
  return made<MemoryInfo>(api().CreateCpuMemoryInfo, OrtArenaAllocator, OrtMemTypeDefault);
}
inline OrtAllocator* allocator() {
  OrtAllocator* found = nullptr;
  EXPECT_OK(api().GetAllocatorWithDefaultOptions(&found));
  return found;
}

// A text that the library allocated.
inline std::string taken(char* text) {
  std::string result = text != nullptr ? text : "(null)";
  EXPECT_OK(api().AllocatorFree(allocator(), text));
  return result;
}

inline std::string model_bytes(std::string_view text) {
  return write_model(parse_text(text).value()).value();
}

struct Loaded {
  Session session;
  Failure error;
};
inline Loaded try_load(const Env& env, std::string_view text, const OrtSessionOptions* options) {
  const std::string bytes = model_bytes(text);
  OrtSession* session = nullptr;
  Failure error = failure(
      api().CreateSessionFromArray(env.get(), bytes.data(), bytes.size(), options, &session));
  return {Session(session), std::move(error)};
}
inline Session load(const Env& env, std::string_view text,
                    const OrtSessionOptions* options = nullptr) {
  Loaded loaded = try_load(env, text, options);
  EXPECT_EQ(loaded.error.message, "");
  return std::move(loaded.session);
}

template <class T>
constexpr ONNXTensorElementDataType kElement = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
template <>
inline constexpr ONNXTensorElementDataType kElement<float> = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
template <>
inline constexpr ONNXTensorElementDataType kElement<double> = ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
template <>
inline constexpr ONNXTensorElementDataType kElement<int64_t> = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;

// Over the memory of `elements`, which stays.
template <class T>
Value tensor(std::vector<T>& elements, const std::vector<int64_t>& dims) {
  return made<Value>(api().CreateTensorWithDataAsOrtValue, cpu_memory().get(), elements.data(),
                     elements.size() * sizeof(T), dims.data(), dims.size(), kElement<T>);
}

template <class T = float>
std::vector<T> elements(const OrtValue* value) {
  const void* data = nullptr;
  size_t bytes = 0;
  EXPECT_OK(api().GetTensorData(value, &data));
  EXPECT_OK(api().GetTensorSizeInBytes(value, &bytes));
  const auto* first = static_cast<const T*>(data);
  return {first, first + bytes / sizeof(T)};
}

inline std::vector<int64_t> dims(const OrtValue* value) {
  const auto info = made<TensorTypeAndShapeInfo>(api().GetTensorTypeAndShape, value);
  size_t rank = 0;
  EXPECT_OK(api().GetDimensionsCount(info.get(), &rank));
  std::vector<int64_t> result(rank);
  EXPECT_OK(api().GetDimensions(info.get(), result.data(), rank));
  return result;
}

// Runs one model input to one output.
inline Failure run(const Session& session, const char* input, const Value& value,
                   const char* output, Value& result, const OrtRunOptions* options = nullptr) {
  const OrtValue* inputs[] = {value.get()};
  OrtValue* out = result.release();
  Failure error = failure(api().Run(session.get(), options, &input, inputs, 1, &output, 1, &out));
  result.reset(out);
  return error;
}

}  // namespace sardonyx::capi_tests
