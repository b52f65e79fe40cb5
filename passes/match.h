// Small questions that rewrites ask of a graph: what made a value, which number a constant is.
#pragma once

#include <optional>
#include <string_view>

#include "graph/graph.h"

namespace sardonyx {

// The ai.onnx node of this type that gives the value, or null.
const Node* find_producer(const Graph& graph, ValueId value, std::string_view op_type);
// Whether nobody but one node reads the value, once or more.
bool is_used_once(const Graph& graph, ValueId value);
// A float constant of one element as a number.
std::optional<double> constant_number(const Graph& graph, ValueId value);
// Whether the value is a constant near `number` (to a relative 1e-4, as exporters round).
bool is_number(const Graph& graph, ValueId value, double number);
// For a node of two inputs: the one that is not `value`, or kNoValue when neither is.
ValueId other_input(const Node& node, ValueId value);
// The other input when one input is a constant near `number`, else kNoValue.
ValueId input_beside(const Graph& graph, const Node& node, double number);

}  // namespace sardonyx
