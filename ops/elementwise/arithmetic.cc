// Arithmetic operators: Abs Add Clip Div Max Mean Min Mod Mul Neg Pow Reciprocal Sign Sub Sum.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/arithmetic.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "ops/elementwise/arithmetic-inl.h"
#include "ops/elementwise/tiles.h"

// No function here: the loops have the target of the headers that they are made in.
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr SignedInts kSigned;
constexpr UnsignedInts kUnsigned;
constexpr TileRow kArithmeticRows[] = {
    number_row<Abs>(kSigned, kUnsigned),
    number_row<Add>(kSigned, kUnsigned),
    number_row<Clip>(kSigned, kUnsigned),
    number_row<Div>(kSigned, kUnsigned),
    number_row<Fmod>(kSigned, kUnsigned),
    number_row<Max>(kSigned, kUnsigned),
    number_row<Min>(kSigned, kUnsigned),
    element_row<Mod>(kSigned, kUnsigned),
    number_row<Mul>(kSigned, kUnsigned),
    number_row<Neg>(kSigned),
    number_row<Pow>(Types<int64_t>()),
    float_row<PowHalf>(),
    float_row<Reciprocal>(),
    number_row<Sign>(kSigned, kUnsigned),
    number_row<Sub>(kSigned, kUnsigned),
};

}  // namespace
extern const TileRows kArithmeticTiles;
const TileRows kArithmeticTiles = kArithmeticRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx

#if HWY_ONCE
SARDONYX_TIER_TABLE(arithmetic_tiles, TileRows, kArithmeticTiles)

