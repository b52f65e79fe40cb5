// The register tile of cpu/gemm_kernels.h for any element type, per tier.

#if defined(SARDONYX_CPU_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_GEMM_TILE_INL_H_
#undef SARDONYX_CPU_GEMM_TILE_INL_H_
#else
#define SARDONYX_CPU_GEMM_TILE_INL_H_
#endif

#include <limits>
#include <type_traits>
#include <utility>

#include "cpu/gemm_kernels.h"
#include "cpu/transpose-inl.h"
#include "cpu/vector_math-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

// Steps of k from a prefetch of the next panel to the next. Where tiles are many, a line of it is
// many steps of this one, and every operation counts where the core's other hardware thread takes
// its half.
constexpr int kPrefetchSteps = HWY_TARGET == HWY_AVX2 ? 4 : 1;
constexpr int kPackedPrefetchSteps = HWY_TARGET == HWY_AVX2 ? 2 : 1;

// What a tile prefetches, kSteps steps at once: a line, or where tiles are few two.
template <int kSteps>
struct Ahead {
  static constexpr int64_t kLineBytes = 64;
  const char* at;
  const int64_t step;

  template <class T>
  explicit HWY_INLINE Ahead(const GemmTile<T>& t)
      : at(t.prefetch), step(kSteps * t.prefetch_step) {}
  HWY_INLINE void prefetch() {
    __builtin_prefetch(at, 0, 2);
    if (kSteps > 2 && HWY_UNLIKELY(step > kLineBytes)) __builtin_prefetch(at + step / 2, 0, 2);
    at += step;
  }
};

// 12 x 2 accumulators, 2 vectors of B and 1 of A fill 32 registers; 6 x 2 those of 16.
constexpr int kTileRows = (HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON) ? 12 : 6;
// Doubles are rare enough that twelve sums must do, which take as long, for half the code.
template <class T>
constexpr int kTileRowsOf = sizeof(T) == 8 ? 6 : kTileRows;

template <class T>
struct TileOps {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

  static HWY_INLINE V load(const T* src, size_t count) {
    const D d;
    return count >= hn::Lanes(d) ? hn::LoadU(d, src) : load_n(d, src, count);
  }
  static HWY_INLINE void store(V v, T* dst, size_t count) {
    const D d;
    if (count >= hn::Lanes(d)) {
      hn::StoreU(v, d, dst);
    } else {
      store_n(v, d, dst, count);
    }
  }

  // Columns of vector v of a tile with `cols` columns.
  static HWY_INLINE size_t count(int64_t cols, int v) {
    const int64_t left = cols - v * kLanes;
    return static_cast<size_t>(left < 0 ? 0 : left > kLanes ? kLanes : left);
  }

  // alpha * sum + bias, residual, clip, for one row in registers or in memory.
  struct Finish {
    V alpha, low, high;
    bool before, after;  // a residual is added before or after the clip

    explicit HWY_INLINE Finish(const GemmTile<T>& t) {
      const D d;
      alpha = hn::Set(d, t.alpha);
      low = hn::Set(d, t.low);
      high = hn::Set(d, t.high);
      before = t.residual != nullptr && !t.residual_after;
      after = t.residual != nullptr && t.residual_after;
    }
    HWY_INLINE V clip(V y) const { return min_keep_nan(high, max_keep_nan(low, y)); }
  };

  enum class Clip { kNone, kLow, kBoth };
  enum class Residual { kNone, kBefore, kAfter };

