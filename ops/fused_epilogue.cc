// Recognises the epilogues that the matrix kernels have of their own: an addition before or after
// one activation, which may be written as several nodes. Makes programs of the others.
#include "ops/fused_epilogue.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/infer.h"

namespace sardonyx {
namespace {

struct Step {
  enum class Kind : uint8_t { kActivation, kAddOperand };
  Kind kind = Kind::kActivation;
  Activation activation = Activation::kNone;
  double p0 = 0;
  double p1 = 0;
  size_t operand = 0;  // body input that is added
  std::string_view name;
};

// The number that a body value is known to hold.
std::optional<double> scalar_of(const Graph& body, ValueId id) {
  if (id == kNoValue || !body.value(id).is_constant()) return std::nullopt;
  const Tensor& tensor = body.value(id).constant;
  if (tensor.count() != 1) return std::nullopt;
  if (tensor.dtype() == DType::kFloat32) return static_cast<double>(*tensor.as<float>());
  if (tensor.dtype() == DType::kFloat64) return *tensor.as<double>();
  return std::nullopt;
}

struct SimpleActivation {
  std::string_view op_type;
  Activation activation;
};
constexpr SimpleActivation kSimple[] = {
    {"HardSwish", Activation::kHardSwish}, {"Mish", Activation::kMish},
    {"Sigmoid", Activation::kSigmoid},     {"Softplus", Activation::kSoftplus},
    {"Tanh", Activation::kTanh},
};

}  // namespace

class EpilogueReader {
 public:
  explicit EpilogueReader(const Graph& body) : body_(body) {}

  // The steps from the result to the body's output; nullopt when one is not known.
  std::optional<std::vector<Step>> read() {
    std::vector<Step> steps;
    if (body_.inputs().empty() || body_.outputs().size() != 1) return std::nullopt;
    ValueId at = body_.inputs()[0];
    while (at != body_.outputs()[0].value) {
      auto step = next(at);
      if (!step) return std::nullopt;
      scale(*step, at);
      if (steps.empty() || !joins(steps.back(), *step)) steps.push_back(*step);
    }
    return steps;
  }

  static FusedEpilogue assemble(const std::vector<Step>& steps, size_t first_operand) {
    FusedEpilogue epilogue;
    for (size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      if (i != 0) epilogue.text_ += ", ";
      epilogue.text_ += step.name;
      if (step.kind == Step::Kind::kAddOperand) {
        epilogue.residual_input_ = first_operand + step.operand - 1;
        epilogue.residual_after_ = i != 0;
      } else {
        epilogue.activation_ = step.activation;
        epilogue.p0_ = step.p0;
        epilogue.p1_ = step.p1;
      }
    }
    return epilogue;
  }

 private:
  const Node* only_user(ValueId id) const {
    const auto& users = body_.value(id).users;
    return users.size() == 1 && body_.use_count(id) == 1 ? &body_.node(users[0]) : nullptr;
  }

  // Moves `at` over one step.
  std::optional<Step> next(ValueId& at) const {
    const auto& users = body_.value(at).users;
    if (users.size() == 2) {
      const auto step = product_with_gate(at);
      return step ? step : written_out_hard_swish(at);
    }
    const Node* node = only_user(at);
    if (node == nullptr || node->outputs.size() != 1) return std::nullopt;
    auto step = node->op_type == "Add" ? addition(*node, at) : activation(*node);
    if (step) at = node->outputs[0];
    return step;
  }

  // One clip behind another (Relu6 as Relu and Clip) becomes part of that.
  static bool joins(Step& before, const Step& step) {
    const auto is_clip = [](const Step& s) {
      return s.kind == Step::Kind::kActivation && s.activation == Activation::kClip && s.p0 <= s.p1;
    };
    if (!is_clip(before) || !is_clip(step)) return false;
    before.p0 = std::clamp(before.p0, step.p0, step.p1);
    before.p1 = std::clamp(before.p1, step.p0, step.p1);
    before.name = step.name;
    return true;
  }

