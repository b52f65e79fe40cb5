// Gradient: the derivatives of one value of the graph by others. It has no kernel:
// passes/expand_gradients.cc spells it out.
#include "ops/op.h"

namespace sardonyx {
namespace {

Result<void> infer_gradient(InferContext& context) {
  const size_t xs = context.attrs().get_strings("xs").size();
  const size_t zs = context.attrs().get_strings("zs").size();
  if (context.input_count() != xs + zs || context.output_count() > xs) {
    return fail(Code::kInvalidGraph,
                "{} inputs and {} outputs for {} names in xs and {} in zs: each name takes an "
                "input, each of xs gives an output",
                context.input_count(), context.output_count(), xs, zs);
  }
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_input(i)) {
      return fail(Code::kInvalidGraph, "input {} is left out, but each of xs and zs needs a value",
                  i);
    }
  }
  for (size_t i = 0; i < context.output_count(); ++i) {
    if (context.has_output(i)) context.set_output(i, context.input(i));
  }
  return {};
}

}  // namespace

OpDef op_Gradient() {
  OpDef op;
  op.domain = "ai.onnx.preview.training";
  op.versions = {1};
  op.inputs = {{"Inputs", "", kAllTypes, Form::kVariadic}};
  op.outputs = {{"Outputs", "", kFloatTypes, Form::kVariadic}};
  op.attrs = {required_attr("xs", FormalAttr::Kind::kStrings),
              required_attr("y", FormalAttr::Kind::kString),
              optional_attr("zs", FormalAttr::Kind::kStrings)};
  op.infer = infer_gradient;
  return op;
}

}  // namespace sardonyx
