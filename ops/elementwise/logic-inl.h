// Logic of booleans and bits, one struct per operator; see ops/elementwise/tile-inl.h. Booleans are
// bytes: anything but 0 is true, and results are 0 or 1.

#if defined(SARDONYX_OPS_LOGIC_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_LOGIC_INL_H_
#undef SARDONYX_OPS_LOGIC_INL_H_
#else
#define SARDONYX_OPS_LOGIC_INL_H_
#endif

#include "ops/elementwise/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

using Byte = Lane<uint8_t>;

struct And {
  static constexpr char name[] = "And";
  static constexpr size_t kArity = 2;
  HWY_INLINE bool eval(Byte a, Byte b) const { return (a.v != 0) & (b.v != 0); }
};
struct Or {
  static constexpr char name[] = "Or";
  static constexpr size_t kArity = 2;
  HWY_INLINE bool eval(Byte a, Byte b) const { return (a.v | b.v) != 0; }
};
struct Xor {
  static constexpr char name[] = "Xor";
  static constexpr size_t kArity = 2;
  HWY_INLINE bool eval(Byte a, Byte b) const { return (a.v != 0) != (b.v != 0); }
};
struct Not {
  static constexpr char name[] = "Not";
  static constexpr size_t kArity = 1;
  HWY_INLINE bool eval(Byte x) const { return x.v == 0; }
};

struct BitwiseAnd {
  static constexpr char name[] = "BitwiseAnd";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a & b;
  }
};
struct BitwiseOr {
  static constexpr char name[] = "BitwiseOr";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a | b;
  }
};
struct BitwiseXor {
  static constexpr char name[] = "BitwiseXor";
  static constexpr size_t kArity = 2;
  template <class V>
  HWY_INLINE V eval(V a, V b) const {
    return a ^ b;
  }
};
struct BitwiseNot {
  static constexpr char name[] = "BitwiseNot";
  static constexpr size_t kArity = 1;
  template <class V>
  HWY_INLINE V eval(V x) const {
    return ~x;
  }
};

// Shifts by the width or more give 0.
struct ShiftLeft {
  static constexpr char name[] = "ShiftLeft";
  static constexpr size_t kArity = 2;
  template <class T>
  HWY_INLINE Lane<T> eval(Lane<T> x, Lane<T> bits) const {
    return bits.v < 8 * sizeof(T) ? static_cast<uint64_t>(x.v) << bits.v : uint64_t{0};
  }
};
struct ShiftRight {
  static constexpr char name[] = "ShiftRight";
  static constexpr size_t kArity = 2;
  template <class T>
  HWY_INLINE Lane<T> eval(Lane<T> x, Lane<T> bits) const {
    return bits.v < 8 * sizeof(T) ? static_cast<uint64_t>(x.v) >> bits.v : uint64_t{0};
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
