// RowBlock: one block of rows over a range of panels, by the register tile or, by parts, by the
// tiles of cpu/gemm_split.h. Rows are taken in blocks whose part of A stays in the second cache, k
// in chunks whose panel of B does; the sums of the chunks add up in C, in the order of k. Chunks
// depend on k alone, so that a sum does not depend on the rows and columns beside it. Of
// cpu/gemm.cc alone.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

#include "cpu/gemm.h"

namespace sardonyx {

inline constexpr int64_t kChunkDepth = 256;       // elements of k per chunk
inline constexpr int64_t kSplitChunkDepth = 512;  // the same of products by parts
inline constexpr int64_t kProductsOfStep = 6;     // of two parts each
static_assert(kSplitChunkDepth + kSplitChunkDepth / 2 <= kMaxChunkDepth);
inline constexpr int64_t kLeastFinishRows = 8;  // that vectors finish at once while tiles multiply
inline constexpr int64_t kLeastPairs = 2;       // that they split at once
inline constexpr int64_t kFinishRows = 48;      // rows that an epilogue pass works on at once
inline constexpr int64_t kMaxPanelCols = 32;
inline constexpr int64_t kMaxPointers = 4704;  // row pointers of a block and chunk
inline constexpr int64_t kMaxSegments = kMaxPointers / kMaxBlockRows;

inline int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// A chunk of k: whole segments, or a part of one.
struct Chunk {
  int64_t segment = 0, segments = 0;
  int64_t offset = 0, depth = 0;  // within each segment

  int64_t k(int64_t segment_depth) const { return segment * segment_depth + offset; }
};

// How many parts of about chunk_depth a sum over k is cut into.
inline int64_t chunk_parts(int64_t k, int64_t chunk_depth) {
  return std::max<int64_t>(1, (k + chunk_depth / 2) / chunk_depth);
}

inline Chunk next_chunk(const Chunk& last, int64_t segments, int64_t depth, int64_t chunk_depth) {
  Chunk chunk;
  const int64_t depth_parts = chunk_parts(depth, chunk_depth);
  if (depth_parts > 1) {
    chunk.segment = last.segment;
    chunk.offset = last.offset + last.depth;
    if (chunk.offset >= depth) {
      ++chunk.segment;
      chunk.offset = 0;
    }
    chunk.segments = 1;
    chunk.depth = std::min(divide_up(depth, depth_parts), depth - chunk.offset);
    return chunk;
  }
  chunk.segment = last.segment + last.segments;
  const int64_t parts =
      std::max(chunk_parts(segments * depth, chunk_depth), divide_up(segments, kMaxSegments));
  chunk.segments = std::min(divide_up(segments, parts), segments - chunk.segment);
  chunk.depth = depth;
  return chunk;
}

// The height of the first of the tiles that so many packed rows are cut into: the last two share
// what is left evenly, because a tile of one or two rows would wait for its own sums.
inline int64_t packed_height(int64_t rows, int64_t tile_rows) {
  return rows <= tile_rows ? rows : rows < 2 * tile_rows ? divide_up(rows, 2) : tile_rows;
}

template <class T>
struct ClipRange {
  T low = -std::numeric_limits<T>::infinity();
  T high = std::numeric_limits<T>::infinity();
};

// Panels of a task as parts, chunk by chunk, where rows become parts in turn instead.
struct SplitPanels {
  struct Panel {
    const uint16_t* parts = nullptr;
    bool has_parts = true;
  };
  static constexpr int64_t kMostSteps = 128;  // of all panels: 6 KB each, in the second cache

  bool all = false;
  uint16_t* rows = nullptr;  // memory for two strips of rows
  uint16_t* parts = nullptr;
  int64_t panels = 0;
  int64_t steps_before = 0;  // of chunks before the present one
  std::array<bool, kMostSteps> has_parts;

