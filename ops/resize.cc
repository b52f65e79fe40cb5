// Resize: each axis separately, by index for nearest, by a few
// weighted taps for linear and cubic.
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/resize.h"
#include "ops/cells.h"
#include "ops/number.h"
#include "ops/resize_map.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 40;

// ---- the rule

// Input dim times a scale that is known: exact for whole scales and halves, quarters, ....
Result<Dim> scaled_dim(const Dim& dim, float scale, float roi) {
  if (!(scale > 0) || std::isinf(scale)) {
    return fail(Code::kInvalidArgument, "scales has {}, but only numbers above 0 resize", scale);
  }
  const float factor = roi * scale;
  if (dim.is_constant()) {
    // In float32, as ONNX Runtime does (10 x 0.7 is 7), while that has every dim.
    const bool fits = dim.value() <= int64_t{1} << 24;
    const double size = fits ? std::floor(static_cast<float>(dim.value()) * factor)
                             : std::floor(static_cast<double>(dim.value()) * factor);
    if (!(size >= 0 && size < static_cast<double>(kMaxSize))) {
      return fail(Code::kInvalidArgument, "scale {} makes {} elements of {}", scale, size,
                  dim.value());
    }
    return Dim(static_cast<int64_t>(size));
  }
  if (factor == std::floor(factor) && factor < 1e6f) return dim * Dim(static_cast<int64_t>(factor));
  int exponent = 0;
  if (factor < 1 && std::frexp(factor, &exponent) == 0.5f && exponent > -30) {
    return floor_div(dim, int64_t{1} << (1 - exponent));
  }
  return Dim::unknown();
}

// An empty tensor stands for an omitted input.
enum class Given : uint8_t { kNo, kYes, kPerhaps };

Given is_given(const InferContext& context, size_t index) {
  if (!context.has_input(index)) return Given::kNo;
  if (!context.has_rank(index)) return Given::kPerhaps;
  const Dim count = product(context.dims(index));
  if (!count.is_constant()) return Given::kPerhaps;
  return count == Dim(0) ? Given::kNo : Given::kYes;
}

Result<std::vector<int64_t>> resized_axes(const InferContext& context, int64_t rank) {
  if (context.attrs().has("axes")) {
    return normalized_axes(context, context.attrs().get_ints("axes"), rank);
  }
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  return axes;
}

// The one scale that keeps the aspect ratio (spec: keep_aspect_ratio_policy).
double common_scale(AspectPolicy policy, std::span<const int64_t> axes, const Shape& in,
                    std::span<const int64_t> sizes) {
  double scale = 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    const double each =
        static_cast<double>(sizes[i]) / static_cast<double>(in[static_cast<size_t>(axes[i])]);
    const bool better = policy == AspectPolicy::kNotLarger ? each < scale : each > scale;
    if (i == 0 || better) scale = each;
  }
  return scale;
}

int64_t round_half_up(double x) { return static_cast<int64_t>(std::floor(x + 0.5)); }

Result<void> apply_sizes(InferContext& context, const ResizeAttrs& attrs,
                         const std::vector<int64_t>& axes, Dims& dims) {
  const auto sizes = context.ints(3);
  if (sizes && sizes->size() != axes.size()) {
    return fail(Code::kInvalidArgument, "sizes has {} numbers, expected {}", sizes->size(),
                axes.size());
  }
  std::vector<int64_t> numbers;
  bool known = sizes.has_value();
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = dims[static_cast<size_t>(axes[i])];
    const Dim size = sizes ? (*sizes)[i] : Dim::unknown();
    if (size.is_constant() && (size.value() < 0 || size.value() > kMaxSize)) {
      return fail(Code::kInvalidArgument, "sizes[{}] is {}", i, size.value());
    }
    known = known && size.is_constant() && dim.is_constant();
    if (known) numbers.push_back(size.value());
    if (attrs.policy == AspectPolicy::kStretch) dim = size;
  }
  if (attrs.policy == AspectPolicy::kStretch) return {};
  const Shape in = known ? to_shape(dims) : Shape();
  const double scale = known ? common_scale(attrs.policy, axes, in, numbers) : 0;
  for (int64_t axis : axes) {
    Dim& dim = dims[static_cast<size_t>(axis)];
    dim = known ? Dim(round_half_up(scale * static_cast<double>(dim.value()))) : Dim::unknown();
  }
  return {};
}

