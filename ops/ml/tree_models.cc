// ai.onnx.ml TreeEnsembleClassifier and TreeEnsembleRegressor: nodes are named by the ids of their
// tree and of themselves, votes by the leaf that casts them. Reads them into Trees, which
// ops/ml/tree_walk.h runs, and ends the scores.
#include <algorithm>
#include <array>
#include <cmath>

#include "ops/ml/rows.h"
#include "ops/ml/scores.h"
#include "ops/ml/tree_walk.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kScoreTypes = dtype_set(DType::kFloat32);

// Entries of nodes_* in the order of their tree and node ids.
class NodeIds {
 public:
  static Result<NodeIds> read(const AttrMap& attrs) {
    const auto& trees = attrs.get_ints("nodes_treeids");
    const auto& nodes = attrs.get_ints("nodes_nodeids");
    if (nodes.empty()) return fail(Code::kInvalidArgument, "nodes_nodeids has no entries");
    TRY(expect_entries(trees.size(), nodes.size(), "nodes_treeids"));
    if (nodes.size() > kMaxTreeNodes) {
      return fail(Code::kInvalidArgument, "there are {} nodes, expected {} at most", nodes.size(),
                  kMaxTreeNodes);
    }
    NodeIds ids;
    ids.ids_.reserve(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      ids.ids_.push_back({trees[i], nodes[i], static_cast<int32_t>(i)});
    }
    if (!std::is_sorted(ids.ids_.begin(), ids.ids_.end())) {
      std::sort(ids.ids_.begin(), ids.ids_.end());
    }
    for (size_t i = 0; i < ids.ids_.size(); ++i) {
      const Id& id = ids.ids_[i];
      if (ids.starts_.empty() || ids.ids_[i - 1].tree != id.tree) {
        ids.starts_.push_back(i);
      } else if (ids.ids_[i - 1].node == id.node) {
        return fail(Code::kInvalidArgument, "node {} of tree {} is given twice", id.node, id.tree);
      }
    }
    ids.starts_.push_back(ids.ids_.size());
    return ids;
  }

  size_t trees() const { return starts_.size() - 1; }
  // Calls fn(entry) for the entries of a tree, counted from 0, in the order of their node ids.
  template <class Fn>
  void each(size_t tree, Fn&& fn) const {
    for (size_t i = starts_[tree]; i < starts_[tree + 1]; ++i) fn(ids_[i].entry);
  }

  // The entry of a node of that id, or -1. Ids mostly count from 0, tree by tree.
  int32_t find(int64_t tree, int64_t node) const {
    const size_t at = find_tree(tree);
    if (at == trees()) return -1;
    const size_t first = starts_[at];
    const auto count = static_cast<int64_t>(starts_[at + 1] - first);
    const int64_t guess = node - ids_[first].node;
    if (guess >= 0 && guess < count && ids_[first + static_cast<size_t>(guess)].node == node) {
      return ids_[first + static_cast<size_t>(guess)].entry;
    }
    const auto begin = ids_.begin() + static_cast<ptrdiff_t>(first);
    const auto end = begin + static_cast<ptrdiff_t>(count);
    const auto found = std::lower_bound(
        begin, end, node, [](const Id& id, int64_t wanted) { return id.node < wanted; });
    return found != end && found->node == node ? found->entry : -1;
  }

 private:
  struct Id {
    int64_t tree, node;
    int32_t entry;
    friend auto operator<=>(const Id&, const Id&) = default;  // NOLINT(modernize-use-nullptr)
  };

  size_t find_tree(int64_t tree) const {
    const auto found = std::lower_bound(
        starts_.begin(), starts_.end() - 1, tree,
        [this](size_t start, int64_t wanted) { return ids_[start].tree < wanted; });
    const auto at = static_cast<size_t>(found - starts_.begin());
    return at < trees() && ids_[*found].tree == tree ? at : trees();
  }

  std::vector<Id> ids_;
  std::vector<size_t> starts_;  // of each tree; then the number of nodes
};

