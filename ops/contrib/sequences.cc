// See ops/contrib/sequences.h.
#include "ops/contrib/sequences.h"

#include <algorithm>

namespace sardonyx {

Ranges packed_ranges(RunArgs& args, size_t input, int64_t tokens) {
  const std::span<const int32_t> bounds = args.inputs[input].elements<const int32_t>();
  Ranges ranges;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    if (bounds[i] > bounds[i + 1]) break;
    ranges.push_back({bounds[i], bounds[i + 1]});
  }
  const bool fits = !bounds.empty() && bounds.front() == 0 && bounds.back() == tokens &&
                    ranges.size() + 1 == bounds.size();
  if (!fits) {
    args.report(Code::kInvalidArgument,
                fmt::format("input {} must count up from 0 to {} tokens, got {} numbers from {} "
                            "to {}",
                            input, tokens, bounds.size(), bounds.empty() ? 0 : bounds.front(),
                            bounds.empty() ? 0 : bounds.back()));
  }
  return ranges;
}

Ranges equal_ranges(const Shape& shape) {
  Ranges ranges;
  for (int64_t i = 0; i < shape[0]; ++i) ranges.push_back({i * shape[1], (i + 1) * shape[1]});
  return ranges;
}

Result<void> check_captures(const InferContext& context, size_t input) {
  const int64_t capacity = context.attrs().get_int("state_update_capacity");
  if (capacity < 0 || capacity > 8) {
    return fail(Code::kInvalidGraph, "state_update_capacity is {}, expected 0 to 8", capacity);
  }
  if (context.has_input(input) == (capacity > 0)) return {};
  return fail(Code::kInvalidGraph, "capture_count is {}, but state_update_capacity is {}",
              context.has_input(input) ? "given" : "missing", capacity);
}

int64_t captured_count(const RunArgs& args, size_t input, int64_t item, int64_t capacity,
                       int64_t count) {
  if (capacity == 0) return 0;
  const int64_t asked = args.inputs[input].as<int32_t>()[item];
  return std::clamp<int64_t>(asked, 0, std::min(capacity, count));
}

}  // namespace sardonyx
