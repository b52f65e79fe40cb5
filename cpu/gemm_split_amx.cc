// Splitting by vectors, two by two: neighbours of k lie together as a pair, in A as in B.
// Multiplying: 2 x 2 tiles of sums, and for each step the six products in an order that has one
// operand in place already. Between products are other instructions, never none: a stream of
// products and tile loads alone takes up to twice as long where the core's other hardware thread
// is busy (measured: 19 ns per product, 12 with eight instructions or more in between, be they
// empty), and nothing is lost by them where it is not.
#include "cpu/gemm_split.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <algorithm>
#include <cstring>

#include "cpu/amx.h"

namespace sardonyx {
namespace {

constexpr int64_t kTileRows = 16;

SARDONYX_AMX inline __m512 keep_upper(__m512i bits) {
  return _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(-0x10000)));
}
SARDONYX_AMX inline __m512i shift_down(__m512i x) {
  using Lanes = uint32_t __attribute__((vector_size(64)));
  return reinterpret_cast<__m512i>(reinterpret_cast<Lanes>(x) >> 16);
}

// The upper halves of two vectors: all of x, then all of y; neighbours in k of a row of A.
struct RowOrder {
  static SARDONYX_AMX inline __m512i join(__m512i x, __m512i y) {
    alignas(64) static constexpr uint16_t kOdd[32] = {1,  3,  5,  7,  9,  11, 13, 15, 17, 19, 21,
                                                      23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43,
                                                      45, 47, 49, 51, 53, 55, 57, 59, 61, 63};
    return _mm512_permutex2var_epi16(x, _mm512_load_si512(kOdd), y);
  }
};
// The same lane by lane, of x below, of y above; x and y are rows of B below one another.
struct ColumnOrder {
  static SARDONYX_AMX inline __m512i join(__m512i x, __m512i y) {
    return _mm512_mask_blend_epi16(0xAAAAAAAA, shift_down(x), y);
  }
};

// To three lines, `part` elements apart. Into `leftover` goes no number, for good, where there was
// one without parts: what is left when it has been split is 0 otherwise.
template <class Order>
SARDONYX_AMX inline void split_pair(__m512 x, __m512 y, uint16_t* dst, int64_t part,
                                    __m512& leftover) {
  const __m512i half = _mm512_set1_epi32(0x8000);
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i, dst += part) {
    const __m512i x_rounded = _mm512_add_epi32(_mm512_castps_si512(x), half);
    const __m512i y_rounded = _mm512_add_epi32(_mm512_castps_si512(y), half);
    _mm512_store_si512(dst, Order::join(x_rounded, y_rounded));
    x = _mm512_sub_ps(x, keep_upper(x_rounded));
    y = _mm512_sub_ps(y, keep_upper(y_rounded));
  }
  _mm512_store_si512(dst, Order::join(_mm512_castps_si512(x), _mm512_castps_si512(y)));
  leftover = _mm512_fmadd_ps(x, y, leftover);
}

SARDONYX_AMX inline bool all_split(__m512 leftover) {
  return _mm512_cmp_ps_mask(leftover, leftover, _CMP_UNORD_Q) == 0;
}

SARDONYX_AMX inline __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

// The next segment of a row, or all of them where they are not whole steps.
void begin_segment(SplitRows& job) {
  if (job.segment == 0) job.to = job.dst + job.row * kSplitParts * kSplitLine;
  const float* const* segments = job.segments + job.row;
  if (job.count == 1 || job.depth % kSplitStep == 0) {
    job.src = segments[job.segment * job.stride];
    job.left = job.depth;
    ++job.segment;
    return;
  }
  for (int64_t s = 0; s < job.count; ++s) {
    std::memcpy(job.joined + s * job.depth, segments[s * job.stride],
                static_cast<size_t>(job.depth) * sizeof(float));
  }
  job.src = job.joined;
  job.left = job.count * job.depth;
  job.segment = job.count;
}

// So that sums of such a row stay what they were.
void clear_row(const SplitRows& job) {
  uint16_t* line = job.dst + job.row * kSplitParts * kSplitLine;
  for (int64_t i = job.pairs() / job.rows; i > 0; --i, line += job.step) {
    std::fill_n(line, kSplitParts * kSplitLine, uint16_t{0});
  }
}

