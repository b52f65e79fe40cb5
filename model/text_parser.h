// TextParser: recursive descent over the grammar of model/text.h. parse_value.cc has types, tensors
// and values, parse_graph.cc attributes, nodes and graphs, parse_text.cc models and functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/text_lexer.h"

namespace sardonyx {

class TextParser {
 public:
  TextParser(std::string_view text, const ReadOptions& options)
      : lexer_(text),
        options_(options),
        files_{options.external_folder, {}, options.external_files} {}

  Model model();
  TypeDef type();
  void expect_end();

 private:
  // "key: ..." entries: `read` is called behind the colon of each.
  template <class Read>
  void entries(std::string_view open, std::string_view close, Read read);
  // The note "!{...}" when there is one here whose first key is among `keys`.
  template <class Read>
  void note(std::initializer_list<std::string_view> keys, Read read);
  bool at_note(std::initializer_list<std::string_view> keys) const;
  [[noreturn]] void unknown_key(const std::string& key);
  // Items with commas between, up to the closing sign, which is consumed.
  template <class Read>
  void list(std::string_view close, Read read);
  class Depth;

  Metadata pairs();
  std::vector<std::string> quoted_list();
  std::vector<OpsetImport> opset_imports();
  std::vector<std::string> names_until(std::string_view close);
  std::string dotted_name();

  DType dtype();
  DimDef dim();
  void tensor_type(TypeDef& type);
  bool at_type() const;
  Shape shape();
  TensorDef tensor(bool needs_name);
  void tensor_data(TensorDef& tensor, const Shape& shape);
  bool at_sparse_tensor() const;
  SparseTensorDef sparse_tensor();
  ValueDef value(bool may_lack_type);
  void value_note(ValueDef& value);
  void value_or_initializer(GraphDef& graph, bool is_input);

  AttrDef attr();
  AttrType attr_type();
  void attr_value(AttrDef& attr);
  void attr_of_unstated_type(AttrDef& attr);
  void list_of_unstated_type(AttrDef& attr);
  std::vector<AttrDef> attrs();
  NodeDef node();
  void op_name(NodeDef& node);
  std::vector<NodeDef> nodes();
  GraphDef graph();

  FunctionDef function();
  void model_entry(const std::string& key, Model& model);
  TrainingInfoDef training_info();

  Lexer lexer_;
  const ReadOptions& options_;
  ExternalFiles files_;
  int depth_ = 0;
};

class TextParser::Depth {
 public:
  explicit Depth(TextParser& parser) : parser_(parser) {
    if (parser.depth_ >= parser.options_.max_depth) {
      parser.lexer_.fail(fmt::format("nested more than {} levels deep", parser.options_.max_depth));
    }
    ++parser.depth_;
  }
  ~Depth() { --parser_.depth_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  TextParser& parser_;
};

template <class Read>
void TextParser::list(std::string_view close, Read read) {
  bool first = true;
  while (!lexer_.accept(close)) {
    if (!first) lexer_.expect(",");
    first = false;
    if (lexer_.accept(close)) return;  // a comma may stand behind the last item
    read();
  }
}

template <class Read>
void TextParser::entries(std::string_view open, std::string_view close, Read read) {
  lexer_.expect(open);
  list(close, [&] {
    const std::string key(lexer_.plain_name("a key"));
    lexer_.expect(":");
    read(key);
  });
}

template <class Read>
void TextParser::note(std::initializer_list<std::string_view> keys, Read read) {
  if (!at_note(keys)) return;
  lexer_.expect("!");
  entries("{", "}", read);
}

}  // namespace sardonyx
