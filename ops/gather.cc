// Gather, GatherElements, GatherND: elements or blocks picked by index. Indices may count from the
// end; one out of range is an error of the run.
#include "ops/cells.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kIndexTypes = dtype_set(DType::kInt32, DType::kInt64);

// fn(pointer to the elements) of an index tensor.
template <class Fn>
void with_indices(const TensorView& indices, Fn&& fn) {
  if (indices.dtype == DType::kInt32) {
    fn(indices.as<const int32_t>());
  } else {
    fn(indices.as<const int64_t>());
  }
}

// Every index in [-dim, dim), or an error that names the first that is not.
bool check_indices(RunArgs& args, const IndexView& indices, int64_t count, int64_t dim) {
  bool inside = true;
  with_indices(args.inputs[1], [&](const auto* index) {
    const auto width = static_cast<uint64_t>(2 * dim);
    for (int64_t i = 0; i < count; ++i) {
      inside &= static_cast<uint64_t>(int64_t{index[i]} + dim) < width;
    }
  });
  for (int64_t i = 0; i < count && !inside; ++i) {
    if (indices[i] >= -dim && indices[i] < dim) continue;
    args.report(Code::kInvalidArgument,
                fmt::format("index {} is out of range: the dim has {} elements", indices[i], dim));
    return false;
  }
  return true;
}

int64_t from_end(int64_t index, int64_t dim) { return index < 0 ? index + dim : index; }

// ---- Gather

// Numbers picked out of known numbers by known indices.
void propagate_gather(InferContext& context) {
  const auto data = context.peek_ints(0);
  const auto indices = context.peek_ints(1);
  if (!data || !indices || context.rank(0) != 1) return;
  const auto count = static_cast<int64_t>(data->size());
  Dims picked;
  for (const Dim& index : *indices) {
    if (!index.is_constant() || index.value() < -count || index.value() >= count) return;
    picked.push_back((*data)[static_cast<size_t>(from_end(index.value(), count))]);
  }
  context.set_output_ints(0, std::move(picked));
}

Result<void> infer_gather(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  if (!context.has_rank(0) || !context.has_rank(1)) {
    set_like_input(context);
    return {};
  }
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
  const Dims& data = context.dims(0);
  const Dims& indices = context.dims(1);
  Dims dims(data.begin(), data.begin() + axis);
  dims.insert(dims.end(), indices.begin(), indices.end());
  dims.insert(dims.end(), data.begin() + axis + 1, data.end());
  propagate_gather(context);
  set_like_input(context, std::move(dims));
  return {};
}

struct GatherDims {
  int64_t outer;
  int64_t dim;
  int64_t inner;
};

template <class T>
void gather_blocks(const GatherDims& dims, const T* src, const IndexView& indices, int64_t count,
                   T* dst, ThreadPool* pool) {
  parallel_ranges(pool, dims.outer * count, dims.inner * int64_t{sizeof(T)},
                  [&](int64_t first, int64_t last) {
                    for (int64_t i = first; i < last; ++i) {
                      const int64_t row = i / count;
                      const int64_t at = from_end(indices[i % count], dims.dim);
                      const T* block = src + (row * dims.dim + at) * dims.inner;
                      if (dims.inner == 1) {
                        dst[i] = *block;
                      } else {
                        std::copy_n(block, dims.inner, dst + i * dims.inner);
                      }
                    }
                  });
}

Result<std::unique_ptr<Kernel>> make_gather(const KernelRequest& request) {
  const Shape data = request.inputs[0].shape();
  const Shape indices = request.inputs[1].shape();
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(from_end(given, static_cast<int64_t>(data.rank())));
  const GatherDims dims{data.count(0, axis), data[axis], data.count(axis + 1, data.rank())};
  Shape shape(std::span(data.data(), axis));
  for (int64_t dim : indices) shape.push_back(dim);
  for (size_t i = axis + 1; i < data.rank(); ++i) shape.push_back(data[i]);
  return make_kernel([dims, shape](RunArgs& args) {
    const IndexView index(args.inputs[1]);
    const int64_t count = args.inputs[1].count();
    if (!check_indices(args, index, count, dims.dim)) return;
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(dst.dtype, [&]<class T>() {
      gather_blocks(dims, args.inputs[0].as<const T>(), index, count, dst.as<T>(), args.pool);
    });
  });
}

