// Builds the IR from a Model; see graph/build.h.
#include "graph/build.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <utility>

#include "base/rebuilt.h"
#include "graph/upgrade.h"

namespace sardonyx {
namespace {

using OpsetVersions = std::vector<OpsetImport>;

int64_t version_of(const OpsetVersions& imports, std::string_view domain) {
  for (const OpsetImport& import : imports) {
    if (import.domain == domain) return import.version;
  }
  return 0;
}

std::string node_title(const NodeDef& node) {
  return node.name.empty() ? node.op_type : fmt::format("{} '{}'", node.op_type, node.name);
}

// One level of names: a graph, a subgraph, or the body of a function being inlined (which shares
// its caller's Graph but sees none of its names).
struct Scope {
  Graph* graph = nullptr;
  Scope* outer = nullptr;                    // for subgraphs: where captures come from
  std::vector<ValueId>* captures = nullptr;  // ids in outer->graph, parallel to graph->captures()
  const OpsetVersions* opsets = nullptr;
  const std::vector<AttrDef>* call_attrs = nullptr;  // of the call, inside a function body
  const FunctionDef* function = nullptr;
  std::string prefix;  // of names made while inlining
  int depth = 0;
  std::unordered_map<std::string, ValueId> names;
};

class Builder {
 public:
  Builder(const Model& model, const BuildOptions& options) : model_(model), options_(options) {}

  Result<std::shared_ptr<Graph>> build() {
    auto graph = std::make_shared<Graph>();
    Scope scope;
    scope.graph = graph.get();
    scope.opsets = &model_.opset_imports;
    overridable_ = model_.ir_version >= 4 && !options_.fixed_defaults;
    TRY(fill(scope, model_.graph));
    return graph;
  }

 private:
  // ---- types

  // Returns the scope before, to go back to.
  std::string new_symbol_scope() {
    return std::exchange(symbol_scope_, fmt::format("@{}", ++symbol_scopes_));
  }

  Dim dim_of(const DimDef& def) const {
    if (def.kind == DimDef::Kind::kValue && def.value >= 0) return Dim(def.value);
    const auto denoted = options_.denoted_dim_values.find(def.denotation);
    if (denoted != options_.denoted_dim_values.end()) return Dim(denoted->second);
    switch (def.kind) {
      case DimDef::Kind::kUnknown:
      case DimDef::Kind::kValue:
        return Dim::unknown();
      case DimDef::Kind::kParam:
        break;
    }
    const auto fixed = options_.dim_values.find(def.param);
    if (symbol_scope_.empty() && fixed != options_.dim_values.end()) return Dim(fixed->second);
    if (names_nothing(def.param)) return Dim::unknown();
    // Symbols of a body or a function are its own, whatever those outside are called.
    return Dim::symbol(def.param + symbol_scope_);
  }

  // Exporters write "?", "-1" or "None" for dims of which they know nothing: not one symbol.
  static bool names_nothing(std::string_view param) {
    return param == "None" || std::all_of(param.begin(), param.end(), [](char c) {
             return std::ispunct(static_cast<unsigned char>(c)) != 0 || (c >= '0' && c <= '9');
           });
  }

  ValueType type_of(const TypeDef& def) const {
    ValueType type;
    type.dtype = def.dtype;
    switch (def.kind) {
      case TypeDef::Kind::kNone:
        return type;
      case TypeDef::Kind::kTensor:
        type.kind = ValueType::Kind::kTensor;
        break;
      case TypeDef::Kind::kSparseTensor:
        type.kind = ValueType::Kind::kSparse;
        break;
      case TypeDef::Kind::kSequence:
        type.kind = ValueType::Kind::kSequence;
        break;
      case TypeDef::Kind::kMap:
        type.kind = ValueType::Kind::kMap;
        break;
      case TypeDef::Kind::kOptional:
        type.kind = ValueType::Kind::kOptional;
        break;
      case TypeDef::Kind::kOpaque:
        type.kind = ValueType::Kind::kOpaque;
        break;
    }
    if (def.has_shape) {
      Dims dims;
      for (const DimDef& dim : def.dims) dims.push_back(dim_of(dim));
      type.dims = std::move(dims);
    }
    if (!def.element.empty()) {
      type.element = std::make_shared<const ValueType>(type_of(def.element.front()));
    }
    return type;
  }

  // ---- names

