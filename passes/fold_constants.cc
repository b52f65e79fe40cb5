// Computes nodes whose inputs are all constant, once, at load. Values whose integers inference has
// found (Shape of a fixed shape, ...) become constants too; what they say of shapes behind them is
// inferred on the way, so that a chain of Shape, arithmetic, Pad, Shape, ... folds at once.
// CastLike, which reads no more of its second input than the dtype, becomes Cast.
#include <algorithm>
#include <optional>
#include <span>
#include <unordered_set>

#include "ops/infer.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// Results that are large, and larger than their inputs by more than bytes made floats, are left to
// the run: a constant that is expanded to a huge one costs memory and time to read.
constexpr size_t kLargeBytes = size_t{1} << 20;
constexpr size_t kMostGrowth = 4;

bool set_known_integers(Graph& graph, ValueId id) {
  const GraphValue& value = graph.value(id);
  if (value.is_constant() || !value.known_ints || !all_constant(*value.known_ints)) return false;
  if (value.type.dtype != DType::kInt64 || !value.type.is_concrete()) return false;
  const Shape shape = to_shape(*value.type.dims);
  if (shape.count() != static_cast<int64_t>(value.known_ints->size())) return false;
  std::vector<int64_t> ints;
  for (const Dim& dim : *value.known_ints) ints.push_back(dim.value());
  graph.set_constant(id, Tensor::from<int64_t>(shape, ints));
  return true;
}

// The id of the Cast in the place of a CastLike.
NodeId settle_cast(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.domain.empty() || node.op_type != "CastLike" || node.custom != nullptr) return id;
  const DType dtype = graph.value(node.inputs[1]).type.dtype;
  if (dtype == DType::kUndefined) return id;
  Node cast = node;
  cast.op_type = "Cast";
  cast.inputs.resize(1);
  cast.attrs.set("to", static_cast<int64_t>(dtype));
  graph.remove_node(id);
  return graph.add_node(std::move(cast));
}

Result<bool> fold_node(Graph& graph, NodeId id, Tier tier) {
  const Node& node = graph.node(id);
  const OpDef& op = *find_op(node);
  std::vector<const Tensor*> inputs;
  size_t input_bytes = 0;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    inputs.push_back(graph.constant_input(node, i));
    if (node.inputs[i] != kNoValue && inputs.back() == nullptr) return false;
    if (inputs.back() != nullptr) input_bytes += inputs.back()->bytes();
  }
  if (!can_evaluate(op, node)) return false;
  // Known integers may have taken its outputs away already.
  const auto nobody = [](ValueId output) { return output == kNoValue; };
  if (std::all_of(node.outputs.begin(), node.outputs.end(), nobody)) return false;
  for (ValueId output : node.outputs) {
    if (output == kNoValue) continue;
    const ValueType& type = graph.value(output).type;
    if (!type.is_concrete()) continue;
    const auto count = to_shape(*type.dims).checked_count();
    if (!count) return false;
    const size_t bytes = dtype_bytes(type.dtype, static_cast<size_t>(*count));
    if (bytes > kLargeBytes && bytes > kMostGrowth * input_bytes) return false;
  }
  auto outputs = evaluate_node(op, graph, node, inputs, tier);
  if (!outputs) {
    // Sequences and the like stay nodes; a real error is reported when the node would run.
    return false;
  }
  const std::vector<ValueId> values = node.outputs;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kNoValue) continue;
    if (!(*outputs)[i].has_data()) return false;
  }
  graph.remove_node(id);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != kNoValue) graph.set_constant(values[i], std::move((*outputs)[i]));
  }
  return true;
}

// What is known of values, and which of them more is known of than the types of their users say.
class News {
 public:
  bool has(ValueId value) const { return values_.count(value) != 0; }
  void add(std::span<const ValueId> values) {
    for (ValueId value : values) {
      if (value != kNoValue) values_.insert(value);
    }
  }
  // Infers the node anew where one of its inputs is news; then so is what changes of its outputs.
  Result<void> spread(Graph& graph, NodeId id) {
    const Node& node = graph.node(id);
    if (std::ranges::none_of(node.inputs, [&](ValueId input) { return has(input); })) return {};
    const std::vector<ValueId> outputs = node.outputs;
    std::vector<Known> before;
    before.reserve(outputs.size());
    for (ValueId output : outputs) before.emplace_back(graph, output);
    TRY(infer_again(graph, id));
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (!(Known(graph, outputs[i]) == before[i])) add(std::span(outputs).subspan(i, 1));
    }
    return {};
  }

 private:
  struct Known {
    DType dtype = DType::kUndefined;
    std::optional<Dims> dims, ints;
    Known(const Graph& graph, ValueId id) {
      if (id == kNoValue) return;
      const GraphValue& value = graph.value(id);
      dtype = value.type.dtype;
      dims = value.type.dims;
      ints = value.known_ints;
    }
    friend bool operator==(const Known&, const Known&) = default;
  };

  std::unordered_set<ValueId> values_;
};

}  // namespace

Result<bool> fold_constants(Graph& graph, const PassOptions& options) {
  bool changed = false;
  News news;
  for (NodeId ordered : TRY(graph.order())) {
    const NodeId id = settle_cast(graph, ordered);
    changed |= id != ordered;
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    TRY(news.spread(graph, id));
    bool folded = graph.node(id).removed;
    if (!folded) {
      for (ValueId output : outputs) {
        if (output != kNoValue) folded |= set_known_integers(graph, output);
      }
      const auto& left = graph.node(id).outputs;
      if (std::ranges::all_of(left, [](ValueId output) { return output == kNoValue; })) {
        graph.remove_node(id);  // all of it was known integers
      } else {
        folded |= TRY(fold_node(graph, id, options.tier));
      }
    }
    changed |= folded;
    if (folded) news.add(outputs);
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fold_constants));
  }
  return changed;
}

}  // namespace sardonyx
