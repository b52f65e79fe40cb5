// com.microsoft: MatMulNBitsMlp MatMulNBitsQkv, products of one normalised input, and
// MatMulBlockQuantizedFp4Weight MatMulBlockQuantizedFp8Weight, products with weights in small
// floats; said with norms, MatMulNBits and DequantizeLinear.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

using Kind = FormalAttr::Kind;

constexpr char kMicrosoft[] = "com.microsoft";
constexpr DTypeSet kReal = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', kReal},
                                                {'B', dtype_set(DType::kUint8)},
                                                {'E', dtype_set(DType::kFloat8E4M3FN)},
                                                {'S', dtype_set(DType::kFloat32)}};

// ---- several products of one input: A, skip, norm_scale, then weights, scales and bias of each

constexpr size_t kSkip = 1, kNormScale = 2, kFirstProduct = 3;

// A, or its norm by norm_scale, that of the sum where there is a skip; the sum, which stands in
// output `sum`, too.
Result<ValueId> normalised(Lowering& to, size_t sum) {
  const bool normalises = to.has(kNormScale);
  if (!normalises && (to.has(kSkip) || to.wants(sum))) {
    return fail(Code::kInvalidGraph, "skip and input_skip_bias_sum need norm_scale");
  }
  if (!normalises) return to.input(0);
  const AttrMap attrs = Rewriter::attrs_of({{"epsilon", to.attrs().get_float("epsilon")}});
  if (!to.has(kSkip)) {
    if (to.wants(sum)) return fail(Code::kInvalidGraph, "input_skip_bias_sum needs skip");
    return to.op("SimplifiedLayerNormalization", {to.input(0), to.input(kNormScale)}, attrs);
  }
  const ValueId norm = to.graph().add_value("normalised", {});
  to.op_into({norm, kNoValue, kNoValue, to.output(sum)}, "SkipSimplifiedLayerNormalization",
             {to.input(0), to.input(kSkip), to.input(kNormScale)}, attrs, kMicrosoft);
  return norm;
}

void product_into(Lowering& to, ValueId output, ValueId a, size_t which, int64_t columns) {
  const AttrMap& given = to.attrs();
  AttrMap attrs;
  for (const char* name : {"K", "accuracy_level", "bits", "block_size"}) {
    attrs.set(name, given.get_int(name));
  }
  attrs.set("N", columns);
  const size_t first = kFirstProduct + 3 * which;
  to.op_into({output}, "MatMulNBits",
             {a, to.input(first), to.input(first + 1), kNoValue, kNoValue, to.input(first + 2)},
             std::move(attrs), kMicrosoft);
}

Result<void> lower_mlp(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::string& activation = to.attrs().get_string("activation");
  if (activation != "silu") {
    return fail(Code::kNotImplemented, "activation is '{}', only silu is known", activation);
  }
  const ValueId a = TRY(normalised(to, 1));
  const ValueId gate = graph.add_value("gate", {}), up = graph.add_value("up", {});
  const int64_t columns = to.attrs().get_int("N");
  product_into(to, gate, a, 0, columns);
  product_into(to, up, a, 1, columns);
  to.op_into(to.output(0), "Mul", {to.op("Swish", {gate}), up});
  return {};
}

Result<void> lower_qkv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId a = TRY(normalised(to, 3));
  for (size_t i = 0; i < 3; ++i) {
    if (!to.wants(i)) continue;
    product_into(to, to.output(i), a, i, to.attrs().get_int(i == 0 ? "Nq" : "Nkv"));
  }
  return {};
}

std::vector<FormalAttr> product_attrs(float epsilon) {
  return {required_attr("K", Kind::kInt), int_attr("accuracy_level", 0), int_attr("bits", 4),
          required_attr("block_size", Kind::kInt), float_attr("epsilon", epsilon)};
}

// ---- weights in small floats

Result<int64_t> read_block(const Lowering& to) {
  const int64_t block = to.attrs().get_int("block_size");
  if (block >= 1) return block;
  return fail(Code::kInvalidGraph, "block_size is {}, expected 1 or more", block);
}

ValueId as_float(Lowering& to, size_t index) {
  const bool keep = !to.has(index) || to.dtype(index) == DType::kFloat32;
  return keep ? to.input(index) : to.cast(to.input(index), DType::kFloat32);
}

