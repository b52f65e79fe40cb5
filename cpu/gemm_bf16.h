// gemm_bf16: C = epilogue(A * B) in f32 where A and B are rounded to bf16 (to nearest even,
// denormals to zero) and products are summed in f32, in the order of k. B is packed beforehand, at
// half the size that it has in f32; A is packed by each call.
// Entry points: bf16_kernels, pack_b_bf16, gemm_bf16; gemm_bf16_blocks is for convolutions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/gemm.h"

namespace sardonyx {

inline constexpr int64_t kTileRowsBf16 = 16;
inline constexpr int64_t kStepBf16 = 32;   // elements of k that a step takes
inline constexpr int64_t kPanelBf16 = 32;  // columns

// sums[row_tiles * 16, 32] = A * B.
struct TileBf16 {
  const uint16_t* a = nullptr;  // [row_tiles][steps][16][32]
  const uint16_t* b = nullptr;  // [steps][16][32][2]: pairs along k lie together
  int64_t steps = 0;
  int row_tiles = 1;  // at most 2
  float* sums = nullptr;
  const char* ahead = nullptr;  // memory that is read soon: a number of lines for each step
  int64_t ahead_lines = 0;
};

// What multiplies on one kind of processor. Kinds may differ in the last bits.
struct Bf16Kernels {
  void (*begin)() = nullptr;  // on each thread before, and after, it multiplies
  void (*end)() = nullptr;
  void (*multiply)(const TileBf16& tile) = nullptr;
};

enum class Bf16Kind : uint8_t { kTiles, kDots };  // AMX, AVX-512 BF16

// Tasks of [rows, panels] for a sum over k.
TaskGrid bf16_grid(int64_t rows, int64_t n, int64_t k, int threads);

// Null where the tier or the machine has no such thing; `why` then says what is missing.
const Bf16Kernels* bf16_kernels(Tier tier, Bf16Kind kind, const char** why = nullptr);

// A constant matrix [k, n], rows ldb apart, or, with trans_b, [n, k].
size_t packed_b_bf16_bytes(int64_t k, int64_t n);
void pack_b_bf16(const float* b, int64_t ldb, bool trans_b, int64_t k, int64_t n, void* dst,
                 ThreadPool& pool);

// args.packed_b is null: B is what pack_b_bf16 left at packed_b. A is not transposed.
size_t gemm_bf16_workspace_bytes(const GemmArgs<float>& args);
void gemm_bf16(const Bf16Kernels& kernels, const GemmKernels<float>& finish,
               const GemmArgs<float>& args, const void* packed_b, void* workspace,
               ThreadPool& pool);

// ---- For convolutions, whose rows of A are given by pointers to f32.

// Bytes of workspace per task of gemm_bf16_blocks; depends on the sizes alone.
size_t task_bytes_bf16(int64_t k);
// As gemm_blocks in cpu/gemm.h; args.packed_b is null.
void gemm_bf16_blocks(const Bf16Kernels& kernels, const GemmKernels<float>& finish,
                      const BlockArgs<float>& args, const void* packed_b, const TaskGrid& grid,
                      int64_t task, void* workspace);

}  // namespace sardonyx
