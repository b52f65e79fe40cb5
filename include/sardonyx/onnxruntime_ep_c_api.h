// The table through which plugin execution providers of ONNX Runtime register kernels and devices.
// Sardonyx loads no such plugins: every entry of its table says so. Included by
// onnxruntime_c_api.h.
#pragma once

#include "onnxruntime_c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

ORT_RUNTIME_CLASS(Ep);
ORT_RUNTIME_CLASS(EpFactory);
ORT_RUNTIME_CLASS(EpGraphSupportInfo);
ORT_RUNTIME_CLASS(MemoryDevice);
ORT_RUNTIME_CLASS(NodeComputeContext);
ORT_RUNTIME_CLASS(SyncStreamImpl);
ORT_RUNTIME_CLASS(OpSchema);
ORT_RUNTIME_CLASS(OpSchemaTypeConstraint);
ORT_RUNTIME_CLASS(ProfilingEventsContainer);
ORT_RUNTIME_CLASS(ProfilingEvent);
ORT_RUNTIME_CLASS(KernelRegistry);
ORT_RUNTIME_CLASS(KernelDefBuilder);
ORT_RUNTIME_CLASS(KernelDef);
ORT_RUNTIME_CLASS(DataType);
ORT_RUNTIME_CLASS(SharedPrePackedWeightCache);
ORT_RUNTIME_CLASS(KernelImpl);
ORT_RUNTIME_CLASS(LoopKernelHelper);
ORT_RUNTIME_CLASS(ScanKernelHelper);
ORT_RUNTIME_CLASS(NodeFusionOptions);

typedef enum OrtProfilingEventCategory {
  OrtProfilingEventCategory_SESSION = 0,
  OrtProfilingEventCategory_NODE = 1,
  OrtProfilingEventCategory_KERNEL = 2,
  OrtProfilingEventCategory_API = 3,
} OrtProfilingEventCategory;

typedef OrtStatus*(ORT_API_CALL* OrtKernelCreateFunc)(void*, const OrtKernelInfo*, OrtKernelImpl**);

