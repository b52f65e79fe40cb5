// com.microsoft: MRotaryEmbedding RotaryEmbedding (input, position_ids, cosines, sines), said with
// the RotaryEmbedding of ai.onnx.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

using Kind = FormalAttr::Kind;

// Angles of a rotation: tables with the positions to read them at, or without positions the angles
// of each row.
struct Angles {
  ValueId cosines, sines, positions;
};

Result<void> rotate(Lowering& to, int64_t rank, const Angles& angles) {
  const int64_t heads = to.attrs().get_int("num_heads");
  const auto rotate_heads = [&](ValueId output, ValueId x, int64_t head_count) {
    to.op_into(output, "RotaryEmbedding", {x, angles.cosines, angles.sines, angles.positions},
               {{"interleaved", to.attrs().get_int("interleaved")},
                {"num_heads", head_count},
                {"rotary_embedding_dim", to.attrs().get_int("rotary_embedding_dim")}});
  };
  if (rank == 4 || heads != 0) {
    rotate_heads(to.output(0), to.input(0), rank == 4 ? 0 : heads);
    return {};
  }
  // Heads are as long as two rows of the cosines.
  const ValueId half = to.dim(to.input(2), 1);
  const ValueId split = to.concat({to.ints({0, 0, -1}), to.op("Add", {half, half})});
  const ValueId x = to.transpose(to.op("Reshape", {to.input(0), split}), {0, 2, 1, 3});
  const ValueId y =
      to.graph().add_value(to.graph().value(to.output(0)).name + "/heads", ValueType());
  rotate_heads(y, x, 0);
  to.op_into(to.output(0), "Reshape", {to.transpose(y, {0, 2, 1, 3}), to.ints({0, 0, -1})});
  return {};
}

// Positions [B, S]: the input itself, or counted from its only number.
Result<ValueId> rotary_positions(Lowering& to, int64_t rank) {
  if (TRY(to.known_rank(1)) != 1) return to.input(1);
  const ValueId length = to.dim(to.input(0), rank == 3 ? 1 : 2);
  const ValueId stop = to.op("Squeeze", {length, to.ints({0})});
  const ValueId places = to.op("Range", {to.constant(Tensor::scalar(int64_t{0})), stop,
                                         to.constant(Tensor::scalar(int64_t{1}))});
  const ValueId sum = to.op("Add", {places, to.input(1)});
  return to.op("Expand", {sum, to.concat({to.dim(to.input(0), 0), length})});
}

Result<void> lower_rotary(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t rank = TRY(to.known_rank(0));
  const ValueId positions = TRY(rotary_positions(to, rank));
  return rotate(to, rank, {to.input(2), to.input(3), positions});
}

// Three streams of positions; which one column of the angles goes by is said by its section.
// Each column counts `scale` times.
std::vector<float> stream_shares(const std::vector<int64_t>& sections, bool interleaved,
                                 float scale) {
  const int64_t half = sections[0] + sections[1] + sections[2];
  std::vector<float> shares(static_cast<size_t>(3 * half), 0.f);
  for (int64_t col = 0; col < half; ++col) {
    int64_t stream = col < sections[0] ? 0 : (col < sections[0] + sections[1] ? 1 : 2);
    if (interleaved) {  // T H W T H W ..., what is left over is T
      stream = col % 3;
      if (stream != 0 && col >= 3 * sections[static_cast<size_t>(stream)]) stream = 0;
    }
    shares[static_cast<size_t>(stream * half + col)] = scale;
  }
  return shares;
}

Result<void> lower_m_rotary(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t rank = TRY(to.known_rank(0));
  const std::vector<int64_t>& sections = to.attrs().get_ints("mrope_section");
  bool valid = sections.size() == 3;
  for (const int64_t section : sections) valid = valid && section >= 0 && section < (1 << 20);
  if (!valid) {
    return fail(Code::kInvalidGraph, "mrope_section must be 3 numbers, none negative");
  }
  const bool interleaved = to.attrs().get_int("mrope_layout") != 0;
  const int64_t half = sections[0] + sections[1] + sections[2];
  for (const size_t table : {2, 3}) {
    if (to.rank(table).value_or(0) != 2) continue;
    const Dim& columns = to.type(table).dims->back();
    if (!columns.is_constant() || columns == Dim(half)) continue;
    return fail(Code::kInvalidArgument,
                "mrope_section adds up to {}, but input {} has {} columns of angles", half, table,
                columns.value());
  }
  const std::vector<float> shares =
      stream_shares(sections, interleaved, to.attrs().get_float("scale"));
  const ValueId share =
      to.op("CastLike", {to.constant(Tensor::from<float>({3, 1, 1, half}, shares)), to.input(2)});
  const auto angles = [&](size_t table) {
    const ValueId streams = to.op("Gather", {to.input(table), to.input(1)});
    return to.op("ReduceSum", {to.op("Mul", {streams, share}), to.ints({0})},
                 {{"keepdims", int64_t{0}}});
  };
  return rotate(to, rank, {angles(2), angles(3), kNoValue});
}

OpDef rotary_op(LowerRule lower) {
  constexpr std::pair<char, DTypeSet> kTypes[] = {{'T', kFloatTypes},
                                                  {'P', dtype_set(DType::kInt64)}};
  OpDef op =
      contrib_op("input:T position_ids:P cos_cache:T sin_cache:T", "output:T", kTypes, lower);
  op.attrs = {int_attr("interleaved", 0), int_attr("is_packed_batching", 0),
              int_attr("num_heads", 0), int_attr("rotary_embedding_dim", 0),
              float_attr("scale", 1)};
  return op;
}

}  // namespace

OpDef op_ContribRotaryEmbedding() { return rotary_op(lower_rotary); }
OpDef op_MRotaryEmbedding() {
  OpDef op = rotary_op(lower_m_rotary);
  op.attrs.push_back(int_attr("mrope_layout", 0));
  op.attrs.push_back(required_attr("mrope_section", Kind::kInts));
  return op;
}

}  // namespace sardonyx
