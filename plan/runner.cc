// Caches of plans by input shapes; see plan/runner.h.
#include "plan/runner.h"

#include <algorithm>
#include <utility>

namespace sardonyx {
namespace {

ValueType type_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kNone:
      return {};
    case Value::Kind::kTensor:
      return ValueType::tensor(value.tensor().dtype(), to_dims(value.tensor().shape()));
    case Value::Kind::kSparse: {
      ValueType type =
          ValueType::tensor(value.sparse().values.dtype(), to_dims(value.sparse().dense_shape));
      type.kind = ValueType::Kind::kSparse;
      return type;
    }
    case Value::Kind::kSequence: {
      ValueType element;
      if (!value.items().empty()) {
        element = type_of(value.items().front());
        element.dims.reset();  // the items may have different shapes
      } else {
        element = ValueType::tensor(value.element_dtype());
      }
      return ValueType::sequence(std::move(element));
    }
    case Value::Kind::kMap:
      return ValueType::map(value.map().keys.dtype(),
                            ValueType::tensor(value.map().values.dtype()));
    case Value::Kind::kOptional:
      return ValueType::optional(value.has_value() ? type_of(value.inner()) : ValueType());
  }
  return {};
}

bool same_type(const ValueType& type, const Shape& shape, const Value& value) {
  if (value.is_tensor()) {
    return type.is_tensor() && type.dtype == value.tensor().dtype() &&
           shape == value.tensor().shape();
  }
  return type.to_string() == type_of(value).to_string();
}

// The run that this thread is in. Bodies obey it (its deadline, its cancellation, its profile):
// the kernels of If, Loop and the like run them on the thread that runs the node.
thread_local const RunControl* current_run = nullptr;

class RunScope {
 public:
  explicit RunScope(const RunControl& control) : outer_(std::exchange(current_run, &control)) {}
  ~RunScope() { current_run = outer_; }
  RunScope(const RunScope&) = delete;
  RunScope& operator=(const RunScope&) = delete;

 private:
  const RunControl* outer_;
};

// Two runs with equal keys have the same continuation.
std::string observation_key(const Plan& plan, std::span<const Value> observed) {
  std::string key;
  for (size_t i = 0; i < observed.size(); ++i) {
    const Tensor& tensor = observed[i].tensor();
    key += static_cast<char>(tensor.dtype());
    const auto dims = tensor.shape().dims();
    key.append(reinterpret_cast<const char*>(dims.data()), dims.size_bytes());
    key += '|';
    if (!plan.observed[i].elements) continue;
    if (tensor.dtype() == DType::kString) {
      for (const std::string& text : tensor.elements<std::string>()) key += text + '\0';
    } else {
      key.append(static_cast<const char*>(tensor.data()), tensor.bytes());
    }
  }
  return key;
}

template <class Entries>
void touch(Entries& entries, size_t index) {
  std::rotate(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(index),
              entries.begin() + static_cast<ptrdiff_t>(index) + 1);
}

}  // namespace

Result<std::shared_ptr<PlanRunner>> PlanRunner::make(std::shared_ptr<const Graph> graph,
                                                     std::shared_ptr<const PlanContext> context) {
  std::shared_ptr<PlanRunner> runner(new PlanRunner());
  runner->nodes_.order = TRY(graph->order());
  for (const Node& node : graph->nodes()) {
    runner->nodes_.ops.push_back(node.removed ? nullptr : find_op(node));
  }
  // A run in parts needs a few plans at once.
  constexpr int kLeastPlans = 4;
  if (context->splits_batches && context->plan_limit >= kLeastPlans) {
    runner->items_ = find_items(*graph);
  }
  runner->nodes_.graph = std::move(graph);
  runner->context_ = std::move(context);
  return runner;
}

Result<std::shared_ptr<Plan>> PlanRunner::plan_for(std::span<const ValueType> inputs) const {
  const std::lock_guard lock(mutex_);
  return new_plan(inputs);
}

Result<std::shared_ptr<Plan>> PlanRunner::new_plan(std::span<const ValueType> inputs) const {
  const RunnerSource source = [this](const std::shared_ptr<Graph>& body) {
    return body_runner(body);
  };
  return make_plan(nodes_, context_, source, inputs);
}

