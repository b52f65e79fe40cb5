// com.microsoft.nchwc: the blocked forms of Conv and poolings in models that ONNX Runtime saved
// optimised for one processor. Values are said in plain NCHW again, with their channels rounded up
// to blocks as the file has them; only weights, which the file holds in blocks, are reordered.
#include <algorithm>

#include "cpu/tier.h"
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr std::string_view kDomain = "com.microsoft.nchwc";
constexpr int64_t kWideBlock = 16, kBlock = 8;

// Channels in a block: 16 where the file was made for AVX-512, else 8. The file does not say so.
// Every padded channel count must be a multiple; where both fit, it is taken to have been made on a
// processor like this one, as ONNX Runtime does.
int64_t block_of(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (node.domain != kDomain || node.op_type != "Conv" || node.inputs.size() < 2) continue;
    const ValueType& type = graph.value(node.inputs[1]).type;
    if (!type.has_rank() || type.dims->empty() || !type.dims->front().is_constant()) continue;
    if (type.dims->front().value() % kWideBlock != 0) return kBlock;
  }
  const std::vector<Tier> tiers = available_tiers();
  const bool is_wide = std::find(tiers.begin(), tiers.end(), Tier::kAvx512) != tiers.end();
  return is_wide ? kWideBlock : kBlock;
}

// Weights [O, I, kH, kW] that lie as [O/b, I/b, kH, kW, b, b] (inputs before outputs), or as
// [O/b, I, kH, kW, b] where inputs are not in blocks.
Result<ValueId> plain_weights(Lowering& to) {
  const ValueId w = to.input(1);
  if (TRY(to.known_rank(1)) != 4) return fail(Code::kInvalidGraph, "W must have rank 4");
  int64_t dims[4] = {};
  for (int64_t axis = 0; axis < 4; ++axis) dims[axis] = TRY(to.known_dim(1, axis));
  const int64_t block = block_of(to.graph());
  if (dims[0] % block != 0) {
    return fail(Code::kInvalidGraph, "W has {} outputs, not a multiple of the block {}", dims[0],
                block);
  }
  const bool blocked_inputs = dims[1] >= block;
  if (blocked_inputs && dims[1] % block != 0) {
    return fail(Code::kInvalidGraph, "W has {} inputs, not a multiple of the block {}", dims[1],
                block);
  }
  const std::vector<int64_t> plain = {dims[0], dims[1], dims[2], dims[3]};
  ValueId blocks;
  if (blocked_inputs) {
    blocks = to.reshape(w, {dims[0] / block, dims[1] / block, dims[2], dims[3], block, block});
    blocks = to.transpose(blocks, {0, 5, 1, 4, 2, 3});
  } else {
    blocks = to.reshape(w, {dims[0] / block, dims[1], dims[2], dims[3], block});
    blocks = to.transpose(blocks, {0, 4, 1, 2, 3});
  }
  return to.reshape(blocks, plain);
}

Result<void> lower_conv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  AttrMap attrs = to.attrs();
  for (const char* name : {"activation", "activation_params"}) attrs.erase(name);
  const ValueId weights = TRY(plain_weights(to));
  const ValueId y = to.op("Conv", {to.input(0), weights, to.input(2)}, std::move(attrs));
  return to.activate_into(to.output(0), to.sum(y, to.input(3)), to.attrs().get_string("activation"),
                          to.attrs().get_floats("activation_params"));
}

Result<void> lower_reorder_input(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool channels_last = to.attrs().get_int("channels_last") != 0;
  const ValueId channels = to.dim(to.input(0), channels_last ? 3 : 1);
  const ValueId block = to.ints({block_of(graph)});
  const ValueId extra = to.op("Mod", {to.op("Neg", {channels}), block});
  const ValueId x = channels_last ? to.transpose(to.input(0), {0, 3, 1, 2}) : to.input(0);
  to.op_into(to.output(0), "Pad",
             {x, to.concat({to.ints({0, 0, 0, 0, 0}), extra, to.ints({0, 0})})});
  return {};
}