  static constexpr int64_t kStepCount = kSplitParts * kSplitStep * kSplitCols;
  Panel at(int64_t panel, int64_t steps) const {
    const int64_t first = steps_before * panels + panel * steps;
    return {parts + first * kStepCount, has_parts[first]};
  }
};

// The products by parts of a block: where they are.
struct SplitState {
  int64_t height = 0, strips = 0, steps = 0;
  uint16_t* a = nullptr;
  uint16_t* b[2] = {};
  int64_t tile_rows = 0, tile_cols = 0;  // that the tiles are configured for
  SplitRows next_rows;
  SplitPanel next_panel;
  int64_t pairs = 0;                      // that become parts at each product
  std::array<bool, kMaxBlockRows> whole;  // rows that have no parts
  bool any_whole = false;
  // Rows of the last strip whose sums are to be finished.
  int64_t finished = 0, unfinished = 0, finish_rows = 0;
  int64_t finish_row = 0, finish_panel = 0, finish_cols = 0, finish_k_row = 0;
  const float* finish_sums = nullptr;
  int turn = 0;
  alignas(64) std::array<std::array<float, kSplitRows * kSplitCols>, 2> sums;
  alignas(64) std::array<float, kMaxChunkDepth> joined;

  int64_t strip_count() const { return steps * height * kSplitParts * kSplitLine; }
  int64_t panel_count() const { return steps * kSplitParts * kSplitStep * kSplitCols; }
};

// One block of rows over a range of panels: the loops over chunks, panels and tiles.
template <class T>
class RowBlock {
 public:
  // more_rows: the block below this one is next.
  RowBlock(const GemmKernels<T>& kernels, const BlockArgs<T>& args, int64_t row, int64_t rows,
           bool more_rows)
      : kernels_(kernels), args_(args), row_(row), rows_(rows), more_rows_(more_rows) {
    const Epilogue<T>& e = args.epilogue;
    pass_ = e.activation != Activation::kNone && e.activation != Activation::kClip;
    ClipRange<T> range;
    if (e.activation == Activation::kClip) range = {e.p0, e.p1};
    tile_.alpha = e.alpha;
    tile_.low = range.low;
    tile_.high = range.high;
    tile_.residual_ld = e.residual_ld;
    tile_.residual_after = e.residual_after;
    tile_.row_stride = rows;
    plain_ = !pass_ && e.activation == Activation::kNone && e.alpha == 1 && e.bias == nullptr &&
             e.residual == nullptr && e.fn == nullptr;
  }

  void run(int64_t panel, int64_t panel_end, SplitPanels& shared) {
    const int64_t step = args_.split ? panel_end - panel : panels_at_once(panel_end - panel);
    for (; panel < panel_end; panel += step) {
      panel_ = panel;
      panel_end_ = std::min(panel + step, panel_end);
      more_panels_ = panel_end_ < panel_end;
      run_panels_at_once(shared);
    }
  }

 private:
  // Sums that chunks add up in C stay in the second cache from chunk to chunk.
  int64_t panels_at_once(int64_t panels) const {
    constexpr int64_t kSumBytes = 256 << 10;
    const Chunk first = next_chunk({}, args_.segments, args_.depth, kChunkDepth);
    if (first.segments >= args_.segments && first.depth >= args_.depth) return panels;
    const int64_t bytes = rows_ * panels * kernels_.panel_cols * static_cast<int64_t>(sizeof(T));
    return divide_up(panels, divide_up(bytes, kSumBytes));
  }

  void run_panels_at_once(SplitPanels& shared) {
    const int64_t chunk_depth = args_.split ? kSplitChunkDepth : kChunkDepth;
    Chunk chunk = next_chunk({}, args_.segments, args_.depth, chunk_depth);
    for (bool first = true;; first = false) {
      args_.fill_rows(args_.source, row_, rows_, chunk.segment, chunk.segments, chunk.offset,
                      pointers_.data());
      tile_.segments = chunk.segments;
      tile_.depth = chunk.depth;
      has_empty_ = args_.zeros != nullptr && find_empty();
      first_ = first;
      last_ = chunk.segment + chunk.segments >= args_.segments &&
              chunk.offset + chunk.depth >= args_.depth;
      tile_.finish = last_ && !plain_;
      const int64_t k = chunk.k(args_.depth);
      int64_t p = panel_;
      if (args_.split && run_split(k, shared)) {
        p = panel_end_;
      } else if (rows_ <= kMaxWideRows) {
        p = run_wide(k, panel_, panel_end_);
      }
      for (; p < panel_end_; ++p) {
        if (args_.packed_a != nullptr && (p + 1) * kernels_.panel_cols <= args_.n) {
          run_packed_panel(k, p);
        } else {
          run_panel(k, p);
        }
      }
      if (last_) return;
      chunk = next_chunk(chunk, args_.segments, args_.depth, chunk_depth);
    }
  }

