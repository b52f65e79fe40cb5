// CenterCropPad fits axes to given sizes around their middle; Col2Im adds columns of blocks back
// into a picture.
#include <cstring>

#include "ops/cells.h"
#include "ops/number.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

// ---- CenterCropPad

Result<void> infer_center_crop_pad(InferContext& context) {
  TRY(expect_rank(context, 1, 1));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  Dims dims = context.dims(0);
  std::vector<int64_t> axes;
  if (context.attrs().has("axes")) {
    axes = TRY(normalized_axes(context, context.attrs().get_ints("axes"), context.rank(0)));
  } else {
    for (int64_t i = 0; i < context.rank(0); ++i) axes.push_back(i);
  }
  const auto shape = context.ints(1);
  if (shape && shape->size() != axes.size()) {
    return fail(Code::kInvalidArgument, "shape has {} numbers, expected {}", shape->size(),
                axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    const Dim dim = shape ? (*shape)[i] : Dim::unknown();
    if (dim.is_constant() && dim.value() < 0) {
      return fail(Code::kInvalidArgument, "shape has the negative dim {}", dim.value());
    }
    dims[static_cast<size_t>(axes[i])] = dim;
  }
  set_like_input(context, std::move(dims));
  return {};
}

// An odd difference leaves the smaller half in front, padding and cropping alike.
Result<std::unique_ptr<Kernel>> make_center_crop_pad(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape src = request.inputs[0].shape();
  const Shape dst = request.outputs[0].shape();
  const Shape src_strides = dense_strides(src);
  const Shape dst_strides = dense_strides(dst);
  StridedCopy copy{request.inputs[0].dtype(), {}, src_strides, dst_strides};
  bool grows = false;
  for (size_t i = 0; i < src.rank(); ++i) {
    copy.extents.push_back(std::min(src[i], dst[i]));
    if (src[i] > dst[i]) copy.src_offset += (src[i] - dst[i]) / 2 * src_strides[i];
    if (dst[i] > src[i]) copy.dst_offset += (dst[i] - src[i]) / 2 * dst_strides[i];
    grows = grows || dst[i] > src[i];
  }
  const bool moves = copy.extents.count() != 0;
  return make_kernel([=, copy = copy.simplified()](RunArgs& args) {
    const TensorView out = args.allocate(0, args.inputs[0].dtype, dst);
    if (args.failed() || dst.count() == 0) return;
    if (grows) {
      with_cell(out.dtype, [&]<class T>() { std::fill_n(out.as<T>(), dst.count(), T()); });
    }
    if (moves) run_strided_copy(copy, args.inputs[0].data, out.data, args.pool);
  });
}

// ---- Col2Im

constexpr int64_t kMaxStep = int64_t{1} << 40;

// The sliding blocks, per spatial axis.
struct Blocks {
  std::vector<int64_t> strides, dilations, begin, end;
};

Result<std::vector<int64_t>> read_steps(const AttrMap& attrs, std::string_view name, size_t count,
                                        int64_t otherwise) {
  if (!attrs.has(name)) return std::vector<int64_t>(count, otherwise);
  const auto& given = attrs.get_ints(name);
  if (given.size() != count) {
    return fail(Code::kInvalidArgument, "{} has {} numbers, expected {}", name, given.size(),
                count);
  }
  for (int64_t step : given) {
    if (step < otherwise || step > kMaxStep) {
      return fail(Code::kInvalidArgument, "{} has {}, expected at least {}", name, step, otherwise);
    }
  }
  return given;
}

Result<Blocks> read_blocks(const AttrMap& attrs, size_t rank) {
  Blocks blocks;
  blocks.strides = TRY(read_steps(attrs, "strides", rank, 1));
  blocks.dilations = TRY(read_steps(attrs, "dilations", rank, 1));
  const std::vector<int64_t> pads = TRY(read_steps(attrs, "pads", 2 * rank, 0));
  blocks.begin.assign(pads.begin(), pads.begin() + static_cast<ptrdiff_t>(rank));
  blocks.end.assign(pads.begin() + static_cast<ptrdiff_t>(rank), pads.end());
  return blocks;
}

// Steps of the block along one axis; 0 when it does not fit.
int64_t steps_of(const Blocks& blocks, size_t i, int64_t image, int64_t block) {
  const int64_t span = (block - 1) * blocks.dilations[i] + 1;
  const int64_t room = image + blocks.begin[i] + blocks.end[i] - span;
  return room < 0 ? 0 : room / blocks.strides[i] + 1;
}

Result<void> check_columns(const InferContext& context, const Blocks& blocks, const Dims& image,
                           const Dims& block) {
  if (!all_constant(image) || !all_constant(block)) return {};
  Dim steps = 1;
  for (size_t i = 0; i < image.size(); ++i) {
    if (image[i].value() < 0 || block[i].value() < 1 || image[i].value() > kMaxStep ||
        block[i].value() > (1 << 20)) {
      return fail(Code::kInvalidArgument, "image_shape {} or block_shape {} is out of range",
                  to_string(image), to_string(block));
    }
    steps = steps * Dim(steps_of(blocks, i, image[i].value(), block[i].value()));
  }
  TRY(same_dim(context.dims(0)[2], steps, "the last dim of input and the count of blocks"));
  const Dim& rows = context.dims(0)[1];
  if (rows.is_constant() && rows.value() % product(block).value() != 0) {
    return fail(Code::kInvalidArgument, "axis 1 of {} is no multiple of the block's {} elements",
                context.describe(0), product(block).value());
  }
  return {};
}

Result<void> infer_col2im(InferContext& context) {
  TRY(expect_rank(context, 0, 3));
  TRY(expect_rank(context, 1, 1));
  TRY(expect_rank(context, 2, 1));
  const auto image = context.ints(1);
  const auto block = context.ints(2);
  const auto rank = image   ? std::optional(static_cast<int64_t>(image->size()))
                    : block ? std::optional(static_cast<int64_t>(block->size()))
                            : known_length(context, 1);
  if (!rank || !context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  const Blocks blocks = TRY(read_blocks(context.attrs(), static_cast<size_t>(*rank)));
  if (image && block) {
    if (image->size() != block->size()) {
      return fail(Code::kInvalidArgument, "image_shape has {} numbers, block_shape {}",
                  image->size(), block->size());
    }
    TRY(check_columns(context, blocks, *image, *block));
  }
  Dims dims{context.dims(0)[0], Dim::unknown()};
  if (block) dims[1] = floor_div(context.dims(0)[1], product(*block));
  const Dims spatial = image ? *image : unknown_dims(static_cast<size_t>(*rank));
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  set_like_input(context, std::move(dims));
  return {};
}

// One channel: calls add(pixel, column element) for each that lies inside.
template <class Add>
void walk_columns(const Blocks& blocks, const Shape& image, const Shape& block, const Add& add) {
  const size_t rank = image.rank();
  Shape steps(rank, 0);
  for (size_t i = 0; i < rank; ++i) steps[i] = steps_of(blocks, i, image[i], block[i]);
  const int64_t count = steps.count();
  for (int64_t k = 0; k < block.count(); ++k) {
    for (int64_t s = 0; s < count; ++s) {
      int64_t tap = k;
      int64_t step = s;
      int64_t at = 0;
      int64_t stride = 1;
      bool inside = true;
      for (size_t i = rank; i-- > 0;) {
        const int64_t position = step % steps[i] * blocks.strides[i] - blocks.begin[i] +
                                 tap % block[i] * blocks.dilations[i];
        step /= steps[i];
        tap /= block[i];
        inside = inside && position >= 0 && position < image[i];
        at += position * stride;
        stride *= image[i];
      }
      if (inside) add(at, k * count + s);
    }
  }
}

template <class T>
void add_columns(const Blocks& blocks, const Shape& image, const Shape& block, const T* columns,
                 T* dst) {
  std::vector<Wide<T>> sums(static_cast<size_t>(image.count()), Wide<T>(0));
  walk_columns(blocks, image, block, [&](int64_t at, int64_t column) {
    Wide<T>& sum = sums[static_cast<size_t>(at)];
    sum = multiply_add(widen(columns[column]), Wide<T>(1), sum);
  });
  for (size_t i = 0; i < sums.size(); ++i) dst[i] = narrow<T>(sums[i]);
}

// Strings have no sum, but blocks that do not overlap have none to make. False when they do.
bool place_columns(const Blocks& blocks, const Shape& image, const Shape& block,
                   const std::string* columns, std::string* dst) {
  std::vector<bool> taken(static_cast<size_t>(image.count()), false);
  std::fill_n(dst, image.count(), std::string());
  bool apart = true;
  walk_columns(blocks, image, block, [&](int64_t at, int64_t column) {
    apart = apart && !taken[static_cast<size_t>(at)];
    taken[static_cast<size_t>(at)] = true;
    dst[at] = columns[column];
  });
  return apart;
}

Result<std::unique_ptr<Kernel>> make_col2im(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape shape = request.outputs[0].shape();
  const Shape columns = request.inputs[0].shape();
  const Shape image(shape.dims().subspan(2));
  const Blocks blocks = TRY(read_blocks(request.node.attrs, image.rank()));
  return make_kernel([=](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    const Shape block(args.inputs[2].elements<const int64_t>());
    const int64_t pixels = image.count();
    const int64_t channel = block.count() * columns[2];
    if (dst.dtype == DType::kString) {
      for (int64_t c = 0; c < shape[0] * shape[1]; ++c) {
        const auto* columns_of = args.inputs[0].as<const std::string>() + c * channel;
        if (place_columns(blocks, image, block, columns_of, dst.as<std::string>() + c * pixels)) {
          continue;
        }
        return args.report(Code::kInvalidArgument,
                           "blocks of strings overlap: strings have no sum");
      }
      return;
    }
    visit_dtype<float, double, Float16, Bfloat16, int8_t, uint8_t, int16_t, uint16_t, int32_t,
                uint32_t, int64_t, uint64_t, bool, Complex64, Complex128>(dst.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      args.pool->parallel_for(shape[0] * shape[1], [&](int64_t c) {
        add_columns(blocks, image, block, args.inputs[0].as<const T>() + c * channel,
                    dst.as<T>() + c * pixels);
      });
    });
  });
}

}  // namespace

