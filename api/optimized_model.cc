// See api/optimized_model.h.
#include "api/optimized_model.h"

#include <charconv>
#include <cstring>
#include <deque>
#include <string_view>

#include "base/rebuilt.h"
#include "graph/to_model.h"
#include "model/write_model.h"
#include "ops/oldest_version.h"

namespace sardonyx {
namespace {

constexpr size_t kLargestEmbedded = size_t{3} << 29;  // 1.5 GB of weights; a message takes 2
constexpr const char* kExternalFile = "session.optimized_model_external_initializers_file_name";
constexpr const char* kExternalThreshold =
    "session.optimized_model_external_initializers_min_size_in_bytes";

// An Einsum that no products of matrices say (ops/sum_of_products.cc) is an Einsum to others.
constexpr std::string_view kSumOfProducts = "SumOfProducts";
constexpr int64_t kEinsumVersion = 12;

bool is_einsum(const Node& node) {
  return node.domain == "sardonyx" && node.op_type == kSumOfProducts;
}
std::string domain_of(const Node& node) { return is_einsum(node) ? "" : node.domain; }

void rename_einsums(GraphDef& graph) {
  for (NodeDef& node : graph.nodes) {
    if (node.domain == "sardonyx" && node.op_type == kSumOfProducts) {
      node.domain = "";
      node.op_type = "Einsum";
    }
    for (AttrDef& attr : node.attrs) {
      for (GraphDef& body : attr.graphs) rename_einsums(body);
    }
  }
}

// The oldest version of each domain that says all nodes of the graph and of its bodies.
void need_versions(const Graph& graph, std::map<std::string, int64_t>& needed) {
  for (const Node& node : graph.nodes()) {
    if (node.removed) continue;
    int64_t& version = needed[domain_of(node)];
    version = std::max(version, is_einsum(node) ? kEinsumVersion : oldest_version(graph, node));
    for (const auto& [name, attr] : node.attrs) {
      if (const auto* body = std::get_if<Subgraph>(&attr)) need_versions(*body->body, needed);
      if (const auto* bodies = std::get_if<std::vector<Subgraph>>(&attr)) {
        for (const Subgraph& each : *bodies) need_versions(*each.body, needed);
      }
    }
  }
}

// The file imports what its origin imports, where that says all that there is to say, else the
// oldest versions that do.
ModelForm form_like(const Model& origin, const Graph& graph) {
  std::map<std::string, int64_t> needed;
  need_versions(graph, needed);
  ModelForm form;
  form.ir_version = origin.ir_version;
  for (const OpsetImport& import : origin.opset_imports) {
    const auto needs = needed.find(import.domain);
    if (needs == needed.end() && !import.domain.empty()) continue;
    const int64_t newest = newest_version(import.domain);
    form.opsets[import.domain] = newest == 0 ? import.version : std::min(import.version, newest);
  }
  for (const auto& [domain, version] : needed) {
    int64_t& import = form.opsets[domain];
    import = std::max(import, version);
  }
  form.version_of = [opsets = form.opsets](const Node& node) { return opsets.at(domain_of(node)); };
  form.knows = [opsets = form.opsets](const Node& node, const std::string& attr) {
    return knows_attr(node, attr, opsets.at(domain_of(node)));
  };
  return form;
}

size_t initializer_bytes(const GraphDef& graph) {
  size_t bytes = 0;
  for (const TensorDef& tensor : graph.initializers) {
    if (tensor.data.has_data()) bytes += tensor.data.bytes();
  }
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

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         (a.data() == b.data() || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

// Where the loaded model has the bytes of an initializer that it did not change.
std::optional<InitializerPlace> origin_of(const TensorDef& tensor, const Model& origin) {
  for (const TensorDef& each : origin.graph.initializers) {
    if (each.name != tensor.name) continue;
    if (each.external.location.empty() || !same_bytes(each.data, tensor.data)) return {};
    return InitializerPlace{each.external.location, each.external.offset, each.data.bytes()};
  }
  return {};
}

Result<void> check_place(const InitializerPlace& place, const Tensor& value) {
  if (!place.file.empty() && place.offset >= 0 && place.bytes == value.bytes()) return {};
  return fail(Code::kInvalidArgument,
              "its {} bytes were said to be {} bytes at offset {} of the file '{}'", value.bytes(),
              place.bytes, place.offset, place.file);
}

// Asks where initializers go. Of those that lie outside the file has the place alone.
Result<void> place_initializers(GraphDef& graph, const Model& origin,
                                const SessionOptions& options) {
  for (TensorDef& tensor : graph.initializers) {
    if (tensor.data.dtype() == DType::kString || tensor.data.bytes() == 0) continue;
    const std::optional<InitializerPlace> from = origin_of(tensor, origin);
    const std::string where = fmt::format("place of initializer '{}'", tensor.name);
    const std::optional<InitializerPlace> place =
        TRY_AT(where, options.place_initializer(tensor.name, tensor.data, from ? &*from : nullptr));
    if (!place) continue;
    TRY_AT(where, check_place(*place, tensor.data));
    tensor.external = {place->file, place->offset, static_cast<int64_t>(place->bytes), ""};
    tensor.data = Tensor::wrap(tensor.data.dtype(), tensor.data.shape(), nullptr, nullptr);
  }
  for (NodeDef& node : graph.nodes) {
    for (AttrDef& attr : node.attrs) {
      for (GraphDef& body : attr.graphs) TRY(place_initializers(body, origin, options));
    }
  }
  return {};
}

}  // namespace

// The bytes of all constants, for as long as `readings` lives.
static void read_constants(const Graph& graph, std::deque<Reading>& readings) {
  for (size_t id = 0; id < graph.value_count(); ++id) {
    const GraphValue& value = graph.value(static_cast<ValueId>(id));
    if (value.is_constant()) readings.emplace_back(value.constant);
  }
  for (const Node& node : graph.nodes()) {
    if (node.removed) continue;
    for_each_subgraph(node,
                      [&](const Subgraph& subgraph) { read_constants(*subgraph.body, readings); });
  }
}

Result<void> save_optimized_model(const Graph& graph, const Model& origin,
                                  const SessionOptions& options) {
  std::deque<Reading> readings;
  read_constants(graph, readings);
  Model model = TRY(to_model(graph, form_like(origin, graph)));
  rename_einsums(model.graph);
  model.producer_name = origin.producer_name;
  model.producer_version = origin.producer_version;
  model.domain = origin.domain;
  model.model_version = origin.model_version;
  model.doc_string = origin.doc_string;
  model.metadata = origin.metadata;
  model.graph.doc_string = origin.graph.doc_string;
  if (options.place_initializer) TRY(place_initializers(model.graph, origin, options));
  const WriteOptions write = TRY(write_options(options, model));
  return write_model_file(model, options.optimized_model_path, write);
}

}  // namespace sardonyx
