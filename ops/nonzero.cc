// NonZero and Compress: what is not zero, and where; the output shape depends on the data.
#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// One flag per element: not zero, not false, not "".
std::vector<bool> nonzero_flags(const TensorView& x) {
  const int64_t count = x.count();
  std::vector<bool> flags(static_cast<size_t>(count));
  const auto fill = [&](auto is_set) {
    for (int64_t i = 0; i < count; ++i) flags[static_cast<size_t>(i)] = is_set(i);
  };
  if (x.dtype == DType::kString) {
    fill([&](int64_t i) { return !x.as<std::string>()[i].empty(); });
  } else if (x.dtype == DType::kComplex64) {
    fill([&](int64_t i) { return x.as<float>()[2 * i] != 0 || x.as<float>()[2 * i + 1] != 0; });
  } else if (x.dtype == DType::kComplex128) {
    fill([&](int64_t i) { return x.as<double>()[2 * i] != 0 || x.as<double>()[2 * i + 1] != 0; });
  } else {
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t, bool>(x.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      fill([&](int64_t i) { return widen(x.as<T>()[i]) != 0; });
    });
  }
  return flags;
}

// ---- NonZero

Result<void> infer_nonzero(InferContext& context) {
  const Dim rank = context.has_rank(0) ? Dim(context.rank(0)) : Dim::unknown();
  context.set_output(0, DType::kInt64, {rank, Dim::unknown()});
  return {};
}

Result<std::unique_ptr<Kernel>> make_nonzero(const KernelRequest&) {
  return make_kernel([](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    const std::vector<bool> flags = nonzero_flags(x);
    const auto found = static_cast<int64_t>(std::count(flags.begin(), flags.end(), true));
    const auto rank = static_cast<int64_t>(x.shape.rank());
    const TensorView dst = args.allocate(0, DType::kInt64, {rank, found});
    if (args.failed()) return;
    int64_t column = 0;
    for (size_t i = 0; i < flags.size(); ++i) {
      if (!flags[i]) continue;
      auto left = static_cast<int64_t>(i);
      for (int64_t d = rank; d-- > 0;) {
        const int64_t dim = x.shape[static_cast<size_t>(d)];
        dst.as<int64_t>()[d * found + column] = left % dim;
        left /= dim;
      }
      ++column;
    }
  });
}

// ---- Compress

Result<void> infer_compress(InferContext& context) {
  TRY(expect_rank(context, 1, 1));
  if (!context.attrs().has("axis")) {
    set_like_input(context, unknown_dims(1));
    return {};
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
  Dims dims = context.dims(0);
  dims[static_cast<size_t>(axis)] = Dim::unknown();
  set_like_input(context, std::move(dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_compress(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const bool flat = !attrs.has("axis");
  return make_kernel([flat, axis = attrs.get_int("axis")](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    const auto condition = args.inputs[1].elements<const bool>();
    Shape shape = flat ? Shape{x.count()} : x.shape;
    const auto at = static_cast<size_t>(!flat && axis < 0 ? axis + int64_t(shape.rank()) : axis);
    const size_t a = flat ? 0 : at;
    // The condition may be shorter than the axis; one set beyond it is out of range.
    std::vector<int64_t> kept;
    for (size_t i = 0; i < condition.size(); ++i) {
      if (!condition[i]) continue;
      if (static_cast<int64_t>(i) >= shape[a]) {
        return args.report(
            Code::kInvalidArgument,
            fmt::format("condition[{}] is true, but axis {} has {} elements", i, a, shape[a]));
      }
      kept.push_back(static_cast<int64_t>(i));
    }
    const int64_t outer = shape.count(0, a);
    const int64_t dim = shape[a];
    const int64_t inner = shape.count(a + 1, shape.rank());
    shape[a] = static_cast<int64_t>(kept.size());
    const TensorView dst = args.allocate(0, x.dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(x.dtype, [&]<class T>() {
      T* to = dst.as<T>();
      for (int64_t row = 0; row < outer; ++row) {
        for (int64_t index : kept) {
          to = std::copy_n(x.as<const T>() + (row * dim + index) * inner, inner, to);
        }
      }
    });
  });
}

}  // namespace

OpDef op_NonZero() {
  const DTypeSet types = kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
  OpDef op;
  op.versions = {9, 13};
  op.inputs = {{"X", "T", types}};
  op.outputs = {{"Y", "", dtype_set(DType::kInt64)}};
  op.infer = infer_nonzero;
  op.keeps_denormals = true;
  op.kernels = {{"reference", make_nonzero}};
  return op;
}

OpDef op_Compress() {
  OpDef op;
  op.versions = {9, 11};
  op.inputs = {{"input", "T"}, {"condition", "T1", dtype_set(DType::kBool)}};
  op.outputs = {{"output", "T"}};
  op.attrs = {optional_attr("axis", FormalAttr::Kind::kInt)};
  op.infer = infer_compress;
  op.kernels = {{"reference", sub_byte_ready<make_compress>}};
  return op;
}

}  // namespace sardonyx
