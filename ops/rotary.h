// The rotation of one vector by its position: pairs (a, b) → (cos a - sin b, sin a + cos b).
#pragma once

#include <cstdint>
#include <type_traits>

#include "ops/number.h"

namespace sardonyx {

// f32 is computed in f32, all else in f64.
template <class T>
inline auto widen_turned(T number) {
  if constexpr (std::is_same_v<T, float>) {
    return number;
  } else {
    return widen(number);
  }
}

// kCount pairs, whose a lie kStep apart and whose b lie `apart` behind them. All are read before
// one is written; a fixed count lets the compiler make vectors of them.
template <int64_t kCount, int64_t kStep, class T>
inline void rotate_pairs(const T* x, const T* cosines, const T* sines, int64_t apart, T* y) {
  using Wide = decltype(widen_turned(*x));
  Wide a[kCount], b[kCount];
  for (int64_t i = 0; i < kCount; ++i) {
    const Wide first = widen_turned(x[i * kStep]), second = widen_turned(x[i * kStep + apart]);
    const Wide cosine = widen_turned(cosines[i]), sine = widen_turned(sines[i]);
    a[i] = cosine * first - sine * second;
    b[i] = sine * first + cosine * second;
  }
  for (int64_t i = 0; i < kCount; ++i) y[i * kStep] = narrow<T>(a[i]);
  for (int64_t i = 0; i < kCount; ++i) y[i * kStep + apart] = narrow<T>(b[i]);
}

template <int64_t kStep, class T>
inline void rotate_steps(const T* x, const T* cosines, const T* sines, int64_t half, int64_t apart,
                         T* y) {
  constexpr int64_t kBlock = 16;
  int64_t i = 0;
  for (; i + kBlock <= half; i += kBlock) {
    rotate_pairs<kBlock, kStep>(x + i * kStep, cosines + i, sines + i, apart, y + i * kStep);
  }
  for (; i < half; ++i) {
    rotate_pairs<1, kStep>(x + i * kStep, cosines + i, sines + i, apart, y + i * kStep);
  }
}

// Rotates the first 2 * half numbers of x into y, which may be x. Pairs lie side by side where
// interleaved, else half apart.
template <class T>
void rotate_vector(const T* x, const T* cosines, const T* sines, int64_t half, bool interleaved,
                   T* y) {
  if (interleaved) {
    rotate_steps<2>(x, cosines, sines, half, 1, y);
  } else {
    rotate_steps<1>(x, cosines, sines, half, half, y);
  }
}

}  // namespace sardonyx
