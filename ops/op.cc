// Declaration shorthands, the inference context, and the check of a node against its declaration.
#include "ops/op.h"

#include <algorithm>

namespace sardonyx {

FormalAttr int_attr(StaticText name, int64_t default_value) {
  return {name, FormalAttr::Kind::kInt, false, Attr(default_value)};
}
FormalAttr float_attr(StaticText name, float default_value) {
  return {name, FormalAttr::Kind::kFloat, false, Attr(default_value)};
}
FormalAttr string_attr(StaticText name, std::string_view default_value) {
  return {name, FormalAttr::Kind::kString, false, Attr(std::string(default_value))};
}
FormalAttr optional_attr(StaticText name, FormalAttr::Kind kind) {
  return {name, kind, false, std::nullopt};
}
FormalAttr required_attr(StaticText name, FormalAttr::Kind kind) {
  return {name, kind, true, std::nullopt};
}

InferContext::InferContext(const Graph& graph, const Node& node,
                           std::span<const ValueType> input_types,
                           std::span<const Tensor* const> constants,
                           std::span<const std::optional<Dims>> known_ints, bool at_load)
    : graph_(graph),
      node_(node),
      input_types_(input_types),
      constants_(constants),
      known_ints_(known_ints),
      output_types_(node.outputs.size()),
      output_ints_(node.outputs.size()),
      at_load_(at_load) {}

bool InferContext::has_input(size_t index) const {
  return index < node_.inputs.size() && node_.inputs[index] != kNoValue;
}

std::string InferContext::describe(size_t index) const {
  if (!has_input(index)) return fmt::format("input {} (omitted)", index);
  return fmt::format("input '{}' ({})", graph_.value(node_.inputs[index]).name,
                     input(index).to_string());
}

const Tensor* InferContext::constant(size_t index) {
  if (!has_input(index)) return nullptr;
  if (constants_[index] == nullptr) wanted_.push_back(index);
  return constants_[index];
}

std::optional<Dims> InferContext::peek_ints(size_t index) const {
  if (!has_input(index)) return std::nullopt;
  // The value itself says more than what was inferred of it before it was known.
  const Tensor* tensor = constants_[index];
  if (tensor == nullptr) return known_ints_[index];
  if (tensor->shape().rank() > 1 || tensor->count() > 1024) return std::nullopt;
  Dims ints;
  if (tensor->dtype() == DType::kInt64) {
    for (int64_t element : tensor->elements<int64_t>()) ints.emplace_back(element);
  } else if (tensor->dtype() == DType::kInt32) {
    for (int32_t element : tensor->elements<int32_t>()) ints.emplace_back(element);
  } else if (tensor->dtype() == DType::kBool) {
    for (uint8_t element : tensor->elements<uint8_t>()) ints.emplace_back(element != 0 ? 1 : 0);
  } else {
    return std::nullopt;
  }
  return ints;
}

std::optional<Dims> InferContext::ints(size_t index) {
  auto known = peek_ints(index);
  // Symbolic numbers serve a symbolic shape; a concrete plan still wants the value itself. One that
  // is at hand has nothing more to give.
  const bool at_hand = !has_input(index) || constants_[index] != nullptr;
  if (!at_hand && !(known && all_constant(*known))) wanted_.push_back(index);
  return known;
}

void InferContext::set_output(size_t index, DType dtype) {
  set_output(index, ValueType::tensor(dtype));
}
void InferContext::set_output(size_t index, DType dtype, Dims dims) {
  set_output(index, ValueType::tensor(dtype, std::move(dims)));
}
void InferContext::set_output(size_t index, ValueType type) {
  if (index < output_types_.size()) output_types_[index] = std::move(type);
}
void InferContext::set_output_ints(size_t index, Dims ints) {
  if (index < output_ints_.size()) output_ints_[index] = std::move(ints);
}

Result<int64_t> InferContext::axis(int64_t axis, int64_t rank, std::string_view what) const {
  if (axis < -rank || axis >= rank) {
    return fail(Code::kInvalidArgument, "{} is {}, but must be in [{}, {}] for rank {}", what, axis,
                -rank, rank - 1, rank);
  }
  return axis < 0 ? axis + rank : axis;
}

Result<Dims> broadcast_dims(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const Dim& x = longer[offset + i];
    const Dim& y = shorter[i];
    if (x == y || y == Dim(1)) continue;
    if (x == Dim(1)) {
      result[offset + i] = y;
    } else if (x.is_constant() && y.is_constant()) {
      return fail(Code::kInvalidArgument,
                  "shapes {} and {} do not broadcast: dims {} and {} differ and neither is 1",
                  to_string(a), to_string(b), x.value(), y.value());
    } else if (!x.is_constant() && !y.is_constant()) {
      result[offset + i] = Dim::unknown();  // either may turn out to be 1
    } else {
      result[offset + i] = x.is_constant() ? x : y;  // the symbol must be 1 or this number
    }
  }
  return result;
}

