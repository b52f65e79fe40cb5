// See api/args.h.
#include "api/args.h"

#include <algorithm>
#include <map>

#include "base/result.h"

namespace sardonyx {
namespace {

ArgInfo::Kind kind_of(ValueType::Kind kind) {
  switch (kind) {
    case ValueType::Kind::kTensor:
      return ArgInfo::Kind::kTensor;
    case ValueType::Kind::kSparse:
      return ArgInfo::Kind::kSparse;
    case ValueType::Kind::kSequence:
      return ArgInfo::Kind::kSequence;
    case ValueType::Kind::kMap:
      return ArgInfo::Kind::kMap;
    case ValueType::Kind::kOptional:
      return ArgInfo::Kind::kOptional;
    case ValueType::Kind::kOpaque:
      return ArgInfo::Kind::kOpaque;
    case ValueType::Kind::kUnknown:
      break;
  }
  return ArgInfo::Kind::kUnknown;
}

// ONNX type string of a run-time value.
std::string type_name(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kTensor:
      return fmt::format("tensor({})", dtype_onnx_name(value.tensor().dtype()));
    case Value::Kind::kSparse:
      return fmt::format("sparse_tensor({})", dtype_onnx_name(value.sparse().values.dtype()));
    case Value::Kind::kSequence: {
      if (value.items().empty()) {
        return fmt::format("seq(tensor({}))", dtype_onnx_name(value.element_dtype()));
      }
      const std::string first = type_name(value.items().front());
      for (const Value& item : value.items()) {
        if (type_name(item) != first) return "seq(" + first + ", " + type_name(item) + ")";
      }
      return "seq(" + first + ")";
    }
    case Value::Kind::kMap:
      return fmt::format("map({},tensor({}))", dtype_onnx_name(value.map().keys.dtype()),
                         dtype_onnx_name(value.map().values.dtype()));
    case Value::Kind::kOptional:
      return value.has_value() ? "optional(" + type_name(value.inner()) + ")" : "optional()";
    case Value::Kind::kNone:
      break;
  }
  return "nothing";
}

// As ONNX Runtime's message has them: "seq(float)" for a sequence of tensors.
std::string shortened(std::string type) {
  constexpr std::string_view kSequence = "seq(tensor(";
  if (!type.starts_with(kSequence)) return type;
  type.replace(0, kSequence.size(), "seq(");
  type.pop_back();
  return type;
}

bool same_kind(const ValueType& type, const Value& value) {
  if (type.kind == ValueType::Kind::kUnknown) return true;
  if (type.kind == ValueType::Kind::kOptional) {
    // What an optional holds may be fed as it is.
    if (value.kind() != Value::Kind::kOptional) return same_kind(*type.element, value);
    return !value.has_value() || same_kind(*type.element, value.inner());
  }
  if (type.kind == ValueType::Kind::kSequence && value.kind() == Value::Kind::kSequence) {
    const std::vector<Value>& items = value.items();
    return type.element == nullptr ||
           std::all_of(items.begin(), items.end(),
                       [&](const auto& item) { return same_kind(*type.element, item); });
  }
  if (type.is_tensor()) {
    const bool any_dtype = type.dtype == DType::kUndefined;
    return value.is_tensor() && (any_dtype || value.tensor().dtype() == type.dtype);
  }
  return type.onnx_name() == type_name(value);
}

// What a symbol is in this run, and the input that said so.
using Symbols = std::map<std::string, std::pair<int64_t, std::string>>;

// `what` is "input" or "output"; symbols: null where they are not compared.
Result<void> check_dims(const char* what, const std::string& name, const Dims& dims,
                        const Shape& shape, Symbols* symbols) {
  // Callers of ONNX Runtime feed one-element tensors for scalars; so may ours.
  if (dims.empty() && shape.count() == 1) return {};
  if (dims.size() != shape.rank()) {
    return fail(Code::kInvalidArgument,
                "Invalid rank for {}: {} Got: {} Expected: {} Please fix either the inputs/outputs "
                "or the model. (It declares {}, the value given is {}.)",
                what, name, shape.rank(), dims.size(), to_string(dims), shape.to_string());
  }
  std::string wrong;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis].is_constant()) {
      if (dims[axis].value() == shape[axis]) continue;
      wrong +=
          fmt::format("\n index: {} Got: {} Expected: {}", axis, shape[axis], dims[axis].value());
      continue;
    }
    const std::string symbol = dims[axis].symbol_name();
    if (symbol.empty() || symbols == nullptr) continue;
    const auto [known, is_new] = symbols->emplace(symbol, std::pair{shape[axis], name});
    if (is_new || known->second.first == shape[axis]) continue;
    wrong += fmt::format(
        "\n index: {} Got: {} Expected: {} (symbol '{}', which is {} in input '{}')", axis,
        shape[axis], known->second.first, symbol, known->second.first, known->second.second);
  }
  if (wrong.empty()) return {};
  return fail(Code::kInvalidArgument,
              "Got invalid dimensions for {}: {} for the following indices{}\n Please fix either "
              "the inputs/outputs or the model.",
              what, name, wrong);
}

