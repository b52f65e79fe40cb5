// Shape: the concrete dims of a tensor, outermost first. Small shapes (rank <= 8) live inline.
// Sizes are checked once, by checked_count(), before anything is allocated.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/export.h"

namespace sardonyx {

class SARDONYX_API Shape {
 public:
  Shape() = default;
  Shape(const Shape& other) { copy(other); }
  Shape(Shape&& other) noexcept = default;
  Shape& operator=(const Shape& other) {
    if (this != &other) copy(other);
    return *this;
  }
  Shape& operator=(Shape&& other) noexcept = default;
  ~Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const int64_t> dims);
  Shape(size_t rank, int64_t dim);

  size_t rank() const { return rank_; }
  size_t size() const { return rank_; }
  bool empty() const { return rank_ == 0; }
  int64_t* data() { return rank_ <= kInline ? inline_ : heap_.get(); }
  const int64_t* data() const { return rank_ <= kInline ? inline_ : heap_.get(); }
  int64_t& operator[](size_t axis) { return data()[axis]; }
  int64_t operator[](size_t axis) const { return data()[axis]; }
  int64_t* begin() { return data(); }
  int64_t* end() { return data() + rank_; }
  const int64_t* begin() const { return data(); }
  const int64_t* end() const { return data() + rank_; }
  int64_t back() const { return data()[rank_ - 1]; }
  std::span<const int64_t> dims() const { return {data(), rank_}; }
  operator std::span<const int64_t>() const { return dims(); }

  void assign(std::span<const int64_t> dims);
  void resize(size_t rank, int64_t dim = 1);  // new dims are `dim`
  void push_back(int64_t dim) { resize(rank_ + 1, dim); }
  void insert(size_t axis, int64_t dim);
  void erase(size_t axis);

  // Number of elements; 1 for rank 0. Only for shapes that passed checked_count().
  int64_t count() const { return count(0, rank_); }
  // Product of dims[first, last).
  int64_t count(size_t first, size_t last) const {
    int64_t product = 1;
    for (size_t i = first; i < last; ++i) product *= data()[i];
    return product;
  }
  // The same with every dim >= 0 and no overflow (below 2^59 elements) checked.
  std::optional<int64_t> checked_count() const;

  // "2x3x224", "scalar" for rank 0.
  std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  static constexpr size_t kInline = 8;

  // Of small shapes all places: a few moves of vectors, shorter than a loop over the dims.
  void copy(const Shape& other) {
    rank_ = other.rank_;
    std::copy_n(other.inline_, kInline, inline_);
    if (rank_ > kInline) copy_heap(other);
  }
  void copy_heap(const Shape& other);

  size_t rank_ = 0;
  int64_t inline_[kInline] = {};
  std::unique_ptr<int64_t[]> heap_;  // all dims, where they are more than kInline
};

}  // namespace sardonyx
