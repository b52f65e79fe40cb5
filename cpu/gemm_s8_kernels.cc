// The register tile of 8-bit products: four elements of a row of A, broadcast, times vectors of B.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_s8_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <cstring>

#include "cpu/byte_dot.h"
#include "cpu/finish_s8-inl.h"
#include "cpu/gemm_s8_kernels.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

// 12 x 2 accumulators, 2 vectors of B and 1 of A fit 32 registers; 4 x 2 leave 16 room for both
// halves of A and B.
constexpr int kTileRows = (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON) ? 12 : 4;

template <int kRows, int kVectors>
HWY_INLINE void finish_tile(const GemmS8Tile& t, const V32 (&sum)[kRows][kVectors]) {
  const FinishS8& f = t.finish;
  if (HWY_LIKELY(gives_bytes(f) && f.minus[0].rows == nullptr && f.minus[1].rows == nullptr)) {
    const FinishBytes finish(f);
    const int64_t cols = t.cols;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const FinishBytes::Column at = finish.column(v * kLanesS8);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        finish.store(sum[r][v], at, r, v * kLanesS8, cols - v * kLanesS8);
      }
    }
    return;
  }
  HWY_ALIGN int32_t sums[kRows * kVectors * kLanesS8];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      hn::Store(sum[r][v], D32(), sums + (r * kVectors + v) * kLanesS8);
    }
  }
  finish_rows(f, sums, kRows, kVectors, t.cols);
}

void finish_sums(const FinishS8& f, const int32_t* sums, int64_t rows, int64_t vectors,
                 int64_t cols) {
  if (!gives_bytes(f) || f.minus[0].rows != nullptr || f.minus[1].rows != nullptr) {
    return finish_rows(f, sums, rows, vectors, cols);
  }
  const FinishBytes finish(f);
  for (int64_t v = 0; v < vectors; ++v) {
    const FinishBytes::Column at = finish.column(v * kLanesS8);
    const int32_t* column = sums + v * kLanesS8;
    for (int64_t r = 0; r < rows; ++r, column += vectors * kLanesS8) {
      finish.store(hn::LoadU(D32(), column), at, r, v * kLanesS8, cols - v * kLanesS8);
    }
  }
}

// kSigned: elements of A are. Without the instruction it is read from the tile, which costs little
// there and saves as many functions again.
template <bool kDot, bool kSigned, int kRows, int kVectors, bool kFetch>
HWY_INLINE void compute(const GemmS8Tile& t) {
  const D32 d;
  V32 sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const bool shifts = kSigned || (!kDot && t.is_signed);
  const V32 shift = hn::Set(d, static_cast<int32_t>(shifts ? 0x80808080u : 0));
  const int8_t* b = t.b;
  const uint8_t* const* rows = t.rows;
  const int64_t depth = 4 * t.groups;
  const int64_t row_stride = t.row_stride;
  const char* ahead = t.prefetch;
  const int64_t ahead_step = t.prefetch_step;
  for (int64_t segment = t.segments; segment > 0; --segment, rows += row_stride) {
    const uint8_t* a[kRows];  // past the end, so that the index counts up to zero
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) a[r] = rows[r] + depth;
    for (int64_t k = -depth; k != 0; k += 4, b += 4 * kVectors * kLanesS8) {
      if constexpr (kFetch) {
        __builtin_prefetch(ahead, 0, 2);
        ahead += ahead_step;
      }
      const hn::Repartition<int8_t, D32> d8;
      const BytesB<kDot> first(hn::BitCast(d, hn::LoadU(d8, b)));
      const BytesB<kDot> second(
          hn::BitCast(d, hn::LoadU(d8, b + (kVectors > 1 ? 4 * kLanesS8 : 0))));
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        int32_t four;
        std::memcpy(&four, a[r] + k, sizeof(four));
        V32 row = hn::Set(d, four);
        if constexpr (kSigned || !kDot) row = hn::Xor(row, shift);
        const BytesA<kDot> bytes(row);
        sum[r][0] = add_dot(bytes, first, sum[r][0]);
        if constexpr (kVectors > 1) sum[r][1] = add_dot(bytes, second, sum[r][1]);
      }
    }
  }
  finish_tile<kRows, kVectors>(t, sum);
}

template <bool kDot, bool kSigned, int kRows>
void tile(const GemmS8Tile& t) {
  if (t.cols > kLanesS8) {
    compute<kDot, kSigned, kRows, 2, false>(t);
  } else {
    compute<kDot, kSigned, kRows, 1, false>(t);
  }
}