  // Marks segments that are zeros in all rows of one of the tiles that run_panel makes.
  bool find_empty() {
    bool any = false;
    const int64_t tiles = divide_up(rows_, kernels_.tile_rows);
    uint8_t* empty = empty_.data();
    for (int64_t tile = 0, row = 0; tile < tiles; ++tile) {
      const int64_t height = tile_height(tile, tiles);
      for (int64_t segment = 0; segment < tile_.segments; ++segment) {
        const T* const* rows = pointers_.data() + segment * rows_ + row;
        const bool is_empty =
            std::all_of(rows, rows + height, [&](const T* p) { return p == args_.zeros; });
        *empty++ = is_empty ? 1 : 0;
        any |= is_empty;
      }
      row += height;
    }
    return any;
  }

  // Tiles of even height, so that none is too low: first those with a row more.
  int64_t tile_height(int64_t tile, int64_t tiles) const {
    return rows_ / tiles + (tile < rows_ % tiles ? 1 : 0);
  }

  int64_t k() const { return args_.segments * args_.depth; }
  int64_t panel_width(int64_t p) const {
    const int64_t cols = args_.n - p * kernels_.panel_cols;
    return std::min<int64_t>(kernels_.panel_cols, divide_up(cols, kernels_.lanes) * kernels_.lanes);
  }

  // Points the tile at panel p from row k of B on, and at `row` of the block.
  void place(int64_t k_row, int64_t p, int64_t row, int64_t cols) {
    const int64_t col = p * kernels_.panel_cols;
    const Epilogue<T>& e = args_.epilogue;
    tile_.rows = pointers_.data() + row;
    if (args_.packed_b != nullptr) {
      tile_.b = args_.packed_b + col * k() + k_row * panel_width(p);
    }
    T* c = args_.c + (row_ + row) * args_.ldc + col;
    tile_.from = first_ ? nullptr : c;
    tile_.from_ld = args_.ldc;
    // What a pass is going to read is put aside: rows of C may share sets of the first cache, and
    // a load of one waits for stores to another that look alike in their lower address bits.
    const bool aside = pass_ && last_;
    tile_.c = aside ? aside_.data() : c;
    tile_.ldc = aside ? cols_aside(cols) : args_.ldc;
    tile_.cols = cols;
    tile_.bias = e.bias == nullptr ? nullptr : e.bias + col;
    const bool later = e.residual == nullptr || (pass_ && e.residual_after);
    tile_.residual = later ? nullptr : e.residual + (row_ + row) * e.residual_ld + col;
  }

  int64_t run_wide(int64_t k_row, int64_t p, int64_t panel_end) {
    const int64_t panel_cols = kernels_.panel_cols;
    const int64_t whole_end = std::min(panel_end, args_.n / panel_cols);
    const bool plain = args_.plain_b != nullptr;
    tile_.tiles = 1;
    tile_.b_stride = plain ? args_.plain_ld : panel_cols;
    tile_.panel_stride = plain ? panel_cols : panel_cols * k();
    const auto run = [&](int64_t panels, auto tile) {
      for (; p + panels <= whole_end; p += panels) {
        place(k_row, p, 0, panels * panel_cols);
        if (plain) tile_.b = args_.plain_b + k_row * args_.plain_ld + p * panel_cols;
        tile(tile_);
        finish(0, rows_, p, panels * panel_cols);
      }
    };
    run(kernels_.wide_panels[rows_], kernels_.wide[rows_]);
    if (plain) run(1, kernels_.wide_one[rows_]);
    return p;
  }

