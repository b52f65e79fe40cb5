// A box of pixels to one, up to four vectors of channels at once. The order of the sum is that of
// the pixels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/pool_kernels.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <limits>
#include <type_traits>

#include "cpu/pool.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

struct MaxOf {
  static HWY_INLINE V start() { return hn::Set(D(), -std::numeric_limits<float>::infinity()); }
  // A NaN stays.
  static HWY_INLINE V add(V sum, V x) {
    return hn::IfThenElse(hn::Or(hn::Gt(x, sum), hn::IsNaN(x)), x, sum);
  }
};
struct SumOf {
  static HWY_INLINE V start() { return hn::Zero(D()); }
  static HWY_INLINE V add(V sum, V x) { return hn::Add(sum, x); }
};
struct SumOfSquaresOf {
  static HWY_INLINE V start() { return hn::Zero(D()); }
  static HWY_INLINE V add(V sum, V x) { return hn::MulAdd(x, x, sum); }
};

// fn(address) for channel c of each pixel of the box.
template <class T, class Fn>
HWY_INLINE void for_each_pixel(const PoolBoxOf<T>& box, int64_t c, const Fn& fn) {
  for (int64_t z = 0; z < box.count[0]; ++z) {
    for (int64_t y = 0; y < box.count[1]; ++y) {
      const T* src = box.src + z * box.stride[0] + y * box.stride[1] + c;
      for (int64_t x = 0; x < box.count[2]; ++x, src += box.stride[2]) fn(src);
    }
  }
}

// The largest, where there is no NaN: the sum shows it, if perhaps where there is none (infinity
// less infinity).
template <int kVectors>
HWY_INLINE bool max_without_nan(const PoolBox& box, int64_t c) {
  const D d;
  V best[kVectors], sum[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    best[v] = MaxOf::start();
    sum[v] = hn::Zero(d);
  }
  for_each_pixel(box, c, [&](const float* src) HWY_ATTR {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const V pixel = hn::LoadU(d, src + v * kLanes);
      best[v] = hn::Max(best[v], pixel);
      sum[v] = hn::Add(sum[v], pixel);
    }
  });
  V all = sum[0];
#pragma GCC unroll 4
  for (int v = 1; v < kVectors; ++v) all = hn::Add(all, sum[v]);
  if (!hn::AllFalse(d, hn::IsNaN(all))) return false;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) hn::StoreU(best[v], d, box.dst + c + v * kLanes);
  return true;
}

template <class Of, int kVectors, bool kWhole>
HWY_INLINE void box_vectors(const PoolBox& box, int64_t c, size_t count) {
  const D d;
  V sum[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sum[v] = Of::start();
  for_each_pixel(box, c, [&](const float* src) HWY_ATTR {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      const V pixel = kWhole ? hn::LoadU(d, src + v * kLanes) : load_n(d, src, count);
      sum[v] = Of::add(sum[v], pixel);
    }
  });
  const V factor = hn::Set(d, box.factor);
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const V y = hn::Mul(sum[v], factor);
    if (kWhole) {
      hn::StoreU(y, d, box.dst + c + v * kLanes);
    } else {
      store_n(y, d, box.dst + c, count);
    }
  }
}

template <class Of, int kVectors>
HWY_INLINE void whole_vectors(const PoolBox& box, int64_t c) {
  if constexpr (std::is_same_v<Of, MaxOf>) {
    if (max_without_nan<kVectors>(box, c)) return;
  }
  box_vectors<Of, kVectors, true>(box, c, 0);
}

template <class Of>
void reduce_box(const PoolBox& box) {
  int64_t c = 0;
  for (; c + 4 * kLanes <= box.channels; c += 4 * kLanes) whole_vectors<Of, 4>(box, c);
  for (; c + kLanes <= box.channels; c += kLanes) whole_vectors<Of, 1>(box, c);
  if (c < box.channels) {
    box_vectors<Of, 1, false>(box, c, static_cast<size_t>(box.channels - c));
  }
}

// The largest bytes of a box, `count` channels from c on.
template <class T, bool kWhole>
HWY_INLINE void max_of_bytes(const PoolBoxOf<T>& box, int64_t c, size_t count) {
  const hn::ScalableTag<T> d;
  auto best = hn::Set(d, std::numeric_limits<T>::lowest());
  for_each_pixel(box, c, [&](const T* src) HWY_ATTR {
    best = hn::Max(best, kWhole ? hn::LoadU(d, src) : load_n(d, src, count));
  });
  if (kWhole) {
    hn::StoreU(best, d, box.dst + c);
  } else {
    store_n(best, d, box.dst + c, count);
  }
}

template <class T>
void max_box(const PoolBoxOf<T>& box) {
  constexpr auto kBytes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  int64_t c = 0;
  for (; c + kBytes <= box.channels; c += kBytes) max_of_bytes<T, true>(box, c, 0);
  // The last whole vector overlaps the one before.
  if (c < box.channels && box.channels >= kBytes) {
    max_of_bytes<T, true>(box, box.channels - kBytes, 0);
  } else if (c < box.channels) {
    max_of_bytes<T, false>(box, c, static_cast<size_t>(box.channels - c));
  }
}

}  // namespace

extern const PoolKernels kPoolKernels;
constexpr PoolKernels kPoolKernels = {reduce_box<MaxOf>, reduce_box<SumOf>,
                                      reduce_box<SumOfSquaresOf>, max_box<uint8_t>,
                                      max_box<int8_t>};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(pool_kernels, PoolKernels, kPoolKernels)
#endif
