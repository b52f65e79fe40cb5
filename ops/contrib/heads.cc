// com.microsoft: Attention DecoderMaskedMultiHeadAttention DecoderMaskedSelfAttention
// MultiHeadAttention, said with the Attention of ai.onnx: operands are taken out of packed ones,
// every form of mask becomes numbers to add to the scores.
#include <limits>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// Query, key and value as Attention takes them: 3-d with heads inside, or 4-d with heads outside.
struct Operands {
  ValueId q = kNoValue, k = kNoValue, v = kNoValue;
  bool keys_are_cached = false;  // 4-d: computed before, bias included
};

// How many columns and rows the scores have, and how many columns are past ones; lists of one.
struct Columns {
  ValueId total = kNoValue;
  ValueId rows = kNoValue;
  ValueId past = kNoValue;
};

// 0 where `visible` (bool) holds, the filter elsewhere.
ValueId additive(Lowering& to, ValueId visible, ValueId like) {
  const double filter = static_cast<double>(to.attrs().get_float("mask_filter_value"));
  return to.op("Where", {visible, to.number(0, like), to.number(filter, like)});
}

ValueId is_not_zero(Lowering& to, ValueId mask) { return to.cast(mask, DType::kBool); }

// Whether column j < ends[item] (and j >= starts[item]), as [batch, 1, 1, columns].
ValueId columns_between(Lowering& to, ValueId starts, ValueId ends, const Columns& columns) {
  const ValueId zero = to.constant(Tensor::scalar(int64_t{0}));
  const ValueId one = to.constant(Tensor::scalar(int64_t{1}));
  const ValueId stop = to.op("Squeeze", {columns.total, to.ints({0})});
  const ValueId places = to.op("Range", {zero, stop, one});
  const auto per_item = [&](ValueId numbers) {
    return to.reshape(to.cast(numbers, DType::kInt64), {-1, 1, 1, 1});
  };
  const ValueId before = to.op("Less", {places, per_item(ends)});
  if (starts == kNoValue) return before;
  return to.op("And", {before, to.op("GreaterOrEqual", {places, per_item(starts)})});
}

// The mask of rank 1: [B] lengths; [2B] ends, then starts; [3B + 2] lengths first.
Result<ValueId> mask_of_lengths(Lowering& to, size_t index, const Columns& columns) {
  const ValueId mask = to.input(index);
  if (TRY(to.known_rank(0)) > 0 && (*to.type(index).dims)[0] == (*to.type(0).dims)[0]) {
    return columns_between(to, kNoValue, mask, columns);
  }
  const int64_t length = TRY(to.known_dim(index, 0)), batch = TRY(to.known_dim(0, 0));
  const ValueId ends = to.slice(mask, 0, 0, batch);
  if (length == 3 * batch + 2) return columns_between(to, kNoValue, ends, columns);
  if (length != 2 * batch) {
    return fail(Code::kInvalidArgument,
                "the mask has {} elements for a batch of {}, expected {}, "
                "{} or {}",
                length, batch, batch, 2 * batch, 3 * batch + 2);
  }
  return columns_between(to, to.slice(mask, 0, batch, length), ends, columns);
}

// Any form of mask, as numbers that broadcast to [batch, heads, rows, columns].
Result<ValueId> additive_mask(Lowering& to, size_t index, const Columns& columns) {
  const ValueId mask = to.input(index);
  const ValueId like = to.input(0);
  switch (TRY(to.known_rank(index))) {
    case 1:
      return additive(to, TRY(mask_of_lengths(to, index, columns)), like);
    case 2:
      return additive(to, to.op("Unsqueeze", {is_not_zero(to, mask), to.ints({1, 2})}), like);
    case 3:
      return additive(to, to.op("Unsqueeze", {is_not_zero(to, mask), to.ints({1})}), like);
    case 4: {  // [B, 1, M, M] for every length up to M
      const ValueId first_row = to.op("Sub", {columns.total, columns.rows});
      const ValueId rows =
          to.op("Slice", {is_not_zero(to, mask), first_row, columns.total, to.ints({2})});
      const ValueId part = to.op("Slice", {rows, to.ints({0}), columns.total, to.ints({3})});
      return additive(to, part, like);
    }
    default:
      return fail(Code::kInvalidArgument, "the mask has rank {}, expected 1 to 4",
                  TRY(to.known_rank(index)));
  }
}

// The mask and the bias of the scores, added up.
Result<ValueId> whole_mask(Lowering& to, size_t mask, size_t bias, const Columns& columns) {
  const ValueId additive = to.has(mask) ? TRY(additive_mask(to, mask, columns)) : kNoValue;
  return to.sum(additive, to.input(bias));
}

