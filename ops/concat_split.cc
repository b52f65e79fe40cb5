// Concat joins tensors along an axis, Split cuts one into pieces: block copies both.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

// Rows of `length` elements: those of a piece, and their place in the rows of the whole.
struct Block {
  int64_t length = 0, offset = 0;
  int64_t stride = 0;  // from one row of the piece to the next
};

// The pieces of a whole with `rows` rows of `stride` elements; joins or cuts them.
class BlockCopies {
 public:
  BlockCopies(DType dtype, int64_t rows, int64_t width, bool joins)
      : dtype_(dtype), rows_(rows), width_(width), stride_(width), joins_(joins) {}

  void add(int64_t length, int64_t offset) { blocks_.push_back({length, offset, length}); }
  int64_t width() const { return width_; }
  int64_t length(size_t piece) const { return blocks_[piece].length; }
  void set_stride(int64_t stride) { stride_ = stride; }
  void set_piece_stride(size_t piece, int64_t stride) { blocks_[piece].stride = stride; }

  // Operands without data are left out.
  void run(std::span<const TensorView> pieces, void* whole, ThreadPool* pool) const {
    with_cell(dtype_, [&]<class T>() {
      auto* elements = static_cast<T*>(whole);
      // All pieces of some rows by one thread, which works on the same rows before and after; few
      // rows are long ones, and each is divided.
      constexpr int64_t kManyRows = 64;
      if (rows_ >= kManyRows) {
        parallel_ranges(pool, rows_, width_ * int64_t{sizeof(T)}, [&](int64_t first, int64_t last) {
          for (int64_t row = first; row < last; row += kRowsAtOnce) {
            copy_rows(pieces, elements, row, std::min(row + kRowsAtOnce, last));
          }
        });
        return;
      }
      for (int64_t row = 0; row < rows_; ++row) {
        parallel_ranges(pool, width_, sizeof(T), [&](int64_t first, int64_t last) {
          copy_row(pieces, elements, row, first, last);
        });
      }
    });
  }

 private:
  // Piece by piece: one that is a single column is read along it.
  static constexpr int64_t kRowsAtOnce = 32;
  template <class T>
  void copy_rows(std::span<const TensorView> pieces, T* whole, int64_t row, int64_t end) const {
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const Block& block = blocks_[i];
      if (pieces[i].data == nullptr) continue;
      T* const piece = static_cast<T*>(pieces[i].data);
      T* const place = whole + block.offset;
      if (block.length == 1 && joins_) {
        for (int64_t r = row; r < end; ++r) place[r * stride_] = piece[r * block.stride];
      } else if (block.length == 1) {
        for (int64_t r = row; r < end; ++r) piece[r * block.stride] = place[r * stride_];
      } else {
        for (int64_t r = row; r < end; ++r) {
          T* const from = joins_ ? piece + r * block.stride : place + r * stride_;
          std::copy_n(from, block.length, joins_ ? place + r * stride_ : piece + r * block.stride);
        }
      }
    }
  }

  // Elements [first, last) of one row of the whole.
  template <class T>
  void copy_row(std::span<const TensorView> pieces, T* whole, int64_t row, int64_t first,
                int64_t last) const {
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const Block& block = blocks_[i];
      const int64_t begin = std::max<int64_t>(first - block.offset, 0);
      const int64_t end = std::min(last - block.offset, block.length);
      if (begin >= end || pieces[i].data == nullptr) continue;
      T* piece = static_cast<T*>(pieces[i].data) + row * block.stride;
      T* place = whole + row * stride_ + block.offset;
      if (joins_) {
        std::copy(piece + begin, piece + end, place + begin);
      } else {
        std::copy(place + begin, place + end, piece + begin);
      }
    }
  }

  DType dtype_;
  int64_t rows_ = 0;
  int64_t width_ = 0, stride_ = 0;  // of the rows of the whole
  bool joins_ = true;
  std::vector<Block> blocks_;
};

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

class ConcatKernel final : public Kernel {
 public:
  ConcatKernel(BlockCopies copies, DType dtype, const Shape& shape)
      : copies_(std::move(copies)), dtype_(dtype), shape_(shape) {}

  void run(RunArgs& args) const override {
    const TensorView dst = args.allocate(0, dtype_, shape_);
    if (args.failed()) return;
    copies_.run(args.inputs, dst.data, args.pool);
  }
  // Short rows that lie apart take longer to read than is saved where they are written.
  bool takes_stride(size_t input, int64_t row) const override {
    constexpr int64_t kShortRow = 128;
    return row == copies_.length(input) && row >= kShortRow;
  }
  bool gives_stride(size_t, int64_t row) const override { return row == copies_.width(); }
  void set_input_stride(size_t input, int64_t stride) override {
    copies_.set_piece_stride(input, stride);
  }
  void set_output_stride(size_t, int64_t stride) override { copies_.set_stride(stride); }

 private:
  BlockCopies copies_;
  DType dtype_;
  Shape shape_;
};

Result<std::unique_ptr<Kernel>> make_concat(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.outputs[0].shape();
  const auto rank = static_cast<int64_t>(shape.rank());
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + rank : given);
  const int64_t rows = shape.count(0, axis);
  const int64_t stride = shape.count(axis, shape.rank());
  BlockCopies copies(request.outputs[0].dtype(), rows, stride, true);
  int64_t offset = 0;
  for (const Operand& input : request.inputs) {
    const Shape part = input.shape();
    const int64_t length = part.count(axis, part.rank());
    copies.add(length, offset);
    offset += length;
  }
  return std::make_unique<ConcatKernel>(std::move(copies), request.outputs[0].dtype(), shape);
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

class SplitKernel final : public Kernel {
 public:
  SplitKernel(BlockCopies copies, std::vector<Shape> shapes)
      : copies_(std::move(copies)), shapes_(std::move(shapes)) {}

  void run(RunArgs& args) const override {
    for (size_t i = 0; i < shapes_.size(); ++i) {
      args.allocate(i, args.inputs[0].dtype, shapes_[i]);
      if (args.failed()) return;
    }
    copies_.run(args.outputs, args.inputs[0].data, args.pool);
  }
  bool takes_stride(size_t input, int64_t row) const override {
    return input == 0 && row == copies_.width();
  }
  bool gives_stride(size_t output, int64_t row) const override {
    return row == copies_.length(output);
  }
  void set_input_stride(size_t, int64_t stride) override { copies_.set_stride(stride); }
  void set_output_stride(size_t output, int64_t stride) override {
    copies_.set_piece_stride(output, stride);
  }

 private:
  BlockCopies copies_;
  std::vector<Shape> shapes_;
};

Result<std::unique_ptr<Kernel>> make_split(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.inputs[0].shape();
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + int64_t(shape.rank()) : given);
  const auto count = static_cast<int64_t>(request.outputs.size());
  const int64_t even = count == 0 ? 0 : (shape[axis] + count - 1) / count;
  const int64_t inner = shape.count(axis + 1, shape.rank());
  BlockCopies copies(request.inputs[0].dtype(), shape.count(0, axis), shape[axis] * inner, false);
  std::vector<Shape> shapes;
  int64_t offset = 0;
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
    copies.add(length * inner, offset);
    offset += length * inner;
    shapes.push_back(shape);
    shapes.back()[axis] = length;
    left -= length;
  }
  return std::make_unique<SplitKernel>(std::move(copies), std::move(shapes));
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
