// See api/infer_shapes.h.
#include "api/infer_shapes.h"

#include <unordered_map>
#include <unordered_set>

#include "graph/build.h"
#include "graph/to_model.h"
#include "model/check.h"
#include "model/read_model.h"
#include "model/text.h"
#include "model/write_model.h"
#include "ops/infer.h"

namespace sardonyx {
namespace {

bool is_known(const TypeDef& type) {
  if (type.kind == TypeDef::Kind::kNone) return false;
  const bool has_element = type.kind == TypeDef::Kind::kSequence ||
                           type.kind == TypeDef::Kind::kOptional ||
                           type.kind == TypeDef::Kind::kMap;
  if (has_element) return !type.element.empty() && is_known(type.element.front());
  return type.dtype != DType::kUndefined;
}

// Whether one value can have both types.
bool agree(const TypeDef& a, const TypeDef& b) {
  if (a.kind == TypeDef::Kind::kNone || b.kind == TypeDef::Kind::kNone) return true;
  if (a.kind != b.kind) return false;
  if (a.dtype != b.dtype && a.dtype != DType::kUndefined && b.dtype != DType::kUndefined) {
    return false;
  }
  if (!a.element.empty() && !b.element.empty()) return agree(a.element[0], b.element[0]);
  if (!a.has_shape || !b.has_shape) return true;
  if (a.dims.size() != b.dims.size()) return false;
  for (size_t i = 0; i < a.dims.size(); ++i) {
    const bool both = a.dims[i].kind == DimDef::Kind::kValue &&
                      b.dims[i].kind == DimDef::Kind::kValue && b.dims[i].value >= 0;
    if (both && a.dims[i].value != b.dims[i].value) return false;
  }
  return true;
}

class Describer {
 public:
  explicit Describer(const InferShapesOptions& options) : options_(options) {}

  Result<void> describe(const Graph& graph, GraphDef& def) {
    TRY(check_defaults(def));
    std::unordered_map<std::string_view, ValueId> ids;
    for (size_t id = 0; id < graph.value_count(); ++id) {
      ids.emplace(graph.value(static_cast<ValueId>(id)).name, static_cast<ValueId>(id));
    }
    std::unordered_map<std::string_view, size_t> declared;
    for (size_t i = 0; i < def.value_info.size(); ++i) declared.emplace(def.value_info[i].name, i);
    std::unordered_set<std::string_view> outputs;
    for (ValueDef& output : def.outputs) {
      outputs.insert(output.name);
      TRY(complete(graph, ids, output));
    }
    std::vector<ValueDef> added;
    for (NodeDef& node : def.nodes) {
      for (const std::string& name : node.outputs) {
        if (name.empty() || outputs.count(name) != 0) continue;
        const auto place = declared.find(name);
        ValueDef fresh;
        ValueDef& info = place == declared.end() ? fresh : def.value_info[place->second];
        info.name = name;
        TRY(complete(graph, ids, info));
        if (place == declared.end() && is_known(info.type)) added.push_back(std::move(fresh));
      }
      TRY(describe_bodies(graph, ids, node));
    }
    std::move(added.begin(), added.end(), std::back_inserter(def.value_info));
    return {};
  }

 private:
  using Ids = std::unordered_map<std::string_view, ValueId>;

  // An initializer must be of the type that its input declares.
  Result<void> check_defaults(const GraphDef& def) const {
    if (!options_.strict) return {};
    std::unordered_map<std::string_view, const TypeDef*> inputs;
    for (const ValueDef& input : def.inputs) inputs.emplace(input.name, &input.type);
    for (const TensorDef& tensor : def.initializers) {
      const auto input = inputs.find(tensor.name);
      const TypeDef type = type_def(constant_type(tensor.data));
      if (input == inputs.end() || agree(type, *input->second)) continue;
      return fail(Code::kInvalidGraph, "initializer '{}' is {}, but its input is declared as {}",
                  tensor.name, to_text(type), to_text(*input->second));
    }
    return {};
  }

