// Blocks of rows whose part of A stays in the second cache are multiplied by one panel of B after
// the other; sums stay in registers over all of k.
#include "cpu/gemm_s8.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/gemm.h"

namespace sardonyx {
namespace {

constexpr int64_t kMostBlockRows = 96;
constexpr int64_t kBlockBytes = 192 * 1024;  // of A
constexpr int64_t kMostPointers = 4096;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }
size_t aligned(int64_t bytes) { return static_cast<size_t>(round_up(bytes, 64)); }

template <class T>
T* take(std::byte*& at, int64_t count) {
  T* taken = static_cast<T*>(static_cast<void*>(at));
  at += aligned(count * static_cast<int64_t>(sizeof(T)));
  return taken;
}

// The zero point of stored elements of A, which are unsigned, or of B, which are signed.
int32_t stored_zero_a(bool is_signed, int32_t zero) { return is_signed ? zero + 128 : zero; }
int32_t stored_zero_b(bool is_signed, int32_t zero) { return is_signed ? zero : zero - 128; }

int64_t steps_of(int64_t segments, int64_t depth) {
  return divide_up(segments * round_up(depth, 4), kTileBytesS8);
}

// Bytes of rows of A in tiles.
int64_t tiles_bytes(const GemmS8Kernels& kernels, int64_t rows, int64_t segments, int64_t depth) {
  if (kernels.tiles == nullptr) return 0;
  return round_up(rows, kTileRowsS8) * steps_of(segments, depth) * kTileBytesS8;
}

// Bytes of copies of rows of A.
int64_t copied_bytes(const GemmS8Kernels& kernels, int64_t rows, int64_t segments, int64_t depth) {
  return kernels.orders_groups ? rows * segments * round_up(depth, 4) : 0;
}

template <class Fn>
void run_tasks(ThreadPool* pool, int64_t tasks, const Fn& fn) {
  if (pool != nullptr) return pool->parallel_for(tasks, fn);
  for (int64_t task = 0; task < tasks; ++task) fn(task);
}

class BlockS8 {
 public:
  BlockS8(Tier tier, const BlocksS8& blocks, void* workspace)
      : kernels_(gemm_s8_kernels(tier, blocks.b.segments, blocks.b.depth)), blocks_(blocks) {
    const PackedS8& b = blocks.b;
    const int64_t rows = block_rows_s8(tier, b.segments, b.depth);
    auto* at = static_cast<std::byte*>(workspace);
    pointers_ = take<const uint8_t*>(at, rows * b.segments);
    row_sums_ = take<int32_t>(at, rows);
    row_zeros_ = take<int32_t>(at, rows);
    scratch_ = take<uint8_t>(at, rows * blocks.row_scratch);
    packed_ = take<uint8_t>(at, tiles_bytes(kernels_, rows, b.segments, b.depth));
    copies_ = take<uint8_t>(at, copied_bytes(kernels_, rows, b.segments, b.depth));
  }

  void run(int64_t row, int64_t rows, int64_t panel, int64_t panel_end) {
    const PackedS8& b = blocks_.b;
    blocks_.fill_rows(blocks_.source, row, rows, pointers_, scratch_);
    if (b.zeros != nullptr) sum_rows(rows);
    if (blocks_.zero_point_per_row) {
      for (int64_t r = 0; r < rows; ++r) {
        row_zeros_[r] = stored_zero_a(blocks_.is_signed, blocks_.zero_points[row + r]);
      }
    }
    if (kernels_.tiles != nullptr) pack_tiles(rows);
    if (kernels_.orders_groups) copy_rows(rows);
    for (int64_t p = panel; p < panel_end; ++p) run_panel(row, rows, p, p + 1 < panel_end);
  }

 private:
  void sum_rows(int64_t rows) {
    const PackedS8& b = blocks_.b;
    std::fill(row_sums_, row_sums_ + rows, 0);
    for (int64_t s = 0; s < b.segments; ++s) {
      for (int64_t r = 0; r < rows; ++r) {
        row_sums_[r] += kernels_.row_sum(pointers_[s * rows + r], b.depth, blocks_.is_signed);
      }
    }
  }

