// expanded_depthwise: a 1x1 convolution and the depthwise one behind it, as in the blocks of
// MobileNets, a few lines at a time: the wide tensor between them, the largest of such networks,
// never leaves the second cache. Entry points: can_expand_depthwise, expanded_depthwise.
#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/depthwise.h"
#include "cpu/epilogue.h"
#include "cpu/tier.h"

namespace sardonyx {

// One of the two convolutions: packed weights as conv_pack and depthwise_pack leave them.
struct ConvStage {
  ConvShape shape;
  const float* packed = nullptr;
  Epilogue<float> epilogue;
};

// Whether the two go together, and the tensor between them is so large that it pays.
bool can_expand_depthwise(const ConvShape& expand, const ConvShape& depthwise, int threads);

size_t expanded_depthwise_workspace_bytes(const ConvShape& expand, const ConvShape& depthwise,
                                          int threads);

// dst = the second of the first of src. Elements are those that the two give one after the other.
void expanded_depthwise(Tier tier, const ConvStage& expand, const ConvStage& depthwise,
                        const float* src, float* dst, void* workspace, ThreadPool& pool);

}  // namespace sardonyx