  // The type of a value as far as the graph knows it.
  Result<void> complete(const Graph& graph, const Ids& ids, ValueDef& info) const {
    const auto found = ids.find(info.name);
    if (found == ids.end()) return {};
    const GraphValue& value = graph.value(found->second);
    TypeDef type = type_def(value.is_constant() ? constant_type(value.constant) : value.type);
    if (!agree(type, info.type)) {
      if (!options_.strict) return {};
      return fail(Code::kInvalidGraph, "value '{}' is {}, but it is declared as {}", info.name,
                  to_text(type), to_text(info.type));
    }
    if (!is_known(type)) return {};
    drop_inner_symbols(type);
    type.denotation = info.type.denotation;
    keep_names(info.type, type);
    info.type = std::move(type);
    return {};
  }

  static ValueType constant_type(const Tensor& tensor) {
    return ValueType::tensor(tensor.dtype(), to_dims(tensor.shape()));
  }

  // Symbols of a body or a function ("N@1", graph/build.cc) mean nothing where they are not from.
  static void drop_inner_symbols(TypeDef& type) {
    for (DimDef& dim : type.dims) {
      if (dim.param.find('@') != std::string::npos) dim = DimDef();
    }
    for (TypeDef& element : type.element) drop_inner_symbols(element);
  }

  // Symbols that the model itself gives stay where no number is known.
  static void keep_names(const TypeDef& declared, TypeDef& type) {
    if (declared.dims.size() != type.dims.size()) return;
    for (size_t i = 0; i < type.dims.size(); ++i) {
      const DimDef& dim = declared.dims[i];
      if (type.dims[i].kind != DimDef::Kind::kValue && dim.kind == DimDef::Kind::kParam) {
        type.dims[i] = dim;
      }
    }
  }

  Result<void> describe_bodies(const Graph& graph, const Ids& ids, NodeDef& def) {
    const Node* node = nullptr;
    for (const std::string& name : def.outputs) {
      const auto found = ids.find(name);
      if (name.empty() || found == ids.end()) continue;
      const NodeId producer = graph.value(found->second).producer;
      if (producer != kNoNode) node = &graph.node(producer);
    }
    if (node == nullptr || node->op_type != def.op_type) return {};
    for (AttrDef& attr : def.attrs) {
      const Subgraph* subgraph = node->attrs.get_subgraph(attr.name);
      if (subgraph == nullptr || attr.graphs.size() != 1) continue;
      TRY_AT(def.name, describe(*subgraph->body, attr.graphs.front()));
    }
    return {};
  }

  const InferShapesOptions& options_;
};

Result<void> check_inputs(const GraphDef& graph) {
  for (const ValueDef& input : graph.inputs) {
    if (is_known(input.type)) continue;
    return fail(Code::kInvalidGraph, "input '{}' is declared without a type", input.name);
  }
  return {};
}

}  // namespace

Result<std::string> infer_shapes(std::span<const std::byte> bytes,
                                 const InferShapesOptions& options) {
  ReadOptions read;
  read.external_folder = options.folder;
  const Bytes view{reinterpret_cast<const char*>(bytes.data()), bytes.size(), nullptr};
  Model model = TRY(read_model(view, read));
  const std::string missing = TRY(find_missing_imports(model));
  if (options.strict && !missing.empty()) return fail(Code::kInvalidGraph, "{}", missing);
  if (options.strict) TRY(check_inputs(model.graph));
  BuildOptions build;
  build.fixed_defaults = true;
  const auto graph = TRY(build_graph(model, build));
  InferOptions infer;
  infer.skip_unknown = !options.strict;
  infer.skip_errors = !options.strict;
  TRY(infer_types(*graph, infer));
  TRY(Describer(options).describe(*graph, model.graph));
  return write_model(model);
}

}  // namespace sardonyx