  template <int kRows, int kVectors, Clip kClip, Residual kResidual>
  static HWY_INLINE void finish_as(const GemmTile<T>& t, int64_t row,
                                   const V (&sum)[kRows][kVectors]) {
    const D d;
    const Finish finish(t);
    V bias[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      bias[v] = t.bias != nullptr ? hn::LoadU(d, t.bias + v * kLanes) : hn::Zero(d);
    }
    // Copied, because a store to C might change `t` as far as the compiler can tell.
    const T* residual = t.residual + row * t.residual_ld;
    T* c = t.c + row * t.ldc;
    const int64_t residual_ld = t.residual_ld;
    const int64_t ldc = t.ldc;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, c += ldc, residual += residual_ld) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        V y = hn::MulAdd(sum[r][v], finish.alpha, bias[v]);
        if (kResidual == Residual::kBefore) y = hn::Add(y, hn::LoadU(d, residual + v * kLanes));
        if (kClip == Clip::kLow) y = max_keep_nan(finish.low, y);
        if (kClip == Clip::kBoth) y = finish.clip(y);
        if (kResidual == Residual::kAfter) y = hn::Add(y, hn::LoadU(d, residual + v * kLanes));
        hn::StoreU(y, d, c + v * kLanes);
      }
    }
  }

  template <int kRows, int kVectors>
  static HWY_INLINE void prefetch_rows(const T* row, int64_t ld, bool written) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, row += ld) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        if (written) {
          __builtin_prefetch(row + v * kLanes, 1, 2);
        } else {
          __builtin_prefetch(row + v * kLanes, 0, 2);
        }
      }
    }
  }

  // Sums of a whole tile to C. What is asked for is found out once: where a tile sums up little,
  // every operation here counts.
  template <int kRows, int kVectors>
  static HWY_INLINE void finish_whole(const GemmTile<T>& t, int64_t row,
                                      const V (&sum)[kRows][kVectors]) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    constexpr bool kManyForms = HWY_TARGET != HWY_SSE4 && sizeof(T) == 4 && kRows >= 4;
    const bool low = !kManyForms || t.low > -kInfinity;
    const bool high = !kManyForms || t.high < kInfinity;
    if (t.residual == nullptr) {
      if (high) {
        finish_as<kRows, kVectors, Clip::kBoth, Residual::kNone>(t, row, sum);
      } else if (low) {
        finish_as<kRows, kVectors, Clip::kLow, Residual::kNone>(t, row, sum);
      } else {
        finish_as<kRows, kVectors, Clip::kNone, Residual::kNone>(t, row, sum);
      }
    } else if (!low && !high) {
      finish_as<kRows, kVectors, Clip::kNone, Residual::kBefore>(t, row, sum);
    } else if (!t.residual_after) {
      finish_as<kRows, kVectors, Clip::kBoth, Residual::kBefore>(t, row, sum);
    } else {
      finish_as<kRows, kVectors, Clip::kBoth, Residual::kAfter>(t, row, sum);
    }
    // What the next tile reads and writes here is fetched meanwhile, if there is time for it.
    if (kRows < 4 || t.segments * t.depth < 32) return;
    const int64_t next = row + kRows;
    prefetch_rows<kRows, kVectors>(t.c + next * t.ldc, t.ldc, true);
    if (t.residual != nullptr) {
      prefetch_rows<kRows, kVectors>(t.residual + next * t.residual_ld, t.residual_ld, false);
    }
  }

  // Sums of a tile with fewer columns than its vectors have lanes, from memory to C.
  static HWY_NOINLINE void finish_ragged(const GemmTile<T>& t, int64_t row, const T* sums, int rows,
                                         int vectors) {
    const D d;
    const Finish finish(t);
    for (int v = 0; v < vectors; ++v) {
      const size_t n = count(t.cols, v);
      const V bias = t.finish && t.bias != nullptr ? load(t.bias + v * kLanes, n) : hn::Zero(d);
      for (int r = 0; r < rows; ++r) {
        V y = hn::Load(d, sums + (r * vectors + v) * kLanes);
        if (t.finish) {
          const T* residual = t.residual + (row + r) * t.residual_ld + v * kLanes;
          y = hn::MulAdd(y, finish.alpha, bias);
          if (finish.before) y = hn::Add(y, load(residual, n));
          y = finish.clip(y);
          if (finish.after) y = hn::Add(y, load(residual, n));
        }
        store(y, t.c + (row + r) * t.ldc + v * kLanes, n);
      }
    }
  }

  template <int kRows, int kVectors>
  static HWY_INLINE void clear(V (&sum)[kRows][kVectors]) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Zero(D());
    }
  }

  // Adds the sum over the chunks before this one. Not where this one starts: the rounding errors of
  // a long chain of additions grow with its length, those of chunks added up hardly.
  template <int kRows, int kVectors>
  static HWY_INLINE void add_earlier(const GemmTile<T>& t, int64_t row, bool whole,
                                     V (&sum)[kRows][kVectors]) {
    if (t.from == nullptr) return;
    const D d;
    const T* from = t.from + row * t.from_ld;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, from += t.from_ld) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        const V earlier = whole ? hn::LoadU(d, from + v * kLanes)
                                : load_n(d, from + v * kLanes, count(t.cols, v));
        sum[r][v] = hn::Add(sum[r][v], earlier);
      }
    }
  }

  // sum + a * b, in the register of sum: left to itself, the compiler lets sums change their places
  // and spills some of them.
  static HWY_INLINE V add_product(V sum, V a, V b) {
#if HWY_TARGET == HWY_AVX2
    if constexpr (std::is_same_v<T, float>) {
      __asm__("vfmadd231ps %1, %2, %0" : "+x"(sum.raw) : "x"(a.raw), "x"(b.raw));
      return sum;
    }
#endif
    return hn::MulAdd(a, b, sum);
  }

  // sum + *element * column. To read the element in each multiply-add takes a slot less of those
  // that are decoded and a port more of those that read, than to spread it over a vector first.
  static HWY_INLINE V multiply_add(V sum, const T* element, V column) {
#if HWY_TARGET == HWY_AVX3
    if constexpr (std::is_same_v<T, float>) {
      __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(sum.raw) : "m"(*element), "v"(column.raw));
    } else {
      __asm__("vfmadd231pd %1%{1to8%}, %2, %0" : "+v"(sum.raw) : "m"(*element), "v"(column.raw));
    }
    return sum;
