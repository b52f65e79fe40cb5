// `sardonyx graph`: what a model is made of: inputs, outputs, operators, parameters, work, shapes.
#include "api/inspect.h"
#include "apps/cli/commands.h"
#include "apps/cli/inputs.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

struct GraphCommand {
  ModelOptions model;
  InputOptions inputs;
  bool nodes = false;
  bool passes = false;
};

std::vector<std::pair<std::string, Shape>> input_shapes(const Session& session,
                                                        const InputOptions& options) {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const ArgInfo& input : session.inputs()) {
    if (input.kind == ArgInfo::Kind::kTensor) {
      shapes.emplace_back(input.name, shape_of_input(input, options));
    }
  }
  return shapes;
}

struct Work {
  std::string text;
  double flops = 0;
  bool known = false;
};

Work work_of(const Session& session, const InputOptions& options) {
  for (const ArgInfo& input : session.inputs()) {
    if (input.kind != ArgInfo::Kind::kTensor || !input.has_rank) return {"unknown", 0, false};
  }
  const Result<PlanReport> plan = describe_plan(session, input_shapes(session, options));
  if (!plan) return {"unknown: " + plan.error().text(), 0, false};
  Work work{"", 0, plan->complete};
  for (const PlanStep& step : plan->steps) work.flops += step.flops;
  work.text = quantity(work.flops, "FLOP");
  if (!plan->complete) work.text = "at least " + work.text + "; the rest depends on data";
  return work;
}

Json json_args(const std::vector<ArgInfo>& args) {
  Json rows = Json::array();
  for (const ArgInfo& arg : args) {
    Json dims = Json::array();
    for (const ArgInfo::Dim& dim : arg.dims) {
      if (dim.value >= 0) {
        dims.push_back(dim.value);
      } else {
        dims.push_back(dim.symbol.empty() ? Json() : Json(dim.symbol));
      }
    }
    rows.push_back(
        {{"name", arg.name}, {"type", arg.type}, {"shape", arg.has_rank ? dims : Json()}});
  }
  return rows;
}

void show_json(const Session& session, const GraphReport& report, const Work& work) {
  Json ops = Json::object();
  for (const auto& [op, count] : report.op_counts) ops[op] = count;
  Json opsets = Json::object();
  for (const auto& [domain, version] : session.model().opsets) {
    opsets[domain.empty() ? "ai.onnx" : domain] = version;
  }
  Json passes = Json::array();
  for (const PassReport& pass : report.passes) {
    passes.push_back({{"name", pass.name},
                      {"changed", pass.changed},
                      {"seconds", static_cast<double>(pass.duration_ns) * 1e-9},
                      {"nodes_after", pass.nodes_after}});
  }
  const ModelInfo& model = session.model();
  print_json({{"name", model.graph_name},
              {"producer", model.producer_name},
              {"producer_version", model.producer_version},
              {"ir_version", model.ir_version},
              {"opsets", opsets},
              {"inputs", json_args(session.inputs())},
              {"outputs", json_args(session.outputs())},
              {"nodes", report.node_count},
              {"nodes_after_passes", report.final_node_count},
              {"operators", ops},
              {"parameters", report.parameter_count},
              {"parameter_bytes", report.parameter_bytes},
              {"flops", work.known ? Json(work.flops) : Json()},
              {"passes", passes},
              {"text", report.text}});
}

void add_args(Table& table, const char* role, const std::vector<ArgInfo>& args) {
  for (const ArgInfo& arg : args) table.add({role, arg.name, arg.type, shape_text(arg)});
}

void show_text(const Session& session, const GraphReport& report, const Work& work) {
  const ModelInfo& model = session.model();
  std::string opsets;
  for (const auto& [domain, version] : model.opsets) {
    opsets += fmt::format("{}{} {}", opsets.empty() ? "" : ", ",
                          domain.empty() ? "ai.onnx" : domain, version);
  }
  fmt::print("graph       {}\n", model.graph_name);
  if (!model.producer_name.empty()) {
    fmt::print("producer    {} {}\n", model.producer_name, model.producer_version);
  }
  fmt::print("format      IR {}, opset {}\n", model.ir_version, opsets);
  fmt::print("nodes       {} ({} after all passes)\n", report.node_count, report.final_node_count);
  fmt::print("parameters  {} ({})\n", quantity(static_cast<double>(report.parameter_count), ""),
             quantity(static_cast<double>(report.parameter_bytes), "B"));
  fmt::print("work        {}\n\n", work.text);
  Table args({"", "name", "type", "shape"});
  args.limit(1, 50);
  add_args(args, "input", session.inputs());
  add_args(args, "overridable", session.overridable_initializers());
  add_args(args, "output", session.outputs());
  Table ops({"operator", "count"});
  for (const auto& [op, count] : report.op_counts) ops.add({op, std::to_string(count)});
  fmt::print("{}\n{}", args.text(), ops.text());
}

void show_passes(const GraphReport& report) {
  Table table({"pass", "changed", "nodes after", "time"});
  for (const PassReport& pass : report.passes) {
    table.add({pass.name, pass.changed ? "yes" : "no", std::to_string(pass.nodes_after),
               duration(static_cast<double>(pass.duration_ns) * 1e-9)});
  }
  fmt::print("\n{}", table.text());
}

void run(const GraphCommand& command) {
  const Session session = load_session(command.model);
  const GraphReport report = describe_graph(session);
  const Work work = work_of(session, command.inputs);
  if (command.model.json) {
    show_json(session, report, work);
    return;
  }
  show_text(session, report, work);
  if (command.passes) show_passes(report);
  if (command.nodes) fmt::print("\n{}", report.text);
}

}  // namespace

void add_graph(CLI::App& app) {
  auto command = std::make_shared<GraphCommand>();
  CLI::App* verb =
      add_verb(app, "graph", "Show what a model is made of: operators, parameters, work, shapes",
               "  sardonyx graph model.onnx\n"
               "  sardonyx graph model.onnx --nodes --passes\n"
               "  sardonyx graph model.onnx --dim batch=8 --json");
  add_model_options(*verb, command->model);
  add_shape_options(*verb, command->inputs);
  verb->add_flag("-n,--nodes", command->nodes, "List the nodes with inferred shapes, as planned");
  verb->add_flag("-p,--passes", command->passes, "List the passes and what each did");
  verb->callback([command] { run(*command); });
}

}  // namespace sardonyx::cli
