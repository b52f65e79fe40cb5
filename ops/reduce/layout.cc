#include "ops/reduce/layout.h"

#include <algorithm>

namespace sardonyx {

Walk::Walk(std::span<const WalkAxis> axes, int64_t first) : axes_(axes), index_(axes.size(), 0) {
  for (size_t a = axes.size(); a-- > 0 && first != 0;) {
    index_[a] = first % axes[a].dim;
    offset_ += index_[a] * axes[a].stride;
    first /= axes[a].dim;
  }
}

ReduceLayout::ReduceLayout(const Shape& shape, std::span<const int64_t> axes) {
  int64_t stride = 1;
  bool last_was_reduced = false;
  // Innermost axis first, reversed at the end.
  for (size_t i = shape.rank(); i-- > 0;) {
    const bool is_reduced =
        std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    auto& side = is_reduced ? reduced : kept;
    (is_reduced ? reduced_count : outputs) *= shape[i];
    if (shape[i] != 1) {
      if (!side.empty() && last_was_reduced == is_reduced) {
        side.back().dim *= shape[i];
      } else {
        side.push_back({shape[i], stride});
      }
      last_was_reduced = is_reduced;
    }
    stride *= shape[i];
  }
  std::reverse(kept.begin(), kept.end());
  std::reverse(reduced.begin(), reduced.end());
}

}  // namespace sardonyx
