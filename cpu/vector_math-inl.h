// Functions of whole vectors that Highway lacks: masked loads and stores that touch nothing else,
// and exp, log, tanh, sigmoid, erf and relatives for f32 vectors (f64 goes lane by lane through
// libm). Every function accepts every input: NaN, infinities, zeros of both signs, denormals.
// The largest errors in units in the last place are stated at each function and held by
// tests/unit/cpu_vector_math_test.cc. Include it in files compiled through hwy/foreach_target.h;
// all of it lies in sardonyx::HWY_NAMESPACE.

#if defined(SARDONYX_CPU_VECTOR_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_CPU_VECTOR_MATH_INL_H_
#undef SARDONYX_CPU_VECTOR_MATH_INL_H_
#else
#define SARDONYX_CPU_VECTOR_MATH_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "cpu/gelu_tables.h"
#include "hwy/highway.h"

// For loops over several vectors at once. GCC mixes their chains when it schedules before it
// allocates registers; one after the other, they leave a processor that looks some hundred
// operations ahead with few at work. Clang does so anyway.
#undef SARDONYX_MIX_CHAINS
#if defined(__GNUC__) && !defined(__clang__)
#define SARDONYX_MIX_CHAINS __attribute__((optimize("schedule-insns")))
#else
#define SARDONYX_MIX_CHAINS
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
inline constexpr bool kMaskedMemory =
    !HWY_MEM_OPS_MIGHT_FAULT || (HWY_TARGET == HWY_AVX2 && sizeof(hn::TFromD<D>) >= 4);

// The first `count` lanes from memory, the others zero; reads nothing beyond. 0 <= count <= lanes.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_n(D d, const T* src, size_t count) {
  if constexpr (kMaskedMemory<D>) {
    return hn::MaskedLoad(hn::FirstN(d, count), d, src);
  } else {
    HWY_ALIGN T lanes[hn::MaxLanes(d)] = {};
    for (size_t i = 0; i < count; ++i) lanes[i] = src[i];
    return hn::Load(d, lanes);
  }
}

// Stores the first `count` lanes; writes nothing beyond. 0 <= count <= lanes.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store_n(hn::Vec<D> v, D d, T* dst, size_t count) {
  if constexpr (HWY_TARGET == HWY_AVX2 && sizeof(T) >= 4) {
    // The masked stores of AVX2 are some forty operations on AMD's cores. Counts are mostly the
    // same from call to call, so that these branches are foreseen.
    if (count == hn::MaxLanes(d)) return hn::StoreU(v, d, dst);
    const hn::Half<D> half;
    auto part = hn::LowerHalf(half, v);
    if (count >= hn::MaxLanes(half)) {
      hn::StoreU(part, half, dst);
      part = hn::UpperHalf(half, v);
      dst += hn::MaxLanes(half);
      count -= hn::MaxLanes(half);
    }
    const hn::Half<decltype(half)> quarter;
    auto last = hn::LowerHalf(quarter, part);
    if (count >= hn::MaxLanes(quarter)) {
      hn::StoreU(last, quarter, dst);
      last = hn::UpperHalf(quarter, part);
      dst += hn::MaxLanes(quarter);
      count -= hn::MaxLanes(quarter);
    }
    if (count != 0) *dst = hn::GetLane(last);
  } else if constexpr (kMaskedMemory<D>) {
    hn::BlendedStore(v, hn::FirstN(d, count), d, dst);
  } else {
    HWY_ALIGN T lanes[hn::MaxLanes(d)];
    hn::Store(v, d, lanes);
    for (size_t i = 0; i < count; ++i) dst[i] = lanes[i];
  }
}

// max and min that return NaN where `x` is NaN; `bound` is never NaN. Where an operand is NaN, x86
// gives the second one, NEON the other one.
template <class V>
HWY_INLINE V max_keep_nan(V bound, V x) {
#if HWY_ARCH_X86
  return hn::Max(bound, x);
#else
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Max(bound, x));
#endif
}
template <class V>
HWY_INLINE V min_keep_nan(V bound, V x) {
#if HWY_ARCH_X86
  return hn::Min(bound, x);
#else
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Min(bound, x));
#endif
}

