// `sardonyx plan`: which kernel runs each node for given shapes, why others declined, and memory.
#include "api/inspect.h"
#include "apps/cli/commands.h"
#include "apps/cli/inputs.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

struct PlanCommand {
  ModelOptions model;
  InputOptions inputs;
  bool reasons = false;
};

std::string join(const std::vector<std::string>& texts, const char* between) {
  std::string line;
  for (const std::string& text : texts) line += (line.empty() ? "" : between) + text;
  return line;
}

void show_json(const PlanReport& plan) {
  Json steps = Json::array();
  for (const PlanStep& step : plan.steps) {
    steps.push_back({{"node", step.node},
                     {"op", step.op},
                     {"kernel", step.kernel},
                     {"declined", step.declined},
                     {"inputs", step.inputs},
                     {"outputs", step.outputs},
                     {"flops", step.flops},
                     {"bytes_read", step.bytes_read},
                     {"bytes_written", step.bytes_written},
                     {"workspace_bytes", step.workspace_bytes}});
  }
  print_json({{"items", plan.items},
              {"part_items", plan.part_items},
              {"steps", steps},
              {"complete", plan.complete},
              {"waits_for", plan.waits_for},
              {"arena_bytes", plan.arena_bytes},
              {"unshared_bytes", plan.unshared_bytes},
              {"weight_bytes", plan.weight_bytes}});
}

void show_text(const PlanReport& plan, bool reasons) {
  Table table({"#", "node", "op", "kernel", "output", "work", "workspace"});
  table.limit(1, 40);
  table.limit(4, 48);
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const PlanStep& step = plan.steps[i];
    table.add(
        {std::to_string(i), step.node, step.op, step.kernel, join(step.outputs, ", "),
         step.flops > 0 ? quantity(step.flops, "FLOP") : "",
         step.workspace_bytes > 0 ? quantity(static_cast<double>(step.workspace_bytes), "B") : ""});
  }
  fmt::print("{}\n", table.text());
  if (!plan.complete) fmt::print("the rest is planned when this is known: {}\n", plan.waits_for);
  fmt::print("memory      {} for activations ({} without reuse), {} of weights\n",
             quantity(static_cast<double>(plan.arena_bytes), "B"),
             quantity(static_cast<double>(plan.unshared_bytes), "B"),
             quantity(static_cast<double>(plan.weight_bytes), "B"));
  if (plan.part_items != 0) {
    fmt::print(
        "batch       {} items in parts of {}, side by side where threads are free; shapes and\n"
        "            memory are those of a part, the work is that of the run\n",
        plan.items, plan.part_items);
  }
  if (!reasons) return;
  fmt::print("\nkernels that declined:\n");
  for (const PlanStep& step : plan.steps) {
    for (const std::string& reason : step.declined) {
      fmt::print("  {} '{}': {}\n", step.op, step.node, reason);
    }
  }
}

void run(const PlanCommand& command) {
  const Session session = load_session(command.model);
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const ArgInfo& input : session.inputs()) {
    if (input.kind != ArgInfo::Kind::kTensor) {
      stop(Exit::kBadInput, "input '{}' is {}; plans are shown for tensors only", input.name,
           input.type);
    }
    shapes.emplace_back(input.name, shape_of_input(input, command.inputs));
  }
  const PlanReport plan = require(describe_plan(session, shapes), Exit::kBadInput);
  if (command.model.json) {
    show_json(plan);
  } else {
    show_text(plan, command.reasons);
  }
}

}  // namespace

void add_plan(CLI::App& app) {
  auto command = std::make_shared<PlanCommand>();
  CLI::App* verb =
      add_verb(app, "plan", "Show the kernel of each node for given shapes, and memory",
               "  sardonyx plan model.onnx\n"
               "  sardonyx plan model.onnx --shape image=8x3x224x224 --why\n"
               "  sardonyx plan model.onnx --tier avx2 --json");
  add_model_options(*verb, command->model);
  add_shape_options(*verb, command->inputs);
  verb->add_flag("-w,--why", command->reasons, "Say why other kernels declined");
  verb->callback([command] { run(*command); });
}

}  // namespace sardonyx::cli
