// Checks and printing of concrete shapes.
#include "base/shape.h"

namespace sardonyx {

std::optional<int64_t> Shape::checked_count() const {
  constexpr int64_t kLimit = int64_t{1} << 59;
  int64_t product = 1;
  bool empty = false;
  for (int64_t dim : *this) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    if (product > kLimit / dim) return std::nullopt;
    product *= dim;
  }
  return empty ? 0 : product;
}

std::string Shape::to_string() const {
  if (empty()) return "scalar";
  std::string text;
  for (size_t i = 0; i < rank_; ++i) {
    if (i != 0) text += 'x';
    text += std::to_string((*this)[i]);
  }
  return text;
}

}  // namespace sardonyx
