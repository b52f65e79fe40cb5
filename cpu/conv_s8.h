// conv_s8: convolution of channels-last 8-bit tensors through gemm_s8, or, with one filter per
// channel, through a kernel of its own. Exact like these. Pixels in the padding count as the
// input's zero point. Entry points: conv_s8_pack, conv_s8.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/conv.h"
#include "cpu/gemm_s8.h"

namespace sardonyx {

// Weights [out_channels, in_channels / groups, kernel...] with one zero point or one per channel.
size_t conv_s8_packed_bytes(Tier tier, const ConvShape& shape);
void conv_s8_pack(Tier tier, const ConvShape& shape, const BytesMatrix& weights, void* dst,
                  ThreadPool& pool);

// Per-channel numbers as OutputS8 wants them: those of each group padded to whole panels, by 0.
int64_t conv_s8_columns(Tier tier, const ConvShape& shape);
void conv_s8_spread(Tier tier, const ConvShape& shape, const float* per_channel, float* dst);

struct ConvS8Args {
  BytesMatrix src;  // one zero point
  const void* packed = nullptr;
  const int32_t* bias = nullptr;  // [out_channels]; null: 0
  OutputS8 output;                // add is not read; rows are output pixels
};
size_t conv_s8_workspace_bytes(Tier tier, const ConvShape& shape, int threads);
void conv_s8(Tier tier, const ConvShape& shape, const ConvS8Args& args, void* workspace,
             ThreadPool& pool);

}  // namespace sardonyx
