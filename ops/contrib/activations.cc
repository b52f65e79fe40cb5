// com.microsoft: Gelu FastGelu BiasGelu QuickGelu BiasSplitGelu BiasAdd BiasDropout
// BiasSoftmax, said with the operators of ai.onnx.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

Result<void> lower_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Gelu", {to.input(0)});
  return {};
}

Result<void> lower_fast_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = to.sum(to.input(0), to.input(1));
  to.op_into(to.output(0), "Gelu", {x}, {{"approximate", std::string("tanh")}});
  return {};
}

Result<void> lower_bias_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Gelu", {to.op("Add", {to.input(0), to.input(1)})});
  return {};
}

Result<void> lower_quick_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Swish", {to.input(0)}, {{"alpha", to.attrs().get_float("alpha")}});
  return {};
}

// The left half times gelu of the right half.
Result<void> lower_bias_split_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = to.op("Add", {to.input(0), to.input(1)});
  const auto halves = to.ops("Split", {x}, 2, {{"axis", int64_t{-1}}, {"num_outputs", int64_t{2}}});
  to.op_into(to.output(0), "Mul", {halves[0], to.op("Gelu", {halves[1]})});
  return {};
}

Result<void> lower_bias_add(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId biased = to.op("Add", {to.input(0), to.input(1)});
  to.op_into(to.output(0), "Add", {biased, to.input(2)});
  return {};
}

// dropout(data + bias) + residual
Result<void> lower_bias_dropout(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId biased = to.op("Add", {to.input(0), to.input(1)});
  AttrMap attrs;
  if (to.attrs().has("seed")) attrs.set("seed", to.attrs().get_int("seed"));
  ValueId dropped = to.output(0);
  if (to.has(2)) dropped = graph.add_value(graph.value(to.output(0)).name + "/dropped", {});
  to.op_into({dropped, to.output(1)}, "Dropout", {biased, to.input(3), to.input(4)}, attrs);
  if (to.has(2)) to.op_into(to.output(0), "Add", {dropped, to.input(2)});
  return {};
}

// Softmax of data + bias over all dims from `axis` on.
Result<void> lower_bias_softmax(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId biased = to.op("Add", {to.input(0), to.input(1)});
  const ValueId rows = to.op("Flatten", {biased}, {{"axis", to.attrs().get_int("axis")}});
  to.op_into(to.output(0), "Reshape", {to.op("Softmax", {rows}), to.shape(to.input(0))},
             {{"allowzero", int64_t{1}}});
  return {};
}

}  // namespace

OpDef op_ContribGelu() { return contrib_op("X:T", "Y:T", lower_gelu); }
OpDef op_FastGelu() { return contrib_op("X:T bias:T?", "Y:T", lower_fast_gelu); }
OpDef op_BiasGelu() { return contrib_op("A:T B:T", "C:T", lower_bias_gelu); }
OpDef op_QuickGelu() {
  OpDef op = contrib_op("X:T", "Y:T", lower_quick_gelu);
  op.attrs = {float_attr("alpha", 1.702f)};
  return op;
}
OpDef op_BiasSplitGelu() { return contrib_op("X:T bias:T", "Y:T", lower_bias_split_gelu); }
OpDef op_BiasAdd() { return contrib_op("X:T bias:T skip:T", "Y:T", lower_bias_add); }
OpDef op_BiasDropout() {
  OpDef op = contrib_op("data:T bias:T residual:T? ratio:U? training_mode:B?", "output:T mask:B?",
                        lower_bias_dropout);
  op.attrs = {optional_attr("seed", FormalAttr::Kind::kInt)};
  op.is_random = true;
  return op;
}
OpDef op_BiasSoftmax() {
  OpDef op = contrib_op("data:T bias:T", "output:T", lower_bias_softmax);
  op.attrs = {int_attr("axis", 1), required_attr("is_inner_broadcast", FormalAttr::Kind::kInt)};
  return op;
}

}  // namespace sardonyx