constexpr std::array<std::string_view, 7> kModeNames = {
    "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "LEAF"};
constexpr size_t kLeafMode = 6;

// The place of each entry: an inner node or, as ~index, a leaf.
Result<std::vector<int32_t>> place_entries(const AttrMap& attrs, Trees& trees) {
  const auto& modes = attrs.get_strings("nodes_modes");
  std::vector<int32_t> places;
  places.reserve(modes.size());
  int32_t leaves = 0;
  for (const std::string& mode : modes) {
    const auto found = std::find(kModeNames.begin(), kModeNames.end(), mode);
    if (found == kModeNames.end()) {
      return fail(Code::kInvalidArgument,
                  "nodes_modes has '{}', expected BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, "
                  "BRANCH_EQ, BRANCH_NEQ or LEAF",
                  mode);
    }
    const auto index = static_cast<size_t>(found - kModeNames.begin());
    if (index == kLeafMode) {
      places.push_back(~leaves++);
    } else {
      places.push_back(static_cast<int32_t>(trees.nodes.size()));
      trees.nodes.push_back({static_cast<TreeMode>(index), false, 0, 0, 0, 0});
    }
  }
  trees.first_vote.resize(static_cast<size_t>(leaves) + 1);
  return places;
}

Result<void> read_nodes(const AttrMap& attrs, const NodeIds& ids,
                        const std::vector<int32_t>& places, Trees& trees) {
  const size_t count = places.size();
  const auto splits = TRY(read_tree_numbers(attrs, "nodes_values"));
  const auto& features = attrs.get_ints("nodes_featureids");
  const auto& missing = attrs.get_ints("nodes_missing_value_tracks_true");
  const auto& tree_ids = attrs.get_ints("nodes_treeids");
  const auto& when_true = attrs.get_ints("nodes_truenodeids");
  const auto& when_false = attrs.get_ints("nodes_falsenodeids");
  TRY(expect_entries(attrs.get_ints("nodes_nodeids").size(), count, "nodes_nodeids"));
  TRY(expect_entries(splits.size(), count, "nodes_values"));
  TRY(expect_entries(features.size(), count, "nodes_featureids"));
  TRY(expect_entries(when_true.size(), count, "nodes_truenodeids"));
  TRY(expect_entries(when_false.size(), count, "nodes_falsenodeids"));
  if (!missing.empty()) {
    TRY(expect_entries(missing.size(), count, "nodes_missing_value_tracks_true"));
  }
  const auto child = [&](size_t entry, int64_t id) -> Result<int32_t> {
    const int32_t found = ids.find(tree_ids[entry], id);
    if (found >= 0) return places[static_cast<size_t>(found)];
    return fail(Code::kInvalidArgument,
                "entry {} of the nodes branches to node {}, which tree {} "
                "does not have",
                entry, id, tree_ids[entry]);
  };
  for (size_t i = 0; i < count; ++i) {
    if (places[i] < 0) continue;
    TreeNode& node = trees.nodes[static_cast<size_t>(places[i])];
    if (features[i] < 0 || features[i] >= INT32_MAX) {
      return fail(Code::kInvalidArgument, "nodes_featureids has {}", features[i]);
    }
    node.feature = static_cast<int32_t>(features[i]);
    node.split = splits[i];
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    node.when_true = TRY(child(i, when_true[i]));
    node.when_false = TRY(child(i, when_false[i]));
    trees.features = std::max(trees.features, node.feature + 1);
  }
  return {};
}

// The root of a tree is the first of its nodes that is nobody's child.
Result<void> read_roots(const NodeIds& ids, const std::vector<int32_t>& places, Trees& trees) {
  std::vector<bool> node_is_child(trees.nodes.size());
  std::vector<bool> leaf_is_child(static_cast<size_t>(trees.leaf_count()));
  const auto leaf_at = [](int32_t place) {
    const int32_t leaf = ~place;
    return static_cast<size_t>(leaf);
  };
  const auto mark = [&](int32_t place) {
    if (place < 0) {
      leaf_is_child[leaf_at(place)] = true;
    } else {
      node_is_child[static_cast<size_t>(place)] = true;
    }
  };
  for (const TreeNode& node : trees.nodes) {
    mark(node.when_true);
    mark(node.when_false);
  }
  for (size_t tree = 0; tree < ids.trees(); ++tree) {
    std::optional<int32_t> root;
    ids.each(tree, [&](int32_t entry) {
      const int32_t place = places[static_cast<size_t>(entry)];
      const bool is_child =
          place < 0 ? leaf_is_child[leaf_at(place)] : node_is_child[static_cast<size_t>(place)];
      if (!root && !is_child) root = place;
    });
    if (!root)
      return fail(Code::kInvalidArgument, "every node of a tree is a child: it has no root");
    trees.roots.push_back(*root);
  }
  return measure_trees(trees, true);
}

// Votes of class_* or target_*, sorted by leaf. Those of inner nodes do not count.
Result<void> read_votes(const AttrMap& attrs, const std::string& side, const NodeIds& ids,
                        const std::vector<int32_t>& places, Trees& trees) {
  const auto weights = TRY(read_tree_numbers(attrs, side + "_weights"));
  const auto& tree_ids = attrs.get_ints(side + "_treeids");
  const auto& node_ids = attrs.get_ints(side + "_nodeids");
  const auto& targets = attrs.get_ints(side + "_ids");
  TRY(expect_entries(targets.size(), weights.size(), side + "_ids"));
  TRY(expect_entries(tree_ids.size(), weights.size(), side + "_treeids"));
  TRY(expect_entries(node_ids.size(), weights.size(), side + "_nodeids"));
  if (weights.size() > kMaxTreeNodes) {
    return fail(Code::kInvalidArgument, "there are {} votes, expected {} at most", weights.size(),
                kMaxTreeNodes);
  }
  std::vector<int32_t> leaves(weights.size());
  for (size_t i = 0; i < weights.size(); ++i) {
    const int32_t entry = ids.find(tree_ids[i], node_ids[i]);
    if (entry < 0) {
      return fail(Code::kInvalidArgument, "a vote is of node {} of tree {}, which is not there",
                  node_ids[i], tree_ids[i]);
    }
    if (targets[i] < 0 || targets[i] >= trees.targets) {
      return fail(Code::kInvalidArgument, "{}_ids has {}, expected 0 to {}", side, targets[i],
                  trees.targets - 1);
    }
    leaves[i] = ~places[static_cast<size_t>(entry)];
    if (leaves[i] >= 0) ++trees.first_vote[static_cast<size_t>(leaves[i]) + 1];
  }
  for (size_t leaf = 1; leaf < trees.first_vote.size(); ++leaf) {
    trees.first_vote[leaf] += trees.first_vote[leaf - 1];
  }
  trees.vote_target.resize(trees.first_vote.back());
  trees.vote_weight.resize(trees.first_vote.back());
  std::vector<uint32_t> next = trees.first_vote;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (leaves[i] < 0) continue;
    const uint32_t at = next[static_cast<size_t>(leaves[i])]++;
    trees.vote_target[at] = static_cast<int32_t>(targets[i]);
    trees.vote_weight[at] = weights[i];
  }
  return {};
}

