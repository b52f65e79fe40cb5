// Runs plans; see plan/execute.h.
#include "plan/execute.h"

#include "base/float_state.h"

namespace sardonyx {

namespace {

// "{2,3}", as ONNX Runtime's messages have it.
std::string in_braces(const Shape& shape) {
  return fmt::format("{{{}}}", fmt::join(shape.begin(), shape.end(), ","));
}

// Made by the layout pass: the node before it is the one that the model knows.
bool is_reorder(const Node& node) { return node.name.ends_with("/reorder"); }

Error noted(Error error, const std::string& note) {
  if (!note.empty()) error.message += "; " + note;
  return error;
}

bool has_buffer(const Value& result) { return result.is_tensor() && result.tensor().has_data(); }

}  // namespace

Result<void> ready_result(const Graph& graph, const PlanContext& context, size_t output,
                          DType dtype, const Shape& shape, Value& result) {
  const GraphOutput& made = graph.outputs()[output];
  if (!has_buffer(result)) {
    auto tensor = context.arenas->make_result(dtype, shape);
    if (tensor) {
      result = std::move(*tensor);
      return {};
    }
    NodeId producer = graph.value(made.value).producer;
    while (producer != kNoNode && is_reorder(graph.node(producer))) {
      producer = graph.value(graph.node(producer).inputs[0]).producer;
    }
    std::string note = fmt::format("it is for output '{}'", made.name);
    if (producer != kNoNode) note += " of " + graph.node(producer).title();
    return tl::unexpected(noted(tensor.error(), note));
  }
  const Tensor& buffer = result.tensor();
  if (buffer.dtype() == dtype && buffer.shape() == shape) return {};
  if (buffer.dtype() != dtype) {
    return fail(Code::kInvalidArgument,
                "The output OrtValue provided for output '{}' is {}, but the result is {}.",
                made.name, dtype_name(buffer.dtype()), dtype_name(dtype));
  }
  return fail(Code::kInvalidArgument,
              "The output OrtValue provided for output '{}' has shape {} but the computed output "
              "shape for this run is {}. Leave it unallocated, or allocate it by the shapes of "
              "the run.",
              made.name, in_braces(buffer.shape()), in_braces(shape));
}

Plan::Plan() = default;
Plan::~Plan() { delete spare_views.load(std::memory_order_acquire); }

namespace {

size_t at(ValueId id) { return static_cast<size_t>(id); }

// One run: addresses of values by root, slots, and the arenas of the plans so far.
class Run {
 public:
  Run(const Graph& graph, const PlanContext& context, Plan& plan, std::span<const Value> inputs,
      std::span<Value> results, const RunControl& control)
      : graph_(graph),
        context_(context),
        inputs_(inputs),
        results_(results),
        control_(control),
        first_{&plan, take_views(plan), {}},
        addresses_(first_.views->addresses) {
    addresses_.resize(graph.value_count());
    size_t index = 0;
    for (const auto* ids : {&graph.inputs(), &graph.captures()}) {
      for (ValueId id : *ids) {
        if (inputs[index].is_tensor()) addresses_[at(id)] = inputs[index].tensor().data();
        ++index;
      }
    }
  }

  ~Run() {
    for (Taken& taken : later_) give_back(taken);
    give_back(first_);
  }

  // The plan that it began with, or one that continues.
  Result<void> run(Plan& plan) {
    if (&plan != first_.plan) later_.push_back({&plan, take_views(plan), {}});
    Taken& taken = &plan == first_.plan ? first_ : later_.back();
    if (plan.arena_bytes != 0) {
      Result<ArenaPool::Block> arena = context_.arenas->take(plan.arena_bytes);
      if (!arena) return tl::unexpected(noted(arena.error(), largest_step(plan)));
      taken.arena = take_value(std::move(arena));
    }
    const ArenaPool::Block& arena = taken.arena;
    StepViews& views = *taken.views;
    if (slots_.size() < static_cast<size_t>(plan.slot_count)) {
      slots_.resize(static_cast<size_t>(plan.slot_count));
    }
    for (ValueId root : plan.in_arena) {
      addresses_[at(root)] = static_cast<char*>(arena.data()) + plan.known.places[at(root)].offset;
    }
    for (const DirectResult& each : plan.results) {
      Value& result = results_[each.output];
      TRY(ready_result(graph_, context_, each.output, each.dtype, each.shape, result));
      addresses_[at(each.root)] = result.tensor().data();
    }
    for (const Part& part : plan.parts) {
      addresses_[at(part.root)] = static_cast<char*>(addresses_[at(part.host)]) + part.offset;
    }
    Error error;
    error.code = Code::kOk;
    size_t first = 0;
    for (const Step& step : plan.steps) {
      TRY(check_control());
      TRY(run_step(plan, step, views, first, arena, error));
      first += step.inputs.size() + step.outputs.size();
    }
    return {};
  }

  // What a continuation of the plan depends on.
  std::vector<Value> observe(const Plan& plan) const {
    std::vector<Value> values;
    for (const Observed& each : plan.observed) values.push_back(value_of(plan, each.value));
    return values;
  }

