// A walk over the nodes that follows the items from the inputs to the outputs; see plan/items.h.
#include "plan/items.h"

#include <algorithm>
#include <string_view>

#include "ops/op.h"

namespace sardonyx {
namespace {

enum class Kind : uint8_t {
  kUnknown,  // not computed by what is understood
  kShared,   // the same for every number of items
  kSizes,    // integers that follow from shapes, the number of items among them
  kItems,    // its first axis is that of the items
};

// What a rule sees of a node of which an operand has items.
class View {
 public:
  View(const Graph& graph, const Node& node, const std::vector<Kind>& kinds)
      : graph_(graph), node_(node), kinds_(kinds) {}

  const AttrMap& attrs() const { return node_.attrs; }
  size_t input_count() const { return node_.inputs.size(); }
  size_t output_count() const {
    return node_.outputs.size() -
           static_cast<size_t>(std::count(node_.outputs.begin(), node_.outputs.end(), kNoValue));
  }
  bool has(size_t input) const {
    return input < node_.inputs.size() && node_.inputs[input] != kNoValue;
  }
  Kind kind(size_t input) const {
    return has(input) ? kinds_[static_cast<size_t>(node_.inputs[input])] : Kind::kShared;
  }
  bool is_items(size_t input) const { return kind(input) == Kind::kItems; }
  bool is_shared(size_t input) const { return kind(input) == Kind::kShared; }
  const Dims* dims(size_t input) const { return dims_of(node_.inputs[input]); }
  size_t rank(size_t input) const { return dims(input) == nullptr ? 0 : dims(input)->size(); }
  size_t out_rank() const {
    const Dims* dims = dims_of(node_.outputs[0]);
    return dims == nullptr ? 0 : dims->size();
  }
  const GraphValue& value(size_t input) const { return graph_.value(node_.inputs[input]); }

  bool others_are_shared(size_t from) const {
    for (size_t i = from; i < input_count(); ++i) {
      if (!is_shared(i)) return false;
    }
    return true;
  }

  // Whether the operand broadcasts to a result of `rank` axes item by item.
  bool broadcasts(size_t input, size_t rank) const {
    if (!has(input)) return true;
    if (is_items(input)) return this->rank(input) == rank;
    if (!is_shared(input) || dims(input) == nullptr) return false;
    if (this->rank(input) != rank) return this->rank(input) < rank;
    return rank > 0 && dims(input)->front() == Dim(1);
  }
  bool all_broadcast(size_t from) const {
    for (size_t i = from; i < input_count(); ++i) {
      if (!broadcasts(i, out_rank())) return false;
    }
    return out_rank() > 0;
  }

  // An axis that may count from the end is not the first.
  bool is_later_axis(int64_t axis) const {
    const auto rank = static_cast<int64_t>(this->rank(0));
    return axis > 0 ? axis < rank : axis < 0 && axis + rank > 0;
  }
  bool are_later_axes(const std::vector<int64_t>& axes) const {
    return !axes.empty() &&
           std::all_of(axes.begin(), axes.end(), [&](int64_t axis) { return is_later_axis(axis); });
  }

  // The integers of a constant operand; empty when it is not one.
  std::vector<int64_t> constant_ints(size_t input) const {
    const Tensor* tensor = has(input) ? graph_.constant_input(node_, input) : nullptr;
    std::vector<int64_t> ints;
    if (tensor == nullptr || tensor->shape().rank() > 1) return ints;
    if (tensor->dtype() == DType::kInt64) {
      ints.assign(tensor->elements<int64_t>().begin(), tensor->elements<int64_t>().end());
    } else if (tensor->dtype() == DType::kInt32) {
      ints.assign(tensor->elements<int32_t>().begin(), tensor->elements<int32_t>().end());
    }
    return ints;
  }

  // The sizes that an operand asks for are known, be it as symbols.
  bool has_known_ints(size_t input) const {
    return has(input) && (value(input).is_constant() || value(input).known_ints.has_value());
  }

 private:
  const Dims* dims_of(ValueId id) const {
    const ValueType& type = graph_.value(id).type;
    return type.has_rank() ? &*type.dims : nullptr;
  }

