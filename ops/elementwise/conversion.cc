// Conversion steps between dtypes, with the meaning of Cast (saturate = 1). To and from f32 there
// is a loop per tier; pairs of other number types share one build; what is missing goes through
// f32.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/elementwise/conversion.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include <bit>

#include "base/narrow.h"
#include "cpu/tier_table.h"
#include "ops/elementwise/convert_number.h"
#include "ops/elementwise/tile-inl.h"

#ifndef SARDONYX_OPS_CONVERSION_ONCE_
#define SARDONYX_OPS_CONVERSION_ONCE_
namespace sardonyx {

struct ConversionTable {
  std::array<TileFn, kDTypeCount> from_f32{};
  std::array<TileFn, kDTypeCount> to_f32{};
};

// The 256 values of a float8 dtype.
const float* float8_values(DType dtype);

}  // namespace sardonyx
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {
namespace {

template <class From, class To>
void number_tile(const void* const* srcs, void* dst, size_t count, const void* /*params*/) {
  const auto* in = static_cast<const Stored<From>*>(srcs[0]);
  To* out = static_cast<To*>(dst);
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    SARDONYX_INDEPENDENT
    for (size_t j = i; j < i + kBlock; ++j) out[j] = convert_stored<From, To>(in[j]);
  }
  for (; i < count; ++i) out[i] = convert_stored<From, To>(in[i]);
}

HWY_INLINE uint16_t round_bfloat16(uint32_t bits) {
  const uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFF) > 0x7F800000;
  return static_cast<uint16_t>(is_nan ? (bits >> 16) | 0x40 : rounded);
}

void bfloat16_to_float(const void* const* srcs, void* dst, size_t count, const void*) {
  const uint16_t* in = static_cast<const uint16_t*>(srcs[0]);
  uint32_t* out = static_cast<uint32_t*>(dst);
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    SARDONYX_INDEPENDENT
    for (size_t j = i; j < i + kBlock; ++j) out[j] = static_cast<uint32_t>(in[j]) << 16;
  }
  for (; i < count; ++i) out[i] = static_cast<uint32_t>(in[i]) << 16;
}

void float_to_bfloat16(const void* const* srcs, void* dst, size_t count, const void*) {
  const uint32_t* in = static_cast<const uint32_t*>(srcs[0]);
  uint16_t* out = static_cast<uint16_t*>(dst);
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    SARDONYX_INDEPENDENT
    for (size_t j = i; j < i + kBlock; ++j) out[j] = round_bfloat16(in[j]);
  }
  for (; i < count; ++i) out[i] = round_bfloat16(in[i]);
}

// Whether Highway converts f16 with the processor's instruction, which rounds to nearest even.
constexpr bool kHasFloat16 = HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3;

void float16_to_float(const void* const* srcs, void* dst, size_t count, const void*) {
  const Float16* in = static_cast<const Float16*>(srcs[0]);
  float* out = static_cast<float*>(dst);
  size_t i = 0;
  if constexpr (kHasFloat16) {
    const hn::ScalableTag<float> d;
    const hn::Rebind<hwy::float16_t, decltype(d)> dh;
    const hn::Rebind<uint16_t, decltype(d)> du;
    const size_t lanes = hn::Lanes(d);
    for (; i + lanes <= count; i += lanes) {
      const auto bits = hn::LoadU(du, reinterpret_cast<const uint16_t*>(in + i));
      hn::StoreU(hn::PromoteTo(d, hn::BitCast(dh, bits)), d, out + i);
    }
  }
  for (; i < count; ++i) out[i] = to_float(in[i]);
}

