// Old meanings said with today's operators; see graph/upgrade_rules.h. Ranks are often unknown
// while a graph is built, so shapes are computed by Shape and friends and folded later.
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
  rewriter.op_into(output, "Reshape", {graph.node(id).outputs[0], rewriter.shape(input)});
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
  const ValueId after = rewriter.op("Sub", {rewriter.rank(inputs[0]), rewriter.ints({2})});
  const ValueId shape = rewriter.concat({rewriter.ints({-1}), rewriter.ones(after)});
  graph.set_input(id, 1, rewriter.op("Reshape", {inputs[1], shape}));
  return {};
}

// Scan-8 scanned axis 1 for every index of axis 0, the batch: a scan over the batch whose body is
// the scan of one sequence.
Result<void> scan_over_batch(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  if (!node.inputs.empty() && node.inputs[0] != kNoValue) {
    return fail(Code::kNotImplemented, "Scan-8 with sequence_lens is not known");
  }
  const std::vector<ValueId> outer_inputs(node.inputs.begin() + (node.inputs.empty() ? 0 : 1),
                                          node.inputs.end());
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
  // What the body captures from outside it captures through the batch's graph now.
  Subgraph body = *inner.attrs.get_subgraph("body");
  Subgraph outer_body{batch, body.captures};
  for (ValueId& capture : body.captures) {
    capture = batch->add_capture(graph.value(capture).name, graph.value(capture).type);
  }
  inner.attrs.set("body", body);
  for (ValueId output : node.outputs) {
    const std::string& name = output == kNoValue ? "" : graph.value(output).name;
    inner.outputs.push_back(batch->add_value(name, ValueType()));
    batch->add_output(name, inner.outputs.back(), ValueType());
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