SARDONYX_AMX void split_rows(SplitRows& job, int64_t pairs) {
  __m512 leftover = _mm512_load_ps(job.leftover);
  while (pairs > 0 && job.row < job.rows) {
    if (job.left == 0) begin_segment(job);
    const float* src = job.src;
    uint16_t* to = job.to;
    int64_t left = job.left;
    for (; pairs > 0 && left >= kSplitStep; --pairs, left -= kSplitStep) {
      split_pair<RowOrder>(_mm512_loadu_ps(src), _mm512_loadu_ps(src + 16), to, kSplitLine,
                           leftover);
      src += kSplitStep;
      to += job.step;
    }
    if (pairs > 0 && left > 0) {
      split_pair<RowOrder>(_mm512_maskz_loadu_ps(first(left), src),
                           _mm512_maskz_loadu_ps(first(left - 16), src + 16), to, kSplitLine,
                           leftover);
      left = 0;
      --pairs;
    }
    job.src = src;
    job.to = to;
    job.left = left;
    if (left > 0 || job.segment < job.count) continue;
    job.whole[job.row] = !all_split(leftover);
    if (job.whole[job.row]) clear_row(job);
    leftover = _mm512_setzero_ps();
    job.segment = 0;
    ++job.row;
  }
  _mm512_store_ps(job.leftover, leftover);
}

template <int64_t kVectors>
SARDONYX_AMX inline void split_panel_of(SplitPanel& panel, int64_t pairs) {
  constexpr int64_t kWidth = kVectors * 16;
  constexpr int64_t kAhead = 512;  // elements, of the first cache
  __m512 leftover = _mm512_setzero_ps();
  const float* src = panel.src;
  uint16_t* dst = panel.dst;
  const int64_t rows = std::min(pairs, panel.pairs) / kVectors;
  const int64_t whole = std::clamp<int64_t>(panel.left / 2, 0, rows);
  const auto split = [&](const auto& load) SARDONYX_AMX {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) {
      split_pair<ColumnOrder>(load(0, v * 16), load(1, v * 16), dst + v * kSplitLine,
                              kVectors * kSplitLine, leftover);
    }
    src += 2 * kWidth;
    dst += kSplitParts * kVectors * kSplitLine;
  };
  for (int64_t r = 0; r < whole; ++r) {
#pragma GCC unroll 4
    for (int64_t i = 0; i < 2 * kVectors; ++i) {
      _mm_prefetch(reinterpret_cast<const char*>(src + kAhead + i * 16), _MM_HINT_T0);
    }
    split([&](int64_t row, int64_t col)
              SARDONYX_AMX { return _mm512_loadu_ps(src + row * kWidth + col); });
  }
  for (int64_t r = whole; r < rows; ++r) {
    const int64_t left = panel.left - 2 * r;
    split([&](int64_t row, int64_t col) SARDONYX_AMX {
      const __mmask16 has = left > row ? 0xFFFF : 0;
      return _mm512_maskz_loadu_ps(has, src + row * kWidth + col);
    });
  }
  panel.src = src;
  panel.dst = dst;
  panel.left -= 2 * rows;
  panel.pairs -= rows * kVectors;
  panel.has_parts = panel.has_parts && all_split(leftover);
}

void split_panel(SplitPanel& panel, int64_t pairs) {
  panel.vectors == 1 ? split_panel_of<1>(panel, pairs) : split_panel_of<2>(panel, pairs);
}

// Tiles 0 to 3: sums; 4 and 5: A, the upper and the lower rows; 6 and 7: B, left and right.
SARDONYX_AMX void configure(int64_t rows, int64_t cols) {
  struct alignas(64) Config {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  };
  Config config;
  const auto set = [&config](int tile, int64_t tile_rows, int64_t row_bytes) {
    const bool used = tile_rows > 0 && row_bytes > 0;
    config.rows[tile] = static_cast<uint8_t>(used ? tile_rows : 0);
    config.row_bytes[tile] = static_cast<uint16_t>(used ? row_bytes : 0);
  };
  const int64_t above = std::min(rows, kTileRows), below = rows - above;
  const int64_t left = std::min<int64_t>(cols, 16) * 4, right = cols * 4 - left;
  set(0, above, left);
  set(1, above, right);
  set(2, below, left);
  set(3, below, right);
  set(4, above, 64);
  set(5, below, 64);
  set(6, kTileRows, left);
  set(7, kTileRows, right);
  asm volatile("" : : "m"(config));  // the intrinsic does not say that it reads memory
  _tile_loadconfig(&config);
}

// The tiles of a strip and a panel; kBelow: there are lower rows, kBeside: right columns.
template <bool kBelow, bool kBeside>
class Tiles {
 public:
  static constexpr int64_t kVectors = kBeside ? 2 : 1;
  static constexpr int64_t kLineA = kSplitParts * kSplitLine;  // elements
  static constexpr int64_t kLineB = kLineA * kVectors;

  SARDONYX_AMX explicit Tiles(const SplitTile& tile) : tile_(tile), a_(tile.a), b_(tile.b) {
    load_upper(0);
    load_lower(0);
    load_left(2);
    load_right(2);
  }

