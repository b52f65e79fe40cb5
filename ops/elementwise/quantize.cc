// sardonyx Quantize and Dequantize: QuantizeLinear and DequantizeLinear with one constant scale and
// zero point for all, as elementwise operators, so that they fuse with what is around them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/quantize.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/store_bytes-inl.h"
#include "cpu/tier_table.h"
#include "ops/elementwise/tile-inl.h"
#include "ops/elementwise/tiles.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using DF = hn::ScalableTag<float>;
using DI = hn::ScalableTag<int32_t>;
constexpr size_t kLanes = hn::MaxLanes(DF());

// In the order of the attributes' names.
struct DequantizeParams {
  float scale, zero;
};
struct QuantizeParams {
  float scale, dtype, zero;
};

template <class T>
HWY_INLINE hn::Vec<DI> widen_lanes(const T* src) {
  if constexpr (sizeof(T) == 4) {
    return hn::LoadU(DI(), src);
  } else {
    return hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<T, DI>(), src));
  }
}

template <class T>
HWY_INLINE void dequantize_lanes(const T* src, float* dst, hn::Vec<DF> scale, hn::Vec<DF> zero) {
  const auto number = hn::ConvertTo(DF(), widen_lanes(src));
  hn::StoreU(hn::Mul(hn::Sub(number, zero), scale), DF(), dst);
}

template <class T>
void dequantize_tile(const void* const* srcs, void* dst, size_t count, const void* params) {
  DequantizeParams p;
  std::memcpy(&p, params, sizeof p);
  const auto scale = hn::Set(DF(), p.scale), zero = hn::Set(DF(), p.zero);
  const T* in = static_cast<const T*>(srcs[0]);
  float* out = static_cast<float*>(dst);
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) dequantize_lanes(in + i, out + i, scale, zero);
  if (i == count) return;
  HWY_ALIGN T part[kLanes] = {};
  HWY_ALIGN float result[kLanes];
  std::memcpy(part, in + i, (count - i) * sizeof(T));
  dequantize_lanes(part, result, scale, zero);
  std::memcpy(out + i, result, (count - i) * sizeof(float));
}

struct QuantizeVectors {
  HWY_INLINE QuantizeVectors() {}  // spelled out: g++ takes an implicit one out of the target
  hn::Vec<DF> scale, inverse, low, high;
  hn::Vec<DI> zero;  // less kRoundedBits
};

// x / scale, rounded as a division is (Markstein): where multiply-add is one operation, the product
// with the inverse, corrected twice by what is left over; the first time makes it one of the two
// floats next to the quotient, the second time the nearer one. Quotients far beyond the range of
// results stay as they are.
HWY_INLINE hn::Vec<DF> divide(hn::Vec<DF> x, const QuantizeVectors& v) {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const auto first = hn::Mul(x, v.inverse);
  const auto second = hn::MulAdd(hn::NegMulAdd(first, v.scale, x), v.inverse, first);
  const auto quotient = hn::MulAdd(hn::NegMulAdd(second, v.scale, x), v.inverse, second);
  return hn::IfThenElse(hn::Lt(hn::Abs(first), hn::Set(DF(), 1048576.0f)), quotient, first);
#else
  return hn::Div(x, v.scale);
#endif
}

// A NaN becomes the zero point.
template <class T, bool kDivide>
HWY_INLINE void quantize_lanes(const float* src, T* dst, const QuantizeVectors& v) {
  const auto x = hn::LoadU(DF(), src);
  const auto quotient = kDivide ? hn::Div(x, v.scale) : divide(x, v);
  const auto bounded = hn::Min(hn::Max(quotient, v.low), v.high);
  const auto number = hn::IfThenElseZero(hn::Eq(quotient, quotient), bounded);
  const auto bits = hn::BitCast(DI(), hn::Add(number, hn::Set(DF(), kRoundToInteger)));
  const auto rounded = hn::Add(bits, v.zero);
  if constexpr (sizeof(T) == 1) {
    store_bytes(rounded, reinterpret_cast<uint8_t*>(dst), kLanes);
  } else {
    const hn::Rebind<T, DI> d;
    hn::StoreU(hn::DemoteTo(d, rounded), d, dst);
  }
}

template <class T, bool kDivide>
HWY_INLINE void quantize_all(const float* in, T* out, size_t count, const QuantizeVectors& v) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) quantize_lanes<T, kDivide>(in + i, out + i, v);
  if (i == count) return;
  HWY_ALIGN float part[kLanes] = {};
  HWY_ALIGN T result[kLanes];
  std::memcpy(part, in + i, (count - i) * sizeof(float));
  quantize_lanes<T, kDivide>(part, result, v);
  std::memcpy(out + i, result, (count - i) * sizeof(T));
}