template <class V>
using LaneOf = hn::TFromV<V>;
template <class V>
inline constexpr bool kIsF32 = sizeof(LaneOf<V>) == 4;

// fn(lane) for each lane: for the dtypes and the rare arguments that have no vector formula.
template <class V, class T = LaneOf<V>>
HWY_NOINLINE V map_lanes(V x, T (*fn)(T)) {
  const hn::DFromV<V> d;
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  hn::Store(x, d, lanes);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = fn(lanes[i]);
  return hn::Load(d, lanes);
}
template <class V, class T = LaneOf<V>>
HWY_NOINLINE V map_lanes(V x, V y, T (*fn)(T, T)) {
  const hn::DFromV<V> d;
  HWY_ALIGN T lanes[hn::MaxLanes(d)];
  HWY_ALIGN T others[hn::MaxLanes(d)];
  hn::Store(x, d, lanes);
  hn::Store(y, d, others);
  for (size_t i = 0; i < hn::Lanes(d); ++i) lanes[i] = fn(lanes[i], others[i]);
  return hn::Load(d, lanes);
}

// c[0] + x * (c[1] + x * (c[2] + ...)).
template <class V, size_t kCount>
HWY_INLINE V polynomial(V x, const float (&c)[kCount]) {
  const hn::DFromV<V> d;
  V sum = hn::Set(d, c[kCount - 1]);
#pragma GCC unroll 16
  for (size_t i = 2; i <= kCount; ++i) sum = hn::MulAdd(sum, x, hn::Set(d, c[kCount - i]));
  return sum;
}

// v * 2^n for whole n in [-252, 254], rounded once where the result is subnormal.
template <class V>
HWY_INLINE V scale_by_power(V v, V n) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(v.raw) == 64) {
    return V{_mm512_scalef_ps(v.raw, n.raw)};
  }
#endif
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto whole = hn::ConvertTo(di, n);
  const auto half = hn::ShiftRight<1>(whole);
  const auto bias = hn::Set(di, 127);
  const V first = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(half, bias)));
  const V second = hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(hn::Sub(whole, half), bias)));
  return hn::Mul(hn::Mul(v, first), second);
}

constexpr float kLog2E = 1.44269504f;

// x - n ln2.
template <class V>
HWY_INLINE V without_ln2(V x, V n) {
  const hn::DFromV<V> d;
  const V rest = hn::NegMulAdd(n, hn::Set(d, 0.693145752f), x);  // 15 bits: n times it is exact
  return hn::NegMulAdd(n, hn::Set(d, 1.42860677e-6f), rest);
}

// x = n ln2 + r with whole n and |r| <= ln2 / 2 (a little more at the ends), for |x| < 2^21;
// returns r.
template <class V>
HWY_INLINE V reduce_exp(V x, V& n) {
  const hn::DFromV<V> d;
  const V round = hn::Set(d, 0x1.8p+23f);  // a sum with it has no bits after the point
  n = hn::Sub(hn::MulAdd(x, hn::Set(d, kLog2E), round), round);
  return without_ln2(x, n);
}

// (exp(r) - 1 - r) / r^2 on the reduced range, relative error of exp(r) 2^-28.
template <class V>
HWY_INLINE V exp_tail(V r) {
  static constexpr float kTail[] = {0x1.fffffcp-2f, 0x1.55548ap-3f, 0x1.555916p-5f, 0x1.123fc8p-7f,
                                    0x1.6a1a62p-10f};
  return polynomial(r, kTail);
}

// e^x. f32: 1 ulp.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V exp(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const V bounded = max_keep_nan(hn::Set(d, -104.0f), min_keep_nan(hn::Set(d, 89.0f), x));
    V n;
    const V r = reduce_exp(bounded, n);
    const V q = hn::MulAdd(exp_tail(r), hn::Mul(r, r), r);
    return scale_by_power(hn::Add(q, hn::Set(d, 1.0f)), n);
  } else {
    return map_lanes<V>(x, std::exp);
  }
}

