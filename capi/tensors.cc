// Tensors: in the client's memory, in an allocator's, and what can be asked of them.
#include "capi/door.h"
#include "capi/memory.h"
#include "capi/tables.h"
#include "capi/types.h"
#include "capi/values.h"

namespace sardonyx::capi {
namespace {

Result<DType> tensor_dtype(ONNXTensorElementDataType type) {
  const DType dtype = dtype_of_element(type);
  if (dtype != DType::kUndefined) return dtype;
  return fail(Code::kNotImplemented, "tensor type {} is not supported", static_cast<int>(type));
}

Result<void> CreateTensorAsOrtValue(OrtAllocator* allocator, const int64_t* dims, size_t rank,
                                    ONNXTensorElementDataType type, OrtValue** out) {
  REQUIRE(allocator, out);
  const OrtMemoryInfo* info = allocator->Info(allocator);
  if (info != nullptr) TRY(check_cpu(*info, __func__));
  const Shape shape = TRY(shape_of(dims, rank));
  *out = make_value(TRY(allocate_tensor(allocator, TRY(tensor_dtype(type)), shape)));
  return {};
}

// A tensor over `bytes` bytes at `data`, which `owner` frees.
Result<Tensor> wrap_data(void* data, size_t bytes, const int64_t* dims, size_t rank,
                         ONNXTensorElementDataType type, std::shared_ptr<void> owner) {
  const DType dtype = TRY(tensor_dtype(type));
  if (dtype == DType::kString) {
    return fail(Code::kInvalidArgument,
                "strings cannot lie in the caller's memory; use CreateTensorAsOrtValue and "
                "FillStringTensor");
  }
  const Shape shape = TRY(shape_of(dims, rank));
  const size_t needed = dtype_bytes(dtype, static_cast<size_t>(shape.count()));
  if (bytes < needed) {
    return fail(Code::kInvalidArgument, "not enough space: expected {}, got {}", needed, bytes);
  }
  static std::max_align_t nothing;
  if (data == nullptr && needed != 0) {
    return fail(Code::kInvalidArgument, "the data is NULL, but the tensor has {} bytes", needed);
  }
  return Tensor::wrap(dtype, shape, data != nullptr ? data : &nothing, std::move(owner));
}

Result<void> CreateTensorWithDataAsOrtValue(const OrtMemoryInfo* info, void* data, size_t bytes,
                                            const int64_t* dims, size_t rank,
                                            ONNXTensorElementDataType type, OrtValue** out) {
  REQUIRE(info, out);
  TRY(check_cpu(*info, __func__));
  *out = make_value(TRY(wrap_data(data, bytes, dims, rank, type, nullptr)));
  (*out)->memory = *info;
  return {};
}

Result<void> CreateTensorWithDataAndDeleterAsOrtValue(OrtAllocator* deleter, void* data,
                                                      size_t bytes, const int64_t* dims,
                                                      size_t rank, ONNXTensorElementDataType type,
                                                      OrtValue** out) {
  REQUIRE(deleter, out);
  // The data stays the caller's until there is a value.
  const auto owned = std::make_shared<bool>(false);
  std::shared_ptr<void> owner(data, [deleter, owned](void* memory) {
    if (*owned && memory != nullptr) deleter->Free(deleter, memory);
  });
  *out = make_value(TRY(wrap_data(data, bytes, dims, rank, type, std::move(owner))));
  *owned = true;
  return {};
}

Result<void> IsTensor(const OrtValue* value, int* out) {
  REQUIRE(value, out);
  *out = tensor_in(value, __func__) ? 1 : 0;
  return {};
}

Result<void> HasValue(const OrtValue* value, int* out) {
  REQUIRE(value, out);
  *out = value->value.kind() != Value::Kind::kNone && value->value.has_value() ? 1 : 0;
  return {};
}

// Strings too: an array of std::string.
Result<void> GetTensorMutableData(OrtValue* value, void** out) {
  REQUIRE(value, out);
  *out = TRY(tensor_in(value, __func__))->data();
  return {};
}

Result<void> GetTensorData(const OrtValue* value, const void** out) {
  REQUIRE(value, out);
  *out = TRY(tensor_in(value, __func__))->data();
  return {};
}

Result<void> GetTensorSizeInBytes(const OrtValue* value, size_t* out) {
  REQUIRE(value, out);
  const Tensor& tensor = *TRY(tensor_in(value, __func__));
  if (tensor.dtype() == DType::kString) {
    return fail(Code::kInvalidArgument, "String tensors are not supported by this API");
  }
  *out = tensor.bytes();
  return {};
}

Result<void> GetTensorTypeAndShape(const OrtValue* value, OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(value, out);
  if (value->value.kind() == Value::Kind::kSparse) {
    *out = new OrtTensorTypeAndShapeInfo(type_info(value->value)->tensor);
    return {};
  }
  *out = tensor_info(*TRY(tensor_in(value, __func__))).release();
  return {};
}

Result<void> GetTensorElementTypeAndShapeDataReference(const OrtValue* value,
                                                       ONNXTensorElementDataType* type,
                                                       const int64_t** dims, size_t* rank) {
  REQUIRE(value, type, dims, rank);
  const Tensor& tensor = *TRY(tensor_in(value, __func__));
  *type = element_type(tensor.dtype());
  *dims = tensor.shape().data();
  *rank = tensor.shape().rank();
  return {};
}

Result<void> GetTypeInfo(const OrtValue* value, OrtTypeInfo** out) {
  REQUIRE(value, out);
  *out = value->value.kind() != Value::Kind::kNone ? type_info(value->value).release() : nullptr;
  return {};
}

Result<void> GetValueType(const OrtValue* value, ONNXType* out) {
  REQUIRE(value, out);
  *out = type_info(value->value)->kind;
  return {};
}

Result<void> GetTensorMemoryInfo(const OrtValue* value, const OrtMemoryInfo** out) {
  REQUIRE(value, out);
  *out = &value->memory;
  return {};
}

Result<void> TensorAt(OrtValue* value, const int64_t* location, size_t count, void** out) {
  REQUIRE(value, out);
  const Tensor& tensor = *TRY(tensor_in(value, __func__));
  if (tensor.dtype() == DType::kString) {
    return fail(Code::kInvalidArgument, "this API does not support strings");
  }
  if (dtype_is_sub_byte(tensor.dtype())) {
    return fail(Code::kInvalidArgument, "TensorAt does not support sub-byte packed types");
  }
  if (count != tensor.shape().rank()) {
    return fail(Code::kInvalidArgument, "location dimensions do not match shape size");
  }
  if (count != 0) REQUIRE(location);
  int64_t offset = 0;
  for (size_t axis = 0; axis < count; ++axis) {
    if (location[axis] < 0 || location[axis] >= tensor.shape()[axis]) {
      return fail(Code::kInvalidArgument, "invalid location range: {} on axis {} of {}",
                  location[axis], axis, tensor.shape().to_string());
    }
    offset = offset * tensor.shape()[axis] + location[axis];
  }
  *out =
      static_cast<char*>(tensor.data()) + dtype_bytes(tensor.dtype(), static_cast<size_t>(offset));
  return {};
}

}  // namespace

OrtValue* make_value(Value value) { return new OrtValue{std::move(value), {}, nullptr}; }

Result<const Tensor*> tensor_in(const OrtValue* value, const char* what) {
  if (value->value.is_tensor()) return &value->value.tensor();
  if (value->value.kind() == Value::Kind::kOptional && value->value.has_value() &&
      value->value.inner().is_tensor()) {
    return &value->value.inner().tensor();
  }
  return fail(Code::kFail, "{}: Argument is not a tensor", what);
}

Result<Tensor> allocate_tensor(OrtAllocator* allocator, DType dtype, const Shape& shape) {
  const auto count = static_cast<size_t>(shape.count());
  std::shared_ptr<void> memory = TRY(allocate_shared(allocator, dtype_bytes(dtype, count)));
  void* data = memory.get();
  if (dtype == DType::kString) {
    auto* strings = static_cast<std::string*>(data);
    std::uninitialized_default_construct_n(strings, count);
    memory = std::shared_ptr<void>(data, [memory, count](void* freed) {
      std::destroy_n(static_cast<std::string*>(freed), count);
    });
  }
  return Tensor::wrap(dtype, shape, data, std::move(memory));
}

Result<Value> copy_value(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kTensor: {
      Tensor copy = TRY(Tensor::allocate(value.tensor().dtype(), value.tensor().shape()));
      copy_elements(value.tensor().view(), copy.view());
      return Value(std::move(copy));
    }
    case Value::Kind::kSequence: {
      std::vector<Value> items;
      for (const Value& item : value.items()) items.push_back(TRY(copy_value(item)));
      return Value::sequence(std::move(items), value.element_dtype());
    }
    case Value::Kind::kOptional:
      if (!value.has_value()) return value;
      return Value::optional(TRY(copy_value(value.inner())));
    case Value::Kind::kMap: {
      const Value keys = TRY(copy_value(value.map().keys));
      return Value::map(keys.tensor(), TRY(copy_value(value.map().values)).tensor());
    }
    case Value::Kind::kSparse: {
      const Value values = TRY(copy_value(value.sparse().values));
      const Value indices = TRY(copy_value(value.sparse().indices));
      return Value::sparse({value.sparse().dense_shape, values.tensor(), indices.tensor()});
    }
    case Value::Kind::kNone:
      break;
  }
  return value;
}

void add_tensors(OrtApi& api) {
  DOOR(CreateTensorAsOrtValue);
  DOOR(CreateTensorWithDataAsOrtValue);
  DOOR(CreateTensorWithDataAndDeleterAsOrtValue);
  api.ReleaseValue = &release<OrtValue>;
  DOOR(IsTensor);
  DOOR(HasValue);
  DOOR(GetTensorMutableData);
  DOOR(GetTensorData);
  DOOR(GetTensorSizeInBytes);
  DOOR(GetTensorTypeAndShape);
  DOOR(GetTensorElementTypeAndShapeDataReference);
  DOOR(GetTypeInfo);
  DOOR(GetValueType);
  DOOR(GetTensorMemoryInfo);
  DOOR(TensorAt);
}

}  // namespace sardonyx::capi
