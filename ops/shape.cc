// Shape and Size: dims as numbers. The rule gives the numbers to value propagation, so that shape
// arithmetic costs nothing at run time.
#include "ops/cells.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

// [first, last) of the dims that Shape gives (spec: Shape-15, start and end are clamped).
std::pair<int64_t, int64_t> shape_range(const AttrMap& attrs, int64_t rank) {
  const auto clamped = [rank](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank);
  };
  const int64_t first = clamped(attrs.get_int("start"));
  const int64_t last = attrs.has("end") ? clamped(attrs.get_int("end")) : rank;
  return {first, std::max(first, last)};
}

Result<void> infer_shape(InferContext& context) {
  if (!context.has_rank(0)) {
    context.set_output(0, DType::kInt64, {Dim::unknown()});
    return {};
  }
  const auto [first, last] = shape_range(context.attrs(), context.rank(0));
  const Dims& dims = context.dims(0);
  context.set_output(0, DType::kInt64, {last - first});
  context.set_output_ints(0, Dims(dims.begin() + first, dims.begin() + last));
  return {};
}

Result<std::unique_ptr<Kernel>> make_shape(const KernelRequest& request) {
  return make_kernel([attrs = request.node.attrs](RunArgs& args) {
    const Shape& shape = args.inputs[0].shape;
    const auto [first, last] = shape_range(attrs, static_cast<int64_t>(shape.rank()));
    const TensorView dst = args.allocate(0, DType::kInt64, {last - first});
    if (dst.data == nullptr) return;
    std::copy(shape.begin() + first, shape.begin() + last, dst.as<int64_t>());
  });
}

Result<void> infer_size(InferContext& context) {
  context.set_output(0, DType::kInt64, Dims{});
  if (context.has_rank(0)) context.set_output_ints(0, {product(context.dims(0))});
  return {};
}

Result<std::unique_ptr<Kernel>> make_size(const KernelRequest&) {
  return make_kernel([](RunArgs& args) {
    const TensorView dst = args.allocate(0, DType::kInt64, {});
    if (dst.data != nullptr) *dst.as<int64_t>() = args.inputs[0].count();
  });
}

}  // namespace

OpDef op_Shape() {
  OpDef op;
  op.versions = {1, 13, 15, 19, 21, 23, 24, 25};
  op.inputs = {{"data", "T"}};
  op.outputs = {{"shape", "T1", dtype_set(DType::kInt64)}};
  op.attrs = {int_attr("start", 0), optional_attr("end", FormalAttr::Kind::kInt)};
  op.infer = infer_shape;
  op.kernels = {{"reference", make_shape}};
  return op;
}

OpDef op_Size() {
  OpDef op;
  op.versions = {1, 13, 19, 21, 23, 24, 25};
  op.inputs = {{"data", "T"}};
  op.outputs = {{"size", "T1", dtype_set(DType::kInt64)}};
  op.infer = infer_size;
  op.kernels = {{"reference", make_size}};
  return op;
}

}  // namespace sardonyx
