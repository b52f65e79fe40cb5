// What the layout pass knows of each operator: which start channels-last (Conv), and how those that
// only follow say the same of twins: another axis, permuted pads or scales, transposed constants.
#include <algorithm>

#include "ops/op.h"
#include "passes/channels_last.h"
#include "passes/permute.h"

namespace sardonyx {
namespace {

using Rule = Result<bool> (*)(ChannelsLast&, NodeId);

// Whether the operator has a rule of its own.
bool has_rule(const Node& node);

int64_t to_channels_last_axis(int64_t axis, size_t rank) {
  if (axis < 0) axis += static_cast<int64_t>(rank);
  if (axis == 0) return 0;
  return axis == 1 ? static_cast<int64_t>(rank) - 1 : axis - 1;
}

bool input_has_twin(ChannelsLast& state, const Node& node) {
  return !node.inputs.empty() && node.inputs[0] != kNoValue && state.has_twin(node.inputs[0]);
}

bool is_float32(ChannelsLast& state, ValueId value) {
  return state.graph().value(value).type.dtype == DType::kFloat32;
}

bool has_output(const Node& node, size_t index) {
  return index < node.outputs.size() && node.outputs[index] != kNoValue;
}

// The integers of a constant rank 1 input; nullopt when it is omitted or not constant.
std::optional<std::vector<int64_t>> constant_ints(ChannelsLast& state, const Node& node,
                                                  size_t index) {
  const Tensor* tensor = state.graph().constant_input(node, index);
  if (tensor == nullptr) return std::nullopt;
  std::vector<int64_t> ints;
  if (tensor->dtype() == DType::kInt64) {
    for (int64_t number : tensor->elements<int64_t>()) ints.push_back(number);
  } else if (tensor->dtype() == DType::kInt32) {
    for (int32_t number : tensor->elements<int32_t>()) ints.push_back(number);
  } else {
    return std::nullopt;
  }
  return ints;
}

bool is_given(const Node& node, size_t index) {
  return index < node.inputs.size() && node.inputs[index] != kNoValue;
}

// ---- operators with a form of their own for channels-last

Result<bool> to_internal(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  node.domain = "sardonyx";
  node.attrs.set("channels_last", int64_t{1});
  state.replace_node(id, std::move(node));
  return true;
}

Result<bool> conv_rule(ChannelsLast& state, NodeId id) {
  const Node& node = state.graph().node(id);
  if (!is_float32(state, node.inputs[0]) || !state.has_rank(node.inputs[0])) return false;
  if (!state.has_rank(node.outputs[0])) return false;
  return to_internal(state, id);
}

// QLinearConv, ONNX's or its wider form; ConvInteger is one without scales.
Result<bool> integer_conv_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!state.has_rank(node.inputs[0]) || !state.has_rank(node.outputs[0])) return false;
  if (node.op_type == "ConvInteger") {
    node.inputs.resize(4, kNoValue);
    node.inputs = {node.inputs[0], kNoValue, node.inputs[2],
                   node.inputs[1], kNoValue, node.inputs[3]};
    node.op_type = "QLinearConv";
  }
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  node.domain = "sardonyx";
  node.attrs.set("channels_last", int64_t{1});
  state.replace_node(id, std::move(node));
  return true;
}

bool can_pool(ChannelsLast& state, const Node& node) {
  const DType dtype = state.graph().value(node.inputs[0]).type.dtype;
  const bool is_byte = dtype == DType::kInt8 || dtype == DType::kUint8;
  return dtype == DType::kFloat32 || (is_byte && node.op_type == "MaxPool");
}

Result<bool> pool_twin(ChannelsLast& state, NodeId id) {
  const Node& node = state.graph().node(id);
  if (!can_pool(state, node) || has_output(node, 1) || !state.has_rank(node.outputs[0])) {
    return false;
  }
  return to_internal(state, id);
}

Result<bool> global_pool_rule(ChannelsLast& state, NodeId id) {
  return input_has_twin(state, state.graph().node(id)) ? pool_twin(state, id) : Result<bool>(false);
}

// Windows are taken channels-last in any case: two reorders take less than what vectors gain.
Result<bool> pool_rule(ChannelsLast& state, NodeId id) {
  const ValueId x = state.graph().node(id).inputs[0];
  return state.has_rank(x) && state.rank(x) >= 3 ? pool_twin(state, id) : Result<bool>(false);
}

