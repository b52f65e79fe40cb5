// Models and functions of the text form, and the entry points behind model/text.h.
#include "model/text.h"
#include "model/text_parser.h"

namespace sardonyx {

std::vector<OpsetImport> TextParser::opset_imports() {
  std::vector<OpsetImport> imports;
  lexer_.expect("[");
  list("]", [&] {
    OpsetImport import;
    import.domain = lexer_.quoted();
    if (import.domain == "ai.onnx") import.domain.clear();
    lexer_.expect(":");
    import.version = lexer_.integer();
    imports.push_back(std::move(import));
  });
  return imports;
}

TrainingInfoDef TextParser::training_info() {
  TrainingInfoDef info;
  lexer_.expect("!");
  entries("{", "}", [&](const std::string& key) {
    if (key == "initialization") {
      info.initialization = graph();
    } else if (key == "algorithm") {
      info.algorithm = graph();
    } else if (key == "initialization_binding") {
      info.initialization_binding = pairs();
    } else if (key == "update_binding") {
      info.update_binding = pairs();
    } else {
      unknown_key(key);
    }
  });
  return info;
}

void TextParser::model_entry(const std::string& key, Model& model) {
  if (key == "ir_version") {
    model.ir_version = lexer_.integer();
  } else if (key == "opset_import") {
    model.opset_imports = opset_imports();
  } else if (key == "producer_name") {
    model.producer_name = lexer_.quoted();
  } else if (key == "producer_version") {
    model.producer_version = lexer_.quoted();
  } else if (key == "domain") {
    model.domain = lexer_.quoted();
  } else if (key == "model_version") {
    model.model_version = lexer_.integer();
  } else if (key == "doc_string") {
    model.doc_string = lexer_.quoted();
  } else if (key == "metadata_props") {
    model.metadata = pairs();
  } else if (key == "training_info") {
    lexer_.expect("[");
    list("]", [&] { model.training_info.push_back(training_info()); });
  } else if (key == "configuration") {
    model.device_configurations = quoted_list();
  } else {
    unknown_key(key);
  }
}

FunctionDef TextParser::function() {
  FunctionDef function;
  if (lexer_.is("<")) {
    entries("<", ">", [&](const std::string& key) {
      if (key == "domain") {
        function.domain = lexer_.quoted();
        if (function.domain == "ai.onnx") function.domain.clear();
      } else if (key == "opset_import") {
        function.opset_imports = opset_imports();
      } else if (key == "overload") {
        function.overload = lexer_.quoted();
      } else if (key == "doc_string") {
        function.doc_string = lexer_.quoted();
      } else if (key == "metadata_props") {
        function.metadata = pairs();
      } else {
        unknown_key(key);
      }
    });
  }
  function.name = lexer_.name();
  if (lexer_.accept("<")) {
    list(">", [&] {
      const std::string_view ahead = lexer_.peek().raw;
      if (ahead == ":" || ahead == "=") {
        function.attr_defaults.push_back(attr());
      } else {
        function.attr_names.push_back(lexer_.name());
      }
    });
  }
  const auto parameters = [&](std::vector<std::string>& names) {
    lexer_.expect("(");
    list(")", [&] {
      ValueDef parameter = value(true);
      names.push_back(parameter.name);
      if (parameter.type.kind != TypeDef::Kind::kNone) {
        function.value_info.push_back(std::move(parameter));
      }
    });
  };
  parameters(function.inputs);
  lexer_.expect("=>");
  parameters(function.outputs);
  if (lexer_.accept("<")) list(">", [&] { function.value_info.push_back(value(true)); });
  function.nodes = nodes();
  return function;
}

Model TextParser::model() {
  Model model;
  if (lexer_.is("<")) {
    entries("<", ">", [&](const std::string& key) { model_entry(key, model); });
  }
  model.graph = graph();
  while (!lexer_.is(Token::Kind::kEnd)) model.functions.push_back(function());
  model.folder = options_.external_folder;
  return model;
}

void TextParser::expect_end() {
  if (!lexer_.is(Token::Kind::kEnd)) lexer_.fail("expected the end");
}

Result<Model> parse_text(std::string_view text, const ReadOptions& options) {
  return reading([&] { return TextParser(text, options).model(); });
}

Result<TypeDef> parse_type(std::string_view text) {
  return reading([&] {
    const ReadOptions options;
    TextParser parser(text, options);
    TypeDef type = parser.type();
    parser.expect_end();
    return type;
  });
}

}  // namespace sardonyx
