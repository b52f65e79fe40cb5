// Trees: what the three tree ensemble operators of ai.onnx.ml have in common once their attributes
// are read: nodes that compare one feature, leaves with votes for targets.
// Entry points: Trees, TreeWalk (ops/ml/tree_walk.h) to run them.
#pragma once

#include <vector>

#include "ops/op.h"

namespace sardonyx {

enum class TreeMode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
enum class TreeSum : uint8_t { kAverage, kSum, kMin, kMax };

struct TreeNode {
  TreeMode mode = TreeMode::kLeq;
  bool missing_is_true = false;  // where a NaN goes
  int32_t feature = 0;
  double split = 0;  // kMember: the index of a set
  // Where the walk goes on: a node, or leaf ~index when negative.
  int32_t when_true = 0;
  int32_t when_false = 0;
};

struct Trees {
  std::vector<TreeNode> nodes;
  std::vector<int32_t> roots;             // like TreeNode::when_true
  std::vector<int32_t> depths;            // of each root, the steps to its last leaf
  std::vector<std::vector<double>> sets;  // sorted
  std::vector<uint32_t> first_vote;       // of each leaf; then the number of votes
  std::vector<int32_t> vote_target;
  std::vector<double> vote_weight;
  int32_t targets = 0;
  int32_t features = 0;  // that are read at most

  int32_t leaf_count() const { return static_cast<int32_t>(first_vote.size()) - 1; }
};

// Indices are 32 bits wide.
inline constexpr size_t kMaxTreeNodes = size_t{1} << 30;

// Fills in depths. Several nodes may lead to one, as for conditions joined by "or", but none back
// to itself; and, if wanted, each must be reached.
Result<void> measure_trees(Trees& trees, bool all_reached);

// The numbers of `name` (floats) or `name`_as_tensor, of which one at most is given.
Result<std::vector<double>> read_tree_numbers(const AttrMap& attrs, const std::string& name);
Result<std::vector<double>> read_tree_tensor(const AttrMap& attrs, const std::string& name);
Result<void> expect_entries(size_t count, size_t expected, std::string_view name);

}  // namespace sardonyx
