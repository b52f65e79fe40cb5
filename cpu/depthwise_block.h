// depthwise_block: a convolution, the depthwise one behind it, and perhaps the 1x1 one behind that,
// as in MobileNets, a few lines at a time: the wide tensors between them, the largest of such
// networks, never leave the second cache. Entry points: can_join_depthwise, can_join_projection,
// depthwise_block.
#pragma once

#include <cstddef>
#include <optional>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/conv_lines.h"
#include "cpu/depthwise.h"
#include "cpu/tier.h"

namespace sardonyx {

struct DepthwiseBlock {
  ConvStage first, depthwise;
  std::optional<ConvStage> projection;
};

// Whether the two go together, and the tensor between them is so large that it pays.
bool can_join_depthwise(const ConvShape& first, const ConvShape& depthwise, int threads);
bool can_join_projection(const ConvShape& depthwise, const ConvShape& projection, int threads);

// Depends on the shapes alone.
size_t depthwise_block_workspace_bytes(const DepthwiseBlock& block, int threads);

// dst = what the stages make of src, one after the other: the same elements.
void depthwise_block(Tier tier, const DepthwiseBlock& block, const float* src, float* dst,
                     void* workspace, ThreadPool& pool);

}  // namespace sardonyx
