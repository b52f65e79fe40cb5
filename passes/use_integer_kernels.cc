// DequantizeLinear → Conv, MatMul or Gemm (→ Relu or Clip) (→ QuantizeLinear) → the product of the
// stored numbers. Operators that only move elements between the two → the same on stored numbers;
// QuantizeLinear of what was just dequantized the same way → nothing.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/rebuilt.h"
#include "ops/op.h"
#include "passes/match.h"
#include "passes/quantized.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_bytes(DType dtype) { return dtype == DType::kInt8 || dtype == DType::kUint8; }

// What follows a product: bounds and the QuantizeLinear, where there are such.
struct Tail {
  ValueId result = kNoValue;  // what the new node gives
  double low = -kInfinity, high = kInfinity;
  std::optional<Quantization> how;
  std::vector<NodeId> nodes;
};

class IntegerRewrite {
 public:
  IntegerRewrite(Graph& graph, NodeId id) : graph_(graph), id_(id) {}

  bool run() {
    const Node& node = graph_.node(id_);
    if (!node.domain.empty()) return false;
    if (node.op_type == "Conv") return conv();
    if (node.op_type == "MatMul") return matmul();
    if (node.op_type == "Gemm") return gemm();
    if (node.op_type == "QuantizeLinear") return neutral_pair();
    if (node.op_type == "Concat") return concat();
    return move();
  }

 private:
  // ---- products

  // Data with one scale.
  std::optional<Dequantized> bytes_at(size_t index) const {
    const Node& node = graph_.node(id_);
    if (index >= node.inputs.size()) return std::nullopt;
    auto found = find_dequantized(graph_, node.inputs[index]);
    if (!found || !is_bytes(found->how.dtype)) return std::nullopt;
    return found;
  }
  std::optional<Dequantized> data_at(size_t index) const {
    auto found = bytes_at(index);
    return found && has_one_scale(graph_, found->how) ? found : std::nullopt;
  }
  // Weights, with one scale or one per index of `axis`, counted from the front.
  std::optional<Dequantized> weights_at(size_t index, int64_t axis) const {
    auto found = bytes_at(index);
    if (!found || has_one_scale(graph_, found->how)) return found;
    const ValueType& type = graph_.value(found->x).type;
    if (!type.has_rank()) return std::nullopt;
    const auto rank = static_cast<int64_t>(type.dims->size());
    const int64_t scaled = found->axis < 0 ? found->axis + rank : found->axis;
    return scaled == axis ? found : std::nullopt;
  }

  // A rank 1 bias in real numbers; nullopt where the operand is there but is none.
  std::optional<std::vector<double>> bias_at(size_t index) const {
    const Node& node = graph_.node(id_);
    if (index >= node.inputs.size() || node.inputs[index] == kNoValue) {
      return std::vector<double>();
    }
    std::vector<double> bias;
    if (const Tensor* floats = graph_.constant_input(node, index)) {
      if (floats->dtype() != DType::kFloat32 || floats->shape().rank() != 1) return std::nullopt;
      const Reading reading(*floats);
      for (float each : floats->elements<const float>()) bias.push_back(static_cast<double>(each));
      return bias;
    }
    const auto found = find_dequantized(graph_, node.inputs[index]);
    if (!found || found->how.dtype != DType::kInt32 || !graph_.value(found->x).is_constant()) {
      return std::nullopt;
    }
    const Tensor& stored = graph_.value(found->x).constant;
    const std::vector<float> scales = scales_of(graph_, found->how);
    const auto numbers = stored.elements<const int32_t>();
    if (stored.shape().rank() != 1 || (scales.size() != 1 && scales.size() != numbers.size())) {
      return std::nullopt;
    }
    const auto zero = static_cast<double>(zero_of(graph_, found->how));
    for (size_t i = 0; i < numbers.size(); ++i) {
      const float scale = scales[scales.size() == 1 ? 0 : i];
      bias.push_back((numbers[i] - zero) * static_cast<double>(scale));
    }
    return bias;
  }

  Tail find_tail() const {
    Tail tail;
    tail.result = graph_.node(id_).outputs[0];
    ValueId at = tail.result;
    const auto& users = graph_.value(at).users;
    if (users.size() == 1 && graph_.use_count(at) == 1 && read_bounds(users[0], at, tail)) {
      at = graph_.node(users[0]).outputs[0];
      tail.nodes.push_back(users[0]);
      tail.result = at;
    }
    if (const auto quantized = find_requantized(graph_, at)) {
      tail.how = quantized->how;
      tail.nodes.push_back(quantized->node);
      tail.result = graph_.node(quantized->node).outputs[0];
    }
    return tail;
  }