// Operands of a node that works in either order of axes, if all of them have the same.
struct Operands {
  size_t twins = 0;    // channels-last, whether or not the original is there as well
  size_t lacking = 0;  // of those, whose original would have to be restored
  size_t foreign = 0;  // without a twin

  void count(const ChannelsLast& state, ValueId value) {
    const bool twin = state.has_twin(value);
    twins += twin;
    lacking += twin && state.lacks_original(value);
    foreign += !twin;
  }
  // Whether fewer reorders, or as many, are needed for the node to follow.
  bool follow() const { return twins > 0 && foreign <= lacking; }
};

// ---- elementwise operators

enum class Fit : uint8_t { kTwin, kAsIs, kConstant, kForeign, kNo };

Fit fit_operand(ChannelsLast& state, ValueId value, size_t rank) {
  if (!state.has_rank(value)) return Fit::kNo;
  const Dims& dims = state.dims(value);
  const bool one = std::all_of(dims.begin(), dims.end(), [](const Dim& d) { return d == Dim(1); });
  if (one) return Fit::kAsIs;
  if (state.graph().value(value).is_constant()) return Fit::kConstant;
  if (dims.size() != rank) return Fit::kNo;
  return state.has_twin(value) ? Fit::kTwin : Fit::kForeign;
}

// A constant that broadcasts to `rank` axes, for channels-last: C, 1, 1 becomes 1, 1, 1, C.
Result<ValueId> twin_of_constant(ChannelsLast& state, ValueId value, size_t rank) {
  Graph& graph = state.graph();
  if (state.rank(value) == rank) return state.twin(value);
  Shape shape = graph.value(value).constant.shape();
  while (shape.rank() < rank) shape.insert(0, 1);
  const Tensor padded = graph.value(value).constant.reshaped(shape);
  return graph.add_constant(graph.value(value).name + "/channels_last",
                            TRY(transpose_constant(padded, channels_last_order(rank))));
}

Result<bool> elementwise_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!has_output(node, 0) || !state.has_rank(node.outputs[0])) return false;
  const size_t rank = state.rank(node.outputs[0]);
  Operands operands;
  for (ValueId input : node.inputs) {
    if (input == kNoValue) continue;
    const Fit fit = fit_operand(state, input, rank);
    if (fit == Fit::kNo) return false;
    if (fit == Fit::kTwin || fit == Fit::kForeign) operands.count(state, input);
  }
  if (!operands.follow()) return false;
  for (ValueId& input : node.inputs) {
    if (input == kNoValue) continue;
    const Fit fit = fit_operand(state, input, rank);
    if (fit == Fit::kConstant) input = TRY(twin_of_constant(state, input, rank));
    if (fit == Fit::kTwin || fit == Fit::kForeign) input = TRY(state.twin(input));
  }
  state.replace_node(id, std::move(node));
  return true;
}

// ---- operators that move elements or work along an axis

Result<bool> follow_rule(ChannelsLast& state, NodeId id) {  // Identity, Dropout without mask
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || has_output(node, 1)) return false;
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

Result<bool> axis_rule(ChannelsLast& state, NodeId id) {  // Split, Softmax: one data input
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node)) return false;
  for (ValueId output : node.outputs) {
    if (output != kNoValue && !state.has_rank(output)) return false;
  }
  const size_t rank = state.rank(node.inputs[0]);
  node.attrs.set("axis", to_channels_last_axis(node.attrs.get_int("axis"), rank));
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

Result<bool> concat_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!state.has_rank(node.outputs[0])) return false;
  Operands operands;
  for (ValueId input : node.inputs) {
    if (!state.has_rank(input)) return false;
    operands.count(state, input);
  }
  if (!operands.follow()) return false;
  const size_t rank = state.rank(node.outputs[0]);
  node.attrs.set("axis", to_channels_last_axis(node.attrs.get_int("axis"), rank));
  for (ValueId& input : node.inputs) input = TRY(state.twin(input));
  state.replace_node(id, std::move(node));
  return true;
}

