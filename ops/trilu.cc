// Trilu, OneHot, ReverseSequence: rows rewritten by position.
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// ---- Trilu: the upper or lower triangle of each matrix, zeros elsewhere

Result<void> infer_trilu(InferContext& context) {
  TRY(expect_min_rank(context, 0, 2));
  if (context.has_rank(1) && product(context.dims(1)).is_constant() &&
      product(context.dims(1)).value() != 1) {
    return fail(Code::kInvalidArgument, "{} must be a scalar", context.describe(1));
  }
  context.set_output(0, context.input(0));
  return {};
}

Result<std::unique_ptr<Kernel>> make_trilu(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  const bool upper = request.node.attrs.get_int("upper") != 0;
  const bool has_k = request.has_input(1);
  return make_kernel([=](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    const int64_t rows = shape[shape.rank() - 2];
    const int64_t columns = shape.back();
    const int64_t given = has_k ? *args.inputs[1].as<const int64_t>() : 0;
    const int64_t k = std::clamp(given, -rows - 1, columns + 1);
    with_cell(dst.dtype, [&]<class T>() {
      const T* src = args.inputs[0].as<const T>();
      parallel_ranges(args.pool, shape.count() / columns, columns * int64_t{sizeof(T)},
                      [&](int64_t first, int64_t last) {
                        for (int64_t row = first; row < last; ++row) {
                          // Upper keeps columns from r + k on, lower up to r + k.
                          const int64_t diagonal = row % rows + k + (upper ? 0 : 1);
                          const int64_t cut = std::clamp<int64_t>(diagonal, 0, columns);
                          const T* from = src + row * columns;
                          T* to = dst.as<T>() + row * columns;
                          std::fill(to + (upper ? 0 : cut), to + (upper ? cut : columns), T());
                          std::copy(from + (upper ? cut : 0), from + (upper ? columns : cut),
                                    to + (upper ? cut : 0));
                        }
                      });
    });
  });
}

// ---- OneHot

template <class Fn>
bool visit_number(DType dtype, Fn&& fn) {
  return visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                     uint32_t, int64_t, uint64_t>(dtype, fn);
}

// An element as a whole number; fractions are cut.
int64_t whole_number(const TensorView& tensor, int64_t index) {
  int64_t number = 0;
  visit_number(tensor.dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const auto wide = widen(tensor.as<T>()[index]);
    if constexpr (is_number_float<T>) {
      number = wide > -0x1p62 && wide < 0x1p62 ? static_cast<int64_t>(wide) : -(int64_t{1} << 62);
    } else {
      number = static_cast<int64_t>(wide);
    }
  });
  return number;
}

