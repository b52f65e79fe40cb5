// Activation operators: Celu Elu Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Shrink
// Sigmoid Softplus Softsign SwiGLU Swish ThresholdedRelu.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/activations.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <array>

#include "cpu/tier_table.h"
#include "ops/elementwise/activations-inl.h"
#include "ops/elementwise/tiles.h"

// No function here: the loops have the target of the headers that they are made in.
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr TileRow kActivationRows[] = {
    float_row<Celu>(),
    float_row<Elu>(),
    float_row<Gelu>(),
    float_row<GeluTanh>(),
    float_row<HardSigmoid>(),
    float_row<HardSwish>(),
    float_row<LeakyRelu>(),
    float_row<Mish>(),
    number_row<PRelu>(Types<int32_t, int64_t, uint32_t, uint64_t>()),
    number_row<Relu>(SignedInts()),
    float_row<Selu>(),
    float_row<Shrink>(),
    float_row<Sigmoid>(),
    float_row<Softplus>(),
    float_row<Softsign>(),
    float_row<Swish>(),
    float_row<ThresholdedRelu>(),
};

}  // namespace
extern const TileRows kActivationTiles;
const TileRows kActivationTiles = kActivationRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx

#if HWY_ONCE
SARDONYX_TIER_TABLE(activation_tiles, TileRows, kActivationTiles)

