// The verification behind model/check.h.
#include "model/check.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace sardonyx {
namespace {

using Names = std::unordered_map<std::string_view, size_t>;

constexpr size_t kNotANode = static_cast<size_t>(-1);

// One level of names: what is defined here and by which node.
struct Scope {
  const Scope* outer = nullptr;
  Names defined;  // name → index of the node, or kNotANode

  bool knows(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
      if (scope->defined.count(name) != 0) return true;
    }
    return false;
  }
};

std::string function_title(const FunctionDef& function) {
  return fmt::format(
      "function {}",
      in_quotes(function.domain.empty() ? function.name : function.domain + "." + function.name));
}

class Checker {
 public:
  explicit Checker(const Model& model) : model_(model) {}

  // What is missing of imports, as a sentence; empty when nothing is.
  Result<std::string> run() {
    TRY(check_imports(model_.opset_imports, "model"));
    TRY(check_functions());
    TRY(check_function_cycles());
    imports_ = &model_.opset_imports;
    TRY(check_graph(model_.graph, nullptr));
    for (const TrainingInfoDef& info : model_.training_info) TRY(check_training(info));
    std::string text;
    for (const auto& [domain, nodes] : missing_) {
      text += fmt::format("{}no opset of domain '{}' is imported, which {} needs",
                          text.empty() ? "" : "; ", domain, nodes);
    }
    return text;
  }

 private:
  Result<void> check_imports(const std::vector<OpsetImport>& imports, std::string_view where) {
    for (size_t i = 0; i < imports.size(); ++i) {
      if (imports[i].version < 1) {
        return fail(Code::kInvalidGraph, "{}: opset version {} of domain '{}' is not positive",
                    where, imports[i].version, imports[i].domain);
      }
      for (size_t j = 0; j < i; ++j) {
        if (imports[j].domain == imports[i].domain && imports[j].version != imports[i].version) {
          return fail(Code::kInvalidGraph, "{}: domain '{}' is imported as {} and as {}", where,
                      imports[i].domain, imports[j].version, imports[i].version);
        }
      }
    }
    return {};
  }

  // ---- functions

  static std::string key_of(std::string_view domain, std::string_view name,
                            std::string_view overload) {
    return fmt::format("{}\n{}\n{}", domain, name, overload);
  }

  Result<void> check_functions() {
    for (size_t i = 0; i < model_.functions.size(); ++i) {
      const FunctionDef& function = model_.functions[i];
      const bool fresh =
          functions_.emplace(key_of(function.domain, function.name, function.overload), i).second;
      if (!fresh) {
        return fail(Code::kInvalidGraph, "{} is defined twice", function_title(function));
      }
    }
    for (const FunctionDef& function : model_.functions) {
      imports_ = &function.opset_imports;
      function_ = &function;
      TRY_AT(function_title(function), check_function(function));
    }
    function_ = nullptr;
    return {};
  }

  Result<void> check_function(const FunctionDef& function) {
    TRY(check_imports(function.opset_imports, "function"));
    Scope scope;
    for (const std::string& name : function.inputs) {
      if (!scope.defined.emplace(name, kNotANode).second) {
        return fail(Code::kInvalidGraph, "input {} is listed twice", in_quotes(name));
      }
    }
    TRY(check_nodes(function.nodes, scope));
    for (const std::string& name : function.outputs) {
      if (!scope.knows(name)) {
        return fail(Code::kInvalidGraph, "nothing computes its output {}", in_quotes(name));
      }
    }
    return {};
  }

  size_t called_function(const NodeDef& node) const {
    if (functions_.empty()) return kNotANode;
    const auto found = functions_.find(key_of(node.domain, node.op_type, node.overload));
    return found == functions_.end() ? kNotANode : found->second;
  }

  void add_calls(const std::vector<NodeDef>& nodes, std::vector<size_t>& calls) const {
    for (const NodeDef& node : nodes) {
      const size_t callee = called_function(node);
      if (callee != kNotANode) calls.push_back(callee);
      for (const AttrDef& attr : node.attrs) {
        for (const GraphDef& graph : attr.graphs) add_calls(graph.nodes, calls);
      }
    }
  }

  Result<void> check_function_cycles() {
    std::vector<std::vector<size_t>> calls(model_.functions.size());
    for (size_t i = 0; i < calls.size(); ++i) add_calls(model_.functions[i].nodes, calls[i]);
    const std::vector<size_t> cycle = find_cycle(calls);
    if (cycle.empty()) return {};
    std::string path;
    for (const size_t i : cycle) path += function_title(model_.functions[i]) + " calls ";
    return fail(Code::kInvalidGraph, "functions call themselves: {}{}", path,
                function_title(model_.functions[cycle.front()]));
  }

  // ---- graphs

