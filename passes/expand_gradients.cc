// Gradient → nodes: the nodes between its xs and its y once more at the given point, where that
// differs from the values themselves, then their rules in reverse, adding up what meets.
#include <algorithm>
#include <set>
#include <unordered_map>

#include "ops/infer.h"
#include "passes/gradient_rules.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

using Ids = std::unordered_map<ValueId, ValueId>;

// Everything that a node reads: its inputs, and what its bodies capture.
std::vector<ValueId> operands_of(const Node& node) {
  std::vector<ValueId> operands;
  for (const ValueId input : node.inputs) {
    if (input != kNoValue) operands.push_back(input);
  }
  for_each_subgraph(node, [&](const Subgraph& body) {
    operands.insert(operands.end(), body.captures.begin(), body.captures.end());
  });
  return operands;
}

Result<ValueId> find_value(const Graph& graph, const std::string& name) {
  for (size_t id = 0; id < graph.value_count(); ++id) {
    if (graph.value(static_cast<ValueId>(id)).name == name) return static_cast<ValueId>(id);
  }
  return fail(Code::kInvalidGraph, "the graph has no value '{}'", name);
}

class Differentiator {
 public:
  Differentiator(Graph& graph, NodeId id)
      : graph_(graph),
        id_(id),
        node_(graph.node(id)),
        emit_(graph, node_.name.empty() ? node_.op_type : node_.name) {}

  Result<void> run() {
    const ValueId y = TRY(find_value(graph_, node_.attrs.get_string("y")));
    TRY(read_point());
    TRY(find_path(y));
    clone_path();
    if (depends_.count(y) != 0) {
      const ValueId at_point = point_of(y);
      grads_[y] =
          emit_.op("Expand", {emit_.number(1, graph_.value(y).type.dtype), emit_.shape(at_point)});
      for (size_t i = path_.size(); i-- > 0;) TRY(step_back(path_[i]));
    }
    graph_.remove_node(id_);
    for (size_t i = 0; i < node_.outputs.size(); ++i) {
      if (node_.outputs[i] == kNoValue) continue;
      // The value stays, because a later Gradient may name it.
      Node identity;
      identity.op_type = "Identity";
      identity.inputs = {result(i)};
      identity.outputs = {node_.outputs[i]};
      graph_.add_node(std::move(identity));
    }
    return {};
  }

 private:
  // xs and zs with the values that they have at the point.
  Result<void> read_point() {
    std::vector<std::string> names = node_.attrs.get_strings("xs");
    x_count_ = names.size();
    const auto& zs = node_.attrs.get_strings("zs");
    names.insert(names.end(), zs.begin(), zs.end());
    for (size_t i = 0; i < names.size(); ++i) {
      const ValueId id = TRY(find_value(graph_, names[i]));
      variables_.push_back(id);
      point_.emplace(id, node_.inputs[i]);
      if (i < x_count_) depends_.insert(id);
    }
    return {};
  }

  // The nodes, in order, on the way from the variables to y.
  Result<void> find_path(ValueId y) {
    std::set<NodeId> needed;
    std::vector<ValueId> open = {y};
    while (!open.empty()) {
      const ValueId id = open.back();
      open.pop_back();
      const NodeId producer = graph_.value(id).producer;
      if (producer == kNoNode || point_.count(id) != 0 || !needed.insert(producer).second) continue;
      for (const ValueId operand : operands_of(graph_.node(producer))) open.push_back(operand);
    }
    std::set<ValueId> moved;  // what differs at the point
    for (const auto& [id, at_point] : point_) {
      if (id != at_point) moved.insert(id);
    }
    for (const NodeId id : TRY(graph_.order())) {
      if (needed.count(id) == 0) continue;
      const Node& node = graph_.node(id);
      bool is_moved = false;
      bool is_on_path = false;
      for (const ValueId operand : operands_of(node)) {
        is_moved = is_moved || moved.count(operand) != 0;
        is_on_path = is_on_path || depends_.count(operand) != 0;
      }
      if (is_on_path) path_.push_back(id);
      if (is_moved) cloned_.push_back(id);
      if (is_moved && operands_of(node).size() > node.inputs.size()) {
        return fail(Code::kNotImplemented, "{} has a body, and cannot be computed at another point",
                    node.title());
      }
      for (const ValueId output : node.outputs) {
        if (output == kNoValue || point_.count(output) != 0) continue;
        if (is_moved) moved.insert(output);
        if (is_on_path) depends_.insert(output);
      }
    }
    return {};
  }