Result<void> infer_node(const OpDef& op, InferContext& context) {
  TRY_AT(context.node().title(), op.infer(context));
  return {};
}

namespace {

const FormalParam* formal_at(const std::vector<FormalParam>& formals, size_t index) {
  if (index < formals.size()) return &formals[index];
  if (!formals.empty() && formals.back().form == Form::kVariadic) return &formals.back();
  return nullptr;
}

// Of the inputs at the end none is left out, unless anything may come there.
Result<void> verify_variadic(const OpDef& op, const Node& node) {
  const FormalParam& formal = op.inputs.back();
  if (formal.types == kAnyValue) return {};
  const size_t first = op.inputs.size() - 1;
  for (size_t i = first; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) {
      return fail(Code::kInvalidGraph, "input {} ('{}') is missing", i, formal.name);
    }
  }
  if (first == 0 && node.inputs.empty() && !formal.type_name.empty()) {
    return fail(Code::kInvalidGraph, "has no inputs, but {} takes at least one", op.name);
  }
  return {};
}

Result<void> verify_counts(const OpDef& op, const Node& node) {
  const bool variadic = !op.inputs.empty() && op.inputs.back().form == Form::kVariadic;
  if (!variadic && node.inputs.size() > op.inputs.size()) {
    return fail(Code::kInvalidGraph, "has {} inputs, but {} takes at most {}", node.inputs.size(),
                op.name, op.inputs.size());
  }
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const bool given = i < node.inputs.size() && node.inputs[i] != kNoValue;
    if (!given && op.inputs[i].form == Form::kSingle) {
      return fail(Code::kInvalidGraph, "input {} ('{}') is missing", i, op.inputs[i].name);
    }
  }
  if (variadic) TRY(verify_variadic(op, node));
  const bool many_outputs = !op.outputs.empty() && op.outputs.back().form == Form::kVariadic;
  if (!many_outputs && node.outputs.size() > op.outputs.size()) {
    return fail(Code::kInvalidGraph, "has {} outputs, but {} gives at most {}", node.outputs.size(),
                op.name, op.outputs.size());
  }
  return {};
}

Result<void> verify_types(const OpDef& op, const Graph& graph, const Node& node) {
  std::vector<std::pair<std::string_view, DType>> bound;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const FormalParam& formal = *formal_at(op.inputs, i);
    const GraphValue& value = graph.value(node.inputs[i]);
    if (formal.types == kAnyValue || !value.type.is_tensor()) continue;
    const DType dtype = value.type.dtype;
    if (dtype == DType::kUndefined) continue;
    if ((formal.types & dtype_bit(dtype)) == 0) {
      return fail(Code::kInvalidGraph, "input '{}' ({}) is {}, which {} does not take", value.name,
                  formal.name, dtype_name(dtype), op.name);
    }
    if (formal.type_name.empty()) continue;
    const auto same = std::find_if(bound.begin(), bound.end(), [&](const auto& entry) {
      return entry.first == formal.type_name;
    });
    if (same == bound.end()) {
      bound.emplace_back(formal.type_name, dtype);
    } else if (same->second != dtype) {
      return fail(Code::kInvalidGraph,
                  "input '{}' ({}) is {}, but another input of the same type {} is {}", value.name,
                  formal.name, dtype_name(dtype), formal.type_name, dtype_name(same->second));
    }
  }
  return {};
}

