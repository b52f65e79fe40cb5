// bf16 products by AVX-512 BF16, and the rounding of A and B for both kinds of kernels.
#include "cpu/gemm_bf16_kernels.h"

#ifdef SARDONYX_BF16_X86
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#define SARDONYX_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

namespace sardonyx {
namespace {

constexpr int64_t kTile = kTileRowsBf16 * kStepBf16;
constexpr int kRows = 8;  // 8 x 2 sums hide the latency of an instruction

SARDONYX_BF16 inline __m512bh pairs(__m512i bits) { return reinterpret_cast<__m512bh>(bits); }

SARDONYX_BF16 void multiply_rows(const TileBf16& t, const uint16_t* a, float* sums) {
  __m512 sum[kRows][2];
#pragma GCC unroll 8
  for (auto& row : sum) row[0] = row[1] = _mm512_setzero_ps();
  const uint16_t* b = t.b;
  for (int64_t s = t.steps; s > 0; --s, a += kTile) {
    for (int64_t pair = 0; pair < kStepBf16; pair += 2, b += 2 * kPanelBf16) {
      const __m512bh left = pairs(_mm512_loadu_si512(b));
      const __m512bh right = pairs(_mm512_loadu_si512(b + kPanelBf16));
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        int32_t two;
        std::memcpy(&two, a + r * kStepBf16 + pair, sizeof(two));
        const __m512bh element = pairs(_mm512_set1_epi32(two));
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], element, left);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], element, right);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(sums + r * kPanelBf16, sum[r][0]);
    _mm512_storeu_ps(sums + r * kPanelBf16 + 16, sum[r][1]);
  }
}

void multiply(const TileBf16& t) {
  for (int64_t row = 0; row < t.row_tiles * kTileRowsBf16; row += kRows) {
    const int64_t tile = row / kTileRowsBf16;
    const uint16_t* a = t.a + tile * t.steps * kTile + row % kTileRowsBf16 * kStepBf16;
    multiply_rows(t, a, t.sums + row * kPanelBf16);
  }
}

void nothing() {}

SARDONYX_BF16 inline __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

// 32 numbers of which the first `count` are there.
SARDONYX_BF16 inline __m512i round_32(const float* src, int64_t count) {
  const __m512 low = _mm512_maskz_loadu_ps(first(count), src);
  const __m512 high = _mm512_maskz_loadu_ps(first(count - 16), src + 16);
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}

// 16 numbers, each in the lower half of 32 bits.
SARDONYX_BF16 inline __m512i round_16(const float* src, int64_t count) {
  const __m512 numbers = _mm512_maskz_loadu_ps(first(count), src);
  return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(numbers)));
}

SARDONYX_BF16 void pack_rows(const float* b, int64_t ldb, int64_t k, int64_t cols, uint16_t* dst) {
  const int64_t padded = (k + kStepBf16 - 1) / kStepBf16 * kStepBf16;
  for (int64_t i = 0; i < padded; i += 2) {
    for (int64_t col = 0; col < kPanelBf16; col += 16, dst += 32) {
      __m512i both = _mm512_setzero_si512();
      if (i < k) both = round_16(b + i * ldb + col, cols - col);
      if (i + 1 < k) {
        const __m512i second = round_16(b + (i + 1) * ldb + col, cols - col);
        both = _mm512_or_si512(both, _mm512_slli_epi32(second, 16));
      }
      _mm512_storeu_si512(dst, both);
    }
  }
}

SARDONYX_BF16 void pack_cols(const float* b, int64_t ldb, int64_t k, int64_t cols, uint16_t* dst) {
  for (int64_t i = 0; i < k; i += kStepBf16, dst += kPanelBf16 * kStepBf16) {
    for (int64_t col = 0; col < kPanelBf16; ++col) {
      alignas(64) uint32_t two[16];
      const __m512i numbers =
          col < cols ? round_32(b + col * ldb + i, k - i) : _mm512_setzero_si512();
      _mm512_store_si512(two, numbers);
      for (int64_t pair = 0; pair < 16; ++pair) {
        std::memcpy(dst + 2 * (pair * kPanelBf16 + col), &two[pair], sizeof(uint32_t));
      }
    }
  }
}

}  // namespace

const Bf16Kernels kBf16Dots = {nothing, nothing, multiply};

SARDONYX_BF16 void pack_a_tile_bf16(const float* a, int64_t lda, int64_t rows, int64_t k,
                                    uint16_t* dst) {
  for (int64_t i = 0; i < k; i += kStepBf16) {
    for (int64_t r = 0; r < kTileRowsBf16; ++r, dst += kStepBf16) {
      const __m512i numbers = r < rows ? round_32(a + r * lda + i, k - i) : _mm512_setzero_si512();
      _mm512_storeu_si512(dst, numbers);
    }
  }
}

SARDONYX_BF16 void pack_a_segments_bf16(const RowsBf16& rows, uint16_t* dst) {
  for (int64_t r = 0; r < rows.rows; ++r) {
    uint16_t* to = dst + rows.k / kStepBf16 * kTile + r * kStepBf16;  // at the step
    int64_t place = rows.k % kStepBf16;                               // within it
    for (int64_t s = 0; s < rows.segments; ++s) {
      const float* from = rows.pointers[s * rows.row_stride + r];
      for (int64_t left = rows.depth; left > 0;) {
        const int64_t count = std::min(left, kStepBf16 - place);
        const auto mask = static_cast<__mmask32>((uint64_t{1} << count) - 1);
        _mm512_mask_storeu_epi16(to + place, mask, round_32(from, count));
        from += count;
        left -= count;
        place += count;
        if (place < kStepBf16) continue;
        place = 0;
        to += kTile;
      }
    }
  }
}

void pack_b_panel_bf16(const float* b, int64_t ldb, bool trans_b, int64_t k, int64_t cols,
                       uint16_t* dst) {
  trans_b ? pack_cols(b, ldb, k, cols, dst) : pack_rows(b, ldb, k, cols, dst);
}

}  // namespace sardonyx
#endif
