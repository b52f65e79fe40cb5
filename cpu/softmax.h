// Softmax and its logarithm over the rows of a matrix. Entry point: softmax_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

struct SoftmaxRows {
  const float* src = nullptr;  // [rows, cols], rows src_ld apart
  int64_t src_ld = 0;
  float* dst = nullptr;  // may be src
  int64_t dst_ld = 0;
  int64_t cols = 0;
  float scale = 1;              // x is scale * src + mask
  const float* mask = nullptr;  // rows mask_ld apart (0: one row for all); null: 0
  int64_t mask_ld = 0;
};

struct SoftmaxKernels {
  // exp(x - max) / sum(exp(x - max)) for rows [first, last). A row that is -infinity throughout
  // gives NaN, as the formula does.
  void (*softmax)(const SoftmaxRows& args, int64_t first, int64_t last);
  // x - max - log(sum(exp(x - max))); mask and scale as above.
  void (*log_softmax)(const SoftmaxRows& args, int64_t first, int64_t last);
};

const SoftmaxKernels& softmax_kernels(Tier tier);

}  // namespace sardonyx
