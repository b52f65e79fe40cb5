// SparseTensor: COO, which models take, and CSR and blocks, which are turned into COO when they are
// given and answer with what was given.
#include "api/sparse_forms.h"
#include "python/arrays.h"
#include "python/errors.h"
#include "python/numpy_api.h"
#include "python/values.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

struct CooView {
  Tensor indices;
};

struct CsrView {
  Tensor inner;
  Tensor outer;
};

struct BlockView {
  Tensor indices;
};

// Arrays of a tensor that others share are not written to.
nb::object read_only(const Tensor& tensor) {
  nb::object array = to_array(tensor);
  PyArray_CLEARFLAGS(reinterpret_cast<PyArrayObject*>(array.ptr()), NPY_ARRAY_WRITEABLE);
  return array;
}

Tensor index_tensor(nb::handle indices, DType dtype, const char* what) {
  Tensor tensor = to_tensor(indices);
  if (tensor.dtype() != dtype) {
    raise_error(Code::kInvalidArgument, std::string(what) + ": indices must be " +
                                            std::string(dtype_name(dtype)) + ", got " +
                                            std::string(dtype_name(tensor.dtype())));
  }
  return tensor;
}

PySparse sparse_from_coo(nb::handle dense_shape, nb::handle values, nb::handle indices,
                         nb::handle device) {
  constexpr const char* kWho = "sparse_coo_from_numpy";
  if (!device.is_none()) require_cpu(device, 0, kWho);
  SparseTensor sparse{shape_from(dense_shape), to_tensor(values),
                      index_tensor(indices, DType::kInt64, kWho)};
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
  if (sparse.indices.shape().rank() == 1) unwrap(check_coo(sparse));
  return PySparse(std::move(sparse));
}

PySparse sparse_from_csr(nb::handle dense_shape, nb::handle values, nb::handle inner_indices,
                         nb::handle outer_indices, nb::handle device) {
  constexpr const char* kWho = "sparse_csr_from_numpy";
  if (!device.is_none()) require_cpu(device, 0, kWho);
  const Tensor inner = index_tensor(inner_indices, DType::kInt64, kWho);
  const Tensor outer = index_tensor(outer_indices, DType::kInt64, kWho);
  PySparse sparse(unwrap(coo_of_csr(shape_from(dense_shape), to_tensor(values), inner, outer)));
  sparse.format = SparseFormat::kCsrc;
  sparse.indices = inner;
  sparse.outer = outer;
  return sparse;
}

PySparse sparse_from_blocks(nb::handle dense_shape, nb::handle values, nb::handle indices,
                            nb::handle device) {
  constexpr const char* kWho = "blocksparse_from_numpy";
  if (!device.is_none()) require_cpu(device, 0, kWho);
  const Tensor blocks = to_tensor(values);
  const Tensor places = index_tensor(indices, DType::kInt32, kWho);
  PySparse sparse(unwrap(coo_of_blocks(shape_from(dense_shape), blocks, places)));
  sparse.format = SparseFormat::kBlockSparse;
  sparse.values = blocks;
  sparse.indices = places;
  return sparse;
}

void require_format(const PySparse& self, SparseFormat wanted, const char* name) {
  if (self.format == wanted) return;
  const char* has = self.format == SparseFormat::kCoo    ? "COO"
                    : self.format == SparseFormat::kCsrc ? "CSR(C)"
                                                         : "BlockSparse";
  raise_error(Code::kInvalidArgument,
              std::string("This sparse tensor does not contain ") + name + " format, but " + has);
}

CooView coo_view(const PySparse& self) {
  require_format(self, SparseFormat::kCoo, "COO");
  return {self.indices};
}

CsrView csr_view(const PySparse& self) {
  require_format(self, SparseFormat::kCsrc, "CSR(C)");
  return {self.indices, self.outer};
}

BlockView block_view(const PySparse& self) {
  require_format(self, SparseFormat::kBlockSparse, "BlockSparse");
  return {self.indices};
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
  nb::class_<BlockView>(module, "SparseBlockSparseView").def("indices", [](const BlockView& self) {
    return read_only(self.indices);
  });
  nb::class_<PySparse>(module, "SparseTensor", "A tensor of which only some elements are stored.")
      .def(nb::init<const PySparse&>(), "sparse_tensor"_a)
      .def_static("sparse_coo_from_numpy", &sparse_from_coo, "dense_shape"_a, "values"_a,
                  "coo_indices"_a, "ort_device"_a = nb::none())
      .def_static("sparse_csr_from_numpy", &sparse_from_csr, "dense_shape"_a, "values"_a,
                  "inner_indices"_a, "outer_indices"_a, "ort_device"_a = nb::none())
      .def_static(
          "blocksparse_from_numpy", &sparse_from_blocks, "dense_shape"_a, "values"_a, "indices"_a,
          "ort_device"_a = nb::none(),
          "A matrix by blocks: values [blocks, height, width] and int32 indices [2, blocks], "
          "the rows and columns of blocks.")
      .def("values", [](const PySparse& self) { return read_only(self.values); })
      .def("as_coo_view", &coo_view)
      .def("get_coo_data", &coo_view)
      .def("as_csrc_view", &csr_view)
      .def("get_csrc_data", &csr_view)
      .def("as_blocksparse_view", &block_view)
      .def("get_blocksparse_data", &block_view)
      .def("dense_shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("shape", [](const PySparse& self) { return list_dims(self.sparse->dense_shape); })
      .def("format", [](const PySparse& self) { return self.format; })
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
