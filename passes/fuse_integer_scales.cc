// MatMulInteger or ConvInteger → Cast → Mul by a product of scales (→ Add of a bias), as dynamic
// quantization writes them → one sardonyx QLinearMatMul or QLinearConv with a float result.
#include "passes/match.h"
#include "passes/rewrites.h"

namespace sardonyx {
namespace {

class DynamicProduct {
 public:
  DynamicProduct(Graph& graph, NodeId cast) : graph_(graph), cast_(cast) {}

  bool fuse() {
    if (!find_product() || !find_scales()) return false;
    find_bias();
    const Node& product = graph_.node(product_);
    const bool conv = product.op_type == "ConvInteger";
    const auto input = [&](size_t i) {
      return i < product.inputs.size() ? product.inputs[i] : kNoValue;
    };
    Node with;
    with.name = product.name;
    with.op_type = conv ? "QLinearConv" : "QLinearMatMul";
    with.domain = "sardonyx";
    if (conv) with.attrs = product.attrs;
    with.inputs = {input(0), a_scale_, input(2), input(1), b_scale_,
                   input(3), kNoValue, kNoValue, bias_};
    with.outputs = {result_};
    for (NodeId each : nodes_) graph_.remove_node(each);
    graph_.add_node(std::move(with));
    return true;
  }

 private:
  const ValueType& type_of(ValueId value) const { return graph_.value(value).type; }

  // Whether it is known to be one number.
  bool is_one_number(ValueId value) const {
    if (value == kNoValue) return true;
    const ValueType& type = type_of(value);
    if (!type.has_rank() || type.dims->size() > 1) return false;
    return type.dims->empty() || (*type.dims)[0] == Dim(1);
  }

  bool find_product() {
    const Node& cast = graph_.node(cast_);
    if (type_of(cast.outputs[0]).dtype != DType::kFloat32) return false;
    const NodeId id = graph_.value(cast.inputs[0]).producer;
    if (id == kNoNode || !reads_alone(cast.inputs[0])) return false;
    const Node& product = graph_.node(id);
    const bool is_conv = product.op_type == "ConvInteger";
    if (!product.domain.empty() || (!is_conv && product.op_type != "MatMulInteger")) return false;
    const ValueType& b = type_of(product.inputs[1]);
    if (!b.has_rank() || b.dims->size() < 2) return false;
    const Dim columns = is_conv ? (*b.dims)[0] : b.dims->back();
    if (!columns.is_constant()) return false;
    columns_ = columns.value();
    channel_axis_ = is_conv ? 1 : -1;
    product_ = id;
    nodes_ = {id, cast_};
    return product.inputs.size() < 3 || is_one_number(product.inputs[2]);
  }

  bool reads_alone(ValueId value) const {
    return graph_.use_count(value) == 1 && graph_.value(value).users.size() == 1;
  }

  // The Mul behind the Cast, and the scales that it multiplies by.
  bool find_scales() {
    const ValueId number = graph_.node(cast_).outputs[0];
    if (!reads_alone(number)) return false;
    const NodeId id = graph_.value(number).users[0];
    const Node& mul = graph_.node(id);
    if (!mul.domain.empty() || mul.op_type != "Mul") return false;
    const ValueId scales = other_input(mul, number);
    if (scales == kNoValue || type_of(scales).dtype != DType::kFloat32) return false;
    nodes_.push_back(id);
    result_ = mul.outputs[0];
    if (const Node* both = find_producer(graph_, scales, "Mul")) {
      for (size_t i : {size_t{0}, size_t{1}}) {
        if (!is_one_number(both->inputs[i])) continue;
        const ValueId b = per_column(both->inputs[1 - i]);
        if (b == kNoValue) continue;
        a_scale_ = both->inputs[i];
        b_scale_ = b;
        return true;
      }
    }
    a_scale_ = scales;
    return is_one_number(scales);
  }

  // A float constant of one number, or one per column, as a list; kNoValue where it is neither.
  ValueId per_column(ValueId value) {
    if (!graph_.value(value).is_constant()) return kNoValue;
    const Tensor numbers = graph_.value(value).constant;
    if (numbers.dtype() != DType::kFloat32) return kNoValue;
    if (numbers.count() != 1 && !lies_along_columns(numbers.shape())) return kNoValue;
    return graph_.add_constant(graph_.value(value).name + "/row",
                               numbers.reshaped({numbers.count()}));
  }

  // Whether a shape, broadcast to the result, is one number per column.
  bool lies_along_columns(const Shape& shape) const {
    if (shape.count() != columns_) return false;
    const ValueType& type = type_of(graph_.node(product_).outputs[0]);
    if (!type.has_rank() || shape.rank() > type.dims->size()) return false;
    const size_t rank = type.dims->size();
    const size_t axis = channel_axis_ < 0 ? rank - 1 : 1;
    const size_t offset = rank - shape.rank();
    return columns_ == 1 || (axis >= offset && shape[axis - offset] == columns_);
  }

  void find_bias() {
    if (!reads_alone(result_)) return;
    const NodeId id = graph_.value(result_).users[0];
    const Node& add = graph_.node(id);
    if (!add.domain.empty() || add.op_type != "Add") return;
    const ValueId other = other_input(add, result_);
    if (other == kNoValue || !graph_.value(other).is_constant()) return;
    const Tensor numbers = graph_.value(other).constant;
    if (numbers.dtype() != DType::kFloat32 || !lies_along_columns(numbers.shape())) return;
    bias_ =
        graph_.add_constant(graph_.value(other).name + "/row", numbers.reshaped({numbers.count()}));
    nodes_.push_back(id);
    result_ = add.outputs[0];
  }

  Graph& graph_;
  NodeId cast_;
  NodeId product_ = kNoNode;
  int64_t columns_ = 0;
  int channel_axis_ = -1;
  ValueId a_scale_ = kNoValue, b_scale_ = kNoValue, bias_ = kNoValue, result_ = kNoValue;
  std::vector<NodeId> nodes_;
};

}  // namespace

Result<bool> fuse_integer_scales(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (NodeId id : TRY(graph.order())) {
    if (graph.node(id).removed) continue;
    changed |= TRY(run_in_bodies(graph, id, options, fuse_integer_scales));
    const Node& node = graph.node(id);
    if (node.domain.empty() && node.op_type == "Cast") changed |= DynamicProduct(graph, id).fuse();
  }
  return changed;
}

}  // namespace sardonyx
