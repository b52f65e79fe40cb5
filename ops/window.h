// Window: how Conv, ConvTranspose and the poolings slide over the spatial axes: kernel, strides,
// dilations and pads of each, read from a node's attributes, and the one rule that gives output
// dims. Entry points: read_window, window_output_dims, fix_pads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/dim.h"
#include "graph/graph.h"
#include "ops/op.h"

namespace sardonyx {

enum class AutoPad : uint8_t { kNotSet, kValid, kSameUpper, kSameLower };

struct Window {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads_begin;
  std::vector<int64_t> pads_end;
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;

  size_t rank() const { return kernel.size(); }
  // Input positions from the first tap to the last, both counted.
  int64_t extent(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
  int64_t taps() const;
  bool has_pads() const;
};

// The attributes of `attrs` over kernel.size() spatial axes, checked: counts, signs, sizes.
Result<Window> read_window(const AttrMap& attrs, std::vector<int64_t> kernel);

// Output dims of the spatial axes; an error when the window does not fit into a known dim.
Result<Dims> window_output_dims(const Window& window, const Dims& spatial);

// Turns auto_pad into pads for a concrete input; pads of kNotSet stay as they are.
void fix_pads(Window& window, const Shape& spatial);

// Where channels and spatial axes are: N, C, D1, ... or N, D1, ..., C.
struct Layout {
  bool channels_last = false;
  size_t rank = 0;

  size_t channel_axis() const { return channels_last ? rank - 1 : 1; }
  size_t spatial_axis(size_t i) const { return channels_last ? i + 1 : i + 2; }
  size_t spatial_rank() const { return rank - 2; }
};

template <class T>
std::vector<T> spatial_part(const Layout& layout, std::span<const T> dims) {
  const size_t first = layout.spatial_axis(0);
  return {dims.begin() + static_cast<ptrdiff_t>(first),
          dims.begin() + static_cast<ptrdiff_t>(first + layout.spatial_rank())};
}
Shape spatial_shape(const Layout& layout, const Shape& shape);

// N, channels and spatial dims in the order of the layout.
Dims join_dims(const Layout& layout, Dim batch, const Dim& channels, const Dims& spatial);

// The attributes that windows share, for OpDef::attrs.
std::vector<FormalAttr> window_attrs(bool kernel_required);

// Walks positions of a grid in row-major order.
class Odometer {
 public:
  explicit Odometer(const Shape& dims) : dims_(dims), at_(dims.rank(), 0) {}
  Odometer(const Shape& dims, int64_t linear) : Odometer(dims) { seek(linear); }
  const Shape& at() const { return at_; }
  int64_t operator[](size_t axis) const { return at_[axis]; }
  void seek(int64_t linear) {
    for (size_t axis = dims_.rank(); axis-- > 0;) {
      at_[axis] = linear % dims_[axis];
      linear /= dims_[axis];
    }
  }
  void next() {
    for (size_t axis = dims_.rank(); axis-- > 0;) {
      if (++at_[axis] < dims_[axis]) return;
      at_[axis] = 0;
    }
  }

 private:
  Shape dims_;
  Shape at_;
};

}  // namespace sardonyx
