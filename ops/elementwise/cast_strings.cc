// Cast of numbers to strings and of strings to numbers. A float is written with the fewest digits
// that read back as the same number, plainly between 1e-4 and 1e16, else with an exponent.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/narrow.h"
#include "ops/elementwise/cast.h"
#include "ops/elementwise/packed.h"

namespace sardonyx {
namespace {

// "0.1", "1e-05", "3.0", from the shortest scientific form "d.ddde-05".
std::string plain_digits(std::string_view scientific) {
  const size_t e = scientific.find('e');
  int exponent = 0;
  const char* first = scientific.data() + e + 1;
  std::from_chars(*first == '+' ? first + 1 : first, scientific.data() + scientific.size(),
                  exponent);
  std::string digits;
  for (const char c : scientific.substr(0, e)) {
    if (c != '.') digits += c;
  }
  if (exponent < -4 || exponent >= 16) return std::string(scientific);
  if (exponent < 0) return "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return digits + std::string(whole - digits.size(), '0') + ".0";
  return digits.substr(0, whole) + "." + digits.substr(whole);
}

// `print` writes the shortest scientific form of the magnitude into a buffer and returns its end.
template <class Print>
std::string float_text(double number, Print print) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  std::array<char, 64> buffer;
  const std::string_view text(buffer.data(),
                              static_cast<size_t>(print(buffer.data()) - buffer.data()));
  return (std::signbit(number) ? "-" : "") + plain_digits(text);
}

std::string double_text(double number) {
  return float_text(number, [number](char* out) {
    return std::to_chars(out, out + 64, std::fabs(number), std::chars_format::scientific).ptr;
  });
}
std::string single_text(float number) {
  return float_text(number, [number](char* out) {
    return std::to_chars(out, out + 64, std::fabs(number), std::chars_format::scientific).ptr;
  });
}
// For narrow floats: the fewest digits that `narrow` maps to the same element.
template <class Narrow>
std::string narrow_text(float number, Narrow narrow) {
  const auto bits = narrow(std::fabs(number));
  return float_text(number, [&](char* out) {
    char* end = out;
    for (int digits = 0; digits < 10; ++digits) {
      end = std::to_chars(out, out + 64, std::fabs(number), std::chars_format::scientific, digits)
                .ptr;
      float read = 0;
      std::from_chars(out, end, read);
      if (narrow(read) == bits) break;
    }
    return end;
  });
}

std::string element_text(DType dtype, const void* data, size_t i) {
  switch (dtype) {
    case DType::kBool:
      return static_cast<const uint8_t*>(data)[i] != 0 ? "True" : "False";
    case DType::kInt8:
      return std::to_string(static_cast<const int8_t*>(data)[i]);
    case DType::kUint8:
      return std::to_string(static_cast<const uint8_t*>(data)[i]);
    case DType::kInt16:
      return std::to_string(static_cast<const int16_t*>(data)[i]);
    case DType::kUint16:
      return std::to_string(static_cast<const uint16_t*>(data)[i]);
    case DType::kInt32:
      return std::to_string(static_cast<const int32_t*>(data)[i]);
    case DType::kUint32:
      return std::to_string(static_cast<const uint32_t*>(data)[i]);
    case DType::kInt64:
      return std::to_string(static_cast<const int64_t*>(data)[i]);
    case DType::kUint64:
      return std::to_string(static_cast<const uint64_t*>(data)[i]);
    case DType::kFloat32:
      return single_text(static_cast<const float*>(data)[i]);
    case DType::kFloat64:
      return double_text(static_cast<const double*>(data)[i]);
    case DType::kFloat16:
      return narrow_text(to_float(static_cast<const Float16*>(data)[i]),
                         [](float x) { return to_float16(x).bits; });
    case DType::kBfloat16:
      return narrow_text(to_float(static_cast<const Bfloat16*>(data)[i]),
                         [](float x) { return to_bfloat16(x).bits; });
    case DType::kFloat4E2M1: {
      float number = 0;
      unpack_elements(dtype, data, i, 1, &number);
      return single_text(number);
    }
    case DType::kInt4:
    case DType::kInt2: {
      int8_t number = 0;
      unpack_elements(dtype, data, i, 1, &number);
      return std::to_string(number);
    }
    case DType::kUint4:
    case DType::kUint2: {
      uint8_t number = 0;
      unpack_elements(dtype, data, i, 1, &number);
      return std::to_string(number);
    }
    default:  // float8: so few digits would tell one from the next that they would look wrong
      return single_text(narrow_to_float(dtype, static_cast<const uint8_t*>(data)[i]));
  }
}

// ---- reading

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// The whole text as one number of type T; std::from_chars knows no leading plus sign.
template <class T>
std::optional<T> parse(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  T number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (code == std::errc::result_out_of_range) {
    if constexpr (std::is_floating_point_v<T>) {  // too large or too small: what strtod gives
      return static_cast<T>(std::strtod(std::string(text).c_str(), nullptr));
    }
    return std::nullopt;
  }
  return code == std::errc() ? std::optional(number) : std::nullopt;
}

struct Number {  // one of the two
  std::optional<int64_t> integer;
  double real = 0;
};

std::optional<Number> parse_number(std::string_view text, DType to) {
  text = trimmed(text);
  if (equals_ignoring_case(text, "true")) return Number{1, 1};
  if (equals_ignoring_case(text, "false")) return Number{0, 0};
  if (!dtype_is_float(to)) {
    if (const auto integer = parse<int64_t>(text)) return Number{integer, 0};
    if (const auto integer = parse<uint64_t>(text)) {
      return Number{static_cast<int64_t>(*integer), 0};
    }
  }
  if (to == DType::kFloat32) {  // rounded once
    const auto real = parse<float>(text);
    return real ? std::optional(Number{std::nullopt, *real}) : std::nullopt;
  }
  const auto real = parse<double>(text);
  return real ? std::optional(Number{std::nullopt, *real}) : std::nullopt;
}

// Strings become f64 or int64 elements, which a program converts to the dtype wanted.
class StringsToNumbers {
 public:
  static Result<StringsToNumbers> make(const KernelRequest& request) {
    const DType to = request.outputs[0].dtype();
    StringsToNumbers made;
    made.to_ = to;
    const std::string& round = request.node.attrs.get_string("round_mode");
    const CastMode mode{request.node.attrs.get_int("saturate", 1) != 0,
                        round.empty() ? "up" : std::string_view(round)};
    made.from_real_ = TRY(program(request.tier, DType::kFloat64, to, mode));
    made.from_integer_ = TRY(program(request.tier, DType::kInt64, to, mode));
    return made;
  }

