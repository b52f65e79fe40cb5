// PlanRunner: a graph that can be run on any inputs: finds or makes the plan for their shapes and
// executes it. Sessions run their main graph through one, control flow its bodies.
// Entry points: PlanRunner::make, run_into.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "plan/execute.h"
#include "plan/plan.h"

namespace sardonyx {

class PlanRunner final : public GraphRunner {
 public:
  // The graph has types (ops/infer.h) and is never edited again.
  static Result<std::shared_ptr<PlanRunner>> make(std::shared_ptr<const Graph> graph,
                                                  std::shared_ptr<const PlanContext> context);

  // inputs: the graph's inputs, then its captures. See execute() for results.
  Result<void> run_into(std::span<const Value> inputs, std::span<Value> results,
                        const RunControl& control) const;
  Result<std::vector<Value>> run(std::span<const Value> inputs,
                                 std::span<const Value> captures) const override;
  size_t input_count() const override { return nodes_.graph->inputs().size(); }
  size_t output_count() const override { return nodes_.graph->outputs().size(); }
  const Graph& graph() const { return *nodes_.graph; }

  // The first plan for inputs of these types.
  Result<std::shared_ptr<Plan>> plan_for(std::span<const ValueType> inputs) const;

 private:
  PlanRunner() = default;
  // Called with mutex_ held.
  Result<std::shared_ptr<Plan>> new_plan(std::span<const ValueType> inputs) const;
  Result<std::shared_ptr<Plan>> find_plan(std::span<const Value> inputs) const;
  Result<std::shared_ptr<Plan>> find_continuation(Plan& before,
                                                  std::span<const Value> observed) const;
  std::shared_ptr<GraphRunner> body_runner(const std::shared_ptr<Graph>& body) const;

  struct Entry {
    std::vector<ValueType> types;
    std::vector<Shape> shapes;  // of the tensors among them, for a fast comparison
    std::shared_ptr<Plan> plan;
  };

  PlannedGraph nodes_;
  std::shared_ptr<const PlanContext> context_;
  mutable std::mutex mutex_;
  mutable std::vector<Entry> plans_;  // most recently used first
  mutable std::map<const Graph*, std::shared_ptr<PlanRunner>> bodies_;
};

}  // namespace sardonyx