Result<void> lower_reorder_output(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId y = to.slice(to.input(0), 1, 0, to.attrs().get_int("channels"));
  if (to.attrs().get_int("channels_last") != 0) {
    to.op_into(to.output(0), "Transpose", {y}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  } else {
    to.op_into(to.output(0), "Identity", {y});
  }
  return {};
}

template <const char* kOp>
Result<void> lower_pool(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(std::vector<ValueId>{to.output(0)}, kOp, {to.input(0)}, to.attrs());
  return {};
}

Result<void> lower_upsample(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  std::vector<float> scales;
  for (const int64_t scale : to.attrs().get_ints("scales")) {
    scales.push_back(static_cast<float>(scale));
  }
  const ValueId constant =
      to.constant(Tensor::from<float>({static_cast<int64_t>(scales.size())}, scales));
  to.op_into(to.output(0), "Resize", {to.input(0), kNoValue, constant},
             {{"mode", to.attrs().get_string("mode")},
              {"nearest_mode", std::string("floor")},
              {"coordinate_transformation_mode",
               to.attrs().get_string("coordinate_transformation_mode")}});
  return {};
}

constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', dtype_set(DType::kFloat32)}};

constexpr char kMaxPool[] = "MaxPool", kAveragePool[] = "AveragePool";
constexpr char kGlobalMax[] = "GlobalMaxPool", kGlobalAverage[] = "GlobalAveragePool";

std::vector<FormalAttr> pool_attrs() {
  using Kind = FormalAttr::Kind;
  return {string_attr("auto_pad", "NOTSET"),       int_attr("ceil_mode", 0),
          optional_attr("dilations", Kind::kInts), required_attr("kernel_shape", Kind::kInts),
          optional_attr("pads", Kind::kInts),      optional_attr("strides", Kind::kInts)};
}

}  // namespace

OpDef op_NchwcConv() {
  using Kind = FormalAttr::Kind;
  OpDef op = contrib_op("X:T W:T B:T? Sum:T?", "Y:T", kTypes, lower_conv);
  op.attrs = {optional_attr("activation", Kind::kString),
              optional_attr("activation_params", Kind::kFloats),
              string_attr("auto_pad", "NOTSET"),
              optional_attr("dilations", Kind::kInts),
              int_attr("group", 1),
              optional_attr("kernel_shape", Kind::kInts),
              optional_attr("pads", Kind::kInts),
              optional_attr("strides", Kind::kInts)};
  return op;
}
OpDef op_NchwcMaxPool() {
  OpDef op = contrib_op("X:T", "Y:T", kTypes, lower_pool<kMaxPool>);
  op.attrs = pool_attrs();
  op.attrs.push_back(int_attr("storage_order", 0));
  return op;
}
OpDef op_NchwcAveragePool() {
  OpDef op = contrib_op("X:T", "Y:T", kTypes, lower_pool<kAveragePool>);
  op.attrs = pool_attrs();
  op.attrs.push_back(int_attr("count_include_pad", 0));
  return op;
}
OpDef op_NchwcGlobalMaxPool() { return contrib_op("X:T", "Y:T", kTypes, lower_pool<kGlobalMax>); }
OpDef op_NchwcGlobalAveragePool() {
  return contrib_op("X:T", "Y:T", kTypes, lower_pool<kGlobalAverage>);
}
OpDef op_NchwcUpsample() {
  OpDef op = contrib_op("X:T", "Y:T", kTypes, lower_upsample);
  op.attrs = {string_attr("coordinate_transformation_mode", "asymmetric"),
              string_attr("mode", "nearest"), required_attr("scales", FormalAttr::Kind::kInts)};
  return op;
}
OpDef op_ReorderInput() {
  OpDef op = contrib_op("X:T", "Y:T", kTypes, lower_reorder_input);
  op.attrs = {int_attr("channels_last", 0)};
  return op;
}
OpDef op_ReorderOutput() {
  OpDef op = contrib_op("X:T", "Y:T", kTypes, lower_reorder_output);
  op.attrs = {required_attr("channels", FormalAttr::Kind::kInt), int_attr("channels_last", 0)};
  return op;
}

}  // namespace sardonyx
