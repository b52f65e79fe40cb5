// Custom operators out of functions and structs (namespace Ort::Custom): the parameters say what
// the inputs and outputs are.
//
//   void add(const Ort::Custom::Tensor<float>& a, const Ort::Custom::Tensor<float>& b,
//            Ort::Custom::Tensor<float>& sum);
//   std::unique_ptr<Ort::Custom::OrtLiteCustomOp> op{
//       Ort::Custom::CreateLiteCustomOp("MyAdd", "CPUExecutionProvider", add)};
//   domain.Add(op.get());
//
// Inputs: const Tensor<T>&, const Span<T>&, pointers to these, and T (a number, std::string,
// std::string_view); std::optional of such a pointer or T where it may be missing; const Variadic&
// for all that follow. Outputs: Tensor<T>&, Tensor<T>*, std::optional<Tensor<T>*>, Variadic&.
// Besides, OrtKernelContext*. A function may return Ort::Status. Operators outlive the sessions
// with them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>

#include "onnxruntime_cxx_api.h"

namespace Ort {
namespace Custom {

// The elements of an input of one dim.
template <class T>
struct Span {
  const T* data_ = nullptr;
  size_t size_ = 0;

  void Assign(const T* data, size_t size) {
    data_ = data;
    size_ = size;
  }
  size_t size() const { return size_; }
  T operator[](size_t index) const { return data_[index]; }
  const T* data() const { return data_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
};

// An input or output of one call; false where an optional input is missing.
class TensorBase {
 public:
  TensorBase(OrtKernelContext* context, size_t index, bool is_input)
      : context_(context), index_(index), is_input_(is_input) {
    if (!is_input || index >= context_.GetInputCount()) return;
    value_ = context_.GetInput(index);
    if (value_ == nullptr) return;
    const TensorTypeAndShapeInfo info = value_.GetTensorTypeAndShapeInfo();
    type_ = info.GetElementType();
    shape_ = info.GetShape();
  }
  virtual ~TensorBase() = default;
  TensorBase(const TensorBase&) = default;
  TensorBase& operator=(const TensorBase&) = default;

  operator bool() const { return shape_.has_value(); }
  // Of an output, once it is allocated.
  const std::vector<int64_t>& Shape() const {
    if (!shape_) refuse("has no shape: it is missing, or not allocated yet");
    return *shape_;
  }
  ONNXTensorElementDataType Type() const { return type_; }
  int64_t NumberOfElement() const {
    if (!shape_) return 0;
    int64_t count = 1;
    for (const int64_t dim : *shape_) count *= dim;
    return count;
  }
  std::string Shape2Str() const {
    std::string text;
    for (const int64_t dim : Shape()) text += (text.empty() ? "" : ", ") + std::to_string(dim);
    return text;
  }
  bool IsCpuTensor() const {
    return value_ == nullptr ||
           value_.GetTensorMemoryInfo().GetDeviceType() == OrtMemoryInfoDeviceType_CPU;
  }
  virtual const void* DataRaw() const = 0;
  virtual size_t SizeInBytes() const = 0;

 protected:
  [[noreturn]] void refuse(const char* what) const {
    detail::refuse(std::string(is_input_ ? "input " : "output ") + std::to_string(index_) + " " +
                   what);
  }

  KernelContext context_;
  size_t index_;
  bool is_input_;
  ConstValue value_;  // of an input
  ONNXTensorElementDataType type_ = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::optional<std::vector<int64_t>> shape_;
};

template <class T>
class Tensor : public TensorBase {
 public:
  Tensor(OrtKernelContext* context, size_t index, bool is_input)
      : TensorBase(context, index, is_input) {
    if (is_input && *this) span_.Assign(value_.template GetTensorData<T>(), count());
  }

