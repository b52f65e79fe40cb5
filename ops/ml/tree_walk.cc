// See ops/ml/tree_walk.h.
#include "ops/ml/tree_walk.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "ops/is_nan.h"
#include "ops/ml/rows.h"

namespace sardonyx {
namespace {

// Walks that are made together.
constexpr size_t kLanes = 8;

// Feature to compare, and the distance from the node to its children: the one for a true
// comparison, and next to it the other. A leaf has the distance 0 and a comparison that is always
// true, so that a walk stays there.
struct NarrowLink {
  uint32_t bits = 0;
  static bool fits(uint32_t feature, uint32_t distance) {
    return feature < (1u << 8) && distance < (1u << 24);
  }
  static NarrowLink of(uint32_t feature, uint32_t distance) { return {distance << 8 | feature}; }
  uint32_t feature() const { return bits & 255; }
  uint32_t distance() const { return bits >> 8; }
};

struct WideLink {
  uint32_t feature_bits = 0;
  uint32_t distance_bits = 0;
  static WideLink of(uint32_t feature, uint32_t distance) { return {feature, distance}; }
  uint32_t feature() const { return feature_bits; }
  uint32_t distance() const { return distance_bits; }
};

// What the comparison of a node is apart from x <= split.
enum NodeFlag : uint8_t { kMissingIsTrue = 1, kEqual = 2, kMember = 4 };
// What a walk has to care for: comparisons alone, missing values too, or nodes of any kind.
enum class Care : uint8_t { kNothing, kMissing, kAnything };

// The greatest T that is <= split, or < split.
template <class T>
T round_down(double split, bool strictly) {
  T rounded = static_cast<T>(split);
  const auto back = static_cast<double>(rounded);
  if (back > split || (strictly && back == split)) {
    rounded = std::nextafter(rounded, -std::numeric_limits<T>::infinity());
  }
  return rounded;
}

// A node of Trees with x <= split or x == split or a set instead of its mode.
template <class T>
struct PlainNode {
  T split = 0;
  uint8_t flags = 0;
  int32_t when_true = 0;
  int32_t when_false = 0;
};

template <class T>
PlainNode<T> simplify(const TreeNode& node) {
  PlainNode<T> plain;
  plain.when_true = node.when_true;
  plain.when_false = node.when_false;
  if (node.missing_is_true) plain.flags = kMissingIsTrue;
  const bool inverted = node.mode == TreeMode::kGte || node.mode == TreeMode::kGt;
  if (inverted) plain.flags ^= kMissingIsTrue;
  if (node.mode == TreeMode::kNeq) plain.flags = 0;  // NaN is not equal
  if (inverted || node.mode == TreeMode::kNeq) std::swap(plain.when_true, plain.when_false);
  const bool strictly = node.mode == TreeMode::kLt || node.mode == TreeMode::kGte;
  if (node.mode == TreeMode::kMember) {
    plain.flags |= kMember;
  } else if (node.mode == TreeMode::kEq || node.mode == TreeMode::kNeq) {
    // A split that T cannot hold equals no element.
    plain.flags |= kEqual;
    plain.split = static_cast<T>(node.split);
    if (static_cast<double>(plain.split) != node.split) plain.split = static_cast<T>(NAN);
  } else if (std::isnan(node.split) || (strictly && node.split == -INFINITY)) {
    plain.flags |= kEqual;
    plain.split = static_cast<T>(NAN);
  } else {
    plain.split = round_down<T>(node.split, strictly);
  }
  return plain;
}

// The votes of leaves. Where every leaf votes for every target once and in order, weights alone.
struct Votes {
  bool dense = false;
  int32_t targets = 0;
  std::vector<uint32_t> first;
  std::vector<int32_t> target;
  std::vector<double> weight;

  explicit Votes(const Trees& trees)
      : targets(trees.targets),
        first(trees.first_vote),
        target(trees.vote_target),
        weight(trees.vote_weight) {
    dense = true;
    for (size_t leaf = 0; leaf + 1 < first.size() && dense; ++leaf) {
      dense = first[leaf + 1] - first[leaf] == static_cast<uint32_t>(targets);
      for (uint32_t i = 0; i < static_cast<uint32_t>(targets) && dense; ++i) {
        dense = target[first[leaf] + i] == static_cast<int32_t>(i);
      }
    }
  }

