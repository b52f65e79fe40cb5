// ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
// ReduceSum ReduceSumSquare: a fold over the reduced elements and a last step. f32 folds in
// vectors, in f64 beyond a block; everything else in f64 or 64-bit integers that wrap around.
#include "ops/reduce/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "ops/elementwise/convert_number.h"
#include "ops/fold_run.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/reduce/layout.h"
#include "ops/rule_parts.h"

namespace sardonyx {

std::vector<int64_t> reduce_axes(const TensorView* axes, bool noop_when_empty, int64_t rank) {
  std::vector<int64_t> result;
  const bool given = axes != nullptr && axes->data != nullptr && axes->count() > 0;
  if (given) {
    for (const int64_t axis : axes->elements<const int64_t>()) {
      result.push_back(axis < 0 ? axis + rank : axis);
    }
  } else if (!noop_when_empty) {
    for (int64_t axis = 0; axis < rank; ++axis) result.push_back(axis);
  }
  return result;
}

namespace {

// ---- types and shapes

Result<void> infer_reduce(InferContext& context) {
  const DType dtype = context.dtype(0);
  if (context.has_input(1) && context.has_rank(1) && context.rank(1) > 1) {
    return fail(Code::kInvalidArgument, "{} must have rank 1", context.describe(1));
  }
  const bool keeps = context.attrs().get_int("keepdims", 1) != 0;
  const bool noop = context.attrs().get_int("noop_with_empty_axes") != 0;
  if (!context.has_rank(0)) {
    context.set_output(0, dtype);
    return {};
  }
  const int64_t rank = context.rank(0);
  std::vector<int64_t> axes;
  if (context.has_input(1)) {
    const auto numbers = known_numbers(context, 1);
    if (!numbers) {
      const auto length = known_length(context, 1);
      if (keeps) {
        context.set_output(0, dtype, unknown_dims(static_cast<size_t>(rank)));
      } else if (length && *length > 0 && *length <= rank) {
        context.set_output(0, dtype, unknown_dims(static_cast<size_t>(rank - *length)));
      } else {
        context.set_output(0, dtype);
      }
      return {};
    }
    axes = TRY(normalized_axes(context, *numbers, rank));
  }
  if (axes.empty() && !noop) {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  Dims dims;
  for (int64_t axis = 0; axis < rank; ++axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (!reduced) dims.push_back(context.dims(0)[static_cast<size_t>(axis)]);
    if (reduced && keeps) dims.emplace_back(1);
  }
  context.set_output(0, dtype, std::move(dims));
  return {};
}

// Sums, products and extremes of known integers, for shape arithmetic.
enum class IntFold : uint8_t { kNone, kSum, kProd, kMax, kMin };

template <IntFold kFold>
Result<void> infer_with_ints(InferContext& context) {
  TRY(infer_reduce(context));
  const auto ints = context.peek_ints(0);
  const bool is_index = context.dtype(0) == DType::kInt64 || context.dtype(0) == DType::kInt32;
  if (!ints || ints->empty() || !is_index || !context.has_rank(0) || context.rank(0) != 1)
    return {};
  if (context.has_input(1) && !known_numbers(context, 1)) return {};
  if (context.attrs().get_int("noop_with_empty_axes") != 0) return {};
  // Near the ends of the dtype elements wrap around, and what is known would not.
  const auto is_modest = [](const Dim& dim) {
    return !dim.is_constant() || std::abs(dim.value()) < (int64_t{1} << 31);
  };
  Dim folded = (*ints)[0];
  for (size_t i = 1; i < ints->size(); ++i) {
    const Dim& dim = (*ints)[i];
    if (!is_modest(dim) || !is_modest(folded)) return {};
    switch (kFold) {
      case IntFold::kSum:
        folded = folded + dim;
        break;
      case IntFold::kProd:
        folded = folded * dim;
        break;
      case IntFold::kMax:
        folded = dim_max(folded, dim);
        break;
      default:
        folded = dim_min(folded, dim);
    }
  }
  if (!is_modest(folded)) return {};
  context.set_output_ints(0, {folded});
  return {};
}

// ---- the folds; W is double, int64_t or uint64_t

template <class W>
W wrapping_sum(W a, W b) {
  return multiply_add(a, W(1), b);
}
template <class W>
W magnitude(W x) {
  if constexpr (std::is_same_v<W, double>) return std::fabs(x);
  if constexpr (std::is_same_v<W, uint64_t>) return x;
  return x < W(0) ? wrapping_sum(multiply_add(x, W(-2), W(0)), x) : x;
}
// A real result as an element; integers are cut towards zero.
template <class W>
W from_real(double number) {
  return convert_number<double, W>(number);
}

struct Sum {
  template <class W>
  static W first() {
    return 0;
  }
  template <class W>
  static W fold(W sum, W x) {
    return wrapping_sum(sum, x);
  }
  // Two folds in one.
  template <class W>
  static W join(W a, W b) {
    return wrapping_sum(a, b);
  }
  template <class W>
  static W last(W sum, int64_t /*count*/) {
    return sum;
  }
};
struct Mean : Sum {
  template <class W>
  static W last(W sum, int64_t count) {
    if constexpr (!std::is_same_v<W, double>) {
      if (count == 0) return 0;
    }
    return sum / static_cast<W>(count);
  }
};
struct L1 : Sum {
  template <class W>
  static W fold(W sum, W x) {
    return wrapping_sum(sum, magnitude(x));
  }
};
struct SumSquare : Sum {
  template <class W>
  static W fold(W sum, W x) {
    return multiply_add(x, x, sum);
  }
};
struct L2 : SumSquare {
  template <class W>
  static W last(W sum, int64_t /*count*/) {
    return from_real<W>(std::sqrt(static_cast<double>(sum)));
  }
};
struct LogSum : Sum {
  template <class W>
  static W last(W sum, int64_t /*count*/) {
    return from_real<W>(std::log(static_cast<double>(sum)));
  }
};
struct Prod : Sum {
  template <class W>
  static W first() {
    return 1;
  }
  template <class W>
  static W fold(W product, W x) {
    return multiply_add(product, x, W(0));
  }
  template <class W>
  static W join(W a, W b) {
    return fold(a, b);
  }
};
// NaN where any element is.
struct Max : Sum {
  template <class W>
  static W first() {
    return std::is_same_v<W, double> ? from_real<W>(-HUGE_VAL) : std::numeric_limits<W>::min();
  }
  template <class W>
  static W fold(W best, W x) {
    return ((x > best) | is_nan(x)) ? x : best;
  }
  template <class W>
  static W join(W a, W b) {
    return fold(a, b);
  }
};
struct Min : Sum {
  template <class W>
  static W first() {
    return std::is_same_v<W, double> ? W(HUGE_VAL) : std::numeric_limits<W>::max();
  }
  template <class W>
  static W fold(W best, W x) {
    return ((x < best) | is_nan(x)) ? x : best;
  }
  template <class W>
  static W join(W a, W b) {
    return fold(a, b);
  }
};

// ---- the reference, for every dtype

// The limits of T, where an empty reduction gives those of its wide type.
template <class T, class Op>
Wide<T> empty_result() {
  using W = Wide<T>;
  if constexpr (std::is_integral_v<T> && std::is_same_v<Op, Max>) {
    return std::numeric_limits<T>::min();
  } else if constexpr (std::is_integral_v<T> && std::is_same_v<Op, Min>) {
    return std::numeric_limits<T>::max();
  } else {
    return Op::template last<W>(Op::template first<W>(), 0);
  }
}

// The reduced elements of one output after the other: the innermost axis is a loop of its own, the
// others are walked, once around per output.
class ReducedElements {
 public:
  explicit ReducedElements(const ReduceLayout& layout)
      : inner_(layout.reduced.empty() ? WalkAxis{1, 0} : layout.reduced.back()),
        runs_(layout.reduced_count / std::max<int64_t>(1, inner_.dim)),
        outer_(std::span(layout.reduced).first(std::max<size_t>(1, layout.reduced.size()) - 1)) {}

  template <class T, class Fold, class Join>
  Wide<T> fold(const T* src, Wide<T> first, Fold fold, Join join) {
    Wide<T> total = first;
    for (int64_t run = 0; run < runs_; ++run, outer_.next()) {
      total = join(total,
                   fold_run(src + outer_.offset(), inner_.dim, inner_.stride, first, fold, join));
    }
    return total;
  }

 private:
  WalkAxis inner_;
  int64_t runs_;
  Walk outer_;
};

template <class T, class Op>
T reduce_one(ReducedElements& elements, int64_t count, const T* src) {
  using W = Wide<T>;
  if (count == 0) return narrow<T>(empty_result<T, Op>());
  const W folded = elements.fold(
      src, Op::template first<W>(), [](W a, W x) { return Op::template fold<W>(a, x); },
      [](W a, W b) { return Op::template join<W>(a, b); });
  return narrow<T>(Op::template last<W>(folded, count));
}

struct LogSumExp {};

// log sum e^x = m + log sum e^(x - m), m the largest.
template <class T>
T log_sum_exp(ReducedElements& elements, const T* src) {
  using W = Wide<T>;
  const auto larger = [](W a, W b) { return Max::fold<W>(a, b); };
  const auto largest = static_cast<double>(elements.fold(src, Max::first<W>(), larger, larger));
  const double shift = std::isfinite(largest) ? largest : 0;
  double sum = 0;
  elements.fold(
      src, W(0),
      [&](W, W x) {
        sum += std::exp(static_cast<double>(x) - shift);
        return W(0);
      },
      [](W, W) { return W(0); });
  return narrow<T>(from_real<W>(std::log(sum) + shift));
}

template <class T, class Op>
void reduce_range(const ReduceLayout& layout, const T* src, T* dst, int64_t first, int64_t last) {
  ReducedElements elements(layout);
  Walk kept(layout.kept, first);
  for (int64_t i = first; i < last; ++i, kept.next()) {
    const T* from = src + kept.offset();
    if constexpr (std::is_same_v<Op, LogSumExp>) {
      dst[i] = log_sum_exp(elements, from);
    } else {
      dst[i] = reduce_one<T, Op>(elements, layout.reduced_count, from);
    }
  }
}

// Outputs per task: about this many elements of work, whatever the number of threads.
constexpr int64_t kTaskElements = 16384;
int64_t outputs_per_task(const ReduceLayout& layout) {
  return std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, layout.reduced_count));
}

template <class Fn>
void for_output_ranges(ThreadPool* pool, int64_t outputs, int64_t per_task, Fn&& fn) {
  pool->parallel_for((outputs + per_task - 1) / per_task, [&](int64_t task) {
    fn(task * per_task, std::min(outputs, (task + 1) * per_task));
  });
}

// ---- f32

struct F32Plan {
  ReduceLoops loops;
  ReduceKind kind;
};

double join_totals(ReduceKind kind, double a, double b) {
  switch (kind) {
    case ReduceKind::kMax:
      return Max::fold(a, b);
    case ReduceKind::kMin:
      return Min::fold(a, b);
    default:
      return a + b;
  }
}
double first_total(ReduceKind kind) {
  return kind == ReduceKind::kMax ? -HUGE_VAL : kind == ReduceKind::kMin ? HUGE_VAL : 0;
}

// The reduced elements of each output lie in runs: runs are folded in blocks, blocks in f64.
template <class Last>
void reduce_rows(const F32Plan& plan, const ReduceLayout& layout, const float* src, float* dst,
                 ThreadPool* pool, const Last& last_step) {
  constexpr int64_t kBlock = 1024;
  const auto outer = std::span(layout.reduced).first(layout.reduced.size() - 1);
  const int64_t run = layout.reduced.back().dim;
  const int64_t runs = layout.reduced_count / run;
  const bool end_to_end = layout.kept.size() == 1 && layout.kept[0].stride == run;
  if (runs == 1 && end_to_end && run > 1 && run <= kMostOfShortRow &&
      plan.loops.short_rows != nullptr) {
    for_output_ranges(pool, layout.outputs, outputs_per_task(layout),
                      [&](int64_t first, int64_t last) {
                        plan.loops.short_rows(src + first * run, run,
                                              static_cast<size_t>(last - first), dst + first);
                        for (int64_t i = first; i < last; ++i) {
                          dst[i] = static_cast<float>(last_step(double{dst[i]}, run));
                        }
                      });
    return;
  }
  for_output_ranges(
      pool, layout.outputs, outputs_per_task(layout), [&](int64_t first, int64_t last) {
        Walk kept(layout.kept, first);
        Walk walk(outer);
        for (int64_t i = first; i < last; ++i, kept.next()) {
          const float* from = src + kept.offset();
          double total = first_total(plan.kind);
          for (int64_t r = 0; r < runs; ++r, walk.next()) {
            for (int64_t b = 0; b < run; b += kBlock) {
              const auto count = static_cast<size_t>(std::min(kBlock, run - b));
              total =
                  join_totals(plan.kind, total, plan.loops.run(from + walk.offset() + b, count));
            }
          }
          dst[i] = static_cast<float>(last_step(total, layout.reduced_count));
        }
      });
}

// Neighbouring outputs lie end to end: rows are added into as many accumulators, some rows in f32,
// these in f64.
template <class Last>
void reduce_columns(const F32Plan& plan, const ReduceLayout& layout, const float* src, float* dst,
                    ThreadPool* pool, const Last& last_step) {
  constexpr int64_t kColumns = 512, kRows = 64;
  const int64_t columns = layout.kept.back().dim;
  const int64_t tiles = (columns + kColumns - 1) / kColumns;
  const auto outer = std::span(layout.kept).first(layout.kept.size() - 1);
  pool->parallel_for(layout.outputs / columns * tiles, [&](int64_t task) {
    const int64_t row = task / tiles, column = task % tiles * kColumns;
    const auto count = static_cast<size_t>(std::min(kColumns, columns - column));
    const float* from = src + Walk(outer, row).offset() + column;
    alignas(64) float sums[kColumns];
    double totals[kColumns];
    float* to = dst + row * columns + column;
    Walk walk(layout.reduced);
    if (layout.reduced_count <= kRows) {
      std::fill_n(sums, count, static_cast<float>(first_total(plan.kind)));
      for (int64_t i = 0; i < layout.reduced_count; ++i, walk.next()) {
        plan.loops.add_row(from + walk.offset(), count, sums);
      }
      for (size_t c = 0; c < count; ++c) {
        to[c] = static_cast<float>(last_step(double{sums[c]}, layout.reduced_count));
      }
      return;
    }
    std::fill_n(totals, count, first_total(plan.kind));
    for (int64_t r = 0; r < layout.reduced_count; r += kRows) {
      std::fill_n(sums, count, static_cast<float>(first_total(plan.kind)));
      for (int64_t i = r; i < std::min(r + kRows, layout.reduced_count); ++i, walk.next()) {
        plan.loops.add_row(from + walk.offset(), count, sums);
      }
      for (size_t c = 0; c < count; ++c) totals[c] = join_totals(plan.kind, totals[c], sums[c]);
    }
    for (size_t c = 0; c < count; ++c) {
      to[c] = static_cast<float>(last_step(totals[c], layout.reduced_count));
    }
  });
}

// ---- kernels

// Axes may come as data; then the layout is made when the kernel runs.
struct AxesSource {
  bool noop;
  std::optional<ReduceLayout> fixed;