Result<Trees> read_model(const AttrMap& attrs, const std::string& side, int64_t targets) {
  Trees trees;
  trees.targets = static_cast<int32_t>(targets);
  const NodeIds ids = TRY(NodeIds::read(attrs));
  const auto places = TRY(place_entries(attrs, trees));
  TRY(read_nodes(attrs, ids, places, trees));
  TRY(read_roots(ids, places, trees));
  TRY(read_votes(attrs, side, ids, places, trees));
  return trees;
}

// base_values: none, or one for each target.
Result<std::vector<double>> read_base(const AttrMap& attrs, int64_t targets, bool one_will_do) {
  auto base = TRY(read_tree_numbers(attrs, "base_values"));
  const auto count = static_cast<int64_t>(base.size());
  if (count == 0 || count == targets || (count == 1 && one_will_do)) return base;
  return fail(Code::kInvalidArgument, "base_values has {} entries, expected {}", count, targets);
}

// ---- TreeEnsembleRegressor

struct RegressorEnd {
  int64_t targets = 0;
  TreeSum sum = TreeSum::kSum;
  Transform transform = Transform::kNone;
  std::vector<double> base;
};

Result<int64_t> count_targets(const AttrMap& attrs) {
  const int64_t targets = attrs.get_int("n_targets", 1);
  if (targets >= 1 && targets < INT32_MAX) return targets;
  return fail(Code::kInvalidArgument, "n_targets is {}, expected at least 1", targets);
}

Result<RegressorEnd> read_regressor_end(const AttrMap& attrs) {
  constexpr std::array<std::string_view, 4> kNames = {"AVERAGE", "SUM", "MIN", "MAX"};
  RegressorEnd end;
  end.targets = TRY(count_targets(attrs));
  const std::string& name = attrs.get_string("aggregate_function");
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) {
    return fail(Code::kInvalidArgument,
                "aggregate_function is '{}', expected AVERAGE, SUM, MIN or MAX", name);
  }
  end.sum = static_cast<TreeSum>(found - kNames.begin());
  end.transform = TRY(read_transform(attrs));
  end.base = TRY(read_base(attrs, end.targets, false));
  return end;
}

