// Operators of the first opsets that the specification called experimental and dropped, and that
// files still have (ONNX Runtime runs them): said with today's operators. Attributes hold f32.
#include "graph/upgrade_rules.h"

namespace sardonyx {
namespace {

ValueId add_ints(Graph& graph, NodeId id, const std::vector<int64_t>& ints, std::string_view what) {
  return graph.add_constant(fmt::format("{}/{}", graph.node(id).name, what),
                            Tensor::from<int64_t>({static_cast<int64_t>(ints.size())}, ints));
}

// A constant of the type of the node's input.
ValueId constant_like_input(Graph& graph, NodeId id, Tensor tensor, std::string_view what) {
  const std::string name = fmt::format("{}/{}", graph.node(id).name, what);
  const ValueId constant = graph.add_constant(name, std::move(tensor));
  return graph.add_node("CastLike", "", {constant, graph.node(id).inputs[0]}, AttrMap(),
                        name + "_cast");
}

ValueId number(Graph& graph, NodeId id, std::string_view attr, float fallback) {
  const float value = graph.node(id).attrs.get_float(attr, fallback);
  return constant_like_input(graph, id, Tensor::scalar(value), attr);
}

ValueId add_op(Graph& graph, NodeId id, const char* op_type, std::vector<ValueId> inputs) {
  return graph.add_node(op_type, "", std::move(inputs), AttrMap(),
                        fmt::format("{}/{}", graph.node(id).name, op_type));
}

// The node keeps its output and becomes this.
Result<void> become(Graph& graph, NodeId id, const char* op_type, std::vector<ValueId> inputs,
                    AttrMap attrs = {}) {
  graph.node(id).op_type = op_type;
  graph.node(id).attrs = std::move(attrs);
  graph.set_inputs(id, std::move(inputs));
  return {};
}

Result<void> expect_one_input(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (node.inputs.size() == 1 && node.inputs[0] != kNoValue) return {};
  return fail(Code::kInvalidGraph, "{} has {} inputs, expected 1", node.title(),
              node.inputs.size());
}

Result<void> expect_attr(const Graph& graph, NodeId id, std::string_view attr) {
  if (graph.node(id).attrs.has(attr)) return {};
  return fail(Code::kInvalidGraph, "{} needs the attribute {}", graph.node(id).title(), attr);
}

}  // namespace

// alpha x + beta
Result<void> affine_to_mul(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  const ValueId alpha = number(graph, id, "alpha", 1);
  const ValueId beta = number(graph, id, "beta", 0);
  const ValueId product = add_op(graph, id, "Mul", {graph.node(id).inputs[0], alpha});
  return become(graph, id, "Add", {product, beta});
}

// scale x
Result<void> scale_to_mul(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  return become(graph, id, "Mul", {graph.node(id).inputs[0], number(graph, id, "scale", 1)});
}

// scale x + bias, one bias for each channel of NCHW
Result<void> image_scaler_to_mul(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  const std::vector<float> bias = graph.node(id).attrs.get_floats("bias");
  const Shape shape{static_cast<int64_t>(bias.size()), 1, 1};
  const ValueId added = constant_like_input(
      graph, id, Tensor::from<float>(shape, std::span<const float>(bias)), "bias");
  const ValueId scale = number(graph, id, "scale", 1);
  const ValueId product = add_op(graph, id, "Mul", {graph.node(id).inputs[0], scale});
  return become(graph, id, "Add", {product, added});
}

// alpha tanh(beta x)
Result<void> scaled_tanh_to_tanh(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  for (const char* attr : {"alpha", "beta"}) TRY(expect_attr(graph, id, attr));
  const ValueId inner =
      add_op(graph, id, "Mul", {graph.node(id).inputs[0], number(graph, id, "beta", 1)});
  const ValueId tanh = add_op(graph, id, "Tanh", {inner});
  return become(graph, id, "Mul", {tanh, number(graph, id, "alpha", 1)});
}

// alpha log(1 + exp(beta x))
Result<void> parametric_softplus(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  for (const char* attr : {"alpha", "beta"}) TRY(expect_attr(graph, id, attr));
  const ValueId inner =
      add_op(graph, id, "Mul", {graph.node(id).inputs[0], number(graph, id, "beta", 1)});
  const ValueId softplus = add_op(graph, id, "Softplus", {inner});
  return become(graph, id, "Mul", {softplus, number(graph, id, "alpha", 1)});
}

// border is left, top, right, bottom; with scale (height, width) the last two do not count.
Result<void> crop_to_slice(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  const std::vector<int64_t> border = graph.node(id).attrs.get_ints("border");
  const std::vector<int64_t> scale = graph.node(id).attrs.get_ints("scale");
  if (border.size() != 4 || (!scale.empty() && scale.size() != 2)) {
    return fail(Code::kInvalidGraph,
                "{}: border has {} numbers and scale {}, expected 4 and 2 (or none)",
                graph.node(id).title(), border.size(), scale.size());
  }
  const auto end = [&](size_t side, size_t size) -> int64_t {
    if (!scale.empty()) return border[1 - size] + scale[size];
    return border[side] == 0 ? INT64_MAX : -border[side];
  };
  const ValueId starts = add_ints(graph, id, {border[1], border[0]}, "starts");
  const ValueId ends = add_ints(graph, id, {end(3, 0), end(2, 1)}, "ends");
  const ValueId axes = add_ints(graph, id, {2, 3}, "axes");
  return become(graph, id, "Slice", {graph.node(id).inputs[0], starts, ends, axes});
}

// The same operands as Slice has now.
Result<void> rename_dynamic_slice(Graph& graph, NodeId id) {
  graph.node(id).op_type = "Slice";
  return {};
}

// MeanVarianceNormalization-9 names its axes; before, they were those of NCHW, with or without the
// channels, and the division could be left out.
Result<void> mean_variance_axes(Graph& graph, NodeId id) {
  TRY(expect_one_input(graph, id));
  AttrMap& attrs = graph.node(id).attrs;
  const bool across = attrs.get_int("across_channels", 0) != 0;
  std::vector<int64_t> axes = {0, 2, 3};
  if (across) axes.insert(axes.begin() + 1, 1);
  if (attrs.get_int("normalize_variance", 1) == 0) {
    const ValueId x = graph.node(id).inputs[0];
    return become(graph, id, "Sub",
                  {x, add_op(graph, id, "ReduceMean", {x, add_ints(graph, id, axes, "axes")})});
  }
  if (!attrs.has("axes")) attrs.set("axes", std::move(axes));
  for (const char* old : {"across_channels", "normalize_variance"}) attrs.erase(old);
  return {};
}

}  // namespace sardonyx