// ---- GatherElements

Result<void> infer_gather_elements(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  if (context.has_rank(0)) TRY(expect_rank(context, 1, context.rank(0)));
  if (!context.has_rank(1)) {
    set_like_input(context);
    return {};
  }
  const int64_t rank = context.rank(1);
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), rank));
  for (int64_t i = 0; context.has_rank(0) && i < rank; ++i) {
    const Dim& have = context.dims(0)[static_cast<size_t>(i)];
    const Dim& want = context.dims(1)[static_cast<size_t>(i)];
    if (i == axis || !have.is_constant() || !want.is_constant()) continue;
    if (want.value() > have.value()) {
      return fail(Code::kInvalidArgument, "indices {} reach beyond {} on axis {}",
                  context.describe(1), context.describe(0), i);
    }
  }
  set_like_input(context, context.dims(1));
  return {};
}

// For output position `i`: where its element is, but for the index along the axis.
class ElementWalk {
 public:
  ElementWalk(const Shape& data, const Shape& indices, size_t axis) : indices_(indices) {
    int64_t stride = 1;
    strides_ = Shape(data.rank(), 0);
    for (size_t i = data.rank(); i-- > 0;) {
      strides_[i] = i == axis ? 0 : stride;
      if (i == axis) axis_stride = stride;
      stride *= data[i];
    }
    dim = data[axis];
  }
  int64_t base(int64_t position) const {
    int64_t offset = 0;
    for (size_t i = indices_.rank(); i-- > 0;) {
      offset += position % indices_[i] * strides_[i];
      position /= indices_[i];
    }
    return offset;
  }
  int64_t axis_stride = 1;
  int64_t dim = 0;

 private:
  Shape indices_;
  Shape strides_;
};

Result<std::unique_ptr<Kernel>> make_gather_elements(const KernelRequest& request) {
  const Shape data = request.inputs[0].shape();
  const Shape shape = request.inputs[1].shape();
  const int64_t given = request.node.attrs.get_int("axis");
  const auto axis = static_cast<size_t>(from_end(given, static_cast<int64_t>(data.rank())));
  return make_kernel([walk = ElementWalk(data, shape, axis), shape](RunArgs& args) {
    const IndexView index(args.inputs[1]);
    const int64_t count = shape.count();
    if (!check_indices(args, index, count, walk.dim)) return;
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || count == 0) return;
    // Rows of the innermost dim start from one base and advance evenly.
    const int64_t length = shape.back();
    with_cell(dst.dtype, [&]<class T>() {
      const T* src = args.inputs[0].as<const T>();
      parallel_ranges(args.pool, count / length, length * 16, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          const int64_t base = walk.base(row * length);
          const int64_t step = length > 1 ? walk.base(row * length + 1) - base : 0;
          T* const to = dst.as<T>() + row * length;
          with_indices(args.inputs[1], [&](const auto* all) {
            const auto* index = all + row * length;
            const T* from = src + base;
            if (step == 0 && walk.axis_stride == 1) {  // along the last axis
              for (int64_t i = 0; i < length; ++i) to[i] = from[from_end(index[i], walk.dim)];
              return;
            }
            for (int64_t i = 0; i < length; ++i, from += step) {
              to[i] = from[from_end(index[i], walk.dim) * walk.axis_stride];
            }
          });
        }
      });
    });
  });
}

// ---- GatherND