Result<Trees> read_regressor(const AttrMap& attrs) {
  return read_model(attrs, "target", TRY(count_targets(attrs)));
}

Result<void> infer_regressor(InferContext& context) {
  const RegressorEnd end = TRY(read_regressor_end(context.attrs()));
  if (context.at_load()) TRY(read_regressor(context.attrs()));
  const RowDims dims = TRY(row_dims(context));
  context.set_output(0, DType::kFloat32, {dims.rows, end.targets});
  return {};
}

Result<std::unique_ptr<Kernel>> make_regressor(const KernelRequest& request) {
  RegressorEnd end = TRY(read_regressor_end(request.node.attrs));
  const auto walk = TRY(cached_tree_walk(request, "nodes_values_as_tensor", read_regressor));
  return make_kernel([end = std::move(end), walk](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const RowCount size = rows_of(src.shape);
    const TensorView dst = args.allocate(0, DType::kFloat32, {size.rows, end.targets});
    if (args.failed()) return;
    walk->score(src, size.rows, size.features, end.sum, args.pool,
                [&](int64_t row, std::span<double> scores) {
                  for (size_t t = 0; t < end.base.size(); ++t) scores[t] += end.base[t];
                  transform_scores(end.transform, scores);
                  float* to = dst.as<float>() + row * end.targets;
                  for (double score : scores) *to++ = static_cast<float>(score);
                });
  });
}

// ---- TreeEnsembleClassifier

struct ClassifierEnd {
  ClassLabels labels;
  Transform transform = Transform::kNone;
  std::vector<double> base;
  // Two classes, and all votes are for one of them: its score decides alone.
  std::optional<size_t> voted;
  double threshold = 0;  // and is that of the second class when above this
};

Result<ClassifierEnd> read_classifier_end(const AttrMap& attrs) {
  ClassifierEnd end;
  end.labels = TRY(ClassLabels::read(attrs, "classlabels_int64s"));
  end.transform = TRY(read_transform(attrs));
  end.base = TRY(read_base(attrs, end.labels.count(), end.labels.count() == 2));
  const auto& ids = attrs.get_ints("class_ids");
  if (end.labels.count() != 2 || end.base.size() == 2 || ids.empty()) return end;
  const bool one = std::all_of(ids.begin(), ids.end(), [&](int64_t id) { return id == ids[0]; });
  if (one && (ids[0] == 0 || ids[0] == 1)) {
    end.voted = static_cast<size_t>(ids[0]);
    // Votes that are all positive are shares of the trees.
    const auto weights = TRY(read_tree_numbers(attrs, "class_weights"));
    const bool shares =
        std::all_of(weights.begin(), weights.end(), [](double weight) { return weight >= 0; });
    end.threshold = shares ? 0.5 : 0;
  } else if (end.base.size() == 1) {
    return fail(Code::kInvalidArgument, "base_values has 1 entry, expected 2");
  }
  return end;
}

Result<Trees> read_classifier(const AttrMap& attrs) {
  const ClassLabels labels = TRY(ClassLabels::read(attrs, "classlabels_int64s"));
  return read_model(attrs, "class", labels.count());
}

Result<void> infer_classifier(InferContext& context) {
  const ClassLabels labels = TRY(ClassLabels::read(context.attrs(), "classlabels_int64s"));
  if (context.at_load()) {
    TRY(read_classifier_end(context.attrs()));
    TRY(read_classifier(context.attrs()));
  }
  return set_classifier_outputs(context, labels, labels.count());
}

// Ends the scores of one row; returns the class. It is chosen by scores in 32 bits, as the weights
// are: what would be a tie but for their rounding is one.
size_t classify(const ClassifierEnd& end, std::span<double> scores) {
  if (!end.voted) {
    for (size_t c = 0; c < scores.size(); ++c) {
      const double base = end.base.empty() ? 0 : end.base[c];
      scores[c] = static_cast<double>(static_cast<float>(scores[c] + base));
    }
    const size_t top = top_score(scores);
    transform_scores(end.transform, scores);
    return top;
  }
  const double base = end.base.empty() ? 0 : end.base[0];
  const auto score = static_cast<double>(static_cast<float>(scores[*end.voted] + base));
  if (*end.voted == 0) {
    split_score(end.transform, score, end.threshold > 0, scores.data());
  } else {
    scores[1] = score;
    transform_scores(end.transform, scores);
  }
  return score > end.threshold ? 1 : 0;
}

