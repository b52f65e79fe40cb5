// The rotation of one vector by its position: pairs (a, b) → (cos a - sin b, sin a + cos b).
#pragma once

#include <cstdint>
#include <type_traits>

#include "ops/number.h"

namespace sardonyx {

// Rotates the first 2 * half numbers of x into y, which may be x. Pairs lie side by side where
// interleaved, else half apart. f32 is computed in f32, all else in f64.
template <class T>
void rotate_vector(const T* x, const T* cosines, const T* sines, int64_t half, bool interleaved,
                   T* y) {
  const auto wide = [](T number) {
    if constexpr (std::is_same_v<T, float>) {
      return number;
    } else {
      return widen(number);
    }
  };
  const int64_t step = interleaved ? 2 : 1;
  const T* xa = x;
  const T* xb = interleaved ? x + 1 : x + half;
  T* ya = y;
  T* yb = interleaved ? y + 1 : y + half;
  const auto turn = [&](int64_t i, int64_t at) {
    const auto a = wide(xa[at]), b = wide(xb[at]);
    const auto cosine = wide(cosines[i]), sine = wide(sines[i]);
    ya[at] = narrow<T>(cosine * a - sine * b);
    yb[at] = narrow<T>(sine * a + cosine * b);
  };
  if (step == 1) {
    for (int64_t i = 0; i < half; ++i) turn(i, i);
  } else {
    for (int64_t i = 0; i < half; ++i) turn(i, 2 * i);
  }
}

}  // namespace sardonyx
