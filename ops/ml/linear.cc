// ai.onnx.ml LinearClassifier and LinearRegressor: scores = X W^T + b in 64 bits, a post_transform,
// and for the classifier the label of the highest score.
#include <algorithm>
#include <array>

#include "ops/cells.h"
#include "ops/ml/rows.h"
#include "ops/ml/scores.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kScoreTypes = dtype_set(DType::kFloat32);

struct Linear {
  int64_t features = 0;
  int64_t classes = 0;             // scores of one row
  std::vector<double> weights;     // [features, classes]
  std::vector<double> intercepts;  // [classes]
  Transform transform = Transform::kNone;
};

// The coefficients stand class by class; their number says how many features there are.
Result<Linear> read_linear(const AttrMap& attrs, int64_t classes) {
  Linear linear;
  linear.transform = TRY(read_transform(attrs));
  linear.classes = classes;
  const auto& coefficients = attrs.get_floats("coefficients");
  const auto count = static_cast<int64_t>(coefficients.size());
  if (count % classes != 0) {
    return fail(Code::kInvalidArgument, "coefficients has {} entries, no multiple of the {} scores",
                count, classes);
  }
  linear.features = count / classes;
  linear.weights.resize(coefficients.size());
  for (int64_t c = 0; c < classes; ++c) {
    for (int64_t f = 0; f < linear.features; ++f) {
      linear.weights[static_cast<size_t>(f * classes + c)] =
          coefficients[static_cast<size_t>(c * linear.features + f)];
    }
  }
  const auto& intercepts = attrs.get_floats("intercepts");
  linear.intercepts.assign(intercepts.begin(), intercepts.end());
  linear.intercepts.resize(static_cast<size_t>(classes), 0.0);
  if (!intercepts.empty() && static_cast<int64_t>(intercepts.size()) != classes) {
    return fail(Code::kInvalidArgument,
                "intercepts has {} entries, expected {}, one for each score", intercepts.size(),
                classes);
  }
  return linear;
}

// Rows are taken in fours: one row alone would wait for each addition. Sums run over the features
// in order, whatever the group. scores is [classes, kGroup].
constexpr int64_t kGroup = 4;

template <class T>
void score_group(const Linear& linear, const T* x, int64_t rows, double* scores) {
  std::array<const T*, kGroup> at;
  for (int64_t r = 0; r < kGroup; ++r) {
    at[static_cast<size_t>(r)] = x + std::min(r, rows - 1) * linear.features;
  }
  for (int64_t c = 0; c < linear.classes; ++c) std::fill_n(scores + c * kGroup, kGroup, 0.0);
  const double* weight = linear.weights.data();
  for (int64_t f = 0; f < linear.features; ++f) {
    std::array<double, kGroup> element;
    for (size_t r = 0; r < kGroup; ++r) element[r] = static_cast<double>(at[r][f]);
    for (int64_t c = 0; c < linear.classes; ++c, ++weight) {
      double* sums = scores + c * kGroup;
      for (size_t r = 0; r < kGroup; ++r) sums[r] += element[r] * *weight;
    }
  }
  for (int64_t c = 0; c < linear.classes; ++c) {
    for (int64_t r = 0; r < kGroup; ++r) {
      scores[c * kGroup + r] += linear.intercepts[static_cast<size_t>(c)];
    }
  }
}

// Calls finish(row, scores of the row) for every row, in parallel.
template <class Finish>
void score_rows(const Linear& linear, const TensorView& src, ThreadPool* pool, Finish&& finish) {
  const RowCount size = rows_of(src.shape);
  const int64_t groups = (size.rows + kGroup - 1) / kGroup;
  const int64_t work = kGroup * 8 * (1 + linear.features * linear.classes);
  visit_feature(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    parallel_ranges(pool, groups, work, [&](int64_t first, int64_t last) {
      std::vector<double> scores(static_cast<size_t>(linear.classes * kGroup));
      std::vector<double> own(static_cast<size_t>(linear.classes));
      for (int64_t group = first; group < last; ++group) {
        const int64_t start = group * kGroup;
        const int64_t rows = std::min(kGroup, size.rows - start);
        score_group(linear, src.as<const T>() + start * linear.features, rows, scores.data());
        for (int64_t r = 0; r < rows; ++r) {
          for (size_t c = 0; c < own.size(); ++c)
            own[c] = scores[c * kGroup + static_cast<size_t>(r)];
          finish(start + r, std::span(own));
        }
      }
    });
  });
}

void store_scores(std::span<const double> scores, const TensorView& dst, int64_t row) {
  float* to = dst.as<float>() + row * static_cast<int64_t>(scores.size());
  for (double score : scores) *to++ = static_cast<float>(score);
}

// ---- LinearClassifier

