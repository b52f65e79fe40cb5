// Reports of a session's graph and plans, and of the registry; see api/inspect.h.
#include "api/inspect.h"

#include <algorithm>
#include <set>

#include "api/session_state.h"
#include "base/float_state.h"
#include "base/result.h"
#include "cpu/tier.h"

namespace sardonyx {
namespace {

size_t at(ValueId id) { return static_cast<size_t>(id); }

std::string describe_value(const Graph& graph, const Plan& plan, ValueId id) {
  if (id == kNoValue) return "";
  return graph.value(id).name + " " + plan.known.types[at(id)].to_string();
}

double bytes_of(const Plan& plan, ValueId id) {
  if (id == kNoValue) return 0;
  const ValueType& type = plan.known.types[at(id)];
  if (!type.is_concrete() || type.dtype == DType::kString) return 0;
  return static_cast<double>(
      dtype_bytes(type.dtype, static_cast<size_t>(to_shape(*type.dims).count())));
}

// An elementwise operator does one operation per element, where its kernel does not say more.
double flops_of(const Step& step, const Plan& plan) {
  const double stated = step.kernel.kernel->flops();
  if (stated > 0 || step.op->elementwise == nullptr || step.outputs.empty()) return stated;
  const ValueType& type = plan.known.types[at(step.outputs[0])];
  return type.is_concrete() ? static_cast<double>(to_shape(*type.dims).count()) : 0;
}

PlanStep describe_step(const Graph& graph, const Plan& plan, const Step& step) {
  PlanStep report;
  report.node = graph.node(step.node).name;
  report.op = step.op->name;
  report.kernel = step.kernel.name;
  report.declined = step.kernel.declined;
  for (ValueId input : step.inputs) {
    report.inputs.push_back(describe_value(graph, plan, input));
    report.bytes_read += bytes_of(plan, input);
  }
  for (ValueId output : step.outputs) {
    report.outputs.push_back(describe_value(graph, plan, output));
    report.bytes_written += bytes_of(plan, output);
  }
  report.flops = flops_of(step, plan);
  report.workspace_bytes = step.kernel.kernel->workspace_bytes();
  return report;
}

// Each constant once, however many steps read it.
size_t constant_bytes(const Plan& plan) {
  std::set<const void*> seen;
  size_t bytes = 0;
  for (const Step& step : plan.steps) {
    for (ValueId input : step.inputs) {
      if (input == kNoValue) continue;
      const Tensor& constant = plan.known.constants[at(input)];
      if (constant.has_data() && seen.insert(constant.data()).second) bytes += constant.bytes();
    }
  }
  return bytes;
}

std::string waits_for(const Graph& graph, const Plan& plan) {
  std::string text;
  for (const Observed& each : plan.observed) {
    text += fmt::format("{}{} of '{}'", text.empty() ? "" : ", ",
                        each.elements ? "the elements" : "the shape", graph.value(each.value).name);
  }
  return text;
}

// The type of a graph input at run time, given the caller's shapes.
Result<ValueType> planned_type(const GraphValue& input,
                               const std::vector<std::pair<std::string, Shape>>& shapes) {
  for (const auto& [name, shape] : shapes) {
    if (name != input.name) continue;
    if (!input.type.is_tensor()) {
      return fail(Code::kInvalidArgument, "input '{}' is {}, which has no shape", name,
                  input.type.onnx_name());
    }
    if (input.type.has_rank() && input.type.dims->size() != shape.rank()) {
      return fail(Code::kInvalidArgument, "input '{}' is {}, but the shape given is {}", name,
                  input.type.to_string(), shape.to_string());
    }
    for (size_t axis = 0; input.type.has_rank() && axis < shape.rank(); ++axis) {
      const Dim& dim = (*input.type.dims)[axis];
      if (dim.is_constant() && dim.value() != shape[axis]) {
        return fail(Code::kInvalidArgument, "input '{}' is {}, but the shape given is {}", name,
                    input.type.to_string(), shape.to_string());
      }
    }
    return ValueType::tensor(input.type.dtype, to_dims(shape));
  }
  if (input.default_value.has_data()) {
    return ValueType::tensor(input.default_value.dtype(), to_dims(input.default_value.shape()));
  }
  if (input.type.is_concrete()) return input.type;
  return fail(Code::kInvalidArgument, "input '{}' is {}; give its shape", input.name,
              input.type.to_string());
}

std::vector<std::string> type_names(DTypeSet types) {
  if (types == kAnyValue) return {"any"};
  std::vector<std::string> names;
  for (int number = 1; number < kDTypeCount; ++number) {
    const auto dtype = static_cast<DType>(number);
    if ((types & dtype_bit(dtype)) != 0) names.emplace_back(dtype_name(dtype));
  }
  return names;
}

}  // namespace

GraphReport describe_graph(const Session& session) {
  const Session::State& state = session.state();
  GraphReport report;
  report.text = to_text(*state.graph);
  report.op_counts = state.op_counts;
  report.node_count = state.node_count;
  for (const Node& node : state.graph->nodes()) {
    if (node.removed) continue;
    ++report.final_node_count;
    report.nodes.push_back({node.name, node.domain, node.op_type});
  }
  report.parameter_count = state.parameter_count;
  report.parameter_bytes = state.parameter_bytes;
  for (const PassRecord& pass : state.passes) {
    report.passes.push_back({pass.name, pass.changed, pass.duration_ns, pass.nodes_after});
  }
  return report;
}

Result<PlanReport> describe_plan(const Session& session,
                                 const std::vector<std::pair<std::string, Shape>>& input_shapes) {
  const Session::State& state = session.state();
  const Graph& graph = *state.graph;
  std::vector<ValueType> types;
  for (ValueId input : graph.inputs()) {
    types.push_back(TRY(planned_type(graph.value(input), input_shapes)));
  }
  const FlushDenormals flush(state.flush_denormals);
  PlanReport report;
  double parts = 1;
  if (auto cut = state.runner->parts_for(types)) {
    report.items = cut->items;
    report.part_items = cut->part_items;
    parts = static_cast<double>(cut->items) / static_cast<double>(cut->part_items);
    types = std::move(cut->inputs);
  }
  const std::shared_ptr<Plan> plan = TRY(state.runner->plan_for(types));
  for (const Step& step : plan->steps) {
    PlanStep& shown = report.steps.emplace_back(describe_step(graph, *plan, step));
    for (double* of_run : {&shown.flops, &shown.bytes_read, &shown.bytes_written}) *of_run *= parts;
  }
  report.complete = plan->complete;
  report.waits_for = waits_for(graph, *plan);
  report.arena_bytes = plan->arena_bytes;
  report.unshared_bytes = plan->unshared_bytes;
  report.weight_bytes = constant_bytes(*plan);
  return report;
}

std::vector<OpRow> list_ops() {
  std::vector<OpRow> rows;
  for (const OpDef& op : all_ops()) {
    OpRow row{op.domain, op.name, op.versions, {}, {}};
    if (!op.inputs.empty()) row.types = type_names(op.inputs[0].types);
    for (const KernelCandidate& kernel : op.kernels) row.kernels.emplace_back(kernel.name);
    if (op.lower != nullptr) row.kernels.push_back("other operators");
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace sardonyx