template <class T>
void quantize_tile(const void* const* srcs, void* dst, size_t count, const void* params) {
  QuantizeParams p;
  std::memcpy(&p, params, sizeof p);
  QuantizeVectors v;
  v.scale = hn::Set(DF(), p.scale);
  v.inverse = hn::Set(DF(), 1.0f / p.scale);
  v.low = hn::Set(DF(), static_cast<float>(std::numeric_limits<T>::min()) - p.zero);
  v.high = hn::Set(DF(), static_cast<float>(std::numeric_limits<T>::max()) - p.zero);
  v.zero = hn::Set(DI(), static_cast<int32_t>(p.zero) - kRoundedBits);
  const float* in = static_cast<const float*>(srcs[0]);
  T* out = static_cast<T*>(dst);
  // Far from the ends of the range of f32, where neither inverse nor remainder lose bits.
  if (p.scale > 1e-25f && p.scale < 1e25f) {
    quantize_all<T, false>(in, out, count, v);
  } else {
    quantize_all<T, true>(in, out, count, v);
  }
}

template <class... T>
constexpr TileRow dequantize_row() {
  TileRow row{"Dequantize", {}};
  ((row.by_dtype[static_cast<size_t>(dtype_of<T>)] = dequantize_tile<T>), ...);
  return row;
}
template <class... T>
constexpr TileRow quantize_row() {
  TileRow row{"Quantize", {}};
  ((row.by_dtype[static_cast<size_t>(dtype_of<T>)] = quantize_tile<T>), ...);
  return row;
}

constexpr TileRow kQuantizeRows[] = {
    dequantize_row<int8_t, uint8_t, int16_t, uint16_t, int32_t>(),
    quantize_row<int8_t, uint8_t, int16_t, uint16_t>(),
};

}  // namespace
extern const TileRows kQuantizeTiles;
const TileRows kQuantizeTiles = kQuantizeRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(quantize_tiles, TileRows, kQuantizeTiles)

namespace sardonyx {
namespace {

constexpr DTypeSet kSmall = dtype_set(DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16);
constexpr DTypeSet kFloat = dtype_set(DType::kFloat32);

Result<Reg> emit_dequantize(ProgramBuilder& builder, const EmitArgs& args) {
  return builder.step("Dequantize", builder.dtype(args.inputs[0]), args.inputs, DType::kFloat32,
                      number_attrs(args.node));
}
Result<Reg> emit_quantize(ProgramBuilder& builder, const EmitArgs& args) {
  return builder.step("Quantize", args.output, args.inputs, args.output, number_attrs(args.node));
}
constexpr ElementwiseOp kDequantize{emit_dequantize};
constexpr ElementwiseOp kQuantize{emit_quantize};

Result<void> set_result(InferContext& context, DType dtype) {
  if (context.has_rank(0)) {
    context.set_output(0, dtype, context.dims(0));
  } else {
    context.set_output(0, dtype);
  }
  return {};
}
Result<void> infer_dequantize(InferContext& context) {
  return set_result(context, DType::kFloat32);
}
Result<void> infer_quantize(InferContext& context) {
  const int64_t to = context.attrs().get_int("to");
  if (to < 0 || to >= kDTypeCount || (dtype_bit(static_cast<DType>(to)) & kSmall) == 0) {
    return fail(Code::kInvalidArgument, "to is {}, which is no integer of 8 or 16 bits", to);
  }
  return set_result(context, static_cast<DType>(to));
}

}  // namespace

OpDef op_Dequantize() {
  const DTypeSet types = kSmall | dtype_set(DType::kInt32);
  OpDef op = unary_op({1}, types, {float_attr("scale", 1), int_attr("zero_point", 0)});
  op.outputs = {{"Y", "", kFloat}};
  op.infer = infer_dequantize;
  op.elementwise = &kDequantize;
  return op;
}

OpDef op_Quantize() {
  OpDef op =
      unary_op({1}, kFloat, {float_attr("scale", 1), int_attr("to", 2), int_attr("zero_point", 0)});
  op.outputs = {{"Y", "", kSmall}};
  op.infer = infer_quantize;
  op.elementwise = &kQuantize;
  return op;
}

}  // namespace sardonyx
#endif  // HWY_ONCE
