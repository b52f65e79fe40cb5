// com.microsoft GatedDeltaNet: linear attention over sequences that lie end to end, or over rows of
// one length: each step decays a state of keys by values for each head of values, corrects what it
// says of the step's key, and reads it with the query. The state is f32, values first.
#include <algorithm>
#include <cmath>

#include "ops/cells.h"
#include "ops/contrib/sequences.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
constexpr size_t kQuery = 0, kKey = 1, kValue = 2, kBounds = 3, kDecay = 4, kBeta = 5, kState = 6,
                 kLogA = 7, kBias = 8, kCaptures = 9, kActive = 10;

struct Rule {
  bool decays = false, corrects = false;
  bool decay_is_raw = false, beta_is_raw = false;  // activations are to be applied
  bool normalises = false;
  double scale = 0;
  int64_t capacity = 0;
};

Result<Rule> read_rule(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("update_rule");
  Rule rule;
  rule.decays = name == "gated" || name == "gated_delta";
  rule.corrects = name == "delta" || name == "gated_delta";
  if (!rule.decays && !rule.corrects && name != "linear") {
    return fail(Code::kInvalidGraph,
                "update_rule is '{}', expected linear, gated, delta or gated_delta", name);
  }
  const std::string &gate = attrs.get_string("gate_activation"),
                    &beta = attrs.get_string("beta_activation");
  if ((gate != "none" && gate != "qwen") || (beta != "none" && beta != "sigmoid")) {
    return fail(Code::kInvalidGraph,
                "gate_activation is '{}' and beta_activation '{}', expected none or qwen, and none "
                "or sigmoid",
                gate, beta);
  }
  rule.decay_is_raw = gate == "qwen";
  rule.beta_is_raw = beta == "sigmoid";
  rule.normalises = attrs.get_int("qk_l2_norm") != 0;
  rule.scale = static_cast<double>(attrs.get_float("scale"));
  rule.capacity = attrs.get_int("state_update_capacity");
  return rule;
}

// Heads and sizes, as far as they are known.
struct HeadDims {
  Dim keys = Dim::unknown(), values = Dim::unknown();  // heads
  Dim key_size = Dim::unknown(), value_size = Dim::unknown();
  Dim batch = Dim::unknown();
  Dims tokens;  // the axes in front of query's heads
  bool has_tokens = false;
};

// Whether query holds keys and values too: [tokens, all of them side by side].
bool is_packed(const InferContext& context) { return !context.has_input(kKey); }

Result<HeadDims> read_heads(const InferContext& context) {
  HeadDims heads;
  const bool packed = is_packed(context);
  const int64_t inner = packed ? 1 : 2;
  for (const size_t i : {kQuery, kKey, kValue}) {
    if (!context.has_rank(i)) continue;
    const int64_t rank = context.rank(i);
    if (rank == inner + 1 || rank == inner + 2) continue;
    return fail(Code::kInvalidArgument, "{} has rank {}, expected {} or {}", context.describe(i),
                rank, inner + 1, inner + 2);
  }
  TRY(expect_rank(context, kState, 4));
  TRY(expect_rank(context, kBounds, 1));
  if (context.has_rank(kQuery)) {
    const Dims& query = context.dims(kQuery);
    heads.has_tokens = true;
    heads.tokens.assign(query.begin(), query.end() - inner);
    if (heads.tokens.size() == 2) heads.batch = heads.tokens[0];
  }
  if (!packed) {
    for (const size_t i : {kQuery, kKey}) {
      if (!context.has_rank(i)) continue;
      const Dims& dims = context.dims(i);
      heads.keys = TRY(same_dim(heads.keys, dims[dims.size() - 2], "heads of query and key"));
      heads.key_size = TRY(same_dim(heads.key_size, dims.back(), "sizes of query and key"));
    }
    if (context.has_rank(kValue)) {
      const Dims& dims = context.dims(kValue);
      heads.values = dims[dims.size() - 2];
      heads.value_size = dims.back();
    }
  }
  if (context.has_rank(kState)) {
    const Dims& state = context.dims(kState);
    heads.batch = TRY(same_dim(heads.batch, state[0], "the batch and that of initial_state"));
    heads.values = TRY(same_dim(heads.values, state[1], "heads of values and initial_state"));
    heads.value_size = TRY(same_dim(heads.value_size, state[2], "sizes of value and state"));
    heads.key_size = TRY(same_dim(heads.key_size, state[3], "sizes of key and state"));
  }
  if (context.has_rank(kBounds) && context.dims(kBounds)[0].is_constant()) {
    const Dim sequences = context.dims(kBounds)[0] - 1;
    heads.batch = TRY(same_dim(heads.batch, sequences, "the batch and the sequences"));
  }
  const Dim& width = packed && context.has_rank(kQuery) ? context.dims(kQuery).back() : Dim();
  const bool known = packed && context.has_rank(kQuery) && width.is_constant() &&
                     heads.values.is_constant() && heads.value_size.is_constant() &&
                     heads.key_size.is_constant();
  if (known) {
    const int64_t rest = width.value() - heads.values.value() * heads.value_size.value();
    const int64_t each = 2 * heads.key_size.value();
    if (rest <= 0 || each == 0 || rest % each != 0) {
      return fail(Code::kInvalidArgument, "{} is not two of keys of {} and {} values of {}",
                  context.describe(kQuery), heads.key_size.value(), heads.values.value(),
                  heads.value_size.value());
    }
    heads.keys = Dim(rest / each);
  }
  if (heads.keys.is_constant() && heads.values.is_constant() &&
      (heads.keys.value() < 1 || heads.values.value() % heads.keys.value() != 0)) {
    return fail(Code::kInvalidArgument, "{} heads of values are no multiple of {} heads of keys",
                heads.values.value(), heads.keys.value());
  }
  return heads;
}

