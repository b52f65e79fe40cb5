// See graph/to_model.h.
#include "graph/to_model.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace sardonyx {
namespace {

// The specification's IR versions that first knew initializers without an input, and these types.
constexpr int64_t kIrVersion = 4;
constexpr int64_t kIrVersionOptional = 8;
constexpr int64_t kIrVersionFloat8 = 9;
constexpr int64_t kIrVersionInt4 = 10;
constexpr int64_t kIrVersionFloat4 = 11;
constexpr int64_t kIrVersionFloat8E8M0 = 12;
constexpr int64_t kIrVersionInt2 = 13;

int64_t ir_version_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
      return kIrVersionFloat8;
    case DType::kInt4:
    case DType::kUint4:
      return kIrVersionInt4;
    case DType::kFloat4E2M1:
      return kIrVersionFloat4;
    case DType::kFloat8E8M0:
      return kIrVersionFloat8E8M0;
    case DType::kInt2:
    case DType::kUint2:
      return kIrVersionInt2;
    default:
      return kIrVersion;
  }
}

TypeDef::Kind kind_of(ValueType::Kind kind) {
  switch (kind) {
    case ValueType::Kind::kUnknown:
      return TypeDef::Kind::kNone;
    case ValueType::Kind::kTensor:
      return TypeDef::Kind::kTensor;
    case ValueType::Kind::kSparse:
      return TypeDef::Kind::kSparseTensor;
    case ValueType::Kind::kSequence:
      return TypeDef::Kind::kSequence;
    case ValueType::Kind::kMap:
      return TypeDef::Kind::kMap;
    case ValueType::Kind::kOptional:
      return TypeDef::Kind::kOptional;
    case ValueType::Kind::kOpaque:
      return TypeDef::Kind::kOpaque;
  }
  return TypeDef::Kind::kNone;
}

DimDef dim_def(const Dim& dim) {
  DimDef def;
  if (dim.is_constant()) {
    def.kind = DimDef::Kind::kValue;
    def.value = dim.value();
  } else if (!dim.is_unknown()) {
    def.kind = DimDef::Kind::kParam;
    def.param = dim.to_string();
  }
  return def;
}

}  // namespace

TypeDef type_def(const ValueType& type) {
  TypeDef def;
  def.kind = kind_of(type.kind);
  def.dtype = type.dtype;
  def.has_shape = type.has_rank();
  if (type.has_rank()) {
    for (const Dim& dim : *type.dims) def.dims.push_back(dim_def(dim));
  }
  if (type.element != nullptr) def.element.push_back(type_def(*type.element));
  return def;
}

namespace {

// One graph of the nest while it is written: what its values are called.
struct Level {
  const Graph& graph;
  const Level* outer = nullptr;
  std::unordered_map<ValueId, std::string> names;
  // Constants by their storage: a body that captured one refers to it instead of repeating it.
  std::map<const void*, ValueId> constants;
};

class Writer {
 public:
  explicit Writer(const ModelForm& form)
      : form_(form), opsets_(form.opsets), ir_version_(std::max(kIrVersion, form.ir_version)) {}

  Result<Model> write(const Graph& graph) {
    Level level{graph, nullptr, {}, {}};
    for (const ValueId id : graph.inputs()) level.names[id] = claim(graph.value(id).name);
    // The names of the outputs are promised: nothing else may take one first.
    for (const GraphOutput& output : graph.outputs()) used_.insert(output.name);
    Model model;
    model.graph = TRY(graph_def(level));
    model.ir_version = ir_version_;
    for (const auto& [domain, version] : opsets_) model.opset_imports.push_back({domain, version});
    return model;
  }

 private:
  static std::string unused(const std::string& wanted, std::unordered_set<std::string>& used) {
    std::string name = wanted;
    for (int64_t number = 2; !used.insert(name).second; ++number) {
      name = fmt::format("{}_{}", wanted, number);
    }
    return name;
  }

  std::string claim(const std::string& wanted) {
    return unused(wanted.empty() ? "value" : wanted, used_);
  }

