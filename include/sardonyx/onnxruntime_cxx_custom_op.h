// The C++ wrapper's custom operators: what a kernel sees (KernelInfo, KernelContext, Logger), shape
// inference, calls of other operators, and CustomOpBase. Part of onnxruntime_cxx_api.h.
#pragma once

#include <climits>
#include <cstdarg>
#include <string>
#include <unordered_map>
#include <vector>

#include "onnxruntime_cxx_graph.h"
#include "onnxruntime_cxx_session_options.h"

#ifndef MAX_CUSTOM_OP_END_VER
#define MAX_CUSTOM_OP_END_VER ((1UL << 31) - 1)
#endif

namespace Ort {

// The library's log, at the level it keeps.
struct Logger {
  Logger() = default;
  explicit Logger(std::nullptr_t) {}
  explicit Logger(const OrtLogger* logger) : logger_(logger) {
    ThrowOnError(GetApi().Logger_GetLoggingSeverityLevel(logger, &level_));
  }

  OrtLoggingLevel GetLoggingSeverityLevel() const noexcept { return level_; }
  Status LogMessage(OrtLoggingLevel level, const ORTCHAR_T* file, int line, const char* function,
                    const char* message) const noexcept {
    return Status(GetApi().Logger_LogMessage(logger_, level, message, file, line, function));
  }
  // The format is printf's.
  Status LogFormattedMessage(OrtLoggingLevel level, const ORTCHAR_T* file, int line,
                             const char* function, const char* format, ...) const noexcept {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int size = std::vsnprintf(nullptr, 0, format, arguments);
    va_end(arguments);
    std::string message(size > 0 ? static_cast<size_t>(size) + 1 : 1, '\0');
    if (size > 0) std::vsnprintf(message.data(), message.size(), format, again);
    va_end(again);
    if (size < 0) return Status("LogFormattedMessage: the format is wrong", ORT_FAIL);
    return LogMessage(level, file, line, function, message.c_str());
  }

 private:
  const OrtLogger* logger_ = nullptr;
  OrtLoggingLevel level_ = ORT_LOGGING_LEVEL_FATAL;
};

// Log with the place of the call, only what the logger keeps. Names that end in NOEXCEPT drop what
// goes wrong; the others throw.
#define ORT_CXX_LOG_TRY(logger, level, then, call)                          \
  do {                                                                      \
    if ((level) >= (logger).GetLoggingSeverityLevel()) then((logger).call); \
  } while (false)
#define ORT_CXX_LOG(logger, level, message)         \
  ORT_CXX_LOG_TRY(logger, level, Ort::ThrowOnError, \
                  LogMessage(level, ORT_FILE, __LINE__, __FUNCTION__, message))
#define ORT_CXX_LOG_NOEXCEPT(logger, level, message) \
  ORT_CXX_LOG_TRY(logger, level, static_cast<void>,  \
                  LogMessage(level, ORT_FILE, __LINE__, __FUNCTION__, message))
#define ORT_CXX_LOGF(logger, level, ...)            \
  ORT_CXX_LOG_TRY(logger, level, Ort::ThrowOnError, \
                  LogFormattedMessage(level, ORT_FILE, __LINE__, __FUNCTION__, __VA_ARGS__))
#define ORT_CXX_LOGF_NOEXCEPT(logger, level, ...)   \
  ORT_CXX_LOG_TRY(logger, level, static_cast<void>, \
                  LogFormattedMessage(level, ORT_FILE, __LINE__, __FUNCTION__, __VA_ARGS__))

// One call of a kernel.
struct KernelContext {
  explicit KernelContext(OrtKernelContext* context) : ctx_(context) {}

