// Channels are taken in blocks, and all lines of a task for one block, so that the input lines that
// one window shares with the next are still in the first cache.
#include "cpu/depthwise.h"

#include <algorithm>
#include <limits>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

constexpr int64_t kCacheFloats = 12288;  // of the first cache, for the lines under a window
constexpr int64_t kPassFloats = 4096;    // for a pass of an epilogue

int64_t tasks_of(const ConvShape& s, int threads) {
  const double line_flops = 2.0 * static_cast<double>(s.out[2] * s.in_channels * s.taps());
  return choose_tasks(s.batch * s.out[0] * s.out[1], line_flops / 100, threads);
}

// A multiple of 16 channels; all of them where their lines fit.
int64_t block_channels(const ConvShape& s) {
  const int64_t pixels = (s.kernel[0] * s.kernel[1] + 1) * s.in[2];
  const int64_t fit = std::max<int64_t>(kCacheFloats / std::max<int64_t>(pixels, 1) / 16 * 16, 16);
  const int64_t blocks = (s.in_channels + fit - 1) / fit;
  return ((s.in_channels + blocks - 1) / blocks + 15) / 16 * 16;
}

class DepthwiseTask {
 public:
  DepthwiseTask(Tier tier, const ConvShape& shape, const DepthwiseLines& lines,
                const Epilogue<float>& epilogue)
      : kernels_(depthwise_kernels(tier)),
        gemm_(gemm_kernels<float>(tier)),
        shape_(shape),
        e_(epilogue),
        lines_(lines) {
    const bool clip = e_.activation == Activation::kClip && e_.residual == nullptr;
    pass_ = e_.residual != nullptr || (!clip && e_.activation != Activation::kNone);
    part_.rows = lines.rows;
    part_.kernel_rows = shape.kernel[0] * shape.kernel[1];
    part_.kernel_cols = shape.kernel[2];
    part_.stride = shape.stride[2];
    part_.dilation = shape.dilation[2];
    part_.pad = shape.pad[2];
    part_.in_width = shape.in[2];
    part_.src_ld = shape.src_stride();
    part_.zeros = lines.zeros;
    part_.weights = lines.packed;
    part_.bias = epilogue.bias;
    part_.channels = shape.in_channels;
    part_.dst_ld = shape.dst_stride();
    part_.alpha = epilogue.alpha;
    part_.low = clip ? e_.p0 : -std::numeric_limits<float>::infinity();
    part_.high = clip ? e_.p1 : std::numeric_limits<float>::infinity();
  }

  void run(int64_t line, int64_t line_end) {
    const int64_t step = block_channels(shape_);
    for (int64_t c = 0; c < shape_.in_channels; c = part_.channel_end) {
      part_.channel = c;
      part_.channel_end = c + step;
      // No block is narrower than a vector, unless all of it is.
      if (shape_.in_channels - part_.channel_end < 16) part_.channel_end = shape_.in_channels;
      for (int64_t i = line; i < line_end; ++i) run_line(i);
    }
  }

 private:
  void run_line(int64_t line) {
    find_rows(line);
    const int64_t width = shape_.out[2];
    const int64_t block = part_.channel_end - part_.channel;
    const int64_t fit = std::max<int64_t>(kPassFloats / block / 56, 1) * 56;
    const int64_t step = pass_ || e_.fn != nullptr ? fit : width;
    for (part_.first = 0; part_.first < width; part_.first += step) {
      part_.count = std::min(step, width - part_.first);
      const int64_t row = line * width + part_.first;
      part_.dst = lines_.dst + (row - lines_.dst_line * width) * part_.dst_ld;
      kernels_.line(part_);
      finish(row);
    }
  }