OpDef op_CenterCropPad() {
  OpDef op;
  op.versions = {18};
  op.inputs = {{"input_data", "T"}, {"shape", "Tind", dtype_set(DType::kInt32, DType::kInt64)}};
  op.outputs = {{"output_data", "T"}};
  op.attrs = {optional_attr("axes", FormalAttr::Kind::kInts)};
  op.infer = infer_center_crop_pad;
  op.kernels = {{"strided copy", sub_byte_ready<make_center_crop_pad>}};
  return op;
}

OpDef op_Col2Im() {
  const DTypeSet types = kNumericTypes | kComplexTypes | dtype_set(DType::kBool, DType::kString);
  const DTypeSet i64 = dtype_set(DType::kInt64);
  OpDef op;
  op.versions = {18};
  op.inputs = {{"input", "T", types}, {"image_shape", "", i64}, {"block_shape", "", i64}};
  op.outputs = {{"output", "T", types}};
  op.attrs = {optional_attr("dilations", FormalAttr::Kind::kInts),
              optional_attr("pads", FormalAttr::Kind::kInts),
              optional_attr("strides", FormalAttr::Kind::kInts)};
  op.infer = infer_col2im;
  op.kernels = {{"reference", make_col2im}};
  return op;
}

}  // namespace sardonyx