// e^x for x up to 88, and for NaN. f32: 2 ulp, two operations less.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V exp_up_to_88(V x) {
  const D d;
  static constexpr float kExp[] = {1.0f,           1.0f,           0x1.fffffcp-2f, 0x1.55548ap-3f,
                                   0x1.555916p-5f, 0x1.123fc8p-7f, 0x1.6a1a62p-10f};
  V n;
  const V r = reduce_exp(max_keep_nan(hn::Set(d, -104.0f), x), n);
  return scale_by_power(polynomial(r, kExp), n);
}

// e^x - 1. f32: 2 ulp.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V expm1(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const V one = hn::Set(d, 1.0f);
    const V bounded = max_keep_nan(hn::Set(d, -18.0f), min_keep_nan(hn::Set(d, 89.0f), x));
    V n;
    const V r = reduce_exp(bounded, n);
    const V q = hn::MulAdd(exp_tail(r), hn::Mul(r, r), r);
    // 2^n (1 + q) - 1 = 2 (2^(n-1) q + (2^(n-1) - 1/2)), so that n = 128 does not overflow early.
    const V half = hn::Set(d, 0.5f);
    const V scale = scale_by_power(half, n);
    const V sum = hn::MulAdd(scale, q, hn::Sub(scale, half));
    const V y = hn::Add(sum, sum);
    return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 1e-8f)), x,
                          hn::IfThenElse(hn::Eq(n, hn::Zero(d)), q,
                                         hn::IfThenElse(hn::IsNaN(x), hn::Add(x, one), y)));
  } else {
    return map_lanes<V>(x, std::expm1);
  }
}

// x / y, 1 ulp, for normal positive y whose reciprocal is normal too.
template <class V>
HWY_INLINE V divide_tame(V x, V y) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kIsF32<V> && sizeof(x.raw) == 64) {  // 14 bits, and what is left over once more
    const V guess{_mm512_rcp14_ps(y.raw)};
    const V quotient = hn::Mul(x, guess);
    return hn::MulAdd(hn::NegMulAdd(quotient, y, x), guess, quotient);
  }
#endif
  return hn::Div(x, y);
}

// 1 / (1 + e^-x). f32: 3 ulp, subnormal results included. With x = m ln2 + r, it is
// 2^m / (2^m + e^-r). Both get a factor of 2^32, so that 2^m is normal wherever the result is not
// zero, and 2^(m + 32) is what a sum leaves in the lowest bits of its mantissa, moved to where the
// exponent is. Beyond 30 it is 1.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V sigmoid(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    constexpr float kRound = 0x1.8p+23f + 127 + 32;
    constexpr float kExpMinus[] = {0x1p+32f,         -0x1p+32f,       0x1.fffffcp+30f,
                                   -0x1.55548ap+29f, 0x1.555916p+27f, -0x1.123fc8p+25f,
                                   0x1.6a1a62p+22f};
    const V bounded = min_keep_nan(hn::Set(d, 30.0f), max_keep_nan(hn::Set(d, -104.0f), x));
    const V sum = hn::MulAdd(bounded, hn::Set(d, kLog2E), hn::Set(d, kRound));
    const V m = hn::Sub(sum, hn::Set(d, kRound));
    const V r = without_ln2(bounded, m);
    const hn::RebindToSigned<decltype(d)> di;
    const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, sum)));
    return divide_tame(power, hn::Add(power, polynomial(r, kExpMinus)));
  } else {
    const V one = hn::Set(d, LaneOf<V>{1});
    const V e = sardonyx::HWY_NAMESPACE::exp(hn::Or(x, hn::SignBit(d)));
    return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one), hn::Add(one, e));
  }
}

#if HWY_TARGET == HWY_AVX3
// 2^(i / 32) for i < 32, less what i adds to it where it is moved to the top of the mantissa.
alignas(64) inline constexpr uint32_t kRoots[32] = {
    0x3F800000u, 0x3F7ECD87u, 0x3F7DAAC3u, 0x3F7C980Fu, 0x3F7B95C2u, 0x3F7AA43Au, 0x3F79C3D3u,
    0x3F78F4F0u, 0x3F7837F0u, 0x3F778D3Au, 0x3F76F532u, 0x3F767043u, 0x3F75FED7u, 0x3F75A15Bu,
    0x3F75583Fu, 0x3F7523F6u, 0x3F7504F3u, 0x3F74FBAFu, 0x3F7508A4u, 0x3F752C4Du, 0x3F75672Au,
    0x3F75B9BEu, 0x3F76248Cu, 0x3F76A81Eu, 0x3F7744FDu, 0x3F77FBB8u, 0x3F78CCDFu, 0x3F79B907u,
    0x3F7AC0C7u, 0x3F7BE4BAu, 0x3F7D257Du, 0x3F7E83B3u,
};
#endif

