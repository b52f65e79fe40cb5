// TensorView: dtype, shape and a pointer to dense row-major elements somebody else owns.
// Tensor: the same with shared ownership of the bytes (own buffer, mapped file, caller's memory).
// Entry points: Tensor::allocate, Tensor::wrap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/dtype.h"
#include "base/error.h"
#include "base/export.h"
#include "base/shape.h"

namespace sardonyx {

struct TensorView {
  DType dtype = DType::kUndefined;
  Shape shape;
  void* data = nullptr;  // strings: an array of std::string

  int64_t count() const { return shape.count(); }
  size_t bytes() const { return dtype_bytes(dtype, static_cast<size_t>(count())); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
  template <class T>
  std::span<T> elements() const {
    return {static_cast<T*>(data), static_cast<size_t>(count())};
  }
};

// Where the bytes of a tensor are.
struct Device {
  enum class Kind : uint8_t { kCpu, kCuda };
  Kind kind = Kind::kCpu;
  int id = 0;
  friend bool operator==(const Device&, const Device&) = default;
};
SARDONYX_API std::string to_string(Device device);  // "cpu", "cuda:0"

class SARDONYX_API Tensor {
 public:
  Tensor() = default;

  // A new tensor, zero-filled (strings empty), 64-byte aligned. Fails on negative dims, on
  // overflow, and when the memory cannot be had.
  static Result<Tensor> allocate(DType dtype, const Shape& shape);
  // A tensor over memory that `owner` keeps alive (null: the caller promises to).
  static Tensor wrap(DType dtype, const Shape& shape, void* data, std::shared_ptr<void> owner,
                     Device device = {});
  // Copies of C++ values, for constants and tests.
  template <class T>
  static Tensor from(const Shape& shape, std::span<const T> elements);
  template <class T>
  static Tensor scalar(T element) {
    return from<T>(Shape(), std::span<const T>(&element, 1));
  }

  bool has_data() const { return view_.data != nullptr; }
  DType dtype() const { return view_.dtype; }
  const Shape& shape() const { return view_.shape; }
  int64_t count() const { return view_.count(); }
  size_t bytes() const { return view_.bytes(); }
  void* data() const { return view_.data; }
  template <class T>
  T* as() const {
    return view_.as<T>();
  }
  template <class T>
  std::span<T> elements() const {
    return view_.elements<T>();
  }
  const TensorView& view() const { return view_; }
  const std::shared_ptr<void>& owner() const { return owner_; }
  // data() may be read by the host only when this is the CPU.
  Device device() const { return device_; }

  // The same bytes under another shape with the same count.
  Tensor reshaped(const Shape& shape) const;

 private:
  TensorView view_;
  std::shared_ptr<void> owner_;
  Device device_;
};

// Copies `src` over `dst` of the same dtype and count (strings element by element).
SARDONYX_API void copy_elements(const TensorView& src, const TensorView& dst);

template <class T>
Tensor Tensor::from(const Shape& shape, std::span<const T> elements) {
  constexpr DType dtype = std::is_same_v<T, std::string> ? DType::kString : dtype_of<T>;
  static_assert(dtype != DType::kUndefined);
  Tensor tensor = *allocate(dtype, shape);
  std::copy(elements.begin(), elements.end(), tensor.as<T>());
  return tensor;
}

}  // namespace sardonyx
