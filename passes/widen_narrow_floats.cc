// Operators whose fast kernels are those of float32: on float16 and bfloat16 they become the same
// in float32 between Casts. Results are rounded where they were, once after each operator;
// constants (weights) are converted here, once.
#include <algorithm>
#include <array>
#include <map>

#include "passes/rewrites.h"

namespace sardonyx {
namespace {

constexpr auto kWidened = std::to_array<std::string_view>({"AveragePool",
                                                           "Conv",
                                                           "ConvTranspose",
                                                           "CumSum",
                                                           "Einsum",
                                                           "GRU",
                                                           "Gemm",
                                                           "GlobalAveragePool",
                                                           "GlobalLpPool",
                                                           "GlobalMaxPool",
                                                           "GridSample",
                                                           "GroupNormalization",
                                                           "InstanceNormalization",
                                                           "LRN",
                                                           "LSTM",
                                                           "LayerNormalization",
                                                           "LogSoftmax",
                                                           "LpNormalization",
                                                           "LpPool",
                                                           "MatMul",
                                                           "MaxPool",
                                                           "MeanVarianceNormalization",
                                                           "RMSNormalization",
                                                           "RNN",
                                                           "ReduceL1",
                                                           "ReduceL2",
                                                           "ReduceLogSum",
                                                           "ReduceLogSumExp",
                                                           "ReduceMax",
                                                           "ReduceMean",
                                                           "ReduceMin",
                                                           "ReduceProd",
                                                           "ReduceSum",
                                                           "ReduceSumSquare",
                                                           "Resize",
                                                           "RotaryEmbedding",
                                                           "SimplifiedLayerNormalization",
                                                           "Softmax"});

bool is_narrow(const Graph& graph, ValueId value) {
  if (value == kNoValue || !graph.value(value).type.is_tensor()) return false;
  const DType dtype = graph.value(value).type.dtype;
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

bool is_widened(const Graph& graph, const Node& node) {
  if (!node.domain.empty() || node.inputs.empty() || !is_narrow(graph, node.inputs[0])) {
    return false;
  }
  if (!std::binary_search(kWidened.begin(), kWidened.end(), node.op_type)) return false;
  // Picking elements needs no arithmetic.
  const bool picks = (node.op_type == "Resize" || node.op_type == "GridSample") &&
                     node.attrs.get_string("mode") == "nearest";
  // Statistics of a type of their own stay as they are.
  constexpr auto kFloat = static_cast<int64_t>(DType::kFloat32);
  return !picks && node.attrs.get_int("stash_type", kFloat) == kFloat;
}

AttrMap cast_to(DType dtype) {
  AttrMap attrs;
  attrs.set("to", static_cast<int64_t>(dtype));
  return attrs;
}

class Widener {
 public:
  explicit Widener(Graph& graph) : graph_(graph) {}

  void widen(NodeId id) {
    const std::vector<ValueId> inputs = graph_.node(id).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (is_narrow(graph_, inputs[i])) graph_.set_input(id, i, widened(inputs[i]));
    }
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (is_narrow(graph_, outputs[i])) round_output(id, i);
    }
  }

 private:
  ValueId widened(ValueId value) {
    const auto [entry, is_new] = wide_.try_emplace(value, kNoValue);
    if (is_new) {
      const std::string name = graph_.value(value).name + "/float32";
      entry->second = graph_.add_node("Cast", "", {value}, cast_to(DType::kFloat32), name);
    }
    return entry->second;
  }

  // A Cast gives what the node gave; the node gives a new value.
  void round_output(NodeId id, size_t index) {
    const ValueId output = graph_.node(id).outputs[index];
    ValueType type = graph_.value(output).type;
    Node round;
    round.name = graph_.node(id).name + "/round";
    round.op_type = "Cast";
    round.attrs = cast_to(type.dtype);
    type.dtype = DType::kFloat32;
    const ValueId wide = graph_.add_value(graph_.value(output).name + "/wide", std::move(type));
    graph_.node(id).outputs[index] = wide;
    graph_.value(wide).producer = id;
    graph_.value(wide).output_index = static_cast<int>(index);
    graph_.value(output).producer = kNoNode;
    round.inputs = {wide};
    round.outputs = {output};
    graph_.add_node(std::move(round));
  }

  Graph& graph_;
  std::map<ValueId, ValueId> wide_;
};

bool widen_graph(Graph& graph) {
  bool changed = false;
  Widener widener(graph);
  const auto count = static_cast<NodeId>(graph.nodes().size());
  for (NodeId id = 0; id < count; ++id) {
    if (graph.node(id).removed) continue;
    for_each_subgraph(graph.node(id),
                      [&](Subgraph& subgraph) { changed |= widen_graph(*subgraph.body); });
    if (!is_widened(graph, graph.node(id))) continue;
    widener.widen(id);
    changed = true;
  }
  return changed;
}

}  // namespace

Result<bool> widen_narrow_floats(Graph& graph, const PassOptions& options) {
  if (!widen_graph(graph)) return false;
  TRY(fold_constants(graph, options));  // the weights
  return true;
}

}  // namespace sardonyx