  size_t GetInputCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().KernelContext_GetInputCount(ctx_, &count));
    return count;
  }
  size_t GetOutputCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().KernelContext_GetOutputCount(ctx_, &count));
    return count;
  }
  // Null for an optional input that is not there.
  ConstValue GetInput(size_t index) const {
    const OrtValue* value = nullptr;
    ThrowOnError(GetApi().KernelContext_GetInput(ctx_, index, &value));
    return ConstValue(value);
  }
  UnownedValue GetOutput(size_t index, const int64_t* dims, size_t rank) const {
    OrtValue* value = nullptr;
    ThrowOnError(GetApi().KernelContext_GetOutput(ctx_, index, dims, rank, &value));
    return UnownedValue(value);
  }
  UnownedValue GetOutput(size_t index, const std::vector<int64_t>& dims) const {
    return GetOutput(index, dims.data(), dims.size());
  }
  void* GetGPUComputeStream() const {
    void* stream = nullptr;
    ThrowOnError(GetApi().KernelContext_GetGPUComputeStream(ctx_, &stream));
    return stream;
  }
  Logger GetLogger() const {
    const OrtLogger* logger = nullptr;
    ThrowOnError(GetApi().KernelContext_GetLogger(ctx_, &logger));
    return Logger(logger);
  }
  Allocator GetAllocator(const OrtMemoryInfo& info) const {
    OrtAllocator* allocator = nullptr;
    ThrowOnError(GetApi().KernelContext_GetAllocator(ctx_, &info, &allocator));
    return Allocator(allocator);
  }
  OrtKernelContext* GetOrtKernelContext() const { return ctx_; }
  // function(data, i) for i < total, in `batches` pieces, on the session's threads.
  void ParallelFor(void (*function)(void*, size_t), size_t total, size_t batches,
                   void* data) const {
    ThrowOnError(GetApi().KernelContext_ParallelFor(ctx_, function, total, batches, data));
  }

 private:
  OrtKernelContext* ctx_;
};

struct KernelInfo;

namespace detail {

// Reads what a function of the table writes as a C string into (buffer, size).
template <class Read>
std::string sized_text(Read read) {
  size_t size = 0;
  ThrowOnError(read(static_cast<char*>(nullptr), &size));
  std::string text(size, '\0');
  ThrowOnError(read(text.data(), &size));
  text.resize(size > 0 ? size - 1 : 0);  // the terminator counts
  return text;
}

inline void read_attribute(const OrtKernelInfo* info, const char* name, float& value) {
  ThrowOnError(GetApi().KernelInfoGetAttribute_float(info, name, &value));
}
inline void read_attribute(const OrtKernelInfo* info, const char* name, int64_t& value) {
  ThrowOnError(GetApi().KernelInfoGetAttribute_int64(info, name, &value));
}
inline void read_attribute(const OrtKernelInfo* info, const char* name, std::string& value) {
  value = sized_text([&](char* buffer, size_t* size) {
    return GetApi().KernelInfoGetAttribute_string(info, name, buffer, size);
  });
}
inline void read_attributes(const OrtKernelInfo* info, const char* name,
                            std::vector<float>& values) {
  size_t count = 0;
  ThrowOnError(GetApi().KernelInfoGetAttributeArray_float(info, name, nullptr, &count));
  values.resize(count);
  ThrowOnError(GetApi().KernelInfoGetAttributeArray_float(info, name, values.data(), &count));
}
inline void read_attributes(const OrtKernelInfo* info, const char* name,
                            std::vector<int64_t>& values) {
  size_t count = 0;
  ThrowOnError(GetApi().KernelInfoGetAttributeArray_int64(info, name, nullptr, &count));
  values.resize(count);
  ThrowOnError(GetApi().KernelInfoGetAttributeArray_int64(info, name, values.data(), &count));
}
inline void read_attributes(const OrtKernelInfo* info, const char* name,
                            std::vector<std::string>& values) {
  AllocatorWithDefaultOptions allocator;
  char** texts = nullptr;
  size_t count = 0;
  ThrowOnError(GetApi().KernelInfoGetAttributeArray_string(info, name, allocator, &texts, &count));
  values = copy_strings(texts, count);
  for (size_t i = 0; i < count; ++i) allocator.Free(texts[i]);
  if (texts != nullptr) allocator.Free(texts);
}

template <class T>
struct KernelInfoImpl : Base<T> {
  using Base<T>::Base;

