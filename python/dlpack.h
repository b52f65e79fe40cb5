// DLPack: tensors to and from other frameworks over the same memory, as capsules of the array API
// (__dlpack__). Entry points: to_dlpack, from_dlpack.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

// A capsule "dltensor" over the tensor's memory. Raises for strings and types below a byte.
nb::object to_dlpack(const Tensor& tensor);

// From a capsule, or from an object with __dlpack__. `is_bool`: take unsigned bytes as booleans.
Tensor from_dlpack(nb::handle source, bool is_bool);

// Whether an unused capsule holds bytes, which older frameworks also export bools as.
bool is_uint8_capsule(nb::handle capsule);

}  // namespace sardonyx::python
