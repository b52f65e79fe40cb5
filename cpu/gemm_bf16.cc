// A is rounded once, by all threads; then tasks go through panels of B, each times all row tiles of
// a block of A that stays in the second cache. Sums stay in tiles or registers over all of k.
#include "cpu/gemm_bf16.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/cpu_features.h"
#include "cpu/gemm_bf16_kernels.h"

namespace sardonyx {
namespace {

constexpr int64_t kPairRows = 2 * kTileRowsBf16;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t steps_of(int64_t k) { return divide_up(k, kStepBf16); }
int64_t panel_count(int64_t k) { return steps_of(k) * kStepBf16 * kPanelBf16; }
int64_t tile_count(int64_t k) { return steps_of(k) * kStepBf16 * kTileRowsBf16; }

// Rows of A that stay in the second cache while B goes by.
int64_t block_rows(int64_t k) {
  const auto bytes = static_cast<int64_t>(std::max<size_t>(cpu_features().l2_bytes / 2, 256 << 10));
  const int64_t row_bytes = steps_of(k) * kStepBf16 * static_cast<int64_t>(sizeof(uint16_t));
  return std::max<int64_t>(1, bytes / (row_bytes * kPairRows)) * kPairRows;
}

// What becomes of the sums of one product.
class Finisher {
 public:
  Finisher(const GemmKernels<float>& kernels, const BlockArgs<float>& args)
      : kernels_(kernels), args_(args), e_(args.epilogue) {
    pass_ = e_.activation != Activation::kNone && e_.activation != Activation::kClip;
    tile_.finish = true;
    tile_.alpha = e_.alpha;
    const bool clips = e_.activation == Activation::kClip;
    tile_.low = clips ? e_.p0 : -std::numeric_limits<float>::infinity();
    tile_.high = clips ? e_.p1 : std::numeric_limits<float>::infinity();
    tile_.residual_ld = e_.residual_ld;
    tile_.residual_after = e_.residual_after;
  }

  // sums[rows, 32]; they may be changed.
  void finish(int64_t row, int64_t rows, int64_t col, int64_t cols, float* sums) {
    float* c = args_.c + row * args_.ldc + col;
    const float* residual =
        e_.residual == nullptr ? nullptr : e_.residual + row * e_.residual_ld + col;
    const bool later = pass_ && e_.residual_after;
    tile_.bias = e_.bias == nullptr ? nullptr : e_.bias + col;
    tile_.residual = later ? nullptr : residual;
    tile_.c = pass_ ? sums : c;
    tile_.ldc = pass_ ? kPanelBf16 : args_.ldc;
    tile_.cols = cols;
    kernels_.finish(tile_, sums, static_cast<int>(rows));
    if (pass_) {
      kernels_.activate(e_.activation, e_.p0, e_.p1, sums, kPanelBf16, later ? residual : nullptr,
                        e_.residual_ld, c, args_.ldc, rows, cols);
    }
    if (e_.fn != nullptr) {
      e_.fn(e_.context, c, args_.ldc, rows, cols, args_.row0 + row, args_.col0 + col);
    }
  }