Result<void> check_presence(const InferContext& context, const Rule& rule) {
  const auto needs = [&](size_t index, bool wanted, const char* what) -> Result<void> {
    if (!wanted || context.has_input(index)) return {};
    return fail(Code::kInvalidGraph, "{} is missing", what);
  };
  if (context.has_input(kKey) != context.has_input(kValue)) {
    return fail(Code::kInvalidGraph, "key and value must be given together, or both be packed");
  }
  TRY(needs(kDecay, rule.decays, "decay, which update_rule needs,"));
  TRY(needs(kBeta, rule.corrects, "beta, which update_rule needs,"));
  TRY(needs(kLogA, rule.decays && rule.decay_is_raw, "a_log, which gate_activation needs,"));
  TRY(needs(kBias, rule.decays && rule.decay_is_raw, "dt_bias, which gate_activation needs,"));
  TRY(needs(kState, is_packed(context), "initial_state, which packed operands need,"));
  const bool is_flat =
      context.has_rank(kQuery) && context.rank(kQuery) == (is_packed(context) ? 2 : 3);
  TRY(needs(kState, is_flat && !context.has_input(kBounds),
            "initial_state, which says how many sequences there are,"));
  return check_captures(context, kCaptures);
}

Result<void> infer(InferContext& context) {
  const Rule rule = TRY(read_rule(context.attrs()));
  TRY(check_presence(context, rule));
  const HeadDims heads = TRY(read_heads(context));
  if (context.has_input(kBounds) && heads.has_tokens && heads.tokens.size() != 1) {
    return fail(Code::kInvalidArgument, "cu_seqlens needs one axis of tokens, but query is {}",
                context.describe(kQuery));
  }
  const auto expect = [&](size_t index, const Dims& wanted) -> Result<void> {
    if (!context.has_rank(index)) return {};
    bool fits = context.dims(index).size() == wanted.size();
    for (size_t i = 0; fits && i < wanted.size(); ++i) {
      const Dim& dim = context.dims(index)[i];
      fits = !dim.is_constant() || !wanted[i].is_constant() || dim == wanted[i];
    }
    if (fits) return {};
    return fail(Code::kInvalidArgument, "{} does not fit the query and the value",
                context.describe(index));
  };
  if (heads.has_tokens) {
    const auto with = [&](std::initializer_list<Dim> more) {
      Dims dims = heads.tokens;
      dims.insert(dims.end(), more);
      return dims;
    };
    if (!is_packed(context)) {
      TRY(expect(kKey, with({heads.keys, heads.key_size})));
      TRY(expect(kValue, with({heads.values, heads.value_size})));
    }
    const bool by_key =
        context.has_rank(kDecay) && context.dims(kDecay).size() == heads.tokens.size() + 2;
    TRY(expect(kDecay, by_key ? with({heads.values, heads.key_size}) : with({heads.values})));
    if (by_key && rule.capacity > 0) {
      return fail(Code::kNotImplemented,
                  "state_update_capacity is {}, but decay has a number for each number of a key",
                  rule.capacity);
    }
    TRY(expect(kBeta, with({heads.values})));
    context.set_output(0, context.dtype(kQuery), with({heads.values, heads.value_size}));
  } else {
    context.set_output(0, context.dtype(kQuery));
  }
  TRY(expect(kLogA, {heads.values}));
  TRY(expect(kBias, {heads.values}));
  TRY(expect(kCaptures, {heads.batch}));
  TRY(expect(kActive, {Dim(1)}));
  context.set_output(1, DType::kFloat32,
                     {heads.batch, heads.values, heads.value_size, heads.key_size});
  const bool known = heads.keys.is_constant() && heads.values.is_constant() &&
                     heads.key_size.is_constant() && heads.value_size.is_constant();
  const Dim update = known ? Dim(rule.capacity * (heads.values.value() +
                                                  heads.keys.value() * heads.key_size.value() +
                                                  heads.values.value() * heads.value_size.value()))
                           : Dim::unknown();
  context.set_output(2, DType::kFloat32, {heads.batch, update});
  return {};
}

