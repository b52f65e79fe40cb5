// f32 loops of normalisations over channels, per tier. Entry point: norm_loops(tier).
#pragma once

#include <cstddef>

#include "cpu/tier.h"

namespace sardonyx {

struct NormLoops {
  // sum of (src[i] - mean)^2
  float (*squared_distance)(const float* src, size_t count, float mean);
  // dst[i] = (src[i] - center) * factor + offset; dst may be src
  void (*scale)(const float* src, float* dst, size_t count, float center, float factor,
                float offset);
  // The same with arrays of count centers, factors and offsets.
  void (*scale_each)(const float* src, float* dst, size_t count, const float* centers,
                     const float* factors, const float* offsets);
};

const NormLoops& norm_loops(Tier tier);

}  // namespace sardonyx
