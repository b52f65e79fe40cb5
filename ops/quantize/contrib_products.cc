// com.microsoft: QLinearConv QGemm DynamicQuantizeMatMul MatMulIntegerToFloat MatMulInteger16
// MulInteger ReduceSumInteger QAttention QEmbedLayerNormalization DynamicQuantizeLSTM, said with
// the integer products of this room and with float operators.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kBytes = dtype_set(DType::kInt8, DType::kUint8);
constexpr DTypeSet kFloat = dtype_set(DType::kFloat32);

// A and W: 8-bit integers each, S: float32, F: float32 and float16, I: int32.
OpDef product_op(std::string_view inputs, std::string_view outputs, LowerRule lower) {
  const std::pair<char, DTypeSet> types[] = {{'A', kBytes},
                                             {'W', kBytes},
                                             {'Y', kBytes | kFloat},
                                             {'S', kFloat},
                                             {'F', dtype_set(DType::kFloat32, DType::kFloat16)},
                                             {'I', dtype_set(DType::kInt32)}};
  return contrib_op(inputs, outputs, types, lower);
}

void product_into(Lowering& to, ValueId output, std::vector<ValueId> inputs, AttrMap attrs = {}) {
  to.op_into(std::vector<ValueId>{output}, "QLinearMatMul", std::move(inputs), std::move(attrs),
             "sardonyx");
}

Result<void> lower_conv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.rename_to("QLinearConv", to.attrs(), "sardonyx");
  return {};
}

// ---- QGemm

// C as a list of one number per column; nullopt where it is not known to be that.
std::optional<ValueId> row_of_c(Lowering& to, size_t column_axis) {
  if (!to.has(6)) return kNoValue;
  const ValueType &c = to.type(6), &b = to.type(3);
  if (!c.has_rank() || c.dims->empty() || !b.has_rank() || b.dims->size() != 2) return std::nullopt;
  for (size_t i = 0; i + 1 < c.dims->size(); ++i) {
    if ((*c.dims)[i] != Dim(1)) return std::nullopt;
  }
  if (c.dims->back() != (*b.dims)[column_axis]) return std::nullopt;
  return c.dims->size() == 1 ? to.input(6) : to.reshape(to.input(6), {-1});
}

// With any C: the int32 product, the addition, and the scaling one after the other.
void spelled_out_gemm(Lowering& to, ValueId a, float alpha) {
  const ValueId b =
      to.attrs().get_int("transB") != 0 ? to.transpose(to.input(3), {1, 0}) : to.input(3);
  const ValueId product = to.op("MatMulInteger", {a, b, to.input(2), to.input(5)});
  const ValueId sum = to.cast(to.op("Add", {product, to.input(6)}), DType::kFloat32);
  const ValueId scales = to.op("Mul", {to.input(1), to.input(4)});
  const ValueId factor =
      alpha == 1 ? scales : to.op("Mul", {scales, to.constant(Tensor::scalar(alpha))});
  if (!to.has(7)) {
    to.op_into(to.output(0), "Mul", {sum, factor});
    return;
  }
  std::vector<ValueId> inputs = {to.op("Mul", {sum, factor}), to.input(7)};
  if (to.has(8)) inputs.push_back(to.input(8));
  to.op_into(to.output(0), "QuantizeLinear", std::move(inputs));
}

Result<void> lower_gemm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool trans_b = to.attrs().get_int("transB") != 0;
  const float alpha = to.attrs().get_float("alpha", 1);
  const ValueId a =
      to.attrs().get_int("transA") != 0 ? to.transpose(to.input(0), {1, 0}) : to.input(0);
  const std::optional<ValueId> bias = row_of_c(to, trans_b ? 0 : 1);
  if (!bias || (*bias != kNoValue && !to.has(7))) {
    spelled_out_gemm(to, a, alpha);
    return {};
  }
  product_into(to, to.output(0),
               {a, to.input(1), to.input(2), to.input(3), to.input(4), to.input(5), to.input(7),
                to.input(8), *bias},
               Rewriter::attrs_of({{"alpha", alpha}, {"transB", int64_t{trans_b}}}));
  return {};
}

// ---- products of integers into floats

// x as f32, whatever float it is; kNoValue stays.
ValueId as_float(Lowering& to, size_t index) {
  if (!to.has(index) || to.dtype(index) == DType::kFloat32) return to.input(index);
  return to.cast(to.input(index), DType::kFloat32);
}