Result<void> infer_gather_nd(InferContext& context) {
  TRY(expect_min_rank(context, 0, 1));
  TRY(expect_min_rank(context, 1, 1));
  if (!context.has_rank(0) || !context.has_rank(1)) {
    set_like_input(context);
    return {};
  }
  const Dims& data = context.dims(0);
  const Dims& indices = context.dims(1);
  const int64_t batch = context.attrs().get_int("batch_dims");
  if (batch < 0 || batch >= std::min(context.rank(0), context.rank(1))) {
    return fail(Code::kInvalidArgument, "batch_dims is {}, but must be in [0, {}) for {} and {}",
                batch, std::min(context.rank(0), context.rank(1)), context.describe(0),
                context.describe(1));
  }
  Dims dims(indices.begin(), indices.end() - 1);
  for (int64_t i = 0; i < batch; ++i) {
    const auto at = static_cast<size_t>(i);
    dims[at] = TRY(same_dim(data[at], indices[at], fmt::format("batch dim {}", i)));
  }
  if (!indices.back().is_constant()) {
    set_like_input(context);
    return {};
  }
  const int64_t depth = indices.back().value();
  if (depth < 1 || batch + depth > context.rank(0)) {
    return fail(Code::kInvalidArgument, "the last dim of {} is {}, but must be in [1, {}]",
                context.describe(1), depth, context.rank(0) - batch);
  }
  dims.insert(dims.end(), data.begin() + batch + depth, data.end());
  set_like_input(context, std::move(dims));
  return {};
}

Result<std::unique_ptr<Kernel>> make_gather_nd(const KernelRequest& request) {
  const Shape data = request.inputs[0].shape();
  const Shape indices = request.inputs[1].shape();
  const auto batch = static_cast<size_t>(request.node.attrs.get_int("batch_dims"));
  const auto depth = static_cast<size_t>(indices.back());
  Shape shape(std::span(indices.data(), indices.rank() - 1));
  for (size_t i = batch + depth; i < data.rank(); ++i) shape.push_back(data[i]);
  const int64_t batches = data.count(0, batch);
  const int64_t per_batch = indices.count(batch, indices.rank() - 1);
  const int64_t block = data.count(batch + depth, data.rank());
  const int64_t batch_stride = data.count(batch, data.rank());
  return make_kernel([=](RunArgs& args) {
    const auto* index = args.inputs[1].as<const int64_t>();
    const int64_t count = batches * per_batch;
    const auto tuple = static_cast<int64_t>(depth);
    for (int64_t i = 0; i < count * tuple; ++i) {
      const int64_t dim = data[batch + static_cast<size_t>(i % tuple)];
      if (index[i] >= -dim && index[i] < dim) continue;
      return args.report(Code::kInvalidArgument,
                         fmt::format("index {} is out of range: axis {} has {} elements", index[i],
                                     batch + static_cast<size_t>(i % tuple), dim));
    }
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, shape);
    if (args.failed() || shape.count() == 0) return;
    with_cell(dst.dtype, [&]<class T>() {
      const T* src = args.inputs[0].as<const T>();
      parallel_ranges(
          args.pool, count, block * int64_t{sizeof(T)}, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
              int64_t at = 0;
              for (size_t k = 0; k < depth; ++k) {
                const int64_t dim = data[batch + k];
                at = at * dim + from_end(index[i * tuple + static_cast<int64_t>(k)], dim);
              }
              std::copy_n(src + i / per_batch * batch_stride + at * block, block,
                          dst.as<T>() + i * block);
            }
          });
    });
  });
}

}  // namespace

OpDef op_Gather() {
  OpDef op;
  op.versions = {1, 11, 13};
  op.inputs = {{"data", "T"}, {"indices", "Tind", kIndexTypes}};
  op.outputs = {{"output", "T"}};
  op.attrs = {int_attr("axis", 0)};
  op.infer = infer_gather;
  op.kernels = {{"block copy", sub_byte_ready<make_gather>}};
  return op;
}

OpDef op_GatherElements() {
  OpDef op;
  op.versions = {11, 13};
  op.inputs = {{"data", "T"}, {"indices", "Tind", kIndexTypes}};
  op.outputs = {{"output", "T"}};
  op.attrs = {int_attr("axis", 0)};
  op.infer = infer_gather_elements;
  op.kernels = {{"reference", sub_byte_ready<make_gather_elements>}};
  return op;
}

OpDef op_GatherND() {
  OpDef op;
  op.versions = {11, 12, 13};
  op.inputs = {{"data", "T"}, {"indices", "", dtype_set(DType::kInt64)}};
  op.outputs = {{"output", "T"}};
  op.attrs = {int_attr("batch_dims", 0)};
  op.infer = infer_gather_nd;
  op.kernels = {{"block copy", sub_byte_ready<make_gather_nd>}};
  return op;
}

}  // namespace sardonyx