  Result<GraphDef> graph_def(Level& level) {
    const Graph& graph = level.graph;
    GraphDef def;
    def.name = graph.name.empty() ? "graph" : graph.name;
    for (const ValueId id : graph.inputs()) {
      const GraphValue& value = graph.value(id);
      def.inputs.push_back(value_def(level.names.at(id), value.type));
      if (value.default_value.has_data()) {
        def.initializers.push_back(tensor_def(level.names.at(id), value.default_value));
      }
    }
    std::vector<NodeDef> copies = name_outputs(level, def);
    for (const NodeId id : TRY(graph.order())) {
      def.nodes.push_back(TRY_AT(graph.node(id).title(), node_def(level, graph.node(id), def)));
    }
    std::move(copies.begin(), copies.end(), std::back_inserter(def.nodes));
    return def;
  }

  // Gives each output's value its name; where a value has one already (it is an input, a captured
  // value or two outputs), an Identity makes the second.
  std::vector<NodeDef> name_outputs(Level& level, GraphDef& def) {
    std::vector<NodeDef> copies;
    for (const GraphOutput& output : level.graph.outputs()) {
      const std::string name = level.outer == nullptr ? output.name : claim(output.name);
      const ValueType& type = level.graph.value(output.value).type;
      def.outputs.push_back(value_def(name, merge_types(output.type, type)));
      const auto [named, is_new] = level.names.emplace(output.value, name);
      if (is_new) {
        add_initializer(level, output.value, def);
        continue;
      }
      if (named->second == name) continue;
      NodeDef copy;
      copy.op_type = "Identity";
      copy.inputs = {named->second};
      copy.outputs = {name};
      import_opset("", type.is_tensor() ? kIdentityVersion : kIdentityVersionOfOthers);
      copies.push_back(std::move(copy));
    }
    return copies;
  }

  void add_initializer(Level& level, ValueId id, GraphDef& def) {
    const GraphValue& value = level.graph.value(id);
    if (!value.is_constant()) return;
    def.initializers.push_back(tensor_def(level.names.at(id), value.constant));
    if (value.constant.count() > 0) level.constants.emplace(value.constant.data(), id);
  }

  // The name of a node's input or output; constants become initializers when first met.
  std::string name_of(Level& level, ValueId id, GraphDef& def) {
    if (id == kNoValue) return "";
    const auto found = level.names.find(id);
    if (found != level.names.end()) return found->second;
    const GraphValue& value = level.graph.value(id);
    if (const std::string* outer = outer_name(level, value)) return level.names[id] = *outer;
    std::string name = level.names[id] = claim(value.name);
    add_initializer(level, id, def);
    if (!value.is_constant() && value.type.kind != ValueType::Kind::kUnknown) {
      def.value_info.push_back(value_def(name, value.type));
    }
    return name;
  }

  static const std::string* outer_name(const Level& level, const GraphValue& value) {
    if (!value.is_constant() || value.constant.count() == 0) return nullptr;
    for (const Level* outer = level.outer; outer != nullptr; outer = outer->outer) {
      const auto found = outer->constants.find(value.constant.data());
      if (found == outer->constants.end()) continue;
      const Tensor& same = outer->graph.value(found->second).constant;
      if (same.dtype() == value.constant.dtype() && same.shape() == value.constant.shape()) {
        return &outer->names.at(found->second);
      }
    }
    return nullptr;
  }

  Result<NodeDef> node_def(Level& level, const Node& node, GraphDef& graph) {
    NodeDef def;
    if (!node.name.empty()) def.name = unused(node.name, used_nodes_);
    def.op_type = node.op_type;
    def.domain = node.domain;
    import_opset(node.domain, form_.version_of(node));
    for (const ValueId id : node.inputs) def.inputs.push_back(name_of(level, id, graph));
    for (const ValueId id : node.outputs) def.outputs.push_back(name_of(level, id, graph));
    for (const auto& [name, attr] : node.attrs) {
      if (!form_.knows(node, name)) continue;
      def.attrs.push_back(TRY_AT("attribute '" + name + "'", attr_def(level, name, attr, graph)));
    }
    return def;
  }