// Of a whole panel.
template <bool kDot, bool kSigned, int kRows>
void fetching_tile(const GemmS8Tile& t) {
  compute<kDot, kSigned, kRows, 2, true>(t);
}

template <bool kDot>
int32_t row_sum(const uint8_t* row, int64_t count, bool is_signed) {
  const D32 d;
  const hn::Repartition<uint8_t, D32> d8;
  const uint8_t shift = is_signed ? 0x80 : 0;
  const auto shifts = hn::Set(d8, shift);
  const BytesB<kDot> ones(hn::Set(d, 0x01010101));
  V32 sums = hn::Zero(d);
  int64_t i = 0;
  for (; i + 4 * kLanesS8 <= count; i += 4 * kLanesS8) {
    const auto bytes = hn::Xor(hn::LoadU(d8, row + i), shifts);
    sums = add_dot(BytesA<kDot>(hn::BitCast(d, bytes)), ones, sums);
  }
  int32_t sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < count; ++i) sum += static_cast<uint8_t>(row[i] ^ shift);
  return sum;
}

template <bool kDot, bool kSigned>
constexpr void fill_tiles(GemmS8Kernels::Tile* to) {
  to[1] = tile<kDot, kSigned, 1>;
  to[2] = tile<kDot, kSigned, 2>;
  to[3] = tile<kDot, kSigned, 3>;
  to[4] = tile<kDot, kSigned, 4>;
  if constexpr (kTileRows == 12) {
    to[5] = tile<kDot, kSigned, 5>;
    to[6] = tile<kDot, kSigned, 6>;
    to[7] = tile<kDot, kSigned, 7>;
    to[8] = tile<kDot, kSigned, 8>;
    to[9] = tile<kDot, kSigned, 9>;
    to[10] = tile<kDot, kSigned, 10>;
    to[11] = tile<kDot, kSigned, 11>;
    to[12] = tile<kDot, kSigned, 12>;
  }
}

template <bool kDot, bool kSigned>
constexpr void fill_fetching_tiles(GemmS8Kernels::Tile* to) {
  if constexpr (kDot && kTileRows == 12) {
    to[9] = fetching_tile<kDot, kSigned, 9>;
    to[10] = fetching_tile<kDot, kSigned, 10>;
    to[11] = fetching_tile<kDot, kSigned, 11>;
    to[12] = fetching_tile<kDot, kSigned, 12>;
  }
}

template <bool kDot>
constexpr GemmS8Kernels make_kernels() {
  GemmS8Kernels kernels;
  kernels.tile_rows = kTileRows;
  kernels.lanes = static_cast<int>(kLanesS8);
  kernels.panel_cols = 2 * static_cast<int>(kLanesS8);
  fill_tiles<kDot, false>(kernels.tile[false]);
  fill_tiles<kDot, kDot>(kernels.tile[true]);
  fill_fetching_tiles<kDot, false>(kernels.fetching_tile[false]);
  fill_fetching_tiles<kDot, kDot>(kernels.fetching_tile[true]);
  kernels.finish = finish_sums;
  kernels.row_sum = row_sum<kDot>;
  return kernels;
}

}  // namespace

extern const GemmS8Kernels kGemmS8;
constexpr GemmS8Kernels kGemmS8 = make_kernels<false>();
extern const GemmS8Kernels kGemmS8Dot;
constexpr GemmS8Kernels kGemmS8Dot = make_kernels<kMayDot>();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(gemm_s8_plain_kernels, GemmS8Kernels, kGemmS8)
SARDONYX_TIER_TABLE(gemm_s8_dot_kernels, GemmS8Kernels, kGemmS8Dot)

namespace sardonyx {

const GemmS8Kernels& gemm_s8_kernels(Tier tier, int64_t segments, int64_t depth) {
#ifdef SARDONYX_S8_AMX
  constexpr int64_t kWorthCopying = 32;  // elements of k
  if (has_amx(tier) && segments * depth >= kWorthCopying) {
    static const GemmS8Kernels kernels = [] {
      GemmS8Kernels tiled = gemm_s8_dot_kernels(Tier::kAmx);
      tiled.tile_rows = 2 * kTileRowsS8;
      tiled.tiles = &kTilesS8;
      return tiled;
    }();
    return kernels;
  }
#endif
  (void)segments;
  (void)depth;
  return gemm_s8_kernels(tier);
}

const GemmS8Kernels& gemm_s8_kernels(Tier tier) {
  const bool dot = has_byte_dot(tier);
  return dot ? gemm_s8_dot_kernels(tier) : gemm_s8_plain_kernels(tier);
}

}  // namespace sardonyx
#endif
