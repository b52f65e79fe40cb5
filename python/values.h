// The value classes that Python sees: OrtValue, OrtValueVector, SparseTensor, OrtDevice,
// OrtMemoryInfo. Entry points: add_values, add_places, add_sparse, add_value_vectors.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>  // in every file, or casts would differ between them

#include <memory>
#include <string>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx::python {

namespace nb = nanobind;

enum class SparseFormat { kUndefined = 0, kCoo = 1, kCsrc = 2, kBlockSparse = 4 };

struct PySparse {
  std::shared_ptr<const SparseTensor> sparse;
  Tensor inner, outer;  // CSR as it was given, else empty

  [[nodiscard]] bool is_csr() const { return outer.shape().rank() == 1; }
};

struct OrtValue {
  Value value;
  std::shared_ptr<const PySparse> form{};  // of a sparse value that Python made
};

struct OrtValueVector {
  std::vector<Value> values;
};

// A place in memory, by ONNX Runtime's numbers.
struct OrtDevice {
  int type = 0;  // 0: CPU
  int memory = 0;
  int vendor = 0;
  int id = 0;
  std::string name = "cpu";
};

// Raises unless `device`, an OrtDevice or a name (any case) with `id`, says the memory of this
// process; `what` wants it.
void require_cpu(nb::handle device, int id, const std::string& what);

// The tensor, or the one in an optional; raises when there is none.
const Tensor& tensor_of(const OrtValue& self);
nb::list list_dims(const Shape& shape);

// A tensor over `pointer`, which the caller keeps alive.
Tensor tensor_at(DType dtype, nb::handle shape, uintptr_t pointer, const std::string& what);
Shape shape_from(nb::handle dims);

void add_values(nb::module_& module);
void add_places(nb::module_& module);
void add_sparse(nb::module_& module);
void add_value_vectors(nb::module_& module);

}  // namespace sardonyx::python
