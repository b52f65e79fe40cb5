// GlobalAveragePool, GlobalMaxPool and GlobalLpPool: one number per image and channel.
// sardonyx GlobalAveragePool, GlobalMaxPool: the same, channels-last when `channels_last` is 1.
#include <cmath>
#include <limits>

#include "cpu/pool.h"
#include "ops/axis_view.h"
#include "ops/conv_sizes.h"
#include "ops/fold_run.h"
#include "ops/is_nan.h"
#include "ops/reduce/reduce.h"

namespace sardonyx {
namespace {

Result<void> infer(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  Dims dims = context.dims(0);
  if (dims.size() < 2) {
    return fail(Code::kInvalidArgument, "{} must have rank 2 or more (batch, channels, spatial)",
                context.describe(0));
  }
  const Layout layout{context.attrs().get_int("channels_last") != 0, dims.size()};
  for (size_t i = 0; i < layout.spatial_rank(); ++i) dims[layout.spatial_axis(i)] = 1;
  context.set_output(0, context.dtype(0), dims);
  return {};
}

struct Average {
  static constexpr double kFirst = 0;
  explicit Average(const AttrMap&) {}
  double fold(double sum, double x) const { return sum + x; }
  double join(double a, double b) const { return a + b; }
  double last(double sum, int64_t count) const { return sum / static_cast<double>(count); }
};

struct Max {
  static constexpr double kFirst = -std::numeric_limits<double>::infinity();
  explicit Max(const AttrMap&) {}
  double fold(double best, double x) const { return ((x > best) | is_nan(x)) ? x : best; }
  double join(double a, double b) const { return fold(a, b); }
  double last(double best, int64_t) const { return best; }
};

struct Lp {
  static constexpr double kFirst = 0;
  double p;
  explicit Lp(const AttrMap& attrs) : p(static_cast<double>(attrs.get_int("p", 2))) {}
  double fold(double sum, double x) const {
    return sum + (p == 2 ? x * x : std::pow(std::fabs(x), p));
  }
  double join(double a, double b) const { return a + b; }
  double last(double sum, int64_t) const { return p == 2 ? std::sqrt(sum) : std::pow(sum, 1 / p); }
};

template <class Fold>
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  const Operand& x = request.inputs[0];
  if (!x.is_concrete()) return decline("its shapes are not known when the plan is made");
  const Shape shape = x.shape();
  const Layout layout{request.node.attrs.get_int("channels_last") != 0, shape.rank()};
  const int64_t batch = shape[0];
  const int64_t channels = shape[layout.channel_axis()];
  const int64_t positions = spatial_shape(layout, shape).count();
  const Fold fold(request.node.attrs);
  std::unique_ptr<Kernel> kernel;
  visit_float(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([=](RunArgs& args) {
      const LayoutStrides src(layout, channels, positions);
      const T* from = args.inputs[0].as<T>();
      T* to = args.outputs[0].as<T>();
      for_parts(args.pool, batch * channels, positions, [&](int64_t first, int64_t end) {
        for (int64_t i = first; i < end; ++i) {
          const T* base = from + i / channels * src.batch + i % channels * src.channel;
          const double folded = fold_run(
              base, positions, src.spatial, Fold::kFirst,
              [&](double total, double x) { return fold.fold(total, x); },
              [&](double a, double b) { return fold.join(a, b); });
          to[i] = narrow<T>(fold.last(folded, positions));
        }
      });
    });
  });
  if (kernel == nullptr) return decline("no {} pooling", dtype_name(x.dtype()));
  return kernel;
}

