// Lowering: one node of ONNX Runtime's own operators, taken off the graph, while others that say
// the same are added. Entry points: Lowering, contrib_op.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "graph/rewriter.h"
#include "ops/op.h"

namespace sardonyx {

class Lowering : public Rewriter {
 public:
  // Removes the node; what was read of it stays here.
  Lowering(Graph& graph, NodeId id) : Rewriter(graph, id), graph_(graph), node_(graph.node(id)) {
    graph.remove_node(id);
  }

  Graph& graph() { return graph_; }
  const AttrMap& attrs() const { return node_.attrs; }
  bool has(size_t index) const { return input(index) != kNoValue; }
  ValueId input(size_t index) const {
    return index < node_.inputs.size() ? node_.inputs[index] : kNoValue;
  }
  bool wants(size_t index) const { return output(index) != kNoValue; }
  ValueId output(size_t index) const {
    return index < node_.outputs.size() ? node_.outputs[index] : kNoValue;
  }
  const ValueType& type(size_t index) const { return graph_.value(input(index)).type; }
  DType dtype(size_t index) const { return type(index).dtype; }
  std::optional<int64_t> rank(size_t index) const {
    if (!has(index) || !type(index).has_rank()) return std::nullopt;
    return static_cast<int64_t>(type(index).dims->size());
  }
  // The rank; Code::kNotFound while it is not known.
  Result<int64_t> known_rank(size_t index) const;
  // The dim as a number, the same way; axis may be negative.
  Result<int64_t> known_dim(size_t index, int64_t axis) const;
  const Tensor* constant_input(size_t index) const { return graph_.constant_input(node_, index); }

  // a + b, where either may be kNoValue.
  ValueId sum(ValueId a, ValueId b) {
    if (a == kNoValue || b == kNoValue) return a == kNoValue ? b : a;
    return op("Add", {a, b});
  }
  // The same node under another name, with the attributes that are given.
  void rename_to(std::string op_type, AttrMap attrs, std::string domain = "") {
    op_into(node_.outputs, std::move(op_type), node_.inputs, std::move(attrs), std::move(domain));
  }
  // Output 0 is the activation of x, by the name and numbers that fused operators give; "" is none.
  Result<void> activate_into(ValueId output, ValueId x, const std::string& activation,
                             std::span<const float> params);
  // The same with the activation's attributes by name; those that it does not have are ignored.
  Result<void> activate_into(ValueId output, ValueId x, const std::string& activation,
                             const AttrMap& params);

 private:
  Graph& graph_;
  Node node_;
};

// A declaration with inputs and outputs like "X:T Y:T? Z:I*" of the types given by letter.
using TypeOf = std::span<const std::pair<char, DTypeSet>>;
OpDef contrib_op(std::string_view inputs, std::string_view outputs, TypeOf types, LowerRule lower);
// The same where T is the float types, M int32, I int32 and int64, and B bool.
OpDef contrib_op(std::string_view inputs, std::string_view outputs, LowerRule lower);

}  // namespace sardonyx