std::shared_ptr<GraphRunner> PlanRunner::body_runner(const std::shared_ptr<Graph>& body) const {
  auto& runner = bodies_[body.get()];
  if (runner == nullptr) {
    auto made = make(body, context_);
    if (!made) return nullptr;  // order() has succeeded when the body's types were inferred
    runner = std::move(*made);
  }
  return runner;
}

PlanRunner::Entry& PlanRunner::find_entry(std::span<const Value> inputs) const {
  for (size_t i = 0; i < plans_.size(); ++i) {
    bool same = true;
    for (size_t k = 0; k < inputs.size() && same; ++k) {
      same = same_type(plans_[i].types[k], plans_[i].shapes[k], inputs[k]);
    }
    if (!same) continue;
    if (i != 0) touch(plans_, i);
    return plans_.front();
  }
  Entry entry;
  for (const Value& input : inputs) {
    entry.types.push_back(type_of(input));
    entry.shapes.push_back(input.is_tensor() ? input.tensor().shape() : Shape());
  }
  plans_.insert(plans_.begin(), std::move(entry));
  if (plans_.size() > static_cast<size_t>(context_->plan_limit)) plans_.pop_back();
  return plans_.front();
}

Result<std::shared_ptr<Plan>> PlanRunner::find_plan(std::span<const Value> inputs) const {
  Entry& entry = find_entry(inputs);
  if (entry.plan == nullptr) entry.plan = TRY(new_plan(entry.types));
  return entry.plan;
}

Result<std::shared_ptr<Plan>> PlanRunner::find_continuation(Plan& before,
                                                            std::span<const Value> observed) const {
  std::string key = observation_key(before, observed);
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < before.continuations.size(); ++i) {
    if (before.continuations[i].key != key) continue;
    if (i != 0) touch(before.continuations, i);
    return before.continuations.front().plan;
  }
  // Elements outlive this run inside the plan: take copies.
  std::vector<Value> kept;
  for (size_t i = 0; i < observed.size(); ++i) {
    const Tensor& tensor = observed[i].tensor();
    if (!before.observed[i].elements) {
      kept.emplace_back(Tensor::wrap(tensor.dtype(), tensor.shape(), nullptr, nullptr));
      continue;
    }
    Tensor copy = TRY(Tensor::allocate(tensor.dtype(), tensor.shape()));
    copy_elements(tensor.view(), copy.view());
    kept.emplace_back(std::move(copy));
  }
  const RunnerSource source = [this](const std::shared_ptr<Graph>& body) {
    return body_runner(body);
  };
  auto plan = TRY(continue_plan(nodes_, context_, source, before, kept));
  before.continuations.insert(before.continuations.begin(), {std::move(key), plan});
  if (before.continuations.size() > static_cast<size_t>(context_->plan_limit)) {
    before.continuations.pop_back();
  }
  return plan;
}

Result<void> PlanRunner::run_into(std::span<const Value> inputs, std::span<Value> results,
                                  const RunControl& control) const {
  std::shared_ptr<Plan> plan;
  int64_t part_items = 0;
  {
    const std::lock_guard lock(mutex_);
    part_items = items_ ? find_part(inputs) : 0;
    if (part_items == 0) plan = TRY(find_plan(inputs));
  }
  if (part_items != 0) return run_parts(inputs, part_items, results, control);
  return run_plan(plan, inputs, results, control);
}

Result<void> PlanRunner::run_plan(const std::shared_ptr<Plan>& plan, std::span<const Value> inputs,
                                  std::span<Value> results, const RunControl& control) const {
  const RunScope scope(control);
  const ContinuePlan next = [this](Plan& before, std::span<const Value> observed) {
    return find_continuation(before, observed);
  };
  return execute(*nodes_.graph, *context_, *plan, next, inputs, results, control);
}

Result<std::vector<Value>> PlanRunner::run(std::span<const Value> inputs,
                                           std::span<const Value> captures) const {
  std::vector<Value> all(inputs.begin(), inputs.end());
  all.insert(all.end(), captures.begin(), captures.end());
  std::vector<Value> results(output_count());
  RunControl control;
  if (current_run != nullptr) {
    control = *current_run;
    ++control.depth;
  }
  TRY(run_into(all, results, control));
  return results;
}

}  // namespace sardonyx
