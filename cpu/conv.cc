// Two ways to see a convolution as rows of segments. Taps: a segment is the channels of one input
// pixel, and a pixel in the padding is a row of zeros. Merged, for few channels: a segment is a
// whole kernel row, which lies together in memory; those that reach into the padding are copied.
#include "cpu/conv.h"

#include <algorithm>
#include <vector>

#include "cpu/zeros.h"

namespace sardonyx {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What FillRows needs to know: one group of one convolution, and scratch of one task.
template <class T>
struct ConvSource {
  const ConvShape* shape = nullptr;
  const T* src = nullptr;  // at the first channel of the group
  T* scratch = nullptr;    // merged: [kMaxBlockRows * segments * depth]
  int64_t pixel = 0;       // of row 0
};

// Output pixels [begin, end) of one line of the output, of which pixel `begin` is row `row`.
struct Run {
  int64_t row = 0, count = 0;
  int64_t item = 0;
  std::array<int64_t, 3> first = {};  // input position under tap 0 of the first pixel
};

Run run_at(const ConvShape& s, int64_t pixel, int64_t pixel_end, int64_t row) {
  Run run;
  run.row = row;
  const int64_t x = pixel % s.out[2];
  const int64_t line = pixel / s.out[2];
  const int64_t y = line % s.out[1];
  const int64_t z = line / s.out[1] % s.out[0];
  run.item = line / s.out[1] / s.out[0];
  run.count = std::min(s.out[2] - x, pixel_end - pixel);
  run.first = {z * s.stride[0] - s.pad[0], y * s.stride[1] - s.pad[1], x * s.stride[2] - s.pad[2]};
  return run;
}

// The pixels of a run, [begin, end), whose input position first + i * stride lies in [0, size).
struct Inside {
  int64_t begin = 0, end = 0;
};
Inside inside(int64_t first, int64_t stride, int64_t size, int64_t count) {
  Inside range;
  range.begin = std::clamp<int64_t>(first >= 0 ? 0 : divide_up(-first, stride), 0, count);
  const int64_t past = size - first;
  range.end = std::clamp<int64_t>(past <= 0 ? 0 : divide_up(past, stride), range.begin, count);
  return range;
}

// The input line at offsets tap_z, tap_y of a run; null in the padding.
template <class T>
const T* input_line(const ConvSource<T>& source, const Run& run, int64_t tap_z, int64_t tap_y) {
  const ConvShape& s = *source.shape;
  const int64_t z = run.first[0] + tap_z * s.dilation[0];
  const int64_t y = run.first[1] + tap_y * s.dilation[1];
  if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1]) return nullptr;
  const int64_t line = (run.item * s.in[0] + z) * s.in[1] + y;
  return source.src + line * s.in[2] * s.src_stride();
}

template <class T>
void fill_taps(const void* opaque, int64_t row, int64_t rows, int64_t segment, int64_t segments,
               int64_t offset, const T** out) {
  const auto& source = *static_cast<const ConvSource<T>*>(opaque);
  const ConvShape& s = *source.shape;
  const int64_t step = s.stride[2] * s.src_stride();
  row += source.pixel;
  for (int64_t done = 0; done < rows;) {
    const Run run = run_at(s, row + done, row + rows, done);
    for (int64_t i = 0; i < segments; ++i) {
      const int64_t tap = segment + i;
      const T** to = out + i * rows + run.row;
      const T* line =
          input_line(source, run, tap / s.kernel[2] / s.kernel[1], tap / s.kernel[2] % s.kernel[1]);
      const int64_t x = run.first[2] + tap % s.kernel[2] * s.dilation[2];
      const Inside range = line == nullptr ? Inside{} : inside(x, s.stride[2], s.in[2], run.count);
      std::fill(to, to + range.begin, kZeros<T>);
      std::fill(to + range.end, to + run.count, kZeros<T>);
      if (range.begin == range.end) continue;
      const T* at = line + x * s.src_stride() + range.begin * step + offset;
      for (int64_t pixel = range.begin; pixel < range.end; ++pixel, at += step) to[pixel] = at;
    }
    done += run.count;
  }
}