  bool read_bounds(NodeId id, ValueId at, Tail& tail) const {
    const Node& node = graph_.node(id);
    if (!node.domain.empty() || node.inputs[0] != at) return false;
    if (node.op_type == "Relu") {
      tail.low = 0;
      return true;
    }
    if (node.op_type != "Clip") return false;
    const auto bound = [&](size_t index, double& to) {
      if (index >= node.inputs.size() || node.inputs[index] == kNoValue) return true;
      const auto number = constant_number(graph_, node.inputs[index]);
      if (number) to = *number;
      return number.has_value();
    };
    return bound(1, tail.low) && bound(2, tail.high) && tail.low <= tail.high;
  }

  // Replaces the node and its tail by the product of stored numbers.
  bool replace(std::string op_type, AttrMap attrs, const Dequantized& a, const Dequantized& b,
               const std::vector<double>& bias, double alpha) {
    const Tail tail = find_tail();
    Node with;
    with.name = graph_.node(id_).name;
    with.op_type = std::move(op_type);
    with.domain = "sardonyx";
    with.attrs = std::move(attrs);
    with.attrs.set("low", static_cast<float>(tail.low));
    with.attrs.set("high", static_cast<float>(tail.high));
    with.inputs = {a.x,        a.how.scale, a.how.zero, b.x,     b.how.scale,
                   b.how.zero, kNoValue,    kNoValue,   kNoValue};
    if (tail.how) {
      with.inputs[6] = tail.how->scale;
      with.inputs[7] = tail.how->zero;
      if (tail.how->zero == kNoValue && tail.how->dtype == DType::kInt8) {
        with.inputs[7] = graph_.add_constant(with.name + "/zero", Tensor::scalar(int8_t{0}));
      }
    }
    if (!bias.empty()) with.inputs[8] = add_bias(bias, a, b, alpha, tail.how.has_value());
    with.outputs = {tail.result};
    for (NodeId each : tail.nodes) graph_.remove_node(each);
    graph_.remove_node(id_);
    graph_.add_node(std::move(with));
    return true;
  }

  // In units of the product where the result is quantized, else in real numbers.
  ValueId add_bias(const std::vector<double>& bias, const Dequantized& a, const Dequantized& b,
                   double alpha, bool quantized) {
    const std::string name = graph_.node(id_).name + "/bias";
    const Shape shape{static_cast<int64_t>(bias.size())};
    if (!quantized) {
      const std::vector<float> floats(bias.begin(), bias.end());
      return graph_.add_constant(name, Tensor::from<float>(shape, floats));
    }
    const std::vector<float> b_scales = scales_of(graph_, b.how);
    const auto a_scale = static_cast<double>(scales_of(graph_, a.how)[0]);
    std::vector<int32_t> units;
    for (size_t i = 0; i < bias.size(); ++i) {
      const auto b_scale = static_cast<double>(b_scales[b_scales.size() == 1 ? 0 : i]);
      const double unit = bias[i] / (alpha * a_scale * b_scale);
      units.push_back(
          static_cast<int32_t>(std::nearbyint(std::clamp(unit, -2147483648.0, 2147483647.0))));
    }
    return graph_.add_constant(name, Tensor::from<int32_t>(shape, units));
  }

  bool conv() {
    const auto x = data_at(0);
    const auto w = weights_at(1, 0);
    const auto bias = bias_at(2);
    if (!x || !w || !bias || !graph_.value(w->x).is_constant()) return false;
    return replace("QLinearConv", graph_.node(id_).attrs, *x, *w, *bias, 1);
  }

  bool matmul() {
    const auto a = data_at(0);
    if (!a) return false;
    const ValueType& type = graph_.value(graph_.node(id_).inputs[1]).type;
    const bool is_matrix = type.has_rank() && type.dims->size() == 2;
    const auto b = is_matrix ? weights_at(1, 1) : data_at(1);
    if (!b) return false;
    return replace("QLinearMatMul", {}, *a, *b, {}, 1);
  }