#else
    return add_product(sum, hn::Set(D(), *element), column);
#endif
  }

  // sum += *element * column, in row r. Every other row spreads its element, so that neither the
  // decoder nor the ports that read are what everything waits for, also where the core's other
  // hardware thread takes its half of both.
  template <int kVectors>
  static HWY_INLINE void add_row(int r, const T* element, const V (&column)[kVectors],
                                 V (&sum)[kVectors]) {
    if (r % 2 == 0 && kVectors == 2) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[v] = multiply_add(sum[v], element, column[v]);
    } else {
      const V spread = hn::Set(D(), *element);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[v] = add_product(sum[v], spread, column[v]);
    }
  }

  // sum += the products of element k of every row and row k of B, which is at b.
  template <int kRows, int kVectors, int kPanels>
  static HWY_INLINE void add_step(const T* const (&a)[kRows], int64_t k, const T* b,
                                  int64_t panel_stride, V (&sum)[kRows][kVectors]) {
    constexpr int kPerPanel = kVectors / kPanels;
    V column[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      column[v] = hn::LoadU(D(), b + v / kPerPanel * panel_stride + v % kPerPanel * kLanes);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) add_row(r, a[r] + k, column, sum[r]);
  }

  // Tiles below one another; kPanels panels of kVectors / kPanels vectors each. kPacked: rows of B
  // follow one another.
  template <int kRows, int kVectors, int kPanels, bool kPacked>
  static HWY_INLINE void compute(const GemmTile<T>& t) {
    constexpr int kPerPanel = kVectors / kPanels;
    const bool whole = t.cols == kVectors * kLanes;
    // One line or less per step, spread over the tiles, so that the next panel waits in the second
    // cache when its turn comes.
    constexpr bool kPrefetch = kPacked && kRows >= 4;
    // Steps at once: there are not registers enough for twelve pointers and what else counts, and
    // what has none is fetched once per block. Tiles of doubles and of SSE4 are not worth the code.
    constexpr bool kFew = HWY_TARGET == HWY_SSE4 || sizeof(T) == 8;
    constexpr int kSteps = !kPrefetch ? 1 : kFew ? 2 : 8;
    Ahead<kPrefetchSteps> ahead(t);
    const int64_t b_stride = kPacked ? kPerPanel * kLanes : t.b_stride;
    const int64_t panel_stride = kPanels > 1 ? t.panel_stride : 0;
    const int64_t depth = t.depth;
    const int64_t row_stride = t.row_stride;
    const int64_t last_row = t.tiles * kRows;
    for (int64_t row = 0; row < last_row; row += kRows) {
      V sum[kRows][kVectors];
      clear(sum);
      const T* b = t.b;
      const T* const* rows = t.rows + row;
      for (int64_t segment = t.segments; segment > 0; --segment, rows += row_stride) {
        if constexpr (kPacked) {
          // Read anew each time: the loop inside has no register left.
          if (HWY_UNLIKELY(t.empty != nullptr) &&
              t.empty[(row / kRows + 1) * t.segments - segment] != 0) {
            b += depth * b_stride;
            ahead.at += depth * t.prefetch_step;
            continue;
          }
        }
        const T* a[kRows];
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) a[r] = rows[r];
        int64_t left = depth;
        for (; left >= kSteps; left -= kSteps, b += kSteps * b_stride) {
#pragma GCC unroll 8
          for (int k = 0; k < kSteps; ++k) {
            if (kPrefetch && k % kPrefetchSteps == 0) ahead.prefetch();
            add_step<kRows, kVectors, kPanels>(a, k, b + k * b_stride, panel_stride, sum);
          }
#pragma GCC unroll 16
          for (int r = 0; r < kRows; ++r) a[r] += kSteps;
        }
        if constexpr (kSteps > 1) {
          for (int64_t k = 0; k < left; ++k, b += b_stride) {
            add_step<kRows, kVectors, kPanels>(a, k, b, panel_stride, sum);
          }
        }
      }
      add_earlier(t, row, whole, sum);
      if (HWY_LIKELY(whole && t.finish)) {
        finish_whole<kRows, kVectors>(t, row, sum);
      } else {
        store_unfinished<kRows, kVectors>(t, row, whole, sum);
      }
    }
  }

  // Sums that will be continued, or that fill only a part of their vectors.
  template <int kRows, int kVectors>
  static HWY_INLINE void store_unfinished(const GemmTile<T>& t, int64_t row, bool whole,
                                          const V (&sum)[kRows][kVectors]) {
    const D d;
    HWY_ALIGN T sums[kRows * kVectors * kLanes];
    T* dst = whole ? t.c + row * t.ldc : sums;
    const int64_t ld = whole ? t.ldc : kVectors * kLanes;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r, dst += ld) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) hn::StoreU(sum[r][v], d, dst + v * kLanes);
    }
    if (!whole) finish_ragged(t, row, sums, kRows, kVectors);
  }
};

