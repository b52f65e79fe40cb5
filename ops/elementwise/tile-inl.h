// From an operator's struct to its loops. A struct has `name`, `kArity` and `eval`:
//
//     struct LeakyRelu {
//       static constexpr char name[] = "LeakyRelu";
//       static constexpr size_t kArity = 1;
//       float alpha;  // the number attributes, in the order of their names
//       template <class V> V eval(V x) const { return select(x < V(0.0), x * V(alpha), x); }
//     };
//
// row<LeakyRelu>(VectorTypes<float, double>()) is its TileRow for the tier being compiled: floats
// run as Lanes, integers as Lane (loops that the compiler vectorises). Included once per tier.

#if defined(SARDONYX_OPS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SARDONYX_OPS_TILE_INL_H_
#undef SARDONYX_OPS_TILE_INL_H_
#else
#define SARDONYX_OPS_TILE_INL_H_
#endif

#include <cstring>

#include "ops/elementwise.h"
#include "ops/elementwise/lanes-inl.h"

// Elements of one iteration do not depend on those of another, even where dst is a source.
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed"  // some loops stay scalar
#define SARDONYX_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define SARDONYX_INDEPENDENT _Pragma("GCC ivdep")
#endif

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

template <class Op>
HWY_INLINE Op read_params(const void* params) {
  Op op{};
  if constexpr (!std::is_empty_v<Op>) std::memcpy(&op, params, sizeof op);
  return op;
}

template <class Op, class V, class Load>
HWY_INLINE auto eval_with(const Op& op, const Load& load) {
  if constexpr (Op::kArity == 1) {
    return op.eval(load(0));
  } else if constexpr (Op::kArity == 2) {
    return op.eval(load(0), load(1));
  } else {
    return op.eval(load(0), load(1), load(2));
  }
}

template <class T>
struct LoadWhole {
  const void* const* srcs;
  size_t i;
  HWY_INLINE Lanes<T> operator()(size_t s) const {
    return hn::LoadU(typename Lanes<T>::D(), static_cast<const T*>(srcs[s]) + i);
  }
};
template <class T>
struct LoadPart {
  const void* const* srcs;
  size_t i, count;
  HWY_INLINE Lanes<T> operator()(size_t s) const {
    return load_n(typename Lanes<T>::D(), static_cast<const T*>(srcs[s]) + i, count);
  }
};
template <class T>
struct LoadOne {
  const void* const* srcs;
  size_t i;
  HWY_INLINE Lane<T> operator()(size_t s) const {
    return Lane<T>(static_cast<const T*>(srcs[s])[i]);
  }
};

// Whole vectors, the last one masked.
template <class Op, class T>
void vector_tile(const void* const* srcs, void* dst, size_t count, const void* params) {
  using V = Lanes<T>;
  const typename V::D d;
  const Op op = read_params<Op>(params);
  T* out = static_cast<T*>(dst);
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(eval_with<Op, V>(op, LoadWhole<T>{srcs, i}).v, d, out + i);
  }
  if (i < count) {
    const LoadPart<T> load{srcs, i, count - i};
    store_n(eval_with<Op, V>(op, load).v, d, out + i, count - i);
  }
}

HWY_INLINE bool to_element(bool value) { return value; }
template <class T>
HWY_INLINE T to_element(Lane<T> value) {
  return value.v;
}

// Element by element, in blocks whose size the compiler knows.
template <class Op, class T, class Out>
void element_tile(const void* const* srcs, void* dst, size_t count, const void* params) {
  const Op op = read_params<Op>(params);
  Out* out = static_cast<Out*>(dst);
  const void* local[Op::kArity];
  for (size_t s = 0; s < Op::kArity; ++s) local[s] = srcs[s];
  constexpr size_t kBlock = 64;
  size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    SARDONYX_INDEPENDENT
    for (size_t j = i; j < i + kBlock; ++j) {
      out[j] = to_element(eval_with<Op, Lane<T>>(op, LoadOne<T>{local, j}));
    }
  }
  for (; i < count; ++i) out[i] = to_element(eval_with<Op, Lane<T>>(op, LoadOne<T>{local, i}));
}

template <class... T>
struct Types {};
using Floats = Types<float, double>;
using SignedInts = Types<int8_t, int16_t, int32_t, int64_t>;
using UnsignedInts = Types<uint8_t, uint16_t, uint32_t, uint64_t>;

template <class Op, class... T>
constexpr void add_vector_tiles(TileRow& row, Types<T...>) {
  ((row.by_dtype[static_cast<size_t>(dtype_of<T>)] = vector_tile<Op, T>), ...);
}
template <class Op, class... T>
constexpr void add_element_tiles(TileRow& row, Types<T...>) {
  ((row.by_dtype[static_cast<size_t>(dtype_of<T>)] = element_tile<Op, T, T>), ...);
}
template <class Op, class... T>
constexpr void add_predicate_tiles(TileRow& row, Types<T...>) {
  ((row.by_dtype[static_cast<size_t>(dtype_of<T>)] = element_tile<Op, T, bool>), ...);
}

// Rows for operators of floats; of floats and integers; of integers; and of comparisons.
template <class Op>
constexpr TileRow float_row() {
  TileRow row{Op::name, {}};
  add_vector_tiles<Op>(row, Floats());
  return row;
}
template <class Op, class... Ints>
constexpr TileRow number_row(Ints... ints) {
  TileRow row = float_row<Op>();
  (add_element_tiles<Op>(row, ints), ...);
  return row;
}
template <class Op, class... Ints>
constexpr TileRow element_row(Ints... ints) {
  TileRow row{Op::name, {}};
  (add_element_tiles<Op>(row, ints), ...);
  return row;
}
template <class Op, class... T>
constexpr TileRow predicate_row(T... types) {
  TileRow row{Op::name, {}};
  (add_predicate_tiles<Op>(row, types), ...);
  return row;
}

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#endif  // include guard per target
