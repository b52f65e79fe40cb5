// Model ↔ text in the ONNX textual syntax, with its gaps closed so that printing and parsing back
// gives an equal model: names that are no identifiers are quoted, and what the syntax has no place
// for (doc strings, metadata of nodes, ...) is carried by extensions that ARCHITECTURE lists.
// Entry points: to_text, parse_text.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

struct TextOptions {
  // Tensors with more elements are printed as dtype, shape and "...", which does not parse back;
  // negative: never.
  int64_t max_elements = -1;
};

std::string to_text(const Model& model, const TextOptions& options = {});
std::string to_text(const GraphDef& graph, const TextOptions& options = {});
std::string to_text(const NodeDef& node, const TextOptions& options = {});
std::string to_text(const TypeDef& type);  // "float[N,3,224,224]", "seq(int64[])"

// Errors name line and column.
Result<Model> parse_text(std::string_view text);
Result<TypeDef> parse_type(std::string_view text);

}  // namespace sardonyx