  bool gemm() {
    const AttrMap attrs = graph_.node(id_).attrs;
    const bool trans_b = attrs.get_int("transB") != 0;
    const float alpha = attrs.get_float("alpha", 1);
    const auto a = data_at(0);
    const auto b = weights_at(1, trans_b ? 0 : 1);
    const auto bias = bias_at(2);
    if (!a || !b || !bias || attrs.get_int("transA") != 0 || alpha == 0) return false;
    if (!bias->empty() && (attrs.get_float("beta", 1) != 1 || !fits_columns(*bias))) return false;
    AttrMap with;
    with.set("alpha", alpha);
    with.set("transB", int64_t{trans_b});
    return replace("QLinearMatMul", std::move(with), *a, *b, *bias, static_cast<double>(alpha));
  }

  bool fits_columns(const std::vector<double>& bias) const {
    const ValueType& type = graph_.value(graph_.node(id_).outputs[0]).type;
    return type.has_rank() && type.dims->back() == Dim(static_cast<int64_t>(bias.size()));
  }

  // ---- what only moves elements

  bool neutral_pair() {
    const Node node = graph_.node(id_);
    const auto from = find_dequantized(graph_, node.inputs[0]);
    if (!from || !is_bytes(from->how.dtype)) return false;
    Quantization how;
    how.dtype = graph_.value(node.outputs[0]).type.dtype;
    how.scale = node.inputs[1];
    how.zero = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
    const bool constant = graph_.value(how.scale).is_constant() &&
                          (how.zero == kNoValue || graph_.value(how.zero).is_constant());
    if (!constant || !has_one_scale(graph_, how) || !has_one_scale(graph_, from->how) ||
        !is_same_quantization(graph_, from->how, how)) {
      return false;
    }
    graph_.replace_uses(node.outputs[0], from->x);
    graph_.remove_node(id_);
    return true;
  }

  // Whether stored numbers go through the operator as real ones do.
  bool moves_elements(const Node& node) const {
    static constexpr std::string_view kMovers[] = {
        "DepthToSpace", "Expand",  "Flatten",   "Gather",   "GatherElements", "GatherND",
        "Identity",     "MaxPool", "Reshape",   "Slice",    "SpaceToDepth",   "Split",
        "Squeeze",      "Tile",    "Transpose", "Unsqueeze"};
    if (node.op_type == "Resize") return node.attrs.get_string("mode") == "nearest";
    return std::find(std::begin(kMovers), std::end(kMovers), node.op_type) != std::end(kMovers);
  }

  bool move() {
    Node node = graph_.node(id_);
    if (!moves_elements(node) || node.inputs.empty()) return false;
    const auto x = data_at(0);
    if (!x) return false;
    std::vector<NodeId> quantizers;
    for (ValueId& output : node.outputs) {
      if (output == kNoValue) continue;
      const auto quantized = find_requantized(graph_, output);
      if (!quantized || !is_same_quantization(graph_, quantized->how, x->how)) return false;
      quantizers.push_back(quantized->node);
      output = graph_.node(quantized->node).outputs[0];
    }
    if (quantizers.empty()) return false;
    node.inputs[0] = x->x;
    for (NodeId each : quantizers) graph_.remove_node(each);
    graph_.remove_node(id_);
    graph_.add_node(std::move(node));
    return true;
  }

  // Inputs with another scale are dequantized and quantized on their own.
  bool concat() {
    Node node = graph_.node(id_);
    const auto quantized = find_requantized(graph_, node.outputs[0]);
    if (!quantized) return false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!data_at(i) || !graph_.value(node.inputs[i]).type.has_rank()) return false;
    }
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Dequantized from = *data_at(i);
      if (is_same_quantization(graph_, from.how, quantized->how)) {
        node.inputs[i] = from.x;
        continue;
      }
      std::vector<ValueId> inputs = {node.inputs[i], quantized->how.scale};
      if (quantized->how.zero != kNoValue) inputs.push_back(quantized->how.zero);
      const ValueType type =
          ValueType::tensor(quantized->how.dtype, *graph_.value(node.inputs[i]).type.dims);
      node.inputs[i] = graph_.add_node("QuantizeLinear", "", std::move(inputs),
                                       graph_.node(quantized->node).attrs,
                                       graph_.value(node.inputs[i]).name + "/requantized");
      graph_.value(node.inputs[i]).type = type;
    }
    node.outputs = {graph_.node(quantized->node).outputs[0]};
    graph_.remove_node(quantized->node);
    graph_.remove_node(id_);
    graph_.add_node(std::move(node));
    return true;
  }

  Graph& graph_;
  NodeId id_;
};

}  // namespace

Result<bool> use_integer_kernels(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, use_integer_kernels));
    changed |= IntegerRewrite(graph, id).run();
  }
  return changed;
}

}  // namespace sardonyx
