// See api/optimized_model.h.
#include "api/optimized_model.h"

#include <charconv>

#include "graph/to_model.h"
#include "model/write_model.h"
#include "ops/op.h"

namespace sardonyx {
namespace {

constexpr size_t kLargestEmbedded = size_t{3} << 29;  // 1.5 GB of weights; a message takes 2
constexpr const char* kExternalFile = "session.optimized_model_external_initializers_file_name";
constexpr const char* kExternalThreshold =
    "session.optimized_model_external_initializers_min_size_in_bytes";

int64_t version_of(const Node& node) {
  const OpDef* op = find_op(node);
  return op == nullptr || op->versions.empty() ? 1 : op->versions.back();
}

size_t initializer_bytes(const GraphDef& graph) {
  size_t bytes = 0;
  for (const TensorDef& tensor : graph.initializers) bytes += tensor.data.bytes();
  return bytes;
}

Result<WriteOptions> write_options(const SessionOptions& options, const Model& model) {
  WriteOptions write;
  const auto file = options.config.find(kExternalFile);
  if (file != options.config.end()) {
    write.external_file = file->second;
  } else if (initializer_bytes(model.graph) > kLargestEmbedded) {
    write.external_file = options.optimized_model_path.filename().string() + ".data";
  }
  const auto threshold = options.config.find(kExternalThreshold);
  if (threshold == options.config.end()) return write;
  const std::string& text = threshold->second;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), write.external_threshold);
  if (error != std::errc() || end != text.data() + text.size()) {
    return fail(Code::kInvalidArgument, "{} is '{}', but must be a number of bytes",
                kExternalThreshold, text);
  }
  return write;
}

}  // namespace

Result<void> save_optimized_model(const Graph& graph, const Model& origin,
                                  const SessionOptions& options) {
  Model model = TRY(to_model(graph, version_of));
  model.producer_name = origin.producer_name;
  model.producer_version = origin.producer_version;
  model.domain = origin.domain;
  model.model_version = origin.model_version;
  model.doc_string = origin.doc_string;
  model.metadata = origin.metadata;
  model.graph.doc_string = origin.graph.doc_string;
  const WriteOptions write = TRY(write_options(options, model));
  return write_model_file(model, options.optimized_model_path, write);
}

}  // namespace sardonyx
