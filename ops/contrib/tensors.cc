// com.microsoft: ExpandDims GatherND GridSample IsAllFinite Pad Range SampleOp Trilu Unique, said
// with ai.onnx.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

ValueId as_list_of_one(Lowering& to, ValueId number) {
  return to.reshape(to.cast(number, DType::kInt64), {1});
}

Result<void> lower_expand_dims(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Unsqueeze", {to.input(0), as_list_of_one(to, to.input(1))});
  return {};
}

Result<void> lower_gather_nd(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "GatherND", {to.input(0), to.cast(to.input(1), DType::kInt64)});
  return {};
}

Result<void> lower_grid_sample(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  AttrMap attrs = to.attrs();
  const std::string mode = attrs.get_string("mode");
  if (mode == "bilinear") attrs.set("mode", std::string("linear"));
  if (mode == "bicubic") attrs.set("mode", std::string("cubic"));
  to.rename_to("GridSample", attrs);
  return {};
}

// One bool: no element of any input is NaN, or infinite.
Result<void> lower_is_all_finite(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool nan_only = to.attrs().get_int("isnan_only") != 0;
  const bool inf_only = to.attrs().get_int("isinf_only") != 0;
  ValueId bad = kNoValue;
  for (size_t i = 0; to.has(i); ++i) {
    for (const char* test : {"IsNaN", "IsInf"}) {
      if (test[2] == 'N' ? inf_only : nan_only) continue;
      const ValueId flags = to.cast(to.op(test, {to.input(i)}), DType::kInt32);
      const ValueId any = to.op("ReduceMax", {to.reshape(flags, {-1})}, {{"keepdims", int64_t{0}}});
      bad = bad == kNoValue ? any : to.op("Max", {bad, any});
    }
  }
  to.op_into(to.output(0), "Not", {to.cast(bad, DType::kBool)});
  return {};
}

Result<void> lower_pad(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Pad", {to.input(0), to.reshape(to.input(1), {-1}), to.input(2)},
             {{"mode", to.attrs().get_string("mode")}});
  return {};
}

Result<void> lower_range(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const auto scalar = [&](ValueId number) { return to.reshape(number, {}); };
  const ValueId delta =
      to.has(2) ? scalar(to.input(2))
                : to.op("CastLike", {to.constant(Tensor::scalar(int64_t{1})), to.input(0)});
  to.op_into(to.output(0), "Range", {scalar(to.input(0)), scalar(to.input(1)), delta});
  return {};
}

Result<void> lower_sample_op(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.rename_to("Identity", {});
  return {};
}

Result<void> lower_trilu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.rename_to("Trilu", to.attrs());
  return {};
}

Result<void> lower_unique(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into({to.output(0), kNoValue, to.output(1), to.output(2)}, "Unique", {to.input(0)},
             Rewriter::attrs_of({{"sorted", int64_t{0}}}));
  return {};
}

constexpr std::pair<char, DTypeSet> kAny[] = {{'T', kAllTypes},
                                              {'F', kFloatTypes},
                                              {'P', dtype_set(DType::kInt64)},
                                              {'I', dtype_set(DType::kInt32, DType::kInt64)},
                                              {'M', dtype_set(DType::kInt32)},
                                              {'B', dtype_set(DType::kBool)}};

}  // namespace

OpDef op_ExpandDims() { return contrib_op("X:T axis:M", "Y:T", kAny, lower_expand_dims); }
OpDef op_ContribGatherND() {
  return contrib_op("data:T indices:I", "output:T", kAny, lower_gather_nd);
}
OpDef op_ContribGridSample() {
  OpDef op = contrib_op("X:F Grid:F", "Y:F", kAny, lower_grid_sample);
  op.attrs = {int_attr("align_corners", 0), string_attr("mode", "bilinear"),
              string_attr("padding_mode", "zeros")};
  return op;
}
OpDef op_IsAllFinite() {
  OpDef op = contrib_op("input:F*", "output:B", kAny, lower_is_all_finite);
  op.attrs = {int_attr("isinf_only", 0), int_attr("isnan_only", 0)};
  return op;
}
OpDef op_ContribPad() {
  OpDef op = contrib_op("data:T pads:P value:T?", "output:T", kAny, lower_pad);
  op.attrs = {string_attr("mode", "constant")};
  return op;
}
OpDef op_ContribRange() { return contrib_op("start:T limit:T delta:T?", "Y:T", kAny, lower_range); }
OpDef op_SampleOp() { return contrib_op("X:T", "Y:T", kAny, lower_sample_op); }
OpDef op_ContribTrilu() {
  OpDef op = contrib_op("X:T k:P?", "Y:T", kAny, lower_trilu);
  op.attrs = {int_attr("upper", 1)};
  return op;
}
OpDef op_ContribUnique() { return contrib_op("x:T", "y:T idx:P counts:P", kAny, lower_unique); }

}  // namespace sardonyx
