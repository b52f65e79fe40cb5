// Sizes, activations and the type-and-shape rule of LSTM, GRU and RNN.
#include "ops/recurrent.h"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace sardonyx {
namespace {

struct ActivationRow {
  std::string_view name;
  GateFunctionKind kind;
  // Defaults of alpha and beta where the function has them (spec: RNN, activations).
  std::optional<double> alpha;
  std::optional<double> beta;
};

constexpr ActivationRow kActivations[] = {
    {"affine", GateFunctionKind::kAffine, 1.0, 0.0},
    {"elu", GateFunctionKind::kElu, 1.0, std::nullopt},
    {"hardsigmoid", GateFunctionKind::kHardSigmoid, 0.2, 0.5},
    {"leakyrelu", GateFunctionKind::kLeakyRelu, 0.01, std::nullopt},
    {"relu", GateFunctionKind::kRelu, std::nullopt, std::nullopt},
    {"scaledtanh", GateFunctionKind::kScaledTanh, 1.0, 1.0},
    {"sigmoid", GateFunctionKind::kSigmoid, std::nullopt, std::nullopt},
    {"softplus", GateFunctionKind::kSoftplus, std::nullopt, std::nullopt},
    {"softsign", GateFunctionKind::kSoftsign, std::nullopt, std::nullopt},
    {"tanh", GateFunctionKind::kTanh, std::nullopt, std::nullopt},
    {"thresholdedrelu", GateFunctionKind::kThresholdedRelu, 1.0, std::nullopt},
};

Result<const ActivationRow*> find_activation(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const ActivationRow& row : kActivations) {
    if (row.name == lower) return &row;
  }
  return fail(Code::kInvalidGraph,
              "activation '{}' is not one of Affine, Elu, HardSigmoid, LeakyRelu, Relu, "
              "ScaledTanh, Sigmoid, Softplus, Softsign, Tanh, ThresholdedRelu",
              name);
}

// Takes the next number of a list for a function that has this parameter.
double take(const std::vector<float>& list, size_t& next, std::optional<double> fallback) {
  if (!fallback) return 0;
  return next < list.size() ? static_cast<double>(list[next++]) : *fallback;
}

Result<std::vector<GateFunction>> read_activations(const AttrMap& attrs, const RecurrentKind& kind,
                                                   int64_t directions) {
  std::vector<std::string> names = attrs.get_strings("activations");
  const size_t wanted = kind.activations.size() * static_cast<size_t>(directions);
  if (names.empty()) {
    for (int64_t i = 0; i < directions; ++i) {
      names.insert(names.end(), kind.activations.begin(), kind.activations.end());
    }
  }
  // RNN declares two by default, of which one direction needs one.
  if (names.size() > wanted && kind.activations.size() == 1) names.resize(wanted);
  if (names.size() != wanted) {
    return fail(Code::kInvalidGraph, "activations has {} names, expected {}", names.size(), wanted);
  }
  size_t next_alpha = 0;
  size_t next_beta = 0;
  std::vector<GateFunction> result;
  for (const std::string& name : names) {
    const ActivationRow& row = *TRY(find_activation(name));
    const double alpha = take(attrs.get_floats("activation_alpha"), next_alpha, row.alpha);
    const double beta = take(attrs.get_floats("activation_beta"), next_beta, row.beta);
    result.push_back({row.kind, alpha, beta});
  }
  return result;
}

Result<int64_t> read_directions(const AttrMap& attrs) {
  const std::string& direction = attrs.get_string("direction");
  if (direction == "bidirectional") return 2;
  if (direction.empty() || direction == "forward" || direction == "reverse") return 1;
  return fail(Code::kInvalidGraph, "direction is '{}', expected forward, reverse or bidirectional",
              direction);
}

Result<void> check_dims(const InferContext& context, size_t index, const Dims& wanted,
                        std::string_view meaning) {
  if (!context.has_rank(index)) return {};
  const Dims& dims = context.dims(index);
  bool fits = dims.size() == wanted.size();
  for (size_t i = 0; fits && i < dims.size(); ++i) {
    if (dims[i].is_constant() && wanted[i].is_constant()) fits = dims[i] == wanted[i];
  }
  if (!fits) {
    return fail(Code::kInvalidArgument, "{} must be {} ({})", context.describe(index),
                to_string(wanted), meaning);
  }
  return {};
}

Result<Dim> find_hidden(const InferContext& context) {
  const int64_t declared = context.attrs().get_int("hidden_size");
  if (declared < 0) return fail(Code::kInvalidGraph, "hidden_size is {}", declared);
  if (declared > 0) return Dim(declared);
  if (context.has_rank(2) && context.rank(2) == 3) return context.dims(2)[2];
  return Dim::unknown();
}

Result<void> check_operands(const InferContext& context, const RecurrentKind& kind,
                            const Dims& sizes) {
  const auto& [directions, batch, input, hidden] = std::tie(sizes[0], sizes[1], sizes[2], sizes[3]);
  const bool batch_first = context.attrs().get_int("layout") != 0;
  const Dim gates = Dim(kind.gates) * hidden;
  const Dims state =
      batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
  TRY(check_dims(context, 1, {directions, gates, input}, "directions, gates x hidden, input"));
  TRY(check_dims(context, 2, {directions, gates, hidden}, "directions, gates x hidden, hidden"));
  TRY(check_dims(context, kRecurrentB, {directions, Dim(2) * gates},
                 "directions, 2 x gates x hidden"));
  TRY(check_dims(context, kRecurrentLens, {batch}, "batch"));
  TRY(check_dims(context, kRecurrentH, state,
                 batch_first ? "batch, directions, hidden" : "directions, batch, hidden"));
  if (!kind.has_cell) return {};
  TRY(check_dims(context, kRecurrentC, state,
                 batch_first ? "batch, directions, hidden" : "directions, batch, hidden"));
  return check_dims(context, kRecurrentP, {directions, Dim(3) * hidden}, "directions, 3 x hidden");
}

}  // namespace

