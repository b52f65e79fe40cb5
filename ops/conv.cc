// Conv: sums of products of a window of the input with each filter, in 1, 2, 3 or more spatial
// axes, with groups, strides, dilations and pads.
#include "ops/conv_shape.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr ConvInputs kInputs = {0, 1, 2};

Result<void> infer(InferContext& context) { return infer_conv(context, kInputs, context.dtype(0)); }

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_plain_conv(request, TRY(read_conv_shape(request, kInputs)));
}

}  // namespace

OpDef op_Conv() {
  OpDef op;
  op.versions = {1, 11, 22};
  op.inputs = {
      {"X", "T", kFloatTypes}, {"W", "T", kFloatTypes}, {"B", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = window_attrs(false);
  op.attrs.push_back(int_attr("group", 1));
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
