// PlanRunner: a graph that can be run on any inputs: finds or makes the plan for their shapes and
// executes it. Sessions run their main graph through one, control flow its bodies.
//
// A batch whose activations are many times what a cache holds is cut into parts (plan/items.h),
// which run one after the other, or side by side on the threads of the pool: each finds its
// activations in the cache, and threads need not wait for each other between the nodes. The size of
// a part depends on the plan alone, so that results do not depend on the number of threads.
// Entry points: PlanRunner::make, run_into.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "plan/execute.h"
#include "plan/items.h"
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

  // How runs on inputs of these types are cut; nothing where they are not.
  struct Parts {
    int64_t items = 0;
    int64_t part_items = 0;         // but for the last part, which may have fewer
    std::vector<ValueType> inputs;  // of a part
  };
  std::optional<Parts> parts_for(std::span<const ValueType> inputs) const;
  // The first plan for inputs of these types, whole.
  Result<std::shared_ptr<Plan>> plan_for(std::span<const ValueType> inputs) const;

 private:
  PlanRunner() = default;
  struct Entry {
    std::vector<ValueType> types;
    std::vector<Shape> shapes;          // of the tensors among them, for a fast comparison
    std::shared_ptr<Plan> plan;         // null: not made yet
    std::optional<int64_t> part_items;  // of the parts of a run; 0: one run. Empty: not chosen yet
  };

  // Called with mutex_ held.
  Result<std::shared_ptr<Plan>> new_plan(std::span<const ValueType> inputs) const;
  Entry& find_entry(std::span<const Value> inputs) const;  // the first of plans_ from now on
  Result<std::shared_ptr<Plan>> find_plan(std::span<const Value> inputs) const;
  int64_t find_part(std::span<const Value> inputs) const;  // Entry::part_items
  int64_t choose_part(std::span<const Value> inputs) const;
  std::shared_ptr<Plan> plan_of_items(std::span<const Value> inputs, int64_t count) const;

  // Called without.
  Result<void> run_plan(const std::shared_ptr<Plan>& plan, std::span<const Value> inputs,
                        std::span<Value> results, const RunControl& control) const;
  Result<void> run_parts(std::span<const Value> inputs, int64_t part_items,
                         std::span<Value> results, const RunControl& control) const;
  Result<std::shared_ptr<Plan>> find_continuation(Plan& before,
                                                  std::span<const Value> observed) const;
  std::shared_ptr<GraphRunner> body_runner(const std::shared_ptr<Graph>& body) const;

  PlannedGraph nodes_;
  std::optional<Items> items_;
  std::shared_ptr<const PlanContext> context_;
  mutable std::mutex mutex_;
  mutable std::vector<Entry> plans_;  // most recently used first
  mutable std::map<const Graph*, std::shared_ptr<PlanRunner>> bodies_;
};

}  // namespace sardonyx
