// Behind ops/rule_parts.h.
#include "ops/rule_parts.h"

#include <algorithm>

namespace sardonyx {

Dims unknown_dims(size_t rank) {
  Dims dims;
  for (size_t i = 0; i < rank; ++i) dims.push_back(Dim::unknown());
  return dims;
}

Result<std::vector<int64_t>> normalized_axes(const InferContext& context,
                                             std::span<const int64_t> axes, int64_t rank,
                                             std::string_view what) {
  std::vector<int64_t> result;
  for (int64_t axis : axes) {
    const int64_t normal = TRY(context.axis(axis, rank, what));
    if (std::find(result.begin(), result.end(), normal) != result.end()) {
      return fail(Code::kInvalidArgument, "{} names axis {} twice", what, normal);
    }
    result.push_back(normal);
  }
  return result;
}

std::optional<std::vector<int64_t>> known_numbers(InferContext& context, size_t index) {
  const auto ints = context.ints(index);
  if (!ints || !all_constant(*ints)) return std::nullopt;
  std::vector<int64_t> numbers;
  for (const Dim& dim : *ints) numbers.push_back(dim.value());
  return numbers;
}

std::optional<int64_t> known_length(const InferContext& context, size_t index) {
  if (!context.has_rank(index) || context.rank(index) != 1) return std::nullopt;
  const Dim& length = context.dims(index)[0];
  constexpr int64_t kMaxRank = 1 << 12;
  if (!length.is_constant() || length.value() < 0 || length.value() > kMaxRank) return std::nullopt;
  return length.value();
}

Result<void> expect_rank(const InferContext& context, size_t index, int64_t rank) {
  if (!context.has_rank(index) || context.rank(index) == rank) return {};
  return fail(Code::kInvalidArgument, "{} has rank {}, expected rank {}", context.describe(index),
              context.rank(index), rank);
}

Result<void> expect_min_rank(const InferContext& context, size_t index, int64_t rank) {
  if (!context.has_rank(index) || context.rank(index) >= rank) return {};
  return fail(Code::kInvalidArgument, "{} has rank {}, expected at least {}",
              context.describe(index), context.rank(index), rank);
}

Result<Dim> same_dim(const Dim& a, const Dim& b, std::string_view what) {
  if (a.is_constant() && b.is_constant() && a.value() != b.value()) {
    return fail(Code::kInvalidArgument, "{} must agree, but is {} and {}", what, a.value(),
                b.value());
  }
  return b.is_constant() || a.is_unknown() ? b : a;
}

void set_like_input(InferContext& context, Dims dims) {
  context.set_output(0, context.dtype(0), std::move(dims));
}
void set_like_input(InferContext& context) { context.set_output(0, context.dtype(0)); }

void propagate_ints(InferContext& context, const Dims& dims, Dims ints) {
  const Dim count = product(dims);
  if (dims.size() > 1 || !count.is_constant() || count.value() > kMaxKnownInts) return;
  if (count.value() != static_cast<int64_t>(ints.size())) return;
  context.set_output_ints(0, std::move(ints));
}

Result<void> expect_concrete_outputs(const KernelRequest& request) {
  for (size_t i = 0; i < request.outputs.size(); ++i) {
    if (request.outputs[i].present() && !request.outputs[i].is_concrete()) {
      return decline("the shape of output {} is not known yet", i);
    }
  }
  return {};
}

}  // namespace sardonyx