  Result<void> check_training(const TrainingInfoDef& info) {
    if (info.initialization) TRY(check_graph(*info.initialization, nullptr));
    if (!info.algorithm) return {};
    Scope outer;  // the training algorithm sees the values of the model's graph
    define_all(model_.graph, outer);
    return check_graph(*info.algorithm, &outer);
  }

  static void define_all(const GraphDef& graph, Scope& scope) {
    for (const ValueDef& input : graph.inputs) scope.defined.emplace(input.name, kNotANode);
    for (const TensorDef& tensor : graph.initializers) {
      scope.defined.emplace(tensor.name, kNotANode);
    }
    for (const SparseTensorDef& sparse : graph.sparse_initializers) {
      scope.defined.emplace(sparse.values.name, kNotANode);
    }
    for (const NodeDef& node : graph.nodes) {
      for (const std::string& name : node.outputs) scope.defined.emplace(name, kNotANode);
    }
  }

  Result<void> check_graph(const GraphDef& graph, const Scope* outer) {
    Scope scope;
    scope.outer = outer;
    TRY(define_inputs(graph, scope));
    TRY(check_nodes(graph.nodes, scope));
    for (const ValueDef& output : graph.outputs) {
      if (!scope.knows(output.name)) {
        return fail(Code::kInvalidGraph, "graph {}: nothing computes its output {}",
                    in_quotes(graph.name), in_quotes(output.name));
      }
    }
    return {};
  }

  // An initializer may have the name of an input, whose default it is.
  Result<void> define_inputs(const GraphDef& graph, Scope& scope) {
    for (const ValueDef& input : graph.inputs) {
      if (input.name.empty()) return fail(Code::kInvalidGraph, "a graph input has no name");
      if (!scope.defined.emplace(input.name, kNotANode).second) {
        return fail(Code::kInvalidGraph, "graph {}: input {} is listed twice",
                    in_quotes(graph.name), in_quotes(input.name));
      }
    }
    std::unordered_set<std::string_view> seen;
    const auto define = [&](std::string_view name) -> Result<void> {
      if (name.empty()) return fail(Code::kInvalidGraph, "an initializer has no name");
      if (!seen.insert(name).second) {
        return fail(Code::kInvalidGraph, "graph {}: initializer {} is given twice",
                    in_quotes(graph.name), in_quotes(name));
      }
      scope.defined.emplace(name, kNotANode);
      return {};
    };
    for (const TensorDef& tensor : graph.initializers) TRY(define(tensor.name));
    for (const SparseTensorDef& sparse : graph.sparse_initializers) {
      TRY(define(sparse.values.name));
    }
    return {};
  }