Result<void> lower_to_float(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::vector<ValueId> inputs = {to.input(0), as_float(to, 2), to.input(4),
                                       to.input(1), as_float(to, 3), to.input(5),
                                       kNoValue,    kNoValue,        as_float(to, 6)};
  const bool narrow = to.dtype(2) != DType::kFloat32;
  if (!narrow) {
    product_into(to, to.output(0), inputs);
    return {};
  }
  const ValueId product = graph.add_value(graph.value(to.output(0)).name + "/wide", {});
  product_into(to, product, inputs);
  to.op_into(to.output(0), "Cast", {product}, {{"to", static_cast<int64_t>(to.dtype(2))}});
  return {};
}

Result<void> lower_dynamic_matmul(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::vector<ValueId> a = to.ops("DynamicQuantizeLinear", {to.input(0)}, 3);
  product_into(
      to, to.output(0),
      {a[0], a[1], a[2], to.input(1), to.input(2), to.input(3), kNoValue, kNoValue, to.input(4)});
  return {};
}

// ---- integers throughout

Result<void> lower_matmul_16(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool is_signed = to.dtype(0) == DType::kInt16 || to.dtype(1) == DType::kInt16;
  const DType wide = is_signed ? DType::kInt32 : DType::kUint32;
  to.op_into(to.output(0), "MatMul", {to.cast(to.input(0), wide), to.cast(to.input(1), wide)});
  return {};
}

ValueId less_zero_point(Lowering& to, size_t data) {
  const ValueId wide = to.cast(to.input(data), DType::kInt32);
  if (!to.has(data + 1)) return wide;
  return to.op("Sub", {wide, to.cast(to.input(data + 1), DType::kInt32)});
}

Result<void> lower_mul_integer(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId a = less_zero_point(to, 0), b = less_zero_point(to, 2);
  to.op_into(to.output(0), "Mul", {a, b});
  return {};
}

Result<void> lower_reduce_sum_integer(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const DType wide = to.dtype(0) == DType::kInt8 ? DType::kInt32 : DType::kUint32;
  const ValueId axes = to.ints(to.attrs().get_ints("axes"));
  to.op_into(to.output(0), "ReduceSum", {to.cast(to.input(0), wide), axes},
             {{"keepdims", to.attrs().get_int("keepdims")}});
  return {};
}

// ---- larger operators on dequantized weights

// Numbers, scale and zero point (perhaps omitted) as floats.
ValueId dequantized(Lowering& to, size_t data, size_t scale, size_t zero, int64_t axis) {
  std::vector<ValueId> inputs = {to.input(data), to.input(scale)};
  if (to.has(zero)) inputs.push_back(to.input(zero));
  return to.op("DequantizeLinear", std::move(inputs), {{"axis", axis}});
}

Result<void> lower_attention(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = dequantized(to, 0, 3, 6, 1), w = dequantized(to, 1, 4, 7, 1);
  std::vector<ValueId> outputs = {to.output(0)};
  if (to.wants(1)) outputs.push_back(to.output(1));
  to.op_into(std::move(outputs), "Attention", {x, w, to.input(2), to.input(5), to.input(8)},
             to.attrs(), "com.microsoft");
  return {};
}

Result<void> lower_embed(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId segments = to.has(4) ? dequantized(to, 4, 10, 15, 1) : kNoValue;
  const ValueId words = dequantized(to, 2, 8, 13, 1), positions = dequantized(to, 3, 9, 14, 1);
  const ValueId gamma = dequantized(to, 5, 11, 16, 0), beta = dequantized(to, 6, 12, 17, 0);
  std::vector<ValueId> outputs = {to.output(0), to.output(1)};
  to.op_into(std::move(outputs), "EmbedLayerNormalization",
             {to.input(0), to.input(1), words, positions, segments, gamma, beta, to.input(7)},
             to.attrs(), "com.microsoft");
  return {};
}

// Weights of a quantized LSTM, [directions, input, 4 * hidden] with one scale per direction or per
// column of each, as LSTM has them.
Result<ValueId> recurrent_weights(Lowering& to, size_t data, size_t scale, size_t zero) {
  const bool per_column = TRY(to.known_rank(scale)) == 2;
  const auto spread = [&](ValueId value) {
    return per_column ? to.op("Unsqueeze", {value, to.ints({1})}) : to.reshape(value, {-1, 1, 1});
  };
  const ValueId number = to.cast(to.input(data), DType::kFloat32);
  const ValueId zeros = spread(to.cast(to.input(zero), DType::kFloat32));
  const ValueId real = to.op("Mul", {to.op("Sub", {number, zeros}), spread(to.input(scale))});
  return to.transpose(real, {0, 2, 1});
}

Result<void> lower_lstm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId w = TRY(recurrent_weights(to, 1, 8, 9));
  const ValueId r = TRY(recurrent_weights(to, 2, 10, 11));
  to.op_into(std::vector<ValueId>{to.output(0), to.output(1), to.output(2)}, "LSTM",
             {to.input(0), w, r, to.input(3), to.input(4), to.input(5), to.input(6), to.input(7)},
             to.attrs());
  return {};
}

}  // namespace

