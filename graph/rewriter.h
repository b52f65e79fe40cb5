// Rewriter: adds the nodes that say with other operators what one node says; for upgrade rules
// (graph/) and lowerings (ops/). Names of the new nodes begin with that of the node.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"

namespace sardonyx {

class Rewriter {
 public:
  using NamedAttr = std::pair<const char*, Attr>;

  Rewriter(Graph& graph, NodeId id) : Rewriter(graph, graph.node(id).name) {}
  Rewriter(Graph& graph, std::string name) : graph_(graph), name_(std::move(name)) {}

  ValueId ints(const std::vector<int64_t>& elements);
  ValueId constant(Tensor tensor);
  // A scalar of this dtype, or, while the dtype is not known, of that of `like`.
  ValueId number(double number, ValueId like);

  ValueId op(std::string op_type, std::vector<ValueId> inputs, AttrMap attrs = {});
  ValueId op(std::string op_type, std::vector<ValueId> inputs,
             std::initializer_list<NamedAttr> attrs) {
    return op(std::move(op_type), std::move(inputs), attrs_of(attrs));
  }
  // A node of several new outputs.
  std::vector<ValueId> ops(std::string op_type, std::vector<ValueId> inputs, size_t outputs,
                           std::initializer_list<NamedAttr> attrs = {});
  // A node that computes values that exist; kNoValue where nobody asks. They must have lost the
  // producer they had.
  void op_into(std::vector<ValueId> outputs, std::string op_type, std::vector<ValueId> inputs,
               AttrMap attrs = {}, std::string domain = "");
  void op_into(ValueId output, std::string op_type, std::vector<ValueId> inputs,
               std::initializer_list<NamedAttr> attrs = {}) {
    op_into(std::vector<ValueId>{output}, std::move(op_type), std::move(inputs), attrs_of(attrs));
  }

  ValueId shape(ValueId value) { return op("Shape", {value}); }
  ValueId rank(ValueId value) { return op("Shape", {shape(value)}); }  // as a list of one
  // One dim of the shape, as a list of one.
  ValueId dim(ValueId value, int64_t axis);
  // [1, 1, ...], as many as the list of one says, none when that is negative.
  ValueId ones(ValueId count);
  ValueId concat(std::vector<ValueId> parts, int64_t axis = 0) {
    return op("Concat", std::move(parts), {{"axis", axis}});
  }
  ValueId reshape(ValueId value, const std::vector<int64_t>& shape) {
    return op("Reshape", {value, ints(shape)});
  }
  ValueId transpose(ValueId value, std::vector<int64_t> perm) {
    return op("Transpose", {value}, {{"perm", std::move(perm)}});
  }
  ValueId cast(ValueId value, DType dtype) {
    return op("Cast", {value}, {{"to", static_cast<int64_t>(dtype)}});
  }
  // Elements [start, end) along one axis.
  ValueId slice(ValueId value, int64_t axis, int64_t start, int64_t end) {
    return op("Slice", {value, ints({start}), ints({end}), ints({axis})});
  }

  static AttrMap attrs_of(std::initializer_list<NamedAttr> attrs);

 private:
  Graph& graph_;
  std::string name_;
};

// Gives output `index` of the node a new value and returns the old one, for others to compute.
ValueId take_output(Graph& graph, NodeId id, size_t index);

}  // namespace sardonyx
