// softmax(Q K' * scale + mask) V of many heads, as exporters spell it out → Attention, which never
// holds all scores at once. Where the heads come from and return to the last axis by a Transpose on
// every side, those go too: Attention reads and writes that form itself. PyTorch's
// nn.MultiheadAttention has the sequence first and the heads of all items in one axis: [T, N H, D].
#include <algorithm>

#include "base/rebuilt.h"
#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};    // [N, T, H, D] <-> [N, H, T, D]
const std::vector<int64_t> kSwapLast = {0, 1, 3, 2};     // [N, H, T, D] <-> [N, H, D, T]
const std::vector<int64_t> kHeadsToKeys = {0, 2, 3, 1};  // [N, T, H, D] -> [N, H, D, T]
const std::vector<int64_t> kSwapFirst = {1, 0, 2};       // [T, N H, D] <-> [N H, T, D]
const std::vector<int64_t> kFirstToKeys = {1, 2, 0};     // [T, N H, D] -> [N H, D, T]

struct Scores {
  ValueId q = kNoValue;
  ValueId k_transposed = kNoValue;
  double scale = 1;
  ValueId mask = kNoValue;
};

const Dims* dims_of(const Graph& graph, ValueId value) {
  if (value == kNoValue) return nullptr;
  const ValueType& type = graph.value(value).type;
  const bool fits = type.is_tensor() && type.dtype == DType::kFloat32 && type.has_rank();
  return fits ? &*type.dims : nullptr;
}

// The number that a Mul or a Div applies to the value, which becomes what it is applied to; 1 where
// there is none.
double take_scale(const Graph& graph, ValueId& value) {
  if (!is_used_once(graph, value)) return 1;
  if (const Node* div = find_producer(graph, value, "Div")) {
    const auto number = constant_number(graph, div->inputs[1]);
    if (!number || *number == 0) return 1;
    value = div->inputs[0];
    return 1 / *number;
  }
  const Node* mul = find_producer(graph, value, "Mul");
  if (mul == nullptr) return 1;
  const size_t constant = constant_number(graph, mul->inputs[0]) ? 0 : 1;
  const auto number = constant_number(graph, mul->inputs[constant]);
  if (!number) return 1;
  value = mul->inputs[1 - constant];
  return *number;
}

// Q K' and the number that it is multiplied by.
std::optional<Scores> match_product(const Graph& graph, ValueId value) {
  Scores scores;
  for (int steps = 0; steps < 3 && is_used_once(graph, value); ++steps) {
    if (const Node* product = find_producer(graph, value, "MatMul")) {
      scores.q = product->inputs[0];
      scores.k_transposed = product->inputs[1];
      scores.scale *= take_scale(graph, scores.q) * take_scale(graph, scores.k_transposed);
      return scores;
    }
    const ValueId scaled = value;
    scores.scale *= take_scale(graph, value);
    if (value == scaled) return std::nullopt;
  }
  return std::nullopt;
}

// Whether nothing is added: what torch.baddbmm with beta = 0 leaves.
bool is_zero(const Graph& graph, ValueId value) {
  const GraphValue& mask = graph.value(value);
  if (!mask.is_constant() || mask.constant.dtype() != DType::kFloat32) return false;
  const Reading reading(mask.constant);
  const auto elements = mask.constant.elements<float>();
  return std::all_of(elements.begin(), elements.end(), [](float x) { return x == 0; });
}

// What the Softmax takes: the product, perhaps with a mask that does not make it larger.
std::optional<Scores> match_scores(const Graph& graph, ValueId value) {
  const Node* add = find_producer(graph, value, "Add");
  if (add == nullptr) return match_product(graph, value);
  if (!is_used_once(graph, value)) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    auto scores = match_product(graph, add->inputs[side]);
    if (!scores) continue;
    scores->mask = add->inputs[1 - side];
    const Dims* product = dims_of(graph, add->inputs[side]);
    const Dims* sum = dims_of(graph, value);
    const Dims* mask = dims_of(graph, scores->mask);
    const bool fits = product != nullptr && sum != nullptr && mask != nullptr && !mask->empty() &&
                      *product == *sum;
    if (fits && is_zero(graph, scores->mask)) scores->mask = kNoValue;
    if (fits) return scores;
  }
  return std::nullopt;
}