  // Captured values may be constants of the outer graph or values that only bodies use, so they are
  // named there first.
  Result<GraphDef> body_def(Level& outer, const Subgraph& subgraph, GraphDef& outer_def) {
    const Graph& body = *subgraph.body;
    Level level{body, &outer, {}, {}};
    for (size_t i = 0; i < subgraph.captures.size(); ++i) {
      level.names[body.captures()[i]] = name_of(outer, subgraph.captures[i], outer_def);
    }
    for (const ValueId id : body.inputs()) level.names[id] = claim(body.value(id).name);
    return graph_def(level);
  }

  Result<AttrDef> attr_def(Level& level, const std::string& name, const Attr& attr,
                           GraphDef& graph) {
    AttrDef def;
    def.name = name;
    if (const auto* i = std::get_if<int64_t>(&attr)) {
      def.type = AttrType::kInt;
      def.i = *i;
    } else if (const auto* f = std::get_if<float>(&attr)) {
      def.type = AttrType::kFloat;
      def.f = *f;
    } else if (const auto* s = std::get_if<std::string>(&attr)) {
      def.type = AttrType::kString;
      def.s = *s;
    } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr)) {
      def.type = AttrType::kInts;
      def.ints = *ints;
    } else if (const auto* floats = std::get_if<std::vector<float>>(&attr)) {
      def.type = AttrType::kFloats;
      def.floats = *floats;
    } else if (const auto* strings = std::get_if<std::vector<std::string>>(&attr)) {
      def.type = AttrType::kStrings;
      def.strings = *strings;
    } else if (const auto* tensor = std::get_if<Tensor>(&attr)) {
      def.type = AttrType::kTensor;
      def.tensors.push_back(tensor_def("", *tensor));
    } else if (const auto* tensors = std::get_if<std::vector<Tensor>>(&attr)) {
      def.type = AttrType::kTensors;
      for (const Tensor& each : *tensors) def.tensors.push_back(tensor_def("", each));
    } else if (const auto* type = std::get_if<ValueType>(&attr)) {
      def.type = AttrType::kType;
      def.types.push_back(type_def(*type));
    } else if (const auto* types = std::get_if<std::vector<ValueType>>(&attr)) {
      def.type = AttrType::kTypes;
      for (const ValueType& each : *types) def.types.push_back(type_def(each));
    } else if (const auto* body = std::get_if<Subgraph>(&attr)) {
      def.type = AttrType::kGraph;
      def.graphs.push_back(TRY(body_def(level, *body, graph)));
    } else if (const auto* bodies = std::get_if<std::vector<Subgraph>>(&attr)) {
      def.type = AttrType::kGraphs;
      for (const Subgraph& each : *bodies) {
        def.graphs.push_back(TRY(body_def(level, each, graph)));
      }
    } else {
      return fail(Code::kNotImplemented, "sparse tensors in attributes cannot be written");
    }
    return def;
  }

  TensorDef tensor_def(std::string name, const Tensor& tensor) {
    TensorDef def;
    def.name = std::move(name);
    def.data = tensor;
    ir_version_ = std::max(ir_version_, ir_version_of(tensor.dtype()));
    return def;
  }

  ValueDef value_def(std::string name, const ValueType& type) {
    ValueDef def;
    def.name = std::move(name);
    def.type = type_def(type);
    ir_version_ = std::max(ir_version_, ir_version_of(type.dtype));
    if (type.kind == ValueType::Kind::kOptional) {
      ir_version_ = std::max(ir_version_, kIrVersionOptional);
    }
    return def;
  }

  void import_opset(const std::string& domain, int64_t version) {
    int64_t& newest = opsets_[domain];
    newest = std::max(newest, version);
  }

  static constexpr int64_t kIdentityVersion = 1;
  static constexpr int64_t kIdentityVersionOfOthers = 16;

  const ModelForm& form_;
  std::unordered_set<std::string> used_;        // names of values
  std::unordered_set<std::string> used_nodes_;  // ONNX Runtime wants those of nodes to differ
  std::map<std::string, int64_t> opsets_;
  int64_t ir_version_;
};

}  // namespace

Result<Model> to_model(const Graph& graph, const ModelForm& form) {
  return Writer(form).write(graph);
}

}  // namespace sardonyx
