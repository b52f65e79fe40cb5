// ai.onnx.ml SVMClassifier and SVMRegressor: kernel values of a row with every support vector, and
// weighted sums of them: one for a regression, one for each pair of classes. Without support
// vectors the coefficients are a plain linear model.
#include <algorithm>
#include <cmath>

#include "ops/cells.h"
#include "ops/ml/rows.h"
#include "ops/ml/scores.h"

namespace sardonyx {
namespace {

enum class SvmKernel : uint8_t { kLinear, kPoly, kRbf, kSigmoid };

constexpr int64_t kPanel = 8;  // vectors at once

struct Machine {
  SvmKernel kernel = SvmKernel::kLinear;
  double gamma = 0, coef0 = 0, degree = 0;
  int64_t features = 0;
  int64_t vectors = 0;          // rows that X is compared with: support vectors, or linear models
  std::vector<double> support;  // [panels, features, kPanel]: kPanel vectors each
  Transform transform = Transform::kNone;
};

Result<SvmKernel> read_kernel(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("kernel_type");
  if (name == "LINEAR") return SvmKernel::kLinear;
  if (name == "POLY") return SvmKernel::kPoly;
  if (name == "RBF") return SvmKernel::kRbf;
  if (name == "SIGMOID") return SvmKernel::kSigmoid;
  return fail(Code::kInvalidArgument, "kernel_type is '{}', expected LINEAR, POLY, RBF or SIGMOID",
              name);
}

// `rows` are the vectors, one after the other.
Result<Machine> read_machine(const AttrMap& attrs, const std::vector<float>& rows, int64_t vectors,
                             bool linear, std::string_view what) {
  Machine machine;
  machine.transform = TRY(read_transform(attrs));
  machine.kernel = TRY(read_kernel(attrs));
  if (linear) machine.kernel = SvmKernel::kLinear;
  const auto& params = attrs.get_floats("kernel_params");
  if (params.size() == 3) {
    machine.gamma = params[0];
    machine.coef0 = params[1];
    machine.degree = params[2];
  } else if (!params.empty() || machine.kernel != SvmKernel::kLinear) {
    return fail(Code::kInvalidArgument,
                "kernel_params has {} entries, expected 3: gamma, coef0, degree", params.size());
  }
  const auto count = static_cast<int64_t>(rows.size());
  if (vectors <= 0 || count % vectors != 0) {
    return fail(Code::kInvalidArgument, "{} has {} entries, which is no {} rows of features", what,
                count, vectors);
  }
  machine.vectors = vectors;
  machine.features = count / vectors;
  const int64_t panels = (vectors + kPanel - 1) / kPanel;
  machine.support.resize(static_cast<size_t>(panels * kPanel * machine.features));
  for (int64_t v = 0; v < vectors; ++v) {
    for (int64_t f = 0; f < machine.features; ++f) {
      const int64_t at = (v / kPanel * machine.features + f) * kPanel + v % kPanel;
      machine.support[static_cast<size_t>(at)] =
          rows[static_cast<size_t>(v * machine.features + f)];
    }
  }
  return machine;
}

// Squared distances of x from the vectors of a panel, or products with them. The loops run along
// the vectors, so that they need no sums across lanes.
template <bool kDistance, class T>
void panel_sums(int64_t features, const T* x, const double* support, double* result) {
  double sums[kPanel] = {};
  for (int64_t f = 0; f < features; ++f, support += kPanel) {
    const auto element = static_cast<double>(x[f]);
    for (int64_t i = 0; i < kPanel; ++i) {
      const double difference = element - support[i];
      sums[i] += kDistance ? difference * difference : element * support[i];
    }
  }
  std::copy_n(sums, kPanel, result);
}

// values[v] = kernel(x, support vector v).
template <class T>
void kernel_values(const Machine& machine, const T* x, std::span<double> values) {
  const bool distance = machine.kernel == SvmKernel::kRbf;
  for (int64_t v = 0; v < machine.vectors; v += kPanel) {
    double sums[kPanel];
    const double* support = machine.support.data() + v * machine.features;
    if (distance) {
      panel_sums<true>(machine.features, x, support, sums);
    } else {
      panel_sums<false>(machine.features, x, support, sums);
    }
    std::copy_n(sums, std::min(kPanel, machine.vectors - v), values.begin() + v);
  }
  switch (machine.kernel) {
    case SvmKernel::kLinear:
      return;
    case SvmKernel::kRbf:
      for (double& value : values) value = std::exp(-machine.gamma * value);
      return;
    case SvmKernel::kPoly:
      for (double& value : values) {
        value = std::pow(machine.gamma * value + machine.coef0, machine.degree);
      }
      return;
    case SvmKernel::kSigmoid:
      for (double& value : values) value = std::tanh(machine.gamma * value + machine.coef0);
  }
}

// Calls finish(row, kernel values) for every row, in parallel.
template <class Finish>
void each_row(const Machine& machine, const TensorView& src, ThreadPool* pool, Finish&& finish) {
  const RowCount size = rows_of(src.shape);
  visit_feature(src.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const int64_t work = 8 * (1 + machine.features) * machine.vectors;
    parallel_ranges(pool, size.rows, work, [&](int64_t first, int64_t last) {
      std::vector<double> values(static_cast<size_t>(machine.vectors));
      for (int64_t row = first; row < last; ++row) {
        kernel_values(machine, src.as<const T>() + row * machine.features, std::span(values));
        finish(row, std::span<const double>(values));
      }
    });
  });
}

Result<void> expect_count(const AttrMap& attrs, const std::string& name, size_t expected) {
  const size_t count = attrs.get_floats(name).size();
  if (count == expected) return {};
  return fail(Code::kInvalidArgument, "{} has {} entries, expected {}", name, count, expected);
}

// ---- SVMRegressor

struct Regressor {
  Machine machine;
  std::vector<double> weights;  // of the kernel values
  double rho = 0;
  bool one_class = false;
};

Result<Regressor> read_regressor(const AttrMap& attrs) {
  Regressor regressor;
  const int64_t supports = attrs.get_int("n_supports");
  const auto& coefficients = attrs.get_floats("coefficients");
  if (supports < 0) {
    return fail(Code::kInvalidArgument, "n_supports is {}, expected 0 or more", supports);
  }
  TRY(expect_count(attrs, "rho", 1));
  regressor.rho = attrs.get_floats("rho")[0];
  regressor.one_class = attrs.get_int("one_class") != 0;
  if (supports == 0) {
    regressor.machine = TRY(read_machine(attrs, coefficients, 1, true, "coefficients"));
    regressor.weights = {1.0};
    return regressor;
  }
  TRY(expect_count(attrs, "coefficients", static_cast<size_t>(supports)));
  regressor.machine = TRY(
      read_machine(attrs, attrs.get_floats("support_vectors"), supports, false, "support_vectors"));
  regressor.weights.assign(coefficients.begin(), coefficients.end());
  return regressor;
}

Result<void> infer_regressor(InferContext& context) {
  const Regressor regressor = TRY(read_regressor(context.attrs()));
  const RowDims dims = TRY(row_dims(context));
  TRY(expect_features(context, dims, regressor.machine.features, "the machine is for"));
  context.set_output(0, DType::kFloat32, {dims.rows, Dim(1)});
  return {};
}

double weighted_sum(const double* weights, std::span<const double> values, double sum) {
  for (size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i];
  return sum;
}

Result<std::unique_ptr<Kernel>> make_regressor(const KernelRequest& request) {
  return make_kernel([machine = TRY(read_regressor(request.node.attrs))](RunArgs& args) {
    const int64_t rows = rows_of(args.inputs[0].shape).rows;
    const TensorView dst = args.allocate(0, DType::kFloat32, {rows, 1});
    if (args.failed()) return;
    each_row(machine.machine, args.inputs[0], args.pool,
             [&](int64_t row, std::span<const double> values) {
               double score = weighted_sum(machine.weights.data(), values, machine.rho);
               if (machine.one_class) {
                 score = score > 0 ? 1 : -1;
               } else {
                 transform_scores(machine.machine.transform, std::span(&score, 1));
               }
               dst.as<float>()[row] = static_cast<float>(score);
             });
  });
}

// ---- SVMClassifier

struct Classifier {
  Machine machine;
  ClassLabels labels;
  bool linear = false;                 // one model for each class, instead of one for each pair
  std::vector<double> weights;         // [classes - 1, vectors]
  std::vector<int64_t> first;          // of each class, its first support vector; and their number
  std::vector<double> rho;             // one for each pair
  std::vector<double> prob_a, prob_b;  // likewise, or none

