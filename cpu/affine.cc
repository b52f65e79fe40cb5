// One pass over memory, which is what it takes the time for.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/affine.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <algorithm>

#include "cpu/affine.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

void rows(const AffineArgs& args, int64_t row, int64_t row_end) {
  const D d;
  const V low = hn::Set(d, args.low), high = hn::Set(d, args.high);
  const float* const scale = args.scale;
  const float* const shift = args.shift;
  const auto clip = [&](V y) HWY_ATTR { return min_keep_nan(high, max_keep_nan(low, y)); };
  const int64_t cols = args.cols, whole = cols / kLanes * kLanes;
  const auto rest = static_cast<size_t>(cols - whole);
  const float* src = args.src + row * args.src_ld;
  float* dst = args.dst + row * cols;
  for (; row < row_end; ++row, src += args.src_ld, dst += cols) {
    for (int64_t c = 0; c < whole; c += kLanes) {
      const V x = hn::LoadU(d, src + c);
      hn::StoreU(clip(hn::MulAdd(x, hn::LoadU(d, scale + c), hn::LoadU(d, shift + c))), d, dst + c);
    }
    if (rest == 0) continue;
    const V x = load_n(d, src + whole, rest);
    const V y = hn::MulAdd(x, load_n(d, scale + whole, rest), load_n(d, shift + whole, rest));
    store_n(clip(y), d, dst + whole, rest);
  }
}

}  // namespace

extern const AffineKernels kAffineKernels;
constexpr AffineKernels kAffineKernels = {rows};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(affine_kernels, AffineKernels, kAffineKernels)

namespace sardonyx {

void affine_rows(Tier tier, const AffineArgs& args, ThreadPool& pool) {
  constexpr int64_t kTaskFloats = 16384;
  const AffineKernels& kernels = affine_kernels(tier);
  // Even shares, so that a thread has the part that it has of the tensors before and after.
  const int64_t threads = pool.threads();
  int64_t tasks = std::max<int64_t>(1, args.rows * args.cols / kTaskFloats);
  if (tasks > 1) tasks = std::min((tasks + threads - 1) / threads * threads, args.rows);
  pool.parallel_for(tasks, [&](int64_t task) {
    kernels.rows(args, args.rows * task / tasks, args.rows * (task + 1) / tasks);
  });
}

}  // namespace sardonyx
#endif
