// Model ↔ text in the ONNX textual syntax, with its gaps closed so that printing and parsing back
// gives an equal model. Entry points: to_text, parse_text.
//
// Beyond that syntax: any name may be quoted, "\n", "\t" and "\x1f" are escapes in strings,
// elements of narrow floats are numbers (0x... is a bit pattern), sparse tensors are written
// `sparse_tensor[8] {float[1] v {2}, int64[1] {5}}`, values may have no type, and what the syntax
// has no place for stands in notes such as `!{doc_string: "...", metadata_props: ["k": "v"]}`.
// Tensors with external data are printed as a reference, without elements.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/model.h"
#include "model/read_model.h"

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

// Errors name line and column. External data is loaded when options.external_folder is set.
Result<Model> parse_text(std::string_view text, const ReadOptions& options = {});
Result<TypeDef> parse_type(std::string_view text);

}  // namespace sardonyx