// A tile of rows that pack_a has interleaved, which leaves one address to count up: with more than
// ten pointers, some live in vector registers, and rows that are a power of two apart share sets of
// the first cache.
template <class T, int kRows>
void gemm_packed_tile(const GemmTile<T>& t) {
  using Ops = TileOps<T>;
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = Ops::kLanes;
  constexpr int kSteps = 2 * kPackedPrefetchSteps;
  Ahead<kPackedPrefetchSteps> ahead(t);
  const int64_t depth = t.depth;
  for (int64_t row = 0; row < t.tiles * kRows; row += kRows) {
    typename Ops::V sum[kRows][2];
    Ops::clear(sum);
    const T* a = t.packed_a + row * t.packed_depth;
    const T* b = t.b;
    const auto add_step = [&](int64_t k) HWY_ATTR {
      const T* row_b = b + k * 2 * kLanes;
      const typename Ops::V column[2] = {hn::LoadU(d, row_b), hn::LoadU(d, row_b + kLanes)};
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) Ops::add_row(r, a + k * kRows + r, column, sum[r]);
    };
    int64_t left = depth;
    for (; left >= kSteps; left -= kSteps, a += kSteps * kRows, b += kSteps * 2 * kLanes) {
#pragma GCC unroll 4
      for (int k = 0; k < kSteps; ++k) {
        if (k % kPackedPrefetchSteps == 0) ahead.prefetch();
        add_step(k);
      }
    }
    for (; left > 0; --left, a += kRows, b += 2 * kLanes) add_step(0);
    Ops::add_earlier(t, row, true, sum);
    if (t.finish) {
      Ops::template finish_whole<kRows, 2>(t, row, sum);
    } else {
      Ops::template store_unfinished<kRows, 2>(t, row, true, sum);
    }
  }
}

