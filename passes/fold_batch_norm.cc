// What multiplies channels by constants and adds constants to them goes into the weights of the
// Conv, ConvTranspose or Gemm before it: BatchNormalization with constant statistics, and Mul, Div,
// Add and Sub with one number or one per channel. A BatchNormalization behind anything else becomes
// a Mul and an Add, which any layout and any fusion can take. Computed in f64. Behind the layout
// pass once more: what had its channels last in the model stands behind its convolution only then.
#include <cmath>

#include "base/rebuilt.h"
#include "ops/number.h"
#include "passes/numbers.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// y = scale[c] * x + shift[c].
struct Affine {
  std::vector<double> scale;
  std::vector<double> shift;
};

// What a BatchNormalization node does to a channel; nullopt when it is in training mode or its
// statistics are not constant.
std::optional<Affine> read_affine(const Graph& graph, const Node& node) {
  if (node.attrs.get_int("training_mode") != 0) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) return std::nullopt;
  }
  const auto scale = numbers_of(graph.constant_input(node, 1));
  const auto bias = numbers_of(graph.constant_input(node, 2));
  const auto mean = numbers_of(graph.constant_input(node, 3));
  const auto variance = numbers_of(graph.constant_input(node, 4));
  if (!scale || !bias || !mean || !variance) return std::nullopt;
  const size_t count = scale->size();
  if (bias->size() != count || mean->size() != count || variance->size() != count) {
    return std::nullopt;
  }
  const auto epsilon = static_cast<double>(node.attrs.get_float("epsilon", 1e-5f));
  Affine affine;
  for (size_t c = 0; c < count; ++c) {
    const double factor = (*scale)[c] / std::sqrt((*variance)[c] + epsilon);
    affine.scale.push_back(factor);
    affine.shift.push_back((*bias)[c] - (*mean)[c] * factor);
  }
  return affine;
}

// Which filter each weight element belongs to: the axis of the weight, and how filters are spread
// over groups.
struct FilterAxis {
  size_t axis = 0;
  int64_t groups = 1;  // over which the axis repeats (ConvTranspose)
};

// The layout pass's convolutions, as long as nothing is fused into them.
bool is_channels_last(const Node& node) {
  return node.domain == "sardonyx" && (node.op_type == "Conv" || node.op_type == "ConvTranspose") &&
         node.attrs.get_int("channels_last") != 0 && !node.attrs.has("epilogue") &&
         node.inputs.size() <= 3;
}

std::optional<FilterAxis> filter_axis(const Node& node) {
  if (!node.domain.empty() && !is_channels_last(node)) return std::nullopt;
  if (node.op_type == "Conv") return FilterAxis{0, 1};
  if (node.op_type == "ConvTranspose") return FilterAxis{1, node.attrs.get_int("group", 1)};
  if (node.op_type == "Gemm" && node.attrs.get_float("beta", 1) == 1) {
    return FilterAxis{node.attrs.get_int("transB") != 0 ? size_t{0} : size_t{1}, 1};
  }
  return std::nullopt;
}

// Multiplies every filter of a weight by its scale; each element is rounded once.
void scale_filters(DType dtype, const Shape& shape, const FilterAxis& filters,
                   const std::vector<double>& scale, void* weight) {
  const int64_t inner = shape.count(filters.axis + 1, shape.rank());
  const int64_t along = shape[filters.axis];
  const int64_t outer = shape.count(0, filters.axis);
  const int64_t outer_per_group = outer / filters.groups;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    T* at = static_cast<T*>(weight);
    for (int64_t o = 0; o < outer; ++o) {
      const int64_t group = filters.groups > 1 ? o / outer_per_group : 0;
      for (int64_t f = 0; f < along; ++f) {
        const double factor = scale[static_cast<size_t>(group * along + f)];
        for (int64_t i = 0; i < inner; ++i, ++at) *at = narrow<T>(widen(*at) * factor);
      }
    }
  });
}

Result<Tensor> scaled_weight(const Tensor& weight, const FilterAxis& filters,
                             const std::vector<double>& scale) {
  if (const Rebuild original = rebuild_of(weight)) {
    const auto rebuild = [original, dtype = weight.dtype(), shape = weight.shape(), filters,
                          scale](void* dst) {
      original(dst);
      scale_filters(dtype, shape, filters, scale, dst);
    };
    return make_rebuilt(weight.dtype(), weight.shape(), rebuild, Filled::kWhenRead);
  }
  const Reading reading(weight);
  Tensor result = TRY(Tensor::allocate(weight.dtype(), weight.shape()));
  copy_elements(weight.view(), result.view());
  scale_filters(weight.dtype(), weight.shape(), filters, scale, result.data());
  return result;
}

// The node that gives x, if something done to the channels of x can be folded into its weights.
const Node* foldable_producer(const Graph& graph, ValueId x) {
  const NodeId producer = graph.value(x).producer;
  if (producer == kNoNode || graph.use_count(x) != 1) return nullptr;
  const Node& before = graph.node(producer);
  const auto filters = filter_axis(before);
  const Tensor* weight = graph.constant_input(before, 1);
  if (!filters || weight == nullptr || weight->shape().rank() <= filters->axis) return nullptr;
  const bool is_float = visit_float(weight->dtype(), [](auto) {});
  return is_float && weight->count() != 0 ? &before : nullptr;
}

