// Blocks of rows of A are widened into the workspace of a task and multiplied by every panel of B.
#include "cpu/gemm_s32.h"

#include <algorithm>

#include "cpu/gemm.h"

namespace sardonyx {
namespace {

constexpr int64_t kBlockRows = 48;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
// 16-bit elements of a row of A: whole pairs, and rows on cache lines.
int64_t row_count(int64_t k) { return divide_up(std::max<int64_t>(k, 1), 32) * 32; }

// Writes rows [row, row + rows) of A less their zero points, row_count(k) elements each, those from
// k on zero.
class RowsS32 {
 public:
  virtual ~RowsS32() = default;
  virtual void fill(int64_t row, int64_t rows, int16_t* dst) const = 0;
};

struct BlockS32 {
  const GemmS32Kernels& kernels;
  const RowsS32& rows;
  int64_t n = 0, k = 0;
  const int16_t* packed_b = nullptr;
  int32_t* c = nullptr;
  int64_t ldc = 0;
  int64_t col0 = 0;
  EpilogueFn<int32_t> fn = nullptr;
  void* context = nullptr;
};

void run_panel(const BlockS32& block, const int16_t* a, int64_t row, int64_t rows, int64_t panel) {
  const GemmS32Kernels& kernels = block.kernels;
  const int64_t col = panel * kernels.panel_cols;
  GemmS32Tile tile;
  tile.lda = row_count(block.k);
  tile.pairs = divide_up(block.k, 2);
  tile.b = block.packed_b + col * 2 * tile.pairs;
  tile.ldc = block.ldc;
  tile.cols = std::min<int64_t>(kernels.panel_cols, block.n - col);
  const int64_t tiles = divide_up(rows, kernels.tile_rows);
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t begin = rows * i / tiles;
    tile.a = a + begin * tile.lda;
    tile.c = block.c + (row + begin) * block.ldc + col;
    kernels.tile[rows * (i + 1) / tiles - begin](tile);
  }
  if (block.fn != nullptr) {
    int32_t* c = block.c + row * block.ldc + col;
    block.fn(block.context, c, block.ldc, rows, tile.cols, row, block.col0 + col);
  }
}

void run_rows(const BlockS32& block, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end,
              int16_t* space) {
  for (; row < row_end; row += kBlockRows) {
    const int64_t rows = std::min(kBlockRows, row_end - row);
    block.rows.fill(row, rows, space);
    for (int64_t p = panel; p < panel_end; ++p) run_panel(block, space, row, rows, p);
  }
}

TaskGrid grid_of(const GemmS32Kernels& kernels, int64_t m, int64_t n, int64_t k, int threads) {
  return choose_grid(m, kernels.tile_rows, divide_up(n, kernels.panel_cols), kernels.panel_cols, k,
                     threads);
}

size_t block_bytes(int64_t k) {
  return static_cast<size_t>(kBlockRows * row_count(k)) * sizeof(int16_t);
}

template <class T>
void widen(const T* src, int64_t count, int32_t zero_point, int16_t* dst) {
  for (int64_t i = 0; i < count; ++i) dst[i] = static_cast<int16_t>(src[i] - zero_point);
}

void widen(const BytesMatrix& matrix, int64_t at, int64_t count, int32_t zero_point, int16_t* dst) {
  if (matrix.is_signed) {
    widen(static_cast<const int8_t*>(matrix.data) + at, count, zero_point, dst);
  } else {
    widen(static_cast<const uint8_t*>(matrix.data) + at, count, zero_point, dst);
  }
}

class MatrixRows : public RowsS32 {
 public:
  explicit MatrixRows(const GemmS32Args& args) : args_(args) {}
  void fill(int64_t row, int64_t rows, int16_t* dst) const override {
    const int64_t count = row_count(args_.k);
    for (int64_t r = row; r < row + rows; ++r, dst += count) {
      widen(args_.a, r * args_.lda, args_.k, args_.a.zero_point(r), dst);
      std::fill(dst + args_.k, dst + count, int16_t{0});
    }
  }

