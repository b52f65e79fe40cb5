// What the reductions share: their axes, from an input or an attribute, and their shapes.
#pragma once

#include <vector>

#include "ops/op.h"

namespace sardonyx {

// The axes of ReduceX: input 1 when present and not empty, else all, or none where
// noop_with_empty_axes is set; in [0, rank). The rule has checked them.
std::vector<int64_t> reduce_axes(const TensorView* axes, bool noop_when_empty, int64_t rank);

// One set of loops over f32: of runs of elements, and of rows into accumulators.
struct ReduceLoops {
  // The reduction of count elements that lie end to end.
  float (*run)(const float* src, size_t count);
  // sums[c] = sums[c] op src[c]
  void (*add_row)(const float* src, size_t count, float* sums);
  // The reduction of each of `count` rows of 2 to kMostOfShortRow elements that lie end to end;
  // null where a tier has none.
  void (*short_rows)(const float* src, int64_t width, size_t count, float* totals);
};
inline constexpr int64_t kMostOfShortRow = 4;
enum class ReduceKind : uint8_t { kSum, kAbs, kSquare, kMax, kMin };
inline constexpr size_t kReduceKinds = 5;
struct ReduceTable {
  ReduceLoops loops[kReduceKinds];
};
const ReduceTable& reduce_table(Tier tier);

}  // namespace sardonyx
