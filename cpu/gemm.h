// gemm: C = epilogue(A * B) for matrices and batches of them, B packed beforehand or not, cut into
// tasks by output alone. Entry points: pack_b, gemm; gemm_blocks is the shared loop of matrix
// products and convolutions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/epilogue.h"
#include "cpu/gemm_kernels.h"

namespace sardonyx {

// Elements of the packed form of a k x n matrix: panels of panel_cols columns, the last one rounded
// up to whole vectors; panel p starts at p * panel_cols * k.
template <class T>
int64_t packed_b_count(const GemmKernels<T>& kernels, int64_t k, int64_t n);

// Packs B[k, n] with rows ldb apart, or, with trans_b, its transpose [n, k] with rows ldb apart.
// dst is 64-byte aligned for speed.
template <class T>
void pack_b(const GemmKernels<T>& kernels, const T* b, int64_t ldb, bool trans_b, int64_t k,
            int64_t n, T* dst, ThreadPool& pool);

template <class T>
struct GemmArgs {
  int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;  // [m, k], rows lda apart; with trans_a [k, m]
  int64_t lda = 0;
  bool trans_a = false;
  const T* packed_b = nullptr;  // from pack_b, for all items of the batch; or null, and then:
  const T* b = nullptr;         // [k, n], rows ldb apart; with trans_b [n, k]
  int64_t ldb = 0;
  bool trans_b = false;
  T* c = nullptr;  // [m, n], rows ldc apart; overlaps neither A nor B
  int64_t ldc = 0;

  int64_t batch = 1;
  int64_t a_stride = 0, b_stride = 0, c_stride = 0;  // elements from item to item
  const int64_t* a_offsets = nullptr;  // [batch] elements, in place of a_stride (broadcasting)
  const int64_t* b_offsets = nullptr;  // [batch], in place of b_stride
  int64_t residual_stride = 0;
  Epilogue<T> epilogue;  // residual is that of item 0
};

// Whether gemm() interleaves the rows of an A that is not transposed.
template <class T>
bool pays_to_pack_a(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t k);

// Bytes that gemm() wants in `workspace` (64-byte aligned); depends on the shape, the flags and the
// number of threads. 0 for packed B and plain A.
template <class T>
size_t gemm_workspace_bytes(const GemmKernels<T>& kernels, const GemmArgs<T>& args, int threads);

template <class T>
void gemm(const GemmKernels<T>& kernels, const GemmArgs<T>& args, void* workspace,
          ThreadPool& pool);

// ---- The loop shared with convolution.

inline constexpr int64_t kBlockRows = 192;       // rows of a block, a multiple of all tile_rows
inline constexpr int64_t kMaxBlockRows = 224;    // rows per call of FillRows: a block's by parts
inline constexpr int64_t kMaxChunkDepth = 1536;  // elements read from each of its pointers

// Whether a product of these sizes, or a part of it, is to be done by kernels.split: the bits of an
// element must not depend on how the product was cut.
template <class T>
bool pays_to_split(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t k);

// Whether C may be the residual of such a product's epilogue: sums of earlier chunks of k would
// overwrite it.
template <class T>
bool adds_in_place(const GemmKernels<T>& kernels, int64_t m, int64_t n, int64_t segments,
                   int64_t depth);

// Where rows of A are: fills out[(s - segment) * rows + r], s in [segment, segment + segments),
// with the address of element `offset` of segment s of row `row + r`.
template <class T>
using FillRows = void (*)(const void* source, int64_t row, int64_t rows, int64_t segment,
                          int64_t segments, int64_t offset, const T** out);

// FillRows of a plain matrix: one segment, source is a DenseRows.
template <class T>
struct DenseRows {
  const T* a = nullptr;
  int64_t ld = 0;
};
template <class T>
void fill_dense_rows(const void* source, int64_t row, int64_t rows, int64_t segment,
                     int64_t segments, int64_t offset, const T** out);

template <class T>
struct BlockArgs {
  int64_t n = 0;
  int64_t segments = 1, depth = 0;  // k = segments * depth
  FillRows<T> fill_rows = nullptr;
  const void* source = nullptr;
  const T* zeros = nullptr;     // segments that begin here are zeros, of which there may be many
  bool split = false;           // as pays_to_split says of the whole product
  const T* packed_a = nullptr;  // or null: the same rows interleaved, tile_rows at a time
  const T* packed_b = nullptr;
  // Or null: B where it lies, for whole panels of blocks of at most kMaxWideRows rows.
  const T* plain_b = nullptr;
  int64_t plain_ld = 0;
  T* c = nullptr;
  int64_t ldc = 0;
  int64_t row0 = 0, col0 = 0;  // added to the places that epilogue.fn is told
  Epilogue<T> epilogue;
};

// Item `item` of a batch, whose rows of A are told by a DenseRows; split is left to the caller.
template <class T>
BlockArgs<T> item_block(const GemmArgs<T>& args, int64_t item);

// Rows [row, row_end) and panels [panel, panel_end) of the product.
template <class T>
void gemm_blocks(const GemmKernels<T>& kernels, const BlockArgs<T>& args, int64_t row,
                 int64_t row_end, int64_t panel, int64_t panel_end);

// A grid of tasks over rows and panels: task i covers rows [row_begin(i), row_end(i)) and so on.
struct TaskGrid {
  int64_t rows = 0, panels = 0;  // the extent
  int64_t row_step = 1;          // rows are cut at multiples of it, what is left goes to the last
  int64_t row_parts = 1, panel_parts = 1;

  int64_t tasks() const { return row_parts * panel_parts; }
  int64_t row_begin(int64_t task) const { return row_cut(task / panel_parts); }
  int64_t row_end(int64_t task) const { return row_cut(task / panel_parts + 1); }
  int64_t panel_begin(int64_t task) const { return panels * (task % panel_parts) / panel_parts; }
  int64_t panel_end(int64_t task) const { return panels * (task % panel_parts + 1) / panel_parts; }

 private:
  int64_t row_cut(int64_t part) const {
    const int64_t steps = rows / row_step;
    return part < row_parts ? steps * part / row_parts * row_step : rows;
  }
};

struct GridWork {
  int64_t rows = 0;
  int64_t row_step = 1;
  int64_t panels = 0, panel_cols = 0;
  int64_t k = 0;
  double speed = 1;       // how many times as long products of f32 would take
  double panel_rows = 3;  // that take as long as what each task does once for a panel
};

// The grid that balances `threads` threads. One task where the work is too small to be shared.
TaskGrid choose_grid(const GridWork& work, int threads);
// The same for f32.
template <class T>
TaskGrid choose_grid(const GemmKernels<T>& kernels, int64_t rows, int64_t row_step, int64_t cols,
                     int64_t k, bool split, int threads);

}  // namespace sardonyx