namespace sardonyx {
namespace {

// ---- value propagation: what is known of small integers, for shape arithmetic

using DimFn = std::optional<Dim> (*)(const Dim&, const Dim&);

// Applies fn to all known integers of two inputs that broadcast as scalars or equal lengths.
void propagate_ints(InferContext& context, DimFn fn) {
  const DType dtype = context.dtype(0);
  if (dtype != DType::kInt64 && dtype != DType::kInt32) return;
  const auto a = context.peek_ints(0);
  const auto b = context.peek_ints(1);
  if (!a || !b || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return;
  Dims result;
  for (size_t i = 0; i < (a->size() == 1 ? b->size() : a->size()); ++i) {
    const auto dim = fn((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!dim) return;
    result.push_back(*dim);
  }
  context.set_output_ints(0, std::move(result));
}

// Dims that are sizes never come near this; beyond it, elements would wrap around.
bool is_modest(const Dim& dim) {
  constexpr int64_t kLimit = int64_t{1} << 30;
  return !dim.is_constant() || (dim.value() < kLimit && dim.value() > -kLimit);
}

std::optional<Dim> known_sum(const Dim& a, const Dim& b) {
  return is_modest(a) && is_modest(b) ? std::optional(a + b) : std::nullopt;
}
std::optional<Dim> known_difference(const Dim& a, const Dim& b) {
  return is_modest(a) && is_modest(b) ? std::optional(a - b) : std::nullopt;
}
std::optional<Dim> known_product(const Dim& a, const Dim& b) {
  return is_modest(a) && is_modest(b) ? std::optional(a * b) : std::nullopt;
}
std::optional<Dim> known_quotient(const Dim& a, const Dim& b) {
  if (!b.is_constant() || b.value() == 0 || !is_modest(a) || !is_modest(b)) return std::nullopt;
  if (a.is_constant()) return Dim(a.value() / b.value());
  // Division truncates; of a symbolic size, which is not negative, that is the floor.
  return b.value() > 0 ? std::optional(floor_div(a, b)) : std::nullopt;
}
std::optional<Dim> known_min(const Dim& a, const Dim& b) { return dim_min(a, b); }
std::optional<Dim> known_max(const Dim& a, const Dim& b) { return dim_max(a, b); }
std::optional<Dim> known_mod(const Dim& a, const Dim& b) {
  if (!b.is_constant() || b.value() <= 0) return std::nullopt;
  return dim_mod(a, b);
}

template <DimFn kFn>
Result<void> infer_arithmetic(InferContext& context) {
  TRY(infer_elementwise(context));
  propagate_ints(context, kFn);
  return {};
}

Result<void> infer_neg(InferContext& context) {
  TRY(infer_elementwise(context));
  if (const auto ints = context.peek_ints(0)) {
    Dims negated;
    for (const Dim& dim : *ints) {
      if (!is_modest(dim)) return {};
      negated.push_back(Dim(0) - dim);
    }
    context.set_output_ints(0, std::move(negated));
  }
  return {};
}

template <DimFn kFn>
Result<void> infer_two_of_many(InferContext& context) {
  TRY(infer_elementwise(context));
  if (context.input_count() == 2) propagate_ints(context, kFn);
  return {};
}

// ---- Mod

Result<void> infer_mod(InferContext& context) {
  const bool is_float = dtype_is_float(context.dtype(0));
  if (is_float && context.attrs().get_int("fmod") == 0) {
    return fail(Code::kInvalidArgument, "{} is a float: the attribute fmod must be 1",
                context.describe(0));
  }
  TRY(infer_elementwise(context));
  if (context.attrs().get_int("fmod") == 0) propagate_ints(context, known_mod);
  return {};
}

Result<Reg> emit_mod(ProgramBuilder& builder, const EmitArgs& args) {
  const bool fmod = args.node.attrs.get_int("fmod") != 0;
  const Reg srcs[] = {TRY(builder.widen(args.inputs[0])), TRY(builder.widen(args.inputs[1]))};
  const DType dtype = builder.dtype(srcs[0]);
  return builder.step(fmod ? "Fmod" : "Mod", dtype, srcs, dtype);
}

// ---- Pow

Result<void> infer_pow(InferContext& context) { return infer_elementwise(context); }

// The exponent when it is one known number.
std::optional<double> constant_exponent(const EmitArgs& args) {
  const Tensor* tensor = args.constants[1];
  if (tensor == nullptr) return std::nullopt;
  switch (tensor->dtype()) {
    case DType::kFloat32:
      return *tensor->as<float>();
    case DType::kFloat64:
      return *tensor->as<double>();
    case DType::kInt32:
      return *tensor->as<int32_t>();
    case DType::kInt64:
      return static_cast<double>(*tensor->as<int64_t>());
    default:
      return std::nullopt;
  }
}

// Powers that are a multiplication or two; kNoReg for others.
Result<Reg> emit_special_power(ProgramBuilder& builder, Reg x, double exponent) {
  const DType dtype = builder.dtype(x);
  const Reg twice[] = {x, x};
  if (exponent == 1) return x;
  if (exponent == 2) return builder.step("Mul", dtype, twice, dtype);
  if (exponent == 3) {
    const Reg cube[] = {TRY(builder.step("Mul", dtype, twice, dtype)), x};
    return builder.step("Mul", dtype, cube, dtype);
  }
  if (exponent == 0.5) return builder.step("PowHalf", dtype, std::span(&x, 1), dtype);
  if (exponent == -1) return builder.step("Reciprocal", dtype, std::span(&x, 1), dtype);
  return kNoReg;
}

// Floats are raised in the dtype of the base, but in f64 where the exponent does not fit it.
// Integers are raised to integers as integers, else in f64.
Result<Reg> emit_pow(ProgramBuilder& builder, const EmitArgs& args) {
  const Reg x = TRY(builder.widen(args.inputs[0]));
  const Reg y = TRY(builder.widen(args.inputs[1]));
  const DType result = builder.dtype(x);
  const DType exponent = builder.dtype(y);
  DType dtype = result;
  if (dtype_is_float(result)) {
    if (const auto number = constant_exponent(args)) {
      const Reg special = TRY(emit_special_power(builder, x, *number));
      if (special != kNoReg) return special;
    }
    const bool wide = exponent == DType::kFloat64 || exponent == DType::kInt32 ||
                      exponent == DType::kInt64 || exponent == DType::kUint32 ||
                      exponent == DType::kUint64;
    if (wide) dtype = DType::kFloat64;
  } else {
    dtype = dtype_is_float(exponent) ? DType::kFloat64 : DType::kInt64;
  }
  const Reg srcs[] = {TRY(builder.convert(x, dtype)), TRY(builder.convert(y, dtype))};
  return builder.convert(TRY(builder.step("Pow", dtype, srcs, dtype)), result);
}

// ---- variadic

// ((a op b) op c) op ...
Result<Reg> emit_chain(ProgramBuilder& builder, const EmitArgs& args, std::string_view name) {
  Reg result = TRY(builder.widen(args.inputs[0]));
  for (const Reg input : args.inputs.subspan(1)) {
    const Reg srcs[] = {result, TRY(builder.widen(input))};
    result = TRY(builder.step(name, builder.dtype(result), srcs, builder.dtype(result)));
  }
  return result;
}
Result<Reg> emit_min_max(ProgramBuilder& builder, const EmitArgs& args) {
  return emit_chain(builder, args, args.node.op_type);
}
Result<Reg> emit_sum(ProgramBuilder& builder, const EmitArgs& args) {
  return emit_chain(builder, args, "Add");
}
Result<Reg> emit_mean(ProgramBuilder& builder, const EmitArgs& args) {
  const Reg sum = TRY(emit_chain(builder, args, "Add"));
  const DType dtype = builder.dtype(sum);
  const Reg srcs[] = {sum, builder.constant(dtype, static_cast<double>(args.inputs.size()))};
  return builder.step("Div", dtype, srcs, dtype);
}

OpDef variadic_op(std::vector<int> versions, DTypeSet types, StaticText output) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"data_0", "T", types, Form::kVariadic}};
  op.outputs = {{output, "T", types}};
  op.infer = infer_elementwise;
  op.kernels = {{"tiles", make_elementwise}};
  return op;
}

// ---- Clip

Result<void> infer_clip(InferContext& context) {
  for (size_t i = 1; i < context.input_count(); ++i) {
    if (!context.has_input(i) || !context.has_rank(i)) continue;
    const Dim length = product(context.dims(i));
    if (context.rank(i) > 1 || (length.is_constant() && length.value() != 1)) {
      return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(i));
    }
  }
  if (context.has_rank(0)) {
    context.set_output(0, context.dtype(0), context.dims(0));
  } else {
    context.set_output(0, context.dtype(0));
  }
  return {};
}