// clang-format off
struct OrtEpApi {
  ORT_STATUS_FN(CreateEpDevice, OrtEpFactory*, const OrtHardwareDevice*, const OrtKeyValuePairs*,
      const OrtKeyValuePairs*, OrtEpDevice**);
  ORT_FN(void, ReleaseEpDevice, OrtEpDevice*);
  ORT_STATUS_FN(EpGraphSupportInfo_AddNodesToFuse, OrtEpGraphSupportInfo*, const OrtNode* const*,
      size_t, const OrtNodeFusionOptions*);
  ORT_STATUS_FN(EpGraphSupportInfo_AddSingleNode, OrtEpGraphSupportInfo*, const OrtNode*);
  ORT_FN(const char*, NodeComputeContext_NodeName, const OrtNodeComputeContext*);
  ORT_STATUS_FN(EpDevice_AddAllocatorInfo, OrtEpDevice*, const OrtMemoryInfo*);
  ORT_FN(const OrtMemoryDevice*, MemoryInfo_GetMemoryDevice, const OrtMemoryInfo*);
  ORT_FN(const OrtMemoryDevice*, Value_GetMemoryDevice, const OrtValue*);
  ORT_FN(bool, MemoryDevice_AreEqual, const OrtMemoryDevice*, const OrtMemoryDevice*);
  ORT_FN(OrtMemoryInfoDeviceType, MemoryDevice_GetDeviceType, const OrtMemoryDevice*);
  ORT_FN(OrtDeviceMemoryType, MemoryDevice_GetMemoryType, const OrtMemoryDevice*);
  ORT_FN(uint32_t, MemoryDevice_GetVendorId, const OrtMemoryDevice*);
  ORT_FN(uint32_t, MemoryDevice_GetDeviceId, const OrtMemoryDevice*);
  ORT_FN(const OrtSyncStreamImpl*, SyncStream_GetImpl, const OrtSyncStream*);
  ORT_FN(uint64_t, SyncStream_GetSyncId, const OrtSyncStream*);
  ORT_FN(uint64_t, GetSyncIdForLastWaitOnSyncStream, const OrtSyncStream*, const OrtSyncStream*);
  ORT_STATUS_FN(CreateHardwareDevice, OrtHardwareDeviceType, uint32_t, uint32_t, const char*,
      const OrtKeyValuePairs*, OrtHardwareDevice**);
  ORT_FN(void, ReleaseHardwareDevice, OrtHardwareDevice*);
  ORT_STATUS_FN(CreateKernelRegistry, OrtKernelRegistry**);
  ORT_FN(void, ReleaseKernelRegistry, OrtKernelRegistry*);
  ORT_STATUS_FN(KernelRegistry_AddKernel, OrtKernelRegistry*, const OrtKernelDef*,
      OrtKernelCreateFunc, void*);
  ORT_STATUS_FN(CreateKernelDefBuilder, OrtKernelDefBuilder**);
  ORT_FN(void, ReleaseKernelDefBuilder, OrtKernelDefBuilder*);
  ORT_STATUS_FN(KernelDefBuilder_SetOperatorType, OrtKernelDefBuilder*, const char*);
  ORT_STATUS_FN(KernelDefBuilder_SetDomain, OrtKernelDefBuilder*, const char*);
  ORT_STATUS_FN(KernelDefBuilder_SetSinceVersion, OrtKernelDefBuilder*, int, int);
  ORT_STATUS_FN(KernelDefBuilder_SetExecutionProvider, OrtKernelDefBuilder*, const char*);
  ORT_STATUS_FN(KernelDefBuilder_SetInputMemType, OrtKernelDefBuilder*, size_t, OrtMemType);
  ORT_STATUS_FN(KernelDefBuilder_SetOutputMemType, OrtKernelDefBuilder*, size_t, OrtMemType);
  ORT_STATUS_FN(KernelDefBuilder_AddTypeConstraint, OrtKernelDefBuilder*, const char*,
      const OrtDataType* const*, size_t);
  ORT_STATUS_FN(KernelDefBuilder_AddInputOutputAliases, OrtKernelDefBuilder*, const int*,
      const int*, size_t);
  ORT_STATUS_FN(KernelDefBuilder_AddInputOutputMutableAliases, OrtKernelDefBuilder*, const int*,
      const int*, size_t);
  ORT_STATUS_FN(KernelDefBuilder_Build, OrtKernelDefBuilder*, OrtKernelDef**);
  ORT_FN(void, ReleaseKernelDef, OrtKernelDef*);
  ORT_FN(const char*, KernelDef_GetOperatorType, const OrtKernelDef*);
  ORT_FN(const char*, KernelDef_GetDomain, const OrtKernelDef*);
  ORT_STATUS_FN(KernelDef_GetSinceVersion, const OrtKernelDef*, int*, int*);
  ORT_FN(const char*, KernelDef_GetExecutionProvider, const OrtKernelDef*);
  ORT_STATUS_FN(KernelDef_GetInputMemType, const OrtKernelDef*, size_t, OrtMemType*);
  ORT_STATUS_FN(KernelDef_GetOutputMemType, const OrtKernelDef*, size_t, OrtMemType*);
  ORT_STATUS_FN(GetTensorDataType, ONNXTensorElementDataType, const OrtDataType**);
  ORT_STATUS_FN(EpGraphSupportInfo_LookUpKernel, OrtEpGraphSupportInfo*, const OrtNode*,
      const OrtKernelDef**);
  ORT_STATUS_FN(SharedPrePackedWeightCache_StoreWeightData, OrtSharedPrePackedWeightCache*, void**,
      size_t*, size_t);
  ORT_STATUS_FN(KernelInfo_GetEp, const OrtKernelInfo*, const OrtEp**);
  ORT_STATUS_FN(DeviceEpIncompatibilityDetails_SetDetails, OrtDeviceEpIncompatibilityDetails*,
      uint32_t, int32_t, const char*);
  ORT_STATUS_FN(CreateIfKernel, const OrtKernelInfo*, OrtKernelImpl**);
  ORT_STATUS_FN(CreateLoopKernel, const OrtKernelInfo*, OrtLoopKernelHelper*, OrtKernelImpl**);
  ORT_STATUS_FN(CreateScanKernel, const OrtKernelInfo*, OrtScanKernelHelper*, OrtKernelImpl**);
  ORT_FN(void, ReleaseKernelImpl, OrtKernelImpl*);
  ORT_STATUS_FN(GetEnvConfigEntries, OrtKeyValuePairs**);
  ORT_STATUS_FN(GetOpSchema, const char*, int, const char*, OrtOpSchema**);
  ORT_FN(void, ReleaseOpSchema, OrtOpSchema*);
  ORT_STATUS_FN(OpSchema_GetSinceVersion, const OrtOpSchema*, int*);
  ORT_STATUS_FN(OpSchema_GetNumInputs, const OrtOpSchema*, size_t*);
  ORT_STATUS_FN(OpSchema_GetInputName, const OrtOpSchema*, size_t, const char**);
  ORT_STATUS_FN(OpSchema_GetInputTypeConstraint, const OrtOpSchema*, size_t,
      const OrtOpSchemaTypeConstraint**);
  ORT_STATUS_FN(OpSchema_GetNumOutputs, const OrtOpSchema*, size_t*);
  ORT_STATUS_FN(OpSchema_GetOutputName, const OrtOpSchema*, size_t, const char**);
  ORT_STATUS_FN(OpSchema_GetOutputTypeConstraint, const OrtOpSchema*, size_t,
      const OrtOpSchemaTypeConstraint**);
  ORT_STATUS_FN(OpSchema_GetTypeConstraintCount, const OrtOpSchema*, size_t*);
  ORT_STATUS_FN(OpSchema_GetTypeConstraint, const OrtOpSchema*, size_t,
      const OrtOpSchemaTypeConstraint**);
  ORT_STATUS_FN(OpSchemaTypeConstraint_GetTypeParamName, const OrtOpSchemaTypeConstraint*,
      const char**);
  ORT_STATUS_FN(OpSchemaTypeConstraint_GetAllowedTypes, const OrtOpSchemaTypeConstraint*,
      const char* const**, size_t*);
  ORT_STATUS_FN(OpSchemaTypeConstraint_GetInputIndices, const OrtOpSchemaTypeConstraint*,
      const size_t**, size_t*);
  ORT_STATUS_FN(OpSchemaTypeConstraint_GetOutputIndices, const OrtOpSchemaTypeConstraint*,
      const size_t**, size_t*);
  ORT_STATUS_FN(CreateProfilingEvent, OrtProfilingEventCategory, int32_t, int32_t, const char*,
      int64_t, int64_t, const char* const*, const char* const*, size_t, OrtProfilingEvent**);
  ORT_FN(void, ReleaseProfilingEvent, OrtProfilingEvent*);
  ORT_STATUS_FN(ProfilingEvent_GetCategory, const OrtProfilingEvent*, OrtProfilingEventCategory*);
  ORT_STATUS_FN(ProfilingEvent_GetName, const OrtProfilingEvent*, const char**);
  ORT_STATUS_FN(ProfilingEvent_GetTimestampUs, const OrtProfilingEvent*, int64_t*);
  ORT_STATUS_FN(ProfilingEvent_GetDurationUs, const OrtProfilingEvent*, int64_t*);
  ORT_STATUS_FN(ProfilingEvent_GetArgValue, const OrtProfilingEvent*, const char*, const char**);
  ORT_STATUS_FN(ProfilingEventsContainer_AddEvents, OrtProfilingEventsContainer*,
      const OrtProfilingEvent* const*, size_t);
  ORT_STATUS_FN(SessionOptionsGetWeightlessSourceModelBuffer, const OrtSessionOptions*,
      const void**, size_t*);
};
// clang-format on

#ifdef __cplusplus
static_assert(sizeof(OrtEpApi) == 74 * sizeof(void*), "size of OrtEpApi");
}
#endif
