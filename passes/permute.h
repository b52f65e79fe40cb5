// Orders of axes, and constants written in another order.
#pragma once

#include <cstdint>
#include <vector>

#include "base/tensor.h"
#include "graph/dim.h"

namespace sardonyx {

// result[i] = items[order[i]], as Transpose does with dims.
template <class Items>
Items permuted(const Items& items, const std::vector<int64_t>& order) {
  Items result = items;
  for (size_t i = 0; i < order.size(); ++i) result[i] = items[static_cast<size_t>(order[i])];
  return result;
}

std::vector<int64_t> inverse_order(const std::vector<int64_t>& order);
bool is_identity_order(const std::vector<int64_t>& order);

// 0, 2, 3, ..., 1: from channels first to channels last.
std::vector<int64_t> channels_last_order(size_t rank);

// Whether a Transpose by this order leaves the elements where they are, as far as the dims show:
// the axes that are not known to be 1 keep their order.
bool keeps_memory_order(const Dims& dims, const std::vector<int64_t>& order);

// A copy of the tensor with its axes in this order. The dtype takes whole bytes and is no string.
Result<Tensor> transpose_constant(const Tensor& tensor, const std::vector<int64_t>& order);

}  // namespace sardonyx
