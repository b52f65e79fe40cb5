// com.microsoft: FusedMatMul TransposeMatMul FusedMatMulActivation FusedGemm GemmFastGelu
// ComplexMul ComplexMulConj, said with other products.
#include <algorithm>
#include <numeric>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

// The operand with its axes in the order of a plain MatMul. trans_batch: axis 0 stands in front of
// the batch axes and belongs behind them; trans: the last two are swapped then.
Result<ValueId> plain_operand(Lowering& to, size_t index, bool trans_batch, bool trans) {
  if (!trans && !trans_batch) return to.input(index);
  const int64_t rank = TRY(to.known_rank(index));
  if (rank < 2) return to.input(index);
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), int64_t{0});
  if (trans_batch) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (trans) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return to.transpose(to.input(index), perm);
}

bool has_two_axes(const Lowering& to, size_t index) { return to.rank(index).value_or(0) >= 2; }

// alpha * A' * B'. The product kernel reads operands with swapped axes as they are.
Result<void> fused_product(Lowering& to, ValueId output) {
  const AttrMap& attrs = to.attrs();
  const bool trans_a = attrs.get_int("transA") != 0, trans_b = attrs.get_int("transB") != 0;
  const bool batch_a = attrs.get_int("transBatchA") != 0;
  const bool batch_b = attrs.get_int("transBatchB") != 0;
  const float alpha = attrs.get_float("alpha", 1);
  const bool is_wide = to.dtype(0) == DType::kFloat32 || to.dtype(0) == DType::kFloat64;
  const bool plain = !trans_a && !trans_b && alpha == 1;
  if (is_wide && !plain && !batch_a && !batch_b && has_two_axes(to, 0) && has_two_axes(to, 1)) {
    AttrMap product = Rewriter::attrs_of(
        {{"alpha", alpha}, {"transA", int64_t{trans_a}}, {"transB", int64_t{trans_b}}});
    to.op_into({output}, "MatMul", {to.input(0), to.input(1)}, std::move(product), "sardonyx");
    return {};
  }
  const ValueId a = TRY(plain_operand(to, 0, batch_a, trans_a));
  const ValueId b = TRY(plain_operand(to, 1, batch_b, trans_b));
  if (alpha == 1) {
    to.op_into(output, "MatMul", {a, b});
    return {};
  }
  const ValueId product = to.op("MatMul", {a, b});
  to.op_into(output, "Mul", {product, to.number(static_cast<double>(alpha), to.input(0))});
  return {};
}

Result<void> lower_fused_matmul(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  return fused_product(to, to.output(0));
}

AttrMap activation_params(const AttrMap& attrs) {
  AttrMap params;
  for (const char* name : {"alpha", "beta", "gamma"}) {
    const std::string given = std::string("activation_") + name;
    if (attrs.has(given)) params.set(name, attrs.get_float(given));
  }
  return params;
}

Result<void> lower_fused_matmul_activation(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId product = graph.add_value(graph.value(to.output(0)).name + "/product", {});
  TRY(fused_product(to, product));
  const std::string& activation = to.attrs().get_string("activation");
  if (activation == "Softmax") {
    to.op_into(to.output(0), activation, {product},
               {{"axis", to.attrs().get_int("activation_axis", -1)}});
    return {};
  }
  return to.activate_into(to.output(0), product, activation, activation_params(to.attrs()));
}

Result<void> lower_fused_gemm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const AttrMap& attrs = to.attrs();
  const ValueId product = to.op("Gemm", {to.input(0), to.input(1), to.input(2)},
                                {{"alpha", attrs.get_float("alpha")},
                                 {"beta", attrs.get_float("beta")},
                                 {"transA", attrs.get_int("transA")},
                                 {"transB", attrs.get_int("transB")}});
  return to.activate_into(to.output(0), product, attrs.get_string("activation"),
                          activation_params(attrs));
}

Result<void> lower_gemm_fast_gelu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId product = to.op("MatMul", {to.input(0), to.input(1)});
  to.op_into(to.output(0), "Gelu", {to.sum(product, to.input(2))},
             {{"approximate", std::string("tanh")}});
  return {};
}

// The last axis holds (real, imaginary).
template <bool kConjugate>
Result<void> lower_complex_mul(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId a = to.input(0), b = to.input(1);
  const ValueId a_real = to.slice(a, -1, 0, 1), a_imag = to.slice(a, -1, 1, 2);
  const ValueId b_real = to.slice(b, -1, 0, 1), b_imag = to.slice(b, -1, 1, 2);
  const char* minus = kConjugate ? "Add" : "Sub";
  const char* plus = kConjugate ? "Sub" : "Add";
  const ValueId real =
      to.op(minus, {to.op("Mul", {a_real, b_real}), to.op("Mul", {a_imag, b_imag})});
  const ValueId imag =
      to.op(plus, {to.op("Mul", {a_imag, b_real}), to.op("Mul", {a_real, b_imag})});
  to.op_into(to.output(0), "Concat", {real, imag}, {{"axis", int64_t{-1}}});
  return {};
}

std::vector<FormalAttr> product_attrs() {
  return {float_attr("alpha", 1), int_attr("transA", 0), int_attr("transB", 0),
          int_attr("transBatchA", 0), int_attr("transBatchB", 0)};
}

void add_activation_attrs(OpDef& op) {
  using Kind = FormalAttr::Kind;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    op.attrs.push_back(optional_attr(name, Kind::kFloat));
  }
}

}  // namespace

OpDef op_ContribFusedMatMul() {
  OpDef op = contrib_op("A:T B:T", "Y:T", lower_fused_matmul);
  op.attrs = product_attrs();
  return op;
}
OpDef op_TransposeMatMul() {
  OpDef op = op_ContribFusedMatMul();
  op.attrs.resize(3);
  return op;
}
OpDef op_FusedMatMulActivation() {
  OpDef op = contrib_op("A:T B:T", "Y:T", lower_fused_matmul_activation);
  op.attrs = product_attrs();
  op.attrs.push_back(required_attr("activation", FormalAttr::Kind::kString));
  op.attrs.push_back(optional_attr("activation_axis", FormalAttr::Kind::kInt));
  add_activation_attrs(op);
  return op;
}
OpDef op_FusedGemm() {
  OpDef op = contrib_op("A:T B:T C:T?", "Y:T", lower_fused_gemm);
  op.attrs = {float_attr("alpha", 1), float_attr("beta", 1), int_attr("transA", 0),
              int_attr("transB", 0), optional_attr("activation", FormalAttr::Kind::kString)};
  add_activation_attrs(op);
  return op;
}
OpDef op_GemmFastGelu() { return contrib_op("X:T W:T bias:T?", "Y:T", lower_gemm_fast_gelu); }
OpDef op_ComplexMul() { return contrib_op("A:T B:T", "C:T", lower_complex_mul<false>); }
OpDef op_ComplexMulConj() { return contrib_op("A:T B:T", "C:T", lower_complex_mul<true>); }

}  // namespace sardonyx
