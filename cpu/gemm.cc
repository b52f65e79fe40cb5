// Packing, how products are cut into tasks, and the tasks' loops over blocks of rows, which
// cpu/gemm_block.h goes through.
#include "cpu/gemm.h"

#include <algorithm>
#include <array>
#include <limits>

#include "cpu/gemm_block.h"

namespace sardonyx {

template <class T>
int64_t packed_b_count(const GemmKernels<T>& kernels, int64_t k, int64_t n) {
  return k * divide_up(n, kernels.lanes) * kernels.lanes;
}

template <class T>
static void pack_panel(const GemmKernels<T>& kernels, const T* b, int64_t ldb, bool trans_b,
                       int64_t k, int64_t n, int64_t panel, T* dst) {
  const int64_t col = panel * kernels.panel_cols;
  const int64_t cols = std::min<int64_t>(kernels.panel_cols, n - col);
  if (trans_b) {
    kernels.pack_cols(b + col * ldb, ldb, k, cols, dst + col * k);
  } else {
    kernels.pack_rows(b + col, ldb, k, cols, dst + col * k);
  }
}

template <class T>
void pack_b(const GemmKernels<T>& kernels, const T* b, int64_t ldb, bool trans_b, int64_t k,
            int64_t n, T* dst, ThreadPool& pool) {
  const int64_t panels = divide_up(n, kernels.panel_cols);
  // Some 100 KB per task.
  const int64_t step = std::max<int64_t>(1, 25000 / std::max<int64_t>(1, k * kernels.panel_cols));
  pool.parallel_for(divide_up(panels, step), [&](int64_t task) {
    for (int64_t p = task * step; p < std::min(panels, (task + 1) * step); ++p) {
      pack_panel(kernels, b, ldb, trans_b, k, n, p, dst);
    }
  });
}

template <class T>
void gemm_blocks(const GemmKernels<T>& kernels, const BlockArgs<T>& args, int64_t row,
                 int64_t row_end, int64_t panel, int64_t panel_end) {
  // Blocks of even height, a whole number of tiles where possible.
  const int64_t blocks = divide_up(row_end - row, args.split ? kMaxBlockRows : kBlockRows);
  const int64_t tile_rows = args.split ? kSplitRows : kernels.tile_rows;
  const int64_t tiles = args.split ? divide_up(row_end - row, tile_rows)
                                   : std::max<int64_t>(1, (row_end - row) / tile_rows);
  SplitPanels shared;
  if (args.split) share_panels(kernels, args, row_end - row, panel, panel_end, shared);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t begin = row + tiles * i / blocks * tile_rows;
    const int64_t end = i + 1 < blocks ? row + tiles * (i + 1) / blocks * tile_rows : row_end;
    RowBlock<T>(kernels, args, begin, end - begin, end < row_end).run(panel, panel_end, shared);
    shared.steps_before = 0;
  }
  if (args.split) kernels.split->release();
}

template <class T>
bool pays_to_split(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t k) {
  if (kernels.split == nullptr || m <= 0 || n <= 0 || k <= 0) return false;
  // What it takes to split a row, a panel for a block of rows, and to fetch the sums from tiles, in
  // columns, rows and elements of k whose multiply-adds take as long.
  constexpr double kRowCost = 30, kPanelCost = 20, kSumCost = 20, kMost = 0.37;
  const auto rows = static_cast<double>(std::min(m, kMaxBlockRows));
  return kRowCost / static_cast<double>(n) + kPanelCost / rows + kSumCost / static_cast<double>(k) <
         kMost;
}

template <class T>
bool adds_in_place(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t segments,
                   int64_t depth) {
  const Chunk first = next_chunk({}, segments, depth, kChunkDepth);
  const bool is_all = first.segments >= segments && first.depth >= depth;
  return is_all && !pays_to_split(kernels, m, n, segments * depth);
}

