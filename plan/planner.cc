// Makes plans: walks the nodes in order with concrete shapes, computes what is already known,
// chooses kernels, then lays out memory. See plan/plan.h.
#include <algorithm>
#include <cstring>

#include "base/rebuilt.h"
#include "ops/bodies.h"
#include "ops/conv_kernel.h"
#include "ops/lone_node.h"
#include "ops/transpose.h"
#include "plan/execute.h"
#include "plan/in_place.h"
#include "plan/memory.h"
#include "plan/plan.h"
#include "plan/runner.h"

namespace sardonyx {
namespace {

// Nodes with at most this many bytes of inputs are computed while planning when all are known.
constexpr size_t kFoldBytes = 64 * 1024;

class Planner {
 public:
  Planner(const PlannedGraph& graph, std::shared_ptr<const PlanContext> context,
          const RunnerSource& runners)
      : graph_(*graph.graph), nodes_(graph), context_(std::move(context)), runners_(runners) {}

  Result<std::shared_ptr<Plan>> start(std::span<const ValueType> inputs) {
    const size_t count = graph_.value_count();
    known().types.resize(count);
    known().constants.resize(count);
    known().ints.resize(count);
    known().places.resize(count);
    known().roots.resize(count);
    known().planned.resize(graph_.nodes().size());
    for (size_t id = 0; id < count; ++id) {
      known().roots[id] = static_cast<ValueId>(id);
      const GraphValue& value = graph_.value(static_cast<ValueId>(id));
      if (value.is_constant()) set_constant(static_cast<ValueId>(id), value.constant);
    }
    int index = 0;
    for (const auto* ids : {&graph_.inputs(), &graph_.captures()}) {
      for (ValueId id : *ids) {
        known().types[at(id)] = inputs[static_cast<size_t>(index)];
        known().places[at(id)] = {Place::Kind::kInput, index++, 0};
      }
    }
    return finish();
  }

  Result<std::shared_ptr<Plan>> resume(const Plan& before, std::span<const Value> observed) {
    known() = before.known;
    plan_->slot_count = before.slot_count;
    plan_->depth = before.depth + 1;
    for (size_t i = 0; i < observed.size(); ++i) {
      const ValueId id = before.observed[i].value;
      const Tensor& tensor = observed[i].tensor();
      known().types[at(id)] = ValueType::tensor(tensor.dtype(), to_dims(tensor.shape()));
      if (before.observed[i].elements) set_constant(id, tensor);
    }
    auto plan = TRY(finish());
    if (plan->steps.empty() && plan->observed == before.observed) {
      return fail(Code::kFail, "planning makes no progress beyond value '{}'",
                  graph_.value(plan->observed.front().value).name);
    }
    return plan;
  }

 private:
  static size_t at(ValueId id) { return static_cast<size_t>(id); }
  Knowledge& known() { return plan_->known; }
  Place& place(ValueId id) { return known().places[at(known().roots[at(id)])]; }

  void set_constant(ValueId id, Tensor tensor) {
    known().types[at(id)] = ValueType::tensor(tensor.dtype(), to_dims(tensor.shape()));
    known().roots[at(id)] = id;
    known().places[at(id)] = {Place::Kind::kConstant, 0, 0};
    known().constants[at(id)] = std::move(tensor);
    known().ints[at(id)].reset();  // the numbers themselves say more
  }

  Result<std::shared_ptr<Plan>> finish() {
    for (NodeId id : nodes_.order) {
      if (known().planned[static_cast<size_t>(id)]) continue;
      TRY_AT(graph_.node(id).title(), plan_node(id));
    }
    if (!plan_->complete && plan_->observed.empty()) {
      return fail(Code::kFail, "cannot plan {}: the shapes of its inputs never become known",
                  first_unplanned());
    }
    for (const GraphOutput& output : graph_.outputs()) {
      if (is_constant(output.value)) keep_bytes(known().constants[at(output.value)]);
    }
    join_steps();
    place_values();
    return std::move(plan_);
  }

