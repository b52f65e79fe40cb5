// RoiAlign and MaxRoiPool: a grid of values out of each region of interest.
#include <array>
#include <cmath>
#include <span>

#include "cpu/transpose.h"
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

  int64_t bins() const { return rows * columns; }
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

// One region, whose samples are the same for all channels.
class RoiSamples {
 public:
  template <class T>
  RoiSamples(const RoiGrid& grid, const T* roi)
      : grid_(grid),
        x1_(widen(roi[0]) * grid.scale - grid.offset),
        y1_(widen(roi[1]) * grid.scale - grid.offset) {
    double w = widen(roi[2]) * grid.scale - grid.offset - x1_;
    double h = widen(roi[3]) * grid.scale - grid.offset - y1_;
    if (grid.offset == 0) {  // output_half_pixel: at least one pixel
      w = std::max(w, 1.0);
      h = std::max(h, 1.0);
    }
    bin_h_ = h / static_cast<double>(grid.rows);
    bin_w_ = w / static_cast<double>(grid.columns);
    ny_ = samples(bin_h_);
    nx_ = samples(bin_w_);
  }

  int64_t count() const { return ny_ * nx_; }  // of each bin
  Sample at(int64_t bin, int64_t index) const {
    const int64_t row = bin / grid_.columns, line = index / nx_;
    const double top = y1_ + static_cast<double>(row) * bin_h_;
    const double left = x1_ + static_cast<double>(bin % grid_.columns) * bin_w_;
    const double down = (static_cast<double>(line) + 0.5) / static_cast<double>(ny_);
    const double right = (static_cast<double>(index % nx_) + 0.5) / static_cast<double>(nx_);
    return sample_at(grid_, top + down * bin_h_, left + right * bin_w_);
  }

 private:
  int64_t samples(double bin) const {
    if (grid_.sampling > 0) return grid_.sampling;
    return std::clamp<int64_t>(static_cast<int64_t>(std::ceil(std::min(bin, 1e6))), 0, kMaxGrid);
  }

  const RoiGrid& grid_;
  double x1_, y1_;
  double bin_h_ = 0, bin_w_ = 0;
  int64_t ny_ = 0, nx_ = 0;
};

template <class T>
void align_roi(const RoiGrid& grid, const T* roi, const T* picture, int64_t channels, T* dst) {
  const RoiSamples samples(grid, roi);
  for (int64_t bin = 0; bin < grid.bins(); ++bin) {
    for (int64_t c = 0; c < channels; ++c) {
      const T* from = picture + c * grid.height * grid.width;
      double sum = 0;
      double highest = -INFINITY;
      for (int64_t s = 0; s < samples.count(); ++s) {
        const Sample sample = samples.at(bin, s);
        for (int k = 0; k < 4; ++k) {
          const double value = sample.weight[k] * widen(from[sample.at[k]]);
          sum += value;
          highest = std::max(highest, value);
        }
      }
      const auto count = static_cast<double>(std::max<int64_t>(samples.count(), 1));
      const double value = grid.largest ? (samples.count() == 0 ? 0 : highest) : sum / count;
      dst[c * grid.bins() + bin] = narrow<T>(value);
    }
  }
}

// Some samples of a bin, for channels [c, c + kCount) of a picture with its channels last.
constexpr int64_t kChannelsAtOnce = 16;
template <int64_t kCount>
void add_samples(bool largest, std::span<const Sample> samples, const float* picture,
                 int64_t channels, float* result) {
  float values[kCount];
  std::copy_n(result, kCount, values);
  for (const Sample& sample : samples) {
    for (int k = 0; k < 4; ++k) {
      const auto weight = static_cast<float>(sample.weight[k]);
      const float* from = picture + sample.at[k] * channels;
      if (largest) {
        for (int64_t i = 0; i < kCount; ++i) values[i] = std::max(values[i], weight * from[i]);
      } else {
        for (int64_t i = 0; i < kCount; ++i) values[i] += weight * from[i];
      }
    }
  }
  std::copy_n(values, kCount, result);
}

// The same as align_roi, result [bins, channels].
void align_channels(const RoiGrid& grid, const float* roi, const float* picture, int64_t channels,
                    float* result) {
  constexpr int64_t kSamplesAtOnce = 64;
  const RoiSamples samples(grid, roi);
  const float first = grid.largest && samples.count() > 0 ? -INFINITY : 0.0f;
  const auto scale = static_cast<float>(
      1 / static_cast<double>(grid.largest ? 1 : std::max<int64_t>(samples.count(), 1)));
  for (int64_t bin = 0; bin < grid.bins(); ++bin, result += channels) {
    std::fill_n(result, channels, first);
    for (int64_t s = 0; s < samples.count(); s += kSamplesAtOnce) {
      std::array<Sample, kSamplesAtOnce> some;
      const int64_t count = std::min(kSamplesAtOnce, samples.count() - s);
      for (int64_t i = 0; i < count; ++i) some[static_cast<size_t>(i)] = samples.at(bin, s + i);
      const std::span<const Sample> given(some.data(), static_cast<size_t>(count));
      int64_t c = 0;
      for (; c + kChannelsAtOnce <= channels; c += kChannelsAtOnce) {
        add_samples<kChannelsAtOnce>(grid.largest, given, picture + c, channels, result + c);
      }
      for (; c < channels; ++c)
        add_samples<1>(grid.largest, given, picture + c, channels, result + c);
    }
    for (int64_t c = 0; c < channels; ++c) result[c] *= scale;
  }
}

