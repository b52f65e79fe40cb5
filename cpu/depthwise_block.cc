// Each task has some lines of the result, and a ring of lines of the tensor before the depthwise
// convolution: lines are computed as the window comes to them, and those that it has left are
// written over. A projection takes what the depthwise convolution makes of one band of lines.
#include "cpu/depthwise_block.h"

#include <algorithm>

namespace sardonyx {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Bands {
  int64_t lines = 0;  // of the output, at once
  int64_t ring = 0;   // lines before it
  int64_t tasks = 0;
  int64_t zeros = 0;  // floats of all tasks, then of each
  int64_t ring_floats = 0, band_floats = 0, scratch = 0, copies = 0;
  int64_t pointers = 0;

  int64_t task_floats() const { return ring_floats + band_floats + scratch + copies; }
  size_t bytes() const {
    return static_cast<size_t>(zeros + tasks * task_floats()) * sizeof(float) +
           static_cast<size_t>(tasks * pointers) * sizeof(const float*);
  }
};

Bands cut_bands(const DepthwiseBlock& block, int threads) {
  const ConvShape& s = block.depthwise.shape;
  const int64_t line_floats = s.in[2] * s.in_channels;
  const int64_t out_floats = block.projection ? s.out[2] * s.out_channels : 0;
  const auto floats = [&](int64_t lines) {
    return lines_under(s, lines) * line_floats + lines * out_floats;
  };
  Bands bands;
  bands.lines = 1;
  while (bands.lines < s.out[1] && floats(bands.lines + 1) <= kBandFloats) ++bands.lines;
  bands.ring = std::min(lines_under(s, bands.lines), s.in[1]);
  bands.tasks = tasks_of_lines(s.batch * s.out[1], threads);
  bands.zeros = whole_cache_lines(s.in_channels);
  bands.ring_floats = whole_cache_lines(bands.ring * line_floats);
  bands.band_floats = whole_cache_lines(bands.lines * out_floats);
  bands.scratch = whole_cache_lines(conv_pixels_scratch(block.first.shape));
  bands.copies = depthwise_copies(s);
  bands.pointers = divide_up(2 * depthwise_rows(s), 8) * 8;
  return bands;
}

// The memory of one task.
struct Space {
  float* ring = nullptr;
  float* band = nullptr;
  float* scratch = nullptr;
};

class Task {
 public:
  Task(Tier tier, const DepthwiseBlock& block, const float* src, float* dst, const Bands& bands,
       const Space& space, const DepthwiseLines& lines)
      : tier_(tier),
        kernels_(gemm_kernels<float>(tier)),
        block_(block),
        src_(src),
        dst_(dst),
        bands_(bands),
        space_(space),
        lines_(lines) {}

  // Lines of the output, counted through the batch.
  void run(int64_t line, int64_t line_end) {
    const ConvShape& s = block_.depthwise.shape;
    while (line < line_end) {
      const int64_t item = line / s.out[1], y = line % s.out[1];
      if (item != item_) done_ = 0;
      item_ = item;
      const int64_t end = std::min({line + bands_.lines, line_end, (item + 1) * s.out[1]});
      const int64_t first = y * s.stride[1] - s.pad[1];
      const int64_t last = first + lines_under(s, end - line);
      fill_ring(std::max({first, done_, int64_t{0}}), std::min(last, s.in[1]));
      if (block_.projection) lines_.dst_line = line;
      depthwise_lines(tier_, s, lines_, block_.depthwise.epilogue, line, end);
      if (block_.projection) project(line, end);
      line = end;
    }
  }

 private:
  // Lines [y, y_end) before the depthwise convolution, to their places in the ring.
  void fill_ring(int64_t y, int64_t y_end) {
    const ConvShape& s = block_.first.shape;
    while (y < y_end) {
      const int64_t place = y % bands_.ring;
      const int64_t count = std::min(y_end - y, bands_.ring - place);
      const int64_t pixel = (item_ * s.out[1] + y) * s.out[2];
      conv_pixels(kernels_, s, src_, block_.first.packed, block_.first.epilogue, pixel,
                  pixel + count * s.out[2], space_.ring + place * s.out[2] * s.out_channels,
                  space_.scratch);
      y += count;
    }
    done_ = std::max(done_, y_end);
  }

