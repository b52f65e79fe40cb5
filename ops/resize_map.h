// How one axis of Resize maps output positions to input positions (spec: Resize-19): the mode, the
// coordinate transformation, and from them the input index or the weighted taps of each output
// position. Entry points: read_resize, nearest_sources, resize_taps.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"

namespace sardonyx {

enum class ResizeMode : uint8_t { kNearest, kLinear, kCubic };
enum class Coordinates : uint8_t {
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfHalfPixelForNn,  // until opset 13
  kTfCropAndResize,
};
enum class NearestMode : uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class AspectPolicy : uint8_t { kStretch, kNotLarger, kNotSmaller };

// The attributes, checked.
struct ResizeAttrs {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  AspectPolicy policy = AspectPolicy::kStretch;
  bool antialias = false;
  bool exclude_outside = false;
  float cubic_a = -0.75f;
  float extrapolation = 0;
};
Result<ResizeAttrs> read_resize(const AttrMap& attrs);

// One axis: sizes, and the scale that its coordinates are mapped with.
struct AxisMap {
  int64_t in = 1;
  int64_t out = 1;
  float scale = 1;
  float wanted = 1;     // the output size before rounding to a whole number
  float roi_start = 0;  // of kTfCropAndResize
  float roi_end = 1;

  bool is_identity(const ResizeAttrs& attrs) const {
    return in == out && scale == 1 && attrs.coordinates != Coordinates::kTfCropAndResize;
  }
};

// For each output position the input position; -1 where extrapolation_value counts.
std::vector<int64_t> nearest_sources(const ResizeAttrs& attrs, const AxisMap& axis);

// The same as weighted sums: output position i is the sum of weights[i * count + t] times the input
// at indices[i * count + t]. Where outside[i] is set, extrapolation_value counts.
struct ResizeTaps {
  int64_t count = 0;
  std::vector<int64_t> indices;
  std::vector<float> weights;
  std::vector<bool> outside;
};
ResizeTaps resize_taps(const ResizeAttrs& attrs, const AxisMap& axis);

}  // namespace sardonyx