// x / (1 + e^-x). f32: 5 ulp from -87 on; below, where it goes to 0, it ends at -1e-36.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V silu(V x) {
#if HWY_TARGET == HWY_AVX3
  // e^-x = 2^(m / 32) e^-r with |r| <= ln2 / 64: three terms of the latter are enough.
  if constexpr (kIsF32<V> && sizeof(x.raw) == 64) {
    const D d;
    constexpr float kRound = 0x1.8p+23f;  // a sum with it has no bits after the point
    constexpr float kExpMinus[] = {1.0f, -0x1.0000f6p+0f, 0x1.fffffep-2f};
    const V numerator = max_keep_nan(hn::Set(d, -87.3f), x);
    const V bounded = min_keep_nan(hn::Set(d, 30.0f), numerator);
    const V sum = hn::MulAdd(bounded, hn::Set(d, -32 * kLog2E), hn::Set(d, kRound));
    const V m = hn::Sub(sum, hn::Set(d, kRound));
    const V r = hn::MulAdd(m, hn::Set(d, 9.98318228e-07f),
                           hn::MulAdd(m, hn::Set(d, 0.0216598511f), bounded));
    const __m512i bits = _mm512_castps_si512(sum.raw);
    const __m512i root =
        _mm512_permutex2var_epi32(_mm512_load_si512(kRoots), bits, _mm512_load_si512(kRoots + 16));
    const V power{_mm512_castsi512_ps(_mm512_add_epi32(root, _mm512_slli_epi32(bits, 18)))};
    const V one = hn::Set(d, 1.0f);
    const V divisor = hn::MulAdd(power, polynomial(r, kExpMinus), one);
    // The reciprocal first, so that infinity is what it is multiplied with.
    const V guess{_mm512_rcp14_ps(divisor.raw)};
    const V reciprocal = hn::MulAdd(hn::NegMulAdd(guess, divisor, one), guess, guess);
    return hn::Mul(numerator, reciprocal);
  }
#endif
  return hn::Mul(x, sigmoid(x));
}

// f32: 3 ulp.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V tanh(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const V two = hn::Set(d, 2.0f);
    const V magnitude = min_keep_nan(hn::Set(d, 10.0f), hn::Abs(x));
    V n;
    const V r = reduce_exp(hn::Mul(two, magnitude), n);
    const V q = hn::MulAdd(exp_tail(r), hn::Mul(r, r), r);
    const V scale = scale_by_power(hn::Set(d, 1.0f), n);
    const V t = hn::MulAdd(scale, q, hn::Sub(scale, hn::Set(d, 1.0f)));  // e^(2|x|) - 1
    return hn::CopySign(divide_tame(t, hn::Add(t, two)), x);
  } else {
    return map_lanes<V>(x, std::tanh);
  }
}

// Error function. f32: 7 ulp (4e-7). x P(x^2) / Q(x^2) up to |x| = 3.93, from where on it rounds
// to 1.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V erf(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    static constexpr float kP[] = {0x1.20dd76p+0f,  0x1.7b344ap-3f,  0x1.bc8320p-5f,
                                   0x1.f7816cp-9f,  0x1.8bc110p-12f, 0x1.367e12p-18f,
                                   -0x1.bb0814p-27f};
    static constexpr float kQ[] = {1.0f,           0x1.fd5d2ap-2f,  0x1.d284ecp-4f,
                                   0x1.f9dfa8p-7f, 0x1.55918ap-10f, 0x1.0668bep-14f};
    const V magnitude = min_keep_nan(hn::Set(d, 3.9345f), hn::Abs(x));
    const V t = hn::Mul(magnitude, magnitude);
    const V ratio = divide_tame(polynomial(t, kP), polynomial(t, kQ));
    const V y = min_keep_nan(hn::Set(d, 1.0f), hn::Mul(magnitude, ratio));
    return hn::CopySign(y, x);
  } else {
    return map_lanes<V>(x, std::erf);
  }
}