  Result<void> declare(Scope& scope, const std::string& name, ValueId id) {
    if (!scope.names.emplace(name, id).second) {
      return fail(Code::kInvalidGraph, "value '{}' is defined twice (names must be unique)", name);
    }
    return {};
  }

  // The value of this name as seen from the scope; captures it through every level in between.
  ValueId find(Scope& scope, const std::string& name) {
    const auto found = scope.names.find(name);
    if (found != scope.names.end()) return found->second;
    if (scope.outer == nullptr) return kNoValue;
    const ValueId outer_id = find(*scope.outer, name);
    if (outer_id == kNoValue) return kNoValue;
    const GraphValue& outer = scope.outer->graph->value(outer_id);
    ValueId id;
    if (outer.is_constant()) {
      id = scope.graph->add_constant(name, outer.constant);
    } else {
      id = scope.graph->add_capture(name, outer.type);
      scope.captures->push_back(outer_id);
    }
    scope.names.emplace(name, id);
    return id;
  }

  // ---- graphs

  Result<void> fill(Scope& scope, const GraphDef& def) {
    scope.graph->name = def.name;
    std::unordered_map<std::string_view, const TensorDef*> initializers;
    for (const TensorDef& tensor : def.initializers) initializers.emplace(tensor.name, &tensor);
    for (const ValueDef& input : def.inputs) {
      const auto initializer = initializers.find(input.name);
      const bool has_default = initializer != initializers.end();
      if (has_default && (!overridable_ || scope.depth > 0)) continue;  // a plain constant
      const ValueId id = scope.graph->add_input(input.name, type_of(input.type));
      TRY(declare(scope, input.name, id));
      if (!has_default) continue;
      GraphValue& value = scope.graph->value(id);
      value.default_value = TRY(tensor_of(*initializer->second));
    }
    for (const TensorDef& tensor : def.initializers) {
      if (scope.names.count(tensor.name) != 0 && is_overridable(scope, tensor.name)) continue;
      TRY(declare(scope, tensor.name,
                  scope.graph->add_constant(tensor.name, TRY(constant_of(tensor)))));
    }
    for (const SparseTensorDef& sparse : def.sparse_initializers) {
      TRY(declare(scope, sparse.values.name,
                  scope.graph->add_constant(sparse.values.name, TRY(densify(sparse)))));
    }
    TRY(add_nodes(scope, def.nodes, def.value_info, def.outputs));
    for (const ValueDef& output : def.outputs) {
      const ValueId id = find(scope, output.name);
      if (id == kNoValue) {
        return fail(Code::kInvalidGraph, "graph '{}': nothing computes its output '{}'", def.name,
                    output.name);
      }
      scope.graph->add_output(output.name, id, type_of(output.type));
    }
    return {};
  }

  bool is_overridable(Scope& scope, const std::string& name) const {
    return scope.graph->value(scope.names.at(name)).default_value.has_data();
  }

  // Declares every node's outputs first, so that the order of nodes in the file does not matter.
  Result<void> add_nodes(Scope& scope, const std::vector<NodeDef>& nodes,
                         const std::vector<ValueDef>& value_info,
                         const std::vector<ValueDef>& outputs) {
    std::unordered_map<std::string_view, const TypeDef*> types;
    for (const ValueDef& info : value_info) types.emplace(info.name, &info.type);
    for (const ValueDef& output : outputs) types.emplace(output.name, &output.type);
    for (const NodeDef& node : nodes) {
      for (const std::string& output : node.outputs) {
        if (output.empty()) continue;
        if (scope.function != nullptr && is_function_output(scope, output)) continue;
        const auto type = types.find(output);
        const ValueId id = scope.graph->add_value(
            scope.prefix + output, type == types.end() ? ValueType() : type_of(*type->second));
        TRY_AT(node_title(node), declare(scope, output, id));
      }
    }
    // Constants first: subgraphs that capture one then see a constant wherever it is listed.
    for (const NodeDef& node : nodes) {
      if (is_constant(node)) TRY_AT(node_title(node), add_constant(scope, node));
    }
    for (const NodeDef& node : nodes) {
      if (!is_constant(node)) TRY_AT(node_title(node), add_node(scope, node));
    }
    return {};
  }

  static bool is_function_output(const Scope& scope, const std::string& name) {
    const auto& outputs = scope.function->outputs;
    return std::find(outputs.begin(), outputs.end(), name) != outputs.end() &&
           scope.names.count(name) != 0;
  }

