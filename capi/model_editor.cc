// The model editor: models that the client builds node by node, and sessions of them.
#include <set>

#include "capi/door.h"
#include "capi/graphs.h"
#include "capi/tables.h"
#include "capi/types.h"
#include "capi/values.h"
#include "model/read_model.h"
#include "model/write_model.h"

namespace sardonyx::capi {
namespace {

TypeDef type_def(const OrtTypeInfo& type) {
  TypeDef def;
  switch (type.kind) {
    case ONNX_TYPE_SPARSETENSOR:
    case ONNX_TYPE_TENSOR:
      def.kind =
          type.kind == ONNX_TYPE_TENSOR ? TypeDef::Kind::kTensor : TypeDef::Kind::kSparseTensor;
      def.dtype = dtype_of_element(type.tensor.type);
      // No dims: nothing said of the shape, as clients use it.
      def.has_shape = type.tensor.has_shape && !type.tensor.dims.empty();
      for (size_t i = 0; i < type.tensor.dims.size(); ++i) {
        DimDef& dim = def.dims.emplace_back();
        dim.value = type.tensor.dims[i];
        dim.param = i < type.tensor.symbols.size() ? type.tensor.symbols[i] : "";
        if (dim.value >= 0) dim.kind = DimDef::Kind::kValue;
        if (dim.value < 0 && !dim.param.empty()) dim.kind = DimDef::Kind::kParam;
      }
      break;
    case ONNX_TYPE_MAP:
      def.kind = TypeDef::Kind::kMap;
      def.dtype = dtype_of_element(type.map.key);
      if (type.map.value != nullptr) def.element.push_back(type_def(*type.map.value));
      break;
    case ONNX_TYPE_SEQUENCE:
      def.kind = TypeDef::Kind::kSequence;
      if (type.sequence.element != nullptr) def.element.push_back(type_def(*type.sequence.element));
      break;
    case ONNX_TYPE_OPTIONAL:
      def.kind = TypeDef::Kind::kOptional;
      if (type.optional.element != nullptr) def.element.push_back(type_def(*type.optional.element));
      break;
    default:
      break;
  }
  return def;
}

template <ONNXType kKind>
Result<void> create_tensor_type(const OrtTensorTypeAndShapeInfo* info, OrtTypeInfo** out) {
  REQUIRE(info, out);
  auto type = std::make_unique<OrtTypeInfo>();
  type->kind = kKind;
  type->tensor = *info;
  *out = type.release();
  return {};
}

Result<void> CreateMapTypeInfo(ONNXTensorElementDataType key, const OrtTypeInfo* value,
                               OrtTypeInfo** out) {
  REQUIRE(value, out);
  auto type = std::make_unique<OrtTypeInfo>();
  type->kind = ONNX_TYPE_MAP;
  type->map = {key, std::make_shared<const OrtTypeInfo>(*value)};
  *out = type.release();
  return {};
}

template <ONNXType kKind, auto Member>
Result<void> create_container_type(const OrtTypeInfo* element, OrtTypeInfo** out) {
  REQUIRE(element, out);
  auto type = std::make_unique<OrtTypeInfo>();
  type->kind = kKind;
  ((*type).*Member).element = std::make_shared<const OrtTypeInfo>(*element);
  *out = type.release();
  return {};
}

Result<void> CreateValueInfo(const char* name, const OrtTypeInfo* type, OrtValueInfo** out) {
  REQUIRE(name, type, out);
  if (*name == 0) return fail(Code::kInvalidArgument, "name cannot be null or empty string");
  *out = new OrtValueInfo{name, *type};
  return {};
}

Result<std::vector<std::string>> read_names(const char* const* names, size_t count) {
  if (count != 0) REQUIRE(names);
  std::vector<std::string> result;
  for (size_t i = 0; i < count; ++i) {
    REQUIRE(names[i]);
    result.emplace_back(names[i]);
  }
  return result;
}

// The node takes the attributes; their places in the array become NULL.
Result<void> CreateNode(const char* op_type, const char* domain, const char* name,
                        const char* const* inputs, size_t input_count, const char* const* outputs,
                        size_t output_count, OrtOpAttr** attrs, size_t attr_count, OrtNode** out) {
  REQUIRE(op_type, domain, name, out);
  if (*op_type == 0) return fail(Code::kInvalidArgument, "operator_name cannot be null or empty");
  auto node = std::make_unique<OrtNode>();
  node->node.op_type = op_type;
  node->node.domain = std::string_view(domain) == "ai.onnx" ? "" : domain;
  node->node.name = name;
  node->node.inputs = TRY(read_names(inputs, input_count));
  node->node.outputs = TRY(read_names(outputs, output_count));
  if (attr_count != 0) REQUIRE(attrs);
  for (size_t i = 0; i < attr_count; ++i) REQUIRE(attrs[i]);
  for (size_t i = 0; i < attr_count; ++i) {
    node->attrs.emplace_back(std::exchange(attrs[i], nullptr));
    node->node.attrs.push_back(node->attrs.back()->attr);
  }
  *out = node.release();
  return {};
}

Result<void> CreateGraph(OrtGraph** out) {
  REQUIRE(out);
  *out = new OrtGraph;
  return {};
}

// All or nothing: on success the graph has the values, and their places become NULL.
template <auto List>
Result<void> set_values(OrtGraph* graph, OrtValueInfo** values, size_t count) {
  REQUIRE(graph);
  if (count != 0) REQUIRE(values);
  const std::set<OrtValueInfo*> distinct(values, values + count);
  if (distinct.size() != count || distinct.contains(nullptr)) {
    return fail(Code::kInvalidArgument, "values of a graph cannot be NULL, or there twice");
  }
  (graph->*List).clear();
  for (size_t i = 0; i < count; ++i) {
    (graph->*List).emplace_back(std::exchange(values[i], nullptr));
  }
  return {};
}

Result<void> AddInitializerToGraph(OrtGraph* graph, const char* name, OrtValue* value,
                                   bool is_external) {
  REQUIRE(graph, name, value);
  const Tensor& tensor = *TRY(tensor_in(value, __func__));
  constexpr size_t kLeastExternal = 128;
  if (is_external && tensor.bytes() < kLeastExternal) {
    return fail(Code::kInvalidArgument,
                "External initializer should only be used for data >= {} bytes; '{}' has {}",
                kLeastExternal, name, tensor.bytes());
  }
  for (const auto& [other, held] : graph->initializers) {
    if (other == name || held.get() == value) {
      return fail(Code::kInvalidArgument, "initializer '{}', or its value, has been added already",
                  name);
    }
  }
  graph->initializers.emplace_back(name, nullptr).second.reset(value);
  return {};
}

Result<void> AddNodeToGraph(OrtGraph* graph, OrtNode* node) {
  REQUIRE(graph, node);
  for (const auto& held : graph->nodes) {
    if (held.get() == node) {
      return fail(Code::kInvalidArgument, "this node has been added already");
    }
  }
  node->id = graph->nodes.size();
  graph->nodes.emplace_back(nullptr).reset(node);
  return {};
}

Result<void> CreateModel(const char* const* domains, const int* versions, size_t count,
                         OrtModel** out) {
  REQUIRE(out);
  if (count != 0) REQUIRE(versions);
  const std::vector<std::string> names = TRY(read_names(domains, count));
  auto model = std::make_unique<OrtModel>();
  for (size_t i = 0; i < count; ++i) {
    model->opsets.push_back({names[i] == "ai.onnx" ? "" : names[i], versions[i]});
  }
  *out = model.release();
  return {};
}

Result<void> AddGraphToModel(OrtModel* model, OrtGraph* graph) {
  REQUIRE(model, graph);
  if (model->graph != nullptr) return fail(Code::kInvalidArgument, "the model has a graph already");
  model->graph.reset(graph);
  return {};
}

void add_values(const std::vector<std::unique_ptr<OrtValueInfo>>& infos,
                std::vector<ValueDef>& values) {
  for (const auto& info : infos) {
    ValueDef& value = values.emplace_back();
    value.name = info->name;
    value.type = type_def(info->type);
  }
}

void add_to(const OrtGraph& added, GraphDef& graph) {
  for (const auto& node : added.nodes) graph.nodes.push_back(node->node);
  for (const auto& [name, value] : added.initializers) {
    TensorDef& initializer = graph.initializers.emplace_back();
    initializer.name = name;
    initializer.data = value->value.tensor();
  }
  add_values(added.inputs, graph.inputs);
  add_values(added.outputs, graph.outputs);
}

Result<void> CreateSessionFromModel(const OrtEnv* env, const OrtModel* model,
                                    const OrtSessionOptions* options, OrtSession** out) {
  REQUIRE(env, model, out);
  const std::string bytes = TRY(model_file(*model));
  return open_session(env, options, load_bytes(bytes.data(), bytes.size()), out);
}

// A session whose model is edited: it says what the model is, and runs when it is final.
Result<void> open_edited(const OrtEnv* env, const OrtSessionOptions* options, const LoadModel& load,
                         Model model, OrtSession** out) {
  OrtSession* session = nullptr;
  TRY(open_session(env, options, load, &session));
  session->edited = std::make_shared<Model>(std::move(model));
  *out = session;
  return {};
}

Result<void> CreateModelEditorSession(const OrtEnv* env, const ORTCHAR_T* path,
                                      const OrtSessionOptions* options, OrtSession** out) {
  REQUIRE(env, path, out);
  Model model = TRY(read_model_file(path));
  return open_edited(env, options, load_file(path), std::move(model), out);
}

Result<void> CreateModelEditorSessionFromArray(const OrtEnv* env, const void* data, size_t size,
                                               const OrtSessionOptions* options, OrtSession** out) {
  REQUIRE(env, data, out);
  const auto copy = std::make_shared<std::string>(static_cast<const char*>(data), size);
  Model model = TRY(read_model({copy->data(), copy->size(), copy}));
  return open_edited(env, options, load_bytes(data, size), std::move(model), out);
}

Result<void> add_opset(const OpsetImport& added, std::vector<OpsetImport>& opsets) {
  for (const OpsetImport& opset : opsets) {
    if (opset.domain != added.domain) continue;
    if (opset.version == added.version) return {};
    return fail(Code::kInvalidArgument,
                "Domain '{}': the model in the session is of opset {}, the one to apply of {}",
                added.domain, opset.version, added.version);
  }
  opsets.push_back(added);
  return {};
}

// Nodes and initializers are added; inputs and outputs, where there are any, take the place of
// those of the model.
Result<void> ApplyModelToModelEditorSession(OrtSession* session, OrtModel* model) {
  REQUIRE(session, model);
  if (session->edited == nullptr) {
    return fail(Code::kInvalidArgument,
                "the session was not made by CreateModelEditorSession, or it is final already");
  }
  if (model->graph == nullptr) return fail(Code::kInvalidArgument, "the model has no graph");
  Model result = *session->edited;
  for (const OpsetImport& opset : model->opsets) TRY(add_opset(opset, result.opset_imports));
  if (!model->graph->inputs.empty()) result.graph.inputs.clear();
  if (!model->graph->outputs.empty()) result.graph.outputs.clear();
  add_to(*model->graph, result.graph);
  *session->edited = std::move(result);
  return {};
}

Result<void> FinalizeModelEditorSession(OrtSession* session, const OrtSessionOptions* options,
                                        OrtPrepackedWeightsContainer* container) {
  REQUIRE(session);
  if (session->edited == nullptr) {
    return fail(Code::kInvalidArgument,
                "the session was not made by CreateModelEditorSession, or it is final already");
  }
  const std::string bytes = TRY(write_model(*session->edited));
  const OrtEnv env{session->loaded->environment};
  OrtSession* final_session = nullptr;
  TRY(open_session(&env, options != nullptr ? options : &session->loaded->options,
                   load_bytes(bytes.data(), bytes.size()), &final_session, container));
  session->loaded = std::move(final_session->loaded);
  session->edited = nullptr;
  delete final_session;
  return {};
}

Result<void> SessionGetOpsetForDomain(const OrtSession* session, const char* domain, int* out) {
  REQUIRE(session, domain, out);
  const std::string_view wanted = std::string_view(domain) == "ai.onnx" ? "" : domain;
  for (const auto& [name, version] : session->loaded->session.model().opsets) {
    if (name != wanted) continue;
    *out = static_cast<int>(version);
    return {};
  }
  return fail(Code::kInvalidArgument, "Domain not used by model: '{}'", domain);
}

void add_editor_types(OrtModelEditorApi& api) {
  api.CreateTensorTypeInfo = door<&create_tensor_type<ONNX_TYPE_TENSOR>>;
  api.CreateSparseTensorTypeInfo = door<&create_tensor_type<ONNX_TYPE_SPARSETENSOR>>;
  DOOR(CreateMapTypeInfo);
  api.CreateSequenceTypeInfo =
      door<&create_container_type<ONNX_TYPE_SEQUENCE, &OrtTypeInfo::sequence>>;
  api.CreateOptionalTypeInfo =
      door<&create_container_type<ONNX_TYPE_OPTIONAL, &OrtTypeInfo::optional>>;
  DOOR(CreateValueInfo);
}

OrtModelEditorApi make_editor_table() {
  OrtModelEditorApi api{};
  add_editor_types(api);
  DOOR(CreateNode);
  DOOR(CreateGraph);
  api.SetGraphInputs = door<&set_values<&OrtGraph::inputs>>;
  api.SetGraphOutputs = door<&set_values<&OrtGraph::outputs>>;
  DOOR(AddInitializerToGraph);
  DOOR(AddNodeToGraph);
  DOOR(CreateModel);
  DOOR(AddGraphToModel);
  DOOR(CreateSessionFromModel);
  DOOR(SessionGetOpsetForDomain);
  DOOR(CreateModelEditorSession);
  DOOR(CreateModelEditorSessionFromArray);
  DOOR(ApplyModelToModelEditorSession);
  DOOR(FinalizeModelEditorSession);
  return api;
}

}  // namespace

Result<std::string> model_file(const OrtModel& model) {
  if (model.graph == nullptr) return fail(Code::kInvalidArgument, "the model has no graph");
  Model result;
  result.ir_version = kEditorIrVersion;
  result.opset_imports = model.opsets;
  result.graph.name = model.graph->name;
  add_to(*model.graph, result.graph);
  return write_model(result);
}

const OrtModelEditorApi& model_editor_table() {
  static const OrtModelEditorApi api = make_editor_table();
  return api;
}

}  // namespace sardonyx::capi
