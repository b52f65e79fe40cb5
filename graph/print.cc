// Graph → text, one node per line: `y float32 1x64x56x56 = Conv [strides=2,2] (x, w) 'conv1'`.
#include <fmt/ranges.h>

#include "graph/graph.h"

namespace sardonyx {
namespace {

constexpr int64_t kMostElements = 8;  // of a constant that is printed in place

template <class T>
std::string elements_text(const Tensor& tensor) {
  return fmt::format("{}", fmt::join(tensor.elements<T>(), " "));
}

std::string constant_text(const Tensor& tensor) {
  const std::string type =
      fmt::format("{}[{}]", dtype_name(tensor.dtype()), tensor.shape().to_string());
  if (tensor.count() > kMostElements) return type + "{...}";
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return type + "{" + elements_text<float>(tensor) + "}";
    case DType::kFloat64:
      return type + "{" + elements_text<double>(tensor) + "}";
    case DType::kInt64:
      return type + "{" + elements_text<int64_t>(tensor) + "}";
    case DType::kInt32:
      return type + "{" + elements_text<int32_t>(tensor) + "}";
    case DType::kBool:
      return type + "{" + elements_text<bool>(tensor) + "}";
    default:
      return type + "{...}";
  }
}

class Printer {
 public:
  std::string text;

  void print(const Graph& graph, const std::string& indent) {
    text += indent + "graph " + graph.name + " (";
    print_declarations(graph, graph.inputs());
    if (!graph.captures().empty()) {
      text += ") captures (";
      print_declarations(graph, graph.captures());
    }
    text += ")\n";
    const auto order = graph.order();
    if (!order) {
      text += indent + "  " + order.error().text() + "\n";
      return;
    }
    for (NodeId id : *order) print_node(graph, graph.node(id), indent + "  ");
    text += indent + "  return";
    for (const GraphOutput& output : graph.outputs()) {
      text += fmt::format(" {}={}", output.name, reference(graph, output.value));
    }
    text += "\n";
  }

 private:
  void print_declarations(const Graph& graph, const std::vector<ValueId>& ids) {
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i != 0) text += ", ";
      text += graph.value(ids[i]).name + " " + graph.value(ids[i]).type.to_string();
    }
  }

  std::string reference(const Graph& graph, ValueId id) const {
    if (id == kNoValue) return "_";
    const GraphValue& value = graph.value(id);
    return value.is_constant() ? constant_text(value.constant) : value.name;
  }

  void print_node(const Graph& graph, const Node& node, const std::string& indent) {
    text += indent;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (i != 0) text += ", ";
      if (node.outputs[i] == kNoValue) {
        text += "_";
        continue;
      }
      const GraphValue& value = graph.value(node.outputs[i]);
      text += value.name + " " + value.type.to_string();
    }
    text += " = " + (node.domain.empty() ? "" : node.domain + ".") + node.op_type;
    print_attrs(node);
    text += " (";
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      text += (i == 0 ? "" : ", ") + reference(graph, node.inputs[i]);
    }
    text += node.name.empty() ? ")\n" : ") '" + node.name + "'\n";
    for_each_subgraph(node, [&](const Subgraph& subgraph) {
      std::vector<std::string> outer;
      for (ValueId capture : subgraph.captures) outer.push_back(reference(graph, capture));
      if (!outer.empty()) text += fmt::format("{}  capturing {}\n", indent, fmt::join(outer, ", "));
      print(*subgraph.body, indent + "  ");
    });
  }

  void print_attrs(const Node& node) {
    std::string attrs;
    for (const auto& [name, attr] : node.attrs) {
      const std::string one = attr_text(attr);
      if (!one.empty()) attrs += fmt::format("{}{}={}", attrs.empty() ? "" : " ", name, one);
    }
    if (!attrs.empty()) text += " [" + attrs + "]";
  }

  static std::string attr_text(const Attr& attr) {
    if (const auto* i = std::get_if<int64_t>(&attr)) return fmt::format("{}", *i);
    if (const auto* f = std::get_if<float>(&attr)) return fmt::format("{}", *f);
    if (const auto* s = std::get_if<std::string>(&attr)) return *s;
    if (const auto* t = std::get_if<Tensor>(&attr)) return constant_text(*t);
    if (const auto* ints = std::get_if<std::vector<int64_t>>(&attr)) {
      return fmt::format("{}", fmt::join(*ints, ","));
    }
    if (const auto* floats = std::get_if<std::vector<float>>(&attr)) {
      return fmt::format("{}", fmt::join(*floats, ","));
    }
    if (const auto* strings = std::get_if<std::vector<std::string>>(&attr)) {
      return fmt::format("{}", fmt::join(*strings, ","));
    }
    return "";  // subgraphs follow below the node
  }
};

}  // namespace

std::string to_text(const Graph& graph) {
  Printer printer;
  printer.print(graph, "");
  return std::move(printer.text);
}

}  // namespace sardonyx