OpDef op_ContribQLinearConv() {
  using Kind = FormalAttr::Kind;
  OpDef op = product_op(
      "x:A x_scale:S x_zero_point:A w:W w_scale:S w_zero_point:W y_scale:S y_zero_point:Y B:I?",
      "y:Y", lower_conv);
  op.attrs = {string_attr("auto_pad", "NOTSET"),          int_attr("channels_last", 0),
              optional_attr("dilations", Kind::kInts),    int_attr("group", 1),
              optional_attr("kernel_shape", Kind::kInts), optional_attr("pads", Kind::kInts),
              optional_attr("strides", Kind::kInts)};
  return op;
}
OpDef op_QGemm() {
  OpDef op = product_op(
      "A:A a_scale:S a_zero_point:A B:W b_scale:S b_zero_point:W C:I? y_scale:S? y_zero_point:Y?",
      "Y:Y", lower_gemm);
  op.outputs[0].type_name = "";
  op.attrs = {float_attr("alpha", 1), int_attr("transA", 0), int_attr("transB", 0)};
  return op;
}
OpDef op_DynamicQuantizeMatMul() {
  return product_op("A:S B:W b_scale:S b_zero_point:W? bias:S?", "Y:S", lower_dynamic_matmul);
}
OpDef op_MatMulIntegerToFloat() {
  return product_op("A:A B:W a_scale:F b_scale:F a_zero_point:A? b_zero_point:W? bias:F?", "Y:F",
                    lower_to_float);
}
OpDef op_MatMulInteger16() {
  const DTypeSet words = dtype_set(DType::kInt16, DType::kUint16);
  const std::pair<char, DTypeSet> types[] = {
      {'A', words}, {'B', words}, {'Y', dtype_set(DType::kInt32, DType::kUint32)}};
  return contrib_op("A:A B:B", "Y:Y", types, lower_matmul_16);
}
OpDef op_MulInteger() {
  return product_op("A:A A_zero_point:A? B:A B_zero_point:A?", "C:I", lower_mul_integer);
}
OpDef op_ReduceSumInteger() {
  using Kind = FormalAttr::Kind;
  const std::pair<char, DTypeSet> types[] = {{'A', kBytes},
                                             {'Y', dtype_set(DType::kInt32, DType::kUint32)}};
  OpDef op = contrib_op("data:A", "reduced:Y", types, lower_reduce_sum_integer);
  op.attrs = {required_attr("axes", Kind::kInts), required_attr("keepdims", Kind::kInt)};
  return op;
}
OpDef op_QAttention() {
  OpDef op = product_op(
      "input:A weight:W bias:F input_scale:F weight_scale:F mask_index:I? input_zero_point:A? "
      "weight_zero_point:W? past:F?",
      "output:F present:F?", lower_attention);
  op.attrs = {int_attr("do_rotary", 0),
              float_attr("mask_filter_value", -10000.0f),
              required_attr("num_heads", FormalAttr::Kind::kInt),
              int_attr("past_present_share_buffer", 0),
              optional_attr("scale", FormalAttr::Kind::kFloat),
              int_attr("unidirectional", 0)};
  return op;
}
OpDef op_QEmbedLayerNormalization() {
  OpDef op = product_op(
      "input_ids:I segment_ids:I? word_embedding_quant:W position_embedding_quant:W "
      "segment_embedding:W? gamma_quant:W beta_quant:W mask:I? word_embedding_scale:S "
      "position_embedding_scale:S segment_embedding_scale:S? gamma_scale:S beta_scale:S "
      "word_embedding_zero_point:W position_embedding_zero_point:W "
      "segment_embedding_zero_point:W? gamma_zero_point:W beta_zero_point:W",
      "layernorm_out:S mask_index_out:I?", lower_embed);
  op.attrs = {float_attr("epsilon", 1e-12f)};
  return op;
}
OpDef op_DynamicQuantizeLSTM() {
  using Kind = FormalAttr::Kind;
  OpDef op = product_op(
      "X:S W:W R:W B:S? sequence_lens:I? initial_h:S? initial_c:S? P:S? W_scale:S W_zero_point:W "
      "R_scale:S R_zero_point:W",
      "Y:S? Y_h:S? Y_c:S?", lower_lstm);
  op.attrs = {optional_attr("activation_alpha", Kind::kFloats),
              optional_attr("activation_beta", Kind::kFloats),
              optional_attr("activations", Kind::kStrings),
              optional_attr("clip", Kind::kFloat),
              string_attr("direction", "forward"),
              optional_attr("hidden_size", Kind::kInt),
              int_attr("input_forget", 0)};
  return op;
}

}  // namespace sardonyx
