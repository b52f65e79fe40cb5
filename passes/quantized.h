// Dequantized: a value that a DequantizeLinear gives from 8-bit numbers; Requantized: the
// QuantizeLinear that is the only reader of a value. Entry points: find_dequantized,
// find_requantized.
#pragma once

#include <optional>
#include <vector>

#include "graph/graph.h"

namespace sardonyx {

// Constant scales and zero points; one of each, or one per index of an axis.
struct Quantization {
  DType dtype = DType::kUndefined;  // of the stored numbers
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;  // kNoValue: 0

  friend bool operator==(const Quantization&, const Quantization&) = default;
};

struct Dequantized {
  ValueId x = kNoValue;  // the stored numbers
  Quantization how;
  int64_t axis = 1;  // of scales, where there are several
};

// The value as stored numbers, when a DequantizeLinear to f32 with constant scale gives it.
std::optional<Dequantized> find_dequantized(const Graph& graph, ValueId value);

struct Requantized {
  NodeId node = kNoNode;  // the QuantizeLinear, with one scale
  Quantization how;
};
// The QuantizeLinear to 8 bits that alone reads the value.
std::optional<Requantized> find_requantized(const Graph& graph, ValueId value);

// Whether both are the same numbers, be they one value or equal constants.
bool is_same_quantization(const Graph& graph, const Quantization& a, const Quantization& b);

// Elements of a constant: scales as they are, zero points or integers widened (0 where there is no
// value).
std::vector<float> scales_of(const Graph& graph, const Quantization& how);
int64_t zero_of(const Graph& graph, const Quantization& how);  // the first one
bool has_one_scale(const Graph& graph, const Quantization& how);
// The lowest stored number of an integer dtype.
int64_t lowest_stored(DType dtype);

}  // namespace sardonyx