  void add(uint32_t leaf, double* scores) const {
    if (dense && targets == 1) {
      scores[0] += weight[leaf];
    } else if (dense) {
      const double* from = weight.data() + size_t{leaf} * static_cast<size_t>(targets);
      for (int32_t t = 0; t < targets; ++t) scores[t] += from[t];
    } else {
      for (uint32_t i = first[leaf]; i < first[leaf + 1]; ++i) scores[target[i]] += weight[i];
    }
  }

  // The least, or greatest, vote for each target; `hit` says who had one.
  void compare(uint32_t leaf, bool least, double* scores, uint8_t* hit) const {
    for (uint32_t i = first[leaf]; i < first[leaf + 1]; ++i) {
      double& score = scores[target[i]];
      const bool better = least ? weight[i] < score : weight[i] > score;
      if (better || hit[target[i]] == 0) score = weight[i];
      hit[target[i]] = 1;
    }
  }
};

template <class T, class Link>
struct WalkNode {
  T split;
  Link link;
};

template <class T, class Link>
class Walk final : public TreeWalk {
 public:
  explicit Walk(const Trees& trees) : votes_(trees), sets_(trees.sets) {
    features_ = trees.features;
    std::vector<uint32_t> placed(trees.nodes.size(), kNowhere);
    for (size_t tree = 0; tree < trees.roots.size(); ++tree) lay_out(trees, tree, placed);
  }

  // False when a link was too narrow.
  bool fits() const { return fits_; }

  void score(const TensorView& src, int64_t rows, int64_t features, TreeSum sum, ThreadPool* pool,
             const Finish& finish) const override {
    const int64_t threads = pool == nullptr ? 1 : pool->threads();
    // Below some thousand steps, handing out work costs more than it saves.
    constexpr int64_t kSmall = 8192;
    const bool alone = threads == 1 || rows * steps_ < kSmall;
    if (rows < static_cast<int64_t>(kLanes)) {
      return score_few(src, rows, features, sum, alone ? nullptr : pool, finish);
    }
    const int64_t block = block_rows(rows, features, alone ? 1 : threads);
    const int64_t blocks = (rows + block - 1) / block;
    const auto run = [&](int64_t index) {
      const int64_t first = index * block;
      score_block(src, first, std::min(block, rows - first), features, sum, finish);
    };
    if (alone) {
      for (int64_t i = 0; i < blocks; ++i) run(i);
    } else {
      pool->parallel_for(blocks, run);
    }
  }

 private:
  using Node = WalkNode<T, Link>;

  static constexpr uint32_t kNowhere = UINT32_MAX;

  // Appends a tree, its nodes by levels. Where a node is placed already, a jump there stands for
  // it.
  void lay_out(const Trees& trees, size_t tree, std::vector<uint32_t>& placed) {
    struct Open {
      int32_t from;
      uint32_t at;
    };
    std::vector<Open> level = {{trees.roots[tree], grow(1)}};
    roots_.push_back(level[0].at);
    bool jumps = false;
    for (size_t next = 0; next < level.size(); ++next) {
      const Open open = level[next];
      flags_[open.at] = kMissingIsTrue;
      nodes_[open.at] = {std::numeric_limits<T>::infinity(), Link::of(0, 0)};
      if (open.from < 0) {
        leaf_at_[open.at] = static_cast<uint32_t>(~open.from);
        continue;
      }
      uint32_t& place = placed[static_cast<size_t>(open.from)];
      if (place != kNowhere) {
        link(open.at, 0, place - open.at);  // perhaps backwards: sums wrap
        jumps = true;
        continue;
      }
      place = open.at;
      const TreeNode& node = trees.nodes[static_cast<size_t>(open.from)];
      const PlainNode<T> plain = simplify<T>(node);
      const uint32_t children = grow(2);
      link(open.at, static_cast<uint32_t>(node.feature), children - open.at);
      nodes_[open.at].split = plain.split;
      flags_[open.at] = plain.flags;
      // Leaves are no sets: the place serves both.
      if (node.mode == TreeMode::kMember) leaf_at_[open.at] = static_cast<uint32_t>(node.split);
      odd_ = odd_ || (plain.flags & (kEqual | kMember)) != 0;
      level.push_back({plain.when_true, children});
      level.push_back({plain.when_false, children + 1});
    }
    // There may be a jump before every node, also within trees that this one leads to.
    has_jumps_ = has_jumps_ || jumps;
    depths_.push_back(trees.depths[tree] * (has_jumps_ ? 2 : 1) + (has_jumps_ ? 1 : 0));
    steps_ += depths_.back() + 1;
  }

