// winograd: 3x3 convolution with stride 1 of channels-last tensors by Winograd's minimal filtering
// F(t x t, 3x3): every t x t square of output pixels ("tile", t is 4 or 2) takes (t + 2)^2 products
// per pair of channels in the place of 9 t^2 (Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2016). The points of interpolation for t = 4 are 0, 3/4, -3/4, 3/2, -3/2 and
// infinity: exact in binary, and the error stays near that of a plain sum (0, 1, -1, 2, -2 lose two
// bits more). t = 2 is for few pixels and many channels, where the transformed weights, (t + 2)^2
// in the place of 9, are what takes time.
// The weights of t = 2 are packed in their transformed form; those of t = 4 are those of conv_pack
// and transformed by each run, which takes as long as reading four times as many.
// Groups are done some at a time, those of few channels with the tiles of group_conv.
// Entry points: winograd_tile, winograd_pack, winograd.
#pragma once

#include "cpu/conv.h"

namespace sardonyx {

// The tile to use, 4 or 2; 0 for another form than two spatial axes, 3x3, stride 1, channels of a
// group that fill vectors or divide them, and where the plain sums are less work as far as one can
// tell.
int winograd_tile(Tier tier, const ConvShape& shape);

// Elements of the packed weights, and from weights as ONNX has them: [out_channels, in_channels /
// groups, 3, 3].
int64_t winograd_packed_count(Tier tier, int tile, const ConvShape& shape);
void winograd_pack(Tier tier, int tile, const ConvShape& shape, const float* weights, float* packed,
                   ThreadPool& pool);
// Whether they are transformed, or what conv_pack or group_conv_pack makes of them.
enum class WinogradPacking { kTransformed, kConv, kGroupConv };
WinogradPacking winograd_packing(Tier tier, int tile, const ConvShape& shape);

size_t winograd_workspace_bytes(Tier tier, int tile, const ConvShape& shape, int threads);

// As conv(): dst = epilogue(src * weights), workspace 64-byte aligned. The bits of the
// result depend on tile and shape alone.
void winograd(Tier tier, int tile, const ConvShape& shape, const float* src, const float* packed,
              const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool);

// ---- The transforms, per tier and tile.

inline constexpr int kMostWinogradPlanes = 36;

struct WinogradOutput {
  const float* products = nullptr;  // of one tile: plane i at products + i * plane_stride
  int64_t plane_stride = 0;
  int64_t channels = 0;
  float alpha = 1;
  const float* bias = nullptr;
  float low = 0, high = 0;
  int lines = 0, pixels = 0;  // those of the tile that are in the output
  float* dst = nullptr;
  int64_t dst_line = 0, dst_pixel = 0;  // elements from line to line, pixel to pixel
  const float* residual = nullptr;
  int64_t residual_line = 0, residual_pixel = 0;
  bool residual_after = false;
};

struct WinogradKernels {
  // From the (t + 2)^2 input pixels of a tile to plane i of its row: dst + i * plane_stride. What
  // the next tile adds to these, `ahead` elements after the last t of each line, is prefetched.
  void (*input)(const float* const* pixels, int64_t channels, float* dst, int64_t plane_stride,
                int64_t ahead) = nullptr;
  void (*output)(const WinogradOutput& output) = nullptr;
  // From nine taps of `count` weights, whole vectors, `tap` elements apart, to the planes of two
  // rows, the first one and then the second, `plane` elements apart. Rows of planes come in pairs:
  // the first and the last, then those that follow one another.
  void (*weights)(const float* taps, int64_t tap, int64_t count, int pair, float* dst,
                  int64_t plane) = nullptr;
};

struct WinogradTiles {
  WinogradKernels two, four;
  const WinogradKernels& of(int tile) const { return tile == 2 ? two : four; }
};
const WinogradTiles& winograd_kernels(Tier tier);

}  // namespace sardonyx