float roi_length(const Tensor* roi, size_t i, size_t count) {
  float length = 1;
  if (roi == nullptr) return length;
  visit_float(roi->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    length = static_cast<float>(widen(roi->as<T>()[i + count]) - widen(roi->as<T>()[i]));
  });
  return length;
}

Result<void> apply_scales(InferContext& context, const ResizeAttrs& attrs,
                          const std::vector<int64_t>& axes, Dims& dims) {
  const Tensor* scales = context.constant(2);
  const bool crop = attrs.coordinates == Coordinates::kTfCropAndResize;
  const Tensor* roi = crop ? context.constant(1) : nullptr;
  if (scales != nullptr && scales->count() != static_cast<int64_t>(axes.size())) {
    return fail(Code::kInvalidArgument, "scales has {} numbers, expected {}", scales->count(),
                axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = dims[static_cast<size_t>(axes[i])];
    const bool known = scales != nullptr && (!crop || roi != nullptr);
    dim = known ? TRY(scaled_dim(dim, scales->as<float>()[i], roi_length(roi, i, axes.size())))
                : Dim::unknown();
  }
  return {};
}

Result<void> check_resize(InferContext& context, const ResizeAttrs& attrs, size_t axis_count) {
  const Given scales = is_given(context, 2);
  const Given sizes = is_given(context, 3);
  if (scales == sizes && scales != Given::kPerhaps) {
    return fail(Code::kInvalidArgument, "exactly one of scales and sizes must be given, {} are",
                scales == Given::kYes ? "both" : "none");
  }
  if (attrs.coordinates == Coordinates::kTfCropAndResize) {
    if (is_given(context, 1) == Given::kNo) {
      return fail(Code::kInvalidArgument, "tf_crop_and_resize needs the input roi");
    }
    TRY(expect_rank(context, 1, 1));
    if (context.has_rank(1)) {
      TRY(same_dim(context.dims(1)[0], Dim(static_cast<int64_t>(2 * axis_count)),
                   "the length of roi and twice the number of axes"));
    }
  }
  const DType dtype = context.dtype(0);
  constexpr DTypeSet kWeighted = kNumericTypes | kComplexTypes;
  const bool numeric = dtype == DType::kUndefined || (dtype_bit(dtype) & kWeighted) != 0;
  if (attrs.mode != ResizeMode::kNearest && !numeric) {
    return fail(Code::kInvalidArgument, "{} can only be resized by mode 'nearest'",
                context.describe(0));
  }
  return {};
}

Result<void> infer_resize(InferContext& context) {
  const ResizeAttrs attrs = TRY(read_resize(context.attrs()));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const std::vector<int64_t> axes = TRY(resized_axes(context, context.rank(0)));
  TRY(check_resize(context, attrs, axes.size()));
  Dims dims = context.dims(0);
  const Given scales = is_given(context, 2);
  if (scales == Given::kPerhaps && is_given(context, 3) != Given::kNo) {
    for (int64_t axis : axes) dims[static_cast<size_t>(axis)] = Dim::unknown();
  } else if (scales == Given::kNo) {
    TRY(apply_sizes(context, attrs, axes, dims));
  } else {
    TRY(apply_scales(context, attrs, axes, dims));
  }
  for (size_t i = 0; i < dims.size(); ++i) {
    if (context.dims(0)[i] == Dim(0) && dims[i].is_constant() && dims[i].value() > 0) {
      return fail(Code::kInvalidArgument, "axis {} has no element to resize from", i);
    }
  }
  set_like_input(context, std::move(dims));
  return {};
}

// ---- kernels

// All axes, those that stay as they are included, from operands at hand.
struct ResizePlan {
  ResizeAttrs attrs;
  std::vector<AxisMap> axes;
};

ResizePlan plan_resize(const ResizeAttrs& attrs, const std::vector<int64_t>& given, const Shape& in,
                       const Shape& out, std::span<const TensorView> inputs) {
  const auto has = [&](size_t i) {
    return i < inputs.size() && inputs[i].data != nullptr && inputs[i].count() > 0;
  };
  ResizePlan plan{attrs, {}};
  for (size_t i = 0; i < in.rank(); ++i) {
    const auto size = static_cast<float>(out[i]);
    plan.axes.push_back(
        {in[i], out[i], size / static_cast<float>(std::max<int64_t>(in[i], 1)), size});
  }
  std::vector<int64_t> axes = given;
  for (size_t i = 0; given.empty() && i < in.rank(); ++i) axes.push_back(static_cast<int64_t>(i));
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0) axes[i] += static_cast<int64_t>(in.rank());
    if (has(3)) sizes.push_back(inputs[3].as<int64_t>()[i]);
  }
  const bool keep = has(3) && attrs.policy != AspectPolicy::kStretch;
  const float common = keep ? common_scale(attrs.policy, axes, in, sizes) : 0;
  for (size_t i = 0; i < axes.size(); ++i) {
    AxisMap& axis = plan.axes[static_cast<size_t>(axes[i])];
    if (has(2)) axis.scale = inputs[2].as<float>()[i];
    if (keep) axis.scale = common;
    if (has(2) || keep) axis.wanted = axis.scale * static_cast<float>(axis.in);
    if (attrs.coordinates != Coordinates::kTfCropAndResize) continue;
    visit_float(inputs[1].dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      axis.roi_start = static_cast<float>(widen(inputs[1].as<T>()[i]));
      axis.roi_end = static_cast<float>(widen(inputs[1].as<T>()[i + axes.size()]));
    });
  }
  return plan;
}