// dst[k * rows + r] = src[r * ld + k]; kTileRows rows in registers, which reads whole vectors of
// rows and writes beyond each k but the last what the next one overwrites.
template <class T>
void pack_a(const T* src, int64_t ld, int64_t rows, int64_t readable_rows, int64_t depth, T* dst) {
  constexpr int64_t kSquare = 16 / sizeof(T);
  int64_t k = 0;
  if (rows == kTileRows && readable_rows >= TileOps<T>::kLanes) {
    for (; k + kSquare < depth; k += kSquare, dst += kSquare * rows) {
      transpose_blocks(src + k, ld, dst, rows);
    }
  }
  for (; k < depth; ++k, dst += rows) {
    for (int64_t r = 0; r < rows; ++r) dst[r] = src[r * ld + k];
  }
}

template <class T, int kRows>
void gemm_tile(const GemmTile<T>& t) {
  if (t.cols > TileOps<T>::kLanes) {
    TileOps<T>::template compute<kRows, 2, 1, true>(t);
  } else {
    TileOps<T>::template compute<kRows, 1, 1, true>(t);
  }
}

template <class T, int kRows, int kPanels>
void gemm_wide_tile(const GemmTile<T>& t) {
  TileOps<T>::template compute<kRows, 2 * kPanels, kPanels, false>(t);
}

template <class T, int kRows>
HWY_INLINE void finish_rows(const GemmTile<T>& t, int64_t row, const T* sums) {
  using Ops = TileOps<T>;
  typename Ops::V sum[kRows][2];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    sum[r][0] = hn::Load(typename Ops::D(), sums + 2 * r * Ops::kLanes);
    sum[r][1] = hn::Load(typename Ops::D(), sums + (2 * r + 1) * Ops::kLanes);
  }
  Ops::template finish_whole<kRows, 2>(t, row, sum);
}

template <class T>
void finish_sums(const GemmTile<T>& t, const T* sums, int rows) {
  constexpr int64_t kCols = 2 * TileOps<T>::kLanes;
  if (!t.finish || t.cols != kCols) return TileOps<T>::finish_ragged(t, 0, sums, rows, 2);
  int row = 0;
  for (; row + 4 <= rows; row += 4) finish_rows<T, 4>(t, row, sums + row * kCols);
  for (; row < rows; ++row) finish_rows<T, 1>(t, row, sums + row * kCols);
}

template <class T>
void pack_rows(const T* src, int64_t ld, int64_t depth, int64_t cols, T* dst) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int vectors = cols > lanes ? 2 : 1;
  for (int64_t k = 0; k < depth; ++k) {
    for (int v = 0; v < vectors; ++v, dst += lanes) {
      const size_t count = TileOps<T>::count(cols, v);
      hn::StoreU(TileOps<T>::load(src + k * ld + v * lanes, count), d, dst);
    }
  }
}

template <class T>
void pack_cols(const T* src, int64_t ld, int64_t depth, int64_t cols, T* dst) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(hn::ScalableTag<T>()));
  const int64_t width = cols > lanes ? 2 * lanes : lanes;
  constexpr int64_t kSquare = 16 / sizeof(T);
  for (int64_t col = 0; col < width; col += lanes) {
    int64_t k = 0;
    if (col + lanes <= cols) {
      for (; k + kSquare <= depth; k += kSquare) {
        transpose_blocks(src + col * ld + k, ld, dst + k * width + col, width);
      }
    }
    for (; k < depth; ++k) {
      for (int64_t i = col; i < col + lanes; ++i) {
        dst[k * width + i] = i < cols ? src[i * ld + k] : T(0);
      }
    }
  }
}

