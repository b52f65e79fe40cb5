// Type infos: what inputs, outputs and values are.
#include "capi/types.h"

#include <cstring>

#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

ONNXType kind_of(ArgInfo::Kind kind) {
  switch (kind) {
    case ArgInfo::Kind::kTensor:
      return ONNX_TYPE_TENSOR;
    case ArgInfo::Kind::kSparse:
      return ONNX_TYPE_SPARSETENSOR;
    case ArgInfo::Kind::kSequence:
      return ONNX_TYPE_SEQUENCE;
    case ArgInfo::Kind::kMap:
      return ONNX_TYPE_MAP;
    case ArgInfo::Kind::kOptional:
      return ONNX_TYPE_OPTIONAL;
    case ArgInfo::Kind::kOpaque:
      return ONNX_TYPE_OPAQUE;
    case ArgInfo::Kind::kUnknown:
      break;
  }
  return ONNX_TYPE_UNKNOWN;
}

void set_shape(OrtTensorTypeAndShapeInfo& info, const Shape& shape) {
  info.dims.assign(shape.begin(), shape.end());
  info.symbols.assign(shape.rank(), "");
}

std::unique_ptr<OrtTypeInfo> tensor_type(ONNXType kind, DType dtype) {
  auto info = std::make_unique<OrtTypeInfo>();
  info->kind = kind;
  info->tensor.type = element_type(dtype);
  return info;
}

Result<void> ReturnCopy(const OrtTypeInfo* found, OrtTypeInfo** out) {
  if (found == nullptr) {
    return fail(Code::kInvalidArgument, "this type does not say what it contains");
  }
  *out = new OrtTypeInfo(*found);
  return {};
}

Result<void> CastTypeInfoToTensorInfo(const OrtTypeInfo* info,
                                      const OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(info, out);
  const bool is_tensor = info->kind == ONNX_TYPE_TENSOR || info->kind == ONNX_TYPE_SPARSETENSOR;
  *out = is_tensor ? &info->tensor : nullptr;
  return {};
}

template <ONNXType kKind, auto Member, class T>
Result<void> cast_type(const OrtTypeInfo* info, const T** out) {
  REQUIRE(info, out);
  *out = info->kind == kKind ? &(info->*Member) : nullptr;
  return {};
}

Result<void> GetOnnxTypeFromTypeInfo(const OrtTypeInfo* info, ONNXType* out) {
  REQUIRE(info, out);
  *out = info->kind;
  return {};
}

Result<void> GetDenotationFromTypeInfo(const OrtTypeInfo* info, const char** const out,
                                       size_t* length) {
  REQUIRE(info, out, length);
  *out = info->denotation.c_str();
  *length = info->denotation.size();
  return {};
}

Result<void> CreateTensorTypeAndShapeInfo(OrtTensorTypeAndShapeInfo** out) {
  REQUIRE(out);
  *out = new OrtTensorTypeAndShapeInfo;
  return {};
}

Result<void> SetTensorElementType(OrtTensorTypeAndShapeInfo* info, ONNXTensorElementDataType type) {
  REQUIRE(info);
  info->type = type;
  return {};
}

Result<void> SetDimensions(OrtTensorTypeAndShapeInfo* info, const int64_t* dims, size_t count) {
  REQUIRE(info);
  if (count != 0) REQUIRE(dims);
  info->has_shape = true;
  info->dims.assign(dims, dims + count);
  info->symbols.assign(count, "");
  return {};
}

Result<void> SetSymbolicDimensions(OrtTensorTypeAndShapeInfo* info, const char** names,
                                   size_t count) {
  REQUIRE(info);
  if (count != 0) REQUIRE(names);
  info->symbols.resize(count);
  for (size_t i = 0; i < count; ++i) info->symbols[i] = names[i] != nullptr ? names[i] : "";
  info->dims.resize(count, -1);
  return {};
}

Result<void> GetTensorElementType(const OrtTensorTypeAndShapeInfo* info,
                                  ONNXTensorElementDataType* out) {
  REQUIRE(info, out);
  *out = info->type;
  return {};
}

