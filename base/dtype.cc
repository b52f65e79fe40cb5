// The one table of element types behind base/dtype.h.
#include "base/dtype.h"

#include <array>
#include <string>

namespace sardonyx {
namespace {

enum class Kind : uint8_t { kNone, kFloat, kSigned, kUnsigned, kOther };

struct Row {
  int bits;
  Kind kind;
  std::string_view name;
  std::string_view onnx_name;
};

constexpr std::array<Row, kDTypeCount> kRows = {{
    {0, Kind::kNone, "undefined", "undefined"},
    {32, Kind::kFloat, "float32", "float"},
    {8, Kind::kUnsigned, "uint8", "uint8"},
    {8, Kind::kSigned, "int8", "int8"},
    {16, Kind::kUnsigned, "uint16", "uint16"},
    {16, Kind::kSigned, "int16", "int16"},
    {32, Kind::kSigned, "int32", "int32"},
    {64, Kind::kSigned, "int64", "int64"},
    {0, Kind::kOther, "string", "string"},
    {8, Kind::kOther, "bool", "bool"},
    {16, Kind::kFloat, "float16", "float16"},
    {64, Kind::kFloat, "float64", "double"},
    {32, Kind::kUnsigned, "uint32", "uint32"},
    {64, Kind::kUnsigned, "uint64", "uint64"},
    {64, Kind::kOther, "complex64", "complex64"},
    {128, Kind::kOther, "complex128", "complex128"},
    {16, Kind::kFloat, "bfloat16", "bfloat16"},
    {8, Kind::kFloat, "float8e4m3fn", "float8e4m3fn"},
    {8, Kind::kFloat, "float8e4m3fnuz", "float8e4m3fnuz"},
    {8, Kind::kFloat, "float8e5m2", "float8e5m2"},
    {8, Kind::kFloat, "float8e5m2fnuz", "float8e5m2fnuz"},
    {4, Kind::kUnsigned, "uint4", "uint4"},
    {4, Kind::kSigned, "int4", "int4"},
    {4, Kind::kFloat, "float4e2m1", "float4e2m1"},
    {8, Kind::kFloat, "float8e8m0", "float8e8m0"},
    {2, Kind::kUnsigned, "uint2", "uint2"},
    {2, Kind::kSigned, "int2", "int2"},
}};

const Row& row(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  return kRows[index < kRows.size() ? index : 0];
}

}  // namespace

int dtype_bits(DType dtype) { return row(dtype).bits; }

size_t dtype_bytes(DType dtype, size_t count) {
  if (dtype == DType::kString) return count * sizeof(std::string);
  const auto bits = static_cast<size_t>(row(dtype).bits);
  return bits >= 8 ? count * (bits / 8) : (count * bits + 7) / 8;
}

std::string_view dtype_name(DType dtype) { return row(dtype).name; }
std::string_view dtype_onnx_name(DType dtype) { return row(dtype).onnx_name; }

DType dtype_from_name(std::string_view name) {
  for (size_t i = 1; i < kRows.size(); ++i) {
    if (kRows[i].name == name || kRows[i].onnx_name == name) return static_cast<DType>(i);
  }
  return DType::kUndefined;
}

bool dtype_is_float(DType dtype) { return row(dtype).kind == Kind::kFloat; }
bool dtype_is_integer(DType dtype) {
  return row(dtype).kind == Kind::kSigned || row(dtype).kind == Kind::kUnsigned;
}
bool dtype_is_signed(DType dtype) {
  return row(dtype).kind == Kind::kSigned || row(dtype).kind == Kind::kFloat;
}

}  // namespace sardonyx
