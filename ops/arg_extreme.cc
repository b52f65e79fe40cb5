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
template <bool kLargest, Of kOf>
int64_t extreme_of_row(const float* row, int64_t length) {
  constexpr int64_t kLanes = 16;
  float best = row[0];
  int64_t index = 0;
  int64_t next = 1;
  if (length >= 2 * kLanes) {
    std::array<float, kLanes> bests;
    std::array<uint32_t, kLanes> steps{};
    for (size_t lane = 0; lane < kLanes; ++lane) bests[lane] = row[lane];
    const int64_t whole = length / kLanes;
    for (int64_t step = 1; step < whole; ++step) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float each = row[step * kLanes + static_cast<int64_t>(lane)];
        const bool better = replaces<kLargest, kOf>(each, bests[lane]);
        bests[lane] = better ? each : bests[lane];
        steps[lane] = better ? static_cast<uint32_t>(step) : steps[lane];
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
    const float each = row[i];
    const bool better = replaces<kLargest, kOf>(each, best);
    best = better ? each : best;
    index = better ? i : index;
  }
  return index;
}

// `kLines` adjacent lines, element by element.
template <bool kLargest, Of kOf, int64_t kLines>
void extremes_of_lines(const float* src, const AxisView& view, int64_t* dst) {
  std::array<float, kLines> bests;
  std::array<uint32_t, kLines> indices{};
  for (int64_t line = 0; line < kLines; ++line) bests[line] = src[line];
  for (int64_t i = 1; i < view.length; ++i) {
    const float* from = src + i * view.inner;
    for (int64_t line = 0; line < kLines; ++line) {
      const float each = from[line];
      const bool better = replaces<kLargest, kOf>(each, bests[line]);
      bests[line] = better ? each : bests[line];
      indices[line] = better ? static_cast<uint32_t>(i) : indices[line];
    }
  }
  std::copy_n(indices.begin(), kLines, dst);
}

template <bool kLargest, Of kOf>
void extremes_of_columns(const float* src, const AxisView& view, int64_t lines, int64_t* dst) {
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

// f32 in lanes.
template <bool kLargest, Of kOf>
void run_lanes(const AxisView& view, RunArgs& args) {
  const auto* src = args.inputs[0].as<const float>();
  auto* dst = args.outputs[0].as<int64_t>();
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

Result<AxisView> read_view(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.inputs[0].shape();
  if (shape.rank() == 0) return AxisView();
  return AxisView(shape, request.node.attrs.get_int("axis"));
}

template <bool kLargest>
Result<std::unique_ptr<Kernel>> make_lanes(const KernelRequest& request) {
  const AxisView view = TRY(read_view(request));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (view.length > std::numeric_limits<uint32_t>::max()) {
    return decline("an axis of {} elements is longer than 2^32 - 1", view.length);
  }
  if (request.node.attrs.get_int("select_last_index") != 0) {
    return make_kernel([view](RunArgs& args) { run_lanes<kLargest, Of::kLast>(view, args); });
  }
  return make_kernel([view](RunArgs& args) { run_lanes<kLargest, Of::kFirst>(view, args); });
}

// ---- every dtype, line by line

template <class T, bool kLargest>
void run_lines(const AxisView& view, bool last, RunArgs& args) {
  const T* src = args.inputs[0].as<const T>();
  int64_t* dst = args.outputs[0].as<int64_t>();
  for_parts(args.pool, view.lines(), view.length, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const T* from = src + view.first(line);
      int64_t index = 0;
      auto best = widen(from[0]);
      for (int64_t i = 1; i < view.length; ++i) {
        const auto each = widen(from[i * view.inner]);
        const bool better = last ? replaces<kLargest, Of::kLast>(each, best)
                                 : replaces<kLargest, Of::kFirst>(each, best);
        if (!better) continue;
        best = each;
        index = i;
      }
      dst[line] = index;
    }
  });
}

template <bool kLargest>
Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  const AxisView view = TRY(read_view(request));
  const bool last = request.node.attrs.get_int("select_last_index") != 0;
  std::unique_ptr<Kernel> kernel;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t>(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([view, last](RunArgs& args) { run_lines<T, kLargest>(view, last, args); });
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
  op.kernels = {{"lanes", make_lanes<true>}, {"reference", make_reference<true>}};
  return op;
}
OpDef op_ArgMin() {
  OpDef op = arg_op();
  op.kernels = {{"lanes", make_lanes<false>}, {"reference", make_reference<false>}};
  return op;
}

}  // namespace sardonyx
