// LinearAttention: a recurrent state of keys by values for each head, which each step decays,
// updates with its key and value (or with what the state got wrong), and reads with its query.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
enum Operands : size_t { kQuery, kKey, kValue, kPast, kDecay, kBeta };

struct Heads {
  int64_t query = 0;
  int64_t kv = 0;
  bool gated = false;
  bool delta = false;
  double scale = 0;
};

Result<Heads> read_heads(const AttrMap& attrs) {
  const std::string& rule = attrs.get_string("update_rule");
  Heads heads{attrs.get_int("q_num_heads"), attrs.get_int("kv_num_heads"),
              rule == "gated" || rule == "gated_delta", rule == "delta" || rule == "gated_delta",
              attrs.get_float("scale")};
  if (!heads.gated && !heads.delta && rule != "linear") {
    return fail(Code::kInvalidArgument,
                "update_rule is '{}', expected linear, gated, delta or gated_delta", rule);
  }
  if (heads.query < 1 || heads.kv < 1 || heads.query % heads.kv != 0) {
    return fail(Code::kInvalidArgument,
                "q_num_heads is {} and kv_num_heads {}; expected a multiple and its divisor",
                heads.query, heads.kv);
  }
  return heads;
}

// The width of one head of a packed input.
Result<Dim> head_width(const InferContext& context, size_t index, int64_t heads) {
  if (!context.has_rank(index)) return Dim::unknown();
  const Dim& packed = context.dims(index)[2];
  if (!packed.is_constant()) return Dim::unknown();
  if (packed.value() % heads != 0) {
    return fail(Code::kInvalidArgument, "{} does not divide into {} heads", context.describe(index),
                heads);
  }
  return Dim(packed.value() / heads);
}

Result<void> check_gate(const InferContext& context, size_t index, bool wanted, int64_t heads,
                        const Dim& wide) {
  if (context.has_input(index) != wanted) {
    return fail(Code::kInvalidArgument, "update_rule '{}' {} the input {}",
                context.attrs().get_string("update_rule"), wanted ? "needs" : "does not take",
                index == kDecay ? "decay" : "beta");
  }
  if (!context.has_rank(index)) return {};
  const Dim& last = context.dims(index)[2];
  if (!last.is_constant() || last.value() == heads || !wide.is_constant() || last == wide) {
    return {};
  }
  return fail(Code::kInvalidArgument, "{} has {} numbers for each step, expected {} or {}",
              context.describe(index), last.value(), heads, wide.value());
}

Result<void> infer_linear_attention(InferContext& context) {
  const Heads heads = TRY(read_heads(context.attrs()));
  Dim batch = Dim::unknown();
  Dim steps = Dim::unknown();
  for (size_t i : {kQuery, kKey, kValue, kDecay, kBeta}) {
    TRY(expect_rank(context, i, 3));
    if (!context.has_rank(i)) continue;
    batch = TRY(same_dim(batch, context.dims(i)[0], "the batch of the inputs"));
    steps = TRY(same_dim(steps, context.dims(i)[1], "the steps of the inputs"));
  }
  Dim keys = TRY(head_width(context, kQuery, heads.query));
  const Dim key_width = TRY(head_width(context, kKey, heads.kv));
  keys = TRY(same_dim(keys, key_width, "d_k of query and key"));
  Dim values = TRY(head_width(context, kValue, heads.kv));
  TRY(expect_rank(context, kPast, 4));
  if (context.has_rank(kPast)) {
    const Dims& past = context.dims(kPast);
    batch = TRY(same_dim(batch, past[0], "the batch of the inputs and past_state"));
    TRY(same_dim(past[1], Dim(heads.kv), "the heads of past_state and kv_num_heads"));
    keys = TRY(same_dim(keys, past[2], "d_k of key and past_state"));
    values = TRY(same_dim(values, past[3], "d_v of value and past_state"));
  }
  const Dim wide = keys.is_unknown() ? keys : keys * heads.kv;
  TRY(check_gate(context, kDecay, heads.gated, heads.kv, wide));
  TRY(check_gate(context, kBeta, heads.delta, heads.kv, Dim(1)));
  const Dim width = values.is_unknown() ? values : values * heads.query;
  context.set_output(0, context.dtype(kQuery), {batch, steps, width});
  if (context.output_count() > 1) {
    const DType state = context.has_input(kPast) ? context.dtype(kPast) : context.dtype(kQuery);
    context.set_output(1, state, {batch, heads.kv, keys, values});
  }
  return {};
}

// The inputs of type T as f64 numbers at [batch, step, last].
template <class T>
struct Packed {
  const T* data = nullptr;
  int64_t last = 0;

  explicit Packed(const RunArgs& args, size_t index) {
    if (index >= args.inputs.size() || args.inputs[index].data == nullptr) return;
    data = args.inputs[index].as<const T>();
    last = args.inputs[index].shape[2];
  }
  const T* at(int64_t step) const { return data + step * last; }
};

struct LinearAttention {
  Heads heads;
  int64_t batch, steps, keys, values;

  int64_t state_size() const { return keys * values; }

  template <class T>
  void decay_state(const Packed<T>& decay, int64_t step, int64_t head, double* state) const {
    const bool per_head = decay.last == heads.kv;
    for (int64_t k = 0; k < keys; ++k) {
      const T gate = decay.at(step)[per_head ? head : head * keys + k];
      const double factor = std::exp(static_cast<double>(widen(gate)));
      for (int64_t v = 0; v < values; ++v) state[k * values + v] *= factor;
    }
  }