  std::string first_unplanned() {
    for (NodeId id : nodes_.order) {
      if (!known().planned[static_cast<size_t>(id)]) return graph_.node(id).title();
    }
    return "the graph";
  }

  // ---- one node

  void observe(ValueId id, bool elements) {
    for (Observed& each : plan_->observed) {
      if (each.value == id) {
        each.elements |= elements;
        return;
      }
    }
    plan_->observed.push_back({id, elements});
  }

  static std::vector<ValueId> operands_of(const Node& node) {
    std::vector<ValueId> operands = node.inputs;
    for_each_subgraph(node, [&](const Subgraph& subgraph) {
      operands.insert(operands.end(), subgraph.captures.begin(), subgraph.captures.end());
    });
    return operands;
  }

  // Whether the value exists and, as a tensor, has a known shape; asks for the shape otherwise.
  bool is_ready(ValueId id) {
    if (id == kNoValue) return true;
    if (place(id).kind == Place::Kind::kNone && !is_pending(id)) return false;
    const ValueType& type = known().types[at(id)];
    if (!type.is_tensor()) return type.kind != ValueType::Kind::kUnknown;
    if (type.is_concrete()) return true;
    observe(id, false);
    return false;
  }
  // Computed by a step of this plan, which has no place yet.
  bool is_pending(ValueId id) const {
    const NodeId producer = graph_.value(plan_->known.roots[at(id)]).producer;
    return producer != kNoNode && plan_->known.planned[static_cast<size_t>(producer)];
  }

  Result<void> plan_node(NodeId id) {
    const Node& node = graph_.node(id);
    const OpDef& op = *nodes_.ops[static_cast<size_t>(id)];
    const std::vector<ValueId> operands = operands_of(node);
    bool ready = true;
    for (ValueId operand : operands) ready &= is_ready(operand);
    if (!ready) {
      plan_->complete = false;
      return {};
    }
    if (TRY(fold(op, node))) {
      known().planned[static_cast<size_t>(id)] = true;
      return {};
    }
    LoneNode lone;
    if (op.lower != nullptr) lone = TRY(lower_now(node));
    const Inference inferred =
        lone.graph == nullptr ? TRY(infer(op, node)) : inference_of(*lone.graph, node);
    if (waits_for_values(node, inferred)) {
      plan_->complete = false;
      return {};
    }
    known().planned[static_cast<size_t>(id)] = true;
    bool computed = true;  // every output is known without running anything
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = node.outputs[i];
      if (output == kNoValue) continue;
      known().types[at(output)] = inferred.types[i];
      known().ints[at(output)] = inferred.ints[i];
      computed &= make_integers_constant(output);
    }
    if (computed) return {};
    if (op.is_view || moves_nothing(node, known().types)) {
      if (is_constant(node.inputs[0])) {
        const ValueType& type = known().types[at(node.outputs[0])];
        set_constant(node.outputs[0],
                     known().constants[at(node.inputs[0])].reshaped(to_shape(*type.dims)));
        return {};
      }
      known().roots[at(node.outputs[0])] = known().roots[at(node.inputs[0])];
      return {};
    }
    if (lone.graph != nullptr) return add_lowered_step(id, op, std::move(lone));
    return add_step(id, op, operands);
  }

  // What is known of the inputs of a node, one entry for each.
  struct Facts {
    std::vector<ValueType> types;
    std::vector<const Tensor*> constants;
    std::vector<std::optional<Dims>> ints;
  };
  Facts facts_of(const Node& node) {
    Facts facts;
    for (ValueId input : node.inputs) {
      const bool given = input != kNoValue;
      facts.types.push_back(given ? known().types[at(input)] : ValueType());
      facts.constants.push_back(given && is_constant(input) ? &known().constants[at(input)]
                                                            : nullptr);
      facts.ints.push_back(given ? known().ints[at(input)] : std::nullopt);
    }
    return facts;
  }

  Result<Inference> infer(const OpDef& op, const Node& node) {
    const Facts facts = facts_of(node);
    return infer_one(op, graph_, node, facts.types, facts.constants, facts.ints);
  }

  bool is_constant(ValueId id) { return known().constants[at(id)].has_data(); }

