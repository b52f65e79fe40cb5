// See ops/ml/trees.h.
#include "ops/ml/trees.h"

#include <algorithm>

#include "ops/number.h"

namespace sardonyx {

Result<void> expect_trees(const Trees& trees, bool all_reached) {
  std::vector<bool> seen(trees.nodes.size());
  std::vector<int32_t> open;
  for (int32_t root : trees.roots) {
    open.push_back(root);
    while (!open.empty()) {
      const int32_t at = open.back();
      open.pop_back();
      if (at < 0) continue;
      const auto index = static_cast<size_t>(at);
      if (seen[index]) {
        return fail(Code::kInvalidArgument, "node {} has more than one way to it", index);
      }
      seen[index] = true;
      open.push_back(trees.nodes[index].when_true);
      open.push_back(trees.nodes[index].when_false);
    }
  }
  const auto lost = std::find(seen.begin(), seen.end(), false);
  if (!all_reached || lost == seen.end()) return {};
  return fail(Code::kInvalidArgument, "inner node {} is reached from no root", lost - seen.begin());
}

Result<std::vector<double>> read_tree_tensor(const AttrMap& attrs, const std::string& name) {
  std::vector<double> numbers;
  const Tensor* tensor = attrs.get_tensor(name);
  if (tensor == nullptr) return numbers;
  const bool known = visit_dtype<float, double, Float16, uint8_t>(tensor->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    numbers.reserve(static_cast<size_t>(tensor->count()));
    for (const T& number : tensor->elements<const T>()) {
      numbers.push_back(static_cast<double>(widen(number)));
    }
  });
  if (known) return numbers;
  return fail(Code::kInvalidArgument, "{} cannot be {}", name, dtype_name(tensor->dtype()));
}

Result<std::vector<double>> read_tree_numbers(const AttrMap& attrs, const std::string& name) {
  const auto& floats = attrs.get_floats(name);
  auto numbers = TRY(read_tree_tensor(attrs, name + "_as_tensor"));
  if (floats.empty()) return numbers;
  if (!numbers.empty()) {
    return fail(Code::kInvalidGraph, "both {} and {}_as_tensor are given, expected one", name,
                name);
  }
  return std::vector<double>(floats.begin(), floats.end());
}

Result<void> expect_entries(size_t count, size_t expected, std::string_view name) {
  if (count == expected) return {};
  return fail(Code::kInvalidArgument, "{} has {} entries, expected {}", name, count, expected);
}

}  // namespace sardonyx