  // more: the next panel follows.
  void run_panel(int64_t row, int64_t rows, int64_t panel, bool more) {
    const PackedS8& b = blocks_.b;
    const OutputS8& output = blocks_.output;
    const int64_t col = panel * kernels_.panel_cols;
    const auto bytes = static_cast<int64_t>(result_bytes_s8(output.result));
    GemmS8Tile tile;
    tile.row_stride = rows;
    tile.segments = b.segments;
    tile.groups = b.groups();
    if (kernels_.orders_groups) {
      tile.segments = 1;
      tile.groups *= b.segments;
      tile.order = b.order + panel * tile.groups;
      tile.twos = b.kinds[panel].twos;
      tile.ones = b.kinds[panel].ones;
      tile.turned = b.kinds[panel].turned;
    }
    tile.b = b.panels + col * 4 * b.segments * b.groups();
    tile.cols = std::min<int64_t>(kernels_.panel_cols, b.n - col);
    tile.is_signed = blocks_.is_signed;
    FinishS8& finish = tile.finish;
    finish.result = output.result;
    finish.add = output.add == nullptr ? nullptr : output.add + col;
    finish.scale = output.scale == nullptr ? nullptr : output.scale + col;
    finish.bias = output.bias == nullptr ? nullptr : output.bias + col;
    finish.low = output.low;
    finish.high = output.high;
    finish.zero = output.zero;
    finish.ld = output.ld;
    auto* dst = static_cast<std::byte*>(output.dst) + (row * output.ld + col) * bytes;
    if (kernels_.tiles != nullptr) {
      run_large_tiles(tile, dst, rows, col);
    } else {
      run_tiles(tile, dst, rows, col, more);
    }
    if (output.fn != nullptr) {
      output.fn(output.context, dst, output.ld, rows, tile.cols, blocks_.row0 + row,
                blocks_.col0 + col);
    }
  }

  // The segments of each row together, as unsigned elements.
  void copy_rows(int64_t rows) {
    const PackedS8& b = blocks_.b;
    if (b.segments == 1 && !blocks_.is_signed) return;
    const int64_t bytes = 4 * b.groups();
    uint8_t* to = copies_;
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* const begin = to;
      for (int64_t s = 0; s < b.segments; ++s, to += bytes) {
        kernels_.copy_unsigned(pointers_[s * rows + row], bytes, blocks_.is_signed, to);
      }
      pointers_[row] = begin;
    }
  }

  void pack_tiles(int64_t rows) {
    const PackedS8& b = blocks_.b;
    RowsS8 from;
    from.row_stride = rows;
    from.segments = b.segments;
    from.bytes = 4 * b.groups();
    from.is_signed = blocks_.is_signed;
    const int64_t tile_bytes = tiles_bytes(kernels_, kTileRowsS8, b.segments, b.depth);
    for (int64_t row = 0; row < rows; row += kTileRowsS8) {
      from.rows = pointers_ + row;
      from.count = std::min(kTileRowsS8, rows - row);
      kernels_.tiles->pack_rows(from, packed_ + row / kTileRowsS8 * tile_bytes);
    }
  }

  // Points what finishes sums at a row of the block.
  void place_rows(FinishS8& finish, std::byte* dst, int64_t row, int64_t col) const {
    const PackedS8& b = blocks_.b;
    if (b.zeros != nullptr) finish.minus[0] = {row_sums_ + row, b.zeros + col};
    if (blocks_.zero_point_per_row) finish.minus[1] = {row_zeros_ + row, b.sums + col};
    finish.dst = dst + row * finish.ld * static_cast<int64_t>(result_bytes_s8(finish.result));
  }

  // The next panel is fetched meanwhile, a part of it with each tile, unless B is small.
  void run_tiles(GemmS8Tile& tile, std::byte* dst, int64_t rows, int64_t col, bool more) const {
    constexpr int64_t kSmall = int64_t{200} << 10;
    const int64_t tiles = divide_up(rows, kernels_.tile_rows);
    const int64_t col_bytes = 4 * tile.segments * tile.groups;
    const int64_t panel_bytes = col_bytes * kernels_.panel_cols;
    const bool fetches = more && col_bytes * blocks_.b.n >= kSmall;
    const char* next = reinterpret_cast<const char*>(tile.b) + panel_bytes;
    tile.prefetch_step = 4 * kernels_.panel_cols / tiles;
    for (int64_t i = 0; i < tiles; ++i) {
      const int64_t begin = rows * i / tiles, height = rows * (i + 1) / tiles - begin;
      tile.rows = pointers_ + begin;
      place_rows(tile.finish, dst, begin, col);
      const bool is_signed = blocks_.is_signed && !kernels_.orders_groups;
      const auto fetching = kernels_.fetching_tile[is_signed][height];
      if (fetches && fetching != nullptr) {
        tile.prefetch = next + panel_bytes * i / tiles;
        fetching(tile);
      } else {
        kernels_.tile[is_signed][height](tile);
      }
    }
  }

