// Element parsing, generation, printing and comparison for cases.
#include "tests/support/case_elements.h"

#include <cmath>
#include <cstring>

#include "base/narrow.h"
#include "base/result.h"

namespace sardonyx {
namespace {

struct ShortName {
  const char* name;
  DType dtype;
};
constexpr ShortName kShortNames[] = {
    {"f32", DType::kFloat32},
    {"f64", DType::kFloat64},
    {"f16", DType::kFloat16},
    {"bf16", DType::kBfloat16},
    {"i8", DType::kInt8},
    {"i16", DType::kInt16},
    {"i32", DType::kInt32},
    {"i64", DType::kInt64},
    {"u8", DType::kUint8},
    {"u16", DType::kUint16},
    {"u32", DType::kUint32},
    {"u64", DType::kUint64},
    {"i4", DType::kInt4},
    {"u4", DType::kUint4},
    {"i2", DType::kInt2},
    {"u2", DType::kUint2},
    {"str", DType::kString},
    {"c64", DType::kComplex64},
    {"c128", DType::kComplex128},
    {"f4e2m1", DType::kFloat4E2M1},
    {"f8e4m3fn", DType::kFloat8E4M3FN},
    {"f8e4m3fnuz", DType::kFloat8E4M3FNUZ},
    {"f8e5m2", DType::kFloat8E5M2},
    {"f8e5m2fnuz", DType::kFloat8E5M2FNUZ},
    {"f8e8m0", DType::kFloat8E8M0},
};

// Bits [first, first + bits) of packed elements.
uint8_t packed_bits(const TensorView& tensor, int64_t index) {
  const int bits = dtype_bits(tensor.dtype);
  const int per_byte = 8 / bits;
  return static_cast<uint8_t>(
      (tensor.as<uint8_t>()[index / per_byte] >> (index % per_byte * bits)) & ((1 << bits) - 1));
}

void set_packed_bits(const TensorView& tensor, int64_t index, unsigned value) {
  const int bits = dtype_bits(tensor.dtype);
  const int per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1;
  const auto shift = static_cast<unsigned>(index % per_byte * bits);
  uint8_t& byte = tensor.as<uint8_t>()[index / per_byte];
  byte = static_cast<uint8_t>((byte & ~(mask << shift)) | ((value & mask) << shift));
}

bool is_narrow(DType dtype) { return dtype_is_float(dtype) && dtype_bits(dtype) <= 8; }

void store_float(const TensorView& tensor, int64_t i, double value) {
  switch (tensor.dtype) {
    case DType::kFloat32:
      tensor.as<float>()[i] = static_cast<float>(value);
      return;
    case DType::kFloat64:
      tensor.as<double>()[i] = value;
      return;
    case DType::kFloat16:
      tensor.as<Float16>()[i] = to_float16(value);
      return;
    case DType::kBfloat16:
      tensor.as<Bfloat16>()[i] = to_bfloat16(value);
      return;
    default:
      break;
  }
  const uint8_t bits = narrow_from_float(tensor.dtype, static_cast<float>(value), false);
  if (dtype_is_sub_byte(tensor.dtype)) return set_packed_bits(tensor, i, bits);
  tensor.as<uint8_t>()[i] = bits;
}

void store_integer(const TensorView& tensor, int64_t i, uint64_t value) {
  switch (dtype_bits(tensor.dtype)) {
    case 8:
      tensor.as<uint8_t>()[i] = static_cast<uint8_t>(value);
      return;
    case 16:
      tensor.as<uint16_t>()[i] = static_cast<uint16_t>(value);
      return;
    case 32:
      tensor.as<uint32_t>()[i] = static_cast<uint32_t>(value);
      return;
    case 64:
      tensor.as<uint64_t>()[i] = value;
      return;
    default:
      set_packed_bits(tensor, i, static_cast<unsigned>(value));
  }
}

uint64_t integer_element(const TensorView& tensor, int64_t i) {
  switch (dtype_bits(tensor.dtype)) {
    case 8:
      return tensor.as<uint8_t>()[i];
    case 16:
      return tensor.as<uint16_t>()[i];
    case 32:
      return tensor.as<uint32_t>()[i];
    case 64:
      return tensor.as<uint64_t>()[i];
    default:
      return packed_bits(tensor, i);
  }
}

void store_complex(const TensorView& tensor, int64_t i, double re, double im) {
  if (tensor.dtype == DType::kComplex64) {
    tensor.as<float>()[2 * i] = static_cast<float>(re);
    tensor.as<float>()[2 * i + 1] = static_cast<float>(im);
  } else {
    tensor.as<double>()[2 * i] = re;
    tensor.as<double>()[2 * i + 1] = im;
  }
}

bool is_complex(DType dtype) { return dtype == DType::kComplex64 || dtype == DType::kComplex128; }

Result<void> store_word(const TensorView& tensor, int64_t i, const std::string& word) {
  if (tensor.dtype == DType::kString) {
    tensor.as<std::string>()[i] = word;
    return {};
  }
  const char* begin = word.c_str();
  char* end = nullptr;
  if (tensor.dtype == DType::kBool) {
    if (word != "0" && word != "1" && word != "true" && word != "false") {
      return fail(Code::kFail, "'{}' is no bool", word);
    }
    tensor.as<bool>()[i] = word == "1" || word == "true";
    return {};
  }
  if (is_complex(tensor.dtype)) {
    const double re = std::strtod(begin, &end);
    const double im = *end == 0 ? 0 : std::strtod(end, &end);
    if (*end == 'i') ++end;
    store_complex(tensor, i, re, im);
  } else if (dtype_is_float(tensor.dtype)) {
    // One rounding for f32: strtod would round twice.
    const bool single = tensor.dtype == DType::kFloat32;
    store_float(tensor, i, single ? std::strtof(begin, &end) : std::strtod(begin, &end));
  } else {
    store_integer(tensor, i,
                  word[0] == '-' ? static_cast<uint64_t>(std::strtoll(begin, &end, 0))
                                 : std::strtoull(begin, &end, 0));
  }
  if (*end != 0 || word.empty()) {
    return fail(Code::kFail, "'{}' is no {}", word, dtype_name(tensor.dtype));
  }
  return {};
}

uint64_t next_random(uint64_t& state) {  // splitmix64
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

double uniform(uint64_t& state, double low, double high) {
  return low + (high - low) * static_cast<double>(next_random(state) >> 11) * 0x1p-53;
}

void fill_random(const TensorView& tensor, const std::vector<std::string>& words, uint64_t seed) {
  const auto number = [&](size_t i, double otherwise) {
    return i < words.size() ? std::strtod(words[i].c_str(), nullptr) : otherwise;
  };
  const bool is_float = dtype_is_float(tensor.dtype) || is_complex(tensor.dtype);
  uint64_t state = words.size() > 1 ? std::strtoull(words[1].c_str(), nullptr, 0) : seed;
  const double low = number(2, is_float ? -1 : dtype_is_signed(tensor.dtype) ? -8 : 0);
  const double high = number(3, is_float ? 1 : 8);
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double value = uniform(state, low, high);
    if (tensor.dtype == DType::kString) {
      tensor.as<std::string>()[i] =
          std::string(next_random(state) % 20, 'a') + std::to_string(value);
    } else if (tensor.dtype == DType::kBool) {
      tensor.as<bool>()[i] = (next_random(state) & 1) != 0;
    } else if (is_complex(tensor.dtype)) {
      store_complex(tensor, i, value, uniform(state, low, high));
    } else if (is_float) {
      store_float(tensor, i, value);
    } else {
      store_integer(tensor, i, static_cast<uint64_t>(static_cast<int64_t>(std::floor(value))));
    }
  }
}

void fill_iota(const TensorView& tensor, const std::vector<std::string>& words) {
  const double start = words.size() > 1 ? std::strtod(words[1].c_str(), nullptr) : 0;
  const double step = words.size() > 2 ? std::strtod(words[2].c_str(), nullptr) : 1;
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double value = start + step * static_cast<double>(i);
    if (tensor.dtype == DType::kString) {
      tensor.as<std::string>()[i] = fmt::format("{}", value);
    } else if (tensor.dtype == DType::kBool) {
      tensor.as<bool>()[i] = value != 0;
    } else if (is_complex(tensor.dtype)) {
      store_complex(tensor, i, value, -value);
    } else if (dtype_is_float(tensor.dtype)) {
      store_float(tensor, i, value);
    } else {
      store_integer(tensor, i, static_cast<uint64_t>(static_cast<int64_t>(value)));
    }
  }
}

struct Tolerance {
  double relative;
  double absolute;
};

Tolerance default_tolerance(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
    case DType::kComplex128:
      return {1e-10, 1e-12};
    case DType::kFloat16:
      return {2e-3, 1e-4};
    case DType::kBfloat16:
      return {1e-2, 1e-3};
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
      return {0.125, 0x1p-9};
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
      return {0.25, 0x1p-16};
    case DType::kFloat8E8M0:
      return {1, 0};
    case DType::kFloat4E2M1:
      return {0.5, 0.5};
    default:
      return {1e-5, 1e-6};
  }
}

