// What kernels that run bodies (If, Loop, Scan, SequenceMap) share. The operands of such a kernel
// are its formal inputs followed by the captures of its bodies in attribute order.
// Entry points: body_of, Body::run.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "ops/kernel.h"

namespace sardonyx {

struct Body {
  std::shared_ptr<GraphRunner> runner;
  size_t first_capture = 0;  // among the kernel's operands
  size_t capture_count = 0;

  Result<std::vector<Value>> run(const RunArgs& args, std::span<const Value> inputs) const;
};

Body body_of(const KernelRequest& request, std::string_view attr);

// Reports an Error of a body; the first one of a run counts.
void report_error(RunArgs& args, Error error);

// The value itself, or a copy when it only points into planned memory.
Result<Value> own_value(const Value& value);

// The same kind of value with shapes forgotten, also of what is in it.
ValueType without_dims(ValueType type);

// What holds for a value that is one of two: dims that differ become unknown.
ValueType either_type(const ValueType& a, const ValueType& b);

// Copies `count` elements from element `from` of src to element `to` of dst, whose other elements
// stay, those in the same byte included.
void copy_run(const TensorView& src, int64_t from, const TensorView& dst, int64_t to,
              int64_t count);

// Stacks equal-shaped tensors along a new axis (counted in the result, may be negative). Without
// any, the other dims are those `type` (of the result) knows, or 0.
Result<Tensor> stack(std::span<const Value> pieces, const ValueType& type, int64_t axis);

}  // namespace sardonyx
