// DType: the element types of the ONNX specification (TensorProto.DataType), their sizes and
// names. Sub-byte types (int4, uint4, float4e2m1, int2, uint2) are packed, first element in the
// low bits, as the specification stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/export.h"

namespace sardonyx {

// Values are those of TensorProto.DataType.
enum class DType : uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};
inline constexpr int kDTypeCount = 27;

// Bits of one element; 0 for string and undefined (strings are std::string objects in memory).
SARDONYX_API int dtype_bits(DType dtype);

// Bytes that `count` packed elements occupy; strings count sizeof(std::string) each.
// The caller has checked that count * 16 does not overflow.
SARDONYX_API size_t dtype_bytes(DType dtype, size_t count);

// "float32", "int4", ...: the names this project prints.
SARDONYX_API std::string_view dtype_name(DType dtype);
// "float", "double", "int4", ...: the names in ONNX type strings, as in "tensor(float)".
SARDONYX_API std::string_view dtype_onnx_name(DType dtype);
// By either name; kUndefined when there is none.
SARDONYX_API DType dtype_from_name(std::string_view name);

SARDONYX_API bool dtype_is_float(DType dtype);    // f64 f32 f16 bf16 float8 float4
SARDONYX_API bool dtype_is_integer(DType dtype);  // signed and unsigned, 2 to 64 bits, not bool
SARDONYX_API bool dtype_is_signed(DType dtype);
inline bool dtype_is_sub_byte(DType dtype) {
  const int bits = dtype_bits(dtype);
  return bits != 0 && bits < 8;
}

// A set of dtypes, for type constraints.
using DTypeSet = uint32_t;
constexpr DTypeSet dtype_bit(DType dtype) { return DTypeSet{1} << static_cast<int>(dtype); }
template <class... T>
constexpr DTypeSet dtype_set(T... dtypes) {
  return (dtype_bit(dtypes) | ... | DTypeSet{0});
}

// The DType of a C++ type: dtype_of<float> == DType::kFloat32.
template <class T>
inline constexpr DType dtype_of = DType::kUndefined;
template <>
inline constexpr DType dtype_of<float> = DType::kFloat32;
template <>
inline constexpr DType dtype_of<double> = DType::kFloat64;
template <>
inline constexpr DType dtype_of<int8_t> = DType::kInt8;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::kUint8;
template <>
inline constexpr DType dtype_of<int16_t> = DType::kInt16;
template <>
inline constexpr DType dtype_of<uint16_t> = DType::kUint16;
template <>
inline constexpr DType dtype_of<int32_t> = DType::kInt32;
template <>
inline constexpr DType dtype_of<uint32_t> = DType::kUint32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::kInt64;
template <>
inline constexpr DType dtype_of<uint64_t> = DType::kUint64;
template <>
inline constexpr DType dtype_of<bool> = DType::kBool;

}  // namespace sardonyx
