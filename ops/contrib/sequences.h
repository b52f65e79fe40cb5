// Sequences that lie end to end in one tensor, as servers of language models pack them. Entry
// points: packed_ranges, captured_count.
#pragma once

#include <vector>

#include "ops/kernel.h"
#include "ops/op.h"

namespace sardonyx {

struct Range {
  int64_t begin = 0, end = 0;
  int64_t count() const { return end - begin; }
};
using Ranges = std::vector<Range>;

// From an int32 input [sequences + 1] that counts up from 0 to `tokens`. Reports what does not.
Ranges packed_ranges(RunArgs& args, size_t input, int64_t tokens);
// The rows of [batch, length, ...].
Ranges equal_ranges(const Shape& shape);

// The attribute state_update_capacity and the input of how many states to capture go together.
Result<void> check_captures(const InferContext& context, size_t input);
// How many states of a sequence of `count` are captured.
int64_t captured_count(const RunArgs& args, size_t input, int64_t item, int64_t capacity,
                       int64_t count);

}  // namespace sardonyx
