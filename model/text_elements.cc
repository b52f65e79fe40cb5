// Numbers behind model/text_elements.h.
#include "model/text_elements.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/narrow.h"
#include "model/model.h"

namespace sardonyx {
namespace {

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
std::string print_real(T value) {
  if (std::isnan(value)) {
    const auto bits = std::bit_cast<BitsOf<T>>(value);
    const auto quiet = std::bit_cast<BitsOf<T>>(std::numeric_limits<T>::quiet_NaN());
    return bits == quiet ? "nan" : fmt::format("0x{:x}", bits);
  }
  char text[40];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
  return std::string(text, error == std::errc() ? end : text);
}

// Hexadecimal is the bit pattern itself.
bool parse_bits(std::string_view raw, uint64_t& bits) {
  if (raw.substr(0, 2) != "0x") return false;
  const auto [end, error] = std::from_chars(raw.data() + 2, raw.data() + raw.size(), bits, 16);
  return error == std::errc() && end == raw.data() + raw.size();
}

template <class T>
T parse_real(Lexer& lexer) {
  std::string_view raw = lexer.is(Token::Kind::kEnd) ? "" : lexer.token().raw;
  uint64_t bits = 0;
  T value = 0;
  if (parse_bits(raw, bits) && bits <= std::numeric_limits<BitsOf<T>>::max()) {
    lexer.number();
    return std::bit_cast<T>(static_cast<BitsOf<T>>(bits));
  }
  if (raw == "nan") {
    lexer.number();
    return std::numeric_limits<T>::quiet_NaN();
  }
  if (!raw.empty() && raw.front() == '+') raw.remove_prefix(1);
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  const bool whole = end == raw.data() + raw.size();
  if (error == std::errc::result_out_of_range && whole) {
    lexer.fail(fmt::format("a number is outside the range of float{}", sizeof(T) * 8));
  }
  if (error != std::errc() || !whole) lexer.fail("expected a number");
  lexer.number();
  return value;
}

uint8_t load_bits(const Tensor& tensor, size_t i, size_t bits) {
  const auto* bytes = tensor.as<uint8_t>();
  return static_cast<uint8_t>((bytes[i * bits / 8] >> (i * bits % 8)) & ((1u << bits) - 1));
}

void store_bits(const Tensor& tensor, size_t i, size_t bits, uint8_t value) {
  auto* bytes = tensor.as<uint8_t>();
  bytes[i * bits / 8] |= static_cast<uint8_t>((value & ((1u << bits) - 1)) << (i * bits % 8));
}

float canonical(float value) {
  return std::isnan(value) ? std::numeric_limits<float>::quiet_NaN() : value;
}

// A NaN other than the usual one has its bits printed.
std::string print_bits_or(float value, bool usual, uint32_t bits) {
  return usual ? print_real(canonical(value)) : fmt::format("0x{:x}", bits);
}

// float8, float4: one byte or less each.
std::string print_narrow(DType dtype, uint8_t bits) {
  const float value = narrow_to_float(dtype, bits);
  return print_bits_or(value, narrow_from_float(dtype, canonical(value), false) == bits, bits);
}

uint8_t parse_narrow(Lexer& lexer, DType dtype) {
  uint64_t bits = 0;
  if (lexer.is(Token::Kind::kNumber) && parse_bits(lexer.token().raw, bits) &&
      bits < (1u << dtype_bits(dtype))) {
    lexer.number();
    return static_cast<uint8_t>(bits);
  }
  return narrow_from_float(dtype, parse_real<float>(lexer), false);
}

// f16 and bf16.
template <class T>
std::string print_half(T half, T (*narrow)(float)) {
  const float value = to_float(half);
  return print_bits_or(value, narrow(canonical(value)).bits == half.bits, half.bits);
}

template <class T>
T parse_half(Lexer& lexer, T (*narrow)(float)) {
  uint64_t bits = 0;
  if (lexer.is(Token::Kind::kNumber) && parse_bits(lexer.token().raw, bits) && bits <= 0xffff) {
    lexer.number();
    return T{static_cast<uint16_t>(bits)};
  }
  return narrow(parse_real<float>(lexer));
}

template <class T>
T parse_integer(Lexer& lexer) {
  std::string_view raw = lexer.is(Token::Kind::kEnd) ? "" : lexer.token().raw;
  if (!raw.empty() && raw.front() == '+') raw.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), value);
  if (error != std::errc() || end != raw.data() + raw.size()) {
    lexer.fail(fmt::format("expected a number that {} can hold", dtype_name(dtype_of<T>)));
  }
  lexer.number();
  return value;
}

int64_t parse_ranged(Lexer& lexer, DType dtype) {
  const int bits = dtype_bits(dtype);
  const bool is_signed = dtype_is_signed(dtype);
  const int64_t low = is_signed ? -(int64_t{1} << (bits - 1)) : 0;
  const int64_t high = (int64_t{1} << (is_signed ? bits - 1 : bits)) - 1;
  const Lexer at = lexer;
  const int64_t value = lexer.integer();
  if (value < low || value > high) {
    at.fail(fmt::format("expected a number from {} to {}", low, high));
  }
  return value;
}

bool parse_bool(Lexer& lexer) {
  const bool is_true = lexer.is("true") || lexer.is("1");
  if (!is_true && !lexer.is("false") && !lexer.is("0")) lexer.fail("expected true or false");
  lexer.number();
  return is_true;
}