  void clone_path() {
    for (const NodeId id : cloned_) {
      Node copy = graph_.node(id);
      copy.name = emit_.name() + "/" + copy.name;
      for (ValueId& input : copy.inputs) input = point_of(input);
      for (ValueId& output : copy.outputs) {
        if (output == kNoValue) continue;
        const ValueId original = output;
        output = graph_.add_value(emit_.name() + "/" + graph_.value(original).name,
                                  graph_.value(original).type);
        point_.emplace(original, output);
      }
      graph_.add_node(std::move(copy));
    }
  }

  ValueId point_of(ValueId id) const {
    const auto found = point_.find(id);
    return found == point_.end() ? id : found->second;
  }

  Result<void> step_back(NodeId id) {
    const Node node = graph_.node(id);
    GradientStep step{emit_, node, node.inputs, node.outputs, {}, node.inputs, node.outputs};
    bool any = false;
    for (ValueId& input : step.inputs) input = point_of(input);
    for (ValueId& output : step.outputs) {
      const auto found = grads_.find(output);
      step.output_grads.push_back(found == grads_.end() ? kNoValue : found->second);
      any = any || step.output_grads.back() != kNoValue;
      output = point_of(output);
    }
    if (!any) return {};
    const GradientRule rule = find_gradient_rule(node);
    if (rule == nullptr) {
      return fail(Code::kNotImplemented,
                  "there is no derivative of {}{}{}, which lies between xs "
                  "and y",
                  node.domain, node.domain.empty() ? "" : ".", node.title());
    }
    const auto grads = TRY_AT(node.title(), rule(step));
    for (size_t i = 0; i < grads.size(); ++i) {
      if (grads[i] == kNoValue || depends_.count(node.inputs[i]) == 0) continue;
      const auto [sum, is_new] = grads_.emplace(node.inputs[i], grads[i]);
      if (!is_new) sum->second = emit_.op("Add", {sum->second, grads[i]});
    }
    return {};
  }

  // The derivative by the i-th of xs; zeros when y does not depend on it.
  ValueId result(size_t i) {
    const auto found = grads_.find(variables_[i]);
    if (found != grads_.end()) return found->second;
    const ValueId zero = emit_.number(0, graph_.value(node_.inputs[i]).type.dtype);
    return emit_.op("Expand", {zero, emit_.shape(node_.inputs[i])});
  }

  Graph& graph_;
  const NodeId id_;
  const Node node_;
  Emitter emit_;
  size_t x_count_ = 0;
  std::vector<ValueId> variables_;  // xs, then zs
  Ids point_;                       // a value → what it is at the point, where that differs
  std::set<ValueId> depends_;       // values that depend on xs
  std::vector<NodeId> path_;        // nodes that depend on xs, in order
  std::vector<NodeId> cloned_;      // nodes that differ at the point, in order
  Ids grads_;                       // the derivative of y by a value
};

}  // namespace

Result<bool> expand_gradients(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, expand_gradients));
    const Node node = graph.node(id);
    if (node.domain != "ai.onnx.preview.training" || node.op_type != "Gradient") continue;
    TRY_AT(node.title(), Differentiator(graph, id).run());
    // A later Gradient may differentiate what this one has become.
    TRY(infer_body(graph));
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
