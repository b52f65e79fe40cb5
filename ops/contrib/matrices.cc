// com.microsoft: Inverse CDist DynamicTimeWarping CropAndResize.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/number.h"
#include "ops/op.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> expect_concrete_inputs(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  return {};
}

// A kernel from a callable that takes a TypeTag of the first input's float type.
template <class Make>
Result<std::unique_ptr<Kernel>> for_float(const KernelRequest& request, Make&& make) {
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) { kernel = make(tag); });
  if (kernel == nullptr) return decline("its input is not a float");
  return kernel;
}

// ---- Inverse of each matrix of the last two axes

Result<void> infer_inverse(InferContext& context) {
  TRY(expect_min_rank(context, 0, 2));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const Dims& dims = context.dims(0);
  const Dim &rows = dims[dims.size() - 2], &columns = dims.back();
  if (rows.is_constant() && columns.is_constant() && !(rows == columns)) {
    return fail(Code::kInvalidArgument, "{} is not square", context.describe(0));
  }
  set_like_input(context, dims);
  return {};
}

// Gauss and Jordan with the largest pivot of each column; a singular matrix gives what division by
// zero gives.
void invert(std::vector<double>& a, std::vector<double>& inverse, int64_t n) {
  const auto at = [n](int64_t row, int64_t col) { return static_cast<size_t>(row * n + col); };
  std::fill(inverse.begin(), inverse.end(), 0.0);
  for (int64_t i = 0; i < n; ++i) inverse[at(i, i)] = 1;
  for (int64_t col = 0; col < n; ++col) {
    int64_t pivot = col;
    for (int64_t row = col + 1; row < n; ++row) {
      if (std::abs(a[at(row, col)]) > std::abs(a[at(pivot, col)])) pivot = row;
    }
    for (int64_t j = 0; j < n && pivot != col; ++j) {
      std::swap(a[at(col, j)], a[at(pivot, j)]);
      std::swap(inverse[at(col, j)], inverse[at(pivot, j)]);
    }
    const double factor = 1 / a[at(col, col)];
    for (int64_t j = 0; j < n; ++j) {
      a[at(col, j)] *= factor;
      inverse[at(col, j)] *= factor;
    }
    for (int64_t row = 0; row < n; ++row) {
      const double times = a[at(row, col)];
      if (row == col || times == 0) continue;
      for (int64_t j = 0; j < n; ++j) {
        a[at(row, j)] -= times * a[at(col, j)];
        inverse[at(row, j)] -= times * inverse[at(col, j)];
      }
    }
  }
}

Result<std::unique_ptr<Kernel>> make_inverse(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const Shape shape = request.inputs[0].shape();
  const int64_t n = shape.back();
  const int64_t items = shape.count(0, shape.rank() - 2);
  return for_float(request, [=](auto tag) {
    using T = typename decltype(tag)::Type;
    return make_kernel([=](RunArgs& args) {
      args.pool->parallel_for(items, [&](int64_t item) {
        const T* src = args.inputs[0].as<T>() + item * n * n;
        T* dst = args.outputs[0].as<T>() + item * n * n;
        std::vector<double> a(static_cast<size_t>(n * n)), inverse(a.size());
        for (size_t i = 0; i < a.size(); ++i) a[i] = widen(src[i]);
        invert(a, inverse, n);
        for (size_t i = 0; i < a.size(); ++i) dst[i] = narrow<T>(inverse[i]);
      });
    });
  });
}

// ---- CDist: the distance of every row of A to every row of B

Result<void> infer_cdist(InferContext& context) {
  const std::string& metric = context.attrs().get_string("metric");
  if (metric != "euclidean" && metric != "sqeuclidean") {
    return fail(Code::kNotImplemented, "metric '{}' is not known, only euclidean and sqeuclidean",
                metric);
  }
  TRY(expect_rank(context, 0, 2));
  TRY(expect_rank(context, 1, 2));
  const bool known = context.has_rank(0) && context.has_rank(1);
  if (known) TRY(same_dim(context.dims(0)[1], context.dims(1)[1], "the number of columns"));
  set_like_input(context, {context.has_rank(0) ? context.dims(0)[0] : Dim::unknown(),
                           context.has_rank(1) ? context.dims(1)[0] : Dim::unknown()});
  return {};
}

