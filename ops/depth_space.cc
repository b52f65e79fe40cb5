// DepthToSpace and SpaceToDepth: blocks of pixels to channels and back, row by row or as strided
// copies.
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"
#include "ops/window.h"

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

// A row of pixels is interleaved from as many rows of channels as a block is wide, or cut into
// them.
template <class T, int64_t kBlock>
void interleave(const T* deep, int64_t column, int64_t width, T* row) {
  for (int64_t x = 0; x < width; ++x) {
    for (int64_t b = 0; b < kBlock; ++b) row[x * kBlock + b] = deep[b * column + x];
  }
}
template <class T, int64_t kBlock>
void cut(const T* row, int64_t column, int64_t width, T* deep) {
  for (int64_t x = 0; x < width; ++x) {
    for (int64_t b = 0; b < kBlock; ++b) deep[b * column + x] = row[x * kBlock + b];
  }
}

// Blocks of 2 and 4 pixels, row by row; others as they come.
template <class T>
void move_rows(const BlockStrides& strides, bool to_space, const T* src, T* dst, ThreadPool* pool) {
  const Shape& extents = strides.extents;  // n, block row, block column, channel, row, column
  const int64_t block = extents[1], width = extents[5], column = strides.deep[2];
  const Shape lines{extents[0], extents[3], extents[4], extents[1]};
  const auto offset = [](const Shape& of, const Odometer& at) {
    return at[0] * of[0] + at[1] * of[3] + at[2] * of[4] + at[3] * of[1];
  };
  parallel_ranges(pool, lines.count(), block * width * int64_t{2 * sizeof(T)},
                  [&](int64_t first, int64_t end) {
                    Odometer at(lines, first);
                    for (int64_t line = first; line < end; ++line, at.next()) {
                      const int64_t deep = offset(strides.deep, at);
                      const int64_t row = offset(strides.space, at);
                      if (to_space && block == 2) {
                        interleave<T, 2>(src + deep, column, width, dst + row);
                      } else if (to_space) {
                        interleave<T, 4>(src + deep, column, width, dst + row);
                      } else if (block == 2) {
                        cut<T, 2>(src + row, column, width, dst + deep);
                      } else {
                        cut<T, 4>(src + row, column, width, dst + deep);
                      }
                    }
                  });
}

Result<std::unique_ptr<Kernel>> make_rows(const KernelRequest& request, const BlockStrides& strides,
                                          bool to_space) {
  const int64_t block = strides.extents[1];
  if (block != 2 && block != 4) return decline("the block is not 2 or 4 pixels wide");
  return make_kernel([strides, to_space, shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(dst.dtype, [&]<class T>() {
      move_rows<T>(strides, to_space, args.inputs[0].as<const T>(), dst.as<T>(), args.pool);
    });
  });
}

Result<std::unique_ptr<Kernel>> make_copy(const StridedCopy& copy, const Shape& shape) {
  return make_kernel([copy = copy.simplified(), shape](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    run_strided_copy(copy, args.inputs[0].data, dst.data, args.pool);
  });
}

BlockStrides strides_to_space(const KernelRequest& request) {
  const AttrMap& attrs = request.node.attrs;
  return block_strides(request.outputs[0].shape(), attrs.get_int("blocksize"),
                       attrs.get_string("mode") == "CRD");
}
BlockStrides strides_to_depth(const KernelRequest& request) {
  return block_strides(request.inputs[0].shape(), request.node.attrs.get_int("blocksize"), false);
}

Result<std::unique_ptr<Kernel>> make_depth_to_space_rows(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_rows(request, strides_to_space(request), true);
}
Result<std::unique_ptr<Kernel>> make_depth_to_space(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const BlockStrides strides = strides_to_space(request);
  return make_copy({request.inputs[0].dtype(), strides.extents, strides.deep, strides.space},
                   request.outputs[0].shape());
}

Result<std::unique_ptr<Kernel>> make_space_to_depth_rows(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  return make_rows(request, strides_to_depth(request), false);
}
Result<std::unique_ptr<Kernel>> make_space_to_depth(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const BlockStrides strides = strides_to_depth(request);
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
  op.kernels = {{"rows", sub_byte_ready<make_depth_to_space_rows>},
                {"strided copy", sub_byte_ready<make_depth_to_space>}};
  return op;
}

OpDef op_SpaceToDepth() {
  OpDef op;
  op.versions = {1, 13};
  op.inputs = {{"input", "T"}};
  op.outputs = {{"output", "T"}};
  op.attrs = {required_attr("blocksize", FormalAttr::Kind::kInt)};
  op.infer = infer_space_to_depth;
  op.kernels = {{"rows", sub_byte_ready<make_space_to_depth_rows>},
                {"strided copy", sub_byte_ready<make_space_to_depth>}};
  return op;
}

}  // namespace sardonyx
