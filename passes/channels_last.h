// ChannelsLast: the state of the layout pass over one graph. A value may have a twin, which holds
// the same elements with the channel axis last. Nodes that gain from it, or do not care, are
// rewritten to read and give twins; all others get the original, made by one Transpose where
// somebody asks for it. Entry point: assign_channels_last.
#pragma once

#include <unordered_map>

#include "graph/graph.h"
#include "passes/rewrites.h"

namespace sardonyx {

class ChannelsLast {
 public:
  explicit ChannelsLast(Graph& graph) : graph_(graph) {}

  Result<bool> run();

  // ---- for the rules of operators, in channels_last_rules.cc
  Graph& graph() { return graph_; }
  // Whether the value exists channels-last already.
  bool has_twin(ValueId value) const { return twins_.count(value) != 0; }
  // Whether nobody produces the original of a twin so far.
  bool lacks_original(ValueId value) const { return missing_.count(value) != 0; }
  // The twin, made by a Transpose (of a constant: folded) when there is none yet. Rank 3 or more.
  Result<ValueId> twin(ValueId value);
  // Declares `twin` to hold `value` channels-last.
  void set_twin(ValueId value, ValueId twin) { twins_[value] = twin; }
  // Replaces the node by one that gives twins of its outputs.
  void replace_node(NodeId old, Node with);
  // The dims of a value with a known rank.
  const Dims& dims(ValueId value) const { return *graph_.value(value).type.dims; }
  bool has_rank(ValueId value) const { return graph_.value(value).type.has_rank(); }
  size_t rank(ValueId value) const { return dims(value).size(); }
  ValueId int_constant(const std::string& name, const std::vector<int64_t>& numbers);

 private:
  Result<void> visit(NodeId id);
  // Makes sure that somebody produces the original.
  Result<void> restore(ValueId value);
  ValueId reorder(ValueId from, ValueId to, const std::vector<int64_t>& order);

  Graph& graph_;
  std::unordered_map<ValueId, ValueId> twins_;
  std::unordered_map<ValueId, bool> missing_;  // originals whose node was replaced
  bool changed_ = false;
};

// Rewrites the node if its operator has a rule and the rule applies; false otherwise.
Result<bool> apply_channels_last_rule(ChannelsLast& state, NodeId id);

}  // namespace sardonyx