// f32 whose channels lie end to end: in vectors, in f64 beyond a block.
template <class Fold, ReduceKind kKind>
Result<std::unique_ptr<Kernel>> make_rows(const KernelRequest& request) {
  const Operand& x = request.inputs[0];
  if (!x.is_concrete()) return decline("its shapes are not known when the plan is made");
  if (request.node.attrs.get_int("channels_last") != 0) return decline("channels-last");
  if (x.dtype() != DType::kFloat32) return decline("not float32");
  const Shape shape = x.shape();
  const int64_t rows = shape[0] * shape[1];
  const int64_t length = shape.count(2, shape.rank());
  const auto run = reduce_table(request.tier).loops[static_cast<size_t>(kKind)].run;
  return make_kernel([=, fold = Fold(request.node.attrs)](RunArgs& args) {
    constexpr int64_t kBlock = 1024;
    const auto* src = args.inputs[0].as<const float>();
    auto* dst = args.outputs[0].as<float>();
    for_parts(args.pool, rows, length, [&](int64_t first, int64_t end) {
      for (int64_t row = first; row < end; ++row) {
        double total = Fold::kFirst;
        for (int64_t i = 0; i < length; i += kBlock) {
          const auto count = static_cast<size_t>(std::min(kBlock, length - i));
          total = fold.join(total, static_cast<double>(run(src + row * length + i, count)));
        }
        dst[row] = static_cast<float>(fold.last(total, length));
      }
    });
  });
}

// ---- channels-last, by the machine room

struct Picture {
  int64_t batch = 0, pixels = 0, channels = 0;
};

Result<Picture> read_picture(const KernelRequest& request) {
  const Operand& x = request.inputs[0];
  if (!x.is_concrete()) return decline("its shapes are not known when the plan is made");
  const Shape shape = x.shape();
  if (request.node.attrs.get_int("channels_last") == 0) return decline("not channels-last");
  if (x.dtype() != DType::kFloat32 || shape.count() == 0) return decline("not float32, or empty");
  return Picture{shape[0], shape.count(1, shape.rank() - 1), shape.back()};
}

Result<std::unique_ptr<Kernel>> make_box_average(const KernelRequest& request) {
  const Picture p = TRY(read_picture(request));
  return make_kernel(
      [p, tier = request.tier](RunArgs& args) {
        global_average(tier, p.batch, p.pixels, p.channels, args.inputs[0].as<float>(),
                       args.outputs[0].as<float>(), args.workspace, *args.pool);
      },
      global_average_workspace_bytes(p.batch, p.pixels, p.channels));
}

Result<std::unique_ptr<Kernel>> make_box_max(const KernelRequest& request) {
  const Picture p = TRY(read_picture(request));
  PoolArgs pool_args;
  pool_args.mode = PoolMode::kMax;
  ConvShape& sizes = pool_args.shape;
  sizes.batch = p.batch;
  sizes.in_channels = sizes.out_channels = p.channels;
  sizes.in[2] = sizes.kernel[2] = p.pixels;
  return make_kernel([pool_args, tier = request.tier](RunArgs& args) {
    pool(tier, pool_args, args.inputs[0].as<float>(), args.outputs[0].as<float>(), *args.pool);
  });
}

OpDef global_pool_op() {
  OpDef op;
  op.versions = {1, 22};
  op.inputs = {{"X", "T", kFloatTypes}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.infer = infer;
  return op;
}

}  // namespace

OpDef op_GlobalAveragePool() {
  OpDef op = global_pool_op();
  op.kernels = {{"rows", make_rows<Average, ReduceKind::kSum>},
                {"reference", make_reference<Average>}};
  return op;
}

OpDef op_GlobalMaxPool() {
  OpDef op = global_pool_op();
  op.kernels = {{"rows", make_rows<Max, ReduceKind::kMax>}, {"reference", make_reference<Max>}};
  return op;
}

OpDef op_ChannelsLastGlobalAveragePool() {
  OpDef op = op_GlobalAveragePool();
  op.versions = {1};
  op.kernels.insert(op.kernels.begin(), {"boxes", make_box_average});
  op.attrs = {int_attr("channels_last", 0)};
  return op;
}

OpDef op_ChannelsLastGlobalMaxPool() {
  OpDef op = op_GlobalMaxPool();
  op.versions = {1};
  op.kernels.insert(op.kernels.begin(), {"boxes", make_box_max});
  op.attrs = {int_attr("channels_last", 0)};
  return op;
}

OpDef op_GlobalLpPool() {
  OpDef op = global_pool_op();
  op.versions = {1, 2, 22};
  op.attrs = {int_attr("p", 2)};
  op.kernels = {{"reference", make_reference<Lp>}};
  return op;
}

}  // namespace sardonyx
