// What can be asked of the parts of a model that the client builds. Views of other graphs are for
// plugins of providers, which are not loaded here.
#include "capi/graphs.h"

#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {
namespace {

Result<void> GetValueInfoName(const OrtValueInfo* value, const char** out) {
  REQUIRE(value, out);
  *out = value->name.c_str();
  return {};
}

Result<void> GetValueInfoTypeInfo(const OrtValueInfo* value, const OrtTypeInfo** out) {
  REQUIRE(value, out);
  *out = &value->type;
  return {};
}

template <auto Text>
Result<void> get_node_text(const OrtNode* node, const char** out) {
  REQUIRE(node, out);
  *out = (node->node.*Text).c_str();
  return {};
}

template <auto List, class Owner>
Result<void> get_count(const Owner* owner, size_t* out) {
  REQUIRE(owner, out);
  *out = (owner->*List).size();
  return {};
}

template <auto List>
Result<void> get_node_count(const OrtNode* node, size_t* out) {
  REQUIRE(node, out);
  *out = (node->node.*List).size();
  return {};
}

template <auto List, class Owner, class Item>
Result<void> get_items(const Owner* owner, const Item** out, size_t count) {
  REQUIRE(owner);
  const auto& items = owner->*List;
  if (count != items.size()) {
    return fail(Code::kInvalidArgument, "there is room for {} items, but there are {}", count,
                items.size());
  }
  if (count != 0) REQUIRE(out);
  for (size_t i = 0; i < count; ++i) out[i] = items[i].get();
  return {};
}

Result<void> Node_GetId(const OrtNode* node, size_t* out) {
  REQUIRE(node, out);
  *out = node->id;
  return {};
}

Result<void> Node_GetAttributeByName(const OrtNode* node, const char* name, const OrtOpAttr** out) {
  REQUIRE(node, name, out);
  *out = nullptr;
  for (const auto& attr : node->attrs) {
    if (attr->attr.name == name) *out = attr.get();
  }
  if (*out != nullptr) return {};
  return fail(Code::kNotFound, "Node attribute does not exist: {}", name);
}

Result<void> Graph_GetName(const OrtGraph* graph, const char** out) {
  REQUIRE(graph, out);
  *out = graph->name.c_str();
  return {};
}

// What the client builds comes from no file, and says nothing of itself.
Result<void> Graph_GetModelPath(const OrtGraph* graph, const ORTCHAR_T** out) {
  REQUIRE(graph, out);
  *out = "";
  return {};
}

Result<void> Graph_GetOnnxIRVersion(const OrtGraph* graph, int64_t* out) {
  REQUIRE(graph, out);
  *out = kEditorIrVersion;
  return {};
}

Result<void> Graph_GetModelMetadata(const OrtGraph* graph, OrtModelMetadata** out) {
  REQUIRE(graph, out);
  *out = new OrtModelMetadata;
  (*out)->info.graph_name = graph->name;
  return {};
}

Result<void> CreateExternalInitializerInfo(const ORTCHAR_T* path, int64_t offset, size_t bytes,
                                           OrtExternalInitializerInfo** out) {
  REQUIRE(path, out);
  *out = new OrtExternalInitializerInfo{path, offset, bytes};
  return {};
}

const ORTCHAR_T* ORT_API_CALL
ExternalInitializerInfo_GetFilePath(const OrtExternalInitializerInfo* info) noexcept {
  return info != nullptr ? info->path.c_str() : nullptr;
}
int64_t ORT_API_CALL
ExternalInitializerInfo_GetFileOffset(const OrtExternalInitializerInfo* info) noexcept {
  return info != nullptr ? info->offset : 0;
}
size_t ORT_API_CALL
ExternalInitializerInfo_GetByteSize(const OrtExternalInitializerInfo* info) noexcept {
  return info != nullptr ? info->bytes : 0;
}

void add_nodes(OrtApi& api) {
  api.ReleaseNode = &release<OrtNode>;
  DOOR(Node_GetId);
  api.Node_GetName = door<&get_node_text<&NodeDef::name>>;
  api.Node_GetOperatorType = door<&get_node_text<&NodeDef::op_type>>;
  api.Node_GetDomain = door<&get_node_text<&NodeDef::domain>>;
  api.Node_GetNumInputs = door<&get_node_count<&NodeDef::inputs>>;
  api.Node_GetNumOutputs = door<&get_node_count<&NodeDef::outputs>>;
  api.Node_GetNumAttributes = door<&get_count<&OrtNode::attrs, OrtNode>>;
  api.Node_GetAttributes = door<&get_items<&OrtNode::attrs, OrtNode, OrtOpAttr>>;
  DOOR(Node_GetAttributeByName);
  MISSING(Node_GetSinceVersion);
  MISSING(Node_GetInputs);
  MISSING(Node_GetOutputs);
  MISSING(Node_GetNumImplicitInputs);
  MISSING(Node_GetImplicitInputs);
  MISSING(Node_GetNumSubgraphs);
  MISSING(Node_GetSubgraphs);
  MISSING(Node_GetGraph);
  MISSING(Node_GetEpName);
}

void add_values(OrtApi& api) {
  api.ReleaseValueInfo = &release<OrtValueInfo>;
  DOOR(GetValueInfoName);
  DOOR(GetValueInfoTypeInfo);
  MISSING(ValueInfo_GetValueProducer);
  MISSING(ValueInfo_GetValueNumConsumers);
  MISSING(ValueInfo_GetValueConsumers);
  MISSING(ValueInfo_GetInitializerValue);
  MISSING(ValueInfo_GetExternalInitializerInfo);
  MISSING(ValueInfo_IsRequiredGraphInput);
  MISSING(ValueInfo_IsOptionalGraphInput);
  MISSING(ValueInfo_IsGraphOutput);
  MISSING(ValueInfo_IsConstantInitializer);
  MISSING(ValueInfo_IsFromOuterScope);
}

}  // namespace

