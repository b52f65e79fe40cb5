// gemm_s8: products of 8-bit matrices less their zero points, exact in int32 (modulo 2^32, as the
// specification's int32 output is), and what becomes of the sums: int32, scaled floats, or 8-bit
// numbers again. Rows of A are given by pointers, in segments, so that one tile computes matrix
// products and convolutions; four elements along k are one step of it.
// Without a thread pool they work on the calling thread alone.
// Entry points: pack_b_s8, gemm_s8; gemm_s8_blocks is the loop shared with convolution.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/thread_pool.h"
#include "cpu/gemm_s8_kernels.h"

namespace sardonyx {

// How many times as long the same products of f32 take; see choose_grid.
inline constexpr double kSpeedS8 = 4;

// An 8-bit matrix; zero_points has one element, or one per row of A or column of B.
struct BytesMatrix {
  const void* data = nullptr;
  bool is_signed = false;
  const int32_t* zero_points = nullptr;  // null: 0
  bool zero_point_per_line = false;

  int32_t zero_point(int64_t line) const {
    return zero_points == nullptr ? 0 : zero_points[zero_point_per_line ? line : 0];
  }
  int32_t at(int64_t index) const {
    return is_signed ? static_cast<const int8_t*>(data)[index]
                     : static_cast<const uint8_t*>(data)[index];
  }
};

// How many groups of a panel are of which kind; see GemmS8Kernels::orders_groups.
struct GroupKindsS8 {
  int32_t twos = 0, ones = 0, turned = 0;
};

// Packed B[k, n], k = segments * depth: panels of columns, and per column the sum of its elements
// less their zero point, and the zero point that is left. Per-column arrays are padded to panels.
struct PackedS8 {
  int64_t n = 0, segments = 1, depth = 0;
  const int8_t* panels = nullptr;
  const int32_t* sums = nullptr;   // [n]: of elements less zero points
  const int32_t* zeros = nullptr;  // [n]: zero points of the stored elements; null: all 0
  // Of kernels that order groups: [panels][segments * groups], and how far the kinds go in each.
  const uint32_t* order = nullptr;
  const GroupKindsS8* kinds = nullptr;

  int64_t groups() const { return (depth + 3) / 4; }
};
// n rounded up to whole panels: elements of the arrays that go with the columns.
int64_t padded_cols_s8(Tier tier, int64_t n);
size_t packed_s8_bytes(Tier tier, int64_t n, int64_t segments, int64_t depth);
// Where elements of B are: (segment, i, col) at
// b.data[segment * segment_step + i / inner * outer_step + i % inner * step + col * col_step].
struct PlacesS8 {
  int64_t segment_step = 0, step = 0, col_step = 0;
  int64_t inner = std::numeric_limits<int64_t>::max(), outer_step = 0;
};
void pack_b_s8(Tier tier, const BytesMatrix& b, const PlacesS8& places, int64_t n, int64_t segments,
               int64_t depth, void* dst, ThreadPool* pool);
// What pack_b_s8 left at `packed`.
PackedS8 packed_s8(Tier tier, const void* packed, int64_t n, int64_t segments, int64_t depth);

// What becomes of the sums. `add` and, where the result needs them, `scale` and `bias` have
// padded_cols_s8(n) elements.
struct OutputS8 {
  ResultS8 result = ResultS8::kInt32;
  const int32_t* add = nullptr;  // null: 0
  const float* scale = nullptr;
  const float* bias = nullptr;                          // kFloat32: added after scaling; null: 0
  float low = -std::numeric_limits<float>::infinity();  // bounds of the scaled sum
  float high = std::numeric_limits<float>::infinity();
  int32_t zero = 0;     // 8 bits: added after rounding, within [low, high]
  void* dst = nullptr;  // [m, n], rows ld elements apart
  int64_t ld = 0;
  // Called on finished blocks while they are in the first cache, as EpilogueFn in cpu/epilogue.h.
  void (*fn)(void* context, void* dst, int64_t ld, int64_t rows, int64_t cols, int64_t row0,
             int64_t col0) = nullptr;
  void* context = nullptr;
};
// Bounds for an 8-bit result that saturates.
void saturate_s8(OutputS8& output);
size_t result_bytes_s8(ResultS8 result);

struct GemmS8Args {
  int64_t m = 0;
  BytesMatrix a;  // [m, k], rows lda apart
  int64_t lda = 0;
  PackedS8 b;  // one segment
  OutputS8 output;
};

// For pool->threads() threads, 1 where there is no pool.
size_t gemm_s8_workspace_bytes(Tier tier, int64_t m, int64_t n, int64_t k, int threads);
void gemm_s8(Tier tier, const GemmS8Args& args, void* workspace, ThreadPool* pool);

// ---- The loop shared with convolution.

// Fills out[segment * rows + r] with the address of the first of `depth` elements of a segment of
// row `row + r`, readable up to the next multiple of 4; `scratch` is of rows * row_scratch bytes.
using FillRowsS8 = void (*)(const void* source, int64_t row, int64_t rows, const uint8_t** out,
                            uint8_t* scratch);

struct BlocksS8 {
  FillRowsS8 fill_rows = nullptr;
  const void* source = nullptr;
  int64_t row_scratch = 0;
  bool is_signed = false;  // A
  // Of A: one zero point, or one per row.
  const int32_t* zero_points = nullptr;
  bool zero_point_per_row = false;
  PackedS8 b;
  OutputS8 output;
  int64_t row0 = 0, col0 = 0;  // added to the places that output.fn is told
};

// Rows of A that are worked on at once.
int64_t block_rows_s8(Tier tier, int64_t segments, int64_t depth);
// Bytes of workspace per task of gemm_s8_blocks; depends on the sizes alone.
size_t task_bytes_s8(Tier tier, int64_t segments, int64_t depth, int64_t row_scratch);
// Rows [row, row_end) and panels [panel, panel_end). output.add covers the zero point of A where it
// is one for all: see add_zero_point_s8.
void gemm_s8_blocks(Tier tier, const BlocksS8& blocks, int64_t row, int64_t row_end, int64_t panel,
                    int64_t panel_end, void* workspace);
// dst[col] = bias[col] (null: 0) less what the zero point of A adds to each sum of the column.
void add_zero_point_s8(Tier tier, const PackedS8& b, bool a_signed, int32_t zero_point,
                       const int32_t* bias, int32_t* dst);

}  // namespace sardonyx