  // The sums of one tile are finished while those of the next are computed.
  void run_large_tiles(GemmS8Tile& tile, std::byte* dst, int64_t rows, int64_t col) const {
    const PackedS8& b = blocks_.b;
    const int64_t height = kernels_.tile_rows;
    alignas(64) int32_t sums[2][2 * kTileRowsS8 * 32];
    ProductS8 product;
    product.steps = steps_of(b.segments, b.depth);
    product.b = tile.b;
    product.vectors = tile.cols > kernels_.lanes ? 2 : 1;
    const auto finish = [&](int64_t row) {
      place_rows(tile.finish, dst, row, col);
      kernels_.finish(tile.finish, sums[row / height % 2], std::min(height, rows - row),
                      product.vectors, tile.cols);
    };
    for (int64_t row = 0; row < rows; row += height) {
      product.a = packed_ + row * product.steps * kTileBytesS8;
      product.row_tiles = rows - row > kTileRowsS8 ? 2 : 1;
      product.sums = sums[row / height % 2];
      kernels_.tiles->multiply(product);
      if (row > 0) finish(row - height);
    }
    finish((rows - 1) / height * height);
  }

  const GemmS8Kernels& kernels_;
  const BlocksS8& blocks_;
  const uint8_t** pointers_;
  int32_t* row_sums_;
  int32_t* row_zeros_;
  uint8_t* scratch_;
  uint8_t* packed_;  // rows of A in tiles
  uint8_t* copies_;  // rows of A, one after the other
};

// ---- plain matrices

struct MatrixRows {
  const uint8_t* data = nullptr;
  int64_t ld = 0;
  int64_t depth = 0;
};

void fill_matrix_rows(const void* source, int64_t row, int64_t rows, const uint8_t** out,
                      uint8_t*) {
  const auto& matrix = *static_cast<const MatrixRows*>(source);
  for (int64_t r = 0; r < rows; ++r) out[r] = matrix.data + (row + r) * matrix.ld;
}

// Rows that do not end on a multiple of 4, copied. What is behind them meets zeros of B.
void copy_matrix_rows(const void* source, int64_t row, int64_t rows, const uint8_t** out,
                      uint8_t* scratch) {
  const auto& matrix = *static_cast<const MatrixRows*>(source);
  const int64_t ld = round_up(matrix.depth, 4);
  for (int64_t r = 0; r < rows; ++r, scratch += ld) {
    if (matrix.depth != 0) {
      std::memcpy(scratch, matrix.data + (row + r) * matrix.ld, static_cast<size_t>(matrix.depth));
    }
    std::fill(scratch + matrix.depth, scratch + ld, uint8_t{0});
    out[r] = scratch;
  }
}

int64_t scratch_of(int64_t k) { return k % 4 == 0 ? 0 : round_up(k, 4); }

TaskGrid grid_of(Tier tier, int64_t m, int64_t n, int64_t k, int threads) {
  const GemmS8Kernels& kernels = gemm_s8_kernels(tier, 1, k);
  return choose_grid({.rows = m,
                      .row_step = kernels.tile_rows,
                      .panels = divide_up(n, kernels.panel_cols),
                      .panel_cols = kernels.panel_cols,
                      .k = k,
                      .speed = kSpeedS8},
                     threads);
}

}  // namespace

int64_t padded_cols_s8(Tier tier, int64_t n) {
  return round_up(n, gemm_s8_kernels(tier).panel_cols);
}

// Of what kernels that order groups are told about them.
static size_t order_bytes(Tier tier, int64_t n, int64_t segments, int64_t depth) {
  if (!gemm_s8_kernels(tier).orders_groups) return 0;
  const int64_t panels = divide_up(n, gemm_s8_kernels(tier).panel_cols);
  return aligned(4 * panels * segments * divide_up(depth, 4)) +
         aligned(panels * static_cast<int64_t>(sizeof(GroupKindsS8)));
}