// The activations that are not a clip, as vector functions.
template <class V>
HWY_INLINE V hard_sigmoid(V x, V slope, V offset) {
  const hn::DFromV<V> d;
  using T = LaneOf<V>;
  const V line = hn::MulAdd(x, slope, offset);
  return min_keep_nan(hn::Set(d, T(1)), max_keep_nan(hn::Zero(d), line));
}

template <class V>
HWY_INLINE V hard_swish(V x) {
  const hn::DFromV<V> d;
  using T = LaneOf<V>;
  return hn::Mul(x, hard_sigmoid(x, hn::Set(d, T(1.0 / 6)), hn::Set(d, T(0.5))));
}

template <class V>
HWY_INLINE V activate_vector(Activation activation, V x, V p0, V p1) {
  const hn::DFromV<V> d;
  namespace me = sardonyx::HWY_NAMESPACE;
  const auto negative = hn::Lt(x, hn::Zero(d));
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kClip:
      return min_keep_nan(p1, max_keep_nan(p0, x));
    case Activation::kLeakyRelu:
      return hn::IfThenElse(negative, hn::Mul(x, p0), x);
    case Activation::kElu:
      return hn::IfThenElse(negative, hn::Mul(p0, me::expm1(x)), x);
    case Activation::kSigmoid:
      return me::sigmoid(x);
    case Activation::kTanh:
      return me::tanh(x);
    case Activation::kSilu:
      return me::silu(x);
    case Activation::kHardSigmoid:
      return hard_sigmoid(x, p0, p1);
    case Activation::kHardSwish:
      return hard_swish(x);
    case Activation::kGelu:
      return me::gelu(x);
    case Activation::kGeluTanh:
      return me::gelu_tanh(x);
    case Activation::kSoftplus:
      return me::softplus(x);
    case Activation::kMish:
      return hn::Mul(x, me::tanh(me::softplus(x)));
    case Activation::kScaledRelu:
      return hn::MulAdd(max_keep_nan(hn::Zero(d), x), p0, p1);
    case Activation::kScaledHardSwish:
      return hn::MulAdd(hard_swish(x), p0, p1);
  }
  return x;
}

// Rows to be activated; `added` to the result may be null.
template <class T>
struct ActivatedRows {
  const T* src;
  int64_t src_ld;
  const T* added;
  int64_t added_ld;
  T* dst;
  int64_t dst_ld;

  HWY_INLINE ActivatedRows at(int64_t row, int64_t col) const {
    const T* then = added == nullptr ? nullptr : added + row * added_ld + col;
    return {src + row * src_ld + col, src_ld, then, added_ld, dst + row * dst_ld + col, dst_ld};
  }
};

// Where the second to fourth of four vectors lie: in a row, in two rows or in four; and where the
// next four begin, below them or in the same row.
struct Four {
  int64_t second, third, fourth, next;

  HWY_INLINE Four(int rows, bool below, int64_t lanes, int64_t ld)
      : second(rows == 4 ? ld : lanes),
        third(rows == 4   ? 2 * ld
              : rows == 2 ? ld
                          : 2 * lanes),
        fourth(rows == 4   ? 3 * ld
               : rows == 2 ? ld + lanes
                           : 3 * lanes),
        next(below ? rows * ld : 4 * lanes) {}
};