// Nearest: rows of the last resized axis; the axes after it move as blocks.
template <class T>
void resize_nearest(const ResizePlan& plan, const T* src, const T& outside, T* dst,
                    ThreadPool* pool) {
  size_t moving = plan.axes.size();
  while (moving > 1 && plan.axes[moving - 1].is_identity(plan.attrs)) --moving;
  int64_t block = 1;
  for (size_t i = moving; i < plan.axes.size(); ++i) block *= plan.axes[i].in;
  std::vector<std::vector<int64_t>> sources;
  int64_t rows = 1;
  for (size_t i = 0; i < moving; ++i) {
    sources.push_back(nearest_sources(plan.attrs, plan.axes[i]));
    if (i + 1 < moving) rows *= plan.axes[i].out;
  }
  const std::vector<int64_t>& columns = sources.back();
  const int64_t src_row = plan.axes[moving - 1].in * block;
  const int64_t dst_row = plan.axes[moving - 1].out * block;
  parallel_ranges(pool, rows, dst_row * int64_t{sizeof(T)}, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      int64_t left = row;
      int64_t from = 0;
      int64_t stride = 1;
      bool out_of_range = false;
      for (size_t i = moving - 1; i-- > 0;) {
        const int64_t at = sources[i][static_cast<size_t>(left % plan.axes[i].out)];
        left /= plan.axes[i].out;
        out_of_range = out_of_range || at < 0;
        from += at * stride;
        stride *= plan.axes[i].in;
      }
      T* to = dst + row * dst_row;
      if (out_of_range) {
        std::fill_n(to, dst_row, outside);
        continue;
      }
      const T* line = src + from * src_row;
      for (size_t c = 0; c < columns.size(); ++c) {
        if (columns[c] < 0) {
          std::fill_n(to + int64_t(c) * block, block, outside);
        } else if (block == 1) {
          to[c] = line[columns[c]];
        } else {
          std::copy_n(line + columns[c] * block, block, to + int64_t(c) * block);
        }
      }
    }
  });
}

