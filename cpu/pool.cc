// Cuts every window to the input once, so that the kernel has no border case.
#include "cpu/pool.h"

#include <algorithm>
#include <vector>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

// The taps [begin, end) of a window that lie in the input, along one axis.
struct Taps {
  int64_t begin = 0, end = 0, first = 0;  // first: input position of tap `begin`
  int64_t counted = 0;                    // taps in the input or its padding
};

Taps taps_at(const PoolArgs& args, int axis, int64_t out) {
  const ConvShape& s = args.shape;
  const int64_t dilation = s.dilation[axis];
  const int64_t start = out * s.stride[axis] - s.pad[axis];
  const auto taps_below = [&](int64_t end) {  // taps with a position below `end`
    return end <= start ? 0 : std::min((end - start + dilation - 1) / dilation, s.kernel[axis]);
  };
  Taps taps;
  taps.begin = taps_below(0);
  taps.end = std::max(taps_below(s.in[axis]), taps.begin);
  taps.first = start + taps.begin * dilation;
  taps.counted = taps_below(s.in[axis] + args.pad_end[axis]);
  return taps;
}

float factor_of(PoolMode mode, const Taps (&taps)[3]) {
  int64_t inside = 1, counted = 1;
  for (const Taps& t : taps) {
    inside *= t.end - t.begin;
    counted *= t.counted;
  }
  const int64_t count = mode == PoolMode::kAverage           ? inside
                        : mode == PoolMode::kAverageWithPads ? counted
                                                             : 1;
  return 1.0f / static_cast<float>(count);
}

template <class T>
using BoxKernel = void (*)(const PoolBoxOf<T>& box);

BoxKernel<float> kernel_for(const PoolKernels& kernels, PoolMode mode, const float*) {
  return mode == PoolMode::kMax            ? kernels.max
         : mode == PoolMode::kSumOfSquares ? kernels.sum_of_squares
                                           : kernels.sum;
}
BoxKernel<uint8_t> kernel_for(const PoolKernels& kernels, PoolMode, const uint8_t*) {
  return kernels.max_u8;
}
BoxKernel<int8_t> kernel_for(const PoolKernels& kernels, PoolMode, const int8_t*) {
  return kernels.max_s8;
}

std::vector<Taps> taps_of_pixels(const PoolArgs& args) {
  std::vector<Taps> taps;
  taps.reserve(static_cast<size_t>(args.shape.out[2]));
  for (int64_t x = 0; x < args.shape.out[2]; ++x) taps.push_back(taps_at(args, 2, x));
  return taps;
}

// Channels [channel, channel_end) of one line of output pixels, which have these taps. src: lines
// of its item from src_line on.
template <class T>
void pool_line(BoxKernel<T> kernel, const PoolArgs& args, const std::vector<Taps>& pixels,
               const T* src, int64_t src_line, T* dst, int64_t line, int64_t channel,
               int64_t channel_end) {
  const ConvShape& s = args.shape;
  Taps taps[3] = {
      taps_at(args, 0, line / s.out[1] % s.out[0]), taps_at(args, 1, line % s.out[1]), {}};
  taps[1].first -= src_line;
  const int64_t steps[3] = {s.in[1] * s.in[2] * s.src_stride(), s.in[2] * s.src_stride(),
                            s.src_stride()};
  PoolBoxOf<T> box;
  box.channels = channel_end - channel;
  const int64_t dst_ld = s.dst_ld != 0 ? s.dst_ld : s.in_channels;
  for (int64_t x = 0; x < s.out[2]; ++x) {
    taps[2] = pixels[static_cast<size_t>(x)];
    box.src = src + channel;
    for (int axis = 0; axis < 3; ++axis) {
      box.count[axis] = taps[axis].end - taps[axis].begin;
      box.stride[axis] = s.dilation[axis] * steps[axis];
      if (box.count[axis] > 0) box.src += taps[axis].first * steps[axis];
    }
    box.factor = factor_of(args.mode, taps);
    box.dst = dst + (line * s.out[2] + x) * dst_ld + channel;
    kernel(box);
  }
}