// ---- kernel

struct GatedDelta {
  Rule rule;
  int64_t keys = 0, values = 0, key_size = 0, value_size = 0;  // heads, and numbers of each
  int64_t batch = 0, tokens = 0;
  bool packed = false, decay_by_key = false;

  int64_t state_size() const { return key_size * value_size; }
  int64_t update_size() const {
    return rule.capacity * (values + keys * key_size + values * value_size);
  }
};

bool given(const RunArgs& args, size_t index) {
  return index < args.inputs.size() && args.inputs[index].data != nullptr;
}

// The vectors of one step for one head.
struct Step {
  std::vector<double> query, key, delta, decay;  // decay: one factor, or one for each of key
};

template <class T>
class GatedDeltaRun {
 public:
  GatedDeltaRun(const GatedDelta& sizes, const RunArgs& args) : sizes_(sizes), args_(args) {
    active_ = !given(args, kActive) || args.inputs[kActive].as<int32_t>()[0] != 0;
  }

  // All steps of a head of values in one sequence.
  void run_head(const Range& range, int64_t item, int64_t head,
                std::span<const TensorView> dst) const {
    const auto size = static_cast<size_t>(sizes_.state_size());
    const int64_t row = item * sizes_.values + head;
    std::vector<double> state(size, 0.0);
    if (given(args_, kState)) {
      const float* from = args_.inputs[kState].as<float>() + row * sizes_.state_size();
      std::copy(from, from + size, state.begin());
    }
    const int64_t captured =
        active_ ? captured_count(args_, kCaptures, item, sizes_.rule.capacity, range.count()) : 0;
    Step step;
    for (int64_t token = range.begin; token < range.end; ++token) {
      read_step(token, head, step);
      advance(token, head, step, state);
      if (dst[0].data != nullptr) {
        write_output(step, state,
                     dst[0].as<T>() + (token * sizes_.values + head) * sizes_.value_size);
      }
      const int64_t slot = token - range.begin;
      if (dst[2].data != nullptr && slot < captured) {
        capture(step, slot, head, dst[2].as<float>() + item * sizes_.update_size());
      }
    }
    if (dst[1].data == nullptr) return;
    float* last = dst[1].as<float>() + row * sizes_.state_size();
    for (size_t i = 0; i < size; ++i) last[i] = static_cast<float>(state[i]);
  }

 private:
  int64_t key_head(int64_t head) const { return head / (sizes_.values / sizes_.keys); }

  // Where a vector of query, key or value lies.
  const T* vector(size_t index, int64_t token, int64_t head) const {
    const int64_t keys = sizes_.keys * sizes_.key_size;
    const int64_t values = sizes_.values * sizes_.value_size;
    const int64_t size = index == kValue ? sizes_.value_size : sizes_.key_size;
    if (sizes_.packed) {
      return args_.inputs[kQuery].as<T>() + token * (2 * keys + values) +
             static_cast<int64_t>(index) * keys + head * size;
    }
    return args_.inputs[index].as<T>() + token * (index == kValue ? values : keys) + head * size;
  }