bool close(double want, double got, Tolerance tolerance) {
  if (std::isnan(want)) return std::isnan(got);
  if (std::isinf(want) || std::isinf(got)) return want == got;
  return std::abs(want - got) <= tolerance.absolute + tolerance.relative * std::abs(want);
}

std::string element_text(const TensorView& tensor, int64_t i) {
  if (tensor.dtype == DType::kString) return fmt::format("\"{}\"", tensor.as<std::string>()[i]);
  if (tensor.dtype == DType::kBool) return tensor.as<bool>()[i] ? "true" : "false";
  if (tensor.dtype == DType::kComplex64) {
    return fmt::format("{}+{}i", tensor.as<float>()[2 * i], tensor.as<float>()[2 * i + 1]);
  }
  if (tensor.dtype == DType::kComplex128) {
    return fmt::format("{}+{}i", tensor.as<double>()[2 * i], tensor.as<double>()[2 * i + 1]);
  }
  if (tensor.dtype == DType::kFloat32) return fmt::format("{}", tensor.as<float>()[i]);
  if (dtype_is_float(tensor.dtype)) return fmt::format("{}", float_element(tensor, i));
  const uint64_t bits = integer_element(tensor, i);
  if (!dtype_is_signed(tensor.dtype)) return fmt::format("{}", bits);
  const int shift = 64 - dtype_bits(tensor.dtype);
  return fmt::format("{}", static_cast<int64_t>(bits << shift) >> shift);
}