// One axis of [outer, in, inner] to [outer, out, inner] by weighted taps.
template <class S, class C>
void resize_axis(const ResizeTaps& taps, int64_t outer, int64_t in, int64_t out, int64_t inner,
                 C extrapolation, const S* src, C* dst, ThreadPool* pool) {
  const int64_t count = taps.count;
  const auto row = [&](const S* from, int64_t o, C* to) {
    const int64_t* index = taps.indices.data() + o * count;
    const float* weight = taps.weights.data() + o * count;
    if (taps.outside[static_cast<size_t>(o)]) {
      std::fill_n(to, inner, extrapolation);
    } else if (inner == 1) {
      C sum = 0;
      for (int64_t t = 0; t < count; ++t) {
        sum += static_cast<C>(weight[t]) * static_cast<C>(widen(from[index[t]]));
      }
      *to = sum;
    } else {
      std::fill_n(to, inner, C(0));
      for (int64_t t = 0; t < count; ++t) {
        const auto w = static_cast<C>(weight[t]);
        const S* line = from + index[t] * inner;
        if (weight[t] == 0) continue;
        for (int64_t i = 0; i < inner; ++i) to[i] += w * static_cast<C>(widen(line[i]));
      }
    }
  };
  parallel_ranges(pool, outer * out, inner * count * 4, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      row(src + i / out * in * inner, i % out, dst + i * inner);
    }
  });
}

// An integer but for the error of a sum, or what is left without the fraction.
template <class C>
C truncated(C value) {
  const C nearest = std::nearbyint(value);
  return std::abs(value - nearest) <= std::abs(value) * C(1e-6) ? nearest : std::trunc(value);
}

template <class T, class C>
T resized_element(C value, bool truncate) {
  if constexpr (std::is_integral_v<T>) {
    // Overshoot of cubic saturates. Fractions are rounded to the nearest, halves to even; plain
    // linear drops them, as ONNX Runtime and the specification's reference do.
    value = truncate ? truncated(value) : std::nearbyint(value);
    constexpr auto low = static_cast<double>(std::numeric_limits<T>::min());
    constexpr auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (!(value > low)) return std::numeric_limits<T>::min();
    if (value >= high) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  } else {
    return narrow<T>(static_cast<double>(value));
  }
}

// Linear and cubic: one pass per resized axis, in order, through two buffers of C.
template <class T, class C>
void resize_weighted(const ResizePlan& plan, const T* src, T* dst, C* buffers[2],
                     ThreadPool* pool) {
  Shape shape;
  for (const AxisMap& axis : plan.axes) shape.push_back(axis.in);
  const C* from = nullptr;
  size_t next = 0;
  size_t last = plan.axes.size();
  while (last > 0 && plan.axes[last - 1].is_identity(plan.attrs)) --last;
  for (size_t i = 0; i < last; ++i) {
    if (plan.axes[i].is_identity(plan.attrs)) continue;
    const ResizeTaps taps = resize_taps(plan.attrs, plan.axes[i]);
    const int64_t outer = shape.count(0, i);
    const int64_t inner = shape.count(i + 1, shape.rank());
    const auto extrapolation = static_cast<C>(plan.attrs.extrapolation);
    C* to = buffers[next];
    if constexpr (std::is_same_v<T, C>) {
      if (i + 1 == last) to = dst;
    }
    if (from == nullptr) {
      resize_axis(taps, outer, shape[i], plan.axes[i].out, inner, extrapolation, src, to, pool);
    } else {
      resize_axis(taps, outer, shape[i], plan.axes[i].out, inner, extrapolation, from, to, pool);
    }
    from = to;
    next = 1 - next;
    shape[i] = plan.axes[i].out;
  }
  if (from == nullptr) {
    std::copy_n(src, shape.count(), dst);
    return;
  }
  if constexpr (!std::is_same_v<T, C>) {
    const bool truncate = plan.attrs.mode == ResizeMode::kLinear && !plan.attrs.antialias;
    parallel_ranges(pool, shape.count(), sizeof(T), [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) dst[i] = resized_element<T>(from[i], truncate);
    });
  }
}

