// StridedCopy: the one engine behind every operator that only moves a regular pattern of elements
// (Transpose, Slice, Concat, Split, Expand, Tile, Pad, DepthToSpace, ...): for each index of
// `extents`, dst[dst_offset + index . dst_strides] = src[src_offset + index . src_strides].
// Entry points: StridedCopy::simplified, run_strided_copy.
#pragma once

#include "base/tensor.h"
#include "base/thread_pool.h"

namespace sardonyx {

struct StridedCopy {
  DType dtype = DType::kUndefined;  // not sub-byte
  Shape extents;
  Shape src_strides;  // in elements; may be 0 or negative
  Shape dst_strides;  // in elements, not 0 where the extent is above 1
  int64_t src_offset = 0;
  int64_t dst_offset = 0;

  // The same copy with as few dims as possible: extents of 1 dropped, dims that advance together
  // joined, the dim that is dense in dst last.
  StridedCopy simplified() const;
};

// Row-major strides of a dense tensor, in elements.
Shape dense_strides(const Shape& shape);

// `copy` must be simplified(). Parts go to the threads of the pool.
void run_strided_copy(const StridedCopy& copy, const void* src, void* dst, ThreadPool* pool);

}  // namespace sardonyx
