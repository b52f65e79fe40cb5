// OpDef: the declaration of one operator in its newest version: formal inputs, outputs and
// attributes with types, the type-and-shape rule, and its kernels, best first and reference last.
// ops/<operator or family>.cc defines `OpDef op_<Name>()` functions; ops/registry.cc lists them.
// Entry points: find_op, all_ops, InferContext.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"
#include "graph/graph.h"
#include "ops/kernel.h"
#include "ops/static_text.h"

namespace sardonyx {

// Groups of dtypes that type constraints use again and again.
inline constexpr DTypeSet kFloatTypes =
    dtype_set(DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBfloat16);
inline constexpr DTypeSet kSignedIntTypes =
    dtype_set(DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64);
inline constexpr DTypeSet kUnsignedIntTypes =
    dtype_set(DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64);
inline constexpr DTypeSet kIntTypes = kSignedIntTypes | kUnsignedIntTypes;
inline constexpr DTypeSet kNumericTypes = kFloatTypes | kIntTypes;
inline constexpr DTypeSet kComplexTypes = dtype_set(DType::kComplex64, DType::kComplex128);
inline constexpr DTypeSet kFloat8Types =
    dtype_set(DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
              DType::kFloat8E5M2FNUZ, DType::kFloat8E8M0);
inline constexpr DTypeSet kSubByteTypes =
    dtype_set(DType::kInt4, DType::kUint4, DType::kInt2, DType::kUint2, DType::kFloat4E2M1);
inline constexpr DTypeSet kAllTypes = kNumericTypes | kComplexTypes | kFloat8Types | kSubByteTypes |
                                      dtype_set(DType::kBool, DType::kString);
// Not a constraint: any kind of value (sequence, optional, map, ...) goes.
inline constexpr DTypeSet kAnyValue = ~DTypeSet{0};

enum class Form : uint8_t { kSingle, kOptional, kVariadic };

// One formal input or output. Parameters with the same type_name must have the same dtype at run
// time (heterogeneous variadics use an empty type_name).
struct FormalParam {
  StaticText name;
  StaticText type_name;  // "T", "T1", ...; "" when its dtype is free of the others
  DTypeSet types = kAllTypes;
  Form form = Form::kSingle;
};

struct FormalAttr {
  enum class Kind : uint8_t {
    kInt,
    kFloat,
    kString,
    kTensor,
    kSparse,
    kType,
    kGraph,
    kInts,
    kFloats,
    kStrings,
    kTensors,
    kGraphs,
    kAny
  };
  StaticText name;
  Kind kind = Kind::kInt;
  bool required = false;
  std::optional<Attr> default_value;
};

// Shorthands for declaring attributes.
FormalAttr int_attr(StaticText name, int64_t default_value);
FormalAttr float_attr(StaticText name, float default_value);
FormalAttr string_attr(StaticText name, std::string_view default_value);
FormalAttr optional_attr(StaticText name, FormalAttr::Kind kind);  // no default
FormalAttr required_attr(StaticText name, FormalAttr::Kind kind);

class InferContext;
using InferRule = Result<void> (*)(InferContext&);
// Says a node with other operators: adds nodes that compute its outputs, in order, and removes it,
// while types are inferred. Code::kNotFound declines, for want of a rank or dim: then the node
// stays, and each plan lowers it as a graph of its own (ops/lone_node.h).
using LowerRule = Result<void> (*)(Graph& graph, NodeId node);

struct OpDef {
  std::string domain;
  std::string name;
  std::vector<int> versions;  // since-versions, ascending; the last is the meaning implemented
  std::vector<FormalParam> inputs;
  std::vector<FormalParam> outputs;
  std::vector<FormalAttr> attrs;
  InferRule infer = nullptr;
  std::vector<KernelCandidate> kernels;  // best first, reference last
  // In place of kernels for an operator that others say as well: nodes of it that are left after
  // infer_types wait for the shapes of a plan, with the types that `infer` gives where there is
  // one.
  LowerRule lower = nullptr;

