// See graph/rewriter.h.
#include "graph/rewriter.h"

#include "base/narrow.h"

namespace sardonyx {

AttrMap Rewriter::attrs_of(std::initializer_list<NamedAttr> attrs) {
  AttrMap map;
  for (const auto& [name, attr] : attrs) map.set(name, attr);
  return map;
}

ValueId Rewriter::constant(Tensor tensor) {
  return graph_.add_constant(name_ + "/constant", std::move(tensor));
}

ValueId Rewriter::ints(const std::vector<int64_t>& elements) {
  return graph_.add_constant(
      name_ + "/ints", Tensor::from<int64_t>({static_cast<int64_t>(elements.size())}, elements));
}

ValueId Rewriter::number(double number, ValueId like) {
  switch (graph_.value(like).type.dtype) {
    case DType::kFloat32:
      return constant(Tensor::scalar(static_cast<float>(number)));
    case DType::kFloat64:
      return constant(Tensor::scalar(number));
    case DType::kFloat16:
      return constant(Tensor::scalar(to_float16(number)));
    case DType::kBfloat16:
      return constant(Tensor::scalar(to_bfloat16(number)));
    default:
      return op("CastLike", {constant(Tensor::scalar(number)), like});
  }
}

ValueId Rewriter::op(std::string op_type, std::vector<ValueId> inputs, AttrMap attrs) {
  const std::string name = name_ + "/" + op_type;
  return graph_.add_node(std::move(op_type), "", std::move(inputs), std::move(attrs), name);
}

std::vector<ValueId> Rewriter::ops(std::string op_type, std::vector<ValueId> inputs, size_t outputs,
                                   std::initializer_list<NamedAttr> attrs) {
  std::vector<ValueId> made;
  for (size_t i = 0; i < outputs; ++i) {
    made.push_back(graph_.add_value(fmt::format("{}/{}_{}", name_, op_type, i), ValueType()));
  }
  op_into(made, std::move(op_type), std::move(inputs), attrs_of(attrs));
  return made;
}

void Rewriter::op_into(std::vector<ValueId> outputs, std::string op_type,
                       std::vector<ValueId> inputs, AttrMap attrs, std::string domain) {
  Node node;
  node.name = name_ + "/" + op_type;
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.attrs = std::move(attrs);
  graph_.add_node(std::move(node));
}

ValueId Rewriter::dim(ValueId value, int64_t axis) {
  AttrMap attrs = attrs_of({{"start", axis}});
  if (axis != -1) attrs.set("end", axis + 1);
  return op("Shape", {value}, std::move(attrs));
}

ValueId Rewriter::ones(ValueId count) {
  return op("ConstantOfShape", {op("Max", {count, ints({0})})},
            {{"value", Tensor::from<int64_t>({1}, std::vector<int64_t>{1})}});
}

ValueId take_output(Graph& graph, NodeId id, size_t index) {
  const ValueId old = graph.node(id).outputs[index];
  if (old == kNoValue) return old;
  const ValueId fresh = graph.add_value(graph.value(old).name + "/before", ValueType());
  graph.node(id).outputs[index] = fresh;
  graph.value(fresh).producer = id;
  graph.value(fresh).output_index = static_cast<int>(index);
  graph.value(old).producer = kNoNode;
  return old;
}

}  // namespace sardonyx