  static bool is_constant(const NodeDef& node) {
    return node.op_type == "Constant" && node.domain.empty() && node.outputs.size() == 1;
  }

  // ---- nodes

  Result<void> add_node(Scope& scope, const NodeDef& def) {
    if (++node_count_ > options_.node_limit) {
      return fail(Code::kInvalidGraph, "the model has more than {} nodes after inlining",
                  options_.node_limit);
    }
    std::vector<ValueId> inputs;
    for (const std::string& name : def.inputs) {
      inputs.push_back(name.empty() ? kNoValue : find(scope, name));
      const bool omitted = name.empty() || scope.names.count(name) != 0;  // or by the call
      if (!omitted && inputs.back() == kNoValue) {
        return fail(Code::kInvalidGraph,
                    "input '{}' is neither a graph input, nor an initializer, nor the output of a "
                    "node",
                    name);
      }
    }
    std::vector<ValueId> outputs;
    for (const std::string& name : def.outputs) {
      outputs.push_back(name.empty() ? kNoValue : scope.names.at(name));
    }
    if (const FunctionDef* function = find_function(def)) {
      return inline_function(scope, def, *function, inputs, outputs);
    }
    Node node;
    node.name = def.name.empty() ? "" : scope.prefix + def.name;
    node.op_type = def.op_type;
    node.domain = def.domain;
    node.inputs = std::move(inputs);
    node.outputs = std::move(outputs);
    for (const AttrDef& attr : def.attrs) {
      TRY_AT("attribute '" + attr.name + "'", add_attr(scope, attr, node.attrs));
    }
    const NodeId id = scope.graph->add_node(std::move(node));
    return upgrade_node(*scope.graph, id, version_of(*scope.opsets, def.domain));
  }

  const FunctionDef* find_function(const NodeDef& node) const {
    for (const FunctionDef& function : model_.functions) {
      if (function.name == node.op_type && function.domain == node.domain &&
          function.overload == node.overload) {
        return &function;
      }
    }
    return nullptr;
  }

  Result<void> inline_function(Scope& caller, const NodeDef& call, const FunctionDef& function,
                               const std::vector<ValueId>& inputs,
                               const std::vector<ValueId>& outputs) {
    if (caller.depth >= options_.nesting_limit) {
      return fail(Code::kInvalidGraph, "function calls are nested deeper than {}",
                  options_.nesting_limit);
    }
    // Attributes of the call that are themselves references belong to the caller's call.
    std::vector<AttrDef> attrs;
    for (const AttrDef& attr : call.attrs) {
      if (const AttrDef* given = resolve(caller, attr)) {
        attrs.push_back(*given);
        attrs.back().name = attr.name;
      }
    }
    for (const AttrDef& fallback : function.attr_defaults) {
      const bool given = std::any_of(attrs.begin(), attrs.end(), [&](const AttrDef& attr) {
        return attr.name == fallback.name;
      });
      if (!given) attrs.push_back(fallback);
    }
    Scope scope;
    scope.graph = caller.graph;
    scope.opsets = &function.opset_imports;
    scope.call_attrs = &attrs;
    scope.function = &function;
    scope.prefix = caller.prefix + (call.name.empty() ? function.name : call.name) + "#" +
                   std::to_string(++inlined_) + "/";
    scope.depth = caller.depth + 1;
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      // An omitted input stays omitted inside.
      scope.names.emplace(function.inputs[i], i < inputs.size() ? inputs[i] : kNoValue);
    }
    std::vector<std::pair<std::string, ValueId>> passed_through;
    for (size_t i = 0; i < function.outputs.size() && i < outputs.size(); ++i) {
      if (outputs[i] == kNoValue) continue;
      if (!scope.names.emplace(function.outputs[i], outputs[i]).second) {
        passed_through.emplace_back(function.outputs[i], outputs[i]);
      }
    }
    const std::string outer_symbols = new_symbol_scope();
    TRY(add_nodes(scope, function.nodes, function.value_info, {}));
    symbol_scope_ = outer_symbols;
    for (const auto& [name, output] : passed_through) {
      Node identity;
      identity.op_type = "Identity";
      identity.inputs = {scope.names.at(name)};
      identity.outputs = {output};
      scope.graph->add_node(std::move(identity));
    }
    return {};
  }

  // ---- attributes

  // The attribute itself, or the one of the function call that it refers to; null: left out.
  static const AttrDef* resolve(const Scope& scope, const AttrDef& attr) {
    if (!attr.is_reference()) return &attr;
    if (scope.call_attrs == nullptr) return nullptr;
    for (const AttrDef& given : *scope.call_attrs) {
      if (given.name == attr.ref_attr_name) return &given;
    }
    return nullptr;
  }

