// Changes of form from old opsets to the newest; see graph/upgrade_rules.h. The versions named are
// those of the operator's entry in the specification's Operators and Changelog pages.
#include "graph/upgrade_rules.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <numeric>

#include "graph/rewriter.h"

namespace sardonyx {
namespace {

ValueId add_ints(Graph& graph, const Node& node, std::string_view what,
                 const std::vector<int64_t>& ints) {
  return graph.add_constant(fmt::format("{}/{}", node.name, what),
                            Tensor::from<int64_t>({static_cast<int64_t>(ints.size())}, ints));
}

// Moves an ints attribute to the given input; nothing when the attribute is absent.
Result<void> ints_to_input(Graph& graph, NodeId id, std::string_view attr, size_t index) {
  Node& node = graph.node(id);
  if (!node.attrs.has(attr)) return {};
  TRY(check_kind<std::vector<int64_t>>(node.attrs, attr));
  const ValueId constant = add_ints(graph, node, attr, node.attrs.get_ints(attr));
  node.attrs.erase(attr);
  graph.set_input(id, index, constant);
  return {};
}

void erase_attrs(Graph& graph, NodeId id, std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) graph.node(id).attrs.erase(name);
}

}  // namespace

Result<void> axes_to_input(Graph& graph, NodeId node) {
  return ints_to_input(graph, node, "axes", 1);
}

// Clip-1 left out had no bound; from Clip-6 on it is the largest finite float.
Result<void> clip_without_bounds(Graph& graph, NodeId id) {
  constexpr float kNoBound = std::numeric_limits<float>::infinity();
  AttrMap& attrs = graph.node(id).attrs;
  if (!attrs.has("min")) attrs.set("min", -kNoBound);
  if (!attrs.has("max")) attrs.set("max", kNoBound);
  return {};
}

// Clip-11 took its bounds, constants of the input's type, as inputs; before they were f32.
Result<void> clip_bounds_to_inputs(Graph& graph, NodeId id) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  TRY(check_kind<float>(graph.node(id).attrs, "min"));
  TRY(check_kind<float>(graph.node(id).attrs, "max"));
  const auto bound = [&](std::string_view name, size_t index, float otherwise) {
    const float limit = graph.node(id).attrs.get_float(name, otherwise);
    if (std::isinf(limit)) return;
    const ValueId constant =
        graph.add_constant(fmt::format("{}/{}", graph.node(id).name, name), Tensor::scalar(limit));
    const ValueId cast =
        graph.add_node("CastLike", "", {constant, graph.node(id).inputs[0]}, AttrMap(),
                       fmt::format("{}/{}_cast", graph.node(id).name, name));
    graph.set_input(id, index, cast);
  };
  bound("min", 1, -kLargest);
  bound("max", 2, kLargest);
  erase_attrs(graph, id, {"min", "max"});
  return {};
}

// Cast-1 named the dtype as TensorProto.DataType does: "FLOAT", "INT64".
Result<void> cast_name_to_dtype(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  std::string name = attrs.get_string("to");
  if (name.empty()) return {};
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const DType dtype = dtype_from_name(name);
  if (dtype == DType::kUndefined) {
    return fail(Code::kInvalidGraph, "attribute 'to' names the unknown dtype '{}'", name);
  }
  attrs.set("to", static_cast<int64_t>(dtype));
  return {};
}

Result<void> concat_default_axis(Graph& graph, NodeId id) {
  if (!graph.node(id).attrs.has("axis")) graph.node(id).attrs.set("axis", int64_t{1});
  return {};
}

Result<void> dft_axis_to_input(Graph& graph, NodeId id) {
  const int64_t axis = graph.node(id).attrs.get_int("axis", 1);
  graph.node(id).attrs.erase("axis");
  const ValueId constant = graph.add_constant(graph.node(id).name + "/axis", Tensor::scalar(axis));
  graph.set_input(id, 2, constant);
  return {};
}