  const T* Data() const { return is_input_ ? span_.data() : data_; }
  // The memory of an output of these dims.
  T* Allocate(const std::vector<int64_t>& shape) {
    shape_ = shape;
    if (data_ == nullptr) {
      data_ = context_.GetOutput(index_, shape).template GetTensorMutableData<T>();
    }
    return data_;
  }
  const Span<T>& AsSpan() const {
    if (Shape().size() != 1) refuse("is no list: it has not one dim");
    return span_;
  }
  const T& AsScalar() const {
    if (Shape().size() > 1 || count() != 1) refuse("is no scalar: it has not one element");
    return *Data();
  }
  const void* DataRaw() const override { return Data(); }
  size_t SizeInBytes() const override { return count() * sizeof(T); }

 private:
  size_t count() const { return static_cast<size_t>(NumberOfElement()); }

  Span<T> span_;
  T* data_ = nullptr;
};

// String tensors: T is std::string or std::string_view.
template <class T>
class StringTensor : public TensorBase {
 public:
  StringTensor(OrtKernelContext* context, size_t index, bool is_input)
      : TensorBase(context, index, is_input) {
    if (is_input && *this) read();
  }

  const std::vector<T>& Data() const { return strings_; }
  const Span<T>& AsSpan() {
    if (Shape().size() != 1) refuse("is no list: it has not one dim");
    span_.Assign(strings_.data(), strings_.size());
    return span_;
  }
  const T& AsScalar() const {
    if (Shape().size() > 1 || strings_.size() != 1) refuse("is no scalar: it has not one element");
    return strings_[0];
  }
  void SetStringOutput(const std::vector<std::string>& strings, const std::vector<int64_t>& shape) {
    std::vector<const char*> texts;
    texts.reserve(strings.size());
    for (const std::string& each : strings) texts.push_back(each.c_str());
    SetStringOutput(texts, shape);
  }
  void SetStringOutput(const std::vector<const char*>& texts, const std::vector<int64_t>& shape) {
    shape_ = shape;
    context_.GetOutput(index_, shape).FillStringTensor(texts.data(), texts.size());
  }
  const void* DataRaw() const override {
    return strings_.size() == 1 ? strings_[0].data() : nullptr;
  }
  size_t SizeInBytes() const override { return strings_.size() == 1 ? strings_[0].size() : 0; }

 private:
  void read() {
    const auto count = static_cast<size_t>(NumberOfElement());
    auto text = std::make_shared<std::string>(value_.GetStringTensorDataLength(), '\0');
    std::vector<size_t> offsets(count + 1, text->size());
    value_.GetStringTensorContent(text->data(), text->size(), offsets.data(), count);
    for (size_t i = 0; i < count; ++i) {
      strings_.emplace_back(text->data() + offsets[i], offsets[i + 1] - offsets[i]);
    }
    text_ = std::move(text);
  }

  std::shared_ptr<const std::string> text_;  // what views look at
  std::vector<T> strings_;
  Span<T> span_;
};
template <>
class Tensor<std::string> : public StringTensor<std::string> {
  using StringTensor::StringTensor;
};
template <>
class Tensor<std::string_view> : public StringTensor<std::string_view> {
  using StringTensor::StringTensor;
};

using TensorPtr = std::shared_ptr<TensorBase>;

// All inputs, or all outputs, from one on. Inputs are Tensors of their types.
class TensorArray {
 public:
  TensorArray(OrtKernelContext* context, size_t first, bool is_input)
      : context_(context), first_(first) {
    const KernelContext call(context);
    if (!is_input) {
      tensors_.resize(call.GetOutputCount() - first);
      return;
    }
    for (size_t i = first; i < call.GetInputCount(); ++i) {
      tensors_.push_back(read(i, call.GetInput(i).GetTensorTypeAndShapeInfo().GetElementType()));
    }
  }

