// Three passes over a row: the maximum, exponentials and their sum, the quotient. The order of the
// sum depends on the tier and on `cols` alone.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/softmax.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <cmath>
#include <limits>

#include "cpu/softmax.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

HWY_INLINE V load(const float* src, int64_t left, float beyond) {
  const D d;
  if (left >= kLanes) return hn::LoadU(d, src);
  const size_t count = static_cast<size_t>(left);
  return hn::IfThenElse(hn::FirstN(d, count), load_n(d, src, count), hn::Set(d, beyond));
}
HWY_INLINE void store(V v, float* dst, int64_t left) {
  const D d;
  if (left >= kLanes) {
    hn::StoreU(v, d, dst);
  } else {
    store_n(v, d, dst, static_cast<size_t>(left));
  }
}

// Where one element is NaN, so are its exponential and the sum, whatever the maximum.
HWY_INLINE V max_number(V most, V x) { return hn::Max(x, most); }

// The maximum; NaN elements may or may not count.
float max_of(const float* x, int64_t cols) {
  const D d;
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  V m0 = hn::Set(d, kLowest), m1 = m0;
  int64_t i = 0;
  for (; i + 2 * kLanes <= cols; i += 2 * kLanes) {
    m0 = max_number(m0, hn::LoadU(d, x + i));
    m1 = max_number(m1, hn::LoadU(d, x + i + kLanes));
  }
  for (; i < cols; i += kLanes) m0 = max_number(m0, load(x + i, cols - i, kLowest));
  return hn::GetLane(hn::MaxOfLanes(d, max_number(m0, m1)));
}

// dst = scale * src + mask; returns its maximum, as max_of does.
float scale_row(const float* src, float scale, const float* mask, int64_t cols, float* dst) {
  const D d;
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const V factor = hn::Set(d, scale);
  V most = hn::Set(d, kLowest);
  for (int64_t i = 0; i < cols; i += kLanes) {
    const int64_t left = cols - i;
    V x = load(src + i, left, 0);
    x = mask != nullptr ? hn::MulAdd(x, factor, load(mask + i, left, 0)) : hn::Mul(x, factor);
    store(x, dst + i, left);
    if (left < kLanes) {
      x = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(left)), x, hn::Set(d, kLowest));
    }
    most = max_number(most, x);
  }
  return hn::GetLane(hn::MaxOfLanes(d, most));
}

// dst *= factor.
void multiply_row(float factor, int64_t cols, float* dst) {
  const D d;
  const V by = hn::Set(d, factor);
  int64_t i = 0;
  for (; i + kLanes <= cols; i += kLanes)
    hn::StoreU(hn::Mul(hn::LoadU(d, dst + i), by), d, dst + i);
  if (i < cols) store(hn::Mul(load(dst + i, cols - i, 0), by), dst + i, cols - i);
}

// A row is scale * src, and nothing of it is above `most`.
struct Row {
  const float* src;
  float scale, most;
};

// Where a mask is added, or a scale turns the order round, dst holds the row.
Row prepare_row(const SoftmaxRows& args, int64_t row) {
  const float* src = args.src + row * args.src_ld;
  if (args.mask == nullptr && args.scale >= 0) {
    return {src, args.scale, args.scale * max_of(src, args.cols)};
  }
  float* dst = args.dst + row * args.dst_ld;
  const float* mask = args.mask == nullptr ? nullptr : args.mask + row * args.mask_ld;
  return {dst, 1, scale_row(src, args.scale, mask, args.cols, dst)};
}

// Sum of e^(x - most); kStore: dst is the exponentials.
template <bool kStore>
SARDONYX_MIX_CHAINS float sum_exp(const Row& row, int64_t cols, float* dst) {
  const D d;
  const V scale = hn::Set(d, row.scale), most = hn::Set(d, row.most);
  V s0 = hn::Zero(d), s1 = s0;
  int64_t i = 0;
  const auto at_column = [&](int64_t at) {
    return exp_up_to_88(hn::MulSub(hn::LoadU(d, row.src + at), scale, most));
  };
  for (; i + 4 * kLanes <= cols; i += 4 * kLanes) {
    const V e0 = at_column(i), e1 = at_column(i + kLanes);
    const V e2 = at_column(i + 2 * kLanes), e3 = at_column(i + 3 * kLanes);
    if (kStore) {
      hn::StoreU(e0, d, dst + i);
      hn::StoreU(e1, d, dst + i + kLanes);
      hn::StoreU(e2, d, dst + i + 2 * kLanes);
      hn::StoreU(e3, d, dst + i + 3 * kLanes);
    }
    s0 = hn::Add(s0, hn::Add(e0, e2));
    s1 = hn::Add(s1, hn::Add(e1, e3));
  }
  for (; i < cols; i += kLanes) {
    const int64_t left = cols - i;
    V e = exp_up_to_88(hn::MulSub(load(row.src + i, left, 0), scale, most));
    if (left < kLanes) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(left)), e);
    if (kStore) store(e, dst + i, left);
    s0 = hn::Add(s0, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
}