  void read_vector(size_t index, int64_t token, int64_t head, std::vector<double>& to) const {
    constexpr double kLeast = 1e-6;  // under the root: of a vector of zeros
    const T* from = vector(index, token, head);
    to.resize(static_cast<size_t>(sizes_.key_size));
    double squares = 0;
    for (size_t i = 0; i < to.size(); ++i) {
      to[i] = widen(from[i]);
      squares += to[i] * to[i];
    }
    if (!sizes_.rule.normalises) return;
    for (double& each : to) each /= std::sqrt(squares + kLeast);
  }

  void read_step(int64_t token, int64_t head, Step& step) const {
    read_vector(kQuery, token, key_head(head), step.query);
    read_vector(kKey, token, key_head(head), step.key);
    const auto count = static_cast<size_t>(sizes_.decay_by_key ? sizes_.key_size : 1);
    step.decay.assign(count, 1.0);
    if (!sizes_.rule.decays) return;
    const float* logs = args_.inputs[kDecay].as<float>() +
                        (token * sizes_.values + head) * static_cast<int64_t>(count);
    for (size_t i = 0; i < count; ++i) {
      auto log = static_cast<double>(logs[i]);
      if (sizes_.rule.decay_is_raw) {
        const auto bias = static_cast<double>(args_.inputs[kBias].as<float>()[head]);
        const auto factor = static_cast<double>(args_.inputs[kLogA].as<float>()[head]);
        const double x = log + bias;
        log = -std::exp(factor) * (std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
      }
      step.decay[i] = std::exp(log);
    }
  }

  double beta(int64_t token, int64_t head) const {
    if (!given(args_, kBeta)) return 1;
    const auto raw =
        static_cast<double>(args_.inputs[kBeta].as<float>()[token * sizes_.values + head]);
    return sizes_.rule.beta_is_raw ? 1 / (1 + std::exp(-raw)) : raw;
  }

  void advance(int64_t token, int64_t head, Step& step, std::vector<double>& state) const {
    const T* value = vector(kValue, token, head);
    const double rate = beta(token, head);
    const auto keys = static_cast<size_t>(sizes_.key_size);
    const auto values = static_cast<size_t>(sizes_.value_size);
    step.delta.resize(values);
    for (size_t v = 0; v < values; ++v) {
      double* row = state.data() + v * keys;
      double known = 0;
      for (size_t k = 0; k < keys; ++k) {
        row[k] *= step.decay[sizes_.decay_by_key ? k : 0];
        known += row[k] * step.key[k];
      }
      step.delta[v] = rate * (widen(value[v]) - (sizes_.rule.corrects ? known : 0));
      for (size_t k = 0; k < keys; ++k) row[k] += step.delta[v] * step.key[k];
    }
  }

  void write_output(const Step& step, const std::vector<double>& state, T* dst) const {
    const auto keys = static_cast<size_t>(sizes_.key_size);
    const double scale = sizes_.rule.scale != 0
                             ? sizes_.rule.scale
                             : 1 / std::sqrt(static_cast<double>(sizes_.key_size));
    for (size_t v = 0; v < static_cast<size_t>(sizes_.value_size); ++v) {
      double sum = 0;
      for (size_t k = 0; k < keys; ++k) sum += state[v * keys + k] * step.query[k];
      dst[v] = narrow<T>(scale * sum);
    }
  }

  // All decays, then all keys, then all deltas, each slot by slot.
  void capture(const Step& step, int64_t slot, int64_t head, float* dst) const {
    const int64_t capacity = sizes_.rule.capacity;
    dst[slot * sizes_.values + head] = static_cast<float>(step.decay[0]);
    float* keys = dst + capacity * sizes_.values;
    const int64_t key = slot * sizes_.keys + key_head(head);
    if (head % (sizes_.values / sizes_.keys) == 0) {
      for (int64_t k = 0; k < sizes_.key_size; ++k) {
        keys[key * sizes_.key_size + k] = static_cast<float>(step.key[static_cast<size_t>(k)]);
      }
    }
    float* deltas = keys + capacity * sizes_.keys * sizes_.key_size;
    for (int64_t v = 0; v < sizes_.value_size; ++v) {
      deltas[(slot * sizes_.values + head) * sizes_.value_size + v] =
          static_cast<float>(step.delta[static_cast<size_t>(v)]);
    }
  }

  const GatedDelta& sizes_;
  const RunArgs& args_;
  bool active_ = true;
};

Result<GatedDelta> read_sizes(const KernelRequest& request) {
  GatedDelta sizes;
  sizes.rule = TRY(read_rule(request.node.attrs));
  sizes.packed = !request.has_input(kKey);
  const Shape query = request.inputs[kQuery].shape();
  sizes.tokens = query.count(0, query.rank() - (sizes.packed ? 1 : 2));
  const int64_t token_axes = query.rank() - (sizes.packed ? 1 : 2);
  if (sizes.packed) {
    const Shape state = request.inputs[kState].shape();
    sizes.values = state[1];
    sizes.value_size = state[2];
    sizes.key_size = state[3];
    sizes.keys = (query.back() - sizes.values * sizes.value_size) / (2 * sizes.key_size);
  } else {
    const Shape value = request.inputs[kValue].shape();
    sizes.keys = query[query.rank() - 2];
    sizes.key_size = query.back();
    sizes.values = value[value.rank() - 2];
    sizes.value_size = value.back();
  }
  if (request.has_input(kBounds)) {
    sizes.batch = request.inputs[kBounds].shape()[0] - 1;
  } else {
    sizes.batch = request.has_input(kState) ? request.inputs[kState].shape()[0] : query[0];
    if (sizes.batch < 1 || sizes.tokens % sizes.batch != 0) {
      return fail(Code::kInvalidArgument, "{} tokens do not divide into {} sequences", sizes.tokens,
                  sizes.batch);
    }
  }
  sizes.decay_by_key =
      sizes.rule.decays &&
      static_cast<int64_t>(request.inputs[kDecay].shape().rank()) == token_axes + 2;
  return sizes;
}

Result<std::unique_ptr<Kernel>> make_gated_delta(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const GatedDelta sizes = TRY(read_sizes(request));
  return make_kernel([sizes](RunArgs& args) {
    const Ranges ranges =
        given(args, kBounds)
            ? packed_ranges(args, kBounds, sizes.tokens)
            : equal_ranges({sizes.batch, sizes.tokens / std::max<int64_t>(1, sizes.batch)});
    if (args.failed()) return;
    TensorView dst[3];
    for (size_t i = 0; i < args.outputs.size() && i < 3; ++i) dst[i] = args.outputs[i];
    if (dst[2].data != nullptr) std::fill_n(dst[2].as<float>(), dst[2].count(), 0.f);
    visit_float(args.inputs[kQuery].dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const GatedDeltaRun<T> run(sizes, args);
      args.pool->parallel_for(sizes.batch * sizes.values, [&](int64_t task) {
        const int64_t item = task / sizes.values;
        run.run_head(ranges[static_cast<size_t>(item)], item, task % sizes.values, dst);
      });
    });
  });
}

}  // namespace

