// Concat joins tensors along an axis, Split cuts one into pieces: block copies both.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

// Rows of `length` elements out of or into rows of `stride` elements.
StridedCopy block_copy(DType dtype, int64_t rows, int64_t length, int64_t src_stride,
                       int64_t dst_stride) {
  return StridedCopy{dtype, {rows, length}, {src_stride, 1}, {dst_stride, 1}};
}

// ---- Concat

// The known numbers of all inputs in a row; unknown ones where only their count is known.
std::optional<Dims> joined_ints(InferContext& context) {
  Dims joined;
  bool any = false;
  for (size_t i = 0; i < context.input_count(); ++i) {
    const auto length = known_length(context, i);
    if (!length || joined.size() + static_cast<size_t>(*length) > kMaxKnownInts) {
      return std::nullopt;
    }
    const auto ints = context.peek_ints(i);
    any = any || ints.has_value();
    const Dims part = ints ? *ints : unknown_dims(static_cast<size_t>(*length));
    joined.insert(joined.end(), part.begin(), part.end());
  }
  return any ? std::optional(joined) : std::nullopt;
}

Result<void> infer_concat(InferContext& context) {
  std::optional<Dims> dims;
  std::optional<int64_t> axis;
  bool all_ranked = true;
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_rank(i)) {
      all_ranked = false;
      continue;
    }
    const Dims& each = context.dims(i);
    if (!dims) {
      dims = each;
      axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(i)));
      continue;
    }
    TRY(expect_rank(context, i, static_cast<int64_t>(dims->size())));
    for (size_t d = 0; d < each.size(); ++d) {
      Dim& dim = (*dims)[d];
      if (static_cast<int64_t>(d) == *axis) {
        dim = dim + each[d];
      } else {
        dim = TRY(same_dim(dim, each[d], fmt::format("axis {} of the inputs", d)));
      }
    }
  }
  if (!dims) {
    set_like_input(context);
    return {};
  }
  if (!all_ranked) (*dims)[static_cast<size_t>(*axis)] = Dim::unknown();
  if (dims->size() == 1 && all_ranked) {
    if (auto ints = joined_ints(context)) context.set_output_ints(0, std::move(*ints));
  }
  set_like_input(context, std::move(*dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_concat(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.outputs[0].shape();
  const auto rank = static_cast<int64_t>(shape.rank());
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + rank : given);
  const int64_t rows = shape.count(0, axis);
  const int64_t stride = shape.count(axis, shape.rank());
  std::vector<StridedCopy> copies;
  int64_t offset = 0;
  for (const Operand& input : request.inputs) {
    const Shape part = input.shape();
    const int64_t length = part.count(axis, part.rank());
    StridedCopy copy = block_copy(input.dtype(), rows, length, length, stride);
    copy.dst_offset = offset;
    offset += length;
    copies.push_back(copy.simplified());
  }
  return make_kernel([copies, shape](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed()) return;
    for (size_t i = 0; i < copies.size(); ++i) {
      if (args.inputs[i].count() == 0) continue;
      run_strided_copy(copies[i], args.inputs[i].data, dst.data, args.pool);
    }
  });
}

// ---- Split

// The length of each piece along the axis.
Result<std::optional<Dims>> split_lengths(InferContext& context, const Dim& dim) {
  const size_t pieces = context.output_count();
  if (context.has_input(1)) {
    if (context.attrs().has("num_outputs")) {
      return fail(Code::kInvalidArgument, "both the input 'split' and num_outputs are given");
    }
    auto lengths = context.ints(1);
    if (!lengths) return std::optional<Dims>();
    Dim sum = 0;
    for (const Dim& length : *lengths) {
      if (length.is_constant() && length.value() < 0) {
        return fail(Code::kInvalidArgument, "split has the negative length {}", length.value());
      }
      sum = sum + length;
    }
    if (lengths->size() != pieces) {
      return fail(Code::kInvalidArgument, "split has {} lengths, but the node has {} outputs",
                  lengths->size(), pieces);
    }
    if (sum.is_constant() && dim.is_constant() && sum.value() != dim.value()) {
      return fail(Code::kInvalidArgument, "split adds up to {}, but the dim to split is {}",
                  sum.value(), dim.value());
    }
    return lengths;
  }
  const int64_t count = context.attrs().get_int("num_outputs", static_cast<int64_t>(pieces));
  if (count != static_cast<int64_t>(pieces)) {
    return fail(Code::kInvalidArgument, "num_outputs is {}, but the node has {} outputs", count,
                pieces);
  }
  // The last piece is the smaller one (spec: Split-18).
  const Dim length = ceil_div(dim, count);
  Dims lengths;
  Dim left = dim;
  for (int64_t i = 0; i < count; ++i) {
    const bool exact = i + 1 < count && !dim.is_constant();
    lengths.push_back(exact ? length : dim_max(0, dim_min(left, length)));
    left = left - length;
  }
  if (!dim.is_constant() && count > 0) lengths.back() = dim - length * Dim(count - 1);
  return std::optional(lengths);
}

