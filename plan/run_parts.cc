// Runs of a batch in parts; see plan/runner.h.
#include <algorithm>

#include "plan/runner.h"

namespace sardonyx {
namespace {

// What the activations of a run should fit into, beside the weights that are passing by: a share of
// the second cache of common cores.
constexpr size_t kCacheBytes = size_t{512} << 10;

// Items [begin, begin + count) of a tensor, over the same memory.
Tensor items_of(const Tensor& tensor, int64_t begin, int64_t count) {
  Shape shape = tensor.shape();
  const size_t item_bytes = tensor.bytes() / static_cast<size_t>(shape[0]);
  shape[0] = count;
  auto* data = static_cast<std::byte*>(tensor.data()) + static_cast<size_t>(begin) * item_bytes;
  return Tensor::wrap(tensor.dtype(), shape, data, tensor.owner(), tensor.device());
}

std::vector<Value> items_of(const Items& items, std::span<const Value> values, int64_t begin,
                            int64_t count) {
  std::vector<Value> some(values.begin(), values.end());
  for (size_t i = 0; i < some.size(); ++i) {
    if (items.inputs[i]) some[i] = items_of(values[i].tensor(), begin, count);
  }
  return some;
}

// The number of items that all inputs with items have; 0 where they differ.
int64_t item_count(const Items& items, std::span<const Value> inputs) {
  int64_t count = -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!items.inputs[i]) continue;
    if (!inputs[i].is_tensor() || inputs[i].tensor().shape().empty()) return 0;
    const int64_t of_input = inputs[i].tensor().shape()[0];
    if (count >= 0 && of_input != count) return 0;
    count = of_input;
  }
  return std::max<int64_t>(count, 0);
}

// Whether the plan bears out, in numbers, what was concluded from symbols.
bool has_items(const Plan& plan, const Items& items, int64_t count) {
  return plan.complete && std::all_of(items.values.begin(), items.values.end(), [&](ValueId id) {
           const ValueType& type = plan.known.types[static_cast<size_t>(id)];
           return type.is_concrete() && !type.dims->empty() && type.dims->front() == Dim(count);
         });
}

// Bytes of constants that a run reads. Of the table of a Gather it reads a few rows.
size_t constant_bytes(const Graph& graph, const Plan& plan) {
  std::vector<const void*> seen;
  size_t bytes = 0;
  for (const Step& step : plan.steps) {
    if (graph.node(step.node).op_type == "Gather") continue;
    for (ValueId id : step.inputs) {
      if (id == kNoValue) continue;
      const Tensor& constant = plan.known.constants[static_cast<size_t>(id)];
      if (!constant.has_data()) continue;
      if (std::find(seen.begin(), seen.end(), constant.data()) != seen.end()) continue;
      seen.push_back(constant.data());
      bytes += constant.bytes();
    }
  }
  return bytes;
}

}  // namespace

std::shared_ptr<Plan> PlanRunner::plan_of_items(std::span<const Value> inputs,
                                                int64_t count) const {
  auto plan = find_plan(items_of(*items_, inputs, 0, count));
  if (!plan || !has_items(**plan, *items_, count)) return nullptr;
  return *plan;
}

int64_t PlanRunner::find_part(std::span<const Value> inputs) const {
  Entry& entry = find_entry(inputs);
  if (entry.part_items) return *entry.part_items;
  const int64_t chosen = choose_part(inputs);
  find_entry(inputs).part_items = chosen;  // choosing makes plans, which moves entries
  return chosen;
}

int64_t PlanRunner::choose_part(std::span<const Value> inputs) const {
  const int64_t count = item_count(*items_, inputs);
  if (count < 2) return 0;
  const std::shared_ptr<Plan> one = plan_of_items(inputs, 1);
  if (one == nullptr) return 0;
  // Each part reads all weights, which costs more than is saved where activations are fewer.
  if (constant_bytes(*nodes_.graph, *one) > one->unshared_bytes) return 0;
  const size_t fitting = std::max<size_t>(1, kCacheBytes / std::max<size_t>(1, one->arena_bytes));
  const int64_t least = static_cast<int64_t>(std::min(fitting, static_cast<size_t>(count)));
  int64_t part = least;
  while (count % part != 0) ++part;
  if (part >= 2 * least) part = least;  // no good divisor: a last part of fewer items
  if (part == count || plan_of_items(inputs, part) == nullptr) return 0;
  const int64_t rest = count % part;
  return rest != 0 && plan_of_items(inputs, rest) == nullptr ? 0 : part;
}

std::optional<PlanRunner::Parts> PlanRunner::parts_for(std::span<const ValueType> inputs) const {
  if (!items_) return std::nullopt;
  std::vector<Value> values;  // no elements are looked at
  for (const ValueType& type : inputs) {
    if (!type.is_concrete()) return std::nullopt;
    values.emplace_back(Tensor::wrap(type.dtype, to_shape(*type.dims), nullptr, nullptr));
  }
  const std::lock_guard lock(mutex_);
  Parts parts{item_count(*items_, values), find_part(values), {inputs.begin(), inputs.end()}};
  if (parts.part_items == 0) return std::nullopt;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (items_->inputs[i]) parts.inputs[i].dims->front() = parts.part_items;
  }
  return parts;
}

Result<void> PlanRunner::run_parts(std::span<const Value> inputs, int64_t part_items,
                                   std::span<Value> results, const RunControl& control) const {
  const int64_t count = item_count(*items_, inputs);
  std::shared_ptr<Plan> plan, plan_of_rest;
  {
    const std::lock_guard lock(mutex_);
    plan = TRY(find_plan(items_of(*items_, inputs, 0, part_items)));
    if (const int64_t rest = count % part_items; rest != 0) {
      plan_of_rest = TRY(find_plan(items_of(*items_, inputs, 0, rest)));
    }
  }
  const std::vector<GraphOutput>& outputs = nodes_.graph->outputs();
  for (size_t i = 0; i < results.size(); ++i) {
    const ValueType& type = plan->known.types[static_cast<size_t>(outputs[i].value)];
    Shape shape = to_shape(*type.dims);
    shape[0] = count;
    TRY(ready_result(*nodes_.graph, *context_, i, type.dtype, shape, results[i]));
  }
  const auto run_items = [&](int64_t begin) -> Result<void> {
    const int64_t items = std::min(part_items, count - begin);
    std::vector<Value> of_part;
    for (const Value& result : results) {
      of_part.emplace_back(items_of(result.tensor(), begin, items));
    }
    return run_plan(items == part_items ? plan : plan_of_rest,
                    items_of(*items_, inputs, begin, items), of_part, control);
  };
  // As many as keep all threads busy side by side; the rest on all threads, one after the other.
  const int64_t threads = context_->pool->threads();
  const bool one_by_one = threads == 1 || control.record;  // a profile is of one node at a time
  const int64_t together = one_by_one ? 0 : count / part_items / threads * threads;
  std::vector<Result<void>> outcomes(static_cast<size_t>(together));
  context_->pool->parallel_for(together, [&](int64_t part) {
    outcomes[static_cast<size_t>(part)] = run_items(part * part_items);
  });
  for (Result<void>& outcome : outcomes) TRY(std::move(outcome));
  for (int64_t begin = together * part_items; begin < count; begin += part_items) {
    TRY(run_items(begin));
  }
  return {};
}

}  // namespace sardonyx
