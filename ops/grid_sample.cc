// GridSample reads a picture (of 2, 3 or any number of spatial axes) at given points; AffineGrid
// makes such points from affine matrices.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- GridSample

enum class SampleMode : uint8_t { kNearest, kLinear, kCubic };
enum class Padding : uint8_t { kZeros, kBorder, kReflection };

struct GridAttrs {
  SampleMode mode;
  Padding padding;
  bool align_corners;
};

Result<GridAttrs> read_grid_attrs(const AttrMap& attrs) {
  GridAttrs result{SampleMode::kLinear, Padding::kZeros, attrs.get_int("align_corners") != 0};
  const std::string& mode = attrs.get_string("mode");
  if (mode == "nearest") {
    result.mode = SampleMode::kNearest;
  } else if (mode == "cubic") {
    result.mode = SampleMode::kCubic;
  } else if (mode != "linear") {
    return fail(Code::kInvalidArgument, "mode is '{}', expected 'linear', 'nearest' or 'cubic'",
                mode);
  }
  const std::string& padding = attrs.get_string("padding_mode");
  if (padding == "border") {
    result.padding = Padding::kBorder;
  } else if (padding == "reflection") {
    result.padding = Padding::kReflection;
  } else if (padding != "zeros") {
    return fail(Code::kInvalidArgument,
                "padding_mode is '{}', expected 'zeros', 'border' or 'reflection'", padding);
  }
  return result;
}

Result<void> infer_grid_sample(InferContext& context) {
  const GridAttrs attrs = TRY(read_grid_attrs(context.attrs()));
  TRY(expect_min_rank(context, 0, 3));
  if (attrs.mode == SampleMode::kCubic) TRY(expect_rank(context, 0, 4));
  const DType dtype = context.dtype(0);
  if (attrs.mode != SampleMode::kNearest && dtype != DType::kUndefined &&
      (dtype_bit(dtype) & (kNumericTypes | kComplexTypes)) == 0) {
    return fail(Code::kInvalidArgument, "{} can only be sampled by mode 'nearest'",
                context.describe(0));
  }
  if (!context.has_rank(0) || !context.has_rank(1)) {
    set_like_input(context);
    return {};
  }
  TRY(expect_rank(context, 1, context.rank(0)));
  const Dims& x = context.dims(0);
  const Dims& grid = context.dims(1);
  Dims dims{TRY(same_dim(x[0], grid[0], "the batch of X and grid")), x[1]};
  dims.insert(dims.end(), grid.begin() + 1, grid.end() - 1);
  TRY(same_dim(grid.back(), Dim(context.rank(0) - 2), "the last dim of grid and the spatial rank"));
  for (size_t i = 2; i < x.size(); ++i) {
    if (x[i] == Dim(0) && !(product(dims) == Dim(0))) {
      return fail(Code::kInvalidArgument, "axis {} of {} has no element to sample", i,
                  context.describe(0));
    }
  }
  set_like_input(context, std::move(dims));
  return {};
}

// x mirrored at the ends of [low, high] until it lies inside.
double reflect(double x, double low, double high) {
  const double span = high - low;
  if (!(span > 0) || !std::isfinite(x)) return low;
  const double from = std::fmod(std::abs(x - low), 2 * span);
  return low + (from > span ? 2 * span - from : from);
}

struct SampleAxis {
  int64_t size;
  int64_t stride;  // in elements of one channel
};

// A position read by one tap along one axis; -1: nothing is there.
int64_t tap_position(const GridAttrs& attrs, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  if (attrs.padding == Padding::kZeros) return -1;
  if (attrs.padding == Padding::kBorder) return at < 0 ? 0 : size - 1;
  const double low = attrs.align_corners ? 0 : -0.5;
  const double mirrored =
      reflect(static_cast<double>(at), low, static_cast<double>(size - 1) - low);
  return std::clamp<int64_t>(static_cast<int64_t>(std::nearbyint(mirrored)), 0, size - 1);
}

// Taps of one axis for one point.
struct AxisTaps {
  int count = 0;
  int64_t at[4];
  double weight[4];
};

