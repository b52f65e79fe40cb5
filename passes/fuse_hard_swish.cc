// min(max(x + 3, 0), 6) / 6, as exporters spell it out → HardSigmoid; x times that → HardSwish. The
// factors x, the Clip and 1/6 come in any order.
#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// x, when the value is Clip(x + 3, 0, 6).
ValueId match_clip(const Graph& graph, ValueId value) {
  const Node* clip = find_producer(graph, value, "Clip");
  if (clip == nullptr || clip->inputs.size() != 3 || !is_used_once(graph, value)) return kNoValue;
  const auto low = constant_number(graph, clip->inputs[1]);
  if (!low || *low != 0 || !is_number(graph, clip->inputs[2], 6.0)) return kNoValue;
  const Node* add = find_producer(graph, clip->inputs[0], "Add");
  if (add == nullptr || !is_used_once(graph, clip->inputs[0])) return kNoValue;
  return input_beside(graph, *add, 3.0);
}

// v, when the node is v / 6.
ValueId match_sixth(const Graph& graph, const Node& node) {
  if (node.op_type == "Div") {
    return is_number(graph, node.inputs[1], 6.0) ? node.inputs[0] : kNoValue;
  }
  return node.op_type == "Mul" ? input_beside(graph, node, 1.0 / 6) : kNoValue;
}

// x, when the value is x Clip(x + 3, 0, 6).
ValueId match_product(const Graph& graph, ValueId value) {
  const Node* mul = find_producer(graph, value, "Mul");
  if (mul == nullptr || !is_used_once(graph, value)) return kNoValue;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const ValueId x = mul->inputs[i];
    if (match_clip(graph, mul->inputs[1 - i]) == x) return x;
  }
  return kNoValue;
}

// x, when the value is HardSigmoid(x) with the slope 1/6.
ValueId match_hard_sigmoid(const Graph& graph, ValueId value) {
  const Node* sigmoid = find_producer(graph, value, "HardSigmoid");
  if (sigmoid == nullptr || !is_used_once(graph, value)) return kNoValue;
  const auto is_near = [](float attribute, float number) {
    return attribute > number * 0.9999F && attribute < number * 1.0001F;
  };
  const bool fits = is_near(sigmoid->attrs.get_float("alpha", 0.2F), 1.0F / 6) &&
                    is_near(sigmoid->attrs.get_float("beta", 0.5F), 0.5F);
  return fits ? sigmoid->inputs[0] : kNoValue;
}

void become(Graph& graph, NodeId id, std::string_view op_type, ValueId x) {
  Node activation;
  activation.name = graph.node(id).name;
  activation.op_type = op_type;
  activation.inputs = {x};
  activation.outputs = graph.node(id).outputs;
  if (op_type == "HardSigmoid") {
    activation.attrs.set("alpha", 1.0F / 6);
    activation.attrs.set("beta", 0.5F);
  }
  graph.remove_node(id);
  graph.add_node(std::move(activation));
}

bool has_dims_of(const Graph& graph, const Node& node, ValueId x) {
  const ValueType& type = graph.value(x).type;
  return type.has_rank() && graph.value(node.outputs[0]).type.dims == type.dims;
}

bool fuse(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.domain.empty()) return false;
  if (const ValueId v = match_sixth(graph, node); v != kNoValue) {
    if (const ValueId x = match_product(graph, v); x != kNoValue && has_dims_of(graph, node, x)) {
      become(graph, id, "HardSwish", x);
      return true;
    }
    if (const ValueId x = match_clip(graph, v); x != kNoValue && has_dims_of(graph, node, x)) {
      become(graph, id, "HardSigmoid", x);
      return true;
    }
  }
  if (node.op_type != "Mul") return false;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const ValueId x = node.inputs[i];
    if (match_hard_sigmoid(graph, node.inputs[1 - i]) != x || !has_dims_of(graph, node, x))
      continue;
    become(graph, id, "HardSwish", x);
    return true;
  }
  return false;
}

}  // namespace

Result<bool> fuse_hard_swish(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_hard_swish));
    changed |= fuse(graph, id);
  }
  return changed;
}

}  // namespace sardonyx