void float_to_float16(const void* const* srcs, void* dst, size_t count, const void*) {
  const float* in = static_cast<const float*>(srcs[0]);
  Float16* out = static_cast<Float16*>(dst);
  size_t i = 0;
  if constexpr (kHasFloat16) {
    const hn::ScalableTag<float> d;
    const hn::Rebind<hwy::float16_t, decltype(d)> dh;
    const hn::Rebind<uint16_t, decltype(d)> du;
    const size_t lanes = hn::Lanes(d);
    for (; i + lanes <= count; i += lanes) {
      const auto half = hn::DemoteTo(dh, hn::LoadU(d, in + i));
      hn::StoreU(hn::BitCast(du, half), du, reinterpret_cast<uint16_t*>(out + i));
    }
  }
  for (; i < count; ++i) out[i] = to_float16(in[i]);
}

template <DType kDType>
void float8_to_float(const void* const* srcs, void* dst, size_t count, const void*) {
  const uint8_t* in = static_cast<const uint8_t*>(srcs[0]);
  float* out = static_cast<float*>(dst);
  const float* values = float8_values(kDType);
  for (size_t i = 0; i < count; ++i) out[i] = values[in[i]];
}
template <DType kDType>
void float_to_float8(const void* const* srcs, void* dst, size_t count, const void*) {
  const float* in = static_cast<const float*>(srcs[0]);
  uint8_t* out = static_cast<uint8_t*>(dst);
  for (size_t i = 0; i < count; ++i) out[i] = narrow_from_float(kDType, in[i], true);
}

template <class... T>
constexpr void add_numbers(ConversionTable& table, Types<T...>) {
  ((table.from_f32[static_cast<size_t>(dtype_of<T>)] = number_tile<float, T>), ...);
  ((table.to_f32[static_cast<size_t>(dtype_of<T>)] = number_tile<T, float>), ...);
}
// Not to float8e8m0: that takes a rounding mode (ops/elementwise/cast.cc).
template <DType... kDTypes>
constexpr void add_float8(ConversionTable& table) {
  ((table.from_f32[static_cast<size_t>(kDTypes)] = float_to_float8<kDTypes>), ...);
  ((table.to_f32[static_cast<size_t>(kDTypes)] = float8_to_float<kDTypes>), ...);
}

constexpr ConversionTable make_conversions() {
  ConversionTable table;
  add_numbers(table, Types<double, bool>());
  add_numbers(table, SignedInts());
  add_numbers(table, UnsignedInts());
  add_float8<DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
             DType::kFloat8E5M2FNUZ>(table);
  table.to_f32[static_cast<size_t>(DType::kFloat8E8M0)] = float8_to_float<DType::kFloat8E8M0>;
  table.from_f32[static_cast<size_t>(DType::kFloat16)] = float_to_float16;
  table.to_f32[static_cast<size_t>(DType::kFloat16)] = float16_to_float;
  table.from_f32[static_cast<size_t>(DType::kBfloat16)] = float_to_bfloat16;
  table.to_f32[static_cast<size_t>(DType::kBfloat16)] = bfloat16_to_float;
  return table;
}

}  // namespace
extern const ConversionTable kConversions;
constexpr ConversionTable kConversions = make_conversions();
}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
SARDONYX_TIER_TABLE(conversion_table, ConversionTable, kConversions)

namespace sardonyx {

const float* float8_values(DType dtype) {
  using Tables = std::array<std::array<float, 256>, kDTypeCount>;
  static const Tables tables = [] {
    Tables made{};
    for (const DType each : {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                             DType::kFloat8E5M2FNUZ, DType::kFloat8E8M0}) {
      for (size_t bits = 0; bits < 256; ++bits) {
        made[static_cast<size_t>(each)][bits] = narrow_to_float(each, static_cast<uint8_t>(bits));
      }
    }
    return made;
  }();
  return tables[static_cast<size_t>(dtype)].data();
}

TileFn find_conversion(Tier tier, DType from, DType to) {
  const ConversionTable& table = conversion_table(tier);
  if (from == DType::kFloat32) return table.from_f32[static_cast<size_t>(to)];
  if (to == DType::kFloat32) return table.to_f32[static_cast<size_t>(from)];
  return find_number_conversion(from, to);
}

}  // namespace sardonyx
#endif  // HWY_ONCE