// Copies the part of a kernel row that lies in the input and zeros for the rest.
template <class T>
void copy_kernel_row(const ConvShape& s, const T* line, int64_t x, T* dst) {
  const int64_t begin = std::clamp<int64_t>(-x, 0, s.kernel[2]);
  const int64_t end = std::clamp<int64_t>(s.in[2] - x, begin, s.kernel[2]);
  const int64_t channels = s.in_channels;
  std::fill(dst, dst + begin * channels, T(0));
  if (begin < end) {
    std::copy(line + (x + begin) * channels, line + (x + end) * channels, dst + begin * channels);
  }
  std::fill(dst + end * channels, dst + s.kernel[2] * channels, T(0));
}

template <class T>
void fill_merged(const void* opaque, int64_t row, int64_t rows, int64_t segment, int64_t segments,
                 int64_t offset, const T** out) {
  const auto& source = *static_cast<const ConvSource<T>*>(opaque);
  const ConvShape& s = *source.shape;
  const int64_t depth = s.kernel[2] * s.in_channels, step = s.stride[2] * s.in_channels;
  const int64_t last = s.in[2] - s.kernel[2];  // of the positions whose kernel row is inside
  T* scratch = source.scratch;
  row += source.pixel;
  for (int64_t done = 0; done < rows;) {
    const Run run = run_at(s, row + done, row + rows, done);
    for (int64_t i = 0; i < segments; ++i) {
      const int64_t tap = segment + i;
      const T** to = out + i * rows + run.row;
      const T* line = input_line(source, run, tap / s.kernel[1], tap % s.kernel[1]);
      if (line == nullptr) {
        std::fill(to, to + run.count, kZeros<T>);
        continue;
      }
      const Inside range = inside(run.first[2], s.stride[2], last + 1, run.count);
      const auto copy_rows = [&](int64_t pixel, int64_t end) {
        for (; pixel < end; ++pixel, scratch += depth) {
          copy_kernel_row(s, line, run.first[2] + pixel * s.stride[2], scratch);
          to[pixel] = scratch + offset;
        }
      };
      copy_rows(0, range.begin);
      copy_rows(range.end, run.count);
      if (range.begin == range.end) continue;
      const T* at = line + (run.first[2] + range.begin * s.stride[2]) * s.in_channels + offset;
      for (int64_t pixel = range.begin; pixel < range.end; ++pixel, at += step) to[pixel] = at;
    }
    done += run.count;
  }
}

// Whether a tap reaches into the padding anywhere.
bool is_padded(const ConvShape& s) {
  for (size_t axis = 0; axis < 3; ++axis) {
    const int64_t last =
        (s.out[axis] - 1) * s.stride[axis] + (s.kernel[axis] - 1) * s.dilation[axis];
    if (s.pad[axis] > 0 || last - s.pad[axis] >= s.in[axis]) return true;
  }
  return false;
}

// How one convolution is seen.
struct ConvView {
  bool dense = false;  // 1x1: the input is A as it is
  bool merged = false;
  int64_t segments = 0, depth = 0;
  int64_t cols = 0;  // output channels per group
};

ConvView view_of(const ConvShape& s) {
  // Below this many channels, segments of one pixel are too short for the tile's inner loop.
  constexpr int64_t kFewChannels = 16;
  ConvView view;
  const int64_t channels = s.in_channels / s.groups;
  view.cols = s.out_channels / s.groups;
  const bool plain = s.stride == std::array<int64_t, 3>{1, 1, 1} &&
                     s.pad == std::array<int64_t, 3>{0, 0, 0} && s.in == s.out;
  view.dense = s.taps() == 1 && plain;
  const int64_t row = s.kernel[2] * channels;
  view.merged = s.groups == 1 && channels < kFewChannels && s.kernel[2] > 1 && s.dilation[2] == 1 &&
                s.src_stride() == channels && row <= kMaxChunkDepth / 2;
  view.segments = view.dense ? 1 : view.merged ? s.kernel[0] * s.kernel[1] : s.taps();
  view.depth = view.merged ? row : channels;
  return view;
}

// Elements for the rows of one block that reach into the padding.
int64_t scratch_of(const ConvView& view) {
  return view.merged ? divide_up(kMaxBlockRows * view.segments * view.depth, 16) * 16 : 0;
}

