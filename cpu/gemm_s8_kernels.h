// GemmS8Kernels: the register tile of 8-bit products. Stored elements of A are unsigned, those of B
// signed: an operand of the other kind is shifted by 128, and so is its zero point.
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

enum class ResultS8 : uint8_t { kInt32, kFloat32, kUint8, kInt8 };

// sum - rows[r] * cols[c] - ... + add[c], then as ResultS8 says: scaled and biased, clipped to
// [low, high], rounded to nearest even and shifted by zero. Arrays start at the tile's first row
// or column; those by column are readable in whole vectors.
struct FinishS8 {
  struct Product {
    const int32_t* rows = nullptr;  // null: none
    const int32_t* cols = nullptr;
  };
  Product minus[2];
  ResultS8 result = ResultS8::kInt32;
  const int32_t* add = nullptr;  // null: 0
  const float* scale = nullptr;
  const float* bias = nullptr;  // null: 0
  float low = 0, high = 0;
  int32_t zero = 0;
  void* dst = nullptr;
  int64_t ld = 0;  // elements
};

struct GemmS8Tile {
  const uint8_t* const* rows = nullptr;  // rows[segment * row_stride + row]
  int64_t row_stride = 0;
  int64_t segments = 0;
  int64_t groups = 0;         // of 4 elements, in each segment
  const int8_t* b = nullptr;  // [segments][groups][width][4]
  int64_t cols = 0;
  bool is_signed = false;  // A
  // Kernels that order groups: see GemmS8Kernels::orders_groups.
  const uint32_t* order = nullptr;
  int64_t twos = 0, ones = 0, turned = 0;
  // Fetching tiles: what is read soon; from group to group it moves by prefetch_step bytes.
  const char* prefetch = nullptr;
  int64_t prefetch_step = 0;
  FinishS8 finish;
};

// ---- Larger tiles (AMX): rows of A are copied together first, and sums go through memory.

inline constexpr int64_t kTileRowsS8 = 16;
inline constexpr int64_t kTileBytesS8 = 64;  // of a row of A to a step

struct RowsS8 {
  const uint8_t* const* rows = nullptr;  // rows[segment * row_stride + row]
  int64_t row_stride = 0;
  int64_t count = 0;  // at most kTileRowsS8
  int64_t segments = 0;
  int64_t bytes = 0;  // of each segment
  bool is_signed = false;
};

struct ProductS8 {
  const uint8_t* a = nullptr;  // [row_tiles][steps][16][64], zeros where k ends
  const int8_t* b = nullptr;   // as in GemmS8Tile, readable to whole steps
  int64_t steps = 0;
  int row_tiles = 1;        // at most 2
  int vectors = 1;          // of columns, at most 2
  int32_t* sums = nullptr;  // [row_tiles][16][vectors * 16]
};

struct TilesS8 {
  void (*begin)() = nullptr;  // on each thread before, and after, it multiplies
  void (*end)() = nullptr;
  void (*pack_rows)(const RowsS8& rows, uint8_t* dst) = nullptr;
  void (*multiply)(const ProductS8& product) = nullptr;
};

inline constexpr int kMaxTileRowsS8 = 12;

// The orders of four elements that make different pairs.
inline constexpr uint32_t kTurnCountS8 = 3;
inline constexpr uint8_t kTurnsS8[kTurnCountS8][4] = {{0, 1, 2, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}};
inline constexpr int kTurnShiftS8 = 30;  // of GemmS8Tile::order

struct GemmS8Kernels {
  using Tile = void (*)(const GemmS8Tile& tile);
  int tile_rows = 0;
  int lanes = 0;
  int panel_cols = 0;
  // By whether elements of A are signed, and rows.
  Tile tile[2][kMaxTileRowsS8 + 1] = {};
  // The same for whole panels while what GemmS8Tile::prefetch says is fetched; null where that does
  // not pay.
  Tile fetching_tile[2][kMaxTileRowsS8 + 1] = {};
  // Where there is no instruction for four products, groups of four are ordered panel by panel by
  // how many of their products add up in 16 bits (`fit`): first `twos` times two of them that fit
  // together, then `ones` that fit alone, then `turned` ones that fit if other elements make pairs
  // (kTurnsS8), then the others. B lies in that order, and GemmS8Tile::order says which group of A
  // each is, and in its upper bits how it is turned. Rows of A are unsigned and of one segment.
  bool orders_groups = false;
  // Whether products of the elements of a group, turned so, and of one more where it is not null,
  // by any unsigned bytes fit 16 bits, added two by two.
  bool (*fit)(const int8_t* group, uint32_t turn, const int8_t* more, int64_t bytes) = nullptr;
  // Copies bytes (a multiple of 4), shifted to unsigned where they are signed.
  void (*copy_unsigned)(const uint8_t* src, int64_t bytes, bool is_signed, uint8_t* dst) = nullptr;
  const TilesS8* tiles = nullptr;  // in place of `tile`
  // What becomes of sums in memory, `vectors` to a row.
  void (*finish)(const FinishS8& finish, const int32_t* sums, int64_t rows, int64_t vectors,
                 int64_t cols) = nullptr;
  // Sums of stored elements: of `count` bytes, signed ones shifted by 128.
  int32_t (*row_sum)(const uint8_t* row, int64_t count, bool is_signed) = nullptr;
};

// What all kernels of a tier have in common: lanes, panel_cols.
const GemmS8Kernels& gemm_s8_kernels(Tier tier);
// The kernels for a sum over k = segments * depth.
const GemmS8Kernels& gemm_s8_kernels(Tier tier, int64_t segments, int64_t depth);

#if defined(__x86_64__) && defined(__GNUC__)
#define SARDONYX_S8_AMX 1
extern const TilesS8 kTilesS8;  // cpu/gemm_s8_amx.cc
#endif

}  // namespace sardonyx