  KernelInfo Copy() const;
  // float, int64_t or std::string.
  template <class R>
  R GetAttribute(const char* name) const {
    R value;
    read_attribute(this->p_, name, value);
    return value;
  }
  template <class R>
  std::vector<R> GetAttributes(const char* name) const {
    std::vector<R> values;
    read_attributes(this->p_, name, values);
    return values;
  }
  Value GetTensorAttribute(const char* name, OrtAllocator* allocator) const {
    OrtValue* value = nullptr;
    ThrowOnError(GetApi().KernelInfoGetAttribute_tensor(this->p_, name, allocator, &value));
    return Value(value);
  }
  size_t GetInputCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().KernelInfo_GetInputCount(this->p_, &count));
    return count;
  }
  size_t GetOutputCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().KernelInfo_GetOutputCount(this->p_, &count));
    return count;
  }
  std::string GetInputName(size_t index) const {
    return sized_text([&](char* buffer, size_t* size) {
      return GetApi().KernelInfo_GetInputName(this->p_, index, buffer, size);
    });
  }
  std::string GetOutputName(size_t index) const {
    return sized_text([&](char* buffer, size_t* size) {
      return GetApi().KernelInfo_GetOutputName(this->p_, index, buffer, size);
    });
  }
  TypeInfo GetInputTypeInfo(size_t index) const {
    OrtTypeInfo* info = nullptr;
    ThrowOnError(GetApi().KernelInfo_GetInputTypeInfo(this->p_, index, &info));
    return TypeInfo(info);
  }
  TypeInfo GetOutputTypeInfo(size_t index) const {
    OrtTypeInfo* info = nullptr;
    ThrowOnError(GetApi().KernelInfo_GetOutputTypeInfo(this->p_, index, &info));
    return TypeInfo(info);
  }
  ConstValue GetTensorConstantInput(size_t index, int* is_constant) const {
    const OrtValue* value = nullptr;
    ThrowOnError(GetApi().KernelInfoGetConstantInput_tensor(this->p_, index, is_constant, &value));
    return ConstValue(value);
  }
  std::string GetNodeName() const { return text(&OrtApi::KernelInfo_GetNodeName); }
  std::string GetOperatorDomain() const { return text(&OrtApi::KernelInfo_GetOperatorDomain); }
  std::string GetOperatorType() const { return text(&OrtApi::KernelInfo_GetOperatorType); }
  int GetOperatorSinceVersion() const {
    int version = 0;
    ThrowOnError(GetApi().KernelInfo_GetOperatorSinceVersion(this->p_, &version));
    return version;
  }
  Logger GetLogger() const {
    const OrtLogger* logger = nullptr;
    ThrowOnError(GetApi().KernelInfo_GetLogger(this->p_, &logger));
    return Logger(logger);
  }
  KeyValuePairs GetConfigEntries() const {
    OrtKeyValuePairs* entries = nullptr;
    ThrowOnError(GetApi().KernelInfo_GetConfigEntries(this->p_, &entries));
    return KeyValuePairs(entries);
  }

 private:
  template <class Entry>
  std::string text(Entry entry) const {
    return sized_text(
        [&](char* buffer, size_t* size) { return (GetApi().*entry)(this->p_, buffer, size); });
  }
};

}  // namespace detail

// The node that a kernel is made for.
using ConstKernelInfo = detail::KernelInfoImpl<detail::Unowned<const OrtKernelInfo>>;
struct KernelInfo : detail::KernelInfoImpl<OrtKernelInfo> {
  explicit KernelInfo(std::nullptr_t) {}
  explicit KernelInfo(OrtKernelInfo* info) : KernelInfoImpl(info) {}
  ConstKernelInfo GetConst() const { return ConstKernelInfo(p_); }
};

template <class T>
KernelInfo detail::KernelInfoImpl<T>::Copy() const {
  OrtKernelInfo* copy = nullptr;
  ThrowOnError(GetApi().CopyKernelInfo(this->p_, &copy));
  return KernelInfo(copy);
}

// An operator of the library's that a kernel calls.
struct Op : detail::Base<OrtOp> {
  using Base = detail::Base<OrtOp>;

