// Products of one query with many keys, and of weights with many values, read where they lie: for
// attention with few queries, where packing keys would cost more than it saves.
// Entry point: attention_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

struct AttentionKernels {
  // dst[i] = sum over d of query[d] * keys[i * stride + d], for i < count and d < size.
  void (*dot_rows)(const float* query, const float* keys, int64_t stride, int64_t count,
                   int64_t size, float* dst);
  // dst[d] = sum over i of weights[i] * values[i * stride + d], for i < count and d < size.
  void (*sum_rows)(const float* weights, const float* values, int64_t stride, int64_t count,
                   int64_t size, float* dst);
};

const AttentionKernels& attention_kernels(Tier tier);

}  // namespace sardonyx
