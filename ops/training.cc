// One step of the optimizers of ai.onnx.preview.training: Adagrad, Adam, Momentum. The variadic
// inputs are tensors, gradients and states in turn; the outputs the new tensors and states.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTrainedTypes = dtype_set(DType::kFloat32, DType::kFloat64);

double number_at(const TensorView& scalar) {
  return scalar.dtype == DType::kFloat64 ? *scalar.as<const double>()
                                         : static_cast<double>(*scalar.as<const float>());
}

// Each step is made from the attributes, prepared with R and T, and then turns x and its states
// into the new ones for the gradient g.
struct Adagrad {
  static constexpr size_t kStates = 1;
  double norm, decay, epsilon;
  double rate = 0;

  static Result<Adagrad> from(const AttrMap& attrs) {
    return Adagrad{attrs.get_float("norm_coefficient"), attrs.get_float("decay_factor"),
                   attrs.get_float("epsilon")};
  }
  void prepare(double r, int64_t t) { rate = r / (1 + static_cast<double>(t) * decay); }
  void step(double& x, double g, double* state) const {
    g += norm * x;
    state[0] += g * g;
    x -= rate * g / (std::sqrt(state[0]) + epsilon);
  }
};

struct Adam {
  static constexpr size_t kStates = 2;
  double norm, norm_post, alpha, beta, epsilon;
  double rate = 0;

  static Result<Adam> from(const AttrMap& attrs) {
    return Adam{attrs.get_float("norm_coefficient"), attrs.get_float("norm_coefficient_post"),
                attrs.get_float("alpha"), attrs.get_float("beta"), attrs.get_float("epsilon")};
  }
  void prepare(double r, int64_t t) {
    const auto power = static_cast<double>(t);
    rate = t > 0 ? r * std::sqrt(1 - std::pow(beta, power)) / (1 - std::pow(alpha, power)) : r;
  }
  void step(double& x, double g, double* state) const {
    g += norm * x;
    state[0] = alpha * state[0] + (1 - alpha) * g;
    state[1] = beta * state[1] + (1 - beta) * g * g;
    x = (1 - norm_post) * (x - rate * state[0] / (std::sqrt(state[1]) + epsilon));
  }
};

struct Momentum {
  static constexpr size_t kStates = 1;
  double norm, alpha, beta;
  bool nesterov;
  double rate = 0;
  double scale = 0;

  static Result<Momentum> from(const AttrMap& attrs) {
    const std::string& mode = attrs.get_string("mode");
    if (mode != "nesterov" && mode != "standard") {
      return fail(Code::kInvalidArgument, "mode is '{}', expected nesterov or standard", mode);
    }
    return Momentum{attrs.get_float("norm_coefficient"), attrs.get_float("alpha"),
                    attrs.get_float("beta"), mode == "nesterov"};
  }
  void prepare(double r, int64_t t) {
    rate = r;
    scale = t > 0 ? beta : 1;
  }
  void step(double& x, double g, double* state) const {
    g += norm * x;
    state[0] = alpha * state[0] + scale * g;
    x -= rate * (nesterov ? g + alpha * state[0] : state[0]);
  }
};

Result<void> expect_scalar(const InferContext& context, size_t index) {
  if (!context.has_rank(index)) return {};
  const Dim count = product(context.dims(index));
  if (!count.is_constant() || count.value() == 1) return {};
  return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(index));
}

template <class Optimizer>
Result<void> infer_optimizer(InferContext& context) {
  TRY(Optimizer::from(context.attrs()));
  TRY(expect_scalar(context, 0));
  TRY(expect_scalar(context, 1));
  constexpr size_t kParts = 2 + Optimizer::kStates;
  const size_t given = context.input_count() - 2;
  const size_t tensors = given / kParts;
  const bool outputs_fit = context.output_count() == tensors * (1 + Optimizer::kStates);
  const auto wrong_count = [&]() -> Result<void> {
    return fail(Code::kInvalidGraph,
                "{} inputs after R and T and {} outputs; expected {} inputs and {} outputs for "
                "each tensor",
                given, context.output_count(), kParts, 1 + Optimizer::kStates);
  };
  if (given % kParts != 0) return wrong_count();
  for (size_t i = 0; i < tensors; ++i) {
    ValueType type = context.input(2 + i);
    for (size_t part = 1; part < kParts; ++part) {
      const size_t index = 2 + part * tensors + i;
      const bool same_dtype = type.dtype == context.dtype(index) ||
                              type.dtype == DType::kUndefined ||
                              context.dtype(index) == DType::kUndefined;
      const bool ranked = type.has_rank() && context.has_rank(index);
      if (!same_dtype || (ranked && type.dims->size() != context.dims(index).size())) {
        return fail(Code::kInvalidArgument, "{} must be like {}", context.describe(index),
                    context.describe(2 + i));
      }
      if (!type.has_rank() && context.has_rank(index)) type.dims = context.dims(index);
      for (size_t d = 0; ranked && d < type.dims->size(); ++d) {
        (*type.dims)[d] = TRY(same_dim((*type.dims)[d], context.dims(index)[d],
                                       "the dims of a tensor, its gradient and states"));
      }
    }
    for (size_t part = 0; part <= Optimizer::kStates && outputs_fit; ++part) {
      context.set_output(part * tensors + i, type);
    }
  }
  if (!outputs_fit) return wrong_count();
  return {};
}