  explicit AxesSource(const KernelRequest& request)
      : noop(request.node.attrs.get_int("noop_with_empty_axes") != 0) {
    const bool from_input = request.has_input(1);
    const Tensor* constant = from_input ? request.inputs[1].constant : nullptr;
    if (from_input && constant == nullptr) return;
    fixed = layout(request.inputs[0].shape(), constant == nullptr ? nullptr : &constant->view());
  }
  ReduceLayout layout(const Shape& shape, const TensorView* axes) const {
    return ReduceLayout(shape, reduce_axes(axes, noop, static_cast<int64_t>(shape.rank())));
  }
  // fn(layout) for this run.
  template <class Fn>
  void with_layout(const RunArgs& args, Fn&& fn) const {
    if (fixed) return fn(*fixed);
    fn(layout(args.inputs[0].shape, args.inputs.size() > 1 ? &args.inputs[1] : nullptr));
  }
};

// reduce_range with its types behind it: one kernel serves all operators and dtypes.
using RangeFn = void (*)(const ReduceLayout& layout, const void* src, void* dst, int64_t first,
                         int64_t last);

template <class Op>
RangeFn range_of(DType dtype) {
  RangeFn range = nullptr;
  // A boolean is the byte 0 or 1, whose extremes are booleans.
  visit_dtype<float, double, Float16, Bfloat16, int32_t, uint32_t, int64_t, uint64_t, int8_t,
              uint8_t, bool>(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    range = [](const ReduceLayout& layout, const void* src, void* dst, int64_t first,
               int64_t last) {
      reduce_range<T, Op>(layout, static_cast<const T*>(src), static_cast<T*>(dst), first, last);
    };
  });
  return range;
}

