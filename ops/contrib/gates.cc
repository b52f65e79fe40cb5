// com.microsoft: CausalConvWithState EngramGate GatedAdd GatedRMSNorm GatedRelativePositionBias
// GemmaRotaryEmbedding LinearAttention LinearAttentionGate RemovePadding
// RestorePadding Irfft Rfft ScaledSiLU TorchEmbedding UnfoldTensor, said with ai.onnx.
#include <algorithm>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

using Kind = FormalAttr::Kind;

// ---- linear attention and its gates

// How many states the window of state_window holds; 0 is the last one, without an axis of its own.
Result<int64_t> state_window(const Lowering& to) {
  const int64_t window = to.attrs().get_int("state_window");
  if (window >= 0 && window <= 8) return window;
  return fail(Code::kInvalidGraph, "state_window is {}, expected 0 to 8", window);
}

// The state that a window hands on: its last.
ValueId last_of_window(Lowering& to, size_t index, int64_t window) {
  if (!to.has(index) || window == 0) return to.input(index);
  return to.op("Squeeze", {to.slice(to.input(index), 0, window - 1, window), to.ints({0})});
}

// Output `index`: the states of a window, each as it is or 0 where its `count` (a list of one, of
// how many steps it has seen) is not positive.
void store_window(Lowering& to, size_t index, const std::vector<ValueId>& states,
                  const std::vector<ValueId>& counts) {
  if (!to.wants(index)) return;
  std::vector<ValueId> slots;
  for (size_t i = 0; i < states.size(); ++i) {
    const ValueId seen = to.op("Greater", {counts[i], to.ints({0})});
    const ValueId slot = to.op("Where", {seen, states[i], to.number(0, states[i])});
    slots.push_back(to.op("Unsqueeze", {slot, to.ints({0})}));
  }
  to.op_into(to.output(index), "Concat", std::move(slots), {{"axis", int64_t{0}}});
}

// [batch, steps, channels...] as [batch, channels, steps], and back in the shape of input 0.
ValueId steps_to_back(Lowering& to, ValueId x) {
  return to.transpose(to.reshape(x, {0, 0, -1}), {0, 2, 1});
}
ValueId steps_to_front(Lowering& to, ValueId x) {
  const ValueId channels = to.op("Shape", {to.input(0)}, {{"start", int64_t{2}}});
  return to.op("Reshape", {to.transpose(x, {0, 2, 1}), to.concat({to.ints({0, 0}), channels})});
}

// With a dilation, other layouts or a window of states: a Conv over the past and the input, end to
// end, and pieces of them as states.
Result<void> spelled_out_conv(Lowering& to) {
  const int64_t dilation = to.attrs().get_int("dilation");
  const int64_t window = TRY(state_window(to));
  const bool last = to.attrs().get_int("channels_last") != 0;
  const std::string& activation = to.attrs().get_string("activation");
  if (activation != "none" && activation != "silu" && activation != "swish") {
    return fail(Code::kInvalidGraph, "activation is '{}', expected silu, swish or none",
                activation);
  }
  const auto channels = to.known_dim(1, 0), taps = to.known_dim(1, 2);
  if (!channels) return tl::unexpected(channels.error());
  if (!taps) return tl::unexpected(taps.error());
  if (*taps < 1) return fail(Code::kInvalidArgument, "the weight has an empty kernel");
  const int64_t tail = (*taps - 1) * dilation;
  const ValueId x = last ? steps_to_back(to, to.input(0)) : to.input(0);
  ValueId whole;
  if (to.has(3)) {
    const ValueId past = last_of_window(to, 3, window);
    whole = to.concat({last ? steps_to_back(to, past) : past, x}, 2);
  } else {
    whole = to.op("Pad", {x, to.ints({0, 0, tail, 0, 0, 0})});
  }
  ValueId y = to.op("Conv", {whole, to.input(1), to.input(2)},
                    {{"group", *channels}, {"dilations", std::vector<int64_t>{dilation}}});
  if (activation != "none") y = to.op("Swish", {y});
  to.op_into(to.output(0), "Identity", {last ? steps_to_front(to, y) : y});
  const ValueId steps = to.dim(x, 2);
  std::vector<ValueId> states, counts;
  for (int64_t i = std::max<int64_t>(1, window); i-- > 0;) {
    // What lies before the end of all but the last i steps.
    counts.push_back(to.op("Sub", {steps, to.ints({i})}));
    const ValueId start = to.op("Max", {counts.back(), to.ints({0})});
    const ValueId end = to.op("Add", {start, to.ints({tail})});
    const ValueId state = to.op("Slice", {whole, start, end, to.ints({2})});
    states.push_back(last ? steps_to_front(to, state) : state);
  }
  if (window > 0) {
    store_window(to, 1, states, counts);
  } else if (to.wants(1)) {
    to.op_into(to.output(1), "Identity", {states[0]});
  }
  return {};
}

