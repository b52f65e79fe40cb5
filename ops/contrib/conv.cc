// com.microsoft: FusedConv NhwcConv NhwcFusedConv NhwcMaxPool ConvTransposeWithDynamicPads, said
// with the convolutions and poolings of ai.onnx.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

// All attributes but those of the activation.
AttrMap window_attrs(const Lowering& to) {
  AttrMap attrs = to.attrs();
  for (const char* name : {"activation", "activation_params"}) attrs.erase(name);
  return attrs;
}

// The axes of NHWC in the order of NCHW, and back.
std::vector<int64_t> channels_to_front(int64_t rank) {
  std::vector<int64_t> perm = {0, rank - 1};
  for (int64_t axis = 1; axis < rank - 1; ++axis) perm.push_back(axis);
  return perm;
}
std::vector<int64_t> channels_to_back(int64_t rank) {
  std::vector<int64_t> perm = {0};
  for (int64_t axis = 2; axis < rank; ++axis) perm.push_back(axis);
  perm.push_back(1);
  return perm;
}

// act(conv(X, W, B) + Z)
Result<void> lower_fused_conv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId y = to.op("Conv", {to.input(0), to.input(1), to.input(2)}, window_attrs(to));
  return to.activate_into(to.output(0), to.sum(y, to.input(3)), to.attrs().get_string("activation"),
                          to.attrs().get_floats("activation_params"));
}

// X, Z and Y have their channels last; W has, too, where kWeightsToo.
template <bool kWeightsToo>
Result<void> lower_nhwc_conv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t rank = TRY(to.known_rank(0));
  const ValueId x = to.transpose(to.input(0), channels_to_front(rank));
  const ValueId w = kWeightsToo ? to.transpose(to.input(1), channels_to_front(rank)) : to.input(1);
  const ValueId conv = to.op("Conv", {x, w, to.input(2)}, window_attrs(to));
  const ValueId y = to.transpose(conv, channels_to_back(rank));
  return to.activate_into(to.output(0), to.sum(y, to.input(3)), to.attrs().get_string("activation"),
                          to.attrs().get_floats("activation_params"));
}

Result<void> lower_nhwc_max_pool(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t rank = TRY(to.known_rank(0));
  const ValueId x = to.transpose(to.input(0), channels_to_front(rank));
  const ValueId y = to.op("MaxPool", {x}, window_attrs(to));
  to.op_into(to.output(0), "Transpose", {y}, {{"perm", channels_to_back(rank)}});
  return {};
}

// Pads take elements off the ends of the full result; SAME_UPPER and SAME_LOWER find pads
// themselves.
Result<void> lower_dynamic_pads(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::vector<ValueId> inputs = {to.input(0), to.input(1), to.input(3)};
  const bool finds_pads = to.attrs().get_string("auto_pad").starts_with("SAME");
  if (!to.has(2) || finds_pads) {
    to.op_into(std::vector<ValueId>{to.output(0)}, "ConvTranspose", inputs, to.attrs());
    return {};
  }
  const int64_t rank = TRY(to.known_rank(0));
  const ValueId full = to.op("ConvTranspose", inputs, to.attrs());
  const ValueId starts = to.slice(to.input(2), 0, 0, rank - 2);
  const ValueId after = to.slice(to.input(2), 0, rank - 2, 2 * rank - 4);
  const ValueId sizes = to.op("Shape", {full}, {{"start", int64_t{2}}});
  std::vector<int64_t> axes;
  for (int64_t axis = 2; axis < rank; ++axis) axes.push_back(axis);
  to.op_into(to.output(0), "Slice", {full, starts, to.op("Sub", {sizes, after}), to.ints(axes)});
  return {};
}

std::vector<FormalAttr> conv_attrs() {
  using Kind = FormalAttr::Kind;
  return {string_attr("auto_pad", "NOTSET"),
          optional_attr("dilations", Kind::kInts),
          int_attr("group", 1),
          optional_attr("kernel_shape", Kind::kInts),
          optional_attr("pads", Kind::kInts),
          optional_attr("strides", Kind::kInts)};
}

OpDef fused_conv_op(std::string_view inputs, LowerRule lower) {
  OpDef op = contrib_op(inputs, "Y:T", lower);
  op.attrs = conv_attrs();
  op.attrs.push_back(optional_attr("activation", FormalAttr::Kind::kString));
  op.attrs.push_back(optional_attr("activation_params", FormalAttr::Kind::kFloats));
  return op;
}

}  // namespace

OpDef op_ContribFusedConv() { return fused_conv_op("X:T W:T B:T? Z:T?", lower_fused_conv); }
OpDef op_NhwcFusedConv() { return fused_conv_op("X:T W:T B:T? Z:T?", lower_nhwc_conv<false>); }
OpDef op_NhwcConv() {
  OpDef op = contrib_op("X:T W:T B:T?", "Y:T", lower_nhwc_conv<true>);
  op.attrs = conv_attrs();
  return op;
}
OpDef op_NhwcMaxPool() {
  using Kind = FormalAttr::Kind;
  constexpr std::pair<char, DTypeSet> kTypes[] = {
      {'T', kFloatTypes | dtype_set(DType::kInt8, DType::kUint8)}};
  OpDef op = contrib_op("x:T", "y:T", kTypes, lower_nhwc_max_pool);
  op.attrs = {string_attr("auto_pad", "NOTSET"),       int_attr("ceil_mode", 0),
              optional_attr("dilations", Kind::kInts), required_attr("kernel_shape", Kind::kInts),
              optional_attr("pads", Kind::kInts),      optional_attr("strides", Kind::kInts)};
  return op;
}
OpDef op_ConvTransposeWithDynamicPads() {
  using Kind = FormalAttr::Kind;
  constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', kFloatTypes},
                                                  {'P', dtype_set(DType::kInt64)}};
  OpDef op = contrib_op("X:T W:T Pads:P? B:T?", "Y:T", kTypes, lower_dynamic_pads);
  op.attrs = {string_attr("auto_pad", "NOTSET"),
              optional_attr("dilations", Kind::kInts),
              int_attr("group", 1),
              optional_attr("kernel_shape", Kind::kInts),
              optional_attr("output_padding", Kind::kInts),
              optional_attr("strides", Kind::kInts)};
  return op;
}

}  // namespace sardonyx
