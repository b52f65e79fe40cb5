// The narrow floats of the specification as storage types: f16, bf16, float8 (five kinds) and
// float4, with exact conversion to f32 and correctly rounded conversion from it. They are stored
// narrow and computed in f32.
#pragma once

#include <bit>
#include <cstdint>

#include "base/dtype.h"

namespace sardonyx {

struct Float16 {
  uint16_t bits = 0;
};
struct Bfloat16 {
  uint16_t bits = 0;
};

float to_float(Float16 value);
inline float to_float(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}
Float16 to_float16(float value);    // round to nearest even
Float16 to_float16(double value);   // one rounding, not through f32
Bfloat16 to_bfloat16(float value);  // round to nearest even, NaN kept
Bfloat16 to_bfloat16(double value);

// float8 and float4 by dtype; `bits` holds one element in its low bits.
float narrow_to_float(DType dtype, uint8_t bits);
// saturate: out-of-range values become the largest finite one (the `saturate` attribute of Cast),
// otherwise NaN or infinity as the specification's tables say.
uint8_t narrow_from_float(DType dtype, float value, bool saturate);

template <>
inline constexpr DType dtype_of<Float16> = DType::kFloat16;
template <>
inline constexpr DType dtype_of<Bfloat16> = DType::kBfloat16;

}  // namespace sardonyx
