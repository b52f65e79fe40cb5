// RoiAlign and MaxRoiPool: a grid of values out of each region of interest.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr int64_t kMaxGrid = 1 << 20;

// ---- RoiAlign

Result<void> infer_roi_align(InferContext& context) {
  TRY(expect_rank(context, 0, 4));
  TRY(expect_rank(context, 1, 2));
  TRY(expect_rank(context, 2, 1));
  const AttrMap& attrs = context.attrs();
  const int64_t height = attrs.get_int("output_height");
  const int64_t width = attrs.get_int("output_width");
  if (height < 1 || width < 1 || height > kMaxGrid || width > kMaxGrid) {
    return fail(Code::kInvalidArgument, "output_height is {} and output_width {}", height, width);
  }
  if (attrs.get_int("sampling_ratio") < 0 || attrs.get_int("sampling_ratio") > kMaxGrid) {
    return fail(Code::kInvalidArgument, "sampling_ratio is {}", attrs.get_int("sampling_ratio"));
  }
  const std::string& mode = attrs.get_string("mode");
  if (mode != "avg" && mode != "max") {
    return fail(Code::kInvalidArgument, "mode is '{}', expected 'avg' or 'max'", mode);
  }
  const std::string& coordinates = attrs.get_string("coordinate_transformation_mode");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel") {
    return fail(Code::kInvalidArgument,
                "coordinate_transformation_mode is '{}', expected 'half_pixel' or "
                "'output_half_pixel'",
                coordinates);
  }
  Dim rois = Dim::unknown();
  if (context.has_rank(1)) {
    rois = context.dims(1)[0];
    TRY(same_dim(context.dims(1)[1], 4, "the last dim of rois"));
  }
  if (context.has_rank(2)) {
    rois = TRY(same_dim(rois, context.dims(2)[0], "the count of rois and batch_indices"));
  }
  const Dim channels = context.has_rank(0) ? context.dims(0)[1] : Dim::unknown();
  set_like_input(context, {rois, channels, height, width});
  return {};
}

struct RoiGrid {
  int64_t height, width;  // of the picture
  int64_t rows, columns;  // of the output
  int64_t sampling = 0;   // samples per bin and axis; 0: as many as pixels
  double scale = 1;
  double offset = 0;  // 0.5 for half_pixel
  bool largest = false;
};

// The four neighbours of a point and their weights; none outside of the picture.
struct Sample {
  int64_t at[4] = {0, 0, 0, 0};
  double weight[4] = {0, 0, 0, 0};
};