Result<std::unique_ptr<Kernel>> make_cdist(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  const int64_t rows = request.inputs[0].shape()[0], columns = request.inputs[1].shape()[0];
  const int64_t depth = request.inputs[0].shape()[1];
  const bool root = request.node.attrs.get_string("metric") == "euclidean";
  return for_float(request, [=](auto tag) {
    using T = typename decltype(tag)::Type;
    return make_kernel([=](RunArgs& args) {
      args.pool->parallel_for(rows, [&](int64_t row) {
        const T* a = args.inputs[0].as<T>() + row * depth;
        const T* b = args.inputs[1].as<T>();
        for (int64_t col = 0; col < columns; ++col, b += depth) {
          double sum = 0;
          for (int64_t d = 0; d < depth; ++d) {
            const double difference = widen(a[d]) - widen(b[d]);
            sum += difference * difference;
          }
          args.outputs[0].as<T>()[row * columns + col] = narrow<T>(root ? std::sqrt(sum) : sum);
        }
      });
    });
  });
}

// ---- DynamicTimeWarping: the cheapest path through a matrix of costs

Result<void> infer_warping(InferContext& context) {
  context.set_output(0, DType::kInt32, {Dim(2), Dim::unknown()});
  if (!context.has_rank(0) || context.rank(0) == 2) return {};
  const bool is_one =
      context.rank(0) == 3 && (!context.dims(0)[0].is_constant() || context.dims(0)[0] == Dim(1));
  if (is_one) return {};
  return fail(Code::kInvalidArgument, "{} must be MxN or 1xMxN", context.describe(0));
}

Result<std::unique_ptr<Kernel>> make_warping(const KernelRequest&) {
  return make_kernel([](RunArgs& args) {
    const Shape& shape = args.inputs[0].shape;
    const int64_t rows = shape[shape.rank() - 2], columns = shape.back();
    const float* costs = args.inputs[0].as<float>();
    if (shape.count() != rows * columns || rows == 0 || columns == 0) {
      args.report(Code::kInvalidArgument, "the costs are not one matrix with elements");
      return;
    }
    // total[i + 1][j + 1] is the cheapest way to (i, j); came says from where.
    const int64_t width = columns + 1;
    std::vector<float> total(static_cast<size_t>((rows + 1) * width),
                             std::numeric_limits<float>::infinity());
    std::vector<int8_t> came(total.size(), -1);
    total[0] = 0;
    for (int64_t j = 1; j <= columns; ++j) {
      for (int64_t i = 1; i <= rows; ++i) {
        const auto at = static_cast<size_t>(i * width + j);
        const float both = total[at - static_cast<size_t>(width) - 1];
        const float up = total[at - static_cast<size_t>(width)], left = total[at - 1];
        const bool diagonal = both < up && both < left;
        came[at] = diagonal ? 0 : (up < both && up < left ? 1 : 2);
        const float before = diagonal ? both : (came[at] == 1 ? up : left);
        total[at] = costs[(i - 1) * columns + j - 1] + before;
      }
    }
    std::vector<std::pair<int32_t, int32_t>> path;
    for (int64_t i = rows, j = columns; i > 0 || j > 0;) {
      path.emplace_back(static_cast<int32_t>(i - 1), static_cast<int32_t>(j - 1));
      const int8_t from = i == 0 ? 2 : (j == 0 ? 1 : came[static_cast<size_t>(i * width + j)]);
      if (from != 2) --i;
      if (from != 1) --j;
    }
    const auto length = static_cast<int64_t>(path.size());
    const TensorView dst = args.allocate(0, DType::kInt32, {2, length});
    if (args.failed()) return;
    for (int64_t t = 0; t < length; ++t) {
      const auto& [i, j] = path[static_cast<size_t>(length - 1 - t)];
      dst.as<int32_t>()[t] = i;
      dst.as<int32_t>()[length + t] = j;
    }
  });
}

// ---- CropAndResize: boxes of images, in corners' coordinates, at one size

Result<void> infer_crop(InferContext& context) {
  const std::string& mode = context.attrs().get_string("mode");
  if (mode != "bilinear" && mode != "nearest") {
    return fail(Code::kInvalidArgument, "mode is '{}', expected bilinear or nearest", mode);
  }
  TRY(expect_rank(context, 0, 4));
  TRY(expect_rank(context, 1, 2));
  TRY(expect_rank(context, 2, 1));
  const auto size = context.ints(3);
  const bool known = size && size->size() == 2;
  const Dim boxes = context.has_rank(1) ? context.dims(1)[0] : Dim::unknown();
  const Dim channels = context.has_rank(0) ? context.dims(0)[1] : Dim::unknown();
  set_like_input(context, {boxes, channels, known ? (*size)[0] : Dim::unknown(),
                           known ? (*size)[1] : Dim::unknown()});
  return {};
}

struct CropShape {
  int64_t images, channels, height, width, boxes, out_height, out_width;
  bool nearest;
  double outside;
};

// Where element `at` of `count` lies between two corners, in pixels.
double place(double begin, double end, int64_t size, int64_t at, int64_t count) {
  const auto last = static_cast<double>(size - 1);
  if (count == 1) return (begin + end) / 2 * last;
  return begin * last +
         static_cast<double>(at) * (end - begin) * last / static_cast<double>(count - 1);
}