// `count` times four vectors, a function per activation, so that the switch is outside of the loop.
template <class T, Activation kActivation>
SARDONYX_MIX_CHAINS void activate_fours(T p0, T p1, ActivatedRows<T> rows, int rows_at_once,
                                        bool below, int64_t count) {
  const hn::ScalableTag<T> d;
  const Four from(rows_at_once, below, TileOps<T>::kLanes, rows.src_ld);
  const Four beside(rows_at_once, below, TileOps<T>::kLanes, rows.added_ld);
  const Four to(rows_at_once, below, TileOps<T>::kLanes, rows.dst_ld);
  const auto vp0 = hn::Set(d, p0);
  const auto vp1 = hn::Set(d, p1);
  const T* src = rows.src;
  const T* added = rows.added;
  T* dst = rows.dst;
  for (; count > 0; --count, src += from.next, dst += to.next) {
    auto y0 = activate_vector(kActivation, hn::LoadU(d, src), vp0, vp1);
    auto y1 = activate_vector(kActivation, hn::LoadU(d, src + from.second), vp0, vp1);
    if constexpr (kActivation == Activation::kGelu || kActivation == Activation::kGeluTanh) {
      // Two chains at a time: tables fill the registers, and what is spilled waits in the store
      // buffer behind results that miss the caches.
      __asm__ volatile("");
    }
    auto y2 = activate_vector(kActivation, hn::LoadU(d, src + from.third), vp0, vp1);
    auto y3 = activate_vector(kActivation, hn::LoadU(d, src + from.fourth), vp0, vp1);
    if (added != nullptr) {
      y0 = hn::Add(y0, hn::LoadU(d, added));
      y1 = hn::Add(y1, hn::LoadU(d, added + beside.second));
      y2 = hn::Add(y2, hn::LoadU(d, added + beside.third));
      y3 = hn::Add(y3, hn::LoadU(d, added + beside.fourth));
      added += beside.next;
    }
    hn::StoreU(y0, d, dst);
    hn::StoreU(y1, d, dst + to.second);
    hn::StoreU(y2, d, dst + to.third);
    hn::StoreU(y3, d, dst + to.fourth);
  }
}

// One vector or less of each row.
template <class T, Activation kActivation>
void activate_column(T p0, T p1, ActivatedRows<T> rows, size_t cols, int64_t count) {
  const hn::ScalableTag<T> d;
  const auto vp0 = hn::Set(d, p0);
  const auto vp1 = hn::Set(d, p1);
  for (int64_t r = 0; r < count; ++r) {
    const ActivatedRows<T> row = rows.at(r, 0);
    auto y = activate_vector(kActivation, TileOps<T>::load(row.src, cols), vp0, vp1);
    if (row.added != nullptr) y = hn::Add(y, TileOps<T>::load(row.added, cols));
    TileOps<T>::store(y, row.dst, cols);
  }
}

template <class T>
struct ActivationLoops {
  void (*fours)(T p0, T p1, ActivatedRows<T> rows, int rows_at_once, bool below,
                int64_t count) = nullptr;
  void (*column)(T p0, T p1, ActivatedRows<T> rows, size_t cols, int64_t count) = nullptr;
};

template <class T, Activation kActivation>
constexpr ActivationLoops<T> make_activation_loops() {
  // Doubles go lane by lane through libm, and SSE4 is not worth the code.
  constexpr bool kFours = sizeof(T) == 4 && HWY_TARGET != HWY_SSE4;
  if constexpr (kFours) {
    return {activate_fours<T, kActivation>, activate_column<T, kActivation>};
  }
  return {nullptr, activate_column<T, kActivation>};
}

template <class T>
ActivationLoops<T> activation_loops(Activation activation) {
  switch (activation) {
#define SARDONYX_ACTIVATION(name) \
  case Activation::name:          \
    return make_activation_loops<T, Activation::name>();
    SARDONYX_ACTIVATION(kNone)
    SARDONYX_ACTIVATION(kClip)
    SARDONYX_ACTIVATION(kLeakyRelu)
    SARDONYX_ACTIVATION(kElu)
    SARDONYX_ACTIVATION(kSigmoid)
    SARDONYX_ACTIVATION(kTanh)
    SARDONYX_ACTIVATION(kSilu)
    SARDONYX_ACTIVATION(kHardSigmoid)
    SARDONYX_ACTIVATION(kHardSwish)
    SARDONYX_ACTIVATION(kGelu)
    SARDONYX_ACTIVATION(kGeluTanh)
    SARDONYX_ACTIVATION(kSoftplus)
    SARDONYX_ACTIVATION(kMish)
    SARDONYX_ACTIVATION(kScaledRelu)
    SARDONYX_ACTIVATION(kScaledHardSwish)
#undef SARDONYX_ACTIVATION
  }
  return {};
}

