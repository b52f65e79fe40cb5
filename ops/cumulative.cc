// CumSum and CumProd: running sums and products along an axis. Floats run in f64, integers wrap.
#include <array>
#include <type_traits>

#include "ops/axis_view.h"
#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_cumulative(InferContext& context) {
  const bool is_list = context.has_rank(1) && context.rank(1) == 1;
  const bool is_long =
      is_list && context.dims(1)[0].is_constant() && context.dims(1)[0].value() != 1;
  if (is_long || (context.has_rank(1) && context.rank(1) > 1)) {
    return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(1));
  }
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  if (context.rank(0) == 0) {
    return fail(Code::kInvalidArgument, "{} is a scalar and has no axis", context.describe(0));
  }
  // The axis is checked here, so a plan waits for it though the shape does not depend on it.
  if (const auto axis = known_numbers(context, 1)) {
    if (axis->size() == 1) TRY(context.axis((*axis)[0], context.rank(0)));
  }
  context.set_output(0, context.dtype(0), context.dims(0));
  return {};
}

template <class T, bool kProduct>
void run_cumulative(bool exclusive, bool reverse, RunArgs& args) {
  using W = Wide<T>;
  const AxisView view(args.inputs[0].shape, IndexView(args.inputs[1])[0]);
  const T* src = args.inputs[0].as<const T>();
  T* dst = args.outputs[0].as<T>();
  // `kLines` adjacent lines from element `first` on.
  const auto run_lines = [&]<size_t kLines>(std::integral_constant<size_t, kLines>, int64_t first) {
    std::array<W, kLines> running;
    running.fill(kProduct ? W(1) : W(0));
    for (int64_t i = 0; i < view.length; ++i) {
      const int64_t at = first + (reverse ? view.length - 1 - i : i) * view.inner;
      for (size_t line = 0; line < kLines; ++line) {
        const W before = running[line];
        const W each = widen(src[at + static_cast<int64_t>(line)]);
        running[line] =
            kProduct ? multiply_add(before, each, W(0)) : multiply_add(each, W(1), before);
        dst[at + static_cast<int64_t>(line)] = narrow<T>(exclusive ? before : running[line]);
      }
    }
  };
  const auto run_one = [&](int64_t line) {
    run_lines(std::integral_constant<size_t, 1>(), view.first(line));
  };
  // Adjacent lines, where there are such, together; of the common dtypes, for the size of the code.
  constexpr bool kTogether = !kProduct && (std::is_same_v<T, float> || std::is_same_v<T, int64_t>);
  constexpr int64_t kLines = 16;
  for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
    int64_t line = begin;
    if constexpr (kTogether) {
      while (line + kLines <= end) {
        if (line % view.inner + kLines > view.inner) {
          run_one(line++);
          continue;
        }
        run_lines(std::integral_constant<size_t, kLines>(), view.first(line));
        line += kLines;
      }
    }
    while (line < end) run_one(line++);
  });
}

template <bool kProduct>
Result<std::unique_ptr<Kernel>> make_cumulative(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const bool exclusive = request.node.attrs.get_int("exclusive") != 0;
  const bool reverse = request.node.attrs.get_int("reverse") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_matrix_number(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([exclusive, reverse](RunArgs& args) {
      run_cumulative<T, kProduct>(exclusive, reverse, args);
    });
  });
  if (kernel == nullptr) return decline("no loop for {}", dtype_name(request.inputs[0].dtype()));
  return kernel;
}

OpDef cumulative_op(std::vector<int> versions) {
  const DTypeSet types =
      kFloatTypes | dtype_set(DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64);
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"x", "T", types}, {"axis", "T2", dtype_set(DType::kInt32, DType::kInt64)}};
  op.outputs = {{"y", "T", types}};
  op.attrs = {int_attr("exclusive", 0), int_attr("reverse", 0)};
  op.infer = infer_cumulative;
  return op;
}

}  // namespace

OpDef op_CumSum() {
  OpDef op = cumulative_op({11, 14});
  op.kernels = {{"reference", make_cumulative<false>}};
  return op;
}
OpDef op_CumProd() {
  OpDef op = cumulative_op({26});
  op.kernels = {{"reference", make_cumulative<true>}};
  return op;
}

}  // namespace sardonyx
