// Nodes that give their input unchanged are taken out: Identity, Dropout at inference or of
// nothing, without a mask, Cast to the same dtype, Reshape, Expand, Transpose, Pad, Slice and Tile
// that change nothing.
#include <algorithm>

#include "ops/number.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

bool keeps_shape(const Graph& graph, const Node& node) {
  const ValueType& before = graph.value(node.inputs[0]).type;
  const ValueType& after = graph.value(node.outputs[0]).type;
  return before.has_rank() && after.has_rank() && *before.dims == *after.dims;
}

bool is_ascending(const std::vector<int64_t>& axes) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != static_cast<int64_t>(i)) return false;
  }
  return !axes.empty();
}

// Whether input `index` is a constant of nothing but this number.
bool is_all(const Graph& graph, const Node& node, size_t index, int64_t number) {
  const Tensor* tensor = graph.constant_input(node, index);
  if (tensor == nullptr) return false;
  const auto equals = [number](auto element) { return int64_t{element} == number; };
  if (tensor->dtype() == DType::kInt32) {
    const auto elements = tensor->elements<int32_t>();
    return std::all_of(elements.begin(), elements.end(), equals);
  }
  if (tensor->dtype() != DType::kInt64) return false;
  const auto elements = tensor->elements<int64_t>();
  return std::all_of(elements.begin(), elements.end(), equals);
}

bool is_omitted(const Node& node, size_t index) {
  return index >= node.inputs.size() || node.inputs[index] == kNoValue;
}

// Whether input `index` is a constant that is 0 or false.
bool is_zero(const Graph& graph, const Node& node, size_t index) {
  const Tensor* tensor = graph.constant_input(node, index);
  if (tensor == nullptr || tensor->count() != 1) return false;
  bool zero = false;
  visit_dtype<float, double, Float16, Bfloat16, bool>(tensor->dtype(), [&](auto tag) {
    zero = widen(tensor->elements<typename decltype(tag)::Type>()[0]) == 0;
  });
  return zero;
}

// At inference, or where nothing is dropped; the mask must not be asked for.
bool drops_nothing(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    const ValueId mask = node.outputs[i];
    if (mask != kNoValue && graph.use_count(mask) != 0) return false;
  }
  return is_omitted(node, 2) || is_zero(graph, node, 2) || is_zero(graph, node, 1);
}

bool gives_input_unchanged(const Graph& graph, const Node& node) {
  if (!node.domain.empty() || node.inputs.empty() || node.outputs.empty()) return false;
  if (node.inputs[0] == kNoValue || node.outputs[0] == kNoValue) return false;
  if (node.op_type == "Dropout") return drops_nothing(graph, node);
  if (node.outputs.size() != 1) return false;
  if (node.op_type == "Identity") return true;
  if (node.op_type == "Cast") {
    const DType from = graph.value(node.inputs[0]).type.dtype;
    return from != DType::kUndefined && from == static_cast<DType>(node.attrs.get_int("to"));
  }
  if (node.op_type == "Transpose") return is_ascending(node.attrs.get_ints("perm"));
  if (node.op_type == "Reshape" || node.op_type == "Expand" || node.op_type == "Flatten") {
    return keeps_shape(graph, node);
  }
  if (node.op_type == "Pad") return is_all(graph, node, 1, 0);
  if (node.op_type == "Tile") return is_all(graph, node, 1, 1);
  if (node.op_type == "Slice") {  // of the same size, and not backwards
    return keeps_shape(graph, node) && (is_omitted(node, 4) || is_all(graph, node, 4, 1));
  }
  if (node.op_type == "Concat" || node.op_type == "Sum" || node.op_type == "Max" ||
      node.op_type == "Min" || node.op_type == "Mean") {
    return node.inputs.size() == 1;
  }
  return false;
}

}  // namespace

Result<bool> remove_identities(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, remove_identities));
    const Node& node = graph.node(id);
    if (!gives_input_unchanged(graph, node)) continue;
    const ValueId input = node.inputs[0];
    const ValueId output = node.outputs[0];
    graph.remove_node(id);
    graph.replace_uses(output, input);
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
