// The checks and the output shape that all forward convolutions share.
#include "ops/conv_sizes.h"

#include "ops/number.h"

namespace sardonyx {
namespace {

size_t index_of(int input) { return static_cast<size_t>(input); }

}  // namespace

Result<std::optional<std::vector<int64_t>>> find_kernel(const AttrMap& attrs,
                                                        const std::optional<Dims>& weight,
                                                        size_t spatial_rank) {
  std::optional<std::vector<int64_t>> kernel;
  const std::vector<int64_t>& declared = attrs.get_ints("kernel_shape");
  if (!declared.empty()) {
    if (declared.size() != spatial_rank) {
      return fail(Code::kInvalidGraph, "kernel_shape has {} numbers, expected {}", declared.size(),
                  spatial_rank);
    }
    kernel = declared;
  }
  if (!weight) return kernel;
  const Dims spatial(weight->begin() + 2, weight->end());
  if (!kernel) {
    if (!all_constant(spatial)) return kernel;
    const Shape shape = to_shape(spatial);
    return std::optional(std::vector<int64_t>(shape.begin(), shape.end()));
  }
  for (size_t i = 0; i < spatial_rank; ++i) {
    if (spatial[i].is_constant() && spatial[i].value() != (*kernel)[i]) {
      return fail(Code::kInvalidArgument, "kernel_shape[{}] is {}, but the weight is {}", i,
                  (*kernel)[i], to_string(*weight));
    }
  }
  return kernel;
}

namespace {

Result<void> check_weight(const InferContext& context, const ConvInputs& inputs, int64_t groups,
                          const Dim& channels) {
  const Dims& weight = context.dims(index_of(inputs.w));
  if (weight[0].is_constant() && weight[0].value() % groups != 0) {
    return fail(Code::kInvalidArgument, "weight has {} filters, not a multiple of group={}",
                weight[0].value(), groups);
  }
  if (weight[1].is_constant() && channels.is_constant() &&
      weight[1].value() * groups != channels.value()) {
    return fail(Code::kInvalidArgument, "weight has {} input channels, {} has {} (group={})",
                weight[1].value(), context.describe(index_of(inputs.x)), channels.value(), groups);
  }
  return {};
}

}  // namespace

Result<void> check_conv_bias(const InferContext& context, const ConvInputs& inputs,
                             const Dim& filters) {
  if (inputs.bias < 0 || !context.has_rank(index_of(inputs.bias))) return {};
  const Dims& bias = context.dims(index_of(inputs.bias));
  if (bias.size() != 1 || (bias[0].is_constant() && filters.is_constant() && bias[0] != filters)) {
    return fail(Code::kInvalidArgument, "bias {} must have one number per filter ({})",
                context.describe(index_of(inputs.bias)), filters.to_string());
  }
  return {};
}

Result<void> infer_conv(InferContext& context, const ConvInputs& inputs, DType output) {
  const size_t x = index_of(inputs.x);
  const size_t w = index_of(inputs.w);
  const int64_t groups = context.attrs().get_int("group", 1);
  if (groups < 1) return fail(Code::kInvalidGraph, "group is {}, expected at least 1", groups);
  if (!context.has_rank(x)) {
    context.set_output(0, output);
    return {};
  }
  const Dims& src = context.dims(x);
  if (src.size() < 3) {
    return fail(Code::kInvalidArgument, "{} must have rank 3 or more (batch, channels, spatial)",
                context.describe(x));
  }
  if (context.has_rank(w) && context.dims(w).size() != src.size()) {
    return fail(Code::kInvalidArgument, "the weight tensor has rank {}, {} has rank {}",
                context.dims(w).size(), context.describe(x), src.size());
  }
  const Layout layout{context.attrs().get_int("channels_last") != 0, src.size()};
  Dim filters = Dim::unknown();
  std::optional<Dims> weight;
  if (context.has_rank(w)) {
    weight = context.dims(w);
    filters = (*weight)[0];
    TRY(check_weight(context, inputs, groups, src[layout.channel_axis()]));
  }
  TRY(check_conv_bias(context, inputs, filters));
  const auto kernel = TRY(find_kernel(context.attrs(), weight, layout.spatial_rank()));
  Dims spatial(layout.spatial_rank(), Dim(0));
  if (kernel) {
    const Window window = TRY(read_window(context.attrs(), *kernel));
    spatial = TRY(window_output_dims(window, spatial_part<Dim>(layout, std::span<const Dim>(src))));
  } else {
    for (Dim& dim : spatial) dim = Dim::unknown();
  }
  context.set_output(0, output, join_dims(layout, src[0], filters, spatial));
  return {};
}

Result<ConvSizes> read_conv_sizes(const KernelRequest& request, const ConvInputs& inputs) {
  const Operand& x = request.inputs[index_of(inputs.x)];
  const Operand& w = request.inputs[index_of(inputs.w)];
  const Operand& y = request.outputs[0];
  if (!x.is_concrete() || !w.is_concrete() || !y.is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  ConvSizes conv;
  const AttrMap& attrs = request.node.attrs;
  const Shape src = x.shape();
  conv.layout = {attrs.get_int("channels_last") != 0, src.rank()};
  conv.batch = src[0];
  conv.groups = attrs.get_int("group", 1);
  conv.channels = src[conv.layout.channel_axis()];
  conv.src_spatial = spatial_shape(conv.layout, src);
  conv.dst_spatial = spatial_shape(conv.layout, y.shape());
  return conv;
}

Result<ConvSizes> read_forward_conv_sizes(const KernelRequest& request, const ConvInputs& inputs) {
  ConvSizes conv = TRY(read_conv_sizes(request, inputs));
  const Shape weight = request.inputs[index_of(inputs.w)].shape();
  conv.filters = weight[0];
  conv.window = TRY(read_window(request.node.attrs, {weight.begin() + 2, weight.end()}));
  fix_pads(conv.window, conv.src_spatial);
  return conv;
}

int64_t tap_position(const Window& window, const Shape& src_spatial, const Shape& at,
                     const Shape& tap) {
  int64_t position = 0;
  for (size_t axis = 0; axis < src_spatial.rank(); ++axis) {
    const int64_t i = at[axis] * window.strides[axis] + tap[axis] * window.dilations[axis] -
                      window.pads_begin[axis];
    if (i < 0 || i >= src_spatial[axis]) return -1;
    position = position * src_spatial[axis] + i;
  }
  return position;
}

int64_t transposed_tap_position(const Window& window, const Shape& src_spatial, const Shape& at,
                                const Shape& tap) {
  int64_t position = 0;
  for (size_t axis = 0; axis < src_spatial.rank(); ++axis) {
    const int64_t reach = at[axis] + window.pads_begin[axis] - tap[axis] * window.dilations[axis];
    const int64_t i = reach / window.strides[axis];
    if (reach < 0 || i * window.strides[axis] != reach || i >= src_spatial[axis]) return -1;
    position = position * src_spatial[axis] + i;
  }
  return position;
}

namespace {

template <class T>
void run_plain_conv(const ConvSizes& conv, RunArgs& args) {
  const T* x = args.inputs[0].as<T>();
  const T* w = args.inputs[1].as<T>();
  const T* bias = args.inputs.size() > 2 ? args.inputs[2].as<T>() : nullptr;
  T* y = args.outputs[0].as<T>();
  plain_conv<double>(
      conv, *args.pool, [x](int64_t i) { return widen(x[i]); },
      [w](int64_t i) { return widen(w[i]); },
      [y, bias](int64_t i, int64_t filter, double sum) {
        y[i] = narrow<T>(bias == nullptr ? sum : sum + widen(bias[filter]));
      });
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_plain_conv(const KernelRequest& request,
                                                const ConvSizes& conv) {
  const DType dtype = request.inputs[0].dtype();
  std::unique_ptr<Kernel> kernel;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([conv](RunArgs& args) { run_plain_conv<T>(conv, args); });
  });
  if (kernel == nullptr) return decline("{} is not a float", dtype_name(dtype));
  return kernel;
}

}  // namespace sardonyx
