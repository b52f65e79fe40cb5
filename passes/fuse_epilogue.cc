// Conv (channels-last), MatMul and Gemm take over what happens to their result next: a bias,
// activations, additions and products with tensors of the same shape or one number per column. They
// become sardonyx Conv, ConvTranspose and MatMul with an `epilogue` body.
#include <algorithm>
#include <unordered_map>

#include "ops/fused_epilogue.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

constexpr size_t kFormalInputs = 3;  // data, weight, bias
constexpr size_t kMaxNodes = 16;

bool is_internal(const Node& node, std::string_view op_type) {
  return node.domain == "sardonyx" && node.op_type == op_type;
}
bool is_onnx(const Node& node, std::string_view op_type) {
  return node.domain.empty() && node.op_type == op_type;
}

// Whether a constant has one number per column (of the last axis) of a value of this type.
bool is_row(const Tensor& constant, const ValueType& type) {
  if (!type.has_rank() || type.dims->empty() || constant.shape().empty()) return false;
  if (constant.dtype() != type.dtype || constant.shape().rank() > type.dims->size()) return false;
  const Dim& columns = type.dims->back();
  return columns.is_constant() && constant.count() == columns.value() &&
         constant.shape().back() == columns.value();
}

bool same_dims(const ValueType& a, const ValueType& b) {
  return a.is_tensor() && a.dtype == b.dtype && a.has_rank() && b.has_rank() && *a.dims == *b.dims;
}

// The elementwise nodes after a result, taken one by one in the graph's order. Wherever only one
// value of them is read outside, they can be cut off as an epilogue.
class EpilogueRegion {
 public:
  EpilogueRegion(const Graph& graph, const std::vector<size_t>& position, ValueId result)
      : graph_(graph), position_(position), type_(graph.value(result).type), values_{result} {}

  struct Cut {
    std::shared_ptr<Graph> body;
    std::vector<NodeId> nodes;
    std::vector<ValueId> operands;
    ValueId last = kNoValue;
  };

  // The largest epilogue that can be run; nothing when there is none.
  std::optional<Cut> find(Tier tier) {
    std::optional<Cut> best;
    while (nodes_.size() < kMaxNodes) {
      const NodeId next = next_node();
      if (next == kNoNode) break;
      nodes_.push_back(next);
      values_.push_back(graph_.node(next).outputs[0]);
      const ValueId last = only_value_read_outside();
      if (last != values_.back()) continue;
      Cut cut = make_cut(last);
      if (cut.operands.size() >= FusedEpilogue::kMaxOperands) break;
      if (can_run_epilogue(*cut.body, type_.dtype, tier)) best = std::move(cut);
    }
    return best;
  }

 private:
  bool is_inside(ValueId value) const {
    return std::find(values_.begin(), values_.end(), value) != values_.end();
  }
  bool is_taken(NodeId id) const {
    return std::find(nodes_.begin(), nodes_.end(), id) != nodes_.end();
  }

  // The first node in order that reads a value inside and can be taken.
  NodeId next_node() const {
    NodeId best = kNoNode;
    for (ValueId value : values_) {
      for (NodeId user : graph_.value(value).users) {
        const auto at = static_cast<size_t>(user);
        if (at >= position_.size() || is_taken(user) || !can_take(graph_.node(user))) continue;
        if (best == kNoNode || position_[at] < position_[static_cast<size_t>(best)]) best = user;
      }
    }
    return best;
  }

  bool can_take(const Node& node) const {
    if (!node.domain.empty() || node.outputs.size() != 1 || node.outputs[0] == kNoValue) {
      return false;
    }
    const OpDef* op = find_op(node);
    if (op == nullptr || op->elementwise == nullptr || op->is_random) return false;
    if (!same_dims(graph_.value(node.outputs[0]).type, type_)) return false;
    return std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
      return input == kNoValue || is_inside(input) || is_scalar(input) || is_operand(input);
    });
  }

  bool is_scalar(ValueId value) const {
    const GraphValue& known = graph_.value(value);
    return known.is_constant() && known.constant.count() == 1;
  }
  bool is_operand(ValueId value) const {
    const GraphValue& operand = graph_.value(value);
    if (same_dims(operand.type, type_)) return true;
    return operand.is_constant() && is_row(operand.constant, type_);
  }

  // The value inside that nodes outside read, when it is just one.
  ValueId only_value_read_outside() const {
    ValueId found = kNoValue;
    for (ValueId value : values_) {
      const auto& users = graph_.value(value).users;
      const bool outside =
          graph_.is_output(value) || users.empty() ||
          std::any_of(users.begin(), users.end(), [&](NodeId user) { return !is_taken(user); });
      if (!outside) continue;
      if (found != kNoValue) return kNoValue;
      found = value;
    }
    return found;
  }

  Cut make_cut(ValueId last) const {
    Cut cut;
    cut.body = std::make_shared<Graph>();
    cut.nodes = nodes_;
    cut.last = last;
    std::unordered_map<ValueId, ValueId> inside;
    inside[values_[0]] = cut.body->add_input("y", type_);
    for (NodeId id : nodes_) {
      Node copy = graph_.node(id);
      for (ValueId& input : copy.inputs) {
        if (input == kNoValue) continue;
        if (inside.count(input) == 0) inside[input] = bring_in(cut, input);
        input = inside.at(input);
      }
      const ValueId output = copy.outputs[0];
      inside[output] = cut.body->add_value(graph_.value(output).name, type_);
      copy.outputs = {inside[output]};
      cut.body->add_node(std::move(copy));
    }
    cut.body->add_output("z", inside.at(last), type_);
    return cut;
  }

  ValueId bring_in(Cut& cut, ValueId value) const {
    const GraphValue& outer = graph_.value(value);
    if (is_scalar(value)) return cut.body->add_constant(outer.name, outer.constant);
    cut.operands.push_back(value);
    return cut.body->add_input(outer.name, outer.type);
  }

  const Graph& graph_;
  const std::vector<size_t>& position_;
  ValueType type_;
  std::vector<ValueId> values_;  // the result and what the nodes give
  std::vector<NodeId> nodes_;
};

