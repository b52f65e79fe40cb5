// is_nan: of any number; integers never are.
#pragma once

namespace sardonyx {

// What differs from itself.
template <class T>
constexpr bool is_nan(T x) {
  return x != x;  // NOLINT(misc-redundant-expression)
}

}  // namespace sardonyx