TaskGrid choose_grid(const GridWork& work, int threads) {
  const auto [rows, row_step, panels, panel_cols, k, speed, panel_rows] = work;
  // Microseconds of work are not worth waking anybody: 2 MFLOP are about 7.
  constexpr double kFlopsPerTask = 0.5e6;
  constexpr std::array<int64_t, 10> kParts = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32};
  TaskGrid best{rows, panels, row_step, 1, 1};
  const double flops = 2.0 * static_cast<double>(rows) * static_cast<double>(panels * panel_cols) *
                       static_cast<double>(k) / speed;
  const int64_t most = std::min<int64_t>(static_cast<int64_t>(flops / kFlopsPerTask), 8 * threads);
  if (threads == 1 || most < 2) return best;
  // Time until the last thread is done, in units of (row, panel). A panel of B comes from a distant
  // cache or from memory meanwhile, which takes as long as some rows. Rows of A are mostly where
  // the thread that has the same part of the rows wrote them; a thread that works on the rows of
  // others fetches them from there.
  constexpr double kRowsPerPanelRead = 20;
  constexpr double kForeignRow = 2;
  // More tasks are better where a thread is slowed down.
  constexpr double kSlack = 0.1;
  const int64_t steps = std::max<int64_t>(1, rows / row_step);
  double best_cost = std::numeric_limits<double>::infinity();
  for (int64_t row_parts : kParts) {
    for (int64_t panel_parts : kParts) {
      const int64_t tasks = row_parts * panel_parts;
      if (tasks > most || row_parts > steps || panel_parts > panels) continue;
      const auto turns = static_cast<double>(divide_up(tasks, threads));
      const auto task_rows =
          static_cast<double>(std::min(divide_up(steps, row_parts) * row_step, rows));
      const auto task_panels = static_cast<double>(divide_up(panels, panel_parts));
      const auto sharing = static_cast<double>(std::min<int64_t>(panel_parts, threads));
      const double products =
          (std::max(task_rows, kRowsPerPanelRead * speed) + panel_rows) * task_panels;
      const double foreign = kForeignRow * speed * task_rows * (1 - 1 / sharing);
      const double cost = turns * (products + foreign) * (1 + kSlack / turns);
      if (cost < best_cost) {
        best_cost = cost;
        best = {rows, panels, row_step, row_parts, panel_parts};
      }
    }
  }
  return best;
}

template <class T>
TaskGrid choose_grid(const GemmKernels<T>& kernels, int64_t rows, int64_t row_step, int64_t cols,
                     int64_t k, bool split, int threads) {
  GridWork work;
  work.rows = rows;
  work.row_step = row_step;
  work.panels = divide_up(cols, kernels.panel_cols);
  work.panel_cols = kernels.panel_cols;
  work.k = k;
  if (split) {
    work.speed = 1.5;
    work.panel_rows = 24;
  }
  return choose_grid(work, threads);
}

namespace {

// Items that follow one another and share B are one taller item.
template <class T>
GemmArgs<T> join_batch(GemmArgs<T> args) {
  const bool residual_joins = args.epilogue.residual == nullptr ||
                              args.residual_stride == args.m * args.epilogue.residual_ld;
  if (args.batch > 1 && args.packed_b != nullptr && !args.trans_a && args.a_offsets == nullptr &&
      args.a_stride == args.m * args.lda && args.c_stride == args.m * args.ldc && residual_joins) {
    args.m *= args.batch;
    args.batch = 1;
  }
  return args;
}

// Whether whole panels of B are read where they lie: packing them takes longer than multiplying by
// few rows.
template <class T>
bool reads_plain_b(const GemmKernels<T>& kernels, const GemmArgs<T>& args) {
  return args.packed_b == nullptr && !args.trans_b && args.m <= kMaxWideRows &&
         kernels.wide_one[args.m] != nullptr;
}

// How a product without packed B is done.
struct DynamicPlan {
  int64_t groups = 1;   // tasks that work through items of the batch on their own
  int64_t b_count = 0;  // packed elements of B per group
  int64_t a_count = 0;  // transposed or packed elements of A per group
  bool packs_a = false;
};

// Rows [row, row_end) of A to their places in dst; both are multiples of tile_rows, but for the end
// of A, before which there are no cuts within the last two tiles.
template <class T>
void pack_a_rows(const GemmKernels<T>& kernels, const DenseRows<T>& rows, int64_t m, int64_t k,
                 int64_t row, int64_t row_end, T* dst) {
  while (row < row_end) {
    const int64_t height = packed_height(row_end - row, kernels.tile_rows);
    kernels.pack_a(rows.a + row * rows.ld, rows.ld, height, m - row, k, dst + row * k);
    row += height;
  }
}

template <class T>
DynamicPlan plan_dynamic(const GemmKernels<T>& kernels, const GemmArgs<T>& args, int threads) {
  constexpr int64_t kAlign = 64 / sizeof(T);
  DynamicPlan plan;
  const bool has_whole_panels = args.n % kernels.panel_cols == 0;
  if (args.packed_b == nullptr && !(reads_plain_b(kernels, args) && has_whole_panels)) {
    plan.b_count = divide_up(packed_b_count(kernels, args.k, args.n), kAlign) * kAlign;
  }
  plan.packs_a = !args.trans_a && pays_to_pack_a(kernels, args.m, args.n, args.k);
  if (args.trans_a || plan.packs_a) {
    plan.a_count = divide_up(args.m * args.k, kAlign) * kAlign;
  }
  // Items side by side where there are enough of them, each cut into tasks otherwise.
  const double flops =
      2.0 * static_cast<double>(args.m) * static_cast<double>(args.n) * static_cast<double>(args.k);
  if (threads > 1 && args.batch >= 2 * threads && flops * static_cast<double>(args.batch) > 1e6) {
    plan.groups = std::min<int64_t>(args.batch, 4 * threads);
  }
  return plan;
}

template <class T>
void transpose_a(const T* a, int64_t lda, int64_t m, int64_t k, T* dst) {
  constexpr int64_t kSquare = 16;
  for (int64_t i0 = 0; i0 < m; i0 += kSquare) {
    for (int64_t k0 = 0; k0 < k; k0 += kSquare) {
      for (int64_t i = i0; i < std::min(m, i0 + kSquare); ++i) {
        for (int64_t j = k0; j < std::min(k, k0 + kSquare); ++j) dst[i * k + j] = a[j * lda + i];
      }
    }
  }
}

template <class T>
struct Item {
  DenseRows<T> rows;
  const T* b;
  BlockArgs<T> block;
};

template <class T>
Item<T> batch_item(const GemmArgs<T>& args, int64_t i) {
  Item<T> item;
  const int64_t a_offset = args.a_offsets != nullptr ? args.a_offsets[i] : i * args.a_stride;
  item.rows = {args.a + a_offset, args.lda};
  if (args.packed_b == nullptr) {
    item.b = args.b + (args.b_offsets != nullptr ? args.b_offsets[i] : i * args.b_stride);
  }
  item.block = item_block(args, i);
  return item;
}

}  // namespace

