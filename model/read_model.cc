// ModelProto decoding and the entry points behind model/read_model.h.
#include "model/read_model.h"

#include <system_error>

#include "model/foreign_file.h"
#include "model/read_graph.h"
#include "model/read_tensor.h"
#include "model/wire_reader.h"

namespace sardonyx {
namespace {

namespace fs = std::filesystem;

void read_training_info(ReadContext& context, std::string_view message, TrainingInfoDef& info) {
  WireReader reader(context, "TrainingInfoProto", message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        read_graph(context, reader.view("initialization"),
                   info.initialization ? *info.initialization : info.initialization.emplace());
        break;
      case 2:
        read_graph(context, reader.view("algorithm"),
                   info.algorithm ? *info.algorithm : info.algorithm.emplace());
        break;
      case 3:
        read_entry(context, reader.view("initialization_binding"), info.initialization_binding);
        break;
      case 4:
        read_entry(context, reader.view("update_binding"), info.update_binding);
        break;
      default:
        reader.skip();
    }
  }
}

// The fields of a model that say where it comes from; false for the others.
bool read_origin(WireReader& reader, Model& model) {
  switch (reader.tag()) {
    case 1:
      model.ir_version = reader.integer("ir_version");
      return true;
    case 2:
      model.producer_name = reader.text("producer_name");
      return true;
    case 3:
      model.producer_version = reader.text("producer_version");
      return true;
    case 4:
      model.domain = reader.text("domain");
      return true;
    case 5:
      model.model_version = reader.integer("model_version");
      return true;
    case 6:
      model.doc_string = reader.text("doc_string");
      return true;
    case 14:
      read_entry(reader.context(), reader.view("metadata_props"), model.metadata);
      return true;
    default:
      return false;
  }
}

// Returns whether there was a graph.
bool read_fields(ReadContext& context, Model& model) {
  bool has_graph = false;
  WireReader reader(context, "ModelProto", context.bytes.view());
  while (reader.next()) {
    if (read_origin(reader, model)) continue;
    switch (reader.tag()) {
      case 7:
        read_graph(context, reader.view("graph"), model.graph);
        has_graph = true;
        break;
      case 8: {
        const std::string_view import = reader.view("opset_import");
        read_opset_import(context, import, context.add(model.opset_imports, import.data()));
        break;
      }
      case 20: {
        const std::string_view info = reader.view("training_info");
        read_training_info(context, info, context.add(model.training_info, info.data()));
        break;
      }
      case 25: {
        const std::string_view function = reader.view("functions");
        read_function(context, function, context.add(model.functions, function.data()));
        break;
      }
      case 26:
        context.add(model.device_configurations, context.bytes.data) =
            read_verbatim(reader, "configuration");
        break;
      default:
        reader.skip();
    }
  }
  return has_graph;
}

Result<Model> read_all(const Bytes& bytes, const ReadOptions& options, const fs::path& folder,
                       const fs::path& second_folder) {
  const fs::path& external = options.external_folder.empty() ? folder : options.external_folder;
  ReadContext context{bytes, options, {external, second_folder, options.external_files}, {}};
  auto model = reading([&] {
    Model read;
    if (!read_fields(context, read)) {
      throw ReadFailure{Error{Code::kInvalidProtobuf, "there is no graph in it", {}}};
    }
    return read;
  });
  if (!model) {
    Error& error = model.error();
    const std::string_view foreign = describe_foreign_file(bytes.view());
    if (!foreign.empty()) {
      error = Error{Code::kInvalidProtobuf,
                    fmt::format("not an ONNX model: this looks like {}", foreign),
                    {}};
    } else if (error.code == Code::kInvalidProtobuf) {
      error.message = fmt::format("not an ONNX model, or a damaged one: {}", error.message);
    }
    return model;
  }
  model->folder = external;
  model->warnings = std::move(context.warnings);
  if (model->ir_version > kNewestIrVersion) {
    model->warnings.push_back(
        fmt::format("IR version {} is newer than {}, the newest known: what it adds is ignored",
                    model->ir_version, kNewestIrVersion));
  }
  return model;
}

}  // namespace

Result<Model> read_model(const Bytes& bytes, const ReadOptions& options) {
  return read_all(bytes, options, {}, {});
}

Result<Model> read_model_file(const fs::path& path, const ReadOptions& options) {
  const Bytes bytes = TRY(map_file(path));
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  // Download caches keep models as links to files elsewhere, with the external data beside those.
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  auto model = read_all(bytes, options, folder, error ? fs::path() : real.parent_path());
  if (!model) return tl::unexpected(std::move(model.error()).at(path.string()));
  return model;
}

}  // namespace sardonyx