size_t packed_s8_bytes(Tier tier, int64_t n, int64_t segments, int64_t depth) {
  const int64_t lanes = gemm_s8_kernels(tier).lanes;
  const int64_t cols = padded_cols_s8(tier, n);
  // Tiles read whole steps of the last panel.
  const int64_t beyond = kTileBytesS8 / 4 * gemm_s8_kernels(tier).panel_cols * 4;
  return aligned(round_up(n, lanes) * round_up(depth, 4) * segments) + 2 * aligned(4 * cols) + 64 +
         (has_amx(tier) ? aligned(beyond) : 0) + order_bytes(tier, n, segments, depth);
}

namespace {

struct PackedPlaces {
  int8_t* panels;
  int32_t* sums;
  int32_t* zeros;
  int32_t* has_zeros;
  uint32_t* order;
  GroupKindsS8* kinds;
};
PackedPlaces places_in(Tier tier, void* packed, int64_t n, int64_t segments, int64_t depth) {
  auto* at = static_cast<std::byte*>(packed);
  PackedPlaces places{};
  places.panels =
      take<int8_t>(at, round_up(n, gemm_s8_kernels(tier).lanes) * round_up(depth, 4) * segments);
  places.sums = take<int32_t>(at, padded_cols_s8(tier, n));
  places.zeros = take<int32_t>(at, padded_cols_s8(tier, n));
  places.has_zeros = take<int32_t>(at, 1);
  if (gemm_s8_kernels(tier).orders_groups) {
    const int64_t panels = divide_up(n, gemm_s8_kernels(tier).panel_cols);
    places.order = take<uint32_t>(at, panels * segments * divide_up(depth, 4));
    places.kinds = take<GroupKindsS8>(at, panels);
  }
  return places;
}

// One column of a panel whose columns are `width` apart; returns the sum of its elements.
int32_t pack_column(const uint8_t* src, const PlacesS8& places, int64_t segments, int64_t depth,
                    uint8_t shift, int64_t width, int8_t* dst) {
  int32_t sum = 0;
  for (int64_t s = 0; s < segments; ++s, src += places.segment_step) {
    const uint8_t* from = src;
    for (int64_t i = 0, inner = 0; i < depth; ++i, ++inner) {
      if (inner == places.inner) {
        from += places.outer_step;
        inner = 0;
      }
      const auto element = static_cast<int8_t>(from[inner * places.step] ^ shift);
      dst[i / 4 * 4 * width + i % 4] = element;
      sum += element;
    }
    dst += divide_up(depth, 4) * 4 * width;
  }
  return sum;
}

struct TurnedGroup {
  int64_t group = 0;
  uint32_t turn = 0;
};

// Orders the groups of a panel, each of group_bytes, by how many of their products fit 16 bits.
GroupKindsS8 order_groups(const GemmS8Kernels& kernels, int8_t* panel, int64_t group_bytes,
                          int64_t count, uint32_t* order) {
  std::vector<TurnedGroup> twos, ones, turned, others;
  int64_t waiting = -1;  // for one that it fits together with
  for (int64_t g = 0; g < count; ++g) {
    const int8_t* group = panel + g * group_bytes;
    uint32_t turn = 0;
    while (turn < kTurnCountS8 && !kernels.fit(group, turn, nullptr, group_bytes)) ++turn;
    if (turn == kTurnCountS8) {
      others.push_back({g, 0});
    } else if (turn > 0) {
      turned.push_back({g, turn});
    } else if (waiting < 0) {
      waiting = g;
    } else if (kernels.fit(group, 0, panel + waiting * group_bytes, group_bytes)) {
      twos.push_back({waiting, 0});
      twos.push_back({g, 0});
      waiting = -1;
    } else {
      ones.push_back({waiting, 0});
      waiting = g;
    }
  }
  if (waiting >= 0) ones.push_back({waiting, 0});
  // Few of them are not worth a loop.
  if (4 * static_cast<int64_t>(twos.size()) < 3 * count) {
    ones.insert(ones.end(), twos.begin(), twos.end());
    twos.clear();
  }
  const std::vector<int8_t> before(panel, panel + count * group_bytes);
  for (const std::vector<TurnedGroup>* kind : {&twos, &ones, &turned, &others}) {
    for (const TurnedGroup& from : *kind) {
      const int8_t* group = before.data() + from.group * group_bytes;
      for (int64_t i = 0; i < group_bytes; ++i) {
        panel[i] = group[i / 4 * 4 + kTurnsS8[from.turn][i % 4]];
      }
      panel += group_bytes;
      *order++ = static_cast<uint32_t>(from.group) | from.turn << kTurnShiftS8;
    }
  }
  return {static_cast<int32_t>(twos.size() / 2), static_cast<int32_t>(ones.size()),
          static_cast<int32_t>(turned.size())};
}

}  // namespace