// Interleaving rows costs about a third of a cycle per element, and saves as many for each 100
// columns.
template <class T>
bool pays_to_pack_a(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kLeastCols = 512;
  return kernels.pack_a != nullptr && m >= kernels.tile_rows && n >= kLeastCols &&
         !pays_to_split(kernels, m, n, k);
}

template <class T>
size_t gemm_workspace_bytes(const GemmKernels<T>& kernels, const GemmArgs<T>& args, int threads) {
  const DynamicPlan plan = plan_dynamic(kernels, join_batch(args), threads);
  return static_cast<size_t>(plan.groups * (plan.a_count + plan.b_count)) * sizeof(T);
}

template <class T>
void gemm(const GemmKernels<T>& kernels, const GemmArgs<T>& given, void* workspace,
          ThreadPool& pool) {
  if (given.m <= 0 || given.n <= 0 || given.batch <= 0) return;
  const GemmArgs<T> args = join_batch(given);
  const int threads = pool.threads();
  const DynamicPlan plan = plan_dynamic(kernels, args, threads);
  const int64_t panels = divide_up(args.n, kernels.panel_cols);
  const auto prepare = [&](Item<T>& item, T* space, ThreadPool* packers) {
    if (args.trans_a) {
      transpose_a(item.rows.a, args.lda, args.m, args.k, space);
      item.rows = {space, args.k};
    }
    item.block.source = &item.rows;
    item.block.split = pays_to_split(kernels, args.m, args.n, args.k);
    if (args.packed_b != nullptr) return;
    const bool plain = reads_plain_b(kernels, args);
    if (plain) {
      item.block.plain_b = item.b;
      item.block.plain_ld = args.ldb;
    }
    if (plan.b_count == 0) return;
    T* packed = space + plan.a_count;
    item.block.packed_b = packed;
    if (plain) {
      return pack_panel(kernels, item.b, args.ldb, false, args.k, args.n, panels - 1, packed);
    }
    if (packers != nullptr) {
      pack_b(kernels, item.b, args.ldb, args.trans_b, args.k, args.n, packed, *packers);
    } else {
      for (int64_t p = 0; p < panels; ++p) {
        pack_panel(kernels, item.b, args.ldb, args.trans_b, args.k, args.n, p, packed);
      }
    }
  };
  if (plan.groups > 1) {
    pool.parallel_for(plan.groups, [&](int64_t group) {
      T* space = static_cast<T*>(workspace) + group * (plan.a_count + plan.b_count);
      const int64_t end = args.batch * (group + 1) / plan.groups;
      for (int64_t i = args.batch * group / plan.groups; i < end; ++i) {
        Item<T> item = batch_item(args, i);
        prepare(item, space, nullptr);
        if (plan.packs_a) {
          pack_a_rows(kernels, item.rows, args.m, args.k, 0, args.m, space);
          item.block.packed_a = space;
        }
        gemm_blocks(kernels, item.block, 0, args.m, 0, panels);
      }
    });
    return;
  }
  const TaskGrid grid =
      choose_grid(kernels, args.m, plan.packs_a ? kernels.tile_rows : 1, args.n, args.k,
                  pays_to_split(kernels, args.m, args.n, args.k), threads);
  for (int64_t i = 0; i < args.batch; ++i) {
    Item<T> item = batch_item(args, i);
    T* space = static_cast<T*>(workspace);
    prepare(item, space, &pool);
    // By the thread that reads them, unless several do.
    const bool shared_rows = plan.packs_a && grid.panel_parts > 1;
    if (plan.packs_a) item.block.packed_a = space;
    if (shared_rows) {
      const TaskGrid strips{args.m, 1, kernels.tile_rows,
                            std::min<int64_t>(args.m / kernels.tile_rows, 4 * threads), 1};
      pool.parallel_for(strips.tasks(), [&](int64_t strip) {
        pack_a_rows(kernels, item.rows, args.m, args.k, strips.row_begin(strip),
                    strips.row_end(strip), space);
      });
    }
    pool.parallel_for(grid.tasks(), [&](int64_t task) {
      if (plan.packs_a && !shared_rows) {
        pack_a_rows(kernels, item.rows, args.m, args.k, grid.row_begin(task), grid.row_end(task),
                    space);
      }
      gemm_blocks(kernels, item.block, grid.row_begin(task), grid.row_end(task),
                  grid.panel_begin(task), grid.panel_end(task));
    });
  }
}

