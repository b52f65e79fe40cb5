// The rules of losses, which passes/gradient_rules.cc lists.
#pragma once

#include "passes/gradient_rules.h"

namespace sardonyx {

// SoftmaxCrossEntropyLoss, NegativeLogLikelihoodLoss; of the scores alone.
Result<std::vector<ValueId>> gradient_of_cross_entropy(const GradientStep& step);
Result<std::vector<ValueId>> gradient_of_log_likelihood(const GradientStep& step);

}  // namespace sardonyx
