// gemm_split: products of f32 by the tiles of AMX, which multiply bf16. A number of f32 has 24
// significant bits and is, exactly, the sum of three numbers of bf16, each what is left rounded to
// nearest: x = x1 + x2 + x3, |x2| <= 2^-8 |x|, |x3| <= 2^-16 |x|. Of the nine products of the parts
// of a and b the six of i + j <= 4 are summed, in f32; the others are below 2^-23 |a b| together.
// Steps of 32 products are summed by themselves before they are added to a sum, which rounds less
// often than a chain of multiply-adds does. (Henry, Tang and Heinecke, "Leveraging the bfloat16
// Artificial Intelligence Datatype For Higher-Precision Computations", ARITH 2019.)
//
// Parts below 2^-126 are zero, as numbers below it are to threads that flush them: it is as if the
// numbers had been 2^-125 beside themselves. What is infinite, no number or above the largest of
// bf16 has no such parts; who splits says so, and its products are to be had otherwise.
// Entry points: split_kernels, split_space; the loop around them is in cpu/gemm_block.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sardonyx {

inline constexpr int64_t kSplitParts = 3;
inline constexpr int64_t kSplitStep = 32;  // elements of k at once
inline constexpr int64_t kSplitRows = 32;  // most rows of a strip: two tiles below one another
inline constexpr int64_t kSplitCols = 32;  // of a panel: two tiles side by side
inline constexpr int64_t kSplitLine = 32;  // elements of bf16 of a row of a tile

// Rows of A of a strip that become parts, some pairs of 16 elements at a time. Row r is in
// segments: segments[s * stride + r], each of `depth` elements; its parts of step i lie at dst + i
// * step + r * parts * 32.
struct SplitRows {
  const float* const* segments = nullptr;
  int64_t stride = 0;
  int64_t count = 0;
  int64_t depth = 0;
  int64_t rows = 0;
  uint16_t* dst = nullptr;
  int64_t step = 0;
  bool* whole = nullptr;    // [rows], told whether the row has a number without parts
  float* joined = nullptr;  // [count * depth], where segments are not whole steps

  int64_t row = 0, segment = 0;  // at hand
  const float* src = nullptr;
  uint16_t* to = nullptr;
  int64_t left = 0;  // of the segment
  alignas(64) float leftover[16] = {};

  bool done() const { return row >= rows; }
  int64_t pairs() const { return rows * ((count * depth + kSplitStep - 1) / kSplitStep); }
};

// Rows of a packed panel that become parts, in pairs of vectors below one another.
struct SplitPanel {
  SplitPanel() = default;
  // `depth` rows of `vectors` times 16 columns, which become [steps][16][parts][vectors][32].
  SplitPanel(const float* b, int64_t depth, int64_t vectors, uint16_t* dst)
      : src(b),
        dst(dst),
        left(depth),
        pairs((depth + kSplitStep - 1) / kSplitStep * kSplitStep / 2 * vectors),
        vectors(vectors) {}

  const float* src = nullptr;
  uint16_t* dst = nullptr;
  int64_t left = 0;   // rows of src from the present ones on; below them are zeros
  int64_t pairs = 0;  // to be done, zeros among them
  int64_t vectors = 0;
  bool has_parts = true;  // of all that is done: that every number had
};

// sums[rows, cols] = from + A * B for a strip of rows and a panel.
struct SplitTile {
  const uint16_t* a =
      nullptr;         // [steps][rows][parts][32], or more rows of which these are the first
  int64_t a_step = 0;  // elements from step to step
  const uint16_t* b = nullptr;  // [steps][16][parts][vectors][32]
  int64_t steps = 0;
  const float* from = nullptr;  // null: zeros
  int64_t from_ld = 0;
  float* sums = nullptr;
  int64_t sums_ld = 0;
  // Called after each of the six products of a step, four times as long as a tile's: what vectors
  // do within some 60 cycles costs no time. Must not touch tiles.
  void (*meanwhile)(void* context) = nullptr;
  void* context = nullptr;
};

struct SplitKernels {
  // On the thread, before it multiplies strips of that size, at most 32 x 32, and when it is done.
  void (*configure)(int64_t rows, int64_t cols) = nullptr;
  void (*release)() = nullptr;
  void (*multiply)(const SplitTile& tile, int64_t rows, int64_t cols) = nullptr;

  // At most `pairs` of what is left.
  void (*split_rows)(SplitRows& rows, int64_t pairs) = nullptr;
  void (*split_panel)(SplitPanel& panel, int64_t pairs) = nullptr;
};

// For machines with AMX; null in a build for other processors.
const SplitKernels* split_kernels();

// Memory of this thread, at least `elements` of bf16, 64-byte aligned, undefined; null where it
// cannot be had.
uint16_t* split_space(size_t elements);

}  // namespace sardonyx
