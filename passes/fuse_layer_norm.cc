// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + bias over the last axis, as
// exporters spell it out → LayerNormalization.
#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// x, when the value is its mean over the last axis, keeping the dim.
ValueId match_mean(const Graph& graph, ValueId value) {
  const Node* mean = find_producer(graph, value, "ReduceMean");
  if (mean == nullptr || mean->attrs.get_int("keepdims", 1) == 0) return kNoValue;
  const Tensor* axes = graph.constant_input(*mean, 1);
  const ValueType& type = graph.value(mean->inputs[0]).type;
  if (axes == nullptr || axes->count() != 1 || !type.has_rank() || type.dims->empty()) {
    return kNoValue;
  }
  const int64_t axis = *axes->as<int64_t>();
  const bool is_last = axis == -1 || axis == static_cast<int64_t>(type.dims->size()) - 1;
  return is_last ? mean->inputs[0] : kNoValue;
}

// x, when the value is x - mean(x).
ValueId match_centered(const Graph& graph, ValueId value) {
  const Node* sub = find_producer(graph, value, "Sub");
  if (sub == nullptr || match_mean(graph, sub->inputs[1]) != sub->inputs[0]) return kNoValue;
  return sub->inputs[0];
}

// d, when the value is d^2.
ValueId match_square(const Graph& graph, ValueId value) {
  if (const Node* pow = find_producer(graph, value, "Pow")) {
    return is_number(graph, pow->inputs[1], 2.0) ? pow->inputs[0] : kNoValue;
  }
  const Node* mul = find_producer(graph, value, "Mul");
  return mul != nullptr && mul->inputs[0] == mul->inputs[1] ? mul->inputs[0] : kNoValue;
}

struct Normalized {
  ValueId x = kNoValue;
  double epsilon = 0;
};

// deviation / sqrt(variance + epsilon), where the deviations may have been computed twice.
std::optional<Normalized> match_normalized(const Graph& graph, ValueId value) {
  const Node* div = find_producer(graph, value, "Div");
  if (div == nullptr) return std::nullopt;
  const ValueId x = match_centered(graph, div->inputs[0]);
  const Node* sqrt = find_producer(graph, div->inputs[1], "Sqrt");
  const Node* add = sqrt == nullptr ? nullptr : find_producer(graph, sqrt->inputs[0], "Add");
  if (x == kNoValue || add == nullptr) return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const auto epsilon = constant_number(graph, add->inputs[i]);
    const ValueId squares = match_mean(graph, add->inputs[1 - i]);
    if (!epsilon || squares == kNoValue) continue;
    if (match_centered(graph, match_square(graph, squares)) == x) return Normalized{x, *epsilon};
  }
  return std::nullopt;
}

// A constant with one element per column, of the dtype of x.
bool is_row(const Graph& graph, ValueId value, ValueId x) {
  const GraphValue& row = graph.value(value);
  const ValueType& type = graph.value(x).type;
  if (!row.is_constant() || row.constant.dtype() != type.dtype) return false;
  const Shape& shape = row.constant.shape();
  const Dim& columns = type.dims->back();
  return shape.rank() == 1 && columns.is_constant() && shape[0] == columns.value();
}

struct LayerNorm {
  Normalized normalized;
  ValueId scale = kNoValue;
};

// The product of scale and normalised x.
std::optional<LayerNorm> match_scaled(const Graph& graph, ValueId value) {
  const Node* mul = find_producer(graph, value, "Mul");
  if (mul == nullptr || mul->inputs.size() != 2) return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const auto normalized = match_normalized(graph, mul->inputs[i]);
    if (!normalized || !is_row(graph, mul->inputs[1 - i], normalized->x)) continue;
    return LayerNorm{*normalized, mul->inputs[1 - i]};
  }
  return std::nullopt;
}

}  // namespace

Result<bool> fuse_layer_norm(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_layer_norm));
    const Node& node = graph.node(id);
    if (!node.domain.empty() || node.op_type != "Add") continue;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const auto match = match_scaled(graph, node.inputs[i]);
      if (!match || !is_row(graph, node.inputs[1 - i], match->normalized.x)) continue;
      Node norm;
      norm.name = node.name;
      norm.op_type = "LayerNormalization";
      norm.inputs = {match->normalized.x, match->scale, node.inputs[1 - i]};
      norm.outputs = {node.outputs[0]};
      norm.attrs.set("axis", int64_t{-1});
      norm.attrs.set("epsilon", static_cast<float>(match->normalized.epsilon));
      graph.remove_node(id);
      graph.add_node(std::move(norm));
      changed = true;
      break;
    }
  }
  return changed;
}

}  // namespace sardonyx
