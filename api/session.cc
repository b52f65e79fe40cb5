// A session: reads, builds, rewrites, plans and executes a model. The five stages of the runtime
// in order; see load_model and run_into.
#include <algorithm>
#include <set>

#include "api/args.h"
#include "api/config_entries.h"
#include "api/custom_ops.h"
#include "api/initializers.h"
#include "api/optimized_model.h"
#include "api/run.h"
#include "api/session_state.h"
#include "api/shared_weights.h"
#include "base/float_state.h"
#include "base/mapped_file.h"
#include "cpu/gemm_bf16.h"
#include "graph/build.h"
#include "model/check.h"
#include "model/read_model.h"
#include "ops/infer.h"

namespace sardonyx {
namespace {

using State = Session::State;

// ONNX Runtime's limit on what a memory limit can mean: weights as they are in memory.
Result<void> reserve_constants(const Graph& graph, ArenaPool& arenas) {
  size_t bytes = 0;
  const GraphValue* largest = nullptr;
  for (size_t id = 0; id < graph.value_count(); ++id) {
    const GraphValue& value = graph.value(static_cast<ValueId>(id));
    if (!value.is_constant()) continue;
    bytes += value.constant.bytes();
    if (largest == nullptr || value.constant.bytes() > largest->constant.bytes()) largest = &value;
  }
  Result<void> done = arenas.reserve(bytes);
  if (done) return done;
  Error error = done.error();
  error.message +=
      fmt::format("; the largest is '{}', {} bytes", largest->name, largest->constant.bytes());
  if (!largest->users.empty()) {
    error.message += ", of " + graph.node(largest->users.front()).title();
  }
  return tl::unexpected(std::move(error));
}

void count_parameters(const TensorDef& tensor, State& state) {
  state.parameter_count += tensor.data.count();
  state.parameter_bytes += static_cast<int64_t>(tensor.data.bytes());
}

void count_ops(const GraphDef& graph, std::map<std::string, size_t>& counts, State& state) {
  for (const TensorDef& tensor : graph.initializers) count_parameters(tensor, state);
  for (const NodeDef& node : graph.nodes) {
    ++counts[node.domain.empty() ? node.op_type : node.domain + "." + node.op_type];
    for (const AttrDef& attr : node.attrs) {
      for (const GraphDef& body : attr.graphs) count_ops(body, counts, state);
      if (node.op_type != "Constant") continue;
      for (const TensorDef& tensor : attr.tensors) count_parameters(tensor, state);
    }
  }
}

void describe_model(const Model& model, State& state) {
  ModelInfo& info = state.model;
  info.producer_name = model.producer_name;
  info.producer_version = model.producer_version;
  info.graph_name = model.graph.name;
  info.graph_description = model.graph.doc_string;
  info.domain = model.domain;
  info.description = model.doc_string;
  info.version = model.model_version;
  info.ir_version = model.ir_version;
  for (const OpsetImport& opset : model.opset_imports) {
    info.opsets.emplace_back(opset.domain, opset.version);
  }
  info.metadata = model.metadata;
  info.warnings = model.warnings;
  std::map<std::string, size_t> counts;
  count_ops(model.graph, counts, state);
  state.op_counts.assign(counts.begin(), counts.end());
  std::stable_sort(state.op_counts.begin(), state.op_counts.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  for (const auto& [op, count] : state.op_counts) state.node_count += count;
}

void describe_args(const Model& model, const Graph& graph, State& state) {
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const GraphValue& input = graph.value(graph.inputs()[i]);
    auto& list = input.default_value.has_data() ? state.overridable : state.inputs;
    list.push_back(arg_info(input.name, input.type));
    state.input_index.emplace(input.name, i);
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const GraphOutput& output = graph.outputs()[i];
    state.outputs.push_back(arg_info(output.name, output.type));
    state.output_index.emplace(output.name, i);
  }
  name_unknown_dims(model.graph.inputs, state.inputs);
  name_unknown_dims(model.graph.inputs, state.overridable);
  name_unknown_dims(model.graph.outputs, state.outputs);
}

Result<Tier> wanted_tier(const SessionOptions& options) {
  const auto entry = options.config.find("sardonyx.tier");
  const std::string& name = entry != options.config.end() ? entry->second : options.tier;
  if (name.empty()) {
    const Tier tier = TRY(choose_tier());
    // Tiles of bf16 know no denormals.
    const bool keeps_denormals = !TRY(flushes_denormals(options));
    return tier == Tier::kAmxF32 && keeps_denormals ? Tier::kAmx : tier;
  }
  for (Tier tier : available_tiers()) {
    if (tier_name(tier) == name) return tier;
  }
  std::string names;
  for (Tier tier : available_tiers()) {
    names += (names.empty() ? "" : ", ") + std::string(tier_name(tier));
  }
  return fail(Code::kInvalidArgument, "tier '{}' is not available on this machine; it has {}", name,
              names);
}

Result<void> check_kernel_name(const std::string& name) {
  for (const OpDef& op : all_ops()) {
    for (const KernelCandidate& candidate : op.kernels) {
      if (candidate.name == name) return {};
    }
  }
  return fail(Code::kInvalidArgument,
              "disabled_kernels: there is no kernel '{}' (`sardonyx ops` lists them)", name);
}

Result<bool> wants_bf16(const SessionOptions& options, Tier tier) {
  constexpr char kKey[] = "sardonyx.matmul_precision";
  const auto entry = options.config.find(kKey);
  bool wanted = options.matmul_precision == MatMulPrecision::kBfloat16;
  if (entry != options.config.end()) {
    if (entry->second != "f32" && entry->second != "bf16") {
      return fail(Code::kInvalidArgument, "{} is '{}', but must be 'f32' or 'bf16'", kKey,
                  entry->second);
    }
    wanted = entry->second == "bf16";
  }
  const char* missing = nullptr;
  if (wanted && bf16_kernels(tier, Bf16Kind::kDots, &missing) == nullptr) {
    return fail(Code::kNotImplemented,
                "bf16 products cannot be had, because {}; leave matmul_precision at f32", missing);
  }
  return wanted;
}

Result<bool> splits_batches(const SessionOptions& options) {
  constexpr char kKey[] = "sardonyx.split_batches";
  const auto entry = options.config.find(kKey);
  if (entry == options.config.end() || entry->second == "1") return true;
  if (entry->second == "0") return false;
  return fail(Code::kInvalidArgument, "{} is '{}', but must be '0' or '1'", kKey, entry->second);
}

Result<std::shared_ptr<PlanContext>> make_context(const SessionOptions& options) {
  if (options.threads < 0) {
    return fail(Code::kInvalidArgument, "threads is {}, but must be 0 (automatic) or more",
                options.threads);
  }
  auto context = std::make_shared<PlanContext>();
  context->tier = TRY(wanted_tier(options));
  context->pool = TRY(choose_pool(options));
  context->weights = options.shared_weights != nullptr ? options.shared_weights->packed
                                                       : std::make_shared<WeightCache>();
  context->arenas = std::make_shared<ArenaPool>(options.memory_limit, options.allocate);
  context->plan_limit = std::max(1, options.plan_limit);
  for (const std::string& name : options.disabled_kernels) TRY(check_kernel_name(name));
  context->disabled_kernels = options.disabled_kernels;
  context->bf16_products = TRY(wants_bf16(options, context->tier));
  context->splits_batches = TRY(splits_batches(options));
  return context;
}

ReadOptions read_options(const SessionOptions& options) {
  ReadOptions read;
  read.max_depth = options.nesting_limit;
  for (const auto& [name, file] : options.external_files) {
    const auto* data = reinterpret_cast<const char*>(file.bytes.data());
    read.external_files.emplace_back(name, Bytes{data, file.bytes.size(), file.owner});
  }
  return read;
}

using Clock = std::chrono::steady_clock;

// Into the session's profile, and into the run's where it has one.
void record(const State& state, std::vector<StepTime>* of_run, StepTime time) {
  if (of_run != nullptr) of_run->push_back(time);
  if (!state.options.profiling) return;
  const std::lock_guard lock(state.profile_mutex);
  state.profile.push_back(std::move(time));
}

void record_event(const State& state, std::vector<StepTime>* of_run, std::string name,
                  Clock::time_point start) {
  if (!state.options.profiling && of_run == nullptr) return;
  const auto end = Clock::now();
  StepTime time;
  time.node = std::move(name);
  time.start_ns = (start - state.start).count();
  time.duration_ns = (end - start).count();
  record(state, of_run, std::move(time));
}

Result<void> check_not_canceled(const SessionOptions& options) {
  if (options.cancel_load == nullptr || !*options.cancel_load) return {};
  return fail(Code::kModelLoadCanceled, "Model loading canceled due to user request.");
}

// What reading the model has brought into memory with its pages; weights are read later.
void release_files(const GraphDef& graph) {
  std::set<void*> released;
  for (const TensorDef& tensor : graph.initializers) {
    const std::shared_ptr<void>& owner = tensor.data.owner();
    if (is_mapped_file(owner) && released.insert(owner.get()).second) release_pages(owner);
  }
}

// Domains that the model does not import are an error; operators of them that nobody knows are
// likely to be what it takes to put that right, so both are named.
Result<void> imported(const std::string& missing, Result<void> inferred) {
  if (missing.empty()) return inferred;
  if (inferred) return fail(Code::kInvalidGraph, "{}", missing);
  return fail(Code::kInvalidGraph, "{}; {}", missing, inferred.error().message);
}

// Model → state with everything ready to run. Reading the model, from `source`, began at `start`.
Result<std::unique_ptr<State>> load_model(const Model& model, const SessionOptions& options,
                                          Clock::time_point start, const char* source) {
  auto state = std::make_unique<State>();
  state->start = start;
  state->options = options;
  record_event(*state, nullptr, fmt::format("model_loading_{}", source), start);
  const auto initialization = Clock::now();
  TRY(check_not_canceled(options));
  describe_model(model, *state);
  TRY(check_config_entries(options));
  state->flush_denormals = TRY(flushes_denormals(options));
  const FlushDenormals flush(state->flush_denormals);
  auto context = TRY(make_context(options));

  const std::string missing = TRY(find_missing_imports(model));
  BuildOptions build;
  build.nesting_limit = options.nesting_limit;
  build.dim_values = options.dim_overrides;
  build.denoted_dim_values = options.dim_overrides_by_denotation;
  const auto graph = TRY(build_graph(model, build));
  TRY(bind_custom_ops(*graph, model, options));
  TRY(check_not_canceled(options));
  TRY(imported(missing, infer_types(*graph)));
  describe_args(model, *graph, *state);
  TRY(check_not_canceled(options));

  PassOptions passes;
  passes.level = static_cast<int>(options.optimization);
  passes.disabled = options.disabled_passes;
  passes.tier = context->tier;
  state->passes = TRY(run_passes(*graph, passes));
  TRY(check_not_canceled(options));
  if (!options.optimized_model_path.empty()) {
    TRY_AT("optimized_model_path", save_optimized_model(*graph, model, options));
  }

  if (options.shared_weights != nullptr) share_constants(*graph, *options.shared_weights);
  TRY_AT("weights", reserve_constants(*graph, *context->arenas));
  state->graph = graph;
  state->context = context;
  state->runner = TRY(PlanRunner::make(graph, context));
  release_files(model.graph);
  record_event(*state, nullptr, "session_initialization", initialization);
  return state;
}

// Most callers give inputs in the order of the model: `guess` is tried first.
Result<size_t> input_position(const State& state, std::string_view name, size_t guess) {
  const std::vector<ValueId>& inputs = state.graph->inputs();
  if (guess < inputs.size() && state.graph->value(inputs[guess]).name == name) return guess;
  const auto found = state.input_index.find(name);
  if (found != state.input_index.end()) return found->second;
  return fail(Code::kInvalidArgument, "Invalid input name: {}; the model has {}", name,
              names_of(state.inputs));
}

Result<size_t> output_position(const State& state, std::string_view name, size_t guess) {
  if (guess < state.outputs.size() && state.outputs[guess].name == name) return guess;
  const auto found = state.output_index.find(name);
  if (found != state.output_index.end()) return found->second;
  return fail(Code::kInvalidArgument, "Invalid output name: {}; the model has {}", name,
              names_of(state.outputs));
}

// Inputs in the graph's order, checked against its declarations.
Result<void> order_inputs(const State& state, std::span<const NamedRef> given,
                          const RunOptions& options, std::span<Value> ordered) {
  const Graph& graph = *state.graph;
  for (const auto& adapter : options.adapters) {
    for (const auto& [name, tensor] : adapter->parameters) {
      ordered[TRY_AT("adapter", input_position(state, name, 0))] = tensor;
    }
  }
  for (size_t i = 0; i < given.size(); ++i) {
    ordered[TRY(input_position(state, given[i].name, i))] = *given[i].value;
  }
  for (size_t i = 0; i < ordered.size(); ++i) {
    if (ordered[i].kind() != Value::Kind::kNone) continue;
    const GraphValue& value = graph.value(graph.inputs()[i]);
    if (!value.default_value.has_data()) {
      return fail(Code::kInvalidArgument, "Missing Input: {}", value.name);
    }
    ordered[i] = value.default_value;
  }
  return check_inputs(graph, ordered);
}

void record_step(const State& state, std::vector<StepTime>* of_run, const StepRecord& step) {
  StepTime time;
  time.node = step.graph->node(step.node).name;
  time.depth = step.depth;
  time.op = step.op->name;
  time.kernel = *step.kernel;
  time.start_ns = (step.start - state.start).count();
  time.duration_ns = (step.end - step.start).count();
  record(state, of_run, std::move(time));
}

}  // namespace

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::load(const std::filesystem::path& path, const SessionOptions& options) {
  const auto start = Clock::now();
  const ReadOptions read = read_options(options);
  const Model model = TRY(
      read_with_initializers(read, options.initializers, options.optional_initializers,
                             [&](const ReadOptions& how) { return read_model_file(path, how); }));
  return Session(TRY(load_model(model, options, start, "uri")));
}

Result<Session> Session::load(std::span<const std::byte> bytes, std::shared_ptr<void> owner,
                              const SessionOptions& options, const std::filesystem::path& folder) {
  const auto start = Clock::now();
  ReadOptions read = read_options(options);
  read.external_folder = folder;
  const Bytes view{reinterpret_cast<const char*>(bytes.data()), bytes.size(), std::move(owner)};
  const Model model =
      TRY(read_with_initializers(read, options.initializers, options.optional_initializers,
                                 [&](const ReadOptions& how) { return read_model(view, how); }));
  return Session(TRY(load_model(model, options, start, "array")));
}

const std::vector<ArgInfo>& Session::inputs() const { return state_->inputs; }
const std::vector<ArgInfo>& Session::outputs() const { return state_->outputs; }
const std::vector<ArgInfo>& Session::overridable_initializers() const {
  return state_->overridable;
}
const ModelInfo& Session::model() const { return state_->model; }
const SessionOptions& Session::options() const { return state_->options; }
int Session::threads() const { return state_->context->pool->threads(); }

Result<std::vector<Value>> Session::run(const std::vector<NamedValue>& inputs,
                                        const std::vector<std::string>& outputs,
                                        const RunOptions& options) const {
  std::vector<Value> results(outputs.empty() ? state_->outputs.size() : outputs.size());
  if (!outputs.empty()) {
    TRY(run_into(inputs, outputs, results, options));
    return results;
  }
  Few<NamedRef> given(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) given.all()[i] = {inputs[i].name, &inputs[i].value};
  Few<ResultRef> wanted(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    wanted.all()[i] = {state_->outputs[i].name, &results[i]};
  }
  TRY(run_session(*this, given.all(), wanted.all(), options));
  return results;
}

Result<void> Session::run_into(const std::vector<NamedValue>& inputs,
                               const std::vector<std::string>& outputs, std::vector<Value>& results,
                               const RunOptions& options) const {
  if (results.size() != outputs.size()) {
    return fail(Code::kInvalidArgument, "{} outputs are named, but there are {} places for results",
                outputs.size(), results.size());
  }
  Few<NamedRef> given(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) given.all()[i] = {inputs[i].name, &inputs[i].value};
  Few<ResultRef> wanted(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) wanted.all()[i] = {outputs[i], &results[i]};
  return run_session(*this, given.all(), wanted.all(), options);
}

Result<void> run_session(const Session& session, std::span<const NamedRef> inputs,
                         std::span<const ResultRef> results, const RunOptions& options) {
  const State& state = session.state();
  const FlushDenormals flush(state.flush_denormals);
  Few<Value, 2> ordered(state.graph->inputs().size()), made(state.outputs.size());
  TRY(order_inputs(state, inputs, options, ordered.all()));
  const std::span<Value> all = made.all();
  Few<size_t> places(results.size());
  const std::span<size_t> positions = places.all();
  for (size_t i = 0; i < results.size(); ++i) {
    const size_t position = TRY(output_position(state, results[i].name, i));
    TRY(check_output(state.graph->outputs()[position], *results[i].value));
    positions[i] = position;
    if (results[i].value->kind() != Value::Kind::kNone) all[position] = *results[i].value;
  }
  const bool profiled = state.options.profiling || options.profile != nullptr;
  const auto start = profiled ? Clock::now() : Clock::time_point();
  RunControl control;
  control.cancel = options.cancel;
  control.deadline = options.deadline;
  if (profiled) {
    control.record = [&](const StepRecord& step) { record_step(state, options.profile, step); };
  }
  TRY(state.runner->run_into(ordered.all(), all, control));
  if (profiled) record_event(state, options.profile, "model_run", start);
  if (results.size() == 1) {
    *results[0].value = std::move(all[positions[0]]);
    return {};
  }
  for (size_t i = 0; i < results.size(); ++i) *results[i].value = all[positions[i]];
  return {};
}

std::vector<StepTime> Session::take_profile() const {
  const std::lock_guard lock(state_->profile_mutex);
  return std::exchange(state_->profile, {});
}

}  // namespace sardonyx