  explicit Op(std::nullptr_t) {}
  explicit Op(OrtOp* op) : Base(op) {}
  static Op Create(const OrtKernelInfo* info, const char* op_type, const char* domain, int version,
                   const char** type_names, const ONNXTensorElementDataType* types,
                   size_t type_count, const OpAttr* attributes, size_t attribute_count,
                   size_t input_count, size_t output_count) {
    static_assert(sizeof(OpAttr) == sizeof(OrtOpAttr*));
    OrtOp* op = nullptr;
    ThrowOnError(GetApi().CreateOp(
        info, op_type, domain, version, type_names, types, static_cast<int>(type_count),
        reinterpret_cast<const OrtOpAttr* const*>(attributes), static_cast<int>(attribute_count),
        static_cast<int>(input_count), static_cast<int>(output_count), &op));
    return Op(op);
  }
  void Invoke(const OrtKernelContext* context, const Value* inputs, size_t input_count,
              Value* outputs, size_t output_count) {
    Invoke(context, reinterpret_cast<const OrtValue* const*>(inputs), input_count,
           reinterpret_cast<OrtValue* const*>(outputs), output_count);
  }
  void Invoke(const OrtKernelContext* context, const OrtValue* const* inputs, size_t input_count,
              OrtValue* const* outputs, size_t output_count) {
    ThrowOnError(GetApi().InvokeOp(context, p_, inputs, static_cast<int>(input_count), outputs,
                                   static_cast<int>(output_count)));
  }
};

// What a custom operator's shape rule is given: dims are numbers or symbols.
struct ShapeInferContext {
  struct SymbolicInteger {
    SymbolicInteger(int64_t number) : number_(number), is_int_(true) {}
    SymbolicInteger(const char* symbol) : symbol_(symbol), is_int_(false) {}

    bool IsInt() const { return is_int_; }
    int64_t AsInt() const { return number_; }
    const char* AsSym() const { return symbol_; }
    bool operator==(const SymbolicInteger& other) const {
      if (is_int_ != other.is_int_) return false;
      return is_int_ ? number_ == other.number_ : std::strcmp(symbol_, other.symbol_) == 0;
    }

   private:
    int64_t number_ = 0;
    const char* symbol_ = nullptr;
    bool is_int_;
  };
  static constexpr int64_t kUnknownDim = -1;

  using Shape = std::vector<SymbolicInteger>;
  using Ints = std::vector<int64_t>;
  using Floats = std::vector<float>;
  using Strings = std::vector<std::string>;

  ShapeInferContext(const OrtApi*, OrtShapeInferContext* context) : ctx_(context) {
    size_t count = 0;
    ThrowOnError(GetApi().ShapeInferContext_GetInputCount(ctx_, &count));
    for (size_t i = 0; i < count; ++i) add_input(i);
  }

  size_t GetInputCount() const { return shapes_.size(); }
  const Shape& GetInputShape(size_t index) const { return shapes_.at(index); }
  ONNXTensorElementDataType GetInputType(size_t index) const {
    return infos_.at(index).GetElementType();
  }
  Status SetOutputShape(
      size_t index, const Shape& shape,
      ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) const {
    std::vector<int64_t> dims;
    std::vector<std::string> symbols;
    for (const SymbolicInteger& dim : shape) {
      dims.push_back(dim.IsInt() ? dim.AsInt() : kUnknownDim);
      symbols.emplace_back(dim.IsInt() ? "" : dim.AsSym());
    }
    const TensorTypeAndShapeInfo info(type, dims, &symbols);
    return Status(GetApi().ShapeInferContext_SetOutputTypeShape(ctx_, index, info));
  }

  int64_t GetAttrInt(const char* name) const { return one<int64_t>(name); }
  float GetAttrFloat(const char* name) const { return one<float>(name); }
  std::string GetAttrString(const char* name) const { return one<std::string>(name); }
  Ints GetAttrInts(const char* name) const { return many<int64_t>(name); }
  Floats GetAttrFloats(const char* name) const { return many<float>(name); }
  Strings GetAttrStrings(const char* name) const { return many<std::string>(name); }
  ConstOpAttr GetAttrHdl(const char* name) const {
    const OrtOpAttr* attribute = nullptr;
    ThrowOnError(GetApi().ShapeInferContext_GetAttribute(ctx_, name, &attribute));
    return ConstOpAttr(attribute);
  }