double GateFunction::operator()(double x) const {
  switch (kind) {
    case GateFunctionKind::kAffine:
      return alpha * x + beta;
    case GateFunctionKind::kElu:
      return x >= 0 ? x : alpha * std::expm1(x);
    case GateFunctionKind::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case GateFunctionKind::kLeakyRelu:
      return x >= 0 ? x : alpha * x;
    case GateFunctionKind::kRelu:
      return x > 0 ? x : 0;
    case GateFunctionKind::kScaledTanh:
      return alpha * std::tanh(beta * x);
    case GateFunctionKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case GateFunctionKind::kSoftplus:
      return x > 30 ? x : std::log1p(std::exp(x));
    case GateFunctionKind::kSoftsign:
      return x / (1 + std::fabs(x));
    case GateFunctionKind::kTanh:
      return std::tanh(x);
    case GateFunctionKind::kThresholdedRelu:
      return x > alpha ? x : 0;
  }
  return x;
}

Result<void> infer_recurrent(InferContext& context, const RecurrentKind& kind,
                             const Dim& attended) {
  const AttrMap& attrs = context.attrs();
  const int64_t directions = TRY(read_directions(attrs));
  TRY(read_activations(attrs, kind, directions));
  const bool batch_first = attrs.get_int("layout") != 0;
  const Dim hidden = TRY(find_hidden(context));
  Dim steps = Dim::unknown();
  Dim batch = Dim::unknown();
  Dim input = Dim::unknown();
  if (context.has_rank(0)) {
    const Dims& x = context.dims(0);
    if (x.size() != 3) {
      return fail(Code::kInvalidArgument, "{} must have rank 3", context.describe(0));
    }
    steps = x[batch_first ? 1 : 0];
    batch = x[batch_first ? 0 : 1];
    if (!attended.is_unknown()) input = x[2] + attended;
  }
  TRY(check_operands(context, kind, {Dim(directions), batch, input, hidden}));
  const Dims state =
      batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
  const DType dtype = context.dtype(0);
  context.set_output(0, dtype,
                     batch_first ? Dims{batch, steps, directions, hidden}
                                 : Dims{steps, directions, batch, hidden});
  context.set_output(1, dtype, state);
  if (kind.has_cell) context.set_output(2, dtype, state);
  return {};
}

Result<Recurrent> read_recurrent(const KernelRequest& request, const RecurrentKind& kind) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const AttrMap& attrs = request.node.attrs;
  Recurrent shape;
  shape.directions = TRY(read_directions(attrs));
  shape.reverse = attrs.get_string("direction") == "reverse";
  shape.batch_first = attrs.get_int("layout") != 0;
  const Shape x = request.inputs[0].shape();
  shape.steps = x[shape.batch_first ? 1 : 0];
  shape.batch = x[shape.batch_first ? 0 : 1];
  shape.input = x[2];
  shape.hidden = request.inputs[2].shape()[2];
  shape.gates = kind.gates;
  shape.has_clip = attrs.has("clip");
  shape.clip = static_cast<double>(attrs.get_float("clip"));
  shape.flag = !kind.flag.empty() && attrs.get_int(kind.flag) != 0;
  shape.activations = TRY(read_activations(attrs, kind, shape.directions));
  return shape;
}

bool check_sequence_lengths(const Recurrent& shape, RunArgs& args) {
  for (int64_t row = 0; row < shape.batch; ++row) {
    const int64_t length = sequence_length(shape, args, row);
    if (length < 0 || length > shape.steps) {
      args.report(Code::kInvalidArgument,
                  fmt::format("sequence_lens[{}] is {}, expected 0 to {} (the steps of X)", row,
                              length, shape.steps));
      return false;
    }
  }
  return true;
}

OpDef recurrent_op(const RecurrentKind& kind) {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.inputs = {{"X", "T", kFloatTypes},
               {"W", "T", kFloatTypes},
               {"R", "T", kFloatTypes},
               {"B", "T", kFloatTypes, Form::kOptional},
               {"sequence_lens", "T1", dtype_set(DType::kInt32), Form::kOptional},
               {"initial_h", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes, Form::kOptional},
                {"Y_h", "T", kFloatTypes, Form::kOptional}};
  if (kind.has_cell) {
    op.inputs.push_back({"initial_c", "T", kFloatTypes, Form::kOptional});
    op.inputs.push_back({"P", "T", kFloatTypes, Form::kOptional});
    op.outputs.push_back({"Y_c", "T", kFloatTypes, Form::kOptional});
  }
  op.attrs = {optional_attr("activation_alpha", Kind::kFloats),
              optional_attr("activation_beta", Kind::kFloats),
              optional_attr("activations", Kind::kStrings),
              optional_attr("clip", Kind::kFloat),
              string_attr("direction", "forward"),
              optional_attr("hidden_size", Kind::kInt),
              int_attr("layout", 0)};
  if (!kind.flag.empty()) op.attrs.push_back(int_attr(kind.flag, 0));
  return op;
}

}  // namespace sardonyx