bool elements_match(const TensorView& want, const TensorView& got, int64_t i, Tolerance tolerance) {
  if (want.dtype == DType::kString) return want.as<std::string>()[i] == got.as<std::string>()[i];
  if (want.dtype == DType::kComplex64) {
    return close(want.as<float>()[2 * i], got.as<float>()[2 * i], tolerance) &&
           close(want.as<float>()[2 * i + 1], got.as<float>()[2 * i + 1], tolerance);
  }
  if (want.dtype == DType::kComplex128) {
    return close(want.as<double>()[2 * i], got.as<double>()[2 * i], tolerance) &&
           close(want.as<double>()[2 * i + 1], got.as<double>()[2 * i + 1], tolerance);
  }
  if (dtype_is_float(want.dtype)) {
    return close(float_element(want, i), float_element(got, i), tolerance);
  }
  return integer_element(want, i) == integer_element(got, i);
}

std::optional<std::string> tensor_difference(const TensorView& want, const TensorView& got,
                                             std::optional<double> tolerance) {
  if (want.dtype != got.dtype) {
    return fmt::format("is {}, expected {}", dtype_name(got.dtype), dtype_name(want.dtype));
  }
  if (!(want.shape == got.shape)) {
    return fmt::format("has shape {}, expected {}", got.shape.to_string(), want.shape.to_string());
  }
  const Tolerance limits =
      tolerance ? Tolerance{*tolerance, *tolerance} : default_tolerance(want.dtype);
  for (int64_t i = 0; i < want.count(); ++i) {
    if (elements_match(want, got, i, limits)) continue;
    return fmt::format("element {} is {}, expected {}", i, element_text(got, i),
                       element_text(want, i));
  }
  return std::nullopt;
}

std::optional<std::string> list_difference(const std::vector<Value>& want,
                                           const std::vector<Value>& got,
                                           std::optional<double> tolerance) {
  if (want.size() != got.size()) {
    return fmt::format("has {} items, expected {}", got.size(), want.size());
  }
  for (size_t i = 0; i < want.size(); ++i) {
    if (auto text = difference(want[i], got[i], tolerance)) {
      return fmt::format("item {} {}", i, *text);
    }
  }
  return std::nullopt;
}

}  // namespace

