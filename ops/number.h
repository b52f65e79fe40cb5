// How the plain kernels of MatMul, Conv and the poolings compute: each element type is widened to
// one that loses nothing in between (floats to f64, complex numbers to two of them, integers to 64
// bits that wrap), and narrowed once at the end. Entry points: visit_dtype, widen, narrow.
#pragma once

#include <complex>
#include <cstdint>
#include <type_traits>

#include "base/dtype.h"
#include "base/narrow.h"

namespace sardonyx {

using Complex64 = std::complex<float>;
using Complex128 = std::complex<double>;
template <>
inline constexpr DType dtype_of<Complex64> = DType::kComplex64;
template <>
inline constexpr DType dtype_of<Complex128> = DType::kComplex128;

template <class T>
inline constexpr bool is_complex = std::is_same_v<T, Complex64> || std::is_same_v<T, Complex128>;
template <class T>
inline constexpr bool is_number_float = !std::is_integral_v<T>;

// The type in which sums of T are kept.
template <class T>
using Wide = std::conditional_t<
    is_complex<T>, Complex128,
    std::conditional_t<is_number_float<T>, double,
                       std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>>;

template <class T>
inline Wide<T> widen(T element) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>) {
    return static_cast<double>(to_float(element));
  } else {
    return static_cast<Wide<T>>(element);
  }
}

template <class T>
inline T narrow(Wide<T> sum) {
  if constexpr (std::is_same_v<T, Float16>) {
    return to_float16(sum);
  } else if constexpr (std::is_same_v<T, Bfloat16>) {
    return to_bfloat16(sum);
  } else {
    return static_cast<T>(sum);
  }
}

// a * b + sum; integers wrap instead of overflowing.
template <class W>
inline W multiply_add(W a, W b, W sum) {
  if constexpr (std::is_same_v<W, int64_t>) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b) +
                                static_cast<uint64_t>(sum));
  } else {
    return a * b + sum;
  }
}

template <class T>
struct TypeTag {
  using Type = T;
};

// Calls fn(TypeTag<T>()) with the first T of the list whose dtype it is; false when there is none.
template <class... T, class Fn>
bool visit_dtype(DType dtype, Fn&& fn) {
  return ((dtype_of<T> == dtype && (fn(TypeTag<T>()), true)) || ...);
}
template <class Fn>
bool visit_float(DType dtype, Fn&& fn) {
  return visit_dtype<float, double, Float16, Bfloat16>(dtype, fn);
}
// What MatMul and Gemm take.
template <class Fn>
bool visit_matrix_number(DType dtype, Fn&& fn) {
  return visit_dtype<float, double, Float16, Bfloat16, int32_t, uint32_t, int64_t, uint64_t>(dtype,
                                                                                             fn);
}

}  // namespace sardonyx
