// The arithmetic of 16-bit floats behind Ort::Float16_t and Ort::BFloat16_t: conversion from and to
// float (round to nearest, ties to even), classification, comparison. Derived is the type itself.
#pragma once

#include <cstdint>
#include <cstring>

namespace onnxruntime_float16 {

inline uint32_t bits_of(float value) noexcept {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

inline float float_of(uint32_t bits) noexcept {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// What both formats share: sign, then exponent, then mantissa, with IEEE's special values.
// kInfinity is the pattern of +inf: every exponent bit, no mantissa bit.
template <class Derived, uint16_t kInfinity, uint16_t kOne>
struct Float16Base {
  uint16_t val{0};

  static constexpr uint16_t kSignMask = 0x8000;
  static constexpr uint16_t kBiasedExponentMask = kInfinity;
  static constexpr uint16_t kPositiveInfinityBits = kInfinity;
  static constexpr uint16_t kNegativeInfinityBits = kInfinity | kSignMask;
  static constexpr uint16_t kOneBits = kOne;
  static constexpr uint16_t kMinusOneBits = kOne | kSignMask;

  constexpr bool IsNegative() const noexcept { return (val & kSignMask) != 0; }
  constexpr bool IsNaN() const noexcept { return magnitude() > kInfinity; }
  constexpr bool IsFinite() const noexcept { return magnitude() < kInfinity; }
  constexpr bool IsInfinity() const noexcept { return magnitude() == kInfinity; }
  constexpr bool IsPositiveInfinity() const noexcept { return val == kPositiveInfinityBits; }
  constexpr bool IsNegativeInfinity() const noexcept { return val == kNegativeInfinityBits; }
  constexpr bool IsNaNOrZero() const noexcept { return IsNaN() || magnitude() == 0; }
  constexpr bool IsNormal() const noexcept {
    return IsFinite() && (val & kBiasedExponentMask) != 0;
  }
  constexpr bool IsSubnormal() const noexcept {
    return magnitude() != 0 && (val & kBiasedExponentMask) == 0;
  }
  Derived Abs() const noexcept { return Derived::FromBits(magnitude()); }
  Derived Negate() const noexcept {
    return Derived::FromBits(IsNaN() ? val : static_cast<uint16_t>(val ^ kSignMask));
  }
  // Whether both are zero, whatever their signs.
  static bool AreZero(const Float16Base& a, const Float16Base& b) noexcept {
    return a.magnitude() == 0 && b.magnitude() == 0;
  }

  // Friends, so that C++20 does not take them for two candidates, the other way round as well.
  friend bool operator==(const Derived& a, const Derived& b) noexcept {
    if (a.IsNaN() || b.IsNaN()) return false;
    return a.val == b.val || AreZero(a, b);
  }
  friend bool operator!=(const Derived& a, const Derived& b) noexcept { return !(a == b); }
  friend bool operator<(const Derived& a, const Derived& b) noexcept {
    if (a.IsNaN() || b.IsNaN() || AreZero(a, b)) return false;
    if (a.IsNegative() != b.IsNegative()) return a.IsNegative();
    const auto size = [](const Float16Base& of) { return of.magnitude(); };
    return a.IsNegative() ? size(a) > size(b) : size(a) < size(b);
  }

 protected:
  constexpr uint16_t magnitude() const noexcept { return val & 0x7fff; }
};

// IEEE binary16: 5 bits of exponent, 10 of mantissa.
template <class Derived>
struct Float16Impl : Float16Base<Derived, 0x7c00, 0x3c00> {
 protected:
  static uint16_t ToUint16Impl(float value) noexcept {
    const uint32_t bits = bits_of(value);
    const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
    uint32_t rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);   // NaN
    if (rest >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);  // 65536 and more
    if (rest < 0x38800000) {
      // Below the least normal number: adding 1/2 leaves what is rounded in the last bits.
      const uint32_t shifted = bits_of(float_of(rest) + 0.5f) - bits_of(0.5f);
      return static_cast<uint16_t>(sign | shifted);
    }
    rest += 0xfff + (rest >> 13 & 1);
    return static_cast<uint16_t>(sign | ((rest - 0x38000000) >> 13));
  }

  float ToFloatImpl() const noexcept {
    const uint32_t sign = static_cast<uint32_t>(this->val & 0x8000) << 16;
    const uint32_t rest = this->magnitude();
    if (rest >= 0x7c00) return float_of(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest < 0x400) {
      const float subnormal = static_cast<float>(rest) / 16777216.f;
      return float_of(sign | bits_of(subnormal));
    }
    return float_of(sign | ((rest << 13) + 0x38000000));
  }
};

// bfloat16: the upper half of a float.
template <class Derived>
struct BFloat16Impl : Float16Base<Derived, 0x7f80, 0x3f80> {
 protected:
  static uint16_t ToUint16Impl(float value) noexcept {
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 0x40);  // NaN
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  }

  float ToFloatImpl() const noexcept { return float_of(static_cast<uint32_t>(this->val) << 16); }
};

}  // namespace onnxruntime_float16