  uint32_t grow(size_t count) {
    const auto at = static_cast<uint32_t>(nodes_.size());
    nodes_.resize(nodes_.size() + count);
    flags_.resize(nodes_.size());
    leaf_at_.resize(nodes_.size());
    return at;
  }

  void link(uint32_t at, uint32_t feature, uint32_t distance) {
    if constexpr (std::is_same_v<Link, NarrowLink>) fits_ = fits_ && Link::fits(feature, distance);
    nodes_[at].link = Link::of(feature, distance);
  }

  // ---- walking

  bool goes_false(uint32_t at, T x) const {
    const uint8_t flags = flags_[at];
    bool holds = x <= nodes_[at].split;
    if ((flags & kEqual) != 0) holds = x == nodes_[at].split;
    if ((flags & kMember) != 0) {
      const auto& set = sets_[leaf_at_[at]];
      holds = !std::isnan(x) && std::binary_search(set.begin(), set.end(), static_cast<double>(x));
    }
    return !(holds || (std::isnan(x) && (flags & kMissingIsTrue) != 0));
  }

  template <Care care>
  uint32_t step(uint32_t at, const T* row) const {
    const Node& node = nodes_[at];
    const T x = row[node.link.feature()];
    bool is_false;
    if constexpr (care == Care::kAnything) {
      is_false = goes_false(at, x);
    } else {
      is_false = x > node.split;
      if constexpr (care == Care::kMissing) {
        is_false |= is_nan(x) & ((flags_[at] & kMissingIsTrue) == 0);
      }
    }
    return at + node.link.distance() + static_cast<uint32_t>(is_false);
  }

  // Each lane goes on from places[lane] with rows[lane] to a leaf, `depth` steps away at most.
  template <Care care>
  void walk(const std::array<const T*, kLanes>& rows, std::array<uint32_t, kLanes>& places,
            int32_t depth) const {
    std::array<uint32_t, kLanes> at = places;
    const auto step_all = [&] {
#pragma GCC unroll 8
      for (size_t lane = 0; lane < kLanes; ++lane) at[lane] = step<care>(at[lane], rows[lane]);
    };
    for (; depth >= 4; depth -= 4) {
      step_all();
      step_all();
      step_all();
      const std::array<uint32_t, kLanes> before = at;
      step_all();
      uint32_t moved = 0;
#pragma GCC unroll 8
      for (size_t lane = 0; lane < kLanes; ++lane) moved |= at[lane] ^ before[lane];
      if (moved == 0) depth = 0;
    }
    for (; depth > 0; --depth) step_all();
    places = at;
  }

  // walk() with as little care as the rows allow.
  void walk_with(Care care, const std::array<const T*, kLanes>& rows,
                 std::array<uint32_t, kLanes>& places, int32_t depth) const {
    switch (care) {
      case Care::kNothing:
        return walk<Care::kNothing>(rows, places, depth);
      case Care::kMissing:
        return walk<Care::kMissing>(rows, places, depth);
      case Care::kAnything:
        return walk<Care::kAnything>(rows, places, depth);
    }
  }

  Care care_for(std::span<const T> elements) const {
    if (odd_) return Care::kAnything;
    bool missing = false;
    for (T x : elements) missing |= is_nan(x);
    return missing ? Care::kMissing : Care::kNothing;
  }

  // ---- rows

