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

// A sparse tensor, in COO as models take it, and in the form that it was given in.
struct PySparse {
  std::shared_ptr<const SparseTensor> sparse;
  SparseFormat format = SparseFormat::kCoo;
  Tensor values;
  Tensor indices;  // of CSR: the inner ones
  Tensor outer;    // of CSR

  explicit PySparse(SparseTensor coo)
      : sparse(std::make_shared<const SparseTensor>(std::move(coo))),
        values(sparse->values),
        indices(sparse->indices) {}
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
