// The checks and the output shape of numpy-style matrix products.
#include "ops/matrix_shape.h"

#include "ops/window.h"

namespace sardonyx {

bool MatrixShape::one_b() const {
  return std::all_of(b_matrices.begin(), b_matrices.end(),
                     [&](int64_t at) { return at == b_matrices.front(); });
}

Result<void> infer_matmul(InferContext& context, size_t a, size_t b, DType output) {
  for (size_t index : {a, b}) {
    if (context.has_rank(index) && context.dims(index).empty()) {
      return fail(Code::kInvalidArgument, "{} is a scalar, expected rank 1 or more",
                  context.describe(index));
    }
  }
  if (!context.has_rank(a) || !context.has_rank(b)) {
    context.set_output(0, output);
    return {};
  }
  const AttrMap& attrs = context.attrs();
  const bool trans_a = attrs.get_int("transA") != 0;
  const bool trans_b = attrs.get_int("transB") != 0;
  const Dims left = trans_a ? swap_last_two(context.dims(a)) : context.dims(a);
  const Dims right = trans_b ? swap_last_two(context.dims(b)) : context.dims(b);
  const Dim& depth = left.back();
  const Dim& other = right.size() == 1 ? right[0] : right[right.size() - 2];
  if (depth.is_constant() && other.is_constant() && depth != other) {
    return fail(Code::kInvalidArgument, "{} has {} columns, but {} has {} rows",
                context.describe(a), depth.value(), context.describe(b), other.value());
  }
  const auto batch_of = [](const Dims& dims) {
    return dims.size() <= 2 ? Dims() : Dims(dims.begin(), dims.end() - 2);
  };
  Dims dims = TRY(broadcast_dims(batch_of(left), batch_of(right)));
  if (left.size() > 1) dims.push_back(left[left.size() - 2]);
  if (right.size() > 1) dims.push_back(right.back());
  context.set_output(0, output, std::move(dims));
  return {};
}

namespace {

// For each index of the broadcast batch, the matrix of an operand with these batch dims.
std::vector<int64_t> matrices_of(const Shape& own, const Shape& batch) {
  std::vector<int64_t> result;
  Odometer at(batch);
  const size_t offset = batch.rank() - own.rank();
  for (int64_t i = 0; i < batch.count(); ++i, at.next()) {
    int64_t linear = 0;
    for (size_t axis = 0; axis < own.rank(); ++axis) {
      linear = linear * own[axis] + (own[axis] == 1 ? 0 : at[offset + axis]);
    }
    result.push_back(linear);
  }
  return result;
}

}  // namespace

MatrixShape read_matrix_shape(const Shape& a, const Shape& b) {
  MatrixShape matrix;
  matrix.rows = a.rank() == 1 ? 1 : a[a.rank() - 2];
  matrix.depth = a.back();
  matrix.columns = b.rank() == 1 ? 1 : b.back();
  const auto batch_of = [](const Shape& shape) {
    return Shape(shape.dims().first(shape.rank() <= 2 ? 0 : shape.rank() - 2));
  };
  const Shape left = batch_of(a);
  const Shape right = batch_of(b);
  const Shape batch = to_shape(*broadcast_dims(to_dims(left), to_dims(right)));
  matrix.a_matrices = matrices_of(left, batch);
  matrix.b_matrices = matrices_of(right, batch);
  return matrix;
}

}  // namespace sardonyx