  size_t Size() const { return tensors_.size(); }
  const TensorPtr& operator[](size_t index) const { return tensors_.at(index); }
  template <class T>
  T* AllocateOutput(size_t index, const std::vector<int64_t>& shape) {
    auto tensor = std::make_shared<Tensor<T>>(context_, first_ + index, false);
    T* data = tensor->Allocate(shape);
    tensors_.at(index) = std::move(tensor);
    return data;
  }
  Tensor<std::string>& AllocateStringTensor(size_t index) {
    auto tensor = std::make_shared<Tensor<std::string>>(context_, first_ + index, false);
    tensors_.at(index) = tensor;
    return *tensor;
  }

 private:
  // The Tensor whose element is the first of these types that is the one asked for.
  template <class... Types>
  TensorPtr read_one_of(size_t index, ONNXTensorElementDataType type) const {
    TensorPtr found;
    static_cast<void>(((TypeToTensorType<Types>::type == type &&
                        (found = std::make_shared<Tensor<Types>>(context_, index, true))) ||
                       ...));
    if (found == nullptr) {
      detail::refuse("input " + std::to_string(index) + " is of element type " +
                     std::to_string(type) + ", which custom operators do not take");
    }
    return found;
  }
  TensorPtr read(size_t index, ONNXTensorElementDataType type) const {
    return read_one_of<float, double, Float16_t, BFloat16_t, int8_t, int16_t, int32_t, int64_t,
                       uint8_t, uint16_t, uint32_t, uint64_t, bool, std::string>(index, type);
  }