 private:
  const GemmS32Args& args_;
};

// Output pixels of one group: the input pixels under all taps, side by side.
class ConvRows : public RowsS32 {
 public:
  ConvRows(const ConvShape& shape, const BytesMatrix& src, int64_t group)
      : s_(shape), src_(src), channels_(shape.in_channels / shape.groups), group_(group) {}

  void fill(int64_t row, int64_t rows, int16_t* dst) const override {
    const int64_t k = s_.taps() * channels_;
    const int64_t count = row_count(k);
    for (int64_t r = row; r < row + rows; ++r, dst += count) {
      fill_pixel(r, dst);
      std::fill(dst + k, dst + count, int16_t{0});
    }
  }

 private:
  void fill_pixel(int64_t pixel, int16_t* dst) const {
    const int64_t z0 = pixel / s_.out[2] / s_.out[1] % s_.out[0] * s_.stride[0] - s_.pad[0];
    const int64_t y0 = pixel / s_.out[2] % s_.out[1] * s_.stride[1] - s_.pad[1];
    const int64_t x0 = pixel % s_.out[2] * s_.stride[2] - s_.pad[2];
    const int64_t item = pixel / s_.out_pixels();
    for (int64_t kz = 0; kz < s_.kernel[0]; ++kz) {
      for (int64_t ky = 0; ky < s_.kernel[1]; ++ky) {
        const int64_t z = z0 + kz * s_.dilation[0], y = y0 + ky * s_.dilation[1];
        const bool line_outside = z < 0 || z >= s_.in[0] || y < 0 || y >= s_.in[1];
        const int64_t line = ((item * s_.in[0] + z) * s_.in[1] + y) * s_.in[2];
        for (int64_t kx = 0; kx < s_.kernel[2]; ++kx, dst += channels_) {
          const int64_t x = x0 + kx * s_.dilation[2];
          if (line_outside || x < 0 || x >= s_.in[2]) {
            std::fill(dst, dst + channels_, int16_t{0});
          } else {
            const int64_t at = (line + x) * s_.src_stride() + group_ * channels_;
            widen(src_, at, channels_, src_.zero_point(0), dst);
          }
        }
      }
    }
  }

  const ConvShape& s_;
  const BytesMatrix& src_;
  int64_t channels_;
  int64_t group_;
};

// Packs column by column: element(k, col) is B less its zero point.
template <class Element>
void pack(const GemmS32Kernels& kernels, int64_t k, int64_t n, int16_t* dst,
          const Element& element) {
  for (int64_t col = 0; col < n; col += kernels.panel_cols) {
    const int64_t width =
        std::min<int64_t>(kernels.panel_cols, divide_up(n - col, kernels.lanes) * kernels.lanes);
    for (int64_t pair = 0; pair < divide_up(k, 2); ++pair) {
      for (int64_t i = 0; i < width; ++i) {
        for (int64_t odd = 0; odd < 2; ++odd) {
          const bool inside = col + i < n && 2 * pair + odd < k;
          *dst++ = inside ? static_cast<int16_t>(element(2 * pair + odd, col + i)) : int16_t{0};
        }
      }
    }
  }
}

int64_t packed_count(const GemmS32Kernels& kernels, int64_t k, int64_t n) {
  return 2 * divide_up(k, 2) * divide_up(n, kernels.lanes) * kernels.lanes;
}

struct ConvGrid {
  TaskGrid grid;
  int64_t tasks = 0;
};
ConvGrid conv_grid(const GemmS32Kernels& kernels, const ConvShape& s, int threads) {
  const int64_t cut = std::min<int64_t>(divide_up(2 * threads, s.groups), threads);
  ConvGrid grid;
  grid.grid = grid_of(kernels, s.batch * s.out_pixels(), s.out_channels / s.groups,
                      s.taps() * s.in_channels / s.groups, static_cast<int>(cut));
  grid.tasks = grid.grid.tasks() * s.groups;
  return grid;
}

}  // namespace

int64_t packed_b_s32_count(Tier tier, int64_t k, int64_t n) {
  return packed_count(gemm_s32_kernels(tier), k, n);
}