double cubic_weight(double x) {
  constexpr double a = -0.75;
  x = std::abs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

AxisTaps taps_of(const GridAttrs& attrs, double normal, int64_t size) {
  const auto length = static_cast<double>(size);
  double x =
      attrs.align_corners ? (normal + 1) / 2 * (length - 1) : ((normal + 1) * length - 1) / 2;
  // The point is moved inside before it is interpolated; cubic moves its taps instead.
  if (attrs.mode != SampleMode::kCubic) {
    if (attrs.padding == Padding::kBorder) x = std::clamp(x, 0.0, length - 1);
    if (attrs.padding == Padding::kReflection) {
      const double low = attrs.align_corners ? 0 : -0.5;
      x = std::clamp(reflect(x, low, length - 1 - low), 0.0, length - 1);
    }
  }
  // Beyond this nothing is inside, and a number fits into int64.
  if (std::isnan(x)) x = -1;
  x = std::clamp(x, -4.0e9, 4.0e9 + length);
  AxisTaps taps;
  if (attrs.mode == SampleMode::kNearest) {
    taps.count = 1;
    taps.at[0] = tap_position(attrs, static_cast<int64_t>(std::nearbyint(x)), size);
    taps.weight[0] = 1;
    return taps;
  }
  const auto base = static_cast<int64_t>(std::floor(x));
  const double fraction = x - static_cast<double>(base);
  const bool cubic = attrs.mode == SampleMode::kCubic;
  taps.count = cubic ? 4 : 2;
  for (int t = 0; t < taps.count; ++t) {
    const int64_t offset = cubic ? t - 1 : t;
    taps.at[t] = tap_position(attrs, base + offset, size);
    const double distance = fraction - static_cast<double>(offset);
    taps.weight[t] = cubic ? cubic_weight(distance) : 1 - std::abs(distance);
  }
  return taps;
}

// All combinations of taps: offsets into a channel and weights.
struct PointTaps {
  std::vector<int64_t> offset;
  std::vector<double> weight;
};

void combine_taps(std::span<const AxisTaps> taps, std::span<const SampleAxis> axes,
                  PointTaps& point, PointTaps& next) {
  point.offset.assign(1, 0);
  point.weight.assign(1, 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    next.offset.clear();
    next.weight.clear();
    for (size_t k = 0; k < point.offset.size(); ++k) {
      for (int t = 0; t < taps[i].count; ++t) {
        if (taps[i].at[t] < 0) continue;
        next.offset.push_back(point.offset[k] + taps[i].at[t] * axes[i].stride);
        next.weight.push_back(point.weight[k] * taps[i].weight[t]);
      }
    }
    std::swap(point, next);
  }
}

template <class T>
T sampled(const PointTaps& point, const T* channel, bool nearest) {
  if (nearest) return point.offset.empty() ? T() : channel[point.offset[0]];
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, Cell16>) {
    return T();  // only nearest takes these
  } else {
    std::conditional_t<is_complex<T>, Complex128, double> sum = 0;
    for (size_t i = 0; i < point.offset.size(); ++i) {
      sum += point.weight[i] * static_cast<decltype(sum)>(widen(channel[point.offset[i]]));
    }
    if constexpr (std::is_integral_v<T>) {
      constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
      constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
      if (!(sum > low)) return std::numeric_limits<T>::min();
      return sum >= high ? std::numeric_limits<T>::max() : static_cast<T>(sum);
    } else {
      return narrow<T>(sum);
    }
  }
}

struct GridShape {
  std::vector<SampleAxis> axes;
  int64_t channels;
  int64_t plane;   // elements of one channel
  int64_t points;  // of one batch
};

// Points whose taps are all inside, kTaps each, of one picture: read channel after channel.
template <size_t kTaps>
class WholePoints {
 public:
  WholePoints(const GridShape& shape, const float* src, float* dst)
      : shape_(shape), src_(src), dst_(dst) {}

  void add(const PointTaps& taps, int64_t batch, int64_t point) {
    if (points_.size() == kPoints || batch != batch_) flush();
    batch_ = batch;
    Point& added = points_.emplace_back();
    added.at = point;
    for (size_t t = 0; t < kTaps; ++t) {
      added.offsets[t] = static_cast<int32_t>(taps.offset[t]);
      added.weights[t] = static_cast<float>(taps.weight[t]);
    }
  }
  void flush() {
    for (int64_t c = 0; c < shape_.channels && !points_.empty(); ++c) {
      const int64_t plane = batch_ * shape_.channels + c;
      const float* from = src_ + plane * shape_.plane;
      float* to = dst_ + plane * shape_.points;
      for (const Point& point : points_) {
        float sum = 0;
        for (size_t t = 0; t < kTaps; ++t) sum += point.weights[t] * from[point.offsets[t]];
        to[point.at] = sum;
      }
    }
    points_.clear();
  }