Result<std::unique_ptr<Kernel>> make_plain(const KernelRequest& request, RangeFn range) {
  TRY(expect_concrete_outputs(request));
  if (range == nullptr) return decline("no loop for {}", dtype_name(request.inputs[0].dtype()));
  return make_kernel([source = AxesSource(request), range](RunArgs& args) {
    source.with_layout(args, [&](const ReduceLayout& layout) {
      const TensorView dst = args.allocate(0, args.inputs[0].dtype, args.outputs[0].shape);
      if (args.failed()) return;
      for_output_ranges(args.pool, layout.outputs, outputs_per_task(layout),
                        [&](int64_t first, int64_t last) {
                          range(layout, args.inputs[0].data, dst.data, first, last);
                        });
    });
  });
}

template <class Op>
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_plain(request, range_of<Op>(request.inputs[0].dtype()));
}

template <class Op, ReduceKind kKind>
Result<std::unique_ptr<Kernel>> make_vectors(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  if (request.inputs[0].dtype() != DType::kFloat32) {
    return decline("{}, not float32", dtype_name(request.inputs[0].dtype()));
  }
  AxesSource source(request);
  if (!source.fixed) return decline("axes are not known before the run");
  const ReduceLayout& layout = *source.fixed;
  if (layout.reduced_count == 0 || layout.outputs == 0) return decline("nothing to reduce");
  const bool rows = layout.rows();
  if (!rows && !layout.columns()) return decline("no axis is contiguous");
  const F32Plan plan{reduce_table(request.tier).loops[static_cast<size_t>(kKind)], kKind};
  return make_kernel([plan, rows, layout](RunArgs& args) {
    const auto* from = args.inputs[0].as<const float>();
    auto* to = args.outputs[0].as<float>();
    const auto last = [](double total, int64_t count) {
      return Op::template last<double>(total, count);
    };
    if (rows) {
      reduce_rows(plan, layout, from, to, args.pool, last);
    } else {
      reduce_columns(plan, layout, from, to, args.pool, last);
    }
  });
}