// Attributes of the Attention of ai.onnx. A scale of 0 stands for the default.
AttrMap attention_attrs(const Lowering& to) {
  const AttrMap& given = to.attrs();
  AttrMap attrs = Rewriter::attrs_of({{"q_num_heads", given.get_int("num_heads")},
                                      {"kv_num_heads", given.get_int("num_heads")},
                                      {"is_causal", given.get_int("unidirectional")}});
  if (given.get_float("scale") != 0) attrs.set("scale", given.get_float("scale"));
  return attrs;
}

// ---- caches

struct Cache {
  ValueId key = kNoValue, value = kNoValue;  // the past, at its length
};

// The first `length` (a list of one) positions of a buffer [B, N, M, H].
ValueId first_positions(Lowering& to, ValueId buffer, ValueId length) {
  return to.op("Slice", {buffer, to.ints({0}), length, to.ints({2})});
}
// Present positions, and what the buffer holds behind them.
void fill_buffer(Lowering& to, ValueId output, ValueId present, ValueId buffer, ValueId total) {
  if (output == kNoValue) return;
  const ValueId rest = to.op("Slice", {buffer, total, to.ints({kEnd}), to.ints({2})});
  to.op_into(output, "Concat", {present, rest}, {{"axis", int64_t{2}}});
}

ValueId list_of_one(Lowering& to, ValueId number) {
  return to.reshape(to.cast(number, DType::kInt64), {1});
}

// Which row of the batch each position of a beam came from: `origins` is [B, beams, M], the cache
// [B * beams, N, L, H] with L <= M. Gathers the positions of every beam.
ValueId follow_beams(Lowering& to, ValueId cache, ValueId origins, ValueId length) {
  const auto scalar = [&](int64_t number) { return to.constant(Tensor::scalar(number)); };
  const auto count_up = [&](ValueId list) {
    return to.op("Range", {scalar(0), to.op("Squeeze", {list, to.ints({0})}), scalar(1)});
  };
  const ValueId wide = to.cast(origins, DType::kInt64);
  const ValueId used = to.op("Slice", {wide, to.ints({0}), length, to.ints({2})});
  const ValueId first_rows = to.op("Mul", {count_up(to.dim(origins, 0)), to.dim(origins, 1)});
  const ValueId rows = to.op("Add", {used, to.op("Unsqueeze", {first_rows, to.ints({1, 2})})});
  const ValueId grid = to.concat({to.dim(cache, 0), length});
  const ValueId places = to.op("Expand", {count_up(length), grid});
  const ValueId last = to.ints({-1});
  const ValueId pairs = to.concat({to.op("Unsqueeze", {to.op("Reshape", {rows, grid}), last}),
                                   to.op("Unsqueeze", {places, last})},
                                  -1);
  const ValueId by_position = to.transpose(cache, {0, 2, 1, 3});
  return to.transpose(to.op("GatherND", {by_position, pairs}), {0, 2, 1, 3});
}

// ---- com.microsoft.Attention(input, weights, bias, mask, past, attention_bias, past length)

// Q, K and V side by side: as wide as qkv_hidden_sizes says, or thirds.
Result<std::vector<ValueId>> split_product(Lowering& to, ValueId product) {
  const std::vector<int64_t>& sizes = to.attrs().get_ints("qkv_hidden_sizes");
  if (sizes.size() == 3) {
    return to.ops("Split", {product, to.ints(sizes)}, 3, {{"axis", int64_t{-1}}});
  }
  const auto columns = to.known_dim(1, 1);
  if (columns && *columns % 3 != 0) {
    return fail(Code::kInvalidArgument,
                "weights have {} columns, not a multiple of 3, and there are no qkv_hidden_sizes",
                *columns);
  }
  return to.ops("Split", {product}, 3, {{"axis", int64_t{-1}}, {"num_outputs", int64_t{3}}});
}

