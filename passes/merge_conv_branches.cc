// Convolutions of the same tensor whose results are added are one convolution, whose weights are
// the sum of theirs: a smaller window lies inside the larger one. A branch that scales and shifts
// the channels of that tensor (a BatchNormalization) is a window of one element. So are trained,
// and often exported, RepVGG, MobileOne, FastViT, RepGhost and their like ("structural
// re-parameterisation", Ding et al. 2021, "RepVGG"). Each weight is rounded once per sum.
#include <numeric>

#include "base/rebuilt.h"
#include "ops/number.h"
#include "passes/match.h"
#include "passes/numbers.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// One spatial axis of a window: its taps read elements tap * dilation - begin from the stride on.
struct WindowAxis {
  int64_t taps = 1, stride = 1, dilation = 1, begin = 0, end = 0;

  // What the input is longer by than the span of the windows; the same for results of the same
  // size.
  int64_t excess() const { return begin + end - (taps - 1) * dilation; }
  // The tap that reads what tap `tap` of another window reads, if there is one.
  std::optional<int64_t> tap_under(const WindowAxis& other, int64_t tap) const {
    const int64_t distance = tap * other.dilation - other.begin + begin;
    if (distance < 0 || distance % dilation != 0 || distance / dilation >= taps)
      return std::nullopt;
    return distance / dilation;
  }
};

struct Branch {
  ValueId x = kNoValue;
  int64_t groups = 1;
  int64_t filters = 0;
  std::vector<WindowAxis> window;
  Tensor weight;              // of a convolution
  std::vector<double> scale;  // of channels: instead of weights
  std::vector<double> bias;

  bool is_conv() const { return scale.empty(); }
};

int64_t entry(const std::vector<int64_t>& list, size_t index, int64_t missing) {
  return list.empty() ? missing : list[index];
}

std::optional<Branch> read_conv(const Graph& graph, const Node& node) {
  const Tensor* weight = graph.constant_input(node, 1);
  const std::string& automatic = node.attrs.get_string("auto_pad");
  if (weight == nullptr || weight->shape().rank() < 3 || weight->count() == 0) return std::nullopt;
  if (automatic != "NOTSET" && automatic != "VALID") return std::nullopt;
  // Beside a one, small weights would be lost in 16 bits.
  if (weight->dtype() != DType::kFloat32 && weight->dtype() != DType::kFloat64) return std::nullopt;
  Branch branch;
  branch.x = node.inputs[0];
  branch.groups = node.attrs.get_int("group", 1);
  branch.weight = *weight;
  branch.filters = weight->shape()[0];
  const size_t axes = weight->shape().rank() - 2;
  const auto& pads = node.attrs.get_ints("pads");
  for (size_t axis = 0; axis < axes; ++axis) {
    WindowAxis window;
    window.taps = weight->shape()[axis + 2];
    window.stride = entry(node.attrs.get_ints("strides"), axis, 1);
    window.dilation = entry(node.attrs.get_ints("dilations"), axis, 1);
    if (automatic == "NOTSET") {
      window.begin = entry(pads, axis, 0);
      window.end = entry(pads, axis + axes, 0);
    }
    branch.window.push_back(window);
  }
  branch.bias.resize(static_cast<size_t>(branch.filters), 0.0);
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    const auto bias = numbers_of(graph.constant_input(node, 2));
    if (!bias || bias->size() != branch.bias.size()) return std::nullopt;
    branch.bias = *bias;
  }
  return branch;
}

Branch affine_branch(ValueId x, std::vector<double> scale, std::vector<double> shift) {
  Branch branch;
  branch.x = x;
  branch.scale = std::move(scale);
  branch.bias = std::move(shift);
  return branch;
}

// x, or x * scale + shift with a number per channel, as fold_batch_norm leaves it.
std::optional<Branch> read_affine(const Graph& graph, ValueId x, ValueId sum, size_t channels) {
  if (sum == x) {
    return affine_branch(x, std::vector<double>(channels, 1.0), std::vector<double>(channels, 0.0));
  }
  const Node* add = find_producer(graph, sum, "Add");
  const ValueType& type = graph.value(x).type;
  if (add == nullptr || !type.has_rank()) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId product = add->inputs[side];
    const Node* mul = find_producer(graph, product, "Mul");
    if (mul == nullptr || !is_used_once(graph, product)) continue;
    const ValueId factor = other_input(*mul, x);
    if (factor == kNoValue) continue;
    const auto read = [&](const GraphValue& value) {
      return per_channel(value.is_constant() ? &value.constant : nullptr, 1, type.dims->size(),
                         channels);
    };
    auto scale = read(graph.value(factor));
    auto shift = read(graph.value(add->inputs[1 - side]));
    if (scale && shift) return affine_branch(x, std::move(*scale), std::move(*shift));
  }
  return std::nullopt;
}

// Whether the results have the same size and every tap of `small` is one of `large`.
bool lies_inside(const Branch& small, const Branch& large) {
  for (size_t axis = 0; axis < large.window.size(); ++axis) {
    const WindowAxis& outer = large.window[axis];
    const WindowAxis inner = small.is_conv() ? small.window[axis] : WindowAxis();
    if (inner.stride != outer.stride || inner.excess() != outer.excess()) return false;
    for (int64_t tap = 0; tap < inner.taps; ++tap) {
      if (!outer.tap_under(inner, tap)) return false;
    }
  }
  return true;
}

