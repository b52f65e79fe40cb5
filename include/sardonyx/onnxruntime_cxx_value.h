// The C++ wrapper's values: tensors, sparse tensors, sequences, maps, optionals. Part of
// onnxruntime_cxx_api.h.
#pragma once

#include <string>
#include <vector>

#include "onnxruntime_cxx_memory.h"
#include "onnxruntime_cxx_types.h"

namespace Ort {

struct Value;

namespace detail {

// The dims and the place of a sparse tensor's values. A string tensor has `str` for its data.
struct OrtSparseValuesParam {
  const int64_t* values_shape;
  size_t values_shape_len;
  union {
    const void* p_data;
    const char** str;
  } data;
};

struct Shape {
  const int64_t* shape;
  size_t shape_len;
};

template <class T>
struct ConstValueImpl : Base<T> {
  using Base<T>::Base;

  bool IsTensor() const { return flag(&OrtApi::IsTensor); }
  bool IsSparseTensor() const { return flag(&OrtApi::IsSparseTensor); }
  // False for an optional that holds nothing.
  bool HasValue() const { return flag(&OrtApi::HasValue); }
  // Elements of a sequence; 2 for a map, which are its keys and its values.
  size_t GetCount() const { return number(&OrtApi::GetValueCount); }
  Value GetValue(int index, OrtAllocator* allocator) const;
  TypeInfo GetTypeInfo() const {
    OrtTypeInfo* info = nullptr;
    ThrowOnError(GetApi().GetTypeInfo(this->p_, &info));
    return TypeInfo(info);
  }
  TensorTypeAndShapeInfo GetTensorTypeAndShapeInfo() const {
    OrtTensorTypeAndShapeInfo* info = nullptr;
    ThrowOnError(GetApi().GetTensorTypeAndShape(this->p_, &info));
    return TensorTypeAndShapeInfo(info);
  }
  void GetTensorElementTypeAndShapeDataReference(ONNXTensorElementDataType& type,
                                                 Shape& shape) const {
    ThrowOnError(GetApi().GetTensorElementTypeAndShapeDataReference(this->p_, &type, &shape.shape,
                                                                    &shape.shape_len));
  }
  ConstMemoryInfo GetTensorMemoryInfo() const {
    const OrtMemoryInfo* info = nullptr;
    ThrowOnError(GetApi().GetTensorMemoryInfo(this->p_, &info));
    return ConstMemoryInfo(info);
  }

  template <class R>
  const R* GetTensorData() const {
    return static_cast<const R*>(GetTensorRawData());
  }
  const void* GetTensorRawData() const {
    const void* data = nullptr;
    ThrowOnError(GetApi().GetTensorData(this->p_, &data));
    return data;
  }
  size_t GetTensorSizeInBytes() const { return number(&OrtApi::GetTensorSizeInBytes); }

  // All strings of a tensor as one text without separators, and where each begins.
  size_t GetStringTensorDataLength() const { return number(&OrtApi::GetStringTensorDataLength); }
  void GetStringTensorContent(void* buffer, size_t length, size_t* offsets, size_t count) const {
    ThrowOnError(GetApi().GetStringTensorContent(this->p_, buffer, length, offsets, count));
  }
  size_t GetStringTensorElementLength(size_t index) const {
    size_t length = 0;
    ThrowOnError(GetApi().GetStringTensorElementLength(this->p_, index, &length));
    return length;
  }
  void GetStringTensorElement(size_t length, size_t index, void* buffer) const {
    ThrowOnError(GetApi().GetStringTensorElement(this->p_, length, index, buffer));
  }
  std::string GetStringTensorElement(size_t index) const {
    std::string text(GetStringTensorElementLength(index), '\0');
    GetStringTensorElement(text.size(), index, text.data());
    return text;
  }