// Elements of the largest tensor between two passes.
int64_t buffer_count(const Shape& in, const Shape& out) {
  Shape largest = in;
  int64_t most = 0;
  for (size_t i = 0; i < in.rank(); ++i) {
    largest[i] = out[i];
    most = std::max(most, largest.count());
  }
  return most;
}

// What the sums of an element type are kept in.
template <class T>
using ResizeFloat = std::conditional_t<
    is_complex<T>, T,
    std::conditional_t<std::is_same_v<T, double> || (std::is_integral_v<T> && sizeof(T) >= 4),
                       double, float>>;

template <class T>
void run_weighted(const ResizePlan& plan, const TensorView& src, const TensorView& dst,
                  void* workspace, int64_t count, ThreadPool* pool) {
  using C = ResizeFloat<T>;
  auto* memory = static_cast<C*>(workspace);
  C* buffers[2] = {memory, memory + count};
  resize_weighted(plan, src.as<const T>(), dst.as<T>(), buffers, pool);
}

// extrapolation_value as an element of `dtype`, in the cell type of its size.
template <class Cell>
Cell outside_cell(DType dtype, float value) {
  Cell cell{};
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t, Complex64, Complex128>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const T element = resized_element<T>(static_cast<double>(value), false);
    if constexpr (sizeof(T) == sizeof(Cell) && std::is_trivially_copyable_v<Cell>) {
      std::memcpy(static_cast<void*>(&cell), &element, sizeof(T));
    }
  });
  return cell;
}

// Bytes of the ResizeFloat of a dtype.
size_t sum_bytes(DType dtype) {
  const auto bytes = static_cast<size_t>(dtype_bits(dtype)) / 8;
  if (dtype_is_integer(dtype)) return bytes >= 4 ? sizeof(double) : sizeof(float);
  return std::max(bytes, sizeof(float));
}

Result<std::unique_ptr<Kernel>> make_resize(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const ResizeAttrs attrs = TRY(read_resize(request.node.attrs));
  const Shape in = request.inputs[0].shape();
  const Shape out = request.outputs[0].shape();
  const bool nearest = attrs.mode == ResizeMode::kNearest;
  const int64_t count = nearest ? 0 : (buffer_count(in, out) + 15) / 16 * 16;
  const size_t bytes = static_cast<size_t>(count) * 2 * sum_bytes(request.inputs[0].dtype());
  auto run = [=, axes = request.node.attrs.get_ints("axes")](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, src.dtype, out);
    if (args.failed() || out.count() == 0) return;
    const ResizePlan plan = plan_resize(attrs, axes, in, out, args.inputs);
    if (plan.axes.empty()) return copy_elements(src, dst);
    if (nearest) {
      with_cell(src.dtype, [&]<class T>() {
        const T outside = outside_cell<T>(src.dtype, attrs.extrapolation);
        resize_nearest(plan, src.as<const T>(), outside, dst.as<T>(), args.pool);
      });
      return;
    }
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t, Complex64, Complex128>(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      run_weighted<T>(plan, src, dst, args.workspace, count, args.pool);
    });
  };
  return make_kernel(std::move(run), bytes);
}

// ---- f32 pictures, by the vector loops of cpu/: one or two neighbouring axes change

// The tables of one axis, with the indices that the loops want.
struct AxisTable {
  std::vector<int32_t> index;
  std::vector<float> weight;  // empty for nearest
  int64_t in = 1;
  int64_t out = 1;
  int64_t taps = 1;

  ResizeAxis view() const {
    return {in, out, taps, index.data(), weight.empty() ? nullptr : weight.data()};
  }
};

AxisTable make_table(const ResizeAttrs& attrs, const AxisMap& axis) {
  AxisTable table{{}, {}, axis.in, axis.out, 1};
  if (attrs.mode == ResizeMode::kNearest) {
    const auto sources = nearest_sources(attrs, axis);
    table.index.assign(sources.begin(), sources.end());
    return table;
  }
  ResizeTaps taps = resize_taps(attrs, axis);
  table.index.assign(taps.indices.begin(), taps.indices.end());
  table.weight = std::move(taps.weights);
  table.taps = taps.count;
  return table;
}

