// Reading the window attributes and the output-dim rule (spec: Conv, MaxPool, AveragePool).
#include "ops/window.h"

namespace sardonyx {
namespace {

// Bounds that keep every later product of a kernel, a dilation and a dim inside int64.
constexpr int64_t kMaxWindowNumber = int64_t{1} << 28;

Result<std::vector<int64_t>> read_ints(const AttrMap& attrs, std::string_view name, size_t count,
                                       int64_t fallback, int64_t least) {
  const std::vector<int64_t>& given = attrs.get_ints(name);
  if (given.empty()) return std::vector<int64_t>(count, fallback);
  if (given.size() != count) {
    return fail(Code::kInvalidGraph, "attribute '{}' has {} numbers, expected {}", name,
                given.size(), count);
  }
  for (int64_t number : given) {
    if (number < least || number > kMaxWindowNumber) {
      return fail(Code::kInvalidGraph, "attribute '{}' has {}, expected {} to {}", name, number,
                  least, kMaxWindowNumber);
    }
  }
  return given;
}

Result<AutoPad> read_auto_pad(const AttrMap& attrs) {
  const std::string& name = attrs.get_string("auto_pad");
  if (name.empty() || name == "NOTSET") return AutoPad::kNotSet;
  if (name == "VALID") return AutoPad::kValid;
  if (name == "SAME_UPPER") return AutoPad::kSameUpper;
  if (name == "SAME_LOWER") return AutoPad::kSameLower;
  return fail(Code::kInvalidGraph,
              "auto_pad is '{}', expected NOTSET, VALID, SAME_UPPER or SAME_LOWER", name);
}

}  // namespace

int64_t Window::taps() const {
  int64_t product = 1;
  for (int64_t size : kernel) product *= size;
  return product;
}

bool Window::has_pads() const {
  for (size_t axis = 0; axis < rank(); ++axis) {
    if (pads_begin[axis] != 0 || pads_end[axis] != 0) return true;
  }
  return false;
}

Result<Window> read_window(const AttrMap& attrs, std::vector<int64_t> kernel) {
  Window window;
  const size_t rank = kernel.size();
  for (int64_t size : kernel) {
    if (size < 1 || size > kMaxWindowNumber) {
      return fail(Code::kInvalidGraph, "kernel dim is {}, expected 1 to {}", size,
                  kMaxWindowNumber);
    }
  }
  if (!Shape(std::span<const int64_t>(kernel)).checked_count()) {
    return fail(Code::kInvalidGraph, "kernel {} has too many taps",
                Shape(std::span<const int64_t>(kernel)).to_string());
  }
  window.kernel = std::move(kernel);
  window.strides = TRY(read_ints(attrs, "strides", rank, 1, 1));
  window.dilations = TRY(read_ints(attrs, "dilations", rank, 1, 1));
  window.auto_pad = TRY(read_auto_pad(attrs));
  window.ceil_mode = attrs.get_int("ceil_mode") != 0;
  std::vector<int64_t> pads(2 * rank, 0);
  if (window.auto_pad == AutoPad::kNotSet) {
    pads = TRY(read_ints(attrs, "pads", 2 * rank, 0, 0));
  }
  const auto middle = pads.begin() + static_cast<ptrdiff_t>(rank);
  window.pads_begin.assign(pads.begin(), middle);
  window.pads_end.assign(middle, pads.end());
  return window;
}

namespace {

Dim one_output_dim(const Window& window, size_t axis, const Dim& input) {
  const Dim stride = window.strides[axis];
  switch (window.auto_pad) {
    case AutoPad::kSameUpper:
    case AutoPad::kSameLower:
      return ceil_div(input, stride);
    case AutoPad::kValid:
      return floor_div(input - window.extent(axis), stride) + 1;
    case AutoPad::kNotSet:
      break;
  }
  const Dim padded = input + window.pads_begin[axis] + window.pads_end[axis];
  const Dim room = padded - window.extent(axis);
  if (!window.ceil_mode) return floor_div(room, stride) + 1;
  // The last window must start inside the input or the padding before it.
  const Dim last_start = floor_div(input + window.pads_begin[axis] - 1, stride);
  return dim_min(ceil_div(room, stride), last_start) + 1;
}

}  // namespace

Result<Dims> window_output_dims(const Window& window, const Dims& spatial) {
  Dims result;
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    Dim dim = one_output_dim(window, axis, spatial[axis]);
    if (dim.is_constant() && dim.value() < 1) {
      if (!spatial[axis].is_constant() || spatial[axis].value() != 0) {
        return fail(Code::kInvalidArgument,
                    "a window over {} positions (kernel {}, dilation {}) does not fit into spatial "
                    "axis {} of {} positions with pads {} and {}",
                    window.extent(axis), window.kernel[axis], window.dilations[axis], axis,
                    spatial[axis].to_string(), window.pads_begin[axis], window.pads_end[axis]);
      }
      dim = 0;
    }
    result.push_back(std::move(dim));
  }
  return result;
}

void fix_pads(Window& window, const Shape& spatial) {
  const bool same =
      window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower;
  for (size_t axis = 0; same && axis < window.rank(); ++axis) {
    const int64_t stride = window.strides[axis];
    const int64_t output = (spatial[axis] + stride - 1) / stride;
    const int64_t total =
        std::max<int64_t>(0, (output - 1) * stride + window.extent(axis) - spatial[axis]);
    const int64_t smaller = total / 2;
    const bool upper = window.auto_pad == AutoPad::kSameUpper;
    window.pads_begin[axis] = upper ? smaller : total - smaller;
    window.pads_end[axis] = total - window.pads_begin[axis];
  }
  window.auto_pad = AutoPad::kNotSet;
}

Shape spatial_shape(const Layout& layout, const Shape& shape) {
  return Shape(spatial_part<int64_t>(layout, shape.dims()));
}

Dims join_dims(const Layout& layout, Dim batch, const Dim& channels, const Dims& spatial) {
  Dims dims = {std::move(batch)};
  if (!layout.channels_last) dims.push_back(channels);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  if (layout.channels_last) dims.push_back(channels);
  return dims;
}

std::vector<FormalAttr> window_attrs(bool kernel_required) {
  using Kind = FormalAttr::Kind;
  return {string_attr("auto_pad", "NOTSET"), optional_attr("dilations", Kind::kInts),
          kernel_required ? required_attr("kernel_shape", Kind::kInts)
                          : optional_attr("kernel_shape", Kind::kInts),
          optional_attr("pads", Kind::kInts), optional_attr("strides", Kind::kInts)};
}

}  // namespace sardonyx