std::string print_element(const Tensor& tensor, size_t i) {
  const auto bits = static_cast<size_t>(dtype_bits(tensor.dtype()));
  switch (tensor.dtype()) {
    case DType::kFloat32:
    case DType::kComplex64:
      return print_real(tensor.as<float>()[i]);
    case DType::kFloat64:
    case DType::kComplex128:
      return print_real(tensor.as<double>()[i]);
    case DType::kUint8:
    case DType::kBool:
      return std::to_string(tensor.as<uint8_t>()[i]);
    case DType::kInt8:
      return std::to_string(tensor.as<int8_t>()[i]);
    case DType::kUint16:
      return std::to_string(tensor.as<uint16_t>()[i]);
    case DType::kInt16:
      return std::to_string(tensor.as<int16_t>()[i]);
    case DType::kUint32:
      return std::to_string(tensor.as<uint32_t>()[i]);
    case DType::kInt32:
      return std::to_string(tensor.as<int32_t>()[i]);
    case DType::kUint64:
      return std::to_string(tensor.as<uint64_t>()[i]);
    case DType::kInt64:
      return std::to_string(tensor.as<int64_t>()[i]);
    case DType::kString:
      return text_quoted(tensor.as<std::string>()[i]);
    case DType::kFloat16:
      return print_half<Float16>(tensor.as<Float16>()[i], to_float16);
    case DType::kBfloat16:
      return print_half<Bfloat16>(tensor.as<Bfloat16>()[i], to_bfloat16);
    case DType::kUint4:
    case DType::kUint2:
      return std::to_string(load_bits(tensor, i, bits));
    case DType::kInt4:
    case DType::kInt2: {
      const int sign = 1 << (bits - 1);
      return std::to_string((load_bits(tensor, i, bits) ^ sign) - sign);
    }
    default:
      return print_narrow(tensor.dtype(), load_bits(tensor, i, bits));
  }
}

void parse_element(Lexer& lexer, const Tensor& tensor, size_t i) {
  const DType dtype = tensor.dtype();
  const auto bits = static_cast<size_t>(dtype_bits(dtype));
  switch (dtype) {
    case DType::kFloat32:
    case DType::kComplex64:
      tensor.as<float>()[i] = parse_real<float>(lexer);
      break;
    case DType::kFloat64:
    case DType::kComplex128:
      tensor.as<double>()[i] = parse_real<double>(lexer);
      break;
    case DType::kBool:
      tensor.as<uint8_t>()[i] = parse_bool(lexer);
      break;
    case DType::kUint64:
      tensor.as<uint64_t>()[i] = parse_integer<uint64_t>(lexer);
      break;
    case DType::kInt64:
      tensor.as<int64_t>()[i] = parse_integer<int64_t>(lexer);
      break;
    case DType::kString:
      tensor.as<std::string>()[i] = lexer.quoted();
      break;
    case DType::kFloat16:
      tensor.as<Float16>()[i] = parse_half<Float16>(lexer, to_float16);
      break;
    case DType::kBfloat16:
      tensor.as<Bfloat16>()[i] = parse_half<Bfloat16>(lexer, to_bfloat16);
      break;
    default:
      if (!dtype_is_integer(dtype)) {
        store_bits(tensor, i, bits, parse_narrow(lexer, dtype));
      } else if (bits <= 8) {
        store_bits(tensor, i, bits, static_cast<uint8_t>(parse_ranged(lexer, dtype)));
      } else {
        const int64_t value = parse_ranged(lexer, dtype);  // little-endian: the low bytes first
        std::memcpy(tensor.as<char>() + i * bits / 8, &value, bits / 8);
      }
  }
}

size_t numbers_of(DType dtype) {
  return dtype == DType::kComplex64 || dtype == DType::kComplex128 ? 2 : 1;
}

}  // namespace

void print_elements(const Tensor& tensor, std::string& out) {
  const Result<Tensor> aligned = aligned_tensor(tensor);
  if (!aligned) {
    out += "...";
    return;
  }
  const size_t count = static_cast<size_t>(tensor.count()) * numbers_of(tensor.dtype());
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) out += ", ";
    out += print_element(*aligned, i);
  }
}

Tensor parse_elements(Lexer& lexer, DType dtype, const Shape& shape) {
  lexer.expect("{");
  // Grown while elements come, so that a wrong shape costs no memory.
  const size_t numbers = numbers_of(dtype);
  const auto count = static_cast<size_t>(shape.count());
  size_t room = 0;
  Tensor grown = take(Tensor::allocate(dtype, Shape{0}));
  for (size_t i = 0; i < count * numbers; ++i) {
    if (i >= room * numbers) {
      room = std::min(count, std::max<size_t>(room * 2, 64));
      const Tensor larger = take(Tensor::allocate(dtype, Shape{static_cast<int64_t>(room)}));
      copy_elements(grown.view(), larger.view());
      grown = larger;
    }
    if (lexer.is("}")) {
      lexer.fail(fmt::format("shape {} needs {} numbers, got only {}", shape.to_string(),
                             count * numbers, i));
    }
    if (i != 0) lexer.expect(",");
    parse_element(lexer, grown, i);
  }
  if (!lexer.is("}")) {
    lexer.fail(fmt::format("expected '}}' behind the {} numbers of shape {}", count * numbers,
                           shape.to_string()));
  }
  lexer.advance();
  return grown.reshaped(shape);
}

std::string print_float(float value) { return print_real(value); }
float parse_float(Lexer& lexer) { return parse_real<float>(lexer); }

}  // namespace sardonyx
