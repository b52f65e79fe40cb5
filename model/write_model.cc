// ModelProto encoding and the entry points behind model/write_model.h.
#include "model/write_model.h"

#include <algorithm>

#include "model/wire_writer.h"

namespace sardonyx {
namespace {

void write_training_info(WireWriter&& out, const TrainingInfoDef& info, ElementSink& sink) {
  if (info.initialization) write_graph(WireWriter(out, 1), *info.initialization, sink);
  if (info.algorithm) write_graph(WireWriter(out, 2), *info.algorithm, sink);
  write_metadata(out, 3, info.initialization_binding);
  write_metadata(out, 4, info.update_binding);
}

// Most of a model's bytes are those of its initializers.
size_t reserve_for(const Model& model, const ElementSink& sink) {
  size_t size = 0;
  for (const TensorDef& tensor : model.graph.initializers) {
    if (tensor.data.has_data()) size += tensor.data.bytes();
  }
  return sink.file == nullptr && size <= INT32_MAX ? size + size / 64 : 0;
}

Result<std::string> write_all(const Model& model, ElementSink& sink) {
  std::string bytes;
  bytes.reserve(reserve_for(model, sink));
  WireWriter out(bytes);
  if (model.ir_version != 0) out.add_int64(1, model.ir_version);
  write_text(out, 2, model.producer_name);
  write_text(out, 3, model.producer_version);
  write_text(out, 4, model.domain);
  if (model.model_version != 0) out.add_int64(5, model.model_version);
  write_text(out, 6, model.doc_string);
  write_graph(WireWriter(out, 7), model.graph, sink);
  for (const OpsetImport& import : model.opset_imports) {
    write_opset_import(WireWriter(out, 8), import);
  }
  write_metadata(out, 14, model.metadata);
  for (const TrainingInfoDef& info : model.training_info) {
    write_training_info(WireWriter(out, 20), info, sink);
  }
  for (const FunctionDef& function : model.functions) {
    write_function(WireWriter(out, 25), function, sink);
  }
  for (const std::string& message : model.device_configurations) out.add_bytes(26, message);
  TRY(std::move(sink.status));
  if (sink.inline_bytes > INT32_MAX || bytes.size() > INT32_MAX) {
    return fail(Code::kInvalidArgument,
                "the model needs {} bytes, a protobuf message has at most {}: write the "
                "weights to a file beside it (WriteOptions::external_file)",
                std::max<uint64_t>(sink.inline_bytes, bytes.size()), INT32_MAX);
  }
  return bytes;
}

}  // namespace

Result<std::string> write_model(const Model& model) {
  ElementSink sink;
  return write_all(model, sink);
}

Result<void> write_model_file(const Model& model, const std::filesystem::path& path,
                              const WriteOptions& options) {
  FileWriter file = TRY(FileWriter::open(path));
  if (options.external_file.empty()) {
    const std::string bytes = TRY(write_model(model));
    TRY(file.write(bytes));
    return file.commit();
  }
  const std::filesystem::path name(options.external_file);
  const bool leaves = std::find(name.begin(), name.end(), "..") != name.end();
  if (name.is_absolute() || leaves || !name.has_filename() || name.filename() == ".") {
    return fail(Code::kInvalidArgument,
                "external file '{}' must be a name, or a path below the model's folder",
                options.external_file);
  }
  FileWriter elements = TRY(FileWriter::open(path.parent_path() / name));
  ElementSink sink;
  sink.file = &elements;
  sink.file_name = options.external_file;
  sink.threshold = options.external_threshold;
  const std::string bytes = TRY(write_all(model, sink));
  TRY(file.write(bytes));
  if (elements.offset() != 0) TRY(elements.commit());
  return file.commit();
}

}  // namespace sardonyx