  const Graph& graph_;
  const Node& node_;
  const std::vector<Kind>& kinds_;
};

// ---- rules: whether a node keeps the items of its operands apart. That its results have as many
// items as its operands is checked for all.

using Rule = bool (*)(const View&);

bool elementwise(const View& v) { return v.all_broadcast(0); }
// One operand with items; what else there is holds for all of them.
bool first(const View& v) { return v.is_items(0) && v.others_are_shared(1); }
// The same, and operands of an epilogue.
bool filter(const View& v) {
  return v.is_items(0) && v.is_shared(1) && v.is_shared(2) && v.all_broadcast(3);
}
bool all_items(const View& v) {
  for (size_t i = 0; i < v.input_count(); ++i) {
    if (!v.is_items(i)) return false;
  }
  return true;
}
bool along_axis(const View& v) {
  return v.is_items(0) && v.others_are_shared(1) && v.is_later_axis(v.attrs().get_int("axis"));
}
bool concat(const View& v) { return all_items(v) && v.is_later_axis(v.attrs().get_int("axis")); }
bool transpose(const View& v) {
  const auto& perm = v.attrs().get_ints("perm");
  return v.is_items(0) && !perm.empty() && perm[0] == 0;
}
// The elements keep their order, so that items stay whole where their number does.
bool reshape(const View& v) { return v.is_items(0) && (!v.has(1) || v.has_known_ints(1)); }
bool gather(const View& v) {
  if (v.is_items(0)) return v.is_shared(1) && v.is_later_axis(v.attrs().get_int("axis"));
  return v.is_shared(0) && v.is_items(1) && v.attrs().get_int("axis") == 0;
}
bool slice(const View& v) {
  return v.is_items(0) && v.others_are_shared(1) && v.are_later_axes(v.constant_ints(3));
}
bool reduce(const View& v) {
  const auto& of_attribute = v.attrs().get_ints("axes");
  return v.is_items(0) &&
         v.are_later_axes(of_attribute.empty() ? v.constant_ints(1) : of_attribute);
}
bool resize(const View& v) {
  return v.is_items(0) &&
         v.attrs().get_string("coordinate_transformation_mode") != "tf_crop_and_resize";
}
bool pad(const View& v) {
  const std::vector<int64_t> pads = v.constant_ints(1);
  return v.is_items(0) && v.others_are_shared(1) && !v.has(3) && pads.size() == 2 * v.rank(0) &&
         pads[0] == 0 && pads[pads.size() / 2] == 0;
}
bool expand(const View& v) {
  return v.rank(0) == v.out_rank() && v.is_items(0) && v.has_known_ints(1);
}
bool matmul(const View& v) {
  if (v.rank(0) < 2 || v.rank(1) < 2 || !v.all_broadcast(2)) return false;
  const bool plain = v.attrs().get_int("transA") == 0;
  if (v.rank(0) == 2 && v.rank(1) == 2) return plain && v.is_items(0) && v.is_shared(1);
  return v.broadcasts(0, v.out_rank()) && v.broadcasts(1, v.out_rank());
}
bool gemm(const View& v) {
  return v.attrs().get_int("transA") == 0 && v.is_items(0) && v.is_shared(1) && v.all_broadcast(2);
}
bool attention(const View& v) {
  if (!v.is_items(0) || !v.is_items(1) || !v.is_items(2)) return false;
  for (size_t i = 3; i < v.input_count(); ++i) {
    if (!v.broadcasts(i, 4)) return false;
  }
  return true;
}
// The places of the maxima count through all items.
bool max_pool(const View& v) { return first(v) && v.output_count() == 1; }
bool batch_norm(const View& v) { return first(v) && v.attrs().get_int("training_mode") == 0; }
bool norm_axes(const View& v) {
  return v.is_items(0) && v.are_later_axes(v.attrs().get_ints("axes"));
}
bool dequantize(const View& v) {
  return v.is_items(0) && v.others_are_shared(1) &&
         (v.rank(1) == 0 || (v.rank(1) == 1 && v.is_later_axis(v.attrs().get_int("axis"))));
}

struct RuleRow {
  std::string_view op_type;  // of ONNX, or what passes make of it
  Rule rule;
};

constexpr RuleRow kRules[] = {
    {"ArgMax", along_axis},
    {"ArgMin", along_axis},
    {"Attention", attention},
    {"AveragePool", first},
    {"BatchNormalization", batch_norm},
    {"Concat", concat},
    {"Conv", filter},
    {"ConvTranspose", filter},
    {"DepthToSpace", first},
    {"DequantizeLinear", dequantize},
    {"Expand", expand},
    {"Flatten", reshape},
    {"Gather", gather},
    {"Gemm", gemm},
    {"GlobalAveragePool", first},
    {"GlobalMaxPool", first},
    {"GroupNormalization", first},
    {"Hardmax", along_axis},
    {"Identity", first},
    {"InstanceNormalization", first},
    {"LRN", first},
    {"LayerNormalization", along_axis},
    {"LogSoftmax", along_axis},
    {"LpNormalization", along_axis},
    {"MatMul", matmul},
    {"MaxPool", max_pool},
    {"MeanVarianceNormalization", norm_axes},
    {"Pad", pad},
    {"QuantizeLinear", dequantize},
    {"RMSNormalization", along_axis},
    {"ReduceL1", reduce},
    {"ReduceL2", reduce},
    {"ReduceLogSum", reduce},
    {"ReduceLogSumExp", reduce},
    {"ReduceMax", reduce},
    {"ReduceMean", reduce},
    {"ReduceMin", reduce},
    {"ReduceProd", reduce},
    {"ReduceSum", reduce},
    {"ReduceSumSquare", reduce},
    {"Reshape", reshape},
    {"Resize", resize},
    {"Slice", slice},
    {"Softmax", along_axis},
    {"SpaceToDepth", first},
    {"Split", along_axis},
    {"Squeeze", reshape},
    {"TopK", along_axis},
    {"Transpose", transpose},
    {"Unsqueeze", reshape},
};

Rule find_rule(const Node& node) {
  if (node.custom != nullptr || (!node.domain.empty() && node.domain != "sardonyx")) return nullptr;
  const OpDef* op = find_op(node);
  if (op != nullptr && op->elementwise != nullptr) return elementwise;
  const auto row = std::find_if(std::begin(kRules), std::end(kRules),
                                [&](const RuleRow& each) { return each.op_type == node.op_type; });
  return row == std::end(kRules) ? nullptr : row->rule;
}

class Walk {
 public:
  Walk(const Graph& graph, Dim count) : graph_(graph), count_(std::move(count)) {}

