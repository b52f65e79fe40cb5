// Gathers of every position of the first axis, each by a constant number → one Split and Squeezes,
// whose results are views. So heads of queries, keys and values are told apart: qkv[0], qkv[1],
// qkv[2].
#include <map>
#include <utility>

#include "passes/emitter.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

// The number that a Gather takes along the first axis longer than 1, and that axis; nullopt for
// other nodes.
struct Position {
  int64_t axis, index, length;
};
std::optional<Position> position_of(const Graph& graph, const Node& node) {
  if (!node.domain.empty() || node.op_type != "Gather") return std::nullopt;
  const Tensor* index = graph.constant_input(node, 1);
  const ValueType& data = graph.value(node.inputs[0]).type;
  if (index == nullptr || index->shape().rank() != 0 || !data.has_rank()) return std::nullopt;
  const auto rank = static_cast<int64_t>(data.dims->size());
  int64_t axis = node.attrs.get_int("axis");
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return std::nullopt;
  for (int64_t before = 0; before < axis; ++before) {
    if ((*data.dims)[static_cast<size_t>(before)] != Dim(1)) return std::nullopt;
  }
  const Dim& dim = (*data.dims)[static_cast<size_t>(axis)];
  if (!dim.is_constant()) return std::nullopt;
  int64_t at = index->dtype() == DType::kInt64 ? *index->as<int64_t>() : *index->as<int32_t>();
  if (at < 0) at += dim.value();
  if (at < 0 || at >= dim.value()) return std::nullopt;
  return Position{axis, at, dim.value()};
}

}  // namespace

Result<bool> split_gathers(Graph& graph, const PassOptions& options) {
  constexpr int64_t kMost = 16;
  bool changed = false;
  // Per value and axis, the Gathers by position.
  std::map<std::pair<ValueId, int64_t>, std::multimap<int64_t, NodeId>> found;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, split_gathers));
    const auto position = position_of(graph, graph.node(id));
    if (!position || position->length < 2 || position->length > kMost) continue;
    found[{graph.node(id).inputs[0], position->axis}].emplace(position->index, id);
  }
  for (const auto& [place, gathers] : found) {
    const auto [data, axis] = place;
    const int64_t length = (*graph.value(data).type.dims)[static_cast<size_t>(axis)].value();
    int64_t covered = 0;
    for (int64_t i = 0; i < length; ++i) covered += gathers.contains(i) ? 1 : 0;
    if (covered != length) continue;
    Emitter emit(graph, graph.node(gathers.begin()->second).name);
    const auto parts =
        emit.ops("Split", {data}, static_cast<size_t>(length),
                 make_attrs(std::pair("axis", axis), std::pair("num_outputs", length)));
    for (const auto& [index, id] : gathers) {
      const ValueId part = parts[static_cast<size_t>(index)];
      const ValueId old = graph.node(id).outputs[0];
      graph.remove_node(id);
      graph.replace_uses(old, emit.op("Squeeze", {part, emit.ints({axis})}));
    }
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
