// Splitting by vectors, two by two: what is 16 elements of k apart lies together as a pair, in A as
// in B, so that no element leaves its lane. Multiplying: 2 x 2 tiles of sums, and for each step the
// six products in an order that has one operand in place already.
#include "cpu/gemm_split.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <algorithm>
#include <cstring>

#include "cpu/amx.h"

namespace sardonyx {
namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kMostDepth = 2048;  // of a row whose segments are copied together

// Sums of what is left when a number has been split, which is 0 but for a number without parts.
struct Leftover {
  __m512 a, b;
};

SARDONYX_AMX inline __m512 keep_upper(__m512i bits) {
  return _mm512_castsi512_ps(_mm512_and_si512(bits, _mm512_set1_epi32(-0x10000)));
}
// The upper halves of two vectors, lane by lane: of x below, of y above.
SARDONYX_AMX inline __m512i upper_halves(__m512i x, __m512i y) {
  using Lanes = uint32_t __attribute__((vector_size(64)));
  const auto lower = reinterpret_cast<__m512i>(reinterpret_cast<Lanes>(x) >> 16);
  return _mm512_mask_blend_epi16(0xAAAAAAAA, lower, y);
}

// To three lines, `part` elements apart.
SARDONYX_AMX inline void split_pair(__m512 x, __m512 y, uint16_t* dst, int64_t part,
                                    Leftover& leftover) {
  const __m512i half = _mm512_set1_epi32(0x8000);
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i, dst += part) {
    const __m512i x_rounded = _mm512_add_epi32(_mm512_castps_si512(x), half);
    const __m512i y_rounded = _mm512_add_epi32(_mm512_castps_si512(y), half);
    _mm512_store_si512(dst, upper_halves(x_rounded, y_rounded));
    x = _mm512_sub_ps(x, keep_upper(x_rounded));
    y = _mm512_sub_ps(y, keep_upper(y_rounded));
  }
  _mm512_store_si512(dst, upper_halves(_mm512_castps_si512(x), _mm512_castps_si512(y)));
  // Not a number once, and for good, where a rounded number was infinite or none.
  leftover.a = _mm512_add_ps(leftover.a, x);
  leftover.b = _mm512_add_ps(leftover.b, y);
}

SARDONYX_AMX inline bool all_split(const Leftover& leftover) {
  return _mm512_cmp_ps_mask(leftover.a, leftover.b, _CMP_UNORD_Q) == 0;
}

SARDONYX_AMX inline __mmask16 first(int64_t count) {
  return static_cast<__mmask16>(count >= 16 ? 0xFFFF : count <= 0 ? 0 : (1 << count) - 1);
}

// `depth` elements; returns where the next ones go.
SARDONYX_AMX inline uint16_t* split_elements(const float* src, int64_t depth, uint16_t* dst,
                                             int64_t step, Leftover& leftover) {
  for (; depth >= kSplitStep; depth -= kSplitStep, src += kSplitStep, dst += step) {
    split_pair(_mm512_loadu_ps(src), _mm512_loadu_ps(src + 16), dst, kSplitLine, leftover);
  }
  if (depth > 0) {
    split_pair(_mm512_maskz_loadu_ps(first(depth), src),
               _mm512_maskz_loadu_ps(first(depth - 16), src + 16), dst, kSplitLine, leftover);
  }
  return dst;
}

SARDONYX_AMX bool split_row(const SplitRow& row) {
  Leftover leftover = {_mm512_setzero_ps(), _mm512_setzero_ps()};
  uint16_t* dst = row.dst;
  if (row.count == 1 || row.depth % kSplitStep == 0) {
    for (int64_t s = 0; s < row.count; ++s) {
      dst = split_elements(row.segments[s * row.stride], row.depth, dst, row.step, leftover);
    }
    return all_split(leftover);
  }
  alignas(64) float joined[kMostDepth];
  for (int64_t s = 0; s < row.count; ++s) {
    std::memcpy(joined + s * row.depth, row.segments[s * row.stride],
                static_cast<size_t>(row.depth) * sizeof(float));
  }
  split_elements(joined, row.count * row.depth, dst, row.step, leftover);
  return all_split(leftover);
}

// Goes through the rows of a panel; kept in registers meanwhile.
template <int64_t kVectors>
struct PanelRows {
  static constexpr int64_t kWidth = kVectors * 16;
  const float* src;
  uint16_t* dst;
  int64_t left, row;
  Leftover leftover;

  SARDONYX_AMX explicit PanelRows(const SplitPanel& panel)
      : src(panel.src),
        dst(panel.dst),
        left(panel.left),
        row(panel.row),
        leftover{_mm512_setzero_ps(), _mm512_setzero_ps()} {}

