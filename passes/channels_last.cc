// The walk of the layout pass: producers before users, twins handed down, originals restored only
// for those who need them.
#include "passes/channels_last.h"

#include "passes/permute.h"

namespace sardonyx {

Result<bool> ChannelsLast::run() {
  const std::vector<NodeId> order = TRY(graph_.order());
  for (NodeId id : order) TRY(visit(id));
  for (const GraphOutput& output : graph_.outputs()) TRY(restore(output.value));
  return changed_;
}

Result<void> ChannelsLast::visit(NodeId id) {
  if (TRY(apply_channels_last_rule(*this, id))) {
    changed_ = true;
    return {};
  }
  const std::vector<ValueId> inputs = graph_.node(id).inputs;
  for (ValueId input : inputs) {
    if (input != kNoValue) TRY(restore(input));
  }
  std::vector<ValueId> captures;
  for_each_subgraph(graph_.node(id), [&](const Subgraph& subgraph) {
    captures.insert(captures.end(), subgraph.captures.begin(), subgraph.captures.end());
  });
  for (ValueId capture : captures) TRY(restore(capture));
  return {};
}

void ChannelsLast::replace_node(NodeId old, Node with) {
  const std::vector<ValueId> outputs = graph_.node(old).outputs;
  with.outputs.clear();
  for (ValueId output : outputs) {
    if (output == kNoValue) {
      with.outputs.push_back(kNoValue);
      continue;
    }
    const GraphValue& original = graph_.value(output);
    ValueType type = original.type;
    type.dims = permuted(*type.dims, channels_last_order(type.dims->size()));
    const ValueId twin = graph_.add_value(original.name + "/channels_last", std::move(type));
    with.outputs.push_back(twin);
    twins_[output] = twin;
    missing_[output] = true;
  }
  graph_.remove_node(old);
  graph_.add_node(std::move(with));
}

Result<void> ChannelsLast::restore(ValueId value) {
  const auto found = missing_.find(value);
  if (found == missing_.end()) return {};
  missing_.erase(found);
  const auto order = inverse_order(channels_last_order(rank(value)));
  reorder(twins_.at(value), value, order);
  return {};
}

Result<ValueId> ChannelsLast::twin(ValueId value) {
  const auto found = twins_.find(value);
  if (found != twins_.end()) return found->second;
  const auto order = channels_last_order(rank(value));
  const std::string name = graph_.value(value).name + "/channels_last";
  ValueId made;
  if (graph_.value(value).is_constant()) {
    made = graph_.add_constant(name, TRY(transpose_constant(graph_.value(value).constant, order)));
  } else {
    ValueType type = graph_.value(value).type;
    type.dims = permuted(*type.dims, order);
    made = reorder(value, graph_.add_value(name, std::move(type)), order);
  }
  twins_[value] = made;
  return made;
}

ValueId ChannelsLast::int_constant(const std::string& name, const std::vector<int64_t>& numbers) {
  return graph_.add_constant(name, Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())},
                                                         std::span<const int64_t>(numbers)));
}

// `to` becomes `from` with its axes in this order: by a Reshape, which moves nothing, where that
// does it.
ValueId ChannelsLast::reorder(ValueId from, ValueId to, const std::vector<int64_t>& order) {
  const Dims& src = dims(from);
  std::vector<int64_t> shape;
  size_t unknown = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const Dim& dim = src[static_cast<size_t>(order[i])];
    const bool copied = dim == src[i];  // Reshape's 0 takes the dim at the same place
    shape.push_back(dim.is_constant() && dim.value() > 0 ? dim.value() : (copied ? 0 : -1));
    unknown += shape.back() == -1;
  }
  Node node;
  node.name = graph_.value(to).name + "/reorder";
  node.outputs = {to};
  if (keeps_memory_order(src, order) && unknown <= 1) {
    node.op_type = "Reshape";
    node.inputs = {from, int_constant(node.name + "/shape", shape)};
  } else {
    node.op_type = "Transpose";
    node.inputs = {from};
    node.attrs.set("perm", order);
  }
  graph_.add_node(std::move(node));
  changed_ = true;
  return to;
}

Result<bool> assign_channels_last(Graph& graph, const PassOptions& options) {
  bool changed = TRY(ChannelsLast(graph).run());
  std::vector<std::shared_ptr<Graph>> bodies;
  for (const Node& node : graph.nodes()) {
    if (node.removed) continue;
    for_each_subgraph(node, [&](const Subgraph& subgraph) { bodies.push_back(subgraph.body); });
  }
  for (const auto& body : bodies) changed |= TRY(assign_channels_last(*body, options));
  return changed;
}

}  // namespace sardonyx
