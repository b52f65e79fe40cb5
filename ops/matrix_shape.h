// MatrixShape: the sizes of a numpy-style matrix product (MatMul, MatMulInteger, QLinearMatMul):
// broadcast batch dims, rows, depth, columns; and the plain loop for one product that these and
// Gemm fall back on. Entry points: infer_matmul, read_matrix_shape, plain_product.
#pragma once

#include <algorithm>
#include <vector>

#include "base/thread_pool.h"
#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {

struct MatrixShape {
  int64_t rows = 0;
  int64_t depth = 0;
  int64_t columns = 0;
  // Of each product of the batch, counted in matrices; the destinations are in order.
  std::vector<int64_t> a_matrices;
  std::vector<int64_t> b_matrices;

  int64_t batch() const { return static_cast<int64_t>(a_matrices.size()); }
  bool one_b() const;  // all products use the same B
  double flops() const {
    return 2.0 * static_cast<double>(batch() * rows) * static_cast<double>(depth * columns);
  }
};

// Output 0 is the product of inputs a and b, with this dtype. Attributes transA and transB, where a
// node has them, swap the last two axes first.
Result<void> infer_matmul(InferContext& context, size_t a, size_t b, DType output);
// The sizes for concrete shapes (transposed already), which infer_matmul has checked.
MatrixShape read_matrix_shape(const Shape& a, const Shape& b);

// Dims with the last two axes swapped, where there are two.
template <class Items>
Items swap_last_two(Items items) {
  if (items.size() >= 2) std::swap(items[items.size() - 1], items[items.size() - 2]);
  return items;
}

// How a kernel reads a matrix: element (i, j) is at i * row + j * column.
struct MatrixStrides {
  int64_t row;
  int64_t column;
};

// One row of a product: store(j, sum over p of load_a(p) * load_b(p, j)) for j in [0, columns).
template <class Sum, class LoadA, class LoadB, class Store>
void plain_row(int64_t depth, int64_t columns, LoadA load_a, LoadB load_b, Store store) {
  constexpr int64_t kTile = 64;
  Sum sums[kTile];
  for (int64_t first = 0; first < columns; first += kTile) {
    const int64_t count = std::min(kTile, columns - first);
    std::fill_n(sums, count, Sum(0));
    for (int64_t p = 0; p < depth; ++p) {
      const Sum a = load_a(p);
      for (int64_t j = 0; j < count; ++j) sums[j] = multiply_add(a, load_b(p, first + j), sums[j]);
    }
    for (int64_t j = 0; j < count; ++j) store(first + j, sums[j]);
  }
}

}  // namespace sardonyx
