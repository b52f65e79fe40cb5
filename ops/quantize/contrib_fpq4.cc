// com.microsoft MatMulFpQ4: a product with weights of 4 bits that lie in blocks of 32 along each
// column: the scale, the zero point where there is one, the codes, of which the first 16 are in the
// lower halves of their bytes. Said with MatMulNBits, whose codes go the other way.
#include "ops/contrib/lowering.h"

namespace sardonyx {
namespace {

constexpr int64_t kBlock = 32, kScaleBytes = 4, kCodeBytes = kBlock / 2;

ValueId uint8(Lowering& to, int number) {
  return to.constant(Tensor::scalar(static_cast<uint8_t>(number)));
}
ValueId shifted(Lowering& to, ValueId x, ValueId by, const char* direction) {
  return to.op("BitShift", {x, by}, {{"direction", std::string(direction)}});
}

// The floats that four bytes each are, the lowest first; the last axis becomes one.
ValueId floats_of_bytes(Lowering& to, ValueId bytes) {
  const ValueId wide = to.cast(bytes, DType::kUint32);
  const std::vector<uint32_t> places = {0, 8, 16, 24};
  const ValueId by = to.constant(Tensor::from<uint32_t>({4}, places));
  const auto parts = to.ops("Split", {shifted(to, wide, by, "LEFT")}, 4,
                            {{"axis", int64_t{-1}}, {"num_outputs", int64_t{4}}});
  ValueId bits = parts[0];
  for (size_t i = 1; i < 4; ++i) bits = to.op("BitwiseOr", {bits, parts[i]});
  return to.op("BitCast", {bits}, {{"to", static_cast<int64_t>(DType::kFloat32)}});
}

Result<void> lower_fpq4(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const int64_t type = to.attrs().get_int("blk_quant_type");
  if (type != 0 && type != 1) {
    return fail(Code::kNotImplemented,
                "blk_quant_type is {}, known are 0 and 1; ONNX Runtime writes no others", type);
  }
  const int64_t head = kScaleBytes + type;
  const int64_t depth = TRY(to.known_dim(0, -1)), bytes = TRY(to.known_dim(1, 0));
  const int64_t blocks = (depth + kBlock - 1) / kBlock, column = blocks * (head + kCodeBytes);
  if (column == 0 || bytes == 0 || bytes % column != 0) {
    return fail(Code::kInvalidArgument,
                "B has {} bytes, no whole columns of {} for {} numbers each", bytes, column, depth);
  }
  const int64_t columns = bytes / column;
  const ValueId all = to.reshape(to.input(1), {columns, blocks, head + kCodeBytes});
  const ValueId scales = floats_of_bytes(to, to.slice(all, 2, 0, kScaleBytes));
  const ValueId zeros =
      type == 0 ? kNoValue
                : to.cast(to.reshape(to.slice(all, 2, kScaleBytes, head), {columns, blocks}),
                          DType::kFloat32);
  const ValueId codes = to.slice(all, 2, head, head + kCodeBytes);
  const ValueId low = to.op("BitwiseAnd", {codes, uint8(to, 15)});
  const ValueId high = shifted(to, codes, uint8(to, 4), "RIGHT");
  const ValueId pairs = to.reshape(to.concat({low, high}, 2), {columns, blocks, kCodeBytes, 2});
  const ValueId packed = to.op(
      "BitwiseOr",
      {to.slice(pairs, 3, 0, 1), shifted(to, to.slice(pairs, 3, 1, 2), uint8(to, 4), "LEFT")});
  to.op_into({to.output(0)}, "MatMulNBits",
             {to.input(0), to.reshape(packed, {columns, blocks, kCodeBytes}),
              to.reshape(scales, {columns, blocks}), zeros},
             Rewriter::attrs_of({{"K", depth}, {"N", columns}, {"block_size", kBlock}}),
             "sardonyx");
  return {};
}

}  // namespace

OpDef op_MatMulFpQ4() {
  const std::pair<char, DTypeSet> types[] = {{'T', dtype_set(DType::kFloat32)},
                                             {'B', dtype_set(DType::kUint8)},
                                             {'P', dtype_set(DType::kInt64)}};
  OpDef op = contrib_op("A:T B:B B_shape:P", "Y:T", types, lower_fpq4);
  op.attrs = {int_attr("blk_quant_type", 1)};
  return op;
}

}  // namespace sardonyx