  void operator()(RunArgs& args) const {
    const auto texts = args.inputs[0].elements<const std::string>();
    const size_t bytes = dtype_bytes(unpacked_dtype(to_), 1);
    const bool packed = dtype_is_sub_byte(to_);
    const size_t per_step = packed ? 4 : 1;
    for (size_t first = 0; first < texts.size(); first += per_step) {
      alignas(16) std::byte elements[4 * sizeof(double)];
      const size_t count = std::min(per_step, texts.size() - first);
      for (size_t i = 0; i < count; ++i) {
        if (!convert(texts[first + i], elements + i * bytes)) {
          args.report(Code::kInvalidArgument,
                      fmt::format("element {}, '{}', is not a number of type {}", first + i,
                                  texts[first + i].substr(0, 64), dtype_name(to_)));
          return;
        }
      }
      if (packed) {
        pack_elements(to_, elements, first, count, args.outputs[0].data);
      } else {
        std::memcpy(static_cast<std::byte*>(args.outputs[0].data) + first * bytes, elements, bytes);
      }
    }
  }

 private:
  static Result<ElementwiseProgram> program(Tier tier, DType from, DType to, const CastMode& mode) {
    ProgramBuilder builder(tier);
    const DType result = unpacked_dtype(to);
    const Reg dst = TRY(emit_conversion(builder, builder.add_input(from), result, mode));
    return builder.build(std::span(&dst, 1), std::span(&result, 1));
  }

  bool convert(const std::string& text, void* dst) const {
    const auto number = parse_number(text, to_);
    if (!number) return false;
    const void* src = &number->real;
    const int64_t integer = number->integer.value_or(0);
    if (number->integer) src = &integer;
    alignas(64) std::byte scratch[ElementwiseProgram::kScratchBytes];
    (number->integer ? from_integer_ : from_real_).run_tile(&src, &dst, 1, scratch);
    return true;
  }

  DType to_ = DType::kUndefined;
  ElementwiseProgram from_real_, from_integer_;
};

void numbers_to_strings(RunArgs& args) {
  const TensorView& src = args.inputs[0];
  auto texts = args.outputs[0].elements<std::string>();
  for (size_t i = 0; i < texts.size(); ++i) texts[i] = element_text(src.dtype, src.data, i);
}

void copy_strings(RunArgs& args) { copy_elements(args.inputs[0], args.outputs[0]); }

}  // namespace

Result<std::unique_ptr<Kernel>> make_cast_strings(const KernelRequest& request) {
  const bool from = request.inputs[0].dtype() == DType::kString;
  const bool to = request.outputs[0].dtype() == DType::kString;
  if (from && to) return make_kernel(copy_strings);
  if (to) return make_kernel(numbers_to_strings);
  return make_kernel(TRY(StringsToNumbers::make(request)));
}

}  // namespace sardonyx