Sample sample_at(const RoiGrid& grid, double y, double x) {
  Sample sample;
  if (!(y >= -1 && y <= static_cast<double>(grid.height) && x >= -1 &&
        x <= static_cast<double>(grid.width))) {
    return sample;
  }
  y = std::max(y, 0.0);
  x = std::max(x, 0.0);
  const int64_t y0 = std::min(static_cast<int64_t>(y), grid.height - 1);
  const int64_t x0 = std::min(static_cast<int64_t>(x), grid.width - 1);
  const int64_t y1 = std::min(y0 + 1, grid.height - 1);
  const int64_t x1 = std::min(x0 + 1, grid.width - 1);
  const double ly = y0 == grid.height - 1 ? 0 : y - static_cast<double>(y0);
  const double lx = x0 == grid.width - 1 ? 0 : x - static_cast<double>(x0);
  const int64_t at[4] = {y0 * grid.width + x0, y0 * grid.width + x1, y1 * grid.width + x0,
                         y1 * grid.width + x1};
  const double weight[4] = {(1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx};
  std::copy_n(at, 4, sample.at);
  std::copy_n(weight, 4, sample.weight);
  return sample;
}

// One region: the samples of each bin are the same for all channels.
template <class T>
void align_roi(const RoiGrid& grid, const T* roi, const T* picture, int64_t channels, T* dst) {
  const double x1 = widen(roi[0]) * grid.scale - grid.offset;
  const double y1 = widen(roi[1]) * grid.scale - grid.offset;
  double w = widen(roi[2]) * grid.scale - grid.offset - x1;
  double h = widen(roi[3]) * grid.scale - grid.offset - y1;
  if (grid.offset == 0) {  // output_half_pixel: at least one pixel
    w = std::max(w, 1.0);
    h = std::max(h, 1.0);
  }
  const double bin_h = h / static_cast<double>(grid.rows);
  const double bin_w = w / static_cast<double>(grid.columns);
  const auto samples = [&](double bin) {
    if (grid.sampling > 0) return grid.sampling;
    return std::clamp<int64_t>(static_cast<int64_t>(std::ceil(std::min(bin, 1e6))), 0, kMaxGrid);
  };
  const int64_t ny = samples(bin_h);
  const int64_t nx = samples(bin_w);
  const int64_t plane = grid.height * grid.width;
  for (int64_t bin = 0; bin < grid.rows * grid.columns; ++bin) {
    const int64_t row = bin / grid.columns;
    const double top = y1 + static_cast<double>(row) * bin_h;
    const double left = x1 + static_cast<double>(bin % grid.columns) * bin_w;
    for (int64_t c = 0; c < channels; ++c) {
      const T* from = picture + c * plane;
      double sum = 0;
      double highest = -INFINITY;
      for (int64_t s = 0; s < ny * nx; ++s) {
        const int64_t line = s / nx;
        const double y = top + (static_cast<double>(line) + 0.5) * bin_h / static_cast<double>(ny);
        const double x =
            left + (static_cast<double>(s % nx) + 0.5) * bin_w / static_cast<double>(nx);
        const Sample sample = sample_at(grid, y, x);
        for (int k = 0; k < 4; ++k) {
          const double value = sample.weight[k] * widen(from[sample.at[k]]);
          sum += value;
          highest = std::max(highest, value);
        }
      }
      const auto count = static_cast<double>(std::max<int64_t>(ny * nx, 1));
      const double value = grid.largest ? (ny * nx == 0 ? 0 : highest) : sum / count;
      dst[c * grid.rows * grid.columns + bin] = narrow<T>(value);
    }
  }
}

Result<std::unique_ptr<Kernel>> make_roi_align(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const Shape x = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  RoiGrid grid{x[2], x[3], shape[2], shape[3]};
  grid.sampling = attrs.get_int("sampling_ratio");
  grid.scale = attrs.get_float("spatial_scale");
  grid.offset = attrs.get_string("coordinate_transformation_mode") == "half_pixel" ? 0.5 : 0;
  grid.largest = attrs.get_string("mode") == "max";
  return make_kernel([=](RunArgs& args) {
    const auto* batch = args.inputs[2].as<const int64_t>();
    for (int64_t i = 0; i < shape[0]; ++i) {
      if (batch[i] >= 0 && batch[i] < x[0]) continue;
      return args.report(
          Code::kInvalidArgument,
          fmt::format("batch_indices[{}] is {}, but the batch is {}", i, batch[i], x[0]));
    }
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    if (grid.height == 0 || grid.width == 0) {
      return args.report(Code::kInvalidArgument, "the picture is empty");
    }
    visit_float(dst.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      args.pool->parallel_for(shape[0], [&](int64_t i) {
        align_roi(grid, args.inputs[1].as<const T>() + 4 * i,
                  args.inputs[0].as<const T>() + batch[i] * x.count(1, 4), x[1],
                  dst.as<T>() + i * shape.count(1, 4));
      });
    });
  });
}

// ---- MaxRoiPool

Result<void> infer_max_roi_pool(InferContext& context) {
  TRY(expect_rank(context, 0, 4));
  TRY(expect_rank(context, 1, 2));
  const auto& pooled = context.attrs().get_ints("pooled_shape");
  const auto fits = [](int64_t dim) { return dim >= 1 && dim <= kMaxGrid; };
  if (pooled.size() != 2 || !fits(pooled[0]) || !fits(pooled[1])) {
    return fail(Code::kInvalidArgument, "pooled_shape must be two numbers of at least 1");
  }
  if (context.has_rank(1)) TRY(same_dim(context.dims(1)[1], 5, "the last dim of rois"));
  const Dim rois = context.has_rank(1) ? context.dims(1)[0] : Dim::unknown();
  const Dim channels = context.has_rank(0) ? context.dims(0)[1] : Dim::unknown();
  set_like_input(context, {rois, channels, pooled[0], pooled[1]});
  return {};
}