  // Outputs share the bytes of input 0 under another shape (Reshape, Squeeze, Identity, ...).
  bool is_view = false;
  // Two runs may differ (random generators): never folded, never merged.
  bool is_random = false;
  // Denormals are not flushed while it runs: it converts numbers, compares them or takes their
  // logarithm, so that what it gives is not close where they are zeros.
  bool keeps_denormals = false;
  // Attributes that are not declared may be given too.
  bool takes_any_attr = false;
  // Set for elementwise operators: see ops/elementwise.h.
  const struct ElementwiseOp* elementwise = nullptr;
};

inline OpDef with_denormals(OpDef op) {
  op.keeps_denormals = true;
  return op;
}

// Whether that holds for a node: for its operator, or one of those that are fused into it.
bool keeps_denormals(const OpDef& op, const Node& node);

// The operator that the node calls, or null.
const OpDef* find_op(const Node& node);
// The built-in operator, or null. Domain "" and "ai.onnx" are the same.
const OpDef* find_op(std::string_view domain, std::string_view name);
// All operators, sorted by domain and name.
std::span<const OpDef> all_ops();

// What a type-and-shape rule sees of one node. The same rule runs with symbolic dims when a model
// is loaded and with concrete dims when a plan is made. A rule checks everything a kernel relies
// on as far as it is known, and leaves unknown what it cannot know.
class InferContext {
 public:
  InferContext(const Graph& graph, const Node& node, std::span<const ValueType> input_types,
               std::span<const Tensor* const> constants,
               std::span<const std::optional<Dims>> known_ints, bool at_load = false);

  // True while a model is loaded: the only time when a rule may infer the bodies of its node.
  bool at_load() const { return at_load_; }
  const Node& node() const { return node_; }
  const AttrMap& attrs() const { return node_.attrs; }
  const Graph& graph() const { return graph_; }

  size_t input_count() const { return input_types_.size(); }
  bool has_input(size_t index) const;
  const ValueType& input(size_t index) const { return input_types_[index]; }
  DType dtype(size_t index) const { return input(index).dtype; }
  bool has_rank(size_t index) const { return has_input(index) && input(index).has_rank(); }
  const Dims& dims(size_t index) const { return *input(index).dims; }
  int64_t rank(size_t index) const { return static_cast<int64_t>(dims(index).size()); }
  // "input 'x' (float32 1x3x224x224)" for messages.
  std::string describe(size_t index) const;

  // The whole value when it is known now, else null; asking is remembered, so that a plan can
  // wait for the value when the output shape depends on it.
  const Tensor* constant(size_t index);
  // A rank 0 or 1 integer input as numbers, each perhaps symbolic, when known; remembered likewise.
  std::optional<Dims> ints(size_t index);
  // The same without being remembered: for value propagation that does not matter to shapes.
  std::optional<Dims> peek_ints(size_t index) const;

  size_t output_count() const { return node_.outputs.size(); }
  bool has_output(size_t index) const {
    return index < node_.outputs.size() && node_.outputs[index] != kNoValue;
  }
  // Cold: rules are compiled for size.
  [[gnu::cold]] void set_output(size_t index, DType dtype);  // rank unknown
  [[gnu::cold]] void set_output(size_t index, DType dtype, Dims dims);
  [[gnu::cold]] void set_output(size_t index, ValueType type);
  void set_output_ints(size_t index, Dims ints);  // value propagation

  // Normalised axis in [0, rank) or an error that names the attribute or input.
  Result<int64_t> axis(int64_t axis, int64_t rank, std::string_view what = "axis") const;

  // ---- for the caller of the rule
  const std::vector<ValueType>& output_types() const { return output_types_; }
  const std::vector<std::optional<Dims>>& output_ints() const { return output_ints_; }
  const std::vector<size_t>& wanted() const { return wanted_; }  // inputs whose value was missing

 private:
  const Graph& graph_;
  const Node& node_;
  std::span<const ValueType> input_types_;
  std::span<const Tensor* const> constants_;
  std::span<const std::optional<Dims>> known_ints_;
  std::vector<ValueType> output_types_;
  std::vector<std::optional<Dims>> output_ints_;
  std::vector<size_t> wanted_;
  bool at_load_;
};

// Numpy-style (multidirectional) broadcast of two shapes (spec: Broadcasting in ONNX).
Result<Dims> broadcast_dims(const Dims& a, const Dims& b);
// Runs the rule of one node, and fills in missing facts from declared types; errors carry the
// node's title.
Result<void> infer_node(const OpDef& op, InferContext& context);
// Number of inputs and outputs, dtypes, attributes against the declaration; fills in defaults.
Result<void> verify_node(const OpDef& op, const Graph& graph, Node& node);

}  // namespace sardonyx
