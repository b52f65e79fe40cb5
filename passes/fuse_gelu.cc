// x/2 (1 + erf(x / sqrt 2)), as exporters spell it out → Gelu. The factors x, 1/2 and (1 + erf)
// come in any order.
#include <cmath>

#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// x, when the value is 1 + erf(x / sqrt 2).
ValueId match_one_plus_erf(const Graph& graph, ValueId value) {
  const Node* add = find_producer(graph, value, "Add");
  if (add == nullptr || !is_used_once(graph, value)) return kNoValue;
  const ValueId erf_value = input_beside(graph, *add, 1.0);
  const Node* erf = find_producer(graph, erf_value, "Erf");
  if (erf == nullptr || !is_used_once(graph, erf_value)) return kNoValue;
  const ValueId scaled = erf->inputs[0];
  if (!is_used_once(graph, scaled)) return kNoValue;
  if (const Node* div = find_producer(graph, scaled, "Div")) {
    return is_number(graph, div->inputs[1], std::sqrt(2.0)) ? div->inputs[0] : kNoValue;
  }
  const Node* mul = find_producer(graph, scaled, "Mul");
  return mul == nullptr ? kNoValue : input_beside(graph, *mul, std::sqrt(0.5));
}

// Whether the value is x / 2.
bool is_half(const Graph& graph, ValueId value, ValueId x) {
  if (!is_used_once(graph, value)) return false;
  if (const Node* mul = find_producer(graph, value, "Mul")) {
    return input_beside(graph, *mul, 0.5) == x;
  }
  const Node* div = find_producer(graph, value, "Div");
  return div != nullptr && div->inputs[0] == x && is_number(graph, div->inputs[1], 2.0);
}

// x, when a * b is x / 2 * (1 + erf(x / sqrt 2)) with the factor 1/2 anywhere.
ValueId match_product(const Graph& graph, ValueId a, ValueId b) {
  const ValueId x = match_one_plus_erf(graph, b);
  if (x != kNoValue && is_half(graph, a, x)) return x;  // (x/2) (1 + erf)
  const Node* mul = find_producer(graph, b, "Mul");
  if (mul == nullptr || !is_used_once(graph, b)) return kNoValue;
  const ValueId sum = input_beside(graph, *mul, 0.5);  // x ((1 + erf) / 2)
  if (sum != kNoValue) {
    return match_one_plus_erf(graph, sum) == a ? a : kNoValue;
  }
  if (!is_number(graph, a, 0.5)) return kNoValue;  // 1/2 (x (1 + erf))
  for (const size_t i : {size_t{0}, size_t{1}}) {
    const ValueId found = match_one_plus_erf(graph, mul->inputs[i]);
    if (found != kNoValue && found == mul->inputs[1 - i]) return found;
  }
  return kNoValue;
}

}  // namespace

Result<bool> fuse_gelu(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_gelu));
    const Node& node = graph.node(id);
    if (!node.domain.empty() || node.op_type != "Mul") continue;
    ValueId x = match_product(graph, node.inputs[0], node.inputs[1]);
    if (x == kNoValue) x = match_product(graph, node.inputs[1], node.inputs[0]);
    if (x == kNoValue) continue;
    const ValueId output = node.outputs[0];
    if (!(graph.value(x).type.dims == graph.value(output).type.dims)) continue;
    Node gelu;
    gelu.name = node.name;
    gelu.op_type = "Gelu";
    gelu.inputs = {x};
    gelu.outputs = {output};
    gelu.attrs.set("approximate", std::string("none"));
    graph.remove_node(id);
    graph.add_node(std::move(gelu));
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