  // Rows whose features stay in the second cache while all trees are walked.
  static int64_t block_rows(int64_t rows, int64_t features, int64_t threads) {
    constexpr int64_t kBytes = 256 << 10;
    const int64_t fitting = kBytes / (static_cast<int64_t>(sizeof(T)) * (features + 1));
    const int64_t share = (rows + threads - 1) / threads;
    const int64_t block = std::min(share, std::clamp<int64_t>(fitting, 64, 2048));
    return (block + static_cast<int64_t>(kLanes) - 1) / static_cast<int64_t>(kLanes) *
           static_cast<int64_t>(kLanes);
  }

  // The rows as T, in place or in `copy`.
  static const T* load(const TensorView& src, int64_t first, int64_t rows, int64_t features,
                       std::vector<T>& copy) {
    if (src.dtype == dtype_of<T>) return src.as<const T>() + first * features;
    copy.resize(static_cast<size_t>(rows * features));
    load_rows(src, first * features, std::span(copy));
    return copy.data();
  }

  // Scores of some rows, and what minimum and maximum have to know of them.
  struct Scores {
    TreeSum sum;
    size_t targets;
    std::vector<double> scores;
    std::vector<uint8_t> hit;

    Scores(TreeSum sum_, size_t rows, size_t targets_)
        : sum(sum_), targets(targets_), scores(rows * targets_) {
      if (sum == TreeSum::kMin || sum == TreeSum::kMax) hit.resize(scores.size());
    }
    std::span<double> row(size_t index) {
      return std::span(scores).subspan(index * targets, targets);
    }
  };

  void add(const Votes& votes, uint32_t leaf, size_t row, Scores& into) const {
    double* scores = into.scores.data() + row * into.targets;
    if (into.hit.empty()) {
      votes.add(leaf, scores);
    } else {
      votes.compare(leaf, into.sum == TreeSum::kMin, scores, into.hit.data() + row * into.targets);
    }
  }

  void give(Scores& scores, int64_t first, const Finish& finish) const {
    const size_t rows = scores.targets == 0 ? 0 : scores.scores.size() / scores.targets;
    for (size_t row = 0; row < rows; ++row) {
      const std::span<double> own = scores.row(row);
      if (scores.sum == TreeSum::kAverage) {
        for (double& score : own) score /= static_cast<double>(roots_.size());
      }
      finish(first + static_cast<int64_t>(row), own);
    }
  }

  // Tree by tree, the lanes being rows.
  void score_block(const TensorView& src, int64_t first, int64_t rows, int64_t features,
                   TreeSum sum, const Finish& finish) const {
    std::vector<T> copy;
    const T* x = load(src, first, rows, features, copy);
    const Care care = care_for(std::span(x, static_cast<size_t>(rows * features)));
    const auto count = static_cast<size_t>(rows);
    Scores scores(sum, count, static_cast<size_t>(votes_.targets));
    for (size_t tree = 0; tree < roots_.size(); ++tree) {
      for (size_t row = 0; row < count; row += kLanes) {
        std::array<const T*, kLanes> lanes;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          lanes[lane] = x + std::min(row + lane, count - 1) * static_cast<size_t>(features);
        }
        std::array<uint32_t, kLanes> places;
        places.fill(roots_[tree]);
        walk_with(care, lanes, places, depths_[tree]);
        const size_t used = std::min(kLanes, count - row);
        for (size_t lane = 0; lane < used; ++lane) {
          add(votes_, leaf_at_[places[lane]], row + lane, scores);
        }
      }
    }
    give(scores, first, finish);
  }

