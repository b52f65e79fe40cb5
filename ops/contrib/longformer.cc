// com.microsoft LongformerAttention: tokens look at those around them and at the global ones,
// global ones at all, with projections of their own. Said with two Attentions, of which each row
// takes one.
#include <limits>

#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr size_t kInput = 0, kWeight = 1, kBias = 2, kMask = 3, kGlobalWeight = 4, kGlobalBias = 5,
                 kGlobal = 6;

// Whether two positions are no further apart than the window: bool [length, length].
ValueId near_ones(Lowering& to) {
  const auto scalar = [&](int64_t number) { return to.constant(Tensor::scalar(number)); };
  const ValueId length = to.op("Squeeze", {to.dim(to.input(kInput), 1), to.ints({0})});
  const ValueId places = to.op("Range", {scalar(0), length, scalar(1)});
  const ValueId apart = to.op("Sub", {to.op("Unsqueeze", {places, to.ints({1})}), places});
  return to.op("LessOrEqual", {to.op("Abs", {apart}), scalar(to.attrs().get_int("window"))});
}

// Attention of the input's projections; `mask` is added to the scores.
ValueId attend(Lowering& to, size_t weight, size_t bias, ValueId mask) {
  const ValueId product = to.op("MatMul", {to.input(kInput), to.input(weight)});
  const auto parts = to.ops("Split", {to.op("Add", {product, to.input(bias)})}, 3,
                            {{"axis", int64_t{-1}}, {"num_outputs", int64_t{3}}});
  const int64_t heads = to.attrs().get_int("num_heads");
  return to.op("Attention", {parts[0], parts[1], parts[2], mask},
               {{"q_num_heads", heads}, {"kv_num_heads", heads}});
}

Result<void> lower_longformer(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t heads = to.attrs().get_int("num_heads"), window = to.attrs().get_int("window");
  if (heads < 1 || window < 1) {
    return fail(Code::kInvalidGraph, "num_heads is {} and window {}, expected 1 or more", heads,
                window);
  }
  const ValueId like = to.input(kInput);
  const ValueId is_global = to.cast(to.input(kGlobal), DType::kBool);
  const ValueId padding = to.op("Unsqueeze", {to.input(kMask), to.ints({1, 2})});
  const ValueId seen =
      to.op("Or", {near_ones(to), to.op("Unsqueeze", {is_global, to.ints({1, 2})})});
  const ValueId unseen = to.number(-std::numeric_limits<double>::infinity(), like);
  const ValueId local = attend(to, kWeight, kBias, to.op("Where", {seen, padding, unseen}));
  const ValueId global = attend(to, kGlobalWeight, kGlobalBias, padding);
  to.op_into(to.output(0), "Where", {to.op("Unsqueeze", {is_global, to.ints({2})}), global, local});
  return {};
}

}  // namespace

OpDef op_LongformerAttention() {
  OpDef op = contrib_op("input:T weight:T bias:T mask:T global_weight:T global_bias:T global:M",
                        "output:T", lower_longformer);
  op.attrs = {required_attr("num_heads", FormalAttr::Kind::kInt),
              required_attr("window", FormalAttr::Kind::kInt)};
  return op;
}

}  // namespace sardonyx
