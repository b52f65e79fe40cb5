#include "apps/cli/inputs.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "apps/cli/npy.h"
#include "apps/cli/outcome.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

struct Setting {
  std::string name;
  std::string value;
};

Setting split(const std::string& text, const char* option) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    stop(Exit::kUsage, "{} {}: expected name=value", option, text);
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::optional<std::string> find_setting(const std::vector<std::string>& settings,
                                        const std::string& name, const char* option) {
  std::optional<std::string> value;
  for (const std::string& text : settings) {
    Setting setting = split(text, option);
    if (setting.name == name) value = std::move(setting.value);
  }
  return value;
}

std::string names_of(const std::vector<ArgInfo>& inputs) {
  std::string names;
  for (const ArgInfo& input : inputs) names += (names.empty() ? "" : ", ") + input.name;
  return names.empty() ? "none" : names;
}

// Every name in the options is one of the model's.
void check_names(const Session& session, const InputOptions& options) {
  const auto check = [&](const std::vector<std::string>& settings, const char* option) {
    for (const std::string& text : settings) {
      const std::string name = split(text, option).name;
      const auto is_named = [&](const ArgInfo& arg) { return arg.name == name; };
      const auto& inputs = session.inputs();
      const auto& others = session.overridable_initializers();
      if (std::any_of(inputs.begin(), inputs.end(), is_named)) continue;
      if (std::any_of(others.begin(), others.end(), is_named)) continue;
      stop(Exit::kBadInput, "{} {}: the model has no input '{}'; its inputs are: {}", option, text,
           name, names_of(inputs));
    }
  };
  check(options.inputs, "--input");
  check(options.shapes, "--shape");
}

int64_t parse_dim(const std::string& text, const std::string& whole) {
  const bool digits =
      !text.empty() && text.size() < 19 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits) {
    stop(Exit::kUsage, "'{}' is not a shape: expected dims like 1x3x224x224", whole);
  }
  return std::stoll(text);
}

// splitmix64: a sequence that is the same on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t x = state_ += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

template <class T, class Next>
void fill(Tensor& tensor, const Next& next) {
  for (T& element : tensor.elements<T>()) element = static_cast<T>(next());
}

// float16 and bfloat16 values in [0, 1) from the bits of a float.
uint16_t narrow_bits(DType dtype, float value) {
  uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  if (dtype == DType::kBfloat16) return static_cast<uint16_t>(bits >> 16);
  const int exponent = static_cast<int>(bits >> 23) - 127 + 15;
  if (exponent <= 0) return 0;
  return static_cast<uint16_t>((exponent << 10) | ((bits >> 13) & 0x3FF));
}

Tensor random_tensor(const ArgInfo& input, const Shape& shape, uint64_t seed) {
  Tensor tensor = require(Tensor::allocate(input.dtype, shape), Exit::kBadInput);
  Random random(seed);
  const auto unit = [&] { return random.unit(); };
  const auto digit = [&] { return random.next() % 10; };
  switch (input.dtype) {
    case DType::kFloat32:
      fill<float>(tensor, unit);
      break;
    case DType::kFloat64:
      fill<double>(tensor, unit);
      break;
    case DType::kFloat16:
    case DType::kBfloat16:
      fill<uint16_t>(tensor,
                     [&] { return narrow_bits(input.dtype, static_cast<float>(random.unit())); });
      break;
    case DType::kInt8:
      fill<int8_t>(tensor, digit);
      break;
    case DType::kUint8:
      fill<uint8_t>(tensor, digit);
      break;
    case DType::kInt16:
      fill<int16_t>(tensor, digit);
      break;
    case DType::kUint16:
      fill<uint16_t>(tensor, digit);
      break;
    case DType::kInt32:
      fill<int32_t>(tensor, digit);
      break;
    case DType::kUint32:
      fill<uint32_t>(tensor, digit);
      break;
    case DType::kInt64:
      fill<int64_t>(tensor, digit);
      break;
    case DType::kUint64:
      fill<uint64_t>(tensor, digit);
      break;
    case DType::kBool:
      fill<uint8_t>(tensor, [&] { return random.next() & 1; });
      break;
    default:
      stop(Exit::kBadInput, "input '{}' is {}: no random values of that type; give a .npy file",
           input.name, dtype_name(input.dtype));
  }
  return tensor;
}

Tensor file_tensor(const ArgInfo& input, const std::string& file, const InputOptions& options) {
  const std::filesystem::path path(file);
  const std::string where = "input '" + input.name + "'";
  const auto named = [&](auto&& result) {
    if (!result) {
      throw Failure{Exit::kBadInput, where + ": " + result.error().text()};
    }
    return std::move(*result);
  };
  if (is_picture(path)) {
    const Picture picture = named(read_picture(path));
    ArgInfo shaped = input;
    if (const auto shape = find_setting(options.shapes, input.name, "--shape")) {
      const Shape given = parse_shape(*shape);
      shaped.dims.assign(given.rank(), {});
      for (size_t axis = 0; axis < given.rank(); ++axis) shaped.dims[axis].value = given[axis];
    }
    return require(picture_tensor(picture, shaped, options.picture), Exit::kBadInput);
  }
  if (path.extension() != ".npy") {
    stop(Exit::kBadInput, "{}: '{}' is no .npy, .png or .jpg file, nor 'random' or 'zeros'", where,
         file);
  }
  return named(read_npy(path, input.dtype));
}