  size_t classes() const { return static_cast<size_t>(labels.count()); }
  size_t pairs() const { return classes() * (classes() - 1) / 2; }
  bool has_probabilities() const { return !prob_a.empty(); }
  // Columns of Z.
  int64_t columns() const {
    const bool by_class = linear || has_probabilities() || classes() == 2;
    return static_cast<int64_t>(by_class ? classes() : pairs());
  }
};

std::vector<double> doubles_of(const AttrMap& attrs, std::string_view name) {
  const auto& floats = attrs.get_floats(name);
  return {floats.begin(), floats.end()};
}

Result<void> read_pairs(const AttrMap& attrs, Classifier& svm) {
  const auto& per_class = attrs.get_ints("vectors_per_class");
  if (per_class.size() != svm.classes() || per_class.size() < 2) {
    return fail(Code::kInvalidArgument,
                "vectors_per_class has {} entries for {} classes; expected as many, and 2 at least",
                per_class.size(), svm.classes());
  }
  int64_t total = 0;
  for (int64_t count : per_class) {
    svm.first.push_back(total);
    if (count < 0 || __builtin_add_overflow(total, count, &total)) {
      return fail(Code::kInvalidArgument, "vectors_per_class has {}", count);
    }
  }
  svm.first.push_back(total);
  const auto& support = attrs.get_floats("support_vectors");
  if (total > static_cast<int64_t>(support.size())) {
    return fail(Code::kInvalidArgument,
                "there are {} support vectors, but support_vectors has {} "
                "entries",
                total, support.size());
  }
  svm.machine = TRY(read_machine(attrs, support, total, false, "support_vectors"));
  TRY(expect_count(attrs, "coefficients", (svm.classes() - 1) * static_cast<size_t>(total)));
  TRY(expect_count(attrs, "rho", svm.pairs()));
  if (attrs.has("prob_a") || attrs.has("prob_b")) {
    TRY(expect_count(attrs, "prob_a", svm.pairs()));
    TRY(expect_count(attrs, "prob_b", svm.pairs()));
  }
  svm.weights = doubles_of(attrs, "coefficients");
  svm.prob_a = doubles_of(attrs, "prob_a");
  svm.prob_b = doubles_of(attrs, "prob_b");
  return {};
}

Result<Classifier> read_classifier(const AttrMap& attrs) {
  Classifier svm;
  svm.labels = TRY(ClassLabels::read(attrs, "classlabels_ints"));
  const auto& per_class = attrs.get_ints("vectors_per_class");
  svm.linear = std::all_of(per_class.begin(), per_class.end(), [](int64_t n) { return n == 0; });
  svm.rho = doubles_of(attrs, "rho");
  if (!svm.linear) {
    TRY(read_pairs(attrs, svm));
    return svm;
  }
  if (svm.rho.empty()) return fail(Code::kInvalidArgument, "rho has no entries");
  svm.machine = TRY(read_machine(attrs, attrs.get_floats("coefficients"), svm.labels.count(), true,
                                 "coefficients"));
  return svm;
}

Result<void> infer_classifier(InferContext& context) {
  const Classifier svm = TRY(read_classifier(context.attrs()));
  const RowDims dims = TRY(row_dims(context));
  TRY(expect_features(context, dims, svm.machine.features, "the machine is for"));
  return set_classifier_outputs(context, svm.labels, svm.columns());
}

// The score of each pair of classes i < j, above zero in favour of i, and the votes for each class.
void score_pairs(const Classifier& svm, std::span<const double> values, std::span<double> scores,
                 std::span<double> votes) {
  std::fill(votes.begin(), votes.end(), 0.0);
  const auto part = [&](size_t owner, size_t other) {
    // The vectors of class `owner` weigh in its comparison with `other`.
    const size_t row = other > owner ? other - 1 : other;
    const auto first = static_cast<size_t>(svm.first[owner]);
    const auto count = static_cast<size_t>(svm.first[owner + 1]) - first;
    return weighted_sum(svm.weights.data() + row * values.size() + first,
                        values.subspan(first, count), 0);
  };
  size_t pair = 0;
  for (size_t i = 0; i < svm.classes(); ++i) {
    for (size_t j = i + 1; j < svm.classes(); ++j, ++pair) {
      scores[pair] = svm.rho[pair] + part(i, j) + part(j, i);
      votes[scores[pair] > 0 ? i : j] += 1;
    }
  }
}

// P(class i) from P(i | i or j), by the second method of Wu, Lin and Weng, "Probability Estimates
// for Multi-class Classification by Pairwise Coupling" (2004): p minimises p' Q p, and each step
// solves for one entry and normalises.
void couple_pairs(const std::vector<double>& r, std::span<double> p) {
  const size_t count = p.size();
  std::vector<double> q(count * count), qp(count);
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < count; ++j) {
      if (i == j) continue;
      q[i * count + i] += r[j * count + i] * r[j * count + i];
      q[i * count + j] = -r[j * count + i] * r[i * count + j];
    }
  }
  std::fill(p.begin(), p.end(), 1.0 / static_cast<double>(count));
  const double small_enough = 0.005 / static_cast<double>(count);
  for (size_t sweep = 0; sweep < std::max<size_t>(100, count); ++sweep) {
    double pqp = 0;
    for (size_t i = 0; i < count; ++i) {
      qp[i] = weighted_sum(q.data() + i * count, p, 0);
      pqp += p[i] * qp[i];
    }
    double worst = 0;
    for (double each : qp) worst = std::max(worst, std::abs(each - pqp));
    if (worst < small_enough) return;
    for (size_t i = 0; i < count; ++i) {
      const double own = q[i * count + i];
      const double step = (pqp - qp[i]) / own;
      const double norm = 1 + step;
      pqp = (pqp + 2 * step * qp[i] + step * step * own) / (norm * norm);
      p[i] += step;
      for (size_t j = 0; j < count; ++j) {
        qp[j] = (qp[j] + step * q[i * count + j]) / norm;
        p[j] /= norm;
      }
    }
  }
}

