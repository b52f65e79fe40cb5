// ScatterElements and ScatterND: a copy of data with updates put in
// at indices, replaced or combined. Updates are taken in order, so that repeated indices give the
// same bits every time.
#include <cmath>
#include <cstring>

#include "ops/cells.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

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

void report_index(RunArgs& args, int64_t index, int64_t dim) {
  args.report(Code::kInvalidArgument,
              fmt::format("index {} is out of range: the dim has {} elements", index, dim));
}

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

Result<std::unique_ptr<Kernel>> make_scatter_elements(const KernelRequest& request) {
  const DType dtype = request.inputs[0].dtype();
  const Shape data = request.inputs[0].shape();
  const Shape shape = request.inputs[1].shape();
  const Combine apply = TRY(find_combine(request.node.attrs, dtype));
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + int64_t(data.rank()) : given);
  return make_scatter_kernel([=](RunArgs& args, const TensorView& dst) {
    const IndexView indices(args.inputs[1]);
    const auto bytes = static_cast<int64_t>(cell_bytes(dst.dtype));
    const auto* src = args.inputs[2].as<const char>();
    Shape at(shape.rank(), 0);
    const int64_t count = shape.count();
    for (int64_t i = 0; i < count; ++i) {
      int64_t index = indices[i];
      if (index < -data[axis] || index >= data[axis]) return report_index(args, index, data[axis]);
      if (index < 0) index += data[axis];
      int64_t offset = 0;
      for (size_t d = 0; d < at.rank(); ++d)
        offset = offset * data[d] + (d == axis ? index : at[d]);
      apply(dst.as<char>() + offset * bytes, src + i * bytes, 1);
      for (size_t d = at.rank(); d-- > 0;) {
        if (++at[d] < shape[d]) break;
        at[d] = 0;
      }
    }
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
    const auto bytes = static_cast<int64_t>(cell_bytes(dst.dtype)) * block;
    const auto* src = args.inputs[2].as<const char>();
    for (int64_t i = 0; i < count; ++i) {
      int64_t at = 0;
      for (size_t k = 0; k < depth; ++k) {
        int64_t each = *index++;
        if (each < -data[k] || each >= data[k]) return report_index(args, each, data[k]);
        if (each < 0) each += data[k];
        at = at * data[k] + each;
      }
      apply(dst.as<char>() + at * bytes, src + i * bytes, block);
    }
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
