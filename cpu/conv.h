// conv: convolution of channels-last tensors ([batch, depth, height, width, channels]; 1-d and 2-d
// ones have depth and height 1) as an indirect matrix product: every output pixel is a row of A,
// given by pointers to the input pixels under the kernel taps. Entry points: conv_pack, conv.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/gemm.h"
#include "cpu/gemm_bf16.h"

namespace sardonyx {

// Sizes are those of one convolution, outermost first: depth, height, width.
struct ConvShape {
  int64_t batch = 1;
  std::array<int64_t, 3> in = {1, 1, 1};
  std::array<int64_t, 3> out = {1, 1, 1};
  std::array<int64_t, 3> kernel = {1, 1, 1};
  std::array<int64_t, 3> stride = {1, 1, 1};
  std::array<int64_t, 3> dilation = {1, 1, 1};
  std::array<int64_t, 3> pad = {0, 0, 0};  // at the beginning; the end follows from `out`
  int64_t groups = 1;
  int64_t in_channels = 1;   // of all groups
  int64_t out_channels = 1;  // of all groups
  // Elements from pixel to pixel: more than the channels where the tensor is a slice of the
  // channels of a wider one. 0: dense.
  int64_t src_ld = 0;
  int64_t dst_ld = 0;

  int64_t in_pixels() const { return in[0] * in[1] * in[2]; }
  int64_t out_pixels() const { return out[0] * out[1] * out[2]; }
  int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
  int64_t src_stride() const { return src_ld != 0 ? src_ld : in_channels; }
  int64_t dst_stride() const { return dst_ld != 0 ? dst_ld : out_channels; }
};

// Elements of the packed weights.
template <class T>
int64_t conv_packed_count(const GemmKernels<T>& kernels, const ConvShape& shape);

// Packs weights given as ONNX does: [out_channels, in_channels / groups, kernel...].
template <class T>
void conv_pack(const GemmKernels<T>& kernels, const ConvShape& shape, const T* weights, T* packed,
               ThreadPool& pool);

template <class T>
size_t conv_workspace_bytes(const GemmKernels<T>& kernels, const ConvShape& shape, int threads);

// dst = epilogue(src * weights); the rows of the epilogue are output pixels through the batch, its
// columns output channels. workspace is 64-byte aligned.
template <class T>
void conv(const GemmKernels<T>& kernels, const ConvShape& shape, const T* src, const T* packed,
          const Epilogue<T>& epilogue, T* dst, void* workspace, ThreadPool& pool);

// Whether dst of conv() may be the residual of its epilogue, with the same stride: not where sums
// of earlier chunks wait in dst.
template <class T>
bool conv_adds_in_place(const GemmKernels<T>& kernels, const ConvShape& shape);

// Output pixels [pixel, pixel_end) through the batch of one with a single group, on this thread.
// dst: of the first of them. scratch: conv_pixels_scratch elements.
int64_t conv_pixels_scratch(const ConvShape& shape);
void conv_pixels(const GemmKernels<float>& kernels, const ConvShape& shape, const float* src,
                 const float* packed, const Epilogue<float>& epilogue, int64_t pixel,
                 int64_t pixel_end, float* dst, float* scratch);

// The same with operands rounded to bf16; see cpu/gemm_bf16.h.
size_t conv_bf16_packed_bytes(const ConvShape& shape);
void conv_bf16_pack(const ConvShape& shape, const float* weights, void* packed, ThreadPool& pool);
size_t conv_bf16_workspace_bytes(const ConvShape& shape, int threads);
void conv_bf16(const Bf16Kernels& kernels, const GemmKernels<float>& finish, const ConvShape& shape,
               const float* src, const void* packed, const Epilogue<float>& epilogue, float* dst,
               void* workspace, ThreadPool& pool);

}  // namespace sardonyx
