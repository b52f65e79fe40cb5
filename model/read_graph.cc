// Graph, node, attribute and function decoding behind model/read_graph.h.
#include "model/read_graph.h"

#include "model/read_tensor.h"

namespace sardonyx {
namespace {

std::string plain_domain(std::string domain) {
  if (domain == "ai.onnx") domain.clear();
  return domain;
}

void add_name(WireReader& reader, const char* field, std::vector<std::string>& list) {
  const std::string_view name = reader.view(field);
  reader.context().charge(sizeof(std::string) + name.size(), name.data());
  list.emplace_back(name);
}

void read_value(ReadContext& context, std::string_view message, ValueDef& value) {
  WireReader reader(context, "ValueInfoProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        value.name = reader.text("name");
        break;
      case 2:
        read_type(context, reader.view("type"), value.type);
        break;
      case 3:
        value.doc_string = reader.text("doc_string");
        break;
      case 4:
        read_entry(context, reader.view("metadata_props"), value.metadata);
        break;
      default:
        reader.skip();
    }
  }
}

void add_value(WireReader& reader, const char* field, std::vector<ValueDef>& list) {
  const std::string_view message = reader.view(field);
  read_value(reader.context(), message, reader.context().add(list, message.data()));
}

// The single message of an attribute (a later one replaces it), or one more of a list.
template <class T>
T& slot(ReadContext& context, std::vector<T>& list, bool single, const char* where) {
  if (single) list.clear();
  return context.add(list, where);
}

class AttrReader {
 public:
  AttrReader(ReadContext& context, std::string_view message, AttrDef& attr)
      : context_(context), message_(message), attr_(attr) {}

  void read() {
    WireReader reader(context_, "AttributeProto", message_);
    while (reader.next()) {
      if (!read_plain(reader) && !read_message(reader)) reader.skip();
    }
    if (attr_.type == AttrType::kUndefined) attr_.type = found_;
    check();
  }

 private:
  bool read_plain(WireReader& reader) {
    switch (reader.tag()) {
      case 1:
        attr_.name = reader.text("name");
        return true;
      case 2:
        attr_.f = reader.float32("f");
        return found(AttrType::kFloat);
      case 3:
        attr_.i = reader.integer("i");
        return found(AttrType::kInt);
      case 4:
        attr_.s = reader.text("s");
        return found(AttrType::kString);
      case 7:
        reader.append(attr_.floats, "floats");
        return found(AttrType::kFloats);
      case 8:
        reader.append(attr_.ints, "ints");
        return found(AttrType::kInts);
      case 9:
        add_name(reader, "strings", attr_.strings);
        return found(AttrType::kStrings);
      case 13:
        attr_.doc_string = reader.text("doc_string");
        return true;
      case 20:
        read_attr_type(reader);
        return true;
      case 21:
        attr_.ref_attr_name = reader.text("ref_attr_name");
        return true;
      default:
        return false;
    }
  }

  bool read_message(WireReader& reader) {
    const uint32_t tag = reader.tag();
    const bool single = tag == 5 || tag == 6 || tag == 14 || tag == 22;
    switch (tag) {
      case 5:
      case 10: {
        const std::string_view value = reader.view(single ? "t" : "tensors");
        slot(context_, attr_.tensors, single, value.data()) =
            read_tensor(context_, value, "attribute");
        return found(single ? AttrType::kTensor : AttrType::kTensors);
      }
      case 6:
      case 11: {
        const std::string_view value = reader.view(single ? "g" : "graphs");
        read_graph(context_, value, slot(context_, attr_.graphs, single, value.data()));
        return found(single ? AttrType::kGraph : AttrType::kGraphs);
      }
      case 14:
      case 15: {
        const std::string_view value = reader.view(single ? "tp" : "type_protos");
        read_type(context_, value, slot(context_, attr_.types, single, value.data()));
        return found(single ? AttrType::kType : AttrType::kTypes);
      }
      case 22:
      case 23: {
        const std::string_view value = reader.view(single ? "sparse_tensor" : "sparse_tensors");
        slot(context_, attr_.sparse_tensors, single, value.data()) =
            read_sparse_tensor(context_, value, "attribute");
        return found(single ? AttrType::kSparseTensor : AttrType::kSparseTensors);
      }
      default:
        return false;
    }
  }

  void read_attr_type(WireReader& reader) {
    const int64_t number = reader.integer("type");
    if (number < 0 || number > static_cast<int64_t>(AttrType::kTypes)) {
      reader.fail("type", Code::kInvalidGraph,
                  fmt::format("unknown attribute type {} (known: 1 to 14)", number));
    }
    attr_.type = static_cast<AttrType>(number);
  }

  // Files of the first IR versions state no type: it is that of the value that is there.
  bool found(AttrType type) {
    found_ = type;
    return true;
  }

  // A message of its own, whatever else a careless file has beside it.
  template <class T>
  static void keep_one(std::vector<T>& list) {
    if (list.size() > 1) list.erase(list.begin() + 1, list.end());
  }

  void check() {
    if (attr_.type == AttrType::kTensor) keep_one(attr_.tensors);
    if (attr_.type == AttrType::kGraph) keep_one(attr_.graphs);
    if (attr_.type == AttrType::kType) keep_one(attr_.types);
    if (attr_.type == AttrType::kSparseTensor) keep_one(attr_.sparse_tensors);
    if (attr_.is_reference()) return;
    const bool missing = (attr_.type == AttrType::kTensor && attr_.tensors.empty()) ||
                         (attr_.type == AttrType::kGraph && attr_.graphs.empty()) ||
                         (attr_.type == AttrType::kType && attr_.types.empty()) ||
                         (attr_.type == AttrType::kSparseTensor && attr_.sparse_tensors.empty());
    if (missing) {
      context_.fail_at(message_.data(), Code::kInvalidGraph,
                       fmt::format("attribute {} says that it is a {}, but has none",
                                   in_quotes(attr_.name), attr_type_name(attr_.type)));
    }
  }