// The input of the Transpose by `perm` that gives the value, or kNoValue.
ValueId before_transpose(const Graph& graph, ValueId value, const std::vector<int64_t>& perm) {
  const Node* transpose = find_producer(graph, value, "Transpose");
  if (transpose == nullptr || transpose->attrs.get_ints("perm") != perm) return kNoValue;
  return transpose->inputs[0];
}

// A Transpose by `perm` that is the only reader of the value, or kNoNode.
NodeId transpose_after(const Graph& graph, ValueId value, const std::vector<int64_t>& perm) {
  if (!is_used_once(graph, value)) return kNoNode;
  const NodeId user = graph.value(value).users.front();
  const Node& node = graph.node(user);
  const bool fits =
      node.domain.empty() && node.op_type == "Transpose" && node.attrs.get_ints("perm") == perm;
  return fits ? user : kNoNode;
}

class Rewrite {
 public:
  Rewrite(Graph& graph, NodeId id, const Scores& scores)
      : graph_(graph), id_(id), scores_(scores), v_(graph.node(id).inputs[1]) {}

  bool run() {
    if (has_sequence_first()) {
      apply_sequence_first();
    } else if (has_heads()) {
      if (!apply_with_heads_inside()) apply_with_heads_outside();
    } else if (have_items(3)) {  // [N, T, D], also where heads are among the items
      apply_items();
    } else {
      return false;
    }
    return true;
  }

 private:
  // Whether the operands have as many axes as said, and the same known ones before the last two.
  bool have_items(size_t rank) const {
    const Dims* q = dims_of(graph_, scores_.q);
    if (q == nullptr || q->size() != rank) return false;
    const std::span<const Dim> items(q->data(), rank - 2);
    if (std::ranges::any_of(items, &Dim::is_unknown)) return false;
    for (const ValueId other : {scores_.k_transposed, v_}) {
      const Dims* dims = dims_of(graph_, other);
      if (dims == nullptr || dims->size() != rank) return false;
      if (!std::ranges::equal(items, std::span(dims->data(), rank - 2))) return false;
    }
    return true;
  }

  // Whether the operands are [N, H, T, D] with the same N and H.
  bool has_heads() const {
    if (!have_items(4)) return false;
    const Dim& heads = (*dims_of(graph_, scores_.q))[1];
    return heads.is_constant() && heads.value() > 0;
  }

  int64_t heads() const { return (*dims_of(graph_, scores_.q))[1].value(); }
  std::string name(std::string_view what) const {
    return fmt::format("{}/{}", graph_.value(graph_.node(id_).outputs[0]).name, what);
  }

  Node attention(ValueId q, ValueId k, ValueId v) const {
    Node node;
    node.name = graph_.node(id_).name;
    node.op_type = "Attention";
    node.inputs = {q, k, v};
    if (scores_.mask != kNoValue) node.inputs.push_back(scores_.mask);
    node.attrs.set("scale", static_cast<float>(scores_.scale));
    return node;
  }

  ValueId transposed(ValueId value, const std::vector<int64_t>& perm, std::string_view what) {
    AttrMap attrs;
    attrs.set("perm", perm);
    return graph_.add_node("Transpose", "", {value}, std::move(attrs), name(what));
  }

  ValueId reshaped(ValueId value, const std::vector<int64_t>& shape, std::string_view what) {
    const ValueId target = graph_.add_constant(
        name(what) + "_shape", Tensor::from<int64_t>({static_cast<int64_t>(shape.size())},
                                                     std::span<const int64_t>(shape)));
    return graph_.add_node("Reshape", "", {value, target}, {}, name(what));
  }

  // [N, T, H, D] before the heads were taken out, with known H and D; or kNoValue.
  ValueId inside(ValueId value) const {
    if (value == kNoValue) return kNoValue;
    const Dims* dims = dims_of(graph_, value);
    const bool known = dims != nullptr && (*dims)[2].is_constant() && (*dims)[3].is_constant();
    return known ? value : kNoValue;
  }

