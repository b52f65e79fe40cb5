// Sparse tensors in other forms than COO, which models take: what both doors turn into it.
#pragma once

#include "base/result.h"
#include "base/value.h"

namespace sardonyx {

// A matrix by rows: `inner` has the column of each value, `outer` where each row's values begin,
// and the end. All indices are int64.
Result<SparseTensor> coo_of_csr(const Shape& dense_shape, const Tensor& values, const Tensor& inner,
                                const Tensor& outer);

// A matrix by blocks: values [blocks, height, width] and int32 places [2, blocks], the rows and the
// columns of blocks, counted in blocks.
Result<SparseTensor> coo_of_blocks(const Shape& dense_shape, const Tensor& values,
                                   const Tensor& places);

// Fails where an index of `sparse` lies outside of its shape.
Result<void> check_coo(const SparseTensor& sparse);

}  // namespace sardonyx
