// affine_rows: every column of a matrix scaled, shifted and clipped: a batch norm that no
// convolution took, and the Relu behind it. Entry point: affine_rows.
#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/tier.h"

namespace sardonyx {

struct AffineArgs {
  int64_t rows = 0, cols = 0;
  const float* src = nullptr;
  int64_t src_ld = 0;
  const float* scale = nullptr;  // [cols]
  const float* shift = nullptr;  // [cols]
  float low = 0, high = 0;       // NaN stays NaN
  float* dst = nullptr;          // [rows, cols]; may be src where src_ld is cols
};

// dst = min(max(src * scale + shift, low), high).
void affine_rows(Tier tier, const AffineArgs& args, ThreadPool& pool);

struct AffineKernels {
  void (*rows)(const AffineArgs& args, int64_t row, int64_t row_end);
};
const AffineKernels& affine_kernels(Tier tier);

}  // namespace sardonyx