OpDef op_GatedDeltaNet() {
  const DTypeSet f32 = dtype_set(DType::kFloat32), i32 = dtype_set(DType::kInt32);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"query", "T", kTypes},
               {"key", "T", kTypes, Form::kOptional},
               {"value", "T", kTypes, Form::kOptional},
               {"cu_seqlens", "I", i32, Form::kOptional},
               {"decay", "S", f32, Form::kOptional},
               {"beta", "S", f32, Form::kOptional},
               {"initial_state", "S", f32, Form::kOptional},
               {"a_log", "S", f32, Form::kOptional},
               {"dt_bias", "S", f32, Form::kOptional},
               {"capture_count", "I", i32, Form::kOptional},
               {"state_update_active", "I", i32, Form::kOptional}};
  op.outputs = {{"output", "T", kTypes},
                {"final_state", "S", f32, Form::kOptional},
                {"state_update", "S", f32, Form::kOptional}};
  op.attrs = {string_attr("beta_activation", "none"),
              int_attr("chunk_size", 64),
              string_attr("gate_activation", "none"),
              int_attr("qk_l2_norm", 0),
              float_attr("scale", 0),
              int_attr("state_update_capacity", 0),
              string_attr("update_rule", "gated_delta")};
  op.infer = infer;
  op.kernels = {{"recurrent", make_gated_delta}};
  return op;
}

}  // namespace sardonyx
