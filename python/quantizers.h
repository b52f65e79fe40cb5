// The functions by which ONNX Runtime's tools quantize weights (`quantize_matmul_4bits`, ...).
#pragma once

#include <nanobind/nanobind.h>

namespace sardonyx::python {

void add_quantizers(nanobind::module_& module);

}  // namespace sardonyx::python
