// The C++ wrapper's types: what is declared of inputs, outputs and values. Part of
// onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <vector>

#include "onnxruntime_cxx_base.h"

namespace Ort {

struct TypeInfo;

namespace detail {

template <class T>
struct TensorTypeAndShapeInfoImpl : Base<T> {
  using Base<T>::Base;

  ONNXTensorElementDataType GetElementType() const {
    ONNXTensorElementDataType type;
    ThrowOnError(GetApi().GetTensorElementType(this->p_, &type));
    return type;
  }
  size_t GetElementCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().GetTensorShapeElementCount(this->p_, &count));
    return count;
  }
  size_t GetDimensionsCount() const {
    size_t count = 0;
    ThrowOnError(GetApi().GetDimensionsCount(this->p_, &count));
    return count;
  }
  void GetDimensions(int64_t* dims, size_t count) const {
    ThrowOnError(GetApi().GetDimensions(this->p_, dims, count));
  }
  void GetSymbolicDimensions(const char** names, size_t count) const {
    ThrowOnError(GetApi().GetSymbolicDimensions(this->p_, names, count));
  }
  // Names of the dims; "" for one that has none.
  std::vector<const char*> GetSymbolicDimensions() const {
    std::vector<const char*> names(GetDimensionsCount(), nullptr);
    GetSymbolicDimensions(names.data(), names.size());
    return names;
  }
  // -1: a dim that is free.
  std::vector<int64_t> GetShape() const {
    std::vector<int64_t> shape(GetDimensionsCount(), 0);
    GetDimensions(shape.data(), shape.size());
    return shape;
  }
  bool HasShape() const { return GetApi().TensorTypeAndShape_HasShape(this->p_); }
};

template <class T>
struct SequenceTypeInfoImpl : Base<T> {
  using Base<T>::Base;
  TypeInfo GetSequenceElementType() const;
};

template <class T>
struct OptionalTypeInfoImpl : Base<T> {
  using Base<T>::Base;
  TypeInfo GetOptionalElementType() const;
};

template <class T>
struct MapTypeInfoImpl : Base<T> {
  using Base<T>::Base;
  ONNXTensorElementDataType GetMapKeyType() const {
    ONNXTensorElementDataType type;
    ThrowOnError(GetApi().GetMapKeyType(this->p_, &type));
    return type;
  }
  TypeInfo GetMapValueType() const;
};

}  // namespace detail

using ConstTensorTypeAndShapeInfo =
    detail::TensorTypeAndShapeInfoImpl<detail::Unowned<const OrtTensorTypeAndShapeInfo>>;
using ConstSequenceTypeInfo =
    detail::SequenceTypeInfoImpl<detail::Unowned<const OrtSequenceTypeInfo>>;
using ConstOptionalTypeInfo =
    detail::OptionalTypeInfoImpl<detail::Unowned<const OrtOptionalTypeInfo>>;
using ConstMapTypeInfo = detail::MapTypeInfoImpl<detail::Unowned<const OrtMapTypeInfo>>;

struct TensorTypeAndShapeInfo : detail::TensorTypeAndShapeInfoImpl<OrtTensorTypeAndShapeInfo> {
  TensorTypeAndShapeInfo() = default;
  explicit TensorTypeAndShapeInfo(std::nullptr_t) {}
  explicit TensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo* info)
      : TensorTypeAndShapeInfoImpl(info) {}
  // `symbolic_dims`: as many as dims, "" for one without a name; or null.
  explicit TensorTypeAndShapeInfo(ONNXTensorElementDataType element_type,
                                  const std::vector<int64_t>& dims,
                                  const std::vector<std::string>* symbolic_dims = nullptr) {
    ThrowOnError(GetApi().CreateTensorTypeAndShapeInfo(&p_));
    ThrowOnError(GetApi().SetTensorElementType(p_, element_type));
    ThrowOnError(GetApi().SetDimensions(p_, dims.data(), dims.size()));
    if (symbolic_dims == nullptr) return;
    std::vector<const char*> names;
    for (const std::string& name : *symbolic_dims) names.push_back(name.c_str());
    ThrowOnError(GetApi().SetSymbolicDimensions(p_, names.data(), names.size()));
  }
  ConstTensorTypeAndShapeInfo GetConst() const { return ConstTensorTypeAndShapeInfo(p_); }
};

struct SequenceTypeInfo : detail::SequenceTypeInfoImpl<OrtSequenceTypeInfo> {
  explicit SequenceTypeInfo(std::nullptr_t) {}
  explicit SequenceTypeInfo(OrtSequenceTypeInfo* info) : SequenceTypeInfoImpl(info) {}
  ConstSequenceTypeInfo GetConst() const { return ConstSequenceTypeInfo(p_); }
};

