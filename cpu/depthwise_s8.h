// depthwise_s8: the 8-bit convolution with one filter per channel, vectorised over channels: four
// kernel rows are one step of the dot product. Used through conv_s8.
#pragma once

#include "cpu/conv_s8.h"
#include "cpu/depthwise.h"

namespace sardonyx {

size_t depthwise_s8_packed_bytes(Tier tier, const ConvShape& shape);
void depthwise_s8_pack(Tier tier, const ConvShape& shape, const BytesMatrix& weights, void* dst);
size_t depthwise_s8_workspace_bytes(Tier tier, const ConvShape& shape, int threads);
void depthwise_s8(Tier tier, const ConvShape& shape, const ConvS8Args& args, void* workspace,
                  ThreadPool& pool);

// Some output pixels of one line, all channels.
struct DepthwiseS8Tile {
  // Input pixels under each of the kernel rows rounded up to 4, at channel 0, from the first tap of
  // the first output pixel on.
  const uint8_t* const* pixels = nullptr;
  int64_t pixel_stride = 0;  // from row to row of `pixels`
  int64_t quads = 0;         // of kernel rows
  int64_t kernel_rows = 0, kernel_cols = 0;
  int64_t dilation = 1;  // along the line
  bool is_signed = false;
  const int8_t* weights = nullptr;  // [quads][kernel_cols][padded channels][4]
  const int32_t* zeros = nullptr;   // [padded]: zero points of stored weights; null: all 0
  int64_t padded = 0;
  int64_t channels = 0;
  FinishS8 finish;  // of the first pixel
};

struct DepthwiseS8Kernels {
  using Tile = void (*)(const DepthwiseS8Tile& tile);
  // For 3x3 and 5x5 kernels with stride 1 and 2 and no dilation: 7, 4 (or null), 2 and 1 pixels, by
  // [zeros][kernel == 5][stride - 1][...].
  static constexpr int kPixels[] = {7, 4, 2, 1};
  Tile tile[2][2][2][4] = {};
  Tile seven[4] = {};  // the same for 7x7 with stride 1 and weights without zero points; some
  Tile one = nullptr;  // one pixel of any kernel
};
const DepthwiseS8Kernels& depthwise_s8_kernels(Tier tier);

}  // namespace sardonyx
