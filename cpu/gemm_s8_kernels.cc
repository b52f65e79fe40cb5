// The register tile of 8-bit products: four elements of a row of A, broadcast, times vectors of B.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_s8_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <cstring>
#include <utility>

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
// Several operations for each sum: more rows would not be faster.
constexpr int kOrderingTileRows = HWY_TARGET == HWY_AVX3 ? 6 : 4;

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

#if HWY_ARCH_X86
// kTurnsS8 for all groups of a block of 16 bytes.
struct TurnPlaces {
  alignas(16) uint8_t at[kTurnCountS8][16] = {};
  constexpr TurnPlaces() {
    for (uint32_t turn = 0; turn < kTurnCountS8; ++turn) {
      for (int i = 0; i < 16; ++i) {
        at[turn][i] = static_cast<uint8_t>(i / 4 * 4 + kTurnsS8[turn][i % 4]);
      }
    }
  }
};
constexpr TurnPlaces kTurnPlaces;

struct Turned {
  hn::Vec<hn::Repartition<uint8_t, D32>> places;
  explicit HWY_INLINE Turned(uint32_t turn)
      : places(hn::LoadDup128(hn::Repartition<uint8_t, D32>(), kTurnPlaces.at[turn])) {}
  HWY_INLINE V32 operator()(V32 fours) const {
    const hn::Repartition<uint8_t, D32> d8;
    return hn::BitCast(D32(), hn::TableLookupBytes(hn::BitCast(d8, fours), places));
  }
};

// Kernels that order groups.
template <int kRows, int kVectors>
HWY_INLINE void compute_in_order(const GemmS8Tile& t) {
  const D32 d;
  const hn::Repartition<int8_t, D32> d8;
  V32 sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(d);
  }
  const int8_t* b = t.b;
  const uint8_t* a[kRows];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) a[r] = t.rows[r];
  const auto four_of = [&](int r, size_t place) HWY_ATTR {
    int32_t four;
    std::memcpy(&four, a[r] + place, sizeof(four));
    return hn::Set(d, four);
  };
  const auto column = [&](int group, int v) HWY_ATTR {
    return hn::BitCast(d, hn::LoadU(d8, b + 4 * (group * kVectors + v) * kLanesS8));
  };
  const uint32_t* at = t.order;
  for (int64_t two = t.twos; two > 0; --two, at += 2, b += 8 * kVectors * kLanesS8) {
    const size_t first = 4 * static_cast<size_t>(at[0]), second = 4 * static_cast<size_t>(at[1]);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V32 row[2] = {four_of(r, first), four_of(r, second)};
#pragma GCC unroll 2
      for (int v = 0; v < kVectors; ++v) {
        const V32 words =
            add_words(pair_products(row[0], column(0, v)), pair_products(row[1], column(1, v)));
        sum[r][v] = add_pair_sums(words, sum[r][v]);
      }
    }
  }
  for (int64_t one = t.ones; one > 0; --one, ++at, b += 4 * kVectors * kLanesS8) {
    const size_t place = 4 * static_cast<size_t>(*at);
    const V32 first = column(0, 0), last = column(0, kVectors - 1);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V32 row = four_of(r, place);
      sum[r][0] = add_pair_sums(pair_products(row, first), sum[r][0]);
      if constexpr (kVectors > 1) sum[r][1] = add_pair_sums(pair_products(row, last), sum[r][1]);
    }
  }
  for (int64_t one = t.turned; one > 0; --one, ++at, b += 4 * kVectors * kLanesS8) {
    const size_t place = 4 * static_cast<size_t>(*at & ((1u << kTurnShiftS8) - 1));
    const Turned turned(*at >> kTurnShiftS8);
    const V32 first = column(0, 0), last = column(0, kVectors - 1);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const V32 row = turned(four_of(r, place));
      sum[r][0] = add_pair_sums(pair_products(row, first), sum[r][0]);
      if constexpr (kVectors > 1) sum[r][1] = add_pair_sums(pair_products(row, last), sum[r][1]);
    }
  }
  const uint32_t* const end = t.order + t.groups;
  for (; at < end; ++at, b += 4 * kVectors * kLanesS8) {
    const size_t place = 4 * static_cast<size_t>(*at);
    const BytesB<false> first(hn::BitCast(d, hn::LoadU(d8, b)));
    const BytesB<false> last(hn::BitCast(d, hn::LoadU(d8, b + 4 * (kVectors - 1) * kLanesS8)));
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const BytesA<false> row(four_of(r, place));
      sum[r][0] = add_dot(row, first, sum[r][0]);
      if constexpr (kVectors > 1) sum[r][1] = add_dot(row, last, sum[r][1]);
    }
  }
  finish_tile<kRows, kVectors>(t, sum);
}

