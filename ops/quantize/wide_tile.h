// WideTile: elements of any number dtype, packed ones too, as f64 and back, a tile at a time.
#pragma once

#include <array>

#include "ops/elementwise.h"
#include "ops/elementwise/packed.h"

namespace sardonyx {

class WideTile {
 public:
  static constexpr size_t kElements = 512;

  WideTile(Tier tier, DType dtype) : tier_(tier), dtype_(dtype), whole_(unpacked_dtype(dtype)) {}

  // Elements [first, first + count) of src, count <= kElements.
  void load(const void* src, size_t first, size_t count, double* dst) const {
    alignas(64) std::byte unpacked[kElements * sizeof(float)];
    const void* from = static_cast<const std::byte*>(src) + dtype_bytes(dtype_, first);
    if (dtype_ != whole_) {
      unpack_elements(dtype_, src, first, count, unpacked);
      from = unpacked;
    }
    convert(whole_, from, DType::kFloat64, dst, count);
  }

  // The reverse: integers are cut towards zero, floats rounded and float8 saturated. first is a
  // multiple of 4.
  void store(const double* src, size_t count, void* dst, size_t first) const {
    alignas(64) std::byte unpacked[kElements * sizeof(float)];
    if (dtype_ != whole_) {
      convert(DType::kFloat64, src, whole_, unpacked, count);
      pack_elements(dtype_, unpacked, first, count, dst);
    } else {
      convert(DType::kFloat64, src, whole_,
              static_cast<std::byte*>(dst) + dtype_bytes(dtype_, first), count);
    }
  }

 private:
  void convert(DType from, const void* src, DType to, void* dst, size_t count) const {
    if (from == to) {
      std::copy_n(static_cast<const double*>(src), count, static_cast<double*>(dst));
      return;
    }
    if (const TileFn fn = find_conversion(tier_, from, to)) {
      fn(&src, dst, count, nullptr);
      return;
    }
    alignas(64) float between[kElements];
    const void* middle = between;
    find_conversion(tier_, from, DType::kFloat32)(&src, between, count, nullptr);
    find_conversion(tier_, DType::kFloat32, to)(&middle, dst, count, nullptr);
  }

  Tier tier_;
  DType dtype_, whole_;
};

}  // namespace sardonyx
