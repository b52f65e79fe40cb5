// Unique: the distinct elements, or slices along an axis, with first positions, inverse and counts.
#include <array>
#include <numeric>

#include "ops/cells.h"
#include "ops/is_nan.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kUniqueTypes =
    kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);

Result<void> infer_unique(InferContext& context) {
  const Dim found = Dim::unknown();
  const bool flat = !context.attrs().has("axis");
  Dim length = Dim::unknown();
  if (flat) {
    set_like_input(context, {found});
    if (context.has_rank(0)) length = product(context.dims(0));
  } else if (context.has_rank(0)) {
    const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
    Dims dims = context.dims(0);
    length = dims[static_cast<size_t>(axis)];
    dims[static_cast<size_t>(axis)] = found;
    set_like_input(context, std::move(dims));
  } else {
    set_like_input(context);
  }
  context.set_output(1, DType::kInt64, {found});
  context.set_output(2, DType::kInt64, {length});
  context.set_output(3, DType::kInt64, {found});
  return {};
}

// -1, 0, 1; NaN above everything and equal to itself.
template <class T>
int compare(const T& a, const T& b) {
  if constexpr (std::is_same_v<T, std::string>) {
    return a < b ? -1 : b < a;
  } else {
    const auto x = widen(a);
    const auto y = widen(b);
    if (is_nan(x) || is_nan(y)) return int{is_nan(x)} - int{is_nan(y)};
    return x < y ? -1 : y < x;
  }
}

// Slices of `count` x `inner` elements along an axis: [outer, dim, inner].
struct Slices {
  int64_t outer = 1;
  int64_t dim = 0;
  int64_t inner = 1;
};

template <class T>
int compare_slices(const Slices& slices, const T* src, int64_t a, int64_t b) {
  for (int64_t o = 0; o < slices.outer; ++o) {
    const T* base = src + o * slices.dim * slices.inner;
    for (int64_t i = 0; i < slices.inner; ++i) {
      if (const int order = compare(base[a * slices.inner + i], base[b * slices.inner + i])) {
        return order;
      }
    }
  }
  return 0;
}

struct Groups {
  std::vector<int64_t> first;    // position where each distinct slice stands first
  std::vector<int64_t> inverse;  // for each slice its group
  std::vector<int64_t> counts;
};

// compare_slices with its type behind it: sorting is the same code for all.
using CompareFn = int (*)(const Slices& slices, const void* src, int64_t a, int64_t b);

template <class T>
int compare_elements(const Slices& slices, const void* src, int64_t a, int64_t b) {
  return compare_slices(slices, static_cast<const T*>(src), a, b);
}

Groups group_slices(const Slices& slices, const void* src, CompareFn compare, bool sorted) {
  std::vector<int64_t> order(static_cast<size_t>(slices.dim));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return compare(slices, src, a, b) < 0; });
  Groups groups;
  groups.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(slices, src, order[i - 1], order[i]) != 0) {
      groups.first.push_back(order[i]);
      groups.counts.push_back(0);
    }
    ++groups.counts.back();
    groups.inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(groups.first.size()) - 1;
  }
  if (sorted) return groups;
  // In the order of first appearance.
  std::vector<size_t> by_first(groups.first.size());
  std::iota(by_first.begin(), by_first.end(), 0);
  std::sort(by_first.begin(), by_first.end(),
            [&](size_t a, size_t b) { return groups.first[a] < groups.first[b]; });
  Groups moved = groups;
  std::vector<int64_t> place(by_first.size());
  for (size_t i = 0; i < by_first.size(); ++i) {
    moved.first[i] = groups.first[by_first[i]];
    moved.counts[i] = groups.counts[by_first[i]];
    place[by_first[i]] = static_cast<int64_t>(i);
  }
  for (int64_t& group : moved.inverse) group = place[static_cast<size_t>(group)];
  return moved;
}

// Complex elements are ordered by their two parts, as pairs along the innermost axis.
Groups group(const TensorView& x, Slices slices, bool sorted) {
  if (x.dtype == DType::kString) {
    return group_slices(slices, x.data, compare_elements<std::string>, sorted);
  }
  CompareFn compare = nullptr;
  DType dtype = x.dtype;
  if (dtype == DType::kComplex64 || dtype == DType::kComplex128) {
    dtype = dtype == DType::kComplex64 ? DType::kFloat32 : DType::kFloat64;
    slices.inner *= 2;
  }
  visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
              uint32_t, int64_t, uint64_t, bool>(
      dtype, [&](auto tag) { compare = compare_elements<typename decltype(tag)::Type>; });
  return group_slices(slices, x.data, compare, sorted);
}

void give(RunArgs& args, size_t index, bool asked, const std::vector<int64_t>& numbers) {
  if (!asked) return;
  const TensorView dst = args.allocate(index, DType::kInt64, {int64_t(numbers.size())});
  if (!args.failed()) std::copy(numbers.begin(), numbers.end(), dst.as<int64_t>());
}

Result<std::unique_ptr<Kernel>> make_unique_kernel(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const bool flat = !attrs.has("axis");
  std::array<bool, 4> asked{};
  for (size_t i = 0; i < asked.size(); ++i) asked[i] = request.has_output(i);
  return make_kernel([flat, asked, given = attrs.get_int("axis"),
                      sorted = attrs.get_int("sorted") != 0](RunArgs& args) {
    const TensorView& x = args.inputs[0];
    Shape shape = flat ? Shape{x.count()} : x.shape;
    const auto rank = static_cast<int64_t>(shape.rank());
    const auto axis = static_cast<size_t>(flat ? 0 : given < 0 ? given + rank : given);
    const Slices slices{shape.count(0, axis), shape[axis], shape.count(axis + 1, shape.rank())};
    const Groups groups = group(x, slices, sorted);
    shape[axis] = static_cast<int64_t>(groups.first.size());
    give(args, 1, asked[1], groups.first);
    give(args, 2, asked[2], groups.inverse);
    give(args, 3, asked[3], groups.counts);
    if (!asked[0] || args.failed()) return;
    const TensorView dst = args.allocate(0, x.dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(x.dtype, [&]<class T>() {
      T* to = dst.as<T>();
      for (int64_t o = 0; o < slices.outer; ++o) {
        for (int64_t first : groups.first) {
          to = std::copy_n(x.as<const T>() + (o * slices.dim + first) * slices.inner, slices.inner,
                           to);
        }
      }
    });
  });
}

}  // namespace

OpDef op_Unique() {
  const DTypeSet i64 = dtype_set(DType::kInt64);
  OpDef op;
  op.versions = {11};
  op.inputs = {{"X", "T", kUniqueTypes}};
  op.outputs = {{"Y", "T", kUniqueTypes},
                {"indices", "", i64, Form::kOptional},
                {"inverse_indices", "", i64, Form::kOptional},
                {"counts", "", i64, Form::kOptional}};
  op.attrs = {optional_attr("axis", FormalAttr::Kind::kInt), int_attr("sorted", 1)};
  op.keeps_denormals = true;
  op.infer = infer_unique;
  op.kernels = {{"sort", make_unique_kernel}};
  return op;
}

}  // namespace sardonyx
