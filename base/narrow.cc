#include "base/narrow.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sardonyx {
namespace {

// The layout of a narrow float and what its extreme codes mean.
struct NarrowFormat {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  bool has_infinity;       // the largest exponent holds infinity and NaN, as in IEEE 754
  bool nan_is_all_ones;    // FN: the all-ones code of either sign is NaN
  bool nan_is_minus_zero;  // FNUZ: 0x80 is NaN, and there is no negative zero
};

constexpr NarrowFormat kE4M3FN = {4, 3, 7, false, true, false};
constexpr NarrowFormat kE4M3FNUZ = {4, 3, 8, false, false, true};
constexpr NarrowFormat kE5M2 = {5, 2, 15, true, false, false};
constexpr NarrowFormat kE5M2FNUZ = {5, 2, 16, false, false, true};
constexpr NarrowFormat kE2M1 = {2, 1, 1, false, false, false};
constexpr NarrowFormat kHalf = {5, 10, 15, true, false, false};
constexpr NarrowFormat kBrain = {8, 7, 127, true, false, false};

constexpr uint32_t sign_bit(const NarrowFormat& f) {
  return 1u << (f.exponent_bits + f.mantissa_bits);
}
// The code of the largest finite magnitude.
constexpr uint32_t max_finite(const NarrowFormat& f) {
  if (f.has_infinity) return (((1u << f.exponent_bits) - 1) << f.mantissa_bits) - 1;
  return sign_bit(f) - (f.nan_is_all_ones ? 2 : 1);
}
constexpr uint32_t nan_code(const NarrowFormat& f) {
  if (f.nan_is_minus_zero) return sign_bit(f);
  if (f.has_infinity) return max_finite(f) + 1 + (1u << (f.mantissa_bits - 1));
  return sign_bit(f) - 1;
}

double decode(const NarrowFormat& f, uint32_t bits) {
  const bool negative = (bits & sign_bit(f)) != 0;
  const uint32_t magnitude = bits & (sign_bit(f) - 1);
  if (f.nan_is_minus_zero && bits == sign_bit(f)) return std::numeric_limits<double>::quiet_NaN();
  if (magnitude > max_finite(f)) {
    const bool infinite = f.has_infinity && magnitude == max_finite(f) + 1;
    const double value = infinite ? std::numeric_limits<double>::infinity()
                                  : std::numeric_limits<double>::quiet_NaN();
    return negative ? -value : value;
  }
  const int exponent = static_cast<int>(magnitude >> f.mantissa_bits);
  const int mantissa = static_cast<int>(magnitude & ((1u << f.mantissa_bits) - 1));
  const int hidden = exponent == 0 ? 0 : 1 << f.mantissa_bits;
  const int scale = (exponent == 0 ? 1 : exponent) - f.bias - f.mantissa_bits;
  const double value = std::ldexp(mantissa + hidden, scale);
  return negative ? -value : value;
}

// The code of a finite value's magnitude, rounded once to nearest even; beyond max_finite where it
// overflows. Codes of one sign are ordered as their values, so rounding up is adding one.
uint32_t round_magnitude(const NarrowFormat& f, double magnitude) {
  if (magnitude == 0) return 0;
  int exponent = 0;
  std::frexp(magnitude, &exponent);  // magnitude = m * 2^exponent, m in [1/2, 1)
  const int lowest = 1 - f.bias;
  const int used = std::max(exponent - 1, lowest);
  // In units of the last place this is below 2^(mantissa_bits + 1), and ldexp is exact on it
  // unless it is far below half a unit, where it rounds to zero as it should.
  const double units = std::ldexp(magnitude, f.mantissa_bits - used);
  const double rounded = std::nearbyint(units);
  const uint64_t base = static_cast<uint64_t>(used - lowest) << f.mantissa_bits;
  const uint64_t code = base + static_cast<uint64_t>(rounded);
  return static_cast<uint32_t>(std::min<uint64_t>(code, sign_bit(f)));
}

uint32_t encode(const NarrowFormat& f, double value, bool saturate) {
  const uint32_t sign = std::signbit(value) ? sign_bit(f) : 0;
  if (std::isnan(value)) return f.nan_is_minus_zero ? nan_code(f) : sign | nan_code(f);
  // E4M3FN and the FNUZ formats have no infinity: unsaturated overflow is NaN.
  const uint32_t overflow = saturate              ? sign | max_finite(f)
                            : f.has_infinity      ? sign | (max_finite(f) + 1)
                            : f.nan_is_minus_zero ? nan_code(f)
                                                  : sign | nan_code(f);
  if (std::isinf(value)) return overflow;
  const uint32_t magnitude = round_magnitude(f, std::abs(value));
  if (magnitude > max_finite(f)) return overflow;
  if (magnitude == 0 && f.nan_is_minus_zero) return 0;
  return sign | magnitude;
}

// E8M0: 2^(code - 127), 255 is NaN; neither sign nor zero.
float decode_e8m0(uint8_t bits) {
  if (bits == 255) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(std::ldexp(1.0, bits - 127));
}
uint8_t encode_e8m0(float value, bool saturate) {
  if (std::isnan(value)) return 255;
  if (std::isinf(value)) return saturate ? 254 : 255;
  const double magnitude = std::abs(static_cast<double>(value));
  if (magnitude == 0) return 0;
  int exponent = 0;
  const double mantissa = std::frexp(magnitude, &exponent);  // in [1/2, 1)
  int code = exponent - 1 + 127;
  // Nearest power of two; a tie (1.5) goes up.
  if (mantissa >= 0.75) ++code;
  if (code > 254) return saturate ? 254 : 255;
  return static_cast<uint8_t>(std::max(code, 0));
}

const NarrowFormat* format_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN:
      return &kE4M3FN;
    case DType::kFloat8E4M3FNUZ:
      return &kE4M3FNUZ;
    case DType::kFloat8E5M2:
      return &kE5M2;
    case DType::kFloat8E5M2FNUZ:
      return &kE5M2FNUZ;
    case DType::kFloat4E2M1:
      return &kE2M1;
    default:
      return nullptr;
  }
}

}  // namespace