// One score decides between two classes where the intercepts, or the features, say so.
int64_t count_scores(const AttrMap& attrs, int64_t labels, std::optional<int64_t> features) {
  if (labels != 2) return labels;
  const size_t intercepts = attrs.get_floats("intercepts").size();
  const auto coefficients = static_cast<int64_t>(attrs.get_floats("coefficients").size());
  if (intercepts != 0) return intercepts == 1 ? 1 : 2;
  return coefficients % 2 != 0 || features == coefficients ? 1 : 2;
}

std::optional<int64_t> known_features(const Dim& features) {
  return features.is_constant() ? std::optional(features.value()) : std::nullopt;
}

Result<void> infer_classifier(InferContext& context) {
  const ClassLabels labels = TRY(ClassLabels::read(context.attrs(), "classlabels_ints"));
  const RowDims dims = TRY(row_dims(context));
  const int64_t classes =
      count_scores(context.attrs(), labels.count(), known_features(dims.features));
  const Linear linear = TRY(read_linear(context.attrs(), classes));
  if (dims.features.is_constant() || !context.attrs().get_floats("intercepts").empty()) {
    TRY(expect_features(context, dims, linear.features, "the coefficients are for"));
  }
  return set_classifier_outputs(context, labels, labels.count());
}

Result<std::unique_ptr<Kernel>> make_classifier(const KernelRequest& request) {
  ClassLabels labels = TRY(ClassLabels::read(request.node.attrs, "classlabels_ints"));
  if (!request.inputs[0].is_concrete()) return decline("the number of features is not known");
  const int64_t classes =
      count_scores(request.node.attrs, labels.count(), rows_of(request.inputs[0].shape()).features);
  Linear linear = TRY(read_linear(request.node.attrs, classes));
  return make_kernel([linear = std::move(linear), labels = std::move(labels)](RunArgs& args) {
    const int64_t rows = rows_of(args.inputs[0].shape).rows;
    const TensorView chosen = args.allocate(0, labels.dtype(), {rows});
    const TensorView scored = args.allocate(1, DType::kFloat32, {rows, labels.count()});
    if (args.failed()) return;
    const bool one = linear.classes == 1 && labels.count() == 2;
    score_rows(linear, args.inputs[0], args.pool, [&](int64_t row, std::span<double> scores) {
      if (chosen.data != nullptr) {
        labels.write(one ? (scores[0] > 0 ? 1 : 0) : top_score(scores), chosen, row);
      }
      if (scored.data == nullptr) return;
      if (one) {
        std::array<double, 2> two;
        split_score(linear.transform, scores[0], true, two.data());
        store_scores(two, scored, row);
      } else {
        transform_scores(linear.transform, scores);
        store_scores(scores, scored, row);
      }
    });
  });
}

// ---- LinearRegressor

Result<Linear> read_regressor(const AttrMap& attrs) {
  const int64_t targets = attrs.get_int("targets");
  if (targets > 0) return read_linear(attrs, targets);
  return fail(Code::kInvalidArgument, "targets is {}, expected at least 1", targets);
}

Result<void> infer_regressor(InferContext& context) {
  const Linear linear = TRY(read_regressor(context.attrs()));
  const RowDims dims = TRY(row_dims(context));
  TRY(expect_features(context, dims, linear.features, "the coefficients are for"));
  context.set_output(0, DType::kFloat32, {dims.rows, linear.classes});
  return {};
}

Result<std::unique_ptr<Kernel>> make_regressor(const KernelRequest& request) {
  return make_kernel([linear = TRY(read_regressor(request.node.attrs))](RunArgs& args) {
    const int64_t rows = rows_of(args.inputs[0].shape).rows;
    const TensorView dst = args.allocate(0, DType::kFloat32, {rows, linear.classes});
    if (args.failed()) return;
    score_rows(linear, args.inputs[0], args.pool, [&](int64_t row, std::span<double> scores) {
      transform_scores(linear.transform, scores);
      store_scores(scores, dst, row);
    });
  });
}

}  // namespace

OpDef op_LinearClassifier() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", kFeatureTypes}};
  op.outputs = classifier_outputs();
  op.attrs = {required_attr("coefficients", Kind::kFloats),
              optional_attr("intercepts", Kind::kFloats),
              optional_attr("classlabels_ints", Kind::kInts),
              optional_attr("classlabels_strings", Kind::kStrings),
              int_attr("multi_class", 0),  // both kinds compute the same
              transform_attr()};
  op.infer = infer_classifier;
  op.kernels = {{"fours", make_classifier}};
  return op;
}

OpDef op_LinearRegressor() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "", kScoreTypes}};
  op.attrs = {optional_attr("coefficients", Kind::kFloats),
              optional_attr("intercepts", Kind::kFloats), int_attr("targets", 1), transform_attr()};
  op.infer = infer_regressor;
  op.kernels = {{"fours", make_regressor}};
  return op;
}

}  // namespace sardonyx
