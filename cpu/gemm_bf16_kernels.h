// What the files of one instruction set give to cpu/gemm_bf16.cc. Only called where the processor
// has that instruction set.
#pragma once

#include "cpu/gemm_bf16.h"

namespace sardonyx {

// Rows of A of one row tile: `segments` times `depth` numbers at pointers[segment * row_stride +
// row] are elements k and following.
struct RowsBf16 {
  const float* const* pointers = nullptr;
  int64_t row_stride = 0;
  int64_t rows = 0;
  int64_t segments = 0, depth = 0;
  int64_t k = 0;
};

}  // namespace sardonyx

#if defined(__x86_64__) && defined(__GNUC__)
#define SARDONYX_BF16_X86 1

namespace sardonyx {

// AVX-512 BF16: cpu/gemm_bf16_avx512.cc.
extern const Bf16Kernels kBf16Dots;
// Rounds `rows` rows of A to one row tile; rows that are left are zeros.
void pack_a_tile_bf16(const float* a, int64_t lda, int64_t rows, int64_t k, uint16_t* dst);
// Rounds them to their places in the tile.
void pack_a_segments_bf16(const RowsBf16& rows, uint16_t* dst);
// Rounds `cols` columns of B to one panel; columns that are left are zeros.
void pack_b_panel_bf16(const float* b, int64_t ldb, bool trans_b, int64_t k, int64_t cols,
                       uint16_t* dst);

// AMX: cpu/gemm_bf16_amx.cc.
extern const Bf16Kernels kBf16Tiles;

}  // namespace sardonyx
#endif