  // Memory that is read after rows [k_row, k_row + chunk_k) of panel p.
  struct Ahead {
    const char* begin = nullptr;
    int64_t bytes = 0;
  };
  Ahead what_is_next(int64_t k_row, int64_t chunk_k, int64_t p) const {
    ++p;
    if (p == panel_end_ && last_ && !more_panels_) return next_rows();
    if (p == panel_end_ && last_) {
      k_row = 0;
    } else if (p == panel_end_) {
      k_row += chunk_k;
      p = panel_;
    }
    const T* b = args_.packed_b + p * kernels_.panel_cols * k() + k_row * panel_width(p);
    return {reinterpret_cast<const char*>(b),
            chunk_k * kernels_.panel_cols * static_cast<int64_t>(sizeof(T))};
  }

  // The rows of A below this block, if they lie as the last ones do. A wrong guess costs nothing
  // but the guess: a prefetch cannot fault.
  Ahead next_rows() const {
    const T* const* last = pointers_.data() + (tile_.segments - 1) * rows_;
    if (!more_rows_ || rows_ < 2 || tile_.segments == 0) return {};
    const auto address = [](const T* p) { return reinterpret_cast<intptr_t>(p); };
    const intptr_t step = address(last[rows_ - 1]) - address(last[rows_ - 2]);
    if (step <= 0 || step > 65536) return {};
    const char* end = reinterpret_cast<const char*>(last[rows_ - 1]);
    return {end + step, static_cast<int64_t>(step) * rows_};
  }

  void run_panel(int64_t k_row, int64_t p) {
    const int64_t cols = std::min<int64_t>(kernels_.panel_cols, args_.n - p * kernels_.panel_cols);
    const int64_t tiles = divide_up(rows_, kernels_.tile_rows);
    const int64_t chunk_k = tile_.segments * tile_.depth;
    const Ahead ahead = what_is_next(k_row, chunk_k, p);
    tile_.prefetch_step = ahead.bytes / (tiles * std::max<int64_t>(chunk_k, 1));
    const int64_t high_tiles = rows_ % tiles;
    int64_t row = 0;
    for (int64_t done = 0; done < tiles;) {
      const int64_t height = tile_height(done, tiles);
      int64_t count = (done < high_tiles ? high_tiles : tiles) - done;
      if (needs_finish()) count = std::min(count, kFinishRows / height);
      place(k_row, p, row, cols);
      tile_.tiles = count;
      tile_.prefetch = ahead.begin + ahead.bytes * done / tiles;
      tile_.empty = has_empty_ ? empty_.data() + done * tile_.segments : nullptr;
      kernels_.tile[height](tile_);
      finish(row, count * height, p, cols);
      row += count * height;
      done += count;
    }
  }

  void run_packed_panel(int64_t k_row, int64_t p) {
    const int64_t tiles = divide_up(rows_, kernels_.tile_rows);
    const int64_t chunk_k = tile_.segments * tile_.depth;
    const Ahead ahead = what_is_next(k_row, chunk_k, p);
    tile_.prefetch_step = ahead.bytes / (tiles * std::max<int64_t>(chunk_k, 1));
    tile_.packed_depth = k();
    int64_t row = 0;
    for (int64_t done = 0; done < tiles;) {
      const int64_t height = packed_height(rows_ - row, kernels_.tile_rows);
      int64_t count = std::max<int64_t>(1, (rows_ - row) / kernels_.tile_rows - 1);
      if (height < kernels_.tile_rows) count = 1;
      if (needs_finish()) count = std::min(count, kFinishRows / height);
      place(k_row, p, row, kernels_.panel_cols);
      tile_.packed_a = args_.packed_a + (row_ + row) * k() + k_row * height;
      tile_.tiles = count;
      tile_.prefetch = ahead.begin + ahead.bytes * done / tiles;
      kernels_.packed_tile[height](tile_);
      finish(row, count * height, p, kernels_.panel_cols);
      row += count * height;
      done += count;
    }
  }

  // ---- Products by parts: strips of rows of even height with panels in turn. Where all panels are
  // parts already, strips become parts in turn, the next one while tiles multiply; else all strips
  // are made parts first and then panels in turn.

