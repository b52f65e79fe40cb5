// The ground of the C++ wrapper (onnxruntime_cxx_api.h): the table of functions, errors as
// exceptions or as Status, ownership of handles, element types.
//
// Define ORT_API_MANUAL_INIT to call Ort::InitApi yourself (a library that is handed its OrtApi, as
// one of custom operators is), and ORT_NO_EXCEPTIONS to end the program where one would be thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "onnxruntime_c_api.h"
#include "onnxruntime_float16.h"

namespace Ort {

struct Exception : std::exception {
  Exception(std::string message, OrtErrorCode code) : message_(std::move(message)), code_(code) {}

  OrtErrorCode GetOrtErrorCode() const { return code_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
  OrtErrorCode code_;
};

#ifdef ORT_NO_EXCEPTIONS
#define ORT_CXX_API_THROW(string, code)                                                \
  do {                                                                                 \
    std::fprintf(stderr, "Ort::Exception: %s\n", Ort::Exception(string, code).what()); \
    std::abort();                                                                      \
  } while (false)
#else
#define ORT_CXX_API_THROW(string, code) throw Ort::Exception(string, code)
#endif

namespace detail {

// The table that all calls go through; null until there is one.
inline const OrtApi*& table() noexcept {
#ifdef ORT_API_MANUAL_INIT
  static const OrtApi* api = nullptr;
#else
  static const OrtApi* api = OrtGetApiBase()->GetApi(ORT_API_VERSION);
#endif
  return api;
}

[[noreturn]] inline void refuse(const std::string& what) { ORT_CXX_API_THROW(what, ORT_FAIL); }

template <class Api>
const Api& required(const Api* api, const char* name) {
  if (api == nullptr) refuse(std::string(name) + " is not available in this library");
  return *api;
}

}  // namespace detail

inline void InitApi(const OrtApi* api) noexcept { detail::table() = api; }
inline void InitApi() noexcept { InitApi(OrtGetApiBase()->GetApi(ORT_API_VERSION)); }

inline const OrtApi& GetApi() {
  const OrtApi* api = detail::table();
  if (api == nullptr) {
    detail::refuse("no API of version " + std::to_string(ORT_API_VERSION) +
                   ": the library that was loaded is older, or Ort::InitApi was not called");
  }
  return *api;
}
inline const OrtModelEditorApi& GetModelEditorApi() {
  return detail::required(GetApi().GetModelEditorApi(), "the model editor API");
}
inline const OrtCompileApi& GetCompileApi() {
  return detail::required(GetApi().GetCompileApi(), "the compile API");
}
inline const OrtEpApi& GetEpApi() { return detail::required(GetApi().GetEpApi(), "the EP API"); }

inline std::string GetVersionString() { return OrtGetApiBase()->GetVersionString(); }
inline std::string GetBuildInfoString() { return GetApi().GetBuildInfoString(); }

namespace detail {

// What releases a handle of each kind.
#define ORT_DEFINE_RELEASE(NAME) \
  inline void OrtRelease(Ort##NAME* handle) { GetApi().Release##NAME(handle); }
ORT_DEFINE_RELEASE(Allocator)
ORT_DEFINE_RELEASE(ArenaCfg)
ORT_DEFINE_RELEASE(CustomOpDomain)
ORT_DEFINE_RELEASE(DeviceEpIncompatibilityDetails)
ORT_DEFINE_RELEASE(Env)
ORT_DEFINE_RELEASE(ExternalInitializerInfo)
ORT_DEFINE_RELEASE(Graph)
ORT_DEFINE_RELEASE(IoBinding)
ORT_DEFINE_RELEASE(KernelInfo)
ORT_DEFINE_RELEASE(KeyValuePairs)
ORT_DEFINE_RELEASE(LoraAdapter)
ORT_DEFINE_RELEASE(MapTypeInfo)
ORT_DEFINE_RELEASE(MemoryInfo)
ORT_DEFINE_RELEASE(Model)
ORT_DEFINE_RELEASE(ModelMetadata)
ORT_DEFINE_RELEASE(Node)
ORT_DEFINE_RELEASE(Op)
ORT_DEFINE_RELEASE(OpAttr)
ORT_DEFINE_RELEASE(PrepackedWeightsContainer)
ORT_DEFINE_RELEASE(RunOptions)
ORT_DEFINE_RELEASE(SequenceTypeInfo)
ORT_DEFINE_RELEASE(Session)
ORT_DEFINE_RELEASE(SessionOptions)
ORT_DEFINE_RELEASE(Status)
ORT_DEFINE_RELEASE(SyncStream)
ORT_DEFINE_RELEASE(TensorTypeAndShapeInfo)
ORT_DEFINE_RELEASE(ThreadingOptions)
ORT_DEFINE_RELEASE(TypeInfo)
ORT_DEFINE_RELEASE(Value)
ORT_DEFINE_RELEASE(ValueInfo)
#undef ORT_DEFINE_RELEASE
inline void OrtRelease(OrtModelCompilationOptions* handle) {
  GetCompileApi().ReleaseModelCompilationOptions(handle);
}
inline void OrtRelease(OrtCUDAProviderOptionsV2* handle) {
  GetApi().ReleaseCUDAProviderOptions(handle);
}
inline void OrtRelease(OrtTensorRTProviderOptionsV2* handle) {
  GetApi().ReleaseTensorRTProviderOptions(handle);
}

// Marks a handle that belongs to somebody else: Base<Unowned<OrtValue>>.
template <class T>
struct Unowned {
  using Type = T;
};

// A handle that this object releases; null after a move or release().
template <class T>
struct Base {
  using contained_type = T;

  constexpr Base() = default;
  constexpr explicit Base(T* handle) noexcept : p_(handle) {}
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;
  Base(Base&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Base& operator=(Base&& other) noexcept {
    T* taken = other.release();
    if (p_ != nullptr) OrtRelease(p_);
    p_ = taken;
    return *this;
  }
  ~Base() {
    if (p_ != nullptr) OrtRelease(p_);
  }

  constexpr operator T*() const noexcept { return p_; }
  constexpr T& operator*() const noexcept { return *p_; }
  T* release() noexcept { return std::exchange(p_, nullptr); }

 protected:
  T* p_ = nullptr;
};

template <class T>
struct Base<const T>;  // handles are owned to be changed: Base<Unowned<const T>> looks at one

template <class T>
struct Base<Unowned<T>> {
  using contained_type = T;

  constexpr Base() = default;
  constexpr explicit Base(T* handle) noexcept : p_(handle) {}

  constexpr operator T*() const noexcept { return p_; }
  constexpr T& operator*() const noexcept { return *p_; }

 protected:
  T* p_ = nullptr;
};

// Frees what the library allocated for the caller, by the allocator that it was given.
struct AllocatedFree {
  explicit AllocatedFree(OrtAllocator* allocator) : allocator_(allocator) {}
  void operator()(void* memory) const {
    if (memory != nullptr) allocator_->Free(allocator_, memory);
  }

 private:
  OrtAllocator* allocator_;
};

}  // namespace detail

using AllocatedStringPtr = std::unique_ptr<char, detail::AllocatedFree>;

// The outcome of a call, for code that does not throw. Null is success.
struct Status : detail::Base<OrtStatus> {
  using Base = detail::Base<OrtStatus>;

  Status() = default;
  explicit Status(std::nullptr_t) noexcept {}
  explicit Status(OrtStatus* status) noexcept : Base(status) {}
  explicit Status(const Exception& error) : Status(error.what(), error.GetOrtErrorCode()) {}
  explicit Status(const std::exception& error) : Status(error.what(), ORT_FAIL) {}
  Status(const char* message, OrtErrorCode code) : Base(GetApi().CreateStatus(code, message)) {}

  bool IsOK() const { return p_ == nullptr; }
  std::string GetErrorMessage() const { return IsOK() ? "" : GetApi().GetErrorMessage(p_); }
  OrtErrorCode GetErrorCode() const { return IsOK() ? ORT_OK : GetApi().GetErrorCode(p_); }
};

inline void ThrowOnError(const Status& status) {
  if (!status.IsOK()) ORT_CXX_API_THROW(status.GetErrorMessage(), status.GetErrorCode());
}
inline void ThrowOnError(OrtStatus* status) {
  if (status != nullptr) ThrowOnError(Status(status));
}
inline void ThrowStatus(const Status& status) { ThrowOnError(status); }

// IEEE half precision, as the elements of float16 tensors.
struct Float16_t : onnxruntime_float16::Float16Impl<Float16_t> {
  using Base = onnxruntime_float16::Float16Impl<Float16_t>;

  constexpr Float16_t() = default;
  explicit Float16_t(float value) noexcept { val = Base::ToUint16Impl(value); }
  static constexpr Float16_t FromBits(uint16_t bits) noexcept {
    Float16_t made;
    made.val = bits;
    return made;
  }
  float ToFloat() const noexcept { return Base::ToFloatImpl(); }
  explicit operator float() const noexcept { return ToFloat(); }
};
static_assert(sizeof(Float16_t) == 2);

// The upper half of a float, as the elements of bfloat16 tensors.
struct BFloat16_t : onnxruntime_float16::BFloat16Impl<BFloat16_t> {
  using Base = onnxruntime_float16::BFloat16Impl<BFloat16_t>;

  constexpr BFloat16_t() = default;
  explicit BFloat16_t(float value) noexcept { val = Base::ToUint16Impl(value); }
  static constexpr BFloat16_t FromBits(uint16_t bits) noexcept {
    BFloat16_t made;
    made.val = bits;
    return made;
  }
  float ToFloat() const noexcept { return Base::ToFloatImpl(); }
  explicit operator float() const noexcept { return ToFloat(); }
};
static_assert(sizeof(BFloat16_t) == 2);

// 8-bit floats: bits alone.
#define ORT_DEFINE_FLOAT8(NAME)                                   \
  struct NAME {                                                   \
    uint8_t value = 0;                                            \
    constexpr NAME() = default;                                   \
    constexpr NAME(uint8_t bits) noexcept : value(bits) {}        \
    constexpr operator uint8_t() const noexcept { return value; } \
  };                                                              \
  static_assert(sizeof(NAME) == 1)
ORT_DEFINE_FLOAT8(Float8E4M3FN_t);
ORT_DEFINE_FLOAT8(Float8E4M3FNUZ_t);
ORT_DEFINE_FLOAT8(Float8E5M2_t);
ORT_DEFINE_FLOAT8(Float8E5M2FNUZ_t);
#undef ORT_DEFINE_FLOAT8

// TypeToTensorType<float>::type is ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT.
template <class T>
struct TypeToTensorType;
#define ORT_DEFINE_TYPE(TYPE, NAME)                                                         \
  template <>                                                                               \
  struct TypeToTensorType<TYPE> {                                                           \
    static constexpr ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_##NAME; \
  }
ORT_DEFINE_TYPE(float, FLOAT);
ORT_DEFINE_TYPE(double, DOUBLE);
ORT_DEFINE_TYPE(Float16_t, FLOAT16);
ORT_DEFINE_TYPE(BFloat16_t, BFLOAT16);
ORT_DEFINE_TYPE(int8_t, INT8);
ORT_DEFINE_TYPE(int16_t, INT16);
ORT_DEFINE_TYPE(int32_t, INT32);
ORT_DEFINE_TYPE(int64_t, INT64);
ORT_DEFINE_TYPE(uint8_t, UINT8);
ORT_DEFINE_TYPE(uint16_t, UINT16);
ORT_DEFINE_TYPE(uint32_t, UINT32);
ORT_DEFINE_TYPE(uint64_t, UINT64);
ORT_DEFINE_TYPE(bool, BOOL);
ORT_DEFINE_TYPE(std::string, STRING);
ORT_DEFINE_TYPE(Float8E4M3FN_t, FLOAT8E4M3FN);
ORT_DEFINE_TYPE(Float8E4M3FNUZ_t, FLOAT8E4M3FNUZ);
ORT_DEFINE_TYPE(Float8E5M2_t, FLOAT8E5M2);
ORT_DEFINE_TYPE(Float8E5M2FNUZ_t, FLOAT8E5M2FNUZ);
#undef ORT_DEFINE_TYPE

namespace detail {

inline std::vector<std::string> copy_strings(const char* const* texts, size_t count) {
  return std::vector<std::string>(texts, texts + count);
}

// A pair of arrays of C strings, as many functions of the table take options.
template <class Map>
struct StringArrays {
  explicit StringArrays(const Map& map) {
    keys.reserve(map.size());
    values.reserve(map.size());
    for (const auto& [key, value] : map) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  std::vector<const char*> keys, values;
};

}  // namespace detail

inline std::vector<std::string> GetAvailableProviders() {
  char** names = nullptr;
  int count = 0;
  ThrowOnError(GetApi().GetAvailableProviders(&names, &count));
  std::vector<std::string> copied = detail::copy_strings(names, static_cast<size_t>(count));
  ThrowOnError(GetApi().ReleaseAvailableProviders(names, count));
  return copied;
}

}  // namespace Ort
