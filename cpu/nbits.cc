#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/nbits.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/nbits.h"
#include "cpu/tier_table.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using DI = hn::ScalableTag<int32_t>;
using V = hn::Vec<D>;
using VI = hn::Vec<DI>;
constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(D()));

// 16 numbers, looked up by the low four bits of each lane.
struct Table {
#if HWY_TARGET == HWY_AVX3
  V all;
  explicit HWY_INLINE Table(const float* table) : all(hn::LoadU(D(), table)) {}
  HWY_INLINE Table scaled(V zero, V scale) const {
    Table result = *this;
    result.all = hn::Mul(hn::Sub(all, zero), scale);
    return result;
  }
  HWY_INLINE V operator()(VI codes) const { return V{_mm512_permutexvar_ps(codes.raw, all.raw)}; }
#elif HWY_TARGET == HWY_AVX2
  V low, high;
  explicit HWY_INLINE Table(const float* table)
      : low(hn::LoadU(D(), table)), high(hn::LoadU(D(), table + 8)) {}
  HWY_INLINE Table scaled(V zero, V scale) const {
    Table result = *this;
    result.low = hn::Mul(hn::Sub(low, zero), scale);
    result.high = hn::Mul(hn::Sub(high, zero), scale);
    return result;
  }
  // The lookup takes three bits; the fourth, moved to the sign, chooses the half.
  HWY_INLINE V operator()(VI codes) const {
    const __m256 a = _mm256_permutevar8x32_ps(low.raw, codes.raw);
    const __m256 b = _mm256_permutevar8x32_ps(high.raw, codes.raw);
    const VI half = hn::ShiftLeft<28>(codes);
    return V{_mm256_blendv_ps(a, b, _mm256_castsi256_ps(half.raw))};
  }
#else
  HWY_ALIGN float numbers[16];
  explicit HWY_INLINE Table(const float* table) {
    for (int i = 0; i < 16; ++i) numbers[i] = table[i];
  }
  HWY_INLINE Table scaled(V zero, V scale) const {
    Table result = *this;
    for (int i = 0; i < 16; i += static_cast<int>(kLanes)) {
      const V number = hn::Load(D(), numbers + i);
      hn::Store(hn::Mul(hn::Sub(number, zero), scale), D(), result.numbers + i);
    }
    return result;
  }
  HWY_INLINE V operator()(VI codes) const {
    HWY_ALIGN int32_t lanes[kLanes];
    HWY_ALIGN float found[kLanes];
    hn::Store(codes, DI(), lanes);
    for (int64_t i = 0; i < kLanes; ++i) found[i] = numbers[lanes[i] & 15];
    return hn::Load(D(), found);
  }
#endif
};

HWY_INLINE VI load_codes(const uint8_t* src) {
  return hn::PromoteTo(DI(), hn::LoadU(hn::Rebind<uint8_t, DI>(), src));
}

float dot(const NBitsRow& row, const float* table, const float* sorted) {
  const D d;
  const Table plain(table);
  V even = hn::Zero(d), odd = hn::Zero(d);
  const uint8_t* codes = row.codes;
  for (int64_t b = 0; b < row.blocks; ++b) {
    const V zero = row.zeros != nullptr ? hn::Set(d, row.zeros[b]) : hn::Zero(d);
    const Table look_up = plain.scaled(zero, hn::Set(d, row.scales[b]));
    for (int64_t i = 0; i < row.block_size; i += 32, codes += 16, sorted += 32) {
      for (int64_t lane = 0; lane < 16; lane += kLanes) {
        const VI two = load_codes(codes + lane);
        even = hn::MulAdd(look_up(two), hn::LoadU(d, sorted + lane), even);
        odd = hn::MulAdd(look_up(hn::ShiftRight<4>(two)), hn::LoadU(d, sorted + 16 + lane), odd);
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

void sort(const float* src, int64_t count, float* dst) {
  for (int64_t i = 0; i < count; i += 32, src += 32, dst += 32) {
    for (int64_t j = 0; j < 16; ++j) {
      dst[j] = src[2 * j];
      dst[16 + j] = src[2 * j + 1];
    }
  }
}

void expand(const uint8_t* codes, int64_t count, const float* table, float zero, float scale,
            bool high_first, float* dst) {
  const D d;
  const Table look_up = Table(table).scaled(hn::Set(d, zero), hn::Set(d, scale));
  int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    const VI two = load_codes(codes + i / 2);
    const V low = look_up(two), high = look_up(hn::ShiftRight<4>(two));
    hn::StoreInterleaved2(high_first ? high : low, high_first ? low : high, d, dst + i);
  }
  for (; i < count; i += 2) {
    const int low = codes[i / 2] & 15, high = codes[i / 2] >> 4;
    dst[i] = (table[high_first ? high : low] - zero) * scale;
    dst[i + 1] = (table[high_first ? low : high] - zero) * scale;
  }
}

void expand_bytes(const uint8_t* codes, int64_t count, float shift, float scale, float* dst) {
  const D d;
  const V by = hn::Set(d, scale), more = hn::Set(d, shift);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const V number = hn::ConvertTo(d, load_codes(codes + i));
    hn::StoreU(hn::Mul(hn::Add(number, more), by), d, dst + i);
  }
  for (; i < count; ++i) dst[i] = (static_cast<float>(codes[i]) + shift) * scale;
}

}  // namespace

extern const NBitsKernels kNBits;
constexpr NBitsKernels kNBits = {dot, sort, expand, expand_bytes};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(nbits_kernels, NBitsKernels, kNBits)
#endif