  Result<void> check_nodes(const std::vector<NodeDef>& nodes, Scope& scope) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      for (const std::string& name : nodes[i].outputs) {
        if (!name.empty() && !scope.defined.emplace(name, i).second) {
          return fail(Code::kInvalidGraph, "{}: its output {} is already defined{}",
                      node_title(nodes[i], i), in_quotes(name), by(nodes, scope, name));
        }
      }
    }
    std::vector<std::vector<size_t>> needs(nodes.size());
    for (size_t i = 0; i < nodes.size(); ++i) {
      TRY_AT(node_title(nodes[i], i), check_node(nodes[i], scope));
      add_needs(nodes[i], scope, needs[i]);
    }
    const std::vector<size_t> cycle = find_cycle(needs);
    if (cycle.empty()) return {};
    std::string path;
    for (const size_t i : cycle) path += node_title(nodes[i], i) + " needs ";
    return fail(Code::kInvalidGraph, "the nodes form a cycle: {}{}", path,
                node_title(nodes[cycle.front()], cycle.front()));
  }

  static std::string by(const std::vector<NodeDef>& nodes, const Scope& scope,
                        std::string_view name) {
    const size_t index = scope.defined.at(name);
    if (index == kNotANode) return " as an input or initializer";
    return " by " + node_title(nodes[index], index);
  }

  Result<void> check_node(const NodeDef& node, const Scope& scope) {
    if (node.op_type.empty()) return fail(Code::kInvalidGraph, "a node has no operator");
    note_domain(node);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!node.inputs[i].empty() && !scope.knows(node.inputs[i])) {
        return fail(Code::kInvalidGraph,
                    "input {} {} is neither a graph input, nor an initializer, nor the output of "
                    "a node",
                    i, in_quotes(node.inputs[i]));
      }
    }
    std::unordered_set<std::string_view> names;
    for (const AttrDef& attr : node.attrs) {
      if (!names.insert(attr.name).second) {
        return fail(Code::kInvalidGraph, "attribute {} is given twice", in_quotes(attr.name));
      }
      if (attr.is_reference() && function_ == nullptr) {
        return fail(Code::kInvalidGraph, "attribute {} refers to {}, but is in no function",
                    in_quotes(attr.name), in_quotes(attr.ref_attr_name));
      }
      for (const GraphDef& graph : attr.graphs) {
        TRY_AT("attribute " + in_quotes(attr.name), check_graph(graph, &scope));
      }
    }
    return {};
  }

  // Files of the first two IR versions import nothing and mean opset 1.
  void note_domain(const NodeDef& node) {
    const auto imported = [&](const OpsetImport& import) { return import.domain == node.domain; };
    if (std::any_of(imports_->begin(), imports_->end(), imported)) return;
    if (called_function(node) != kNotANode) return;
    if (node.domain.empty() && imports_->empty() && model_.ir_version < 3) return;
    constexpr size_t kEnough = 200;
    std::string& nodes = missing_[node.domain.empty() ? "ai.onnx" : node.domain];
    if (nodes.size() > kEnough) {
      if (!nodes.ends_with("...")) nodes += ", ...";
      return;
    }
    if (!nodes.empty()) nodes += ", ";
    nodes += node.name.empty() ? node.op_type : node.op_type + " " + in_quotes(node.name);
    if (function_ != nullptr) nodes += " of " + function_title(*function_);
  }

  // Nodes of this level that `node`, or a graph inside it, takes values from.
  static void add_needs(const NodeDef& node, const Scope& scope, std::vector<size_t>& needs) {
    for (const std::string& name : node.inputs) {
      const auto found = scope.defined.find(name);
      if (found != scope.defined.end() && found->second != kNotANode) {
        needs.push_back(found->second);
      }
    }
    for (const AttrDef& attr : node.attrs) {
      for (const GraphDef& graph : attr.graphs) {
        for_free_names(graph, nullptr, [&](std::string_view name) {
          const auto found = scope.defined.find(name);
          if (found != scope.defined.end() && found->second != kNotANode) {
            needs.push_back(found->second);
          }
        });
      }
    }
  }

  // Calls `add` for every name that the graph, or one inside it, takes from outside.
  template <class Add>
  static void for_free_names(const GraphDef& graph, const Scope* outer, const Add& add) {
    Scope scope;
    scope.outer = outer;
    define_all(graph, scope);
    const auto add_free = [&](std::string_view name) {
      if (!scope.knows(name)) add(name);
    };
    for (const ValueDef& output : graph.outputs) add_free(output.name);
    for (const NodeDef& node : graph.nodes) {
      for (const std::string& name : node.inputs) add_free(name);
      for (const AttrDef& attr : node.attrs) {
        for (const GraphDef& inner : attr.graphs) for_free_names(inner, &scope, add);
      }
    }
  }

  // A cycle in "i needs needs[i]"; empty when there is none. Iterative: chains may be long.
  static std::vector<size_t> find_cycle(const std::vector<std::vector<size_t>>& needs) {
    enum class Mark : uint8_t { kNew, kOnPath, kDone };
    std::vector<Mark> marks(needs.size(), Mark::kNew);
    std::vector<std::pair<size_t, size_t>> path;  // node, next of its needs
    for (size_t start = 0; start < needs.size(); ++start) {
      if (marks[start] != Mark::kNew) continue;
      path.emplace_back(start, 0);
      while (!path.empty()) {
        auto& [node, next] = path.back();
        marks[node] = Mark::kOnPath;
        if (next == needs[node].size()) {
          marks[node] = Mark::kDone;
          path.pop_back();
          continue;
        }
        const size_t needed = needs[node][next++];
        if (marks[needed] == Mark::kNew) path.emplace_back(needed, 0);
        if (marks[needed] != Mark::kOnPath) continue;
        std::vector<size_t> cycle;
        for (const auto& [on_path, ignored] : path) {
          if (on_path == needed || !cycle.empty()) cycle.push_back(on_path);
        }
        return cycle;
      }
    }
    return {};
  }

  const Model& model_;
  const std::vector<OpsetImport>* imports_ = nullptr;
  std::unordered_map<std::string, size_t> functions_;
  const FunctionDef* function_ = nullptr;       // the one that is being checked
  std::map<std::string, std::string> missing_;  // domain → nodes that need it
};

}  // namespace

std::string node_title(const NodeDef& node, size_t index) {
  return node.name.empty() ? fmt::format("{} (node {})", node.op_type, index)
                           : fmt::format("{} {}", node.op_type, in_quotes(node.name));
}

Result<std::string> find_missing_imports(const Model& model) { return Checker(model).run(); }

Result<void> check_model(const Model& model) {
  const std::string missing = TRY(find_missing_imports(model));
  if (missing.empty()) return {};
  return fail(Code::kInvalidGraph, "{}", missing);
}

}  // namespace sardonyx
