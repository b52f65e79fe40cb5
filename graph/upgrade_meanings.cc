// Old meanings said with today's operators; see graph/upgrade_rules.h. Ranks are often unknown
// while a graph is built, so shapes are computed by Shape and friends and folded later.
#include <algorithm>
#include <cmath>

#include "graph/rewriter.h"
#include "graph/upgrade_rules.h"

namespace sardonyx {

// BatchNormalization before opset 9 with spatial=0 has statistics for each element of a sample.
Result<void> batch_norm_per_element(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  const bool per_channel = attrs.get_int("spatial", 1) == 1;
  if (attrs.get_int("is_test") == 1) {  // before opset 7: the statistics are not asked for
    Node& node = graph.node(id);
    for (size_t i = 1; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) graph.value(node.outputs[i]).producer = kNoNode;
    }
    node.outputs.resize(1);
  }
  attrs.erase("spatial");
  attrs.erase("is_test");
  if (per_channel) return {};
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId output = graph.node(id).outputs[0];
  if (inputs.size() < 5) return fail(Code::kInvalidGraph, "has fewer than 5 inputs");
  Rewriter rewriter(graph, id);
  const ValueId epsilon = rewriter.op(
      "CastLike", {graph.add_constant("epsilon", Tensor::scalar(attrs.get_float("epsilon", 1e-5f))),
                   inputs[0]});
  graph.remove_node(id);
  const ValueId deviation = rewriter.op("Sqrt", {rewriter.op("Add", {inputs[4], epsilon})});
  const ValueId centred = rewriter.op("Sub", {inputs[0], inputs[3]});
  const ValueId scaled = rewriter.op("Mul", {rewriter.op("Div", {centred, deviation}), inputs[1]});
  rewriter.op_into(output, "Add", {scaled, inputs[2]});
  return {};
}

// Before opset 7, broadcast=1 laid the dims of B over those of A from `axis` on, or at the end.
Result<void> broadcast_at_axis(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  const bool at_axis = attrs.get_int("broadcast") == 1 && attrs.has("axis");
  const int64_t axis = attrs.get_int("axis");
  attrs.erase("broadcast");
  attrs.erase("axis");
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (!at_axis || inputs.size() != 2) return {};
  Rewriter rewriter(graph, id);
  // How many dims of A follow those of B.
  const ValueId rank_a = rewriter.rank(inputs[0]);
  const ValueId start =
      axis >= 0 ? rewriter.ints({axis}) : rewriter.op("Add", {rank_a, rewriter.ints({axis})});
  const ValueId end = rewriter.op("Add", {start, rewriter.rank(inputs[1])});
  const ValueId ones = rewriter.ones(rewriter.op("Sub", {rank_a, end}));
  const ValueId shape = rewriter.concat({rewriter.shape(inputs[1]), ones});
  graph.set_input(id, 1, rewriter.op("Reshape", {inputs[1], shape}));
  return {};
}

// BatchNormalization before opset 14 trained when it was asked for statistics, five outputs in all:
// now it says so and gives two. The other two are the mean and the variance of the batch.
Result<void> drop_old_statistics(Graph& graph, NodeId id) {
  std::vector<ValueId>& outputs = graph.node(id).outputs;
  const bool trains = std::any_of(outputs.begin() + 1, outputs.end(),
                                  [](ValueId output) { return output != kNoValue; });
  const std::vector<ValueId> saved(outputs.begin() + std::min<ptrdiff_t>(3, std::ssize(outputs)),
                                   outputs.end());
  if (outputs.size() > 3) outputs.resize(3);
  if (trains) graph.node(id).attrs.set("training_mode", int64_t{1});
  const ValueId input = graph.node(id).inputs[0];
  Rewriter rewriter(graph, id);
  for (size_t i = 0; i < saved.size(); ++i) {
    if (saved[i] == kNoValue) continue;
    graph.value(saved[i]).producer = kNoNode;
    const ValueId rows = rewriter.op("Reshape", {input, rewriter.ints({0, 0, -1})});
    const ValueId axes = rewriter.ints({0, 2});
    if (i == 0) {
      rewriter.op_into(saved[i], "ReduceMean", {rows, axes}, {{"keepdims", int64_t{0}}});
      continue;
    }
    const ValueId centred = rewriter.op("Sub", {rows, rewriter.op("ReduceMean", {rows, axes})});
    rewriter.op_into(saved[i], "ReduceMean", {rewriter.op("Mul", {centred, centred}), axes},
                     {{"keepdims", int64_t{0}}});
  }
  return {};
}

