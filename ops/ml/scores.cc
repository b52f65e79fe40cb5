// See ops/ml/scores.h.
#include "ops/ml/scores.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/ml/rows.h"

namespace sardonyx {
namespace {

constexpr std::array<std::string_view, 5> kTransformNames = {"NONE", "SOFTMAX", "LOGISTIC",
                                                             "SOFTMAX_ZERO", "PROBIT"};

// z with P(standard normal < z) = p, by bisection.
double probit(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  double low = -40;
  double high = 40;
  for (int step = 0; step < 80; ++step) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// With `keep_zeros`, scores of 0 stay 0 and take no part.
void softmax(std::span<double> scores, bool keep_zeros) {
  double highest = -INFINITY;
  for (double score : scores) highest = std::max(highest, score);
  double sum = 0;
  for (double& score : scores) {
    if (keep_zeros && score == 0) continue;
    score = std::exp(score - highest);
    sum += score;
  }
  for (double& score : scores) {
    if (score != 0) score /= sum;
  }
}

}  // namespace

Result<Transform> read_transform(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("post_transform");
  const auto found = std::find(kTransformNames.begin(), kTransformNames.end(), name);
  if (found != kTransformNames.end()) {
    return static_cast<Transform>(found - kTransformNames.begin());
  }
  return fail(Code::kInvalidArgument,
              "post_transform is '{}', expected NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT",
              name);
}

FormalAttr transform_attr() { return string_attr("post_transform", "NONE"); }

void transform_scores(Transform transform, std::span<double> scores) {
  switch (transform) {
    case Transform::kNone:
      return;
    case Transform::kSoftmax:
    case Transform::kSoftmaxZero:
      return softmax(scores, transform == Transform::kSoftmaxZero);
    case Transform::kLogistic:
      for (double& score : scores) score = logistic(score);
      return;
    case Transform::kProbit:
      for (double& score : scores) score = probit(score);
  }
}

void split_score(Transform transform, double score, bool complement, double* two) {
  const bool plain = transform == Transform::kNone || transform == Transform::kProbit;
  two[0] = plain && complement ? 1 - score : -score;
  two[1] = score;
  transform_scores(transform, std::span(two, 2));
}

size_t top_score(std::span<const double> scores) {
  size_t top = 0;
  for (size_t i = 1; i < scores.size(); ++i) {
    if (scores[i] > scores[top] || (std::isnan(scores[top]) && !std::isnan(scores[i]))) top = i;
  }
  return top;
}

Result<ClassLabels> ClassLabels::read(const AttrMap& attrs, const std::string& ints_name) {
  const auto& ints = attrs.get_ints(ints_name);
  const auto& strings = attrs.get_strings("classlabels_strings");
  if (ints.empty() == strings.empty()) {
    return fail(Code::kInvalidGraph, "{} of {} and classlabels_strings are given, expected one",
                ints.empty() ? "none" : "both", ints_name);
  }
  ClassLabels labels;
  const auto length = [](size_t count) { return Shape{static_cast<int64_t>(count)}; };
  labels.labels_ = ints.empty() ? Tensor::from<std::string>(length(strings.size()), strings)
                                : Tensor::from<int64_t>(length(ints.size()), ints);
  return labels;
}

void ClassLabels::write(size_t label, const TensorView& dst, int64_t row) const {
  if (dtype() == DType::kString) {
    dst.as<std::string>()[row] = labels_.as<const std::string>()[label];
  } else {
    dst.as<int64_t>()[row] = labels_.as<const int64_t>()[label];
  }
}

std::vector<FormalParam> classifier_outputs() {
  return {{"Y", "T2", kLabelTypes}, {"Z", "", dtype_set(DType::kFloat32)}};
}

Result<void> set_classifier_outputs(InferContext& context, const ClassLabels& labels,
                                    int64_t columns) {
  const RowDims dims = TRY(row_dims(context));
  context.set_output(0, labels.dtype(), {dims.rows});
  context.set_output(1, DType::kFloat32, {dims.rows, columns});
  return {};
}

Result<RowDims> row_dims(const InferContext& context) {
  if (!context.has_rank(0)) return RowDims{Dim::unknown(), Dim::unknown()};
  const Dims& dims = context.dims(0);
  if (dims.size() == 1) return RowDims{Dim(1), dims[0]};
  if (dims.size() == 2) return RowDims{dims[0], dims[1]};
  return fail(Code::kInvalidArgument, "{} has rank {}, expected [N, F] or [F]", context.describe(0),
              dims.size());
}

Result<void> expect_features(const InferContext& context, const RowDims& dims, int64_t features,
                             std::string_view what) {
  if (!dims.features.is_constant() || dims.features.value() == features) return {};
  return fail(Code::kInvalidArgument, "{} has {} features, but {} {}", context.describe(0),
              dims.features.value(), what, features);
}

RowCount rows_of(const Shape& shape) {
  if (shape.rank() == 1) return {1, shape[0]};
  return {shape[0], shape[1]};
}

}  // namespace sardonyx