void pack_b_s8(Tier tier, const BytesMatrix& b, const PlacesS8& places, int64_t n, int64_t segments,
               int64_t depth, void* dst, ThreadPool* pool) {
  const GemmS8Kernels& kernels = gemm_s8_kernels(tier);
  const PackedPlaces to = places_in(tier, dst, n, segments, depth);
  const uint8_t shift = b.is_signed ? 0 : 0x80;
  const int64_t count = segments * depth, groups = segments * divide_up(depth, 4);
  const int64_t padded = padded_cols_s8(tier, n);
  *to.has_zeros = 0;
  for (int64_t col = 0; col < padded; ++col) {
    to.zeros[col] = col < n ? stored_zero_b(b.is_signed, b.zero_point(col)) : 0;
    if (to.zeros[col] != 0) *to.has_zeros = 1;
  }
  const int64_t panels = divide_up(n, kernels.panel_cols);
  // Some 100 KB per task.
  const int64_t step =
      std::max<int64_t>(1, 100000 / std::max<int64_t>(1, count * kernels.panel_cols));
  run_tasks(pool, divide_up(panels, step), [&](int64_t task) {
    for (int64_t p = task * step; p < std::min(panels, (task + 1) * step); ++p) {
      const int64_t col = p * kernels.panel_cols;
      const int64_t width = std::min<int64_t>(kernels.panel_cols, round_up(n - col, kernels.lanes));
      int8_t* panel = to.panels + col * 4 * groups;
      std::fill(panel, panel + width * 4 * groups, int8_t{0});
      for (int64_t i = col; i < col + kernels.panel_cols; ++i) {
        to.sums[i] = 0;
        if (i >= n) continue;
        const auto* src = static_cast<const uint8_t*>(b.data) + i * places.col_step;
        const int32_t sum =
            pack_column(src, places, segments, depth, shift, width, panel + 4 * (i - col));
        to.sums[i] = sum - static_cast<int32_t>(count) * to.zeros[i];
      }
      if (kernels.orders_groups) {
        to.kinds[p] = order_groups(kernels, panel, 4 * width, groups, to.order + p * groups);
      }
    }
  });
}

PackedS8 packed_s8(Tier tier, const void* packed, int64_t n, int64_t segments, int64_t depth) {
  const PackedPlaces places = places_in(tier, const_cast<void*>(packed), n, segments, depth);
  PackedS8 b;
  b.n = n;
  b.segments = segments;
  b.depth = depth;
  b.panels = places.panels;
  b.sums = places.sums;
  b.zeros = *places.has_zeros != 0 ? places.zeros : nullptr;
  b.order = places.order;
  b.kinds = places.kinds;
  return b;
}

void saturate_s8(OutputS8& output) {
  const bool is_signed = output.result == ResultS8::kInt8;
  output.low = static_cast<float>((is_signed ? -128 : 0) - output.zero);
  output.high = static_cast<float>((is_signed ? 127 : 255) - output.zero);
}

size_t result_bytes_s8(ResultS8 result) {
  return result == ResultS8::kInt32 || result == ResultS8::kFloat32 ? 4 : 1;
}

int64_t block_rows_s8(Tier tier, int64_t segments, int64_t depth) {
  const int64_t tile_rows = gemm_s8_kernels(tier, segments, depth).tile_rows;
  const int64_t row_bytes = std::max<int64_t>(1, segments * round_up(depth, 4));
  const int64_t rows = std::min(
      {kMostBlockRows, kBlockBytes / row_bytes, kMostPointers / std::max<int64_t>(1, segments)});
  return std::max<int64_t>(1, rows / tile_rows) * tile_rows;
}