std::vector<int64_t> mapped_axes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<int64_t> result;
  result.reserve(axes.size());
  for (int64_t axis : axes) result.push_back(to_channels_last_axis(axis, rank));
  return result;
}

Result<bool> pad_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  const size_t rank = state.rank(node.inputs[0]);
  if (is_given(node, 3)) {
    const auto axes = constant_ints(state, node, 3);
    if (!axes) return false;
    node.inputs[3] = state.int_constant(node.name + "/axes", mapped_axes(*axes, rank));
  } else {
    const auto pads = constant_ints(state, node, 1);
    if (!pads || pads->size() != 2 * rank) return false;
    const auto order = channels_last_order(rank);
    const auto middle = pads->begin() + static_cast<ptrdiff_t>(rank);
    std::vector<int64_t> begins = permuted(std::vector<int64_t>(pads->begin(), middle), order);
    const std::vector<int64_t> ends = permuted(std::vector<int64_t>(middle, pads->end()), order);
    begins.insert(begins.end(), ends.begin(), ends.end());
    node.inputs[1] = state.int_constant(node.name + "/pads", begins);
  }
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

Result<bool> slice_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  const size_t rank = state.rank(node.inputs[0]);
  std::vector<int64_t> axes;
  if (is_given(node, 3)) {
    const auto given = constant_ints(state, node, 3);
    if (!given) return false;
    axes = *given;
  } else {
    const auto starts = constant_ints(state, node, 1);
    if (!starts) return false;
    for (size_t i = 0; i < starts->size(); ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (node.inputs.size() < 4) node.inputs.resize(4, kNoValue);
  // Slice wants starts, ends and axes of one dtype.
  Tensor numbers = Tensor::from<int64_t>({static_cast<int64_t>(axes.size())},
                                         std::span<const int64_t>(mapped_axes(axes, rank)));
  if (state.graph().value(node.inputs[1]).type.dtype == DType::kInt32) {
    const std::vector<int64_t> wide = mapped_axes(axes, rank);
    const std::vector<int32_t> small(wide.begin(), wide.end());
    numbers = Tensor::from<int32_t>({static_cast<int64_t>(small.size())},
                                    std::span<const int32_t>(small));
  }
  node.inputs[3] = state.graph().add_constant(node.name + "/axes", std::move(numbers));
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

// Resize's roi, scales or sizes, one (or two) numbers per axis, in the other order.
Result<bool> reorder_per_axis(ChannelsLast& state, Node& node, size_t index, size_t rank,
                              bool may_gather) {
  if (!is_given(node, index)) return true;
  Graph& graph = state.graph();
  const Tensor* tensor = graph.constant_input(node, index);
  std::vector<int64_t> order = channels_last_order(rank);
  const std::string name = node.name + "/reordered";
  if (tensor == nullptr) {
    if (!may_gather) return false;
    AttrMap attrs;
    attrs.set("axis", int64_t{0});
    const ValueType type = graph.value(node.inputs[index]).type;
    node.inputs[index] = graph.add_node(
        "Gather", "", {node.inputs[index], state.int_constant(name + "/order", order)},
        std::move(attrs), name);
    graph.value(node.inputs[index]).type = type;
    return true;
  }
  const auto count = static_cast<size_t>(tensor->count());
  if (count == 0) return true;
  if (tensor->shape().rank() != 1 || (count != rank && count != 2 * rank)) return false;
  // As rank (or 2 x rank) single numbers, moved whole.
  Tensor result = TRY(Tensor::allocate(tensor->dtype(), tensor->shape()));
  const size_t bytes = dtype_bytes(tensor->dtype(), 1);
  for (size_t i = 0; i < count; ++i) {
    const size_t from = i / rank * rank + static_cast<size_t>(order[i % rank]);
    std::copy_n(static_cast<const std::byte*>(tensor->data()) + from * bytes, bytes,
                static_cast<std::byte*>(result.data()) + i * bytes);
  }
  node.inputs[index] = graph.add_constant(name, std::move(result));
  return true;
}

// Whether the node makes more of a value, as far as dims are known.
bool enlarges(const ChannelsLast& state, const Node& node) {
  const Dims &in = state.dims(node.inputs[0]), &out = state.dims(node.outputs[0]);
  bool more = false;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] == out[i]) continue;
    if (!in[i].is_constant() || !out[i].is_constant() || out[i].value() < in[i].value()) {
      return false;
    }
    more = true;
  }
  return more;
}

