// Graph: the IR between the stages. Nodes take and give values by id; names are only for people.
// Subgraphs (If, Loop, Scan) own a Graph of their own and list what they capture from outside, so
// that every dependency is an edge. Passes edit through the member functions, which keep
// producers and users true; order() is recomputed on demand.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/tensor.h"
#include "base/value.h"
#include "graph/type.h"

namespace sardonyx {

class Graph;
class CustomOperator;

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an omitted optional input or output
inline constexpr NodeId kNoNode = -1;

// A graph attribute: the body and the outer values it captures. captures[i] (an id of the graph
// that owns the node) is seen inside as body->captures()[i].
struct Subgraph {
  std::shared_ptr<Graph> body;
  std::vector<ValueId> captures;
};

// A value of one attribute; ONNX's kinds.
using Attr = std::variant<int64_t, float, std::string, Tensor, SparseTensor, ValueType, Subgraph,
                          std::vector<int64_t>, std::vector<float>, std::vector<std::string>,
                          std::vector<Tensor>, std::vector<SparseTensor>, std::vector<ValueType>,
                          std::vector<Subgraph>>;

// Attributes of one node, sorted by name. After verification every attribute that has a default
// is present, so the typed getters need no fallback; they return a neutral value (0, "", empty)
// when the attribute is absent.
class AttrMap {
 public:
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const Attr* find(std::string_view name) const;
  void set(std::string name, Attr attr);
  void erase(std::string_view name);

  int64_t get_int(std::string_view name, int64_t fallback = 0) const;
  float get_float(std::string_view name, float fallback = 0) const;
  const std::string& get_string(std::string_view name) const;
  const std::vector<int64_t>& get_ints(std::string_view name) const;
  const std::vector<float>& get_floats(std::string_view name) const;
  const std::vector<std::string>& get_strings(std::string_view name) const;
  const Tensor* get_tensor(std::string_view name) const;
  const Subgraph* get_subgraph(std::string_view name) const;

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  size_t size() const { return entries_.size(); }

 private:
  std::vector<std::pair<std::string, Attr>> entries_;
};

struct Node {
  std::string name;              // may be empty
  std::string op_type;           // ONNX spelling
  std::string domain;            // "" is ai.onnx; "sardonyx" is for operators that only passes make
  std::vector<ValueId> inputs;   // kNoValue where omitted
  std::vector<ValueId> outputs;  // kNoValue where nobody asks
  AttrMap attrs;
  // An operator that the program registered (ops/custom_op.h), in the place of the built-in one.
  std::shared_ptr<const CustomOperator> custom;
  bool removed = false;

  // "Conv 'conv1'", "Conv" when it has no name: how errors call it.
  std::string title() const;
};

struct GraphValue {
  std::string name;
  ValueType type;
  NodeId producer = kNoNode;  // kNoNode: graph input, capture, or constant
  int output_index = 0;       // which output of the producer
  std::vector<NodeId> users;  // once per use, in no order
  bool is_input = false;
  bool is_capture = false;
  // Set for constants (initializers, Constant nodes, folded results).
  Tensor constant;
  // An initializer that is also a graph input: what the input is when nobody feeds it.
  Tensor default_value;
  // Integers this value is known to hold (rank 0 or 1), each perhaps symbolic: the fruit of value
  // propagation through Shape, Gather, Concat and friends.
  std::optional<Dims> known_ints;

  bool is_constant() const { return constant.has_data(); }
};

struct GraphOutput {
  std::string name;  // kept when passes replace the value
  ValueId value = kNoValue;
  ValueType type;  // as declared by the model
};

class Graph {
 public:
  std::string name;

  // ---- reading
  const std::vector<Node>& nodes() const { return nodes_; }  // also removed ones
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id)]; }
  const GraphValue& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  GraphValue& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  size_t value_count() const { return values_.size(); }
  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& captures() const { return captures_; }
  const std::vector<GraphOutput>& outputs() const { return outputs_; }
  std::vector<GraphOutput>& mutable_outputs() { return outputs_; }
  bool is_output(ValueId id) const;
  // The node's constant input, or null when it is omitted, absent or not constant.
  const Tensor* constant_input(const Node& node, size_t index) const;
  size_t use_count(ValueId id) const;  // users + graph outputs

  // Live nodes so that every producer precedes its users; ties keep insertion order. The cycle is
  // named in the Error.
  Result<std::vector<NodeId>> order() const;

  // ---- editing
  ValueId add_value(std::string name, ValueType type);
  ValueId add_input(std::string name, ValueType type);
  ValueId add_capture(std::string name, ValueType type);
  ValueId add_constant(std::string name, Tensor tensor);
  void add_output(std::string name, ValueId value, ValueType type);
  // A node whose outputs are the given values (kNoValue where nobody asks).
  NodeId add_node(Node node);
  // A node with one new output value of unknown type, named after `name`.
  ValueId add_node(std::string op_type, std::string domain, std::vector<ValueId> inputs,
                   AttrMap attrs, std::string name);
  void set_input(NodeId node, size_t index, ValueId value);
  void set_inputs(NodeId node, std::vector<ValueId> inputs);
  // All uses, graph outputs included, of `from` become uses of `to`.
  void replace_uses(ValueId from, ValueId to);
  // Also makes the outputs producer-less; the caller has replaced their uses.
  void remove_node(NodeId node);
  // Makes the value a constant and detaches it from its producer.
  void set_constant(ValueId value, Tensor tensor);
  // Users of subgraph captures are counted like inputs; call after changing a Subgraph attr.
  void refresh_users();

 private:
  std::vector<Node> nodes_;
  std::vector<GraphValue> values_;
  std::vector<ValueId> inputs_;
  std::vector<ValueId> captures_;
  std::vector<GraphOutput> outputs_;
};

// Calls fn(Subgraph&) for every subgraph attribute of the node.
template <class NodeT, class Fn>
void for_each_subgraph(NodeT& node, Fn&& fn) {
  for (auto& [attr_name, attr] : node.attrs) {
    if (auto* one = std::get_if<Subgraph>(&attr)) fn(*one);
    if (auto* many = std::get_if<std::vector<Subgraph>>(&attr)) {
      for (auto& each : *many) fn(each);
    }
  }
}

// A readable listing, one node per line, subgraphs indented; `sardonyx graph` prints it.
std::string to_text(const Graph& graph);

}  // namespace sardonyx
