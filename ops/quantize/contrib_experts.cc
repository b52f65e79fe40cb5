// com.microsoft QMoE: MoE with the weights of its experts in 2, 4 or 8 bits, dequantized when
// loaded.
#include "ops/quantize/spread_codes.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kReal = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);

// Weights [experts, rows, bytes] with scales [experts, rows] or [experts, rows, blocks], and zero
// points packed as the weights are, as floats of the input's type. `own_bits` names the attribute
// that may say another width than that of all weights.
Result<ValueId> dequantized(Lowering& to, size_t weights, size_t scales, size_t zeros,
                            const char* own_bits) {
  const char* said_by = to.attrs().has(own_bits) ? own_bits : "expert_weight_bits";
  const int64_t bits = to.attrs().get_int(said_by);
  if (bits != 2 && bits != 4 && bits != 8) {
    return fail(Code::kInvalidGraph, "{} is {}, expected 2, 4 or 8", said_by, bits);
  }
  if (!to.has(weights)) return kNoValue;
  if (!to.has(scales)) return fail(Code::kInvalidGraph, "input {} is omitted", scales);
  const int64_t rank = TRY(to.known_rank(scales));
  const int64_t block = to.attrs().get_int("block_size");
  if (rank != 2 && rank != 3) {
    return fail(Code::kInvalidGraph, "input {} has rank {}, expected 2 or 3", scales, rank);
  }
  if (rank == 3 && block < 1) {
    return fail(Code::kInvalidGraph, "block_size is {}, but the scales are of blocks", block);
  }
  const ValueId codes =
      bits == 8 ? to.input(weights) : spread_codes(to, to.input(weights), bits, 3);
  ValueId zero;
  if (to.has(zeros)) {
    zero = to.input(zeros);
    if (bits < 8) {  // an odd number of codes leaves some of a byte unused
      zero = to.op("Slice", {spread_codes(to, zero, bits, rank), to.ints({0}),
                             to.dim(to.input(scales), rank - 1), to.ints({rank - 1})});
    }
  } else {
    const ValueId half = to.constant(Tensor::scalar(static_cast<uint8_t>(1 << (bits - 1))));
    zero = to.op("Expand", {half, to.shape(to.input(scales))});
  }
  ValueId real;
  if (rank == 3) {
    real = to.op("DequantizeLinear", {codes, to.input(scales), zero},
                 {{"axis", int64_t{2}}, {"block_size", block}});
  } else {
    const DType dtype = to.dtype(scales);
    const auto per_row = [&](ValueId value) { return to.op("Unsqueeze", {value, to.ints({-1})}); };
    const ValueId centred = to.op("Sub", {to.cast(codes, dtype), per_row(to.cast(zero, dtype))});
    real = to.op("Mul", {centred, per_row(to.input(scales))});
  }
  return to.dtype(scales) == to.dtype(0) ? real : to.cast(real, to.dtype(0));
}

Result<void> lower_experts(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  AttrMap attrs = to.attrs();
  const std::string type = attrs.get_string("quant_type");
  if (type != "int") {
    return fail(Code::kNotImplemented, "quant_type is '{}', only 'int' is known", type);
  }
  for (size_t i = 14; i < 21; ++i) {
    if (to.has(i)) return fail(Code::kNotImplemented, "input {} is not known", i);
  }
  const int64_t layout = attrs.get_int("weights_prepacked");
  if (layout != 0 && layout != -1) {
    return fail(
        Code::kNotImplemented,
        "weights_prepacked is {}, expected 0 or -1; a prepacked layout belongs to one device",
        layout);
  }
  const int64_t block = attrs.get_int("block_size");
  if (block != 0 && (block < 16 || (block & (block - 1)) != 0)) {
    return fail(Code::kInvalidGraph, "block_size is {}, expected 0 or a power of 2 from 16 on",
                block);
  }
  for (const char* name :
       {"accuracy_level", "block_size", "expert_weight_bits", "quant_type", "weights_prepacked"}) {
    attrs.erase(name);
  }
  for (const char* name :
       {"fc1_expert_weight_bits", "fc2_expert_weight_bits", "fc3_expert_weight_bits"}) {
    attrs.erase(name);
  }
  const ValueId first = TRY(dequantized(to, 2, 3, 11, "fc1_expert_weight_bits"));
  const ValueId second = TRY(dequantized(to, 5, 6, 12, "fc2_expert_weight_bits"));
  const ValueId third = TRY(dequantized(to, 8, 9, 13, "fc3_expert_weight_bits"));
  to.op_into(
      std::vector<ValueId>{to.output(0)}, "MoE",
      {to.input(0), to.input(1), first, to.input(4), second, to.input(7), third, to.input(10)},
      std::move(attrs), "com.microsoft");
  return {};
}

}  // namespace

OpDef op_QMoE() {
  using Kind = FormalAttr::Kind;
  const std::pair<char, DTypeSet> types[] = {
      {'T', kReal}, {'W', dtype_set(DType::kUint8)}, {'S', kReal}, {'G', kReal}};
  OpDef op = contrib_op(
      "input:T router_probs:T fc1_experts_weights:W fc1_scales:S? fc1_experts_bias:T? "
      "fc2_experts_weights:W fc2_scales:S? fc2_experts_bias:T? fc3_experts_weights:W? "
      "fc3_scales:S? fc3_experts_bias:T? fc1_zero_points:W? fc2_zero_points:W? "
      "fc3_zero_points:W? router_weights:T? fc1_global_scale:G? fc2_global_scale:G? "
      "fc1_act_scale:G? fc2_act_scale:G? fc1_act_block_scale:S? fc2_act_block_scale:S?",
      "output:T", types, lower_experts);
  op.attrs = {int_attr("accuracy_level", 0),
              float_attr("activation_alpha", 1.0f),
              float_attr("activation_beta", 0.0f),
              string_attr("activation_type", "relu"),
              int_attr("block_size", 0),
              int_attr("expert_weight_bits", 4),
              optional_attr("fc1_expert_weight_bits", Kind::kInt),
              optional_attr("fc2_expert_weight_bits", Kind::kInt),
              optional_attr("fc3_expert_weight_bits", Kind::kInt),
              int_attr("k", 1),
              int_attr("normalize_routing_weights", 0),
              string_attr("quant_type", "int"),
              int_attr("swiglu_fusion", 0),
              optional_attr("swiglu_limit", Kind::kFloat),
              int_attr("use_sparse_mixer", 0),
              int_attr("weights_prepacked", 0)};
  return op;
}

}  // namespace sardonyx
