// Elements of case values: from the words of a literal, from a seed, as numbers, and compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/value.h"

namespace sardonyx {

// "f32", "i64", ... or any name of the specification; kUndefined when it is none.
DType case_dtype(const std::string& name);

// A tensor from the words between { and }: elements, or "random ...", "iota ...", "all X".
Result<Tensor> make_elements(DType dtype, const Shape& shape, const std::vector<std::string>& words,
                             uint64_t seed);

// Element `index` of a float tensor of any width.
double float_element(const TensorView& tensor, int64_t index);

// Nothing when `got` is `want` within the tolerance (none: the default of the dtype); otherwise
// what differs. Sequences, optionals and maps are compared part by part.
std::optional<std::string> difference(const Value& want, const Value& got,
                                      std::optional<double> tolerance);
// The same bits everywhere.
bool same_bits(const Value& a, const Value& b);
// "f32[2,3]{1 2 3 ...}", for messages.
std::string describe_value(const Value& value);

}  // namespace sardonyx