  // A multiplication by a number behind the activation, and an addition of one, are part of it.
  void scale(Step& step, ValueId& at) const {
    const bool relu = step.activation == Activation::kClip && step.p0 == 0 && std::isinf(step.p1);
    if (!relu && step.activation != Activation::kHardSwish) return;
    double factor = 1, offset = 0;
    bool found = false;
    for (const auto& [op_type, number] : {std::pair{"Mul", &factor}, std::pair{"Add", &offset}}) {
      const Node* node = only_user(at);
      if (node == nullptr || node->op_type != op_type) continue;
      const auto other = other_number(*node, at);
      if (!other) continue;
      *number = *other;
      at = node->outputs[0];
      found = true;
    }
    if (!found) return;
    step.activation = relu ? Activation::kScaledRelu : Activation::kScaledHardSwish;
    step.p0 = factor;
    step.p1 = offset;
    step.name = relu ? "Relu scaled" : "HardSwish scaled";
  }

  std::optional<Step> addition(const Node& node, ValueId at) const {
    const ValueId other = node.inputs[0] == at ? node.inputs[1] : node.inputs[0];
    for (size_t i = 1; i < body_.inputs().size(); ++i) {
      if (body_.inputs()[i] != other) continue;
      Step step;
      step.kind = Step::Kind::kAddOperand;
      step.operand = i;
      step.name = "Add";
      return step;
    }
    return std::nullopt;
  }

  std::optional<Step> activation(const Node& node) const {
    Step step;
    step.name = node.op_type;
    const AttrMap& attrs = node.attrs;
    const auto set = [&](Activation kind, double p0, double p1) {
      step.activation = kind;
      step.p0 = p0;
      step.p1 = p1;
      return step;
    };
    for (const SimpleActivation& row : kSimple) {
      if (row.op_type == node.op_type) return set(row.activation, 0, 0);
    }
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (node.op_type == "Relu") return set(Activation::kClip, 0, kInfinity);
    if (node.op_type == "Clip") return clip(node, step);
    const auto alpha = static_cast<double>(attrs.get_float("alpha"));
    const auto beta = static_cast<double>(attrs.get_float("beta"));
    if (node.op_type == "LeakyRelu") return set(Activation::kLeakyRelu, alpha, 0);
    if (node.op_type == "Elu") return set(Activation::kElu, alpha, 0);
    if (node.op_type == "HardSigmoid") return set(Activation::kHardSigmoid, alpha, beta);
    if (node.op_type == "Swish" && alpha == 1) return set(Activation::kSilu, 0, 0);
    if (node.op_type == "Gelu") {
      const bool tanh_form = attrs.get_string("approximate") == "tanh";
      return set(tanh_form ? Activation::kGeluTanh : Activation::kGelu, 0, 0);
    }
    return std::nullopt;
  }

  std::optional<Step> clip(const Node& node, Step step) const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const auto bound = [&](size_t index, double fallback) -> std::optional<double> {
      if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return fallback;
      return scalar_of(body_, node.inputs[index]);
    };
    const auto low = bound(1, -kInfinity);
    const auto high = bound(2, kInfinity);
    if (!low || !high) return std::nullopt;
    step.activation = Activation::kClip;
    step.p0 = *low;
    step.p1 = *high;
    return step;
  }

  // x * Sigmoid(x), x * HardSigmoid(x) with alpha 1/6 and beta 1/2.
  std::optional<Step> product_with_gate(ValueId& at) const {
    const auto& users = body_.value(at).users;
    const bool gate_first = body_.node(users[0]).op_type != "Mul";
    const Node& gate = body_.node(users[gate_first ? 0 : 1]);
    const Node& product = body_.node(users[gate_first ? 1 : 0]);
    if (product.op_type != "Mul" || gate.outputs.size() != 1) return std::nullopt;
    const ValueId gated = gate.outputs[0];
    if (only_user(gated) != &product || body_.is_output(at)) return std::nullopt;
    Step step;
    if (gate.op_type == "Sigmoid") {
      step.activation = Activation::kSilu;
      step.name = "Silu";
    } else if (gate.op_type == "HardSigmoid" && is_hard_swish_gate(gate)) {
      step.activation = Activation::kHardSwish;
      step.name = "HardSwish";
    } else {
      return std::nullopt;
    }
    at = product.outputs[0];
    return step;
  }

