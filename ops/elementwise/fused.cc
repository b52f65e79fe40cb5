// "sardonyx" Elementwise: a graph of elementwise operators (attribute `body`) over inputs that
// broadcast together, in one pass over memory. Only passes make it.
#include "ops/elementwise.h"

#include <algorithm>

#include "ops/infer.h"

namespace sardonyx {
namespace {

// A body that comes from a file has no types inside yet; one that a pass has made has them.
Result<void> infer_read_body(const InferContext& context, Graph& body) {
  const bool typed =
      std::all_of(body.outputs().begin(), body.outputs().end(), [&](const GraphOutput& output) {
        return body.value(output.value).type.dtype != DType::kUndefined;
      });
  if (typed) return {};
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    GraphValue& input = body.value(body.inputs()[i]);
    input.type = merge_types(context.input(i), input.type);
  }
  return infer_body(body);
}

Result<void> infer_fused(InferContext& context) {
  const Subgraph* body = context.attrs().get_subgraph("body");
  if (body == nullptr || body->body == nullptr) {
    return fail(Code::kInvalidGraph, "has no body");
  }
  Graph& graph = *body->body;
  if (graph.inputs().size() != context.input_count() ||
      graph.outputs().size() != context.output_count()) {
    return fail(Code::kInvalidGraph, "the body takes {} values and gives {}, the node {} and {}",
                graph.inputs().size(), graph.outputs().size(), context.input_count(),
                context.output_count());
  }
  if (context.at_load()) TRY(infer_read_body(context, graph));
  const auto dims = TRY(broadcast_inputs(context));
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const DType dtype = graph.value(graph.outputs()[i].value).type.dtype;
    if (dims) {
      context.set_output(i, dtype, *dims);
    } else {
      context.set_output(i, dtype);
    }
  }
  return {};
}

}  // namespace

OpDef op_Elementwise() {
  OpDef op;
  op.versions = {1};
  op.inputs = {{"inputs", "", kAllTypes, Form::kVariadic}};
  op.outputs = {{"outputs", "", kAllTypes, Form::kVariadic}};
  op.attrs = {required_attr("body", FormalAttr::Kind::kGraph)};
  op.infer = infer_fused;
  op.kernels = {{"tiles", make_elementwise}};
  return op;
}

}  // namespace sardonyx
