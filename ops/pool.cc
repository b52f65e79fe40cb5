// MaxPool, AveragePool and LpPool: one number per window and channel.
// sardonyx MaxPool, AveragePool: the same, channels-last when `channels_last` is 1.
#include <cmath>
#include <limits>

#include "cpu/pool.h"
#include "ops/conv_kernel.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/pool_kernel.h"
#include "ops/pool_sizes.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kMaxPoolTypes = kFloatTypes | dtype_set(DType::kInt8, DType::kUint8);

template <class Fn>
bool visit_pool_number(DType dtype, Fn&& fn) {
  return visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t>(dtype, fn);
}

Result<void> infer(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    context.set_output(1, DType::kInt64);
    return {};
  }
  const Dims dims = TRY(infer_pool_dims(context));
  context.set_output(0, context.dtype(0), dims);
  context.set_output(1, DType::kInt64, dims);
  return {};
}

Result<PoolSizes> read_shape(const KernelRequest& request) {
  if (!request.inputs[0].is_concrete() || !request.outputs[0].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  return read_pool_sizes(request.node.attrs, request.inputs[0].shape(), request.outputs[0].shape());
}

// The lowest value, for a window that lies in padding alone; NaN wins over every number.
template <class T>
struct MaxState {
  const T* src;
  T* dst;
  int64_t* indices;    // null when nobody asks
  int64_t plane;       // positions of one channel
  Shape column_major;  // spatial dims when storage_order is 1, else empty
  bool any = false;
  T best{};
  int64_t best_position = 0;
  int64_t task = 0;

  void start(int64_t at_task) {
    any = false;
    task = at_task;
    best = lowest();
    best_position = 0;
  }
  void add(int64_t offset, int64_t position) {
    const auto element = widen(src[offset]);
    if (any && !(element > widen(best)) && !is_nan(element)) return;
    if (any && is_nan(widen(best))) return;
    any = true;
    best = src[offset];
    best_position = position;
  }
  void finish(int64_t offset, const Shape&) {
    dst[offset] = best;
    if (indices != nullptr) indices[offset] = task * plane + stored_position();
  }

  static T lowest() {
    if constexpr (is_number_float<T>) {
      return narrow<T>(-std::numeric_limits<double>::infinity());
    } else {
      return std::numeric_limits<T>::lowest();
    }
  }
  int64_t stored_position() const {
    if (column_major.empty()) return best_position;
    Odometer at(column_major, best_position);
    int64_t position = 0;
    for (size_t axis = column_major.rank(); axis-- > 0;) {
      position = position * column_major[axis] + at[axis];
    }
    return position;
  }
};

Result<std::unique_ptr<Kernel>> make_max_pool(const KernelRequest& request) {
  const PoolSizes pool = TRY(read_shape(request));
  const bool column_major = request.node.attrs.get_int("storage_order") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_pool_number(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([pool, column_major](RunArgs& args) {
      MaxState<T> state;
      state.src = args.inputs[0].as<T>();
      state.dst = args.outputs[0].as<T>();
      state.indices = args.outputs.size() > 1 ? args.outputs[1].as<int64_t>() : nullptr;
      state.plane = pool.src_spatial.count();
      if (column_major) state.column_major = pool.src_spatial;
      plain_pool(pool, *args.pool, state);
    });
  });
  if (kernel == nullptr) return decline("no {} pooling", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

template <class T>
struct AverageState {
  const T* src;
  T* dst;
  const PoolSizes& pool;
  bool count_padding;
  double sum = 0;
  int64_t count = 0;

  void start(int64_t) {
    sum = 0;
    count = 0;
  }
  void add(int64_t offset, int64_t) {
    sum += widen(src[offset]);
    ++count;
  }
  void finish(int64_t offset, const Shape& at) {
    const int64_t divisor = count_padding ? padded_taps(pool, at) : count;
    dst[offset] = narrow<T>(divisor == 0 ? 0.0 : sum / static_cast<double>(divisor));
  }
};

Result<std::unique_ptr<Kernel>> make_average_pool(const KernelRequest& request) {
  const PoolSizes pool = TRY(read_shape(request));
  const bool count_padding = request.node.attrs.get_int("count_include_pad") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([pool, count_padding](RunArgs& args) {
      const AverageState<T> state{args.inputs[0].as<T>(), args.outputs[0].as<T>(), pool,
                                  count_padding};
      plain_pool(pool, *args.pool, state);
    });
  });
  if (kernel == nullptr) return decline("no {} pooling", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

template <class T>
struct LpState {
  const T* src;
  T* dst;
  double p;
  double sum = 0;

  void start(int64_t) { sum = 0; }
  void add(int64_t offset, int64_t) { sum += std::pow(std::fabs(widen(src[offset])), p); }
  void finish(int64_t offset, const Shape&) { dst[offset] = narrow<T>(std::pow(sum, 1 / p)); }
};

Result<std::unique_ptr<Kernel>> make_lp_pool(const KernelRequest& request) {
  const PoolSizes pool = TRY(read_shape(request));
  const auto p = static_cast<double>(request.node.attrs.get_int("p", 2));
  if (p < 1) return fail(Code::kInvalidGraph, "attribute 'p' is {}, expected at least 1", p);
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([pool, p](RunArgs& args) {
      const LpState<T> state{args.inputs[0].as<T>(), args.outputs[0].as<T>(), p};
      plain_pool(pool, *args.pool, state);
    });
  });
  if (kernel == nullptr) return decline("no {} pooling", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

// ---- channels-last, by the machine room

template <class T>
class BoxPool final : public PoolKernel {
 public:
  using PoolKernel::PoolKernel;

  void run(RunArgs& args) const override {
    sardonyx::pool(tier_, pool(), args.inputs[0].as<T>(), args.outputs[0].as<T>(), *args.pool);
  }
};

Result<std::unique_ptr<Kernel>> make_box_pool(const KernelRequest& request, PoolMode mode) {
  const PoolSizes sizes = TRY(read_shape(request));
  TRY(check_channels_last(sizes.layout, sizes.window, sizes.src_spatial, sizes.dst_spatial));
  const DType dtype = request.inputs[0].dtype();
  const bool is_float = dtype == DType::kFloat32;
  if (!is_float && mode != PoolMode::kMax) return decline("not float32");
  if (sizes.batch * sizes.channels == 0) return decline("a tensor is empty");
  if (request.has_output(1)) return decline("it gives indices");
  PoolArgs pool_args;
  pool_args.mode = mode;
  pool_args.shape = kernel_shape(sizes.window, sizes.src_spatial, sizes.dst_spatial);
  pool_args.shape.batch = sizes.batch;
  pool_args.shape.in_channels = pool_args.shape.out_channels = sizes.channels;
  const size_t first = 3 - sizes.window.rank();
  for (size_t axis = 0; axis < sizes.window.rank(); ++axis) {
    pool_args.pad_end[first + axis] = sizes.window.pads_end[axis];
  }
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, int8_t, uint8_t>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = std::make_unique<BoxPool<T>>(request.tier, dtype, pool_args);
  });
  if (kernel == nullptr) return decline("no {} boxes", dtype_name(dtype));
  return kernel;
}