  Result<void> add_attr(Scope& scope, const AttrDef& def, AttrMap& attrs) {
    const AttrDef* resolved = resolve(scope, def);
    if (resolved == nullptr) return {};
    const AttrDef& attr = *resolved;
    switch (attr.type) {
      case AttrType::kFloat:
        attrs.set(def.name, attr.f);
        break;
      case AttrType::kInt:
        attrs.set(def.name, attr.i);
        break;
      case AttrType::kString:
        attrs.set(def.name, attr.s);
        break;
      case AttrType::kFloats:
        attrs.set(def.name, attr.floats);
        break;
      case AttrType::kInts:
        attrs.set(def.name, attr.ints);
        break;
      case AttrType::kStrings:
        attrs.set(def.name, attr.strings);
        break;
      case AttrType::kTensor:
        attrs.set(def.name, TRY(tensor_of(attr.tensor())));
        break;
      case AttrType::kTensors: {
        std::vector<Tensor> tensors;
        for (const TensorDef& tensor : attr.tensors) tensors.push_back(TRY(tensor_of(tensor)));
        attrs.set(def.name, std::move(tensors));
        break;
      }
      case AttrType::kSparseTensor:
        attrs.set(def.name, TRY(densify(attr.sparse_tensors.front())));
        break;
      case AttrType::kSparseTensors: {
        std::vector<Tensor> tensors;
        for (const SparseTensorDef& each : attr.sparse_tensors) {
          tensors.push_back(TRY(densify(each)));
        }
        attrs.set(def.name, std::move(tensors));
        break;
      }
      case AttrType::kType:
        attrs.set(def.name, type_of(attr.types.front()));
        break;
      case AttrType::kTypes: {
        std::vector<ValueType> types;
        for (const TypeDef& type : attr.types) types.push_back(type_of(type));
        attrs.set(def.name, std::move(types));
        break;
      }
      case AttrType::kGraph:
        attrs.set(def.name, TRY(subgraph_of(scope, attr.graph())));
        break;
      case AttrType::kGraphs: {
        std::vector<Subgraph> subgraphs;
        for (const GraphDef& graph : attr.graphs) {
          subgraphs.push_back(TRY(subgraph_of(scope, graph)));
        }
        attrs.set(def.name, std::move(subgraphs));
        break;
      }
      case AttrType::kUndefined:
        return fail(Code::kInvalidGraph, "has no value");
    }
    return {};
  }

  Result<Subgraph> subgraph_of(Scope& outer, const GraphDef& def) {
    if (outer.depth >= options_.nesting_limit) {
      return fail(Code::kInvalidGraph, "subgraphs are nested deeper than {}",
                  options_.nesting_limit);
    }
    Subgraph subgraph;
    subgraph.body = std::make_shared<Graph>();
    Scope scope;
    scope.graph = subgraph.body.get();
    scope.outer = &outer;
    scope.captures = &subgraph.captures;
    scope.opsets = outer.opsets;
    scope.call_attrs = outer.call_attrs;
    scope.depth = outer.depth + 1;
    const std::string outer_symbols = new_symbol_scope();
    TRY(fill(scope, def));
    symbol_scope_ = outer_symbols;
    return subgraph;
  }

  // ---- constants

  static Result<Tensor> tensor_of(const TensorDef& def) {
    if (!def.data.has_data() && def.data.count() != 0) {
      return fail(Code::kInvalidGraph, "the bytes of initializer '{}' were not loaded", def.name);
    }
    if (def.data.count() == 0) return Tensor::allocate(def.data.dtype(), def.data.shape());
    return aligned_tensor(def.data);
  }

  // Weights are read by those who hold a Reading (base/rebuilt.h), and often by nobody: their
  // scaled or packed form is made from the file.
  static Result<Tensor> constant_of(const TensorDef& def) {
    const bool has_bytes = def.data.has_data() && def.data.count() != 0;
    if (!has_bytes || !dtype_is_float(def.data.dtype())) return tensor_of(def);
    return aligned_tensor(def.data, Filled::kWhenRead);
  }

