// Changes, checks and printing of concrete shapes.
#include "base/shape.h"

#include <utility>

namespace sardonyx {

Shape::Shape(std::span<const int64_t> dims) { assign(dims); }
Shape::Shape(size_t rank, int64_t dim) { resize(rank, dim); }

void Shape::assign(std::span<const int64_t> dims) {
  resize(dims.size());
  std::copy(dims.begin(), dims.end(), data());
}

void Shape::copy_heap(const Shape& other) {
  heap_ = std::make_unique<int64_t[]>(rank_);
  std::copy_n(other.heap_.get(), rank_, heap_.get());
}

void Shape::resize(size_t rank, int64_t dim) {
  const size_t kept = std::min(rank, rank_);
  if (rank > kInline) {
    auto dims = std::make_unique<int64_t[]>(rank);
    std::copy_n(data(), kept, dims.get());
    heap_ = std::move(dims);
  } else if (rank_ > kInline) {
    std::copy_n(heap_.get(), kept, inline_);
  }
  rank_ = rank;
  std::fill(begin() + kept, end(), dim);
}

void Shape::insert(size_t axis, int64_t dim) {
  push_back(dim);
  std::rotate(begin() + axis, end() - 1, end());
}

void Shape::erase(size_t axis) {
  std::rotate(begin() + axis, begin() + axis + 1, end());
  resize(rank_ - 1);
}

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