  // Gives the results that were not computed in place.
  Result<void> finish(const Plan& plan) {
    for (size_t i = 0; i < results_.size(); ++i) {
      const ValueId id = graph_.outputs()[i].value;
      const ValueId root = plan.known.roots[at(id)];
      const Place& place = plan.known.places[at(root)];
      if (place.kind == Place::Kind::kOutput && place.index == static_cast<int>(i)) continue;
      const Value value = value_of(plan, id);
      if (!value.is_tensor() || (place.kind == Place::Kind::kSlot && !has_buffer(results_[i]))) {
        results_[i] = value;
        continue;
      }
      TRY(ready_result(graph_, context_, i, value.tensor().dtype(), value.tensor().shape(),
                       results_[i]));
      copy_elements(value.tensor().view(), results_[i].tensor().view());
    }
    return {};
  }

 private:
  // What takes the largest part of a plan's arena.
  std::string largest_step(const Plan& plan) const {
    size_t most = 0;
    NodeId largest = kNoNode;
    for (const Step& step : plan.steps) {
      size_t bytes = step.kernel.kernel->workspace_bytes();
      for (const ValueId id : step.outputs) {
        if (id == kNoValue || plan.known.places[at(id)].kind != Place::Kind::kArena) continue;
        const ValueType& type = plan.known.types[at(id)];
        bytes += dtype_bytes(type.dtype, static_cast<size_t>(to_shape(*type.dims).count()));
      }
      if (bytes <= most) continue;
      most = bytes;
      largest = step.node;
    }
    if (largest == kNoNode) return "";
    return fmt::format("the largest part is for {}, {} bytes", graph_.node(largest).title(), most);
  }

  Value value_of(const Plan& plan, ValueId id) const {
    const ValueId root = plan.known.roots[at(id)];
    const Place& place = plan.known.places[at(root)];
    const ValueType& type = plan.known.types[at(id)];
    if (plan.known.constants[at(id)].has_data()) return plan.known.constants[at(id)];
    if (place.kind == Place::Kind::kSlot ||
        (place.kind == Place::Kind::kInput &&
         !inputs_[static_cast<size_t>(place.index)].is_tensor())) {
      const Value& value = place.kind == Place::Kind::kSlot
                               ? slots_[static_cast<size_t>(place.index)]
                               : inputs_[static_cast<size_t>(place.index)];
      if (!value.is_tensor() || id == root || !type.is_concrete()) return value;
      return value.tensor().reshaped(to_shape(*type.dims));
    }
    return Tensor::wrap(type.dtype, to_shape(*type.dims), addresses_[at(root)], nullptr);
  }

  // What a plan needs while it runs, from stocks that it goes back to.
  struct Taken {
    Plan* plan = nullptr;
    std::unique_ptr<StepViews> views;
    ArenaPool::Block arena;
  };

  static std::unique_ptr<StepViews> take_views(Plan& plan) {
    if (StepViews* spare = plan.spare_views.exchange(nullptr, std::memory_order_acquire)) {
      return std::unique_ptr<StepViews>(spare);
    }
    {
      const std::lock_guard lock(plan.mutex);
      if (!plan.free_views.empty()) {
        std::unique_ptr<StepViews> views = std::move(plan.free_views.back());
        plan.free_views.pop_back();
        return views;
      }
    }
    return make_views(plan);
  }

  void give_back(Taken& taken) const {
    if (taken.arena.memory != nullptr) context_.arenas->give(std::move(taken.arena));
    StepViews* none = nullptr;
    if (taken.plan->spare_views.compare_exchange_strong(none, taken.views.get(),
                                                        std::memory_order_release)) {
      (void)taken.views.release();
      return;
    }
    const std::lock_guard lock(taken.plan->mutex);
    taken.plan->free_views.push_back(std::move(taken.views));
  }

  static std::unique_ptr<StepViews> make_views(const Plan& plan) {
    auto views = std::make_unique<StepViews>();
    for (const Step& step : plan.steps) {
      for (const auto* ids : {&step.inputs, &step.outputs}) {
        for (ValueId id : *ids) {
          TensorView view;
          if (id != kNoValue) {
            const ValueType& type = plan.known.types[at(id)];
            const Tensor& constant = plan.known.constants[at(id)];
            if (type.is_tensor()) view.dtype = type.dtype;
            if (type.is_concrete()) view.shape = to_shape(*type.dims);
            if (constant.has_data()) view.data = constant.data();
          }
          views->views.push_back(std::move(view));
        }
      }
    }
    views->input_values.resize(views->views.size(), nullptr);
    views->output_values.resize(views->views.size(), nullptr);
    return views;
  }

  Result<void> check_control() const {
    if (control_.cancel != nullptr && control_.cancel->load(std::memory_order_relaxed)) {
      return fail(Code::kFail, "Exiting due to terminate flag being set to true.");
    }
    if (control_.deadline && std::chrono::steady_clock::now() > *control_.deadline) {
      return fail(Code::kFail, "the run passed its deadline");
    }
    return {};
  }