  // The number on the other side of a node with two inputs, of which one is `value`.
  std::optional<double> other_number(const Node& node, ValueId value) const {
    if (node.inputs.size() != 2) return std::nullopt;
    return scalar_of(body_, node.inputs[node.inputs[0] == value ? 1 : 0]);
  }
  // Whether the node multiplies `value` by 1/6.
  bool divides_by_six(const Node& node, ValueId value) const {
    const double number = other_number(node, value).value_or(0);
    if (node.op_type == "Div") return node.inputs[0] == value && number == 6;
    return node.op_type == "Mul" && std::fabs(number - 1.0 / 6) < 1e-6;
  }

  // x * Clip(x + 3, 0, 6) / 6, divided before or after the product.
  std::optional<Step> written_out_hard_swish(ValueId& at) const {
    const auto& users = body_.value(at).users;
    const Node& sum = body_.node(users[body_.node(users[0]).op_type == "Add" ? 0 : 1]);
    if (sum.op_type != "Add" || other_number(sum, at) != 3.0) return std::nullopt;
    const Node* bounds = only_user(sum.outputs[0]);
    if (bounds == nullptr || bounds->op_type != "Clip") return std::nullopt;
    const auto range = clip(*bounds, Step());
    if (!range || range->p0 != 0 || range->p1 != 6) return std::nullopt;
    ValueId gate = bounds->outputs[0];
    const Node* next = only_user(gate);
    const bool before = next != nullptr && divides_by_six(*next, gate);
    if (before) {
      gate = next->outputs[0];
      next = only_user(gate);
    }
    const auto takes = [&](ValueId value) {
      return std::find(next->inputs.begin(), next->inputs.end(), value) != next->inputs.end();
    };
    if (next == nullptr || next->op_type != "Mul" || !takes(at) || !takes(gate)) {
      return std::nullopt;
    }
    ValueId end = next->outputs[0];
    if (!before) {
      const Node* division = only_user(end);
      if (division == nullptr || !divides_by_six(*division, end)) return std::nullopt;
      end = division->outputs[0];
    }
    at = end;
    Step step;
    step.activation = Activation::kHardSwish;
    step.name = "HardSwish";
    return step;
  }

  static bool is_hard_swish_gate(const Node& gate) {
    return std::fabs(gate.attrs.get_float("alpha") - 1.0f / 6) < 1e-6f &&
           gate.attrs.get_float("beta") == 0.5f;
  }

  const Graph& body_;
};

namespace {

// At most one activation and one addition.
std::optional<std::vector<Step>> known_steps(const Graph& body) {
  auto steps = EpilogueReader(body).read();
  if (!steps || steps->size() > 2) return std::nullopt;
  if (steps->size() == 2 && (*steps)[0].kind == (*steps)[1].kind) return std::nullopt;
  return steps;
}

}  // namespace

namespace {

Result<ElementwiseProgram> make_program(const Graph& body, DType dtype, Tier tier) {
  const std::vector<DType> dtypes(body.inputs().size(), dtype);
  auto program = TRY(ElementwiseProgram::from_body(body, dtypes, tier));
  if (!program.can_run_block() || dtypes.size() > FusedEpilogue::kMaxOperands) {
    return fail(Code::kNotImplemented, "the body has too many inputs or outputs");
  }
  return program;
}

// How an operand lies over a result with these dims; nullopt when it does not broadcast so.
std::optional<BlockOperand::Over> operand_over(const Shape& operand, const Shape& result) {
  if (operand == result) return BlockOperand::Over::kFull;
  if (operand.count() == 1) return BlockOperand::Over::kScalar;
  const bool is_row = !operand.empty() && !result.empty() && operand.back() == result.back() &&
                      operand.count() == result.back();
  if (is_row) return BlockOperand::Over::kColumns;
  return std::nullopt;
}

}  // namespace

bool can_run_epilogue(const Graph& body, DType dtype, Tier tier) {
  return known_steps(body).has_value() || make_program(body, dtype, tier).has_value();
}

