// `sardonyx bench`: latency percentiles and throughput, then where the time goes, node by node,
// against the ceilings of this machine.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <numeric>
#include <utility>

#include "api/inspect.h"
#include "api/trace.h"
#include "apps/cli/commands.h"
#include "apps/cli/inputs.h"
#include "apps/cli/terminal.h"

namespace sardonyx::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchCommand {
  ModelOptions model;
  InputOptions inputs;
  double seconds = 3;
  int runs = 0;
  int warmup = 3;
  size_t top = 40;
  bool no_nodes = false;
  std::string trace;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Latency {
  double first = 0;  // with planning
  int together = 1;  // runs whose mean is one of the times
  std::vector<double> sorted;

  double percentile(double percent) const {
    const double index = percent / 100 * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<size_t>(index);
    const size_t high = std::min(low + 1, sorted.size() - 1);
    const double part = index - static_cast<double>(low);
    return sorted[low] * (1 - part) + sorted[high] * part;
  }
  size_t runs() const { return sorted.size() * static_cast<size_t>(together); }
  double mean() const {
    return std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(sorted.size());
  }
};

// Seconds of a run, the mean of `runs` of them.
double time_run(const Session& session, const std::vector<NamedValue>& inputs, int runs = 1) {
  const auto start = Clock::now();
  for (int i = 0; i < runs; ++i) {
    const std::vector<Value> outputs = require_run(session.run(inputs));
  }
  return seconds_since(start) / runs;
}

Latency measure(const Session& session, const std::vector<NamedValue>& inputs,
                const BenchCommand& command) {
  constexpr size_t kLeastRuns = 5;
  constexpr size_t kMostRuns = 20000000;
  Progress progress("measuring " + command.model.path);
  Latency latency;
  latency.first = time_run(session, inputs);
  double warm = latency.first;
  for (int i = 0; i < command.warmup; ++i) warm = time_run(session, inputs);
  // Where reading the clock would count, several runs are timed together.
  constexpr double kShort = 5e-6;
  latency.together = warm < kShort && command.runs == 0 ? 16 : 1;
  const auto start = Clock::now();
  const auto wanted = static_cast<size_t>(command.runs);
  while (latency.sorted.size() < kMostRuns) {
    const size_t done = latency.sorted.size();
    const double spent = seconds_since(start);
    if (wanted > 0 ? done >= wanted : done >= kLeastRuns && spent >= command.seconds) break;
    progress.set_fraction(wanted > 0 ? static_cast<double>(done) / static_cast<double>(wanted)
                                     : std::min(1.0, spent / command.seconds));
    latency.sorted.push_back(time_run(session, inputs, latency.together));
  }
  std::sort(latency.sorted.begin(), latency.sorted.end());
  return latency;
}

// Mean figures of one node over the profiled runs.
struct NodeTime {
  std::string node, op, kernel;
  double seconds = 0;
  double flops = 0;
  double bytes = 0;
};

struct Profile {
  std::vector<NodeTime> nodes;  // in order of execution
  double wall = 0;              // of one run
  std::vector<StepTime> steps;  // of all profiled runs
};

// The time of each step without that of the bodies it ran, so that the sum is the whole.
std::vector<int64_t> own_times(const std::vector<StepTime>& steps) {
  std::vector<int64_t> own;
  std::vector<int64_t> inside;  // by depth: of the steps since the last one a level up
  for (const StepTime& step : steps) {
    const auto depth = static_cast<size_t>(step.depth);
    if (!step.op.empty()) inside.resize(std::max(inside.size(), depth + 2), 0);
    own.push_back(step.duration_ns);
    if (step.op.empty()) continue;
    own.back() -= std::exchange(inside[depth + 1], 0);
    inside[depth] += step.duration_ns;
  }
  return own;
}

Profile take_profile(const std::vector<NamedValue>& inputs, const BenchCommand& command) {
  constexpr int kMostRuns = 50;
  const Session session = load_session(command.model, true);
  const Progress progress("profiling " + command.model.path);
  for (int i = 0; i < 2; ++i) time_run(session, inputs);
  (void)session.take_profile();
  Profile profile;
  const auto start = Clock::now();
  int runs = 0;
  while (runs < kMostRuns && (runs < 3 || seconds_since(start) < 1)) {
    profile.wall += time_run(session, inputs);
    ++runs;
  }
  profile.wall /= runs;
  profile.steps = session.take_profile();
  std::map<std::string, size_t> index;
  const std::vector<int64_t> own = own_times(profile.steps);
  for (size_t i = 0; i < profile.steps.size(); ++i) {
    const StepTime& step = profile.steps[i];
    if (step.op.empty()) continue;  // of the session, not of a node
    const std::string key = step.node + '\n' + step.op + '\n' + step.kernel;
    const auto [found, is_new] = index.emplace(key, profile.nodes.size());
    if (is_new) profile.nodes.push_back({step.node, step.op, step.kernel});
    profile.nodes[found->second].seconds += static_cast<double>(own[i]) * 1e-9 / runs;
  }
  return profile;
}

// Work and bytes of each node from the plan for these inputs.
void add_work(Profile& profile, const Session& session, const std::vector<NamedValue>& inputs) {
  std::vector<std::pair<std::string, Shape>> shapes;
  for (const NamedValue& input : inputs) {
    if (!input.value.is_tensor()) return;
    shapes.emplace_back(input.name, input.value.tensor().shape());
  }
  const Result<PlanReport> plan = describe_plan(session, shapes);
  if (!plan) return;
  for (const PlanStep& step : plan->steps) {
    for (NodeTime& node : profile.nodes) {
      if (node.node != step.node || node.op != step.op || node.kernel != step.kernel) continue;
      node.flops += step.flops;
      node.bytes += step.bytes_read + step.bytes_written;
      break;
    }
  }
}

std::string rate(double amount, double seconds) {
  return amount > 0 && seconds > 0 ? fmt::format("{:.1f}", amount / seconds * 1e-9) : "";
}

std::string percent(double amount, double seconds, double peak) {
  if (amount <= 0 || seconds <= 0 || peak <= 0) return "";
  return fmt::format("{:.0f}%", 100 * amount / seconds / peak);
}

std::vector<std::string> node_row(const NodeTime& node, double wall, const MachinePeak& peak) {
  return {node.node,
          node.op,
          node.kernel,
          fmt::format("{:.1f}", node.seconds * 1e6),
          fmt::format("{:.1f}%", 100 * node.seconds / wall),
          rate(node.flops, node.seconds),
          percent(node.flops, node.seconds, peak.flops),
          rate(node.bytes, node.seconds),
          percent(node.bytes, node.seconds, peak.bytes_per_second)};
}

NodeTime sum_of(const std::vector<NodeTime>& nodes, const std::string& name) {
  NodeTime sum{name, "", ""};
  for (const NodeTime& node : nodes) {
    sum.seconds += node.seconds;
    sum.flops += node.flops;
    sum.bytes += node.bytes;
  }
  return sum;
}

std::string node_table(const Profile& profile, const MachinePeak& peak, size_t top) {
  std::vector<NodeTime> shown = profile.nodes;
  std::vector<NodeTime> rest;
  if (top > 0 && shown.size() > top) {
    std::vector<double> times;
    times.reserve(shown.size());
    for (const NodeTime& node : shown) times.push_back(node.seconds);
    std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(top) - 1, times.end(),
                     std::greater<>());
    const double least = times[top - 1];
    shown.clear();
    for (const NodeTime& node : profile.nodes) {
      (node.seconds >= least && shown.size() < top ? shown : rest).push_back(node);
    }
  }
  Table table({"node", "op", "kernel", "us", "share", "GFLOP/s", "of FMA", "GB/s", "of memory"});
  table.limit(0, 40);
  table.limit(2, 30);
  for (const NodeTime& node : shown) table.add(node_row(node, profile.wall, peak));
  if (!rest.empty()) {
    table.add(
        node_row(sum_of(rest, fmt::format("({} more nodes)", rest.size())), profile.wall, peak));
  }
  NodeTime overhead{"(overhead)", "", ""};
  overhead.seconds = profile.wall - sum_of(profile.nodes, "").seconds;
  table.add(node_row(overhead, profile.wall, peak));
  NodeTime total = sum_of(profile.nodes, "(one run, profiled)");
  total.seconds = profile.wall;
  table.add(node_row(total, profile.wall, peak));
  return table.text();
}

