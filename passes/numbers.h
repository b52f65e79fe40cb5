// Constants of any float dtype as f64 numbers, for rewrites that compute with them.
#pragma once

#include <optional>
#include <vector>

#include "base/tensor.h"

namespace sardonyx {

// All elements; nullopt where there is no tensor, or one of another dtype.
std::optional<std::vector<double>> numbers_of(const Tensor* tensor);
// `count` numbers, one per channel (`axis` of `rank` axes), from a constant of as many or of one
// that is broadcast to them.
std::optional<std::vector<double>> per_channel(const Tensor* tensor, size_t axis, size_t rank,
                                               size_t count);
// A tensor of a float dtype, each element rounded once.
Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& numbers);

}  // namespace sardonyx
