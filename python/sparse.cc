// SparseTensor: COO, which models take, and CSR, which is turned into COO when it is given and
// answers with what was given.
#include "python/arrays.h"
#include "python/errors.h"
#include "python/numpy_api.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using nb::literals::operator""_a;

struct CooView {
  Tensor indices;
};

struct CsrView {
  Tensor inner;
  Tensor outer;
};

// Arrays of a tensor that others share are not written to.
nb::object read_only(const Tensor& tensor) {
  nb::object array = to_array(tensor);
  PyArray_CLEARFLAGS(reinterpret_cast<PyArrayObject*>(array.ptr()), NPY_ARRAY_WRITEABLE);
  return array;
}

Tensor index_tensor(nb::handle indices, const char* what) {
  Tensor tensor = to_tensor(indices);
  if (tensor.dtype() != DType::kInt64) {
    raise_error(Code::kInvalidArgument, std::string(what) + ": indices must be int64, got " +
                                            std::string(dtype_name(tensor.dtype())));
  }
  return tensor;
}

void check_indices(const Tensor& indices, int64_t end, const char* what) {
  for (int64_t i = 0; i < indices.count(); ++i) {
    const int64_t index = indices.as<const int64_t>()[i];
    if (index >= 0 && index < end) continue;
    raise_error(Code::kInvalidArgument, std::string(what) + ": index " + std::to_string(index) +
                                            " is outside of [0, " + std::to_string(end) + ")");
  }
}

PySparse sparse_from_coo(nb::handle dense_shape, nb::handle values, nb::handle indices,
                         nb::handle device) {
  constexpr const char* kWho = "sparse_coo_from_numpy";
  if (!device.is_none()) require_cpu(device, 0, kWho);
  SparseTensor sparse{shape_from(dense_shape), to_tensor(values), index_tensor(indices, kWho)};
  const Shape& shape = sparse.indices.shape();
  const auto rank = static_cast<int64_t>(sparse.dense_shape.rank());
  const int64_t nnz = sparse.values.count();
  const bool fits = sparse.values.shape().rank() == 1 &&
                    ((shape.rank() == 1 && (shape[0] == nnz || shape[0] == nnz * rank)) ||
                     (shape.rank() == 2 && shape[0] == nnz && shape[1] == rank));
  if (!fits) {
    raise_error(Code::kInvalidArgument,
                std::string(kWho) + ": expected values of one axis and int64 indices [" +
                    std::to_string(nnz) + "] or [" + std::to_string(nnz) + ", " +
                    std::to_string(rank) + "], got values " + sparse.values.shape().to_string() +
                    " and indices " + shape.to_string());
  }
  if (shape.rank() == 1 && shape[0] != nnz) sparse.indices = sparse.indices.reshaped({nnz, rank});
  if (sparse.indices.shape().rank() == 1) {
    check_indices(sparse.indices, sparse.dense_shape.count(), kWho);
  }
  return {std::make_shared<SparseTensor>(std::move(sparse)), {}, {}};
}

// The linear index of each value. `outer` has where each row begins, and the end.
Tensor coo_of_csr(const Shape& shape, const Tensor& inner, const Tensor& outer) {
  Tensor indices = unwrap(Tensor::allocate(DType::kInt64, {inner.count()}));
  const auto* columns = inner.as<const int64_t>();
  const auto* ends = outer.as<const int64_t>();
  for (int64_t row = 0; row < shape[0]; ++row) {
    if (ends[row] > ends[row + 1] || ends[row + 1] > inner.count()) {
      raise_error(Code::kInvalidArgument, "sparse_csr_from_numpy: the outer indices must rise to " +
                                              std::to_string(inner.count()));
    }
    for (int64_t i = ends[row]; i < ends[row + 1]; ++i) {
      indices.as<int64_t>()[i] = row * shape[1] + columns[i];
    }
  }
  return indices;
}

