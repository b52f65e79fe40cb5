// Types as the C API describes them.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

// ONNX Runtime counts three of the newest types otherwise than TensorProto.
ONNXTensorElementDataType element_type(DType dtype);
// kUndefined for what is none.
DType dtype_of_element(int type);

std::unique_ptr<OrtTypeInfo> type_info(const ArgInfo& arg);
std::unique_ptr<OrtTypeInfo> type_info(const Value& value);
std::unique_ptr<OrtTensorTypeAndShapeInfo> tensor_info(const Tensor& tensor);
// The other way round.
ArgInfo arg_info(const OrtTypeInfo& type);

// A shape of the client's: dims of 0 or more whose product does not overflow.
Result<Shape> shape_of(const int64_t* dims, size_t rank);

}  // namespace sardonyx::capi
