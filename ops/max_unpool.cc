// MaxUnpool: puts the elements back where MaxPool found them, zeros elsewhere.
#include "ops/number.h"
#include "ops/window.h"

namespace sardonyx {
namespace {

// The output dims that follow from kernel, strides and pads.
Result<Dims> natural_dims(const InferContext& context) {
  const Dims& x = context.dims(0);
  const std::vector<int64_t>& kernel = context.attrs().get_ints("kernel_shape");
  if (x.size() < 3 || kernel.size() != x.size() - 2) {
    return fail(Code::kInvalidArgument, "kernel_shape has {} numbers, so {} must have rank {}",
                kernel.size(), context.describe(0), kernel.size() + 2);
  }
  const Window window = TRY(read_window(context.attrs(), kernel));
  Dims dims = {x[0], x[1]};
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    dims.push_back((x[axis + 2] - 1) * Dim(window.strides[axis]) + Dim(kernel[axis]) -
                   Dim(window.pads_begin[axis] + window.pads_end[axis]));
  }
  return dims;
}

Result<void> infer(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, context.dtype(0));
    return {};
  }
  if (context.has_rank(1) && context.rank(1) != context.rank(0)) {
    return fail(Code::kInvalidArgument, "{} must have the shape of {}", context.describe(1),
                context.describe(0));
  }
  Dims dims = TRY(natural_dims(context));
  if (context.has_input(2)) {
    const auto wanted = context.ints(2);
    if (!wanted) {
      for (Dim& dim : dims) dim = Dim::unknown();
    } else if (wanted->size() != dims.size()) {
      return fail(Code::kInvalidArgument, "output_shape has {} numbers, expected {}",
                  wanted->size(), dims.size());
    } else {
      dims = *wanted;
    }
  }
  for (const Dim& dim : dims) {
    if (dim.is_constant() && dim.value() < 0) {
      return fail(Code::kInvalidArgument, "the output would have a dim of {}", dim.value());
    }
  }
  context.set_output(0, context.dtype(0), dims);
  return {};
}

// Indices count through a tensor of the natural shape, which may be smaller than the output.
template <class T>
void run(const Shape& natural, RunArgs& args) {
  const auto x = args.inputs[0].elements<const T>();
  const auto indices = args.inputs[1].elements<const int64_t>();
  const TensorView& dst = args.outputs[0];
  const bool same = natural == dst.shape;
  const int64_t count = natural.count();
  std::fill_n(dst.as<T>(), dst.count(), narrow<T>(0));
  for (size_t i = 0; i < x.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= count) {
      args.report(Code::kInvalidArgument,
                  fmt::format("index {} is {}, expected 0 to {}", i, indices[i], count - 1));
      return;
    }
    int64_t at = indices[i];
    if (!same) {
      const Odometer place(natural, at);
      at = 0;
      bool inside = true;
      for (size_t axis = 0; axis < natural.rank(); ++axis) {
        inside &= place[axis] < dst.shape[axis];
        at = at * dst.shape[axis] + place[axis];
      }
      if (!inside) continue;
    }
    dst.as<T>()[at] = x[i];
  }
}

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  if (!request.inputs[0].is_concrete() || !request.outputs[0].is_concrete()) {
    return decline("its shapes are not known when the plan is made");
  }
  const Shape x = request.inputs[0].shape();
  if (request.inputs[1].is_concrete() && !(request.inputs[1].shape() == x)) {
    return fail(Code::kInvalidArgument, "the indices are {}, but X is {}",
                request.inputs[1].shape().to_string(), x.to_string());
  }
  const AttrMap& attrs = request.node.attrs;
  const Window window = TRY(read_window(attrs, attrs.get_ints("kernel_shape")));
  Shape natural = x;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    natural[axis + 2] = (x[axis + 2] - 1) * window.strides[axis] + window.kernel[axis] -
                        window.pads_begin[axis] - window.pads_end[axis];
  }
  if (!natural.checked_count()) return decline("the natural output is too large");
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([natural](RunArgs& args) { run<T>(natural, args); });
  });
  if (kernel == nullptr) return decline("its input is not a float");
  return kernel;
}

}  // namespace

OpDef op_MaxUnpool() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {9, 11, 22};
  op.inputs = {{"X", "T1", kFloatTypes},
               {"I", "T2", dtype_set(DType::kInt64)},
               {"output_shape", "T2", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"output", "T1", kFloatTypes}};
  op.attrs = {required_attr("kernel_shape", Kind::kInts), optional_attr("pads", Kind::kInts),
              optional_attr("strides", Kind::kInts)};
  op.infer = infer;
  op.kernels = {{"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