template <class T>
struct ConvTasks {
  TaskGrid grid;        // of one group
  int64_t tasks = 0;    // of all groups
  int64_t scratch = 0;  // elements per task
  bool split = false;   // products by parts
};

template <class T>
ConvTasks<T> tasks_of(const GemmKernels<T>& kernels, const ConvShape& s, const ConvView& view,
                      int threads) {
  ConvTasks<T> tasks;
  // Groups are tasks of their own; where they are many, none needs to be cut.
  const int64_t cut = divide_up(2 * threads, s.groups);
  const int64_t rows = s.batch * s.out_pixels(), k = view.segments * view.depth;
  tasks.split = pays_to_split(kernels, rows, view.cols, k);
  tasks.grid = choose_grid(kernels, rows, 1, view.cols, k, tasks.split,
                           static_cast<int>(std::min<int64_t>(cut, threads)));
  tasks.tasks = s.groups * tasks.grid.tasks();
  tasks.scratch = scratch_of(view);
  return tasks;
}

// What gemm_blocks needs to know of one group; both sources outlive it.
template <class T>
BlockArgs<T> group_block(const ConvShape& shape, const ConvView& view, const ConvSource<T>& source,
                         const DenseRows<T>& dense, const Epilogue<T>& epilogue) {
  BlockArgs<T> args;
  args.n = view.cols;
  args.segments = view.segments;
  args.depth = view.depth;
  args.fill_rows = view.dense ? fill_dense_rows<T> : view.merged ? fill_merged<T> : fill_taps<T>;
  args.source = view.dense ? static_cast<const void*>(&dense) : &source;
  if (!view.dense && is_padded(shape)) args.zeros = kZeros<T>;
  args.ldc = shape.dst_stride();
  args.epilogue = epilogue;
  return args;
}

}  // namespace

template <class T>
int64_t conv_packed_count(const GemmKernels<T>& kernels, const ConvShape& shape) {
  const int64_t k = shape.taps() * shape.in_channels / shape.groups;
  return shape.groups * packed_b_count(kernels, k, shape.out_channels / shape.groups);
}

template <class T>
void conv_pack(const GemmKernels<T>& kernels, const ConvShape& shape, const T* weights, T* packed,
               ThreadPool& pool) {
  const int64_t channels = shape.in_channels / shape.groups;
  const int64_t cols = shape.out_channels / shape.groups;
  const int64_t taps = shape.taps();
  const int64_t k = taps * channels;
  const int64_t lanes = kernels.lanes;
  const int64_t panels = divide_up(cols, kernels.panel_cols);
  const int64_t group_count = packed_b_count(kernels, k, cols);
  pool.parallel_for(shape.groups * panels, [&](int64_t task) {
    const int64_t group = task / panels;
    const int64_t col = task % panels * kernels.panel_cols;
    const int64_t used = std::min<int64_t>(kernels.panel_cols, cols - col);
    const int64_t width = divide_up(used, lanes) * lanes;
    T* dst = packed + group * group_count + col * k;
    // From [column][channel][tap] to [tap][channel][column].
    for (int64_t i = 0; i < width; ++i) {
      const T* from = weights + (group * cols + col + i) * k;
      for (int64_t channel = 0; channel < channels; ++channel) {
        for (int64_t tap = 0; tap < taps; ++tap) {
          dst[(tap * channels + channel) * width + i] =
              i < used ? from[channel * taps + tap] : T(0);
        }
      }
    }
  });
}

// A convolution that is a plain product of so many columns that its rows are interleaved first.
template <class T>
static bool is_wide_product(const GemmKernels<T>& kernels, const ConvShape& s) {
  return s.groups == 1 && view_of(s).dense &&
         pays_to_pack_a(kernels, s.batch * s.out_pixels(), s.out_channels, s.in_channels);
}

template <class T>
static GemmArgs<T> product_of(const ConvShape& s, const T* src, const T* packed, T* dst) {
  GemmArgs<T> args;
  args.m = s.batch * s.out_pixels();
  args.n = s.out_channels;
  args.k = s.in_channels;
  args.a = src;
  args.lda = s.src_stride();
  args.packed_b = packed;
  args.c = dst;
  args.ldc = s.dst_stride();
  return args;
}