  // [N, T, H D] from [N, T, H, D]: most often what was split.
  ValueId heads_joined(ValueId value, std::string_view what) {
    const Dims dims = *dims_of(graph_, value);
    const Dim columns = dims[2].value() * dims[3].value();
    if (const Node* split = find_producer(graph_, value, "Reshape")) {
      const Dims* before = dims_of(graph_, split->inputs[0]);
      if (before != nullptr && *before == Dims{dims[0], dims[1], columns}) return split->inputs[0];
    }
    return reshaped(value, {0, 0, columns.value()}, what);
  }

  bool apply_with_heads_inside() {
    const ValueId q = inside(before_transpose(graph_, scores_.q, kSwapHeads));
    ValueId k = inside(before_transpose(graph_, scores_.k_transposed, kHeadsToKeys));
    if (k == kNoValue) {
      const ValueId outside = before_transpose(graph_, scores_.k_transposed, kSwapLast);
      if (outside != kNoValue) k = inside(before_transpose(graph_, outside, kSwapHeads));
    }
    const ValueId v = inside(before_transpose(graph_, v_, kSwapHeads));
    const NodeId after = transpose_after(graph_, graph_.node(id_).outputs[0], kSwapHeads);
    if (q == kNoValue || k == kNoValue || v == kNoValue || after == kNoNode) return false;
    const int64_t value_size = (*dims_of(graph_, v))[3].value();
    Node node = attention(heads_joined(q, "q"), heads_joined(k, "k"), heads_joined(v, "v"));
    node.attrs.set("q_num_heads", heads());
    node.attrs.set("kv_num_heads", heads());
    const ValueId result = graph_.add_value(name("attention"), ValueType());
    node.outputs = {result};
    graph_.add_node(std::move(node));
    const ValueId split = reshaped(result, {0, 0, heads(), value_size}, "heads");
    graph_.replace_uses(graph_.node(after).outputs[0], split);
    graph_.remove_node(after);
    graph_.remove_node(id_);
    return true;
  }

  // [T, N, H D] that was split into [T, N H, D] and transposed to the operand: [N H, T, D], or with
  // the last axes swapped.
  struct Split {
    ValueId joined = kNoValue;
    Dim items;
    int64_t heads = 0;
  };
  Split split_of(ValueId operand, bool keys) const {
    ValueId inside = before_transpose(graph_, operand, keys ? kFirstToKeys : kSwapFirst);
    if (inside == kNoValue && keys) {
      const ValueId outside = before_transpose(graph_, operand, {0, 2, 1});
      if (outside != kNoValue) inside = before_transpose(graph_, outside, kSwapFirst);
    }
    const Dims* parts = dims_of(graph_, inside);
    const Node* reshape = parts == nullptr ? nullptr : find_producer(graph_, inside, "Reshape");
    const Dims* whole = reshape == nullptr ? nullptr : dims_of(graph_, reshape->inputs[0]);
    if (whole == nullptr || whole->size() != 3 || parts->size() != 3) return {};
    const bool known = (*whole)[0] == (*parts)[0] && !(*whole)[0].is_unknown() &&
                       (*whole)[2].is_constant() && (*parts)[2].is_constant();
    if (!known || (*parts)[2].value() <= 0 || (*whole)[2].value() % (*parts)[2].value() != 0) {
      return {};
    }
    return {reshape->inputs[0], (*whole)[1], (*whole)[2].value() / (*parts)[2].value()};
  }

  bool has_sequence_first() const {
    const Split q = split_of(scores_.q, false);
    const Split k = split_of(scores_.k_transposed, true);
    const Split v = split_of(v_, false);
    if (q.heads == 0 || k.heads != q.heads || v.heads != q.heads) return false;
    if (q.items.is_unknown() || !(k.items == q.items) || !(v.items == q.items)) return false;
    const Dims* mask = dims_of(graph_, scores_.mask);
    return (scores_.mask == kNoValue || (mask != nullptr && mask->size() == 2)) &&
           transpose_after(graph_, graph_.node(id_).outputs[0], kSwapFirst) != kNoNode;
  }

