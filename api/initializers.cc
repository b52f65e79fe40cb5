// See api/initializers.h.
#include "api/initializers.h"

#include <algorithm>

namespace sardonyx {
namespace {

Result<void> replace_initializer(GraphDef& graph, const std::string& name, const Tensor& tensor,
                                 bool is_optional) {
  const auto found = std::find_if(graph.initializers.begin(), graph.initializers.end(),
                                  [&](const TensorDef& def) { return def.name == name; });
  if (found == graph.initializers.end()) {
    if (is_optional) return {};
    return fail(Code::kFail, "Failed to find existing initializer with name {}.", name);
  }
  if (found->data.dtype() != tensor.dtype() || found->data.shape() != tensor.shape()) {
    return fail(Code::kInvalidArgument, "initializer '{}' is {} {}, the one given is {} {}", name,
                dtype_name(found->data.dtype()), found->data.shape().to_string(),
                dtype_name(tensor.dtype()), tensor.shape().to_string());
  }
  found->data = tensor;
  return {};
}

bool is_loaded(const TensorDef& def) { return def.data.has_data() || def.data.count() == 0; }

bool is_loaded(const GraphDef& graph) {
  const auto& tensors = graph.initializers;
  const auto loaded = [](const TensorDef& def) { return is_loaded(def); };
  if (!std::all_of(tensors.begin(), tensors.end(), loaded)) return false;
  for (const NodeDef& node : graph.nodes) {
    for (const AttrDef& attr : node.attrs) {
      if (!std::all_of(attr.tensors.begin(), attr.tensors.end(), loaded)) return false;
      for (const GraphDef& body : attr.graphs) {
        if (!is_loaded(body)) return false;
      }
    }
  }
  return true;
}

}  // namespace

Result<Model> read_with_initializers(ReadOptions options,
                                     const std::map<std::string, Tensor>& initializers,
                                     const std::set<std::string>& optional, const ReadModel& read) {
  if (initializers.empty()) return read(options);
  options.load_external = false;
  Model model = TRY(read(options));
  for (const auto& [name, tensor] : initializers) {
    TRY(replace_initializer(model.graph, name, tensor, optional.contains(name)));
  }
  if (is_loaded(model.graph)) return model;
  options.load_external = true;
  model = TRY(read(options));
  for (const auto& [name, tensor] : initializers) {
    TRY(replace_initializer(model.graph, name, tensor, optional.contains(name)));
  }
  return model;
}

}  // namespace sardonyx