// Before opset 7 an attribute told Dropout that it was not training, and by default it was.
Result<void> dropout_trains_unless_told(Graph& graph, NodeId id) {
  const AttrMap& attrs = graph.node(id).attrs;
  if (attrs.get_int("is_test") != 0) return {};
  const std::string& name = graph.node(id).name;
  const float ratio = attrs.get_float("ratio", 0.5f);
  const ValueId input = graph.node(id).inputs[0];
  const ValueId share = graph.add_constant(name + "/ratio", Tensor::scalar(ratio));
  const ValueId trains =
      graph.add_constant(graph.node(id).name + "/training_mode", Tensor::scalar(true));
  graph.set_inputs(id, {input, share, trains});
  return {};
}

// Before opset 11 a negative index was outside of the range, and its row all off.
Result<void> one_hot_without_negatives(Graph& graph, NodeId id) {
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() != 3) return {};
  Rewriter rewriter(graph, id);
  AttrMap to_int64;
  to_int64.set("to", static_cast<int64_t>(DType::kInt64));
  const ValueId indices = rewriter.op("Cast", {inputs[0]}, to_int64);
  const ValueId depth =
      rewriter.op("Reshape", {rewriter.op("Cast", {inputs[1]}, to_int64), rewriter.ints({})});
  const ValueId zero = graph.add_constant("zero", Tensor::scalar(int64_t{0}));
  const ValueId negative = rewriter.op("Less", {indices, zero});
  graph.set_input(id, 0, rewriter.op("Where", {negative, depth, indices}));
  return {};
}

// LpPool-1 and GlobalLpPool-1 took the norm of any real p: by the p-th powers, whose sum is their
// average times their number.
Result<void> real_lp_norm(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  const float p = attrs.get_float("p", 2.f);
  attrs.erase("p");
  if (p == std::floor(p) && std::abs(p) < 1e9f) {
    attrs.set("p", static_cast<int64_t>(p));
    return {};
  }
  const Node node = graph.node(id);
  const ValueId input = node.inputs[0];
  Rewriter rewriter(graph, id);
  const auto number = [&](double x) {
    const ValueId constant =
        graph.add_constant(node.name + "/number", Tensor::scalar(static_cast<float>(x)));
    return rewriter.op("CastLike", {constant, input});
  };
  const ValueId powers =
      rewriter.op("Pow", {rewriter.op("Abs", {input}), number(static_cast<double>(p))});
  graph.remove_node(id);
  ValueId sum = kNoValue;
  if (node.op_type == "LpPool") {
    AttrMap pool = node.attrs;
    pool.set("count_include_pad", int64_t{1});
    double count = 1;
    for (int64_t size : node.attrs.get_ints("kernel_shape")) count *= static_cast<double>(size);
    sum = rewriter.op("Mul", {rewriter.op("AveragePool", {powers}, pool), number(count)});
  } else {
    AttrMap first_spatial;
    first_spatial.set("start", int64_t{2});
    const ValueId spatial = rewriter.op("Shape", {input}, first_spatial);
    const ValueId count =
        rewriter.op("CastLike", {rewriter.op("ReduceProd", {spatial, rewriter.ints({0})}), input});
    sum = rewriter.op("Mul", {rewriter.op("GlobalAveragePool", {powers}), count});
  }
  rewriter.op_into(node.outputs[0], "Pow", {sum, number(1 / static_cast<double>(p))});
  return {};
}