// The constant where it is known, so that the bounds are part of the program.
Result<Reg> clip_bound(ProgramBuilder& builder, const EmitArgs& args, size_t index) {
  const Tensor* tensor = index < args.constants.size() ? args.constants[index] : nullptr;
  if (tensor != nullptr) return builder.widen(builder.constant(tensor->dtype(), tensor->data()));
  return builder.widen(args.inputs[index]);
}

Result<Reg> emit_clip(ProgramBuilder& builder, const EmitArgs& args) {
  const Reg x = TRY(builder.widen(args.inputs[0]));
  const DType dtype = builder.dtype(x);
  const bool has_low = args.inputs.size() > 1 && args.inputs[1] != kNoReg;
  const bool has_high = args.inputs.size() > 2 && args.inputs[2] != kNoReg;
  if (!has_low && !has_high) return x;
  if (!dtype_is_float(dtype) && has_low != has_high) {
    const Reg srcs[] = {x, TRY(clip_bound(builder, args, has_low ? 1 : 2))};
    return builder.step(has_low ? "Max" : "Min", dtype, srcs, dtype);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Reg low = has_low ? TRY(clip_bound(builder, args, 1)) : builder.constant(dtype, -kInfinity);
  const Reg high =
      has_high ? TRY(clip_bound(builder, args, 2)) : builder.constant(dtype, kInfinity);
  const Reg srcs[] = {x, low, high};
  return builder.step("Clip", dtype, srcs, dtype);
}

constexpr ElementwiseOp kMod{emit_mod};
constexpr ElementwiseOp kPow{emit_pow};
constexpr ElementwiseOp kMinMax{emit_min_max};
constexpr ElementwiseOp kSum{emit_sum};
constexpr ElementwiseOp kMean{emit_mean};
constexpr ElementwiseOp kClip{emit_clip};

OpDef with_rule(OpDef op, InferRule infer) {
  op.infer = infer;
  return op;
}

}  // namespace

