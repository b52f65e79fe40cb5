// Operators of the program's own: a CustomOp says what its outputs are and computes them; list it
// in SessionOptions::custom_ops, and models may use it.
//
//   sardonyx::CustomOp twice;
//   twice.domain = "my.domain";
//   twice.name = "Twice";
//   twice.infer = [](const sardonyx::CustomNode& node) { return std::vector{node.inputs[0]}; };
//   twice.make = [](const sardonyx::CustomNode&) -> sardonyx::Result<sardonyx::CustomOp::Compute> {
//     return [](std::span<const sardonyx::Value> inputs) { ... };
//   };
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "base/tensor.h"
#include "base/value.h"

namespace sardonyx {

// One declared input or output of a model, or of a node.
struct ArgInfo {
  struct Dim {
    int64_t value = -1;  // -1: symbolic or unknown
    std::string symbol;  // empty: unknown
  };
  enum class Kind : uint8_t { kUnknown, kTensor, kSparse, kSequence, kMap, kOptional, kOpaque };

  std::string name;
  std::string type;  // "tensor(float)", "seq(tensor(int64))", "map(string,tensor(float))"
  Kind kind = Kind::kUnknown;
  DType dtype = DType::kUndefined;         // tensor, sparse: elements; map: keys
  bool has_rank = false;                   // false: dims says nothing
  std::vector<Dim> dims;                   // tensor, sparse
  std::shared_ptr<const ArgInfo> element;  // sequence, optional: of what; map: its values
};

// The value of an attribute; graphs, types and sparse tensors do not reach a custom operator.
using CustomAttr = std::variant<int64_t, float, std::string, Tensor, std::vector<int64_t>,
                                std::vector<float>, std::vector<std::string>, std::vector<Tensor>>;

// A node that calls a custom operator.
struct CustomNode {
  std::string name;
  std::string op_type;
  std::string domain;
  std::map<std::string, CustomAttr> attrs;
  // What is known of the inputs: everything once shapes are, less before. kind kUnknown with an
  // empty name: the input is omitted.
  std::vector<ArgInfo> inputs;
  // Inputs whose elements are known and stay, parallel to inputs; without data: not known.
  std::vector<Tensor> constants;
  // Names of the values, "" for an omitted one.
  std::vector<std::string> input_names;
  std::vector<std::string> output_names;
  size_t output_count = 0;
};

struct CustomOp {
  // Types of all outputs, and dims as far as they are known; kind, dtype, has_rank, dims and
  // element count. Called when the model is loaded and whenever shapes are planned.
  using Infer = std::function<Result<std::vector<ArgInfo>>(const CustomNode&)>;
  // Computes all outputs; of the dtype, and of the dims where they were known, that Infer said. May
  // be called from several threads at once. Inputs must not be kept beyond the call.
  using Compute = std::function<Result<std::vector<Value>>(std::span<const Value> inputs)>;
  // Called once for each node, before its first run.
  using Make = std::function<Result<Compute>(const CustomNode&)>;

  std::string domain;     // a built-in operator of "" cannot be replaced
  std::string name;       // the op_type of nodes
  int since_version = 1;  // of several with one name, that of the model's opset import is taken
  size_t min_inputs = 0;
  size_t max_inputs = SIZE_MAX;
  Infer infer;
  // Element types of tensor outputs, for an operator without Infer.
  std::vector<DType> output_types;
  Make make;
};

}  // namespace sardonyx