 private:
  // So many that a channel stays in the first cache meanwhile.
  static constexpr size_t kPoints = 1024;
  struct Point {
    std::array<int32_t, kTaps> offsets;
    std::array<float, kTaps> weights;
    int64_t at;
  };
  const GridShape& shape_;
  const float* src_;
  float* dst_;
  int64_t batch_ = 0;
  std::vector<Point> points_;
};

// kWhole: how many taps a point has whose channels WholePoints reads; 0: none.
template <class T, size_t kWhole>
void sample_points(const GridAttrs& attrs, const GridShape& shape, const TensorView& grid,
                   const T* src, T* dst, int64_t first, int64_t last) {
  const size_t rank = shape.axes.size();
  std::vector<AxisTaps> taps(rank);
  PointTaps point, scratch;
  std::conditional_t<kWhole != 0, std::optional<WholePoints<std::max<size_t>(kWhole, 1)>>, int>
      whole{};
  if constexpr (kWhole != 0) whole.emplace(shape, src, dst);
  for (int64_t i = first; i < last; ++i) {
    visit_float(grid.dtype, [&](auto tag) {
      using G = typename decltype(tag)::Type;
      const G* at = grid.as<const G>() + i * static_cast<int64_t>(rank);
      // The last number of a point belongs to the first spatial axis.
      for (size_t d = 0; d < rank; ++d) {
        taps[d] = taps_of(attrs, widen(at[rank - 1 - d]), shape.axes[d].size);
      }
    });
    combine_taps(taps, shape.axes, point, scratch);
    const int64_t batch = i / shape.points;
    if constexpr (kWhole != 0) {
      if (point.offset.size() == kWhole) {
        whole->add(point, batch, i % shape.points);
        continue;
      }
    }
    for (int64_t c = 0; c < shape.channels; ++c) {
      const int64_t plane = batch * shape.channels + c;
      dst[plane * shape.points + i % shape.points] =
          sampled(point, src + plane * shape.plane, attrs.mode == SampleMode::kNearest);
    }
  }
  if constexpr (kWhole != 0) whole->flush();
}

// Of two and three spatial axes, linear, and two, cubic.
template <class T>
auto sampler_of(const GridAttrs& attrs, const GridShape& shape) {
  const size_t rank = shape.axes.size();
  const bool fits = shape.plane <= std::numeric_limits<int32_t>::max();
  if constexpr (std::is_same_v<T, float>) {
    if (!fits) return sample_points<T, 0>;
    if (attrs.mode == SampleMode::kCubic) return sample_points<T, 16>;
    if (attrs.mode == SampleMode::kLinear && rank == 2) return sample_points<T, 4>;
    if (attrs.mode == SampleMode::kLinear && rank == 3) return sample_points<T, 8>;
  }
  return sample_points<T, 0>;
}

Result<std::unique_ptr<Kernel>> make_grid_sample(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const GridAttrs attrs = TRY(read_grid_attrs(request.node.attrs));
  const Shape x = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  GridShape grid{{}, x[1], x.count(2, x.rank()), shape.count(2, shape.rank())};
  for (size_t i = 2; i < x.rank(); ++i) grid.axes.push_back({x[i], x.count(i + 1, x.rank())});
  return make_kernel([=](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    const auto run = [&]<class T>() {
      const auto sample = sampler_of<T>(attrs, grid);
      parallel_ranges(args.pool, shape[0] * grid.points, 512 * grid.channels,
                      [&](int64_t first, int64_t last) {
                        sample(attrs, grid, args.inputs[1], args.inputs[0].as<const T>(),
                               dst.as<T>(), first, last);
                      });
    };
    if (attrs.mode == SampleMode::kNearest) {
      with_cell(dst.dtype, run);
    } else {
      visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                  uint32_t, int64_t, uint64_t, Complex64, Complex128>(
          dst.dtype, [&](auto tag) { run.template operator()<typename decltype(tag)::Type>(); });
    }
  });
}

