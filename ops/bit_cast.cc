// BitCast: the same bytes as elements of another type of the same width.
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kBitTypes = kAllTypes & ~dtype_set(DType::kString);

Result<void> infer_bit_cast(InferContext& context) {
  const int64_t number = context.attrs().get_int("to");
  if (number < 1 || number >= kDTypeCount ||
      (kBitTypes & dtype_bit(static_cast<DType>(number))) == 0) {
    return fail(Code::kInvalidArgument, "to is {}, which is no element type of fixed width",
                number);
  }
  const auto to = static_cast<DType>(number);
  const DType from = context.dtype(0);
  if (from != DType::kUndefined && dtype_bits(from) != dtype_bits(to)) {
    return fail(Code::kInvalidArgument, "{} has elements of {} bits, {} of {}; expected the same",
                context.describe(0), dtype_bits(from), dtype_name(to), dtype_bits(to));
  }
  ValueType type = context.input(0);
  type.dtype = to;
  context.set_output(0, std::move(type));
  return {};
}

Result<std::unique_ptr<Kernel>> make_bit_cast(const KernelRequest& request) {
  return make_kernel([to = static_cast<DType>(request.node.attrs.get_int("to"))](RunArgs& args) {
    TensorView src = args.inputs[0];
    const TensorView dst = args.allocate(0, to, src.shape);
    src.dtype = to;
    if (!args.failed() && dst.data != src.data) copy_elements(src, dst);
  });
}

}  // namespace

OpDef op_BitCast() {
  OpDef op;
  op.versions = {26};
  op.inputs = {{"input", "T1", kBitTypes}};
  op.outputs = {{"output", "T2", kBitTypes}};
  op.attrs = {required_attr("to", FormalAttr::Kind::kInt)};
  op.infer = infer_bit_cast;
  op.kernels = {{"copy", make_bit_cast}};
  return op;
}

}  // namespace sardonyx