Result<void> lower_attention(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const AttrMap& given = to.attrs();
  if (given.get_int("do_rotary") != 0) {
    return fail(Code::kNotImplemented, "do_rotary=1 has no cosines and sines to rotate by");
  }
  const ValueId product = to.sum(to.op("MatMul", {to.input(0), to.input(1)}), to.input(2));
  if (to.has(8)) return fail(Code::kNotImplemented, "cache_indirection is not known");
  const std::vector<ValueId> parts = TRY(split_product(to, product));
  const bool shares = given.get_int("past_present_share_buffer") != 0;
  if (shares && !to.has(6)) {
    return fail(Code::kInvalidGraph, "past_present_share_buffer=1 needs past_sequence_length");
  }
  Columns columns;
  columns.rows = columns.total = to.dim(to.input(0), 1);
  Cache cache, buffer;
  if (to.has(4)) {
    const auto halves =
        to.ops("Split", {to.input(4)}, 2, {{"axis", int64_t{0}}, {"num_outputs", int64_t{2}}});
    buffer.key = cache.key = to.op("Squeeze", {halves[0], to.ints({0})});
    buffer.value = cache.value = to.op("Squeeze", {halves[1], to.ints({0})});
    ValueId past = to.dim(cache.key, 2);
    if (shares) {
      past = list_of_one(to, to.input(6));
      cache.key = first_positions(to, buffer.key, past);
      cache.value = first_positions(to, buffer.value, past);
    }
    columns.total = to.op("Add", {past, columns.rows});
  }
  const ValueId mask = TRY(whole_mask(to, 3, 5, columns));
  std::vector<ValueId> outputs = {to.output(0)};
  for (int i = 0; i < 2 && to.wants(1); ++i) {
    outputs.push_back(graph.add_value(graph.value(to.output(1)).name + "/half", {}));
  }
  to.op_into(outputs, "Attention", {parts[0], parts[1], parts[2], mask, cache.key, cache.value},
             attention_attrs(to));
  if (!to.wants(1)) return {};
  ValueId key = outputs[1], value = outputs[2];
  if (shares) {
    key = graph.add_value("key", {});
    value = graph.add_value("value", {});
    fill_buffer(to, key, outputs[1], buffer.key, columns.total);
    fill_buffer(to, value, outputs[2], buffer.value, columns.total);
  }
  const ValueId front = to.ints({0});
  to.op_into(to.output(1), "Concat",
             {to.op("Unsqueeze", {key, front}), to.op("Unsqueeze", {value, front})},
             {{"axis", int64_t{0}}});
  return {};
}

// ---- MultiHeadAttention

// Part `which` of [B, S, N, parts, H], as [B, S, N * H].
ValueId part_of_packed(Lowering& to, ValueId packed, int64_t which) {
  return to.reshape(to.slice(packed, 3, which, which + 1), {0, 0, -1});
}

Result<Operands> split_operands(Lowering& to) {
  Operands heads;
  if (TRY(to.known_rank(0)) == 5) {
    heads.q = part_of_packed(to, to.input(0), 0);
    heads.k = part_of_packed(to, to.input(0), 1);
    heads.v = part_of_packed(to, to.input(0), 2);
    return heads;
  }
  heads.q = to.input(0);
  if (!to.has(1)) return fail(Code::kInvalidGraph, "key is missing, and query is not packed");
  if (TRY(to.known_rank(1)) == 5) {
    heads.k = part_of_packed(to, to.input(1), 0);
    heads.v = part_of_packed(to, to.input(1), 1);
    return heads;
  }
  if (!to.has(2)) return fail(Code::kInvalidGraph, "value is missing, and key is not packed");
  heads.k = to.input(1);
  heads.v = to.input(2);
  heads.keys_are_cached = TRY(to.known_rank(1)) == 4;
  return heads;
}

// Adds the bias, that of Q, K and V end to end; keys of a cache have theirs.
void add_bias(Lowering& to, size_t index, Operands& heads) {
  if (!to.has(index)) return;
  const ValueId hidden = to.dim(heads.q, 2);
  const ValueId both = to.op("Add", {hidden, hidden});
  const auto part = [&](ValueId start, ValueId end) {
    return to.op("Slice", {to.input(index), start, end});
  };
  heads.q = to.op("Add", {heads.q, part(to.ints({0}), hidden)});
  if (heads.keys_are_cached) return;
  heads.k = to.op("Add", {heads.k, part(hidden, both)});
  heads.v = to.op("Add", {heads.v, part(both, to.ints({kEnd}))});
}

// Where a MultiHeadAttention-like operator has its inputs.
struct HeadsInputs {
  size_t bias, mask, attention_bias, past_key, past_value, past_length, origins;
};

Result<void> lower_heads(Lowering& to, Operands heads, const HeadsInputs& at, AttrMap attrs) {
  add_bias(to, at.bias, heads);
  Graph& graph = to.graph();
  const bool shares = to.has(at.past_length) && to.has(at.past_key) && !heads.keys_are_cached;
  Columns columns;
  columns.rows = to.dim(heads.q, 1);
  columns.total = to.dim(heads.k, heads.keys_are_cached ? 2 : 1);
  Cache cache, plain;
  if (to.has(at.past_key) && !heads.keys_are_cached) {
    cache = {to.input(at.past_key), to.input(at.past_value)};
    ValueId past = to.dim(cache.key, 2);
    if (shares) {
      past = list_of_one(to, to.input(at.past_length));
      cache.key = first_positions(to, cache.key, past);
      cache.value = first_positions(to, cache.value, past);
    }
    plain = cache;
    if (to.has(at.origins)) {
      cache.key = follow_beams(to, cache.key, to.input(at.origins), past);
      cache.value = follow_beams(to, cache.value, to.input(at.origins), past);
    }
    columns.total = to.op("Add", {past, columns.total});
    columns.past = past;
  }
  const ValueId mask = TRY(whole_mask(to, at.mask, at.attention_bias, columns));
  std::vector<ValueId> outputs = {to.output(0), to.output(1), to.output(2), to.output(3)};
  const bool follows = columns.past != kNoValue && to.has(at.origins);
  for (size_t i = 1; (shares || follows) && i < 3; ++i) {
    if (to.wants(i)) outputs[i] = graph.add_value(graph.value(to.output(i)).name + "/part", {});
  }
  to.op_into(outputs, "Attention", {heads.q, heads.k, heads.v, mask, cache.key, cache.value},
             std::move(attrs));
  const ValueId pasts[] = {kNoValue, plain.key, plain.value};
  for (size_t i = 1; (shares || follows) && i < 3; ++i) {
    if (!to.wants(i)) continue;
    ValueId present = outputs[i];
    if (follows) {  // every beam keeps its own past
      const ValueId added = to.op("Slice", {present, columns.past, columns.total, to.ints({2})});
      present = to.concat({pasts[i], added}, 2);
    }
    fill_buffer(to, to.output(i), present, to.input(i == 1 ? at.past_key : at.past_value),
                columns.total);
  }
  return {};
}