  void apply_sequence_first() {
    const Split q = split_of(scores_.q, false);
    const NodeId after = transpose_after(graph_, graph_.node(id_).outputs[0], kSwapFirst);
    const Dim value_size = (*dims_of(graph_, v_))[2];
    Node node = attention(transposed(q.joined, kSwapFirst, "q"),
                          transposed(split_of(scores_.k_transposed, true).joined, kSwapFirst, "k"),
                          transposed(split_of(v_, false).joined, kSwapFirst, "v"));
    node.attrs.set("q_num_heads", q.heads);
    node.attrs.set("kv_num_heads", q.heads);
    const ValueId result = graph_.add_value(name("attention"), ValueType());
    node.outputs = {result};
    graph_.add_node(std::move(node));
    const ValueId first = transposed(result, kSwapFirst, "sequence_first");
    const ValueId split = reshaped(first, {0, -1, value_size.value()}, "heads");
    graph_.replace_uses(graph_.node(after).outputs[0], split);
    graph_.remove_node(after);
    graph_.remove_node(id_);
  }

  // Each as an item of one head.
  void apply_items() {
    ValueId k = before_transpose(graph_, scores_.k_transposed, {0, 2, 1});
    if (k == kNoValue) k = transposed(scores_.k_transposed, {0, 2, 1}, "k");
    const auto with_head = [&](ValueId value, std::string_view what) {
      return graph_.add_node("Unsqueeze", "", {value, axis_one(what)}, {}, name(what));
    };
    if (scores_.mask != kNoValue && dims_of(graph_, scores_.mask)->size() == 3) {
      scores_.mask = with_head(scores_.mask, "mask_item");
    }
    Node node =
        attention(with_head(scores_.q, "q_item"), with_head(k, "k_item"), with_head(v_, "v_item"));
    const ValueId result = graph_.add_value(name("attention"), ValueType());
    node.outputs = {result};
    graph_.add_node(std::move(node));
    const ValueId items =
        graph_.add_node("Squeeze", "", {result, axis_one("items")}, {}, name("items"));
    graph_.replace_uses(graph_.node(id_).outputs[0], items);
    graph_.remove_node(id_);
  }
  ValueId axis_one(std::string_view what) {
    const int64_t one = 1;
    return graph_.add_constant(name(what) + "_axis",
                               Tensor::from<int64_t>({1}, std::span<const int64_t>(&one, 1)));
  }

  void apply_with_heads_outside() {
    ValueId k = before_transpose(graph_, scores_.k_transposed, kSwapLast);
    if (k == kNoValue) k = transposed(scores_.k_transposed, kSwapLast, "k");
    Node node = attention(scores_.q, k, v_);
    const ValueId result = graph_.add_value(name("attention"), ValueType());
    node.outputs = {result};
    graph_.add_node(std::move(node));
    graph_.replace_uses(graph_.node(id_).outputs[0], result);
    graph_.remove_node(id_);
  }

  Graph& graph_;
  NodeId id_;
  Scores scores_;
  ValueId v_;
};

bool fuse_at(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!node.domain.empty() || node.op_type != "MatMul") return false;
  const ValueId weights = node.inputs[0];
  const Node* softmax = find_producer(graph, weights, "Softmax");
  if (softmax == nullptr || !is_used_once(graph, weights)) return false;
  const int64_t axis = softmax->attrs.get_int("axis", -1);
  const Dims* dims = dims_of(graph, weights);
  if (dims == nullptr || (axis != -1 && axis != static_cast<int64_t>(dims->size()) - 1)) {
    return false;
  }
  const auto scores = match_scores(graph, softmax->inputs[0]);
  if (!scores) return false;
  return Rewrite(graph, id, *scores).run();
}

}  // namespace

Result<bool> fuse_attention(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_attention));
    changed |= fuse_at(graph, id);
  }
  return changed;
}

}  // namespace sardonyx