PySparse sparse_from_csr(nb::handle dense_shape, nb::handle values, nb::handle inner_indices,
                         nb::handle outer_indices, nb::handle device) {
  constexpr const char* kWho = "sparse_csr_from_numpy";
  if (!device.is_none()) require_cpu(device, 0, kWho);
  const Shape shape = shape_from(dense_shape);
  const Tensor inner = index_tensor(inner_indices, kWho);
  const Tensor outer = index_tensor(outer_indices, kWho);
  Tensor elements = to_tensor(values);
  const bool fits = shape.rank() == 2 && elements.shape().rank() == 1 &&
                    inner.shape() == elements.shape() && outer.shape() == Shape{shape[0] + 1} &&
                    outer.as<const int64_t>()[0] == 0 &&
                    outer.as<const int64_t>()[shape[0]] == inner.count();
  if (!fits) {
    raise_error(Code::kInvalidArgument,
                std::string(kWho) +
                    ": expected a shape of two dims, as many inner indices as values, and outer "
                    "indices from 0 to that number for each row and the end; got shape " +
                    shape.to_string() + ", values " + elements.shape().to_string() + ", inner " +
                    inner.shape().to_string() + " and outer " + outer.shape().to_string());
  }
  check_indices(inner, shape[1], kWho);
  SparseTensor sparse{shape, std::move(elements), coo_of_csr(shape, inner, outer)};
  return {std::make_shared<SparseTensor>(std::move(sparse)), inner, outer};
}

[[noreturn]] void no_blocks() {
  raise_error(Code::kNotImplemented,
              "block-sparse tensors are not available here: no operator takes them; use COO "
              "(SparseTensor.sparse_coo_from_numpy)");
}

CooView coo_view(const PySparse& self) {
  if (self.is_csr()) {
    raise_error(Code::kInvalidArgument, "This sparse tensor does not contain COO format, but CSR");
  }
  return {self.sparse->indices};
}

CsrView csr_view(const PySparse& self) {
  if (!self.is_csr()) {
    raise_error(Code::kInvalidArgument,
                "This sparse tensor does not contain CSR(C) format, but COO");
  }
  return {self.inner, self.outer};
}

}  // namespace

void add_sparse(nb::module_& module) {
  nb::enum_<SparseFormat>(module, "OrtSparseFormat", nb::is_arithmetic())
      .value("ORT_SPARSE_UNDEFINED", SparseFormat::kUndefined)
      .value("ORT_SPARSE_COO", SparseFormat::kCoo)
      .value("ORT_SPARSE_CSRC", SparseFormat::kCsrc)
      .value("ORT_SPARSE_BLOCK_SPARSE", SparseFormat::kBlockSparse);
  nb::class_<CooView>(module, "SparseCooView").def("indices", [](const CooView& self) {
    return read_only(self.indices);
  });
  nb::class_<CsrView>(module, "SparseCsrView")
      .def("inner", [](const CsrView& self) { return read_only(self.inner); })
      .def("outer", [](const CsrView& self) { return read_only(self.outer); });
  nb::class_<PySparse>(module, "SparseTensor", "A tensor of which only some elements are stored.")
      .def(nb::init<const PySparse&>(), "sparse_tensor"_a)
      .def_static("sparse_coo_from_numpy", &sparse_from_coo, "dense_shape"_a, "values"_a,
                  "coo_indices"_a, "ort_device"_a = nb::none())
      .def_static("sparse_csr_from_numpy", &sparse_from_csr, "dense_shape"_a, "values"_a,
                  "inner_indices"_a, "outer_indices"_a, "ort_device"_a = nb::none())
      .def_static("blocksparse_from_numpy", [](const nb::args&) { no_blocks(); })
      .def("values", [](const PySparse& self) { return read_only(self.sparse->values); })
      .def("as_coo_view", &coo_view)
      .def("get_coo_data", &coo_view)
      .def("as_csrc_view", &csr_view)
      .def("get_csrc_data", &csr_view)
      .def("as_blocksparse_view", [](const PySparse&) { no_blocks(); })
      .def("get_blocksparse_data", [](const PySparse&) { no_blocks(); })
      .def("dense_shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("format",
           [](const PySparse& self) {
             return self.is_csr() ? SparseFormat::kCsrc : SparseFormat::kCoo;
           })
      .def("device_name", [](const PySparse&) { return "cpu"; })
      .def("data_type",
           [](const PySparse& self) { return value_type_name(Value::sparse(*self.sparse)); })
      .def("_get_c_tensor", [](nb::object self) { return self; })
      .def(
          "to_cuda",
          [](const PySparse&, nb::handle) {
            raise_error(Code::kNotImplemented, "to_cuda: there is no CUDA provider in this build");
          },
          "ort_device"_a);
}

}  // namespace sardonyx::python