Result<void> lower_multi_head(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const Operands heads = TRY(split_operands(to));
  AttrMap attrs = attention_attrs(to);
  attrs.set("qk_matmul_output_mode", int64_t{2});
  return lower_heads(to, heads, {3, 4, 5, 6, 7, 8, 9}, std::move(attrs));
}

// query, key, value, mask, attention_bias, past_key, past_value, past length, beam width, cache
// indirection, bias. Without a key, query is Q, K and V side by side.
Result<void> lower_decoder_heads(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  Operands heads{to.input(0), to.input(1), to.input(2), false};
  if (!to.has(1)) {
    const auto parts =
        to.ops("Split", {to.input(0)}, 3, {{"axis", int64_t{2}}, {"num_outputs", int64_t{3}}});
    heads = {parts[0], parts[1], parts[2], false};
  } else {
    heads.keys_are_cached = TRY(to.known_rank(1)) == 4;
  }
  AttrMap attrs = attention_attrs(to);
  attrs.set("qk_matmul_output_mode", int64_t{2});
  return lower_heads(to, heads, {10, 3, 4, 5, 6, 7, 9}, std::move(attrs));
}

std::vector<FormalAttr> heads_attrs() {
  return {float_attr("mask_filter_value", -10000.f),
          required_attr("num_heads", FormalAttr::Kind::kInt), float_attr("scale", 0)};
}

}  // namespace

OpDef op_ContribAttention() {
  OpDef op = contrib_op(
      "input:T weights:T bias:T? mask_index:M? past:T? attention_bias:T? past_sequence_length:M?",
      "output:T present:T?", lower_attention);
  op.attrs = heads_attrs();
  op.attrs.push_back(int_attr("do_rotary", 0));
  op.attrs.push_back(int_attr("past_present_share_buffer", 0));
  op.attrs.push_back(optional_attr("qkv_hidden_sizes", FormalAttr::Kind::kInts));
  op.attrs.push_back(int_attr("rotary_embedding_dim", 0));
  op.attrs.push_back(int_attr("unidirectional", 0));
  return op;
}
OpDef op_MultiHeadAttention() {
  OpDef op = contrib_op(
      "query:T key:T? value:T? bias:T? key_padding_mask:M? attention_bias:T? past_key:T? "
      "past_value:T? past_sequence_length:M? cache_indirection:M?",
      "output:T present_key:T? present_value:T? qk:T?", lower_multi_head);
  op.attrs = heads_attrs();
  op.attrs.push_back(int_attr("unidirectional", 0));
  return op;
}
OpDef op_DecoderMaskedMultiHeadAttention() {
  OpDef op = contrib_op(
      "query:T key:T? value:T? mask_index:M? attention_bias:T? past_key:T? past_value:T? "
      "past_sequence_length:M? beam_width:M? cache_indirection:M? bias:T?",
      "output:T present_key:T? present_value:T? qk:T?", lower_decoder_heads);
  op.attrs = heads_attrs();
  op.attrs.push_back(int_attr("output_qk", 0));
  op.attrs.push_back(int_attr("past_present_share_buffer", 0));
  return op;
}
OpDef op_DecoderMaskedSelfAttention() {
  OpDef op = contrib_op(
      "input:T weights:T bias:T? mask_index:M? past:T? attention_bias:T? past_sequence_length:M? "
      "beam_width:M? cache_indirection:M?",
      "output:T present:T?", lower_attention);
  op.attrs = heads_attrs();
  op.attrs.push_back(int_attr("do_rotary", 0));
  op.attrs.push_back(int_attr("past_present_share_buffer", 0));
  return op;
}

}  // namespace sardonyx
