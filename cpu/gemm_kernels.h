// GemmKernels: the register tile of matrix products, C[rows, cols] (+)= A * B, and what packs B for
// it. Rows of A are given by pointers, in segments, so that the same tile computes a matrix product
// (one segment) and a convolution (one segment per kernel tap, indirect). Entry points:
// gemm_kernels<float>(tier), gemm_kernels<double>(tier); the loops around them are in
// cpu/gemm_block.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/epilogue.h"
#include "cpu/gemm_split.h"
#include "cpu/tier.h"

namespace sardonyx {

// Every element is one chain of multiply-adds over a chunk of k, in order, whatever the tile: the
// bits of C do not depend on how it was cut into tiles or tasks.
template <class T>
struct GemmTile {
  const T* const* rows = nullptr;  // rows[segment * row_stride + row]: first of `depth` elements
  int64_t row_stride = 0;
  // Or null: empty[tile * segments + segment] is not 0 where all rows of a segment are zeros.
  const uint8_t* empty = nullptr;
  const T* packed_a = nullptr;  // packed tiles: instead of rows, from pack_a
  int64_t packed_depth = 0;     // k of what is packed, of which a tile is `depth` elements
  int64_t tiles = 1;            // below one another, each of the function's number of rows
  int64_t segments = 0;
  int64_t depth = 0;
  const T* b = nullptr;            // the panel, packed; wide tiles: or where it lies
  int64_t b_stride = 0;            // wide tiles: from one k to the next
  int64_t panel_stride = 0;        // wide tiles: from one panel to the next
  const char* prefetch = nullptr;  // read soon; from k to k + 1 it moves by prefetch_step bytes
  int64_t prefetch_step = 0;
  const T* from = nullptr;  // the sums of earlier chunks, rows from_ld apart; null: there are none
  int64_t from_ld = 0;
  T* c = nullptr;
  int64_t ldc = 0;
  int64_t cols = 0;     // at most panel_cols; wide tiles: exactly their panels
  bool finish = false;  // the last chunk of k, where the sums are not all: what follows is applied
  T alpha = 1;
  const T* bias = nullptr;  // at the first column
  const T* residual = nullptr;
  int64_t residual_ld = 0;
  bool residual_after = false;
  T low = 0, high = 0;  // the result is clipped to [low, high]
};

inline constexpr int kMaxTileRows = 12;
inline constexpr int kMaxWideRows = 3;

template <class T>
struct GemmKernels {
  using Tile = void (*)(const GemmTile<T>& tile);

  int tile_rows = 0;                 // most rows of a tile
  int lanes = 0;                     // elements of a vector
  int panel_cols = 0;                // columns of a panel: two vectors
  Tile tile[kMaxTileRows + 1] = {};  // by rows, from 1
  // Tiles of few rows over several panels at once; wide_panels[r] is 0 where there is none.
  Tile wide[kMaxWideRows + 1] = {};
  int wide_panels[kMaxWideRows + 1] = {};
  Tile wide_one[kMaxWideRows + 1] = {};  // the same over one panel; null where that does not pay

  // What multiplies large products instead, where the tier has it; f32 alone.
  const SplitKernels* split = nullptr;

  // Whole panels by rows that were packed; null where that does not pay.
  Tile packed_tile[kMaxTileRows + 1] = {};

  // Interleaves `rows` rows of A: dst[k * rows + r] = src[r * ld + k]. readable_rows of them, and
  // no fewer than rows, may be read.
  void (*pack_a)(const T* src, int64_t ld, int64_t rows, int64_t readable_rows, int64_t depth,
                 T* dst) = nullptr;

  // Packs columns [0, cols) of one panel, cols <= panel_cols: dst[k * width + col], zero beyond
  // cols, with width = cols rounded up to whole vectors. pack_rows takes B as rows of k
  // (src[k * ld + col]), pack_cols takes its transpose (src[col * ld + k]).
  void (*pack_rows)(const T* src, int64_t ld, int64_t depth, int64_t cols, T* dst) = nullptr;
  void (*pack_cols)(const T* src, int64_t ld, int64_t depth, int64_t cols, T* dst) = nullptr;

  // c = what `tile` says becomes of sums [rows, panel_cols], 64-byte aligned; c may be sums.
  void (*finish)(const GemmTile<T>& tile, const T* sums, int rows) = nullptr;

  // c = activation(src) (+ residual after it); src may be c.
  void (*activate)(Activation activation, T p0, T p1, const T* src, int64_t src_ld,
                   const T* residual, int64_t residual_ld, T* c, int64_t ldc, int64_t rows,
                   int64_t cols) = nullptr;
};

template <class T>
const GemmKernels<T>& gemm_kernels(Tier tier);
template <>
const GemmKernels<float>& gemm_kernels<float>(Tier tier);
template <>
const GemmKernels<double>& gemm_kernels<double>(Tier tier);

}  // namespace sardonyx
