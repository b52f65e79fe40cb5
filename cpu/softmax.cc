// Three passes over a row: scaled values and their maximum, exponentials and their sum, the
// quotient. The order of the sum depends on the tier and on `cols` alone.
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

// A NaN wins over every number, whatever the order of the comparison.
HWY_INLINE V max_nan(V a, V b) { return hn::IfThenElse(hn::IsNaN(a), a, max_keep_nan(a, b)); }

// dst = scale * src + mask; returns the maximum, NaN if there is one.
float scale_row(const SoftmaxRows& args, const float* src, const float* mask, float* dst) {
  const D d;
  const float lowest = -std::numeric_limits<float>::infinity();
  const V scale = hn::Set(d, args.scale);
  V most = hn::Set(d, lowest);
  for (int64_t i = 0; i < args.cols; i += kLanes) {
    const int64_t left = args.cols - i;
    V x = load(src + i, left, lowest);
    if (mask != nullptr) {
      x = hn::MulAdd(x, scale, load(mask + i, left, 0));
    } else {
      x = hn::Mul(x, scale);
    }
    if (left < kLanes) {
      x = hn::IfThenElse(hn::FirstN(d, static_cast<size_t>(left)), x, hn::Set(d, lowest));
    }
    most = max_nan(most, x);
    store(x, dst + i, left);
  }
  HWY_ALIGN float lanes[kLanes];
  hn::Store(most, d, lanes);
  float result = lanes[0];
  for (int64_t i = 1; i < kLanes; ++i) {
    if (std::isnan(lanes[i]) || lanes[i] > result) result = lanes[i];
  }
  return result;
}

// Sum of exp(x - most); kStore: the exponentials replace x.
template <bool kStore>
float sum_exp(float* x, int64_t cols, float most) {
  const D d;
  const V vmost = hn::Set(d, most);
  V s0 = hn::Zero(d), s1 = s0;
  int64_t i = 0;
  for (; i + 2 * kLanes <= cols; i += 2 * kLanes) {
    const V e0 = exp(hn::Sub(hn::LoadU(d, x + i), vmost));
    const V e1 = exp(hn::Sub(hn::LoadU(d, x + i + kLanes), vmost));
    if (kStore) {
      hn::StoreU(e0, d, x + i);
      hn::StoreU(e1, d, x + i + kLanes);
    }
    s0 = hn::Add(s0, e0);
    s1 = hn::Add(s1, e1);
  }
  for (; i < cols; i += kLanes) {
    const int64_t left = cols - i;
    V e = exp(hn::Sub(load(x + i, left, most), vmost));
    if (left < kLanes) e = hn::IfThenElseZero(hn::FirstN(d, static_cast<size_t>(left)), e);
    if (kStore) store(e, x + i, left);
    s0 = hn::Add(s0, e);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
}

void softmax(const SoftmaxRows& args, int64_t first, int64_t last) {
  const D d;
  for (int64_t row = first; row < last; ++row) {
    float* dst = args.dst + row * args.dst_ld;
    const float* mask = args.mask == nullptr ? nullptr : args.mask + row * args.mask_ld;
    const float most = scale_row(args, args.src + row * args.src_ld, mask, dst);
    const V factor = hn::Set(d, 1.0f / sum_exp<true>(dst, args.cols, most));
    for (int64_t i = 0; i < args.cols; i += kLanes) {
      const int64_t left = args.cols - i;
      store(hn::Mul(load(dst + i, left, 0), factor), dst + i, left);
    }
  }
}

void log_softmax(const SoftmaxRows& args, int64_t first, int64_t last) {
  const D d;
  for (int64_t row = first; row < last; ++row) {
    float* dst = args.dst + row * args.dst_ld;
    const float* mask = args.mask == nullptr ? nullptr : args.mask + row * args.mask_ld;
    const float most = scale_row(args, args.src + row * args.src_ld, mask, dst);
    const V vmost = hn::Set(d, most);
    const V log_sum = hn::Set(d, std::log(sum_exp<false>(dst, args.cols, most)));
    for (int64_t i = 0; i < args.cols; i += kLanes) {
      const int64_t left = args.cols - i;
      store(hn::Sub(hn::Sub(load(dst + i, left, 0), vmost), log_sum), dst + i, left);
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
