// Slice: a regular sub-block, forwards or backwards along each axis.
#include <limits>

#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

// Where a slice of one axis starts and how many elements it takes.
struct AxisRange {
  Dim first;
  Dim length;
};

// start and end count from the end when negative, and are clamped (spec: Slice-13). One formula
// serves numbers and symbols; a slice "to the end" stays free of min and max.
AxisRange slice_range(const Dim& dim, const Dim& start, const Dim& end, int64_t step) {
  // Exporters write the largest int32 or int64 for "to the end".
  constexpr int64_t kEnd = std::numeric_limits<int32_t>::max();
  const auto from_end = [&dim](const Dim& at) -> std::optional<Dim> {
    if (at.is_constant()) return at.value() < 0 ? dim + at : at;
    if (dim_max(at, 0) == at) return at;
    if (dim_min(at, -1) == at) return dim + at;
    return std::nullopt;  // its sign is not known
  };
  const auto s = from_end(start);
  const auto e = from_end(end);
  if (!s || !e) return {Dim::unknown(), Dim::unknown()};
  if (step > 0) {
    const bool to_end = !dim.is_constant() && end.is_constant() && end.value() >= kEnd;
    const Dim first = dim_max(*s, 0);
    const Dim last = to_end ? dim : dim_min(*e, dim);
    return {dim_min(first, dim), dim_max(0, ceil_div(last - first, step))};
  }
  // Backwards: first in [0, dim - 1], stop in [-1, dim - 1]; of an empty axis both are -1.
  const Dim last = dim - 1;
  const bool from_last =
      *s == last || (start.is_constant() && start.value() >= kEnd && !dim.is_constant());
  const Dim first = from_last ? last : dim_max(dim_min(0, last), dim_min(*s, last));
  const bool to_begin = end.is_constant() && end.value() <= -kEnd && !dim.is_constant();
  const Dim stop = to_begin ? Dim(-1) : dim_max(-1, dim_min(*e, last));
  return {first, dim_max(0, ceil_div(stop - first, step))};
}

// The numbers of starts, ends, axes and steps, when all are known.
struct SliceNumbers {
  Dims starts;
  Dims ends;
  std::vector<int64_t> axes;
  std::vector<int64_t> steps;
};

Result<std::optional<SliceNumbers>> read_numbers(InferContext& context) {
  const auto starts = context.ints(1);
  const auto ends = context.ints(2);
  const auto axes = known_numbers(context, 3);
  const auto steps = known_numbers(context, 4);
  const bool known =
      starts && ends && (axes || !context.has_input(3)) && (steps || !context.has_input(4));
  if (!known) return std::optional<SliceNumbers>();
  SliceNumbers numbers{*starts, *ends, {}, {}};
  const size_t count = starts->size();
  for (size_t i = 0; i < count; ++i) {
    if (!axes) numbers.axes.push_back(static_cast<int64_t>(i));
    if (!steps) numbers.steps.push_back(1);
  }
  if (axes) numbers.axes = *axes;
  if (steps) numbers.steps = *steps;
  if (ends->size() != count || numbers.axes.size() != count || numbers.steps.size() != count) {
    return fail(Code::kInvalidArgument,
                "starts, ends, axes and steps have {}, {}, {} and {} numbers, expected as many",
                count, ends->size(), numbers.axes.size(), numbers.steps.size());
  }
  numbers.axes = TRY(normalized_axes(context, numbers.axes, context.rank(0)));
  for (int64_t step : numbers.steps) {
    if (step == 0) return fail(Code::kInvalidArgument, "steps has a 0");
  }
  return std::optional(std::move(numbers));
}

// Axes that may change, when the bounds are not known: all of them unless axes are.
Result<void> infer_unknown_slice(InferContext& context) {
  Dims dims = context.dims(0);
  const auto axes = known_numbers(context, 3);
  const auto count = known_length(context, 1);
  if (axes) {
    for (int64_t axis : TRY(normalized_axes(context, *axes, context.rank(0)))) {
      dims[static_cast<size_t>(axis)] = Dim::unknown();
    }
  } else {
    const bool first_axes = !context.has_input(3) && count && *count <= context.rank(0);
    const size_t last = first_axes ? static_cast<size_t>(*count) : dims.size();
    for (size_t i = 0; i < last; ++i) dims[i] = Dim::unknown();
  }
  set_like_input(context, std::move(dims));
  return {};
}

