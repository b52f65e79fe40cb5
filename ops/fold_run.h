// fold_run: folds the elements of a run in several chains, so that one fold need not wait for the
// one before; for the plain kernels of reductions.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "ops/number.h"

namespace sardonyx {

// Whether elements of this type are folded in chains; others are rare, and the code is not small.
template <class T>
inline constexpr bool kFoldsInChains = std::is_same_v<T, float> || std::is_same_v<T, double> ||
                                       std::is_same_v<T, int64_t> || std::is_same_v<T, int32_t>;

// `count` elements, `stride` apart, widened. `first` changes nothing when it is folded; join(a, b)
// folds two results. The order depends on the count and the stride alone.
template <class T, class Fold, class Join>
Wide<T> fold_run(const T* src, int64_t count, int64_t stride, Wide<T> first, Fold fold, Join join) {
  constexpr int64_t kChains = 8;
  Wide<T> total = first;
  int64_t i = 0;
  if constexpr (kFoldsInChains<T>) {
    if (stride == 1 && count >= 2 * kChains) {
      std::array<Wide<T>, kChains> chains;
      chains.fill(first);
      for (; i + kChains <= count; i += kChains) {
        for (size_t chain = 0; chain < chains.size(); ++chain) {
          chains[chain] = fold(chains[chain], widen(src[i + static_cast<int64_t>(chain)]));
        }
      }
      for (const Wide<T>& chain : chains) total = join(total, chain);
    }
  }
  for (; i < count; ++i) total = fold(total, widen(src[i * stride]));
  return total;
}

}  // namespace sardonyx
