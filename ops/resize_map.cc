// Coordinates and weights behind ops/resize_map.h. Coordinates are computed in f32, as the
// formulas of the specification are written.
#include "ops/resize_map.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

namespace sardonyx {
namespace {

template <class E, size_t kCount>
Result<E> read_name(const AttrMap& attrs, std::string_view attr,
                    const std::array<std::pair<std::string_view, E>, kCount>& names) {
  const std::string& given = attrs.get_string(attr);
  std::string all;
  for (const auto& [name, value] : names) {
    if (given == name) return value;
    all += (all.empty() ? "" : ", ") + std::string(name);
  }
  return fail(Code::kInvalidArgument, "{} is '{}', expected one of {}", attr, given, all);
}

float map_coordinate(const ResizeAttrs& attrs, const AxisMap& axis, int64_t position) {
  const auto x = static_cast<float>(position);
  const auto in = static_cast<float>(axis.in);
  switch (attrs.coordinates) {
    case Coordinates::kHalfPixel:
      return (x + 0.5f) / axis.scale - 0.5f;
    case Coordinates::kHalfPixelSymmetric: {
      const float adjustment = static_cast<float>(axis.out) / axis.wanted;
      const float offset = in / 2 * (1 - adjustment);
      return offset + (x + 0.5f) / axis.scale - 0.5f;
    }
    case Coordinates::kPytorchHalfPixel:
      return axis.out > 1 ? (x + 0.5f) / axis.scale - 0.5f : 0;
    case Coordinates::kAlignCorners:
      return axis.out == 1 ? 0 : x * (in - 1) / (axis.wanted - 1);
    case Coordinates::kAsymmetric:
      return x / axis.scale;
    case Coordinates::kTfHalfPixelForNn:
      return (x + 0.5f) / axis.scale;
    case Coordinates::kTfCropAndResize:
      if (axis.out == 1) return 0.5f * (axis.roi_start + axis.roi_end) * (in - 1);
      return axis.roi_start * (in - 1) +
             x * (axis.roi_end - axis.roi_start) * (in - 1) / static_cast<float>(axis.out - 1);
  }
  return 0;
}

bool is_outside(const ResizeAttrs& attrs, const AxisMap& axis, float x) {
  return attrs.coordinates == Coordinates::kTfCropAndResize &&
         (x < 0 || x > static_cast<float>(axis.in - 1));
}

float linear_weight(float distance) { return std::max(0.0f, 1 - std::abs(distance)); }

// Keys' cubic convolution with the parameter a.
float cubic_weight(float distance, float a) {
  const float x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

}  // namespace

Result<ResizeAttrs> read_resize(const AttrMap& attrs) {
  using M = ResizeMode;
  using C = Coordinates;
  using N = NearestMode;
  using P = AspectPolicy;
  ResizeAttrs result;
  result.mode = TRY(
      read_name<M>(attrs, "mode",
                   std::array<std::pair<std::string_view, M>, 3>{
                       {{"nearest", M::kNearest}, {"linear", M::kLinear}, {"cubic", M::kCubic}}}));
  result.coordinates = TRY(read_name<C>(attrs, "coordinate_transformation_mode",
                                        std::array<std::pair<std::string_view, C>, 7>{
                                            {{"half_pixel", C::kHalfPixel},
                                             {"half_pixel_symmetric", C::kHalfPixelSymmetric},
                                             {"pytorch_half_pixel", C::kPytorchHalfPixel},
                                             {"align_corners", C::kAlignCorners},
                                             {"asymmetric", C::kAsymmetric},
                                             {"tf_half_pixel_for_nn", C::kTfHalfPixelForNn},
                                             {"tf_crop_and_resize", C::kTfCropAndResize}}}));
  result.nearest = TRY(read_name<N>(
      attrs, "nearest_mode",
      std::array<std::pair<std::string_view, N>, 4>{{{"round_prefer_floor", N::kRoundPreferFloor},
                                                     {"round_prefer_ceil", N::kRoundPreferCeil},
                                                     {"floor", N::kFloor},
                                                     {"ceil", N::kCeil}}}));
  result.policy = TRY(read_name<P>(
      attrs, "keep_aspect_ratio_policy",
      std::array<std::pair<std::string_view, P>, 3>{{{"stretch", P::kStretch},
                                                     {"not_larger", P::kNotLarger},
                                                     {"not_smaller", P::kNotSmaller}}}));
  result.antialias = attrs.get_int("antialias") != 0;
  result.exclude_outside = attrs.get_int("exclude_outside") != 0;
  result.cubic_a = attrs.get_float("cubic_coeff_a");
  result.extrapolation = attrs.get_float("extrapolation_value");
  return result;
}

std::vector<int64_t> nearest_sources(const ResizeAttrs& attrs, const AxisMap& axis) {
  std::vector<int64_t> sources(static_cast<size_t>(axis.out));
  for (int64_t i = 0; i < axis.out; ++i) {
    const float x = map_coordinate(attrs, axis, i);
    int64_t& source = sources[static_cast<size_t>(i)];
    if (is_outside(attrs, axis, x)) {
      source = -1;
      continue;
    }
    float rounded = x;
    switch (attrs.nearest) {
      case NearestMode::kRoundPreferFloor:
        rounded = std::ceil(x - 0.5f);
        break;
      case NearestMode::kRoundPreferCeil:
        rounded = std::floor(x + 0.5f);
        break;
      case NearestMode::kFloor:
        rounded = std::floor(x);
        break;
      case NearestMode::kCeil:
        rounded = std::ceil(x);
        break;
    }
    const auto last = static_cast<float>(axis.in - 1);
    source = static_cast<int64_t>(std::clamp(rounded, 0.0f, last));
  }
  return sources;
}

ResizeTaps resize_taps(const ResizeAttrs& attrs, const AxisMap& axis) {
  const bool cubic = attrs.mode == ResizeMode::kCubic;
  // Shrinking with antialias widens the kernel.
  const float scale = attrs.antialias ? std::min(axis.scale, 1.0f) : 1.0f;
  const auto reach = static_cast<int64_t>(std::floor(-(cubic ? 2.0f : 1.0f) / scale)) + 1;
  ResizeTaps taps;
  taps.count = 2 - 2 * reach;
  for (int64_t i = 0; i < axis.out; ++i) {
    const float x = map_coordinate(attrs, axis, i);
    taps.outside.push_back(is_outside(attrs, axis, x));
    const float base = std::floor(x);
    std::vector<float> weights;
    float sum = 0;
    for (int64_t t = 0; t < taps.count; ++t) {
      const int64_t at = static_cast<int64_t>(base) + reach + t;
      const float distance = (static_cast<float>(reach + t) - (x - base)) * scale;
      float weight = cubic ? cubic_weight(distance, attrs.cubic_a) : linear_weight(distance);
      if (attrs.exclude_outside && (at < 0 || at >= axis.in)) weight = 0;
      weights.push_back(weight);
      sum += weight;
      taps.indices.push_back(std::clamp<int64_t>(at, 0, axis.in - 1));
    }
    const bool normalise = attrs.antialias || attrs.exclude_outside;
    for (float weight : weights)
      taps.weights.push_back(normalise && sum != 0 ? weight / sum : weight);
  }
  return taps;
}

}  // namespace sardonyx
