// bf16 products by AMX: 2 x 2 tiles of sums, of 16 x 16 each, from 2 tiles of A and 2 of B.
#include "cpu/gemm_bf16_kernels.h"

#ifdef SARDONYX_BF16_X86
#include "cpu/amx.h"

namespace sardonyx {
namespace {

constexpr int64_t kTile = kTileRowsBf16 * kStepBf16;  // elements of a tile

SARDONYX_AMX void multiply(const TileBf16& t) {
  const char* ahead = t.ahead;
  const int64_t lines = t.ahead_lines;
  const uint16_t* a = t.a;
  const uint16_t* b = t.b;
  constexpr int64_t kSumBytes = kPanelBf16 * sizeof(float);
  _tile_zero(0);
  _tile_zero(1);
  if (t.row_tiles == 1) {
    for (int64_t s = t.steps; s > 0; --s, a += kTile, b += 2 * kTile) {
      for (int64_t i = 0; i < lines; ++i, ahead += 64) _mm_prefetch(ahead, _MM_HINT_T1);
      _tile_loadd(4, a, 64);
      _tile_loadd(6, b, 128);
      _tile_loadd(7, b + 32, 128);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
    }
  } else {
    const uint16_t* below = a + t.steps * kTile;
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t s = t.steps; s > 0; --s, a += kTile, below += kTile, b += 2 * kTile) {
      for (int64_t i = 0; i < lines; ++i, ahead += 64) _mm_prefetch(ahead, _MM_HINT_T1);
      _tile_loadd(6, b, 128);
      _tile_loadd(4, a, 64);
      _tile_loadd(7, b + 32, 128);
      _tile_loadd(5, below, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(2, t.sums + 16 * kPanelBf16, kSumBytes);
    _tile_stored(3, t.sums + 16 * kPanelBf16 + 16, kSumBytes);
  }
  _tile_stored(0, t.sums, kSumBytes);
  _tile_stored(1, t.sums + 16, kSumBytes);
}

}  // namespace

const Bf16Kernels kBf16Tiles = {begin_tiles, end_tiles, multiply};

}  // namespace sardonyx
#endif
