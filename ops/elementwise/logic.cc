// Logic operators: And BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Not Or Where Xor; and
// the copy step "Identity".
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/logic.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "ops/elementwise/logic-inl.h"
#include "ops/elementwise/strings.h"
#include "ops/elementwise/tiles.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

struct Bits128 {
  uint64_t low, high;
};

template <class T>
void copy_tile(const void* const* srcs, void* dst, size_t count, const void* /*params*/) {
  std::memmove(dst, srcs[0], count * sizeof(T));
}

// Elements are moved, not computed with: T is any type of the right size.
template <class T>
void where_tile(const void* const* srcs, void* dst, size_t count, const void* /*params*/) {
  const auto* condition = static_cast<const uint8_t*>(srcs[0]);
  const T* yes = static_cast<const T*>(srcs[1]);
  const T* no = static_cast<const T*>(srcs[2]);
  T* out = static_cast<T*>(dst);
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    SARDONYX_INDEPENDENT
    for (size_t j = i; j < i + kBlock; ++j) {
      const T a = yes[j], b = no[j];
      out[j] = condition[j] != 0 ? a : b;
    }
  }
  for (; i < count; ++i) out[i] = condition[i] != 0 ? yes[i] : no[i];
}

constexpr TileRow move_row(std::string_view name, TileFn bytes1, TileFn bytes2, TileFn bytes4,
                           TileFn bytes8, TileFn bytes16) {
  TileRow row{name, {}};
  const auto set = [&row](DType dtype, TileFn fn) {
    row.by_dtype[static_cast<size_t>(dtype)] = fn;
  };
  for (const DType dtype :
       {DType::kBool, DType::kInt8, DType::kUint8, DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ,
        DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ, DType::kFloat8E8M0}) {
    set(dtype, bytes1);
  }
  for (const DType dtype : {DType::kInt16, DType::kUint16, DType::kFloat16, DType::kBfloat16}) {
    set(dtype, bytes2);
  }
  for (const DType dtype : {DType::kInt32, DType::kUint32, DType::kFloat32}) set(dtype, bytes4);
  for (const DType dtype : {DType::kInt64, DType::kUint64, DType::kFloat64, DType::kComplex64}) {
    set(dtype, bytes8);
  }
  set(DType::kComplex128, bytes16);
  return row;
}

template <class Op>
constexpr TileRow truth_row() {
  TileRow row{Op::name, {}};
  row.by_dtype[static_cast<size_t>(DType::kBool)] = element_tile<Op, uint8_t, bool>;
  return row;
}

constexpr SignedInts kSigned;
constexpr UnsignedInts kUnsigned;
constexpr TileRow kLogicRows[] = {
    truth_row<And>(),
    truth_row<Or>(),
    truth_row<Xor>(),
    truth_row<Not>(),
    element_row<BitwiseAnd>(kSigned, kUnsigned),
    element_row<BitwiseOr>(kSigned, kUnsigned),
    element_row<BitwiseXor>(kSigned, kUnsigned),
    element_row<BitwiseNot>(kSigned, kUnsigned),
    element_row<ShiftLeft>(kUnsigned),
    element_row<ShiftRight>(kUnsigned),
    move_row("Identity", copy_tile<uint8_t>, copy_tile<uint16_t>, copy_tile<uint32_t>,
             copy_tile<uint64_t>, copy_tile<Bits128>),
    move_row("Where", where_tile<uint8_t>, where_tile<uint16_t>, where_tile<uint32_t>,
             where_tile<uint64_t>, where_tile<Bits128>),
};

}  // namespace
extern const TileRows kLogicTiles;
const TileRows kLogicTiles = kLogicRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(logic_tiles, TileRows, kLogicTiles)

namespace sardonyx {
namespace {

// ---- BitShift

Result<void> infer_bit_shift(InferContext& context) {
  const std::string& direction = context.attrs().get_string("direction");
  if (direction != "LEFT" && direction != "RIGHT") {
    return fail(Code::kInvalidArgument, "direction is '{}', but must be 'LEFT' or 'RIGHT'",
                direction);
  }
  return infer_elementwise(context);
}

Result<Reg> emit_bit_shift(ProgramBuilder& builder, const EmitArgs& args) {
  const bool left = args.node.attrs.get_string("direction") == "LEFT";
  const DType dtype = builder.dtype(args.inputs[0]);
  return builder.step(left ? "ShiftLeft" : "ShiftRight", dtype, args.inputs, dtype);
}

// ---- Where

Result<void> infer_where(InferContext& context) {
  if (auto dims = TRY(broadcast_inputs(context))) {
    context.set_output(0, context.dtype(1), std::move(*dims));
  } else {
    context.set_output(0, context.dtype(1));
  }
  const auto condition = context.peek_ints(0);
  const auto yes = context.peek_ints(1);
  const auto no = context.peek_ints(2);
  if (!condition || !yes || !no || !all_constant(*condition)) return {};
  const size_t count = std::max({condition->size(), yes->size(), no->size()});
  Dims result;
  for (size_t i = 0; i < count; ++i) {
    const Dims& source = (*condition)[condition->size() == 1 ? 0 : i].value() != 0 ? *yes : *no;
    result.push_back(source[source.size() == 1 ? 0 : i]);
  }
  context.set_output_ints(0, std::move(result));
  return {};
}

Result<Reg> emit_where(ProgramBuilder& builder, const EmitArgs& args) {
  Reg yes = args.inputs[1], no = args.inputs[2];
  if (builder.dtype(yes) != builder.dtype(no)) {  // one was computed, the other is still narrow
    yes = TRY(builder.widen(yes));
    no = TRY(builder.widen(no));
  }
  const Reg srcs[] = {args.inputs[0], yes, no};
  return builder.step("Where", builder.dtype(yes), srcs, builder.dtype(yes));
}

constexpr ElementwiseOp kBitShift{emit_bit_shift};
constexpr ElementwiseOp kWhere{emit_where};

OpDef truth_op(OpDef op) {
  op.outputs[0].type_name = op.inputs.size() == 2 ? "T1" : "T";
  return op;
}

constexpr DTypeSet kBoolType = dtype_set(DType::kBool);

}  // namespace

OpDef op_And() { return truth_op(binary_op({1, 7}, kBoolType)); }
OpDef op_Or() { return truth_op(binary_op({1, 7}, kBoolType)); }
OpDef op_Xor() { return truth_op(binary_op({1, 7}, kBoolType)); }
OpDef op_Not() { return truth_op(unary_op({1}, kBoolType)); }
OpDef op_BitwiseAnd() { return binary_op({18}, kIntTypes); }
OpDef op_BitwiseOr() { return binary_op({18}, kIntTypes); }
OpDef op_BitwiseXor() { return binary_op({18}, kIntTypes); }
OpDef op_BitwiseNot() { return unary_op({18}, kIntTypes); }
OpDef op_BitShift() {
  OpDef op =
      binary_op({11}, kUnsignedIntTypes, {required_attr("direction", FormalAttr::Kind::kString)});
  op.infer = infer_bit_shift;
  op.elementwise = &kBitShift;
  return op;
}
OpDef op_Where() {
  OpDef op;
  op.versions = {9, 16};
  const DTypeSet types = kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
  op.inputs = {{"condition", "B", kBoolType}, {"X", "T", types}, {"Y", "T", types}};
  op.outputs = {{"output", "T", types}};
  op.infer = infer_where;
  op.kernels = {{"tiles", make_where}};
  op.elementwise = &kWhere;
  return op;
}

}  // namespace sardonyx
#endif  // HWY_ONCE
