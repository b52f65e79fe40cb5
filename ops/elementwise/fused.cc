// "sardonyx" Elementwise: a graph of elementwise operators (attribute `body`) over inputs that
// broadcast together, in one pass over memory. Only passes make it.
#include "ops/elementwise.h"

#include "ops/infer.h"

namespace sardonyx {
namespace {

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
  if (context.at_load()) {
    std::vector<ValueType> inputs;
    for (size_t i = 0; i < context.input_count(); ++i) inputs.push_back(context.input(i));
    TRY(infer_read_body(graph, inputs));
  }
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
  op.kernels = {{"affine", make_affine}, {"tiles", make_elementwise}};
  return op;
}

}  // namespace sardonyx