size_t task_bytes_s8(Tier tier, int64_t segments, int64_t depth, int64_t row_scratch) {
  const GemmS8Kernels& kernels = gemm_s8_kernels(tier, segments, depth);
  const int64_t rows = block_rows_s8(tier, segments, depth);
  return aligned(rows * segments * static_cast<int64_t>(sizeof(void*))) + 2 * aligned(4 * rows) +
         aligned(rows * row_scratch) + aligned(tiles_bytes(kernels, rows, segments, depth)) +
         aligned(copied_bytes(kernels, rows, segments, depth));
}

void gemm_s8_blocks(Tier tier, const BlocksS8& blocks, int64_t row, int64_t row_end, int64_t panel,
                    int64_t panel_end, void* workspace) {
  const GemmS8Kernels& kernels = gemm_s8_kernels(tier, blocks.b.segments, blocks.b.depth);
  const int64_t tile_rows = kernels.tile_rows;
  const int64_t most = block_rows_s8(tier, blocks.b.segments, blocks.b.depth) / tile_rows;
  const int64_t tiles = divide_up(row_end - row, tile_rows);
  const int64_t count = divide_up(tiles, most);
  const TilesS8* large = kernels.tiles;
  BlockS8 block(tier, blocks, workspace);
  if (large != nullptr) large->begin();
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = row + tiles * i / count * tile_rows;
    const int64_t end = std::min(row + tiles * (i + 1) / count * tile_rows, row_end);
    block.run(begin, end - begin, panel, panel_end);
  }
  if (large != nullptr) large->end();
}

void add_zero_point_s8(Tier tier, const PackedS8& b, bool a_signed, int32_t zero_point,
                       const int32_t* bias, int32_t* dst) {
  const auto zero = static_cast<uint32_t>(stored_zero_a(a_signed, zero_point));
  const int64_t padded = padded_cols_s8(tier, b.n);
  for (int64_t col = 0; col < padded; ++col) {
    const uint32_t start = bias == nullptr || col >= b.n ? 0 : static_cast<uint32_t>(bias[col]);
    dst[col] = static_cast<int32_t>(start - zero * static_cast<uint32_t>(b.sums[col]));
  }
}

size_t gemm_s8_workspace_bytes(Tier tier, int64_t m, int64_t n, int64_t k, int threads) {
  const TaskGrid grid = grid_of(tier, m, n, k, threads);
  return static_cast<size_t>(grid.tasks()) * task_bytes_s8(tier, 1, k, scratch_of(k)) +
         aligned(4 * padded_cols_s8(tier, n));
}

void gemm_s8(Tier tier, const GemmS8Args& args, void* workspace, ThreadPool* pool) {
  const PackedS8& b = args.b;
  const TaskGrid grid = grid_of(tier, args.m, b.n, b.depth, pool == nullptr ? 1 : pool->threads());
  const MatrixRows rows{static_cast<const uint8_t*>(args.a.data), args.lda, b.depth};
  BlocksS8 blocks;
  blocks.row_scratch = scratch_of(b.depth);
  blocks.fill_rows = blocks.row_scratch == 0 ? fill_matrix_rows : copy_matrix_rows;
  blocks.source = &rows;
  blocks.is_signed = args.a.is_signed;
  blocks.b = b;
  blocks.output = args.output;
  auto* at = static_cast<std::byte*>(workspace);
  int32_t* add = take<int32_t>(at, padded_cols_s8(tier, b.n));
  blocks.zero_points = args.a.zero_points;
  blocks.zero_point_per_row = args.a.zero_points != nullptr && args.a.zero_point_per_line;
  // With a zero point per row, of -128 here: nothing is added to what the rows subtract.
  const int32_t zero =
      blocks.zero_point_per_row ? (args.a.is_signed ? -128 : 0) : args.a.zero_point(0);
  add_zero_point_s8(tier, b, args.a.is_signed, zero, args.output.add, add);
  blocks.output.add = add;
  const size_t task_bytes = task_bytes_s8(tier, 1, b.depth, blocks.row_scratch);
  run_tasks(pool, grid.tasks(), [&](int64_t task) {
    gemm_s8_blocks(tier, blocks, grid.row_begin(task), grid.row_end(task), grid.panel_begin(task),
                   grid.panel_end(task), at + static_cast<size_t>(task) * task_bytes);
  });
}

}  // namespace sardonyx
