// com.microsoft SparseAttention: GroupQueryAttention in which a row sees the blocks of columns that
// a layout names for its block; layouts take turns over the heads and come as sparse matrices, by
// rows. Documented in ONNX Runtime's ContribOperators.
#include <limits>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr size_t kQuery = 0, kPastKey = 3, kPastValue = 4, kRowIndices = 5, kColumnIndices = 6,
                 kTotal = 7, kLengths = 8, kCosines = 9, kSines = 10;

// 0 1 2 ..., as many as the list of one says.
ValueId count_up(Lowering& to, ValueId count) {
  const auto scalar = [&](int64_t number) { return to.constant(Tensor::scalar(number)); };
  return to.op("Range", {scalar(0), to.op("Squeeze", {count, to.ints({0})}), scalar(1)});
}

ValueId with_axis(Lowering& to, ValueId value, int64_t axis) {
  return to.op("Unsqueeze", {value, to.ints({axis})});
}

// Whether a block of rows sees a block of columns: bool [layouts, blocks, blocks].
ValueId dense_layouts(Lowering& to) {
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  const ValueId bounds = to.cast(to.input(kRowIndices), DType::kInt64);
  const ValueId columns = to.cast(to.input(kColumnIndices), DType::kInt64);
  const ValueId starts = to.slice(bounds, 1, 0, -1), ends = to.slice(bounds, 1, 1, kEnd);
  const ValueId places = count_up(to, to.dim(columns, 1));
  const ValueId in_row = to.op("And", {to.op("GreaterOrEqual", {places, with_axis(to, starts, 2)}),
                                       to.op("Less", {places, with_axis(to, ends, 2)})});
  const ValueId is_column =
      to.op("Equal", {with_axis(to, columns, 2), count_up(to, to.dim(starts, 1))});
  const ValueId hits =
      to.op("MatMul", {to.cast(in_row, DType::kFloat32), to.cast(is_column, DType::kFloat32)});
  return to.cast(hits, DType::kBool);
}

// What is added to the scores, [batch, heads, rows, columns], by `count` layouts.
ValueId attention_bias(Lowering& to, int64_t count) {
  const ValueId block = to.ints({to.attrs().get_int("sparse_block_size")});
  const ValueId total = to.reshape(to.cast(to.input(kTotal), DType::kInt64), {1});
  const ValueId rows = to.dim(to.input(kQuery), 1);
  // A prompt begins at 0, however long its items are; what comes later ends where its item does.
  const ValueId lengths = to.reshape(to.cast(to.input(kLengths), DType::kInt64), {-1, 1});
  const ValueId later = to.op("Max", {to.op("Sub", {lengths, rows}), to.ints({0})});
  const ValueId past = to.op("Where", {to.op("Equal", {total, rows}), to.ints({0}), later});
  const ValueId row_blocks = to.op("Div", {to.op("Add", {past, count_up(to, rows)}), block});
  const ValueId column_blocks = to.op("Div", {count_up(to, total), block});

  const ValueId layouts = dense_layouts(to);
  const ValueId of_rows = to.op("Gather", {layouts, row_blocks}, {{"axis", int64_t{1}}});
  const ValueId seen = to.op("Gather", {of_rows, column_blocks}, {{"axis", int64_t{3}}});
  ValueId by_head = to.transpose(seen, {1, 0, 2, 3});
  if (count > 1) {  // one layout broadcasts
    const int64_t turns = to.attrs().get_int("num_heads") / count;
    by_head = to.op("Tile", {by_head, to.ints({1, turns, 1, 1})});
  }
  const ValueId like = to.input(kQuery);
  return to.op("Where", {by_head, to.number(0, like),
                         to.number(-std::numeric_limits<double>::infinity(), like)});
}

// How many layouts there are.
Result<int64_t> read_layouts(const Lowering& to) {
  const int64_t heads = to.attrs().get_int("num_heads");
  const int64_t block = to.attrs().get_int("sparse_block_size");
  if (block < 1) {
    return fail(Code::kInvalidGraph, "sparse_block_size is {}, expected 1 or more", block);
  }
  const int64_t layouts = TRY(to.known_dim(kRowIndices, 0));
  const int64_t rank = TRY(to.known_rank(kRowIndices));
  const int64_t of_columns = TRY(to.known_dim(kColumnIndices, 0));
  const int64_t rank_of_columns = TRY(to.known_rank(kColumnIndices));
  if (rank != 2 || rank_of_columns != 2 || layouts != of_columns) {
    return fail(Code::kInvalidArgument,
                "block_row_indices and block_col_indices are {} and {}, expected two matrices with "
                "one row for each layout",
                to.type(kRowIndices).to_string(), to.type(kColumnIndices).to_string());
  }
  if (layouts > 0 && heads % layouts == 0) return layouts;
  return fail(Code::kInvalidArgument, "num_heads is {}, not a multiple of {} layouts", heads,
              layouts);
}

Result<void> lower_sparse_attention(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t layouts = TRY(read_layouts(to));
  AttrMap attrs;
  for (const char* name : {"num_heads", "kv_num_heads", "do_rotary", "rotary_interleaved"}) {
    attrs.set(name, to.attrs().get_int(name));
  }
  attrs.set("scale", to.attrs().get_float("scale"));
  const ValueId one = to.constant(Tensor::scalar(int32_t{1}));
  const ValueId before_last = to.op("Sub", {to.input(kLengths), one});
  const ValueId bias = attention_bias(to, layouts);
  to.op_into({to.output(0), to.output(1), to.output(2)}, "GroupQueryAttention",
             {to.input(kQuery), to.input(1), to.input(2), to.input(kPastKey), to.input(kPastValue),
              before_last, to.input(kTotal), to.input(kCosines), to.input(kSines), kNoValue, bias},
             std::move(attrs), "com.microsoft");
  return {};
}

}  // namespace

OpDef op_SparseAttention() {
  OpDef op = contrib_op(
      "query:T key:T? value:T? past_key:T past_value:T block_row_indices:M block_col_indices:M "
      "total_sequence_length:M key_total_sequence_lengths:M cos_cache:T? sin_cache:T?",
      "output:T present_key:T present_value:T", lower_sparse_attention);
  op.attrs = {int_attr("do_rotary", 0),
              required_attr("kv_num_heads", FormalAttr::Kind::kInt),
              required_attr("num_heads", FormalAttr::Kind::kInt),
              int_attr("rotary_interleaved", 0),
              float_attr("scale", 0),
              required_attr("sparse_block_size", FormalAttr::Kind::kInt)};
  return op;
}

}  // namespace sardonyx