  OrtKernelContext* context_;
  size_t first_;
  std::vector<TensorPtr> tensors_;
};
using Variadic = TensorArray;

namespace parameters {

// What the parameters of a function declare.
struct Declaration {
  using Characteristic = OrtCustomOpInputOutputCharacteristic;
  struct Entry {
    ONNXTensorElementDataType type;
    Characteristic characteristic;
  };
  std::vector<Entry> inputs, outputs;
};

// Where the next parameter's input or output is.
struct Place {
  OrtKernelContext* context;
  size_t input = 0, output = 0;
};

template <class T>
constexpr ONNXTensorElementDataType element_type() {
  if constexpr (std::is_same_v<T, std::string_view>) {
    return ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING;
  } else {
    return TypeToTensorType<T>::type;
  }
}

template <class T, bool kIsInput>
struct TensorSlot {
  static void declare(Declaration& all, Declaration::Characteristic characteristic) {
    (kIsInput ? all.inputs : all.outputs).push_back({element_type<T>(), characteristic});
  }
  explicit TensorSlot(Place& place)
      : tensor(place.context, kIsInput ? place.input++ : place.output++, kIsInput) {}
  Tensor<T> tensor;
};
template <class T>
using In = TensorSlot<T, true>;
template <class T>
using Out = TensorSlot<T, false>;

// One parameter: what it declares, and its argument for a call. The primary is of scalars.
template <class P>
struct Parameter : In<P> {
  static_assert(std::is_arithmetic_v<P> || std::is_same_v<P, Float16_t> ||
                    std::is_same_v<P, BFloat16_t> || std::is_same_v<P, std::string> ||
                    std::is_same_v<P, std::string_view>,
                "no parameter of a custom operator: see the head of onnxruntime_lite_custom_op.h");
  using In<P>::In;
  static void declare(Declaration& all) { In<P>::declare(all, INPUT_OUTPUT_REQUIRED); }
  P get() { return this->tensor.AsScalar(); }
};
template <class T>
struct Parameter<std::optional<T>> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_OPTIONAL); }
  std::optional<T> get() {
    return this->tensor ? std::optional<T>(this->tensor.AsScalar()) : std::nullopt;
  }
};
template <class T>
struct Parameter<const Tensor<T>&> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  const Tensor<T>& get() { return this->tensor; }
};
template <class T>
struct Parameter<const Tensor<T>*> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  const Tensor<T>* get() { return &this->tensor; }
};
template <class T>
struct Parameter<std::optional<const Tensor<T>*>> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_OPTIONAL); }
  std::optional<const Tensor<T>*> get() {
    return this->tensor ? std::optional<const Tensor<T>*>(&this->tensor) : std::nullopt;
  }
};
template <class T>
struct Parameter<const Span<T>&> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  const Span<T>& get() { return this->tensor.AsSpan(); }
};
template <class T>
struct Parameter<const Span<T>*> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  const Span<T>* get() { return &this->tensor.AsSpan(); }
};
template <>
struct Parameter<const std::string&> : In<std::string> {
  using In<std::string>::In;
  static void declare(Declaration& all) { In<std::string>::declare(all, INPUT_OUTPUT_REQUIRED); }
  const std::string& get() { return tensor.AsScalar(); }
};
template <class T>
struct Parameter<std::optional<const Span<T>*>> : In<T> {
  using In<T>::In;
  static void declare(Declaration& all) { In<T>::declare(all, INPUT_OUTPUT_OPTIONAL); }
  std::optional<const Span<T>*> get() {
    return this->tensor ? std::optional<const Span<T>*>(&this->tensor.AsSpan()) : std::nullopt;
  }
};
template <class T>
struct Parameter<Tensor<T>&> : Out<T> {
  using Out<T>::Out;
  static void declare(Declaration& all) { Out<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  Tensor<T>& get() { return this->tensor; }
};
template <class T>
struct Parameter<Tensor<T>*> : Out<T> {
  using Out<T>::Out;
  static void declare(Declaration& all) { Out<T>::declare(all, INPUT_OUTPUT_REQUIRED); }
  Tensor<T>* get() { return &this->tensor; }
};
template <class T>
struct Parameter<std::optional<Tensor<T>*>> : Out<T> {
  explicit Parameter(Place& place)
      : Out<T>(place), is_wanted(place.output <= KernelContext(place.context).GetOutputCount()) {}
  static void declare(Declaration& all) { Out<T>::declare(all, INPUT_OUTPUT_OPTIONAL); }
  std::optional<Tensor<T>*> get() {
    return is_wanted ? std::optional<Tensor<T>*>(&this->tensor) : std::nullopt;
  }
  bool is_wanted;
};

template <bool kIsInput>
struct ArraySlot {
  static void declare(Declaration& all) {
    (kIsInput ? all.inputs : all.outputs)
        .push_back({ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, INPUT_OUTPUT_VARIADIC});
  }
  explicit ArraySlot(Place& place)
      : array(place.context, kIsInput ? place.input : place.output, kIsInput) {}
  TensorArray array;
};
template <>
struct Parameter<const TensorArray&> : ArraySlot<true> {
  using ArraySlot::ArraySlot;
  const TensorArray& get() { return array; }
};
template <>
struct Parameter<TensorArray&> : ArraySlot<false> {
  using ArraySlot::ArraySlot;
  TensorArray& get() { return array; }
};
template <>
struct Parameter<const TensorArray*> : ArraySlot<true> {
  using ArraySlot::ArraySlot;
  const TensorArray* get() { return &array; }
};
template <>
struct Parameter<TensorArray*> : ArraySlot<false> {
  using ArraySlot::ArraySlot;
  TensorArray* get() { return &array; }
};
template <>
struct Parameter<OrtKernelContext*> {
  static void declare(Declaration&) {}
  explicit Parameter(Place& place) : context(place.context) {}
  OrtKernelContext* get() { return context; }
  OrtKernelContext* context;
};

// Calls a function with what its parameters ask of the call.
template <class... Ps, class Function>
Status call(Function& function, OrtKernelContext* context) {
  Place place{context};
  std::tuple<Parameter<Ps>...> slots{Parameter<Ps>(place)...};  // in this order
  return std::apply(
      [&](auto&... slot) {
        if constexpr (std::is_same_v<std::invoke_result_t<Function&, Ps...>, Status>) {
          return function(slot.get()...);
        } else {
          function(slot.get()...);
          return Status();
        }
      },
      slots);
}

}  // namespace parameters

