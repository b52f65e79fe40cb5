// depthwise: convolution of channels-last tensors with one or more filters per input channel,
// vectorised over output channels. Entry points: depth_multiplier, depthwise_pack, depthwise.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/epilogue.h"
#include "cpu/tier.h"

namespace sardonyx {

// Output pixels [first, first + count) of one line or two, channels [channel, channel_end).
struct DepthwiseLine {
  // Pixel 0 of each input line, null in padding: kernel_rows, and `stride` more where lines are
  // two.
  const float* const* rows = nullptr;
  int64_t lines = 1;
  int64_t kernel_rows = 0, kernel_cols = 0;
  int64_t stride = 0, dilation = 0, pad = 0;  // along the line
  int64_t in_width = 0;
  int64_t src_ld = 0;
  const float* zeros = nullptr;    // an input pixel
  const float* weights = nullptr;  // [kernel_rows * kernel_cols, channels]
  const float* bias = nullptr;     // [channels]; null: 0
  int64_t channels = 0;            // of the output
  int64_t multiplier = 1;          // output channels per input channel
  int64_t channel = 0, channel_end = 0;
  int64_t first = 0, count = 0;
  float* dst = nullptr;  // of pixel `first`, channel 0
  int64_t dst_ld = 0;
  int64_t dst_line = 0;  // from a line to the next
  float alpha = 1, low = 0, high = 0;
  // Few channels: as spread_weights leaves them. Pixels of the input, none in padding, and of the
  // output follow one another then, and input lines are readable a vector beyond.
  const float* spread = nullptr;
};

struct DepthwiseKernels {
  void (*line)(const DepthwiseLine& line) = nullptr;
  // Whether two lines of such a convolution may be asked for; their strides must be those along it.
  bool (*takes_pairs)(const DepthwiseLine& line) = nullptr;
  // Where channels fill no vector and the stride is 1, vectors go through pixel after pixel:
  // weights by the channel of each of their elements, then the bias; at most kMostSpread floats for
  // each tap, and for the bias. False: not for this line.
  bool (*spread_weights)(const DepthwiseLine& line, float* to) = nullptr;
};
inline constexpr int64_t kMostLanes = 16, kMostSpread = (kMostLanes - 1) * kMostLanes;
const DepthwiseKernels& depthwise_kernels(Tier tier);

// Output channels per input channel where each of these is a group of its own, which depthwise()
// takes; 0 for other convolutions.
int64_t depth_multiplier(const ConvShape& shape);
inline bool is_depthwise(const ConvShape& shape) { return depth_multiplier(shape) == 1; }

// Packs ONNX weights [out_channels, 1, kernel...] to [taps, out_channels].
void depthwise_pack(const ConvShape& shape, const float* weights, float* packed);

size_t depthwise_workspace_bytes(const ConvShape& shape, int threads);

// dst = epilogue(src * weights); rows of the epilogue are output pixels, columns channels.
void depthwise(Tier tier, const ConvShape& shape, const float* src, const float* packed,
               const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool);

// Output lines [line, line_end) of such a convolution, on this thread. rows: depthwise_rows()
// pointers, twice as many where copies are wanted; zeros: a pixel of them; copies:
// depthwise_copies() floats. ring: where not 0, src holds input lines of one item alone, line y of
// them in place y % ring; the kernel is flat then.
struct DepthwiseLines {
  const float* src = nullptr;
  int64_t ring = 0;
  const float* packed = nullptr;
  const float* zeros = nullptr;
  const float** rows = nullptr;
  float* copies = nullptr;
  float* dst = nullptr;  // of output line dst_line
  int64_t dst_line = 0;
};
int64_t depthwise_rows(const ConvShape& shape);
int64_t depthwise_copies(const ConvShape& shape);
void depthwise_lines(Tier tier, const ConvShape& shape, const DepthwiseLines& lines,
                     const Epilogue<float>& epilogue, int64_t line, int64_t line_end);

}  // namespace sardonyx
