// Structs of model/model.h → protobuf bytes. Elements of tensors go in as raw_data, or through
// ElementSink to a file beside the model. Used by write_model.cc and write_value.cc.
#pragma once

#include <string>
#include <string_view>

#include "base/file_writer.h"
#include "base/result.h"
#include "model/model.h"

namespace sardonyx {

// Appends one message to a string. Unlike protozero's writer it keeps empty messages, which mean
// something in ONNX: the shape of a scalar, a dim that is not known.
class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out), parent_(nullptr), begin_(out.size()) {}
  // A message inside another one, complete when this is destroyed. Only the innermost is used.
  WireWriter(WireWriter& parent, uint32_t tag);
  ~WireWriter();
  WireWriter(const WireWriter&) = delete;
  WireWriter& operator=(const WireWriter&) = delete;

  void add_int64(uint32_t tag, int64_t value);
  void add_float(uint32_t tag, float value);
  void add_bytes(uint32_t tag, std::string_view bytes);

 private:
  void add_varint(uint64_t value);

  std::string& out_;
  WireWriter* parent_;
  size_t begin_;  // of the content
};

// Where the elements of large tensors go, and the first thing that went wrong: writing continues
// after an error, and the caller looks here at the end.
struct ElementSink {
  FileWriter* file = nullptr;  // null: everything goes into the message
  std::string file_name;
  size_t threshold = 0;
  uint64_t inline_bytes = 0;
  Result<void> status;
};

void write_metadata(WireWriter& parent, uint32_t tag, const Metadata& metadata);
void write_tensor(WireWriter&& out, const TensorDef& tensor, ElementSink& sink);
void write_sparse_tensor(WireWriter&& out, const SparseTensorDef& sparse, ElementSink& sink);
void write_graph(WireWriter&& out, const GraphDef& graph, ElementSink& sink);
void write_function(WireWriter&& out, const FunctionDef& function, ElementSink& sink);
void write_opset_import(WireWriter&& out, const OpsetImport& import);

// Optional strings are written only when there is something in them.
inline void write_text(WireWriter& out, uint32_t tag, const std::string& text) {
  if (!text.empty()) out.add_bytes(tag, text);
}

}  // namespace sardonyx