Result<void> lower_causal_conv(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const AttrMap& attrs = to.attrs();
  const int64_t dilation = attrs.get_int("dilation");
  if (attrs.get_int("ndim") != 1) {
    return fail(Code::kNotImplemented, "ndim is {}, only 1 is known", attrs.get_int("ndim"));
  }
  if (dilation < 1) {
    return fail(Code::kInvalidGraph, "dilation is {}, expected 1 or more", dilation);
  }
  const int64_t channels_last = attrs.get_int("channels_last");
  if (channels_last != 0 && channels_last != 1) {
    return fail(Code::kInvalidGraph, "channels_last is {}, expected 0 or 1", channels_last);
  }
  if (channels_last != 0 || dilation != 1 || attrs.get_int("state_window") != 0) {
    return spelled_out_conv(to);
  }
  to.rename_to("CausalConvWithState",
               Rewriter::attrs_of({{"activation", attrs.get_string("activation")}}));
  return {};
}

// Steps [start, end) of an input, each a list of one; kNoValue stays.
ValueId steps_of(Lowering& to, size_t index, ValueId start, ValueId end) {
  if (!to.has(index)) return kNoValue;
  return to.op("Slice", {to.input(index), start, end, to.ints({1})});
}

// A window of states: all but its steps at once, then these one by one, for the state after each.
Result<void> attention_with_window(Lowering& to, const AttrMap& attrs, int64_t window) {
  const ValueId steps = to.dim(to.input(0), 1);
  const ValueId zero = to.ints({0});
  ValueId start = zero, state = last_of_window(to, 3, window);
  std::vector<ValueId> results, states, counts;
  for (int64_t rest = window; rest >= 0; --rest) {
    const ValueId count = to.op("Sub", {steps, to.ints({rest})});
    const ValueId end = to.op("Max", {count, zero});
    std::vector<ValueId> made = {to.graph().add_value("steps", ValueType()),
                                 to.graph().add_value("state", ValueType())};
    to.op_into(
        made, "LinearAttention",
        {steps_of(to, 0, start, end), steps_of(to, 1, start, end), steps_of(to, 2, start, end),
         state, steps_of(to, 4, start, end), steps_of(to, 5, start, end)},
        attrs);
    results.push_back(made[0]);
    state = made[1];
    if (rest < window) {
      states.push_back(state);
      counts.push_back(count);
    }
    start = end;
  }
  to.op_into(to.output(0), "Concat", std::move(results), {{"axis", int64_t{1}}});
  store_window(to, 1, states, counts);
  return {};
}

Result<void> lower_linear_attention(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  AttrMap attrs = to.attrs();
  const int64_t window = TRY(state_window(to));
  attrs.erase("state_window");
  if (window > 0) return attention_with_window(to, attrs, window);
  to.rename_to("LinearAttention", std::move(attrs));
  return {};
}

