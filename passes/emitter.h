// Emitter: adds nodes and constants to a graph, named after the node that they stand for.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace sardonyx {

class Emitter {
 public:
  Emitter(Graph& graph, std::string name) : graph_(graph), name_(std::move(name)) {}

  Graph& graph() const { return graph_; }
  const std::string& name() const { return name_; }

  // The one output of a new ai.onnx node.
  ValueId op(const std::string& op_type, std::vector<ValueId> inputs, AttrMap attrs = {}) {
    return graph_.add_node(op_type, "", std::move(inputs), std::move(attrs), next_name(op_type));
  }
  // `count` outputs of a new ai.onnx node.
  std::vector<ValueId> ops(const std::string& op_type, std::vector<ValueId> inputs, size_t count,
                           AttrMap attrs = {}) {
    Node node;
    node.name = next_name(op_type);
    node.op_type = op_type;
    node.inputs = std::move(inputs);
    node.attrs = std::move(attrs);
    for (size_t i = 0; i < count; ++i) {
      node.outputs.push_back(graph_.add_value(node.name + "_" + std::to_string(i), ValueType()));
    }
    std::vector<ValueId> outputs = node.outputs;
    graph_.add_node(std::move(node));
    return outputs;
  }

  ValueId ints(const std::vector<int64_t>& numbers) {
    return graph_.add_constant(next_name("ints"),
                               Tensor::from<int64_t>(Shape{static_cast<int64_t>(numbers.size())},
                                                     std::span<const int64_t>(numbers)));
  }
  // A scalar of a float dtype.
  ValueId number(double number, DType dtype) {
    if (dtype == DType::kFloat64) {
      return graph_.add_constant(next_name("number"), Tensor::scalar(number));
    }
    const ValueId single =
        graph_.add_constant(next_name("number"), Tensor::scalar(static_cast<float>(number)));
    return dtype == DType::kFloat32 ? single : cast(single, dtype);
  }
  ValueId cast(ValueId value, DType dtype) {
    AttrMap attrs;
    attrs.set("to", static_cast<int64_t>(dtype));
    return op("Cast", {value}, std::move(attrs));
  }
  // The dims of a value from `start` to `end` as a rank 1 tensor.
  ValueId shape(ValueId value, int64_t start = 0, int64_t end = INT64_MAX) {
    AttrMap attrs;
    attrs.set("start", start);
    if (end != INT64_MAX) attrs.set("end", end);
    return op("Shape", {value}, std::move(attrs));
  }

 private:
  std::string next_name(const std::string& what) {
    return name_ + "/" + what + "_" + std::to_string(count_++);
  }

  Graph& graph_;
  std::string name_;
  int count_ = 0;
};

// Attributes from names and values.
template <class... Pairs>
AttrMap make_attrs(Pairs&&... pairs) {
  AttrMap attrs;
  (attrs.set(pairs.first, Attr(std::forward<Pairs>(pairs).second)), ...);
  return attrs;
}

}  // namespace sardonyx