void pair_probabilities(const Classifier& svm, std::span<const double> scores,
                        std::span<double> probabilities) {
  constexpr double kLeast = 1e-7;
  const size_t count = svm.classes();
  std::vector<double> r(count * count);
  size_t pair = 0;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = i + 1; j < count; ++j, ++pair) {
      const double sure = 1 / (1 + std::exp(scores[pair] * svm.prob_a[pair] + svm.prob_b[pair]));
      r[i * count + j] = std::clamp(sure, kLeast, 1 - kLeast);
      r[j * count + i] = 1 - r[i * count + j];
    }
  }
  couple_pairs(r, probabilities);
}

// Fills in Z's row from the kernel values; returns the class.
size_t classify(const Classifier& svm, std::span<const double> values, std::span<double> row) {
  if (svm.linear) {
    for (size_t c = 0; c < row.size(); ++c) row[c] = values[c] + svm.rho[0];
    const size_t top = top_score(row);
    transform_scores(svm.machine.transform, row);
    return top;
  }
  std::vector<double> scores(svm.pairs()), votes(svm.classes());
  score_pairs(svm, values, scores, votes);
  if (!svm.has_probabilities() && svm.classes() == 2) {
    split_score(svm.machine.transform, scores[0], false, row.data());
    return top_score(votes);
  }
  if (svm.has_probabilities()) {
    pair_probabilities(svm, scores, row);
  } else {
    std::copy(scores.begin(), scores.end(), row.begin());
  }
  transform_scores(svm.machine.transform, row);
  return top_score(votes);
}

