// What becomes of the sums of 8-bit products, as FinishS8 says. Included once per tier.

#if defined(SARDONYX_CPU_FINISH_S8_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_FINISH_S8_INL_H_
#undef SARDONYX_CPU_FINISH_S8_INL_H_
#else
#define SARDONYX_CPU_FINISH_S8_INL_H_
#endif

#include "cpu/dot_bytes-inl.h"
#include "cpu/gemm_s8_kernels.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

HWY_INLINE bool gives_bytes(const FinishS8& f) {
  return f.result == ResultS8::kUint8 || f.result == ResultS8::kInt8;
}

// Sums to bytes, where nothing but `add` belongs to them.
struct FinishBytes {
  struct Column {
    V32 add;
    VF32 scale;
  };
  VF32 low, high;
  V32 offset;
  const int32_t* add;
  const float* scale;
  uint8_t* dst;
  int64_t ld;

  explicit HWY_INLINE FinishBytes(const FinishS8& f)
      : low(hn::Set(DF32(), f.low)),
        high(hn::Set(DF32(), f.high)),
        offset(hn::Set(D32(), f.zero - kRoundedBits)),
        add(f.add),
        scale(f.scale),
        dst(static_cast<uint8_t*>(f.dst)),
        ld(f.ld) {}
  HWY_INLINE Column column(int64_t col) const {
    return {add != nullptr ? hn::LoadU(D32(), add + col) : hn::Zero(D32()),
            hn::LoadU(DF32(), scale + col)};
  }
  HWY_INLINE void store(V32 sum, const Column& at, int64_t row, int64_t col, int64_t count) const {
    const VF32 y = hn::Mul(hn::ConvertTo(DF32(), hn::Add(sum, at.add)), at.scale);
    const VF32 bounded = hn::Min(hn::Max(y, low), high);
    const V32 bits = hn::BitCast(D32(), hn::Add(bounded, hn::Set(DF32(), kRoundToInteger)));
    store_bytes(hn::Add(bits, offset), dst + row * ld + col, count);
  }
};

template <class D, class T>
HWY_INLINE void store_first(hn::Vec<D> v, D d, T* dst, int64_t count) {
  if (HWY_LIKELY(count == kLanesS8)) {
    hn::StoreU(v, d, dst);
  } else {
    store_n(v, d, dst, static_cast<size_t>(count));
  }
}

// Any result of sums in memory, `vectors` to a row.
HWY_NOINLINE void finish_rows(const FinishS8& f, const int32_t* sums, int64_t rows, int64_t vectors,
                              int64_t cols) {
  const D32 d;
  const DF32 df;
  const bool is_scaled = f.result != ResultS8::kInt32;
  const VF32 low = hn::Set(df, f.low), high = hn::Set(df, f.high);
  const V32 zero = hn::Set(d, f.zero);
  for (int64_t col = 0; col < cols; col += kLanesS8) {
    const int64_t count = cols - col < kLanesS8 ? cols - col : kLanesS8;
    const V32 add = f.add != nullptr ? hn::LoadU(d, f.add + col) : hn::Zero(d);
    const VF32 scale = is_scaled ? hn::LoadU(df, f.scale + col) : hn::Zero(df);
    const bool has_bias = is_scaled && f.bias != nullptr && !gives_bytes(f);
    const VF32 bias = has_bias ? hn::LoadU(df, f.bias + col) : hn::Zero(df);
    for (int64_t r = 0; r < rows; ++r) {
      V32 sum = hn::Add(hn::LoadU(d, sums + r * vectors * kLanesS8 + col), add);
      for (const FinishS8::Product& product : f.minus) {
        if (product.rows == nullptr) continue;
        const V32 factor = hn::Set(d, product.rows[r]);
        sum = hn::Sub(sum, hn::Mul(factor, hn::LoadU(d, product.cols + col)));
      }
      const int64_t place = r * f.ld + col;
      if (!is_scaled) {
        store_first(sum, d, static_cast<int32_t*>(f.dst) + place, count);
        continue;
      }
      VF32 y = hn::Mul(hn::ConvertTo(df, sum), scale);
      if (has_bias) y = hn::Add(y, bias);
      y = hn::Min(hn::Max(y, low), high);
      if (f.result == ResultS8::kFloat32) {
        store_first(y, df, static_cast<float*>(f.dst) + place, count);
        continue;
      }
      store_bytes(hn::Add(hn::NearestInt(y), zero), static_cast<uint8_t*>(f.dst) + place, count);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
