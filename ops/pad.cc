// Pad: grows or crops each axis; what is outside comes from a constant, the edge, a reflection or
// the other end.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/window.h"

namespace sardonyx {
namespace {

enum class PadMode : uint8_t { kConstant, kReflect, kEdge, kWrap };

Result<PadMode> read_mode(const AttrMap& attrs) {
  const std::string& mode = attrs.get_string("mode");
  if (mode == "constant") return PadMode::kConstant;
  if (mode == "reflect") return PadMode::kReflect;
  if (mode == "edge") return PadMode::kEdge;
  if (mode == "wrap") return PadMode::kWrap;
  return fail(Code::kInvalidArgument,
              "mode is '{}', expected 'constant', 'reflect', 'edge' or 'wrap'", mode);
}

// What can be said before the numbers are known: rank 0 has no dim that would wait for them.
Result<void> check_lengths(const InferContext& context) {
  const auto length_of = [&](size_t index) -> std::optional<int64_t> {
    const bool known =
        context.has_rank(index) && context.rank(index) == 1 && context.dims(index)[0].is_constant();
    return known ? std::optional<int64_t>(context.dims(index)[0].value()) : std::nullopt;
  };
  const auto pads = length_of(1);
  std::optional<int64_t> axes;
  if (context.has_input(3)) {
    axes = length_of(3);
  } else if (context.has_rank(0)) {
    axes = context.rank(0);
  }
  if (pads && axes && *pads != 2 * *axes) {
    return fail(Code::kInvalidArgument,
                "pads has {} numbers, expected {} (two for each of {} axes)", *pads, 2 * *axes,
                *axes);
  }
  if (!context.has_rank(2) || !all_constant(context.dims(2))) return {};
  for (const Dim& dim : context.dims(2)) {
    if (dim == Dim(1)) continue;
    return fail(Code::kInvalidArgument, "{} must be one number", context.describe(2));
  }
  return {};
}

Result<void> infer_pad(InferContext& context) {
  const PadMode mode = TRY(read_mode(context.attrs()));
  TRY(expect_rank(context, 1, 1));
  TRY(check_lengths(context));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const auto rank = context.dims(0).size();
  const auto pads = context.ints(1);
  const auto given = known_numbers(context, 3);
  if (!pads || (context.has_input(3) && !given)) {
    set_like_input(context, unknown_dims(rank));
    return {};
  }
  std::vector<int64_t> axes;
  if (given) {
    axes = TRY(normalized_axes(context, *given, context.rank(0)));
  } else {
    for (size_t i = 0; i < rank; ++i) axes.push_back(static_cast<int64_t>(i));
  }
  if (pads->size() != 2 * axes.size()) {
    return fail(Code::kInvalidArgument,
                "pads has {} numbers, expected {} (two for each of {} axes)", pads->size(),
                2 * axes.size(), axes.size());
  }
  Dims dims = context.dims(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    Dim& dim = dims[static_cast<size_t>(axes[i])];
    const Dim before = dim;
    const Dim& begin = (*pads)[i];
    const Dim& end = (*pads)[i + axes.size()];
    dim = dim + begin + end;
    if (!dim.is_constant() || !begin.is_constant() || !end.is_constant()) continue;
    // What is left after cropping, which is what the other modes repeat.
    const Dim kept = before + dim_min(begin, 0) + dim_min(end, 0);
    if (dim.value() < 0 || kept.value() < 0) {
      return fail(Code::kInvalidArgument,
                  "pads {} and {} crop more than the {} elements of axis {}", begin.value(),
                  end.value(), before.to_string(), axes[i]);
    }
    if (mode != PadMode::kConstant && kept == Dim(0) && dim.value() > 0) {
      return fail(Code::kInvalidArgument, "axis {} has no element to repeat", axes[i]);
    }
  }
  set_like_input(context, std::move(dims));
  return {};
}

// Where each position of an output axis reads its input axis; -1: the constant.
std::vector<int64_t> source_positions(int64_t dim, int64_t begin, int64_t end, PadMode mode) {
  const int64_t first = std::max<int64_t>(-begin, 0);  // kept elements are [first, last)
  const int64_t last = dim - std::max<int64_t>(-end, 0);
  const int64_t length = last - first;
  std::vector<int64_t> sources(static_cast<size_t>(dim + begin + end));
  for (size_t i = 0; i < sources.size(); ++i) {
    int64_t at = static_cast<int64_t>(i) - std::max<int64_t>(begin, 0);
    if (at < 0 || at >= length) {
      const int64_t period =
          mode == PadMode::kReflect ? std::max<int64_t>(2 * (length - 1), 1) : length;
      switch (mode) {
        case PadMode::kConstant:
          sources[i] = -1;
          continue;
        case PadMode::kEdge:
          at = at < 0 ? 0 : length - 1;
          break;
        case PadMode::kReflect:
        case PadMode::kWrap:
          at = ((at % period) + period) % period;
          break;
      }
      if (mode == PadMode::kReflect && at >= length) at = period - at;
    }
    sources[i] = first + at;
  }
  return sources;
}

// The axes up to the last padded one; the rest moves as blocks.
struct PadPlan {
  Shape src;  // dims of the moving axes
  Shape dst;
  int64_t block = 1;
  std::vector<std::vector<int64_t>> sources;  // for each moving axis
};

PadPlan plan_pad(const Shape& shape, const IndexView& pads, const IndexView& axes,
                 int64_t axis_count, PadMode mode) {
  const auto rank = static_cast<int64_t>(shape.rank());
  std::vector<int64_t> begin(shape.rank(), 0);
  std::vector<int64_t> end(shape.rank(), 0);
  for (int64_t i = 0; i < axis_count; ++i) {
    const int64_t axis = axes.data == nullptr ? i : (axes[i] < 0 ? axes[i] + rank : axes[i]);
    begin[static_cast<size_t>(axis)] = pads[i];
    end[static_cast<size_t>(axis)] = pads[i + axis_count];
  }
  size_t moving = shape.rank();
  while (moving > 0 && begin[moving - 1] == 0 && end[moving - 1] == 0) --moving;
  PadPlan plan;
  plan.block = shape.count(moving, shape.rank());
  for (size_t i = 0; i < moving; ++i) {
    plan.src.push_back(shape[i]);
    plan.dst.push_back(shape[i] + begin[i] + end[i]);
    plan.sources.push_back(source_positions(shape[i], begin[i], end[i], mode));
  }
  return plan;
}

// Positions of the last moving axis that read neighbours, or the constant.
struct PadRun {
  int64_t source;  // of the first; -1: the constant
  int64_t count;
};

std::vector<PadRun> runs_of(const std::vector<int64_t>& sources) {
  std::vector<PadRun> runs;
  for (size_t i = 0; i < sources.size();) {
    size_t next = i + 1;
    if (sources[i] < 0) {
      while (next < sources.size() && sources[next] < 0) ++next;
    } else {
      while (next < sources.size() && sources[next] == sources[next - 1] + 1) ++next;
    }
    runs.push_back({sources[i], static_cast<int64_t>(next - i)});
    i = next;
  }
  return runs;
}

template <class T>
void pad_row(std::span<const PadRun> runs, int64_t block, const T* src, const T& constant, T* dst) {
  for (const PadRun& run : runs) {
    const int64_t count = run.count * block;
    if (run.source < 0) {
      std::fill_n(dst, count, constant);
    } else if (count == 1) {
      *dst = src[run.source];
    } else {
      std::copy_n(src + run.source * block, count, dst);
    }
    dst += count;
  }
}

// Rows are all positions of the last moving axis.
template <class T>
void run_pad(const PadPlan& plan, const T* src, const T& constant, T* dst, ThreadPool* pool) {
  const size_t last = plan.dst.rank() - 1;
  const int64_t src_row = plan.src[last] * plan.block;
  const int64_t dst_row = plan.dst[last] * plan.block;
  const std::vector<PadRun> runs = runs_of(plan.sources[last]);
  Shape lines;
  for (size_t i = 0; i < last; ++i) lines.push_back(plan.dst[i]);
  const auto pad_rows = [&](int64_t first, int64_t end) {
    Odometer at(lines, first);
    for (int64_t row = first; row < end; ++row, at.next()) {
      int64_t from = 0;
      bool outside = false;
      for (size_t i = 0; i < last; ++i) {
        const int64_t source = plan.sources[i][static_cast<size_t>(at[i])];
        outside = outside || source < 0;
        from = from * plan.src[i] + source;
      }
      if (outside) {
        std::fill_n(dst + row * dst_row, dst_row, constant);
      } else {
        pad_row<T>(runs, plan.block, src + from * src_row, constant, dst + row * dst_row);
      }
    }
  };
  parallel_ranges(pool, plan.dst.count(0, last), dst_row * int64_t{sizeof(T)}, pad_rows);
}

Result<std::unique_ptr<Kernel>> make_pad(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const PadMode mode = TRY(read_mode(request.node.attrs));
  const Shape src = request.inputs[0].shape();
  const Shape shape = request.outputs[0].shape();
  const bool has_value = request.has_input(2);
  const bool has_axes = request.has_input(3);
  return make_kernel([=](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    const IndexView axes = has_axes ? IndexView(args.inputs[3]) : IndexView();
    const int64_t axis_count = args.inputs[1].count() / 2;
    const PadPlan plan = plan_pad(src, IndexView(args.inputs[1]), axes, axis_count, mode);
    if (plan.src.empty()) return copy_elements(args.inputs[0], dst);
    with_cell(dst.dtype, [&]<class T>() {
      const T constant = has_value ? *args.inputs[2].as<const T>() : T();
      run_pad(plan, args.inputs[0].as<const T>(), constant, dst.as<T>(), args.pool);
    });
  });
}

}  // namespace

OpDef op_Pad() {
  OpDef op;
  op.versions = {1, 2, 11, 13, 18, 19, 21, 23, 24, 25};
  op.inputs = {{"data", "T"},
               {"pads", "", dtype_set(DType::kInt64)},
               {"constant_value", "T", kAllTypes, Form::kOptional},
               {"axes", "Tind", dtype_set(DType::kInt32, DType::kInt64), Form::kOptional}};
  op.outputs = {{"output", "T"}};
  op.attrs = {string_attr("mode", "constant")};
  op.infer = infer_pad;
  op.kernels = {{"rows", sub_byte_ready<make_pad>}};
  return op;
}

}  // namespace sardonyx
