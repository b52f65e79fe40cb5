// 8-bit products by AMX: 2 x 2 tiles of sums, of 16 x 16 each, from tiles of 16 rows of 64 bytes of
// A, copied together, and tiles of 64 rows of 16 columns of B, as they are packed for everybody.
#include "cpu/gemm_s8_kernels.h"

#ifdef SARDONYX_S8_AMX
#include <algorithm>

#include "cpu/amx.h"

namespace sardonyx {
namespace {

constexpr int64_t kStep = kTileBytesS8;
constexpr int64_t kTile = kTileRowsS8 * kStep;

template <int kRowTiles, int kVectors>
SARDONYX_AMX inline void multiply_tiles(const ProductS8& p) {
  constexpr bool kBelow = kRowTiles > 1, kBeside = kVectors > 1;
  constexpr int64_t kColBytes = int64_t{kVectors} * 64;  // of four rows of B, of a row of sums
  const uint8_t* a = p.a;
  const uint8_t* below = a + p.steps * kTile;
  const int8_t* b = p.b;
  _tile_zero(0);
  if (kBeside) _tile_zero(1);
  if (kBelow) _tile_zero(2);
  if (kBelow && kBeside) _tile_zero(3);
  for (int64_t s = p.steps; s > 0; --s, a += kTile, below += kTile, b += 16 * kColBytes) {
    _tile_loadd(6, b, kColBytes);
    _tile_loadd(4, a, kStep);
    if (kBeside) _tile_loadd(7, b + 64, kColBytes);
    if (kBelow) _tile_loadd(5, below, kStep);
    _tile_dpbusd(0, 4, 6);
    if (kBeside) _tile_dpbusd(1, 4, 7);
    if (kBelow) _tile_dpbusd(2, 5, 6);
    if (kBelow && kBeside) _tile_dpbusd(3, 5, 7);
  }
  int32_t* sums = p.sums;
  constexpr int64_t kNext = 16 * kVectors * 16;
  _tile_stored(0, sums, kColBytes);
  if (kBeside) _tile_stored(1, sums + 16, kColBytes);
  if (kBelow) _tile_stored(2, sums + kNext, kColBytes);
  if (kBelow && kBeside) _tile_stored(3, sums + kNext + 16, kColBytes);
}

SARDONYX_AMX void multiply(const ProductS8& p) {
  if (p.row_tiles > 1) {
    p.vectors > 1 ? multiply_tiles<2, 2>(p) : multiply_tiles<2, 1>(p);
  } else {
    p.vectors > 1 ? multiply_tiles<1, 2>(p) : multiply_tiles<1, 1>(p);
  }
}

SARDONYX_AMX inline __mmask64 first(int64_t count) {
  return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
}

// Rows of whole steps, or nearly: one segment.
SARDONYX_AMX void pack_plain_rows(const RowsS8& rows, uint8_t* dst, __m512i shift) {
  const int64_t whole = rows.bytes / kStep, left = rows.bytes % kStep;
  for (int64_t r = 0; r < rows.count; ++r) {
    const uint8_t* from = rows.rows[r];
    uint8_t* to = dst + r * kStep;
    for (int64_t s = 0; s < whole; ++s, from += kStep, to += kTile) {
      _mm512_storeu_si512(to, _mm512_xor_si512(_mm512_loadu_si512(from), shift));
    }
    if (left == 0) continue;
    const __mmask64 mask = first(left);
    const __m512i elements = _mm512_maskz_loadu_epi8(mask, from);
    _mm512_storeu_si512(to, _mm512_xor_si512(elements, _mm512_maskz_mov_epi8(mask, shift)));
  }
}

SARDONYX_AMX void pack_rows(const RowsS8& rows, uint8_t* dst) {
  const __m512i shift = _mm512_set1_epi8(static_cast<char>(rows.is_signed ? 0x80 : 0));
  if (rows.segments == 1) return pack_plain_rows(rows, dst, shift);
  const int64_t bytes = rows.segments * rows.bytes;
  if (bytes % kStep != 0) {
    uint8_t* last = dst + bytes / kStep * kTile;
    for (int64_t r = 0; r < kTileRowsS8; ++r) {
      _mm512_storeu_si512(last + r * kStep, _mm512_setzero_si512());
    }
  }
  for (int64_t r = 0; r < rows.count; ++r) {
    uint8_t* to = dst + r * kStep;  // at the step
    int64_t place = 0;              // within it
    for (int64_t s = 0; s < rows.segments; ++s) {
      const uint8_t* from = rows.rows[s * rows.row_stride + r];
      for (int64_t left = rows.bytes; left > 0;) {
        const int64_t count = std::min(left, kStep - place);
        const __mmask64 mask = first(count);
        const __m512i elements = _mm512_maskz_loadu_epi8(mask, from);
        _mm512_mask_storeu_epi8(to + place, mask, _mm512_xor_si512(elements, shift));
        from += count;
        left -= count;
        place += count;
        if (place < kStep) continue;
        place = 0;
        to += kTile;
      }
    }
  }
}

}  // namespace

const TilesS8 kTilesS8 = {begin_tiles, end_tiles, pack_rows, multiply};

}  // namespace sardonyx
#endif