template <int kRows>
void ordering_tile(const GemmS8Tile& t) {
  if (t.cols > kLanesS8) {
    compute_in_order<kRows, 2>(t);
  } else {
    compute_in_order<kRows, 1>(t);
  }
}
#endif

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

template <bool kDot, bool kSigned, int... kRows>
constexpr void fill_tiles(GemmS8Kernels::Tile* to, std::integer_sequence<int, kRows...>) {
  ((to[kRows + 1] = tile<kDot, kSigned, kRows + 1>), ...);
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

#if HWY_ARCH_X86
bool fit(const int8_t* group, uint32_t turn, const int8_t* more, int64_t bytes) {
  const hn::Repartition<int8_t, D32> d8;
  const hn::Repartition<int16_t, D32> d16;
  const auto most = hn::Set(d16, 128);  // 255 * 128 < 2^15
  const auto least = hn::Set(d16, -128);
  const V32 ones = hn::Set(D32(), 0x01010101);
  const Turned turned(turn);
  const auto pair_sums = [&](hn::Vec<decltype(d8)> elements)
                             HWY_ATTR { return pair_products(ones, hn::BitCast(D32(), elements)); };
  const auto zero = hn::Zero(d8);
  for (int64_t i = 0; i < bytes; i += 4 * kLanesS8) {
    const auto these = hn::BitCast(d8, turned(hn::BitCast(D32(), hn::LoadU(d8, group + i))));
    V32 above = pair_sums(hn::Max(these, zero)), below = pair_sums(hn::Min(these, zero));
    if (more != nullptr) {
      const auto those = hn::LoadU(d8, more + i);
      above = add_words(above, pair_sums(hn::Max(those, zero)));
      below = add_words(below, pair_sums(hn::Min(those, zero)));
    }
    const auto high = hn::Gt(hn::BitCast(d16, above), most);
    const auto low = hn::Lt(hn::BitCast(d16, below), least);
    if (!hn::AllFalse(d16, high) || !hn::AllFalse(d16, low)) return false;
  }
  return true;
}

void copy_unsigned(const uint8_t* src, int64_t bytes, bool is_signed, uint8_t* dst) {
  const hn::ScalableTag<uint8_t> d;
  const hn::CappedTag<uint8_t, 4> four;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const uint8_t shift = is_signed ? 0x80 : 0;
  const auto copy = [&](auto tag, int64_t at) HWY_ATTR {
    hn::StoreU(hn::Xor(hn::LoadU(tag, src + at), hn::Set(tag, shift)), tag, dst + at);
  };
  int64_t i = 0;
  for (; i + lanes <= bytes; i += lanes) copy(d, i);
  if (i < bytes && i > 0) return copy(d, bytes - lanes);
  for (; i < bytes; i += 4) copy(four, i);
}

template <int... kRows>
constexpr void fill_ordering_tiles(GemmS8Kernels::Tile* to, std::integer_sequence<int, kRows...>) {
  ((to[kRows + 1] = ordering_tile<kRows + 1>), ...);
}

constexpr GemmS8Kernels make_ordering_kernels() {
  GemmS8Kernels kernels;
  kernels.tile_rows = kOrderingTileRows;
  kernels.lanes = static_cast<int>(kLanesS8);
  kernels.panel_cols = 2 * static_cast<int>(kLanesS8);
  fill_ordering_tiles(kernels.tile[false], std::make_integer_sequence<int, kOrderingTileRows>());
  kernels.orders_groups = true;
  kernels.fit = fit;
  kernels.copy_unsigned = copy_unsigned;
  kernels.finish = finish_sums;
  kernels.row_sum = row_sum<false>;
  return kernels;
}
#endif

template <bool kDot>
constexpr GemmS8Kernels make_kernels() {
  GemmS8Kernels kernels;
  kernels.tile_rows = kTileRows;
  kernels.lanes = static_cast<int>(kLanesS8);
  kernels.panel_cols = 2 * static_cast<int>(kLanesS8);
  constexpr std::make_integer_sequence<int, kTileRows> rows;
  fill_tiles<kDot, false>(kernels.tile[false], rows);
  fill_tiles<kDot, kDot>(kernels.tile[true], rows);
  fill_fetching_tiles<kDot, false>(kernels.fetching_tile[false]);
  fill_fetching_tiles<kDot, kDot>(kernels.fetching_tile[true]);
  kernels.finish = finish_sums;
  kernels.row_sum = row_sum<kDot>;
  return kernels;
}

}  // namespace

extern const GemmS8Kernels kGemmS8;
#if HWY_ARCH_X86
constexpr GemmS8Kernels kGemmS8 = make_ordering_kernels();
#else
constexpr GemmS8Kernels kGemmS8 = make_kernels<false>();
#endif
extern const GemmS8Kernels kGemmS8Dot;
constexpr GemmS8Kernels kGemmS8Dot = kMayDot ? make_kernels<kMayDot>() : kGemmS8;

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
