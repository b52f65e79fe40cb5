// com.microsoft: ExpandDims GatherND GridSample IsAllFinite Pad Range SampleOp Trilu Unique; and
// the default domain's Affine Crop DynamicSlice ImageScaler ParametricSoftplus Scale ScaledTanh of
// before its first release, which converters wrote and ONNX Runtime still runs.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

using Kind = FormalAttr::Kind;

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

// ---- the default domain

// The attribute times x, when it is not 1.
ValueId times(Lowering& to, const char* attr, ValueId x) {
  const float factor = to.attrs().get_float(attr);
  if (factor == 1) return x;
  return to.op("Mul", {x, to.number(static_cast<double>(factor), to.input(0))});
}

// alpha * x + beta
Result<void> lower_affine(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const auto beta = static_cast<double>(to.attrs().get_float("beta"));
  to.op_into(to.output(0), "Add", {times(to, "alpha", to.input(0)), to.number(beta, to.input(0))});
  return {};
}

// alpha * tanh(beta * x)
Result<void> lower_scaled_tanh(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId y = times(to, "alpha", to.op("Tanh", {times(to, "beta", to.input(0))}));
  to.op_into(to.output(0), "Identity", {y});
  return {};
}

// alpha * ln(exp(beta * x) + 1)
Result<void> lower_parametric_softplus(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId y = times(to, "alpha", to.op("Softplus", {times(to, "beta", to.input(0))}));
  to.op_into(to.output(0), "Identity", {y});
  return {};
}

Result<void> lower_scale(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Identity", {times(to, "scale", to.input(0))});
  return {};
}

// scale * x + bias[channel]
Result<void> lower_image_scaler(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::vector<float>& bias = to.attrs().get_floats("bias");
  const auto channels = static_cast<int64_t>(bias.size());
  const ValueId column = to.constant(Tensor::from<float>({channels, 1, 1}, bias));
  to.op_into(to.output(0), "Add",
             {times(to, "scale", to.input(0)), to.op("CastLike", {column, to.input(0)})});
  return {};
}

// Off the borders left, top, right, bottom of H x W; or from left, top on, `scale` rows and
// columns.
Result<void> lower_crop(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::vector<int64_t>& border = to.attrs().get_ints("border");
  const std::vector<int64_t>& scale = to.attrs().get_ints("scale");
  if (border.size() != 4) {
    return fail(Code::kInvalidGraph, "attribute border has {} numbers, expected 4", border.size());
  }
  const ValueId axes = to.ints({2, 3});
  const ValueId starts = to.ints({border[1], border[0]});
  ValueId ends;
  if (scale.size() == 2) {
    ends = to.ints({border[1] + scale[0], border[0] + scale[1]});
  } else {
    const ValueId sizes = to.op("Shape", {to.input(0)}, {{"start", int64_t{2}}});
    ends = to.op("Sub", {sizes, to.ints({border[3], border[2]})});
  }
  to.op_into(to.output(0), "Slice", {to.input(0), starts, ends, axes});
  return {};
}

Result<void> lower_dynamic_slice(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.rename_to("Slice", {});
  return {};
}

constexpr std::pair<char, DTypeSet> kAny[] = {{'T', kAllTypes},
                                              {'F', kFloatTypes},
                                              {'P', dtype_set(DType::kInt64)},
                                              {'I', dtype_set(DType::kInt32, DType::kInt64)},
                                              {'M', dtype_set(DType::kInt32)},
                                              {'B', dtype_set(DType::kBool)}};

// These operators had a version 1 and none in the first release.
OpDef legacy_op(std::string_view inputs, std::string_view outputs, LowerRule lower,
                std::vector<FormalAttr> attrs = {}) {
  OpDef op = contrib_op(inputs, outputs, kAny, lower);
  op.attrs = std::move(attrs);
  return op;
}

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

OpDef op_Affine() {
  return legacy_op("X:F", "Y:F", lower_affine, {float_attr("alpha", 1), float_attr("beta", 0)});
}
OpDef op_Crop() {
  return legacy_op("input:T", "output:T", lower_crop,
                   {required_attr("border", Kind::kInts), optional_attr("scale", Kind::kInts)});
}
OpDef op_DynamicSlice() {
  return legacy_op("data:T starts:I ends:I axes:I?", "output:T", lower_dynamic_slice);
}
OpDef op_ImageScaler() {
  return legacy_op("input:F", "output:F", lower_image_scaler,
                   {required_attr("bias", Kind::kFloats), float_attr("scale", 1)});
}
OpDef op_ParametricSoftplus() {
  return legacy_op("X:F", "Y:F", lower_parametric_softplus,
                   {float_attr("alpha", 1), float_attr("beta", 1)});
}
OpDef op_Scale() { return legacy_op("input:F", "output:F", lower_scale, {float_attr("scale", 1)}); }
OpDef op_ScaledTanh() {
  return legacy_op("X:F", "Y:F", lower_scaled_tanh,
                   {float_attr("alpha", 1), float_attr("beta", 1)});
}

}  // namespace sardonyx
