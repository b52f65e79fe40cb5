// ai.onnx.ml TreeEnsemble: each row of features walks every tree to a leaf; the weights of the
// leaves are aggregated for each target and transformed.
#include <algorithm>
#include <cmath>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kTypes = dtype_set(DType::kFloat32, DType::kFloat64, DType::kFloat16);

enum class Mode : uint8_t { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember };
enum class Aggregate : uint8_t { kAverage, kSum, kMin, kMax };
enum class Transform : uint8_t { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };

struct Branch {
  bool leaf = false;
  size_t index = 0;
};

struct TreeNode {
  Mode mode = Mode::kLeq;
  bool missing_is_true = false;
  int64_t feature = 0;
  double split = 0;
  std::vector<double> members;  // sorted
  Branch when_true, when_false;

  const Branch& follow(double x) const {
    return holds(x) || (missing_is_true && std::isnan(x)) ? when_true : when_false;
  }
  bool holds(double x) const {
    switch (mode) {
      case Mode::kLeq:
        return x <= split;
      case Mode::kLt:
        return x < split;
      case Mode::kGte:
        return x >= split;
      case Mode::kGt:
        return x > split;
      case Mode::kEq:
        return x == split;
      case Mode::kNeq:
        return x != split;
      case Mode::kMember:
        return !std::isnan(x) && std::binary_search(members.begin(), members.end(), x);
    }
    return false;
  }
};

struct Leaf {
  double weight = 0;
  int64_t target = 0;
};

struct Trees {
  std::vector<TreeNode> nodes;
  std::vector<Leaf> leaves;
  std::vector<size_t> roots;
  int64_t targets = 0;
  int64_t features = 0;  // that are read at most
  Aggregate aggregate = Aggregate::kSum;
  Transform transform = Transform::kNone;
};

Result<std::vector<double>> read_numbers(const AttrMap& attrs, const std::string& name) {
  std::vector<double> numbers;
  const Tensor* tensor = attrs.get_tensor(name);
  if (tensor == nullptr) return numbers;
  const bool known = visit_dtype<float, double, Float16, uint8_t>(tensor->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    for (const T& number : tensor->elements<const T>()) {
      numbers.push_back(static_cast<double>(widen(number)));
    }
  });
  if (known) return numbers;
  return fail(Code::kInvalidArgument, "{} cannot be {}", name, dtype_name(tensor->dtype()));
}

Result<void> expect_length(size_t length, size_t expected, std::string_view name) {
  if (length == expected) return {};
  return fail(Code::kInvalidArgument, "{} has {} entries, expected {}", name, length, expected);
}

Result<Branch> read_branch(const Trees& trees, int64_t leaf, int64_t index, size_t node) {
  const size_t limit = leaf != 0 ? trees.leaves.size() : trees.nodes.size();
  if (index >= 0 && static_cast<size_t>(index) < limit) {
    return Branch{leaf != 0, static_cast<size_t>(index)};
  }
  return fail(Code::kInvalidArgument, "node {} branches to {} {}, but there are {}", node,
              leaf != 0 ? "leaf" : "node", index, limit);
}

Result<void> read_leaves(const AttrMap& attrs, Trees& trees) {
  const auto weights = TRY(read_numbers(attrs, "leaf_weights"));
  const auto& targets = attrs.get_ints("leaf_targetids");
  TRY(expect_length(targets.size(), weights.size(), "leaf_targetids"));
  const bool given = attrs.has("n_targets");
  trees.targets = attrs.get_int("n_targets");
  for (size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] < 0 || targets[i] >= (given ? trees.targets : int64_t{1} << 31)) {
      return fail(Code::kInvalidArgument, "leaf {} has the target {}, expected 0 to n_targets - 1",
                  i, targets[i]);
    }
    if (!given) trees.targets = std::max(trees.targets, targets[i] + 1);
    trees.leaves.push_back({weights[i], targets[i]});
  }
  return {};
}