  // What the band holds, lines [line, line_end), to the result.
  void project(int64_t line, int64_t line_end) const {
    const ConvShape& s = block_.projection->shape;
    const int64_t pixel = line * s.out[2];
    const DenseRows<float> rows{space_.band, s.in_channels};
    BlockArgs<float> args;
    args.n = s.out_channels;
    args.depth = s.in_channels;
    args.fill_rows = fill_dense_rows<float>;
    args.source = &rows;
    args.packed_b = block_.projection->packed;
    args.c = dst_ + pixel * s.dst_stride();
    args.ldc = s.dst_stride();
    args.row0 = pixel;
    args.epilogue = block_.projection->epilogue;
    if (args.epilogue.residual != nullptr) {
      args.epilogue.residual += pixel * args.epilogue.residual_ld;
    }
    gemm_blocks(kernels_, args, 0, (line_end - line) * s.out[2], 0,
                divide_up(s.out_channels, kernels_.panel_cols));
  }

  const Tier tier_;
  const GemmKernels<float>& kernels_;
  const DepthwiseBlock& block_;
  const float* src_;
  float* dst_;
  const Bands& bands_;
  const Space space_;
  DepthwiseLines lines_;
  int64_t item_ = -1;
  int64_t done_ = 0;  // lines of the item that have been computed
};

}  // namespace

bool can_join_depthwise(const ConvShape& first, const ConvShape& depthwise, int threads) {
  return first.groups == 1 && is_flat(first) && is_flat(depthwise) && is_depthwise(depthwise) &&
         first.batch == depthwise.batch && first.out == depthwise.in &&
         first.out_channels == depthwise.in_channels && first.dst_stride() == first.out_channels &&
         depthwise.src_stride() == depthwise.in_channels &&
         is_large_between(first.out_pixels() * first.out_channels, threads);
}

bool can_join_projection(const ConvShape& depthwise, const ConvShape& projection, int threads) {
  using Sizes = std::array<int64_t, 3>;
  const bool is_projection = projection.taps() == 1 && projection.groups == 1 &&
                             projection.stride == Sizes{1, 1, 1} &&
                             projection.pad == Sizes{0, 0, 0} && projection.in == projection.out;
  return is_projection && depthwise.batch == projection.batch && depthwise.out == projection.in &&
         depthwise.out_channels == projection.in_channels &&
         depthwise.dst_stride() == depthwise.out_channels &&
         projection.src_stride() == projection.in_channels &&
         is_large_between(depthwise.out_pixels() * depthwise.out_channels, threads);
}

size_t depthwise_block_workspace_bytes(const DepthwiseBlock& block, int threads) {
  return cut_bands(block, threads).bytes();
}

void depthwise_block(Tier tier, const DepthwiseBlock& block, const float* src, float* dst,
                     void* workspace, ThreadPool& pool) {
  const ConvShape& s = block.depthwise.shape;
  const Bands bands = cut_bands(block, pool.threads());
  float* zeros = static_cast<float*>(workspace);
  std::fill(zeros, zeros + bands.zeros, 0.0f);
  float* spaces = zeros + bands.zeros;
  const float** pointers =
      static_cast<const float**>(static_cast<void*>(spaces + bands.tasks * bands.task_floats()));
  const int64_t lines = s.batch * s.out[1];
  pool.parallel_for(bands.tasks, [&](int64_t task) {
    Space space;
    space.ring = spaces + task * bands.task_floats();
    space.band = space.ring + bands.ring_floats;
    space.scratch = space.band + bands.band_floats;
    DepthwiseLines of_task;
    of_task.src = space.ring;
    of_task.ring = bands.ring;
    of_task.packed = block.depthwise.packed;
    of_task.zeros = zeros;
    of_task.rows = pointers + task * bands.pointers;
    of_task.copies = space.scratch + bands.scratch;
    of_task.dst = block.projection ? space.band : dst;
    Task(tier, block, src, dst, bands, space, of_task)
        .run(lines * task / bands.tasks, lines * (task + 1) / bands.tasks);
  });
}

}  // namespace sardonyx
