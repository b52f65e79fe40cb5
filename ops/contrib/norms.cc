// com.microsoft: SkipLayerNormalization SkipSimplifiedLayerNormalization EmbedLayerNormalization
// GroupNorm SkipGroupNorm, said with the normalisations of ai.onnx.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

float epsilon_of(const Lowering& to) { return to.attrs().get_float("epsilon"); }

bool is_narrow(DType dtype) { return dtype == DType::kFloat16 || dtype == DType::kBfloat16; }

// The operand; f32 of a narrow one, so that sums are not rounded before they are normalised.
ValueId wide(Lowering& to, size_t index) {
  const ValueId x = to.input(index);
  return x != kNoValue && is_narrow(to.dtype(0)) ? to.cast(x, DType::kFloat32) : x;
}

// Gives output `index` the value, in the dtype of the inputs.
void store(Lowering& to, size_t index, ValueId value) {
  if (is_narrow(to.dtype(0))) {
    to.op_into(to.output(index), "Cast", {value}, {{"to", static_cast<int64_t>(to.dtype(0))}});
  } else {
    to.op_into(to.output(index), "Identity", {value});
  }
}

// input + skip (+ bias): also output 3 where it is wanted.
ValueId skip_sum(Lowering& to, size_t bias) {
  const ValueId biased = to.has(bias) ? to.op("Add", {wide(to, 0), wide(to, bias)}) : wide(to, 0);
  const ValueId sum = to.op("Add", {biased, wide(to, 1)});
  if (to.wants(3)) store(to, 3, sum);
  return sum;
}

// The norm of the sum: output 0, and the statistics, which stand in `statistics`.
void norm_of_sum(Lowering& to, const char* norm, std::vector<ValueId> inputs,
                 std::vector<ValueId> statistics) {
  std::vector<ValueId> outputs = {to.output(0)};
  const bool narrow = is_narrow(to.dtype(0)) && to.wants(0);
  if (narrow) outputs[0] = to.graph().add_value("normalised", ValueType());
  outputs.insert(outputs.end(), statistics.begin(), statistics.end());
  const ValueId normalised = outputs[0];
  to.op_into(std::move(outputs), norm, std::move(inputs),
             Rewriter::attrs_of({{"epsilon", epsilon_of(to)}}));
  if (narrow) store(to, 0, normalised);
}

Result<void> lower_skip_layer_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId sum = skip_sum(to, 4);
  norm_of_sum(to, "LayerNormalization", {sum, wide(to, 2), wide(to, 3)},
              {to.output(1), to.output(2)});
  return {};
}

Result<void> lower_skip_simplified_layer_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  if (to.wants(1)) {
    return fail(Code::kNotImplemented, "the output 'mean' has no meaning here; leave it out");
  }
  const ValueId sum = skip_sum(to, 3);
  norm_of_sum(to, "SimplifiedLayerNormalization", {sum, wide(to, 2)}, {to.output(2)});
  return {};
}

// ---- EmbedLayerNormalization(ids, segments, words, positions, segment table, gamma, beta, mask,
// position ids)

ValueId position_rows(Lowering& to) {
  if (to.has(8)) return to.op("Gather", {to.input(3), to.input(8)});
  const ValueId length = to.dim(to.input(0), 1);
  return to.op("Slice", {to.input(3), to.ints({0}), length, to.ints({0})});
}

// How many of the mask's numbers in each row are not 0; 0 for every row without a mask.
void lower_mask_index(Lowering& to) {
  if (!to.wants(1)) return;
  if (to.has(7) && to.attrs().get_int("mask_index_type", 1) != 0) {
    to.op_into(to.output(1), "ReduceSum", {to.input(7), to.ints({1})}, {{"keepdims", int64_t{0}}});
    return;
  }
  to.op_into(to.output(1), "ConstantOfShape", {to.dim(to.input(0), 0)},
             {{"value", Tensor::from<int32_t>({1}, std::vector<int32_t>{0})}});
}

Result<void> lower_embed_layer_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  if (to.attrs().get_int("mask_index_type", 1) > 1) {
    return fail(Code::kNotImplemented, "mask_index_type {} is not known",
                to.attrs().get_int("mask_index_type"));
  }
  const ValueId words = to.op("Gather", {to.input(2), to.input(0)});
  const ValueId placed = to.op("Add", {words, position_rows(to)});
  const ValueId segments =
      to.has(1) && to.has(4) ? to.op("Gather", {to.input(4), to.input(1)}) : kNoValue;
  ValueId sum = to.sum(placed, segments);
  if (to.wants(2)) {
    to.op_into(to.output(2), "Identity", {sum});
    sum = to.output(2);
  }
  to.op_into(to.output(0), "LayerNormalization", {sum, to.input(5), to.input(6)},
             {{"epsilon", epsilon_of(to)}});
  lower_mask_index(to);
  return {};
}