OpDef op_Add() {
  return with_rule(binary_op({1, 6, 7, 13, 14}, kNumericTypes), infer_arithmetic<known_sum>);
}
OpDef op_Sub() {
  return with_rule(binary_op({1, 6, 7, 13, 14}, kNumericTypes), infer_arithmetic<known_difference>);
}
OpDef op_Mul() {
  return with_rule(binary_op({1, 6, 7, 13, 14}, kNumericTypes), infer_arithmetic<known_product>);
}
OpDef op_Div() {
  // The quotient of two denormals is an ordinary number.
  return with_denormals(
      with_rule(binary_op({1, 6, 7, 13, 14}, kNumericTypes), infer_arithmetic<known_quotient>));
}
OpDef op_Mod() {
  OpDef op = with_rule(binary_op({10, 13}, kNumericTypes, {int_attr("fmod", 0)}), infer_mod);
  op.elementwise = &kMod;
  return with_denormals(op);
}
OpDef op_Pow() {
  const DTypeSet bases = kFloatTypes | dtype_set(DType::kInt32, DType::kInt64);
  OpDef op = with_rule(binary_op({1, 7, 12, 13, 15}, bases), infer_pow);
  op.inputs = {{"X", "T", bases}, {"Y", "T1", kNumericTypes}};
  op.outputs = {{"Z", "T", bases}};
  op.elementwise = &kPow;
  return with_denormals(op);
}
OpDef op_Min() {
  OpDef op = variadic_op({1, 6, 8, 12, 13}, kNumericTypes, "min");
  op.infer = infer_two_of_many<known_min>;
  op.elementwise = &kMinMax;
  return op;
}
OpDef op_Max() {
  OpDef op = variadic_op({1, 6, 8, 12, 13}, kNumericTypes, "max");
  op.infer = infer_two_of_many<known_max>;
  op.elementwise = &kMinMax;
  return op;
}
OpDef op_Sum() {
  OpDef op = variadic_op({1, 6, 8, 13}, kFloatTypes, "sum");
  op.elementwise = &kSum;
  return op;
}
OpDef op_Mean() {
  OpDef op = variadic_op({1, 6, 8, 13}, kFloatTypes, "mean");
  op.elementwise = &kMean;
  return op;
}
OpDef op_Abs() { return unary_op({1, 6, 13}, kNumericTypes); }
OpDef op_Neg() { return with_rule(unary_op({1, 6, 13}, kFloatTypes | kSignedIntTypes), infer_neg); }
OpDef op_Sign() { return with_denormals(unary_op({9, 13}, kNumericTypes)); }
OpDef op_Reciprocal() { return unary_op({1, 6, 13}, kFloatTypes); }
OpDef op_Clip() {
  OpDef op = unary_op({1, 6, 11, 12, 13}, kNumericTypes);
  op.inputs = {{"input", "T", kNumericTypes},
               {"min", "T", kNumericTypes, Form::kOptional},
               {"max", "T", kNumericTypes, Form::kOptional}};
  op.outputs = {{"output", "T", kNumericTypes}};
  op.infer = infer_clip;
  op.elementwise = &kClip;
  return op;
}

}  // namespace sardonyx
#endif  // HWY_ONCE
