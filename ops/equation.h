// Equation: the labels of an Einsum (spec: Einsum-12). Entry points: read_equation, label_dims,
// infer_equation.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "graph/dim.h"
#include "ops/op.h"

namespace sardonyx {

// An equation with labels numbered: the axes of an ellipsis are labels of their own.
struct Equation {
  std::vector<std::vector<int>> inputs;  // labels of each axis
  std::vector<int> output;
  int labels = 0;
};

// For inputs of these ranks. Without "->" the output is the ellipsis, then the letters that stand
// once, in alphabetical order.
Result<Equation> read_equation(const std::string& text, const std::vector<size_t>& ranks);

// The dim of each label; dims of 1 stretch.
Result<Dims> label_dims(const Equation& equation, const std::vector<Dims>& inputs);

// The type and shape of the output, by the attribute `equation`.
Result<void> infer_equation(InferContext& context);

}  // namespace sardonyx