  ReadContext& context_;
  std::string_view message_;
  AttrDef& attr_;
  AttrType found_ = AttrType::kUndefined;
};

void add_attr(WireReader& reader, const char* field, std::vector<AttrDef>& list) {
  const std::string_view message = reader.view(field);
  AttrDef& attr = reader.context().add(list, message.data());
  AttrReader(reader.context(), message, attr).read();
}

void read_node(ReadContext& context, std::string_view message, NodeDef& node) {
  if (++context.nodes > context.options.max_nodes) {
    context.fail_at(
        message.data(), Code::kInvalidGraph,
        fmt::format("more than {} nodes (ReadOptions::max_nodes)", context.options.max_nodes));
  }
  WireReader reader(context, "NodeProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        add_name(reader, "input", node.inputs);
        break;
      case 2:
        add_name(reader, "output", node.outputs);
        break;
      case 3:
        node.name = reader.text("name");
        break;
      case 4:
        node.op_type = reader.text("op_type");
        break;
      case 5:
        add_attr(reader, "attribute", node.attrs);
        break;
      case 6:
        node.doc_string = reader.text("doc_string");
        break;
      case 7:
        node.domain = plain_domain(reader.text("domain"));
        break;
      case 8:
        node.overload = reader.text("overload");
        break;
      case 9:
        read_entry(context, reader.view("metadata_props"), node.metadata);
        break;
      case 10:
        context.add(node.device_configurations, message.data()) =
            read_verbatim(reader, "device_configurations");
        break;
      default:
        reader.skip();
    }
  }
}

void add_node(WireReader& reader, std::vector<NodeDef>& list) {
  const std::string_view message = reader.view("node");
  read_node(reader.context(), message, reader.context().add(list, message.data()));
}

void read_annotation(ReadContext& context, std::string_view message,
                     QuantizationAnnotation& annotation) {
  WireReader reader(context, "TensorAnnotation", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        annotation.tensor_name = reader.text("tensor_name");
        break;
      case 2:
        read_entry(context, reader.view("quant_parameter_tensor_names"),
                   annotation.parameter_tensor_names);
        break;
      default:
        reader.skip();
    }
  }
}

// The fields of a graph that hold tensors or remarks; false for the others.
bool read_graph_extra(WireReader& reader, GraphDef& graph) {
  ReadContext& context = reader.context();
  switch (reader.tag()) {
    case 5: {
      const std::string_view message = reader.view("initializer");
      context.add(graph.initializers, message.data()) =
          read_tensor(context, message, "initializer");
      return true;
    }
    case 14: {
      const std::string_view message = reader.view("quantization_annotation");
      read_annotation(context, message,
                      context.add(graph.quantization_annotations, message.data()));
      return true;
    }
    case 15: {
      const std::string_view message = reader.view("sparse_initializer");
      context.add(graph.sparse_initializers, message.data()) =
          read_sparse_tensor(context, message, "sparse initializer");
      return true;
    }
    case 16:
      read_entry(context, reader.view("metadata_props"), graph.metadata);
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string read_verbatim(WireReader& reader, const char* field) {
  const std::string_view bytes = reader.view(field);
  reader.context().charge(bytes.size(), bytes.data());
  WireReader inner(reader.context(), field, bytes);
  while (inner.next()) inner.skip();
  return std::string(bytes);
}

void read_graph(ReadContext& context, std::string_view message, GraphDef& graph) {
  const Nesting nesting(context, message.data());
  WireReader reader(context, "GraphProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        add_node(reader, graph.nodes);
        break;
      case 2:
        graph.name = reader.text("name");
        break;
      case 10:
        graph.doc_string = reader.text("doc_string");
        break;
      case 11:
        add_value(reader, "input", graph.inputs);
        break;
      case 12:
        add_value(reader, "output", graph.outputs);
        break;
      case 13:
        add_value(reader, "value_info", graph.value_info);
        break;
      default:
        if (!read_graph_extra(reader, graph)) reader.skip();
    }
  }
}

void read_opset_import(ReadContext& context, std::string_view message, OpsetImport& import) {
  WireReader reader(context, "OperatorSetIdProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        import.domain = plain_domain(reader.text("domain"));
        break;
      case 2:
        import.version = reader.integer("version");
        break;
      default:
        reader.skip();
    }
  }
}

void read_function(ReadContext& context, std::string_view message, FunctionDef& function) {
  const Nesting nesting(context, message.data());
  WireReader reader(context, "FunctionProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        function.name = reader.text("name");
        break;
      case 4:
        add_name(reader, "input", function.inputs);
        break;
      case 5:
        add_name(reader, "output", function.outputs);
        break;
      case 6:
        add_name(reader, "attribute", function.attr_names);
        break;
      case 7:
        add_node(reader, function.nodes);
        break;
      case 8:
        function.doc_string = reader.text("doc_string");
        break;
      case 9: {
        const std::string_view import = reader.view("opset_import");
        read_opset_import(context, import, context.add(function.opset_imports, import.data()));
        break;
      }
      case 10:
        function.domain = plain_domain(reader.text("domain"));
        break;
      case 11:
        add_attr(reader, "attribute_proto", function.attr_defaults);
        break;
      case 12:
        add_value(reader, "value_info", function.value_info);
        break;
      case 13:
        function.overload = reader.text("overload");
        break;
      case 14:
        read_entry(context, reader.view("metadata_props"), function.metadata);
        break;
      default:
        reader.skip();
    }
  }
}

}  // namespace sardonyx