// Rows of kVectors vectors, the last of which may be a part of one: each stays in registers.
template <int kVectors>
void softmax_short(const SoftmaxRows& args, int64_t first, int64_t last) {
  const D d;
  constexpr int64_t kLast = (kVectors - 1) * kLanes;
  const int64_t left = args.cols - kLast;
  const auto inside = hn::FirstN(d, static_cast<size_t>(left));
  const V scale = hn::Set(d, args.scale);
  const V lowest = hn::Set(d, -std::numeric_limits<float>::infinity());
  for (int64_t r = first; r < last; ++r) {
    const float* src = args.src + r * args.src_ld;
    const float* mask = args.mask == nullptr ? nullptr : args.mask + r * args.mask_ld;
    V x[kVectors];
    V most = lowest;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const int64_t count = v + 1 < kVectors ? kLanes : left;
      x[v] = load(src + v * kLanes, count, 0);
      x[v] = mask == nullptr ? hn::Mul(x[v], scale)
                             : hn::MulAdd(x[v], scale, load(mask + v * kLanes, count, 0));
      if (v + 1 == kVectors) x[v] = hn::IfThenElse(inside, x[v], lowest);
      most = max_number(most, x[v]);
    }
    most = hn::MaxOfLanes(d, most);
    V sum = hn::Zero(d);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      x[v] = exp_up_to_88(hn::Sub(x[v], most));
      if (v + 1 == kVectors) x[v] = hn::IfThenElseZero(inside, x[v]);
      sum = hn::Add(sum, x[v]);
    }
    const V factor = hn::Div(hn::Set(d, 1.0f), hn::SumOfLanes(d, sum));
    float* dst = args.dst + r * args.dst_ld;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      store(hn::Mul(x[v], factor), dst + v * kLanes, v + 1 < kVectors ? kLanes : left);
    }
  }
}

void softmax(const SoftmaxRows& args, int64_t first, int64_t last) {
  if constexpr (HWY_TARGET != HWY_SSE4) {  // which is not worth the code
    if (args.cols > 0 && args.cols <= kLanes) return softmax_short<1>(args, first, last);
    if (args.cols > kLanes && args.cols <= 2 * kLanes) return softmax_short<2>(args, first, last);
    if (args.cols > 2 * kLanes && args.cols <= 3 * kLanes) {
      return softmax_short<3>(args, first, last);
    }
  }
  for (int64_t r = first; r < last; ++r) {
    float* dst = args.dst + r * args.dst_ld;
    const float sum = sum_exp<true>(prepare_row(args, r), args.cols, dst);
    multiply_row(1.0f / sum, args.cols, dst);
  }
}

void log_softmax(const SoftmaxRows& args, int64_t first, int64_t last) {
  const D d;
  for (int64_t r = first; r < last; ++r) {
    float* dst = args.dst + r * args.dst_ld;
    const Row row = prepare_row(args, r);
    const V log_sum = hn::Set(d, std::log(sum_exp<false>(row, args.cols, nullptr)));
    const V scale = hn::Set(d, row.scale), most = hn::Set(d, row.most);
    for (int64_t i = 0; i < args.cols; i += kLanes) {
      const int64_t left = args.cols - i;
      const V x = hn::MulSub(load(row.src + i, left, 0), scale, most);
      store(hn::Sub(x, log_sum), dst + i, left);
    }
  }
}

}  // namespace

extern const SoftmaxKernels kSoftmaxKernels;
constexpr SoftmaxKernels kSoftmaxKernels = {softmax, log_softmax};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(softmax_kernels, SoftmaxKernels, kSoftmaxKernels)
#endif
