// See cpu/attention.h. The order of every sum depends on the tier and on the sizes alone.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/attention.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

HWY_INLINE V load_part(const float* src, size_t count) {
  const D d;
  return hn::IfThenElseZero(hn::FirstN(d, count), load_n(d, src, count));
}

// Four keys at a time share the loads of the query.
HWY_INLINE void dot_four(const float* query, const float* keys, int64_t stride, int64_t size,
                         float* dst) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    const V q = hn::LoadU(d, query + i);
    s0 = hn::MulAdd(q, hn::LoadU(d, keys + i), s0);
    s1 = hn::MulAdd(q, hn::LoadU(d, keys + stride + i), s1);
    s2 = hn::MulAdd(q, hn::LoadU(d, keys + 2 * stride + i), s2);
    s3 = hn::MulAdd(q, hn::LoadU(d, keys + 3 * stride + i), s3);
  }
  if (i < size) {
    const size_t count = static_cast<size_t>(size - i);
    const V q = load_part(query + i, count);
    s0 = hn::MulAdd(q, load_part(keys + i, count), s0);
    s1 = hn::MulAdd(q, load_part(keys + stride + i, count), s1);
    s2 = hn::MulAdd(q, load_part(keys + 2 * stride + i, count), s2);
    s3 = hn::MulAdd(q, load_part(keys + 3 * stride + i, count), s3);
  }
  dst[0] = hn::GetLane(hn::SumOfLanes(d, s0));
  dst[1] = hn::GetLane(hn::SumOfLanes(d, s1));
  dst[2] = hn::GetLane(hn::SumOfLanes(d, s2));
  dst[3] = hn::GetLane(hn::SumOfLanes(d, s3));
}

HWY_INLINE float dot_one(const float* query, const float* key, int64_t size) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V sum = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    sum = hn::MulAdd(hn::LoadU(d, query + i), hn::LoadU(d, key + i), sum);
  }
  if (i < size) {
    const size_t count = static_cast<size_t>(size - i);
    sum = hn::MulAdd(load_part(query + i, count), load_part(key + i, count), sum);
  }
  return hn::GetLane(hn::SumOfLanes(d, sum));
}

void dot_rows(const float* query, const float* keys, int64_t stride, int64_t count, int64_t size,
              float* dst) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) dot_four(query, keys + i * stride, stride, size, dst + i);
  for (; i < count; ++i) dst[i] = dot_one(query, keys + i * stride, size);
}

// Columns [0, 4 * lanes) of the values.
HWY_INLINE void sum_four(const float* weights, const float* values, int64_t stride, int64_t count,
                         float* dst) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (int64_t i = 0; i < count; ++i, values += stride) {
    const V weight = hn::Set(d, weights[i]);
    s0 = hn::MulAdd(weight, hn::LoadU(d, values), s0);
    s1 = hn::MulAdd(weight, hn::LoadU(d, values + lanes), s1);
    s2 = hn::MulAdd(weight, hn::LoadU(d, values + 2 * lanes), s2);
    s3 = hn::MulAdd(weight, hn::LoadU(d, values + 3 * lanes), s3);
  }
  hn::StoreU(s0, d, dst);
  hn::StoreU(s1, d, dst + lanes);
  hn::StoreU(s2, d, dst + 2 * lanes);
  hn::StoreU(s3, d, dst + 3 * lanes);
}

void sum_rows(const float* weights, const float* values, int64_t stride, int64_t count,
              int64_t size, float* dst) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t col = 0;
  for (; col + 4 * lanes <= size; col += 4 * lanes) {
    sum_four(weights, values + col, stride, count, dst + col);
  }
  for (; col < size; col += lanes) {
    const size_t part = static_cast<size_t>(size - col < lanes ? size - col : lanes);
    V sum = hn::Zero(d);
    for (int64_t i = 0; i < count; ++i) {
      const float* value = values + i * stride + col;
      sum = hn::MulAdd(hn::Set(d, weights[i]), load_part(value, part), sum);
    }
    store_n(sum, d, dst + col, part);
  }
}

}  // namespace

extern const AttentionKernels kAttentionKernels;
const AttentionKernels kAttentionKernels = {dot_rows, sum_rows};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(attention_kernels, AttentionKernels, kAttentionKernels)
#endif
