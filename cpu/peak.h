// Loops that do nothing but what the processor does best: multiply-adds in registers, reads in
// order. Timing them gives the ceilings of the roofline. Entry point: peak_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

struct PeakKernels {
  // `rounds` times a fixed number of independent multiply-adds; returns their number. *sink keeps
  // the compiler from leaving them out.
  int64_t (*multiply_add)(int64_t rounds, float* sink);
  // Reads [data, data + count) in order; returns the sum. count is a multiple of 1024.
  float (*read)(const float* data, int64_t count);
};

const PeakKernels& peak_kernels(Tier tier);

}  // namespace sardonyx
