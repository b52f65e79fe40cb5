// Types, tensors and values of the text form (model/text_parser.h).
#include <charconv>

#include "model/read_tensor.h"
#include "model/text_elements.h"
#include "model/text_parser.h"

namespace sardonyx {

bool TextParser::at_note(std::initializer_list<std::string_view> keys) const {
  Lexer ahead = lexer_;
  if (!ahead.accept("!") || !ahead.accept("{")) return false;
  for (const std::string_view key : keys) {
    if (ahead.is(key)) return true;
  }
  return false;
}

void TextParser::unknown_key(const std::string& key) {
  lexer_.fail(fmt::format("unknown key {}", in_quotes(key)));
}

Metadata TextParser::pairs() {
  Metadata pairs;
  lexer_.expect("[");
  list("]", [&] {
    std::string key = lexer_.quoted();
    lexer_.expect(":");
    pairs.emplace_back(std::move(key), lexer_.quoted());
  });
  return pairs;
}

std::vector<std::string> TextParser::quoted_list() {
  std::vector<std::string> strings;
  lexer_.expect("[");
  list("]", [&] { strings.push_back(lexer_.quoted()); });
  return strings;
}

std::vector<std::string> TextParser::names_until(std::string_view close) {
  std::vector<std::string> names;
  list(close, [&] { names.push_back(lexer_.name()); });
  return names;
}

std::string TextParser::dotted_name() {
  std::string name = lexer_.name();
  while (lexer_.accept(".")) name += "." + lexer_.name();
  return name;
}

DType TextParser::dtype() {
  const DType dtype = dtype_from_name(lexer_.token().raw);
  if (dtype == DType::kUndefined && !lexer_.is("undefined")) lexer_.fail("expected a type");
  lexer_.advance();
  return dtype;
}

DimDef TextParser::dim() {
  DimDef dim;
  if (lexer_.is(Token::Kind::kNumber)) {
    dim.kind = DimDef::Kind::kValue;
    dim.value = lexer_.integer();
  } else if (!lexer_.accept("?")) {
    dim.kind = DimDef::Kind::kParam;
    dim.param = lexer_.name();
  }
  note({"denotation"}, [&](const std::string& key) {
    if (key != "denotation") unknown_key(key);
    dim.denotation = lexer_.quoted();
  });
  return dim;
}

void TextParser::tensor_type(TypeDef& type) {
  type.dtype = dtype();
  type.has_shape = true;
  if (!lexer_.accept("[")) return;
  list("]", [&] { type.dims.push_back(dim()); });
  type.has_shape = !type.dims.empty();
}

TypeDef TextParser::type() {
  const Depth depth(*this);
  TypeDef type;
  const auto container = [&](TypeDef::Kind kind) {
    type.kind = kind;
    lexer_.expect("(");
    if (kind == TypeDef::Kind::kMap) {
      type.dtype = dtype();
      lexer_.expect(",");
    }
    if (kind == TypeDef::Kind::kSparseTensor) {
      tensor_type(type);
    } else {
      type.element.push_back(this->type());
    }
    lexer_.expect(")");
  };
  if (lexer_.accept("seq")) {
    container(TypeDef::Kind::kSequence);
  } else if (lexer_.accept("map")) {
    container(TypeDef::Kind::kMap);
  } else if (lexer_.accept("optional")) {
    container(TypeDef::Kind::kOptional);
  } else if (lexer_.accept("sparse_tensor")) {
    container(TypeDef::Kind::kSparseTensor);
  } else if (lexer_.accept("opaque")) {
    type.kind = TypeDef::Kind::kOpaque;
    lexer_.expect("(");
    std::vector<std::string> parts;
    list(")", [&] { parts.push_back(dotted_name()); });
    if (parts.size() > 2) lexer_.fail("opaque types have a domain and a name");
    if (parts.size() == 2) type.opaque_domain = parts.front();
    if (!parts.empty()) type.opaque_name = parts.back();
  } else if (!lexer_.accept("none")) {
    type.kind = TypeDef::Kind::kTensor;
    tensor_type(type);
  }
  note({"denotation"}, [&](const std::string& key) {
    if (key != "denotation") unknown_key(key);
    type.denotation = lexer_.quoted();
  });
  return type;
}

bool TextParser::at_type() const {
  return lexer_.is(Token::Kind::kName) && is_type_word(lexer_.token().raw);
}

Shape TextParser::shape() {
  std::vector<int64_t> dims;
  if (lexer_.accept("[")) {
    list("]", [&] {
      if (dims.size() == 64) lexer_.fail("rank is above the limit of 64");
      dims.push_back(lexer_.integer());
    });
  }
  Shape shape(dims);
  if (!shape.checked_count()) lexer_.fail("a shape is negative or has too many elements");
  return shape;
}

void TextParser::tensor_data(TensorDef& tensor, const Shape& shape) {
  const DType dtype = tensor.data.dtype();
  if (lexer_.is("[")) {
    const std::string described = fmt::format("tensor {}", in_quotes(tensor.name));
    auto done = set_external(tensor, pairs(), described);
    if (done && !files_.folder.empty()) done = load_external(tensor, files_, described);
    if (!done) lexer_.fail(done.error().text());
  } else {
    tensor.data = parse_elements(lexer_, dtype, shape);
  }
  note({"doc_string", "metadata_props"}, [&](const std::string& key) {
    if (key == "doc_string") {
      tensor.doc_string = lexer_.quoted();
    } else if (key == "metadata_props") {
      tensor.metadata = pairs();
    } else {
      unknown_key(key);
    }
  });
}

TensorDef TextParser::tensor(bool needs_name) {
  TensorDef tensor;
  const DType element = dtype();
  if (element == DType::kUndefined) lexer_.fail("a tensor needs an element type");
  const Shape dims = shape();
  tensor.data = Tensor::wrap(element, dims, nullptr, nullptr);
  const bool named = lexer_.is(Token::Kind::kName) || lexer_.is(Token::Kind::kQuoted);
  if (needs_name || named) tensor.name = lexer_.name();
  if (!lexer_.accept("=") && needs_name) lexer_.fail("expected '='");
  tensor_data(tensor, dims);
  return tensor;
}

bool TextParser::at_sparse_tensor() const {
  if (!lexer_.is("sparse_tensor")) return false;
  const Token ahead = lexer_.peek();
  return ahead.raw == "[" || ahead.raw == "{";
}

SparseTensorDef TextParser::sparse_tensor() {
  SparseTensorDef sparse;
  lexer_.expect("sparse_tensor");
  sparse.shape = shape();
  lexer_.expect("{");
  sparse.values = tensor(false);
  lexer_.expect(",");
  sparse.indices = tensor(false);
  const auto checked = check_sparse(sparse);
  if (!checked) lexer_.fail(checked.error().text());
  lexer_.expect("}");
  return sparse;
}

void TextParser::value_note(ValueDef& value) {
  note({"doc_string", "metadata_props"}, [&](const std::string& key) {
    if (key == "doc_string") {
      value.doc_string = lexer_.quoted();
    } else if (key == "metadata_props") {
      value.metadata = pairs();
    } else {
      unknown_key(key);
    }
  });
}

ValueDef TextParser::value(bool may_lack_type) {
  ValueDef value;
  if (at_type()) {
    value.type = type();
  } else if (!may_lack_type) {
    lexer_.fail("expected a type");
  }
  value.name = lexer_.name();
  value_note(value);
  return value;
}

void TextParser::value_or_initializer(GraphDef& graph, bool is_input) {
  if (at_sparse_tensor()) {
    graph.sparse_initializers.push_back(sparse_tensor());
    return;
  }
  const Lexer start = lexer_;
  ValueDef declared = value(true);
  if (!lexer_.is("=")) {
    (is_input ? graph.inputs : graph.value_info).push_back(std::move(declared));
    return;
  }
  lexer_ = start;
  graph.initializers.push_back(tensor(true));
  if (is_input) graph.inputs.push_back(std::move(declared));
}

}  // namespace sardonyx
