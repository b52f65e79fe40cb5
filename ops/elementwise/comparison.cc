// Comparison operators: Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/comparison.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/tier_table.h"
#include "ops/elementwise/comparison-inl.h"
#include "ops/elementwise/strings.h"
#include "ops/elementwise/tiles.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

constexpr TileRow equal_row() {
  TileRow row = predicate_row<Equal>(Floats(), SignedInts(), UnsignedInts());
  row.by_dtype[static_cast<size_t>(DType::kBool)] = element_tile<EqualTruth, uint8_t, bool>;
  return row;
}

constexpr TileRow kComparisonRows[] = {
    equal_row(),
    predicate_row<Less>(Floats(), SignedInts(), UnsignedInts()),
    predicate_row<Greater>(Floats(), SignedInts(), UnsignedInts()),
    predicate_row<LessOrEqual>(Floats(), SignedInts(), UnsignedInts()),
    predicate_row<GreaterOrEqual>(Floats(), SignedInts(), UnsignedInts()),
    predicate_row<IsNaN>(Floats()),
    predicate_row<IsInf>(Floats()),
};

}  // namespace
extern const TileRows kComparisonTiles;
const TileRows kComparisonTiles = kComparisonRows;
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(comparison_tiles, TileRows, kComparisonTiles)

namespace sardonyx {
namespace {

// ---- value propagation: comparisons of known integers, as 0 and 1

using CompareFn = std::optional<bool> (*)(const Dim&, const Dim&);

void propagate_truth(InferContext& context, CompareFn fn) {
  const auto a = context.peek_ints(0);
  const auto b = context.peek_ints(1);
  if (!a || !b || (a->size() != b->size() && a->size() != 1 && b->size() != 1)) return;
  Dims result;
  for (size_t i = 0; i < (a->size() == 1 ? b->size() : a->size()); ++i) {
    const auto truth = fn((*a)[a->size() == 1 ? 0 : i], (*b)[b->size() == 1 ? 0 : i]);
    if (!truth) return;
    result.emplace_back(*truth ? 1 : 0);
  }
  context.set_output_ints(0, std::move(result));
}

// A bare symbol is a size, so it is not negative.
bool is_size(const Dim& dim) { return !dim.symbol_name().empty(); }
bool is_negative(const Dim& dim) { return dim.is_constant() && dim.value() < 0; }
bool both_constant(const Dim& a, const Dim& b) { return a.is_constant() && b.is_constant(); }

std::optional<bool> known_equal(const Dim& a, const Dim& b) {
  if (a == b) return true;
  if (both_constant(a, b)) return false;
  if ((is_size(a) && is_negative(b)) || (is_size(b) && is_negative(a))) return false;
  return std::nullopt;
}
std::optional<bool> known_less(const Dim& a, const Dim& b) {
  if (both_constant(a, b)) return a.value() < b.value();
  if (is_size(a) && b.is_constant() && b.value() <= 0) return false;
  if (is_negative(a) && is_size(b)) return true;
  return std::nullopt;
}
std::optional<bool> known_greater(const Dim& a, const Dim& b) { return known_less(b, a); }
std::optional<bool> known_less_or_equal(const Dim& a, const Dim& b) {
  const auto greater = known_less(b, a);
  return greater ? std::optional(!*greater) : std::nullopt;
}
std::optional<bool> known_greater_or_equal(const Dim& a, const Dim& b) {
  return known_less_or_equal(b, a);
}

template <CompareFn kFn>
Result<void> infer_comparison(InferContext& context) {
  TRY(infer_predicate(context));
  propagate_truth(context, kFn);
  return {};
}

template <CompareFn kFn>
OpDef comparison_op(std::vector<int> versions, DTypeSet types) {
  OpDef op = predicate_op(binary_op(std::move(versions), types));
  op.infer = infer_comparison<kFn>;
  op.keeps_denormals = true;
  return op;
}

constexpr DTypeSet kFloatAndFloat8 = kFloatTypes | (kFloat8Types & ~dtype_bit(DType::kFloat8E8M0));

OpDef float_predicate(std::vector<int> versions, std::vector<FormalAttr> attrs = {}) {
  OpDef op = predicate_op(unary_op(std::move(versions), kFloatAndFloat8, std::move(attrs)));
  op.inputs[0].type_name = "T1";
  op.outputs[0].type_name = "T2";
  return op;
}

}  // namespace

OpDef op_Equal() {
  OpDef op = comparison_op<known_equal>({1, 7, 11, 13, 19},
                                        kNumericTypes | dtype_set(DType::kBool, DType::kString));
  op.kernels = {{"tiles", make_equal}};
  return op;
}
OpDef op_Less() { return comparison_op<known_less>({1, 7, 9, 13}, kNumericTypes); }
OpDef op_Greater() { return comparison_op<known_greater>({1, 7, 9, 13}, kNumericTypes); }
OpDef op_LessOrEqual() { return comparison_op<known_less_or_equal>({12, 16}, kNumericTypes); }
OpDef op_GreaterOrEqual() { return comparison_op<known_greater_or_equal>({12, 16}, kNumericTypes); }
OpDef op_IsNaN() { return float_predicate({9, 13, 20}); }
OpDef op_IsInf() {
  return float_predicate({10, 20},
                         {int_attr("detect_negative", 1), int_attr("detect_positive", 1)});
}

}  // namespace sardonyx
#endif  // HWY_ONCE