// Whether nobody asks for a value channels-last: only outputs of the graph and operators without a
// rule read it, also behind elementwise ones.
bool is_read_channels_first(ChannelsLast& state, ValueId value) {
  const Graph& graph = state.graph();
  for (NodeId id : graph.value(value).users) {
    const Node& user = graph.node(id);
    const OpDef* op = find_op(user);
    if (op != nullptr && op->elementwise != nullptr) {
      const auto others = std::count_if(user.inputs.begin(), user.inputs.end(), [&](ValueId input) {
        return input != kNoValue && input != value && !graph.value(input).is_constant();
      });
      if (others > 0 || !is_read_channels_first(state, user.outputs[0])) return false;
    } else if (has_rule(user)) {
      return false;
    }
  }
  return true;
}

Result<bool> resize_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  // The smaller one is reordered.
  if (enlarges(state, node) && is_read_channels_first(state, node.outputs[0])) return false;
  const size_t rank = state.rank(node.inputs[0]);
  if (!node.attrs.get_ints("axes").empty()) {
    node.attrs.set("axes", mapped_axes(node.attrs.get_ints("axes"), rank));
  } else {
    if (!TRY(reorder_per_axis(state, node, 1, rank, false))) return false;
    if (!TRY(reorder_per_axis(state, node, 2, rank, true))) return false;
    if (!TRY(reorder_per_axis(state, node, 3, rank, true))) return false;
  }
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

// ---- operators that drop or add axes

// The node drops `axes` of its input. Its output is a twin when the channel axis ends up last of
// three or more, and the original when the others stay in order.
Result<bool> drop_axes(ChannelsLast& state, NodeId id, const std::vector<int64_t>& axes,
                       size_t axes_input) {
  Node node = state.graph().node(id);
  const size_t rank = state.rank(node.inputs[0]);
  std::vector<bool> dropped(rank, false);
  for (int64_t axis : axes) {
    dropped[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis)] = true;
  }
  const auto left = rank - static_cast<size_t>(std::count(dropped.begin(), dropped.end(), true));
  if (dropped[0]) return false;
  const bool spatial_left = std::find(dropped.begin() + 2, dropped.end(), false) != dropped.end();
  const bool gives_twin = !dropped[1] && spatial_left;
  if (gives_twin && left < 3) return false;
  node.inputs[axes_input] = state.int_constant(node.name + "/axes", mapped_axes(axes, rank));
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  if (gives_twin) {
    state.replace_node(id, std::move(node));
  } else {
    state.graph().set_inputs(id, node.inputs);
  }
  return true;
}

bool axes_are_valid(const std::vector<int64_t>& axes, size_t rank) {
  const auto end = static_cast<int64_t>(rank);
  return std::all_of(axes.begin(), axes.end(),
                     [end](int64_t axis) { return axis >= -end && axis < end; });
}

Result<bool> reduce_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  const size_t rank = state.rank(node.inputs[0]);
  const auto axes = constant_ints(state, node, 1);
  if (!axes || axes->empty() || !axes_are_valid(*axes, rank)) return false;
  if (node.attrs.get_int("keepdims", 1) == 0) return drop_axes(state, id, *axes, 1);
  node.inputs[1] = state.int_constant(node.name + "/axes", mapped_axes(*axes, rank));
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

Result<bool> squeeze_rule(ChannelsLast& state, NodeId id) {
  const Node& node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  const auto axes = constant_ints(state, node, 1);
  if (!axes || axes->empty() || !axes_are_valid(*axes, state.rank(node.inputs[0]))) return false;
  return drop_axes(state, id, *axes, 1);
}

Result<bool> unsqueeze_rule(ChannelsLast& state, NodeId id) {
  Node node = state.graph().node(id);
  if (!input_has_twin(state, node) || !state.has_rank(node.outputs[0])) return false;
  const size_t rank = state.rank(node.outputs[0]);
  const auto axes = constant_ints(state, node, 1);
  if (!axes || !axes_are_valid(*axes, rank)) return false;
  std::vector<int64_t> mapped;
  for (int64_t axis : *axes) {
    if (axis < 0) axis += static_cast<int64_t>(rank);
    if (axis < 2) return false;
    mapped.push_back(axis - 1);
  }
  node.inputs[1] = state.int_constant(node.name + "/axes", mapped);
  node.inputs[0] = TRY(state.twin(node.inputs[0]));
  state.replace_node(id, std::move(node));
  return true;
}

