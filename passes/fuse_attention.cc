// softmax(Q K' * scale + mask) V of many heads, as exporters spell it out → Attention, which never
// holds all scores at once. Where the heads come from and return to the last axis by a Transpose on
// every side, those go too: Attention reads and writes that form itself.
#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// Threads share attention by heads; with fewer of them the products alone are shared better.
constexpr int64_t kFewestHeads = 4;

const std::vector<int64_t> kSwapHeads = {0, 2, 1, 3};    // [N, T, H, D] <-> [N, H, T, D]
const std::vector<int64_t> kSwapLast = {0, 1, 3, 2};     // [N, H, T, D] <-> [N, H, D, T]
const std::vector<int64_t> kHeadsToKeys = {0, 2, 3, 1};  // [N, T, H, D] -> [N, H, D, T]

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

// Q K' and the number that it is multiplied by.
std::optional<Scores> match_product(const Graph& graph, ValueId value) {
  Scores scores;
  for (int steps = 0; steps < 3 && is_used_once(graph, value); ++steps) {
    if (const Node* product = find_producer(graph, value, "MatMul")) {
      scores.q = product->inputs[0];
      scores.k_transposed = product->inputs[1];
      return scores;
    }
    if (const Node* div = find_producer(graph, value, "Div")) {
      const auto number = constant_number(graph, div->inputs[1]);
      if (!number || *number == 0) return std::nullopt;
      scores.scale /= *number;
      value = div->inputs[0];
      continue;
    }
    const Node* mul = find_producer(graph, value, "Mul");
    if (mul == nullptr) return std::nullopt;
    const size_t constant = constant_number(graph, mul->inputs[0]) ? 0 : 1;
    const auto number = constant_number(graph, mul->inputs[constant]);
    if (!number) return std::nullopt;
    scores.scale *= *number;
    value = mul->inputs[1 - constant];
  }
  return std::nullopt;
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
    const bool fits = product != nullptr && sum != nullptr && mask != nullptr && *product == *sum;
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

// A Transpose by kSwapHeads that is the only reader of the value, or kNoNode.
NodeId transpose_after(const Graph& graph, ValueId value) {
  if (!is_used_once(graph, value)) return kNoNode;
  const NodeId user = graph.value(value).users.front();
  const Node& node = graph.node(user);
  const bool fits = node.domain.empty() && node.op_type == "Transpose" &&
                    node.attrs.get_ints("perm") == kSwapHeads;
  return fits ? user : kNoNode;
}

class Rewrite {
 public:
  Rewrite(Graph& graph, NodeId id, const Scores& scores)
      : graph_(graph), id_(id), scores_(scores), v_(graph.node(id).inputs[1]) {}

  // Whether the operands are [N, H, T, D] with the same N and H.
  bool fits() const {
    const Dims* q = dims_of(graph_, scores_.q);
    const Dims* k = dims_of(graph_, scores_.k_transposed);
    const Dims* v = dims_of(graph_, v_);
    if (q == nullptr || k == nullptr || v == nullptr) return false;
    if (q->size() != 4 || k->size() != 4 || v->size() != 4) return false;
    const bool same = (*q)[0] == (*k)[0] && (*q)[0] == (*v)[0] && (*q)[1] == (*k)[1] &&
                      (*q)[1] == (*v)[1] && !(*q)[0].is_unknown();
    return same && (*q)[1].is_constant() && (*q)[1].value() >= kFewestHeads;
  }

  void apply() {
    if (!apply_with_heads_inside()) apply_with_heads_outside();
  }

 private:
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
    const NodeId after = transpose_after(graph_, graph_.node(id_).outputs[0]);
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
  if (axis != -1 && axis != 3) return false;
  const auto scores = match_scores(graph, softmax->inputs[0]);
  if (!scores) return false;
  Rewrite rewrite(graph, id, *scores);
  if (!rewrite.fits()) return false;
  rewrite.apply();
  return true;
}

}  // namespace

Result<bool> fuse_attention(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    std::vector<std::shared_ptr<Graph>> bodies;
    for_each_subgraph(graph.node(id), [&](const Subgraph& sub) { bodies.push_back(sub.body); });
    for (const auto& body : bodies) changed |= TRY(fuse_attention(*body, options));
    changed |= fuse_at(graph, id);
  }
  return changed;
}

}  // namespace sardonyx
