// Attributes, nodes and graphs of the text form (model/text_parser.h).
#include "model/text_elements.h"
#include "model/text_parser.h"

namespace sardonyx {

AttrType TextParser::attr_type() {
  for (int i = 0; i <= static_cast<int>(AttrType::kTypes); ++i) {
    if (lexer_.accept(attr_type_name(static_cast<AttrType>(i)))) return static_cast<AttrType>(i);
  }
  lexer_.fail("expected an attribute type");
}

AttrDef TextParser::attr() {
  AttrDef attr;
  attr.name = lexer_.name();
  const bool typed = lexer_.accept(":");
  if (typed) attr.type = attr_type();
  lexer_.expect("=");
  if (lexer_.accept("@")) {
    attr.ref_attr_name = lexer_.name();
  } else if (typed) {
    attr_value(attr);
  } else {
    attr_of_unstated_type(attr);
  }
  note({"attr_doc_string"}, [&](const std::string& key) {
    if (key != "attr_doc_string") unknown_key(key);
    attr.doc_string = lexer_.quoted();
  });
  return attr;
}

void TextParser::attr_value(AttrDef& attr) {
  const auto items = [&](auto read) {
    lexer_.expect("[");
    list("]", read);
  };
  switch (attr.type) {
    case AttrType::kUndefined:
      return items([&] { lexer_.fail("an attribute of undefined type has no items"); });
    case AttrType::kFloat:
      attr.f = parse_float(lexer_);
      break;
    case AttrType::kInt:
      attr.i = lexer_.integer();
      break;
    case AttrType::kString:
      attr.s = lexer_.quoted();
      break;
    case AttrType::kFloats:
      return items([&] { attr.floats.push_back(parse_float(lexer_)); });
    case AttrType::kInts:
      return items([&] { attr.ints.push_back(lexer_.integer()); });
    case AttrType::kStrings:
      return items([&] { attr.strings.push_back(lexer_.quoted()); });
    case AttrType::kTensor:
      attr.tensors.push_back(tensor(false));
      break;
    case AttrType::kTensors:
      return items([&] { attr.tensors.push_back(tensor(false)); });
    case AttrType::kGraph:
      attr.graphs.push_back(graph());
      break;
    case AttrType::kGraphs:
      return items([&] { attr.graphs.push_back(graph()); });
    case AttrType::kSparseTensor:
      attr.sparse_tensors.push_back(sparse_tensor());
      break;
    case AttrType::kSparseTensors:
      return items([&] { attr.sparse_tensors.push_back(sparse_tensor()); });
    case AttrType::kType:
      attr.types.push_back(type());
      break;
    case AttrType::kTypes:
      return items([&] { attr.types.push_back(type()); });
  }
}

namespace {

bool is_whole(std::string_view number) {
  return number.find_first_not_of("+-0123456789") == std::string_view::npos;
}

}  // namespace

// The type follows from how the value begins; a graph's name is followed by its inputs.
void TextParser::attr_of_unstated_type(AttrDef& attr) {
  if (lexer_.is("[")) return list_of_unstated_type(attr);
  const bool named = lexer_.is(Token::Kind::kName) || lexer_.is(Token::Kind::kQuoted);
  if (named && lexer_.peek().raw == "(" && !lexer_.is("seq") && !lexer_.is("map") &&
      !lexer_.is("optional") && !lexer_.is("sparse_tensor") && !lexer_.is("opaque")) {
    attr.type = AttrType::kGraph;
  } else if (lexer_.is(Token::Kind::kQuoted)) {
    attr.type = AttrType::kString;
  } else if (at_sparse_tensor()) {
    attr.type = AttrType::kSparseTensor;
  } else if (at_type()) {
    attr.type = dtype_from_name(lexer_.token().raw) != DType::kUndefined ? AttrType::kTensor
                                                                         : AttrType::kType;
  } else if (lexer_.is(Token::Kind::kNumber) && is_whole(lexer_.token().raw)) {
    attr.type = AttrType::kInt;
  } else {
    attr.type = AttrType::kFloat;
  }
  attr_value(attr);
}

// All items have the type of the first one, except that a list with any float is of floats.
void TextParser::list_of_unstated_type(AttrDef& attr) {
  Lexer ahead = lexer_;
  ahead.advance();
  if (ahead.is("]")) lexer_.fail("an empty list needs a type, as in `axes: ints = []`");
  bool whole = true;
  while (ahead.is(Token::Kind::kNumber) || ahead.is("nan") || ahead.is("inf")) {
    whole = whole && is_whole(ahead.token().raw);
    ahead.advance();
    if (!ahead.accept(",")) {
      attr.type = whole ? AttrType::kInts : AttrType::kFloats;
      return attr_value(attr);
    }
  }
  const std::string_view behind = ahead.peek().raw;
  if (ahead.is(Token::Kind::kQuoted) && behind != "(") {
    attr.type = AttrType::kStrings;
  } else if (behind == "(" && !ahead.is("seq") && !ahead.is("map") && !ahead.is("optional")) {
    attr.type = AttrType::kGraphs;
  } else if (ahead.is("sparse_tensor")) {
    attr.type = AttrType::kSparseTensors;
  } else {
    attr.type = AttrType::kTensors;
  }
  attr_value(attr);
}

std::vector<AttrDef> TextParser::attrs() {
  std::vector<AttrDef> attrs;
  if (lexer_.accept("<")) list(">", [&] { attrs.push_back(attr()); });
  return attrs;
}

// domain.op:overload, where the last part of the dotted name is the operator.
void TextParser::op_name(NodeDef& node) {
  std::vector<std::string> parts = {lexer_.name()};
  while (lexer_.accept(".")) parts.push_back(lexer_.name());
  node.op_type = std::move(parts.back());
  parts.pop_back();
  node.domain = fmt::format("{}", fmt::join(parts, "."));
  if (node.domain == "ai.onnx") node.domain.clear();
  if (lexer_.accept(":")) node.overload = lexer_.name();
}

NodeDef TextParser::node() {
  NodeDef node;
  if (lexer_.accept("[")) {
    node.name = lexer_.name();
    lexer_.expect("]");
  }
  node.outputs = names_until("=");
  op_name(node);
  node.attrs = attrs();
  lexer_.expect("(");
  node.inputs = names_until(")");
  if (node.attrs.empty()) node.attrs = attrs();
  note({"doc_string", "metadata_props", "device_configurations"}, [&](const std::string& key) {
    if (key == "doc_string") {
      node.doc_string = lexer_.quoted();
    } else if (key == "metadata_props") {
      node.metadata = pairs();
    } else if (key == "device_configurations") {
      node.device_configurations = quoted_list();
    } else {
      unknown_key(key);
    }
  });
  return node;
}

std::vector<NodeDef> TextParser::nodes() {
  std::vector<NodeDef> nodes;
  lexer_.expect("{");
  while (!lexer_.accept("}")) {
    nodes.push_back(node());
    lexer_.accept(";");
  }
  return nodes;
}

GraphDef TextParser::graph() {
  const Depth depth(*this);
  GraphDef graph;
  graph.name = lexer_.name();
  lexer_.expect("(");
  list(")", [&] { value_or_initializer(graph, true); });
  lexer_.expect("=>");
  lexer_.expect("(");
  list(")", [&] { graph.outputs.push_back(value(true)); });
  if (lexer_.accept("<")) list(">", [&] { value_or_initializer(graph, false); });
  note({"doc_string", "metadata_props", "quantization_annotation"}, [&](const std::string& key) {
    if (key == "doc_string") {
      graph.doc_string = lexer_.quoted();
    } else if (key == "metadata_props") {
      graph.metadata = pairs();
    } else if (key == "quantization_annotation") {
      lexer_.expect("[");
      list("]", [&] {
        std::string tensor_name = lexer_.quoted();
        lexer_.expect(":");
        graph.quantization_annotations.push_back({std::move(tensor_name), pairs()});
      });
    } else {
      unknown_key(key);
    }
  });
  graph.nodes = nodes();
  return graph;
}

}  // namespace sardonyx
