// How each differentiable operator passes the derivative of a scalar on, from its outputs to its
// inputs. Entry point: find_gradient_rule.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "passes/emitter.h"

namespace sardonyx {

// What a rule sees: the node, with the values it reads and gives at the point of evaluation, and
// the derivatives by its outputs (kNoValue: zero).
struct GradientStep {
  Emitter& emit;
  const Node& node;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<ValueId> output_grads;
  // The values of the differentiated graph that stand at the same places; their types are known.
  const std::vector<ValueId>& typed_inputs;
  const std::vector<ValueId>& typed_outputs;

  ValueId in(size_t i) const { return inputs[i]; }
  ValueId out() const { return outputs[0]; }
  ValueId grad() const { return output_grads[0]; }
  bool has_input(size_t i) const { return i < inputs.size() && inputs[i] != kNoValue; }
  const ValueType& type(size_t i) const { return emit.graph().value(typed_inputs[i]).type; }
  const ValueType& output_type() const { return emit.graph().value(typed_outputs[0]).type; }
  DType dtype() const { return output_type().dtype; }
  // The dims of an input, all of which must be numbers.
  Result<Shape> shape(size_t i) const;

  ValueId op(const char* op_type, std::vector<ValueId> operands, AttrMap attrs = {}) const {
    return emit.op(op_type, std::move(operands), std::move(attrs));
  }
  ValueId number(double number) const { return emit.number(number, dtype()); }
  ValueId mul(ValueId a, ValueId b) const { return op("Mul", {a, b}); }
};

// The derivatives by the inputs; kNoValue where there is none.
using GradientRule = Result<std::vector<ValueId>> (*)(const GradientStep&);

// Null for an operator without a rule.
GradientRule find_gradient_rule(const Node& node);

}  // namespace sardonyx
