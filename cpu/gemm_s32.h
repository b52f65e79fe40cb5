// gemm_s32: products of 8-bit matrices less their zero points, exact in int32 (modulo 2^32, as the
// specification's int32 output is). Both operands are widened to 16 bits, less the zero points, and
// multiplied in pairs along k. Entry points: pack_b_s32, gemm_s32, conv_s32.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/tier.h"

namespace sardonyx {

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

// int16 elements of packed B[k, n].
int64_t packed_b_s32_count(Tier tier, int64_t k, int64_t n);
// Packs B[k, n] with rows ldb apart, or with trans_b its transpose [n, k].
void pack_b_s32(Tier tier, const BytesMatrix& b, int64_t ldb, bool trans_b, int64_t k, int64_t n,
                int16_t* dst);

struct GemmS32Args {
  int64_t m = 0, n = 0, k = 0;
  BytesMatrix a;  // [m, k], rows lda apart
  int64_t lda = 0;
  const int16_t* packed_b = nullptr;
  int32_t* c = nullptr;  // [m, n], rows ldc apart
  int64_t ldc = 0;
  // Called on finished blocks while they are in the first cache: to quantize them, for instance.
  EpilogueFn<int32_t> fn = nullptr;
  void* context = nullptr;
};

size_t gemm_s32_workspace_bytes(Tier tier, const GemmS32Args& args, int threads);
void gemm_s32(Tier tier, const GemmS32Args& args, void* workspace, ThreadPool& pool);

// Convolution of channels-last 8-bit tensors. Weights [out_channels, in_channels / groups,
// kernel...] with one zero point or one per output channel; pixels in the padding count as the
// input's zero point. fn and context as in GemmS32Args; rows are output pixels.
int64_t conv_s32_packed_count(Tier tier, const ConvShape& shape);
void conv_s32_pack(Tier tier, const ConvShape& shape, const BytesMatrix& weights, int16_t* dst);
size_t conv_s32_workspace_bytes(Tier tier, const ConvShape& shape, int threads);
void conv_s32(Tier tier, const ConvShape& shape, const BytesMatrix& src, const int16_t* packed,
              int32_t* dst, EpilogueFn<int32_t> fn, void* context, void* workspace,
              ThreadPool& pool);

// The register tile: C[rows, cols] = A * B over `pairs` pairs of k. Row r of A is at a + r * lda.
struct GemmS32Tile {
  const int16_t* a = nullptr;
  int64_t lda = 0;
  const int16_t* b = nullptr;  // [pairs][width][2]
  int64_t pairs = 0;
  int32_t* c = nullptr;
  int64_t ldc = 0;
  int64_t cols = 0;
};
struct GemmS32Kernels {
  int tile_rows = 0;
  int lanes = 0;
  int panel_cols = 0;
  void (*tile[kMaxTileRows + 1])(const GemmS32Tile& tile) = {};
};
const GemmS32Kernels& gemm_s32_kernels(Tier tier);

}  // namespace sardonyx