Result<void> GetDimensionsCount(const OrtTensorTypeAndShapeInfo* info, size_t* out) {
  REQUIRE(info, out);
  *out = info->dims.size();
  return {};
}

Result<void> GetDimensions(const OrtTensorTypeAndShapeInfo* info, int64_t* out, size_t count) {
  REQUIRE(info);
  if (count != 0) REQUIRE(out);
  std::copy_n(info->dims.begin(), std::min(count, info->dims.size()), out);
  return {};
}

// The texts belong to `info`; "" for a dim without a symbol.
Result<void> GetSymbolicDimensions(const OrtTensorTypeAndShapeInfo* info, const char** out,
                                   size_t count) {
  REQUIRE(info);
  if (count != 0) REQUIRE(out);
  for (size_t i = 0; i < std::min(count, info->symbols.size()); ++i) {
    out[i] = info->symbols[i].c_str();
  }
  return {};
}

Result<void> GetTensorShapeElementCount(const OrtTensorTypeAndShapeInfo* info, size_t* out) {
  REQUIRE(info, out);
  const bool is_known =
      std::all_of(info->dims.begin(), info->dims.end(), [](int64_t dim) { return dim >= 0; });
  if (!is_known) {
    *out = static_cast<size_t>(-1);
    return {};
  }
  *out = static_cast<size_t>(TRY(shape_of(info->dims.data(), info->dims.size())).count());
  return {};
}

bool ORT_API_CALL TensorTypeAndShape_HasShape(const OrtTensorTypeAndShapeInfo* info) noexcept {
  return info != nullptr && info->has_shape;
}

Result<void> GetMapKeyType(const OrtMapTypeInfo* info, ONNXTensorElementDataType* out) {
  REQUIRE(info, out);
  *out = info->key;
  return {};
}

Result<void> GetMapValueType(const OrtMapTypeInfo* info, OrtTypeInfo** out) {
  REQUIRE(info, out);
  return ReturnCopy(info->value.get(), out);
}

Result<void> GetSequenceElementType(const OrtSequenceTypeInfo* info, OrtTypeInfo** out) {
  REQUIRE(info, out);
  return ReturnCopy(info->element.get(), out);
}

Result<void> GetOptionalContainedTypeInfo(const OrtOptionalTypeInfo* info, OrtTypeInfo** out) {
  REQUIRE(info, out);
  return ReturnCopy(info->element.get(), out);
}

}  // namespace

ONNXTensorElementDataType element_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E8M0:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E8M0;
    case DType::kUint2:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT2;
    case DType::kInt2:
      return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT2;
    default:
      return static_cast<ONNXTensorElementDataType>(dtype);
  }
}

DType dtype_of_element(int type) {
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT8E8M0) return DType::kFloat8E8M0;
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT2) return DType::kUint2;
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT2) return DType::kInt2;
  if (type < 0 || type >= kDTypeCount) return DType::kUndefined;
  return static_cast<DType>(type);
}

std::unique_ptr<OrtTypeInfo> type_info(const ArgInfo& arg) {
  auto info = tensor_type(kind_of(arg.kind), arg.dtype);
  info->tensor.has_shape = arg.has_rank;
  for (const ArgInfo::Dim& dim : arg.dims) {
    info->tensor.dims.push_back(dim.value);
    info->tensor.symbols.push_back(dim.symbol);
  }
  if (arg.element == nullptr) return info;
  const std::shared_ptr<const OrtTypeInfo> element = type_info(*arg.element);
  info->map = {element_type(arg.dtype), element};
  info->sequence = {element};
  info->optional = {element};
  return info;
}