  SARDONYX_AMX inline void step(const uint16_t* next_a, const uint16_t* next_b) {
    then_b(1);
    then_a(1);
    then_b(0);
    then_a(0);
    then_a(2);
    a_ = next_a;
    b_ = next_b;
    then_b(2);
    load_upper(0);
    load_lower(0);
  }

 private:
  template <int kCount>
  static SARDONYX_AMX inline void wait() {
    asm volatile(".rept %c0\n\tnop\n\t.endr" : : "i"(kCount));
  }
  SARDONYX_AMX inline void load_upper(int64_t part) const {
    _tile_loadd(4, a_ + part * kSplitLine, kLineA * 2);
    wait<8>();
  }
  SARDONYX_AMX inline void load_lower(int64_t part) const {
    if (!kBelow) return;
    _tile_loadd(5, a_ + kTileRows * kLineA + part * kSplitLine, kLineA * 2);
    wait<8>();
  }
  SARDONYX_AMX inline void load_left(int64_t part) const {
    _tile_loadd(6, b_ + part * kVectors * kSplitLine, kLineB * 2);
    wait<8>();
  }
  SARDONYX_AMX inline void load_right(int64_t part) const {
    if (!kBeside) return;
    _tile_loadd(7, b_ + (part * kVectors + 1) * kSplitLine, kLineB * 2);
    wait<8>();
  }

  // The four products of two parts; each tile of the operand that changes is loaded anew as soon as
  // it has been used.
  SARDONYX_AMX inline void then_b(int64_t part) const {
    _tile_dpbf16ps(0, 4, 6);
    wait<20>();
    if (kBelow) _tile_dpbf16ps(2, 5, 6);
    wait<20>();
    load_left(part);
    if (kBeside) _tile_dpbf16ps(1, 4, 7);
    wait<20>();
    if (kBelow && kBeside) _tile_dpbf16ps(3, 5, 7);
    load_right(part);
    tile_.meanwhile(tile_.context);
  }
  SARDONYX_AMX inline void then_a(int64_t part) const {
    _tile_dpbf16ps(0, 4, 6);
    wait<20>();
    if (kBeside) _tile_dpbf16ps(1, 4, 7);
    wait<20>();
    load_upper(part);
    if (kBelow) _tile_dpbf16ps(2, 5, 6);
    wait<20>();
    if (kBelow && kBeside) _tile_dpbf16ps(3, 5, 7);
    load_lower(part);
    tile_.meanwhile(tile_.context);
  }

  const SplitTile& tile_;
  const uint16_t* a_;
  const uint16_t* b_;
};

template <bool kBelow, bool kBeside>
SARDONYX_AMX void multiply_tiles(const SplitTile& t) {
  if (t.from != nullptr) {
    const int64_t ld = t.from_ld * int64_t{sizeof(float)};
    _tile_loadd(0, t.from, ld);
    if (kBeside) _tile_loadd(1, t.from + 16, ld);
    if (kBelow) _tile_loadd(2, t.from + kTileRows * t.from_ld, ld);
    if (kBelow && kBeside) _tile_loadd(3, t.from + kTileRows * t.from_ld + 16, ld);
  } else {
    _tile_zero(0);
    if (kBeside) _tile_zero(1);
    if (kBelow) _tile_zero(2);
    if (kBelow && kBeside) _tile_zero(3);
  }
  Tiles<kBelow, kBeside> tiles(t);
  const uint16_t* a = t.a;
  const uint16_t* b = t.b;
  for (int64_t s = t.steps; s > 0; --s) {
    // After the last step the first one is loaded again, for nothing.
    a = s > 1 ? a + t.a_step : t.a;
    b = s > 1 ? b + kTileRows * Tiles<kBelow, kBeside>::kLineB : t.b;
    tiles.step(a, b);
  }
  const int64_t ld = t.sums_ld * int64_t{sizeof(float)};
  _tile_stored(0, t.sums, ld);
  if (kBeside) _tile_stored(1, t.sums + 16, ld);
  if (kBelow) _tile_stored(2, t.sums + kTileRows * t.sums_ld, ld);
  if (kBelow && kBeside) _tile_stored(3, t.sums + kTileRows * t.sums_ld + 16, ld);
}

void multiply(const SplitTile& t, int64_t rows, int64_t cols) {
  if (rows > kTileRows) {
    cols > 16 ? multiply_tiles<true, true>(t) : multiply_tiles<true, false>(t);
  } else {
    cols > 16 ? multiply_tiles<false, true>(t) : multiply_tiles<false, false>(t);
  }
}

constexpr SplitKernels kSplitTiles = {configure, end_tiles, multiply, split_rows, split_panel};

}  // namespace

const SplitKernels* split_kernels() { return &kSplitTiles; }

}  // namespace sardonyx
#else

namespace sardonyx {
const SplitKernels* split_kernels() { return nullptr; }
}  // namespace sardonyx
#endif