template <class T>
size_t conv_workspace_bytes(const GemmKernels<T>& kernels, const ConvShape& shape, int threads) {
  if (is_wide_product(kernels, shape)) {
    return gemm_workspace_bytes(kernels, product_of<T>(shape, nullptr, kZeros<T>, nullptr),
                                threads);
  }
  const ConvTasks<T> tasks = tasks_of(kernels, shape, view_of(shape), threads);
  return static_cast<size_t>(tasks.tasks * tasks.scratch) * sizeof(T);
}

// Calls multiply(args, group, part) for each task: a part of the grid of one group.
template <class T, class Multiply>
static void run_tasks(const ConvTasks<T>& tasks, const ConvShape& shape, const ConvView& view,
                      const T* src, const Epilogue<T>& epilogue, T* dst, void* scratch,
                      ThreadPool& pool, const Multiply& multiply) {
  pool.parallel_for(tasks.tasks, [&](int64_t task) {
    const int64_t group = task / tasks.grid.tasks();
    const ConvSource<T> source{&shape, src + group * (shape.in_channels / shape.groups),
                               static_cast<T*>(scratch) + task * tasks.scratch, 0};
    const DenseRows<T> dense{source.src, shape.src_stride()};
    BlockArgs<T> args = group_block(shape, view, source, dense, epilogue);
    args.col0 = group * view.cols;
    args.c = dst + args.col0;
    if (epilogue.bias != nullptr) args.epilogue.bias += args.col0;
    if (epilogue.residual != nullptr) args.epilogue.residual += args.col0;
    multiply(args, group, task % tasks.grid.tasks());
  });
}

template <class T>
void conv(const GemmKernels<T>& kernels, const ConvShape& shape, const T* src, const T* packed,
          const Epilogue<T>& epilogue, T* dst, void* workspace, ThreadPool& pool) {
  if (is_wide_product(kernels, shape)) {
    GemmArgs<T> args = product_of(shape, src, packed, dst);
    args.epilogue = epilogue;
    return gemm(kernels, args, workspace, pool);
  }
  const ConvView view = view_of(shape);
  const int64_t rows = shape.batch * shape.out_pixels();
  if (rows <= 0 || view.cols <= 0) return;
  const ConvTasks<T> tasks = tasks_of(kernels, shape, view, pool.threads());
  const int64_t group_count = packed_b_count(kernels, view.segments * view.depth, view.cols);
  const auto multiply = [&](BlockArgs<T>& args, int64_t group, int64_t part) {
    args.split = tasks.split;
    args.packed_b = packed + group * group_count;
    gemm_blocks(kernels, args, tasks.grid.row_begin(part), tasks.grid.row_end(part),
                tasks.grid.panel_begin(part), tasks.grid.panel_end(part));
  };
  run_tasks(tasks, shape, view, src, epilogue, dst, workspace, pool, multiply);
}

template <class T>
bool conv_adds_in_place(const GemmKernels<T>& kernels, const ConvShape& shape) {
  const ConvView view = view_of(shape);
  return adds_in_place(kernels, shape.batch * shape.out_pixels(), view.cols, view.segments,
                       view.depth);
}

int64_t conv_pixels_scratch(const ConvShape& shape) { return scratch_of(view_of(shape)); }

void conv_pixels(const GemmKernels<float>& kernels, const ConvShape& shape, const float* src,
                 const float* packed, const Epilogue<float>& epilogue, int64_t pixel,
                 int64_t pixel_end, float* dst, float* scratch) {
  const ConvView view = view_of(shape);
  const ConvSource<float> source{&shape, src, scratch, pixel};
  const DenseRows<float> dense{src + (view.dense ? pixel * shape.src_stride() : 0),
                               shape.src_stride()};
  BlockArgs<float> args = group_block(shape, view, source, dense, epilogue);
  args.packed_b = packed;
  args.c = dst;
  args.row0 = pixel;
  if (epilogue.residual != nullptr) args.epilogue.residual += pixel * epilogue.residual_ld;
  gemm_blocks(kernels, args, 0, pixel_end - pixel, 0, divide_up(view.cols, kernels.panel_cols));
}

// ---- bf16

