// What the tools show of a session: the graph after each stage, the plan for given shapes, sizes
// and work per node. The command line and the Python module print these; nothing here runs models.
// Entry points: describe_graph, describe_plan.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sardonyx/sardonyx.h"

namespace sardonyx {

struct PassReport {
  std::string name;
  bool changed = false;
  int64_t duration_ns = 0;
  size_t nodes_after = 0;
};

struct GraphReport {
  std::string text;  // the graph as it will be planned, one node per line
  std::vector<std::pair<std::string, size_t>> op_counts;  // as in the file, most frequent first
  size_t node_count = 0;                                  // as in the file
  size_t final_node_count = 0;                            // after all passes
  int64_t parameter_count = 0;
  int64_t parameter_bytes = 0;
  std::vector<PassReport> passes;
  struct NodeTitle {
    std::string name;
    std::string domain;
    std::string op_type;
  };
  std::vector<NodeTitle> nodes;  // after all passes
};
SARDONYX_API GraphReport describe_graph(const Session& session);

struct PlanStep {
  std::string node;
  std::string op;
  std::string kernel;
  std::vector<std::string> declined;  // "kernel: reason", best first
  std::vector<std::string> inputs;    // "x float32 1x3x224x224"
  std::vector<std::string> outputs;
  double flops = 0;       // operations per run
  double bytes_read = 0;  // operands and weights
  double bytes_written = 0;
  size_t workspace_bytes = 0;
};

struct PlanReport {
  // A batch that runs in parts: its items, and those of a part, whose plan this is; 0: one run.
  int64_t items = 0, part_items = 0;
  std::vector<PlanStep> steps;  // until the first shape that depends on data
  bool complete = true;         // false: more is planned when shapes are known
  std::string waits_for;        // what the rest waits for
  size_t arena_bytes = 0;       // planned activations, after reuse
  size_t unshared_bytes = 0;    // what they would take without reuse
  size_t weight_bytes = 0;      // constants that the steps read, as they are in the graph
};
// The plan for inputs of these shapes (by input name; the others must have constant dims).
SARDONYX_API Result<PlanReport> describe_plan(
    const Session& session, const std::vector<std::pair<std::string, Shape>>& input_shapes);

struct OpRow {
  std::string domain;
  std::string name;
  std::vector<int> versions;
  std::vector<std::string> types;    // dtypes of the first input
  std::vector<std::string> kernels;  // best first
};
SARDONYX_API std::vector<OpRow> list_ops();

struct DoctorReport {
  std::string version;
  std::string cpu_model;
  std::vector<std::string> features;  // instruction sets the CPU and the OS offer
  std::vector<std::string> tiers;     // compiled in and usable, best first
  std::string tier;                   // the one in use
  int logical_cores = 0;
  int physical_cores = 0;
  int affinity_cores = 0;
  double cgroup_cores = 0;                                     // 0: no quota
  int threads = 0;                                             // chosen by default
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
};
SARDONYX_API DoctorReport examine_machine();

// What the machine reaches on these threads at this moment, for the roofline.
struct MachinePeak {
  double flops = 0;             // float32 multiply-adds per second, times two
  double bytes_per_second = 0;  // sequential reads of memory that no cache holds
};
// Takes about a quarter of a second. Fails on an unknown tier ("": the best).
SARDONYX_API Result<MachinePeak> measure_peak(int threads, const std::string& tier);

}  // namespace sardonyx
