// GlobalAveragePool, GlobalMaxPool and GlobalLpPool: one number per image and channel.
// sardonyx GlobalAveragePool, GlobalMaxPool: the same, channels-last when `channels_last` is 1.
#include <cmath>
#include <limits>

#include "cpu/pool.h"
#include "ops/conv_sizes.h"
#include "ops/number.h"

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
  double sum = 0;
  double count = 0;
  explicit Average(const AttrMap&) {}
  void add(double x) { sum += x, count += 1; }
  double value() const { return sum / count; }
};

struct Max {
  double best = -std::numeric_limits<double>::infinity();
  explicit Max(const AttrMap&) {}
  void add(double x) {
    if (x > best || x != x) best = x;
  }
  double value() const { return best; }
};

struct Lp {
  double p;
  double sum = 0;
  explicit Lp(const AttrMap& attrs) : p(static_cast<double>(attrs.get_int("p", 2))) {}
  void add(double x) { sum += std::pow(std::fabs(x), p); }
  double value() const { return std::pow(sum, 1 / p); }
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
      args.pool->parallel_for(batch * channels, [&](int64_t task) {
        const T* base = from + task / channels * src.batch + task % channels * src.channel;
        Fold local = fold;
        for (int64_t i = 0; i < positions; ++i) local.add(widen(base[i * src.spatial]));
        to[task] = narrow<T>(local.value());
      });
    });
  });
  if (kernel == nullptr) return decline("no {} pooling", dtype_name(x.dtype()));
  return kernel;
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
  op.kernels = {{"reference", make_reference<Average>}};
  return op;
}

OpDef op_GlobalMaxPool() {
  OpDef op = global_pool_op();
  op.kernels = {{"reference", make_reference<Max>}};
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
