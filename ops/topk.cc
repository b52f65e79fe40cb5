// TopK: the K largest or smallest elements of each row along an axis, with their indices. Equal
// elements come in the order of their indices; NaN counts as the largest.
#include <array>
#include <cstring>
#include <numeric>
#include <utility>

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

// ---- Floats and integers of up to 32 bits: as unsigned keys with their indices below, so that
// equal ones are in the order of their indices.

template <class K>
constexpr bool has_small_key = sizeof(K) <= 4;

// In ascending order; NaN last, -0 as 0.
uint32_t ascending_key(float x) {
  if (is_nan(x)) return UINT32_MAX;
  uint32_t bits;
  x = x == 0 ? 0.0f : x;
  std::memcpy(&bits, &x, sizeof bits);
  constexpr uint32_t kSign = uint32_t{1} << 31;
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}
template <class K>
uint32_t ascending_key(K x) {
  return static_cast<uint32_t>(static_cast<int64_t>(x) - std::numeric_limits<K>::min());
}

// By the upper 32 bits, three digits at a time from the lowest; equal ones stay as they are.
void sort_keys(std::vector<uint64_t>& keys, std::vector<uint64_t>& other) {
  constexpr int kDigit = 11;
  other.resize(keys.size());
  for (int shift = 32; shift < 64; shift += kDigit) {
    std::array<uint32_t, size_t{1} << kDigit> begin{};
    const auto digit = [shift](uint64_t key) { return key >> shift & ((1u << kDigit) - 1); };
    for (const uint64_t key : keys) ++begin[digit(key)];
    uint32_t sum = 0;
    for (uint32_t& count : begin) sum += std::exchange(count, sum);
    for (const uint64_t key : keys) other[begin[digit(key)]++] = key;
    keys.swap(other);
  }
}

// Room for the keys of a row, of one thread.
struct Keys {
  std::vector<uint64_t> keys, other;
};

template <class T>
void topk_row_by_keys(const TopKShape& shape, const T* src, T* values, int64_t* indices,
                      Keys& room) {
  std::vector<uint64_t>& keys = room.keys;
  keys.resize(static_cast<size_t>(shape.dim));
  for (int64_t i = 0; i < shape.dim; ++i) {
    const uint32_t ascending = ascending_key(sort_key(src[i * shape.inner]));
    const uint64_t key = shape.largest ? ~ascending : ascending;
    keys[static_cast<size_t>(i)] = key << 32 | static_cast<uint64_t>(i);
  }
  constexpr int64_t kLeast = 512;  // that digits pay for
  const auto end = keys.begin() + shape.k;
  if (shape.dim >= kLeast && shape.k > shape.dim / 8) {
    sort_keys(keys, room.other);
  } else if (shape.k > shape.dim / 64) {
    std::nth_element(keys.begin(), end - 1, keys.end());
    std::sort(keys.begin(), end);
  } else {
    std::partial_sort(keys.begin(), end, keys.end());
  }
  const auto index_of = [](uint64_t key) { return static_cast<int64_t>(key & UINT32_MAX); };
  if (!shape.sorted) {
    std::sort(keys.begin(), end, [&](uint64_t a, uint64_t b) { return index_of(a) < index_of(b); });
  }
  for (int64_t i = 0; i < shape.k; ++i) {
    const int64_t index = index_of(keys[static_cast<size_t>(i)]);
    if (values != nullptr) values[i * shape.inner] = src[index * shape.inner];
    if (indices != nullptr) indices[i * shape.inner] = index;
  }
}

template <class T>
void topk_row(const TopKShape& shape, const T* src, T* values, int64_t* indices, Keys& room) {
  using K = decltype(sort_key(*src));
  if constexpr (has_small_key<K>) {
    if (shape.dim <= UINT32_MAX) return topk_row_by_keys(shape, src, values, indices, room);
  }
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
        Keys room;
        for (int64_t row = first; row < last; ++row) {
          const int64_t outer = row / shape.inner;
          const int64_t at = row % shape.inner;
          const int64_t to = outer * shape.k * shape.inner + at;
          topk_row(shape, x.as<const T>() + outer * shape.dim * shape.inner + at,
                   has_values ? values.as<T>() + to : nullptr,
                   has_indices ? indices.as<int64_t>() + to : nullptr, room);
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