void pack_b_s32(Tier tier, const BytesMatrix& b, int64_t ldb, bool trans_b, int64_t k, int64_t n,
                int16_t* dst) {
  pack(gemm_s32_kernels(tier), k, n, dst, [&](int64_t row, int64_t col) {
    return b.at(trans_b ? col * ldb + row : row * ldb + col) - b.zero_point(col);
  });
}

size_t gemm_s32_workspace_bytes(Tier tier, const GemmS32Args& args, int threads) {
  const TaskGrid grid = grid_of(gemm_s32_kernels(tier), args.m, args.n, args.k, threads);
  return static_cast<size_t>(grid.tasks()) * block_bytes(args.k);
}

void gemm_s32(Tier tier, const GemmS32Args& args, void* workspace, ThreadPool& pool) {
  const GemmS32Kernels& kernels = gemm_s32_kernels(tier);
  const TaskGrid grid = grid_of(kernels, args.m, args.n, args.k, pool.threads());
  const MatrixRows rows(args);
  const BlockS32 block{kernels, rows,     args.n, args.k,  args.packed_b,
                       args.c,  args.ldc, 0,      args.fn, args.context};
  pool.parallel_for(grid.tasks(), [&](int64_t task) {
    char* space = static_cast<char*>(workspace) + static_cast<size_t>(task) * block_bytes(args.k);
    run_rows(block, grid.row_begin(task), grid.row_end(task), grid.panel_begin(task),
             grid.panel_end(task), static_cast<int16_t*>(static_cast<void*>(space)));
  });
}

int64_t conv_s32_packed_count(Tier tier, const ConvShape& shape) {
  return shape.groups * packed_count(gemm_s32_kernels(tier),
                                     shape.taps() * shape.in_channels / shape.groups,
                                     shape.out_channels / shape.groups);
}

void conv_s32_pack(Tier tier, const ConvShape& shape, const BytesMatrix& weights, int16_t* dst) {
  const GemmS32Kernels& kernels = gemm_s32_kernels(tier);
  const int64_t channels = shape.in_channels / shape.groups;
  const int64_t cols = shape.out_channels / shape.groups;
  const int64_t k = shape.taps() * channels;
  for (int64_t group = 0; group < shape.groups; ++group) {
    pack(kernels, k, cols, dst, [&](int64_t row, int64_t col) {
      const int64_t channel = group * cols + col;
      const int64_t at = channel * k + row % channels * shape.taps() + row / channels;
      return weights.at(at) - weights.zero_point(channel);
    });
    dst += packed_count(kernels, k, cols);
  }
}

size_t conv_s32_workspace_bytes(Tier tier, const ConvShape& shape, int threads) {
  const ConvGrid grid = conv_grid(gemm_s32_kernels(tier), shape, threads);
  return static_cast<size_t>(grid.tasks) *
         block_bytes(shape.taps() * shape.in_channels / shape.groups);
}

void conv_s32(Tier tier, const ConvShape& shape, const BytesMatrix& src, const int16_t* packed,
              int32_t* dst, EpilogueFn<int32_t> fn, void* context, void* workspace,
              ThreadPool& pool) {
  const GemmS32Kernels& kernels = gemm_s32_kernels(tier);
  const ConvGrid tasks = conv_grid(kernels, shape, pool.threads());
  const TaskGrid& grid = tasks.grid;
  const int64_t cols = shape.out_channels / shape.groups;
  const int64_t k = shape.taps() * shape.in_channels / shape.groups;
  pool.parallel_for(tasks.tasks, [&](int64_t task) {
    const int64_t group = task / grid.tasks();
    const int64_t part = task % grid.tasks();
    const ConvRows rows(shape, src, group);
    const BlockS32 block{kernels,
                         rows,
                         cols,
                         k,
                         packed + group * packed_count(kernels, k, cols),
                         dst + group * cols,
                         shape.dst_stride(),
                         group * cols,
                         fn,
                         context};
    char* space = static_cast<char*>(workspace) + static_cast<size_t>(task) * block_bytes(k);
    run_rows(block, grid.row_begin(part), grid.row_end(part), grid.panel_begin(part),
             grid.panel_end(part), static_cast<int16_t*>(static_cast<void*>(space)));
  });
}

}  // namespace sardonyx