Result<std::unique_ptr<Kernel>> make_box_max_pool(const KernelRequest& request) {
  return make_box_pool(request, PoolMode::kMax);
}
Result<std::unique_ptr<Kernel>> make_box_average_pool(const KernelRequest& request) {
  const bool count_padding = request.node.attrs.get_int("count_include_pad") != 0;
  return make_box_pool(request, count_padding ? PoolMode::kAverageWithPads : PoolMode::kAverage);
}

OpDef pool_op(DTypeSet types) {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"X", "T", types}};
  op.outputs = {{"Y", "T", types}};
  op.attrs = window_attrs(true);
  op.attrs.push_back(int_attr("ceil_mode", 0));
  op.infer = infer;
  return op;
}

}  // namespace

OpDef op_MaxPool() {
  OpDef op = pool_op(kMaxPoolTypes);
  op.versions = {1, 8, 10, 11, 12, 22};
  op.outputs.push_back({"Indices", "I", dtype_set(DType::kInt64), Form::kOptional});
  op.attrs.push_back(int_attr("storage_order", 0));
  op.kernels = {{"reference", make_max_pool}};
  return op;
}

OpDef op_AveragePool() {
  OpDef op = pool_op(kFloatTypes);
  op.versions = {1, 7, 10, 11, 19, 22};
  op.attrs.push_back(int_attr("count_include_pad", 0));
  op.kernels = {{"reference", make_average_pool}};
  return op;
}

OpDef op_ChannelsLastMaxPool() {
  OpDef op = pool_op(kMaxPoolTypes);
  op.attrs.push_back(int_attr("storage_order", 0));
  op.attrs.push_back(int_attr("channels_last", 0));
  op.kernels = {{"boxes", make_box_max_pool}, {"reference", make_max_pool}};
  return op;
}

OpDef op_ChannelsLastAveragePool() {
  OpDef op = pool_op(kFloatTypes);
  op.attrs.push_back(int_attr("count_include_pad", 0));
  op.attrs.push_back(int_attr("channels_last", 0));
  op.kernels = {{"boxes", make_box_average_pool}, {"reference", make_average_pool}};
  return op;
}

OpDef op_LpPool() {
  OpDef op = pool_op(kFloatTypes);
  op.versions = {1, 2, 11, 18, 22};
  op.attrs.push_back(int_attr("p", 2));
  op.kernels = {{"reference", make_lp_pool}};
  return op;
}

}  // namespace sardonyx
