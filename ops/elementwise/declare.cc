// What the declarations of elementwise operators have in common: rules, emitters, the table of
// loops.
#include <algorithm>

#include "ops/elementwise.h"
#include "ops/elementwise/tiles.h"

namespace sardonyx {

const TileRow* find_tiles(Tier tier, std::string_view name) {
  for (const TileRows rows :
       {arithmetic_tiles(tier), activation_tiles(tier), function_tiles(tier), logic_tiles(tier),
        comparison_tiles(tier), quantize_tiles(tier), cast_tiles(tier)}) {
    for (const TileRow& row : rows) {
      if (row.name == name) return &row;
    }
  }
  return nullptr;
}

std::vector<float> number_attrs(const Node& node) {
  std::vector<float> numbers;
  for (const auto& [name, attr] : node.attrs) {
    if (const auto* integer = std::get_if<int64_t>(&attr)) {
      numbers.push_back(static_cast<float>(*integer));
    } else if (const auto* number = std::get_if<float>(&attr)) {
      numbers.push_back(*number);
    }
  }
  return numbers;
}

Result<Reg> emit_by_name(ProgramBuilder& builder, const EmitArgs& args) {
  std::vector<Reg> srcs;
  for (const Reg input : args.inputs) srcs.push_back(TRY(builder.widen(input)));
  const DType result = args.output == DType::kBool ? DType::kBool : compute_dtype(args.output);
  return builder.step(args.node.op_type, builder.dtype(srcs[0]), srcs, result,
                      number_attrs(args.node));
}

Result<std::optional<Dims>> broadcast_inputs(const InferContext& context) {
  std::optional<Dims> dims;
  for (size_t i = 0; i < context.input_count(); ++i) {
    if (!context.has_input(i)) continue;
    if (!context.has_rank(i)) return std::optional<Dims>();
    dims = dims ? TRY(broadcast_dims(*dims, context.dims(i))) : context.dims(i);
  }
  return dims;
}

namespace {

Result<void> infer_broadcast(InferContext& context, DType dtype) {
  if (auto dims = TRY(broadcast_inputs(context))) {
    context.set_output(0, dtype, std::move(*dims));
  } else {
    context.set_output(0, dtype);
  }
  return {};
}

constexpr ElementwiseOp kByName{emit_by_name};

OpDef elementwise_op(std::vector<int> versions, std::vector<FormalParam> inputs, DTypeSet types,
                     StaticText output, std::vector<FormalAttr> attrs) {
  OpDef op;
  op.versions = std::move(versions);
  op.inputs = std::move(inputs);
  op.outputs = {{output, "T", types}};
  op.attrs = std::move(attrs);
  op.infer = infer_elementwise;
  op.kernels = {{"tiles", make_elementwise}};
  op.elementwise = &kByName;
  return op;
}

}  // namespace

Result<void> infer_elementwise(InferContext& context) {
  return infer_broadcast(context, context.dtype(0));
}
Result<void> infer_predicate(InferContext& context) {
  return infer_broadcast(context, DType::kBool);
}

OpDef unary_op(std::vector<int> versions, DTypeSet types, std::vector<FormalAttr> attrs) {
  return elementwise_op(std::move(versions), {{"X", "T", types}}, types, "Y", std::move(attrs));
}
OpDef binary_op(std::vector<int> versions, DTypeSet types, std::vector<FormalAttr> attrs) {
  return elementwise_op(std::move(versions), {{"A", "T", types}, {"B", "T", types}}, types, "C",
                        std::move(attrs));
}
OpDef predicate_op(OpDef op) {
  op.outputs[0].type_name = "T1";
  op.outputs[0].types = dtype_set(DType::kBool);
  op.infer = infer_predicate;
  return op;
}

}  // namespace sardonyx