  std::optional<Items> run() {
    kinds_.assign(graph_.value_count(), Kind::kUnknown);
    Items items;
    for (size_t id = 0; id < graph_.value_count(); ++id) {
      if (graph_.value(static_cast<ValueId>(id)).is_constant()) kinds_[id] = Kind::kShared;
    }
    for (ValueId id : graph_.inputs()) {
      const Kind kind = kind_of_input(graph_.value(id).type);
      if (kind == Kind::kUnknown) return std::nullopt;
      items.inputs.push_back(kind == Kind::kItems);
      kinds_[at(id)] = kind;
    }
    const auto order = graph_.order();
    if (!order) return std::nullopt;
    for (NodeId id : *order) {
      if (!visit(graph_.node(id))) return std::nullopt;
    }
    for (const GraphOutput& output : graph_.outputs()) {
      if (kinds_[at(output.value)] != Kind::kItems) return std::nullopt;
    }
    for (size_t id = 0; id < kinds_.size(); ++id) {
      if (kinds_[id] == Kind::kItems) items.values.push_back(static_cast<ValueId>(id));
    }
    return items;
  }

 private:
  static size_t at(ValueId id) { return static_cast<size_t>(id); }

  // Does not change with the number of items.
  bool is_fixed(const Dim& dim) const {
    return substitute(dim, [&](std::string_view symbol) -> std::optional<int64_t> {
             if (symbol == count_.symbol_name()) return 1;
             return std::nullopt;
           }) == dim;
  }
  bool are_fixed(const Dims& dims, size_t from) const {
    return std::all_of(dims.begin() + static_cast<ptrdiff_t>(from), dims.end(),
                       [&](const Dim& dim) { return is_fixed(dim); });
  }

