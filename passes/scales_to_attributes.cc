// QuantizeLinear and DequantizeLinear with one constant scale → sardonyx Quantize and Dequantize,
// which fuse with elementwise nodes; every reader gets a Dequantize of its own.
#include "passes/quantized.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

bool is_small(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kUint8 || dtype == DType::kInt16 ||
         dtype == DType::kUint16;
}

// The node's scale and zero point as attributes; nullopt where they are not one constant each, or
// the types are not those of the elementwise operators.
std::optional<AttrMap> scale_attrs(const Graph& graph, const Node& node, DType real, DType stored) {
  if (real != DType::kFloat32 || !is_small(stored)) return std::nullopt;
  if (node.attrs.get_int("block_size") != 0 || node.attrs.get_int("precision") > 1) {
    return std::nullopt;
  }
  const Tensor* scale = graph.constant_input(node, 1);
  if (scale == nullptr || scale->dtype() != DType::kFloat32 || scale->count() != 1) {
    return std::nullopt;
  }
  Quantization how;
  how.scale = node.inputs[1];
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    if (!graph.value(node.inputs[2]).is_constant()) return std::nullopt;
    how.zero = node.inputs[2];
  }
  AttrMap attrs;
  attrs.set("scale", *scale->as<float>());
  attrs.set("zero_point", zero_of(graph, how));
  return attrs;
}

bool rewrite_quantize(Graph& graph, NodeId id) {
  Node node = graph.node(id);
  const DType real = graph.value(node.inputs[0]).type.dtype;
  const DType stored = graph.value(node.outputs[0]).type.dtype;
  auto attrs = scale_attrs(graph, node, real, stored);
  if (!attrs) return false;
  attrs->set("to", static_cast<int64_t>(stored));
  node.op_type = "Quantize";
  node.domain = "sardonyx";
  node.inputs.resize(1);
  node.attrs = std::move(*attrs);
  graph.remove_node(id);
  graph.add_node(std::move(node));
  return true;
}

bool rewrite_dequantize(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  const ValueId result = node.outputs[0];
  const DType stored = graph.value(node.inputs[0]).type.dtype;
  const auto attrs = scale_attrs(graph, node, graph.value(result).type.dtype, stored);
  if (!attrs || graph.value(node.inputs[0]).is_constant()) return false;
  const std::vector<NodeId> users = graph.value(result).users;
  for (size_t i = 1; i < users.size(); ++i) {
    Node& user = graph.node(users[i]);
    for (size_t input = 0; input < user.inputs.size(); ++input) {
      if (user.inputs[input] != result) continue;
      const ValueId own = graph.add_node("Dequantize", "sardonyx", {node.inputs[0]}, *attrs,
                                         graph.value(result).name + "/own");
      graph.value(own).type = graph.value(result).type;
      graph.set_input(users[i], input, own);
    }
  }
  Node with = node;
  with.op_type = "Dequantize";
  with.domain = "sardonyx";
  with.inputs.resize(1);
  with.attrs = *attrs;
  graph.remove_node(id);
  graph.add_node(std::move(with));
  return true;
}

}  // namespace

Result<bool> scales_to_attributes(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, scales_to_attributes));
    const Node& node = graph.node(id);
    if (!node.domain.empty() || node.outputs.empty() || node.outputs[0] == kNoValue) continue;
    if (node.op_type == "QuantizeLinear") changed |= rewrite_quantize(graph, id);
    if (node.op_type == "DequantizeLinear") changed |= rewrite_dequantize(graph, id);
  }
  return changed;
}

}  // namespace sardonyx