// One tensor: its operands among inputs and outputs are `tensors` apart.
template <class T, class Optimizer>
void update_tensor(RunArgs& args, const Optimizer& optimizer, size_t tensors, size_t i) {
  constexpr size_t kStates = Optimizer::kStates;
  const auto src = [&](size_t part) { return args.inputs[2 + part * tensors + i].as<const T>(); };
  T* dst[1 + kStates];
  for (size_t part = 0; part <= kStates; ++part) {
    const TensorView& like = args.inputs[2 + i];
    const size_t output = part * tensors + i;
    // An output that nobody asks for has no type.
    const bool wanted =
        args.outputs[output].dtype != DType::kUndefined || args.output_values[output] != nullptr;
    dst[part] = wanted ? args.allocate(output, like.dtype, like.shape).template as<T>() : nullptr;
    if (args.failed()) return;
  }
  const int64_t count = args.inputs[2 + i].count();
  parallel_ranges(args.pool, count, 64, [&](int64_t first, int64_t last) {
    for (int64_t e = first; e < last; ++e) {
      double x = src(0)[e];
      double state[kStates];
      for (size_t s = 0; s < kStates; ++s) state[s] = src(2 + s)[e];
      optimizer.step(x, src(1)[e], state);
      if (dst[0] != nullptr) dst[0][e] = static_cast<T>(x);
      for (size_t s = 0; s < kStates; ++s) {
        if (dst[1 + s] != nullptr) dst[1 + s][e] = static_cast<T>(state[s]);
      }
    }
  });
}

template <class Optimizer>
Result<std::unique_ptr<Kernel>> make_optimizer(const KernelRequest& request) {
  const Optimizer made = TRY(Optimizer::from(request.node.attrs));
  const size_t tensors = (request.inputs.size() - 2) / (2 + Optimizer::kStates);
  return make_kernel([made, tensors](RunArgs& args) {
    Optimizer optimizer = made;
    optimizer.prepare(number_at(args.inputs[0]), *args.inputs[1].as<const int64_t>());
    for (size_t i = 0; i < tensors && !args.failed(); ++i) {
      if (args.inputs[2 + i].dtype == DType::kFloat64) {
        update_tensor<double>(args, optimizer, tensors, i);
      } else {
        update_tensor<float>(args, optimizer, tensors, i);
      }
    }
  });
}

template <class Optimizer>
OpDef optimizer_op(std::vector<FormalAttr> attrs) {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"R", "T1", kTrainedTypes},
               {"T", "T2", dtype_set(DType::kInt64)},
               {"inputs", "", kTrainedTypes, Form::kVariadic}};
  op.outputs = {{"outputs", "", kTrainedTypes, Form::kVariadic}};
  op.attrs = std::move(attrs);
  op.infer = infer_optimizer<Optimizer>;
  op.kernels = {{"reference", make_optimizer<Optimizer>}};
  return op;
}

constexpr auto kFloat = FormalAttr::Kind::kFloat;

}  // namespace

OpDef op_Adagrad() {
  return optimizer_op<Adagrad>({float_attr("norm_coefficient", 0), float_attr("decay_factor", 0),
                                float_attr("epsilon", 1e-6f)});
}

OpDef op_Adam() {
  return optimizer_op<Adam>({float_attr("norm_coefficient", 0),
                             float_attr("norm_coefficient_post", 0), float_attr("alpha", 0.9f),
                             float_attr("beta", 0.999f), float_attr("epsilon", 1e-6f)});
}

OpDef op_Momentum() {
  return optimizer_op<Momentum>({required_attr("norm_coefficient", kFloat),
                                 required_attr("alpha", kFloat), required_attr("beta", kFloat),
                                 required_attr("mode", FormalAttr::Kind::kString)});
}

}  // namespace sardonyx