  // Row by row, the lanes being trees; the leaves are found in parallel, then added in order.
  void score_few(const TensorView& src, int64_t rows, int64_t features, TreeSum sum,
                 ThreadPool* pool, const Finish& finish) const {
    std::vector<T> copy;
    const T* x = load(src, 0, rows, features, copy);
    const Care care = care_for(std::span(x, static_cast<size_t>(rows * features)));
    const size_t groups = (roots_.size() + kLanes - 1) / kLanes;
    std::vector<uint32_t> leaves(groups * kLanes * static_cast<size_t>(rows));
    const auto find = [&](size_t row, size_t first, size_t last) {
      for (size_t group = first; group < last; ++group) {
        std::array<const T*, kLanes> lanes;
        lanes.fill(x + row * static_cast<size_t>(features));
        std::array<uint32_t, kLanes> places;
        int32_t depth = 0;
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const size_t tree = std::min(group * kLanes + lane, roots_.size() - 1);
          places[lane] = roots_[tree];
          depth = std::max(depth, depths_[tree]);
        }
        walk_with(care, lanes, places, depth);
        uint32_t* to = leaves.data() + (row * groups + group) * kLanes;
        for (size_t lane = 0; lane < kLanes; ++lane) to[lane] = leaf_at_[places[lane]];
      }
    };
    const size_t parts = pool == nullptr ? 1 : static_cast<size_t>(pool->threads());
    const auto run = [&](int64_t task) {
      const auto row = static_cast<size_t>(task) / parts;
      const size_t part = static_cast<size_t>(task) % parts;
      find(row, groups * part / parts, groups * (part + 1) / parts);
    };
    const int64_t tasks = rows * static_cast<int64_t>(parts);
    if (pool == nullptr) {
      for (int64_t task = 0; task < tasks; ++task) run(task);
    } else {
      pool->parallel_for(tasks, run);
    }
    Scores scores(sum, static_cast<size_t>(rows), static_cast<size_t>(votes_.targets));
    for (size_t row = 0; row < static_cast<size_t>(rows); ++row) {
      for (size_t tree = 0; tree < roots_.size(); ++tree) {
        add(votes_, leaves[row * groups * kLanes + tree], row, scores);
      }
    }
    give(scores, 0, finish);
  }

  Votes votes_;
  std::vector<std::vector<double>> sets_;
  std::vector<Node> nodes_;
  std::vector<uint8_t> flags_;     // of each node
  std::vector<uint32_t> leaf_at_;  // of each node that is a leaf; the set of one that tests it
  std::vector<uint32_t> roots_;
  std::vector<int32_t> depths_;  // steps from the root to the last leaf
  int64_t steps_ = 0;            // of one row, at most
  bool has_jumps_ = false;       // some node has several ways to it
  bool odd_ = false;             // some node compares otherwise than x <= split
  bool fits_ = true;
};

template <class T>
std::shared_ptr<const TreeWalk> make_walk(const Trees& trees) {
  auto narrow = std::make_shared<Walk<T, NarrowLink>>(trees);
  if (narrow->fits()) return narrow;
  return std::make_shared<Walk<T, WideLink>>(trees);
}

}  // namespace

std::shared_ptr<const TreeWalk> make_tree_walk(const Trees& trees, DType dtype) {
  const bool single = dtype == DType::kFloat32 || dtype == DType::kFloat16;
  return single ? make_walk<float>(trees) : make_walk<double>(trees);
}

Result<std::shared_ptr<const TreeWalk>> cached_tree_walk(const KernelRequest& request,
                                                         const std::string& key,
                                                         Result<Trees> (*read)(const AttrMap&)) {
  const AttrMap& attrs = request.node.attrs;
  const DType dtype = request.inputs[0].dtype();
  const Tensor* source = attrs.get_tensor(key);
  std::optional<Error> error;
  const auto make = [&]() -> std::shared_ptr<void> {
    const auto trees = read(attrs);
    if (!trees) {
      error = trees.error();
      return nullptr;
    }
    return std::const_pointer_cast<TreeWalk>(make_tree_walk(*trees, dtype));
  };
  // Two nodes may share the tensor, but not the list of features.
  const std::string tag =
      fmt::format("trees {} {}", static_cast<int>(dtype),
                  static_cast<const void*>(attrs.get_ints("nodes_featureids").data()));
  const std::shared_ptr<void> made =
      source != nullptr ? request.weights.get(*source, tag, make) : make();
  if (error) return tl::unexpected(*error);
  auto walk = std::static_pointer_cast<const TreeWalk>(made);
  const Operand& input = request.inputs[0];
  if (!input.is_concrete()) return walk;
  const int64_t features = input.shape()[input.shape().rank() - 1];
  if (features >= walk->features()) return walk;
  return fail(Code::kInvalidArgument, "the input has {} features, the trees read {}", features,
              walk->features());
}

}  // namespace sardonyx