 private:
  void add_input(size_t index) {
    OrtTensorTypeAndShapeInfo* handle = nullptr;
    ThrowOnError(GetApi().ShapeInferContext_GetInputTypeShape(ctx_, index, &handle));
    infos_.emplace_back(handle);
    const std::vector<int64_t> dims = infos_.back().GetShape();
    const std::vector<const char*> symbols = infos_.back().GetSymbolicDimensions();
    Shape shape;
    for (size_t axis = 0; axis < dims.size(); ++axis) {
      const bool is_symbol = dims[axis] < 0 && symbols[axis] != nullptr && *symbols[axis] != '\0';
      shape.push_back(is_symbol ? SymbolicInteger(symbols[axis]) : SymbolicInteger(dims[axis]));
    }
    shapes_.push_back(std::move(shape));
  }
  template <class R>
  R one(const char* name) const {
    R value{};
    ThrowOnError(GetAttrHdl(name).GetValue(value));
    return value;
  }
  template <class R>
  std::vector<R> many(const char* name) const {
    std::vector<R> values;
    ThrowOnError(GetAttrHdl(name).GetValueArray(values));
    return values;
  }

  OrtShapeInferContext* ctx_;
  std::vector<ConstTensorTypeAndShapeInfo> infos_;  // the context's
  std::vector<Shape> shapes_;
};

namespace detail {

template <class TOp, class = void>
struct ShapeRule {
  static constexpr decltype(OrtCustomOp::InferOutputShapeFn) function = nullptr;
};
// Where the operator has `static Status InferOutputShape(ShapeInferContext&)`.
template <class TOp>
struct ShapeRule<TOp, std::void_t<decltype(&TOp::InferOutputShape)>> {
  static OrtStatus* infer(const OrtCustomOp*, OrtShapeInferContext* handle) {
    ShapeInferContext context(&GetApi(), handle);
    return Status(TOp::InferOutputShape(context)).release();
  }
  static constexpr decltype(OrtCustomOp::InferOutputShapeFn) function = &infer;
};

}  // namespace detail