 private:
  const GemmKernels<float>& kernels_;
  const BlockArgs<float>& args_;
  const Epilogue<float>& e_;
  bool pass_ = false;  // the activation needs a pass of its own
  GemmTile<float> tile_;
};

// Rows of A in tiles, the first of which is row `row0`, and B.
struct Packed {
  const uint16_t* a;
  int64_t row0;
  const uint16_t* b;
};

void multiply_block(const Bf16Kernels& kernels, const BlockArgs<float>& args, const Packed& packed,
                    Finisher& finisher, int64_t row, int64_t row_end, int64_t panel,
                    int64_t panel_end) {
  alignas(64) float sums[kPairRows * kPanelBf16];
  const int64_t k = args.segments * args.depth;
  TileBf16 tile;
  tile.sums = sums;
  tile.steps = steps_of(k);
  const int64_t pairs = divide_up(row_end - row, kPairRows);
  tile.ahead_lines = divide_up(kStepBf16 * kPanelBf16 * int64_t{sizeof(uint16_t)} / 64, pairs);
  for (int64_t p = panel; p < panel_end; ++p) {
    const int64_t col = p * kPanelBf16;
    const int64_t cols = std::min(kPanelBf16, args.n - col);
    tile.b = packed.b + p * panel_count(k);
    const uint16_t* next = p + 1 < panel_end ? tile.b + panel_count(k) : tile.b;
    tile.ahead = reinterpret_cast<const char*>(next);
    for (int64_t r = row; r < row_end; r += kPairRows) {
      const int64_t rows = std::min(kPairRows, row_end - r);
      tile.a = packed.a + (r - packed.row0) / kTileRowsBf16 * tile_count(k);
      tile.row_tiles = rows > kTileRowsBf16 ? 2 : 1;
      kernels.multiply(tile);
      tile.ahead += tile.steps * tile.ahead_lines * 64;
      finisher.finish(r, rows, col, cols, sums);
    }
  }
}

}  // namespace

#ifdef SARDONYX_BF16_X86

const Bf16Kernels* bf16_kernels(Tier tier, Bf16Kind kind, const char** why) {
  const CpuFeatures& cpu = cpu_features();
  const char* missing = nullptr;
  if (!has_avx512(tier) || !cpu.avx512_bf16) {
    missing = has_avx512(tier) ? "the processor has no AVX-512 BF16" : "the tier is below avx512";
  } else if (kind == Bf16Kind::kTiles && !has_amx(tier)) {
    missing = cpu.amx_bf16 && !may_use_tiles()
                  ? "the operating system does not let this process use AMX"
                  : "the tier is not amx";
  }
  if (why != nullptr) *why = missing;
  if (missing != nullptr) return nullptr;
  return kind == Bf16Kind::kTiles ? &kBf16Tiles : &kBf16Dots;
}

void pack_b_bf16(const float* b, int64_t ldb, bool trans_b, int64_t k, int64_t n, void* dst,
                 ThreadPool& pool) {
  // Some 100 KB per task.
  const int64_t step = std::max<int64_t>(1, 50000 / std::max<int64_t>(1, panel_count(k)));
  const int64_t panels = divide_up(n, kPanelBf16);
  pool.parallel_for(divide_up(panels, step), [&](int64_t task) {
    for (int64_t p = task * step; p < std::min(panels, (task + 1) * step); ++p) {
      const int64_t col = p * kPanelBf16;
      pack_b_panel_bf16(b + col * (trans_b ? ldb : 1), ldb, trans_b, k,
                        std::min(kPanelBf16, n - col),
                        static_cast<uint16_t*>(dst) + p * panel_count(k));
    }
  });
}

#else

const Bf16Kernels* bf16_kernels(Tier, Bf16Kind, const char** why) {
  if (why != nullptr) *why = "this build is not for x86-64";
  return nullptr;
}
// Without kernels, nobody packs.
void pack_b_bf16(const float*, int64_t, bool, int64_t, int64_t, void*, ThreadPool&) {}
static void pack_a_tile_bf16(const float*, int64_t, int64_t, int64_t, uint16_t*) {}
static void pack_a_segments_bf16(const RowsBf16&, uint16_t*) {}

#endif

size_t packed_b_bf16_bytes(int64_t k, int64_t n) {
  return static_cast<size_t>(divide_up(n, kPanelBf16) * panel_count(k)) * sizeof(uint16_t);
}

TaskGrid bf16_grid(int64_t rows, int64_t n, int64_t k, int threads) {
  return choose_grid({.rows = rows,
                      .row_step = kPairRows,
                      .panels = divide_up(n, kPanelBf16),
                      .panel_cols = kPanelBf16,
                      .k = k,
                      .speed = 8},
                     threads);
}

size_t gemm_bf16_workspace_bytes(const GemmArgs<float>& args) {
  return static_cast<size_t>(divide_up(args.m, kTileRowsBf16) * tile_count(args.k)) *
         sizeof(uint16_t);
}

void gemm_bf16(const Bf16Kernels& kernels, const GemmKernels<float>& finish,
               const GemmArgs<float>& args, const void* packed_b, void* workspace,
               ThreadPool& pool) {
  auto* packed_a = static_cast<uint16_t*>(workspace);
  const Packed packed{packed_a, 0, static_cast<const uint16_t*>(packed_b)};
  const int64_t tiles = divide_up(args.m, kTileRowsBf16);
  const TaskGrid grid = bf16_grid(args.m, args.n, args.k, pool.threads());
  const int64_t tiles_per_task = std::max<int64_t>(1, 50000 / tile_count(args.k));
  const int64_t pack_tasks = grid.tasks() == 1 ? 1 : divide_up(tiles, tiles_per_task);
  const int64_t most_rows = block_rows(args.k);
  for (int64_t item = 0; item < args.batch; ++item) {
    const float* a =
        args.a + (args.a_offsets != nullptr ? args.a_offsets[item] : item * args.a_stride);
    pool.parallel_for(pack_tasks, [&](int64_t task) {
      for (int64_t t = tiles * task / pack_tasks; t < tiles * (task + 1) / pack_tasks; ++t) {
        const int64_t row = t * kTileRowsBf16;
        pack_a_tile_bf16(a + row * args.lda, args.lda, std::min(kTileRowsBf16, args.m - row),
                         args.k, packed_a + t * tile_count(args.k));
      }
    });
    const BlockArgs<float> block = item_block(args, item);
    pool.parallel_for(grid.tasks(), [&](int64_t task) {
      Finisher finisher(finish, block);
      kernels.begin();
      const int64_t end = grid.row_end(task);
      for (int64_t row = grid.row_begin(task); row < end; row += most_rows) {
        multiply_block(kernels, block, packed, finisher, row, std::min(end, row + most_rows),
                       grid.panel_begin(task), grid.panel_end(task));
      }
      kernels.end();
    });
  }
}

// ---- rows by pointers

namespace {

constexpr int64_t kMaxPointers = 2048;

// Rows that are packed at once: what stays in the second cache beside B.
int64_t packed_rows(int64_t k) {
  constexpr int64_t kMostRows = 4 * kBlockRows;
  return std::min(kMostRows, block_rows(k) / 2 / kPairRows * kPairRows + kPairRows);
}

void pack_rows(const BlockArgs<float>& args, int64_t row, int64_t rows, uint16_t* dst) {
  std::array<const float*, kMaxPointers> pointers;
  const int64_t k = args.segments * args.depth;
  const int64_t tiles = divide_up(rows, kTileRowsBf16);
  for (int64_t t = 0; k % kStepBf16 != 0 && t < tiles; ++t) {  // what is behind k
    uint16_t* last = dst + (t + 1) * tile_count(k) - kTileRowsBf16 * kStepBf16;
    std::fill(last, last + kTileRowsBf16 * kStepBf16, uint16_t{0});
  }
  // Whole segments, or parts of one where it is longer than what a pointer promises.
  const int64_t depth = std::min(args.depth, kMaxChunkDepth);
  const int64_t most = depth < args.depth ? 1 : kMaxPointers / kBlockRows;
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t count = std::min(kBlockRows, rows - begin);
    for (int64_t at = 0; at < k;) {
      const int64_t segment = at / args.depth, offset = at % args.depth;
      RowsBf16 from;
      from.segments = std::min(most, args.segments - segment);
      from.depth = std::min(depth, args.depth - offset);
      from.k = at;
      from.row_stride = count;
      args.fill_rows(args.source, row + begin, count, segment, from.segments, offset,
                     pointers.data());
      at += from.segments * from.depth;
      for (int64_t r = 0; r < count; r += kTileRowsBf16) {
        from.pointers = pointers.data() + r;
        from.rows = std::min(kTileRowsBf16, count - r);
        pack_a_segments_bf16(from, dst + (begin + r) / kTileRowsBf16 * tile_count(k));
      }
    }
  }
}

}  // namespace

size_t task_bytes_bf16(int64_t k) {
  return static_cast<size_t>(packed_rows(k) / kTileRowsBf16 * tile_count(k)) * sizeof(uint16_t);
}

void gemm_bf16_blocks(const Bf16Kernels& kernels, const GemmKernels<float>& finish,
                      const BlockArgs<float>& args, const void* packed_b, const TaskGrid& grid,
                      int64_t task, void* workspace) {
  Finisher finisher(finish, args);
  auto* packed_a = static_cast<uint16_t*>(workspace);
  const int64_t most = packed_rows(args.segments * args.depth), end = grid.row_end(task);
  kernels.begin();
  for (int64_t row = grid.row_begin(task); row < end; row += most) {
    const int64_t row_end = std::min(end, row + most);
    pack_rows(args, row, row_end - row, packed_a);
    const Packed packed{packed_a, row, static_cast<const uint16_t*>(packed_b)};
    multiply_block(kernels, args, packed, finisher, row, row_end, grid.panel_begin(task),
                   grid.panel_end(task));
  }
  kernels.end();
}

}  // namespace sardonyx
