// ScatterElements and ScatterND: a copy of data with updates put in
// at indices, replaced or combined. Updates are taken in order, so that repeated indices give the
// same bits every time.
#include <cmath>
#include <cstring>
#include <mutex>

#include "ops/axis_view.h"
#include "ops/cells.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr int64_t kFewElements = 16384;  // for one thread
constexpr DTypeSet kIndexTypes = dtype_set(DType::kInt32, DType::kInt64);

// dst[i] = dst[i] (+) src[i] for `count` elements.
using Combine = void (*)(void* dst, const void* src, int64_t count);

template <class T>
void replace(void* dst, const void* src, int64_t count) {
  std::copy_n(static_cast<const T*>(src), count, static_cast<T*>(dst));
}

struct Add {
  template <class W>
  static W apply(W a, W b) {
    if constexpr (std::is_same_v<W, int64_t>) {
      return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    } else {
      return a + b;
    }
  }
};
struct Multiply {
  template <class W>
  static W apply(W a, W b) {
    if constexpr (std::is_same_v<W, int64_t>) {
      return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    } else {
      return a * b;
    }
  }
};
struct Largest {
  template <class W>
  static W apply(W a, W b) {
    return is_nan(a) || a > b ? a : b;  // a NaN stays
  }
};
struct Smallest {
  template <class W>
  static W apply(W a, W b) {
    return is_nan(a) || a < b ? a : b;
  }
};

template <class T, class Op>
void combine(void* dst, const void* src, int64_t count) {
  auto* to = static_cast<T*>(dst);
  const auto* from = static_cast<const T*>(src);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<T, bool>) {
      to[i] = Op::template apply<int64_t>(to[i], from[i]) != 0;
    } else {
      to[i] = narrow<T>(Op::template apply<Wide<T>>(widen(to[i]), widen(from[i])));
    }
  }
}

template <class Op>
Combine find_reduction(DType dtype) {
  Combine found = nullptr;
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t, bool>(
      dtype, [&](auto tag) { found = combine<typename decltype(tag)::Type, Op>; });
  return found;
}

Result<Combine> find_combine(const AttrMap& attrs, DType dtype) {
  const std::string& reduction = attrs.get_string("reduction");
  Combine found = nullptr;
  if (reduction.empty() || reduction == "none") {
    with_cell(dtype, [&]<class T>() { found = replace<T>; });
  } else if (reduction == "add") {
    found = find_reduction<Add>(dtype);
  } else if (reduction == "mul") {
    found = find_reduction<Multiply>(dtype);
  } else if (reduction == "max") {
    found = find_reduction<Largest>(dtype);
  } else if (reduction == "min") {
    found = find_reduction<Smallest>(dtype);
  } else {
    return fail(Code::kInvalidArgument,
                "reduction is '{}', expected 'none', 'add', 'mul', 'max' or 'min'", reduction);
  }
  if (found == nullptr) {
    return fail(Code::kInvalidArgument, "reduction '{}' has no meaning for {}", reduction,
                dtype_name(dtype));
  }
  return found;
}

// Runs fn(args, dst) after copying data to the output, unless the planner laid one over the other.
template <class Fn>
class ScatterKernel final : public Kernel {
 public:
  explicit ScatterKernel(Fn fn) : fn_(std::move(fn)) {}
  void run(RunArgs& args) const override {
    const TensorView& data = args.inputs[0];
    const TensorView dst = args.allocate(0, data.dtype, data.shape);
    if (args.failed()) return;
    if (dst.data != data.data) copy_elements(data, dst);
    fn_(args, dst);
  }
  bool can_overwrite(size_t input, size_t output) const override {
    return input == 0 && output == 0;
  }

 private:
  Fn fn_;
};
template <class Fn>
std::unique_ptr<Kernel> make_scatter_kernel(Fn fn) {
  return std::make_unique<ScatterKernel<Fn>>(std::move(fn));
}

size_t cell_bytes(DType dtype) { return dtype_bytes(dtype, 1); }

// ---- ScatterElements

