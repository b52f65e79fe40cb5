// Walks a graph with the type-and-shape rules; see ops/infer.h.
#include "ops/infer.h"

#include <algorithm>
#include <bit>
#include <deque>

#include "base/float_state.h"
#include "base/memory.h"
#include "base/rebuilt.h"
#include "ops/lone_node.h"

namespace sardonyx {
namespace {

// "Foo (nodes 'a', 'b'), com.x.Bar (node 'c')" for everything no operator is known for.
void list_unknown_ops(const Graph& graph, std::vector<std::pair<std::string, std::string>>& found) {
  for (const Node& node : graph.nodes()) {
    if (node.removed) continue;
    for_each_subgraph(node, [&](const Subgraph& sub) { list_unknown_ops(*sub.body, found); });
    if (find_op(node) != nullptr) continue;
    const std::string op =
        node.domain.empty() ? node.op_type : fmt::format("{}.{}", node.domain, node.op_type);
    auto entry = std::find_if(found.begin(), found.end(),
                              [&](const auto& each) { return each.first == op; });
    if (entry == found.end()) entry = found.insert(found.end(), {op, ""});
    if (entry->second.size() < 200) {
      entry->second += (entry->second.empty() ? "'" : ", '") + node.name + "'";
    } else if (!entry->second.ends_with("...")) {
      entry->second += ", ...";
    }
  }
}

Result<void> verify_ops_known(const Graph& graph) {
  std::vector<std::pair<std::string, std::string>> unknown;
  list_unknown_ops(graph, unknown);
  if (unknown.empty()) return {};
  std::string list;
  for (const auto& [op, nodes] : unknown) {
    list += fmt::format("{}{} (node {})", list.empty() ? "" : "; ", op, nodes);
  }
  return fail(Code::kNotImplemented,
              "the model uses {} operator{} that this version does not have: {}. Give the model a "
              "function of that domain and name, register a custom operator, or export the model "
              "without it",
              unknown.size(), unknown.size() == 1 ? "" : "s", list);
}

// What a body sees of the values it captures.
void pass_captures(const Graph& graph, const Node& node) {
  for_each_subgraph(node, [&](const Subgraph& subgraph) {
    for (size_t i = 0; i < subgraph.captures.size(); ++i) {
      const GraphValue& outer = graph.value(subgraph.captures[i]);
      GraphValue& inner = subgraph.body->value(subgraph.body->captures()[i]);
      inner.type = outer.type;
      inner.known_ints = outer.known_ints;
    }
  });
}

Result<void> infer_into(Graph& graph, const OpDef& op, NodeId id) {
  pass_captures(graph, graph.node(id));
  const Node& node = graph.node(id);
  std::vector<ValueType> types;
  std::vector<const Tensor*> constants;
  std::vector<std::optional<Dims>> ints;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool given = node.inputs[i] != kNoValue;
    types.push_back(given ? graph.value(node.inputs[i]).type : ValueType());
    constants.push_back(graph.constant_input(node, i));
    ints.push_back(given ? graph.value(node.inputs[i]).known_ints : std::nullopt);
  }
  const Inference inferred = TRY(infer_one(op, graph, node, types, constants, ints, true));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    GraphValue& output = graph.value(node.outputs[i]);
    output.type = merge_types(inferred.types[i], output.type);
    output.known_ints = inferred.ints[i];
  }
  return {};
}

// What the declaration alone says of the outputs: a dtype that is that of an input, or the only
// one.
void infer_dtypes(Graph& graph, const OpDef& op, const Node& node) {
  for (size_t i = 0; i < std::min(node.outputs.size(), op.outputs.size()); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    const FormalParam& formal = op.outputs[i];
    ValueType type = ValueType::tensor(DType::kUndefined);
    for (size_t k = 0; k < std::min(node.inputs.size(), op.inputs.size()); ++k) {
      if (node.inputs[k] == kNoValue || formal.type_name.empty()) continue;
      if (op.inputs[k].type_name != formal.type_name) continue;
      type.dtype = graph.value(node.inputs[k]).type.dtype;
      if (type.dtype != DType::kUndefined) break;
    }
    if (type.dtype == DType::kUndefined && std::has_single_bit(formal.types)) {
      type.dtype = static_cast<DType>(std::countr_zero(formal.types));
    }
    GraphValue& output = graph.value(node.outputs[i]);
    output.type = merge_types(type, output.type);
  }
}

// Verifies and infers one node, or those that it is lowered to.
Result<void> infer_at(Graph& graph, NodeId id) {
  const OpDef* op = find_op(graph.node(id));
  if (op == nullptr) return {};  // verify_ops_known has let it pass
  TRY(verify_node(*op, graph, graph.node(id)));
  if (op->lower == nullptr) return infer_into(graph, *op, id);
  if (waits_for_shapes(*op, graph, graph.node(id))) {
    if (op->infer != nullptr) return infer_into(graph, *op, id);
    infer_dtypes(graph, *op, graph.node(id));
    return {};
  }
  const std::string title = graph.node(id).title();
  const auto first = static_cast<NodeId>(graph.nodes().size());
  TRY_AT(title, op->lower(graph, id));
  const auto last = static_cast<NodeId>(graph.nodes().size());  // those behind are lowered ones'
  for (NodeId fresh = first; fresh < last; ++fresh) {
    if (!graph.node(fresh).removed) TRY_AT(title, infer_at(graph, fresh));
  }
  return {};
}