float to_float(Float16 value) {
  const uint32_t sign = (value.bits & 0x8000u) << 16;
  const uint32_t magnitude = value.bits & 0x7FFFu;
  if (magnitude >= 0x7C00) {  // infinity and NaN, payload kept
    return std::bit_cast<float>(sign | 0x7F800000u | ((magnitude & 0x3FF) << 13));
  }
  if (magnitude < 0x400) {  // subnormal; no f32 subnormal on the way, they may be flushed
    const float value = static_cast<float>(magnitude) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(value));
  }
  return std::bit_cast<float>(sign | ((magnitude << 13) + ((127 - 15) << 23)));
}

Float16 to_float16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  uint32_t code;
  if (magnitude > 0x7F800000) {
    code = 0x7E00 | ((magnitude >> 13) & 0x3FF);
  } else if (magnitude >= 0x47800000) {
    code = 0x7C00;
  } else if (magnitude < 0x38800000) {  // subnormal: the addition rounds at 2^-24
    code = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000;
  } else {
    code = (magnitude - ((127 - 15) << 23) + 0xFFF + ((magnitude >> 13) & 1)) >> 13;
  }
  return {static_cast<uint16_t>(sign | code)};
}

Float16 to_float16(double value) { return {static_cast<uint16_t>(encode(kHalf, value, false))}; }

Bfloat16 to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return {static_cast<uint16_t>((bits >> 16) | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)};
}

Bfloat16 to_bfloat16(double value) { return {static_cast<uint16_t>(encode(kBrain, value, false))}; }

float narrow_to_float(DType dtype, uint8_t bits) {
  if (dtype == DType::kFloat8E8M0) return decode_e8m0(bits);
  const NarrowFormat* format = format_of(dtype);
  if (format == nullptr) return std::numeric_limits<float>::quiet_NaN();
  const uint32_t mask = 2 * sign_bit(*format) - 1;
  return static_cast<float>(decode(*format, bits & mask));
}

uint8_t narrow_from_float(DType dtype, float value, bool saturate) {
  if (dtype == DType::kFloat8E8M0) return encode_e8m0(value, saturate);
  const NarrowFormat* format = format_of(dtype);
  if (format == nullptr) return 0;
  // float4 has neither infinity nor NaN: it always saturates, and NaN becomes negative zero, as in
  // the specification's test data.
  if (dtype == DType::kFloat4E2M1) {
    if (std::isnan(value)) return static_cast<uint8_t>(sign_bit(*format));
    return static_cast<uint8_t>(encode(*format, value, true));
  }
  return static_cast<uint8_t>(encode(*format, value, saturate));
}

}  // namespace sardonyx