Result<void> infer_one_hot(InferContext& context) {
  TRY(expect_rank(context, 2, 1));
  if (context.has_rank(2)) TRY(same_dim(context.dims(2)[0], 2, "the length of values and 2"));
  if (context.has_rank(1) && product(context.dims(1)).is_constant() &&
      product(context.dims(1)).value() != 1) {
    return fail(Code::kInvalidArgument, "{} must be one number", context.describe(1));
  }
  const DType dtype = context.dtype(2);
  if (!context.has_rank(0)) {
    context.set_output(0, dtype);
    return {};
  }
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0) + 1));
  Dim depth = Dim::unknown();
  if (const auto ints = context.peek_ints(1)) depth = (*ints)[0];
  if (!depth.is_constant()) {
    if (const Tensor* tensor = context.constant(1)) depth = whole_number(tensor->view(), 0);
  }
  constexpr int64_t kMaxDepth = int64_t{1} << 40;
  if (depth.is_constant() && (depth.value() < 0 || depth.value() > kMaxDepth)) {
    return fail(Code::kInvalidArgument, "depth is {}", depth.value());
  }
  Dims dims = context.dims(0);
  dims.insert(dims.begin() + axis, depth);
  context.set_output(0, dtype, std::move(dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_one_hot(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.outputs[0].shape();
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + int64_t(shape.rank()) : given);
  const int64_t inner = shape.count(axis + 1, shape.rank());
  return make_kernel([=, depth = shape[axis]](RunArgs& args) {
    const TensorView& indices = args.inputs[0];
    const TensorView dst = args.allocate(0, args.inputs[2].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(dst.dtype, [&]<class T>() {
      const T off = args.inputs[2].as<const T>()[0];
      const T on = args.inputs[2].as<const T>()[1];
      std::fill_n(dst.as<T>(), shape.count(), off);
      for (int64_t i = 0; i < indices.count(); ++i) {
        const int64_t index = whole_number(indices, i);
        if (index < -depth || index >= depth) continue;  // all off (spec: OneHot-11)
        const int64_t at = index < 0 ? index + depth : index;
        dst.as<T>()[(i / inner * depth + at) * inner + i % inner] = on;
      }
    });
  });
}

// ---- ReverseSequence

Result<void> infer_reverse_sequence(InferContext& context) {
  TRY(expect_min_rank(context, 0, 2));
  TRY(expect_rank(context, 1, 1));
  const int64_t batch = context.attrs().get_int("batch_axis");
  const int64_t time = context.attrs().get_int("time_axis");
  if (batch + time != 1 || batch * time != 0) {
    return fail(Code::kInvalidArgument,
                "batch_axis is {} and time_axis {}, expected 0 and 1 or 1 and 0", batch, time);
  }
  if (context.has_rank(0) && context.has_rank(1)) {
    TRY(same_dim(context.dims(0)[static_cast<size_t>(batch)], context.dims(1)[0],
                 "the batch and the length of sequence_lens"));
  }
  context.set_output(0, context.input(0));
  return {};
}

Result<std::unique_ptr<Kernel>> make_reverse_sequence(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  const bool batch_first = request.node.attrs.get_int("batch_axis") == 0;
  return make_kernel([shape, batch_first](RunArgs& args) {
    const int64_t batches = shape[batch_first ? 0 : 1];
    const int64_t steps = shape[batch_first ? 1 : 0];
    const int64_t block = shape.count(2, shape.rank());
    const auto* lengths = args.inputs[1].as<const int64_t>();
    for (int64_t b = 0; b < batches; ++b) {
      if (lengths[b] >= 0 && lengths[b] <= steps) continue;
      return args.report(
          Code::kInvalidArgument,
          fmt::format("sequence_lens[{}] is {}, but there are {} steps", b, lengths[b], steps));
    }
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed()) return;
    with_cell(dst.dtype, [&]<class T>() {
      const T* src = args.inputs[0].as<const T>();
      for (int64_t b = 0; b < batches; ++b) {
        for (int64_t t = 0; t < steps; ++t) {
          const int64_t from = t < lengths[b] ? lengths[b] - 1 - t : t;
          const auto at = [&](int64_t step) {
            return (batch_first ? b * steps + step : step * batches + b) * block;
          };
          std::copy_n(src + at(from), block, dst.as<T>() + at(t));
        }
      }
    });
  });
}

}  // namespace

OpDef op_Trilu() {
  OpDef op;
  op.versions = {14};
  op.inputs = {{"input", "T"}, {"k", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"output", "T"}};
  op.attrs = {int_attr("upper", 1)};
  op.infer = infer_trilu;
  op.kernels = {{"rows", sub_byte_ready<make_trilu>}};
  return op;
}

OpDef op_OneHot() {
  OpDef op;
  op.versions = {9, 11};
  op.inputs = {{"indices", "T1", kNumericTypes}, {"depth", "T2", kNumericTypes}, {"values", "T3"}};
  op.outputs = {{"output", "T3"}};
  op.attrs = {int_attr("axis", -1)};
  op.infer = infer_one_hot;
  op.kernels = {{"reference", sub_byte_ready<make_one_hot>}};
  return op;
}

OpDef op_ReverseSequence() {
  OpDef op;
  op.versions = {10};
  op.inputs = {{"input", "T"}, {"sequence_lens", "", dtype_set(DType::kInt64)}};
  op.outputs = {{"Y", "T"}};
  op.attrs = {int_attr("batch_axis", 1), int_attr("time_axis", 0)};
  op.infer = infer_reverse_sequence;
  op.kernels = {{"block copy", sub_byte_ready<make_reverse_sequence>}};
  return op;
}

}  // namespace sardonyx