// [begin, end) of one bin of `count` along an axis of `size` pixels.
std::pair<int64_t, int64_t> bin_range(int64_t bin, int64_t count, double start, double length,
                                      int64_t size) {
  const double step = length / static_cast<double>(count);
  const auto limit = static_cast<double>(size);
  const double begin = std::floor(static_cast<double>(bin) * step) + start;
  const double end = std::ceil(static_cast<double>(bin + 1) * step) + start;
  const auto pixel = [limit](double x) {  // NaN is 0
    return x > 0 ? static_cast<int64_t>(std::min(x, limit)) : 0;
  };
  return {pixel(begin), pixel(end)};
}

template <class T>
void pool_roi(const Shape& x, const Shape& out, double scale, const T* roi, const T* picture,
              T* dst) {
  const auto pixel = [&](int k) { return std::round(widen(roi[k]) * scale); };
  const double left = pixel(1);
  const double top = pixel(2);
  const double width = std::max(pixel(3) - left + 1, 1.0);
  const double height = std::max(pixel(4) - top + 1, 1.0);
  for (int64_t i = 0; i < out.count(1, 4); ++i) {
    const int64_t column = i % out[3];
    const int64_t row = i / out[3] % out[2];
    const T* plane = picture + i / (out[2] * out[3]) * x[2] * x[3];
    const auto [y0, y1] = bin_range(row, out[2], top, height, x[2]);
    const auto [x0, x1] = bin_range(column, out[3], left, width, x[3]);
    double highest = y0 < y1 && x0 < x1 ? -INFINITY : 0;
    for (int64_t y = y0; y < y1; ++y) {
      for (int64_t at = x0; at < x1; ++at) highest = std::max(highest, widen(plane[y * x[3] + at]));
    }
    dst[i] = narrow<T>(highest);
  }
}

Result<std::unique_ptr<Kernel>> make_max_roi_pool(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape x = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  return make_kernel(
      [x, shape, scale = double(request.node.attrs.get_float("spatial_scale"))](RunArgs& args) {
        const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
        if (args.failed() || shape.count() == 0) return;
        visit_float(dst.dtype, [&](auto tag) {
          using T = typename decltype(tag)::Type;
          const T* rois = args.inputs[1].as<const T>();
          for (int64_t i = 0; i < shape[0]; ++i) {
            const double batch = widen(rois[5 * i]);
            if (batch >= 0 && batch < static_cast<double>(x[0])) continue;
            return args.report(
                Code::kInvalidArgument,
                fmt::format("roi {} is of batch {}, but the batch is {}", i, batch, x[0]));
          }
          args.pool->parallel_for(shape[0], [&](int64_t i) {
            const auto batch = static_cast<int64_t>(widen(rois[5 * i]));
            pool_roi(x, shape, scale, rois + 5 * i,
                     args.inputs[0].as<const T>() + batch * x.count(1, 4),
                     dst.as<T>() + i * shape.count(1, 4));
          });
        });
      });
}

}  // namespace

OpDef op_RoiAlign() {
  OpDef op;
  op.versions = {10, 16, 22};
  op.inputs = {{"X", "T1", kFloatTypes},
               {"rois", "T1", kFloatTypes},
               {"batch_indices", "T2", dtype_set(DType::kInt64)}};
  op.outputs = {{"Y", "T1", kFloatTypes}};
  op.attrs = {string_attr("coordinate_transformation_mode", "half_pixel"),
              string_attr("mode", "avg"),
              int_attr("output_height", 1),
              int_attr("output_width", 1),
              int_attr("sampling_ratio", 0),
              float_attr("spatial_scale", 1)};
  op.infer = infer_roi_align;
  op.kernels = {{"reference", make_roi_align}};
  return op;
}

OpDef op_MaxRoiPool() {
  OpDef op;
  op.versions = {1, 22};
  op.inputs = {{"X", "T", kFloatTypes}, {"rois", "T", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = {required_attr("pooled_shape", FormalAttr::Kind::kInts),
              float_attr("spatial_scale", 1)};
  op.infer = infer_max_roi_pool;
  op.kernels = {{"reference", make_max_roi_pool}};
  return op;
}

}  // namespace sardonyx