template <class T>
void fill_dense_rows(const void* source, int64_t row, int64_t rows, int64_t, int64_t,
                     int64_t offset, const T** out) {
  const auto& dense = *static_cast<const DenseRows<T>*>(source);
  const T* a = dense.a + row * dense.ld + offset;
  for (int64_t r = 0; r < rows; ++r, a += dense.ld) out[r] = a;
}

template <class T>
BlockArgs<T> item_block(const GemmArgs<T>& args, int64_t item) {
  BlockArgs<T> block;
  block.n = args.n;
  block.depth = args.k;
  block.fill_rows = fill_dense_rows<T>;
  block.packed_b = args.packed_b;
  block.c = args.c + item * args.c_stride;
  block.ldc = args.ldc;
  block.row0 = item * args.m;
  block.epilogue = args.epilogue;
  if (args.epilogue.residual != nullptr) block.epilogue.residual += item * args.residual_stride;
  return block;
}

#define SARDONYX_GEMM(T)                                                                           \
  template bool pays_to_split(const GemmKernels<T>&, int64_t, int64_t, int64_t);                   \
  template bool adds_in_place(const GemmKernels<T>&, int64_t, int64_t, int64_t, int64_t);          \
  template int64_t packed_b_count(const GemmKernels<T>&, int64_t, int64_t);                        \
  template void pack_b(const GemmKernels<T>&, const T*, int64_t, bool, int64_t, int64_t, T*,       \
                       ThreadPool&);                                                               \
  template void gemm_blocks(const GemmKernels<T>&, const BlockArgs<T>&, int64_t, int64_t, int64_t, \
                            int64_t);                                                              \
  template TaskGrid choose_grid(const GemmKernels<T>&, int64_t, int64_t, int64_t, int64_t, bool,   \
                                int);                                                              \
  template void fill_dense_rows<T>(const void*, int64_t, int64_t, int64_t, int64_t, int64_t,       \
                                   const T**);                                                     \
  template BlockArgs<T> item_block(const GemmArgs<T>&, int64_t);                                   \
  template bool pays_to_pack_a(const GemmKernels<T>&, int64_t, int64_t, int64_t);                  \
  template size_t gemm_workspace_bytes(const GemmKernels<T>&, const GemmArgs<T>&, int);            \
  template void gemm(const GemmKernels<T>&, const GemmArgs<T>&, void*, ThreadPool&);
SARDONYX_GEMM(float)
SARDONYX_GEMM(double)
#undef SARDONYX_GEMM

}  // namespace sardonyx
