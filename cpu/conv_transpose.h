// conv_transpose: transposed convolution of channels-last tensors. Output pixels whose position
// has one remainder by the stride share their kernel taps: each such phase is a matrix product over
// input pixels given by pointers, so nothing is scattered. Entry points: conv_transpose_pack,
// conv_transpose.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/conv.h"

namespace sardonyx {

// ConvShape here: `in` and `in_channels` are the input's, `out` and `out_channels` the output's;
// stride, dilation and pad (at the beginning) as in ONNX's ConvTranspose: input pixel i and tap k
// reach output pixel i * stride + k * dilation - pad.

template <class T>
int64_t conv_transpose_packed_count(const GemmKernels<T>& kernels, const ConvShape& shape);

// Packs weights given as ONNX does: [in_channels, out_channels / groups, kernel...].
template <class T>
void conv_transpose_pack(const GemmKernels<T>& kernels, const ConvShape& shape, const T* weights,
                         T* packed, ThreadPool& pool);

template <class T>
size_t conv_transpose_workspace_bytes(const ConvShape& shape, int threads);

// As conv().
template <class T>
void conv_transpose(const GemmKernels<T>& kernels, const ConvShape& shape, const T* src,
                    const T* packed, const Epilogue<T>& epilogue, T* dst, void* workspace,
                    ThreadPool& pool);

}  // namespace sardonyx