  // An input whose other axes may change with the number of items says nothing.
  Kind kind_of_input(const ValueType& type) const {
    if (!type.is_tensor() || !type.has_rank() || dtype_bits(type.dtype) < 8) return Kind::kUnknown;
    if (type.dims->empty()) return Kind::kShared;
    const bool has_items = type.dims->front() == count_;
    if (!are_fixed(*type.dims, has_items ? 1 : 0)) return Kind::kUnknown;
    return has_items ? Kind::kItems : Kind::kShared;
  }

  bool has_items(ValueId id) const {
    const ValueType& type = graph_.value(id).type;
    return type.is_tensor() && type.has_rank() && !type.dims->empty() &&
           type.dims->front() == count_ && type.dtype != DType::kString &&
           dtype_bits(type.dtype) >= 8;
  }

  bool give(const Node& node, Kind kind) {
    for (ValueId id : node.outputs) {
      if (id != kNoValue) kinds_[at(id)] = kind;
    }
    return true;
  }
  bool give_items(const Node& node) {
    const auto fits = [&](ValueId id) { return id == kNoValue || has_items(id); };
    if (!std::all_of(node.outputs.begin(), node.outputs.end(), fits)) return false;
    return give(node, Kind::kItems);
  }

  // Integers that are all known, as symbols: kShared where the number of items is not among them.
  bool give_sizes(const Node& node) {
    if (node.outputs.size() != 1 || node.outputs[0] == kNoValue) return false;
    const auto& ints = graph_.value(node.outputs[0]).known_ints;
    if (!ints) return false;
    const bool known =
        std::none_of(ints->begin(), ints->end(), [](const Dim& dim) { return dim.is_unknown(); });
    return known && give(node, are_fixed(*ints, 0) ? Kind::kShared : Kind::kSizes);
  }

  bool visit(const Node& node) {
    bool items = false, sizes = false;
    const auto count_in = [&](ValueId id) {
      if (id == kNoValue) return;
      items |= kinds_[at(id)] == Kind::kItems;
      sizes |= kinds_[at(id)] == Kind::kSizes;
    };
    std::for_each(node.inputs.begin(), node.inputs.end(), count_in);
    bool has_body = false;
    for_each_subgraph(node, [&](const Subgraph& subgraph) {
      has_body = true;
      std::for_each(subgraph.captures.begin(), subgraph.captures.end(), count_in);
    });
    const OpDef* op = find_op(node);
    if (op == nullptr || op->is_random) return false;
    if (!items && !sizes) return give(node, Kind::kShared);
    const bool is_onnx = node.domain.empty();
    if (is_onnx && (node.op_type == "Shape" || node.op_type == "Size")) return give_sizes(node);
    // The bodies of fused operators are elementwise; others may do anything.
    if (has_body && node.domain != "sardonyx") return false;
    if (!items) {
      if (give_sizes(node)) return true;
      if (is_onnx && node.op_type == "ConstantOfShape") return give_items(node);
      return is_onnx && node.op_type == "Expand" && spreads_shared(node) && give_items(node);
    }
    const Rule rule = find_rule(node);
    return rule != nullptr && rule(View(graph_, node, kinds_)) && give_items(node);
  }

  // Every item becomes the same.
  bool spreads_shared(const Node& node) const {
    const View v(graph_, node, kinds_);
    return v.is_shared(0) && v.dims(0) != nullptr &&
           (v.rank(0) < v.out_rank() || v.dims(0)->front() == Dim(1));
  }

  const Graph& graph_;
  const Dim count_;
  std::vector<Kind> kinds_;
};

}  // namespace

std::optional<Items> find_items(const Graph& graph) {
  if (!graph.captures().empty()) return std::nullopt;
  for (ValueId id : graph.inputs()) {
    const ValueType& type = graph.value(id).type;
    if (!type.is_tensor() || !type.has_rank() || type.dims->empty()) continue;
    const Dim& dim = type.dims->front();
    if (!dim.symbol_name().empty()) return Walk(graph, dim).run();
  }
  return std::nullopt;
}

}  // namespace sardonyx
