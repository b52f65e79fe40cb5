// ConvTranspose: the gradient of Conv with respect to its input, as an operator: each input element
// adds its multiple of a filter to the output.
// sardonyx ConvTranspose: the same, channels-last when `channels_last` is 1, with an epilogue.
#include "ops/conv_kernel.h"

namespace sardonyx {
namespace {

constexpr ConvInputs kInputs = {0, 1, 2};
constexpr size_t kFirstOperand = 3;

struct TransposedWindow {
  Window window;
  std::vector<int64_t> output_padding;
  std::vector<int64_t> output_shape;  // empty when it follows from the pads
};

Result<TransposedWindow> read_transposed_window(const AttrMap& attrs, std::vector<int64_t> kernel) {
  TransposedWindow result;
  const size_t rank = kernel.size();
  result.window = TRY(read_window(attrs, std::move(kernel)));
  result.output_padding = attrs.get_ints("output_padding");
  if (result.output_padding.empty()) result.output_padding.assign(rank, 0);
  if (result.output_padding.size() != rank) {
    return fail(Code::kInvalidGraph, "output_padding has {} numbers, expected {}",
                result.output_padding.size(), rank);
  }
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t limit = std::max(result.window.strides[axis], result.window.dilations[axis]);
    if (result.output_padding[axis] < 0 || result.output_padding[axis] >= limit) {
      return fail(Code::kInvalidGraph,
                  "output_padding[{}] is {}, expected less than the stride or dilation ({})", axis,
                  result.output_padding[axis], limit);
    }
  }
  result.output_shape = attrs.get_ints("output_shape");
  if (result.output_shape.size() == rank + 2) {  // with batch and channels, as some write it
    result.output_shape.erase(result.output_shape.begin(), result.output_shape.begin() + 2);
  }
  if (!result.output_shape.empty() && result.output_shape.size() != rank) {
    return fail(Code::kInvalidGraph, "output_shape has {} numbers, expected {}",
                result.output_shape.size(), rank);
  }
  return result;
}

// The output dim without any pads.
Dim full_dim(const TransposedWindow& transposed, size_t axis, const Dim& input) {
  return (input - 1) * Dim(transposed.window.strides[axis]) + Dim(transposed.output_padding[axis]) +
         Dim(transposed.window.extent(axis));
}

bool is_same(const Window& window) {
  return window.auto_pad == AutoPad::kSameUpper || window.auto_pad == AutoPad::kSameLower;
}

Dim output_dim(const TransposedWindow& transposed, size_t axis, const Dim& input) {
  const Window& window = transposed.window;
  if (!transposed.output_shape.empty()) return transposed.output_shape[axis];
  if (is_same(window)) return input * Dim(window.strides[axis]);
  return full_dim(transposed, axis, input) - window.pads_begin[axis] - window.pads_end[axis];
}

Result<void> check_weight(const InferContext& context, const Dims& weight, const Dim& channels,
                          int64_t groups) {
  if (weight[0].is_constant() && channels.is_constant() && weight[0] != channels) {
    return fail(Code::kInvalidArgument, "weight has {} input channels, {} has {}",
                weight[0].value(), context.describe(0), channels.value());
  }
  if (weight[0].is_constant() && weight[0].value() % groups != 0) {
    return fail(Code::kInvalidArgument, "weight has {} input channels, not a multiple of group={}",
                weight[0].value(), groups);
  }
  return {};
}

Result<Dims> infer_spatial(const AttrMap& attrs, const Layout& layout, const Dims& src,
                           const std::optional<Dims>& weight) {
  const auto kernel = TRY(find_kernel(attrs, weight, layout.spatial_rank()));
  Dims spatial = spatial_part<Dim>(layout, std::span<const Dim>(src));
  if (!kernel) {
    for (Dim& dim : spatial) dim = Dim::unknown();
    return spatial;
  }
  const TransposedWindow transposed = TRY(read_transposed_window(attrs, *kernel));
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    const Dim dim = output_dim(transposed, axis, spatial[axis]);
    if (dim.is_constant() && dim.value() < 1) {
      return fail(
          Code::kInvalidArgument,
          "spatial axis {} of the output would have {} positions; check pads and output_shape",
          axis, dim.value());
    }
    spatial[axis] = dim;
  }
  return spatial;
}