  Result<void> run_step(const Plan& plan, const Step& step, StepViews& all, size_t first,
                        const ArenaPool::Block& arena, Error& error) {
    const Knowledge& known = plan.known;
    TensorView* views = all.views.data() + first;
    const size_t inputs = step.inputs.size();
    for (size_t i = 0; i < inputs; ++i) {
      const ValueId id = step.inputs[i];
      if (id == kNoValue || known.constants[at(id)].has_data()) continue;
      const ValueId root = known.roots[at(id)];
      views[i].data = addresses_[at(root)];
      const Place& place = known.places[at(root)];
      if (place.kind == Place::Kind::kSlot) {
        all.input_values[first + i] = &slots_[static_cast<size_t>(place.index)];
      } else if (place.kind == Place::Kind::kInput) {
        const Value& input = inputs_[static_cast<size_t>(place.index)];
        all.input_values[first + i] = input.is_tensor() ? nullptr : &input;
      }
    }
    bool has_slots = false;
    for (size_t o = 0; o < step.outputs.size(); ++o) {
      const ValueId id = step.outputs[o];
      if (id == kNoValue) continue;
      const Place& place = known.places[at(id)];
      if (place.kind == Place::Kind::kSlot) {
        has_slots = true;
        TRY(prepare_slot(known.types[at(id)], step, slots_[static_cast<size_t>(place.index)]));
        all.output_values[first + inputs + o] = &slots_[static_cast<size_t>(place.index)];
        views[inputs + o].data = slots_[static_cast<size_t>(place.index)].tensor().data();
      } else {
        views[inputs + o].data = addresses_[at(id)];
      }
    }
    RunArgs args{{views, inputs},
                 {views + inputs, step.outputs.size()},
                 {all.input_values.data() + first, inputs},
                 {all.output_values.data() + first + inputs, step.outputs.size()},
                 static_cast<char*>(arena.data()) + step.workspace_offset,
                 context_.pool.get(),
                 &error};
    std::optional<KeepDenormals> keep;
    if (step.keeps_denormals) keep.emplace();
    if (control_.record) {
      const auto start = std::chrono::steady_clock::now();
      step.kernel.kernel->run(args);
      control_.record({&graph_, control_.depth, step.node, step.op, &step.kernel.name, start,
                       std::chrono::steady_clock::now()});
    } else {
      step.kernel.kernel->run(args);
    }
    if (args.failed()) return tl::unexpected(std::move(error).at(graph_.node(step.node).title()));
    return has_slots ? accept_slots(known, step) : Result<void>();
  }

  // Strings have a known shape but must be constructed objects.
  static Result<void> prepare_slot(const ValueType& type, const Step& step, Value& slot) {
    slot = Value();
    if (!type.is_concrete() || step.runs_subgraphs) return {};
    slot = TRY(Tensor::allocate(type.dtype, to_shape(*type.dims)));
    return {};
  }

  // Takes note of where results are, and holds subgraphs to the shapes that inference promised.
  Result<void> accept_slots(const Knowledge& known, const Step& step) {
    for (ValueId id : step.outputs) {
      if (id == kNoValue) continue;
      const Place& place = known.places[at(id)];
      if (place.kind != Place::Kind::kSlot) continue;
      const Value& value = slots_[static_cast<size_t>(place.index)];
      if (!value.is_tensor()) continue;
      addresses_[at(id)] = value.tensor().data();
      const ValueType& type = known.types[at(id)];
      if (type.is_concrete() && (value.tensor().dtype() != type.dtype ||
                                 value.tensor().shape() != to_shape(*type.dims))) {
        return fail(Code::kFail, "{}: output '{}' was inferred as {}, but the run gave {} {}",
                    graph_.node(step.node).title(), graph_.value(id).name, type.to_string(),
                    dtype_name(value.tensor().dtype()), value.tensor().shape().to_string());
      }
    }
    return {};
  }

  const Graph& graph_;
  const PlanContext& context_;
  std::span<const Value> inputs_;
  std::span<Value> results_;
  const RunControl& control_;
  Taken first_;
  std::vector<Taken> later_;
  std::vector<void*>& addresses_;  // by root
  std::vector<Value> slots_;
};

}  // namespace

Result<void> execute(const Graph& graph, const PlanContext& context, Plan& plan,
                     const ContinuePlan& next, std::span<const Value> inputs,
                     std::span<Value> results, const RunControl& control) {
  std::vector<std::shared_ptr<Plan>> continuations;
  Run run(graph, context, plan, inputs, results, control);
  TRY(run.run(plan));
  Plan* last = &plan;
  while (!last->complete) {
    const std::vector<Value> observed = run.observe(*last);
    continuations.push_back(TRY(next(*last, observed)));
    last = continuations.back().get();
    TRY(run.run(*last));
  }
  return run.finish(*last);
}

}  // namespace sardonyx
