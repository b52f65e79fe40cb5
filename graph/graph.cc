// The editing operations of the IR, which keep producers and users true, and the order of nodes.
#include "graph/graph.h"

#include <algorithm>

namespace sardonyx {
namespace {

// Calls fn(ValueId) for every value the node reads: its inputs and what its subgraphs capture.
template <class Fn>
void for_each_read(const Node& node, Fn&& fn) {
  for (ValueId input : node.inputs) {
    if (input != kNoValue) fn(input);
  }
  for_each_subgraph(node, [&](const Subgraph& subgraph) {
    for (ValueId capture : subgraph.captures) fn(capture);
  });
}

}  // namespace

std::string Node::title() const {
  return name.empty() ? op_type : fmt::format("{} '{}'", op_type, name);
}

bool Graph::is_output(ValueId id) const {
  return std::any_of(outputs_.begin(), outputs_.end(),
                     [id](const GraphOutput& output) { return output.value == id; });
}

const Tensor* Graph::constant_input(const Node& node, size_t index) const {
  if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return nullptr;
  const GraphValue& input = value(node.inputs[index]);
  return input.is_constant() ? &input.constant : nullptr;
}

size_t Graph::use_count(ValueId id) const {
  return value(id).users.size() +
         static_cast<size_t>(std::count_if(outputs_.begin(), outputs_.end(),
                                           [id](const auto& out) { return out.value == id; }));
}

Result<std::vector<NodeId>> Graph::order() const {
  enum : char { kNew, kOpen, kDone };
  std::vector<char> state(nodes_.size(), kNew);
  std::vector<NodeId> sorted;
  sorted.reserve(nodes_.size());
  // Depth first in insertion order: a node comes right before its first user, original nodes keep
  // the order of the file. `stack` is the path of open nodes, to name a cycle.
  std::vector<NodeId> stack;
  for (size_t root = 0; root < nodes_.size(); ++root) {
    if (nodes_[root].removed || state[root] != kNew) continue;
    stack.push_back(static_cast<NodeId>(root));
    while (!stack.empty()) {
      const NodeId id = stack.back();
      const auto index = static_cast<size_t>(id);
      if (state[index] == kNew) {
        state[index] = kOpen;
        NodeId cycle = kNoNode;
        const size_t mark = stack.size();
        for_each_read(nodes_[index], [&](ValueId read) {
          const NodeId producer = value(read).producer;
          if (producer == kNoNode || state[static_cast<size_t>(producer)] == kDone) return;
          if (state[static_cast<size_t>(producer)] == kOpen) cycle = producer;
          stack.push_back(producer);
        });
        if (cycle != kNoNode) {
          return fail(Code::kInvalidGraph, "the graph has a cycle through {} and {}",
                      node(cycle).title(), node(id).title());
        }
        // Pushed last is visited first: keep the order of the inputs.
        std::reverse(stack.begin() + static_cast<ptrdiff_t>(mark), stack.end());
      } else {
        stack.pop_back();
        if (state[index] == kOpen) {
          state[index] = kDone;
          sorted.push_back(id);
        }
      }
    }
  }
  return sorted;
}

ValueId Graph::add_value(std::string value_name, ValueType type) {
  GraphValue value;
  value.name = std::move(value_name);
  value.type = std::move(type);
  values_.push_back(std::move(value));
  return static_cast<ValueId>(values_.size() - 1);
}

ValueId Graph::add_input(std::string value_name, ValueType type) {
  const ValueId id = add_value(std::move(value_name), std::move(type));
  value(id).is_input = true;
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_capture(std::string value_name, ValueType type) {
  const ValueId id = add_value(std::move(value_name), std::move(type));
  value(id).is_capture = true;
  captures_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), ValueType());
  set_constant(id, std::move(tensor));
  return id;
}

void Graph::add_output(std::string output_name, ValueId value, ValueType type) {
  outputs_.push_back({std::move(output_name), value, std::move(type)});
}

NodeId Graph::add_node(Node node) {
  const auto id = static_cast<NodeId>(nodes_.size());
  for_each_read(node, [&](ValueId read) { value(read).users.push_back(id); });
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    value(node.outputs[i]).producer = id;
    value(node.outputs[i]).output_index = static_cast<int>(i);
  }
  nodes_.push_back(std::move(node));
  return id;
}

ValueId Graph::add_node(std::string op_type, std::string domain, std::vector<ValueId> inputs,
                        AttrMap attrs, std::string value_name) {
  const ValueId output = add_value(value_name, ValueType());
  Node node;
  node.name = std::move(value_name);
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.outputs = {output};
  node.attrs = std::move(attrs);
  add_node(std::move(node));
  return output;
}

void Graph::set_input(NodeId id, size_t index, ValueId to) {
  Node& user = node(id);
  if (index >= user.inputs.size()) user.inputs.resize(index + 1, kNoValue);
  const ValueId from = user.inputs[index];
  if (from != kNoValue) {
    auto& users = value(from).users;
    users.erase(std::find(users.begin(), users.end(), id));
  }
  user.inputs[index] = to;
  if (to != kNoValue) value(to).users.push_back(id);
}

void Graph::set_inputs(NodeId id, std::vector<ValueId> inputs) {
  for (size_t i = 0; i < node(id).inputs.size(); ++i) set_input(id, i, kNoValue);
  node(id).inputs.clear();
  for (size_t i = 0; i < inputs.size(); ++i) set_input(id, i, inputs[i]);
}

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  std::vector<NodeId> users = std::move(value(from).users);
  value(from).users.clear();
  for (NodeId user : users) value(to).users.push_back(user);
  for (NodeId user : users) {
    Node& reader = node(user);
    std::replace(reader.inputs.begin(), reader.inputs.end(), from, to);
    for_each_subgraph(reader, [&](Subgraph& subgraph) {
      std::replace(subgraph.captures.begin(), subgraph.captures.end(), from, to);
    });
  }
  for (GraphOutput& output : outputs_) {
    if (output.value == from) output.value = to;
  }
}

void Graph::remove_node(NodeId id) {
  Node& gone = node(id);
  for_each_read(gone, [&](ValueId read) {
    auto& users = value(read).users;
    users.erase(std::find(users.begin(), users.end(), id));
  });
  for (ValueId output : gone.outputs) {
    if (output != kNoValue && value(output).producer == id) value(output).producer = kNoNode;
  }
  gone.removed = true;
}

void Graph::set_constant(ValueId id, Tensor tensor) {
  GraphValue& constant = value(id);
  if (constant.producer != kNoNode) {
    auto& outputs = node(constant.producer).outputs;
    std::replace(outputs.begin(), outputs.end(), id, kNoValue);
    constant.producer = kNoNode;
  }
  constant.type = ValueType::tensor(tensor.dtype(), to_dims(tensor.shape()));
  constant.constant = std::move(tensor);
}

void Graph::refresh_users() {
  for (GraphValue& value : values_) value.users.clear();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].removed) continue;
    for_each_read(nodes_[i],
                  [&](ValueId read) { value(read).users.push_back(static_cast<NodeId>(i)); });
  }
}

}  // namespace sardonyx
