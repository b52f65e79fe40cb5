// Transposing constants, and what can be said of an order of axes.
#include "passes/permute.h"

#include <cstring>

#include "base/rebuilt.h"

namespace sardonyx {

std::vector<int64_t> inverse_order(const std::vector<int64_t>& order) {
  std::vector<int64_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
  }
  return inverse;
}

bool is_identity_order(const std::vector<int64_t>& order) {
  for (size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

std::vector<int64_t> channels_last_order(size_t rank) {
  std::vector<int64_t> order = {0};
  for (size_t axis = 2; axis < rank; ++axis) order.push_back(static_cast<int64_t>(axis));
  order.push_back(1);
  return order;
}

bool keeps_memory_order(const Dims& dims, const std::vector<int64_t>& order) {
  int64_t last = -1;
  for (int64_t axis : order) {
    if (dims[static_cast<size_t>(axis)] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

Result<Tensor> transpose_constant(const Tensor& tensor, const std::vector<int64_t>& order) {
  const size_t rank = order.size();
  const Shape& src_shape = tensor.shape();
  std::vector<int64_t> src_strides(rank, 1);
  for (size_t axis = rank; axis-- > 1;) src_strides[axis - 1] = src_strides[axis] * src_shape[axis];
  const Tensor result = TRY(Tensor::allocate(tensor.dtype(), permuted(src_shape, order)));
  const std::vector<int64_t> strides = permuted(src_strides, order);
  const size_t element = dtype_bytes(tensor.dtype(), 1);
  const Reading reading(tensor);
  const auto* src = static_cast<const std::byte*>(tensor.data());
  auto* dst = static_cast<std::byte*>(result.data());
  std::vector<int64_t> at(rank, 0);
  int64_t offset = 0;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    std::memcpy(dst + static_cast<size_t>(i) * element, src + static_cast<size_t>(offset) * element,
                element);
    for (size_t axis = rank; axis-- > 0;) {
      offset += strides[axis];
      if (++at[axis] < result.shape()[axis]) break;
      offset -= strides[axis] * result.shape()[axis];
      at[axis] = 0;
    }
  }
  return result;
}

}  // namespace sardonyx