Result<void> infer_graph(Graph& graph, bool skip_errors) {
  for (NodeId id : TRY(graph.order())) {
    auto done = infer_at(graph, id);
    if (!done && !skip_errors) return done;
  }
  for (GraphOutput& output : graph.mutable_outputs()) {
    if (output.value == kNoValue) continue;
    output.type = merge_types(graph.value(output.value).type, output.type);
  }
  return {};
}

}  // namespace

Result<void> infer_types(Graph& graph, const InferOptions& options) {
  if (!options.skip_unknown) TRY(verify_ops_known(graph));
  return infer_graph(graph, options.skip_errors);
}

Result<void> infer_again(Graph& graph, NodeId id) { return infer_at(graph, id); }

Result<void> infer_body(Graph& body) { return infer_graph(body, false); }

Result<void> infer_read_body(Graph& body, std::span<const ValueType> inputs) {
  const bool typed =
      std::all_of(body.outputs().begin(), body.outputs().end(), [&](const GraphOutput& output) {
        return body.value(output.value).type.dtype != DType::kUndefined;
      });
  if (typed) return {};
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    GraphValue& input = body.value(body.inputs()[i]);
    input.type = merge_types(inputs[i], input.type);
  }
  return infer_body(body);
}

Result<Inference> infer_one(const OpDef& op, const Graph& graph, const Node& node,
                            std::span<const ValueType> types,
                            std::span<const Tensor* const> constants,
                            std::span<const std::optional<Dims>> ints, bool at_load) {
  InferContext context(graph, node, types, constants, ints, at_load);
  TRY(infer_node(op, context));
  return Inference{context.output_types(), context.output_ints(), context.wanted()};
}

bool can_evaluate(const OpDef& op, const Node& node) {
  if (op.is_random || op.kernels.empty()) return false;
  bool has_subgraph = false;
  for_each_subgraph(node, [&](const Subgraph&) { has_subgraph = true; });
  return !has_subgraph;
}

namespace {

// The run-time side of evaluate_node: one kernel, on the calling thread, on owned tensors.
Result<std::vector<Tensor>> run_once(const Kernel& kernel, const Node& node,
                                     std::span<const Tensor* const> inputs,
                                     std::span<const ValueType> output_types) {
  std::vector<TensorView> input_views(inputs.size());
  std::vector<const Value*> input_values(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != nullptr) input_views[i] = inputs[i]->view();
  }
  std::vector<TensorView> output_views(node.outputs.size());
  std::vector<Value> results(node.outputs.size());
  std::vector<Value*> output_values(node.outputs.size(), nullptr);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoValue) continue;
    output_values[i] = &results[i];
    if (!output_types[i].is_concrete()) continue;
    results[i] = TRY(Tensor::allocate(output_types[i].dtype, to_shape(*output_types[i].dims)));
    output_views[i] = results[i].tensor().view();
  }
  ThreadPool alone(1);
  Error error{Code::kOk, "", ""};
  const auto workspace = allocate_memory(kernel.workspace_bytes(), Contents::kUndefined);
  RunArgs args{input_views,     output_views, input_values, output_values,
               workspace.get(), &alone,       &error};
  kernel.run(args);
  if (args.failed()) return tl::unexpected(std::move(error).at(node.title()));
  std::vector<Tensor> tensors;
  for (Value& result : results) {
    if (result.kind() != Value::Kind::kTensor && result.kind() != Value::Kind::kNone) {
      return fail(Code::kNotImplemented, "{} gives a value that is not a tensor", node.title());
    }
    tensors.push_back(result.tensor());
  }
  return tensors;
}

}  // namespace

Result<std::vector<Tensor>> evaluate_node(const OpDef& op, const Graph& graph, const Node& node,
                                          std::span<const Tensor* const> inputs, Tier tier) {
  std::vector<Operand> operands(inputs.size());
  std::vector<ValueType> types(inputs.size());
  std::deque<Reading> readings;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    readings.emplace_back(*inputs[i]);
    types[i] = ValueType::tensor(inputs[i]->dtype(), to_dims(inputs[i]->shape()));
    operands[i] = Operand{types[i], inputs[i]};
  }
  const std::vector<std::optional<Dims>> ints(inputs.size());
  const Inference inferred = TRY(infer_one(op, graph, node, types, inputs, ints));
  std::vector<Operand> outputs(node.outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) outputs[i].type = inferred.types[i];
  }
  WeightCache weights;
  const KernelRequest request{node, operands, outputs, tier, 1, weights, nullptr};
  std::optional<KeepDenormals> keep;
  if (keeps_denormals(op, node)) keep.emplace();
  const KernelChoice choice = TRY(choose_kernel(op, request));
  return run_once(*choice.kernel, node, inputs, inferred.types);
}

Result<KernelChoice> choose_kernel(const OpDef& op, const KernelRequest& request,
                                   std::span<const std::string> disabled) {
  KernelChoice choice;
  for (const KernelCandidate& candidate : op.kernels) {
    if (std::find(disabled.begin(), disabled.end(), candidate.name) != disabled.end()) {
      choice.declined.push_back(std::string(candidate.name) + ": disabled");
      continue;
    }
    auto made = candidate.make(request);
    if (made) {
      choice.name = candidate.name;
      choice.kernel = std::move(*made);
      return choice;
    }
    if (made.error().code != Code::kNotImplemented) {
      return tl::unexpected(std::move(made.error()).at(request.node.title()));
    }
    choice.declined.push_back(std::string(candidate.name) + ": " + made.error().message);
  }
  std::string reasons;
  for (const std::string& reason : choice.declined) reasons += "; " + reason;
  auto failure = fail(Code::kNotImplemented, "no kernel of {} takes it{}", op.name, reasons);
  return tl::unexpected(std::move(failure.value()).at(request.node.title()));
}

}  // namespace sardonyx
