// The table of derivatives; see passes/gradient_rules.h. Written g for the derivative by the
// output y of an operator with inputs a, b, ...
#include "passes/gradient_rules.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "passes/gradient_losses.h"

namespace sardonyx {

Result<Shape> GradientStep::shape(size_t i) const {
  const ValueType& known = type(i);
  if (known.is_concrete()) return to_shape(*known.dims);
  return fail(Code::kNotImplemented, "the derivative needs the dims of '{}', which is {}",
              emit.graph().value(typed_inputs[i]).name, known.to_string());
}

namespace {

using Grads = Result<std::vector<ValueId>>;
using Step = GradientStep;
using Ints = std::vector<int64_t>;

AttrMap ints_attr(std::string name, Ints ints) {
  return make_attrs(std::pair(std::move(name), std::move(ints)));
}
AttrMap int_attr_of(std::string name, int64_t number) {
  return make_attrs(std::pair(std::move(name), number));
}

// ---- broadcasting

// Sums `grad`, of the output's shape, over what was broadcast of input `i`.
Result<ValueId> sum_to(const Step& step, size_t i, ValueId grad) {
  const ValueType& from = step.output_type();
  const ValueType& to = step.type(i);
  if (!from.has_rank() || !to.has_rank()) {
    return fail(Code::kNotImplemented, "the derivative needs the rank of '{}'",
                step.emit.graph().value(step.typed_inputs[i]).name);
  }
  const size_t lead = from.dims->size() - to.dims->size();
  Ints axes;
  bool open = false;  // whether a dim was broadcast shows only at run time
  for (size_t k = 0; k < from.dims->size(); ++k) {
    if (k < lead) {
      axes.push_back(static_cast<int64_t>(k));
      continue;
    }
    const Dim& dim = (*to.dims)[k - lead];
    if (dim == (*from.dims)[k]) continue;
    if (dim == Dim(1)) {
      axes.push_back(static_cast<int64_t>(k));
    } else if (!dim.is_constant()) {
      open = true;
    }
  }
  if (axes.empty() && !open) return grad;
  ValueId sum = grad;
  if (!axes.empty()) {
    sum = step.op("ReduceSum", {sum, step.emit.ints(axes)}, int_attr_of("keepdims", 1));
  }
  const ValueId shape = step.emit.shape(step.in(i));
  if (open) {
    const ValueId ones = step.op("NonZero", {step.op("Equal", {shape, step.emit.ints({1})})});
    const ValueId late = step.op("Add", {step.op("Squeeze", {ones, step.emit.ints({0})}),
                                         step.emit.ints({static_cast<int64_t>(lead)})});
    AttrMap attrs = int_attr_of("keepdims", 1);
    attrs.set("noop_with_empty_axes", int64_t{1});
    sum = step.op("ReduceSum", {sum, late}, std::move(attrs));
  }
  return step.op("Reshape", {sum, shape});
}

Grads sum_to_all(const Step& step, std::vector<ValueId> grads) {
  for (size_t i = 0; i < grads.size(); ++i) {
    if (grads[i] != kNoValue) grads[i] = TRY(sum_to(step, i, grads[i]));
  }
  return grads;
}

ValueId float_of(const Step& step, ValueId condition) {
  return step.emit.cast(condition, step.dtype());
}
ValueId square(const Step& step, ValueId x) { return step.mul(x, x); }

// ---- one element to one element: g times the derivative

using Slope = ValueId (*)(const Step&);
template <Slope slope>
Grads by_slope(const Step& step) {
  return std::vector<ValueId>{step.mul(step.grad(), slope(step))};
}

ValueId one_minus(const Step& s, ValueId x) { return s.op("Sub", {s.number(1), x}); }
ValueId one_plus(const Step& s, ValueId x) { return s.op("Add", {s.number(1), x}); }
ValueId inverse(const Step& s, ValueId x) { return s.op("Reciprocal", {x}); }
ValueId is_positive(const Step& s, ValueId x) {
  return float_of(s, s.op("Greater", {x, s.number(0)}));
}

ValueId slope_neg(const Step& s) { return s.number(-1); }
ValueId slope_abs(const Step& s) { return s.op("Sign", {s.in(0)}); }
ValueId slope_exp(const Step& s) { return s.out(); }
ValueId slope_log(const Step& s) { return inverse(s, s.in(0)); }
ValueId slope_sqrt(const Step& s) { return s.op("Div", {s.number(0.5), s.out()}); }
ValueId slope_reciprocal(const Step& s) { return s.op("Neg", {square(s, s.out())}); }
ValueId slope_relu(const Step& s) { return is_positive(s, s.in(0)); }
ValueId slope_sigmoid(const Step& s) { return s.mul(s.out(), one_minus(s, s.out())); }
ValueId slope_tanh(const Step& s) { return one_minus(s, square(s, s.out())); }
ValueId slope_sin(const Step& s) { return s.op("Cos", {s.in(0)}); }
ValueId slope_cos(const Step& s) { return s.op("Neg", {s.op("Sin", {s.in(0)})}); }
ValueId slope_tan(const Step& s) { return one_plus(s, square(s, s.out())); }
ValueId slope_sinh(const Step& s) { return s.op("Cosh", {s.in(0)}); }
ValueId slope_cosh(const Step& s) { return s.op("Sinh", {s.in(0)}); }
ValueId slope_asin(const Step& s) {
  return inverse(s, s.op("Sqrt", {one_minus(s, square(s, s.in(0)))}));
}
ValueId slope_acos(const Step& s) { return s.op("Neg", {slope_asin(s)}); }
ValueId slope_atan(const Step& s) { return inverse(s, one_plus(s, square(s, s.in(0)))); }
ValueId slope_asinh(const Step& s) {
  return inverse(s, s.op("Sqrt", {one_plus(s, square(s, s.in(0)))}));
}
ValueId slope_acosh(const Step& s) {
  return inverse(s, s.op("Sqrt", {s.op("Sub", {square(s, s.in(0)), s.number(1)})}));
}
ValueId slope_atanh(const Step& s) { return inverse(s, one_minus(s, square(s, s.in(0)))); }
ValueId slope_erf(const Step& s) {
  const ValueId bell = s.op("Exp", {s.op("Neg", {square(s, s.in(0))})});
  return s.mul(bell, s.number(2 / std::sqrt(std::numbers::pi)));
}
ValueId slope_softplus(const Step& s) { return s.op("Sigmoid", {s.in(0)}); }
ValueId slope_softsign(const Step& s) {
  return inverse(s, square(s, one_plus(s, s.op("Abs", {s.in(0)}))));
}
ValueId slope_leaky_relu(const Step& s) {
  return s.op("Where", {s.op("Less", {s.in(0), s.number(0)}),
                        s.number(s.node.attrs.get_float("alpha")), s.number(1)});
}
// alpha (exp(x) - 1) below 0.
ValueId slope_elu(const Step& s) {
  const ValueId below = s.op("Add", {s.out(), s.number(s.node.attrs.get_float("alpha"))});
  return s.op("Where", {s.op("Less", {s.in(0), s.number(0)}), below, s.number(1)});
}
// gamma x above 0, gamma alpha (exp(x) - 1) below.
ValueId slope_selu(const Step& s) {
  const double gamma = s.node.attrs.get_float("gamma");
  const ValueId below = s.op("Add", {s.out(), s.number(gamma * s.node.attrs.get_float("alpha"))});
  return s.op("Where", {s.op("Less", {s.in(0), s.number(0)}), below, s.number(gamma)});
}
// x s(alpha x), s being the sigmoid.
ValueId slope_swish(const Step& s) {
  const ValueId alpha = s.number(s.node.attrs.get_float("alpha", 1));
  const ValueId gate = s.op("Sigmoid", {s.mul(alpha, s.in(0))});
  return s.op("Add", {gate, s.mul(s.mul(alpha, s.out()), one_minus(s, gate))});
}
// Exact: Phi(x) + x phi(x). By tanh: as it is written in the specification.
ValueId slope_gelu(const Step& s) {
  const ValueId x = s.in(0);
  if (s.node.attrs.get_string("approximate") == "tanh") {
    const double c = std::sqrt(2 / std::numbers::pi);
    const ValueId cube = s.mul(square(s, x), x);
    const ValueId inner = s.mul(s.op("Add", {x, s.mul(cube, s.number(0.044715))}), s.number(c));
    const ValueId t = s.op("Tanh", {inner});
    const ValueId slope =
        s.mul(one_plus(s, s.mul(square(s, x), s.number(3 * 0.044715))), s.number(c));
    const ValueId turn = s.mul(s.mul(x, one_minus(s, square(s, t))), slope);
    return s.mul(s.op("Add", {one_plus(s, t), turn}), s.number(0.5));
  }
  const ValueId erf = s.op("Erf", {s.mul(x, s.number(std::sqrt(0.5)))});
  const ValueId bell = s.op("Exp", {s.mul(square(s, x), s.number(-0.5))});
  return s.op("Add", {s.mul(one_plus(s, erf), s.number(0.5)),
                      s.mul(s.mul(x, bell), s.number(1 / std::sqrt(2 * std::numbers::pi)))});
}

// Steps: nothing is passed on.
Grads no_slope(const Step& step) { return std::vector<ValueId>(step.inputs.size(), kNoValue); }

// ---- several operands with broadcasting

Grads rule_add(const Step& s) {
  return sum_to_all(s, std::vector<ValueId>(s.inputs.size(), s.grad()));
}
Grads rule_sub(const Step& s) { return sum_to_all(s, {s.grad(), s.op("Neg", {s.grad()})}); }
Grads rule_mul(const Step& s) {
  return sum_to_all(s, {s.mul(s.grad(), s.in(1)), s.mul(s.grad(), s.in(0))});
}
Grads rule_div(const Step& s) {
  const ValueId a = s.op("Div", {s.grad(), s.in(1)});
  return sum_to_all(s, {a, s.op("Neg", {s.mul(a, s.out())})});
}
// b a^(b-1), and y log a where a is positive.
Grads rule_pow(const Step& s) {
  const ValueId b = s.emit.cast(s.in(1), s.dtype());
  const ValueId a = s.mul(b, s.op("Pow", {s.in(0), s.op("Sub", {b, s.number(1)})}));
  ValueId by_b = kNoValue;
  if (s.type(1).dtype == s.dtype()) {
    const ValueId log = s.op(
        "Log", {s.op("Where", {s.op("Greater", {s.in(0), s.number(0)}), s.in(0), s.number(1)})});
    by_b = s.mul(s.grad(), s.mul(s.out(), log));
  }
  return sum_to_all(s, {s.mul(s.grad(), a), by_b});
}
Grads rule_mean(const Step& s) {
  const ValueId share = s.mul(s.grad(), s.number(1.0 / static_cast<double>(s.inputs.size())));
  return sum_to_all(s, std::vector<ValueId>(s.inputs.size(), share));
}
// Goes to the operands that are the result; where several are, each gets an equal share.
Grads rule_extreme(const Step& s) {
  std::vector<ValueId> chosen;
  for (size_t i = 0; i < s.inputs.size(); ++i) {
    chosen.push_back(float_of(s, s.op("Equal", {s.in(i), s.out()})));
  }
  const ValueId count = chosen.size() == 1 ? chosen[0] : s.op("Sum", chosen);
  const ValueId share = s.op("Div", {s.grad(), count});
  for (ValueId& each : chosen) each = s.mul(share, each);
  return sum_to_all(s, std::move(chosen));
}
Grads rule_where(const Step& s) {
  const ValueId zero = s.number(0);
  return sum_to_all(s, {kNoValue, s.op("Where", {s.in(0), s.grad(), zero}),
                        s.op("Where", {s.in(0), zero, s.grad()})});
}
Grads rule_prelu(const Step& s) {
  const ValueId below = s.op("Less", {s.in(0), s.number(0)});
  return sum_to_all(s, {s.op("Where", {below, s.mul(s.grad(), s.in(1)), s.grad()}),
                        s.op("Where", {below, s.mul(s.grad(), s.in(0)), s.number(0)})});
}
Grads rule_clip(const Step& s) {
  ValueId grad = s.grad();
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!s.has_input(i)) continue;
    const ValueId outside = s.op(i == 1 ? "Less" : "Greater", {s.in(0), s.in(i)});
    grad = s.op("Where", {outside, s.number(0), grad});
  }
  return std::vector<ValueId>{grad};
}
Grads rule_cast(const Step& s) {
  if ((s.type(0).dtype == DType::kFloat32 || s.type(0).dtype == DType::kFloat64 ||
       s.type(0).dtype == DType::kFloat16 || s.type(0).dtype == DType::kBfloat16)) {
    return std::vector<ValueId>{s.emit.cast(s.grad(), s.type(0).dtype)};
  }
  return std::vector<ValueId>{kNoValue};
}
Grads rule_identity(const Step& s) { return std::vector<ValueId>{s.grad()}; }
Grads rule_dropout(const Step& s) {
  if (s.has_input(2)) {
    return fail(Code::kNotImplemented, "there is no derivative of Dropout in training mode");
  }
  return std::vector<ValueId>{s.grad()};
}