  // The input lines under the window of an output line.
  void find_rows(int64_t line) {
    const ConvShape& s = shape_;
    const int64_t y0 = line % s.out[1] * s.stride[1] - s.pad[1];
    const int64_t z0 = line / s.out[1] % s.out[0] * s.stride[0] - s.pad[0];
    const int64_t item = line / s.out[1] / s.out[0];
    for (int64_t r = 0; r < part_.kernel_rows; ++r) {
      const int64_t z = z0 + r / s.kernel[1] * s.dilation[0];
      const int64_t y = y0 + r % s.kernel[1] * s.dilation[1];
      const bool outside = z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1];
      const int64_t index = lines_.ring != 0 ? y % lines_.ring : (item * s.in[0] + z) * s.in[1] + y;
      lines_.rows[r] = outside ? nullptr : lines_.src + index * s.in[2] * s.src_stride();
    }
  }

  // What the kernel has not done: other activations than a clip, residual, callback.
  void finish(int64_t row) {
    const int64_t cols = part_.channel_end - part_.channel;
    float* c = part_.dst + part_.channel;
    const float* residual =
        e_.residual == nullptr ? nullptr : e_.residual + row * e_.residual_ld + part_.channel;
    const auto activate = [&](Activation activation, const float* added) {
      gemm_.activate(activation, e_.p0, e_.p1, c, part_.dst_ld, added, e_.residual_ld, c,
                     part_.dst_ld, part_.count, cols);
    };
    if (pass_) {
      if (residual != nullptr && !e_.residual_after) {
        activate(Activation::kNone, residual);
        residual = nullptr;
      }
      activate(e_.activation, residual);
    }
    if (e_.fn != nullptr) {
      e_.fn(e_.context, c, part_.dst_ld, part_.count, cols, row, part_.channel);
    }
  }

  const DepthwiseKernels& kernels_;
  const GemmKernels<float>& gemm_;
  const ConvShape& shape_;
  const Epilogue<float>& e_;
  const DepthwiseLines lines_;
  bool pass_ = false;  // the epilogue needs a pass of its own
  DepthwiseLine part_;
};

// The workspace: a pixel of zeros, then the row pointers of each task.
int64_t zeros_count(const ConvShape& s) { return (s.in_channels + 15) / 16 * 16; }
int64_t pointers_per_task(const ConvShape& s) { return (s.kernel[0] * s.kernel[1] + 7) / 8 * 8; }

}  // namespace

bool is_depthwise(const ConvShape& shape) {
  return shape.groups == shape.in_channels && shape.in_channels == shape.out_channels;
}

void depthwise_pack(const ConvShape& shape, const float* weights, float* packed) {
  const int64_t taps = shape.taps();
  for (int64_t c = 0; c < shape.in_channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      packed[tap * shape.in_channels + c] = weights[c * taps + tap];
    }
  }
}

size_t depthwise_workspace_bytes(const ConvShape& shape, int threads) {
  return static_cast<size_t>(zeros_count(shape)) * sizeof(float) +
         static_cast<size_t>(tasks_of(shape, threads) * pointers_per_task(shape)) *
             sizeof(const float*);
}

void depthwise(Tier tier, const ConvShape& shape, const float* src, const float* packed,
               const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) {
  const int64_t tasks = tasks_of(shape, pool.threads());
  const int64_t lines = shape.batch * shape.out[0] * shape.out[1];
  float* zeros = static_cast<float*>(workspace);
  std::fill(zeros, zeros + shape.in_channels, 0.0f);
  const float** pointers =
      static_cast<const float**>(static_cast<void*>(zeros + zeros_count(shape)));
  pool.parallel_for(tasks, [&](int64_t task) {
    const DepthwiseLines of_task{src, 0, packed, zeros, pointers + task * pointers_per_task(shape),
                                 dst, 0};
    depthwise_lines(tier, shape, of_task, epilogue, lines * task / tasks,
                    lines * (task + 1) / tasks);
  });
}

void depthwise_lines(Tier tier, const ConvShape& shape, const DepthwiseLines& lines,
                     const Epilogue<float>& epilogue, int64_t line, int64_t line_end) {
  DepthwiseTask(tier, shape, lines, epilogue).run(line, line_end);
}

}  // namespace sardonyx
