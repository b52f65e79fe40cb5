#include "passes/numbers.h"

#include "base/rebuilt.h"
#include "ops/number.h"

namespace sardonyx {

std::optional<std::vector<double>> numbers_of(const Tensor* tensor) {
  if (tensor == nullptr) return std::nullopt;
  const Reading reading(*tensor);
  std::vector<double> numbers;
  const bool known = visit_float(tensor->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    for (T element : tensor->elements<T>()) numbers.push_back(widen(element));
  });
  if (!known) return std::nullopt;
  return numbers;
}

std::optional<std::vector<double>> per_channel(const Tensor* tensor, size_t axis, size_t rank,
                                               size_t count) {
  auto numbers = numbers_of(tensor);
  if (!numbers || tensor->shape().rank() > rank) return std::nullopt;
  if (numbers->size() == 1) return std::vector<double>(count, numbers->front());
  const size_t missing = rank - tensor->shape().rank();
  if (numbers->size() != count || missing > axis) return std::nullopt;
  if (tensor->shape()[axis - missing] != static_cast<int64_t>(count)) return std::nullopt;
  return numbers;
}

Tensor tensor_of(DType dtype, const Shape& shape, const std::vector<double>& numbers) {
  Tensor result;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    std::vector<T> elements;
    elements.reserve(numbers.size());
    for (double number : numbers) elements.push_back(narrow<T>(number));
    result = Tensor::from<T>(shape, std::span<const T>(elements));
  });
  return result;
}

}  // namespace sardonyx