Result<void> dropout_mask_of_input_type(Graph& graph, NodeId id) {
  if (graph.node(id).outputs.size() < 2 || graph.node(id).outputs[1] == kNoValue) return {};
  const ValueId input = graph.node(id).inputs[0];
  const ValueId mask = take_output(graph, id, 1);
  Rewriter(graph, id).op_into(mask, "CastLike", {graph.node(id).outputs[1], input});
  return {};
}

// Until opset 12 the operator passed its input on unless is_test was 0 (before 7), which trains.
Result<void> dropout_to_inputs(Graph& graph, NodeId id) {
  for (std::string_view name : {"ratio", "is_test"}) graph.node(id).attrs.erase(name);
  return {};
}

// Before opset 13 the operator worked on a matrix: dims before `axis`, dims from it on.
Result<void> flat_softmax(Graph& graph, NodeId id) {
  TRY(check_kind<int64_t>(graph.node(id).attrs, "axis"));
  const int64_t axis = graph.node(id).attrs.get_int("axis", 1);
  const ValueId input = graph.node(id).inputs[0];
  graph.node(id).attrs.set("axis", int64_t{-1});
  const ValueType& type = graph.value(input).type;
  if (axis == -1 || (type.has_rank() && axis == static_cast<int64_t>(type.dims->size()) - 1)) {
    return {};  // a row each already
  }
  Rewriter rewriter(graph, id);
  AttrMap flatten;
  flatten.set("axis", axis);
  graph.set_input(id, 0, rewriter.op("Flatten", {input}, flatten));
  const ValueId output = take_output(graph, id, 0);
  rewriter.op_into(output, "Reshape", {graph.node(id).outputs[0], rewriter.shape(input)},
                   {{"allowzero", int64_t{1}}});
  return {};
}

// GroupNormalization-18 had one scale and one bias for each group, 21 has one for each channel.
Result<void> group_norm_per_group(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  const ValueId groups = rewriter.ints({graph.node(id).attrs.get_int("num_groups")});
  AttrMap channel_axis;
  channel_axis.set("start", int64_t{1});
  channel_axis.set("end", int64_t{2});
  const ValueId channels = rewriter.op("Shape", {inputs[0]}, channel_axis);
  const ValueId shape = rewriter.concat({groups, rewriter.op("Div", {channels, groups})});
  for (size_t i = 1; i < inputs.size() && i < 3; ++i) {
    const ValueId column = rewriter.op("Unsqueeze", {inputs[i], rewriter.ints({1})});
    const ValueId repeated = rewriter.op("Expand", {column, shape});
    graph.set_input(id, i, rewriter.op("Reshape", {repeated, rewriter.ints({-1})}));
  }
  return {};
}

// Before opset 7 a slope with more than one element belonged to the channels, axis 1.
Result<void> prelu_per_channel(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() < 2) return fail(Code::kInvalidGraph, "input 1 ('slope') is missing");
  const ValueId after = rewriter.op("Sub", {rewriter.rank(inputs[0]), rewriter.ints({2})});
  const ValueId shape = rewriter.concat({rewriter.ints({-1}), rewriter.ones(after)});
  graph.set_input(id, 1, rewriter.op("Reshape", {inputs[1], shape}));
  return {};
}

namespace {

// The graph that Scan-8 runs for one sequence of the batch: a scan of its first `length` steps,
// whose outputs are filled up to as many as there were.
class SequenceGraph {
 public:
  SequenceGraph(Graph& graph, const std::string& name) : rewriter_(graph, name) {}

  void set_length(ValueId length, ValueId any_scanned) {
    length_ = rewriter_.op("Reshape", {length, rewriter_.ints({1})});
    AttrMap first;
    first.set("end", int64_t{1});
    const ValueId steps = rewriter_.op("Shape", {any_scanned}, first);
    padding_ = rewriter_.concat({rewriter_.ints({0}), rewriter_.op("Sub", {steps, length_})});
  }
  ValueId scanned(ValueId input) {
    if (length_ == kNoValue) return input;
    const ValueId zero = rewriter_.ints({0});
    return rewriter_.op("Slice", {input, zero, length_, zero});
  }
  ValueId filled_up(ValueId output) {
    if (length_ == kNoValue) return output;
    return rewriter_.op("Pad", {output, padding_, kNoValue, rewriter_.ints({0})});
  }

