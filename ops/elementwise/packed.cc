#include "ops/elementwise/packed.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/narrow.h"

namespace sardonyx {

DType unpacked_dtype(DType dtype) {
  switch (dtype) {
    case DType::kInt4:
    case DType::kInt2:
      return DType::kInt8;
    case DType::kUint4:
    case DType::kUint2:
      return DType::kUint8;
    case DType::kFloat4E2M1:
      return DType::kFloat32;
    default:
      return dtype;
  }
}

void unpack_elements(DType dtype, const void* src, size_t first, size_t count, void* dst) {
  const auto* bytes = static_cast<const uint8_t*>(src);
  const auto bits = static_cast<size_t>(dtype_bits(dtype));
  const size_t per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  const unsigned sign = dtype == DType::kInt4 || dtype == DType::kInt2 ? 1u << (bits - 1) : 0;
  std::array<float, 16> floats{};
  if (dtype == DType::kFloat4E2M1) {
    for (uint8_t code = 0; code < 16; ++code) floats[code] = narrow_to_float(dtype, code);
  }
  for (size_t i = 0; i < count; ++i) {
    const size_t element = first + i;
    const unsigned shift = static_cast<unsigned>(element % per_byte * bits);
    const unsigned code = (bytes[element / per_byte] >> shift) & mask;
    if (dtype == DType::kFloat4E2M1) {
      static_cast<float*>(dst)[i] = floats[code];
    } else {
      static_cast<uint8_t*>(dst)[i] = static_cast<uint8_t>((code ^ sign) - sign);
    }
  }
}

void pack_elements(DType dtype, const void* src, size_t first, size_t count, void* dst) {
  const auto bits = static_cast<size_t>(dtype_bits(dtype));
  const size_t per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  auto* bytes = static_cast<uint8_t*>(dst) + first / per_byte;
  for (size_t i = 0; i < count; i += per_byte) {
    unsigned byte = 0;
    for (size_t j = i; j < std::min(count, i + per_byte); ++j) {
      const unsigned code = dtype == DType::kFloat4E2M1
                                ? narrow_from_float(dtype, static_cast<const float*>(src)[j], true)
                                : static_cast<const uint8_t*>(src)[j];
      byte |= (code & mask) << ((j - i) * bits);
    }
    bytes[i / per_byte] = static_cast<uint8_t>(byte);
  }
}

}  // namespace sardonyx