bool can_merge(const Branch& small, const Branch& large) {
  const Shape& shape = large.weight.shape();
  if (!small.is_conv()) {
    return small.x == large.x && shape[1] * large.groups == large.filters &&
           lies_inside(small, large);
  }
  const Shape& other = small.weight.shape();
  return small.x == large.x && small.groups == large.groups && other.rank() == shape.rank() &&
         other[0] == shape[0] && other[1] == shape[1] &&
         small.weight.dtype() == large.weight.dtype() && lies_inside(small, large);
}

// For each tap of `small`, which of `large` it is.
std::vector<int64_t> taps_in(const Branch& small, const Branch& large) {
  std::vector<int64_t> taps = {0};
  for (size_t axis = 0; axis < large.window.size(); ++axis) {
    const WindowAxis inner = small.is_conv() ? small.window[axis] : WindowAxis();
    std::vector<int64_t> next;
    for (const int64_t before : taps) {
      for (int64_t tap = 0; tap < inner.taps; ++tap) {
        next.push_back(before * large.window[axis].taps +
                       *large.window[axis].tap_under(inner, tap));
      }
    }
    taps = std::move(next);
  }
  return taps;
}

// Adds the weights of `small` to those of a convolution with a window of `window` taps.
template <class T>
void add_weights(const Branch& small, const std::vector<int64_t>& taps, const Shape& shape,
                 T* dst) {
  const int64_t window = shape.count(2, shape.rank());
  const auto add = [&](int64_t filter, int64_t channel, int64_t tap, double number) {
    T& element = dst[(filter * shape[1] + channel) * window + tap];
    element = narrow<T>(widen(element) + number);
  };
  if (!small.is_conv()) {
    for (int64_t filter = 0; filter < shape[0]; ++filter) {
      add(filter, filter % shape[1], taps[0], small.scale[static_cast<size_t>(filter)]);
    }
    return;
  }
  const Reading reading(small.weight);
  const T* from = small.weight.elements<T>().data();
  for (int64_t filter = 0; filter < shape[0]; ++filter) {
    for (int64_t channel = 0; channel < shape[1]; ++channel) {
      for (const int64_t tap : taps) add(filter, channel, tap, widen(*from++));
    }
  }
}

Result<Tensor> summed_weights(const Branch& small, const Branch& large) {
  const auto fill = [small, weight = large.weight, taps = taps_in(small, large)](void* dst) {
    const Reading reading(weight);
    visit_dtype<float, double>(weight.dtype(), [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto elements = weight.elements<T>();
      T* to = static_cast<T*>(dst);
      std::copy(elements.begin(), elements.end(), to);
      add_weights(small, taps, weight.shape(), to);
    });
  };
  return make_rebuilt(large.weight.dtype(), large.weight.shape(), fill, Filled::kWhenRead);
}

// A convolution with the window of the one that gives `large`, in the place of the node `add`.
Result<void> merge(Graph& graph, NodeId add, const Node& conv, const Branch& small,
                   const Branch& large) {
  const Tensor weights = TRY(summed_weights(small, large));
  std::vector<double> bias = large.bias;
  std::transform(bias.begin(), bias.end(), small.bias.begin(), bias.begin(), std::plus<>());
  const ValueId sum = graph.node(add).outputs[0];
  const std::string name = graph.value(sum).name;
  Node merged = conv;
  merged.name = graph.node(add).name;
  merged.inputs = {
      large.x, graph.add_constant(name + "/weights", weights),
      graph.add_constant(name + "/bias", tensor_of(weights.dtype(), {large.filters}, bias))};
  const ValueId result = graph.add_value(name + "/merged", graph.value(sum).type);
  merged.outputs = {result};
  graph.add_node(std::move(merged));
  graph.replace_uses(sum, result);
  graph.remove_node(add);
  return {};
}

Result<bool> merge_at(Graph& graph, NodeId id) {
  const Node& add = graph.node(id);
  if (!add.domain.empty() || add.op_type != "Add" || add.inputs[0] == add.inputs[1]) return false;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const ValueId result = add.inputs[side];
    const ValueId other = add.inputs[1 - side];
    const Node* conv = find_producer(graph, result, "Conv");
    if (conv == nullptr || !is_used_once(graph, result)) continue;
    const auto large = read_conv(graph, *conv);
    if (!large) continue;
    std::optional<Branch> small;
    if (const Node* second = find_producer(graph, other, "Conv")) {
      if (is_used_once(graph, other)) small = read_conv(graph, *second);
    } else if (other == large->x || is_used_once(graph, other)) {
      small = read_affine(graph, large->x, other, large->bias.size());
    }
    if (!small || !can_merge(*small, *large)) continue;
    TRY(merge(graph, id, Node(*conv), *small, *large));
    return true;
  }
  return false;
}

}  // namespace

Result<bool> merge_conv_branches(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, merge_conv_branches));
    changed |= TRY(merge_at(graph, id));
  }
  return changed;
}

}  // namespace sardonyx
