// com.microsoft.SparseToDenseMatMul: alpha * A' * B', where A is a sparse matrix (COO) and B dense,
// with batch axes in front perhaps. What A does not hold multiplies nothing, so that infinities and
// NaN of B meet no zeros. A sparse initializer comes as a dense constant: its zeros are what it
// does not hold.
#include "ops/matrix_shape.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_sparse_product(InferContext& context) {
  const DType a = context.dtype(0), b = context.dtype(1);
  if (a != b && a != DType::kUndefined && b != DType::kUndefined) {
    return fail(Code::kInvalidGraph, "{} and {} must have the same element type",
                context.describe(0), context.describe(1));
  }
  TRY(expect_rank(context, 0, 2));
  TRY(expect_min_rank(context, 1, 2));
  return infer_matmul(context, 0, 1, b == DType::kUndefined ? a : b);
}

// Calls fn(row, column, value) for all that the matrix holds, in its order.
template <class T, class Fn>
void for_each_held(const SparseTensor& a, Fn&& fn) {
  const auto* index = a.indices.as<int64_t>();
  const int64_t columns = a.dense_shape[1];
  const bool is_linear = a.indices.shape().rank() == 1;
  for (int64_t i = 0; i < a.values.count(); ++i) {
    const T value = a.values.as<T>()[i];
    if (is_linear) {
      fn(index[i] / columns, index[i] % columns, value);
    } else {
      fn(index[2 * i], index[2 * i + 1], value);
    }
  }
}
template <class T, class Fn>
void for_each_held(const TensorView& a, Fn&& fn) {
  const T* element = a.as<T>();
  for (int64_t row = 0; row < a.shape[0]; ++row) {
    for (int64_t column = 0; column < a.shape[1]; ++column, ++element) {
      if (*element != T(0)) fn(row, column, *element);
    }
  }
}

bool has_all_indices_inside(const SparseTensor& a) {
  const auto* index = a.indices.as<int64_t>();
  const int64_t count = a.values.count(), rows = a.dense_shape[0], columns = a.dense_shape[1];
  if (a.indices.shape().rank() == 1) {
    return a.indices.count() == count && std::all_of(index, index + count, [&](int64_t linear) {
             return linear >= 0 && linear < rows * columns;
           });
  }
  bool inside = a.indices.count() == 2 * count;
  for (int64_t i = 0; inside && i < count; ++i, index += 2) {
    inside = index[0] >= 0 && index[0] < rows && index[1] >= 0 && index[1] < columns;
  }
  return inside;
}

struct SparseProduct {
  MatrixShape matrix;
  MatrixStrides b;
  bool trans_a;
  float alpha;
};

// Columns [first, end) of one product of the batch. Sums are taken in the order of A.
template <class T, class Matrix>
void multiply(const SparseProduct& product, const Matrix& a, const T* b, T* y, int64_t first,
              int64_t end) {
  const int64_t width = product.matrix.columns;
  for (int64_t row = 0; row < product.matrix.rows; ++row) {
    std::fill(y + row * width + first, y + row * width + end, T(0));
  }
  for_each_held<T>(a, [&](int64_t row, int64_t column, T value) {
    if (product.trans_a) std::swap(row, column);
    const T* from = b + column * product.b.row;
    T* to = y + row * width;
    for (int64_t j = first; j < end; ++j) {
      to[j] =
          narrow<T>(multiply_add(widen(value), widen(from[j * product.b.column]), widen(to[j])));
    }
  });
  if (product.alpha == 1) return;
  for (int64_t row = 0; row < product.matrix.rows; ++row) {
    for (T* at = y + row * width + first; at < y + row * width + end; ++at) {
      *at = static_cast<T>(static_cast<double>(*at) * static_cast<double>(product.alpha));
    }
  }
}

template <class T>
void run_sparse_product(const SparseProduct& product, RunArgs& args) {
  constexpr int64_t kTile = 64;  // columns of a task
  const SparseTensor* sparse = nullptr;
  if (args.input_values[0] != nullptr && args.input_values[0]->kind() == Value::Kind::kSparse) {
    sparse = &args.input_values[0]->sparse();
    if (!has_all_indices_inside(*sparse)) {
      return args.report(Code::kInvalidArgument,
                         fmt::format("an index of the sparse matrix is outside of its shape {}",
                                     sparse->dense_shape.to_string()));
    }
  }
  const MatrixShape& matrix = product.matrix;
  const int64_t tiles = (matrix.columns + kTile - 1) / kTile;
  args.pool->parallel_for(matrix.batch() * tiles, [&](int64_t task) {
    const int64_t item = task / tiles, first = task % tiles * kTile;
    const int64_t end = std::min(first + kTile, matrix.columns);
    const int64_t from = matrix.b_matrices[static_cast<size_t>(item)];
    const T* b = args.inputs[1].as<T>() + from * matrix.depth * matrix.columns;
    T* y = args.outputs[0].as<T>() + item * matrix.rows * matrix.columns;
    if (sparse != nullptr) {
      multiply(product, *sparse, b, y, first, end);
    } else {
      multiply(product, args.inputs[0], b, y, first, end);
    }
  });
}

Result<std::unique_ptr<Kernel>> make_sparse_product(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const Shape a = request.inputs[0].shape(), b = request.inputs[1].shape();
  SparseProduct product;
  product.trans_a = attrs.get_int("transA") != 0;
  product.alpha = attrs.get_float("alpha", 1);
  const bool trans_b = attrs.get_int("transB") != 0;
  product.matrix =
      read_matrix_shape(product.trans_a ? swap_last_two(a) : a, trans_b ? swap_last_two(b) : b);
  product.b = {product.matrix.columns, 1};
  if (trans_b) product.b = {1, product.matrix.depth};
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, double, int32_t, uint32_t, int64_t, uint64_t>(
      request.inputs[1].dtype(), [&](auto tag) {
        using T = typename decltype(tag)::Type;
        kernel = make_kernel([product](RunArgs& args) { run_sparse_product<T>(product, args); });
      });
  return kernel;
}

}  // namespace

OpDef op_SparseToDenseMatMul() {
  const DTypeSet types = dtype_set(DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kUint32,
                                   DType::kInt64, DType::kUint64);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"A", "T", types}, {"B", "T1", types}};
  op.outputs = {{"Y", "T1", types}};
  op.attrs = {float_attr("alpha", 1), int_attr("transA", 0), int_attr("transB", 0)};
  op.infer = infer_sparse_product;
  op.kernels = {{"reference", make_sparse_product}};
  return op;
}

}  // namespace sardonyx
