// Layer and RMS normalisation of the rows of a matrix. Entry point: norm_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

struct NormRows {
  const float* src = nullptr;       // [rows, cols], dense
  const float* residual = nullptr;  // added to src first; null: nothing
  const float* scale = nullptr;     // [cols]; null: 1
  const float* bias = nullptr;      // [cols]; null: 0
  float* dst = nullptr;             // [rows, cols]; may be src
  float* sum = nullptr;             // [rows, cols]: src + residual; null: not stored; may be src
  float* mean = nullptr;            // [rows]; null: not stored
  float* inv_std = nullptr;         // [rows]: 1 / sqrt(variance + epsilon); null: not stored
  int64_t cols = 0;
  float epsilon = 0;
};

struct NormKernels {
  // y = (x - mean) / sqrt(variance + epsilon) * scale + bias for rows [first, last).
  void (*layer_norm)(const NormRows& args, int64_t first, int64_t last);
  // y = x / sqrt(mean(x^2) + epsilon) * scale + bias for rows [first, last).
  void (*rms_norm)(const NormRows& args, int64_t first, int64_t last);
};

const NormKernels& norm_kernels(Tier tier);

}  // namespace sardonyx
