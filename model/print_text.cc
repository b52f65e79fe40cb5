// Model → text behind model/text.h.
#include <algorithm>

#include "model/text.h"
#include "model/text_elements.h"
#include "model/text_lexer.h"

namespace sardonyx {
namespace {

std::string pairs(const Metadata& list) {
  std::string text = "[";
  for (const auto& [key, value] : list) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{}: {}", text_quoted(key), text_quoted(value));
  }
  return text + "]";
}

std::string quoted_list(const std::vector<std::string>& list) {
  std::string text = "[";
  for (const std::string& item : list) {
    if (text.size() > 1) text += ", ";
    text += text_quoted(item);
  }
  return text + "]";
}

std::string opset_list(const std::vector<OpsetImport>& imports) {
  std::string text = "[";
  for (const OpsetImport& import : imports) {
    if (text.size() > 1) text += ", ";
    text += fmt::format("{} : {}", text_quoted(import.domain), import.version);
  }
  return text + "]";
}

// "key: value" entries between marks; entries without anything to say are left out.
class Entries {
 public:
  void text(std::string_view key, const std::string& value) {
    if (!value.empty()) add(key, text_quoted(value));
  }
  void metadata(std::string_view key, const Metadata& value) {
    if (!value.empty()) add(key, pairs(value));
  }
  void strings(std::string_view key, const std::vector<std::string>& value) {
    if (!value.empty()) add(key, quoted_list(value));
  }
  void add(std::string_view key, const std::string& value) {
    entries_.push_back(fmt::format("{}: {}", key, value));
  }

  // The extension: " !{...}".
  std::string note() const { return entries_.empty() ? "" : " !{" + joined(", ") + "}"; }
  // One line for each.
  std::string block() const { return "<\n  " + joined(",\n  ") + "\n>\n"; }

 private:
  std::string joined(std::string_view separator) const {
    return fmt::format("{}", fmt::join(entries_, separator));
  }
  std::vector<std::string> entries_;
};

std::string dims_text(const Shape& shape) {
  return shape.empty() ? "" : fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ","));
}