namespace sardonyx {
namespace {

Result<void> infer_prelu(InferContext& context) {
  TRY(infer_elementwise(context));
  if (!context.has_rank(0)) return {};
  if (context.has_rank(1)) {
    const Dims together = TRY(broadcast_dims(context.dims(0), context.dims(1)));
    bool fits = together.size() == context.dims(0).size();
    for (size_t i = 0; fits && i < together.size(); ++i) {
      const Dim& dim = context.dims(0)[i];
      fits = !dim.is_constant() || !together[i].is_constant() || dim == together[i];
    }
    if (!fits) {
      return fail(Code::kInvalidArgument, "{} does not broadcast to the shape of {}",
                  context.describe(1), context.describe(0));
    }
  }
  context.set_output(0, context.dtype(0), context.dims(0));
  return {};
}

Result<void> infer_gelu(InferContext& context) {
  const std::string& approximate = context.attrs().get_string("approximate");
  if (approximate != "none" && approximate != "tanh") {
    return fail(Code::kInvalidArgument, "approximate is '{}', but must be 'none' or 'tanh'",
                approximate);
  }
  return infer_elementwise(context);
}

Result<Reg> emit_gelu(ProgramBuilder& builder, const EmitArgs& args) {
  const bool by_tanh = args.node.attrs.get_string("approximate") == "tanh";
  const Reg x = TRY(builder.widen(args.inputs[0]));
  return builder.step(by_tanh ? "GeluTanh" : "Gelu", builder.dtype(x), std::span(&x, 1),
                      builder.dtype(x));
}

// Integers are compared with, and moved by, the float attributes in f64.
Result<Reg> emit_shrink(ProgramBuilder& builder, const EmitArgs& args) {
  const Reg wide = TRY(builder.widen(args.inputs[0]));
  const DType result = builder.dtype(wide);
  const DType dtype = dtype_is_float(result) ? result : DType::kFloat64;
  const Reg x = TRY(builder.convert(wide, dtype));
  const Reg y =
      TRY(builder.step("Shrink", dtype, std::span(&x, 1), dtype, number_attrs(args.node)));
  return builder.convert(y, result);
}

// Swish of the gate times the other input; without broadcasting.
Result<void> infer_swiglu(InferContext& context) {
  TRY(infer_elementwise(context));
  if (!context.has_rank(0) || !context.has_rank(1)) return {};
  const Dims& gate = context.dims(0);
  const Dims& linear = context.dims(1);
  bool same = gate.size() == linear.size();
  for (size_t i = 0; same && i < gate.size(); ++i) {
    same = !gate[i].is_constant() || !linear[i].is_constant() || gate[i] == linear[i];
  }
  if (same) return {};
  return fail(Code::kInvalidArgument, "{} and {} must have the same shape", context.describe(0),
              context.describe(1));
}

Result<Reg> emit_swiglu(ProgramBuilder& builder, const EmitArgs& args) {
  const Reg gate = TRY(builder.widen(args.inputs[0]));
  const Reg linear = TRY(builder.widen(args.inputs[1]));
  const DType dtype = builder.dtype(gate);
  const Reg swish =
      TRY(builder.step("Swish", dtype, std::span(&gate, 1), dtype, number_attrs(args.node)));
  const std::array<Reg, 2> factors = {swish, linear};
  return builder.step("Mul", dtype, factors, dtype);
}

constexpr ElementwiseOp kSwiGLU{emit_swiglu};
constexpr ElementwiseOp kGelu{emit_gelu};
constexpr ElementwiseOp kShrink{emit_shrink};

}  // namespace

OpDef op_Celu() { return unary_op({12, 28}, kFloatTypes, {float_attr("alpha", 1.0f)}); }
OpDef op_Elu() { return unary_op({1, 6, 22}, kFloatTypes, {float_attr("alpha", 1.0f)}); }
OpDef op_Gelu() {
  OpDef op = unary_op({20}, kFloatTypes, {string_attr("approximate", "none")});
  op.infer = infer_gelu;
  op.elementwise = &kGelu;
  return op;
}
OpDef op_HardSigmoid() {
  return unary_op({1, 6, 22}, kFloatTypes, {float_attr("alpha", 0.2f), float_attr("beta", 0.5f)});
}
OpDef op_HardSwish() { return unary_op({14, 22}, kFloatTypes); }
OpDef op_LeakyRelu() { return unary_op({1, 6, 16}, kFloatTypes, {float_attr("alpha", 0.01f)}); }
OpDef op_Mish() { return unary_op({18, 22}, kFloatTypes); }
OpDef op_PRelu() {
  const DTypeSet types =
      kFloatTypes | dtype_set(DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64);
  OpDef op = binary_op({1, 6, 7, 9, 16}, types);
  op.inputs[0].name = "X";
  op.inputs[1].name = "slope";
  op.outputs[0].name = "Y";
  op.infer = infer_prelu;
  return op;
}
OpDef op_Relu() { return unary_op({1, 6, 13, 14}, kFloatTypes | kSignedIntTypes); }
OpDef op_Selu() {
  return unary_op({1, 6, 22}, kFloatTypes,
                  {float_attr("alpha", 1.67326319217681884765625f),
                   float_attr("gamma", 1.05070102214813232421875f)});
}
OpDef op_Shrink() {
  const DTypeSet types = kNumericTypes & ~dtype_bit(DType::kBfloat16);
  OpDef op = unary_op({9}, types, {float_attr("bias", 0.0f), float_attr("lambd", 0.5f)});
  op.elementwise = &kShrink;
  return with_denormals(op);
}
OpDef op_Sigmoid() { return unary_op({1, 6, 13}, kFloatTypes); }
OpDef op_Softplus() { return unary_op({1, 22}, kFloatTypes); }
OpDef op_Softsign() { return unary_op({1, 22}, kFloatTypes); }
OpDef op_SwiGLU() {
  OpDef op = binary_op({28}, kFloatTypes, {float_attr("alpha", 1.0f)});
  op.outputs[0].name = "Y";
  op.infer = infer_swiglu;
  op.elementwise = &kSwiGLU;
  return op;
}
OpDef op_Swish() { return unary_op({24}, kFloatTypes, {float_attr("alpha", 1.0f)}); }
OpDef op_ThresholdedRelu() { return unary_op({10, 22}, kFloatTypes, {float_attr("alpha", 1.0f)}); }

}  // namespace sardonyx
#endif  // HWY_ONCE