  // change = the value, or beta times what the state lacks of it.
  template <class T>
  void find_change(const T* key, const T* value, const double* state, double beta,
                   double* change) const {
    for (int64_t v = 0; v < values; ++v) change[v] = heads.delta ? 0 : widen(value[v]);
    if (!heads.delta) return;
    for (int64_t k = 0; k < keys; ++k) {
      const double factor = widen(key[k]);
      for (int64_t v = 0; v < values; ++v) change[v] += factor * state[k * values + v];
    }
    for (int64_t v = 0; v < values; ++v) change[v] = beta * (widen(value[v]) - change[v]);
  }

  template <class T>
  void read_state(const T* query, const double* state, double* sum, T* dst) const {
    std::fill_n(sum, values, 0.0);
    for (int64_t k = 0; k < keys; ++k) {
      const double factor = widen(query[k]);
      for (int64_t v = 0; v < values; ++v) sum[v] += factor * state[k * values + v];
    }
    const double scale = heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<double>(keys));
    for (int64_t v = 0; v < values; ++v) dst[v] = narrow<T>(scale * sum[v]);
  }

  // All steps of one head of one sample; `line` holds `values` numbers.
  template <class T>
  void run_head(const RunArgs& args, int64_t sample, int64_t head, double* state, double* line,
                T* dst) const {
    const Packed<T> query(args, kQuery), key(args, kKey), value(args, kValue), decay(args, kDecay),
        beta(args, kBeta);
    const int64_t group = heads.query / heads.kv;
    for (int64_t step = sample * steps; step < (sample + 1) * steps; ++step) {
      if (heads.gated) decay_state(decay, step, head, state);
      const double rate = heads.delta ? widen(beta.at(step)[beta.last == 1 ? 0 : head]) : 1.0;
      const T* k_t = key.at(step) + head * keys;
      find_change(k_t, value.at(step) + head * values, state, rate, line);
      for (int64_t k = 0; k < keys; ++k) {
        const double factor = widen(k_t[k]);
        for (int64_t v = 0; v < values; ++v) state[k * values + v] += factor * line[v];
      }
      for (int64_t q = head * group; q < (head + 1) * group && dst != nullptr; ++q) {
        read_state(query.at(step) + q * keys, state, line, dst + (step * heads.query + q) * values);
      }
    }
  }
};

void load_state(const RunArgs& args, int64_t first, int64_t count, double* state) {
  if (args.inputs.size() <= kPast || args.inputs[kPast].data == nullptr) {
    std::fill_n(state, count, 0.0);
    return;
  }
  visit_float(args.inputs[kPast].dtype, [&](auto tag) {
    using S = typename decltype(tag)::Type;
    const S* past = args.inputs[kPast].as<const S>() + first;
    for (int64_t i = 0; i < count; ++i) state[i] = widen(past[i]);
  });
}

void store_state(const TensorView& dst, int64_t first, int64_t count, const double* state) {
  if (dst.data == nullptr) return;
  visit_float(dst.dtype, [&](auto tag) {
    using S = typename decltype(tag)::Type;
    for (int64_t i = 0; i < count; ++i) dst.as<S>()[first + i] = narrow<S>(state[i]);
  });
}

Result<std::unique_ptr<Kernel>> make_linear_attention(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape query = request.inputs[kQuery].shape();
  const Heads heads = TRY(read_heads(request.node.attrs));
  const int64_t values = request.inputs[kValue].shape()[2] / heads.kv;
  const LinearAttention attention{heads, query[0], query[1], query[2] / heads.query, values};
  const bool wanted[2] = {request.has_output(0), request.has_output(1)};
  const DType state_dtype =
      request.has_input(kPast) ? request.inputs[kPast].dtype() : request.inputs[kQuery].dtype();
  return make_kernel([=](RunArgs& args) {
    const int64_t size = attention.state_size();
    TensorView dst, present;
    const DType dtype = args.inputs[kQuery].dtype;
    if (wanted[0]) {
      dst = args.allocate(0, dtype, {attention.batch, attention.steps, values * heads.query});
    }
    if (wanted[1]) {
      present = args.allocate(1, state_dtype,
                              {attention.batch, heads.kv, attention.keys, attention.values});
    }
    if (args.failed()) return;
    visit_float(dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const int64_t work = size * (attention.steps + 1) * 16;
      parallel_ranges(args.pool, attention.batch * heads.kv, work,
                      [&](int64_t first, int64_t last) {
                        std::vector<double> state(static_cast<size_t>(size + values));
                        for (int64_t row = first; row < last; ++row) {
                          load_state(args, row * size, size, state.data());
                          attention.run_head<T>(args, row / heads.kv, row % heads.kv, state.data(),
                                                state.data() + size, dst.as<T>());
                          store_state(present, row * size, size, state.data());
                        }
                      });
    });
  });
}

}  // namespace

OpDef op_LinearAttention() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {27};
  op.inputs = {{"query", "T", kTypes},
               {"key", "T", kTypes},
               {"value", "T", kTypes},
               {"past_state", "S", kTypes, Form::kOptional},
               {"decay", "T", kTypes, Form::kOptional},
               {"beta", "T", kTypes, Form::kOptional}};
  op.outputs = {{"output", "T", kTypes}, {"present_state", "S", kTypes}};
  op.attrs = {int_attr("chunk_size", 64), required_attr("kv_num_heads", Kind::kInt),
              required_attr("q_num_heads", Kind::kInt), float_attr("scale", 0),
              string_attr("update_rule", "gated_delta")};
  op.infer = infer_linear_attention;
  op.kernels = {{"recurrent", make_linear_attention}};
  return op;
}

}  // namespace sardonyx
