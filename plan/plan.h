// Plan: a Graph made ready for concrete input shapes: order, kernels, packed weights, memory
// offsets. Where a shape depends on data, a plan ends and a continuation is planned when the shape
// is known; continuations are cached like plans. From here on nothing is decided.
// Entry point: make_plan (by plan/runner.h), execute (plan/execute.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "ops/infer.h"
#include "ops/op.h"
#include "plan/arena.h"

namespace sardonyx {

// Everything that plans of one session have in common. Not const: caches fill up.
struct PlanContext {
  Tier tier;
  std::shared_ptr<ThreadPool> pool;
  std::shared_ptr<WeightCache> weights;
  std::shared_ptr<ArenaPool> arenas;
  int plan_limit = 16;
  std::vector<std::string> disabled_kernels;
  bool bf16_products = false;
  bool splits_batches = true;  // see plan/runner.h
};

// Where the bytes of a value are at run time.
struct Place {
  enum class Kind : uint8_t {
    kNone,      // not planned yet
    kConstant,  // fixed address
    kInput,     // index of the graph input, then of the captures
    kArena,     // offset into the arena of the plan that computes it
    kOutput,    // index of the graph output that it is written to directly
    kSlot,      // a Value made while running: non-tensors, strings, shapes that depend on data
  };
  Kind kind = Kind::kNone;
  int index = -1;
  size_t offset = 0;
};

// Facts about every value of a graph that planning has established so far; by ValueId.
struct Knowledge {
  std::vector<ValueType> types;
  std::vector<Tensor> constants;  // has_data() where the value is fixed for this plan
  std::vector<std::optional<Dims>> ints;
  std::vector<ValueId> roots;  // the value whose bytes this one shares (itself, mostly)
  std::vector<Place> places;   // by root
  std::vector<bool> planned;   // by NodeId
};

struct Step {
  NodeId node = kNoNode;
  const OpDef* op = nullptr;
  KernelChoice kernel;
  std::vector<ValueId> inputs;  // formal inputs, then captures of its subgraphs
  std::vector<ValueId> outputs;
  size_t workspace_offset = 0;  // in the arena
  bool runs_subgraphs = false;  // its outputs come as Values
  bool keeps_denormals = false;
};

// What a continuation depends on: the shape of a value, or its elements too.
struct Observed {
  ValueId value = kNoValue;
  bool elements = false;
  friend bool operator==(const Observed&, const Observed&) = default;
};

// A tensor that lies inside of another, `offset` bytes from its begin.
struct Part {
  ValueId root = kNoValue, host = kNoValue;
  size_t offset = 0;
};

// A graph output that a plan computes right where the caller wants it.
struct DirectResult {
  size_t output = 0;
  ValueId root = kNoValue;
  DType dtype = DType::kUndefined;
  Shape shape;
};

struct StepViews;  // plan/execute.h

struct Plan {
  Plan();
  ~Plan();

  std::vector<Step> steps;
  Knowledge known;
  size_t arena_bytes = 0;         // activations and workspace
  size_t unshared_bytes = 0;      // the same without reuse
  std::vector<ValueId> in_arena;  // roots that this plan puts into its arena
  std::vector<DirectResult> results;
  std::vector<Part> parts;  // tensors inside of those, or of earlier ones
  int slot_count = 0;       // of this plan and those before it
  int depth = 0;            // plans before this one
  bool complete = true;
  std::vector<Observed> observed;  // when not complete: what the rest waits for

  // Views with shapes filled in, ready for pointers; one set per run under way.
  std::mutex mutex;
  std::vector<std::unique_ptr<StepViews>> free_views;
  std::atomic<StepViews*> spare_views = nullptr;  // another, for the run that comes alone; owned
  // Continuations by what was observed, most recently used first.
  struct Continuation {
    std::string key;
    std::shared_ptr<Plan> plan;
  };
  std::vector<Continuation> continuations;
};

// A graph with its operators resolved and ordered: what all its plans share.
struct PlannedGraph {
  std::shared_ptr<const Graph> graph;
  std::vector<NodeId> order;
  std::vector<const OpDef*> ops;  // by NodeId
};

// Runners for the bodies of control flow, made once per body.
using RunnerSource =
    std::function<std::shared_ptr<GraphRunner>(const std::shared_ptr<Graph>& body)>;

// The first plan: `inputs` are the types of the graph's inputs, then of its captures; tensors are
// concrete. The continuation: `before` with what has been observed filled in.
Result<std::shared_ptr<Plan>> make_plan(const PlannedGraph& graph,
                                        const std::shared_ptr<const PlanContext>& context,
                                        const RunnerSource& runners,
                                        std::span<const ValueType> inputs);
Result<std::shared_ptr<Plan>> continue_plan(const PlannedGraph& graph,
                                            const std::shared_ptr<const PlanContext>& context,
                                            const RunnerSource& runners, const Plan& before,
                                            std::span<const Value> observed);

}  // namespace sardonyx