  bool run_split(int64_t k_row, SplitPanels& shared) {
    if constexpr (std::is_same_v<T, float>) {
      SplitState& split = split_;
      split.strips = divide_up(rows_, kSplitRows);
      split.height = divide_up(rows_, split.strips);
      split.steps = divide_up(tile_.segments * tile_.depth, kSplitStep);
      const int64_t a_strips = shared.all ? 2 : split.strips;
      const int64_t a_count = a_strips * split.strip_count();
      if (!shared.all) {
        split.a = split_space(static_cast<size_t>(a_count + 2 * split.panel_count()));
        if (split.a == nullptr) return false;
        split.b[0] = split.a + a_count;
        split.b[1] = split.b[0] + split.panel_count();
      } else {
        split.a = shared.rows;
      }
      split.any_whole = false;
      if (shared.all) {
        run_strips(k_row, shared);
      } else {
        run_panels(k_row);
      }
      finish_strip(kSplitRows);
      return true;
    }
    return false;
  }

  void run_strips(int64_t k_row, SplitPanels& shared) {
    begin_rows(0, 0);
    for (int64_t strip = 0; strip < split_.strips; ++strip) {
      end_rows();
      if (strip + 1 < split_.strips) {
        begin_rows(strip + 1, (strip + 1) % 2);
        set_pace(split_.next_rows.pairs(), panel_end_ - panel_);
      }
      for (int64_t p = panel_; p < panel_end_; ++p) {
        const SplitPanels::Panel panel = shared.at(p - panel_, split_.steps);
        if (panel.has_parts) {
          multiply_strip(k_row, p, strip, split_.a + strip % 2 * split_.strip_count(), panel.parts);
        } else {
          finish_strip(kSplitRows);
          run_rows(k_row, p, strip * split_.height, strip_rows(strip));
        }
      }
    }
    shared.steps_before += split_.steps;
  }

  void run_panels(int64_t k_row) {
    for (int64_t strip = 0; strip < split_.strips; ++strip) {
      begin_rows(strip, strip);
      end_rows();
    }
    SplitPanel& next = split_.next_panel;
    next = split_panel(k_row, panel_);
    for (int64_t p = panel_; p < panel_end_; ++p) {
      kernels_.split->split_panel(next, next.pairs);
      const bool has_parts = next.has_parts;
      next = p + 1 < panel_end_ ? split_panel(k_row, p + 1) : SplitPanel();
      set_pace(next.pairs, split_.strips);
      if (!has_parts) {
        finish_strip(kSplitRows);
        run_panel(k_row, p);
        continue;
      }
      for (int64_t strip = 0; strip < split_.strips; ++strip) {
        multiply_strip(k_row, p, strip, split_.a + strip * split_.strip_count(), split_.b[p % 2]);
      }
    }
  }

  int64_t strip_rows(int64_t strip) const {
    return std::min(split_.height, rows_ - strip * split_.height);
  }

  SplitPanel split_panel(int64_t k_row, int64_t p) const {
    const int64_t width = panel_width(p);
    const T* b = args_.packed_b + p * kernels_.panel_cols * k() + k_row * width;
    return {b, tile_.segments * tile_.depth, width / kernels_.lanes, split_.b[p % 2]};
  }

  void begin_rows(int64_t strip, int64_t place) {
    SplitRows& job = split_.next_rows;
    job = SplitRows();
    job.segments = pointers_.data() + strip * split_.height;
    job.stride = rows_;
    job.count = tile_.segments;
    job.depth = tile_.depth;
    job.rows = strip_rows(strip);
    job.dst = split_.a + place * split_.strip_count();
    job.step = split_.height * kSplitParts * kSplitLine;
    job.whole = split_.whole.data() + strip * split_.height;
    job.joined = split_.joined.data();
  }
  void end_rows() {
    SplitRows& job = split_.next_rows;
    kernels_.split->split_rows(job, job.pairs());
    for (int64_t r = 0; r < job.rows; ++r) split_.any_whole = split_.any_whole || job.whole[r];
  }

