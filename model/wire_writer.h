// Structs of model/model.h → protobuf bytes. Elements of tensors go in as raw_data, or through
// ElementSink to a file beside the model. Used by write_model.cc and write_value.cc.
#pragma once

#include <protozero/pbf_writer.hpp>

#include <string>
#include <string_view>

#include "base/file_writer.h"
#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

// Where the elements of large tensors go, and the first thing that went wrong: writing continues
// after an error, and the caller looks here at the end.
struct ElementSink {
  FileWriter* file = nullptr;  // null: everything goes into the message
  std::string file_name;
  size_t threshold = 0;
  uint64_t inline_bytes = 0;
  Result<void> status;
};

void write_metadata(protozero::pbf_writer& parent, uint32_t tag, const Metadata& metadata);
void write_tensor(protozero::pbf_writer out, const TensorDef& tensor, ElementSink& sink);
void write_sparse_tensor(protozero::pbf_writer out, const SparseTensorDef& sparse,
                         ElementSink& sink);
void write_graph(protozero::pbf_writer out, const GraphDef& graph, ElementSink& sink);
void write_function(protozero::pbf_writer out, const FunctionDef& function, ElementSink& sink);
void write_opset_import(protozero::pbf_writer out, const OpsetImport& import);

// Optional strings are written only when there is something in them.
inline void write_text(protozero::pbf_writer& out, uint32_t tag, const std::string& text) {
  if (!text.empty()) out.add_string(tag, text);
}

}  // namespace sardonyx
