// pool: maximum, average and Lp pooling of channels-last tensors with any window, stride, dilation
// and padding; global pooling is a window over the whole input. Entry points: pool, global_average.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/tier.h"

namespace sardonyx {

enum class PoolMode : uint8_t {
  kMax,              // of the pixels inside; a window without any gives -infinity
  kAverage,          // over the pixels inside
  kAverageWithPads,  // over the window cut to the input and its padding
  kSum,              // of the pixels inside
  kSumOfSquares,
};

struct PoolArgs {
  // in, out, kernel, stride, dilation, pad, batch, in_channels, src_ld, dst_ld are used; the sizes
  // of `out` may come from ceil mode.
  ConvShape shape;
  std::array<int64_t, 3> pad_end = {0, 0, 0};  // for kAverageWithPads
  PoolMode mode = PoolMode::kMax;
};

// dst[batch, out, channels] from src[batch, in, channels].
void pool(Tier tier, const PoolArgs& args, const float* src, float* dst, ThreadPool& threads);
// Of bytes: mode kMax; a window without a pixel gives the lowest number.
void pool(Tier tier, const PoolArgs& args, const uint8_t* src, uint8_t* dst, ThreadPool& threads);
void pool(Tier tier, const PoolArgs& args, const int8_t* src, int8_t* dst, ThreadPool& threads);

// Lines [line, line_end) of dst, all of one item of the batch and with two axes, on this thread.
// src: its lines from src_line on, as far as their windows reach.
void pool_lines(Tier tier, const PoolArgs& args, const float* src, int64_t src_line, float* dst,
                int64_t line, int64_t line_end);

// dst[batch, channels]: averages over the pixels of src[batch, pixels, channels], pixels > 0. Many
// pixels are summed in parts, which depend on the sizes alone: a thread adds up what it has
// probably written itself, and leaves it where it is. The workspace is 64-byte aligned.
size_t global_average_workspace_bytes(int64_t batch, int64_t pixels, int64_t channels);
void global_average(Tier tier, int64_t batch, int64_t pixels, int64_t channels, const float* src,
                    float* dst, void* workspace, ThreadPool& threads);

// The kernel: channels [0, channels) of one output pixel from the box of input pixels
// src + z * stride_z + y * stride_y + x * stride_x, z < count_z and so on, each times `factor`.
template <class T>
struct PoolBoxOf {
  const T* src = nullptr;
  int64_t count[3] = {0, 0, 0};
  int64_t stride[3] = {0, 0, 0};
  int64_t channels = 0;
  float factor = 1;
  T* dst = nullptr;
};
using PoolBox = PoolBoxOf<float>;

struct PoolKernels {
  void (*max)(const PoolBox& box);
  void (*sum)(const PoolBox& box);
  void (*sum_of_squares)(const PoolBox& box);
  void (*max_u8)(const PoolBoxOf<uint8_t>& box);
  void (*max_s8)(const PoolBoxOf<int8_t>& box);
};

const PoolKernels& pool_kernels(Tier tier);

}  // namespace sardonyx