  // So that `pairs` become parts within that many strips.
  void set_pace(int64_t pairs, int64_t strips) {
    split_.pairs = std::max(kLeastPairs, divide_up(pairs, strips * split_.steps * kProductsOfStep));
  }

  // What vectors do while tiles multiply.
  static void meanwhile(void* context) {
    auto& block = *static_cast<RowBlock*>(context);
    SplitState& split = block.split_;
    if (split.finished < split.unfinished) block.finish_strip(split.finish_rows);
    if (split.next_panel.pairs > 0) {
      block.kernels_.split->split_panel(split.next_panel, split.pairs);
    }
    if (!split.next_rows.done()) block.kernels_.split->split_rows(split.next_rows, split.pairs);
  }

  void multiply_strip(int64_t k_row, int64_t p, int64_t strip, const uint16_t* a,
                      const uint16_t* b) {
    const int64_t cols = std::min<int64_t>(kernels_.panel_cols, args_.n - p * kernels_.panel_cols);
    const int64_t row = strip * split_.height, rows = strip_rows(strip);
    const bool to_c = !tile_.finish;
    T* c = args_.c + (row_ + row) * args_.ldc + p * kernels_.panel_cols;
    if (rows != split_.tile_rows || cols != split_.tile_cols) {
      kernels_.split->configure(rows, cols);
      split_.tile_rows = rows;
      split_.tile_cols = cols;
    }
    T* sums = split_.sums[split_.turn].data();
    SplitTile tile;
    tile.a = a;
    tile.a_step = split_.height * kSplitParts * kSplitLine;
    tile.b = b;
    tile.steps = split_.steps;
    tile.from = first_ ? nullptr : c;
    tile.from_ld = args_.ldc;
    tile.sums = to_c ? c : sums;
    tile.sums_ld = to_c ? args_.ldc : kSplitCols;
    tile.meanwhile = meanwhile;
    tile.context = this;
    split_.finish_rows =
        std::max(kLeastFinishRows, divide_up(split_.unfinished, split_.steps * kProductsOfStep));
    kernels_.split->multiply(tile, rows, cols);
    finish_strip(kSplitRows);  // the one before
    if (to_c && !split_.any_whole) return;
    split_.unfinished = rows;
    split_.finished = 0;
    split_.finish_row = row;
    split_.finish_panel = p;
    split_.finish_cols = cols;
    split_.finish_k_row = k_row;
    split_.finish_sums = to_c ? nullptr : sums;
    split_.turn = 1 - split_.turn;
  }

  // What becomes of the sums of the last strip, those in C excepted, and its rows without parts;
  // at most that many rows.
  void finish_strip(int64_t most) {
    const int64_t end = std::min(split_.finished + most, split_.unfinished);
    for (int64_t r = split_.finished; r < end;) {
      const int64_t row = split_.finish_row + r;
      const bool whole = split_.whole[row];
      int64_t next = r + 1;
      while (!whole && next < end && !split_.whole[row + next - r]) ++next;
      if (whole) {
        run_rows(split_.finish_k_row, split_.finish_panel, row, 1);
      } else if (split_.finish_sums != nullptr) {
        place(split_.finish_k_row, split_.finish_panel, row, split_.finish_cols);
        kernels_.finish(tile_, split_.finish_sums + r * kSplitCols, static_cast<int>(next - r));
        finish(row, next - r, split_.finish_panel, split_.finish_cols);
      }
      r = next;
    }
    split_.finished = end;
  }

  // Rows of a panel by multiply-adds.
  void run_rows(int64_t k_row, int64_t p, int64_t row, int64_t rows) {
    const int64_t cols = std::min<int64_t>(kernels_.panel_cols, args_.n - p * kernels_.panel_cols);
    tile_.tiles = 1;
    tile_.prefetch_step = 0;
    tile_.empty = nullptr;
    for (const int64_t end = row + rows; row < end; ++row) {
      place(k_row, p, row, cols);
      kernels_.tile[1](tile_);
      finish(row, 1, p, cols);
    }
  }

  int64_t cols_aside(int64_t cols) const {
    return divide_up(cols, kernels_.lanes) * kernels_.lanes;
  }