Value make_input(const ArgInfo& input, const std::string& source, const InputOptions& options,
                 uint64_t seed) {
  if (source != "random" && source != "zeros") return file_tensor(input, source, options);
  if (input.kind == ArgInfo::Kind::kOptional) return Value::optional();
  if (input.kind != ArgInfo::Kind::kTensor) {
    stop(Exit::kBadInput, "input '{}' is {}; the command line feeds tensors only", input.name,
         input.type);
  }
  const Shape shape = shape_of_input(input, options);
  if (source == "zeros") {
    return require(Tensor::allocate(input.dtype, shape), Exit::kBadInput);
  }
  return random_tensor(input, shape, seed);
}

}  // namespace

void add_shape_options(CLI::App& command, InputOptions& options) {
  command.add_option("--shape", options.shapes, "Shape of an input: name=1x3x224x224 (repeatable)")
      ->type_name("NAME=SHAPE")
      ->allow_extra_args(false);
  command.add_option("--dim", options.dims, "Value of a symbolic dim: batch=4 (repeatable)")
      ->type_name("SYMBOL=N")
      ->allow_extra_args(false);
}

void add_input_options(CLI::App& command, InputOptions& options) {
  command
      .add_option("-i,--input", options.inputs,
                  "Value of an input (repeatable): a .npy, .png or .jpg file, or 'random' (the "
                  "default: floats in [0, 1), integers 0 to 9) or 'zeros'")
      ->type_name("NAME=FILE|random|zeros")
      ->allow_extra_args(false);
  add_shape_options(command, options);
  command.add_option("--seed", options.seed, "Seed of random inputs")->capture_default_str();
  command.add_flag("--resize", options.picture.resize,
                   "Scale pictures to the height and width that the model takes (bilinear)");
  command
      .add_option("--mean", options.picture.mean,
                  "Subtract from the channels of a picture, which are 0 to 1: 0.485,0.456,0.406")
      ->delimiter(',');
  command
      .add_option("--std", options.picture.standard_deviation,
                  "Then divide the channels by: 0.229,0.224,0.225")
      ->delimiter(',');
}

Shape parse_shape(const std::string& text) {
  Shape shape;
  if (text == "scalar") return shape;
  size_t begin = 0;
  while (true) {
    const size_t end = std::min(text.find_first_of("x,", begin), text.size());
    shape.push_back(parse_dim(text.substr(begin, end - begin), text));
    if (end == text.size()) break;
    begin = end + 1;
  }
  if (!shape.checked_count()) stop(Exit::kUsage, "the shape {} has too many elements", text);
  return shape;
}

Shape shape_of_input(const ArgInfo& input, const InputOptions& options) {
  if (const auto text = find_setting(options.shapes, input.name, "--shape")) {
    return parse_shape(*text);
  }
  if (!input.has_rank) {
    stop(Exit::kBadInput, "input '{}' has no declared rank; say --shape {}=...", input.name,
         input.name);
  }
  Shape shape;
  std::string open;
  for (const ArgInfo::Dim& dim : input.dims) {
    int64_t value = dim.value;
    if (value < 0) {
      const auto text =
          dim.symbol.empty() ? std::nullopt : find_setting(options.dims, dim.symbol, "--dim");
      value = text ? parse_dim(*text, *text) : 1;
      if (!text) open += (open.empty() ? "" : ", ") + (dim.symbol.empty() ? "?" : dim.symbol);
    }
    shape.push_back(value);
  }
  if (!shape.checked_count()) {
    stop(Exit::kUsage, "input '{}': the shape {} has too many elements", input.name,
         shape.to_string());
  }
  if (!open.empty()) {
    note(fmt::format("input '{}': {} taken as 1, so its shape is {} (change it with --shape)",
                     input.name, open, shape.to_string()));
  }
  return shape;
}

std::vector<NamedValue> make_inputs(const Session& session, const InputOptions& options) {
  check_names(session, options);
  std::vector<NamedValue> values;
  uint64_t seed = options.seed;
  for (const ArgInfo& input : session.inputs()) {
    const std::string source =
        find_setting(options.inputs, input.name, "--input").value_or("random");
    values.push_back({input.name, make_input(input, source, options, ++seed)});
  }
  for (const ArgInfo& input : session.overridable_initializers()) {
    if (const auto source = find_setting(options.inputs, input.name, "--input")) {
      values.push_back({input.name, make_input(input, *source, options, ++seed)});
    }
  }
  return values;
}

}  // namespace sardonyx::cli