  Result<Tensor> densify(const SparseTensorDef& sparse) const {
    const auto dense_count = sparse.shape.checked_count();
    const auto dense_bytes = dense_count.value_or(0) * 16;
    if (!dense_count || dense_bytes > static_cast<int64_t>(options_.dense_limit)) {
      return fail(Code::kInvalidGraph,
                  "sparse tensor '{}' of shape {} is too large to be made dense (limit {} bytes)",
                  sparse.values.name, sparse.shape.to_string(), options_.dense_limit);
    }
    Tensor dense = TRY(Tensor::allocate(sparse.values.data.dtype(), sparse.shape));
    const Tensor values = TRY(aligned_tensor(sparse.values.data));
    const Tensor indices = TRY(aligned_tensor(sparse.indices.data));
    const int64_t count = values.count();
    const size_t rank = indices.shape().rank() == 2 ? sparse.shape.rank() : 1;
    const auto wrong = fail(Code::kInvalidGraph, "sparse tensor '{}': an index is out of range",
                            sparse.values.name);
    if (indices.dtype() != DType::kInt64 || dtype_is_sub_byte(values.dtype()) ||
        indices.count() != count * static_cast<int64_t>(rank)) {
      return fail(Code::kInvalidGraph, "sparse tensor '{}': indices do not fit the values",
                  sparse.values.name);
    }
    const auto* index = indices.as<int64_t>();
    for (int64_t i = 0; i < count; ++i) {
      int64_t linear = 0;
      for (size_t axis = 0; axis < rank; ++axis, ++index) {
        const int64_t dim = rank == 1 ? dense.count() : sparse.shape[axis];
        if (*index < 0 || *index >= dim) return wrong;
        linear = linear * dim + *index;
      }
      copy_element(values, i, dense, linear);
    }
    return dense;
  }

  static void copy_element(const Tensor& src, int64_t from, const Tensor& dst, int64_t to) {
    if (src.dtype() == DType::kString) {
      dst.as<std::string>()[to] = src.as<std::string>()[from];
      return;
    }
    const size_t bytes = dtype_bytes(src.dtype(), 1);
    std::copy_n(src.as<char>() + static_cast<size_t>(from) * bytes, bytes,
                dst.as<char>() + static_cast<size_t>(to) * bytes);
  }

  Result<void> add_constant(Scope& scope, const NodeDef& def) {
    const ValueId output = scope.names.at(def.outputs.front());
    AttrMap attrs;
    for (const AttrDef& attr : def.attrs) TRY(add_attr(scope, attr, attrs));
    scope.graph->set_constant(output, TRY(constant_of(attrs)));
    return {};
  }

  static Result<Tensor> constant_of(const AttrMap& attrs) {
    for (const auto& [name, attr] : attrs) {
      if (name == "value" || name == "sparse_value") {
        if (const auto* tensor = std::get_if<Tensor>(&attr)) return *tensor;
      } else if (name == "value_float") {
        if (const auto* f = std::get_if<float>(&attr)) return Tensor::scalar(*f);
      } else if (name == "value_int") {
        if (const auto* i = std::get_if<int64_t>(&attr)) return Tensor::scalar(*i);
      } else if (name == "value_string") {
        if (const auto* s = std::get_if<std::string>(&attr)) return Tensor::scalar(*s);
      } else if (name == "value_floats") {
        return list_of<float>(attr);
      } else if (name == "value_ints") {
        return list_of<int64_t>(attr);
      } else if (name == "value_strings") {
        return list_of<std::string>(attr);
      }
    }
    return fail(Code::kInvalidGraph,
                "needs one of the attributes value, sparse_value, value_int(s), value_float(s), "
                "value_string(s)");
  }

  template <class T>
  static Result<Tensor> list_of(const Attr& attr) {
    const auto* list = std::get_if<std::vector<T>>(&attr);
    if (list == nullptr) return fail(Code::kInvalidGraph, "an attribute has the wrong kind");
    return Tensor::from<T>({static_cast<int64_t>(list->size())}, std::span<const T>(*list));
  }

  const Model& model_;
  const BuildOptions& options_;
  bool overridable_ = false;
  int64_t node_count_ = 0;
  int64_t inlined_ = 0;
  int64_t symbol_scopes_ = 0;
  std::string symbol_scope_;  // what tells the symbols of this body from others; "" for the graph
};

}  // namespace

Result<std::shared_ptr<Graph>> build_graph(const Model& model, const BuildOptions& options) {
  auto graph = TRY(Builder(model, options).build());
  TRY(graph->order());  // no cycles from here on
  return graph;
}

}  // namespace sardonyx