// ---- AffineGrid

Result<void> infer_affine_grid(InferContext& context) {
  TRY(expect_rank(context, 0, 3));
  TRY(expect_rank(context, 1, 1));
  const auto size = context.ints(1);
  const auto length = size ? std::optional(int64_t(size->size())) : known_length(context, 1);
  if (length && *length != 4 && *length != 5) {
    return fail(Code::kInvalidArgument, "size has {} numbers, expected 4 (2D) or 5 (3D)", *length);
  }
  if (!length) {
    set_like_input(context);
    return {};
  }
  const int64_t spatial = *length - 2;
  if (context.has_rank(0)) {
    TRY(same_dim(context.dims(0)[1], spatial, "axis 1 of theta and the spatial rank"));
    TRY(same_dim(context.dims(0)[2], spatial + 1, "axis 2 of theta and the spatial rank + 1"));
  }
  Dims dims = size ? *size : unknown_dims(static_cast<size_t>(*length));
  for (const Dim& dim : dims) {
    if (dim.is_constant() && dim.value() < 0) {
      return fail(Code::kInvalidArgument, "size has the negative dim {}", dim.value());
    }
  }
  if (context.has_rank(0)) dims[0] = TRY(same_dim(dims[0], context.dims(0)[0], "the batch"));
  dims.erase(dims.begin() + 1);
  dims.push_back(spatial);
  set_like_input(context, std::move(dims));
  return {};
}

template <class T>
void affine_points(const Shape& shape, bool align_corners, const T* theta, T* dst) {
  const auto spatial = static_cast<size_t>(shape.back());
  // x, y(, z): the innermost axis first; from -1 to 1, between corners or between edges.
  std::vector<double> at[3] = {{}, {}, {0}};
  for (size_t d = 0; d < spatial; ++d) {
    const int64_t size = shape[spatial - d];
    const auto length = static_cast<double>(size);
    at[d].resize(static_cast<size_t>(size));
    for (int64_t i = 0; i < size; ++i) {
      const auto position = static_cast<double>(i);
      at[d][static_cast<size_t>(i)] = align_corners
                                          ? (size == 1 ? 0 : position * 2 / (length - 1) - 1)
                                          : (2 * position + 1) / length - 1;
    }
  }
  const size_t count = spatial * (spatial + 1);
  for (int64_t item = 0; item < shape[0]; ++item, theta += count) {
    double matrix[12];
    for (size_t i = 0; i < count; ++i) matrix[i] = widen(theta[i]);
    for (const double z : at[2]) {
      for (const double y : at[1]) {
        for (const double x : at[0]) {
          for (size_t row = 0; row < spatial; ++row, ++dst) {
            const double* numbers = matrix + row * (spatial + 1);
            double sum = numbers[spatial] + numbers[0] * x + numbers[1] * y;
            if (spatial == 3) sum += numbers[2] * z;
            *dst = narrow<T>(sum);
          }
        }
      }
    }
  }
}

Result<std::unique_ptr<Kernel>> make_affine_grid(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const bool align = request.node.attrs.get_int("align_corners") != 0;
  return make_kernel([align, shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    visit_float(dst.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      affine_points(shape, align, args.inputs[0].as<const T>(), dst.as<T>());
    });
  });
}

}  // namespace

OpDef op_GridSample() {
  const DTypeSet types = kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
  OpDef op;
  op.versions = {16, 20, 22};
  op.inputs = {{"X", "T1", types}, {"grid", "T2", kFloatTypes}};
  op.outputs = {{"Y", "T1", types}};
  op.attrs = {int_attr("align_corners", 0), string_attr("mode", "linear"),
              string_attr("padding_mode", "zeros")};
  op.infer = infer_grid_sample;
  op.kernels = {{"reference", make_grid_sample}};
  return op;
}

OpDef op_AffineGrid() {
  OpDef op;
  op.versions = {20};
  op.inputs = {{"theta", "T1", kFloatTypes}, {"size", "T2", dtype_set(DType::kInt64)}};
  op.outputs = {{"grid", "T1", kFloatTypes}};
  op.attrs = {int_attr("align_corners", 0)};
  op.infer = infer_affine_grid;
  op.kernels = {{"reference", make_affine_grid}};
  return op;
}

}  // namespace sardonyx