static ConvTasks<float> bf16_tasks_of(const ConvShape& s, const ConvView& view, int threads) {
  ConvTasks<float> tasks;
  const int64_t cut = std::min<int64_t>(divide_up(2 * threads, s.groups), threads);
  tasks.grid = bf16_grid(s.batch * s.out_pixels(), view.cols, view.segments * view.depth,
                         static_cast<int>(cut));
  tasks.tasks = s.groups * tasks.grid.tasks();
  tasks.scratch = scratch_of(view);
  return tasks;
}

size_t conv_bf16_packed_bytes(const ConvShape& shape) {
  const ConvView view = view_of(shape);
  return static_cast<size_t>(shape.groups) *
         packed_b_bf16_bytes(view.segments * view.depth, view.cols);
}

void conv_bf16_pack(const ConvShape& shape, const float* weights, void* packed, ThreadPool& pool) {
  const int64_t channels = shape.in_channels / shape.groups, taps = shape.taps();
  const int64_t cols = shape.out_channels / shape.groups, k = taps * channels;
  const size_t group_bytes = packed_b_bf16_bytes(k, cols);
  // From [column][channel][tap] to [column][tap][channel].
  std::vector<float> moved(static_cast<size_t>(cols * k));
  for (int64_t group = 0; group < shape.groups; ++group) {
    pool.parallel_for(cols, [&](int64_t col) {
      const float* from = weights + (group * cols + col) * k;
      float* to = moved.data() + col * k;
      for (int64_t tap = 0; tap < taps; ++tap) {
        for (int64_t channel = 0; channel < channels; ++channel) {
          to[tap * channels + channel] = from[channel * taps + tap];
        }
      }
    });
    pack_b_bf16(moved.data(), k, true, k, cols,
                static_cast<std::byte*>(packed) + static_cast<size_t>(group) * group_bytes, pool);
  }
}

size_t conv_bf16_workspace_bytes(const ConvShape& shape, int threads) {
  const ConvView view = view_of(shape);
  const ConvTasks<float> tasks = bf16_tasks_of(shape, view, threads);
  return static_cast<size_t>(tasks.tasks) * (task_bytes_bf16(view.segments * view.depth) +
                                             static_cast<size_t>(tasks.scratch) * sizeof(float));
}

void conv_bf16(const Bf16Kernels& kernels, const GemmKernels<float>& finish, const ConvShape& shape,
               const float* src, const void* packed, const Epilogue<float>& epilogue, float* dst,
               void* workspace, ThreadPool& pool) {
  const ConvView view = view_of(shape);
  const int64_t k = view.segments * view.depth;
  if (shape.batch * shape.out_pixels() <= 0 || view.cols <= 0) return;
  const ConvTasks<float> tasks = bf16_tasks_of(shape, view, pool.threads());
  const size_t group_bytes = packed_b_bf16_bytes(k, view.cols), task_bytes = task_bytes_bf16(k);
  auto* tiles = static_cast<std::byte*>(workspace);
  void* scratch = tiles + static_cast<size_t>(tasks.tasks) * task_bytes;
  const auto multiply = [&](const BlockArgs<float>& args, int64_t group, int64_t part) {
    const auto* b =
        static_cast<const std::byte*>(packed) + static_cast<size_t>(group) * group_bytes;
    const auto task = static_cast<size_t>(group * tasks.grid.tasks() + part);
    gemm_bf16_blocks(kernels, finish, args, b, tasks.grid, part, tiles + task * task_bytes);
  };
  run_tasks(tasks, shape, view, src, epilogue, dst, scratch, pool, multiply);
}

#define SARDONYX_CONV(T)                                                                       \
  template int64_t conv_packed_count(const GemmKernels<T>&, const ConvShape&);                 \
  template void conv_pack(const GemmKernels<T>&, const ConvShape&, const T*, T*, ThreadPool&); \
  template size_t conv_workspace_bytes(const GemmKernels<T>&, const ConvShape&, int);          \
  template void conv(const GemmKernels<T>&, const ConvShape&, const T*, const T*,              \
                     const Epilogue<T>&, T*, void*, ThreadPool&);                              \
  template bool conv_adds_in_place(const GemmKernels<T>&, const ConvShape&);
SARDONYX_CONV(float)
SARDONYX_CONV(double)
#undef SARDONYX_CONV

}  // namespace sardonyx
