// TensorScatter: writes an update into a cache along its sequence axis, each sample of the batch
// from its own index on. The cache is written in place when nobody else reads it.
#include <cstring>

#include "ops/cells.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kCacheTypes = kAllTypes & ~dtype_set(DType::kInt2, DType::kUint2);

Result<bool> is_circular(const AttrMap& attrs) {
  const std::string& mode = attrs.get_string("mode");
  if (mode == "linear") return false;
  if (mode == "circular") return true;
  return fail(Code::kInvalidArgument, "mode is '{}', expected linear or circular", mode);
}

Result<void> check_update(const InferContext& context, Dims& dims, size_t axis) {
  TRY(expect_rank(context, 1, static_cast<int64_t>(dims.size())));
  if (!context.has_rank(1)) return {};
  for (size_t i = 0; i < dims.size(); ++i) {
    const Dim& length = context.dims(1)[i];
    if (i != axis) {
      dims[i] = TRY(same_dim(dims[i], length, "the dims of past_cache and update"));
    } else if (length.is_constant() && dims[i].is_constant() && length.value() > dims[i].value()) {
      return fail(Code::kInvalidArgument, "{} has {} steps, but the cache has room for {}",
                  context.describe(1), length.value(), dims[i].value());
    }
  }
  return {};
}

Result<void> infer_tensor_scatter(InferContext& context) {
  TRY(is_circular(context.attrs()));
  TRY(expect_rank(context, 2, 1));
  if (!context.has_rank(0)) {
    set_like_input(context);
    return {};
  }
  Dims dims = context.dims(0);
  const int64_t axis = TRY(context.axis(context.attrs().get_int("axis"), context.rank(0)));
  if (axis == 0) {
    return fail(Code::kInvalidArgument, "axis is the batch axis 0; expected a later one");
  }
  TRY(check_update(context, dims, static_cast<size_t>(axis)));
  if (context.has_rank(2)) {
    dims[0] = TRY(same_dim(dims[0], context.dims(2)[0],
                           "the batch and the length of "
                           "write_indices"));
  }
  set_like_input(context, std::move(dims));
  return {};
}

class TensorScatterKernel final : public Kernel {
 public:
  TensorScatterKernel(const Shape& cache, const Shape& update, size_t axis, bool circular)
      : shape_(cache),
        batch_(cache[0]),
        rows_(cache.count(1, axis)),
        room_(cache[axis]),
        steps_(update[axis]),
        inner_(cache.count(axis + 1, cache.rank())),
        circular_(circular) {}

  bool can_overwrite(size_t input, size_t output) const override {
    return input == 0 && output == 0;
  }

  void run(RunArgs& args) const override {
    const bool given = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
    const IndexView starts = given ? IndexView(args.inputs[2]) : IndexView();
    const auto start_of = [&](int64_t sample) { return given ? starts[sample] : 0; };
    for (int64_t sample = 0; sample < batch_ && !circular_; ++sample) {
      if (start_of(sample) < 0 || start_of(sample) > room_ - steps_) {
        return args.report(Code::kInvalidArgument,
                           fmt::format("write index {} is out of range: {} steps go into a cache "
                                       "with room for {}",
                                       start_of(sample), steps_, room_));
      }
    }
    const TensorView& src = args.inputs[0];
    const TensorView dst = args.allocate(0, src.dtype, shape_);
    if (args.failed()) return;
    if (dst.data != src.data) copy_elements(src, dst);
    if (room_ == 0 || inner_ == 0) return;
    with_cell(src.dtype, [&]<class T>() {
      const int64_t bytes = steps_ * inner_ * static_cast<int64_t>(sizeof(T));
      parallel_ranges(args.pool, batch_ * rows_, bytes, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
          const T* from = args.inputs[1].as<const T>() + row * steps_ * inner_;
          T* to = dst.as<T>() + row * room_ * inner_;
          const int64_t start = (start_of(row / rows_) % room_ + room_) % room_;
          const int64_t before_wrap = std::min(steps_, room_ - start);
          std::copy_n(from, before_wrap * inner_, to + start * inner_);
          std::copy_n(from + before_wrap * inner_, (steps_ - before_wrap) * inner_, to);
        }
      });
    });
  }

 private:
  Shape shape_;
  int64_t batch_, rows_, room_, steps_, inner_;
  bool circular_;
};

Result<std::unique_ptr<Kernel>> make_tensor_scatter(const KernelRequest& request) {
  TRY(expect_concrete_outputs(request));
  const Shape cache = request.inputs[0].shape();
  int64_t axis = request.node.attrs.get_int("axis");
  if (axis < 0) axis += static_cast<int64_t>(cache.rank());
  return std::make_unique<TensorScatterKernel>(cache, request.inputs[1].shape(),
                                               static_cast<size_t>(axis),
                                               TRY(is_circular(request.node.attrs)));
}

}  // namespace

OpDef op_TensorScatter() {
  OpDef op;
  op.versions = {24};
  op.inputs = {{"past_cache", "T", kCacheTypes},
               {"update", "T", kCacheTypes},
               {"write_indices", "", dtype_set(DType::kInt64), Form::kOptional}};
  op.outputs = {{"present_cache", "T", kCacheTypes}};
  op.attrs = {int_attr("axis", -2), string_attr("mode", "linear")};
  op.infer = infer_tensor_scatter;
  op.kernels = {{"copy", sub_byte_ready<make_tensor_scatter>}};
  return op;
}

}  // namespace sardonyx
