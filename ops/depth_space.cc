// DepthToSpace and SpaceToDepth: blocks of pixels to channels and back, as strided copies.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

Result<int64_t> read_block(const AttrMap& attrs) {
  const int64_t block = attrs.get_int("blocksize");
  constexpr int64_t kMaxBlock = 1 << 20;
  if (block < 1 || block > kMaxBlock) {
    return fail(Code::kInvalidArgument, "blocksize is {}, expected 1 or more", block);
  }
  return block;
}

Result<void> expect_multiple(const InferContext& context, size_t axis, int64_t of) {
  const Dim& dim = context.dims(0)[axis];
  if (!dim.is_constant() || dim.value() % of == 0) return {};
  return fail(Code::kInvalidArgument, "axis {} of {} is no multiple of {}", axis,
              context.describe(0), of);
}

Result<void> infer_depth_to_space(InferContext& context) {
  TRY(expect_rank(context, 0, 4));
  const int64_t block = TRY(read_block(context.attrs()));
  const std::string& mode = context.attrs().get_string("mode");
  if (mode != "DCR" && mode != "CRD") {
    return fail(Code::kInvalidArgument, "mode is '{}', expected 'DCR' or 'CRD'", mode);
  }
  if (!context.has_rank(0)) {
    set_like_input(context, unknown_dims(4));
    return {};
  }
  TRY(expect_multiple(context, 1, block * block));
  const Dims& x = context.dims(0);
  set_like_input(context, {x[0], floor_div(x[1], block * block), x[2] * block, x[3] * block});
  return {};
}

Result<void> infer_space_to_depth(InferContext& context) {
  TRY(expect_rank(context, 0, 4));
  const int64_t block = TRY(read_block(context.attrs()));
  if (!context.has_rank(0)) {
    set_like_input(context, unknown_dims(4));
    return {};
  }
  TRY(expect_multiple(context, 2, block));
  TRY(expect_multiple(context, 3, block));
  const Dims& x = context.dims(0);
  set_like_input(context,
                 {x[0], x[1] * (block * block), floor_div(x[2], block), floor_div(x[3], block)});
  return {};
}

// Over (n, block row, block column, channel, row, column): the strides of the two layouts.
struct BlockStrides {
  Shape deep;   // where channels hold the blocks
  Shape space;  // where rows and columns do
  Shape extents;
};

// `shape` is the spatial one: [n, c, h * block, w * block]; crd: channels are split [c, block,
// block] rather than [block, block, c].
BlockStrides block_strides(const Shape& shape, int64_t block, bool crd) {
  const int64_t c = shape[1];
  const int64_t h = shape[2] / block;
  const int64_t w = shape[3] / block;
  const int64_t plane = h * w;
  BlockStrides strides;
  strides.extents = {shape[0], block, block, c, h, w};
  strides.space = {c * shape[2] * shape[3], shape[3],         1,
                   shape[2] * shape[3],     block * shape[3], block};
  const int64_t column = crd ? plane : plane * c;
  strides.deep = {
      c * block * block * plane, column * block, column, crd ? plane * block * block : plane, w, 1};
  return strides;
}

Result<std::unique_ptr<Kernel>> make_copy(const StridedCopy& copy, const Shape& shape) {
  return make_kernel([copy = copy.simplified(), shape](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    run_strided_copy(copy, args.inputs[0].data, dst.data, args.pool);
  });
}

Result<std::unique_ptr<Kernel>> make_depth_to_space(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.outputs[0].shape();
  const bool crd = request.node.attrs.get_string("mode") == "CRD";
  const BlockStrides strides = block_strides(shape, request.node.attrs.get_int("blocksize"), crd);
  return make_copy({request.inputs[0].dtype(), strides.extents, strides.deep, strides.space},
                   shape);
}

Result<std::unique_ptr<Kernel>> make_space_to_depth(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const BlockStrides strides =
      block_strides(request.inputs[0].shape(), request.node.attrs.get_int("blocksize"), false);
  return make_copy({request.inputs[0].dtype(), strides.extents, strides.space, strides.deep},
                   request.outputs[0].shape());
}

}  // namespace

OpDef op_DepthToSpace() {
  OpDef op;
  op.versions = {1, 11, 13};
  op.inputs = {{"input", "T"}};
  op.outputs = {{"output", "T"}};
  op.attrs = {required_attr("blocksize", FormalAttr::Kind::kInt), string_attr("mode", "DCR")};
  op.infer = infer_depth_to_space;
  op.kernels = {{"strided copy", sub_byte_ready<make_depth_to_space>}};
  return op;
}

OpDef op_SpaceToDepth() {
  OpDef op;
  op.versions = {1, 13};
  op.inputs = {{"input", "T"}};
  op.outputs = {{"output", "T"}};
  op.attrs = {required_attr("blocksize", FormalAttr::Kind::kInt)};
  op.infer = infer_space_to_depth;
  op.kernels = {{"strided copy", sub_byte_ready<make_space_to_depth>}};
  return op;
}

}  // namespace sardonyx