// A Transpose of something that has a twin starts from the twin; one that itself goes from
// channels-last to channels-first makes its input the twin of its output.
Result<bool> transpose_rule(ChannelsLast& state, NodeId id) {
  Graph& graph = state.graph();
  const Node node = graph.node(id);
  const std::vector<int64_t> perm = node.attrs.get_ints("perm");
  if (perm.size() < 3 || !state.has_rank(node.inputs[0]) ||
      perm.size() != state.rank(node.inputs[0])) {
    return false;
  }
  const auto back = inverse_order(channels_last_order(perm.size()));
  if (!state.has_twin(node.inputs[0])) {
    if (perm == back) state.set_twin(node.outputs[0], node.inputs[0]);
    return false;
  }
  const ValueId from = TRY(state.twin(node.inputs[0]));
  const std::vector<int64_t> order = [&] {
    std::vector<int64_t> result;
    result.reserve(perm.size());
    for (int64_t axis : perm) result.push_back(back[static_cast<size_t>(axis)]);
    return result;
  }();
  if (is_identity_order(order)) {
    graph.replace_uses(node.outputs[0], from);
    graph.remove_node(id);
    return true;
  }
  graph.node(id).attrs.set("perm", order);
  graph.set_input(id, 0, from);
  return true;
}

struct RuleRow {
  std::string_view op_type;
  Rule rule;
};

constexpr RuleRow kRules[] = {
    {"AveragePool", pool_rule},
    {"Concat", concat_rule},
    {"Conv", conv_rule},
    {"ConvInteger", integer_conv_rule},
    {"ConvTranspose", conv_rule},
    {"Dropout", follow_rule},
    {"GlobalAveragePool", global_pool_rule},
    {"GlobalMaxPool", global_pool_rule},
    {"Identity", follow_rule},
    {"LogSoftmax", axis_rule},
    {"MaxPool", pool_rule},
    {"Pad", pad_rule},
    {"QLinearConv", integer_conv_rule},
    {"ReduceL1", reduce_rule},
    {"ReduceL2", reduce_rule},
    {"ReduceLogSum", reduce_rule},
    {"ReduceLogSumExp", reduce_rule},
    {"ReduceMax", reduce_rule},
    {"ReduceMean", reduce_rule},
    {"ReduceMin", reduce_rule},
    {"ReduceProd", reduce_rule},
    {"ReduceSum", reduce_rule},
    {"ReduceSumSquare", reduce_rule},
    {"Resize", resize_rule},
    {"Slice", slice_rule},
    {"Softmax", axis_rule},
    {"Split", axis_rule},
    {"Squeeze", squeeze_rule},
    {"Transpose", transpose_rule},
    {"Unsqueeze", unsqueeze_rule},
};

Rule find_rule(std::string_view op_type) {
  for (const RuleRow& row : kRules) {
    if (row.op_type == op_type) return row.rule;
  }
  return nullptr;
}

bool has_rule(const Node& node) {
  return node.domain == "sardonyx" || (node.domain.empty() && find_rule(node.op_type) != nullptr);
}

}  // namespace

Result<bool> apply_channels_last_rule(ChannelsLast& state, NodeId id) {
  const Node& node = state.graph().node(id);
  const OpDef* op = find_op(node);
  if (node.domain == "sardonyx" && node.op_type == "QLinearConv") {
    return node.attrs.get_int("channels_last") == 0 ? integer_conv_rule(state, id)
                                                    : Result<bool>(false);
  }
  if (node.domain == "sardonyx" && op != nullptr && op->elementwise != nullptr) {
    return elementwise_rule(state, id);
  }
  if (!node.domain.empty()) return false;
  const Rule rule = find_rule(node.op_type);
  if (rule != nullptr) return rule(state, id);
  if (op == nullptr || op->elementwise == nullptr) return false;
  return elementwise_rule(state, id);
}

}  // namespace sardonyx