Result<void> infer_split(InferContext& context) {
  const bool ranked = context.has_rank(0);
  const int64_t axis =
      ranked ? TRY(context.axis(context.attrs().get_int("axis"), context.rank(0))) : 0;
  const Dim dim = ranked ? context.dims(0)[static_cast<size_t>(axis)] : Dim::unknown();
  const auto lengths = TRY(split_lengths(context, dim));
  const auto ints = context.peek_ints(0);
  size_t first = 0;
  for (size_t i = 0; i < context.output_count(); ++i) {
    if (!ranked) {
      context.set_output(i, context.dtype(0));
      continue;
    }
    Dims dims = context.dims(0);
    dims[static_cast<size_t>(axis)] = lengths ? (*lengths)[i] : Dim::unknown();
    if (ints && lengths && all_constant(*lengths) && dims.size() == 1) {
      const auto length = static_cast<size_t>((*lengths)[i].value());
      if (first + length > ints->size()) break;
      const auto begin = ints->begin() + static_cast<ptrdiff_t>(first);
      context.set_output_ints(i, Dims(begin, begin + static_cast<ptrdiff_t>(length)));
      first += length;
    }
    context.set_output(i, context.dtype(0), std::move(dims));
  }
  return {};
}

struct Piece {
  size_t output;
  Shape shape;
  StridedCopy copy;
};

// One piece for each output somebody asks for.
std::vector<Piece> cut(const KernelRequest& request, size_t axis,
                       std::span<const int64_t> lengths) {
  const Shape shape = request.inputs[0].shape();
  const int64_t rows = shape.count(0, axis);
  const int64_t inner = shape.count(axis + 1, shape.rank());
  std::vector<Piece> pieces;
  int64_t offset = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    Shape part = shape;
    part[axis] = lengths[i];
    StridedCopy copy = block_copy(request.inputs[0].dtype(), rows, lengths[i] * inner,
                                  shape[axis] * inner, lengths[i] * inner);
    copy.src_offset = offset;
    offset += lengths[i] * inner;
    if (request.has_output(i)) pieces.push_back({i, part, copy.simplified()});
  }
  return pieces;
}

Result<std::unique_ptr<Kernel>> make_split(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.inputs[0].shape();
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + int64_t(shape.rank()) : given);
  const auto count = static_cast<int64_t>(request.outputs.size());
  const int64_t even = count == 0 ? 0 : (shape[axis] + count - 1) / count;
  std::vector<int64_t> lengths;
  int64_t left = shape[axis];
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    int64_t length = std::clamp<int64_t>(left, 0, even);
    if (request.has_output(i)) {
      length = request.outputs[i].shape()[axis];
    } else if (request.has_input(1)) {
      const Tensor* split = request.inputs[1].constant;
      if (split == nullptr) return decline("output {} is not asked for, its length unknown", i);
      length = split->as<int64_t>()[i];
    }
    lengths.push_back(length);
    left -= length;
  }
  return make_kernel([pieces = cut(request, axis, lengths)](RunArgs& args) {
    for (const Piece& piece : pieces) {
      const TensorView dst = args.allocate(piece.output, args.inputs[0].dtype, piece.shape);
      if (args.failed()) return;
      if (dst.count() == 0) continue;
      run_strided_copy(piece.copy, args.inputs[0].data, dst.data, args.pool);
    }
  });
}

}  // namespace

OpDef op_Concat() {
  OpDef op;
  op.versions = {1, 4, 11, 13};
  op.inputs = {{"inputs", "T", kAllTypes, Form::kVariadic}};
  op.outputs = {{"concat_result", "T"}};
  op.attrs = {required_attr("axis", FormalAttr::Kind::kInt)};
  op.infer = infer_concat;
  op.kernels = {{"block copy", sub_byte_ready<make_concat>}};
  return op;
}

OpDef op_Split() {
  OpDef op;
  op.versions = {1, 2, 11, 13, 18};
  op.inputs = {{"input", "T"}, {"split", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"outputs", "T", kAllTypes, Form::kVariadic}};
  op.attrs = {int_attr("axis", 0), optional_attr("num_outputs", FormalAttr::Kind::kInt)};
  op.infer = infer_split;
  op.kernels = {{"block copy", sub_byte_ready<make_split>}};
  return op;
}

}  // namespace sardonyx
