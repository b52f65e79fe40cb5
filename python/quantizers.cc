// quantize_matmul_*: they write into the caller's arrays.
#include "python/quantizers.h"

#include "api/quantize_weights.h"
#include "python/arrays.h"
#include "python/errors.h"
#include "python/numpy_api.h"

namespace sardonyx::python {
namespace {

using namespace nb::literals;

// An array that results are written to, where it lies.
Tensor written_tensor(nb::handle object, const char* what) {
  if (PyArray_Check(object.ptr())) {
    auto* array = reinterpret_cast<PyArrayObject*>(object.ptr());
    if (PyArray_ISCARRAY(array)) return to_tensor(object);
  }
  raise_python(PyExc_TypeError, std::string(what) +
                                    " is written to: it must be a NumPy array that is contiguous, "
                                    "in native byte order, and writeable");
}

Tensor byte_tensor(nb::handle object, const char* what) {
  Tensor tensor = written_tensor(object, what);
  if (tensor.dtype() == DType::kUint8) return tensor;
  raise_python(PyExc_TypeError, std::string(what) + " must be an array of uint8, got " +
                                    std::string(dtype_name(tensor.dtype())));
}

// The weights in the dtype of the scales, copied where they lie otherwise. There may be more rows,
// as tools fill them up to whole blocks; these do not count.
Tensor weight_tensor(nb::handle object, const Tensor& scales, int64_t rows, int64_t columns) {
  if (scales.dtype() != DType::kFloat32 && scales.dtype() != DType::kFloat16) {
    raise_python(PyExc_TypeError, "scale must be an array of float32 or float16, got " +
                                      std::string(dtype_name(scales.dtype())));
  }
  const nb::object array =
      nb::module_::import_("numpy").attr("ascontiguousarray")(object, descr_of(scales.dtype()));
  const Tensor weights = to_tensor(array);
  const Shape& shape = weights.shape();
  const bool fits = rows >= 0 && columns >= 0 && weights.count() >= rows * columns &&
                    (shape.rank() == 1 || (shape.rank() == 2 && shape[1] == columns));
  if (!fits) {
    raise_error(Code::kInvalidArgument, "src has the shape " + shape.to_string() +
                                            ", but should have " + std::to_string(rows) +
                                            " rows and " + std::to_string(columns) + " columns");
  }
  return weights.reshaped({rows, columns});
}

template <auto Quantize>
void quantize(nb::handle dst, nb::handle src, nb::handle scale, nb::handle zero_points,
              const BlockQuantization& how, int64_t columns, int64_t rows) {
  QuantizedWeights results;
  results.numbers = byte_tensor(dst, "dst");
  results.scales = written_tensor(scale, "scale");
  results.zero_points = byte_tensor(zero_points, "zero_points");
  const Tensor weights = weight_tensor(src, results.scales, rows, columns);
  unwrap([&] {
    nb::gil_scoped_release release;
    return Quantize(weights, how, results);
  }());
}

template <int bits>
void quantize_matmul(nb::handle dst, nb::handle src, nb::handle scale, nb::handle zero_points,
                     int64_t block_size, int64_t columns, int64_t rows, bool is_symmetric) {
  quantize<&quantize_columns>(dst, src, scale, zero_points, {bits, block_size, is_symmetric},
                              columns, rows);
}

// Returns whether the numbers are signed.
template <int bits>
bool quantize_qdq_matmul(nb::handle dst, nb::handle src, nb::handle scale, nb::handle zero_points,
                         int64_t block_size, int64_t columns, int64_t rows, bool is_symmetric) {
  quantize<&quantize_in_order>(dst, src, scale, zero_points, {bits, block_size, is_symmetric},
                               columns, rows);
  return is_symmetric;
}

void quantize_matmul_bnb4(nb::handle dst, nb::handle src, nb::handle absmax, int64_t block_size,
                          int64_t quant_type, int64_t columns, int64_t rows) {
  if (quant_type != 0 && quant_type != 1) {
    raise_error(Code::kRuntimeException,
                "Invalid quant_type, only 0 (FP4) and 1 (NF4) are supported, got " +
                    std::to_string(quant_type));
  }
  QuantizedWeights results;
  results.numbers = byte_tensor(dst, "dst");
  results.scales = written_tensor(absmax, "absmax");
  const Tensor weights = weight_tensor(src, results.scales, columns, rows);
  unwrap([&] {
    nb::gil_scoped_release release;
    return quantize_to_table(weights, static_cast<FourBitCode>(quant_type), block_size, results);
  }());
}

template <class Function>
void add_blockwise(nb::module_& module, const char* name, Function* function, const char* doc) {
  module.def(name, function, "dst"_a, "src"_a, "scale"_a, "zero_points"_a, "block_size"_a, "N"_a,
             "K"_a, "is_symmetric"_a, doc);
}

}  // namespace

void add_quantizers(nb::module_& module) {
  const char* columns =
      "Quantizes src [K, N] as MatMulNBits reads it: dst [N, blocks, bytes of a block], scale "
      "[N, blocks], zero_points [N, bytes of a column].";
  add_blockwise(module, "quantize_matmul_2bits", &quantize_matmul<2>, columns);
  add_blockwise(module, "quantize_matmul_4bits", &quantize_matmul<4>, columns);
  add_blockwise(module, "quantize_matmul_8bits", &quantize_matmul<8>, columns);
  const char* in_order =
      "Quantizes src [K, N] as DequantizeLinear reads it on axis 0: dst like src, scale and "
      "zero_points [blocks, N]. Returns whether the numbers are signed, as symmetric ones are.";
  add_blockwise(module, "quantize_qdq_matmul_2bits", &quantize_qdq_matmul<2>, in_order);
  add_blockwise(module, "quantize_qdq_matmul_4bits", &quantize_qdq_matmul<4>, in_order);
  module.def("quantize_matmul_bnb4", &quantize_matmul_bnb4, "dst"_a, "src"_a, "absmax"_a,
             "block_size"_a, "quant_type"_a, "N"_a, "K"_a,
             "Quantizes src [N, K] as MatMulBnb4 reads it; quant_type: 0 for FP4, 1 for NF4.");
}

}  // namespace sardonyx::python