// decay_scale * softplus(a + dt_bias) in f32, and sigmoid(b)
Result<void> lower_linear_gate(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId a = to.cast(to.input(0), DType::kFloat32);
  const ValueId soft = to.op("Softplus", {to.op("Add", {a, to.input(1)})});
  to.op_into(to.output(0), "CastLike", {to.op("Mul", {soft, to.input(2)}), to.input(0)});
  if (to.wants(1)) {
    if (!to.has(3)) return fail(Code::kInvalidGraph, "output beta needs input b");
    to.op_into(to.output(1), "Sigmoid", {to.input(3)});
  }
  return {};
}

ValueId in_f32(Lowering& to, ValueId x) { return to.cast(x, DType::kFloat32); }

// x / sqrt(mean(x^2) + epsilon) * scale over the last axis, all f32.
ValueId rms_norm(Lowering& to, ValueId x, ValueId scale) {
  return to.op("RMSNormalization", {x, scale}, {{"epsilon", to.attrs().get_float("epsilon")}});
}

// The norm of groups as long as `scale`, times an activation of the gate, in f32.
Result<void> lower_gated_rms_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const std::string& activation = to.attrs().get_string("activation");
  if (activation != "silu" && activation != "swish" && activation != "sigmoid") {
    return fail(Code::kInvalidGraph, "activation is '{}', expected silu, swish or sigmoid",
                activation);
  }
  const ValueId x = in_f32(to, to.input(0)), gate = in_f32(to, to.input(2));
  const ValueId groups = to.op("Reshape", {x, to.concat({to.ints({-1}), to.shape(to.input(1))})});
  const ValueId normed =
      to.op("Reshape", {rms_norm(to, groups, in_f32(to, to.input(1))), to.shape(to.input(0))});
  const ValueId factor = to.op(activation == "sigmoid" ? "Sigmoid" : "Swish", {gate});
  to.op_into(to.output(0), "CastLike", {to.op("Mul", {normed, factor}), to.input(0)});
  return {};
}

Result<void> lower_gated_add(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Add", {to.input(0), to.op("Mul", {to.input(1), to.input(2)})});
  return {};
}

Result<void> lower_scaled_silu(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId scale =
      to.has(1) ? to.op("CastLike", {to.input(1), to.input(0)})
                : to.number(static_cast<double>(to.attrs().get_float("alpha")), to.input(0));
  const ValueId scaled = to.op("Mul", {to.input(0), scale});
  to.op_into(to.output(0), "Mul", {scaled, to.op("Sigmoid", {scaled})});
  return {};
}

// gate = sigmoid(sign(dot) sqrt(max(|dot|, 1e-6))), dot of the norms of key and query
Result<void> lower_engram_gate(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const auto norm = [&](ValueId x, size_t scale) {
    const ValueId one = to.constant(Tensor::from<float>({1}, std::vector<float>{1}));
    return to.op("Mul", {rms_norm(to, x, one), in_f32(to, to.input(scale))});
  };
  const ValueId key = norm(in_f32(to, to.input(0)), 3);
  const ValueId query = norm(in_f32(to, to.input(1)), 4);
  const ValueId last = to.ints({-1});
  const ValueId sum = to.op("ReduceSum", {to.op("Mul", {key, query}), last});
  const ValueId width = to.cast(to.dim(to.input(0), -1), DType::kFloat32);
  const ValueId dot = to.op("Div", {sum, to.op("Sqrt", {width})});
  const ValueId least = to.constant(Tensor::scalar(1e-6f));
  const ValueId root = to.op("Sqrt", {to.op("Max", {to.op("Abs", {dot}), least})});
  const ValueId gate = to.op("Sigmoid", {to.op("Mul", {to.op("Sign", {dot}), root})});
  const ValueId value = to.op("Unsqueeze", {in_f32(to, to.input(2)), to.ints({2})});
  const ValueId gated = to.op("Mul", {gate, value});
  to.op_into(to.output(0), "CastLike", {gated, to.input(0)});
  if (to.wants(1)) {
    if (!to.has(5)) return fail(Code::kInvalidGraph, "gated_value_normed needs conv_norm_scale");
    to.op_into(to.output(1), "CastLike", {norm(gated, 5), to.input(0)});
  }
  return {};
}

