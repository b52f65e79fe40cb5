// Transpose: dims in another order.
#include "ops/transpose.h"

#include <algorithm>
#include <numeric>

#include "cpu/transpose.h"
#include "ops/cells.h"
#include "ops/rule_parts.h"
#include "ops/strided_copy.h"

namespace sardonyx {
namespace {

// The perm attribute, or the reversed order when it is absent.
Result<std::vector<int64_t>> read_perm(const AttrMap& attrs, size_t rank) {
  std::vector<int64_t> perm = attrs.get_ints("perm");
  if (!attrs.has("perm")) {
    perm.resize(rank);
    std::iota(perm.rbegin(), perm.rend(), 0);
    return perm;
  }
  std::vector<bool> seen(rank, false);
  bool valid = perm.size() == rank;
  for (size_t i = 0; valid && i < rank; ++i) {
    valid =
        perm[i] >= 0 && perm[i] < static_cast<int64_t>(rank) && !seen[static_cast<size_t>(perm[i])];
    if (valid) seen[static_cast<size_t>(perm[i])] = true;
  }
  if (!valid) {
    return fail(Code::kInvalidArgument, "perm [{}] is not an order of the {} axes of the input",
                fmt::join(perm, ", "), rank);
  }
  return perm;
}

Result<void> infer_transpose(InferContext& context) {
  if (!context.has_rank(0)) {
    if (context.attrs().has("perm")) {
      set_like_input(context, unknown_dims(context.attrs().get_ints("perm").size()));
    } else {
      set_like_input(context);
    }
    return {};
  }
  Dims dims;
  for (int64_t axis : TRY(read_perm(context.attrs(), context.dims(0).size()))) {
    dims.push_back(context.dims(0)[static_cast<size_t>(axis)]);
  }
  if (auto ints = context.peek_ints(0)) propagate_ints(context, dims, std::move(*ints));
  set_like_input(context, std::move(dims));
  return {};
}

// Vector tiles; elements of 1 to 8 bytes.
Result<std::unique_ptr<Kernel>> make_permute(const KernelRequest& request) {
  const DType dtype = request.inputs[0].dtype();
  if (dtype_bits(dtype) < 8 || dtype_bits(dtype) > 64) {
    return decline("elements of {}", dtype_name(dtype));
  }
  const Shape shape = request.inputs[0].shape();
  if (shape.rank() == 0) return decline("a scalar has no axes");
  const std::vector<int64_t> perm = TRY(read_perm(request.node.attrs, shape.rank()));
  Shape dims;
  for (int64_t axis : perm) dims.push_back(shape[static_cast<size_t>(axis)]);
  return make_kernel([=, tier = request.tier](RunArgs& args) {
    const TensorView dst = args.allocate(0, dtype, dims);
    if (args.failed() || dims.count() == 0) return;
    permute(tier, shape.dims(), perm, dtype_bytes(dtype, 1), args.inputs[0].data, dst.data,
            *args.pool);
  });
}

Result<std::unique_ptr<Kernel>> make_transpose(const KernelRequest& request) {
  const Shape shape = request.inputs[0].shape();
  const Shape strides = dense_strides(shape);
  StridedCopy copy{request.inputs[0].dtype(), {}, {}, {}};
  for (int64_t axis : TRY(read_perm(request.node.attrs, shape.rank()))) {
    copy.extents.push_back(shape[static_cast<size_t>(axis)]);
    copy.src_strides.push_back(strides[static_cast<size_t>(axis)]);
  }
  copy.dst_strides = dense_strides(copy.extents);
  return make_kernel([copy = copy.simplified(), dims = copy.extents](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[0].dtype, dims);
    if (args.failed()) return;
    run_strided_copy(copy, args.inputs[0].data, dst.data, args.pool);
  });
}

}  // namespace

bool moves_nothing(const Node& node, std::span<const ValueType> types) {
  if (!node.domain.empty() || node.op_type != "Transpose") return false;
  const ValueType& input = types[static_cast<size_t>(node.inputs[0])];
  if (!input.is_concrete()) return false;
  const auto perm = read_perm(node.attrs, input.dims->size());
  int64_t last = -1;
  return perm && std::all_of(perm->begin(), perm->end(), [&](int64_t axis) {
           if ((*input.dims)[static_cast<size_t>(axis)] == Dim(1)) return true;
           const bool later = axis > last;
           last = axis;
           return later;
         });
}

OpDef op_Transpose() {
  OpDef op;
  op.versions = {1, 13, 21, 23, 24, 25};
  op.inputs = {{"data", "T"}};
  op.outputs = {{"transposed", "T"}};
  op.attrs = {optional_attr("perm", FormalAttr::Kind::kInts)};
  op.infer = infer_transpose;
  op.kernels = {{"permute", make_permute}, {"strided copy", sub_byte_ready<make_transpose>}};
  return op;
}

}  // namespace sardonyx
