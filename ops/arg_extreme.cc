// ArgMax and ArgMin: the index of the largest or smallest element along an axis; NaN counts as the
// extreme, as in numpy.
#include "ops/axis_view.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_arg(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kInt64);
    return {};
  }
  Dims dims = context.dims(0);
  const int64_t given = context.attrs().get_int("axis");
  const bool keeps = context.attrs().get_int("keepdims", 1) != 0;
  // A scalar has its own element as the only one.
  if (dims.empty() && (given == 0 || given == -1)) {
    context.set_output(0, DType::kInt64, {});
    return {};
  }
  const int64_t axis = TRY(context.axis(given, context.rank(0)));
  const Dim& length = dims[static_cast<size_t>(axis)];
  if (length.is_constant() && length.value() == 0) {
    return fail(Code::kInvalidArgument, "{} is empty along axis {}", context.describe(0), axis);
  }
  if (keeps) {
    dims[static_cast<size_t>(axis)] = Dim(1);
  } else {
    dims.erase(dims.begin() + axis);
  }
  context.set_output(0, DType::kInt64, std::move(dims));
  return {};
}

struct Options {
  AxisView view;
  bool largest = true;
  bool last = false;
};

// Whether `each` takes the place of `best`, which came before it.
template <class W>
bool replaces(W each, W best, const Options& options) {
  if (is_nan(each)) return !is_nan(best) || options.last;
  if (is_nan(best)) return false;
  if (each == best) return options.last;
  return options.largest ? each > best : each < best;
}

template <class T>
void run_arg(const Options& options, RunArgs& args) {
  const AxisView& view = options.view;
  const T* src = args.inputs[0].as<const T>();
  int64_t* dst = args.outputs[0].as<int64_t>();
  for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const T* from = src + view.first(line);
      int64_t index = 0;
      auto best = widen(from[0]);
      for (int64_t i = 1; i < view.length; ++i) {
        const auto each = widen(from[i * view.inner]);
        if (!replaces(each, best, options)) continue;
        best = each;
        index = i;
      }
      dst[line] = index;
    }
  });
}

template <bool kLargest>
Result<std::unique_ptr<Kernel>> make_arg(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  Options options;
  const Shape shape = request.inputs[0].shape();
  if (shape.rank() > 0) options.view = AxisView(shape, request.node.attrs.get_int("axis"));
  options.largest = kLargest;
  options.last = request.node.attrs.get_int("select_last_index") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([options](RunArgs& args) { run_arg<T>(options, args); });
  });
  if (kernel == nullptr) return decline("no loop for {}", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

OpDef arg_op() {
  OpDef op;
  op.versions = {1, 11, 12, 13};
  op.inputs = {{"data", "T", kNumericTypes}};
  op.outputs = {{"reduced", "", dtype_set(DType::kInt64)}};
  op.attrs = {int_attr("axis", 0), int_attr("keepdims", 1), int_attr("select_last_index", 0)};
  op.infer = infer_arg;
  op.keeps_denormals = true;
  return op;
}

}  // namespace

OpDef op_ArgMax() {
  OpDef op = arg_op();
  op.kernels = {{"reference", make_arg<true>}};
  return op;
}
OpDef op_ArgMin() {
  OpDef op = arg_op();
  op.kernels = {{"reference", make_arg<false>}};
  return op;
}

}  // namespace sardonyx
