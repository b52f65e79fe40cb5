// Softmax along an axis that is not the last: columns side by side, per tier.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

// [rows, columns] of a matrix whose rows are `stride` elements apart, columns <= kSoftmaxColumns;
// dst has the same strides and may be src.
inline constexpr size_t kSoftmaxColumns = 256;
struct SoftmaxColumns {
  void (*softmax)(const float* src, float* dst, int64_t rows, int64_t stride, size_t columns);
  void (*log_softmax)(const float* src, float* dst, int64_t rows, int64_t stride, size_t columns);
};

const SoftmaxColumns& softmax_columns(Tier tier);

}  // namespace sardonyx
