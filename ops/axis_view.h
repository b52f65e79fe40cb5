// AxisView: a tensor as [outer, length, inner] around one axis, for the operators that work along
// it; float elements are read and written as f64 by their plain kernels.
#pragma once

#include <algorithm>

#include "base/thread_pool.h"
#include "ops/op.h"

namespace sardonyx {

struct AxisView {
  int64_t outer = 1, length = 1, inner = 1;

  AxisView() = default;
  AxisView(const Shape& shape, int64_t axis) {
    const auto a = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.rank()) : axis);
    outer = shape.count(0, a);
    length = shape[a];
    inner = shape.count(a + 1, shape.rank());
  }
  int64_t lines() const { return outer * inner; }
  // The first element of a line; its elements are `inner` apart.
  int64_t first(int64_t line) const { return line / inner * length * inner + line % inner; }
};

// fn(first, last) over [0, count) in parallel, some 16K elements of work each.
template <class Fn>
void for_parts(ThreadPool* pool, int64_t count, int64_t elements_each, Fn&& fn) {
  constexpr int64_t kTaskElements = 16384;
  const int64_t step = std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, elements_each));
  pool->parallel_for((count + step - 1) / step,
                     [&](int64_t task) { fn(task * step, std::min(count, (task + 1) * step)); });
}

// Types and shape of operators whose output is like input 0; checks the attribute `axis`.
inline Result<void> infer_along_axis(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  const int64_t rank = context.rank(0);
  if (rank == 0) {
    return fail(Code::kInvalidArgument, "{} is a scalar and has no axis", context.describe(0));
  }
  TRY(context.axis(context.attrs().get_int("axis", -1), rank));
  context.set_output(0, context.dtype(0), context.dims(0));
  return {};
}

}  // namespace sardonyx
