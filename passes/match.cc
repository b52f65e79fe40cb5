#include "passes/match.h"

#include <cmath>

#include "base/narrow.h"

namespace sardonyx {

const Node* find_producer(const Graph& graph, ValueId value, std::string_view op_type) {
  if (value == kNoValue || graph.value(value).producer == kNoNode) return nullptr;
  const Node& node = graph.node(graph.value(value).producer);
  return node.domain.empty() && node.op_type == op_type ? &node : nullptr;
}

bool is_used_once(const Graph& graph, ValueId value) {
  const auto& users = graph.value(value).users;
  if (graph.use_count(value) != users.size() || users.empty()) return false;
  for (const NodeId user : users) {
    if (user != users[0]) return false;
  }
  return true;
}

std::optional<double> constant_number(const Graph& graph, ValueId value) {
  if (value == kNoValue || !graph.value(value).is_constant()) return std::nullopt;
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.count() != 1) return std::nullopt;
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return *tensor.as<float>();
    case DType::kFloat64:
      return *tensor.as<double>();
    case DType::kFloat16:
      return to_float(*tensor.as<Float16>());
    case DType::kBfloat16:
      return to_float(*tensor.as<Bfloat16>());
    default:
      return std::nullopt;
  }
}

bool is_number(const Graph& graph, ValueId value, double number) {
  const auto constant = constant_number(graph, value);
  return constant && std::fabs(*constant - number) <= 1e-4 * std::fabs(number);
}

ValueId other_input(const Node& node, ValueId value) {
  if (node.inputs.size() != 2) return kNoValue;
  if (node.inputs[0] == value) return node.inputs[1];
  return node.inputs[1] == value ? node.inputs[0] : kNoValue;
}

ValueId input_beside(const Graph& graph, const Node& node, double number) {
  if (node.inputs.size() != 2) return kNoValue;
  if (is_number(graph, node.inputs[1], number)) return node.inputs[0];
  return is_number(graph, node.inputs[0], number) ? node.inputs[1] : kNoValue;
}

}  // namespace sardonyx
