// Types and known integers for every value of a graph, by the rules of its operators. From here on
// every node is known, has all its attributes, and every value has as much type as can be known.
// Entry points: infer_types, infer_one, evaluate_node.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace sardonyx {

// What infer_types passes over; the outputs of such nodes stay as they are declared.
struct InferOptions {
  bool skip_unknown = false;  // nodes of unknown operators
  bool skip_errors = false;   // nodes that break their operator's rules
};

// Verifies each node against its operator's declaration, fills in attribute defaults, infers types
// and known integers, recursively through subgraphs. Lists all unknown operators at once.
Result<void> infer_types(Graph& graph, const InferOptions& options = {});

// The same for one node, once more has become known of its inputs. The node may be lowered.
Result<void> infer_again(Graph& graph, NodeId id);

// The same for the body of a control-flow node, whose input types its operator's rule has set.
Result<void> infer_body(Graph& body);

// The same for the body of a fused node, whose inputs have these types. A body that comes from a
// file has no types inside yet; one that a pass has made has them and stays as it is.
Result<void> infer_read_body(Graph& body, std::span<const ValueType> inputs);

// What is known of a node's outputs, given what is known of its inputs (one entry per input).
struct Inference {
  std::vector<ValueType> types;
  std::vector<std::optional<Dims>> ints;
  std::vector<size_t> wanted;  // inputs whose value the rule asked for and did not get
};
Result<Inference> infer_one(const OpDef& op, const Graph& graph, const Node& node,
                            std::span<const ValueType> types,
                            std::span<const Tensor* const> constants,
                            std::span<const std::optional<Dims>> ints, bool at_load = false);

struct KernelChoice {
  std::string name;
  std::unique_ptr<Kernel> kernel;
  std::vector<std::string> declined;  // "candidate: reason", best first
};
// The first candidate of the operator that accepts.
// Kernels whose names are in `disabled` are passed over.
Result<KernelChoice> choose_kernel(const OpDef& op, const KernelRequest& request,
                                   std::span<const std::string> disabled = {});

// True when the node can be computed ahead of time from constant inputs.
bool can_evaluate(const OpDef& op, const Node& node);
// Computes a node whose inputs are all given (null: omitted); `inputs` parallel to node.inputs.
Result<std::vector<Tensor>> evaluate_node(const OpDef& op, const Graph& graph, const Node& node,
                                          std::span<const Tensor* const> inputs, Tier tier);

}  // namespace sardonyx