constexpr DTypeSet kReduceTypes =
    kFloatTypes | dtype_set(DType::kInt32, DType::kInt64, DType::kUint32, DType::kUint64);
constexpr DTypeSet kExtremeTypes =
    kReduceTypes | dtype_set(DType::kInt8, DType::kUint8, DType::kBool);

template <class Op>
OpDef reduce_op(std::vector<int> versions, DTypeSet types = kReduceTypes) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"data", "T", types}, {"axes", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"reduced", "T", types}};
  op.attrs = {int_attr("keepdims", 1), int_attr("noop_with_empty_axes", 0)};
  op.infer = infer_reduce;
  op.kernels = {{"reference", make_reference<Op>}};
  return op;
}

template <class Op, ReduceKind kKind>
OpDef vector_op(std::vector<int> versions, DTypeSet types = kReduceTypes) {
  OpDef op = reduce_op<Op>(std::move(versions), types);
  op.kernels.insert(op.kernels.begin(), {"vectors", make_vectors<Op, kKind>});
  return op;
}

}  // namespace

OpDef op_ReduceL1() { return vector_op<L1, ReduceKind::kAbs>({1, 11, 13, 18}); }
OpDef op_ReduceL2() { return vector_op<L2, ReduceKind::kSquare>({1, 11, 13, 18}); }
OpDef op_ReduceLogSum() { return vector_op<LogSum, ReduceKind::kSum>({1, 11, 13, 18}); }
OpDef op_ReduceLogSumExp() { return reduce_op<LogSumExp>({1, 11, 13, 18}); }
OpDef op_ReduceMax() {
  OpDef op = vector_op<Max, ReduceKind::kMax>({1, 11, 12, 13, 18, 20}, kExtremeTypes);
  op.infer = infer_with_ints<IntFold::kMax>;
  return op;
}
OpDef op_ReduceMean() { return vector_op<Mean, ReduceKind::kSum>({1, 11, 13, 18}); }
OpDef op_ReduceMin() {
  OpDef op = vector_op<Min, ReduceKind::kMin>({1, 11, 12, 13, 18, 20}, kExtremeTypes);
  op.infer = infer_with_ints<IntFold::kMin>;
  return op;
}
OpDef op_ReduceProd() {
  OpDef op = reduce_op<Prod>({1, 11, 13, 18});
  op.infer = infer_with_ints<IntFold::kProd>;
  return op;
}
OpDef op_ReduceSum() {
  OpDef op = vector_op<Sum, ReduceKind::kSum>({1, 11, 13});
  op.infer = infer_with_ints<IntFold::kSum>;
  return op;
}
OpDef op_ReduceSumSquare() { return vector_op<SumSquare, ReduceKind::kSquare>({1, 11, 13, 18}); }

}  // namespace sardonyx