Result<FusedEpilogue> FusedEpilogue::read(const KernelRequest& request, size_t first_operand) {
  const Subgraph* subgraph = request.node.attrs.get_subgraph("epilogue");
  FusedEpilogue epilogue;
  if (subgraph == nullptr) return epilogue;
  if (const auto steps = known_steps(*subgraph->body)) {
    epilogue = EpilogueReader::assemble(*steps, first_operand);
    const size_t residual = epilogue.residual_input_;
    if (residual == 0 || request.inputs[residual].shape() == request.outputs[0].shape()) {
      return epilogue;
    }
    epilogue = FusedEpilogue();
  }
  TRY(epilogue.read_program(request, *subgraph->body, first_operand));
  return epilogue;
}

Result<void> FusedEpilogue::read_program(const KernelRequest& request, const Graph& body,
                                         size_t first_operand) {
  auto program = TRY(make_program(body, request.outputs[0].dtype(), request.tier));
  const size_t count = body.inputs().size() - 1;
  if (request.inputs.size() != first_operand + count) {
    return fail(Code::kInvalidGraph, "the epilogue takes {} operands, the node has {}", count,
                request.inputs.size() - std::min(request.inputs.size(), first_operand));
  }
  for (size_t i = first_operand; i < request.inputs.size(); ++i) {
    const auto over = operand_over(request.inputs[i].shape(), request.outputs[0].shape());
    if (!over) return decline("operand {} does not lie over the result", i);
    operands_.push_back(*over);
  }
  first_operand_ = first_operand;
  text_ = program.to_string();
  program_ = std::make_shared<const ElementwiseProgram>(std::move(program));
  return {};
}

void FusedEpilogue::bind_program(const RunArgs& args, int64_t columns, size_t element_bytes,
                                 Binding& binding) const {
  binding.program = program_.get();
  binding.count = operands_.size();
  binding.element_bytes = element_bytes;
  for (size_t i = 0; i < operands_.size(); ++i) {
    binding.operands[i] = {args.inputs[first_operand_ + i].data, operands_[i], columns};
  }
}

void FusedEpilogue::run_program(const Binding& binding, void* c, int64_t ldc, int64_t rows,
                                int64_t cols, int64_t row0, int64_t col0) {
  std::array<BlockOperand, kMaxOperands> operands = binding.operands;
  for (size_t i = 0; i < binding.count; ++i) {
    BlockOperand& operand = operands[i];
    int64_t offset = 0;
    if (operand.over == BlockOperand::Over::kColumns) offset = col0;
    if (operand.over == BlockOperand::Over::kFull) offset = row0 * operand.row_stride + col0;
    operand.data = static_cast<const std::byte*>(operand.data) +
                   offset * static_cast<int64_t>(binding.element_bytes);
  }
  binding.program->run_block(std::span(operands.data(), binding.count), c, rows, cols, ldc);
}

Result<void> check_epilogue(const InferContext& context, size_t first_operand) {
  const ValueType& output = context.output_types()[0];
  std::vector<ValueType> inputs = {output};
  for (size_t i = first_operand; i < context.input_count(); ++i) {
    inputs.push_back(context.input(i));
    if (!context.has_rank(i) || !output.has_rank()) continue;
    const Dims dims = TRY(broadcast_dims(*output.dims, context.dims(i)));
    if (dims.size() != output.dims->size()) {
      return fail(Code::kInvalidArgument, "{} does not broadcast to the result, which is {}",
                  context.describe(i), to_string(*output.dims));
    }
  }
  const Subgraph* epilogue = context.attrs().get_subgraph("epilogue");
  if (epilogue == nullptr || !context.at_load()) return {};
  Graph& body = *epilogue->body;
  if (body.inputs().size() != inputs.size() || body.outputs().size() != 1) {
    return fail(Code::kInvalidGraph, "the epilogue takes {} values and gives {}, expected {} and 1",
                body.inputs().size(), body.outputs().size(), inputs.size());
  }
  return infer_read_body(body, inputs);
}

}  // namespace sardonyx