template <class T>
void pool_all(Tier tier, const PoolArgs& args, const T* src, T* dst, ThreadPool& threads) {
  const BoxKernel<T> kernel = kernel_for(pool_kernels(tier), args.mode, src);
  const ConvShape& s = args.shape;
  const int64_t lines = s.batch * s.out[0] * s.out[1];
  // Global pooling has few lines: then channels are shared out too.
  const int64_t blocks = lines < 4 * threads.threads() ? (s.in_channels + 63) / 64 : 1;
  const double floats = static_cast<double>(s.out[2] * s.in_channels * s.taps());
  const int64_t tasks =
      choose_tasks(lines * blocks, floats / static_cast<double>(30 * blocks), threads.threads());
  const std::vector<Taps> pixels = taps_of_pixels(args);
  threads.parallel_for(tasks, [&](int64_t task) {
    const int64_t end = lines * blocks * (task + 1) / tasks;
    for (int64_t i = lines * blocks * task / tasks; i < end; ++i) {
      const int64_t line = i / blocks, block = i % blocks;
      const int64_t item = line / s.out[1] / s.out[0];
      pool_line(kernel, args, pixels, src + item * s.in_pixels() * s.src_stride(), 0, dst, line,
                s.in_channels * block / blocks, s.in_channels * (block + 1) / blocks);
    }
  });
}

// Of the pixels that are averaged.
int64_t average_parts(int64_t pixels, int64_t channels) {
  constexpr int64_t kPartFloats = 8192;
  constexpr int64_t kMostParts = 16;
  return std::clamp<int64_t>(pixels * channels / kPartFloats, 1, std::min(kMostParts, pixels));
}

}  // namespace

size_t global_average_workspace_bytes(int64_t batch, int64_t pixels, int64_t channels) {
  const int64_t parts = average_parts(pixels, channels);
  return parts == 1 ? 0 : static_cast<size_t>(batch * parts * channels) * sizeof(float);
}

void global_average(Tier tier, int64_t batch, int64_t pixels, int64_t channels, const float* src,
                    float* dst, void* workspace, ThreadPool& threads) {
  const auto sum = pool_kernels(tier).sum;
  const auto add_up = [&](const float* from, int64_t count, float factor, float* to) {
    PoolBox box;
    box.src = from;
    box.count[0] = box.count[1] = 1;
    box.count[2] = count;
    box.stride[2] = box.channels = channels;
    box.factor = factor;
    box.dst = to;
    sum(box);
  };
  const int64_t parts = average_parts(pixels, channels);
  const float factor = 1.0f / static_cast<float>(pixels);
  float* sums = parts == 1 ? dst : static_cast<float*>(workspace);
  const int64_t units = batch * parts;
  const double nanoseconds =
      static_cast<double>(pixels * channels) / static_cast<double>(30 * parts);
  const int64_t tasks = choose_tasks(units, nanoseconds, threads.threads());
  threads.parallel_for(tasks, [&](int64_t task) {
    for (int64_t i = units * task / tasks; i < units * (task + 1) / tasks; ++i) {
      const int64_t item = i / parts, part = i % parts;
      const int64_t begin = pixels * part / parts, end = pixels * (part + 1) / parts;
      add_up(src + (item * pixels + begin) * channels, end - begin, parts == 1 ? factor : 1,
             sums + i * channels);
    }
  });
  if (parts == 1) return;
  for (int64_t item = 0; item < batch; ++item) {
    add_up(sums + item * parts * channels, parts, factor, dst + item * channels);
  }
}

void pool(Tier tier, const PoolArgs& args, const float* src, float* dst, ThreadPool& threads) {
  pool_all(tier, args, src, dst, threads);
}
void pool(Tier tier, const PoolArgs& args, const uint8_t* src, uint8_t* dst, ThreadPool& threads) {
  pool_all(tier, args, src, dst, threads);
}
void pool(Tier tier, const PoolArgs& args, const int8_t* src, int8_t* dst, ThreadPool& threads) {
  pool_all(tier, args, src, dst, threads);
}

void pool_lines(Tier tier, const PoolArgs& args, const float* src, int64_t src_line, float* dst,
                int64_t line, int64_t line_end) {
  const BoxKernel<float> kernel = kernel_for(pool_kernels(tier), args.mode, src);
  const std::vector<Taps> pixels = taps_of_pixels(args);
  for (; line < line_end; ++line) {
    pool_line(kernel, args, pixels, src, src_line, dst, line, 0, args.shape.in_channels);
  }
}

}  // namespace sardonyx
