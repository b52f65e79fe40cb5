// Pad with zeros before a Conv becomes the Conv's own padding, which copies nothing: how Keras,
// TensorFlow's SAME and models with uneven padding are exported.
#include <algorithm>

#include "ops/number.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

std::optional<std::vector<int64_t>> constant_integers(const Graph& graph, const Node& node,
                                                      size_t input) {
  const Tensor* tensor = graph.constant_input(node, input);
  if (tensor == nullptr) return std::nullopt;
  std::vector<int64_t> numbers;
  visit_dtype<int32_t, int64_t>(tensor->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    const auto elements = tensor->elements<T>();
    numbers.assign(elements.begin(), elements.end());
  });
  return numbers;
}

bool is_given(const Node& node, size_t input) {
  return input < node.inputs.size() && node.inputs[input] != kNoValue;
}

bool pads_with_zeros(const Graph& graph, const Node& node) {
  if (node.attrs.get_string("mode") != "constant") return false;
  if (!is_given(node, 2)) return true;
  const Tensor* value = graph.constant_input(node, 2);
  if (value == nullptr || value->count() != 1) return false;
  bool is_zero = false;
  visit_float(value->dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    is_zero = widen(value->elements<T>()[0]) == 0;
  });
  return is_zero;
}

// How much a Pad adds at both ends of the spatial axes, as a Conv has it: first all the beginnings.
// nullopt where it does anything else.
std::optional<std::vector<int64_t>> spatial_pads(const Graph& graph, const Node& node) {
  const ValueType& type = graph.value(node.inputs[0]).type;
  if (!type.has_rank() || type.dims->size() < 3 || !pads_with_zeros(graph, node)) {
    return std::nullopt;
  }
  const auto rank = static_cast<int64_t>(type.dims->size());
  const auto amounts = constant_integers(graph, node, 1);
  if (!amounts) return std::nullopt;
  std::vector<int64_t> axes;
  if (is_given(node, 3)) {
    const auto given = constant_integers(graph, node, 3);
    if (!given) return std::nullopt;
    axes = *given;
  } else {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (amounts->size() != 2 * axes.size()) return std::nullopt;
  const auto spatial = static_cast<size_t>(rank - 2);
  std::vector<int64_t> pads(2 * spatial, 0);
  for (size_t i = 0; i < amounts->size(); ++i) {
    const int64_t amount = (*amounts)[i];
    if (amount == 0) continue;
    const int64_t given = axes[i % axes.size()];
    const int64_t axis = given < 0 ? given + rank : given;
    if (amount < 0 || axis < 2 || axis >= rank) return std::nullopt;
    pads[(i < axes.size() ? 0 : spatial) + static_cast<size_t>(axis - 2)] = amount;
  }
  return pads;
}

// Adds them to those of a Conv, if it has some that are known.
bool add_pads(Node& conv, const std::vector<int64_t>& pads) {
  const std::string& automatic = conv.attrs.get_string("auto_pad");
  if (automatic != "NOTSET" && automatic != "VALID") return false;
  std::vector<int64_t> sum = pads;
  const auto& own = conv.attrs.get_ints("pads");
  if (automatic == "NOTSET" && !own.empty()) {
    if (own.size() != sum.size()) return false;
    std::transform(own.begin(), own.end(), sum.begin(), sum.begin(), std::plus<>());
  }
  conv.attrs.set("auto_pad", std::string("NOTSET"));
  conv.attrs.set("pads", std::move(sum));
  return true;
}

}  // namespace

Result<bool> fold_pad(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, fold_pad));
    const Node& pad = graph.node(id);
    if (!pad.domain.empty() || pad.op_type != "Pad" || pad.outputs[0] == kNoValue) continue;
    const auto pads = spatial_pads(graph, pad);
    if (!pads) continue;
    const ValueId before = pad.inputs[0];
    const ValueId padded = pad.outputs[0];
    for (const NodeId user : std::vector<NodeId>(graph.value(padded).users)) {
      Node& node = graph.node(user);
      if (!node.domain.empty() || node.op_type != "Conv" || node.inputs[0] != padded) continue;
      if (!add_pads(node, *pads)) continue;
      graph.set_input(user, 0, before);
      changed = true;
    }
  }
  return changed;
}

}  // namespace sardonyx
