// Tables of what this library has not: memory of graphics devices, and plugins of providers.
#include "capi/door.h"
#include "capi/tables.h"

namespace sardonyx::capi {

const OrtInteropApi& interop_table() {
  static const OrtInteropApi table = [] {
    OrtInteropApi api{};
    MISSING(CreateExternalResourceImporterForDevice);
    MISSING(ReleaseExternalResourceImporter);
    MISSING(CanImportMemory);
    MISSING(ImportMemory);
    MISSING(ReleaseExternalMemoryHandle);
    MISSING(CreateTensorFromMemory);
    MISSING(CanImportSemaphore);
    MISSING(ImportSemaphore);
    MISSING(ReleaseExternalSemaphoreHandle);
    MISSING(WaitSemaphore);
    MISSING(SignalSemaphore);
    MISSING(InitGraphicsInteropForEpDevice);
    MISSING(DeinitGraphicsInteropForEpDevice);
    return api;
  }();
  return table;
}

const OrtEpApi& ep_table() {
  static const OrtEpApi table = [] {
    OrtEpApi api{};
    MISSING(CreateEpDevice);
    MISSING(ReleaseEpDevice);
    MISSING(EpGraphSupportInfo_AddNodesToFuse);
    MISSING(EpGraphSupportInfo_AddSingleNode);
    MISSING(NodeComputeContext_NodeName);
    MISSING(EpDevice_AddAllocatorInfo);
    MISSING(MemoryInfo_GetMemoryDevice);
    MISSING(Value_GetMemoryDevice);
    MISSING(MemoryDevice_AreEqual);
    MISSING(MemoryDevice_GetDeviceType);
    MISSING(MemoryDevice_GetMemoryType);
    MISSING(MemoryDevice_GetVendorId);
    MISSING(MemoryDevice_GetDeviceId);
    MISSING(SyncStream_GetImpl);
    MISSING(SyncStream_GetSyncId);
    MISSING(GetSyncIdForLastWaitOnSyncStream);
    MISSING(CreateHardwareDevice);
    MISSING(ReleaseHardwareDevice);
    MISSING(CreateKernelRegistry);
    MISSING(ReleaseKernelRegistry);
    MISSING(KernelRegistry_AddKernel);
    MISSING(CreateKernelDefBuilder);
    MISSING(ReleaseKernelDefBuilder);
    MISSING(KernelDefBuilder_SetOperatorType);
    MISSING(KernelDefBuilder_SetDomain);
    MISSING(KernelDefBuilder_SetSinceVersion);
    MISSING(KernelDefBuilder_SetExecutionProvider);
    MISSING(KernelDefBuilder_SetInputMemType);
    MISSING(KernelDefBuilder_SetOutputMemType);
    MISSING(KernelDefBuilder_AddTypeConstraint);
    MISSING(KernelDefBuilder_AddInputOutputAliases);
    MISSING(KernelDefBuilder_AddInputOutputMutableAliases);
    MISSING(KernelDefBuilder_Build);
    MISSING(ReleaseKernelDef);
    MISSING(KernelDef_GetOperatorType);
    MISSING(KernelDef_GetDomain);
    MISSING(KernelDef_GetSinceVersion);
    MISSING(KernelDef_GetExecutionProvider);
    MISSING(KernelDef_GetInputMemType);
    MISSING(KernelDef_GetOutputMemType);
    MISSING(GetTensorDataType);
    MISSING(EpGraphSupportInfo_LookUpKernel);
    MISSING(SharedPrePackedWeightCache_StoreWeightData);
    MISSING(KernelInfo_GetEp);
    MISSING(DeviceEpIncompatibilityDetails_SetDetails);
    MISSING(CreateIfKernel);
    MISSING(CreateLoopKernel);
    MISSING(CreateScanKernel);
    MISSING(ReleaseKernelImpl);
    MISSING(GetEnvConfigEntries);
    MISSING(GetOpSchema);
    MISSING(ReleaseOpSchema);
    MISSING(OpSchema_GetSinceVersion);
    MISSING(OpSchema_GetNumInputs);
    MISSING(OpSchema_GetInputName);
    MISSING(OpSchema_GetInputTypeConstraint);
    MISSING(OpSchema_GetNumOutputs);
    MISSING(OpSchema_GetOutputName);
    MISSING(OpSchema_GetOutputTypeConstraint);
    MISSING(OpSchema_GetTypeConstraintCount);
    MISSING(OpSchema_GetTypeConstraint);
    MISSING(OpSchemaTypeConstraint_GetTypeParamName);
    MISSING(OpSchemaTypeConstraint_GetAllowedTypes);
    MISSING(OpSchemaTypeConstraint_GetInputIndices);
    MISSING(OpSchemaTypeConstraint_GetOutputIndices);
    MISSING(CreateProfilingEvent);
    MISSING(ReleaseProfilingEvent);
    MISSING(ProfilingEvent_GetCategory);
    MISSING(ProfilingEvent_GetName);
    MISSING(ProfilingEvent_GetTimestampUs);
    MISSING(ProfilingEvent_GetDurationUs);
    MISSING(ProfilingEvent_GetArgValue);
    MISSING(ProfilingEventsContainer_AddEvents);
    MISSING(SessionOptionsGetWeightlessSourceModelBuffer);
    return api;
  }();
  return table;
}

}  // namespace sardonyx::capi