// Four vectors at a time, of as many rows as that takes.
template <class T>
void activate(Activation activation, T p0, T p1, const T* src, int64_t src_ld, const T* residual,
              int64_t residual_ld, T* c, int64_t ldc, int64_t rows, int64_t cols) {
  constexpr int64_t kLanes = TileOps<T>::kLanes;
  const ActivationLoops<T> loops = activation_loops<T>(activation);
  const ActivatedRows<T> all{src, src_ld, residual, residual_ld, c, ldc};
  const auto columns = [&](int64_t row, int64_t col, int64_t end) {
    for (; col < end; col += kLanes) {
      const size_t count = static_cast<size_t>(HWY_MIN(kLanes, end - col));
      loops.column(p0, p1, all.at(row, col), count, rows - row);
    }
  };
  if (loops.fours == nullptr) return columns(0, 0, cols);
  int64_t col = 0;
  const int64_t fours = cols / (4 * kLanes);
  if (fours < rows) {  // few calls
    for (; col < fours * 4 * kLanes; col += 4 * kLanes) {
      loops.fours(p0, p1, all.at(0, col), 1, true, rows);
    }
  } else {
    for (int64_t r = 0; r < rows; ++r) loops.fours(p0, p1, all.at(r, 0), 1, false, fours);
    col = fours * 4 * kLanes;
  }
  if (cols - col >= 2 * kLanes) {
    loops.fours(p0, p1, all.at(0, col), 2, true, rows / 2);
    if (rows % 2 != 0) columns(rows - 1, col, col + 2 * kLanes);
    col += 2 * kLanes;
  }
  if (cols - col >= kLanes) {
    loops.fours(p0, p1, all.at(0, col), 4, true, rows / 4);
    columns(rows / 4 * 4, col, col + kLanes);
    col += kLanes;
  }
  columns(0, col, cols);
}

template <class T, int... kRows>
constexpr void fill_tiles(GemmKernels<T>& kernels, std::integer_sequence<int, kRows...>) {
  ((kernels.tile[kRows + 1] = gemm_tile<T, kRows + 1>), ...);
}
template <class T, int... kRows>
constexpr void fill_packed_tiles(GemmKernels<T>& kernels, std::integer_sequence<int, kRows...>) {
  ((kernels.packed_tile[kRows + 1] = gemm_packed_tile<T, kRows + 1>), ...);
}

template <class T>
constexpr GemmKernels<T> make_gemm_kernels() {
  GemmKernels<T> kernels;
  kernels.tile_rows = kTileRowsOf<T>;
  kernels.lanes = static_cast<int>(TileOps<T>::kLanes);
  kernels.panel_cols = 2 * kernels.lanes;
  fill_tiles<T>(kernels, std::make_integer_sequence<int, kTileRowsOf<T>>());
  // Rows far apart share sets of the first cache, and twelve pointers are more than there are
  // registers; 8 bytes are rare enough.
  if constexpr ((HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2) && std::is_same_v<T, float>) {
    kernels.pack_a = pack_a<T>;
    fill_packed_tiles<T>(kernels, std::make_integer_sequence<int, kTileRows>());
  }
  kernels.wide[1] = gemm_wide_tile<T, 1, 4>;
  kernels.wide[2] = gemm_wide_tile<T, 2, 2>;
  kernels.wide[3] = gemm_wide_tile<T, 3, 2>;
  if constexpr (HWY_TARGET != HWY_SSE4 && std::is_same_v<T, float>) {
    kernels.wide_one[1] = gemm_wide_tile<T, 1, 1>;
    kernels.wide_one[2] = gemm_wide_tile<T, 2, 1>;
    kernels.wide_one[3] = gemm_wide_tile<T, 3, 1>;
  }
  kernels.wide_panels[1] = 4;
  kernels.wide_panels[2] = 2;
  kernels.wide_panels[3] = 2;
  kernels.pack_rows = pack_rows<T>;
  kernels.pack_cols = pack_cols<T>;
  kernels.finish = finish_sums<T>;
  kernels.activate = activate<T>;
  return kernels;
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