Result<std::unique_ptr<Kernel>> make_classifier(const KernelRequest& request) {
  return make_kernel([svm = TRY(read_classifier(request.node.attrs))](RunArgs& args) {
    const int64_t rows = rows_of(args.inputs[0].shape).rows;
    const TensorView chosen = args.allocate(0, svm.labels.dtype(), {rows});
    const TensorView scored = args.allocate(1, DType::kFloat32, {rows, svm.columns()});
    if (args.failed()) return;
    each_row(svm.machine, args.inputs[0], args.pool,
             [&](int64_t row, std::span<const double> values) {
               std::vector<double> scores(static_cast<size_t>(svm.columns()));
               const size_t top = classify(svm, values, scores);
               if (chosen.data != nullptr) svm.labels.write(top, chosen, row);
               if (scored.data == nullptr) return;
               float* to = scored.as<float>() + row * svm.columns();
               for (double score : scores) *to++ = static_cast<float>(score);
             });
  });
}

std::vector<FormalAttr> machine_attrs() {
  using Kind = FormalAttr::Kind;
  return {optional_attr("coefficients", Kind::kFloats),
          optional_attr("kernel_params", Kind::kFloats),
          string_attr("kernel_type", "LINEAR"),
          optional_attr("rho", Kind::kFloats),
          optional_attr("support_vectors", Kind::kFloats),
          transform_attr()};
}

}  // namespace

OpDef op_SVMClassifier() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", kFeatureTypes}};
  op.outputs = classifier_outputs();
  op.attrs = machine_attrs();
  op.attrs.push_back(optional_attr("classlabels_ints", Kind::kInts));
  op.attrs.push_back(optional_attr("classlabels_strings", Kind::kStrings));
  op.attrs.push_back(optional_attr("prob_a", Kind::kFloats));
  op.attrs.push_back(optional_attr("prob_b", Kind::kFloats));
  op.attrs.push_back(optional_attr("vectors_per_class", Kind::kInts));
  op.infer = infer_classifier;
  op.kernels = {{"reference", make_classifier}};
  return op;
}

OpDef op_SVMRegressor() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "", dtype_set(DType::kFloat32)}};
  op.attrs = machine_attrs();
  op.attrs.push_back(int_attr("n_supports", 0));
  op.attrs.push_back(int_attr("one_class", 0));
  op.infer = infer_regressor;
  op.kernels = {{"reference", make_regressor}};
  return op;
}

}  // namespace sardonyx
