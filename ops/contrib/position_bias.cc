// com.microsoft.RelativePositionBias: what T5 adds to scores by how far keys are from queries. A
// distance has a bucket of its own while it is small; larger ones share buckets that grow as their
// logarithm does, up to max_distance (Raffel et al., "Exploring the Limits of Transfer Learning").
#include <cmath>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

// The bucket of each distance (int64): those below half of `count` as they are.
ValueId bucket_of(Lowering& to, ValueId distance, int64_t count, int64_t max_distance) {
  const auto integer = [&](int64_t number) { return to.constant(Tensor::scalar(number)); };
  const auto real = [&](double number) {
    return to.constant(Tensor::scalar(static_cast<float>(number)));
  };
  const int64_t exact = count / 2;
  const auto first = static_cast<double>(exact);
  const ValueId far = to.cast(to.op("Max", {distance, integer(exact)}), DType::kFloat32);
  const ValueId steps = to.op("Div", {to.op("Log", {to.op("Div", {far, real(first)})}),
                                      real(std::log(static_cast<double>(max_distance) / first))});
  const ValueId step =
      to.cast(to.op("Mul", {steps, real(static_cast<double>(count - exact))}), DType::kInt64);
  const ValueId large = to.op("Min", {to.op("Add", {step, integer(exact)}), integer(count - 1)});
  return to.op("Where", {to.op("Less", {distance, integer(exact)}), distance, large});
}

Result<void> lower_position_bias(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool both_ways = to.attrs().get_int("is_bidirectional") != 0;
  const int64_t max_distance = to.attrs().get_int("max_distance");
  const int64_t buckets = TRY(to.known_dim(0, 0));
  const int64_t count = both_ways ? buckets / 2 : buckets;
  if (count < 2) {
    return fail(Code::kInvalidArgument, "the table has {} buckets, expected {} or more", buckets,
                both_ways ? 4 : 2);
  }
  if (max_distance <= count / 2) {
    return fail(Code::kInvalidArgument,
                "max_distance is {}, but with {} buckets{} it must be more "
                "than {}",
                max_distance, count, both_ways ? " each way" : "", count / 2);
  }
  const ValueId zero = to.constant(Tensor::scalar(int64_t{0}));
  const ValueId one = to.constant(Tensor::scalar(int64_t{1}));
  const auto places = [&](size_t length) {
    return to.op("Range", {zero, to.reshape(to.input(length), {}), one});
  };
  const ValueId ahead = to.op("Sub", {places(2), to.op("Unsqueeze", {places(1), to.ints({1})})});
  ValueId bucket;
  if (both_ways) {
    const ValueId side =
        to.op("Where", {to.op("Greater", {ahead, zero}), to.constant(Tensor::scalar(count)), zero});
    bucket = to.op("Add", {side, bucket_of(to, to.op("Abs", {ahead}), count, max_distance)});
  } else {
    const ValueId behind = to.op("Max", {to.op("Neg", {ahead}), zero});
    bucket = bucket_of(to, behind, count, max_distance);
  }
  // [buckets, heads] by its dims, but its elements lie column by column.
  const ValueId table = to.input(0);
  const ValueId by_head =
      to.op("Reshape", {table, to.concat({to.dim(table, 1), to.dim(table, 0)})});
  const ValueId bias = to.op("Gather", {by_head, bucket}, {{"axis", int64_t{1}}});
  to.op_into(to.output(0), "Unsqueeze", {bias, to.ints({0})});
  return {};
}

}  // namespace

OpDef op_RelativePositionBias() {
  const std::pair<char, DTypeSet> types[] = {{'T', dtype_set(DType::kFloat32, DType::kFloat16)},
                                             {'U', dtype_set(DType::kInt64)}};
  OpDef op = contrib_op("bias_table:T query_length:U key_length:U", "output:T", types,
                        lower_position_bias);
  op.attrs = {int_attr("is_bidirectional", 0),
              required_attr("max_distance", FormalAttr::Kind::kInt)};
  return op;
}

}  // namespace sardonyx
