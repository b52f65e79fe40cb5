// NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: the loss of each sample from the (log-)
// probability of its class, then none, the sum or the weighted mean of them.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

enum class Reduction : uint8_t { kNone, kSum, kMean };

Result<Reduction> read_reduction(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("reduction");
  if (name == "none") return Reduction::kNone;
  if (name == "sum") return Reduction::kSum;
  if (name == "mean") return Reduction::kMean;
  return fail(Code::kInvalidArgument, "reduction is '{}', expected none, sum or mean", name);
}

Result<void> check_weight(const InferContext& context) {
  TRY(expect_rank(context, 2, 1));
  if (!context.has_rank(0) || !context.has_rank(2)) return {};
  TRY(same_dim(context.dims(0)[1], context.dims(2)[0], "the number of classes and of weights"));
  return {};
}

Result<void> infer_loss(InferContext& context) {
  const Reduction reduction = TRY(read_reduction(context.attrs()));
  TRY(expect_min_rank(context, 0, 2));
  TRY(expect_min_rank(context, 1, 1));
  TRY(check_weight(context));
  std::optional<Dims> samples;
  if (context.has_rank(1)) samples = context.dims(1);
  if (context.has_rank(0)) {
    Dims dims = context.dims(0);
    dims.erase(dims.begin() + 1);
    TRY(expect_rank(context, 1, static_cast<int64_t>(dims.size())));
    for (size_t i = 0; samples && i < dims.size(); ++i) {
      dims[i] = TRY(same_dim(dims[i], (*samples)[i], "the dims of scores and labels"));
    }
    samples = std::move(dims);
  }
  if (reduction != Reduction::kNone) samples = Dims{};
  if (samples) {
    set_like_input(context, std::move(*samples));
  } else {
    set_like_input(context);
  }
  if (context.output_count() > 1) context.set_output(1, context.input(0));
  return {};
}

// Scores as [batch, classes, inner], one sample for each (batch, inner).
struct Scores {
  int64_t classes = 0;
  int64_t inner = 0;
  int64_t samples = 0;

  explicit Scores(const Shape& shape)
      : classes(shape[1]), inner(shape.count(2, shape.rank())), samples(shape[0] * inner) {}
  int64_t first(int64_t sample) const { return sample / inner * classes * inner + sample % inner; }
};

struct Ignored {
  bool any = false;
  int64_t label = 0;
  bool has(int64_t other) const { return any && other == label; }
};

bool check_labels(RunArgs& args, const Scores& scores, const Ignored& ignored) {
  const IndexView labels(args.inputs[1]);
  for (int64_t i = 0; i < scores.samples; ++i) {
    if ((labels[i] < 0 || labels[i] >= scores.classes) && !ignored.has(labels[i])) {
      args.report(Code::kInvalidArgument, fmt::format("label {} is out of range: there are {} "
                                                      "classes",
                                                      labels[i], scores.classes));
      return false;
    }
  }
  return true;
}

// log(sum(exp(x))) of one sample in two parts, so that no digit of small differences is lost.
struct Normalizer {
  double highest = 0;
  double log_sum = 0;
};

template <class T>
Normalizer normalizer_of(const T* x, const Scores& scores) {
  Normalizer result{-INFINITY, 0};
  for (int64_t c = 0; c < scores.classes; ++c) {
    result.highest = std::max(result.highest, static_cast<double>(widen(x[c * scores.inner])));
  }
  double sum = 0;
  for (int64_t c = 0; c < scores.classes; ++c) {
    sum += std::exp(widen(x[c * scores.inner]) - result.highest);
  }
  result.log_sum = std::log(sum);
  return result;
}

