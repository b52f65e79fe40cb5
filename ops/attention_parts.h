// What the ways to compute attention share: which columns a row sees, numbers of a mask.
#pragma once

#include "ops/attention_core.h"

namespace sardonyx {

struct SeenColumns {
  int64_t begin = 0, end = 0;
  bool operator==(const SeenColumns&) const = default;
};

SeenColumns seen_columns(const AttentionShape& shape, const AttentionOperands& operands,
                         int64_t item, int64_t row);

// What element `at` adds to a score; a bool that is false adds -infinity.
double mask_number(const TensorView& mask, int64_t at);

}  // namespace sardonyx
