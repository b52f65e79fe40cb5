// FlexAttention → MatMul, score_mod, Softmax, prob_mod, MatMul. Heads of keys and values that
// several heads of queries share are repeated (spec: FlexAttention-1).
#include <cmath>

#include "passes/emitter.h"
#include "passes/inline_body.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// Keys or values with as many heads as the queries have.
ValueId repeat_heads(Emitter& emit, ValueId x, ValueId q) {
  const auto& x_dims = emit.graph().value(x).type.dims;
  const auto& q_dims = emit.graph().value(q).type.dims;
  if (x_dims && q_dims && (*x_dims)[1] == (*q_dims)[1]) return x;
  const ValueId batch = emit.shape(x, 0, 1);
  const ValueId heads = emit.shape(x, 1, 2);
  const ValueId rest = emit.shape(x, 2, 4);
  const ValueId wanted = emit.shape(q, 1, 2);
  const AttrMap axis = make_attrs(std::pair("axis", int64_t{0}));
  const ValueId groups = emit.op("Div", {wanted, heads});
  const ValueId wide = emit.op("Expand", {emit.op("Unsqueeze", {x, emit.ints({2})}),
                                          emit.op("Concat", {batch, heads, groups, rest}, axis)});
  return emit.op("Reshape", {wide, emit.op("Concat", {batch, wanted, rest}, axis)});
}

// The root of the scale, which queries and keys are multiplied with.
ValueId root_of_scale(Emitter& emit, const Node& node, DType dtype) {
  if (node.attrs.has("scale")) {
    return emit.number(std::sqrt(node.attrs.get_float("scale")), dtype);
  }
  const auto& dims = emit.graph().value(node.inputs[0]).type.dims;
  if (dims && dims->back().is_constant()) {
    return emit.number(std::pow(static_cast<double>(dims->back().value()), -0.25), dtype);
  }
  const DType wide = dtype == DType::kFloat64 ? dtype : DType::kFloat32;
  const ValueId size = emit.cast(emit.shape(node.inputs[0], 3, 4), wide);
  const ValueId root = emit.op("Sqrt", {emit.op("Sqrt", {size})});
  return emit.cast(emit.op("Reciprocal", {root}), dtype);
}

Result<ValueId> modified(Emitter& emit, const Node& node, std::string_view attr, ValueId x) {
  const Subgraph* body = node.attrs.get_subgraph(attr);
  if (body == nullptr) return x;
  const std::string prefix = node.name + "/" + std::string(attr) + "/";
  return TRY(inline_body(emit.graph(), *body, prefix, std::span<const ValueId>(&x, 1)))[0];
}

Result<void> expand(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  Emitter emit(graph, node.name.empty() ? node.op_type : node.name);
  const DType dtype = graph.value(node.inputs[0]).type.dtype;
  const auto softmax_dtype = static_cast<DType>(node.attrs.get_int(
      "softmax_precision",
      static_cast<int64_t>(dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32)));
  // Products are summed in the wider of the two types.
  const DType wide = dtype_bits(softmax_dtype) > dtype_bits(dtype) ? softmax_dtype : dtype;
  const auto widened = [&](ValueId x) { return wide == dtype ? x : emit.cast(x, wide); };
  const ValueId scale = root_of_scale(emit, node, wide);
  const ValueId q = emit.op("Mul", {widened(node.inputs[0]), scale});
  const ValueId k =
      emit.op("Mul", {widened(repeat_heads(emit, node.inputs[1], node.inputs[0])), scale});
  const ValueId k_turned =
      emit.op("Transpose", {k}, make_attrs(std::pair("perm", std::vector<int64_t>{0, 1, 3, 2})));
  ValueId scores = emit.cast(emit.op("MatMul", {q, k_turned}), softmax_dtype);
  scores = TRY(modified(emit, node, "score_mod", scores));
  ValueId probs = emit.op("Softmax", {scores}, make_attrs(std::pair("axis", int64_t{-1})));
  probs = TRY(modified(emit, node, "prob_mod", probs));
  const ValueId v = repeat_heads(emit, node.inputs[2], node.inputs[0]);
  const ValueId y = emit.cast(emit.op("MatMul", {probs, emit.cast(v, softmax_dtype)}), dtype);
  graph.replace_uses(node.outputs[0], y);
  graph.remove_node(id);
  return {};
}

}  // namespace

Result<bool> expand_flex_attention(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, expand_flex_attention));
    const Node& node = graph.node(id);
    if (node.domain != "ai.onnx.preview" || node.op_type != "FlexAttention") continue;
    if (node.outputs[0] == kNoValue) continue;
    TRY_AT(node.title(), expand(graph, id));
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
