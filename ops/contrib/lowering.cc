// See ops/contrib/lowering.h.
#include "ops/contrib/lowering.h"

#include <algorithm>
#include <array>

namespace sardonyx {

Result<int64_t> Lowering::known_rank(size_t index) const {
  const auto known = rank(index);
  if (known) return *known;
  return fail(Code::kNotFound, "the rank of input {} is not known", index);
}

Result<int64_t> Lowering::known_dim(size_t index, int64_t axis) const {
  const int64_t known = TRY(known_rank(index));
  const int64_t at = axis < 0 ? axis + known : axis;
  if (at < 0 || at >= known) {
    return fail(Code::kInvalidArgument, "input {} has rank {}, but its axis {} counts", index,
                known, axis);
  }
  const Dim& dim = (*type(index).dims)[static_cast<size_t>(at)];
  if (dim.is_constant()) return dim.value();
  return fail(Code::kNotFound, "dim {} of input {} is not known", axis, index);
}

namespace {

struct Activation {
  std::string_view name;
  std::vector<const char*> attrs;  // that params fill in order
  std::string_view inner = {};     // alpha * inner(beta * x), which is no operator any more
};

const Activation* find_activation(std::string_view name) {
  static const std::array<Activation, 16> kActivations = {
      {{"Elu", {"alpha"}},
       {"Gelu", {}},
       {"HardSigmoid", {"alpha", "beta"}},
       {"HardSwish", {}},
       {"LeakyRelu", {"alpha"}},
       {"Mish", {}},
       {"ParametricSoftplus", {"alpha", "beta"}, "Softplus"},
       {"Relu", {}},
       {"ScaledTanh", {"alpha", "beta"}, "Tanh"},
       {"Selu", {"alpha", "gamma"}},
       {"Sigmoid", {}},
       {"Softplus", {}},
       {"Softsign", {}},
       {"Swish", {"alpha"}},
       {"Tanh", {}},
       {"ThresholdedRelu", {"alpha"}}}};
  const auto* found =
      std::find_if(kActivations.begin(), kActivations.end(),
                   [name](const Activation& activation) { return activation.name == name; });
  return found == kActivations.end() ? nullptr : found;
}

}  // namespace

Result<void> Lowering::activate_into(ValueId output, ValueId x, const std::string& activation,
                                     std::span<const float> params) {
  if (activation == "Clip") {
    if (params.size() != 2) return fail(Code::kInvalidGraph, "activation Clip needs min and max");
    const ValueId like = input(0);
    op_into(output, "Clip",
            {x, number(static_cast<double>(params[0]), like),
             number(static_cast<double>(params[1]), like)});
    return {};
  }
  AttrMap attrs;
  if (const Activation* known = find_activation(activation)) {
    for (size_t i = 0; i < known->attrs.size() && i < params.size(); ++i) {
      attrs.set(known->attrs[i], params[i]);
    }
  }
  return activate_into(output, x, activation, attrs);
}

Result<void> Lowering::activate_into(ValueId output, ValueId x, const std::string& activation,
                                     const AttrMap& params) {
  if (activation.empty()) {
    op_into(output, "Identity", {x});
    return {};
  }
  const Activation* known = find_activation(activation);
  if (known == nullptr) {
    return fail(Code::kNotImplemented, "activation '{}' is not one that is known", activation);
  }
  AttrMap attrs;
  for (const char* name : known->attrs) {
    if (params.has(name)) attrs.set(name, params.get_float(name));
  }
  if (known->inner.empty()) {
    op_into(std::vector<ValueId>{output}, activation, {x}, std::move(attrs));
    return {};
  }
  if (!attrs.has("alpha") || !attrs.has("beta")) {
    return fail(Code::kInvalidGraph, "activation {} needs alpha and beta", activation);
  }
  const auto factor = [&](const char* name) {
    return number(static_cast<double>(attrs.get_float(name)), input(0));
  };
  const ValueId y = op(std::string(known->inner), {op("Mul", {x, factor("beta")})});
  op_into(output, "Mul", {y, factor("alpha")});
  return {};
}

namespace {

std::vector<FormalParam> read_formals(std::string_view text, TypeOf types) {
  std::vector<FormalParam> formals;
  while (!text.empty()) {
    std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    FormalParam formal;
    if (word.back() == '?') formal.form = Form::kOptional;
    if (word.back() == '*') formal.form = Form::kVariadic;
    if (formal.form != Form::kSingle) word.remove_suffix(1);
    const size_t colon = word.find(':');
    formal.name = StaticText::part_of(word.substr(0, colon));
    formal.type_name = StaticText::part_of(word.substr(colon + 1));
    for (const auto& [letter, set] : types) {
      if (formal.type_name[0] == letter) formal.types = set;
    }
    // A lower-case digit after the letter would bind; "_" frees a parameter of the others.
    if (formal.type_name.back() == '_') formal.type_name = {};
    formals.push_back(formal);
  }
  return formals;
}

}  // namespace

OpDef contrib_op(std::string_view inputs, std::string_view outputs, TypeOf types, LowerRule lower) {
  OpDef op;
  op.versions = {1};
  op.inputs = read_formals(inputs, types);
  op.outputs = read_formals(outputs, types);
  op.lower = lower;
  return op;
}

OpDef contrib_op(std::string_view inputs, std::string_view outputs, LowerRule lower) {
  constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', kFloatTypes},
                                                  {'U', kFloatTypes},
                                                  {'M', dtype_set(DType::kInt32)},
                                                  {'I', dtype_set(DType::kInt32, DType::kInt64)},
                                                  {'B', dtype_set(DType::kBool)}};
  return contrib_op(inputs, outputs, kTypes, lower);
}

}  // namespace sardonyx