// ---- matrices

ValueId turned(const Step& s, ValueId x, size_t rank) {
  Ints perm;
  for (size_t i = 0; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  std::swap(perm[rank - 2], perm[rank - 1]);
  return s.op("Transpose", {x}, ints_attr("perm", perm));
}

// Vectors become matrices of one row or one column, whose derivatives lose that dim again.
Grads rule_matmul(const Step& s) {
  if (!s.type(0).has_rank() || !s.type(1).has_rank()) {
    return fail(Code::kNotImplemented, "the derivative needs the ranks of both operands");
  }
  const size_t rank_a = std::max<size_t>(s.type(0).dims->size(), 2);
  const size_t rank_b = std::max<size_t>(s.type(1).dims->size(), 2);
  const bool a_is_row = s.type(0).dims->size() == 1;
  const bool b_is_column = s.type(1).dims->size() == 1;
  const ValueId a = a_is_row ? s.op("Unsqueeze", {s.in(0), s.emit.ints({0})}) : s.in(0);
  const ValueId b = b_is_column ? s.op("Unsqueeze", {s.in(1), s.emit.ints({1})}) : s.in(1);
  ValueId grad = s.grad();
  if (b_is_column) grad = s.op("Unsqueeze", {grad, s.emit.ints({-1})});
  if (a_is_row) grad = s.op("Unsqueeze", {grad, s.emit.ints({-2})});
  ValueId by_a = s.op("MatMul", {grad, turned(s, b, rank_b)});
  ValueId by_b = s.op("MatMul", {turned(s, a, rank_a), grad});
  const auto sum_batches = [&](ValueId by, size_t i, size_t rank, size_t other_rank) {
    Ints axes;
    const size_t most = std::max(rank, other_rank);
    for (size_t k = 0; k + 2 < most; ++k) {
      const bool missing = k < most - rank;
      const bool is_one = !missing && (*s.type(i).dims)[k - (most - rank)] == Dim(1);
      if (missing || is_one) axes.push_back(static_cast<int64_t>(k));
    }
    if (!axes.empty()) {
      by = s.op("ReduceSum", {by, s.emit.ints(axes)}, int_attr_of("keepdims", 1));
    }
    return s.op("Reshape", {by, s.emit.shape(s.in(i))});
  };
  by_a = sum_batches(by_a, 0, rank_a, rank_b);
  by_b = sum_batches(by_b, 1, rank_b, rank_a);
  return std::vector<ValueId>{by_a, by_b};
}

Grads rule_gemm(const Step& s) {
  const AttrMap& attrs = s.node.attrs;
  const bool a_turned = attrs.get_int("transA") != 0;
  const bool b_turned = attrs.get_int("transB") != 0;
  const ValueId grad = s.mul(s.grad(), s.number(attrs.get_float("alpha", 1)));
  const auto product = [&](ValueId x, bool turn_x, ValueId y, bool turn_y) {
    return s.op("MatMul", {turn_x ? turned(s, x, 2) : x, turn_y ? turned(s, y, 2) : y});
  };
  std::vector<ValueId> grads = {
      a_turned ? product(s.in(1), b_turned, grad, true) : product(grad, false, s.in(1), !b_turned),
      b_turned ? product(grad, true, s.in(0), a_turned) : product(s.in(0), !a_turned, grad, false)};
  if (s.has_input(2)) {
    const ValueId by_c = s.mul(s.grad(), s.number(attrs.get_float("beta", 1)));
    grads.push_back(TRY(sum_to(s, 2, by_c)));
  }
  return grads;
}

// ---- Conv: by x a transposed convolution; by w a convolution of x with g, with batch and
// channels in each other's place and strides and dilations likewise.

struct ConvSizes {
  Shape x, w;
  Ints strides, dilations, pads;
};

Result<ConvSizes> window_sizes(const Step& s, const AttrMap& attrs, const Shape& x,
                               const Shape& w) {
  ConvSizes sizes{x, w, {}, {}, {}};
  if (!s.output_type().is_concrete()) {
    return fail(Code::kNotImplemented, "the derivative needs the dims of the output");
  }
  const size_t axes = sizes.x.rank() - 2;
  sizes.strides = attrs.get_ints("strides");
  sizes.dilations = attrs.get_ints("dilations");
  sizes.pads = attrs.get_ints("pads");
  if (sizes.strides.empty()) sizes.strides.assign(axes, 1);
  if (sizes.dilations.empty()) sizes.dilations.assign(axes, 1);
  if (sizes.pads.empty()) sizes.pads.assign(2 * axes, 0);
  const std::string& auto_pad = attrs.get_string("auto_pad");
  if (auto_pad != "NOTSET" && !auto_pad.empty() && auto_pad != "VALID") {
    const Shape y = to_shape(*s.output_type().dims);
    for (size_t i = 0; i < axes; ++i) {
      const int64_t span = (sizes.w[i + 2] - 1) * sizes.dilations[i] + 1;
      const int64_t total =
          std::max<int64_t>(0, (y[i + 2] - 1) * sizes.strides[i] + span - sizes.x[i + 2]);
      const int64_t half = total / 2;
      sizes.pads[i] = auto_pad == "SAME_UPPER" ? half : total - half;
      sizes.pads[i + axes] = total - sizes.pads[i];
    }
  }
  return sizes;
}

ValueId conv_by_x(const Step& s, const ConvSizes& sizes, ValueId grad, ValueId w, int64_t group) {
  const size_t axes = sizes.strides.size();
  const Shape y = to_shape(*s.output_type().dims);
  Ints extra;  // what the strides did not reach
  for (size_t i = 0; i < axes; ++i) {
    const int64_t span = (sizes.w[i + 2] - 1) * sizes.dilations[i] + 1;
    const int64_t reached = (y[i + 2] - 1) * sizes.strides[i] + span;
    extra.push_back(sizes.x[i + 2] + sizes.pads[i] + sizes.pads[i + axes] - reached);
  }
  // Padding beyond the stride would be refused: pad the result instead, and cut nothing.
  AttrMap attrs = ints_attr("strides", sizes.strides);
  attrs.set("dilations", sizes.dilations);
  attrs.set("group", group);
  const ValueId whole = s.op("ConvTranspose", {grad, w}, std::move(attrs));
  Ints pads = {0, 0};
  for (size_t i = 0; i < axes; ++i) pads.push_back(-sizes.pads[i]);
  pads.insert(pads.end(), {0, 0});
  for (size_t i = 0; i < axes; ++i) pads.push_back(extra[i] - sizes.pads[i + axes]);
  return s.op("Pad", {whole, s.emit.ints(pads)});
}

// x [n, c, ...] → [c, n, ...]
ValueId exchanged(const Step& s, ValueId x, size_t rank) {
  Ints perm = {1, 0};
  for (size_t i = 2; i < rank; ++i) perm.push_back(static_cast<int64_t>(i));
  return s.op("Transpose", {x}, ints_attr("perm", perm));
}

ValueId conv_by_w(const Step& s, const ConvSizes& sizes, ValueId x, ValueId grad) {
  const size_t axes = sizes.strides.size();
  AttrMap attrs = ints_attr("strides", sizes.dilations);
  attrs.set("dilations", sizes.strides);
  attrs.set("pads", sizes.pads);
  const ValueId wide =
      s.op("Conv", {exchanged(s, x, axes + 2), exchanged(s, grad, axes + 2)}, std::move(attrs));
  // Strides that do not reach the end make it wider than the weights.
  Ints ends, which;
  for (size_t i = 0; i < axes; ++i) {
    ends.push_back(sizes.w[i + 2]);
    which.push_back(static_cast<int64_t>(i) + 2);
  }
  const ValueId cut =
      s.op("Slice", {wide, s.emit.ints(Ints(axes, 0)), s.emit.ints(ends), s.emit.ints(which)});
  return exchanged(s, cut, axes + 2);
}

Grads rule_conv(const Step& s) {
  const Shape x = TRY(s.shape(0));
  const Shape w = TRY(s.shape(1));
  const ConvSizes sizes = TRY(window_sizes(s, s.node.attrs, x, w));
  const int64_t group = s.node.attrs.get_int("group", 1);
  std::vector<ValueId> grads = {conv_by_x(s, sizes, s.grad(), s.in(1), group)};
  if (group == 1) {
    grads.push_back(conv_by_w(s, sizes, s.in(0), s.grad()));
  } else {
    AttrMap split = int_attr_of("axis", 1);
    split.set("num_outputs", group);
    const auto count = static_cast<size_t>(group);
    const auto xs = s.emit.ops("Split", {s.in(0)}, count, split);
    const auto gs = s.emit.ops("Split", {s.grad()}, count, split);
    std::vector<ValueId> parts;
    for (size_t i = 0; i < count; ++i) parts.push_back(conv_by_w(s, sizes, xs[i], gs[i]));
    grads.push_back(s.op("Concat", std::move(parts), int_attr_of("axis", 0)));
  }
  if (s.has_input(2)) {
    Ints axes = {0};
    for (size_t i = 2; i < sizes.x.rank(); ++i) axes.push_back(static_cast<int64_t>(i));
    grads.push_back(s.op("ReduceSum", {s.grad(), s.emit.ints(axes)}, int_attr_of("keepdims", 0)));
  }
  return grads;
}

// By x a convolution of g; by w what it is for the convolution from y to x. Its output is what that
// convolution reads.
Grads rule_conv_transpose(const Step& s) {
  const AttrMap& given = s.node.attrs;
  const std::string& auto_pad = given.get_string("auto_pad");
  const bool plain = (auto_pad.empty() || auto_pad == "NOTSET") && !given.has("output_shape");
  if (!plain || given.get_int("group", 1) != 1 || !s.output_type().is_concrete()) {
    return fail(Code::kNotImplemented,
                "there is no derivative of ConvTranspose with groups, auto_pad or output_shape");
  }
  AttrMap attrs;
  for (const char* name : {"strides", "dilations", "pads"}) {
    if (const Attr* attr = given.find(name)) attrs.set(name, *attr);
  }
  const Shape w = TRY(s.shape(1));
  const ConvSizes sizes = TRY(window_sizes(s, attrs, to_shape(*s.output_type().dims), w));
  std::vector<ValueId> grads = {s.op("Conv", {s.grad(), s.in(1)}, attrs),
                                conv_by_w(s, sizes, s.grad(), s.in(0))};
  if (s.has_input(2)) {
    Ints axes = {0};
    for (size_t i = 2; i < sizes.x.rank(); ++i) axes.push_back(static_cast<int64_t>(i));
    grads.push_back(s.op("ReduceSum", {s.grad(), s.emit.ints(axes)}, int_attr_of("keepdims", 0)));
  }
  return grads;
}

// ---- pooling

// g goes to the element that was taken, which Indices tells.
Grads rule_max_pool(const Step& s) {
  AttrMap attrs = s.node.attrs;
  attrs.set("storage_order", int64_t{0});
  const ValueId taken = s.emit.ops("MaxPool", {s.in(0)}, 2, std::move(attrs))[1];
  const ValueId flat = s.emit.ints({-1});
  const ValueId zeros = s.op("Expand", {s.number(0), s.emit.shape(s.in(0))});
  AttrMap add = make_attrs(std::pair("reduction", std::string("add")));
  add.set("axis", int64_t{0});
  const ValueId sums = s.op("ScatterElements",
                            {s.op("Reshape", {zeros, flat}), s.op("Reshape", {taken, flat}),
                             s.op("Reshape", {s.grad(), flat})},
                            std::move(add));
  return std::vector<ValueId>{s.op("Reshape", {sums, s.emit.shape(s.in(0))})};
}

// The sum over a window is linear in x: what it does to ones counts its elements, and its
// derivative is a convolution of each channel with ones, turned round.
Grads rule_average_pool(const Step& s) {
  if (s.node.attrs.get_int("ceil_mode") != 0) {
    return fail(Code::kNotImplemented, "there is no derivative of AveragePool with ceil_mode");
  }
  const Shape x = TRY(s.shape(0));
  Ints w_dims = {x[1], 1};
  double window = 1;
  for (const int64_t size : s.node.attrs.get_ints("kernel_shape")) {
    w_dims.push_back(size);
    window *= static_cast<double>(size);
  }
  const ValueId w = s.op("Expand", {s.number(1), s.emit.ints(w_dims)});
  AttrMap attrs;
  for (const char* name : {"strides", "dilations", "pads", "auto_pad"}) {
    if (const Attr* attr = s.node.attrs.find(name)) attrs.set(name, *attr);
  }
  attrs.set("group", x[1]);
  const ValueId ones = s.op("Expand", {s.number(1), s.emit.shape(s.in(0))});
  const ValueId count = s.node.attrs.get_int("count_include_pad") != 0
                            ? s.number(window)
                            : s.op("Conv", {ones, w}, attrs);
  const ValueId share = s.op("Div", {s.grad(), count});
  const ConvSizes sizes = TRY(window_sizes(s, attrs, x, Shape(std::span<const int64_t>(w_dims))));
  return std::vector<ValueId>{conv_by_x(s, sizes, share, w, x[1])};
}

// ---- reductions

// g (and y) with the dims back that the reduction dropped.
ValueId kept(const Step& s, ValueId reduced) {
  const AttrMap& attrs = s.node.attrs;
  if (attrs.get_int("keepdims", 1) != 0) return reduced;
  if (!s.has_input(1) && attrs.get_int("noop_with_empty_axes") != 0) return reduced;
  if (s.has_input(1)) return s.op("Unsqueeze", {reduced, s.in(1)});
  Ints ones(s.type(0).has_rank() ? s.type(0).dims->size() : 0, 1);
  return s.op("Reshape", {reduced, s.emit.ints(ones)});
}
ValueId spread(const Step& s, ValueId x) { return s.op("Expand", {x, s.emit.shape(s.in(0))}); }

Grads rule_reduce_sum(const Step& s) {
  return std::vector<ValueId>{spread(s, kept(s, s.grad())), kNoValue};
}
Grads rule_reduce_mean(const Step& s) {
  const auto size_of = [&](ValueId x) { return s.emit.cast(s.op("Size", {x}), s.dtype()); };
  const ValueId share = s.op("Div", {size_of(s.out()), size_of(s.in(0))});
  return std::vector<ValueId>{spread(s, s.mul(kept(s, s.grad()), share)), kNoValue};
}
Grads rule_reduce_sum_square(const Step& s) {
  const ValueId twice = s.mul(s.in(0), s.number(2));
  return std::vector<ValueId>{s.mul(kept(s, s.grad()), twice), kNoValue};
}
Grads rule_reduce_l1(const Step& s) {
  return std::vector<ValueId>{s.mul(kept(s, s.grad()), s.op("Sign", {s.in(0)})), kNoValue};
}
Grads rule_reduce_l2(const Step& s) {
  const ValueId ratio = s.op("Div", {s.in(0), kept(s, s.out())});
  return std::vector<ValueId>{s.mul(kept(s, s.grad()), ratio), kNoValue};
}
Grads rule_reduce_log_sum(const Step& s) {
  const ValueId sum = s.op("Exp", {kept(s, s.out())});
  return std::vector<ValueId>{spread(s, s.op("Div", {kept(s, s.grad()), sum})), kNoValue};
}
Grads rule_reduce_log_sum_exp(const Step& s) {
  const ValueId share = s.op("Exp", {s.op("Sub", {s.in(0), kept(s, s.out())})});
  return std::vector<ValueId>{s.mul(kept(s, s.grad()), share), kNoValue};
}
Grads rule_reduce_extreme(const Step& s) {
  const ValueId chosen = float_of(s, s.op("Equal", {s.in(0), kept(s, s.out())}));
  ValueId count;
  AttrMap attrs = int_attr_of("keepdims", 1);
  attrs.set("noop_with_empty_axes", s.node.attrs.get_int("noop_with_empty_axes"));
  count = s.has_input(1) ? s.op("ReduceSum", {chosen, s.in(1)}, attrs)
                         : s.op("ReduceSum", {chosen}, attrs);
  return std::vector<ValueId>{s.mul(s.op("Div", {kept(s, s.grad()), count}), chosen), kNoValue};
}
// y (g - sum(g y)).
Grads rule_softmax(const Step& s) {
  const ValueId axis = s.emit.ints({s.node.attrs.get_int("axis", -1)});
  const ValueId sum =
      s.op("ReduceSum", {s.mul(s.grad(), s.out()), axis}, int_attr_of("keepdims", 1));
  return std::vector<ValueId>{s.mul(s.out(), s.op("Sub", {s.grad(), sum}))};
}
// g - exp(y) sum(g).
Grads rule_log_softmax(const Step& s) {
  const ValueId axis = s.emit.ints({s.node.attrs.get_int("axis", -1)});
  const ValueId sum = s.op("ReduceSum", {s.grad(), axis}, int_attr_of("keepdims", 1));
  return std::vector<ValueId>{s.op("Sub", {s.grad(), s.mul(s.op("Exp", {s.out()}), sum)})};
}
Grads rule_global_average(const Step& s) {
  const auto size_of = [&](ValueId x) { return s.emit.cast(s.op("Size", {x}), s.dtype()); };
  const ValueId share = s.op("Div", {size_of(s.out()), size_of(s.in(0))});
  return std::vector<ValueId>{spread(s, s.mul(s.grad(), share))};
}

// ---- movements of elements

Grads rule_reshape(const Step& s) {
  std::vector<ValueId> grads(s.inputs.size(), kNoValue);
  grads[0] = s.op("Reshape", {s.grad(), s.emit.shape(s.in(0))});
  return grads;
}
Grads rule_transpose(const Step& s) {
  const Ints& perm = s.node.attrs.get_ints("perm");
  if (perm.empty()) return std::vector<ValueId>{s.op("Transpose", {s.grad()})};
  Ints back(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) {
    back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  }
  return std::vector<ValueId>{s.op("Transpose", {s.grad()}, ints_attr("perm", back))};
}
Grads rule_concat(const Step& s) {
  const int64_t axis = s.node.attrs.get_int("axis");
  std::vector<ValueId> lengths;
  for (const ValueId input : s.inputs) {
    lengths.push_back(s.emit.shape(input, axis, axis == -1 ? INT64_MAX : axis + 1));
  }
  const ValueId splits = s.op("Concat", lengths, int_attr_of("axis", 0));
  return s.emit.ops("Split", {s.grad(), splits}, s.inputs.size(), int_attr_of("axis", axis));
}
Grads rule_split(const Step& s) {
  std::vector<ValueId> parts;
  for (size_t i = 0; i < s.outputs.size(); ++i) {
    parts.push_back(s.output_grads[i]);
    if (parts.back() == kNoValue) {
      parts.back() = s.op("Expand", {s.number(0), s.emit.shape(s.outputs[i])});
    }
  }
  const int64_t axis = s.node.attrs.get_int("axis");
  return std::vector<ValueId>{s.op("Concat", parts, int_attr_of("axis", axis)), kNoValue};
}
Grads rule_expand(const Step& s) {
  return std::vector<ValueId>{TRY(sum_to(s, 0, s.grad())), kNoValue};
}
ValueId zeros_like(const Step& s, size_t i) {
  return s.op("Expand", {s.number(0), s.emit.shape(s.in(i))});
}
// The positions that the node takes, as what it does to 0, 1, 2, ...; g is added there.
Grads by_positions(const Step& s) {
  const ValueId zero = s.emit.graph().add_constant("", Tensor::scalar(int64_t{0}));
  const ValueId one = s.emit.graph().add_constant("", Tensor::scalar(int64_t{1}));
  const ValueId count = s.op("Size", {s.in(0)});
  const ValueId line = s.op("Range", {zero, count, one});
  std::vector<ValueId> operands = s.inputs;
  operands[0] = s.op("Reshape", {line, s.emit.shape(s.in(0))});
  const ValueId taken = s.op(s.node.op_type.c_str(), std::move(operands), s.node.attrs);
  const ValueId flat = s.emit.ints({-1});
  AttrMap add = make_attrs(std::pair("reduction", std::string("add")));
  add.set("axis", int64_t{0});
  const ValueId sums = s.op("ScatterElements",
                            {s.op("Reshape", {zeros_like(s, 0), flat}),
                             s.op("Reshape", {taken, flat}), s.op("Reshape", {s.grad(), flat})},
                            std::move(add));
  std::vector<ValueId> grads(s.inputs.size(), kNoValue);
  grads[0] = s.op("Reshape", {sums, s.emit.shape(s.in(0))});
  return grads;
}
// A constant border goes: pads turned round cut it off again.
Grads rule_pad(const Step& s) {
  if (s.node.attrs.get_string("mode") != "constant" || s.has_input(3)) {
    return fail(Code::kNotImplemented, "there is no derivative of Pad in this form");
  }
  return std::vector<ValueId>{s.op("Pad", {s.grad(), s.op("Neg", {s.in(1)})}), kNoValue};
}

// ---- normalisation and loss

// With n = (x - mean) / deviation over the last axes: (g' - mean(g') - n mean(g' n)) / deviation.
Grads rule_layer_norm(const Step& s) {
  if (!s.type(0).has_rank()) return fail(Code::kNotImplemented, "the rank of X is not known");
  const auto rank = static_cast<int64_t>(s.type(0).dims->size());
  int64_t axis = s.node.attrs.get_int("axis", -1);
  if (axis < 0) axis += rank;
  Ints axes, lead;
  for (int64_t i = 0; i < rank; ++i) (i < axis ? lead : axes).push_back(i);
  const auto mean = [&](ValueId x) {
    return s.op("ReduceMean", {x, s.emit.ints(axes)}, int_attr_of("keepdims", 1));
  };
  const ValueId centred = s.op("Sub", {s.in(0), mean(s.in(0))});
  const ValueId variance =
      s.op("Add", {mean(square(s, centred)), s.number(s.node.attrs.get_float("epsilon", 1e-5f))});
  const ValueId scale = inverse(s, s.op("Sqrt", {variance}));
  const ValueId n = s.mul(centred, scale);
  const ValueId g = s.mul(s.grad(), s.in(1));
  const ValueId rest = s.op("Sub", {s.op("Sub", {g, mean(g)}), s.mul(n, mean(s.mul(g, n)))});
  std::vector<ValueId> grads = {s.mul(rest, scale), TRY(sum_to(s, 1, s.mul(s.grad(), n)))};
  if (s.has_input(2)) grads.push_back(TRY(sum_to(s, 2, s.grad())));
  return grads;
}

// With the statistics given: an affine map of each channel.
Grads rule_batch_norm(const Step& s) {
  if (s.node.attrs.get_int("training_mode") != 0 || !s.type(0).has_rank()) {
    return fail(Code::kNotImplemented,
                "there is no derivative of BatchNormalization in training mode");
  }
  Ints dims(s.type(0).dims->size(), 1);
  dims[1] = -1;
  const ValueId shape = s.emit.ints(dims);
  const auto wide = [&](ValueId x) { return s.op("Reshape", {x, shape}); };
  const ValueId variance =
      s.op("Add", {wide(s.in(4)), s.number(s.node.attrs.get_float("epsilon", 1e-5f))});
  const ValueId scale = inverse(s, s.op("Sqrt", {variance}));
  const ValueId n = s.mul(s.op("Sub", {s.in(0), wide(s.in(3))}), scale);
  Ints axes = {0};
  for (size_t i = 2; i < dims.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  const auto sum = [&](ValueId x) {
    return s.op("ReduceSum", {x, s.emit.ints(axes)}, int_attr_of("keepdims", 0));
  };
  return std::vector<ValueId>{s.mul(s.grad(), s.mul(wide(s.in(1)), scale)), sum(s.mul(s.grad(), n)),
                              sum(s.grad()), kNoValue, kNoValue};
}

struct NamedRule {
  std::string_view name;
  GradientRule rule;
};

// Sorted by name.
constexpr NamedRule kRules[] = {
    {"Abs", by_slope<slope_abs>},
    {"Acos", by_slope<slope_acos>},
    {"Acosh", by_slope<slope_acosh>},
    {"Add", rule_add},
    {"Asin", by_slope<slope_asin>},
    {"Asinh", by_slope<slope_asinh>},
    {"Atan", by_slope<slope_atan>},
    {"Atanh", by_slope<slope_atanh>},
    {"AveragePool", rule_average_pool},
    {"BatchNormalization", rule_batch_norm},
    {"Cast", rule_cast},
    {"Ceil", no_slope},
    {"Clip", rule_clip},
    {"Concat", rule_concat},
    {"Conv", rule_conv},
    {"ConvTranspose", rule_conv_transpose},
    {"Cos", by_slope<slope_cos>},
    {"Cosh", by_slope<slope_cosh>},
    {"Div", rule_div},
    {"Dropout", rule_dropout},
    {"Elu", by_slope<slope_elu>},
    {"Erf", by_slope<slope_erf>},
    {"Exp", by_slope<slope_exp>},
    {"Expand", rule_expand},
    {"Flatten", rule_reshape},
    {"Floor", no_slope},
    {"Gather", by_positions},
    {"GatherElements", by_positions},
    {"GatherND", by_positions},
    {"Gelu", by_slope<slope_gelu>},
    {"Gemm", rule_gemm},
    {"GlobalAveragePool", rule_global_average},
    {"Identity", rule_identity},
    {"LayerNormalization", rule_layer_norm},
    {"LeakyRelu", by_slope<slope_leaky_relu>},
    {"Log", by_slope<slope_log>},
    {"LogSoftmax", rule_log_softmax},
    {"MatMul", rule_matmul},
    {"Max", rule_extreme},
    {"MaxPool", rule_max_pool},
    {"Mean", rule_mean},
    {"Min", rule_extreme},
    {"Mul", rule_mul},
    {"Neg", by_slope<slope_neg>},
    {"NegativeLogLikelihoodLoss", gradient_of_log_likelihood},
    {"PRelu", rule_prelu},
    {"Pad", rule_pad},
    {"Pow", rule_pow},
    {"Reciprocal", by_slope<slope_reciprocal>},
    {"ReduceL1", rule_reduce_l1},
    {"ReduceL2", rule_reduce_l2},
    {"ReduceLogSum", rule_reduce_log_sum},
    {"ReduceLogSumExp", rule_reduce_log_sum_exp},
    {"ReduceMax", rule_reduce_extreme},
    {"ReduceMean", rule_reduce_mean},
    {"ReduceMin", rule_reduce_extreme},
    {"ReduceSum", rule_reduce_sum},
    {"ReduceSumSquare", rule_reduce_sum_square},
    {"Relu", by_slope<slope_relu>},
    {"Reshape", rule_reshape},
    {"Round", no_slope},
    {"Selu", by_slope<slope_selu>},
    {"Sigmoid", by_slope<slope_sigmoid>},
    {"Sign", no_slope},
    {"Sin", by_slope<slope_sin>},
    {"Sinh", by_slope<slope_sinh>},
    {"Slice", by_positions},
    {"Softmax", rule_softmax},
    {"SoftmaxCrossEntropyLoss", gradient_of_cross_entropy},
    {"Softplus", by_slope<slope_softplus>},
    {"Softsign", by_slope<slope_softsign>},
    {"Split", rule_split},
    {"Sqrt", by_slope<slope_sqrt>},
    {"Squeeze", rule_reshape},
    {"Sub", rule_sub},
    {"Sum", rule_add},
    {"Swish", by_slope<slope_swish>},
    {"Tan", by_slope<slope_tan>},
    {"Tanh", by_slope<slope_tanh>},
    {"Tile", by_positions},
    {"Transpose", rule_transpose},
    {"Unsqueeze", rule_reshape},
    {"Where", rule_where},
};

}  // namespace

GradientRule find_gradient_rule(const Node& node) {
  if (!node.domain.empty()) return nullptr;
  const auto found = std::lower_bound(
      std::begin(kRules), std::end(kRules), node.op_type,
      [](const NamedRule& rule, const std::string& name) { return rule.name < name; });
  return found != std::end(kRules) && found->name == node.op_type ? found->rule : nullptr;
}

}  // namespace sardonyx
