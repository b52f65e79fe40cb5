// execute: runs a plan and its continuations on given values. Nothing is decided here but which
// continuation fits what was observed. Entry point: execute.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "plan/plan.h"

namespace sardonyx {

// The operands of a plan's steps with everything filled in but the pointers.
struct StepViews {
  std::vector<TensorView> views;           // inputs then outputs, step after step
  std::vector<const Value*> input_values;  // parallel to views (outputs' entries unused)
  std::vector<Value*> output_values;       // parallel to views (inputs' entries unused)
  std::vector<void*> addresses;            // of a run that begins with this plan: by root
};

struct StepRecord {
  const Graph* graph;  // of the node
  int depth;           // of that graph: 0 the model's, 1 a body of one of its nodes, ...
  NodeId node;
  const OpDef* op;
  const std::string* kernel;
  std::chrono::steady_clock::time_point start;
  std::chrono::steady_clock::time_point end;
};

struct RunControl {
  const std::atomic<bool>* cancel = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::function<void(const StepRecord&)> record;  // empty: no profile; after a node's bodies
  int depth = 0;                                  // see StepRecord
};

// The tensor that output `output` of the graph is written to: the caller's, if it fits, or a new
// one where `result` has none.
Result<void> ready_result(const Graph& graph, const PlanContext& context, size_t output,
                          DType dtype, const Shape& shape, Value& result);

// Plans what follows `before`, given the observed values (by plan/runner.h, which caches).
using ContinuePlan =
    std::function<Result<std::shared_ptr<Plan>>(Plan& before, std::span<const Value> observed)>;

// plan: what the run begins with. inputs: the graph's inputs, then its captures. results: one Value
// per graph output; a tensor that is already there is written in place and must have the right
// dtype and shape.
Result<void> execute(const Graph& graph, const PlanContext& context, Plan& plan,
                     const ContinuePlan& next, std::span<const Value> inputs,
                     std::span<Value> results, const RunControl& control);

}  // namespace sardonyx