RoiGrid read_grid(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Shape x = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  RoiGrid grid{x[2], x[3], shape[2], shape[3]};
  grid.sampling = attrs.get_int("sampling_ratio");
  grid.scale = attrs.get_float("spatial_scale");
  grid.offset = attrs.get_string("coordinate_transformation_mode") == "half_pixel" ? 0.5 : 0;
  grid.largest = attrs.get_string("mode") == "max";
  return grid;
}

// Reports a region of a picture that is not there.
bool check_batch(RunArgs& args, int64_t regions, int64_t pictures) {
  const auto* batch = args.inputs[2].as<const int64_t>();
  for (int64_t i = 0; i < regions; ++i) {
    if (batch[i] >= 0 && batch[i] < pictures) continue;
    args.report(Code::kInvalidArgument,
                fmt::format("batch_indices[{}] is {}, but the batch is {}", i, batch[i], pictures));
    return false;
  }
  return true;
}

// Of pictures with their channels last, as copies, many channels at once.
class RoiChannels final : public Kernel {
 public:
  RoiChannels(Tier tier, const RoiGrid& grid, const Shape& x, const Shape& out, int threads)
      : transpose_(transpose_kernels(tier).bytes4),
        grid_(grid),
        x_(x),
        out_(out),
        tasks_(std::min<int64_t>(out[0], threads == 1 ? 1 : 4 * threads)) {}

  void run(RunArgs& args) const override {
    if (!check_batch(args, out_[0], x_[0])) return;
    const auto* batch = args.inputs[2].as<const int64_t>();
    const auto* src = args.inputs[0].as<const uint32_t>();
    const int64_t channels = x_[1], plane = x_[2] * x_[3];
    auto* pictures = static_cast<uint32_t*>(args.workspace);
    constexpr int64_t kPixels = 256;  // of a task
    const int64_t parts = (plane + kPixels - 1) / kPixels;
    args.pool->parallel_for(x_[0] * parts, [&](int64_t task) {
      const int64_t item = task / parts * channels * plane, first = task % parts * kPixels;
      transpose_(src + item + first, plane, pictures + item + first * channels, channels, channels,
                 std::min(kPixels, plane - first));
    });
    auto* dst = args.outputs[0].as<uint32_t>();
    const int64_t result_count = grid_.bins() * channels;
    args.pool->parallel_for(tasks_, [&](int64_t task) {
      uint32_t* result = pictures + x_.count() + task * result_count;
      for (int64_t i = out_[0] * task / tasks_; i < out_[0] * (task + 1) / tasks_; ++i) {
        const auto as_floats = [](uint32_t* p) {
          return static_cast<float*>(static_cast<void*>(p));
        };
        align_channels(grid_, args.inputs[1].as<const float>() + 4 * i,
                       as_floats(pictures + batch[i] * channels * plane), channels,
                       as_floats(result));
        transpose_(result, channels, dst + i * result_count, grid_.bins(), grid_.bins(), channels);
      }
    });
  }
  size_t workspace_bytes() const override {
    const int64_t count = x_.count() + tasks_ * grid_.bins() * x_[1];
    return static_cast<size_t>(count) * sizeof(float);
  }

 private:
  TransposeMatrix<uint32_t> transpose_;
  RoiGrid grid_;
  Shape x_, out_;
  int64_t tasks_;
};

Result<std::unique_ptr<Kernel>> make_roi_channels(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  const Shape x = request.inputs[0].shape(), out = request.outputs[0].shape();
  const RoiGrid grid = read_grid(request);
  if (x[1] < kChannelsAtOnce) return decline("fewer than {} channels", kChannelsAtOnce);
  const int64_t samples = grid.sampling > 0 ? grid.sampling * grid.sampling : 4;
  if (x.count() == 0 || out[0] * grid.bins() * samples * 4 < grid.height * grid.width) {
    return decline("fewer samples than pixels");
  }
  return std::unique_ptr<Kernel>(
      std::make_unique<RoiChannels>(request.tier, grid, x, out, request.threads));
}

Result<std::unique_ptr<Kernel>> make_roi_align(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape x = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  const RoiGrid grid = read_grid(request);
  return make_kernel([=](RunArgs& args) {
    if (!check_batch(args, shape[0], x[0])) return;
    const auto* batch = args.inputs[2].as<const int64_t>();
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
  op.kernels = {{"channels", make_roi_channels}, {"reference", make_roi_align}};
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