Result<void> drop_broadcast(Graph& graph, NodeId id) {
  erase_attrs(graph, id, {"broadcast"});
  return {};
}

Result<void> drop_output_sequence(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  attrs.erase("output_sequence");
  if (attrs.get_string("direction") == "foward") attrs.erase("direction");  // as GRU-1 spells it
  return {};
}

Result<void> grid_sample_modes(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  if (attrs.get_string("mode") == "bilinear") attrs.set("mode", std::string("linear"));
  if (attrs.get_string("mode") == "bicubic") attrs.set("mode", std::string("cubic"));
  return {};
}

Result<void> k_to_input(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  TRY(check_kind<int64_t>(node.attrs, "k"));
  if (!node.attrs.has("k")) return fail(Code::kInvalidGraph, "required attribute 'k' is missing");
  const ValueId k = add_ints(graph, node, "k", {node.attrs.get_int("k")});
  node.attrs.erase("k");
  graph.set_input(id, 1, k);
  return {};
}

// The thresholds become a tensor, with which kernels keep what they have made of the trees.
Result<void> node_values_to_tensor(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  if (!attrs.has("nodes_values") || attrs.has("nodes_values_as_tensor")) return {};
  const auto& values = attrs.get_floats("nodes_values");
  Tensor tensor = Tensor::from<float>({static_cast<int64_t>(values.size())}, values);
  attrs.erase("nodes_values");
  attrs.set("nodes_values_as_tensor", std::move(tensor));
  return {};
}

Result<void> pads_to_input(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  if (node.attrs.has("paddings")) {  // Pad-1
    node.attrs.set("pads", node.attrs.get_ints("paddings"));
    node.attrs.erase("paddings");
  }
  TRY(check_kind<float>(node.attrs, "value"));
  const float fill = node.attrs.get_float("value", 0.f);
  node.attrs.erase("value");
  TRY(ints_to_input(graph, id, "pads", 1));
  if (fill == 0.f) return {};
  const std::string name = graph.node(id).name;
  const ValueId constant = graph.add_constant(name + "/value", Tensor::scalar(fill));
  const ValueId cast = graph.add_node("CastLike", "", {constant, graph.node(id).inputs[0]},
                                      AttrMap(), name + "/value_cast");
  graph.set_input(id, 2, cast);
  return {};
}

// LabelEncoder-1 of ai.onnx.ml took strings for their places in a list, or places for strings.
Result<void> label_encoder_to_mapper(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  node.op_type = "CategoryMapper";
  if (!node.attrs.has("classes_strings")) return {};
  const std::vector<std::string> classes = node.attrs.get_strings("classes_strings");
  std::vector<int64_t> places(classes.size());
  std::iota(places.begin(), places.end(), int64_t{0});
  node.attrs.erase("classes_strings");
  node.attrs.set("cats_strings", classes);
  node.attrs.set("cats_int64s", std::move(places));
  return {};
}

Result<void> rename_scatter(Graph& graph, NodeId id) {
  graph.node(id).op_type = "ScatterElements";
  return {};
}

Result<void> reshape_to_input(Graph& graph, NodeId id) {
  return ints_to_input(graph, id, "shape", 1);
}

namespace {

// (X, scales) and one way to compute coordinates, rounded down.
void resize_by_scales(Graph& graph, NodeId id) {
  const ValueId input = graph.node(id).inputs[0];
  const ValueId scales = graph.node(id).inputs.size() > 1 ? graph.node(id).inputs[1] : kNoValue;
  graph.set_inputs(id, {input, kNoValue, scales});
  AttrMap& attrs = graph.node(id).attrs;
  attrs.set("coordinate_transformation_mode", std::string("asymmetric"));
  attrs.set("nearest_mode", std::string("floor"));
}

}  // namespace