DType case_dtype(const std::string& name) {
  for (const ShortName& each : kShortNames) {
    if (name == each.name) return each.dtype;
  }
  return dtype_from_name(name);
}

Result<Tensor> make_elements(DType dtype, const Shape& shape, const std::vector<std::string>& words,
                             uint64_t seed) {
  Tensor tensor = TRY(Tensor::allocate(dtype, shape));
  const TensorView& view = tensor.view();
  const std::string first = words.empty() || dtype == DType::kString ? "" : words[0];
  if (first == "random" || (!words.empty() && words[0] == "random" && tensor.count() != 1)) {
    fill_random(view, words, seed);
  } else if (first == "iota") {
    fill_iota(view, words);
  } else if (first == "all" && words.size() == 2) {
    for (int64_t i = 0; i < tensor.count(); ++i) TRY(store_word(view, i, words[1]));
  } else {
    if (static_cast<int64_t>(words.size()) != tensor.count()) {
      return fail(Code::kFail, "{} elements are given for shape {}", words.size(),
                  shape.to_string());
    }
    for (size_t i = 0; i < words.size(); ++i) {
      TRY(store_word(view, static_cast<int64_t>(i), words[i]));
    }
  }
  return tensor;
}

double float_element(const TensorView& tensor, int64_t i) {
  switch (tensor.dtype) {
    case DType::kFloat32:
      return tensor.as<float>()[i];
    case DType::kFloat64:
      return tensor.as<double>()[i];
    case DType::kFloat16:
      return to_float(tensor.as<Float16>()[i]);
    case DType::kBfloat16:
      return to_float(tensor.as<Bfloat16>()[i]);
    default:
      break;
  }
  if (!is_narrow(tensor.dtype)) return std::nan("");
  return narrow_to_float(tensor.dtype, dtype_is_sub_byte(tensor.dtype) ? packed_bits(tensor, i)
                                                                       : tensor.as<uint8_t>()[i]);
}

std::optional<std::string> difference(const Value& want, const Value& got,
                                      std::optional<double> tolerance) {
  if (want.kind() != got.kind()) return "is another kind of value than expected";
  switch (want.kind()) {
    case Value::Kind::kTensor:
      return tensor_difference(want.tensor().view(), got.tensor().view(), tolerance);
    case Value::Kind::kSequence:
      return list_difference(want.items(), got.items(), tolerance);
    case Value::Kind::kOptional:
      if (want.has_value() != got.has_value()) return got.has_value() ? "has a value" : "is empty";
      return want.has_value() ? difference(want.inner(), got.inner(), tolerance) : std::nullopt;
    case Value::Kind::kMap:
      if (auto text = tensor_difference(want.map().keys.view(), got.map().keys.view(), tolerance)) {
        return "keys: " + *text;
      }
      return tensor_difference(want.map().values.view(), got.map().values.view(), tolerance);
    default:
      return "is of a kind that cases cannot compare";
  }
}

bool same_bits(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.kind() == Value::Kind::kNone) return true;
  if (!a.is_tensor()) return !difference(a, b, 0.0).has_value();
  const Tensor& x = a.tensor();
  const Tensor& y = b.tensor();
  if (x.dtype() != y.dtype() || !(x.shape() == y.shape())) return false;
  if (x.dtype() == DType::kString) return !difference(a, b, 0.0).has_value();
  return x.bytes() == 0 || std::memcmp(x.data(), y.data(), x.bytes()) == 0;
}

std::string describe_value(const Value& value) {
  if (!value.is_tensor()) return "a value that is no tensor";
  const TensorView& view = value.tensor().view();
  std::string text = fmt::format("{} {} {{", dtype_name(view.dtype), view.shape.to_string());
  const int64_t shown = std::min<int64_t>(view.count(), 24);
  for (int64_t i = 0; i < shown; ++i) text += (i == 0 ? "" : " ") + element_text(view, i);
  return text + (shown < view.count() ? " ...}" : "}");
}

}  // namespace sardonyx
