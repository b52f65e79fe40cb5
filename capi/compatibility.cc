// What a model, a device and a provider are to each other: which provider runs which nodes, and
// whether a model that was compiled for a provider suits its devices.
#include <deque>

#include "api/inspect.h"
#include "capi/devices.h"
#include "capi/door.h"
#include "capi/tables.h"
#include "capi/texts.h"
#include "model/read_model.h"

struct OrtDeviceEpIncompatibilityDetails {
  uint32_t reasons = OrtDeviceEpIncompatibility_NONE;
  int32_t error_code = 0;
  std::string notes;
};

struct OrtEpAssignedNode {
  std::string name;
  std::string domain;
  std::string op_type;
};

struct OrtEpAssignedSubgraph {
  std::string provider = "CPUExecutionProvider";
  std::deque<OrtEpAssignedNode> nodes;
  std::vector<const OrtEpAssignedNode*> node_list;
};

namespace sardonyx::capi {
namespace {

// There is one provider here, and no device of it lacks anything.
Result<void> GetHardwareDeviceEpIncompatibilityDetails(const OrtEnv* env, const char* provider,
                                                       const OrtHardwareDevice* device,
                                                       OrtDeviceEpIncompatibilityDetails** out) {
  REQUIRE(env, provider, device, out);
  if (cpu_device().provider != provider) {
    return fail(Code::kInvalidArgument, "there is no execution provider '{}'; there is {}",
                provider, cpu_device().provider);
  }
  *out = new OrtDeviceEpIncompatibilityDetails;
  return {};
}

Result<void> DeviceEpIncompatibilityDetails_GetReasonsBitmask(
    const OrtDeviceEpIncompatibilityDetails* details, uint32_t* out) {
  REQUIRE(details, out);
  *out = details->reasons;
  return {};
}

Result<void> DeviceEpIncompatibilityDetails_GetNotes(
    const OrtDeviceEpIncompatibilityDetails* details, const char** out) {
  REQUIRE(details, out);
  *out = details->notes.empty() ? nullptr : details->notes.c_str();
  return {};
}

Result<void> DeviceEpIncompatibilityDetails_GetErrorCode(
    const OrtDeviceEpIncompatibilityDetails* details, int32_t* out) {
  REQUIRE(details, out);
  *out = details->error_code;
  return {};
}

// The CPU takes every model as it is.
Result<void> GetModelCompatibilityForEpDevices(const OrtEpDevice* const* devices, size_t count,
                                               const char* info,
                                               OrtCompiledModelCompatibility* out) {
  REQUIRE(devices, info, out);
  if (count == 0) return fail(Code::kInvalidArgument, "At least one EP device is required");
  for (size_t i = 0; i < count; ++i) REQUIRE(devices[i]);
  *out = OrtCompiledModelCompatibility_EP_NOT_APPLICABLE;
  return {};
}

// NULL where the model says nothing for the provider.
Result<void> give_compatibility(const Model& model, const char* provider, OrtAllocator* allocator,
                                char** out) {
  *out = nullptr;
  const std::string wanted = std::string("ep_compatibility_info.") + provider;
  for (const auto& [key, value] : model.metadata) {
    if (key != wanted) continue;
    *out = TRY(copy_text(allocator, value));
    return {};
  }
  return {};
}

Result<void> GetCompatibilityInfoFromModel(const ORTCHAR_T* path, const char* provider,
                                           OrtAllocator* allocator, char** out) {
  REQUIRE(path, provider, allocator, out);
  ReadOptions options;
  options.load_external = false;
  return give_compatibility(TRY(read_model_file(path, options)), provider, allocator, out);
}

Result<void> GetCompatibilityInfoFromModelBytes(const void* data, size_t size, const char* provider,
                                                OrtAllocator* allocator, char** out) {
  REQUIRE(data, provider, allocator, out);
  ReadOptions options;
  options.load_external = false;
  const Bytes bytes{static_cast<const char*>(data), size, nullptr};
  return give_compatibility(TRY(read_model(bytes, options)), provider, allocator, out);
}

std::shared_ptr<OrtEpAssignedSubgraph> assigned_nodes(const Session& session) {
  auto assigned = std::make_shared<OrtEpAssignedSubgraph>();
  for (const GraphReport::NodeTitle& node : describe_graph(session).nodes) {
    assigned->nodes.push_back({node.name, node.domain, node.op_type});
    assigned->node_list.push_back(&assigned->nodes.back());
  }
  return assigned;
}

// All nodes run on the CPU; recorded on request, as ONNX Runtime does.
Result<void> Session_GetEpGraphAssignmentInfo(const OrtSession* session,
                                              const OrtEpAssignedSubgraph* const** out,
                                              size_t* count) {
  REQUIRE(session, out, count);
  LoadedSession& loaded = *session->loaded;
  constexpr const char* kKey = "session.record_ep_graph_assignment_info";
  const auto entry = loaded.options.library.config.find(kKey);
  if (entry == loaded.options.library.config.end() || entry->second != "1") {
    return fail(Code::kFail,
                "Session configuration entry \"{}\" must be set to \"1\" to retrieve the nodes of "
                "each execution provider",
                kKey);
  }
  const std::lock_guard lock(loaded.assigned_mutex);
  if (loaded.assigned == nullptr) {
    loaded.assigned = assigned_nodes(loaded.session);
    loaded.assigned_list = loaded.assigned.get();
  }
  *out = &loaded.assigned_list;
  *count = 1;
  return {};
}

Result<void> EpAssignedSubgraph_GetEpName(const OrtEpAssignedSubgraph* graph, const char** out) {
  REQUIRE(graph, out);
  *out = graph->provider.c_str();
  return {};
}

Result<void> EpAssignedSubgraph_GetNodes(const OrtEpAssignedSubgraph* graph,
                                         const OrtEpAssignedNode* const** out, size_t* count) {
  REQUIRE(graph, out, count);
  *out = graph->node_list.data();
  *count = graph->node_list.size();
  return {};
}

template <auto Text>
Result<void> get_text(const OrtEpAssignedNode* node, const char** out) {
  REQUIRE(node, out);
  *out = (node->*Text).c_str();
  return {};
}

}  // namespace

void add_compatibility(OrtApi& api) {
  DOOR(GetHardwareDeviceEpIncompatibilityDetails);
  DOOR(DeviceEpIncompatibilityDetails_GetReasonsBitmask);
  DOOR(DeviceEpIncompatibilityDetails_GetNotes);
  DOOR(DeviceEpIncompatibilityDetails_GetErrorCode);
  api.ReleaseDeviceEpIncompatibilityDetails = &release<OrtDeviceEpIncompatibilityDetails>;
  DOOR(GetModelCompatibilityForEpDevices);
  DOOR(GetCompatibilityInfoFromModel);
  DOOR(GetCompatibilityInfoFromModelBytes);
  DOOR(Session_GetEpGraphAssignmentInfo);
  DOOR(EpAssignedSubgraph_GetEpName);
  DOOR(EpAssignedSubgraph_GetNodes);
  api.EpAssignedNode_GetName = door<&get_text<&OrtEpAssignedNode::name>>;
  api.EpAssignedNode_GetDomain = door<&get_text<&OrtEpAssignedNode::domain>>;
  api.EpAssignedNode_GetOperatorType = door<&get_text<&OrtEpAssignedNode::op_type>>;
}

}  // namespace sardonyx::capi
