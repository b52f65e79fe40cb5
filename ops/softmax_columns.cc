#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/softmax_columns.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <limits>

#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"
#include "ops/softmax_columns.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Whole vectors of columns, the last one masked.
struct Columns {
  size_t count;
  HWY_INLINE V load(const float* src, size_t c) const {
    const D d;
    return c + hn::Lanes(d) <= count ? hn::LoadU(d, src + c) : load_n(d, src + c, count - c);
  }
  HWY_INLINE void store(V v, float* dst, size_t c) const {
    const D d;
    if (c + hn::Lanes(d) <= count) {
      hn::StoreU(v, d, dst + c);
    } else {
      store_n(v, d, dst + c, count - c);
    }
  }
};

constexpr size_t kPadded = kSoftmaxColumns + 64;

void find_largest(const float* src, int64_t rows, int64_t stride, Columns columns, float* largest) {
  const D d;
  for (size_t c = 0; c < columns.count; c += hn::Lanes(d)) {
    V best = hn::Set(d, -std::numeric_limits<float>::infinity());
    for (int64_t r = 0; r < rows; ++r) {
      best = max_keep_nan(best, columns.load(src + r * stride, c));
      // A NaN is overtaken by the next number: what is NaN stays NaN through the exponentials.
    }
    hn::Store(best, d, largest + c);
  }
}

void softmax(const float* src, float* dst, int64_t rows, int64_t stride, size_t count) {
  const D d;
  const Columns columns{count};
  HWY_ALIGN float largest[kPadded];
  HWY_ALIGN float sums[kPadded];
  find_largest(src, rows, stride, columns, largest);
  for (size_t c = 0; c < count; c += hn::Lanes(d)) hn::Store(hn::Zero(d), d, sums + c);
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < count; c += hn::Lanes(d)) {
      const V x = columns.load(src + r * stride, c);
      const V e = HWY_NAMESPACE::exp(hn::Sub(x, hn::Load(d, largest + c)));
      columns.store(e, dst + r * stride, c);
      hn::Store(hn::Add(hn::Load(d, sums + c), e), d, sums + c);
    }
  }
  const V one = hn::Set(d, 1.0f);
  for (size_t c = 0; c < count; c += hn::Lanes(d)) {
    hn::Store(hn::Div(one, hn::Load(d, sums + c)), d, sums + c);
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < count; c += hn::Lanes(d)) {
      const V e = columns.load(dst + r * stride, c);
      columns.store(hn::Mul(e, hn::Load(d, sums + c)), dst + r * stride, c);
    }
  }
}

void log_softmax(const float* src, float* dst, int64_t rows, int64_t stride, size_t count) {
  const D d;
  const Columns columns{count};
  HWY_ALIGN float largest[kPadded];
  HWY_ALIGN float sums[kPadded];
  find_largest(src, rows, stride, columns, largest);
  for (size_t c = 0; c < count; c += hn::Lanes(d)) {
    const V shift = hn::Load(d, largest + c);
    V sum = hn::Zero(d);
    for (int64_t r = 0; r < rows; ++r) {
      const V x = columns.load(src + r * stride, c);
      sum = hn::Add(sum, HWY_NAMESPACE::exp(hn::Sub(x, shift)));
    }
    hn::Store(HWY_NAMESPACE::log(sum), d, sums + c);
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < count; c += hn::Lanes(d)) {
      const V x = columns.load(src + r * stride, c);
      const V shifted = hn::Sub(x, hn::Load(d, largest + c));
      columns.store(hn::Sub(shifted, hn::Load(d, sums + c)), dst + r * stride, c);
    }
  }
}

}  // namespace
extern const SoftmaxColumns kSoftmaxColumnsTable;
const SoftmaxColumns kSoftmaxColumnsTable = {softmax, log_softmax};
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(softmax_columns, SoftmaxColumns, kSoftmaxColumnsTable)
#endif  // HWY_ONCE
