// See ops/ml/trees.h.
#include "ops/ml/trees.h"

#include <algorithm>

#include "ops/number.h"

namespace sardonyx {

Result<void> measure_trees(Trees& trees, bool all_reached) {
  // Steps from a node to the last leaf below it; and, while that is being found, kOpen.
  constexpr int32_t kNew = -1, kOpen = -2;
  std::vector<int32_t> heights(trees.nodes.size(), kNew);
  const auto height = [&](int32_t place) {
    return place < 0 ? 0 : heights[static_cast<size_t>(place)];
  };
  std::vector<int32_t> open;
  for (int32_t root : trees.roots) {
    if (height(root) == kNew) open.push_back(root);
    while (!open.empty()) {
      const int32_t at = open.back();
      const TreeNode& node = trees.nodes[static_cast<size_t>(at)];
      int32_t& own = heights[static_cast<size_t>(at)];
      const bool first_visit = own == kNew;
      if (first_visit) {
        own = kOpen;
        for (int32_t child : {node.when_true, node.when_false}) {
          if (height(child) == kNew) open.push_back(child);
          if (height(child) != kOpen) continue;
          return fail(Code::kInvalidArgument, "node {} leads back to itself", child);
        }
        continue;
      }
      open.pop_back();
      if (own == kOpen) own = 1 + std::max(height(node.when_true), height(node.when_false));
    }
    trees.depths.push_back(height(root));
  }
  const auto lost = std::find(heights.begin(), heights.end(), kNew);
  if (!all_reached || lost == heights.end()) return {};
  return fail(Code::kInvalidArgument, "inner node {} is reached from no root",
              lost - heights.begin());
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