struct MapTypeInfo : detail::MapTypeInfoImpl<OrtMapTypeInfo> {
  explicit MapTypeInfo(std::nullptr_t) {}
  explicit MapTypeInfo(OrtMapTypeInfo* info) : MapTypeInfoImpl(info) {}
  ConstMapTypeInfo GetConst() const { return ConstMapTypeInfo(p_); }
};

namespace detail {

// The views that a TypeInfo gives of itself are null where it is of another kind.
template <class T>
struct TypeInfoImpl : Base<T> {
  using Base<T>::Base;

  ONNXType GetONNXType() const {
    ONNXType type;
    ThrowOnError(GetApi().GetOnnxTypeFromTypeInfo(this->p_, &type));
    return type;
  }
  ConstTensorTypeAndShapeInfo GetTensorTypeAndShapeInfo() const {
    const OrtTensorTypeAndShapeInfo* info = nullptr;
    ThrowOnError(GetApi().CastTypeInfoToTensorInfo(this->p_, &info));
    return ConstTensorTypeAndShapeInfo(info);
  }
  ConstSequenceTypeInfo GetSequenceTypeInfo() const {
    const OrtSequenceTypeInfo* info = nullptr;
    ThrowOnError(GetApi().CastTypeInfoToSequenceTypeInfo(this->p_, &info));
    return ConstSequenceTypeInfo(info);
  }
  ConstMapTypeInfo GetMapTypeInfo() const {
    const OrtMapTypeInfo* info = nullptr;
    ThrowOnError(GetApi().CastTypeInfoToMapTypeInfo(this->p_, &info));
    return ConstMapTypeInfo(info);
  }
  ConstOptionalTypeInfo GetOptionalTypeInfo() const {
    const OrtOptionalTypeInfo* info = nullptr;
    ThrowOnError(GetApi().CastTypeInfoToOptionalTypeInfo(this->p_, &info));
    return ConstOptionalTypeInfo(info);
  }
};

}  // namespace detail

using ConstTypeInfo = detail::TypeInfoImpl<detail::Unowned<const OrtTypeInfo>>;

struct TypeInfo : detail::TypeInfoImpl<OrtTypeInfo> {
  TypeInfo() = default;
  explicit TypeInfo(std::nullptr_t) {}
  explicit TypeInfo(OrtTypeInfo* info) : TypeInfoImpl(info) {}

  static TypeInfo CreateTensorInfo(ConstTensorTypeAndShapeInfo info) {
    OrtTypeInfo* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateTensorTypeInfo(info, &made));
    return TypeInfo(made);
  }
  static TypeInfo CreateSparseTensorInfo(ConstTensorTypeAndShapeInfo info) {
    OrtTypeInfo* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateSparseTensorTypeInfo(info, &made));
    return TypeInfo(made);
  }
  static TypeInfo CreateSequenceTypeInfo(ConstTypeInfo element) {
    OrtTypeInfo* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateSequenceTypeInfo(element, &made));
    return TypeInfo(made);
  }
  static TypeInfo CreateMapTypeInfo(ONNXTensorElementDataType key, ConstTypeInfo value) {
    OrtTypeInfo* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateMapTypeInfo(key, value, &made));
    return TypeInfo(made);
  }
  static TypeInfo CreateOptionalTypeInfo(ConstTypeInfo contained) {
    OrtTypeInfo* made = nullptr;
    ThrowOnError(GetModelEditorApi().CreateOptionalTypeInfo(contained, &made));
    return TypeInfo(made);
  }
  ConstTypeInfo GetConst() const { return ConstTypeInfo(p_); }
};

namespace detail {

template <class T>
TypeInfo SequenceTypeInfoImpl<T>::GetSequenceElementType() const {
  OrtTypeInfo* element = nullptr;
  ThrowOnError(GetApi().GetSequenceElementType(this->p_, &element));
  return TypeInfo(element);
}

template <class T>
TypeInfo OptionalTypeInfoImpl<T>::GetOptionalElementType() const {
  OrtTypeInfo* element = nullptr;
  ThrowOnError(GetApi().GetOptionalContainedTypeInfo(this->p_, &element));
  return TypeInfo(element);
}

template <class T>
TypeInfo MapTypeInfoImpl<T>::GetMapValueType() const {
  OrtTypeInfo* value = nullptr;
  ThrowOnError(GetApi().GetMapValueType(this->p_, &value));
  return TypeInfo(value);
}

}  // namespace detail
}  // namespace Ort