// The base of a custom operator: struct MyOp : Ort::CustomOpBase<MyOp, MyKernel>. MyOp has GetName,
// Get{Input,Output}TypeCount, Get{Input,Output}Type and CreateKernel(const OrtApi&, const
// OrtKernelInfo*) const; MyKernel has Compute(OrtKernelContext*). With WithStatus they are
// CreateKernelV2(api, info, void** kernel) and ComputeV2, and return a status.
template <class TOp, class TKernel, bool WithStatus = false>
struct CustomOpBase : OrtCustomOp {
  CustomOpBase() : OrtCustomOp{} {
    version = ORT_API_VERSION;
    declare();
    declare_variadic();
    if constexpr (WithStatus) {
      OrtCustomOp::CreateKernelV2 = [](const OrtCustomOp* op, const OrtApi* api,
                                       const OrtKernelInfo* info, void** kernel) {
        return OrtStatusPtr{self(op).CreateKernelV2(*api, info, kernel)};
      };
      OrtCustomOp::KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
        return OrtStatusPtr{static_cast<TKernel*>(kernel)->ComputeV2(context)};
      };
    } else {
      OrtCustomOp::CreateKernel = [](const OrtCustomOp* op, const OrtApi* api,
                                     const OrtKernelInfo* info) -> void* {
        return self(op).CreateKernel(*api, info);
      };
      OrtCustomOp::KernelCompute = [](void* kernel, OrtKernelContext* context) {
        static_cast<TKernel*>(kernel)->Compute(context);
      };
    }
    OrtCustomOp::KernelDestroy = [](void* kernel) { delete static_cast<TKernel*>(kernel); };
    OrtCustomOp::InferOutputShapeFn = detail::ShapeRule<TOp>::function;
  }

  // What an operator may say otherwise.
  const char* GetExecutionProviderType() const { return nullptr; }  // the CPU's
  OrtCustomOpInputOutputCharacteristic GetInputCharacteristic(size_t) const {
    return INPUT_OUTPUT_REQUIRED;
  }
  OrtCustomOpInputOutputCharacteristic GetOutputCharacteristic(size_t) const {
    return INPUT_OUTPUT_REQUIRED;
  }
  OrtMemType GetInputMemoryType(size_t) const { return OrtMemTypeDefault; }
  int GetVariadicInputMinArity() const { return 1; }
  bool GetVariadicInputHomogeneity() const { return true; }
  int GetVariadicOutputMinArity() const { return 1; }
  bool GetVariadicOutputHomogeneity() const { return true; }
  // Keys for GetSessionConfigs, which are those of CustomOpConfigs.
  std::vector<std::string> GetSessionConfigKeys() const { return {}; }

 protected:
  // The session's entries for this operator; "" for a key that it does not have.
  void GetSessionConfigs(std::unordered_map<std::string, std::string>& entries,
                         ConstSessionOptions options) const {
    for (const std::string& key : self(this).GetSessionConfigKeys()) {
      const std::string full =
          detail::MakeCustomOpConfigEntryKey(self(this).GetName(), key.c_str());
      entries[key] = options.GetConfigEntryOrDefault(full.c_str(), "");
    }
  }

  int start_ver_ = 1;
  int end_ver_ = static_cast<int>(MAX_CUSTOM_OP_END_VER);

 private:
  static const TOp& self(const OrtCustomOp* op) { return *static_cast<const TOp*>(op); }

  void declare() {
    OrtCustomOp::GetName = [](const OrtCustomOp* op) { return self(op).GetName(); };
    OrtCustomOp::GetExecutionProviderType = [](const OrtCustomOp* op) {
      return self(op).GetExecutionProviderType();
    };
    OrtCustomOp::GetInputTypeCount = [](const OrtCustomOp* op) {
      return static_cast<size_t>(self(op).GetInputTypeCount());
    };
    OrtCustomOp::GetInputType = [](const OrtCustomOp* op, size_t index) {
      return self(op).GetInputType(index);
    };
    OrtCustomOp::GetInputMemoryType = [](const OrtCustomOp* op, size_t index) {
      return self(op).GetInputMemoryType(index);
    };
    OrtCustomOp::GetInputCharacteristic = [](const OrtCustomOp* op, size_t index) {
      return self(op).GetInputCharacteristic(index);
    };
    OrtCustomOp::GetOutputTypeCount = [](const OrtCustomOp* op) {
      return static_cast<size_t>(self(op).GetOutputTypeCount());
    };
    OrtCustomOp::GetOutputType = [](const OrtCustomOp* op, size_t index) {
      return self(op).GetOutputType(index);
    };
    OrtCustomOp::GetOutputCharacteristic = [](const OrtCustomOp* op, size_t index) {
      return self(op).GetOutputCharacteristic(index);
    };
    OrtCustomOp::GetStartVersion = [](const OrtCustomOp* op) { return self(op).start_ver_; };
    OrtCustomOp::GetEndVersion = [](const OrtCustomOp* op) { return self(op).end_ver_; };
  }

  void declare_variadic() {
    OrtCustomOp::GetVariadicInputMinArity = [](const OrtCustomOp* op) {
      return self(op).GetVariadicInputMinArity();
    };
    OrtCustomOp::GetVariadicInputHomogeneity = [](const OrtCustomOp* op) {
      return static_cast<int>(self(op).GetVariadicInputHomogeneity());
    };
    OrtCustomOp::GetVariadicOutputMinArity = [](const OrtCustomOp* op) {
      return self(op).GetVariadicOutputMinArity();
    };
    OrtCustomOp::GetVariadicOutputHomogeneity = [](const OrtCustomOp* op) {
      return static_cast<int>(self(op).GetVariadicOutputHomogeneity());
    };
  }
};

}  // namespace Ort
