// ai.onnx.ml TreeEnsemble: reads its attributes into Trees, which ops/ml/tree_walk.h runs.
#include <algorithm>
#include <cmath>

#include "ops/ml/rows.h"
#include "ops/ml/scores.h"
#include "ops/ml/tree_walk.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat64, DType::kFloat16);

Result<int32_t> read_branch(const Trees& trees, int64_t leaf, int64_t index, size_t node) {
  const auto limit = leaf != 0 ? static_cast<size_t>(trees.leaf_count()) : trees.nodes.size();
  if (index >= 0 && static_cast<size_t>(index) < limit) {
    return leaf != 0 ? ~static_cast<int32_t>(index) : static_cast<int32_t>(index);
  }
  return fail(Code::kInvalidArgument, "node {} branches to {} {}, but there are {}", node,
              leaf != 0 ? "leaf" : "node", index, limit);
}

// n_targets, or as many as the leaves name.
Result<int32_t> count_targets(const AttrMap& attrs) {
  const bool given = attrs.has("n_targets");
  int64_t targets = attrs.get_int("n_targets");
  const int64_t limit = given ? targets : INT32_MAX;
  for (int64_t target : attrs.get_ints("leaf_targetids")) {
    if (target < 0 || target >= limit) {
      return fail(Code::kInvalidArgument, "a leaf has the target {}, expected 0 to n_targets - 1",
                  target);
    }
    if (!given) targets = std::max(targets, target + 1);
  }
  if (targets < 0 || targets > INT32_MAX) {
    return fail(Code::kInvalidArgument, "n_targets is {}", targets);
  }
  return static_cast<int32_t>(targets);
}

Result<void> read_leaves(const AttrMap& attrs, Trees& trees) {
  trees.vote_weight = TRY(read_tree_tensor(attrs, "leaf_weights"));
  const auto& targets = attrs.get_ints("leaf_targetids");
  TRY(expect_entries(targets.size(), trees.vote_weight.size(), "leaf_targetids"));
  trees.targets = TRY(count_targets(attrs));
  for (size_t i = 0; i < targets.size(); ++i) {
    trees.first_vote.push_back(static_cast<uint32_t>(i));
    trees.vote_target.push_back(static_cast<int32_t>(targets[i]));
  }
  trees.first_vote.push_back(static_cast<uint32_t>(targets.size()));
  return {};
}

// The sets stand one after the other, each ended by a NaN, in the order of the nodes that ask.
Result<void> read_members(const AttrMap& attrs, Trees& trees) {
  const auto members = TRY(read_tree_tensor(attrs, "membership_values"));
  size_t at = 0;
  for (TreeNode& node : trees.nodes) {
    if (node.mode != TreeMode::kMember) continue;
    std::vector<double> set;
    while (at < members.size() && !std::isnan(members[at])) set.push_back(members[at++]);
    if (at++ == members.size()) {
      return fail(Code::kInvalidArgument,
                  "membership_values has fewer sets than there are nodes that test membership");
    }
    std::sort(set.begin(), set.end());
    node.split = static_cast<double>(trees.sets.size());
    trees.sets.push_back(std::move(set));
  }
  if (at >= members.size()) return {};
  return fail(Code::kInvalidArgument,
              "membership_values has more sets than there are nodes that test membership");
}

Result<void> read_nodes(const AttrMap& attrs, Trees& trees) {
  const auto& features = attrs.get_ints("nodes_featureids");
  const auto modes = TRY(read_tree_tensor(attrs, "nodes_modes"));
  const auto splits = TRY(read_tree_tensor(attrs, "nodes_splits"));
  if (features.size() > kMaxTreeNodes || trees.vote_weight.size() > kMaxTreeNodes) {
    return fail(Code::kInvalidArgument, "there are more than {} nodes or leaves", kMaxTreeNodes);
  }
  trees.nodes.resize(features.size());
  TRY(expect_entries(modes.size(), features.size(), "nodes_modes"));
  TRY(expect_entries(splits.size(), features.size(), "nodes_splits"));
  for (const char* name :
       {"nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs"}) {
    TRY(expect_entries(attrs.get_ints(name).size(), features.size(), name));
  }
  const auto& missing = attrs.get_ints("nodes_missing_value_tracks_true");
  if (!missing.empty()) {
    TRY(expect_entries(missing.size(), features.size(), "nodes_missing_value_tracks_true"));
  }
  for (size_t i = 0; i < features.size(); ++i) {
    TreeNode& node = trees.nodes[i];
    if (!(modes[i] >= 0 && modes[i] <= 6) || features[i] < 0 || features[i] >= INT32_MAX) {
      return fail(Code::kInvalidArgument,
                  "node {} has mode {} and feature {}; expected 0 to 6 and a feature", i, modes[i],
                  features[i]);
    }
    node.mode = static_cast<TreeMode>(static_cast<int>(modes[i]));
    node.feature = static_cast<int32_t>(features[i]);
    node.split = splits[i];
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    trees.features = std::max(trees.features, node.feature + 1);
    node.when_true = TRY(read_branch(trees, attrs.get_ints("nodes_trueleafs")[i],
                                     attrs.get_ints("nodes_truenodeids")[i], i));
    node.when_false = TRY(read_branch(trees, attrs.get_ints("nodes_falseleafs")[i],
                                      attrs.get_ints("nodes_falsenodeids")[i], i));
  }
  return read_members(attrs, trees);
}