Json json_nodes(const Profile& profile) {
  Json nodes = Json::array();
  for (const NodeTime& node : profile.nodes) {
    nodes.push_back({{"node", node.node},
                     {"op", node.op},
                     {"kernel", node.kernel},
                     {"seconds", node.seconds},
                     {"flops", node.flops},
                     {"bytes", node.bytes}});
  }
  return nodes;
}

void show_json(const Session& session, const Latency& latency, const Profile& profile,
               const MachinePeak& peak, bool nodes) {
  Json json{{"threads", session.threads()},          {"runs", latency.runs()},
            {"first_seconds", latency.first},        {"min_seconds", latency.sorted.front()},
            {"mean_seconds", latency.mean()},        {"p50_seconds", latency.percentile(50)},
            {"p90_seconds", latency.percentile(90)}, {"p99_seconds", latency.percentile(99)},
            {"runs_per_second", 1 / latency.mean()}};
  if (nodes) {
    json["peak_flops"] = peak.flops;
    json["peak_bytes_per_second"] = peak.bytes_per_second;
    json["profiled_seconds"] = profile.wall;
    json["overhead_seconds"] = profile.wall - sum_of(profile.nodes, "").seconds;
    json["nodes"] = json_nodes(profile);
  }
  print_json(json);
}

void write_trace(const std::string& path, const Profile& profile) {
  std::ofstream stream(path);
  stream << profile_json(profile.steps);
  stream.close();
  if (!stream) stop(Exit::kRunFailed, "{}: cannot be written", path);
  note("trace written to " + path + " (open it in chrome://tracing or ui.perfetto.dev)");
}