// Clients of ONNX Runtime compare this message as a whole, so the name goes into the place.
Result<void> check_kind(const char* what, const std::string& name, const ValueType& type,
                        const Value& value) {
  if (same_kind(type, value)) return {};
  return tl::unexpected(
      Error{Code::kInvalidArgument,
            fmt::format("Unexpected {} data type. Actual: ({}) , expected: ({})", what,
                        shortened(type_name(value)), shortened(type.onnx_name())),
            fmt::format("{} '{}'", what, name)});
}

}  // namespace

ArgInfo arg_info(const std::string& name, const ValueType& type) {
  ArgInfo info;
  info.name = name;
  info.type = type.onnx_name();
  info.kind = kind_of(type.kind);
  info.dtype = type.dtype;
  info.has_rank = type.has_rank();
  if (type.has_rank()) {
    for (const Dim& dim : *type.dims) {
      ArgInfo::Dim shown;
      if (dim.is_constant()) {
        shown.value = dim.value();
      } else if (!dim.is_unknown()) {
        shown.symbol = dim.to_string();
      }
      info.dims.push_back(std::move(shown));
    }
  }
  if (type.element != nullptr) {
    info.element = std::make_shared<const ArgInfo>(arg_info("", *type.element));
  }
  return info;
}

void name_unknown_dims(const std::vector<ValueDef>& declared, std::vector<ArgInfo>& args) {
  for (ArgInfo& arg : args) {
    const auto def = std::find_if(declared.begin(), declared.end(),
                                  [&](const ValueDef& each) { return each.name == arg.name; });
    if (def == declared.end() || def->type.dims.size() != arg.dims.size()) continue;
    for (size_t axis = 0; axis < arg.dims.size(); ++axis) {
      ArgInfo::Dim& dim = arg.dims[axis];
      const DimDef& said = def->type.dims[axis];
      if (dim.value < 0 && dim.symbol.empty() && said.kind == DimDef::Kind::kParam) {
        dim.symbol = said.param;
      }
    }
  }
}

std::string names_of(const std::vector<ArgInfo>& args) {
  std::string names;
  for (const ArgInfo& arg : args) names += (names.empty() ? "'" : ", '") + arg.name + "'";
  return names.empty() ? "none" : names;
}

Result<void> check_value(const ValueType& type, const Value& value) {
  bool fits = same_kind(type, value);
  if (fits && value.is_tensor() && type.has_rank()) {
    const Shape& shape = value.tensor().shape();
    fits = shape.rank() == type.dims->size();
    for (size_t axis = 0; fits && axis < shape.rank(); ++axis) {
      const Dim& dim = (*type.dims)[axis];
      fits = !dim.is_constant() || dim.value() == shape[axis];
    }
  }
  if (fits) return {};
  const std::string got = value.is_tensor()
                              ? fmt::format("{} {}", dtype_name(value.tensor().dtype()),
                                            value.tensor().shape().to_string())
                              : type_name(value);
  return fail(Code::kInvalidArgument, "is {}, but was announced as {}", got, type.to_string());
}

Result<void> check_inputs(const Graph& graph, std::span<const Value> values) {
  Symbols symbols;
  for (size_t i = 0; i < values.size(); ++i) {
    const GraphValue& input = graph.value(graph.inputs()[i]);
    TRY(check_kind("input", input.name, input.type, values[i]));
    if (values[i].is_tensor() && values[i].tensor().device() != Device()) {
      return fail(Code::kInvalidArgument, "input '{}' is on {}, but this session runs on the cpu",
                  input.name, to_string(values[i].tensor().device()));
    }
    if (input.type.is_tensor() && input.type.has_rank()) {
      TRY(check_dims("input", input.name, *input.type.dims, values[i].tensor().shape(), &symbols));
    }
  }
  return {};
}

bool is_of_argument(const Error& error) {
  return error.place.starts_with("input '") || error.place.starts_with("output '");
}

Result<void> check_output(const GraphOutput& output, const Value& value) {
  if (value.kind() == Value::Kind::kNone) return {};
  TRY(check_kind("output", output.name, output.type, value));
  if (!output.type.is_tensor() || !output.type.has_rank()) return {};
  return check_dims("output", output.name, *output.type.dims, value.tensor().shape(), nullptr);
}

}  // namespace sardonyx
