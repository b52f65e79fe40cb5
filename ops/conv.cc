// Conv: sums of products of a window of the input with each filter, in 1, 2, 3 or more spatial
// axes, with groups, strides, dilations and pads.
#include "ops/conv_shape.h"
#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr ConvInputs kInputs = {0, 1, 2};

Result<void> infer(InferContext& context) { return infer_conv(context, kInputs, context.dtype(0)); }

template <class T>
void run_reference(const ConvShape& conv, RunArgs& args) {
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

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  const ConvShape conv = TRY(read_conv_shape(request, kInputs));
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([conv](RunArgs& args) { run_reference<T>(conv, args); });
  });
  if (kernel == nullptr) return decline("{} is not a float", dtype_name(request.inputs[0].dtype()));
  return kernel;
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