void add_graphs(OrtApi& api) {
  add_nodes(api);
  add_values(api);
  api.ReleaseGraph = &release<OrtGraph>;
  api.ReleaseModel = &release<OrtModel>;
  DOOR(Graph_GetName);
  api.Graph_GetNumInputs = door<&get_count<&OrtGraph::inputs, OrtGraph>>;
  api.Graph_GetInputs = door<&get_items<&OrtGraph::inputs, OrtGraph, OrtValueInfo>>;
  api.Graph_GetNumOutputs = door<&get_count<&OrtGraph::outputs, OrtGraph>>;
  api.Graph_GetOutputs = door<&get_items<&OrtGraph::outputs, OrtGraph, OrtValueInfo>>;
  api.Graph_GetNumNodes = door<&get_count<&OrtGraph::nodes, OrtGraph>>;
  api.Graph_GetNodes = door<&get_items<&OrtGraph::nodes, OrtGraph, OrtNode>>;
  api.Graph_GetNumInitializers = door<&get_count<&OrtGraph::initializers, OrtGraph>>;
  MISSING(Graph_GetInitializers);
  DOOR(Graph_GetModelPath);
  DOOR(Graph_GetOnnxIRVersion);
  MISSING(Graph_GetNumOperatorSets);
  MISSING(Graph_GetOperatorSets);
  MISSING(Graph_GetParentNode);
  MISSING(Graph_GetGraphView);
  DOOR(Graph_GetModelMetadata);
  DOOR(CreateExternalInitializerInfo);
  api.ReleaseExternalInitializerInfo = &release<OrtExternalInitializerInfo>;
  PLAIN(ExternalInitializerInfo_GetFilePath);
  PLAIN(ExternalInitializerInfo_GetFileOffset);
  PLAIN(ExternalInitializerInfo_GetByteSize);
}

}  // namespace sardonyx::capi