  OrtSparseFormat GetSparseFormat() const {
    OrtSparseFormat format;
    ThrowOnError(GetApi().GetSparseTensorFormat(this->p_, &format));
    return format;
  }
  TensorTypeAndShapeInfo GetSparseTensorValuesTypeAndShapeInfo() const {
    OrtTensorTypeAndShapeInfo* info = nullptr;
    ThrowOnError(GetApi().GetSparseTensorValuesTypeAndShape(this->p_, &info));
    return TensorTypeAndShapeInfo(info);
  }
  TensorTypeAndShapeInfo GetSparseTensorIndicesTypeShapeInfo(OrtSparseIndicesFormat format) const {
    OrtTensorTypeAndShapeInfo* info = nullptr;
    ThrowOnError(GetApi().GetSparseTensorIndicesTypeShape(this->p_, format, &info));
    return TensorTypeAndShapeInfo(info);
  }
  template <class R>
  const R* GetSparseTensorIndicesData(OrtSparseIndicesFormat format, size_t& count) const {
    const void* data = nullptr;
    ThrowOnError(GetApi().GetSparseTensorIndices(this->p_, format, &count, &data));
    return static_cast<const R*>(data);
  }
  template <class R>
  const R* GetSparseTensorValues() const {
    const void* data = nullptr;
    ThrowOnError(GetApi().GetSparseTensorValues(this->p_, &data));
    return static_cast<const R*>(data);
  }

  template <class R>
  void GetOpaqueData(const char* domain, const char* type_name, R& out) const {
    ThrowOnError(GetApi().GetOpaqueValue(domain, type_name, this->p_, &out, sizeof out));
  }

 private:
  template <class Entry>
  bool flag(Entry entry) const {
    int answer = 0;
    ThrowOnError((GetApi().*entry)(this->p_, &answer));
    return answer != 0;
  }
  template <class Entry>
  size_t number(Entry entry) const {
    size_t answer = 0;
    ThrowOnError((GetApi().*entry)(this->p_, &answer));
    return answer;
  }
};

template <class T>
struct ValueImpl : ConstValueImpl<T> {
  using ConstValueImpl<T>::ConstValueImpl;

  template <class R>
  R* GetTensorMutableData() {
    return static_cast<R*>(GetTensorMutableRawData());
  }
  void* GetTensorMutableRawData() {
    void* data = nullptr;
    ThrowOnError(GetApi().GetTensorMutableData(this->p_, &data));
    return data;
  }
  // The element at these indices, one for each dim.
  template <class R>
  R& At(const std::vector<int64_t>& location) {
    void* element = nullptr;
    ThrowOnError(GetApi().TensorAt(this->p_, location.data(), location.size(), &element));
    return *static_cast<R*>(element);
  }

  void FillStringTensor(const char* const* texts, size_t count) {
    ThrowOnError(GetApi().FillStringTensor(this->p_, texts, count));
  }
  void FillStringTensorElement(const char* text, size_t index) {
    ThrowOnError(GetApi().FillStringTensorElement(this->p_, text, index));
  }
  // Where the caller writes a string of `length` bytes.
  char* GetResizedStringTensorElementBuffer(size_t index, size_t length) {
    char* buffer = nullptr;
    ThrowOnError(GetApi().GetResizedStringTensorElementBuffer(this->p_, index, length, &buffer));
    return buffer;
  }

  void UseCooIndices(int64_t* indices, size_t count) {
    ThrowOnError(GetApi().UseCooIndices(this->p_, indices, count));
  }
  void UseCsrIndices(int64_t* inner, size_t inner_count, int64_t* outer, size_t outer_count) {
    ThrowOnError(GetApi().UseCsrIndices(this->p_, inner, inner_count, outer, outer_count));
  }
  void UseBlockSparseIndices(const Shape& shape, int32_t* indices) {
    ThrowOnError(GetApi().UseBlockSparseIndices(this->p_, shape.shape, shape.shape_len, indices));
  }
  void FillSparseTensorCoo(const OrtMemoryInfo* info, const OrtSparseValuesParam& values,
                           const int64_t* indices, size_t count) {
    ThrowOnError(GetApi().FillSparseTensorCoo(this->p_, info, values.values_shape,
                                              values.values_shape_len, values.data.p_data, indices,
                                              count));
  }
  void FillSparseTensorCsr(const OrtMemoryInfo* info, const OrtSparseValuesParam& values,
                           const int64_t* inner, size_t inner_count, const int64_t* outer,
                           size_t outer_count) {
    ThrowOnError(GetApi().FillSparseTensorCsr(this->p_, info, values.values_shape,
                                              values.values_shape_len, values.data.p_data, inner,
                                              inner_count, outer, outer_count));
  }
  void FillSparseTensorBlockSparse(const OrtMemoryInfo* info, const OrtSparseValuesParam& values,
                                   const Shape& indices_shape, const int32_t* indices) {
    ThrowOnError(GetApi().FillSparseTensorBlockSparse(
        this->p_, info, values.values_shape, values.values_shape_len, values.data.p_data,
        indices_shape.shape, indices_shape.shape_len, indices));
  }
};

}  // namespace detail

using ConstValue = detail::ConstValueImpl<detail::Unowned<const OrtValue>>;
using UnownedValue = detail::ValueImpl<detail::Unowned<OrtValue>>;

struct Value : detail::ValueImpl<OrtValue> {
  using Shape = detail::Shape;
  using OrtSparseValuesParam = detail::OrtSparseValuesParam;

