// See api/sparse_forms.h.
#include "api/sparse_forms.h"

namespace sardonyx {
namespace {

Result<void> check_index(int64_t index, int64_t end, const char* what) {
  if (index >= 0 && index < end) return {};
  return fail(Code::kInvalidArgument, "{}: index {} is outside of [0, {})", what, index, end);
}

// Where blocks of `size` may be along an axis of `end`.
Result<int64_t> block_start(int64_t place, int64_t size, int64_t end, const char* what) {
  TRY(check_index(place, end / size, what));
  return place * size;
}

}  // namespace

Result<SparseTensor> coo_of_csr(const Shape& dense_shape, const Tensor& values, const Tensor& inner,
                                const Tensor& outer) {
  const int64_t count = values.count();
  if (dense_shape.rank() != 2 || values.shape().rank() != 1 || inner.count() != count ||
      outer.count() != dense_shape[0] + 1) {
    return fail(Code::kInvalidArgument,
                "CSR: expected a shape of two dims, as many inner indices as values, and outer "
                "indices for each row and the end; got shape {}, values {}, inner {} and outer {}",
                dense_shape.to_string(), values.shape().to_string(), inner.shape().to_string(),
                outer.shape().to_string());
  }
  const int64_t rows = dense_shape[0];
  const auto* ends = outer.as<const int64_t>();
  const auto* columns = inner.as<const int64_t>();
  if (ends[0] != 0 || ends[rows] != count) {
    return fail(Code::kInvalidArgument, "CSR: outer indices go from {} to {}, expected 0 to {}",
                ends[0], ends[rows], count);
  }
  Tensor indices = TRY(Tensor::allocate(DType::kInt64, Shape{count}));
  auto* dst = indices.as<int64_t>();
  for (int64_t row = 0; row < rows; ++row) {
    if (ends[row] > ends[row + 1] || ends[row + 1] > count) {
      return fail(Code::kInvalidArgument,
                  "CSR: outer indices go from {} to {} at row {}, expected to rise to {}",
                  ends[row], ends[row + 1], row, count);
    }
    for (int64_t i = ends[row]; i < ends[row + 1]; ++i) {
      TRY(check_index(columns[i], dense_shape[1], "CSR"));
      *dst++ = row * dense_shape[1] + columns[i];
    }
  }
  return SparseTensor{dense_shape, values, indices};
}

Result<SparseTensor> coo_of_blocks(const Shape& dense_shape, const Tensor& values,
                                   const Tensor& places) {
  const Shape& shape = values.shape();
  if (dense_shape.rank() != 2 || shape.rank() != 3 || places.shape() != Shape{2, shape[0]}) {
    return fail(Code::kInvalidArgument,
                "block-sparse: expected a matrix, values [blocks, height, width] and indices [2, "
                "blocks]; got {}, {} and {}",
                dense_shape.to_string(), shape.to_string(), places.shape().to_string());
  }
  const int64_t blocks = shape[0];
  const int64_t height = shape[1];
  const int64_t width = shape[2];
  Tensor indices = TRY(Tensor::allocate(DType::kInt64, Shape{values.count(), 2}));
  auto* dst = indices.as<int64_t>();
  for (int64_t block = 0; block < blocks && height * width != 0; ++block) {
    const auto* place = places.as<const int32_t>() + block;
    const int64_t row = TRY(block_start(place[0], height, dense_shape[0], "block-sparse rows"));
    const int64_t column =
        TRY(block_start(place[blocks], width, dense_shape[1], "block-sparse columns"));
    for (int64_t i = 0; i < height * width; ++i) {
      *dst++ = row + i / width;
      *dst++ = column + i % width;
    }
  }
  return SparseTensor{dense_shape, values.reshaped(Shape{values.count()}), indices};
}

Result<void> check_coo(const SparseTensor& sparse) {
  const bool is_linear = sparse.indices.shape().rank() == 1;
  const auto rank = static_cast<int64_t>(sparse.dense_shape.rank());
  for (int64_t i = 0; i < sparse.indices.count(); ++i) {
    const int64_t end =
        is_linear ? sparse.dense_shape.count() : sparse.dense_shape[static_cast<size_t>(i % rank)];
    TRY(check_index(sparse.indices.as<const int64_t>()[i], end, "COO"));
  }
  return {};
}

}  // namespace sardonyx