void run(const BenchCommand& command) {
  const Session session = load_session(command.model);
  const std::vector<NamedValue> inputs = make_inputs(session, command.inputs);
  const Latency latency = measure(session, inputs, command);
  const bool nodes = !command.no_nodes;
  Profile profile;
  MachinePeak peak;
  if (nodes || !command.trace.empty()) {
    profile = take_profile(inputs, command);
    add_work(profile, session, inputs);
  }
  if (nodes) {
    peak = require(measure_peak(session.threads(), command.model.tier), Exit::kRunFailed);
  }
  if (!command.trace.empty()) write_trace(command.trace, profile);
  if (command.model.json) {
    show_json(session, latency, profile, peak, nodes);
    return;
  }
  Table table({"threads", "runs", "min", "p50", "p90", "p99", "first", "runs/s"});
  table.add({std::to_string(session.threads()), std::to_string(latency.runs()),
             duration(latency.sorted.front()), duration(latency.percentile(50)),
             duration(latency.percentile(90)), duration(latency.percentile(99)),
             duration(latency.first), fmt::format("{:.1f}", 1 / latency.mean())});
  fmt::print("{}", table.text());
  if (!nodes) return;
  fmt::print("\n{}\npeak of {} thread{}, measured just now: {}/s FMA, {}/s memory reads\n",
             node_table(profile, peak, command.top), session.threads(),
             session.threads() == 1 ? "" : "s", quantity(peak.flops, "FLOP"),
             quantity(peak.bytes_per_second, "B"));
}

}  // namespace

void add_bench(CLI::App& app) {
  auto command = std::make_shared<BenchCommand>();
  CLI::App* verb = add_verb(app, "bench", "Measure latency, throughput, and each node",
                            "  sardonyx bench model.onnx --threads 1\n"
                            "  sardonyx bench model.onnx --shape image=8x3x224x224 --seconds 10\n"
                            "  sardonyx bench model.onnx --trace trace.json --json");
  add_model_options(*verb, command->model);
  add_input_options(*verb, command->inputs);
  verb->add_option("-s,--seconds", command->seconds, "Measure for so long")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("-r,--runs", command->runs, "Measure so many runs instead")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--warmup", command->warmup, "Runs before measuring, after the first")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--top", command->top, "Nodes in the table, the slowest; 0: all")
      ->capture_default_str();
  verb->add_flag("--no-nodes", command->no_nodes, "Leave out the table of nodes");
  verb->add_option("--trace", command->trace, "Write a Chrome trace of the profiled runs")
      ->type_name("FILE");
  verb->callback([command] { run(*command); });
}

}  // namespace sardonyx::cli