// x = 2^e (1 + f) with f in [sqrt(1/2) - 1, sqrt(2) - 1], for positive normal x; returns f.
template <class V>
HWY_INLINE V split_log(V x, V& e) {
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto offset = hn::Set(di, 0x3F3504F3);  // sqrt(1/2)
  const auto bits = hn::Sub(hn::BitCast(di, x), offset);
  e = hn::ConvertTo(d, hn::ShiftRight<23>(bits));
  const auto mantissa = hn::Add(hn::And(bits, hn::Set(di, 0x7FFFFF)), offset);
  return hn::Sub(hn::BitCast(d, mantissa), hn::Set(d, 1.0f));
}

// e ln2 + log(1 + f) + correction.
template <class V>
HWY_INLINE V log_sum(V f, V e, V correction) {
  static constexpr float kLog[] = {0x1.555548p-2f,  -0x1.000006p-2f, 0x1.99a4b6p-3f,
                                   -0x1.555c4cp-3f, 0x1.233760p-3f,  -0x1.fc2220p-4f,
                                   0x1.e6f0f0p-4f,  -0x1.de3bb4p-4f, 0x1.145614p-4f};
  const hn::DFromV<V> d;
  const V ff = hn::Mul(f, f);
  V tail = hn::MulAdd(hn::Mul(f, polynomial(f, kLog)), ff, correction);
  tail = hn::MulAdd(e, hn::Set(d, 1.42860677e-6f), tail);
  tail = hn::NegMulAdd(ff, hn::Set(d, 0.5f), tail);
  return hn::MulAdd(e, hn::Set(d, 0.693145752f), hn::Add(f, tail));
}

// Natural logarithm. f32: 1 ulp (2 without fused multiply-add).
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V log(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
    const auto tiny = hn::Lt(x, hn::Set(d, std::numeric_limits<float>::min()));
    const V normal = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 0x1p24f)), x);
    V e;
    const V f = split_log(normal, e);
    e = hn::IfThenElse(tiny, hn::Sub(e, hn::Set(d, 24.0f)), e);
    V y = log_sum(f, e, hn::Zero(d));
    y = hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
    y = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), y);
    const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    return hn::IfThenElse(hn::Ge(x, hn::Zero(d)), y, nan);
  } else {
    return map_lanes<V>(x, std::log);
  }
}

// log(1 + x). f32: 2 ulp.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V log1p(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const V one = hn::Set(d, 1.0f);
    const V infinity = hn::Set(d, std::numeric_limits<float>::infinity());
    const V u = hn::Add(one, x);
    // What the sum lost, relative to u: (x - (u - 1)) / u, exact differences.
    const V lost =
        hn::IfThenElse(hn::Gt(x, one), hn::Sub(one, hn::Sub(u, x)), hn::Sub(x, hn::Sub(u, one)));
    V e;
    const V f = split_log(u, e);
    V y = log_sum(f, e, hn::Div(lost, u));
    y = hn::IfThenElse(hn::Eq(x, infinity), infinity, y);
    y = hn::IfThenElse(hn::Eq(u, hn::Zero(d)), hn::Neg(infinity), y);
    y = hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(d, 1e-8f)), x, y);
    const V nan = hn::Set(d, std::numeric_limits<float>::quiet_NaN());
    return hn::IfThenElse(hn::Ge(u, hn::Zero(d)), y, nan);
  } else {
    return map_lanes<V>(x, std::log1p);
  }
}

// log(1 + e^x), without overflow. f32: 3 ulp.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V softplus(V x) {
  const D d;
  const V e = sardonyx::HWY_NAMESPACE::exp(hn::Neg(hn::Abs(x)));
  const V positive = hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Zero(d));
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Add(positive, sardonyx::HWY_NAMESPACE::log1p(e)));
}

