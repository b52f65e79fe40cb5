// band_conv: convolution with few output channels. Some pixels side by side become the columns of
// one matrix product, whose weights are a band: the filters again and again, each a step further.
// It multiplies zeros, but fills the vectors that a few channels leave empty.
// Entry points: band_pixels, band_conv_pack, band_conv.
#pragma once

#include "cpu/conv.h"

namespace sardonyx {

// How many pixels to join; 0 where a plain conv() is less work as far as one can tell, and for
// groups or dilation along the line.
int64_t band_pixels(const GemmKernels<float>& kernels, const ConvShape& shape);

int64_t band_conv_packed_count(const GemmKernels<float>& kernels, int64_t pixels,
                               const ConvShape& shape);

// Packs weights given as ONNX does.
void band_conv_pack(const GemmKernels<float>& kernels, int64_t pixels, const ConvShape& shape,
                    const float* weights, float* packed, ThreadPool& pool);

size_t band_conv_workspace_bytes(const GemmKernels<float>& kernels, int64_t pixels,
                                 const ConvShape& shape, int threads);

// As conv().
void band_conv(const GemmKernels<float>& kernels, int64_t pixels, const ConvShape& shape,
               const float* src, const float* packed, const Epilogue<float>& epilogue, float* dst,
               void* workspace, ThreadPool& pool);

}  // namespace sardonyx