Result<void> infer_slice(InferContext& context) {
  for (size_t i = 1; i <= 4; ++i) {
    if (context.has_input(i)) TRY(expect_rank(context, i, 1));
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const auto numbers = TRY(read_numbers(context));
  if (!numbers) return infer_unknown_slice(context);
  Dims dims = context.dims(0);
  std::optional<AxisRange> only;
  for (size_t i = 0; i < numbers->axes.size(); ++i) {
    Dim& dim = dims[static_cast<size_t>(numbers->axes[i])];
    only = slice_range(dim, numbers->starts[i], numbers->ends[i], numbers->steps[i]);
    dim = only->length;
  }
  const auto ints = context.peek_ints(0);
  if (ints && dims.size() == 1 && only && only->first.is_constant() && only->length.is_constant()) {
    Dims picked;
    for (int64_t i = 0; i < only->length.value(); ++i) {
      picked.push_back((*ints)[static_cast<size_t>(only->first.value() + i * numbers->steps[0])]);
    }
    context.set_output_ints(0, std::move(picked));
  } else if (ints && !only) {
    context.set_output_ints(0, *ints);
  }
  set_like_input(context, std::move(dims));
  return {};
}

// The copy for bounds that are at hand as tensors, checked by the rule.
StridedCopy slice_copy(const TensorView& data, std::span<const TensorView> inputs) {
  const IndexView starts(inputs[1]);
  const IndexView ends(inputs[2]);
  const auto given = [&](size_t i) { return i < inputs.size() && inputs[i].data != nullptr; };
  const Shape strides = dense_strides(data.shape);
  StridedCopy copy{data.dtype, data.shape, strides, {}};
  const int64_t count = inputs[1].count();
  for (int64_t i = 0; i < count; ++i) {
    int64_t axis = given(3) ? IndexView(inputs[3])[i] : i;
    const int64_t step = given(4) ? IndexView(inputs[4])[i] : 1;
    if (axis < 0) axis += static_cast<int64_t>(data.shape.rank());
    const auto a = static_cast<size_t>(axis);
    const AxisRange range = slice_range(data.shape[a], starts[i], ends[i], step);
    copy.src_offset += range.first.value() * strides[a];
    copy.extents[a] = range.length.value();
    // A single element needs no stride, and a huge step must not overflow.
    copy.src_strides[a] = range.length.value() > 1 ? strides[a] * step : 0;
  }
  copy.dst_strides = dense_strides(copy.extents);
  return copy;
}

void run_slice(const StridedCopy& copy, const Shape& shape, RunArgs& args) {
  const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
  if (args.failed() || shape.count() == 0) return;
  run_strided_copy(copy, args.inputs[0].data, dst.data, args.pool);
}

Result<std::unique_ptr<Kernel>> make_slice(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  std::vector<TensorView> constants(1);
  constants[0] = {request.inputs[0].dtype(), request.inputs[0].shape(), nullptr};
  bool fixed = true;
  for (size_t i = 1; i < request.inputs.size(); ++i) {
    const Tensor* constant = request.inputs[i].constant;
    fixed = fixed && (constant != nullptr || !request.has_input(i));
    constants.push_back(constant == nullptr ? TensorView() : constant->view());
  }
  if (!fixed) {
    return make_kernel([](RunArgs& args) {
      const StridedCopy copy = slice_copy(args.inputs[0], args.inputs);
      run_slice(copy.simplified(), copy.extents, args);
    });
  }
  const StridedCopy copy = slice_copy(constants[0], constants);
  return make_kernel([copy = copy.simplified(), shape = copy.extents](RunArgs& args) {
    run_slice(copy, shape, args);
  });
}

}  // namespace

OpDef op_Slice() {
  const DTypeSet indices = dtype_set(DType::kInt32, DType::kInt64);
  OpDef op;
  op.versions = {1, 10, 11, 13};
  op.inputs = {{"data", "T"},
               {"starts", "Tind", indices},
               {"ends", "Tind", indices},
               {"axes", "Tind", indices, Form::kOptional},
               {"steps", "Tind", indices, Form::kOptional}};
  op.outputs = {{"output", "T"}};
  op.infer = infer_slice;
  op.kernels = {{"strided copy", sub_byte_ready<make_slice>}};
  return op;
}

}  // namespace sardonyx
