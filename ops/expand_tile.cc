// Expand broadcasts to a shape, Tile repeats along each axis.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

Result<void> infer_expand(InferContext& context) {
  TRY(expect_rank(context, 1, 1));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const auto shape = context.ints(1);
  if (!shape) {
    if (const auto length = known_length(context, 1)) {
      // Only dims of 1 can grow.
      Dims dims = unknown_dims(static_cast<size_t>(std::max(*length, context.rank(0))));
      const size_t lead = dims.size() - context.dims(0).size();
      for (size_t i = lead; i < dims.size(); ++i) {
        const Dim& dim = context.dims(0)[i - lead];
        if (dim.is_constant() && dim.value() != 1) dims[i] = dim;
      }
      set_like_input(context, std::move(dims));
    } else {
      set_like_input(context);
    }
    return {};
  }
  for (const Dim& dim : *shape) {
    if (dim.is_constant() && dim.value() < 0) {
      return fail(Code::kInvalidArgument, "shape has the negative dim {}", dim.value());
    }
  }
  Dims dims = TRY(broadcast_dims(context.dims(0), *shape));
  const auto ints = context.peek_ints(0);
  if (ints && ints->size() == 1 && dims.size() <= 1 && all_constant(dims) &&
      product(dims).value() <= kMaxKnownInts) {
    context.set_output_ints(0, Dims(static_cast<size_t>(product(dims).value()), (*ints)[0]));
  }
  set_like_input(context, std::move(dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_expand(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape src = request.inputs[0].shape();
  const Shape dst = request.outputs[0].shape();
  const Shape src_strides = dense_strides(src);
  StridedCopy copy{request.inputs[0].dtype(), dst, Shape(dst.rank(), 0), dense_strides(dst)};
  const size_t offset = dst.rank() - src.rank();
  for (size_t i = 0; i < src.rank(); ++i) {
    if (src[i] != 1) copy.src_strides[offset + i] = src_strides[i];
  }
  return make_kernel([copy = copy.simplified(), dst](RunArgs& args) {
    const TensorView out = args.allocate(0, args.inputs[0].dtype, dst);
    if (args.failed() || dst.count() == 0) return;
    run_strided_copy(copy, args.inputs[0].data, out.data, args.pool);
  });
}

Result<void> infer_tile(InferContext& context) {
  TRY(expect_rank(context, 1, 1));
  if (!context.has_rank(0)) {
    if (const auto length = known_length(context, 1)) {
      set_like_input(context, unknown_dims(static_cast<size_t>(*length)));
    } else {
      set_like_input(context);
    }
    return {};
  }
  const auto repeats = context.ints(1);
  if (!repeats) {
    set_like_input(context, unknown_dims(context.dims(0).size()));
    return {};
  }
  if (repeats->size() != context.dims(0).size()) {
    return fail(Code::kInvalidArgument, "repeats has {} numbers, expected one per axis of {}",
                repeats->size(), context.describe(0));
  }
  Dims dims = context.dims(0);
  for (size_t i = 0; i < dims.size(); ++i) {
    if ((*repeats)[i].is_constant() && (*repeats)[i].value() < 0) {
      return fail(Code::kInvalidArgument, "repeats[{}] is {}, must not be negative", i,
                  (*repeats)[i].value());
    }
    dims[i] = dims[i] * (*repeats)[i];
  }
  set_like_input(context, std::move(dims));
  return {};
}

// Each axis becomes two: its repeats (which src does not advance along) and itself.
Result<std::unique_ptr<Kernel>> make_tile(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape src = request.inputs[0].shape();
  const Shape dst = request.outputs[0].shape();
  const Shape src_strides = dense_strides(src);
  const Shape dst_strides = dense_strides(dst);
  StridedCopy copy{request.inputs[0].dtype(), {}, {}, {}};
  for (size_t i = 0; i < src.rank(); ++i) {
    copy.extents.push_back(src[i] == 0 ? 0 : dst[i] / src[i]);
    copy.src_strides.push_back(0);
    copy.dst_strides.push_back(src[i] * dst_strides[i]);
    copy.extents.push_back(src[i]);
    copy.src_strides.push_back(src_strides[i]);
    copy.dst_strides.push_back(dst_strides[i]);
  }
  return make_kernel([copy = copy.simplified(), dst](RunArgs& args) {
    const TensorView out = args.allocate(0, args.inputs[0].dtype, dst);
    if (args.failed() || dst.count() == 0) return;
    run_strided_copy(copy, args.inputs[0].data, out.data, args.pool);
  });
}

}  // namespace

OpDef op_Expand() {
  OpDef op;
  op.versions = {8, 13};
  op.inputs = {{"input", "T"}, {"shape", "", dtype_set(DType::kInt64)}};
  op.outputs = {{"output", "T"}};
  op.infer = infer_expand;
  op.kernels = {{"strided copy", sub_byte_ready<make_expand>}};
  return op;
}

OpDef op_Tile() {
  OpDef op;
  op.versions = {1, 6, 13};
  op.inputs = {{"input", "T"}, {"repeats", "T1", dtype_set(DType::kInt64)}};
  op.outputs = {{"output", "T"}};
  op.infer = infer_tile;
  op.kernels = {{"strided copy", sub_byte_ready<make_tile>}};
  return op;
}

}  // namespace sardonyx
