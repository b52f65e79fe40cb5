// com.microsoft PackedAttention and PackedMultiHeadAttention: attention of sequences that lie end
// to end, without padding. Said with the operators that take it: padding comes back before them and
// goes again behind them, and is hidden between.
#include <limits>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr char kMicrosoft[] = "com.microsoft";
constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();

// [tokens, size] as [batch, length, size].
ValueId with_padding(Lowering& to, ValueId packed, size_t offsets) {
  const ValueId restored = to.graph().add_value("padded", {});
  to.op_into({restored}, "RestorePadding", {packed, to.input(offsets)}, {}, kMicrosoft);
  return restored;
}

// How many tokens each sequence has, as attention takes them for a mask.
ValueId lengths_of(Lowering& to, size_t bounds) {
  const ValueId all = to.input(bounds);
  return to.op("Sub", {to.slice(all, 0, 1, kEnd), to.slice(all, 0, 0, -1)});
}

// Output 0 is `padded` [batch, length, size] without padding, as many tokens as input 0 has.
void drop_padding(Lowering& to, ValueId padded, size_t offsets) {
  const ValueId flat = to.op("Reshape", {padded, to.concat({to.ints({-1}), to.dim(padded, 2)})});
  const ValueId order = to.reshape(to.input(offsets), {-1});
  const ValueId tokens =
      to.op("Slice", {order, to.ints({0}), to.dim(to.input(0), 0), to.ints({0})});
  to.op_into(to.output(0), "Gather", {flat, tokens});
}

// What the operators for padded operands share with these; padding is not seen at all.
AttrMap padded_attrs(const Lowering& to) {
  return Rewriter::attrs_of({{"num_heads", to.attrs().get_int("num_heads")},
                             {"scale", to.attrs().get_float("scale")},
                             {"mask_filter_value", -std::numeric_limits<float>::infinity()}});
}

// input, weights, bias, token_offset, cumulative_sequence_length, attention_bias.
Result<void> lower_packed_attention(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  AttrMap attrs = padded_attrs(to);
  if (to.attrs().has("qkv_hidden_sizes")) {
    attrs.set("qkv_hidden_sizes", to.attrs().get_ints("qkv_hidden_sizes"));
  }
  const ValueId padded = with_padding(to, to.input(0), 3);
  const ValueId mixed = graph.add_value("mixed", {});
  to.op_into({mixed}, "Attention",
             {padded, to.input(1), to.input(2), lengths_of(to, 4), kNoValue, to.input(5)},
             std::move(attrs), kMicrosoft);
  drop_padding(to, mixed, 3);
  return {};
}

// query, key, value, bias, token_offset, cumulative_sequence_length, attention_bias. Without a key,
// query is [tokens, heads, 3, size].
Result<void> lower_packed_heads(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  std::vector<ValueId> operands;
  if (to.has(1) != to.has(2)) {
    return fail(Code::kInvalidGraph, "key and value must be given together, or both be packed");
  }
  for (size_t i = 0; i < 3; ++i) {
    ValueId packed = to.input(i);
    if (!to.has(1)) {
      const auto part = static_cast<int64_t>(i);
      packed = to.reshape(to.slice(to.input(0), 2, part, part + 1), {0, -1});
    }
    operands.push_back(with_padding(to, packed, 4));
  }
  const ValueId mixed = graph.add_value("mixed", {});
  to.op_into({mixed}, "MultiHeadAttention",
             {operands[0], operands[1], operands[2], to.input(3), lengths_of(to, 5), to.input(6)},
             padded_attrs(to), kMicrosoft);
  drop_padding(to, mixed, 4);
  return {};
}

}  // namespace

OpDef op_PackedAttention() {
  OpDef op = contrib_op(
      "input:T weights:T bias:T token_offset:M cumulative_sequence_length:M attention_bias:T?",
      "output:T", lower_packed_attention);
  op.attrs = {required_attr("num_heads", FormalAttr::Kind::kInt),
              optional_attr("qkv_hidden_sizes", FormalAttr::Kind::kInts), float_attr("scale", 0)};
  return op;
}
OpDef op_PackedMultiHeadAttention() {
  OpDef op = contrib_op(
      "query:T key:T? value:T? bias:T? token_offset:M cumulative_sequence_length:M "
      "attention_bias:T?",
      "output:T", lower_packed_heads);
  op.attrs = {float_attr("mask_filter_value", -10000.f),
              required_attr("num_heads", FormalAttr::Kind::kInt), float_attr("scale", 0)};
  return op;
}

}  // namespace sardonyx
