// Pieces that the rules of shape and data-movement operators share: reading axes and numbers from
// inputs, checks with their messages, dims that are not known.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "ops/op.h"

namespace sardonyx {

// `rank` dims about which nothing is known.
Dims unknown_dims(size_t rank);

// Axes in [0, rank), in the order given; an error for one out of range or given twice.
Result<std::vector<int64_t>> normalized_axes(const InferContext& context,
                                             std::span<const int64_t> axes, int64_t rank,
                                             std::string_view what = "axes");

// The numbers of a rank 0 or 1 integer input, when all are known as numbers.
std::optional<std::vector<int64_t>> known_numbers(InferContext& context, size_t index);
// How many numbers a rank 1 input holds, when known.
std::optional<int64_t> known_length(const InferContext& context, size_t index);

// Errors unless the rank of the input is unknown or within the bounds.
Result<void> expect_rank(const InferContext& context, size_t index, int64_t rank);
Result<void> expect_min_rank(const InferContext& context, size_t index, int64_t rank);

// Two descriptions of one dim: the more precise one, or an error naming `what` for two numbers.
Result<Dim> same_dim(const Dim& a, const Dim& b, std::string_view what);

// The first output as a tensor of input 0's dtype; rank unknown without dims.
void set_like_input(InferContext& context, Dims dims);
void set_like_input(InferContext& context);

// Value propagation keeps to tensors this small.
inline constexpr int64_t kMaxKnownInts = 1024;
// Stores ints of the first output when its type says rank 0 or 1 and that many.
void propagate_ints(InferContext& context, const Dims& dims, Dims ints);

// Declines unless every present output of the request has a known shape.
Result<void> expect_concrete_outputs(const KernelRequest& request);

}  // namespace sardonyx
