// The value classes that Python sees: OrtValue, OrtValueVector, SparseTensor, OrtDevice,
// OrtMemoryInfo. Entry point: add_values.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <memory>
#include <string>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

struct OrtValue {
  Value value;
};

struct PySparse {
  std::shared_ptr<const SparseTensor> sparse;
};

struct OrtValueVector {
  std::vector<Value> values;
};

// A place in memory. There is one kind so far: the memory of the process.
struct OrtDevice {
  std::string name = "cpu";
  int id = 0;
};

// Raises unless `name` (any case) and `id` say the memory of this process; `what` wants it.
void require_cpu(const std::string& name, int id, const std::string& what);

// A tensor over `pointer`, which the caller keeps alive.
Tensor tensor_at(DType dtype, nb::handle shape, uintptr_t pointer, const std::string& what);
Shape shape_from(nb::handle dims);

void add_values(nb::module_& module);

}  // namespace sardonyx::python
