// Conversions between pairs of number types other than f32, one loop each.
#include "ops/elementwise/convert_number.h"

#include <bit>
#include <cmath>

#include "base/narrow.h"

namespace sardonyx {
namespace {

template <class From, class To>
void convert_tile(const void* const* srcs, void* dst, size_t count, const void* /*params*/) {
  const auto* in = static_cast<const Stored<From>*>(srcs[0]);
  To* out = static_cast<To*>(dst);
  for (size_t i = 0; i < count; ++i) out[i] = convert_stored<From, To>(in[i]);
}

template <class From>
TileFn conversion_from(DType to) {
  switch (to) {
    case DType::kBool:
      return convert_tile<From, bool>;
    case DType::kInt8:
      return convert_tile<From, int8_t>;
    case DType::kUint8:
      return convert_tile<From, uint8_t>;
    case DType::kInt16:
      return convert_tile<From, int16_t>;
    case DType::kUint16:
      return convert_tile<From, uint16_t>;
    case DType::kInt32:
      return convert_tile<From, int32_t>;
    case DType::kUint32:
      return convert_tile<From, uint32_t>;
    case DType::kInt64:
      return convert_tile<From, int64_t>;
    case DType::kUint64:
      return convert_tile<From, uint64_t>;
    case DType::kFloat64:
      return convert_tile<From, double>;
    default:
      return nullptr;
  }
}

// f64 to f32 such that rounding the result to fewer bits gives what rounding once would: inexact
// results get an odd last bit.
float round_to_odd(double number) {
  const auto rounded = static_cast<float>(number);
  if (static_cast<double>(rounded) == number || !std::isfinite(number)) return rounded;
  auto bits = std::bit_cast<uint32_t>(rounded);
  if (std::fabs(static_cast<double>(rounded)) > std::fabs(number)) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1);
}

void double_to_float16(const void* const* srcs, void* dst, size_t count, const void*) {
  for (size_t i = 0; i < count; ++i) {
    static_cast<Float16*>(dst)[i] = to_float16(static_cast<const double*>(srcs[0])[i]);
  }
}
void double_to_bfloat16(const void* const* srcs, void* dst, size_t count, const void*) {
  for (size_t i = 0; i < count; ++i) {
    static_cast<Bfloat16*>(dst)[i] = to_bfloat16(static_cast<const double*>(srcs[0])[i]);
  }
}
template <DType kTo>
void double_to_float8(const void* const* srcs, void* dst, size_t count, const void*) {
  for (size_t i = 0; i < count; ++i) {
    const float number = round_to_odd(static_cast<const double*>(srcs[0])[i]);
    static_cast<uint8_t*>(dst)[i] = narrow_from_float(kTo, number, true);
  }
}

TileFn conversion_from_double(DType to) {
  switch (to) {
    case DType::kFloat16:
      return double_to_float16;
    case DType::kBfloat16:
      return double_to_bfloat16;
    case DType::kFloat8E4M3FN:
      return double_to_float8<DType::kFloat8E4M3FN>;
    case DType::kFloat8E4M3FNUZ:
      return double_to_float8<DType::kFloat8E4M3FNUZ>;
    case DType::kFloat8E5M2:
      return double_to_float8<DType::kFloat8E5M2>;
    case DType::kFloat8E5M2FNUZ:
      return double_to_float8<DType::kFloat8E5M2FNUZ>;
    default:
      return conversion_from<double>(to);
  }
}

}  // namespace

TileFn find_number_conversion(DType from, DType to) {
  switch (from) {
    case DType::kBool:
      return conversion_from<bool>(to);
    case DType::kInt8:
      return conversion_from<int8_t>(to);
    case DType::kUint8:
      return conversion_from<uint8_t>(to);
    case DType::kInt16:
      return conversion_from<int16_t>(to);
    case DType::kUint16:
      return conversion_from<uint16_t>(to);
    case DType::kInt32:
      return conversion_from<int32_t>(to);
    case DType::kUint32:
      return conversion_from<uint32_t>(to);
    case DType::kInt64:
      return conversion_from<int64_t>(to);
    case DType::kUint64:
      return conversion_from<uint64_t>(to);
    case DType::kFloat64:
      return conversion_from_double(to);
    default:
      return nullptr;
  }
}

}  // namespace sardonyx
