// Values of the C API: what is in an OrtValue.
#pragma once

#include "base/result.h"
#include "capi/handles.h"

namespace sardonyx::capi {

OrtValue* make_value(Value value);

// The tensor in a value, or in an optional; `what` names the function for the error.
Result<const Tensor*> tensor_in(const OrtValue* value, const char* what);
Result<const Tensor*> string_tensor_in(const OrtValue* value, const char* what);

// A new tensor in memory of the allocator; strings are constructed, other bytes are as they come.
Result<Tensor> allocate_tensor(OrtAllocator* allocator, DType dtype, const Shape& shape);

// The same value in memory of its own.
Result<Value> copy_value(const Value& value);

}  // namespace sardonyx::capi