// Resize-10 left open how it rounds; the test data of its time rounds down on an axis that grows
// and up on one that shrinks. Where one node must do both, two do, each with the other's scales 1.
Result<void> resize_10(Graph& graph, NodeId id) {
  resize_by_scales(graph, id);
  const std::string& mode = graph.node(id).attrs.get_string("mode");
  if (!mode.empty() && mode != "nearest") return {};
  bool grows = true, shrinks = true;
  const Tensor* known = graph.constant_input(graph.node(id), 2);
  if (known != nullptr && known->dtype() == DType::kFloat32) {
    const auto scales = known->elements<const float>();
    grows = std::any_of(scales.begin(), scales.end(), [](float scale) { return scale > 1; });
    shrinks = std::any_of(scales.begin(), scales.end(), [](float scale) { return scale < 1; });
  }
  if (!shrinks) return {};
  if (grows) {
    Rewriter rewriter(graph, id);
    const ValueId input = graph.node(id).inputs[0], scales = graph.node(id).inputs[2];
    const ValueId one = rewriter.constant(Tensor::from<float>({}, std::vector<float>{1}));
    const ValueId grown =
        rewriter.op("Resize", {input, kNoValue, rewriter.op("Max", {scales, one})},
                    AttrMap(graph.node(id).attrs));
    graph.set_inputs(id, {grown, kNoValue, rewriter.op("Min", {scales, one})});
  }
  graph.node(id).attrs.set("nearest_mode", std::string("ceil"));
  return {};
}

// Until opset 13 roi and scales were always there, empty when they did not count.
Result<void> resize_11(Graph& graph, NodeId id) {
  for (size_t index : {size_t{1}, size_t{2}}) {
    const Tensor* tensor = graph.constant_input(graph.node(id), index);
    if (tensor != nullptr && tensor->count() == 0) graph.set_input(id, index, kNoValue);
  }
  return {};
}

Result<void> roi_align_mode(Graph& graph, NodeId id) {
  graph.node(id).attrs.set("coordinate_transformation_mode", std::string("output_half_pixel"));
  return {};
}

Result<void> selu_defaults(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  if (!attrs.has("alpha")) attrs.set("alpha", 1.6732f);
  if (!attrs.has("gamma")) attrs.set("gamma", 1.0507f);
  return {};
}

Result<void> slice_to_inputs(Graph& graph, NodeId id) {
  TRY(ints_to_input(graph, id, "starts", 1));
  TRY(ints_to_input(graph, id, "ends", 2));
  return ints_to_input(graph, id, "axes", 3);
}

// Without sizes the parts are equal; Split-18 wants to be told how many.
Result<void> split_count(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  if (node.inputs.size() < 2 || node.inputs[1] == kNoValue) {
    node.attrs.set("num_outputs", static_cast<int64_t>(node.outputs.size()));
  }
  return {};
}

Result<void> split_to_input(Graph& graph, NodeId id) {
  return ints_to_input(graph, id, "split", 1);
}

Result<void> upsample_scales_to_input(Graph& graph, NodeId id) {
  AttrMap& attrs = graph.node(id).attrs;
  TRY(check_kind<std::vector<float>>(attrs, "scales"));
  std::vector<float> scales = attrs.get_floats("scales");
  if (scales.empty()) {  // Upsample-1
    scales = {1, 1, attrs.get_float("height_scale", 1), attrs.get_float("width_scale", 1)};
  }
  erase_attrs(graph, id, {"scales", "height_scale", "width_scale"});
  const ValueId constant = graph.add_constant(
      graph.node(id).name + "/scales",
      Tensor::from<float>({static_cast<int64_t>(scales.size())}, std::span<const float>(scales)));
  graph.set_input(id, 1, constant);
  return {};
}

Result<void> upsample_to_resize(Graph& graph, NodeId id) {
  Node& node = graph.node(id);
  node.op_type = "Resize";
  if (node.attrs.get_string("mode") == "bilinear") node.attrs.set("mode", std::string("linear"));
  resize_by_scales(graph, id);
  return {};
}

}  // namespace sardonyx