 private:
  Rewriter rewriter_;
  ValueId length_ = kNoValue;
  ValueId padding_ = kNoValue;
};

}  // namespace

// Scan-8 scanned axis 1 for every index of axis 0, the batch: a scan over the batch whose body is
// the scan of one sequence.
Result<void> scan_over_batch(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  if (node.inputs.size() < 2) return fail(Code::kInvalidGraph, "has no input to scan");
  const ValueId lengths = node.inputs[0];
  std::vector<ValueId> outer_inputs(node.inputs.begin() + 1, node.inputs.end());
  const auto scan_count = static_cast<size_t>(node.attrs.get_int("num_scan_inputs"));
  if (scan_count < 1 || scan_count > outer_inputs.size()) {
    return fail(Code::kInvalidGraph, "num_scan_inputs is {}, expected 1 to {}", scan_count,
                outer_inputs.size());
  }
  const size_t states = outer_inputs.size() - scan_count;
  auto batch = std::make_shared<Graph>();
  batch->name = node.name + "/batch";
  Node inner;
  inner.name = node.name;
  inner.op_type = "Scan";
  inner.attrs = node.attrs;
  if (inner.attrs.has("directions")) {
    inner.attrs.set("scan_input_directions", inner.attrs.get_ints("directions"));
    inner.attrs.erase("directions");
  }
  for (ValueId input : outer_inputs) {
    inner.inputs.push_back(batch->add_input(graph.value(input).name, ValueType()));
  }
  SequenceGraph sequence(*batch, node.name);
  if (lengths != kNoValue) {
    sequence.set_length(batch->add_input(graph.value(lengths).name, ValueType()),
                        inner.inputs[states]);
    outer_inputs.push_back(lengths);
  }
  for (size_t i = states; i < inner.inputs.size(); ++i) {
    inner.inputs[i] = sequence.scanned(inner.inputs[i]);
  }
  // What the body captures from outside it captures through the batch's graph now.
  Subgraph body = *inner.attrs.get_subgraph("body");
  Subgraph outer_body{batch, body.captures};
  for (ValueId& capture : body.captures) {
    capture = batch->add_capture(graph.value(capture).name, graph.value(capture).type);
  }
  inner.attrs.set("body", body);
  for (ValueId outer : node.outputs) {
    const std::string name = outer == kNoValue ? "" : graph.value(outer).name;
    inner.outputs.push_back(batch->add_value(name, ValueType()));
    const ValueId output = inner.outputs.back();
    const bool is_state = inner.outputs.size() <= states;
    batch->add_output(name, is_state ? output : sequence.filled_up(output), ValueType());
  }
  batch->add_node(std::move(inner));
  node.attrs = AttrMap();
  node.attrs.set("num_scan_inputs", static_cast<int64_t>(outer_inputs.size()));
  node.attrs.set("body", std::move(outer_body));
  graph.set_inputs(id, outer_inputs);
  graph.refresh_users();
  return {};
}

// Tile-1 had (input, tiles, axis) with one number each.
Result<void> tile_along_axis(Graph& graph, NodeId id) {
  Rewriter rewriter(graph, id);
  const std::vector<ValueId> inputs = graph.node(id).inputs;
  if (inputs.size() != 3) return {};
  AttrMap to_int64;
  to_int64.set("to", static_cast<int64_t>(DType::kInt64));
  const auto one_int = [&](ValueId value) {
    return rewriter.op("Reshape", {rewriter.op("Cast", {value}, to_int64), rewriter.ints({1})});
  };
  const ValueId ones = rewriter.ones(rewriter.rank(inputs[0]));
  AttrMap axis0;
  axis0.set("axis", int64_t{0});
  const ValueId repeats =
      rewriter.op("ScatterElements", {ones, one_int(inputs[2]), one_int(inputs[1])}, axis0);
  graph.set_inputs(id, {inputs[0], repeats});
  return {};
}

}  // namespace sardonyx