  SARDONYX_AMX inline void save(SplitPanel& panel) const {
    panel.src = src;
    panel.dst = dst;
    panel.left = left;
    panel.row = row;
    panel.has_parts = panel.has_parts && all_split(leftover);
  }

  // One row and the one 16 below it, zeros where there are none.
  SARDONYX_AMX inline void split() {
#pragma GCC unroll 2
    for (int64_t v = 0; v < kVectors; ++v) {
      const __m512 x = row < left ? _mm512_loadu_ps(src + v * 16) : _mm512_setzero_ps();
      const __m512 y =
          row + 16 < left ? _mm512_loadu_ps(src + 16 * kWidth + v * 16) : _mm512_setzero_ps();
      split_pair(x, y, dst + v * kSplitLine, kVectors * kSplitLine, leftover);
    }
    src += kWidth;
    dst += kSplitParts * kVectors * kSplitLine;
    if (++row < kTileRows) return;
    row = 0;
    src += 16 * kWidth;
    left = left > kSplitStep ? left - kSplitStep : 0;
  }
};

template <int64_t kVectors>
SARDONYX_AMX inline void split_panel_of(SplitPanel& panel) {
  PanelRows<kVectors> rows(panel);
  while (rows.left > 0) rows.split();
  rows.save(panel);
}

void split_panel(SplitPanel& panel) {
  panel.vectors == 1 ? split_panel_of<1>(panel) : split_panel_of<2>(panel);
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

  SARDONYX_AMX explicit Tiles(const SplitTile& t)
      : a_(t.a),
        b_(t.b),
        next_(t.next == nullptr ? nothing_ : *t.next),
        rows_(next_),
        next_rows_(t.next_rows) {
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
  SARDONYX_AMX inline void end() const { rows_.save(next_); }

 private:
  SARDONYX_AMX inline void load_upper(int64_t part) const {
    _tile_loadd(4, a_ + part * kSplitLine, kLineA * 2);
  }
  SARDONYX_AMX inline void load_lower(int64_t part) const {
    if (kBelow) _tile_loadd(5, a_ + kTileRows * kLineA + part * kSplitLine, kLineA * 2);
  }
  SARDONYX_AMX inline void load_left(int64_t part) const {
    _tile_loadd(6, b_ + part * kVectors * kSplitLine, kLineB * 2);
  }
  SARDONYX_AMX inline void load_right(int64_t part) const {
    if (kBeside) _tile_loadd(7, b_ + (part * kVectors + 1) * kSplitLine, kLineB * 2);
  }

  // The four products of two parts; each tile of the operand that changes is loaded anew as soon as
  // it has been used.
  SARDONYX_AMX inline void then_b(int64_t part) {
    _tile_dpbf16ps(0, 4, 6);
    if (kBelow) _tile_dpbf16ps(2, 5, 6);
    load_left(part);
    if (kBeside) _tile_dpbf16ps(1, 4, 7);
    if (kBelow && kBeside) _tile_dpbf16ps(3, 5, 7);
    load_right(part);
    split_next();
  }
  SARDONYX_AMX inline void then_a(int64_t part) {
    _tile_dpbf16ps(0, 4, 6);
    if (kBeside) _tile_dpbf16ps(1, 4, 7);
    load_upper(part);
    if (kBelow) _tile_dpbf16ps(2, 5, 6);
    if (kBelow && kBeside) _tile_dpbf16ps(3, 5, 7);
    load_lower(part);
    split_next();
  }
  SARDONYX_AMX inline void split_next() {
    for (int64_t i = 0; i < next_rows_ && rows_.left > 0; ++i) rows_.split();
  }

  const uint16_t* a_;
  const uint16_t* b_;
  SplitPanel nothing_;
  SplitPanel& next_;
  PanelRows<2> rows_;
  const int64_t next_rows_;
};

template <bool kBelow, bool kBeside>
SARDONYX_AMX inline void multiply_tiles(const SplitTile& t) {
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
  const char* ahead = t.ahead;
  for (int64_t s = t.steps; s > 0; --s) {
    for (int64_t i = 0; i < t.ahead_lines; ++i, ahead += 64) _mm_prefetch(ahead, _MM_HINT_T1);
    // After the last step the first one is loaded again, for nothing.
    a = s > 1 ? a + t.a_step : t.a;
    b = s > 1 ? b + kTileRows * Tiles<kBelow, kBeside>::kLineB : t.b;
    tiles.step(a, b);
  }
  tiles.end();
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

constexpr SplitKernels kSplitTiles = {configure, end_tiles, multiply, split_row, split_panel};

}  // namespace

const SplitKernels* split_kernels() { return &kSplitTiles; }

}  // namespace sardonyx
#else

namespace sardonyx {
const SplitKernels* split_kernels() { return nullptr; }
}  // namespace sardonyx
#endif