  // True when the shape of an output needs values that only a run can tell.
  bool waits_for_values(const Node& node, const Inference& inferred) {
    bool open = false;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueType& type = inferred.types[i];
      if (node.outputs[i] != kNoValue && type.is_tensor() && !type.is_concrete()) open = true;
    }
    if (!open) return false;
    bool waits = false;
    for (size_t index : inferred.wanted) {
      if (!known().types[at(node.inputs[index])].is_tensor()) continue;
      observe(node.inputs[index], true);
      waits = true;
    }
    return waits;
  }

  // Runs the node now when everything it reads is known and small.
  Result<bool> fold(const OpDef& op, const Node& node) {
    if (!can_evaluate(op, node)) return false;
    std::vector<const Tensor*> inputs;
    size_t bytes = 0;
    for (ValueId input : node.inputs) {
      if (input != kNoValue && !is_constant(input)) return false;
      inputs.push_back(input == kNoValue ? nullptr : &known().constants[at(input)]);
      if (input != kNoValue) bytes += inputs.back()->bytes();
    }
    if (bytes > kFoldBytes || node.inputs.empty()) return false;
    auto outputs = evaluate_node(op, graph_, node, inputs, context_->tier);
    if (!outputs) {
      if (outputs.error().code == Code::kNotImplemented) return false;
      return tl::unexpected(std::move(outputs.error()));
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) set_constant(node.outputs[i], std::move((*outputs)[i]));
    }
    return true;
  }

  // A value whose integers are all known needs no computing. Returns whether it is constant now.
  bool make_integers_constant(ValueId id) {
    const auto& ints = known().ints[at(id)];
    const ValueType& type = known().types[at(id)];
    if (!ints || !all_constant(*ints) || !type.is_concrete()) return false;
    if (type.dtype != DType::kInt64 && type.dtype != DType::kInt32) return false;
    auto tensor = Tensor::allocate(type.dtype, to_shape(*type.dims));
    if (!tensor || tensor->count() != static_cast<int64_t>(ints->size())) return false;
    for (size_t i = 0; i < ints->size(); ++i) {
      if (type.dtype == DType::kInt64) {
        tensor->as<int64_t>()[i] = (*ints)[i].value();
      } else {
        tensor->as<int32_t>()[i] = static_cast<int32_t>((*ints)[i].value());
      }
    }
    set_constant(id, std::move(*tensor));
    return true;
  }

  Result<void> add_step(NodeId id, const OpDef& op, const std::vector<ValueId>& operands) {
    const Node& node = graph_.node(id);
    std::vector<Operand> inputs(operands.size());
    for (size_t i = 0; i < operands.size(); ++i) {
      if (operands[i] == kNoValue) continue;
      inputs[i].type = known().types[at(operands[i])];
      if (is_constant(operands[i])) inputs[i].constant = &known().constants[at(operands[i])];
    }
    std::vector<Operand> outputs(node.outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) outputs[i].type = known().types[at(node.outputs[i])];
    }
    Step step;
    const auto runner = [&](std::string_view attr) -> std::shared_ptr<GraphRunner> {
      step.runs_subgraphs = true;
      const Subgraph* subgraph = node.attrs.get_subgraph(attr);
      return subgraph == nullptr ? nullptr : runners_(subgraph->body);
    };
    const KernelRequest request{node,
                                inputs,
                                outputs,
                                context_->tier,
                                context_->pool->threads(),
                                *context_->weights,
                                runner,
                                context_->bf16_products};
    step.node = id;
    step.op = &op;
    step.kernel = TRY(choose_kernel(op, request, context_->disabled_kernels));
    for (size_t i = 0; i < operands.size(); ++i) {
      if (inputs[i].constant == nullptr) continue;
      if (i >= node.inputs.size() || step.kernel.kernel->reads(i)) keep_bytes(*inputs[i].constant);
    }
    step.keeps_denormals = keeps_denormals(op, node);
    step.inputs = operands;
    step.outputs = node.outputs;
    plan_->steps.push_back(std::move(step));
    return {};
  }

  // ---- a node that waited for its shapes to be said with other operators

  Result<LoneNode> lower_now(const Node& node) {
    const Facts facts = facts_of(node);
    LoneNode lone = make_lone_node(graph_, node, facts.types, facts.constants, facts.ints);
    TRY(infer_types(*lone.graph));
    return lone;
  }

  static Inference inference_of(const Graph& lowered, const Node& node) {
    Inference inferred;
    size_t next = 0;
    for (ValueId output : node.outputs) {
      const bool asked = output != kNoValue;
      const GraphValue* value = asked ? &lowered.value(lowered.outputs()[next++].value) : nullptr;
      inferred.types.push_back(asked ? value->type : ValueType());
      inferred.ints.push_back(asked ? value->known_ints : std::nullopt);
    }
    return inferred;
  }

  Result<void> add_lowered_step(NodeId id, const OpDef& op, LoneNode lone) {
    Step step;
    step.node = id;
    step.op = &op;
    step.inputs = graph_.node(id).inputs;
    step.outputs = graph_.node(id).outputs;
    step.runs_subgraphs = true;
    step.kernel.name = "lowered";
    const auto runner = TRY(PlanRunner::make(std::move(lone.graph), context_));
    step.kernel.kernel = make_kernel([runner, inputs = std::move(lone.inputs)](RunArgs& args) {
      std::vector<Value> given;
      for (size_t input : inputs) given.push_back(args.input_value(input));
      auto results = runner->run(given, {});
      if (!results) return report_error(args, std::move(results.error()));
      size_t next = 0;
      for (size_t i = 0; i < args.output_values.size(); ++i) {
        if (args.output_values[i] == nullptr) continue;
        auto owned = own_value((*results)[next++]);
        if (!owned) return report_error(args, std::move(owned.error()));
        args.set_value(i, std::move(*owned));
      }
    });
    plan_->steps.push_back(std::move(step));
    return {};
  }

  // ---- steps that one kernel does at once

  // How often each root is read, by steps and by what comes after the plan.
  std::vector<int> count_reads() {
    std::vector<int> reads(graph_.value_count(), 0);
    const auto count = [&](ValueId id) {
      if (id != kNoValue) ++reads[at(known().roots[at(id)])];
    };
    for (const Step& step : plan_->steps) {
      std::for_each(step.inputs.begin(), step.inputs.end(), count);
    }
    for (NodeId id : nodes_.order) {
      if (known().planned[static_cast<size_t>(id)]) continue;
      const std::vector<ValueId> operands = operands_of(graph_.node(id));
      std::for_each(operands.begin(), operands.end(), count);
    }
    for (const Observed& each : plan_->observed) count(each.value);
    for (const GraphOutput& output : graph_.outputs()) count(output.value);
    return reads;
  }

  // A convolution whose result only the next one reads. Knows nothing of convolutions itself.
  void join_steps() {
    std::vector<Step>& steps = plan_->steps;
    const std::vector<int> reads = count_reads();
    std::vector<int> writer(graph_.value_count(), -1);
    std::vector<bool> joined(steps.size(), false);
    for (size_t s = 0; s < steps.size(); ++s) {
      Step& step = steps[s];
      for (ValueId output : step.outputs) {
        if (output != kNoValue) writer[at(output)] = static_cast<int>(s);
      }
      const ValueId given = step.inputs.empty() ? kNoValue : step.inputs[0];
      if (given == kNoValue || writer[at(given)] < 0 || reads[at(given)] != 1) continue;
      const auto before = static_cast<size_t>(writer[at(given)]);
      Step& first = steps[before];
      if (first.outputs.size() != 1 || first.keeps_denormals != step.keeps_denormals) continue;
      auto kernel =
          join_convolutions(context_->tier, context_->pool->threads(), first.kernel.kernel,
                            first.inputs.size(), step.kernel.kernel, step.inputs.size());
      if (kernel == nullptr) continue;
      step.kernel.kernel = std::move(kernel);
      step.kernel.name += " behind " + first.kernel.name;
      std::vector<ValueId> inputs = std::move(first.inputs);
      inputs.push_back(kNoValue);
      inputs.insert(inputs.end(), step.inputs.begin() + 1, step.inputs.end());
      step.inputs = std::move(inputs);
      joined[before] = true;
    }
    size_t kept = 0;
    for (size_t s = 0; s < steps.size(); ++s) {
      if (joined[s]) continue;
      if (kept != s) steps[kept] = std::move(steps[s]);
      ++kept;
    }
    steps.resize(kept);
  }

  // ---- memory

  // Values that kernels hand over as Values: no tensors, strings, shapes that depend on data, and
  // whatever comes out of a subgraph.
  bool needs_slot(const Step& step, ValueId output) {
    const ValueType& type = known().types[at(output)];
    return !type.is_concrete() || type.dtype == DType::kString || step.runs_subgraphs;
  }

  void place_values() {
    const int end = static_cast<int>(plan_->steps.size());
    std::vector<int> last_use(graph_.value_count(), -1);  // by root
    for (int s = 0; s < end; ++s) {
      for (ValueId input : plan_->steps[static_cast<size_t>(s)].inputs) {
        if (input != kNoValue) last_use[at(known().roots[at(input)])] = s;
      }
    }
    for (NodeId id : nodes_.order) {
      if (known().planned[static_cast<size_t>(id)]) continue;
      for (ValueId operand : operands_of(graph_.node(id))) {
        if (operand != kNoValue) last_use[at(known().roots[at(operand)])] = end;
      }
    }
    for (const Observed& each : plan_->observed) {
      last_use[at(known().roots[at(each.value)])] = end;
    }
    for (const GraphOutput& output : graph_.outputs()) {
      last_use[at(known().roots[at(output.value)])] = end;
    }
    claim_results();
    std::vector<bool> slots(graph_.value_count(), false);
    for (const Step& step : plan_->steps) {
      for (ValueId output : step.outputs) {
        if (output != kNoValue) slots[at(output)] = needs_slot(step, output);
      }
    }
    const PartsOfPlan parts = place_parts(graph_, *plan_, slots, last_use);
    lay_out(parts, last_use, end);
    size_t kept = 0;
    for (size_t s = 0; s < plan_->steps.size(); ++s) {
      if (parts.needless[s]) continue;
      if (kept != s) plan_->steps[kept] = std::move(plan_->steps[s]);
      ++kept;
    }
    plan_->steps.resize(kept);
  }

  // Values that are graph outputs are computed right where the caller wants them.
  void claim_results() {
    std::vector<bool> mine(graph_.value_count(), false);
    for (const Step& step : plan_->steps) {
      for (ValueId output : step.outputs) {
        if (output != kNoValue && !needs_slot(step, output)) mine[at(output)] = true;
      }
    }
    for (size_t i = 0; i < graph_.outputs().size(); ++i) {
      const ValueId value = graph_.outputs()[i].value;
      const ValueId root = known().roots[at(value)];
      const ValueType& type = known().types[at(value)];
      if (!mine[at(root)] || !type.is_concrete()) continue;
      mine[at(root)] = false;
      known().places[at(root)] = {Place::Kind::kOutput, static_cast<int>(i), 0};
      plan_->results.push_back({i, root, type.dtype, to_shape(*type.dims)});
    }
  }

  void lay_out(const PartsOfPlan& parts, const std::vector<int>& last_use, int end) {
    std::vector<MemoryBlock> blocks;
    std::vector<int> block_of(graph_.value_count(), -1);  // by root
    std::vector<std::pair<size_t, size_t>> workspaces;    // step, block
    const auto add_block = [&](ValueId root, int s) {
      block_of[at(root)] = static_cast<int>(blocks.size());
      blocks.push_back({bytes_of(root), s, std::max(last_use[at(root)], s), 0});
    };
    const auto add_to_arena = [&](ValueId root) {
      plan_->in_arena.push_back(root);
      plan_->unshared_bytes += bytes_of(root);
    };
    std::vector<ValueId> host_of(graph_.value_count(), kNoValue);
    for (const Part& part : plan_->parts) host_of[at(part.root)] = part.host;
    for (int s = 0; s < end; ++s) {
      if (parts.needless[static_cast<size_t>(s)]) continue;
      const Step& step = plan_->steps[static_cast<size_t>(s)];
      for (size_t o = 0; o < step.outputs.size(); ++o) {
        const ValueId output = step.outputs[o];
        if (output == kNoValue) continue;
        if (needs_slot(step, output)) {
          known().places[at(output)] = {Place::Kind::kSlot, plan_->slot_count++, 0};
          continue;
        }
        const bool is_part = parts.is_part[at(output)];
        const ValueId root = is_part ? host_of[at(output)] : output;
        if (known().places[at(root)].kind == Place::Kind::kOutput || block_of[at(root)] >= 0) {
          continue;
        }
        const int shared = is_part ? -1 : overwritten_block(step, o, s, last_use, block_of, blocks);
        if (shared < 0) {
          add_block(root, s);
        } else {
          auto& block = blocks[static_cast<size_t>(shared)];
          block.last_step = std::max({block.last_step, last_use[at(root)], s});
          block_of[at(root)] = shared;
        }
        add_to_arena(root);
      }
      if (const size_t bytes = step.kernel.kernel->workspace_bytes(); bytes != 0) {
        workspaces.emplace_back(static_cast<size_t>(s), blocks.size());
        blocks.push_back({bytes, s, s, 0});
        plan_->unshared_bytes += bytes;
      }
    }
    plan_->arena_bytes = place_blocks(blocks);
    for (ValueId root : plan_->in_arena) {
      const auto& block = blocks[static_cast<size_t>(block_of[at(root)])];
      known().places[at(root)] = {Place::Kind::kArena, plan_->depth, block.offset};
    }
    for (const auto& [step, block] : workspaces) {
      plan_->steps[step].workspace_offset = blocks[block].offset;
    }
  }

  size_t bytes_of(ValueId id) {
    const ValueType& type = known().types[at(id)];
    return dtype_bytes(type.dtype, static_cast<size_t>(to_shape(*type.dims).count()));
  }

  // The block of an input that dies here and may be written over, or -1.
  int overwritten_block(const Step& step, size_t output, int s, const std::vector<int>& last_use,
                        const std::vector<int>& block_of, const std::vector<MemoryBlock>& blocks) {
    for (size_t i = 0; i < step.inputs.size(); ++i) {
      if (step.inputs[i] == kNoValue) continue;
      const ValueId root = known().roots[at(step.inputs[i])];
      const int block = block_of[at(root)];
      if (block < 0 || last_use[at(root)] != s) continue;
      if (blocks[static_cast<size_t>(block)].last_step != s) continue;
      if (blocks[static_cast<size_t>(block)].bytes != bytes_of(step.outputs[output])) continue;
      if (reads_root_twice(step, root) || !step.kernel.kernel->can_overwrite(i, output)) continue;
      return block;
    }
    return -1;
  }

  bool reads_root_twice(const Step& step, ValueId root) {
    return std::count_if(step.inputs.begin(), step.inputs.end(), [&](ValueId input) {
             return input != kNoValue && known().roots[at(input)] == root;
           }) > 1;
  }

  const Graph& graph_;
  const PlannedGraph& nodes_;
  std::shared_ptr<const PlanContext> context_;
  const RunnerSource& runners_;
  std::shared_ptr<Plan> plan_ = std::make_shared<Plan>();
};

}  // namespace

Result<std::shared_ptr<Plan>> make_plan(const PlannedGraph& graph,
                                        const std::shared_ptr<const PlanContext>& context,
                                        const RunnerSource& runners,
                                        std::span<const ValueType> inputs) {
  return Planner(graph, context, runners).start(inputs);
}

Result<std::shared_ptr<Plan>> continue_plan(const PlannedGraph& graph,
                                            const std::shared_ptr<const PlanContext>& context,
                                            const RunnerSource& runners, const Plan& before,
                                            std::span<const Value> observed) {
  return Planner(graph, context, runners).resume(before, observed);
}

}  // namespace sardonyx