// sin(x) or, with quarter = 1, cos(x), for |x| <= 8192.
template <class V>
HWY_INLINE V sin_quarter(V x, int quarter) {
  static constexpr float kSin[] = {-0x1.555556p-3f, 0x1.111108p-7f, -0x1.a00f70p-13f,
                                   0x1.6ccd06p-19f};
  static constexpr float kCos[] = {0x1.555556p-5f, -0x1.6c16b8p-10f, 0x1.a010f6p-16f,
                                   -0x1.2421dap-22f};
  const hn::DFromV<V> d;
  const hn::RebindToSigned<decltype(d)> di;
  const V n = hn::Round(hn::Mul(x, hn::Set(d, 0.636619772f)));
  // pi/2 in parts of 11 bits, so that n times each is exact without a fused multiply-add too.
  V r = hn::NegMulAdd(n, hn::Set(d, 0x1.920000p+0f), x);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.fb4000p-12f), r);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.444000p-24f), r);
  r = hn::NegMulAdd(n, hn::Set(d, 0x1.68c234p-39f), r);
  const auto turn = hn::Add(hn::ConvertTo(di, n), hn::Set(di, quarter));
  const V rr = hn::Mul(r, r);
  const V sine = hn::MulAdd(hn::Mul(rr, polynomial(rr, kSin)), r, r);
  const V cosine = hn::MulAdd(hn::Mul(rr, rr), polynomial(rr, kCos),
                              hn::NegMulAdd(rr, hn::Set(d, 0.5f), hn::Set(d, 1.0f)));
  const auto odd = hn::Eq(hn::And(turn, hn::Set(di, 1)), hn::Set(di, 1));
  const V y = hn::IfThenElse(hn::RebindMask(d, odd), cosine, sine);
  const V sign = hn::BitCast(d, hn::ShiftLeft<30>(hn::And(turn, hn::Set(di, 2))));
  return hn::Xor(y, sign);
}

// f32: 2 ulp, or 2^-24 near the zeros of the function beyond |x| > 100.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V sin(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, 8192.0f))))) {
      return sin_quarter(x, 0);
    }
  }
  return map_lanes<V>(x, std::sin);
}
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V cos(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    if (HWY_LIKELY(hn::AllTrue(d, hn::Le(hn::Abs(x), hn::Set(d, 8192.0f))))) {
      return sin_quarter(x, 1);
    }
  }
  return map_lanes<V>(x, std::cos);
}

// Angles whose tangent is x. f32: 2 ulp. Coefficients of Cephes' atanf.
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V atan(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    static constexpr float kAtan[] = {-3.33329491539e-1f, 1.99777106478e-1f, -1.38776856032e-1f,
                                      8.05374449538e-2f};
    const V one = hn::Set(d, 1.0f);
    const V a = hn::Abs(x);
    const auto is_large = hn::Gt(a, hn::Set(d, 2.41421356f));   // tan(3 pi / 8)
    const auto is_middle = hn::Gt(a, hn::Set(d, 0.41421356f));  // tan(pi / 8)
    // The tangent of what is left beyond pi / 2, pi / 4 or 0.
    const V above = hn::IfThenElse(is_large, hn::Neg(one), hn::Sub(a, one));
    const V below = hn::IfThenElse(is_large, a, hn::Add(a, one));
    const V t = hn::IfThenElse(is_middle, hn::Div(above, below), a);
    const V turn = hn::IfThenElse(is_large, hn::Set(d, 1.57079633f), hn::Set(d, 0.785398163f));
    const V tt = hn::Mul(t, t);
    const V y = hn::MulAdd(hn::Mul(tt, polynomial(tt, kAtan)), t, t);
    return hn::CopySign(hn::Add(y, hn::IfThenElseZero(is_middle, turn)), x);
  } else {
    return map_lanes<V>(x, std::atan);
  }
}

// asin(x) for |x| <= 1/2, else asin(sqrt((1 - |x|) / 2)). Coefficients of Cephes' asinf.
template <class V, class M>
HWY_INLINE V asin_of_small(V x, M is_large) {
  static constexpr float kAsin[] = {1.6666752422e-1f, 7.4953002686e-2f, 4.5470025998e-2f,
                                    2.4181311049e-2f, 4.2163199048e-2f};
  const V half = hn::Set(hn::DFromV<V>(), 0.5f);
  const V ss = hn::IfThenElse(is_large, hn::NegMulAdd(hn::Abs(x), half, half), hn::Mul(x, x));
  const V s = hn::IfThenElse(is_large, hn::Sqrt(ss), x);
  return hn::MulAdd(hn::Mul(ss, polynomial(ss, kAsin)), s, s);
}