  Value() = default;
  explicit Value(std::nullptr_t) {}
  explicit Value(OrtValue* value) : ValueImpl(value) {}
  ConstValue GetConst() const { return ConstValue(p_); }
  UnownedValue GetUnowned() const { return UnownedValue(p_); }

  // A tensor over the caller's memory, which outlives it.
  template <class T>
  static Value CreateTensor(const OrtMemoryInfo* info, T* data, size_t count, const int64_t* shape,
                            size_t rank) {
    return CreateTensor(info, data, count * sizeof(T), shape, rank, TypeToTensorType<T>::type);
  }
  static Value CreateTensor(const OrtMemoryInfo* info, void* data, size_t bytes,
                            const int64_t* shape, size_t rank, ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    ThrowOnError(
        GetApi().CreateTensorWithDataAsOrtValue(info, data, bytes, shape, rank, type, &made));
    return Value(made);
  }
  // The same, with memory that `deleter` frees when the value goes.
  static Value CreateTensor(OrtAllocator* deleter, void* data, size_t bytes, const int64_t* shape,
                            size_t rank, ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateTensorWithDataAndDeleterAsOrtValue(deleter, data, bytes, shape,
                                                                   rank, type, &made));
    return Value(made);
  }
  // A tensor in memory of the allocator's.
  template <class T>
  static Value CreateTensor(OrtAllocator* allocator, const int64_t* shape, size_t rank) {
    return CreateTensor(allocator, shape, rank, TypeToTensorType<T>::type);
  }
  static Value CreateTensor(OrtAllocator* allocator, const int64_t* shape, size_t rank,
                            ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateTensorAsOrtValue(allocator, shape, rank, type, &made));
    return Value(made);
  }

  static Value CreateMap(const Value& keys, const Value& values) {
    const OrtValue* parts[] = {keys, values};
    return create(parts, 2, ONNX_TYPE_MAP);
  }
  static Value CreateSequence(const std::vector<Value>& elements) {
    const std::vector<const OrtValue*> parts(elements.begin(), elements.end());
    return create(parts.data(), parts.size(), ONNX_TYPE_SEQUENCE);
  }
  template <class T>
  static Value CreateOpaque(const char* domain, const char* type_name, const T& data) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateOpaqueValue(domain, type_name, &data, sizeof data, &made));
    return Value(made);
  }

  template <class T>
  static Value CreateSparseTensor(const OrtMemoryInfo* info, T* data, const Shape& dense_shape,
                                  const Shape& values_shape) {
    return CreateSparseTensor(info, data, dense_shape, values_shape, TypeToTensorType<T>::type);
  }
  static Value CreateSparseTensor(const OrtMemoryInfo* info, void* data, const Shape& dense_shape,
                                  const Shape& values_shape, ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateSparseTensorWithValuesAsOrtValue(
        info, data, dense_shape.shape, dense_shape.shape_len, values_shape.shape,
        values_shape.shape_len, type, &made));
    return Value(made);
  }
  template <class T>
  static Value CreateSparseTensor(OrtAllocator* allocator, const Shape& dense_shape) {
    return CreateSparseTensor(allocator, dense_shape, TypeToTensorType<T>::type);
  }
  static Value CreateSparseTensor(OrtAllocator* allocator, const Shape& dense_shape,
                                  ONNXTensorElementDataType type) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateSparseTensorAsOrtValue(allocator, dense_shape.shape,
                                                       dense_shape.shape_len, type, &made));
    return Value(made);
  }

 private:
  static Value create(const OrtValue* const* parts, size_t count, ONNXType type) {
    OrtValue* made = nullptr;
    ThrowOnError(GetApi().CreateValue(parts, count, type, &made));
    return Value(made);
  }
};

template <class T>
Value detail::ConstValueImpl<T>::GetValue(int index, OrtAllocator* allocator) const {
  OrtValue* element = nullptr;
  ThrowOnError(GetApi().GetValue(this->p_, index, allocator, &element));
  return Value(element);
}

}  // namespace Ort
