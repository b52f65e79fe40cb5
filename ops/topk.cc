// TopK: the K largest or smallest elements of each row along an axis, with their indices. Equal
// elements come in the order of their indices; NaN counts as the largest.
#include <numeric>

#include "ops/cells.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

Result<void> infer_topk(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  if (context.has_rank(1) && product(context.dims(1)).is_constant() &&
      product(context.dims(1)).value() != 1) {
    return fail(Code::kInvalidArgument, "{} must hold one number", context.describe(1));
  }
  if (!context.has_rank(0)) {
    set_like_input(context);
    context.set_output(1, DType::kInt64);
    return {};
  }
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
  Dims dims = context.dims(0);
  Dim& dim = dims[static_cast<size_t>(axis)];
  const auto k = context.ints(1);
  const Dim wanted = k && k->size() == 1 ? (*k)[0] : Dim::unknown();
  if (wanted.is_constant()) {
    if (wanted.value() < 0 || (dim.is_constant() && wanted.value() > dim.value())) {
      return fail(Code::kInvalidArgument, "K is {}, but must be in [0, {}] for axis {} of {}",
                  wanted.value(), dim.to_string(), axis, context.describe(0));
    }
  }
  dim = wanted;
  set_like_input(context, dims);
  context.set_output(1, DType::kInt64, std::move(dims));
  return {};
}

struct TopKShape {
  int64_t rows;  // outer * inner
  int64_t dim;
  int64_t inner;
  int64_t k;
  bool largest;
  bool sorted;
};

template <class T>
auto sort_key(T element) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>) {
    return to_float(element);
  } else {
    return element;
  }
}

// Whether a stands before b in descending order.
template <class K>
bool above(K a, K b) {
  return a > b || (is_nan(a) && !is_nan(b));
}

template <class T>
void topk_row(const TopKShape& shape, const T* src, T* values, int64_t* indices) {
  using K = decltype(sort_key(*src));
  struct Entry {
    K key;
    int64_t index;
  };
  std::vector<Entry> entries(static_cast<size_t>(shape.dim));
  for (int64_t i = 0; i < shape.dim; ++i) {
    entries[static_cast<size_t>(i)] = {sort_key(src[i * shape.inner]), i};
  }
  const auto before = [largest = shape.largest](const Entry& a, const Entry& b) {
    const bool first = largest ? above(a.key, b.key) : above(b.key, a.key);
    const bool second = largest ? above(b.key, a.key) : above(a.key, b.key);
    return first || (!second && a.index < b.index);
  };
  std::partial_sort(entries.begin(), entries.begin() + shape.k, entries.end(), before);
  if (!shape.sorted) {
    std::sort(entries.begin(), entries.begin() + shape.k,
              [](const Entry& a, const Entry& b) { return a.index < b.index; });
  }
  for (int64_t i = 0; i < shape.k; ++i) {
    const int64_t index = entries[static_cast<size_t>(i)].index;
    if (values != nullptr) values[i * shape.inner] = src[index * shape.inner];
    if (indices != nullptr) indices[i * shape.inner] = index;
  }
}

Result<std::unique_ptr<Kernel>> make_topk(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const AttrMap& attrs = request.node.attrs;
  const Shape data = request.inputs[0].shape();
  const int64_t given = attrs.get_int("axis");
  const auto axis = static_cast<size_t>(given < 0 ? given + int64_t(data.rank()) : given);
  const bool has_values = request.has_output(0);
  const bool has_indices = request.has_output(1);
  if (!has_values && !has_indices) return decline("no output is asked for");
  const Shape out = request.outputs[has_values ? 0 : 1].shape();
  const int64_t inner = data.count(axis + 1, data.rank());
  const TopKShape shape{
      data.count(0, axis) * inner, data[axis], inner, out[axis], attrs.get_int("largest") != 0,
      attrs.get_int("sorted") != 0};
  return make_kernel([=](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    const TensorView values = has_values ? args.allocate(0, x.dtype, out) : TensorView();
    const TensorView indices = has_indices ? args.allocate(1, DType::kInt64, out) : TensorView();
    if (args.failed() || shape.k == 0) return;
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t>(x.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, shape.rows, shape.dim * 64, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          const int64_t outer = row / shape.inner;
          const int64_t at = row % shape.inner;
          const int64_t to = outer * shape.k * shape.inner + at;
          topk_row(shape, x.as<const T>() + outer * shape.dim * shape.inner + at,
                   has_values ? values.as<T>() + to : nullptr,
                   has_indices ? indices.as<int64_t>() + to : nullptr);
        }
      });
    });
  });
}

}  // namespace

OpDef op_TopK() {
  OpDef op;
  op.versions = {1, 10, 11, 24};
  op.inputs = {{"X", "T", kNumericTypes}, {"K", "", dtype_set(DType::kInt64)}};
  op.outputs = {{"Values", "T", kNumericTypes}, {"Indices", "I", dtype_set(DType::kInt64)}};
  op.attrs = {int_attr("axis", -1), int_attr("largest", 1), int_attr("sorted", 1)};
  op.infer = infer_topk;
  op.keeps_denormals = true;
  op.kernels = {{"partial sort", make_topk}};
  return op;
}

}  // namespace sardonyx