// A node that can become a fused one.
class Producer {
 public:
  Producer(Graph& graph, NodeId id) : graph_(graph), id_(id) {}

  bool is_candidate() const {
    const Node& node = graph_.node(id_);
    if (is_internal(node, "Conv") || is_internal(node, "ConvTranspose")) {
      return node.attrs.get_int("channels_last") != 0 && !node.attrs.has("epilogue") &&
             has_type(node.outputs[0], 3);
    }
    if (is_internal(node, "MatMul")) return !node.attrs.has("epilogue");
    if (!is_onnx(node, "MatMul") && !is_onnx(node, "Gemm")) return false;
    return has_type(node.inputs[0], 2) && has_type(node.inputs[1], 2) && has_plain_c(node);
  }

  // An Add of a constant with one number per column, as the bias.
  bool take_bias() {
    const Node& node = graph_.node(id_);
    if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) return false;
    const ValueId result = node.outputs[0];
    if (graph_.use_count(result) != 1 || graph_.value(result).users.size() != 1) return false;
    const NodeId add_id = graph_.value(result).users[0];
    const Node add = graph_.node(add_id);
    if (!is_onnx(add, "Add")) return false;
    const size_t other = add.inputs[0] == result ? 1 : 0;
    const Tensor* bias = graph_.constant_input(add, other);
    if (bias == nullptr || !is_row(*bias, graph_.value(result).type)) return false;
    Node with = fused();
    with.inputs[2] = graph_.add_constant(graph_.value(add.inputs[other]).name + "/row",
                                         bias->reshaped({bias->count()}));
    with.outputs = {add.outputs[0]};
    graph_.remove_node(add_id);
    graph_.remove_node(id_);
    id_ = graph_.add_node(std::move(with));
    return true;
  }

  bool take_epilogue(const std::vector<size_t>& position, Tier tier) {
    const auto cut = EpilogueRegion(graph_, position, graph_.node(id_).outputs[0]).find(tier);
    if (!cut) return false;
    Node with = fused();
    with.inputs.insert(with.inputs.end(), cut->operands.begin(), cut->operands.end());
    with.attrs.set("epilogue", Subgraph{cut->body, {}});
    with.outputs = {cut->last};
    for (NodeId id : cut->nodes) graph_.remove_node(id);
    graph_.remove_node(id_);
    graph_.add_node(std::move(with));
    return true;
  }

 private:
  // The node as its fused form, without epilogue.
  Node fused() const {
    Node node = graph_.node(id_);
    if (node.op_type == "Gemm") {
      node.op_type = "MatMul";
      node.attrs.erase("beta");
    }
    node.domain = "sardonyx";
    node.inputs.resize(std::max(node.inputs.size(), kFormalInputs), kNoValue);
    return node;
  }

  bool has_type(ValueId value, size_t min_rank) const {
    const ValueType& type = graph_.value(value).type;
    return type.is_tensor() && type.has_rank() && type.dims->size() >= min_rank &&
           (type.dtype == DType::kFloat32 || type.dtype == DType::kFloat64);
  }

  bool has_plain_c(const Node& node) const {
    if (node.op_type != "Gemm" || node.inputs.size() < 3 || node.inputs[2] == kNoValue) return true;
    const ValueType& c = graph_.value(node.inputs[2]).type;
    const ValueType& y = graph_.value(node.outputs[0]).type;
    return node.attrs.get_float("beta", 1) == 1 && c.has_rank() && c.dims->size() == 1 &&
           y.has_rank() && (*c.dims)[0] == y.dims->back();
  }

  Graph& graph_;
  NodeId id_;
};

}  // namespace

Result<bool> fuse_epilogue(Graph& graph, const PassOptions& options) {
  bool changed = false;
  const std::vector<NodeId> order = TRY(graph.order());
  std::vector<size_t> position(graph.nodes().size(), 0);
  for (size_t i = 0; i < order.size(); ++i) position[static_cast<size_t>(order[i])] = i;
  for (NodeId id : order) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_epilogue));
    Producer producer(graph, id);
    if (!producer.is_candidate()) continue;
    changed |= producer.take_bias();
    changed |= producer.take_epilogue(position, options.tier);
  }
  return changed;
}

}  // namespace sardonyx
