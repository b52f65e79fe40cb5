// The derivatives of losses over classes; see passes/gradient_rules.h.
#include "passes/gradient_losses.h"

namespace sardonyx {
namespace {

using Step = GradientStep;

AttrMap axis_one() { return make_attrs(std::pair("axis", int64_t{1})); }

// What each label counts: its class's weight, 0 where it is to be ignored.
struct Labels {
  ValueId known;   // class numbers, 0 where ignored
  ValueId weight;  // of the dtype of the scores, shaped like the labels
};

Labels read_labels(const Step& s) {
  Labels labels{s.in(1), kNoValue};
  const ValueId one = s.number(1);
  ValueId ignored = kNoValue;
  if (s.node.attrs.has("ignore_index")) {
    const ValueId index =
        s.op("CastLike", {s.emit.ints({s.node.attrs.get_int("ignore_index")}), s.in(1)});
    ignored = s.op("Equal", {s.in(1), index});
    const ValueId zero = s.op("CastLike", {s.emit.ints({0}), s.in(1)});
    labels.known = s.op("Where", {ignored, zero, s.in(1)});
  }
  labels.weight = s.has_input(2) ? s.op("Gather", {s.in(2), labels.known})
                                 : s.op("Expand", {one, s.emit.shape(s.in(1))});
  if (ignored != kNoValue) labels.weight = s.op("Where", {ignored, s.number(0), labels.weight});
  return labels;
}

// (p - 1 where the class is the label's) times its weight and g; p is 0 for scores that are
// log-probabilities already.
Result<std::vector<ValueId>> class_loss(const Step& s, ValueId p) {
  if (s.output_grads.size() > 1 && s.output_grads[1] != kNoValue) {
    return fail(Code::kNotImplemented, "there is no derivative of the second output");
  }
  const Labels labels = read_labels(s);
  const ValueId off_and_on =
      s.op("Concat",
           {s.emit.cast(s.emit.ints({0}), s.dtype()), s.emit.cast(s.emit.ints({1}), s.dtype())},
           make_attrs(std::pair("axis", int64_t{0})));
  const ValueId chosen =
      s.op("OneHot", {labels.known, s.emit.shape(s.in(0), 1, 2), off_and_on}, axis_one());
  const ValueId slope = p == kNoValue ? s.op("Neg", {chosen}) : s.op("Sub", {p, chosen});
  ValueId share = s.mul(labels.weight, s.grad());
  if (s.node.attrs.get_string("reduction") == "mean") {
    const AttrMap drop = make_attrs(std::pair("keepdims", int64_t{0}));
    share = s.op("Div", {share, s.op("ReduceSum", {labels.weight}, drop)});
  }
  return std::vector<ValueId>{s.mul(slope, s.op("Unsqueeze", {share, s.emit.ints({1})})), kNoValue,
                              kNoValue};
}

}  // namespace

Result<std::vector<ValueId>> gradient_of_cross_entropy(const Step& step) {
  return class_loss(step, step.op("Softmax", {step.in(0)}, axis_one()));
}

Result<std::vector<ValueId>> gradient_of_log_likelihood(const Step& step) {
  return class_loss(step, kNoValue);
}

}  // namespace sardonyx