// Gives output 0 the f32 value, in the dtype of A.
void store(Lowering& to, ValueId wide) {
  to.op_into(to.output(0), "Cast", {wide}, {{"to", static_cast<int64_t>(to.dtype(0))}});
}

// A, B, weight_scale, weight_scale_2, input_scale, bias. Codes of 4 bits, two to a byte; a scale of
// 8 bits for each block and one for all.
Result<void> lower_fp4(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t block = TRY(read_block(to));
  if (block % 2 != 0) return fail(Code::kInvalidGraph, "block_size is {}, which is odd", block);
  const int64_t columns = TRY(to.known_dim(1, 0)), depth = 2 * TRY(to.known_dim(1, 1));
  const int64_t blocks = (depth + block - 1) / block;
  const int64_t missing = blocks * block - depth;
  ValueId codes = to.input(1);
  if (missing > 0) codes = to.op("Pad", {codes, to.ints({0, 0, 0, missing / 2})});
  codes = to.reshape(codes, {columns, blocks, block / 2});
  const ValueId small =
      to.op("BitCast", {to.input(2)}, {{"to", static_cast<int64_t>(DType::kFloat8E4M3FN)}});
  const ValueId scales =
      to.op("Mul", {to.cast(small, DType::kFloat32), to.reshape(to.input(3), {1})});
  const ValueId wide = to.graph().add_value("wide", {});
  to.op_into({wide}, "MatMulNBits",
             {as_float(to, 0), codes, scales, kNoValue, kNoValue, as_float(to, 5)},
             Rewriter::attrs_of(
                 {{"K", depth}, {"N", columns}, {"block_size", block}, {"table", int64_t{3}}}),
             "sardonyx");
  store(to, wide);
  return {};
}

// A, B, b_scale, a_scale, bias.
Result<void> lower_fp8(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t block = TRY(read_block(to));
  const ValueId weights = to.op("DequantizeLinear", {to.input(1), to.input(2)},
                                {{"axis", int64_t{1}}, {"block_size", block}});
  ValueId a = as_float(to, 0);
  if (to.has(3)) {
    const ValueId scale = to.reshape(to.input(3), {});
    const ValueId zero = to.cast(to.constant(Tensor::scalar(0.f)), DType::kFloat8E4M3FN);
    a = to.op("DequantizeLinear", {to.op("QuantizeLinear", {a, scale, zero}), scale});
  }
  const ValueId product = to.op("MatMul", {a, to.transpose(weights, {1, 0})});
  store(to, to.sum(product, as_float(to, 4)));
  return {};
}

}  // namespace

OpDef op_MatMulNBitsMlp() {
  OpDef op = contrib_op(
      "A:T skip:T? norm_scale:T? gate_B:B gate_scales:T gate_bias:T? up_B:B up_scales:T up_bias:T?",
      "Y:T input_skip_bias_sum:T?", kTypes, lower_mlp);
  op.attrs = product_attrs(1e-5f);
  op.attrs.push_back(required_attr("N", Kind::kInt));
  op.attrs.push_back(required_attr("activation", Kind::kString));
  return op;
}
OpDef op_MatMulNBitsQkv() {
  OpDef op = contrib_op(
      "A:T skip:T? norm_scale:T q_B:B q_scales:T q_bias:T? k_B:B k_scales:T k_bias:T? v_B:B "
      "v_scales:T v_bias:T?",
      "Q:T K:T V:T input_skip_bias_sum:T?", kTypes, lower_qkv);
  op.attrs = product_attrs(1e-6f);
  op.attrs.push_back(required_attr("Nq", Kind::kInt));
  op.attrs.push_back(required_attr("Nkv", Kind::kInt));
  return op;
}
OpDef op_MatMulBlockQuantizedFp4Weight() {
  OpDef op = contrib_op("A:T B:B weight_scale:B weight_scale_2:S input_scale:S? bias:T?", "Y:T",
                        kTypes, lower_fp4);
  op.attrs = {int_attr("block_size", 16)};
  return op;
}
OpDef op_MatMulBlockQuantizedFp8Weight() {
  OpDef op = contrib_op("A:T B:E b_scale:S a_scale:S? bias:T?", "Y:T", kTypes, lower_fp8);
  op.attrs = {int_attr("block_size", 128)};
  return op;
}

}  // namespace sardonyx
