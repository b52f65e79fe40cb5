// convert_number: one number as another type, with every result defined: integers wrap around,
// floats are cut towards zero; out of range, what x86 gives: the lowest int32 or int64, its low
// bits for narrower types. Entry points: convert_number, find_number_conversion.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "ops/elementwise.h"

namespace sardonyx {

template <class From, class To>
[[gnu::always_inline]] inline To convert_number(From number) {
  if constexpr (std::is_same_v<To, bool>) {
    return number != From(0);
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    constexpr bool kNarrow = sizeof(To) < 4 || std::is_same_v<To, int32_t>;
    using Whole = std::conditional_t<kNarrow, int32_t, int64_t>;
    constexpr From kEnd = kNarrow ? From(0x1p31) : From(0x1p63);
    if constexpr (std::is_same_v<To, uint64_t>) {
      if (number >= kEnd && number < From(0x1p64)) return static_cast<uint64_t>(number);
    }
    const bool fits = number >= -kEnd && number < kEnd;
    return static_cast<To>(fits ? static_cast<Whole>(number) : std::numeric_limits<Whole>::min());
  } else {
    return static_cast<To>(number);
  }
}

// How elements lie in memory: a boolean is read as a byte, anything but 0 is true.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
template <class From, class To>
[[gnu::always_inline]] inline To convert_stored(Stored<From> element) {
  if constexpr (std::is_same_v<From, bool>) {
    return static_cast<To>(element != 0 ? 1 : 0);
  } else {
    return convert_number<From, To>(element);
  }
}

// The loop that converts between two number types, neither of them f32; f64 also to f16, bf16 and
// float8, rounded once. Null where there is none.
TileFn find_number_conversion(DType from, DType to);

}  // namespace sardonyx
