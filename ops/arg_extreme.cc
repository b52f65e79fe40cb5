// ArgMax and ArgMin: the index of the largest or smallest element along an axis; NaN counts as the
// extreme, as in numpy.
#include <algorithm>
#include <array>
#include <limits>

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

// What is compared: the element, 16-bit floats as f32.
template <class T>
auto comparable(T element) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>) {
    return to_float(element);
  } else {
    return element;
  }
}
// As wide as what is compared, so that both are chosen in vectors of as many lanes.
template <class T>
using Index = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

// Which of two equal extremes counts.
enum class Of : uint8_t { kFirst, kLast };

// Whether `each` takes the place of `best`, which came before it; without branches.
template <bool kLargest, Of kOf, class C>
bool replaces(C each, C best) {
  if constexpr (kOf == Of::kFirst) {
    const bool is_as_good = kLargest ? each <= best : each >= best;
    return !is_as_good & !is_nan(best);
  } else {
    const bool is_as_good = kLargest ? each >= best : each <= best;
    return is_as_good | is_nan(each);
  }
}

// One line whose elements are adjacent, lane by lane, then over the lanes.
template <bool kLargest, Of kOf, class T>
int64_t extreme_of_row(const T* row, int64_t length) {
  using C = decltype(comparable(T()));
  constexpr int64_t kLanes = 16;
  C best = comparable(row[0]);
  int64_t index = 0;
  int64_t next = 1;
  if (length >= 2 * kLanes) {
    std::array<C, kLanes> bests;
    std::array<Index<T>, kLanes> steps{};
    for (size_t lane = 0; lane < kLanes; ++lane) bests[lane] = comparable(row[lane]);
    const int64_t whole = length / kLanes;
    for (int64_t step = 1; step < whole; ++step) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const C each = comparable(row[step * kLanes + static_cast<int64_t>(lane)]);
        const bool better = replaces<kLargest, kOf>(each, bests[lane]);
        bests[lane] = better ? each : bests[lane];
        steps[lane] = better ? static_cast<Index<T>>(step) : steps[lane];
      }
    }
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const int64_t at = static_cast<int64_t>(steps[lane]) * kLanes + static_cast<int64_t>(lane);
      // Of equal ones the place decides, which is not in the order of the lanes.
      const bool better = at < index ? !replaces<kLargest, kOf>(best, bests[lane])
                                     : replaces<kLargest, kOf>(bests[lane], best);
      best = better ? bests[lane] : best;
      index = better ? at : index;
    }
    next = whole * kLanes;
  }
  for (int64_t i = next; i < length; ++i) {
    const C each = comparable(row[i]);
    const bool better = replaces<kLargest, kOf>(each, best);
    best = better ? each : best;
    index = better ? i : index;
  }
  return index;
}

// `kLines` adjacent lines, element by element.
template <bool kLargest, Of kOf, int64_t kLines, class T>
void extremes_of_lines(const T* src, const AxisView& view, int64_t* dst) {
  using C = decltype(comparable(T()));
  std::array<C, kLines> bests;
  std::array<Index<T>, kLines> indices{};
  for (int64_t line = 0; line < kLines; ++line) bests[line] = comparable(src[line]);
  for (int64_t i = 1; i < view.length; ++i) {
    const T* from = src + i * view.inner;
    for (int64_t line = 0; line < kLines; ++line) {
      const C each = comparable(from[line]);
      const bool better = replaces<kLargest, kOf>(each, bests[line]);
      bests[line] = better ? each : bests[line];
      indices[line] = better ? static_cast<Index<T>>(i) : indices[line];
    }
  }
  std::copy_n(indices.begin(), kLines, dst);
}

template <bool kLargest, Of kOf, class T>
void extremes_of_columns(const T* src, const AxisView& view, int64_t lines, int64_t* dst) {
  constexpr int64_t kMany = 64, kSome = 8;
  int64_t line = 0;
  for (; line + kMany <= lines; line += kMany) {
    extremes_of_lines<kLargest, kOf, kMany>(src + line, view, dst + line);
  }
  for (; line + kSome <= lines; line += kSome) {
    extremes_of_lines<kLargest, kOf, kSome>(src + line, view, dst + line);
  }
  for (; line < lines; ++line) {
    extremes_of_lines<kLargest, kOf, 1>(src + line, view, dst + line);
  }
}

template <bool kLargest, Of kOf, class T>
void run_arg(const AxisView& view, RunArgs& args) {
  const T* src = args.inputs[0].as<const T>();
  int64_t* dst = args.outputs[0].as<int64_t>();
  if (view.inner == 1) {
    for_parts(args.pool, view.outer, view.length, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        dst[row] = extreme_of_row<kLargest, kOf>(src + row * view.length, view.length);
      }
    });
    return;
  }
  constexpr int64_t kBlockLines = 256;
  const int64_t blocks = (view.inner + kBlockLines - 1) / kBlockLines;
  const int64_t elements = std::min(kBlockLines, view.inner) * view.length;
  for_parts(args.pool, view.outer * blocks, elements, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t outer = block / blocks;
      const int64_t column = block % blocks * kBlockLines;
      extremes_of_columns<kLargest, kOf>(src + outer * view.length * view.inner + column, view,
                                         std::min(kBlockLines, view.inner - column),
                                         dst + outer * view.inner + column);
    }
  });
}

template <bool kLargest>
Result<std::unique_ptr<Kernel>> make_arg(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  AxisView view;
  const Shape shape = request.inputs[0].shape();
  if (shape.rank() > 0) view = AxisView(shape, request.node.attrs.get_int("axis"));
  if (view.length > std::numeric_limits<uint32_t>::max()) {
    return decline("an axis of {} elements is longer than 2^32 - 1", view.length);
  }
  const bool last = request.node.attrs.get_int("select_last_index") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([view, last](RunArgs& args) {
      if (last) {
        run_arg<kLargest, Of::kLast, T>(view, args);
      } else {
        run_arg<kLargest, Of::kFirst, T>(view, args);
      }
    });
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
