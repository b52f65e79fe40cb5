// What the classifiers and regressors of ai.onnx.ml share behind their own arithmetic: the
// post_transform of scores, one score that stands for two classes, and class labels.
// Entry points: read_transform, transform_scores, ClassLabels.
#pragma once

#include <span>
#include <string>

#include "ops/op.h"

namespace sardonyx {

enum class Transform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

// The attribute post_transform; an error for a name that is none of the five.
Result<Transform> read_transform(const AttrMap& attrs);
FormalAttr transform_attr();

void transform_scores(Transform transform, std::span<double> scores);

// One score for two classes becomes a score for each. Transforms that make probabilities take
// -score and score. Otherwise they are 1 - score and score where `complement` says that the score
// is a probability by itself, else -score and score.
void split_score(Transform transform, double score, bool complement, double* two);

// The first of the highest scores; NaN is never the highest.
size_t top_score(std::span<const double> scores);

// classlabels_<ints or int64s>, or classlabels_strings: exactly one, without which Y cannot be
// told.
class ClassLabels {
 public:
  static Result<ClassLabels> read(const AttrMap& attrs, const std::string& ints_name);

  DType dtype() const { return labels_.dtype(); }
  int64_t count() const { return labels_.count(); }
  const Tensor& tensor() const { return labels_; }
  void write(size_t label, const TensorView& dst, int64_t row) const;

 private:
  Tensor labels_;
};

inline constexpr DTypeSet kLabelTypes = dtype_set(DType::kString, DType::kInt64);
// The formal outputs and the types of the rule of a classifier: Y, one label for each row, and Z,
// `columns` scores (or as many as labels).
std::vector<FormalParam> classifier_outputs();
Result<void> set_classifier_outputs(InferContext& context, const ClassLabels& labels,
                                    int64_t columns);

}  // namespace sardonyx