Result<void> infer_scatter_elements(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  if (context.dtype(0) != DType::kUndefined) {
    TRY(find_combine(context.attrs(), context.dtype(0)));
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  TRY(expect_rank(context, 1, context.rank(0)));
  TRY(expect_rank(context, 2, context.rank(0)));
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
  for (size_t i = 0; context.has_rank(1) && i < context.dims(0).size(); ++i) {
    const Dim& have = context.dims(0)[i];
    const Dim& want = context.dims(1)[i];
    if (context.has_rank(2)) {
      TRY(same_dim(want, context.dims(2)[i], fmt::format("axis {} of indices and updates", i)));
    }
    if (static_cast<int64_t>(i) != axis && have.is_constant() && want.is_constant() &&
        want.value() > have.value()) {
      return fail(Code::kInvalidArgument, "indices {} reach beyond {} on axis {}",
                  context.describe(1), context.describe(0), i);
    }
  }
  set_like_input(context, context.dims(0));
  return {};
}

// An index that lies outside of its dim, from any thread, and what to say of it.
class BadIndex {
 public:
  // Whether `index` counts elements of `dim`, from either end; makes it count from the first.
  bool settle(int64_t& index, int64_t dim) {
    if (index >= -dim && index < dim) {
      if (index < 0) index += dim;
      return true;
    }
    const std::lock_guard lock(mutex_);
    found_ = {index, dim};
    return false;
  }
  void report(RunArgs& args) const {
    if (!found_) return;
    args.report(Code::kInvalidArgument,
                fmt::format("index {} is out of range: the dim has {} elements", found_->first,
                            found_->second));
  }

 private:
  std::mutex mutex_;
  std::optional<std::pair<int64_t, int64_t>> found_;
};

// Updates as lines along the axis: of `length` rows of `inner` elements, which lie together in the
// updates and, where the axes behind are as long, in the data.
struct ScatterLines {
  Shape data, shape;
  size_t axis;
  int64_t inner = 1, data_inner = 1;
  bool adjacent = true;

  ScatterLines(const Shape& data, const Shape& shape, int64_t given)
      : data(data),
        shape(shape),
        axis(static_cast<size_t>(given < 0 ? given + static_cast<int64_t>(data.rank()) : given)) {
    inner = shape.count(axis + 1, shape.rank());
    data_inner = data.count(axis + 1, data.rank());
    for (size_t d = axis + 1; d < data.rank(); ++d) adjacent &= shape[d] == data[d];
  }
  int64_t outer() const { return shape.count(0, axis); }
  int64_t length() const { return shape[axis]; }

  // Where element `index` of axes [first, last) of the updates is in the data.
  int64_t place(int64_t index, size_t first, size_t last) const {
    int64_t offset = 0, step = 1;
    for (size_t d = last; d-- > first;) {
      offset += index % shape[d] * step;
      index /= shape[d];
      step *= data[d];
    }
    return offset;
  }
};

// Columns of a line, row after row, so that where indices repeat the last one stays.
class ScatterColumns {
 public:
  static constexpr int64_t kMost = 1024;

  ScatterColumns(const ScatterLines& lines, Combine apply, const RunArgs& args,
                 const TensorView& dst, BadIndex& bad)
      : lines_(lines),
        apply_(apply),
        bytes_(static_cast<int64_t>(cell_bytes(dst.dtype))),
        indices_(args.inputs[1]),
        src_(args.inputs[2].as<const char>()),
        dst_(dst.as<char>()),
        bad_(bad) {}

  void run(int64_t outer, int64_t column, int64_t count) {
    const int64_t dim = lines_.data[lines_.axis], inner = lines_.data_inner;
    const int64_t first = lines_.place(outer, 0, lines_.axis) * dim * inner;
    for (int64_t i = 0; i < lines_.length(); ++i) {
      const int64_t at = (outer * lines_.length() + i) * lines_.inner + column;
      bool same = true;
      for (int64_t c = 0; c < count; ++c) {
        index_[c] = indices_[at + c];
        if (!bad_.settle(index_[c], dim)) return;
        same &= index_[c] == index_[0];
      }
      const char* src = src_ + at * bytes_;
      if (same && lines_.adjacent) {
        apply_(dst_ + (first + index_[0] * inner + column) * bytes_, src, count);
        continue;
      }
      for (int64_t c = 0; c < count; ++c, src += bytes_) {
        const int64_t place = lines_.adjacent
                                  ? column + c
                                  : lines_.place(column + c, lines_.axis + 1, lines_.data.rank());
        apply_(dst_ + (first + index_[c] * inner + place) * bytes_, src, 1);
      }
    }
  }

 private:
  const ScatterLines& lines_;
  const Combine apply_;
  const int64_t bytes_;
  const IndexView indices_;
  const char* const src_;
  char* const dst_;
  BadIndex& bad_;
  int64_t index_[kMost];
};

Result<std::unique_ptr<Kernel>> make_scatter_elements(const KernelRequest& request) {
  const DType dtype = request.inputs[0].dtype();
  const Combine apply = TRY(find_combine(request.node.attrs, dtype));
  const ScatterLines lines(request.inputs[0].shape(), request.inputs[1].shape(),
                           request.node.attrs.get_int("axis"));
  return make_scatter_kernel([=](RunArgs& args, const TensorView& dst) {
    if (lines.shape.count() == 0) return;
    constexpr int64_t kMost = ScatterColumns::kMost;
    const int64_t tiles = (lines.inner + kMost - 1) / kMost;
    BadIndex bad;
    for_parts(args.pool, lines.outer() * tiles, lines.length() * std::min(lines.inner, kMost),
              [&](int64_t begin, int64_t end) {
                ScatterColumns columns(lines, apply, args, dst, bad);
                for (int64_t task = begin; task < end; ++task) {
                  const int64_t column = task % tiles * kMost;
                  columns.run(task / tiles, column, std::min(kMost, lines.inner - column));
                }
              });
    bad.report(args);
  });
}

// ---- ScatterND

Result<void> infer_scatter_nd(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  TRY(expect_min_rank(context, 1, 1));
  if (context.dtype(0) != DType::kUndefined) {
    TRY(find_combine(context.attrs(), context.dtype(0)));
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const Dims& data = context.dims(0);
  if (context.has_rank(1) && context.dims(1).back().is_constant()) {
    const Dims& indices = context.dims(1);
    const int64_t depth = indices.back().value();
    if (depth < 0 || depth > context.rank(0)) {
      return fail(Code::kInvalidArgument, "the last dim of {} is {}, but must be in [0, {}]",
                  context.describe(1), depth, context.rank(0));
    }
    Dims wanted(indices.begin(), indices.end() - 1);
    wanted.insert(wanted.end(), data.begin() + depth, data.end());
    TRY(expect_rank(context, 2, static_cast<int64_t>(wanted.size())));
    for (size_t i = 0; context.has_rank(2) && i < wanted.size(); ++i) {
      TRY(same_dim(wanted[i], context.dims(2)[i], fmt::format("axis {} of updates", i)));
    }
  }
  set_like_input(context, data);
  return {};
}

Result<std::unique_ptr<Kernel>> make_scatter_nd(const KernelRequest& request) {
  const DType dtype = request.inputs[0].dtype();
  const Shape data = request.inputs[0].shape();
  const Shape indices = request.inputs[1].shape();
  const Combine apply = TRY(find_combine(request.node.attrs, dtype));
  const auto depth = static_cast<size_t>(indices.back());
  const int64_t count = indices.count(0, indices.rank() - 1);
  const int64_t block = data.count(depth, data.rank());
  return make_scatter_kernel([=](RunArgs& args, const TensorView& dst) {
    const auto* index = args.inputs[1].as<const int64_t>();
    const auto bytes = static_cast<int64_t>(cell_bytes(dst.dtype));
    const auto* src = args.inputs[2].as<const char>();
    BadIndex bad;
    std::vector<int64_t> places(static_cast<size_t>(count));
    for (int64_t& place : places) {
      for (size_t k = 0; k < depth; ++k) {
        int64_t each = *index++;
        if (!bad.settle(each, data[k])) return bad.report(args);
        place = place * data[k] + each;
      }
    }
    // Parts of all blocks, in their order.
    const int64_t parts = count * block < kFewElements ? 1 : std::min<int64_t>(block, 64);
    args.pool->parallel_for(parts, [&](int64_t part) {
      const int64_t begin = block * part / parts, end = block * (part + 1) / parts;
      const char* from = src + begin * bytes;
      for (const int64_t place : places) {
        apply(dst.as<char>() + (place * block + begin) * bytes, from, end - begin);
        from += block * bytes;
      }
    });
  });
}

OpDef scatter_op(std::vector<int> versions, DTypeSet indices, InferRule infer, MakeKernel make) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = {{"data", "T"}, {"indices", "Tind", indices}, {"updates", "T"}};
  op.outputs = {{"output", "T"}};
  op.infer = infer;
  op.kernels = {{"reference", make}};
  return op;
}

}  // namespace

OpDef op_ScatterElements() {
  OpDef op = scatter_op({11, 13, 16, 18}, kIndexTypes, infer_scatter_elements,
                        sub_byte_ready<make_scatter_elements>);
  op.attrs = {int_attr("axis", 0), string_attr("reduction", "none")};
  return op;
}

OpDef op_ScatterND() {
  OpDef op = scatter_op({11, 13, 16, 18}, dtype_set(DType::kInt64), infer_scatter_nd,
                        sub_byte_ready<make_scatter_nd>);
  op.attrs = {string_attr("reduction", "none")};
  return op;
}

}  // namespace sardonyx