template <class T>
double sample(const T* image, const CropShape& shape, double y, double x) {
  const auto at = [&](double row, double col) {
    return widen(image[static_cast<int64_t>(row) * shape.width + static_cast<int64_t>(col)]);
  };
  if (shape.nearest) return at(std::round(y), std::round(x));
  const double top = std::floor(y), bottom = std::ceil(y);
  const double left = std::floor(x), right = std::ceil(x);
  const double across = x - left, down = y - top;
  const double above = at(top, left) + (at(top, right) - at(top, left)) * across;
  const double below = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * across;
  return above + (below - above) * down;
}

template <class T>
void crop_box(const CropShape& shape, const RunArgs& args, int64_t box) {
  const T* corners = args.inputs[1].as<T>() + box * 4;
  const int64_t image = args.inputs[2].as<int32_t>()[box];
  const int64_t pixels = shape.height * shape.width;
  const T* images = args.inputs[0].as<T>() + image * shape.channels * pixels;
  T* dst = args.outputs[0].as<T>() + box * shape.channels * shape.out_height * shape.out_width;
  for (int64_t channel = 0; channel < shape.channels; ++channel) {
    for (int64_t i = 0; i < shape.out_height; ++i) {
      const double y =
          place(widen(corners[0]), widen(corners[2]), shape.height, i, shape.out_height);
      for (int64_t j = 0; j < shape.out_width; ++j, ++dst) {
        const double x =
            place(widen(corners[1]), widen(corners[3]), shape.width, j, shape.out_width);
        const bool inside = y >= 0 && y <= static_cast<double>(shape.height - 1) && x >= 0 &&
                            x <= static_cast<double>(shape.width - 1);
        *dst = narrow<T>(inside ? sample(images + channel * pixels, shape, y, x) : shape.outside);
      }
    }
  }
}

Result<std::unique_ptr<Kernel>> make_crop(const KernelRequest& request) {
  TRY(expect_concrete_inputs(request));
  TRY(expect_concrete_outputs(request));
  const Shape x = request.inputs[0].shape(), y = request.outputs[0].shape();
  const Shape boxes = request.inputs[1].shape();
  if (boxes[1] != 4 || request.inputs[2].shape()[0] != boxes[0]) {
    return fail(Code::kInvalidArgument, "rois must be Rx4 and batch_indices R, got {} and {}",
                boxes.to_string(), request.inputs[2].shape().to_string());
  }
  const AttrMap& attrs = request.node.attrs;
  const CropShape shape = {x[0],
                           x[1],
                           x[2],
                           x[3],
                           boxes[0],
                           y[2],
                           y[3],
                           attrs.get_string("mode") == "nearest",
                           static_cast<double>(attrs.get_float("extrapolation_value"))};
  return for_float(request, [=](auto tag) {
    using T = typename decltype(tag)::Type;
    return make_kernel([=](RunArgs& args) {
      for (int64_t box = 0; box < shape.boxes; ++box) {
        const int64_t image = args.inputs[2].as<int32_t>()[box];
        if (image >= 0 && image < shape.images) continue;
        args.report(Code::kInvalidArgument,
                    fmt::format("batch_indices[{}] is {} of {} images", box, image, shape.images));
        return;
      }
      args.pool->parallel_for(shape.boxes, [&](int64_t box) { crop_box<T>(shape, args, box); });
    });
  });
}

}  // namespace

OpDef op_Inverse() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.infer = infer_inverse;
  op.kernels = {{"reference", make_inverse}};
  return op;
}
OpDef op_CDist() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"A", "T", kFloatTypes}, {"B", "T", kFloatTypes}};
  op.outputs = {{"C", "T", kFloatTypes}};
  op.attrs = {string_attr("metric", "sqeuclidean")};
  op.infer = infer_cdist;
  op.kernels = {{"reference", make_cdist}};
  return op;
}
OpDef op_DynamicTimeWarping() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"input", "F", dtype_set(DType::kFloat32)}};
  op.outputs = {{"output", "I", dtype_set(DType::kInt32)}};
  op.infer = infer_warping;
  op.kernels = {{"reference", make_warping}};
  return op;
}
OpDef op_CropAndResize() {
  const DTypeSet i32 = dtype_set(DType::kInt32);
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T1", kFloatTypes},
               {"rois", "T1", kFloatTypes},
               {"batch_indices", "T2", i32},
               {"crop_size", "T2", i32}};
  op.outputs = {{"Y", "T1", kFloatTypes}};
  op.attrs = {float_attr("extrapolation_value", 0), string_attr("mode", "bilinear")};
  op.infer = infer_crop;
  op.kernels = {{"reference", make_crop}};
  return op;
}

}  // namespace sardonyx