size_t channels_of(const Graph& graph, const Node& producer) {
  const FilterAxis filters = *filter_axis(producer);
  return static_cast<size_t>(graph.constant_input(producer, 1)->shape()[filters.axis] *
                             filters.groups);
}

// Node `id` does `affine` to x.
Result<bool> fold_into_producer(Graph& graph, NodeId id, ValueId x, const Affine& affine) {
  const Node* before = foldable_producer(graph, x);
  const size_t count = affine.scale.size();
  if (before == nullptr || channels_of(graph, *before) != count) return false;
  std::vector<double> bias(count, 0.0);
  if (before->inputs.size() > 2 && before->inputs[2] != kNoValue) {
    const auto given = numbers_of(graph.constant_input(*before, 2));
    const Tensor* tensor = graph.constant_input(*before, 2);
    if (!given || given->size() != count || tensor->shape().back() != tensor->count()) return false;
    bias = *given;
  }
  for (size_t c = 0; c < count; ++c) bias[c] = bias[c] * affine.scale[c] + affine.shift[c];
  const NodeId producer = graph.value(x).producer;
  const Tensor* weight = graph.constant_input(*before, 1);
  const std::string name = graph.value(before->inputs[1]).name;
  const DType dtype = weight->dtype();
  const Tensor folded = TRY(scaled_weight(*weight, *filter_axis(*before), affine.scale));
  graph.set_input(producer, 1, graph.add_constant(name + "/scaled", folded));
  graph.set_input(
      producer, 2,
      graph.add_constant(name + "/bias", tensor_of(dtype, {static_cast<int64_t>(count)}, bias)));
  graph.replace_uses(graph.node(id).outputs[0], x);
  graph.remove_node(id);
  return true;
}

// Mul, Div, Add or Sub of the result of a Conv and a constant, into that Conv.
Result<bool> fold_arithmetic(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool multiplies = node.op_type == "Mul" || node.op_type == "Div";
  const bool adds = node.op_type == "Add" || node.op_type == "Sub";
  if (!node.domain.empty() || !(multiplies || adds)) return false;
  const bool swapped = graph.value(node.inputs[0]).is_constant();
  if (swapped && node.op_type != "Mul" && node.op_type != "Add") return false;
  const ValueId x = node.inputs[swapped ? 1 : 0];
  const Tensor* constant = graph.constant_input(node, swapped ? 0 : 1);
  const ValueType& type = graph.value(x).type;
  if (constant == nullptr || constant->dtype() != type.dtype || !type.has_rank()) return false;
  const Node* before = foldable_producer(graph, x);
  if (before == nullptr || type.dims->size() < 2) return false;
  const size_t count = channels_of(graph, *before);
  const size_t rank = type.dims->size(), axis = is_channels_last(*before) ? rank - 1 : 1;
  const auto numbers = per_channel(constant, axis, rank, count);
  if (!numbers) return false;
  Affine affine{std::vector<double>(count, 1.0), std::vector<double>(count, 0.0)};
  for (size_t c = 0; c < count; ++c) {
    const double number = (*numbers)[c];
    if (node.op_type == "Mul") affine.scale[c] = number;
    if (node.op_type == "Div") affine.scale[c] = 1 / number;
    if (node.op_type == "Add") affine.shift[c] = number;
    if (node.op_type == "Sub") affine.shift[c] = -number;
    if (!std::isfinite(affine.scale[c]) || !std::isfinite(affine.shift[c])) return false;
  }
  return fold_into_producer(graph, id, x, affine);
}

// As x * scale + shift, with constants of shape C, 1, 1, ...
bool split_in_two(Graph& graph, NodeId id, const Affine& affine) {
  const Node node = graph.node(id);
  const ValueType type = graph.value(node.inputs[0]).type;
  if (!type.has_rank() || type.dims->size() < 2) return false;
  Shape shape(type.dims->size() - 1, 1);
  shape[0] = static_cast<int64_t>(affine.scale.size());
  const std::string name = graph.value(node.outputs[0]).name;
  const ValueId scale =
      graph.add_constant(name + "/scale", tensor_of(type.dtype, shape, affine.scale));
  const ValueId shift =
      graph.add_constant(name + "/shift", tensor_of(type.dtype, shape, affine.shift));
  const ValueId scaled = graph.add_node("Mul", "", {node.inputs[0], scale}, {}, name + "/scaled");
  const ValueId shifted = graph.add_node("Add", "", {scaled, shift}, {}, name + "/shifted");
  graph.value(scaled).type = type;
  graph.value(shifted).type = type;
  graph.replace_uses(node.outputs[0], shifted);
  graph.remove_node(id);
  return true;
}

}  // namespace

Result<bool> fold_batch_norm(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    const Node& node = graph.node(id);
    if (node.op_type == "BatchNormalization" && node.domain.empty()) {
      const auto affine = read_affine(graph, node);
      if (!affine) continue;
      changed |= TRY(fold_into_producer(graph, id, node.inputs[0], *affine)) ||
                 split_in_two(graph, id, *affine);
      continue;
    }
    if (TRY(fold_arithmetic(graph, id))) {
      changed = true;
      continue;
    }
    changed |= TRY(run_in_bodies(graph, id, options, fold_batch_norm));
  }
  return changed;
}

}  // namespace sardonyx
