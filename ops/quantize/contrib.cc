// com.microsoft: QLinearAdd QLinearMul QLinearAveragePool QLinearGlobalAveragePool
// QLinearReduceMean QLinearConcat QLinearLeakyRelu QLinearSigmoid QLinearSoftmax QLinearWhere, said
// as what they are: DequantizeLinear, the operator, QuantizeLinear; and its own QuantizeLinear and
// DequantizeLinear.
#include "ops/quantize/spread_codes.h"

namespace sardonyx {
namespace {

constexpr DTypeSet kBytes = dtype_set(DType::kInt8, DType::kUint8);
constexpr DTypeSet kFloat = dtype_set(DType::kFloat32);

// T: the 8-bit integers, S: scales, B: bool.
OpDef quantized_op(std::string_view inputs, LowerRule lower) {
  const std::pair<char, DTypeSet> types[] = {
      {'T', kBytes}, {'S', kFloat}, {'B', dtype_set(DType::kBool)}};
  return contrib_op(inputs, "Y:T", types, lower);
}

// Inputs data, data + 1 and data + 2: numbers, scale, zero point.
ValueId dequantized(Lowering& to, size_t data) {
  std::vector<ValueId> inputs = {to.input(data), to.input(data + 1)};
  if (to.has(data + 2)) inputs.push_back(to.input(data + 2));
  return to.op("DequantizeLinear", std::move(inputs));
}

// Output 0, quantized with inputs scale and scale + 1 to the dtype of input `like`.
void quantize_into(Lowering& to, ValueId real, size_t scale, size_t like) {
  ValueId zero = to.input(scale + 1);
  if (zero == kNoValue) {
    const bool is_signed = to.dtype(like) == DType::kInt8;
    zero = to.constant(is_signed ? Tensor::scalar(int8_t{0}) : Tensor::scalar(uint8_t{0}));
  }
  to.op_into(to.output(0), "QuantizeLinear", {real, to.input(scale), zero});
}

// ---- of two operands

template <class Name>
Result<void> lower_binary(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId a = dequantized(to, 0), b = dequantized(to, 3);
  quantize_into(to, to.op(Name::value, {a, b}), 6, 0);
  return {};
}
struct AddName {
  static constexpr char value[] = "Add";
};
struct MulName {
  static constexpr char value[] = "Mul";
};

Result<void> lower_where(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = dequantized(to, 1), y = dequantized(to, 4);
  quantize_into(to, to.op("Where", {to.input(0), x, y}), 7, 1);
  return {};
}

// ---- of one operand

// The node's attributes but these.
AttrMap attrs_without(const AttrMap& attrs, std::initializer_list<std::string_view> names) {
  AttrMap rest = attrs;
  for (std::string_view name : names) rest.erase(name);
  return rest;
}

template <class Name>
Result<void> lower_unary(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = dequantized(to, 0);
  quantize_into(to, to.op(Name::value, {x}, to.attrs()), 3, 0);
  return {};
}
struct LeakyReluName {
  static constexpr char value[] = "LeakyRelu";
};
struct SigmoidName {
  static constexpr char value[] = "Sigmoid";
};

// A pooling, which knows channels second, of data that may have them last.
template <class Name>
Result<void> lower_pool(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const bool last = to.attrs().get_int("channels_last") != 0;
  ValueId x = dequantized(to, 0);
  std::vector<int64_t> first_order, last_order;
  if (last) {
    const int64_t rank = TRY(to.known_rank(0));
    first_order = {0, rank - 1};
    last_order = {0};
    for (int64_t axis = 1; axis < rank - 1; ++axis) first_order.push_back(axis);
    for (int64_t axis = 2; axis < rank; ++axis) last_order.push_back(axis);
    last_order.push_back(1);
    x = to.transpose(x, first_order);
  }
  ValueId y = to.op(Name::value, {x}, attrs_without(to.attrs(), {"channels_last"}));
  if (last) y = to.transpose(y, last_order);
  quantize_into(to, y, 3, 0);
  return {};
}
struct AveragePoolName {
  static constexpr char value[] = "AveragePool";
};
struct GlobalAveragePoolName {
  static constexpr char value[] = "GlobalAveragePool";
};

Result<void> lower_reduce_mean(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = dequantized(to, 0);
  const ValueId y = to.op("ReduceMean", {x, to.ints(to.attrs().get_ints("axes"))},
                          {{"keepdims", to.attrs().get_int("keepdims")}});
  quantize_into(to, y, 3, 0);
  return {};
}

// `opset` says which Softmax it was: before 13 it ran over all axes from `axis` on.
Result<void> lower_softmax(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const ValueId x = dequantized(to, 0);
  const int64_t axis = to.attrs().get_int("axis", -1);
  ValueId y;
  if (to.attrs().get_int("opset") >= 13) {
    y = to.op("Softmax", {x}, {{"axis", axis}});
  } else {
    const ValueId flat = to.op("Flatten", {x}, {{"axis", axis}});
    y = to.op("Reshape", {to.op("Softmax", {flat}, {{"axis", int64_t{-1}}}), to.shape(x)});
  }
  quantize_into(to, y, 3, 0);
  return {};
}

// Inputs 2, 5, ...: each with its scale and zero point.
Result<void> lower_concat(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  std::vector<ValueId> parts;
  for (size_t i = 2; to.has(i); i += 3) {
    if (!to.has(i + 1)) return fail(Code::kInvalidGraph, "input {} has no scale behind it", i);
    if ((dtype_bit(to.dtype(i)) & kBytes) == 0 || to.dtype(i + 1) != DType::kFloat32) {
      return fail(Code::kInvalidGraph,
                  "inputs from 2 on must be triples of 8-bit numbers, scale and zero point, but "
                  "inputs {} and {} are {} and {}",
                  i, i + 1, dtype_name(to.dtype(i)), dtype_name(to.dtype(i + 1)));
    }
    parts.push_back(dequantized(to, i));
  }
  if (parts.empty()) return fail(Code::kInvalidGraph, "nothing to concatenate");
  const ValueId y = to.op("Concat", std::move(parts), {{"axis", to.attrs().get_int("axis")}});
  to.op_into(to.output(0), "QuantizeLinear", {y, to.input(0), to.input(1)});
  return {};
}

// ---- GatherBlockQuantized

Result<void> lower_gather(Graph& graph, NodeId id) {
  Lowering to(graph, id);
  const AttrMap& attrs = to.attrs();
  const int64_t rank = TRY(to.known_rank(0)), index_rank = TRY(to.known_rank(1));
  const int64_t bits = attrs.get_int("bits"), block = attrs.get_int("block_size");
  if (bits != 2 && bits != 4 && bits != 8) {
    return fail(Code::kInvalidGraph, "bits is {}, expected 2, 4 or 8", bits);
  }
  if (block < 16 || (block & (block - 1)) != 0) {
    return fail(Code::kInvalidGraph, "block_size is {}, expected a power of 2 from 16 on", block);
  }
  const auto along = [&](std::string_view name) {
    const int64_t axis = attrs.get_int(name);
    return axis < 0 ? axis + rank : axis;
  };
  const int64_t gather = along("gather_axis"), quantize = along("quantize_axis");
  if (gather < 0 || gather >= rank || quantize < 0 || quantize >= rank) {
    return fail(Code::kInvalidGraph, "gather_axis {} and quantize_axis {} do not fit rank {}",
                gather, quantize, rank);
  }
  const bool is_packed = to.dtype(0) == DType::kUint8 && bits < 8;
  if (is_packed && (quantize != rank - 1 || gather == rank - 1)) {
    return fail(Code::kNotImplemented, "codes packed in uint8 along an axis that is not the last");
  }
  const int64_t result_rank = rank + index_rank - 1;
  // An index outside picks zeros: row 0 with scales of 0.
  const ValueId index = to.cast(to.input(1), DType::kInt64);
  const ValueId size = to.op("Squeeze", {to.dim(to.input(0), gather), to.ints({0})});
  const ValueId inside = to.op("And", {to.op("Less", {index, size}),
                                       to.op("GreaterOrEqual", {index, to.op("Neg", {size})})});
  const ValueId first = to.constant(Tensor::scalar(int64_t{0}));
  const ValueId places = to.op("Where", {inside, index, first});
  // Along the quantized axis, an index picks the scale of its block.
  const bool one_axis = gather == quantize;
  ValueId blocks = places;
  if (one_axis) {
    const ValueId from_end = to.op("Add", {places, size});
    const ValueId ahead = to.op("Where", {to.op("Less", {places, first}), from_end, places});
    blocks = to.op("Div", {ahead, to.constant(Tensor::scalar(block))});
  }
  const auto pick = [&](size_t input) {
    const ValueId picked =
        to.op("Gather", {to.input(input), input == 0 ? places : blocks}, {{"axis", gather}});
    return is_packed && input != 2 ? spread_codes(to, picked, bits, result_rank) : picked;
  };
  std::vector<int64_t> behind;
  for (int64_t axis = gather + 1; axis < rank; ++axis)
    behind.push_back(index_rank + axis - gather - 1);
  const ValueId counts = behind.empty() ? inside : to.op("Unsqueeze", {inside, to.ints(behind)});
  const ValueId scales = to.op("Where", {counts, pick(2), to.number(0, to.input(2))});
  std::vector<ValueId> inputs = {pick(0), scales};
  if (to.has(3)) {
    ValueId zeros = pick(3);
    if (is_packed) {  // an odd number of codes leaves some of a byte unused
      zeros = to.op("Slice", {zeros, to.ints({0}), to.dim(inputs[1], result_rank - 1),
                              to.ints({result_rank - 1})});
    }
    inputs.push_back(zeros);
  } else if (to.dtype(0) == DType::kUint8) {
    const ValueId half = to.constant(Tensor::scalar(static_cast<uint8_t>(1 << (bits - 1))));
    inputs.push_back(to.op("Expand", {half, to.shape(inputs[1])}));
  }
  if (one_axis) {  // every number has a scale of its own
    const DType real = to.dtype(2);
    ValueId number = to.cast(inputs[0], real);
    if (inputs.size() > 2) number = to.op("Sub", {number, to.cast(inputs[2], real)});
    to.op_into(to.output(0), "Mul", {number, scales});
    return {};
  }
  const int64_t axis = quantize > gather ? quantize + index_rank - 1 : quantize;
  to.op_into(to.output(0), "DequantizeLinear", std::move(inputs),
             {{"axis", axis}, {"block_size", block}});
  return {};
}

Result<void> lower_same(Graph& graph, NodeId id) {
  const std::string op_type = graph.node(id).op_type;
  Lowering to(graph, id);
  to.rename_to(op_type, to.attrs());
  return {};
}

constexpr DTypeSet kQuantized =
    kBytes | dtype_set(DType::kInt16, DType::kUint16, DType::kInt4, DType::kUint4);
constexpr DTypeSet kReal = dtype_set(DType::kFloat32, DType::kFloat16);

void add_pool_attrs(OpDef& op) {
  using Kind = FormalAttr::Kind;
  op.attrs = {string_attr("auto_pad", "NOTSET"),
              int_attr("ceil_mode", 0),
              int_attr("channels_last", 0),
              int_attr("count_include_pad", 0),
              required_attr("kernel_shape", Kind::kInts),
              optional_attr("pads", Kind::kInts),
              optional_attr("strides", Kind::kInts)};
}

constexpr std::string_view kUnary = "X:T X_scale:S X_zero_point:T? Y_scale:S Y_zero_point:T?";
constexpr std::string_view kBinary =
    "A:T A_scale:S A_zero_point:T? B:T B_scale:S B_zero_point:T? C_scale:S C_zero_point:T?";

}  // namespace

OpDef op_QLinearAdd() { return quantized_op(kBinary, lower_binary<AddName>); }
OpDef op_QLinearMul() { return quantized_op(kBinary, lower_binary<MulName>); }
OpDef op_QLinearWhere() {
  return quantized_op(
      "condition:B X:T x_scale:S x_zero_point:T Y:T y_scale:S y_zero_point:T z_scale:S "
      "z_zero_point:T",
      lower_where);
}
OpDef op_QLinearLeakyRelu() {
  OpDef op = quantized_op(kUnary, lower_unary<LeakyReluName>);
  op.attrs = {float_attr("alpha", 0.01f)};
  return op;
}
OpDef op_QLinearSigmoid() { return quantized_op(kUnary, lower_unary<SigmoidName>); }
OpDef op_QLinearAveragePool() {
  OpDef op = quantized_op(kUnary, lower_pool<AveragePoolName>);
  add_pool_attrs(op);
  return op;
}
OpDef op_QLinearGlobalAveragePool() {
  OpDef op = quantized_op(kUnary, lower_pool<GlobalAveragePoolName>);
  op.attrs = {int_attr("channels_last", 0)};
  return op;
}
OpDef op_QLinearReduceMean() {
  using Kind = FormalAttr::Kind;
  OpDef op = quantized_op(kUnary, lower_reduce_mean);
  op.attrs = {required_attr("axes", Kind::kInts), required_attr("keepdims", Kind::kInt)};
  return op;
}
OpDef op_QLinearSoftmax() {
  OpDef op = quantized_op(kUnary, lower_softmax);
  op.attrs = {int_attr("axis", -1), required_attr("opset", FormalAttr::Kind::kInt)};
  return op;
}
OpDef op_QLinearConcat() {
  OpDef op = quantized_op("Y_scale:S Y_zero_point:T", lower_concat);
  op.inputs.push_back({"inputs", "", kBytes | kFloat, Form::kVariadic});
  op.attrs = {required_attr("axis", FormalAttr::Kind::kInt)};
  return op;
}

OpDef op_GatherBlockQuantized() {
  constexpr DTypeSet kStored = dtype_set(DType::kInt4, DType::kUint4, DType::kUint8);
  constexpr DTypeSet kScales = dtype_set(DType::kFloat32, DType::kFloat16, DType::kBfloat16);
  const std::pair<char, DTypeSet> types[] = {
      {'Q', kStored}, {'I', dtype_set(DType::kInt32, DType::kInt64)}, {'R', kScales}};
  OpDef op =
      contrib_op("data:Q indices:I scales:R zero_points:Q?", "output:R", types, lower_gather);
  op.attrs = {int_attr("bits", 4), int_attr("block_size", 128), int_attr("gather_axis", 0),
              int_attr("quantize_axis", 1)};
  return op;
}

OpDef op_ContribQuantizeLinear() {
  const std::pair<char, DTypeSet> types[] = {{'R', kReal}, {'Q', kQuantized}};
  OpDef op = contrib_op("x:R y_scale:R y_zero_point:Q?", "y:Q", types, lower_same);
  op.attrs = {int_attr("axis", 1)};
  return op;
}
OpDef op_ContribDequantizeLinear() {
  const std::pair<char, DTypeSet> types[] = {{'R', kReal},
                                             {'Q', kQuantized | dtype_set(DType::kInt32)}};
  OpDef op = contrib_op("x:Q x_scale:R x_zero_point:Q?", "y:R", types, lower_same);
  op.attrs = {int_attr("axis", 1)};
  return op;
}

}  // namespace sardonyx