// The sets stand one after the other, each ended by a NaN, in the order of the nodes that ask.
Result<void> read_members(const AttrMap& attrs, Trees& trees) {
  const auto members = TRY(read_numbers(attrs, "membership_values"));
  size_t at = 0;
  for (TreeNode& node : trees.nodes) {
    if (node.mode != Mode::kMember) continue;
    while (at < members.size() && !std::isnan(members[at])) node.members.push_back(members[at++]);
    if (at++ == members.size()) {
      return fail(Code::kInvalidArgument,
                  "membership_values has fewer sets than there are nodes that test membership");
    }
    std::sort(node.members.begin(), node.members.end());
  }
  if (at >= members.size()) return {};
  return fail(Code::kInvalidArgument,
              "membership_values has more sets than there are nodes that test membership");
}

Result<void> read_nodes(const AttrMap& attrs, Trees& trees) {
  const auto& features = attrs.get_ints("nodes_featureids");
  const auto modes = TRY(read_numbers(attrs, "nodes_modes"));
  const auto splits = TRY(read_numbers(attrs, "nodes_splits"));
  trees.nodes.resize(features.size());
  TRY(expect_length(modes.size(), features.size(), "nodes_modes"));
  TRY(expect_length(splits.size(), features.size(), "nodes_splits"));
  for (const char* name :
       {"nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs", "nodes_falseleafs"}) {
    TRY(expect_length(attrs.get_ints(name).size(), features.size(), name));
  }
  const auto& missing = attrs.get_ints("nodes_missing_value_tracks_true");
  if (!missing.empty()) {
    TRY(expect_length(missing.size(), features.size(), "nodes_missing_value_tracks_true"));
  }
  for (size_t i = 0; i < features.size(); ++i) {
    TreeNode& node = trees.nodes[i];
    if (!(modes[i] >= 0 && modes[i] <= 6) || features[i] < 0) {
      return fail(Code::kInvalidArgument,
                  "node {} has mode {} and feature {}; expected 0 to 6 "
                  "and a feature",
                  i, modes[i], features[i]);
    }
    node.mode = static_cast<Mode>(static_cast<int>(modes[i]));
    node.feature = features[i];
    node.split = splits[i];
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    trees.features = std::max(trees.features, features[i] + 1);
    node.when_true = TRY(read_branch(trees, attrs.get_ints("nodes_trueleafs")[i],
                                     attrs.get_ints("nodes_truenodeids")[i], i));
    node.when_false = TRY(read_branch(trees, attrs.get_ints("nodes_falseleafs")[i],
                                      attrs.get_ints("nodes_falsenodeids")[i], i));
  }
  return read_members(attrs, trees);
}

// No node may be reached twice, or a walk might never end.
Result<void> read_roots(const AttrMap& attrs, Trees& trees) {
  std::vector<bool> seen(trees.nodes.size());
  for (int64_t root : attrs.get_ints("tree_roots")) {
    if (root < 0 || static_cast<size_t>(root) >= trees.nodes.size()) {
      return fail(Code::kInvalidArgument, "tree_roots has {}, but there are {} nodes", root,
                  trees.nodes.size());
    }
    trees.roots.push_back(static_cast<size_t>(root));
    std::vector<size_t> open = {trees.roots.back()};
    while (!open.empty()) {
      const size_t index = open.back();
      open.pop_back();
      if (seen[index]) {
        return fail(Code::kInvalidArgument, "node {} has more than one way to it", index);
      }
      seen[index] = true;
      for (const Branch& branch : {trees.nodes[index].when_true, trees.nodes[index].when_false}) {
        if (!branch.leaf) open.push_back(branch.index);
      }
    }
  }
  return {};
}

Result<Trees> read_trees(const AttrMap& attrs) {
  Trees trees;
  const int64_t aggregate = attrs.get_int("aggregate_function");
  const int64_t transform = attrs.get_int("post_transform");
  if (aggregate < 0 || aggregate > 3) {
    return fail(Code::kInvalidArgument, "aggregate_function is {}, expected 0 to 3", aggregate);
  }
  if (transform < 0 || transform > 4) {
    return fail(Code::kInvalidArgument, "post_transform is {}, expected 0 to 4", transform);
  }
  trees.aggregate = static_cast<Aggregate>(aggregate);
  trees.transform = static_cast<Transform>(transform);
  TRY(read_leaves(attrs, trees));
  TRY(read_nodes(attrs, trees));
  TRY(read_roots(attrs, trees));
  return trees;
}