// ---- positions

// query * cos + rotated query * sin, and the same of the key
Result<void> lower_gemma_rotary(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const auto angle = [&](const char* function) {
    const ValueId turned = to.op("CastLike", {to.op(function, {to.input(0)}), to.input(1)});
    return to.op("Unsqueeze", {turned, to.ints({1})});
  };
  const ValueId sine = angle("Sin"), cosine = angle("Cos");
  for (size_t i = 0; i < 2; ++i) {
    const ValueId plain = to.op("Mul", {to.input(1 + 2 * i), cosine});
    to.op_into(to.output(i), "Add", {plain, to.op("Mul", {to.input(2 + 2 * i), sine})});
  }
  return {};
}

Result<void> lower_gated_bias(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  if (to.has(6)) return fail(Code::kNotImplemented, "token_offset is not known");
  const int64_t heads = to.attrs().get_int("num_heads");
  ValueId x = to.op("Add", {to.input(0), to.input(1)});
  x = to.transpose(to.reshape(x, {0, 0, heads, -1}), {0, 2, 1, 3});
  x = to.op("Add", {to.op("MatMul", {x, to.input(3)}), to.input(4)});
  x = to.op("ReduceSum", {to.reshape(x, {0, 0, 0, 2, -1}), to.ints({-1})},
            {{"keepdims", int64_t{0}}});
  x = to.op("Sigmoid", {x});
  const ValueId u = to.slice(x, -1, 0, 1), r = to.slice(x, -1, 1, 2);
  const ValueId one = to.number(1, to.input(0)), two = to.number(2, to.input(0));
  const ValueId inner = to.op("Sub", {to.op("Mul", {r, to.input(5)}), one});
  const ValueId gate = to.op("Add", {to.op("Mul", {u, inner}), two});
  to.op_into(to.output(0), "Mul", {gate, to.input(2)});
  return {};
}

// ---- padding

ValueId flat_places(Lowering& to, ValueId flags) {
  return to.reshape(to.op("NonZero", {to.reshape(flags, {-1})}), {-1});
}

Result<void> lower_remove_padding(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = to.input(0);
  const ValueId length = to.op("Squeeze", {to.dim(x, 1), to.ints({0})});
  const ValueId places = to.op("Range", {to.constant(Tensor::scalar(int64_t{0})), length,
                                         to.constant(Tensor::scalar(int64_t{1}))});
  const ValueId counts = to.cast(to.input(1), DType::kInt64);
  const ValueId shown = to.op("Less", {places, to.reshape(counts, {-1, 1})});
  const ValueId tokens = flat_places(to, shown);
  const ValueId order = to.concat({tokens, flat_places(to, to.op("Not", {shown}))});
  const ValueId rows = to.op("Reshape", {x, to.concat({to.ints({-1}), to.dim(x, 2)})});
  to.op_into(to.output(0), "Gather", {rows, tokens});
  const ValueId grid = to.op("Shape", {x}, {{"end", int64_t{2}}});
  to.op_into(to.output(1), "Cast", {to.op("Reshape", {order, grid})},
             {{"to", static_cast<int64_t>(DType::kInt32)}});
  const ValueId zero = to.constant(Tensor::from<int32_t>({1}, std::vector<int32_t>{0}));
  const ValueId axis = to.constant(Tensor::scalar(int64_t{0}));
  to.op_into(to.output(2), "Concat", {zero, to.op("CumSum", {to.input(1), axis})},
             {{"axis", int64_t{0}}});
  to.op_into(to.output(3), "ReduceMax", {to.input(1)}, {{"keepdims", int64_t{1}}});
  return {};
}