// A custom operator as CreateLiteCustomOp makes it.
struct OrtLiteCustomOp : OrtCustomOp {
  using Compute = std::function<Status(OrtKernelContext*)>;
  using MakeKernel = std::function<Compute(const OrtApi*, const OrtKernelInfo*)>;
  using InferShapes = std::function<Status(ShapeInferContext&)>;

  OrtLiteCustomOp(const char* name, const char* provider, parameters::Declaration declaration,
                  MakeKernel make_kernel, InferShapes infer_shapes, int start_version,
                  int end_version)
      : OrtCustomOp{},
        name_(name),
        provider_(provider),
        declaration_(std::move(declaration)),
        make_kernel_(std::move(make_kernel)),
        infer_shapes_(std::move(infer_shapes)),
        start_version_(start_version),
        end_version_(end_version) {
    version = ORT_API_VERSION;
    describe();
    OrtCustomOp::CreateKernelV2 = [](const OrtCustomOp* op, const OrtApi* api,
                                     const OrtKernelInfo* info, void** kernel) {
      return guarded([&] {
        *kernel = new Compute(self(op).make_kernel_(api, info));
        return Status();
      });
    };
    OrtCustomOp::KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
      return guarded([&] { return (*static_cast<Compute*>(kernel))(context); });
    };
    OrtCustomOp::KernelDestroy = [](void* kernel) { delete static_cast<Compute*>(kernel); };
    if (infer_shapes_ == nullptr) return;
    OrtCustomOp::InferOutputShapeFn = [](const OrtCustomOp* op, OrtShapeInferContext* handle) {
      return guarded([&] {
        ShapeInferContext context(&GetApi(), handle);
        return self(op).infer_shapes_(context);
      });
    };
  }

 private:
  static const OrtLiteCustomOp& self(const OrtCustomOp* op) {
    return *static_cast<const OrtLiteCustomOp*>(op);
  }
  // No exception leaves for the library, which is called by C.
  template <class Body>
  static OrtStatusPtr guarded(Body body) {
#ifdef ORT_NO_EXCEPTIONS
    return body().release();
#else
    try {
      return body().release();
    } catch (const Exception& error) {
      return Status(error).release();
    } catch (const std::exception& error) {
      return Status(error).release();
    }
#endif
  }

  void describe() {
    OrtCustomOp::GetName = [](const OrtCustomOp* op) { return self(op).name_.c_str(); };
    OrtCustomOp::GetExecutionProviderType = [](const OrtCustomOp* op) {
      return self(op).provider_.c_str();
    };
    OrtCustomOp::GetInputTypeCount = [](const OrtCustomOp* op) {
      return self(op).declaration_.inputs.size();
    };
    OrtCustomOp::GetInputType = [](const OrtCustomOp* op, size_t index) {
      return self(op).declaration_.inputs[index].type;
    };
    OrtCustomOp::GetInputCharacteristic = [](const OrtCustomOp* op, size_t index) {
      return self(op).declaration_.inputs[index].characteristic;
    };
    OrtCustomOp::GetInputMemoryType = [](const OrtCustomOp*, size_t) { return OrtMemTypeDefault; };
    OrtCustomOp::GetOutputTypeCount = [](const OrtCustomOp* op) {
      return self(op).declaration_.outputs.size();
    };
    OrtCustomOp::GetOutputType = [](const OrtCustomOp* op, size_t index) {
      return self(op).declaration_.outputs[index].type;
    };
    OrtCustomOp::GetOutputCharacteristic = [](const OrtCustomOp* op, size_t index) {
      return self(op).declaration_.outputs[index].characteristic;
    };
    OrtCustomOp::GetVariadicInputMinArity = [](const OrtCustomOp*) { return 1; };
    OrtCustomOp::GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 0; };
    OrtCustomOp::GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 1; };
    OrtCustomOp::GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 0; };
    OrtCustomOp::GetStartVersion = [](const OrtCustomOp* op) { return self(op).start_version_; };
    OrtCustomOp::GetEndVersion = [](const OrtCustomOp* op) { return self(op).end_version_; };
  }

  std::string name_, provider_;
  parameters::Declaration declaration_;
  MakeKernel make_kernel_;
  InferShapes infer_shapes_;
  int start_version_, end_version_;
};

