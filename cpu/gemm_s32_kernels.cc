// The register tile of integer products: pairs of 16-bit elements of A, broadcast, times pairs of
// B.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_s32_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <cstring>

#include "cpu/gemm_s32.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<int32_t>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));
constexpr int kTileRows = (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON) ? 12 : 6;

// sum + a.even * b.even + a.odd * b.odd, per 32-bit lane of pairs.
HWY_INLINE V add_pairs(V a, V b, V sum) {
#if HWY_ARCH_X86
  const hn::Repartition<int16_t, D> d16;
  V unused = sum;
  return hn::ReorderWidenMulAccumulate(D(), hn::BitCast(d16, a), hn::BitCast(d16, b), sum, unused);
#else
  const V even =
      hn::Mul(hn::ShiftRight<16>(hn::ShiftLeft<16>(a)), hn::ShiftRight<16>(hn::ShiftLeft<16>(b)));
  return hn::Add(sum, hn::Add(even, hn::Mul(hn::ShiftRight<16>(a), hn::ShiftRight<16>(b))));
#endif
}

template <int kRows, int kVectors>
HWY_INLINE void compute(const GemmS32Tile& t) {
  const D d;
  V sum[kRows][kVectors];
  const int16_t* a[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    a[r] = t.a + r * t.lda;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const int16_t* b = t.b;
  for (int64_t k = 0; k < 2 * t.pairs; k += 2, b += 2 * kVectors * kLanes) {
    V column[kVectors];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      column[v] = hn::BitCast(d, hn::LoadU(hn::Repartition<int16_t, D>(), b + 2 * v * kLanes));
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int32_t pair;
      std::memcpy(&pair, a[r] + k, sizeof(pair));
      const V row = hn::Set(d, pair);
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) sum[r][v] = add_pairs(row, column[v], sum[r][v]);
    }
  }
  int32_t* c = t.c;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r, c += t.ldc) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      const int64_t left = t.cols - v * kLanes;
      if (left >= kLanes) {
        hn::StoreU(sum[r][v], d, c + v * kLanes);
      } else {
        store_n(sum[r][v], d, c + v * kLanes, static_cast<size_t>(left));
      }
    }
  }
}

template <int kRows>
void tile(const GemmS32Tile& t) {
  if (t.cols > kLanes) {
    compute<kRows, 2>(t);
  } else {
    compute<kRows, 1>(t);
  }
}

constexpr GemmS32Kernels make_kernels() {
  GemmS32Kernels kernels;
  kernels.tile_rows = kTileRows;
  kernels.lanes = static_cast<int>(kLanes);
  kernels.panel_cols = 2 * static_cast<int>(kLanes);
  kernels.tile[1] = tile<1>;
  kernels.tile[2] = tile<2>;
  kernels.tile[3] = tile<3>;
  kernels.tile[4] = tile<4>;
  kernels.tile[5] = tile<5>;
  kernels.tile[6] = tile<6>;
  if constexpr (kTileRows == 12) {
    kernels.tile[7] = tile<7>;
    kernels.tile[8] = tile<8>;
    kernels.tile[9] = tile<9>;
    kernels.tile[10] = tile<10>;
    kernels.tile[11] = tile<11>;
    kernels.tile[12] = tile<12>;
  }
  return kernels;
}

}  // namespace

extern const GemmS32Kernels kGemmS32;
constexpr GemmS32Kernels kGemmS32 = make_kernels();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(gemm_s32_kernels, GemmS32Kernels, kGemmS32)
#endif