class PictureResize final : public Kernel {
 public:
  PictureResize(AxisTable y, AxisTable x, int64_t batch, int64_t channels, const Shape& shape,
                Tier tier, int threads)
      : y_(std::move(y)), x_(std::move(x)), shape_(shape), tier_(tier) {
    args_.batch = batch;
    args_.channels = channels;
    args_.y = y_.view();
    args_.x = x_.view();
    workspace_ = resize_workspace_bytes(tier, args_, threads);
  }
  void run(RunArgs& args) const override {
    ResizeArgs picture = args_;
    picture.src = args.inputs[0].as<const float>();
    const TensorView dst = args.allocate(0, DType::kFloat32, shape_);
    if (args.failed() || shape_.count() == 0) return;
    picture.dst = dst.as<float>();
    resize(tier_, picture, args.workspace, *args.pool);
  }
  size_t workspace_bytes() const override { return workspace_; }

 private:
  AxisTable y_;
  AxisTable x_;
  ResizeArgs args_;
  Shape shape_;
  Tier tier_;
  size_t workspace_ = 0;
};

Result<std::unique_ptr<Kernel>> make_picture_resize(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("only for float32");
  const ResizeAttrs attrs = TRY(read_resize(request.node.attrs));
  if (attrs.coordinates == Coordinates::kTfCropAndResize) return decline("a region of interest");
  std::vector<TensorView> inputs(1);
  for (size_t i = 1; i < request.inputs.size(); ++i) {
    const Tensor* constant = request.inputs[i].constant;
    if (request.has_input(i) && i > 1 && constant == nullptr) {
      return decline("scales or sizes are not constant");
    }
    inputs.push_back(constant == nullptr ? TensorView() : constant->view());
  }
  const Shape in = request.inputs[0].shape();
  const Shape out = request.outputs[0].shape();
  const ResizePlan plan = plan_resize(attrs, request.node.attrs.get_ints("axes"), in, out, inputs);
  std::vector<size_t> changed;
  for (size_t i = 0; i < plan.axes.size(); ++i) {
    if (plan.axes[i].in > (1 << 30) || plan.axes[i].out > (1 << 30)) return decline("a huge axis");
    if (!plan.axes[i].is_identity(attrs)) changed.push_back(i);
  }
  if (changed.empty() || changed.size() > 2 || changed.back() - changed[0] > 1) {
    return decline("{} axes change, not one or two neighbours", changed.size());
  }
  if (in.count() == 0) return decline("the input is empty");
  AxisTable y{{0}, {}, 1, 1, 1};
  if (changed.size() == 2) y = make_table(attrs, plan.axes[changed[0]]);
  return std::make_unique<PictureResize>(
      std::move(y), make_table(attrs, plan.axes[changed.back()]), in.count(0, changed[0]),
      in.count(changed.back() + 1, in.rank()), out, request.tier, request.threads);
}

}  // namespace

OpDef op_Resize() {
  const DTypeSet types = kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
  OpDef op;
  op.versions = {10, 11, 13, 18, 19};
  op.inputs = {
      {"X", "T1", types},
      {"roi", "T2", dtype_set(DType::kFloat32, DType::kFloat64, DType::kFloat16, DType::kBfloat16),
       Form::kOptional},
      {"scales", "", dtype_set(DType::kFloat32), Form::kOptional},
      {"sizes", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"Y", "T1", types}};
  op.attrs = {int_attr("antialias", 0),
              optional_attr("axes", FormalAttr::Kind::kInts),
              string_attr("coordinate_transformation_mode", "half_pixel"),
              float_attr("cubic_coeff_a", -0.75f),
              int_attr("exclude_outside", 0),
              float_attr("extrapolation_value", 0),
              string_attr("keep_aspect_ratio_policy", "stretch"),
              string_attr("mode", "nearest"),
              string_attr("nearest_mode", "round_prefer_floor")};
  op.infer = infer_resize;
  op.kernels = {{"picture", make_picture_resize}, {"separable", make_resize}};
  return op;
}

}  // namespace sardonyx
