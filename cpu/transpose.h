// permute: the axes of a dense tensor in another order, for elements of 1, 2, 4 or 8 bytes; the
// change between channels-first and channels-last is one case. Entry point: permute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "cpu/tier.h"

namespace sardonyx {

// dst axis i is src axis perm[i]; dims are those of src. Any rank; elements of any other size are
// copied one by one.
void permute(Tier tier, std::span<const int64_t> dims, std::span<const int64_t> perm,
             size_t element_bytes, const void* src, void* dst, ThreadPool& pool);

// dst[c * dst_ld + r] = src[r * src_ld + c] for r < rows, c < cols.
template <class T>
using TransposeMatrix = void (*)(const T* src, int64_t src_ld, T* dst, int64_t dst_ld, int64_t rows,
                                 int64_t cols);
struct TransposeKernels {
  TransposeMatrix<uint8_t> bytes1;
  TransposeMatrix<uint16_t> bytes2;
  TransposeMatrix<uint32_t> bytes4;
  TransposeMatrix<uint64_t> bytes8;
};
const TransposeKernels& transpose_kernels(Tier tier);

}  // namespace sardonyx