// ---- GroupNorm

// GroupNormalization of x, whose channels are last or axis 1, and silu where it is asked for.
Result<void> group_norm(Lowering& to, ValueId x) {
  const int64_t rank = TRY(to.known_rank(0));
  const int64_t activation = to.attrs().get_int("activation");
  if (activation != 0 && activation != 1) {
    return fail(Code::kInvalidGraph, "activation is {}, expected 0 (none) or 1 (SiLU)", activation);
  }
  const bool channels_last = to.attrs().get_int("channels_last") != 0;
  std::vector<int64_t> inwards = {0, rank - 1}, outwards = {0};
  for (int64_t axis = 1; axis < rank - 1; ++axis) inwards.push_back(axis);
  for (int64_t axis = 2; axis < rank; ++axis) outwards.push_back(axis);
  outwards.push_back(1);
  ValueId y = channels_last ? to.transpose(x, inwards) : x;
  const ValueId gamma = to.op("CastLike", {to.input(1), x});
  const ValueId beta = to.op("CastLike", {to.input(2), x});
  y = to.op("GroupNormalization", {y, gamma, beta},
            {{"epsilon", epsilon_of(to)}, {"num_groups", to.attrs().get_int("groups")}});
  if (activation == 1) y = to.op("Swish", {y});
  if (channels_last) {
    to.op_into(to.output(0), "Transpose", {y}, {{"perm", outwards}});
  } else {
    to.op_into(to.output(0), "Identity", {y});
  }
  return {};
}

Result<void> lower_group_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  return group_norm(to, to.input(0));
}

// skip is like X, or one row of channels for each item: [N, C] or [N, 1, 1, C].
Result<void> lower_skip_group_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  ValueId skip = to.input(3);
  if (TRY(to.known_rank(3)) == 2) {
    const bool channels_last = to.attrs().get_int("channels_last") != 0;
    const ValueId axes = channels_last ? to.ints({1, 2}) : to.ints({2, 3});
    skip = to.op("Unsqueeze", {skip, axes});
  }
  ValueId sum = to.op("Add", {to.input(0), skip});
  if (to.has(4)) {  // one number per channel
    const bool channels_last = to.attrs().get_int("channels_last") != 0;
    const ValueId bias = to.input(4);
    sum = to.op("Add", {sum, channels_last ? bias : to.op("Unsqueeze", {bias, to.ints({1, 2})})});
  }
  if (to.wants(1)) {
    to.op_into(to.output(1), "Identity", {sum});
    sum = to.output(1);
  }
  return group_norm(to, sum);
}

OpDef group_norm_op(std::string_view inputs, std::string_view outputs, LowerRule lower) {
  using Kind = FormalAttr::Kind;
  OpDef op = contrib_op(inputs, outputs, lower);
  op.attrs = {required_attr("activation", Kind::kInt), int_attr("channels_last", 1),
              float_attr("epsilon", 1e-5f), required_attr("groups", Kind::kInt)};
  return op;
}

}  // namespace

OpDef op_SkipLayerNormalization() {
  OpDef op =
      contrib_op("input:T skip:T gamma:T beta:T? bias:T?",
                 "output:T mean:U? inv_std_var:U? input_skip_bias_sum:T?", lower_skip_layer_norm);
  op.attrs = {float_attr("epsilon", 1e-12f)};
  return op;
}
OpDef op_SkipSimplifiedLayerNormalization() {
  OpDef op = contrib_op("input:T skip:T gamma:T bias:T?",
                        "output:T mean:U? inv_std_var:U? input_skip_bias_sum:T?",
                        lower_skip_simplified_layer_norm);
  op.attrs = {float_attr("epsilon", 1e-12f)};
  return op;
}
OpDef op_EmbedLayerNormalization() {
  OpDef op = contrib_op(
      "input_ids:M segment_ids:M? word_embedding:T position_embedding:T segment_embedding:T? "
      "gamma:T beta:T mask:M? position_ids:M?",
      "output:T mask_index:M? embedding_sum:T?", lower_embed_layer_norm);
  op.attrs = {float_attr("epsilon", 1e-12f),
              optional_attr("mask_index_type", FormalAttr::Kind::kInt)};
  return op;
}
OpDef op_GroupNorm() { return group_norm_op("X:T gamma:U beta:U", "Y:T", lower_group_norm); }
OpDef op_SkipGroupNorm() {
  return group_norm_op("X:T gamma:U beta:U skip:T bias:T?", "Y:T S:T?", lower_skip_group_norm);
}

}  // namespace sardonyx