namespace parameters {

template <class... Ps>
Declaration declaration_of() {
  Declaration declared;
  (Parameter<Ps>::declare(declared), ...);
  return declared;
}

template <class Result, class... Ps>
OrtLiteCustomOp* op_of_function(const char* name, const char* provider, Result (*function)(Ps...),
                                OrtLiteCustomOp::InferShapes infer, int start, int end) {
  const auto make_kernel = [function](const OrtApi*, const OrtKernelInfo*) {
    return [function](OrtKernelContext* context) { return call<Ps...>(*function, context); };
  };
  return new OrtLiteCustomOp(name, provider, declaration_of<Ps...>(), make_kernel, std::move(infer),
                             start, end);
}

template <class Op, class = void>
struct StructRule {
  static OrtLiteCustomOp::InferShapes function() { return nullptr; }
};
template <class Op>
struct StructRule<Op, std::void_t<decltype(&Op::InferOutputShape)>> {
  static OrtLiteCustomOp::InferShapes function() { return &Op::InferOutputShape; }
};

// `method` is Op::Compute, whose form says the parameters.
template <class Op, class... Ps, class Method>
OrtLiteCustomOp* op_of_struct(const char* name, const char* provider, Method method, int start,
                              int end) {
  const auto make_kernel = [method](const OrtApi* api, const OrtKernelInfo* info) {
    return [method, op = std::make_shared<Op>(api, info)](OrtKernelContext* context) {
      const auto compute = [&](Ps... arguments) {
        return ((*op).*method)(std::forward<Ps>(arguments)...);
      };
      return call<Ps...>(compute, context);
    };
  };
  return new OrtLiteCustomOp(name, provider, declaration_of<Ps...>(), make_kernel,
                             StructRule<Op>::function(), start, end);
}
template <class Op, class Result, class... Ps>
OrtLiteCustomOp* op_of_method(const char* name, const char* provider,
                              Result (Op::*method)(Ps...) const, int start, int end) {
  return op_of_struct<Op, Ps...>(name, provider, method, start, end);
}
template <class Op, class Result, class... Ps>
OrtLiteCustomOp* op_of_method(const char* name, const char* provider, Result (Op::*method)(Ps...),
                              int start, int end) {
  return op_of_struct<Op, Ps...>(name, provider, method, start, end);
}

}  // namespace parameters

using ShapeInferFn = Status (*)(ShapeInferContext&);

// An operator that calls the function.
template <class Result, class... Ps>
OrtLiteCustomOp* CreateLiteCustomOp(const char* name, const char* provider,
                                    Result (*function)(Ps...), ShapeInferFn infer = nullptr,
                                    int start_version = 1,
                                    int end_version = static_cast<int>(MAX_CUSTOM_OP_END_VER)) {
  return parameters::op_of_function(name, provider, function, infer, start_version, end_version);
}

// An operator that makes an Op(const OrtApi*, const OrtKernelInfo*) for each node and calls its
// Compute; Op may have `static Ort::Status InferOutputShape(Ort::ShapeInferContext&)`.
template <class Op>
OrtLiteCustomOp* CreateLiteCustomOp(const char* name, const char* provider, int start_version = 1,
                                    int end_version = static_cast<int>(MAX_CUSTOM_OP_END_VER)) {
  return parameters::op_of_method(name, provider, &Op::Compute, start_version, end_version);
}

}  // namespace Custom
}  // namespace Ort