Result<Trees> read_trees(const AttrMap& attrs) {
  Trees trees;
  TRY(read_leaves(attrs, trees));
  TRY(read_nodes(attrs, trees));
  for (int64_t root : attrs.get_ints("tree_roots")) {
    if (root < 0 || static_cast<size_t>(root) >= trees.nodes.size()) {
      return fail(Code::kInvalidArgument, "tree_roots has {}, but there are {} nodes", root,
                  trees.nodes.size());
    }
    trees.roots.push_back(static_cast<int32_t>(root));
  }
  TRY(measure_trees(trees, false));
  return trees;
}

struct Ending {
  TreeSum sum = TreeSum::kSum;
  Transform transform = Transform::kNone;
};

Result<Ending> read_ending(const AttrMap& attrs) {
  const int64_t sum = attrs.get_int("aggregate_function");
  const int64_t transform = attrs.get_int("post_transform");
  if (sum < 0 || sum > 3) {
    return fail(Code::kInvalidArgument, "aggregate_function is {}, expected 0 to 3", sum);
  }
  if (transform < 0 || transform > 4) {
    return fail(Code::kInvalidArgument, "post_transform is {}, expected 0 to 4", transform);
  }
  return Ending{static_cast<TreeSum>(sum), static_cast<Transform>(transform)};
}

Result<void> infer_trees(InferContext& context) {
  TRY(read_ending(context.attrs()));
  if (context.at_load()) TRY(read_trees(context.attrs()));
  const int32_t targets = TRY(count_targets(context.attrs()));
  const RowDims dims = TRY(row_dims(context));
  set_like_input(context, {dims.rows, targets});
  return {};
}

Result<std::unique_ptr<Kernel>> make_trees(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  const Ending ending = TRY(read_ending(attrs));
  const auto walk = TRY(cached_tree_walk(request, "nodes_splits", read_trees));
  return make_kernel([ending, walk, targets = TRY(count_targets(attrs))](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const RowCount size = rows_of(src.shape);
    const TensorView dst = args.allocate(0, src.dtype, {size.rows, targets});
    if (args.failed()) return;
    visit_float(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      walk->score(src, size.rows, size.features, ending.sum, args.pool,
                  [&](int64_t row, std::span<double> scores) {
                    transform_scores(ending.transform, scores);
                    T* to = dst.as<T>() + row * targets;
                    for (double score : scores) *to++ = narrow<T>(score);
                  });
    });
  });
}

}  // namespace

OpDef op_TreeEnsemble() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {5};
  op.inputs = {{"X", "T", kTypes}};
  op.outputs = {{"Y", "T", kTypes}};
  op.attrs = {int_attr("aggregate_function", 1),
              int_attr("post_transform", 0),
              optional_attr("n_targets", Kind::kInt),
              optional_attr("membership_values", Kind::kTensor),
              optional_attr("nodes_hitrates", Kind::kTensor),
              optional_attr("nodes_missing_value_tracks_true", Kind::kInts)};
  for (const char* name : {"leaf_weights", "nodes_modes", "nodes_splits"}) {
    op.attrs.push_back(required_attr(name, Kind::kTensor));
  }
  for (const char* name :
       {"leaf_targetids", "nodes_falseleafs", "nodes_falsenodeids", "nodes_featureids",
        "nodes_trueleafs", "nodes_truenodeids", "tree_roots"}) {
    op.attrs.push_back(required_attr(name, Kind::kInts));
  }
  op.keeps_denormals = true;
  op.infer = infer_trees;
  op.kernels = {{"walk", make_trees}};
  return op;
}

}  // namespace sardonyx
