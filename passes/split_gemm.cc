// Gemm whose C is neither one row nor as large as the product, which no product adds while it is
// written: a column, or a number that is computed. C becomes an Add behind it, which fuses with
// what follows (KMeans of scikit-learn is one).
#include "ops/op.h"
#include "passes/emitter.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

bool is_float(DType dtype) { return (dtype_bit(dtype) & kFloatTypes) != 0; }

// Whether C is stretched along the rows' elements, as far as dims are known.
bool stretches_columns(const Graph& graph, const Node& node) {
  const GraphValue& c = graph.value(node.inputs[2]);
  const ValueType& y = graph.value(node.outputs[0]).type;
  if (!c.type.has_rank() || !y.has_rank() || !is_float(c.type.dtype)) return false;
  const bool is_number = c.is_constant() && c.constant.count() == 1;
  const bool is_column = c.type.dims->empty() || c.type.dims->back() == Dim(1);
  const Dim& columns = y.dims->back();
  return is_column && !is_number && columns.is_constant() && columns.value() > 1;
}

void split(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  Emitter emit(graph, node.name.empty() ? graph.value(node.outputs[0]).name : node.name);
  AttrMap attrs = node.attrs;
  attrs.set("beta", 1.0f);
  const ValueId product = emit.op("Gemm", {node.inputs[0], node.inputs[1]}, std::move(attrs));
  ValueId c = node.inputs[2];
  const float beta = node.attrs.get_float("beta", 1);
  if (beta != 1) {
    const DType dtype = graph.value(c).type.dtype;
    c = emit.op("Mul", {c, emit.number(static_cast<double>(beta), dtype)});
  }
  graph.replace_uses(node.outputs[0], emit.op("Add", {product, c}));
  graph.remove_node(id);
}

}  // namespace

Result<bool> split_gemm(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (const NodeId id : TRY(graph.order())) {
    changed |= TRY(run_in_bodies(graph, id, options, split_gemm));
    const Node& node = graph.node(id);
    if (!node.domain.empty() || node.op_type != "Gemm" || node.inputs.size() < 3) continue;
    if (node.inputs[2] == kNoValue || node.outputs[0] == kNoValue) continue;
    if (node.attrs.get_float("beta", 1) == 0 || !stretches_columns(graph, node)) continue;
    split(graph, id);
    changed = true;
  }
  return changed;
}

}  // namespace sardonyx