bool attr_has_kind(const Attr& attr, FormalAttr::Kind kind) {
  using Kind = FormalAttr::Kind;
  switch (kind) {
    case Kind::kInt:
      return std::holds_alternative<int64_t>(attr);
    case Kind::kFloat:
      return std::holds_alternative<float>(attr);
    case Kind::kString:
      return std::holds_alternative<std::string>(attr);
    case Kind::kTensor:
      return std::holds_alternative<Tensor>(attr);
    case Kind::kSparse:
      return std::holds_alternative<SparseTensor>(attr);
    case Kind::kType:
      return std::holds_alternative<ValueType>(attr);
    case Kind::kGraph:
      return std::holds_alternative<Subgraph>(attr);
    case Kind::kInts:
      return std::holds_alternative<std::vector<int64_t>>(attr);
    case Kind::kFloats:
      return std::holds_alternative<std::vector<float>>(attr);
    case Kind::kStrings:
      return std::holds_alternative<std::vector<std::string>>(attr);
    case Kind::kTensors:
      return std::holds_alternative<std::vector<Tensor>>(attr);
    case Kind::kGraphs:
      return std::holds_alternative<std::vector<Subgraph>>(attr);
    case Kind::kAny:
      return true;
  }
  return false;
}

Result<void> verify_attrs(const OpDef& op, Node& node) {
  for (const auto& entry : node.attrs) {
    // Not a structured binding: clang 14 does not let the lambda capture one.
    const auto& name = entry.first;
    const auto& attr = entry.second;
    const auto formal = std::find_if(op.attrs.begin(), op.attrs.end(),
                                     [&](const FormalAttr& each) { return each.name == name; });
    if (formal == op.attrs.end()) {
      if (op.takes_any_attr) continue;
      return fail(Code::kInvalidGraph, "{} has no attribute '{}'", op.name, name);
    }
    if (!attr_has_kind(attr, formal->kind)) {
      return fail(Code::kInvalidGraph, "attribute '{}' has the wrong kind of value", name);
    }
  }
  for (const FormalAttr& formal : op.attrs) {
    if (node.attrs.has(formal.name)) continue;
    if (formal.required) {
      return fail(Code::kInvalidGraph, "required attribute '{}' is missing", formal.name);
    }
    if (formal.default_value) node.attrs.set(std::string(formal.name), *formal.default_value);
  }
  return {};
}

}  // namespace

bool keeps_denormals(const OpDef& op, const Node& node) {
  bool keeps = op.keeps_denormals;
  if (op.domain == "sardonyx" && op.name == "Elementwise") {
    for_each_subgraph(node, [&](const Subgraph& fused) {
      for (const Node& step : fused.body->nodes()) {
        const OpDef* step_op = step.removed ? nullptr : find_op(step);
        if (step_op == nullptr || !step_op->keeps_denormals) continue;
        const bool scales =
            step.op_type == "Div" && fused.body->value(step.inputs[1]).is_constant();
        keeps |= !scales;
      }
    });
  }
  return keeps;
}

Result<void> verify_node(const OpDef& op, const Graph& graph, Node& node) {
  TRY_AT(node.title(), verify_counts(op, node));
  TRY_AT(node.title(), verify_types(op, graph, node));
  TRY_AT(node.title(), verify_attrs(op, node));
  return {};
}

}  // namespace sardonyx
