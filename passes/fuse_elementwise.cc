// Elementwise nodes that feed each other and give the same dims → one sardonyx Elementwise node,
// which makes one pass over memory. A group has one result; what its other nodes give is read by
// nobody else, so nothing is computed twice and no cycle can arise.
#include <algorithm>
#include <map>

#include "ops/elementwise.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// What a program takes comfortably: operands and steps.
constexpr size_t kMaxInputs = 16;
constexpr size_t kMaxNodes = 32;

bool has_whole_bytes(DType dtype) {
  constexpr DTypeSet kTypes =
      kNumericTypes | (kFloat8Types & ~dtype_bit(DType::kFloat8E8M0)) | dtype_set(DType::kBool);
  return (dtype_bit(dtype) & kTypes) != 0;
}

// Integers of shape arithmetic are worth more as nodes, through which they are known.
bool may_be_known(const GraphValue& value) {
  return value.known_ints.has_value() ||
         (!dtype_is_float(value.type.dtype) && value.type.dims->size() <= 1);
}

bool is_fusable(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const OpDef* op = find_op(node);
  if (op == nullptr || op->elementwise == nullptr || node.outputs.size() != 1) return false;
  const auto is_plain = [&](ValueId value) {
    const ValueType& type = graph.value(value).type;
    return type.is_tensor() && type.has_rank() && has_whole_bytes(type.dtype);
  };
  for (const ValueId input : node.inputs) {
    if (input != kNoValue && !is_plain(input)) return false;
  }
  if (node.op_type == "CastLike") return false;  // its second operand is not read
  return is_plain(node.outputs[0]) && !may_be_known(graph.value(node.outputs[0]));
}

class ElementwiseGroup {
 public:
  ElementwiseGroup(Graph& graph, NodeId root, const std::vector<size_t>& position)
      : graph_(graph), position_(position), nodes_{root} {
    result_ = graph.node(root).outputs[0];
  }

  // Adds producers as long as there are some that belong here.
  void grow() {
    while (add_producer()) {
    }
  }

  size_t size() const { return nodes_.size(); }

  // Replaces the nodes by one; false when that is not possible after all.
  bool fuse() {
    std::sort(nodes_.begin(), nodes_.end(),
              [this](NodeId a, NodeId b) { return position(a) < position(b); });
    auto body = std::make_shared<Graph>();
    for (const NodeId id : nodes_) copy_into(*body, id);
    if (operands_.empty() || !operands_broadcast_to_result()) return false;
    body->add_output(graph_.value(result_).name, inside_.at(result_), graph_.value(result_).type);
    Node fused;
    fused.op_type = "Elementwise";
    fused.domain = "sardonyx";
    fused.name = graph_.node(nodes_.back()).name;
    fused.inputs = operands_;
    fused.outputs = {result_};
    fused.attrs.set("body", Subgraph{std::move(body), {}});
    for (const NodeId id : nodes_) graph_.remove_node(id);
    graph_.add_node(std::move(fused));
    return true;
  }

 private:
  size_t position(NodeId id) const { return position_[static_cast<size_t>(id)]; }
  bool contains(NodeId id) const {
    return std::find(nodes_.begin(), nodes_.end(), id) != nodes_.end();
  }

  // One producer of the group's inputs whose result nobody else reads.
  bool add_producer() {
    if (nodes_.size() >= kMaxNodes) return false;
    for (const NodeId member : nodes_) {
      for (const ValueId input : graph_.node(member).inputs) {
        if (input == kNoValue || !belongs(input)) continue;
        nodes_.push_back(graph_.value(input).producer);
        if (operand_count() <= kMaxInputs) return true;
        nodes_.pop_back();
      }
    }
    return false;
  }

  bool belongs(ValueId input) const {
    const GraphValue& value = graph_.value(input);
    if (value.producer == kNoNode || contains(value.producer) || graph_.is_output(input)) {
      return false;
    }
    if (graph_.use_count(input) != value.users.size()) return false;
    if (!is_fusable(graph_, value.producer)) return false;
    if (*value.type.dims != *graph_.value(result_).type.dims) return false;
    return std::all_of(value.users.begin(), value.users.end(),
                       [this](NodeId user) { return contains(user); });
  }

  size_t operand_count() const {
    std::vector<ValueId> seen;
    for (const NodeId member : nodes_) {
      for (const ValueId input : graph_.node(member).inputs) {
        if (input == kNoValue || contains(graph_.value(input).producer)) continue;
        if (std::find(seen.begin(), seen.end(), input) == seen.end()) seen.push_back(input);
      }
    }
    return seen.size();
  }

  void copy_into(Graph& body, NodeId id) {
    Node copy = graph_.node(id);
    for (ValueId& input : copy.inputs) {
      if (input == kNoValue) continue;
      const auto found = inside_.find(input);
      if (found != inside_.end()) {
        input = found->second;
        continue;
      }
      const GraphValue& value = graph_.value(input);
      ValueId inside;
      if (value.is_constant() && value.constant.count() == 1) {
        inside = body.add_constant(value.name, value.constant);
      } else {
        inside = body.add_input(value.name, value.type);
        operands_.push_back(input);
      }
      inside_[input] = inside;
      input = inside;
    }
    const GraphValue& output = graph_.value(copy.outputs[0]);
    inside_[copy.outputs[0]] = body.add_value(output.name, output.type);
    copy.outputs[0] = inside_[copy.outputs[0]];
    body.add_node(std::move(copy));
  }

  // Constants moved into the body no longer add dims of 1.
  bool operands_broadcast_to_result() const {
    Dims dims;
    for (const ValueId operand : operands_) {
      const auto together = broadcast_dims(dims, *graph_.value(operand).type.dims);
      if (!together) return false;
      dims = *together;
    }
    return dims == *graph_.value(result_).type.dims;
  }

  Graph& graph_;
  const std::vector<size_t>& position_;
  std::vector<NodeId> nodes_;
  std::vector<ValueId> operands_;
  std::map<ValueId, ValueId> inside_;
  ValueId result_ = kNoValue;
};

}  // namespace

Result<bool> fuse_elementwise(Graph& graph, const PassOptions& options) {
  const std::vector<NodeId> order = TRY(graph.order());
  std::vector<size_t> position(graph.nodes().size(), 0);
  for (size_t i = 0; i < order.size(); ++i) position[static_cast<size_t>(order[i])] = i;
  bool changed = false;
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    if (graph.node(*id).removed) continue;
    if (graph.node(*id).domain != "sardonyx") {
      changed |= TRY(run_in_bodies(graph, *id, options, fuse_elementwise));
    }
    if (!is_fusable(graph, *id)) continue;
    ElementwiseGroup group(graph, *id, position);
    group.grow();
    if (group.size() > 1) changed |= group.fuse();
  }
  return changed;
}

}  // namespace sardonyx
