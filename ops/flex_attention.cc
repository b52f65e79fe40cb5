// FlexAttention: attention whose scores and probabilities bodies may modify. It has no kernel:
// passes/expand_flex_attention.cc spells it out.
#include "ops/bodies.h"
#include "ops/infer.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<DType> softmax_dtype(const InferContext& context) {
  if (!context.attrs().has("softmax_precision")) {
    return context.dtype(0) == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  }
  const int64_t number = context.attrs().get_int("softmax_precision");
  const bool known = number > 0 && number < kDTypeCount;
  if (known && (kFloatTypes & dtype_bit(static_cast<DType>(number))) != 0) {
    return static_cast<DType>(number);
  }
  return fail(Code::kInvalidArgument,
              "softmax_precision is {}, expected 1 (float32), 10 (float16), 11 (float64) or 16 "
              "(bfloat16)",
              number);
}

// Dims of the scores: batch, query heads, query length, key length. All inputs have rank 4.
Result<Dims> score_dims(const InferContext& context) {
  const Dims& q = context.dims(0);
  const Dims& k = context.dims(1);
  const Dims& v = context.dims(2);
  TRY(same_dim(q[0], k[0], "batch of Q and K"));
  TRY(same_dim(k[0], v[0], "batch of K and V"));
  TRY(same_dim(k[1], v[1], "heads of K and V"));
  TRY(same_dim(k[2], v[2], "length of K and V"));
  TRY(same_dim(q[3], k[3], "head size of Q and K"));
  const bool known = q[1].is_constant() && k[1].is_constant();
  if (known && (k[1].value() == 0 || q[1].value() % k[1].value() != 0)) {
    return fail(Code::kInvalidArgument, "{} query heads are not a multiple of {} key heads",
                q[1].value(), k[1].value());
  }
  return Dims{q[0], q[1], q[2], k[2]};
}

Result<void> infer_modifier(InferContext& context, std::string_view attr, const ValueType& type) {
  const Subgraph* subgraph = context.attrs().get_subgraph(attr);
  if (subgraph == nullptr) return {};
  Graph& body = *subgraph->body;
  if (body.inputs().size() != 1 || body.outputs().size() != 1) {
    return fail(Code::kInvalidGraph, "{} takes {} values and gives {}, expected one of each", attr,
                body.inputs().size(), body.outputs().size());
  }
  if (!context.at_load()) return {};
  GraphValue& input = body.value(body.inputs()[0]);
  input.type = merge_types(type, input.type);
  return infer_body(body);
}

Result<void> infer_flex_attention(InferContext& context) {
  for (size_t i = 0; i < 3; ++i) TRY(expect_rank(context, i, 4));
  ValueType scores = ValueType::tensor(TRY(softmax_dtype(context)), unknown_dims(4));
  if (context.has_rank(0) && context.has_rank(1) && context.has_rank(2)) {
    scores.dims = TRY(score_dims(context));
    const Dims& q = context.dims(0);
    context.set_output(0, context.dtype(0), {q[0], q[1], q[2], context.dims(2)[3]});
  } else {
    context.set_output(0, context.dtype(0), unknown_dims(4));
  }
  TRY(infer_modifier(context, "score_mod", scores));
  return infer_modifier(context, "prob_mod", scores);
}

}  // namespace

OpDef op_FlexAttention() {
  OpDef op;
  op.domain = "ai.onnx.preview";
  op.versions = {1};
  op.inputs = {{"Q", "T1", kFloatTypes}, {"K", "T1", kFloatTypes}, {"V", "T1", kFloatTypes}};
  op.outputs = {{"Y", "T1", kFloatTypes}};
  op.attrs = {optional_attr("prob_mod", FormalAttr::Kind::kGraph),
              optional_attr("scale", FormalAttr::Kind::kFloat),
              optional_attr("score_mod", FormalAttr::Kind::kGraph),
              optional_attr("softmax_precision", FormalAttr::Kind::kInt)};
  op.infer = infer_flex_attention;
  return op;
}

}  // namespace sardonyx
