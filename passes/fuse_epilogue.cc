// Conv (channels-last), MatMul and Gemm take over what happens to their result next: a bias, an
// activation, the addition of a tensor of the same shape. They become sardonyx Conv and sardonyx
// MatMul with an `epilogue` body, as long as the matrix kernels know it.
#include <algorithm>

#include "ops/fused_epilogue.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

constexpr size_t kFormalInputs = 3;  // data, weight, bias

bool is_internal(const Node& node, std::string_view op_type) {
  return node.domain == "sardonyx" && node.op_type == op_type;
}
bool is_onnx(const Node& node, std::string_view op_type) {
  return node.domain.empty() && node.op_type == op_type;
}

// The chain of nodes after a producer, and the body that they make.
class EpilogueChain {
 public:
  EpilogueChain(const Graph& graph, ValueId result) : graph_(graph), result_(result) {
    body_ = std::make_shared<Graph>();
    const ValueType& type = graph.value(result).type;
    inside_ = body_->add_input("y", type);
    last_ = result;
  }

  // Takes nodes as long as what comes out is known; false when there are none.
  bool grow() {
    while (take_next()) {
    }
    return !nodes_.empty();
  }

  const std::vector<NodeId>& nodes() const { return nodes_; }
  const std::vector<ValueId>& operands() const { return operands_; }
  ValueId last() const { return last_; }
  std::shared_ptr<Graph> body() const { return body_; }

 private:
  struct Draft {
    std::shared_ptr<Graph> body;
    std::vector<NodeId> nodes;
    std::vector<ValueId> operands;
    ValueId inside;
    ValueId last;
  };

  bool take_next() {
    const auto users = distinct_users(last_);
    if (graph_.is_output(last_) || users.empty() || users.size() > 2) return false;
    Draft draft = rebuilt();
    if (users.size() == 2) {
      // x and a gate of x, multiplied.
      const bool product_first = is_onnx(graph_.node(users[0]), "Mul");
      const NodeId gate = users[product_first ? 1 : 0];
      const NodeId product = users[product_first ? 0 : 1];
      if (!is_onnx(graph_.node(product), "Mul") || graph_.node(gate).outputs.size() != 1)
        return false;
      const ValueId gated = graph_.node(gate).outputs[0];
      if (graph_.use_count(gated) != 1 || graph_.value(gated).users[0] != product) return false;
      if (!append(draft, gate, {{last_, draft.inside}})) return false;
      const ValueId inside_gate = draft.inside;
      draft.inside = inside_before_;
      if (!append(draft, product, {{last_, inside_before_}, {gated, inside_gate}})) return false;
    } else if (!append(draft, users[0], {{last_, draft.inside}})) {
      return false;
    }
    const ValueId end = draft.inside;
    draft.body->add_output("z", end, draft.body->value(end).type);
    if (!is_known_epilogue(*draft.body)) return false;
    draft.last = graph_.node(draft.nodes.back()).outputs[0];
    body_ = draft.body;
    nodes_ = draft.nodes;
    operands_ = draft.operands;
    inside_ = draft.inside;
    last_ = draft.last;
    return true;
  }

  std::vector<NodeId> distinct_users(ValueId value) const {
    std::vector<NodeId> users = graph_.value(value).users;
    std::sort(users.begin(), users.end());
    users.erase(std::unique(users.begin(), users.end()), users.end());
    return users;
  }

  // A copy of the body so far without its output.
  Draft rebuilt() {
    Draft draft;
    draft.body = std::make_shared<Graph>(*body_);
    draft.body->mutable_outputs().clear();
    draft.nodes = nodes_;
    draft.operands = operands_;
    draft.inside = inside_;
    draft.last = last_;
    inside_before_ = inside_;
    return draft;
  }

  // Copies a node into the body; inputs that the body does not know become constants of one element
  // or operands.
  bool append(Draft& draft, NodeId id, std::vector<std::pair<ValueId, ValueId>> known) {
    const Node& node = graph_.node(id);
    if (!node.domain.empty() || node.outputs.size() != 1) return false;
    const ValueType type = graph_.value(result_).type;
    if (!same_dims(graph_.value(node.outputs[0]).type, type)) return false;
    Node copy = node;
    for (ValueId& input : copy.inputs) {
      if (input == kNoValue) continue;
      const auto found = std::find_if(known.begin(), known.end(),
                                      [&](const auto& pair) { return pair.first == input; });
      if (found != known.end()) {
        input = found->second;
        continue;
      }
      const GraphValue& value = graph_.value(input);
      if (value.is_constant() && value.constant.count() == 1) {
        input = draft.body->add_constant(value.name, value.constant);
      } else if (same_dims(value.type, type)) {
        draft.operands.push_back(input);
        input = draft.body->add_input(value.name, value.type);
      } else {
        return false;
      }
    }
    const ValueId output = draft.body->add_value(graph_.value(node.outputs[0]).name, type);
    copy.outputs = {output};
    draft.body->add_node(std::move(copy));
    draft.nodes.push_back(id);
    draft.inside = output;
    return true;
  }

