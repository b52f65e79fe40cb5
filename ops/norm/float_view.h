// FloatView: the elements of a float tensor of any of the four dtypes, read and written as f64: for
// the plain kernels of normalisations.
#pragma once

#include "base/narrow.h"
#include "base/tensor.h"

namespace sardonyx {

class FloatView {
 public:
  explicit FloatView(const TensorView& view) : dtype_(view.dtype), data_(view.data) {}

  double get(int64_t index) const {
    const auto i = static_cast<size_t>(index);
    switch (dtype_) {
      case DType::kFloat32:
        return static_cast<const float*>(data_)[i];
      case DType::kFloat16:
        return to_float(static_cast<const Float16*>(data_)[i]);
      case DType::kBfloat16:
        return to_float(static_cast<const Bfloat16*>(data_)[i]);
      default:
        return static_cast<const double*>(data_)[i];
    }
  }

  void set(int64_t index, double number) const {
    const auto i = static_cast<size_t>(index);
    switch (dtype_) {
      case DType::kFloat32:
        static_cast<float*>(data_)[i] = static_cast<float>(number);
        break;
      case DType::kFloat16:
        static_cast<Float16*>(data_)[i] = to_float16(number);
        break;
      case DType::kBfloat16:
        static_cast<Bfloat16*>(data_)[i] = to_bfloat16(number);
        break;
      default:
        static_cast<double*>(data_)[i] = number;
    }
  }

 private:
  DType dtype_;
  void* data_;
};

}  // namespace sardonyx
