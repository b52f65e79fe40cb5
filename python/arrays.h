// Values of Python (NumPy arrays, lists, dicts, None) to Values and back, without copying numbers
// where their layout allows it. Entry points: to_value, to_python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <span>
#include <string>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

// The dtype of a NumPy array or dtype object; kUndefined when ONNX has none.
DType dtype_of_array(nb::handle array);
DType dtype_of_descr(nb::handle descr);
// The NumPy dtype object. Raises when NumPy (with ml_dtypes, where it is needed) has none.
nb::object descr_of(DType dtype);
// By ONNX number, NumPy dtype, Python type or name: what the element_type arguments take.
DType dtype_of_argument(nb::handle argument);

// A C-contiguous NumPy array of native byte order becomes a tensor over its memory, which it keeps
// alive; others are copied. Strings (object, unicode or bytes arrays) are copied.
Tensor to_tensor(nb::handle array);
// The bytes of an unsigned array taken as elements of `dtype` (float8 from uint8, ...).
Tensor to_tensor_as(nb::handle array, DType dtype);

// What a session takes for the input that `arg` declares (null: unknown): arrays, lists (numbers
// for a tensor, else a sequence), dicts, None, OrtValues. `what` begins the error messages.
Value to_value(nb::handle object, const ArgInfo* arg, const std::string& what);

// A tensor as a NumPy array over its memory (strings and sub-byte types are copied), a sequence as
// a list, a map as a dict, a missing optional as None. `shared` lists memory that the result must
// not alias: tensors with such an owner are copied.
nb::object to_python(const Value& value, std::span<const NamedValue> shared = {});
nb::object to_array(const Tensor& tensor);

// "tensor(float)", "seq(tensor(int64))", ...
std::string value_type_name(const Value& value);

// Keeps a Python object alive from C++; may be dropped on any thread.
std::shared_ptr<void> hold_python(nb::handle object);

}  // namespace sardonyx::python