Result<void> infer(InferContext& context) {
  const int64_t groups = context.attrs().get_int("group", 1);
  if (groups < 1) return fail(Code::kInvalidGraph, "group is {}, expected at least 1", groups);
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  const Dims& src = context.dims(0);
  if (src.size() < 3) {
    return fail(Code::kInvalidArgument, "{} must have rank 3 or more (batch, channels, spatial)",
                context.describe(0));
  }
  const Layout layout{context.attrs().get_int("channels_last") != 0, src.size()};
  Dim filters = Dim::unknown();
  std::optional<Dims> weight;
  if (context.has_rank(1)) {
    weight = context.dims(1);
    if (weight->size() != src.size()) {
      return fail(Code::kInvalidArgument, "weight has rank {}, {} has rank {}", weight->size(),
                  context.describe(0), src.size());
    }
    TRY(check_weight(context, *weight, src[layout.channel_axis()], groups));
    filters = (*weight)[1] * Dim(groups);
  }
  TRY(check_conv_bias(context, kInputs, filters));
  const Dims spatial = TRY(infer_spatial(context.attrs(), layout, src, weight));
  context.set_output(0, context.dtype(0), join_dims(layout, src[0], filters, spatial));
  return {};
}

Result<void> infer_fused(InferContext& context) {
  TRY(infer(context));
  return check_epilogue(context, kFirstOperand);
}

// Pads that give the output dims asked for (spec: ConvTranspose, output_shape).
void fix_transposed_pads(const TransposedWindow& transposed, ConvSizes& conv) {
  Window& window = conv.window;
  if (transposed.output_shape.empty() && !is_same(window)) return;
  const bool upper = window.auto_pad == AutoPad::kSameUpper;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t full = full_dim(transposed, axis, conv.src_spatial[axis]).value();
    const int64_t total = std::max<int64_t>(0, full - conv.dst_spatial[axis]);
    window.pads_begin[axis] = upper ? total / 2 : total - total / 2;
    window.pads_end[axis] = total - window.pads_begin[axis];
  }
}

Result<ConvSizes> read_shape(const KernelRequest& request) {
  ConvSizes conv = TRY(read_conv_sizes(request, kInputs));
  const Shape weight = request.inputs[1].shape();
  const TransposedWindow transposed =
      TRY(read_transposed_window(request.node.attrs, {weight.begin() + 2, weight.end()}));
  conv.transposed = true;
  conv.filters = weight[1] * conv.groups;
  conv.window = transposed.window;
  fix_transposed_pads(transposed, conv);
  conv.window.auto_pad = AutoPad::kNotSet;
  return conv;
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  if (request.node.attrs.has("epilogue")) return decline("it has an epilogue");
  return make_plain_conv(request, TRY(read_shape(request)));
}

Result<std::unique_ptr<Kernel>> make_phases(const KernelRequest& request) {
  return make_conv_transpose_kernel(request, TRY(read_shape(request)),
                                    TRY(FusedEpilogue::read(request, kFirstOperand)));
}

}  // namespace

OpDef op_ConvTranspose() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {1, 11, 22};
  op.inputs = {
      {"X", "T", kFloatTypes}, {"W", "T", kFloatTypes}, {"B", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = window_attrs(false);
  op.attrs.push_back(int_attr("group", 1));
  op.attrs.push_back(optional_attr("output_padding", Kind::kInts));
  op.attrs.push_back(optional_attr("output_shape", Kind::kInts));
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

OpDef op_FusedConvTranspose() {
  OpDef op = op_ConvTranspose();
  op.versions = {1};
  op.inputs.push_back({"operands", "T", kFloatTypes, Form::kVariadic});
  op.attrs.push_back(int_attr("channels_last", 0));
  op.attrs.push_back(optional_attr("epilogue", FormalAttr::Kind::kGraph));
  op.infer = infer_fused;
  op.kernels = {{"gemm per phase", make_phases}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
