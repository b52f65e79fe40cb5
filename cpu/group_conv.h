// group_conv: convolution of channels-last tensors in groups of few channels, whose outputs fill
// one vector or some. A product per group would read and write a few elements of every pixel; here
// some lines at a time are done for all groups, while they are in the second cache.
// Entry points: group_conv_form, group_conv_pack, group_conv.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cpu/conv.h"
#include "cpu/tier.h"

namespace sardonyx {

// Tiles of output pixels that follow one another in a line, of some vectors of output channels
// that have the same input channels, or of one vector of some groups of 4 or 8 channels.
struct GroupTiles {
  const float* src = nullptr;  // under tap 0 of the first pixel, the first input channel
  int64_t src_line = 0, src_tap = 0, src_pixel = 0;  // elements from one to the next
  int64_t kernel_rows = 0, kernel_cols = 0;
  int64_t channels = 0;            // input channels of a group
  const float* weights = nullptr;  // [taps, channels, output channels]
  const float* bias = nullptr;     // null: 0
  float alpha = 1, low = 0, high = 0;
  float* dst = nullptr;
  int64_t dst_pixel = 0;
  int64_t count = 0;  // output pixels
};

inline constexpr size_t kMostGroupVectors = 3;

struct GroupConvKernels {
  int64_t lanes = 0;
  // By vectors at once, null where the tier has none; and the pixels of a tile. Input pixels are
  // read for whole tiles.
  std::array<void (*)(const GroupTiles&), kMostGroupVectors + 1> wide = {};
  std::array<int64_t, kMostGroupVectors + 1> wide_pixels = {};
  // A vector of groups of 4 channels, or of 8; null where such a group fills vectors.
  void (*fours)(const GroupTiles&) = nullptr;
  void (*eights)(const GroupTiles&) = nullptr;
  int64_t narrow_pixels = 0;
};
const GroupConvKernels& group_conv_kernels(Tier tier);

// How a convolution is done.
struct GroupConvForm {
  void (*tiles)(const GroupTiles&) = nullptr;  // null: it is none for this
  int64_t width = 0;                           // output channels at once
  int64_t pixels = 0;                          // of a tile
};
GroupConvForm group_conv_form(Tier tier, const ConvShape& shape);

// Packs weights given as ONNX does: [out_channels, in_channels / groups, kernel...].
void group_conv_pack(const GroupConvForm& form, const ConvShape& shape, const float* weights,
                     float* packed);

size_t group_conv_workspace_bytes(const GroupConvForm& form, const ConvShape& shape, int threads);

// As conv(): dst = epilogue(src * weights).
void group_conv(Tier tier, const ConvShape& shape, const float* src, const float* packed,
                const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool);

}  // namespace sardonyx