// A name with dots in it, each part plain: "ai.onnx.ml".
bool is_dotted_name(std::string_view name) {
  while (true) {
    const size_t dot = name.find('.');
    if (!is_plain_name(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

std::string dotted(const std::string& name) {
  return is_dotted_name(name) ? name : text_quoted(name);
}

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  std::string out;

  void model(const Model& model) {
    Entries entries;
    entries.add("ir_version", std::to_string(model.ir_version));
    entries.add("opset_import", opset_list(model.opset_imports));
    entries.text("producer_name", model.producer_name);
    entries.text("producer_version", model.producer_version);
    entries.text("domain", model.domain);
    if (model.model_version != 0) entries.add("model_version", std::to_string(model.model_version));
    entries.text("doc_string", model.doc_string);
    entries.metadata("metadata_props", model.metadata);
    if (!model.training_info.empty()) entries.add("training_info", training(model.training_info));
    entries.strings("configuration", model.device_configurations);
    out += entries.block();
    graph(model.graph);
    out += '\n';
    for (const FunctionDef& item : model.functions) function(item);
  }

  void graph(const GraphDef& graph) {
    out += text_name(graph.name) + " (";
    values(graph.inputs);
    out += ") => (";
    values(graph.outputs);
    out += ")";
    initializers(graph);
    Entries entries;
    entries.text("doc_string", graph.doc_string);
    entries.metadata("metadata_props", graph.metadata);
    if (!graph.quantization_annotations.empty()) {
      entries.add("quantization_annotation", annotations(graph.quantization_annotations));
    }
    out += entries.note();
    body(graph.nodes);
  }

  void node(const NodeDef& node) {
    if (!node.name.empty()) out += "[" + text_name(node.name) + "] ";
    names(node.outputs);
    out += node.outputs.empty() ? "= " : " = ";
    if (!node.domain.empty()) out += dotted(node.domain) + ".";
    out += is_plain_name(node.op_type) ? node.op_type : text_quoted(node.op_type);
    if (!node.overload.empty()) out += ":" + text_name(node.overload);
    attrs(node.attrs);
    out += " (";
    names(node.inputs);
    out += ")";
    Entries entries;
    entries.text("doc_string", node.doc_string);
    entries.metadata("metadata_props", node.metadata);
    entries.strings("device_configurations", node.device_configurations);
    out += entries.note();
  }

  void type(const TypeDef& type) {
    switch (type.kind) {
      case TypeDef::Kind::kNone:
        out += "none";
        break;
      case TypeDef::Kind::kTensor:
        tensor_type(type);
        break;
      case TypeDef::Kind::kSparseTensor:
        out += "sparse_tensor(";
        tensor_type(type);
        out += ")";
        break;
      case TypeDef::Kind::kSequence:
        container("seq(", type);
        break;
      case TypeDef::Kind::kOptional:
        container("optional(", type);
        break;
      case TypeDef::Kind::kMap:
        container(fmt::format("map({}, ", dtype_onnx_name(type.dtype)), type);
        break;
      case TypeDef::Kind::kOpaque:
        opaque(type);
        break;
    }
    Entries entries;
    entries.text("denotation", type.denotation);
    out += entries.note();
  }

 private:
  void newline() { out += "\n" + std::string(static_cast<size_t>(indent_) * 2, ' '); }

  // Calls `print` for each item, with commas between.
  template <class List, class Print>
  void comma_list(const List& list, Print print) {
    bool first = true;
    for (const auto& item : list) {
      if (!first) out += ", ";
      first = false;
      print(item);
    }
  }

  void names(const std::vector<std::string>& list) {
    comma_list(list, [&](const std::string& name) { out += text_name(name); });
  }

  void body(const std::vector<NodeDef>& nodes) {
    out += indent_ == 0 ? "\n{" : " {";
    ++indent_;
    for (const NodeDef& item : nodes) {
      newline();
      node(item);
    }
    --indent_;
    newline();
    out += "}";
  }

  void container(std::string_view open, const TypeDef& outer) {
    out += open;
    type(outer.element.front());
    out += ")";
  }

  void opaque(const TypeDef& type) {
    out += "opaque(";
    if (!type.opaque_domain.empty()) out += dotted(type.opaque_domain) + ", ";
    if (!type.opaque_name.empty() || !type.opaque_domain.empty()) out += dotted(type.opaque_name);
    out += ")";
  }

  // "float" is a scalar, "float[]" a tensor of unknown rank.
  void tensor_type(const TypeDef& type) {
    out += dtype_onnx_name(type.dtype);
    if (type.has_shape && type.dims.empty()) return;
    out += "[";
    for (size_t i = 0; i < type.dims.size(); ++i) {
      if (i != 0) out += ",";
      dim(type.dims[i]);
    }
    out += "]";
  }

  void dim(const DimDef& dim) {
    if (dim.kind == DimDef::Kind::kValue) {
      out += std::to_string(dim.value);
    } else if (dim.kind == DimDef::Kind::kParam) {
      out += text_name(dim.param);
    } else {
      out += "?";
    }
    Entries entries;
    entries.text("denotation", dim.denotation);
    out += entries.note();
  }

  void value(const ValueDef& value) {
    if (value.type.kind != TypeDef::Kind::kNone || !value.type.denotation.empty()) {
      type(value.type);
      out += " ";
    }
    out += text_name(value.name);
    Entries entries;
    entries.text("doc_string", value.doc_string);
    entries.metadata("metadata_props", value.metadata);
    out += entries.note();
  }

  void values(const std::vector<ValueDef>& list) {
    comma_list(list, [&](const ValueDef& item) { value(item); });
  }

  // One to a line: "<" item "," item ">".
  void initializers(const GraphDef& graph) {
    const size_t count =
        graph.initializers.size() + graph.sparse_initializers.size() + graph.value_info.size();
    if (count == 0) return;
    newline();
    out += "<";
    ++indent_;
    size_t done = 0;
    const auto item = [&](const auto& print) {
      newline();
      print();
      if (++done != count) out += ",";
    };
    for (const TensorDef& tensor : graph.initializers) item([&] { initializer(tensor); });
    for (const SparseTensorDef& sparse : graph.sparse_initializers) item([&] { print(sparse); });
    for (const ValueDef& info : graph.value_info) item([&] { value(info); });
    --indent_;
    newline();
    out += ">";
  }

  void initializer(const TensorDef& tensor) {
    tensor_head(tensor);
    out += " " + text_name(tensor.name) + " = ";
    tensor_data(tensor);
  }

  void print(const TensorDef& tensor) {
    tensor_head(tensor);
    if (!tensor.name.empty()) out += " " + text_name(tensor.name);
    out += tensor.external.location.empty() ? " " : " = ";
    tensor_data(tensor);
  }

  void tensor_head(const TensorDef& tensor) {
    out += dtype_onnx_name(tensor.data.dtype());
    out += dims_text(tensor.data.shape());
  }

  void tensor_data(const TensorDef& tensor) {
    const TensorDef::External& external = tensor.external;
    if (!external.location.empty()) {
      Metadata entries = {{"location", external.location}};
      if (external.offset != 0) entries.emplace_back("offset", std::to_string(external.offset));
      if (external.length >= 0) entries.emplace_back("length", std::to_string(external.length));
      if (!external.checksum.empty()) entries.emplace_back("checksum", external.checksum);
      out += pairs(entries);
    } else if (!tensor.data.has_data() ||
               (options_.max_elements >= 0 && tensor.data.count() > options_.max_elements)) {
      out += "...";
    } else {
      out += "{";
      print_elements(tensor.data, out);
      out += "}";
    }
    Entries entries;
    entries.text("doc_string", tensor.doc_string);
    entries.metadata("metadata_props", tensor.metadata);
    out += entries.note();
  }

  void print(const SparseTensorDef& sparse) {
    out += "sparse_tensor" + dims_text(sparse.shape) + " {";
    print(sparse.values);
    out += ", ";
    print(sparse.indices);
    out += "}";
  }

  std::string annotations(const std::vector<QuantizationAnnotation>& list) {
    std::string text = "[";
    for (const QuantizationAnnotation& item : list) {
      if (text.size() > 1) text += ", ";
      text += text_quoted(item.tensor_name) + ": " + pairs(item.parameter_tensor_names);
    }
    return text + "]";
  }

  void attrs(const std::vector<AttrDef>& list) {
    if (list.empty()) return;
    out += " <";
    comma_list(list, [&](const AttrDef& item) { attr(item); });
    out += ">";
  }

  void attr(const AttrDef& attr) {
    out += (is_plain_name(attr.name) ? attr.name : text_quoted(attr.name)) + ": ";
    out += attr_type_name(attr.type);
    out += " = ";
    if (attr.is_reference()) {
      out += "@" + text_name(attr.ref_attr_name);
    } else {
      attr_value(attr);
    }
    Entries entries;
    entries.text("attr_doc_string", attr.doc_string);
    out += entries.note();
  }

  template <class List, class Print>
  void attr_list(const List& list, Print print) {
    out += "[";
    comma_list(list, print);
    out += "]";
  }

  void attr_value(const AttrDef& attr) {
    const auto print_tensor = [&](const TensorDef& tensor) { print(tensor); };
    const auto print_sparse = [&](const SparseTensorDef& sparse) { print(sparse); };
    const auto print_graph = [&](const GraphDef& inner) { graph(inner); };
    const auto print_type = [&](const TypeDef& inner) { type(inner); };
    switch (attr.type) {
      case AttrType::kUndefined:
        out += "[]";
        break;
      case AttrType::kFloat:
        out += print_float(attr.f);
        break;
      case AttrType::kInt:
        out += std::to_string(attr.i);
        break;
      case AttrType::kString:
        out += text_quoted(attr.s);
        break;
      case AttrType::kFloats:
        return attr_list(attr.floats, [&](float item) { out += print_float(item); });
      case AttrType::kInts:
        return attr_list(attr.ints, [&](int64_t item) { out += std::to_string(item); });
      case AttrType::kStrings:
        return attr_list(attr.strings, [&](const std::string& item) { out += text_quoted(item); });
      case AttrType::kTensor:
        return print_tensor(attr.tensors.front());
      case AttrType::kTensors:
        return attr_list(attr.tensors, print_tensor);
      case AttrType::kGraph:
        return print_graph(attr.graphs.front());
      case AttrType::kGraphs:
        return attr_list(attr.graphs, print_graph);
      case AttrType::kSparseTensor:
        return print_sparse(attr.sparse_tensors.front());
      case AttrType::kSparseTensors:
        return attr_list(attr.sparse_tensors, print_sparse);
      case AttrType::kType:
        return print_type(attr.types.front());
      case AttrType::kTypes:
        return attr_list(attr.types, print_type);
    }
  }

  void function(const FunctionDef& function) {
    Entries entries;
    entries.add("domain", text_quoted(function.domain));
    entries.add("opset_import", opset_list(function.opset_imports));
    entries.text("overload", function.overload);
    entries.text("doc_string", function.doc_string);
    entries.metadata("metadata_props", function.metadata);
    out += entries.block() + text_name(function.name);
    if (!function.attr_names.empty() || !function.attr_defaults.empty()) {
      out += " <";
      comma_list(function.attr_names, [&](const std::string& name) { out += text_name(name); });
      if (!function.attr_names.empty() && !function.attr_defaults.empty()) out += ", ";
      comma_list(function.attr_defaults, [&](const AttrDef& item) { attr(item); });
      out += ">";
    }
    out += " (";
    names(function.inputs);
    out += ") => (";
    names(function.outputs);
    out += ")";
    if (!function.value_info.empty()) {
      out += "\n<";
      values(function.value_info);
      out += ">";
    }
    body(function.nodes);
    out += '\n';
  }

  std::string training(const std::vector<TrainingInfoDef>& list) {
    std::string text = "[";
    for (const TrainingInfoDef& info : list) {
      if (text.size() > 1) text += ", ";
      Entries entries;
      if (info.initialization) entries.add("initialization", nested(*info.initialization));
      if (info.algorithm) entries.add("algorithm", nested(*info.algorithm));
      entries.metadata("initialization_binding", info.initialization_binding);
      entries.metadata("update_binding", info.update_binding);
      const std::string note = entries.note();
      text += note.empty() ? "!{}" : note;
    }
    return text + "]";
  }

  std::string nested(const GraphDef& inner) {
    Printer printer(options_);
    printer.indent_ = indent_ + 1;
    printer.graph(inner);
    return std::move(printer.out);
  }

  const TextOptions& options_;
  int indent_ = 0;
};

}  // namespace

std::string to_text(const Model& model, const TextOptions& options) {
  Printer printer(options);
  printer.model(model);
  return std::move(printer.out);
}

std::string to_text(const GraphDef& graph, const TextOptions& options) {
  Printer printer(options);
  printer.graph(graph);
  return std::move(printer.out);
}

std::string to_text(const NodeDef& node, const TextOptions& options) {
  Printer printer(options);
  printer.node(node);
  return std::move(printer.out);
}

std::string to_text(const TypeDef& type) {
  const TextOptions options;
  Printer printer(options);
  printer.type(type);
  return std::move(printer.out);
}

}  // namespace sardonyx