  static bool same_dims(const ValueType& a, const ValueType& b) {
    return a.is_tensor() && a.dtype == b.dtype && a.has_rank() && b.has_rank() &&
           *a.dims == *b.dims;
  }

  const Graph& graph_;
  ValueId result_;
  std::shared_ptr<Graph> body_;
  std::vector<NodeId> nodes_;
  std::vector<ValueId> operands_;
  ValueId inside_ = kNoValue;
  ValueId inside_before_ = kNoValue;
  ValueId last_ = kNoValue;
};

// Whether a producer can become a fused one: its type, its ranks, and for Gemm its C.
class Producer {
 public:
  Producer(Graph& graph, NodeId id) : graph_(graph), id_(id) {}

  bool is_candidate() const {
    const Node& node = graph_.node(id_);
    if (is_internal(node, "Conv")) {
      return node.attrs.get_int("channels_last") != 0 && !node.attrs.has("epilogue") &&
             has_type(node.outputs[0], 3);
    }
    if (is_internal(node, "MatMul")) return !node.attrs.has("epilogue");
    if (!is_onnx(node, "MatMul") && !is_onnx(node, "Gemm")) return false;
    return has_type(node.inputs[0], 2) && has_type(node.inputs[1], 2) && has_plain_c(node);
  }

  // The node as its fused form, without epilogue.
  Node fused() {
    Node node = graph_.node(id_);
    if (node.op_type == "Gemm") {
      node.op_type = "MatMul";
      node.attrs.erase("beta");
    }
    node.domain = "sardonyx";
    node.inputs.resize(std::max(node.inputs.size(), kFormalInputs), kNoValue);
    return node;
  }

  // An Add of a constant with one number per column (of the last axis), as the bias.
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
    if (bias == nullptr || !is_row(*bias, result)) return false;
    Node with = fused();
    with.inputs[2] = graph_.add_constant(graph_.value(add.inputs[other]).name + "/row",
                                         bias->reshaped({bias->count()}));
    with.outputs = {add.outputs[0]};
    graph_.remove_node(add_id);
    graph_.remove_node(id_);
    id_ = graph_.add_node(std::move(with));
    return true;
  }

  bool take_epilogue() {
    EpilogueChain chain(graph_, graph_.node(id_).outputs[0]);
    if (!chain.grow()) return false;
    Node with = fused();
    with.inputs.insert(with.inputs.end(), chain.operands().begin(), chain.operands().end());
    with.attrs.set("epilogue", Subgraph{chain.body(), {}});
    with.outputs = {chain.last()};
    for (NodeId id : chain.nodes()) graph_.remove_node(id);
    graph_.remove_node(id_);
    graph_.add_node(std::move(with));
    return true;
  }

 private:
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

  bool is_row(const Tensor& bias, ValueId result) const {
    const ValueType& type = graph_.value(result).type;
    if (!type.has_rank() || type.dims->empty() || bias.shape().empty()) return false;
    if (bias.dtype() != type.dtype || bias.shape().rank() > type.dims->size()) return false;
    const Dim& columns = type.dims->back();
    return columns.is_constant() && bias.count() == columns.value() &&
           bias.shape().back() == columns.value();
  }

  Graph& graph_;
  NodeId id_;
};

}  // namespace

Result<bool> fuse_epilogue(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    std::vector<std::shared_ptr<Graph>> bodies;
    for_each_subgraph(graph.node(id),
                      [&](const Subgraph& subgraph) { bodies.push_back(subgraph.body); });
    for (const auto& body : bodies) changed |= TRY(fuse_epilogue(*body, options));
    Producer producer(graph, id);
    if (!producer.is_candidate()) continue;
    changed |= producer.take_bias();
    changed |= producer.take_epilogue();
  }
  return changed;
}

}  // namespace sardonyx
