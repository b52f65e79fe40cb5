// Conv: sums of products of a window of the input with each filter, in 1, 2, 3 or more spatial
// axes, with groups, strides, dilations and pads.
// sardonyx Conv: the same, channels-last when `channels_last` is 1, with an epilogue.
#include "ops/conv_kernel.h"

namespace sardonyx {
namespace {

constexpr ConvInputs kInputs = {0, 1, 2};
constexpr size_t kFirstOperand = 3;

Result<void> infer(InferContext& context) { return infer_conv(context, kInputs, context.dtype(0)); }

Result<void> infer_fused(InferContext& context) {
  TRY(infer(context));
  return check_epilogue(context, kFirstOperand);
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  if (request.node.attrs.has("epilogue")) return decline("it has an epilogue");
  return make_plain_conv(request, TRY(read_forward_conv_sizes(request, kInputs)));
}

Result<std::unique_ptr<Kernel>> make_depthwise(const KernelRequest& request) {
  return make_depthwise_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                               TRY(FusedEpilogue::read(request, kFirstOperand)));
}

Result<std::unique_ptr<Kernel>> make_grouped(const KernelRequest& request) {
  return make_group_conv_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                                TRY(FusedEpilogue::read(request, kFirstOperand)));
}

Result<std::unique_ptr<Kernel>> make_band(const KernelRequest& request) {
  return make_band_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                          TRY(FusedEpilogue::read(request, kFirstOperand)));
}

template <Bf16Kind kKind>
Result<std::unique_ptr<Kernel>> make_bf16(const KernelRequest& request) {
  return make_bf16_conv_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                               TRY(FusedEpilogue::read(request, kFirstOperand)), kKind);
}

Result<std::unique_ptr<Kernel>> make_winograd(const KernelRequest& request) {
  return make_winograd_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                              TRY(FusedEpilogue::read(request, kFirstOperand)));
}

Result<std::unique_ptr<Kernel>> make_indirect(const KernelRequest& request) {
  return make_conv_kernel(request, TRY(read_forward_conv_sizes(request, kInputs)),
                          TRY(FusedEpilogue::read(request, kFirstOperand)));
}

OpDef conv_op() {
  OpDef op;
  op.inputs = {
      {"X", "T", kFloatTypes}, {"W", "T", kFloatTypes}, {"B", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = window_attrs(false);
  op.attrs.push_back(int_attr("group", 1));
  return op;
}

}  // namespace

OpDef op_Conv() {
  OpDef op = conv_op();
  op.versions = {1, 11, 22};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

OpDef op_FusedConv() {
  OpDef op = conv_op();
  op.versions = {1};
  op.inputs.push_back({"operands", "T", kFloatTypes, Form::kVariadic});
  op.attrs.push_back(int_attr("channels_last", 0));
  op.attrs.push_back(optional_attr("epilogue", FormalAttr::Kind::kGraph));
  op.infer = infer_fused;
  op.kernels = {{"amx bf16 conv", make_bf16<Bf16Kind::kTiles>},
                {"bf16 conv", make_bf16<Bf16Kind::kDots>},
                {"band", make_band},
                {"depthwise", make_depthwise},
                {"winograd", make_winograd},
                {"grouped", make_grouped},
                {"indirect gemm", make_indirect},
                {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
