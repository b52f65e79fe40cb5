// com.microsoft: BranchwiseRMSNorm HyperConnectionPreMix HyperConnectionPostMix: C streams of H
// features, as the last two axes or side by side in one (num_branches says how many then).
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

// num_branches: 0, or a number that divides the width of flattened streams.
Result<void> check_branches(const Lowering& to) {
  const int64_t branches = to.attrs().get_int("num_branches");
  if (branches < 0) {
    return fail(Code::kInvalidGraph, "num_branches is {}, expected 0 or more", branches);
  }
  const auto rank = to.rank(0);
  if (branches == 0 || rank.value_or(0) < 1) return {};
  const Dim& width = to.type(0).dims->back();
  if (!width.is_constant() || width.value() % branches == 0) return {};
  return fail(Code::kInvalidArgument, "num_branches is {}, which does not divide the width {}",
              branches, width.value());
}

// x in f32 with the streams as an axis of their own.
ValueId grouped(Lowering& to, ValueId x) {
  const int64_t branches = to.attrs().get_int("num_branches");
  const ValueId wide = to.cast(x, DType::kFloat32);
  if (branches == 0) return wide;
  const ValueId front = to.op("Shape", {x}, {{"end", int64_t{-1}}});
  return to.op("Reshape", {wide, to.concat({front, to.ints({branches, -1})})});
}

// The result as the streams came: their shape and dtype.
void store_like(Lowering& to, ValueId y) {
  const ValueId shaped = to.op("Reshape", {y, to.shape(to.input(0))});
  to.op_into(to.output(0), "CastLike", {shaped, to.input(0)});
}

// A gate that is one number per stream ([..., C] or [..., C, 1]) or per feature, to multiply
// streams [..., C, H] of this rank with.
Result<ValueId> gate_of(Lowering& to, size_t index, int64_t streams_rank, ValueId streams) {
  const ValueId gate = to.cast(to.input(index), DType::kFloat32);
  const int64_t rank = TRY(to.known_rank(index));
  if (rank == streams_rank) return gate;
  if (rank + 1 != streams_rank) {
    return fail(Code::kInvalidArgument, "input {} has rank {}, expected {} or {}", index, rank,
                streams_rank - 1, streams_rank);
  }
  // [..., C], or [..., C * H] of flattened streams.
  const int64_t branches = to.attrs().get_int("num_branches");
  if (branches == 0) return to.op("Unsqueeze", {gate, to.ints({-1})});
  const auto width = to.known_dim(index, -1);
  if (!width) return tl::unexpected(width.error());
  if (*width == branches) return to.op("Unsqueeze", {gate, to.ints({-1})});
  return to.op("Reshape", {gate, to.shape(streams)});
}

Result<int64_t> streams_rank(const Lowering& to) {
  const int64_t rank = TRY(to.known_rank(0));
  return to.attrs().get_int("num_branches") == 0 ? rank : rank + 1;
}

// reduction_scale * sum over c of streams[..., c, h] * gate[..., c, h]
Result<void> lower_pre_mix(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  TRY(check_branches(to));
  const ValueId streams = grouped(to, to.input(0));
  const int64_t rank = TRY(streams_rank(to));
  const ValueId gate = TRY(gate_of(to, 1, rank, streams));
  const ValueId sum = to.op("ReduceSum", {to.op("Mul", {streams, gate}), to.ints({-2})},
                            {{"keepdims", int64_t{0}}});
  const ValueId scale = to.constant(Tensor::scalar(to.attrs().get_float("reduction_scale")));
  to.op_into(to.output(0), "CastLike", {to.op("Mul", {sum, scale}), to.input(0)});
  return {};
}

// sum over c of mix[..., c, k] * streams[..., c, h] + gate[..., k, h] * block[..., h]
Result<void> lower_post_mix(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  TRY(check_branches(to));
  const int64_t rank = TRY(streams_rank(to));
  const ValueId streams = grouped(to, to.input(0));
  ValueId mixed = streams;
  if (to.has(3)) {
    std::vector<int64_t> perm;
    const int64_t mix_rank = TRY(to.known_rank(3));
    if (mix_rank < 2) return fail(Code::kInvalidArgument, "stream_mix must have rank 2 or more");
    for (int64_t axis = 0; axis < mix_rank; ++axis) perm.push_back(axis);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    const ValueId mix = to.transpose(to.cast(to.input(3), DType::kFloat32), perm);
    mixed = to.op("MatMul", {mix, streams});
  }
  const ValueId gate = TRY(gate_of(to, 2, rank, streams));
  const ValueId block = to.op("Unsqueeze", {to.cast(to.input(1), DType::kFloat32), to.ints({-2})});
  store_like(to, to.op("Add", {mixed, to.op("Mul", {gate, block})}));
  return {};
}

// Each stream by its root mean square, times a scale [H], [C, H] or [C * H].
Result<void> lower_branch_norm(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  TRY(check_branches(to));
  const ValueId streams = grouped(to, to.input(0));
  const ValueId one = to.constant(Tensor::from<float>({1}, std::vector<float>{1}));
  ValueId y =
      to.op("RMSNormalization", {streams, one}, {{"epsilon", to.attrs().get_float("epsilon")}});
  if (to.has(1)) {
    ValueId scale = to.cast(to.input(1), DType::kFloat32);
    if (TRY(to.known_rank(1)) == 1) {
      // [H] stays one row, [C * H] becomes C of them.
      const ValueId width = to.dim(streams, -1);
      scale = to.op("Reshape", {scale, to.concat({to.ints({-1}), width})});
    }
    y = to.op("Mul", {y, scale});
  }
  store_like(to, y);
  return {};
}

}  // namespace

OpDef op_BranchwiseRMSNorm() {
  OpDef op = contrib_op("X:T scale:U?", "Y:T", lower_branch_norm);
  op.attrs = {float_attr("epsilon", 1e-5f), int_attr("num_branches", 0)};
  return op;
}
OpDef op_HyperConnectionPreMix() {
  OpDef op = contrib_op("streams:T pre_mix:U", "output:T", lower_pre_mix);
  op.attrs = {int_attr("num_branches", 0), float_attr("reduction_scale", 1)};
  return op;
}
OpDef op_HyperConnectionPostMix() {
  OpDef op =
      contrib_op("streams:T block_output:T post_mix:U stream_mix:U?", "output:T", lower_post_mix);
  op.attrs = {int_attr("num_branches", 0)};
  return op;
}

}  // namespace sardonyx
