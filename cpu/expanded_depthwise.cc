// Each task has some lines of the output, and a ring of lines of the tensor in between: lines are
// computed as the window comes to them, and those that it has left are written over.
#include "cpu/expanded_depthwise.h"

#include <algorithm>

namespace sardonyx {
namespace {

constexpr int64_t kLeastBytes = int64_t{1} << 20;  // between two steps of a thread, to be worth it
constexpr int64_t kRingFloats = int64_t{128} << 10;  // a quarter of common second caches

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Lines under the window of `lines` lines of the output.
int64_t lines_under(const ConvShape& s, int64_t lines) {
  return (lines - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
}

struct Bands {
  int64_t lines = 0;  // of the output, at once
  int64_t ring = 0;   // lines in between
  int64_t tasks = 0;
  int64_t zeros = 0, ring_floats = 0, pointers = 0;  // workspace

  size_t bytes() const {
    return static_cast<size_t>(zeros + tasks * ring_floats) * sizeof(float) +
           static_cast<size_t>(tasks * pointers) * sizeof(const float*);
  }
};

Bands cut_bands(const ConvShape& s, int threads) {
  const int64_t line_floats = s.in[2] * s.in_channels;
  Bands bands;
  bands.lines = 1;
  while (bands.lines < s.out[1] && lines_under(s, bands.lines + 1) * line_floats <= kRingFloats) {
    ++bands.lines;
  }
  bands.ring = std::min(lines_under(s, bands.lines), s.in[1]);
  // Where tasks meet, lines are computed twice: few of them.
  const int64_t lines = s.batch * s.out[1];
  bands.tasks =
      threads == 1 ? 1 : std::min<int64_t>(lines, lines < 16 * threads ? threads : 2 * threads);
  bands.zeros = divide_up(s.in_channels, 16) * 16;
  bands.ring_floats = divide_up(bands.ring * line_floats, 16) * 16;
  bands.pointers = divide_up(s.kernel[1], 8) * 8;
  return bands;
}

class Task {
 public:
  Task(Tier tier, const ConvStage& expand, const ConvStage& depthwise, const float* src,
       const Bands& bands, float* ring, const DepthwiseLines& lines)
      : tier_(tier),
        kernels_(gemm_kernels<float>(tier)),
        expand_(expand),
        depthwise_(depthwise),
        src_(src),
        bands_(bands),
        ring_(ring),
        lines_(lines) {}

  // Lines of the output, counted through the batch.
  void run(int64_t line, int64_t line_end) {
    const ConvShape& s = depthwise_.shape;
    while (line < line_end) {
      const int64_t item = line / s.out[1], y = line % s.out[1];
      if (item != item_) done_ = 0;
      item_ = item;
      const int64_t end = std::min({line + bands_.lines, line_end, (item + 1) * s.out[1]});
      const int64_t first = y * s.stride[1] - s.pad[1];
      const int64_t last = first + lines_under(s, end - line);
      expand(std::max({first, done_, int64_t{0}}), std::min(last, s.in[1]));
      depthwise_lines(tier_, s, lines_, depthwise_.epilogue, line, end);
      line = end;
    }
  }

 private:
  // Lines [y, y_end) in between, to their places in the ring.
  void expand(int64_t y, int64_t y_end) {
    while (y < y_end) {
      const int64_t place = y % bands_.ring;
      const int64_t count = std::min(y_end - y, bands_.ring - place);
      expand_lines(y, count, place);
      y += count;
    }
    done_ = std::max(done_, y_end);
  }

  void expand_lines(int64_t y, int64_t count, int64_t place) const {
    const ConvShape& s = expand_.shape;
    const int64_t pixel = (item_ * s.out[1] + y) * s.out[2];
    const DenseRows<float> rows{src_ + pixel * s.src_stride(), s.src_stride()};
    BlockArgs<float> args;
    args.n = s.out_channels;
    args.depth = s.in_channels;
    args.fill_rows = fill_dense_rows<float>;
    args.source = &rows;
    args.split = pays_to_split(kernels_, s.batch * s.out_pixels(), s.out_channels, s.in_channels);
    args.packed_b = expand_.packed;
    args.c = ring_ + place * s.out[2] * s.out_channels;
    args.ldc = s.out_channels;
    args.row0 = pixel;
    args.epilogue = expand_.epilogue;
    if (args.epilogue.residual != nullptr) {
      args.epilogue.residual += pixel * args.epilogue.residual_ld;
    }
    gemm_blocks(kernels_, args, 0, count * s.out[2], 0,
                divide_up(s.out_channels, kernels_.panel_cols));
  }

  const Tier tier_;
  const GemmKernels<float>& kernels_;
  const ConvStage& expand_;
  const ConvStage& depthwise_;
  const float* src_;
  const Bands& bands_;
  float* ring_;
  const DepthwiseLines lines_;
  int64_t item_ = -1;
  int64_t done_ = 0;  // lines of the item that have been computed
};

}  // namespace

bool can_expand_depthwise(const ConvShape& expand, const ConvShape& depthwise, int threads) {
  using Sizes = std::array<int64_t, 3>;
  const bool is_expansion = expand.taps() == 1 && expand.groups == 1 &&
                            expand.stride == Sizes{1, 1, 1} && expand.pad == Sizes{0, 0, 0} &&
                            expand.in == expand.out;
  const bool is_flat = depthwise.kernel[0] == 1 && depthwise.in[0] == 1 && depthwise.out[0] == 1 &&
                       depthwise.stride[0] == 1 && depthwise.pad[0] == 0;
  return is_expansion && is_flat && is_depthwise(depthwise) && expand.batch == depthwise.batch &&
         expand.out == depthwise.in && expand.out_channels == depthwise.in_channels &&
         expand.dst_stride() == expand.out_channels &&
         depthwise.src_stride() == depthwise.in_channels &&
         expand.out_pixels() * expand.out_channels * int64_t{sizeof(float)} >=
             kLeastBytes * threads;
}

size_t expanded_depthwise_workspace_bytes(const ConvShape&, const ConvShape& depthwise,
                                          int threads) {
  return cut_bands(depthwise, threads).bytes();
}

void expanded_depthwise(Tier tier, const ConvStage& expand, const ConvStage& depthwise,
                        const float* src, float* dst, void* workspace, ThreadPool& pool) {
  const ConvShape& s = depthwise.shape;
  const Bands bands = cut_bands(s, pool.threads());
  float* zeros = static_cast<float*>(workspace);
  std::fill(zeros, zeros + bands.zeros, 0.0f);
  float* rings = zeros + bands.zeros;
  const float** pointers =
      static_cast<const float**>(static_cast<void*>(rings + bands.tasks * bands.ring_floats));
  const int64_t lines = s.batch * s.out[1];
  pool.parallel_for(bands.tasks, [&](int64_t task) {
    float* ring = rings + task * bands.ring_floats;
    const DepthwiseLines of_task{
        ring, bands.ring, depthwise.packed, zeros, pointers + task * bands.pointers, dst};
    Task(tier, expand, depthwise, src, bands, ring, of_task)
        .run(lines * task / bands.tasks, lines * (task + 1) / bands.tasks);
  });
}

}  // namespace sardonyx