  bool needs_finish() const { return last_ && (pass_ || args_.epilogue.fn != nullptr); }

  // What is left to do on final rows that are still in the first cache.
  void finish(int64_t row, int64_t rows, int64_t p, int64_t cols) {
    const Epilogue<T>& e = args_.epilogue;
    if (!needs_finish()) return;
    const int64_t col = p * kernels_.panel_cols;
    T* c = args_.c + (row_ + row) * args_.ldc + col;
    if (pass_) {
      const bool later = e.residual != nullptr && e.residual_after;
      const T* residual = later ? e.residual + (row_ + row) * e.residual_ld + col : nullptr;
      kernels_.activate(e.activation, e.p0, e.p1, aside_.data(), cols_aside(cols), residual,
                        e.residual_ld, c, args_.ldc, rows, cols);
    }
    if (e.fn != nullptr) {
      e.fn(e.context, c, args_.ldc, rows, cols, args_.row0 + row_ + row, args_.col0 + col);
    }
  }

  const GemmKernels<T>& kernels_;
  const BlockArgs<T>& args_;
  const int64_t row_, rows_;
  const bool more_rows_;
  int64_t panel_ = 0, panel_end_ = 0;  // of those at once
  bool more_panels_ = false;           // behind them
  bool pass_ = false;                  // the activation needs a pass of its own
  bool plain_ = false;                 // the sums are what is wanted
  GemmTile<T> tile_;
  bool first_ = true;  // the first chunk of k
  bool last_ = false;
  SplitState split_;
  bool has_empty_ = false;  // of the present chunk
  std::array<const T*, kMaxPointers> pointers_;
  std::array<uint8_t, kMaxPointers> empty_;  // by tile and segment
  alignas(64) std::array<T, kFinishRows * kMaxPanelCols> aside_;
};

// Splits all panels where rows are many and panels few, so that it is done once for all blocks.
template <class T>
void share_panels(const GemmKernels<T>& kernels, const BlockArgs<T>& args, int64_t rows,
                  int64_t panel, int64_t panel_end, SplitPanels& shared) {
  if constexpr (std::is_same_v<T, float>) {
    shared.panels = panel_end - panel;
    int64_t steps = 0, most = 0;
    const auto for_chunks = [&](const auto& fn) {
      Chunk chunk = next_chunk({}, args.segments, args.depth, kSplitChunkDepth);
      while (chunk.segment < args.segments) {
        fn(chunk, divide_up(chunk.segments * chunk.depth, kSplitStep));
        chunk = next_chunk(chunk, args.segments, args.depth, kSplitChunkDepth);
      }
    };
    for_chunks([&](const Chunk&, int64_t count) {
      steps += count;
      most = std::max(most, count);
    });
    if (steps * shared.panels > SplitPanels::kMostSteps || rows <= shared.panels * kSplitRows) {
      return;
    }
    const int64_t row_count = 2 * most * kSplitRows * kSplitParts * kSplitLine;
    const int64_t panel_count = steps * shared.panels * SplitPanels::kStepCount;
    shared.rows = split_space(static_cast<size_t>(row_count + panel_count));
    if (shared.rows == nullptr) return;
    shared.parts = shared.rows + row_count;
    const int64_t k = args.segments * args.depth;
    for_chunks([&](const Chunk& chunk, int64_t count) {
      for (int64_t p = panel; p < panel_end; ++p) {
        const int64_t cols = args.n - p * kernels.panel_cols;
        const int64_t vectors = std::min<int64_t>(2, divide_up(cols, kernels.lanes));
        const int64_t first = shared.steps_before * shared.panels + (p - panel) * count;
        SplitPanel job(args.packed_b + p * kernels.panel_cols * k +
                           chunk.k(args.depth) * vectors * kernels.lanes,
                       chunk.segments * chunk.depth, vectors,
                       shared.parts + first * SplitPanels::kStepCount);
        kernels.split->split_panel(job, job.pairs);
        shared.has_parts[first] = job.has_parts;
      }
      shared.steps_before += count;
    });
    shared.steps_before = 0;
    shared.all = true;
  }
}

}  // namespace sardonyx