Result<void> infer_trees(InferContext& context) {
  const Trees trees = TRY(read_trees(context.attrs()));
  TRY(expect_rank(context, 0, 2));
  Dim rows = Dim::unknown();
  if (context.has_rank(0)) {
    rows = context.dims(0)[0];
    const Dim& features = context.dims(0)[1];
    if (features.is_constant() && features.value() < trees.features) {
      return fail(Code::kInvalidArgument, "{} has {} features, the trees read {}",
                  context.describe(0), features.value(), trees.features);
    }
  }
  set_like_input(context, {rows, trees.targets});
  return {};
}

// z with P(standard normal < z) = p, by bisection.
double probit(double p) {
  if (!(p > 0 && p < 1)) return p == 0 ? -INFINITY : p == 1 ? INFINITY : NAN;
  double low = -40;
  double high = 40;
  for (int step = 0; step < 80; ++step) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

// With `keep_zeros`, scores of 0 stay 0 and take no part.
void softmax(std::vector<double>& scores, bool keep_zeros) {
  double highest = -INFINITY;
  for (double score : scores) highest = std::max(highest, score);
  double sum = 0;
  for (double& score : scores) {
    if (keep_zeros && score == 0) continue;
    score = std::exp(score - highest);
    sum += score;
  }
  for (double& score : scores) {
    if (score != 0) score /= sum;
  }
}

void transform_scores(Transform transform, std::vector<double>& scores) {
  switch (transform) {
    case Transform::kNone:
      return;
    case Transform::kSoftmax:
    case Transform::kSoftmaxZero:
      return softmax(scores, transform == Transform::kSoftmaxZero);
    case Transform::kLogistic:
      for (double& score : scores) score = 1 / (1 + std::exp(-score));
      return;
    case Transform::kProbit:
      for (double& score : scores) score = probit(score);
  }
}

template <class T>
void score_row(const Trees& trees, const T* x, std::vector<double>& scores,
               std::vector<bool>& hit) {
  std::fill(scores.begin(), scores.end(), 0.0);
  std::fill(hit.begin(), hit.end(), false);
  for (size_t root : trees.roots) {
    Branch at{false, root};
    while (!at.leaf) {
      const TreeNode& node = trees.nodes[at.index];
      at = node.follow(static_cast<double>(widen(x[node.feature])));
    }
    const Leaf& leaf = trees.leaves[at.index];
    const auto target = static_cast<size_t>(leaf.target);
    double& score = scores[target];
    if (!hit[target]) {
      score = leaf.weight;
    } else if (trees.aggregate == Aggregate::kMin) {
      score = std::min(score, leaf.weight);
    } else if (trees.aggregate == Aggregate::kMax) {
      score = std::max(score, leaf.weight);
    } else {
      score += leaf.weight;
    }
    hit[target] = true;
  }
  if (trees.aggregate != Aggregate::kAverage) return;
  for (double& score : scores) score /= static_cast<double>(trees.roots.size());
}

Result<std::unique_ptr<Kernel>> make_trees(const KernelRequest& request) {
  return make_kernel([trees = TRY(read_trees(request.node.attrs))](RunArgs& args) {
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, src.dtype, {src.shape[0], trees.targets});
    if (args.failed()) return;
    visit_float(src.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto work = static_cast<int64_t>(trees.roots.size()) * 512;
      parallel_ranges(args.pool, src.shape[0], work, [&](int64_t first, int64_t last) {
        std::vector<double> scores(static_cast<size_t>(trees.targets));
        std::vector<bool> hit(scores.size());
        for (int64_t row = first; row < last; ++row) {
          score_row(trees, src.as<const T>() + row * src.shape[1], scores, hit);
          transform_scores(trees.transform, scores);
          T* to = dst.as<T>() + row * trees.targets;
          for (double score : scores) *to++ = narrow<T>(score);
        }
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
  op.infer = infer_trees;
  op.kernels = {{"walk", make_trees}};
  return op;
}

}  // namespace sardonyx