Result<std::unique_ptr<Kernel>> make_classifier(const KernelRequest& request) {
  ClassifierEnd end = TRY(read_classifier_end(request.node.attrs));
  const auto walk = TRY(cached_tree_walk(request, "nodes_values_as_tensor", read_classifier));
  return make_kernel([end = std::move(end), walk](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const RowCount size = rows_of(src.shape);
    const int64_t classes = end.labels.count();
    const TensorView chosen = args.allocate(0, end.labels.dtype(), {size.rows});
    const TensorView scored = args.allocate(1, DType::kFloat32, {size.rows, classes});
    if (args.failed()) return;
    walk->score(src, size.rows, size.features, TreeSum::kSum, args.pool,
                [&](int64_t row, std::span<double> scores) {
                  const size_t top = classify(end, scores);
                  if (chosen.data != nullptr) end.labels.write(top, chosen, row);
                  if (scored.data == nullptr) return;
                  float* to = scored.as<float>() + row * classes;
                  for (double score : scores) *to++ = static_cast<float>(score);
                });
  });
}

// Names of the attributes that hold the votes.
struct VoteNames {
  StaticText ids, node_ids, tree_ids, weights, weights_as_tensor;
};
constexpr VoteNames kClassNames = {"class_ids", "class_nodeids", "class_treeids", "class_weights",
                                   "class_weights_as_tensor"};
constexpr VoteNames kTargetNames = {"target_ids", "target_nodeids", "target_treeids",
                                    "target_weights", "target_weights_as_tensor"};

// nodes_* and base_values, and the votes.
std::vector<FormalAttr> model_attrs(const VoteNames& votes) {
  using Kind = FormalAttr::Kind;
  std::vector<FormalAttr> attrs = {transform_attr(), optional_attr("nodes_modes", Kind::kStrings)};
  for (const StaticText name :
       {StaticText("nodes_falsenodeids"), StaticText("nodes_featureids"),
        StaticText("nodes_missing_value_tracks_true"), StaticText("nodes_nodeids"),
        StaticText("nodes_treeids"), StaticText("nodes_truenodeids"), votes.ids, votes.node_ids,
        votes.tree_ids}) {
    attrs.push_back(optional_attr(name, Kind::kInts));
  }
  for (const StaticText name : {StaticText("base_values"), StaticText("nodes_hitrates"),
                                StaticText("nodes_values"), votes.weights}) {
    attrs.push_back(optional_attr(name, Kind::kFloats));
  }
  for (const StaticText name :
       {StaticText("base_values_as_tensor"), StaticText("nodes_hitrates_as_tensor"),
        StaticText("nodes_values_as_tensor"), votes.weights_as_tensor}) {
    attrs.push_back(optional_attr(name, Kind::kTensor));
  }
  return attrs;
}

}  // namespace

OpDef op_TreeEnsembleClassifier() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1, 3, 5};
  op.inputs = {{"X", "T1", kFeatureTypes}};
  op.outputs = classifier_outputs();
  op.attrs = model_attrs(kClassNames);
  op.attrs.push_back(optional_attr("classlabels_int64s", Kind::kInts));
  op.attrs.push_back(optional_attr("classlabels_strings", Kind::kStrings));
  op.keeps_denormals = true;
  op.infer = infer_classifier;
  op.kernels = {{"walk", make_classifier}};
  return op;
}

OpDef op_TreeEnsembleRegressor() {
  OpDef op;
  op.versions = {1, 3, 5};
  op.inputs = {{"X", "T", kFeatureTypes}};
  op.outputs = {{"Y", "", kScoreTypes}};
  op.attrs = model_attrs(kTargetNames);
  op.attrs.push_back(optional_attr("n_targets", FormalAttr::Kind::kInt));
  op.attrs.push_back(string_attr("aggregate_function", "SUM"));
  op.keeps_denormals = true;
  op.infer = infer_regressor;
  op.kernels = {{"walk", make_regressor}};
  return op;
}

}  // namespace sardonyx
