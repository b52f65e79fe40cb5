// ReduceLayout: a tensor seen as kept and reduced axes, neighbours joined, so that a reduction is
// two nested walks over offsets. Entry points: ReduceLayout, Walk.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/shape.h"

namespace sardonyx {

struct WalkAxis {
  int64_t dim;
  int64_t stride;  // in elements
};

// The offsets of all index tuples over some axes, last axis fastest, from the first'th tuple on;
// after the last one comes tuple 0 again.
class Walk {
 public:
  explicit Walk(std::span<const WalkAxis> axes, int64_t first = 0);
  int64_t offset() const { return offset_; }
  void next() {
    for (size_t a = axes_.size(); a-- > 0;) {
      offset_ += axes_[a].stride;
      if (++index_[a] < axes_[a].dim) return;
      offset_ -= axes_[a].stride * axes_[a].dim;
      index_[a] = 0;
    }
  }

 private:
  std::span<const WalkAxis> axes_;
  std::vector<int64_t> index_;
  int64_t offset_ = 0;
};

struct ReduceLayout {
  std::vector<WalkAxis> kept, reduced;
  int64_t outputs = 1;        // product of kept dims
  int64_t reduced_count = 1;  // elements per output

  // axes are in [0, rank) and differ.
  ReduceLayout(const Shape& shape, std::span<const int64_t> axes);
  // Whether the elements of one output lie end to end in runs, or those of neighbouring outputs.
  bool rows() const { return !reduced.empty() && reduced.back().stride == 1; }
  bool columns() const { return !kept.empty() && kept.back().stride == 1; }
};

}  // namespace sardonyx