std::unique_ptr<OrtTypeInfo> type_info(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kTensor: {
      auto info = tensor_type(ONNX_TYPE_TENSOR, value.tensor().dtype());
      set_shape(info->tensor, value.tensor().shape());
      return info;
    }
    case Value::Kind::kSparse: {
      auto info = tensor_type(ONNX_TYPE_SPARSETENSOR, value.sparse().values.dtype());
      set_shape(info->tensor, value.sparse().dense_shape);
      return info;
    }
    case Value::Kind::kSequence: {
      auto info = tensor_type(ONNX_TYPE_SEQUENCE, DType::kUndefined);
      std::shared_ptr<OrtTypeInfo> element;
      if (value.items().empty()) {
        element = tensor_type(ONNX_TYPE_TENSOR, value.element_dtype());
      } else {
        element = type_info(value.items().front());
      }
      // The items' shapes may differ.
      element->tensor.has_shape = false;
      element->tensor.dims.clear();
      element->tensor.symbols.clear();
      info->sequence.element = element;
      return info;
    }
    case Value::Kind::kMap: {
      auto info = tensor_type(ONNX_TYPE_MAP, DType::kUndefined);
      info->map.key = element_type(value.map().keys.dtype());
      info->map.value = tensor_type(ONNX_TYPE_TENSOR, value.map().values.dtype());
      return info;
    }
    case Value::Kind::kOptional: {
      auto info = tensor_type(ONNX_TYPE_OPTIONAL, DType::kUndefined);
      if (value.has_value()) info->optional.element = type_info(value.inner());
      return info;
    }
    case Value::Kind::kNone:
      break;
  }
  return tensor_type(ONNX_TYPE_UNKNOWN, DType::kUndefined);
}

std::unique_ptr<OrtTensorTypeAndShapeInfo> tensor_info(const Tensor& tensor) {
  auto info = std::make_unique<OrtTensorTypeAndShapeInfo>();
  info->type = element_type(tensor.dtype());
  set_shape(*info, tensor.shape());
  return info;
}

Result<Shape> shape_of(const int64_t* dims, size_t rank) {
  constexpr size_t kMaxRank = 1 << 16;
  if (rank > kMaxRank) return fail(Code::kInvalidArgument, "a shape of {} dims is too long", rank);
  if (rank != 0 && dims == nullptr) {
    return fail(Code::kInvalidArgument, "the shape is NULL, but has {} dims", rank);
  }
  const Shape shape{std::span(dims, rank)};
  if (!shape.checked_count()) {
    return fail(Code::kInvalidArgument,
                "shape {}: expected dims of 0 or more with a product that memory can hold",
                shape.to_string());
  }
  return shape;
}

void add_types(OrtApi& api) {
  DOOR(CastTypeInfoToTensorInfo);
  api.CastTypeInfoToMapTypeInfo =
      door<&cast_type<ONNX_TYPE_MAP, &OrtTypeInfo::map, OrtMapTypeInfo>>;
  api.CastTypeInfoToSequenceTypeInfo =
      door<&cast_type<ONNX_TYPE_SEQUENCE, &OrtTypeInfo::sequence, OrtSequenceTypeInfo>>;
  api.CastTypeInfoToOptionalTypeInfo =
      door<&cast_type<ONNX_TYPE_OPTIONAL, &OrtTypeInfo::optional, OrtOptionalTypeInfo>>;
  DOOR(GetOnnxTypeFromTypeInfo);
  DOOR(GetDenotationFromTypeInfo);
  DOOR(CreateTensorTypeAndShapeInfo);
  DOOR(SetTensorElementType);
  DOOR(SetDimensions);
  DOOR(SetSymbolicDimensions);
  DOOR(GetTensorElementType);
  DOOR(GetDimensionsCount);
  DOOR(GetDimensions);
  DOOR(GetSymbolicDimensions);
  DOOR(GetTensorShapeElementCount);
  PLAIN(TensorTypeAndShape_HasShape);
  DOOR(GetMapKeyType);
  DOOR(GetMapValueType);
  DOOR(GetSequenceElementType);
  DOOR(GetOptionalContainedTypeInfo);
  api.ReleaseTypeInfo = &release<OrtTypeInfo>;
  api.ReleaseTensorTypeAndShapeInfo = &release<OrtTensorTypeAndShapeInfo>;
  api.ReleaseMapTypeInfo = &release<OrtMapTypeInfo>;
  api.ReleaseSequenceTypeInfo = &release<OrtSequenceTypeInfo>;
}

}  // namespace sardonyx::capi