// The losses and weights of the samples [first, last); log_prob may be null.
template <class T>
void sample_losses(const RunArgs& args, const Scores& scores, const Ignored& ignored, bool softmax,
                   T* log_prob, double* losses, double* weights, int64_t first, int64_t last) {
  const IndexView labels(args.inputs[1]);
  const T* weight = args.inputs.size() > 2 ? args.inputs[2].as<const T>() : nullptr;
  for (int64_t i = first; i < last; ++i) {
    const int64_t at = scores.first(i);
    const T* x = args.inputs[0].as<const T>() + at;
    const Normalizer norm = softmax ? normalizer_of(x, scores) : Normalizer();
    const auto log_of = [&](int64_t c) {
      return widen(x[c * scores.inner]) - norm.highest - norm.log_sum;
    };
    for (int64_t c = 0; log_prob != nullptr && c < scores.classes; ++c) {
      log_prob[at + c * scores.inner] = narrow<T>(log_of(c));
    }
    const bool skip = ignored.has(labels[i]);
    weights[i] = skip ? 0 : weight == nullptr ? 1 : static_cast<double>(widen(weight[labels[i]]));
    losses[i] = skip ? 0 : -log_of(labels[i]) * weights[i];
  }
}

template <class T>
void give_loss(Reduction reduction, std::span<const double> losses, std::span<const double> weights,
               T* dst) {
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < losses.size(); ++i) {
    if (reduction == Reduction::kNone) dst[i] = narrow<T>(losses[i]);
    sum += losses[i];
    total += weights[i];
  }
  if (reduction == Reduction::kSum) *dst = narrow<T>(sum);
  if (reduction == Reduction::kMean) *dst = narrow<T>(sum / total);
}

template <bool softmax>
Result<std::unique_ptr<Kernel>> make_loss(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const Reduction reduction = TRY(read_reduction(attrs));
  const Ignored ignored{attrs.has("ignore_index"), attrs.get_int("ignore_index")};
  const Scores scores(request.inputs[0].shape());
  // The loss and the weight of each sample.
  const size_t workspace = static_cast<size_t>(scores.samples) * 2 * sizeof(double);
  const bool wants_log_prob = request.has_output(1);
  return make_kernel(
      [=, shape = request.outputs[0].shape()](RunArgs& args) {
        if (!check_labels(args, scores, ignored)) return;
        const DType dtype = args.inputs[0].dtype;
        const TensorView dst = args.allocate(0, dtype, shape);
        TensorView log_prob;
        if (wants_log_prob) log_prob = args.allocate(1, dtype, args.inputs[0].shape);
        if (args.failed()) return;
        auto* losses = static_cast<double*>(args.workspace);
        double* weights = losses + scores.samples;
        visit_float(dtype, [&](auto tag) {
          using T = typename decltype(tag)::Type;
          parallel_ranges(args.pool, scores.samples, scores.classes * 64,
                          [&](int64_t first, int64_t last) {
                            sample_losses<T>(args, scores, ignored, softmax, log_prob.as<T>(),
                                             losses, weights, first, last);
                          });
          const auto count = static_cast<size_t>(scores.samples);
          give_loss<T>(reduction, {losses, count}, {weights, count}, dst.as<T>());
        });
      },
      workspace);
}

OpDef loss_op(std::vector<int> versions, std::vector<StaticText> names, MakeKernel make) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{names[0], "T", kFloatTypes},
               {names[1], "Tind", dtype_set(DType::kInt32, DType::kInt64)},
               {names[2], "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{names[3], "T", kFloatTypes}};
  op.attrs = {optional_attr("ignore_index", FormalAttr::Kind::kInt),
              string_attr("reduction", "mean")};
  op.infer = infer_loss;
  op.kernels = {{"reference", make}};
  return op;
}

}  // namespace

OpDef op_NegativeLogLikelihoodLoss() {
  return loss_op({12, 13, 22}, {"input", "target", "weight", "loss"}, make_loss<false>);
}

OpDef op_SoftmaxCrossEntropyLoss() {
  OpDef op = loss_op({12, 13}, {"scores", "labels", "weights", "output"}, make_loss<true>);
  op.outputs.push_back({"log_prob", "T", kFloatTypes, Form::kOptional});
  return op;
}

}  // namespace sardonyx