// Angles whose sine, or cosine, is x; NaN where there is none. f32: 3 ulp. Beyond 1/2:
// asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2)).
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V asin(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const auto is_large = hn::Gt(hn::Abs(x), hn::Set(d, 0.5f));
    const V y = asin_of_small(x, is_large);
    const V rest = hn::NegMulAdd(hn::Set(d, 2.0f), y, hn::Set(d, 1.57079633f));
    return hn::IfThenElse(is_large, hn::CopySign(rest, x), y);
  } else {
    return map_lanes<V>(x, std::asin);
  }
}
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V acos(V x) {
  const D d;
  if constexpr (kIsF32<V>) {
    const auto is_large = hn::Gt(hn::Abs(x), hn::Set(d, 0.5f));
    const V y = asin_of_small(x, is_large);
    const V twice = hn::Add(y, y);
    const V beyond =
        hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Sub(hn::Set(d, 3.14159265f), twice), twice);
    return hn::IfThenElse(is_large, beyond, hn::Sub(hn::Set(d, 1.57079633f), y));
  } else {
    return map_lanes<V>(x, std::acos);
  }
}

// x^y as std::pow, special cases included; lane by lane.
template <class V>
HWY_INLINE V pow(V x, V y) {
  return map_lanes<V>(x, y, std::pow);
}

#if HWY_TARGET == HWY_AVX3
// A GELU by its table: x/2 + |x| E(|x|), by the polynomial of the interval that |x| is in.
template <class V>
HWY_INLINE V gelu_of_table(V x, const GeluTable& table) {
  const hn::DFromV<V> d;
  constexpr float kRound = 0x1.8p+23f;  // a sum with it has no bits after the point
  const V magnitude = hn::Abs(x);
  const V bounded = min_keep_nan(hn::Set(d, 31 * kGeluWidth), magnitude);
  const V sum = hn::MulAdd(bounded, hn::Set(d, 1 / kGeluWidth), hn::Set(d, kRound));
  const V center = hn::Sub(sum, hn::Set(d, kRound));
  const V u = hn::NegMulAdd(center, hn::Set(d, kGeluWidth), bounded);
  const __m512i interval = _mm512_castps_si512(sum.raw);
  const auto coefficient = [&](int n) HWY_ATTR {
    return V{
        _mm512_permutex2var_ps(_mm512_load_ps(table[n]), interval, _mm512_load_ps(table[n] + 16))};
  };
  V e = coefficient(4);
#pragma GCC unroll 4
  for (int n = 3; n >= 0; --n) e = hn::MulAdd(e, u, coefficient(n));
  return hn::MulAdd(magnitude, e, hn::Mul(x, hn::Set(d, 0.5f)));
}
#endif

// x/2 (1 + erf(x / sqrt 2)).
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V gelu(V x) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kIsF32<V> && sizeof(x.raw) == 64) return gelu_of_table(x, kHalfErf);
#endif
  using T = LaneOf<V>;
  const D d;
  const V half = hn::Mul(x, hn::Set(d, T(0.5)));
  const V e = sardonyx::HWY_NAMESPACE::erf(hn::Mul(x, hn::Set(d, T(0.70710678118654752440))));
  return hn::MulAdd(half, e, half);
}

// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).
template <class V, class D = hn::DFromV<V>>
HWY_INLINE V gelu_tanh(V x) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (kIsF32<V> && sizeof(x.raw) == 64) return gelu_of_table(x, kHalfTanh);
#endif
  using T = LaneOf<V>;
  const D d;
  const V cube = hn::Mul(hn::Mul(x, x), hn::Mul(x, hn::Set(d, T(0.044715))));
  const V inner = hn::Mul(hn::Add(x, cube), hn::Set(d, T(0.79788456080286535588)));
  const V half = hn::Mul(x, hn::Set(d, T(0.5)));
  return hn::MulAdd(half, sardonyx::HWY_NAMESPACE::tanh(inner), half);
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
