// pooled_conv: a convolution and the pooling behind it, as where networks for pictures begin, a few
// lines at a time: the tensor between them never leaves the second cache. Entry points:
// can_join_pool, pooled_conv.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "cpu/conv_lines.h"
#include "cpu/pool.h"
#include "cpu/tier.h"

namespace sardonyx {

// Whether the two go together, and the tensor between them is so large that it pays.
bool can_join_pool(const ConvShape& conv, const PoolArgs& pool, int threads);

size_t pooled_conv_workspace_bytes(const ConvShape& conv, const PoolArgs& pool, int threads);

// dst = what the two make of src, one after the other: the same elements.
void pooled_conv(Tier tier, const ConvStage& conv, const PoolArgs& pool, const float* src,
                 float* dst, void* workspace, ThreadPool& threads);

}  // namespace sardonyx