Result<void> lower_restore_padding(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = to.input(0);
  const ValueId offsets = to.cast(to.reshape(to.input(1), {-1}), DType::kInt64);
  const ValueId used = to.op("Slice", {offsets, to.ints({0}), to.dim(x, 0)});
  const ValueId width = to.dim(x, 1);
  const ValueId zeros = to.op("Expand", {to.number(0, x), to.concat({to.shape(offsets), width})});
  const ValueId rows = to.op("ScatterND", {zeros, to.op("Unsqueeze", {used, to.ints({-1})}), x});
  to.op_into(to.output(0), "Reshape", {rows, to.concat({to.shape(to.input(1)), width})});
  return {};
}

// ---- the rest

// Slices of `size` elements, `step` apart, along one axis; the elements become the last axis.
Result<void> lower_unfold(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t rank = TRY(to.known_rank(0));
  const AttrMap& attrs = to.attrs();
  const int64_t size = attrs.get_int("size"), step = attrs.get_int("step");
  int64_t axis = attrs.get_int("dim");
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank || size < 1 || step < 1) {
    return fail(Code::kInvalidGraph, "dim is {}, size {} and step {} for rank {}",
                attrs.get_int("dim"), size, step, rank);
  }
  const auto scalar = [&](int64_t number) { return to.constant(Tensor::scalar(number)); };
  const ValueId length = to.op("Squeeze", {to.dim(to.input(0), axis), to.ints({0})});
  const ValueId stop = to.op("Add", {to.op("Sub", {length, scalar(size)}), scalar(1)});
  const ValueId starts = to.op("Range", {scalar(0), stop, scalar(step)});
  const ValueId inside = to.op("Range", {scalar(0), scalar(size), scalar(1)});
  const ValueId places = to.op("Add", {to.op("Unsqueeze", {starts, to.ints({1})}), inside});
  const ValueId slices = to.op("Gather", {to.input(0), places}, {{"axis", axis}});
  std::vector<int64_t> perm;
  for (int64_t i = 0; i <= rank; ++i) {
    if (i != axis + 1) perm.push_back(i);
  }
  perm.push_back(axis + 1);
  to.op_into(to.output(0), "Transpose", {slices}, {{"perm", perm}});
  return {};
}

Result<void> check_signal(const Lowering& to) {
  const AttrMap& attrs = to.attrs();
  if (attrs.get_int("signal_ndim") == 1 && attrs.get_int("onesided") == 1 &&
      attrs.get_int("normalized") == 0) {
    return {};
  }
  return fail(Code::kNotImplemented, "is known with signal_ndim=1, onesided=1, normalized=0 alone");
}

Result<void> lower_rfft(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  TRY(check_signal(to));
  const ValueId x = to.op("Unsqueeze", {to.input(0), to.ints({-1})});
  to.op_into(to.output(0), "DFT", {x, kNoValue, to.constant(Tensor::scalar(int64_t{-2}))},
             {{"onesided", int64_t{1}}});
  return {};
}

// The half that is not there mirrors the other, conjugated.
Result<void> lower_irfft(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  TRY(check_signal(to));
  const ValueId x = to.input(0);
  const ValueId mirrored =
      to.op("Slice", {x, to.ints({-2}), to.ints({0}), to.ints({-2}), to.ints({-1})});
  const ValueId minus = to.op("Neg", {to.slice(mirrored, -1, 1, 2)});
  const ValueId conjugate = to.concat({to.slice(mirrored, -1, 0, 1), minus}, -1);
  const ValueId whole = to.concat({x, conjugate}, -2);
  const ValueId y = to.op("DFT", {whole, kNoValue, to.constant(Tensor::scalar(int64_t{-2}))},
                          {{"inverse", int64_t{1}}});
  to.op_into(to.output(0), "Squeeze", {to.slice(y, -1, 0, 1), to.ints({-1})});
  return {};
}

Result<void> lower_torch_embedding(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  to.op_into(to.output(0), "Gather", {to.input(0), to.input(1)});
  return {};
}

constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', kFloatTypes},
                                                {'S', kFloatTypes},
                                                {'F', dtype_set(DType::kFloat32)},
                                                {'A', kAllTypes},
                                                {'P', dtype_set(DType::kInt64)},
                                                {'M', dtype_set(DType::kInt32)},
                                                {'B', dtype_set(DType::kBool)}};

OpDef gate_op(std::string_view inputs, std::string_view outputs, LowerRule lower,
              std::vector<FormalAttr> attrs = {}) {
  OpDef op = contrib_op(inputs, outputs, kTypes, lower);
  op.attrs = std::move(attrs);
  return op;
}

}  // namespace

OpDef op_ContribCausalConv() {
  return gate_op("input:T weight:T bias:T? past_state:T?", "output:T present_state:T",
                 lower_causal_conv,
                 {string_attr("activation", "none"), int_attr("channels_last", 0),
                  int_attr("dilation", 1), int_attr("ndim", 1), int_attr("state_window", 0)});
}
OpDef op_ContribLinearAttention() {
  return gate_op("query:T key:T value:T past_state:S? decay:T? beta:T?", "output:T present_state:S",
                 lower_linear_attention,
                 {int_attr("chunk_size", 64), required_attr("kv_num_heads", Kind::kInt),
                  required_attr("q_num_heads", Kind::kInt), float_attr("scale", 0),
                  int_attr("state_window", 0), string_attr("update_rule", "gated_delta")});
}
OpDef op_LinearAttentionGate() {
  return gate_op("a:T dt_bias:F decay_scale:F b:T?", "decay:T beta:T?", lower_linear_gate);
}
OpDef op_GatedRMSNorm() {
  return gate_op("X:T scale:T gate:T", "Y:T", lower_gated_rms_norm,
                 {string_attr("activation", "silu"), float_attr("epsilon", 1e-5f)});
}
OpDef op_GatedAdd() { return gate_op("X:T Y:T gate:T", "output:T", lower_gated_add); }
OpDef op_ScaledSiLU() {
  return gate_op("X:T scale:S?", "Y:T", lower_scaled_silu, {float_attr("alpha", 1)});
}
OpDef op_EngramGate() {
  return gate_op("key:T query:T value:T key_norm_scale:T query_norm_scale:T conv_norm_scale:T?",
                 "output:T gated_value_normed:T?", lower_engram_gate,
                 {float_attr("epsilon", 1e-5f)});
}
OpDef op_GemmaRotaryEmbedding() {
  return gate_op("emb:S q:T q_rot:T k:T k_rot:T", "output1:T output2:T", lower_gemma_rotary);
}
OpDef op_GatedRelativePositionBias() {
  return gate_op("query_layer:T query_bias:T rel_pos:T weight:T bias:T eco_a:T token_offset:M?",
                 "output:T", lower_gated_bias, {required_attr("num_heads", Kind::kInt)});
}
OpDef op_RemovePadding() {
  return gate_op("input:T sequence_token_count:M",
                 "output:T token_offset:M cumulated_seq_len:M max_seq_len:M", lower_remove_padding);
}
OpDef op_RestorePadding() {
  return gate_op("input:T token_offset:M", "output:T", lower_restore_padding);
}
OpDef op_UnfoldTensor() {
  return gate_op("input:A", "output:A", lower_unfold,
                 {int_attr("dim", -1), required_attr("size", Kind::kInt), int_attr("step", 1)});
}
OpDef op_Rfft() {
  return gate_op("X:T", "Y:T", lower_rfft,
                 {int_attr("normalized", 0), int_attr("onesided", 1), int_attr("signal_ndim", 1)});
}
OpDef op_Irfft() {
  OpDef op = op_Rfft();
  op.lower = lower_irfft;
  return op;
}
OpDef op_TorchEmbedding() {
  return gate_op("weight:A indices:P padding_idx:P? scale_grad_by_freq:B?", "Y:A",
                 lower_torch_embedding);
}

}  // namespace sardonyx
