// ONNX Runtime's C API, as Sardonyx offers it: programs that were built for ONNX Runtime run on
// libonnxruntime.so.1 of this build as they are, and programs built with this header run on either.
// A program gets the table of functions by OrtGetApiBase()->GetApi(ORT_API_VERSION).
//
// Entries are in the order of ONNX Runtime's table, by the version that added them, with the types
// of their parameters; what they do is documented at https://onnxruntime.ai/docs/api/c. Functions
// return NULL for success, else a status that the caller releases.
#pragma once

#include "onnxruntime_c_types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct OrtApi OrtApi;
typedef struct OrtModelEditorApi OrtModelEditorApi;
typedef struct OrtCompileApi OrtCompileApi;
typedef struct OrtInteropApi OrtInteropApi;
typedef struct OrtEpApi OrtEpApi;
typedef struct OrtCustomOp OrtCustomOp;

typedef struct OrtApiBase {
  const OrtApi*(ORT_API_CALL* GetApi)(uint32_t version)NO_EXCEPTION;
  const char*(ORT_API_CALL* GetVersionString)(void)NO_EXCEPTION;
} OrtApiBase;

ORT_EXPORT const OrtApiBase* ORT_API_CALL OrtGetApiBase(void) NO_EXCEPTION;
ORT_EXPORT OrtStatus* ORT_API_CALL
OrtSessionOptionsAppendExecutionProvider_CPU(OrtSessionOptions*, int use_arena) NO_EXCEPTION;

// What a library of custom operators exports as RegisterCustomOps.
typedef OrtStatus*(ORT_API_CALL* RegisterCustomOpsFn)(OrtSessionOptions*, const OrtApiBase*);

#define ORT_FN(RESULT, NAME, ...) RESULT(ORT_API_CALL* NAME)(__VA_ARGS__) NO_EXCEPTION
#define ORT_OP_FN(RESULT, NAME, ...) RESULT(ORT_API_CALL* NAME)(__VA_ARGS__)
#define ORT_STATUS_FN(NAME, ...) \
  OrtStatus*(ORT_API_CALL * NAME)(__VA_ARGS__)NO_EXCEPTION ORT_MUST_USE_RESULT

// clang-format off
struct OrtApi {
  // Version 1: 102 entries
  ORT_STATUS_FN(CreateStatus, OrtErrorCode, const char*);
  ORT_FN(OrtErrorCode, GetErrorCode, const OrtStatus*);
  ORT_FN(const char*, GetErrorMessage, const OrtStatus*);
  ORT_STATUS_FN(CreateEnv, OrtLoggingLevel, const char*, OrtEnv**);
  ORT_STATUS_FN(CreateEnvWithCustomLogger, OrtLoggingFunction, void*, OrtLoggingLevel, const char*,
      OrtEnv**);
  ORT_STATUS_FN(EnableTelemetryEvents, const OrtEnv*);
  ORT_STATUS_FN(DisableTelemetryEvents, const OrtEnv*);
  ORT_STATUS_FN(CreateSession, const OrtEnv*, const ORTCHAR_T*, const OrtSessionOptions*,
      OrtSession**);
  ORT_STATUS_FN(CreateSessionFromArray, const OrtEnv*, const void*, size_t,
      const OrtSessionOptions*, OrtSession**);
  ORT_STATUS_FN(Run, OrtSession*, const OrtRunOptions*, const char* const*, const OrtValue* const*,
      size_t, const char* const*, size_t, OrtValue**);
  ORT_STATUS_FN(CreateSessionOptions, OrtSessionOptions**);
  ORT_STATUS_FN(SetOptimizedModelFilePath, OrtSessionOptions*, const ORTCHAR_T*);
  ORT_STATUS_FN(CloneSessionOptions, const OrtSessionOptions*, OrtSessionOptions**);
  ORT_STATUS_FN(SetSessionExecutionMode, OrtSessionOptions*, ExecutionMode);
  ORT_STATUS_FN(EnableProfiling, OrtSessionOptions*, const ORTCHAR_T*);
  ORT_STATUS_FN(DisableProfiling, OrtSessionOptions*);
  ORT_STATUS_FN(EnableMemPattern, OrtSessionOptions*);
  ORT_STATUS_FN(DisableMemPattern, OrtSessionOptions*);
  ORT_STATUS_FN(EnableCpuMemArena, OrtSessionOptions*);
  ORT_STATUS_FN(DisableCpuMemArena, OrtSessionOptions*);
  ORT_STATUS_FN(SetSessionLogId, OrtSessionOptions*, const char*);
  ORT_STATUS_FN(SetSessionLogVerbosityLevel, OrtSessionOptions*, int);
  ORT_STATUS_FN(SetSessionLogSeverityLevel, OrtSessionOptions*, int);
  ORT_STATUS_FN(SetSessionGraphOptimizationLevel, OrtSessionOptions*, GraphOptimizationLevel);
  ORT_STATUS_FN(SetIntraOpNumThreads, OrtSessionOptions*, int);
  ORT_STATUS_FN(SetInterOpNumThreads, OrtSessionOptions*, int);
  ORT_STATUS_FN(CreateCustomOpDomain, const char*, OrtCustomOpDomain**);
  ORT_STATUS_FN(CustomOpDomain_Add, OrtCustomOpDomain*, const OrtCustomOp*);
  ORT_STATUS_FN(AddCustomOpDomain, OrtSessionOptions*, OrtCustomOpDomain*);
  ORT_STATUS_FN(RegisterCustomOpsLibrary, OrtSessionOptions*, const char*, void**);
  ORT_STATUS_FN(SessionGetInputCount, const OrtSession*, size_t*);
  ORT_STATUS_FN(SessionGetOutputCount, const OrtSession*, size_t*);
  ORT_STATUS_FN(SessionGetOverridableInitializerCount, const OrtSession*, size_t*);
  ORT_STATUS_FN(SessionGetInputTypeInfo, const OrtSession*, size_t, OrtTypeInfo**);
  ORT_STATUS_FN(SessionGetOutputTypeInfo, const OrtSession*, size_t, OrtTypeInfo**);
  ORT_STATUS_FN(SessionGetOverridableInitializerTypeInfo, const OrtSession*, size_t, OrtTypeInfo**);
  ORT_STATUS_FN(SessionGetInputName, const OrtSession*, size_t, OrtAllocator*, char**);
  ORT_STATUS_FN(SessionGetOutputName, const OrtSession*, size_t, OrtAllocator*, char**);
  ORT_STATUS_FN(SessionGetOverridableInitializerName, const OrtSession*, size_t, OrtAllocator*,
      char**);
  ORT_STATUS_FN(CreateRunOptions, OrtRunOptions**);
  ORT_STATUS_FN(RunOptionsSetRunLogVerbosityLevel, OrtRunOptions*, int);
  ORT_STATUS_FN(RunOptionsSetRunLogSeverityLevel, OrtRunOptions*, int);
  ORT_STATUS_FN(RunOptionsSetRunTag, OrtRunOptions*, const char*);
  ORT_STATUS_FN(RunOptionsGetRunLogVerbosityLevel, const OrtRunOptions*, int*);
  ORT_STATUS_FN(RunOptionsGetRunLogSeverityLevel, const OrtRunOptions*, int*);
  ORT_STATUS_FN(RunOptionsGetRunTag, const OrtRunOptions*, const char**);
  ORT_STATUS_FN(RunOptionsSetTerminate, OrtRunOptions*);
  ORT_STATUS_FN(RunOptionsUnsetTerminate, OrtRunOptions*);
  ORT_STATUS_FN(CreateTensorAsOrtValue, OrtAllocator*, const int64_t*, size_t,
      ONNXTensorElementDataType, OrtValue**);
  ORT_STATUS_FN(CreateTensorWithDataAsOrtValue, const OrtMemoryInfo*, void*, size_t, const int64_t*,
      size_t, ONNXTensorElementDataType, OrtValue**);
  ORT_STATUS_FN(IsTensor, const OrtValue*, int*);
  ORT_STATUS_FN(GetTensorMutableData, OrtValue*, void**);
  ORT_STATUS_FN(FillStringTensor, OrtValue*, const char* const*, size_t);
  ORT_STATUS_FN(GetStringTensorDataLength, const OrtValue*, size_t*);
  ORT_STATUS_FN(GetStringTensorContent, const OrtValue*, void*, size_t, size_t*, size_t);
  ORT_STATUS_FN(CastTypeInfoToTensorInfo, const OrtTypeInfo*, const OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(GetOnnxTypeFromTypeInfo, const OrtTypeInfo*, enum ONNXType*);
  ORT_STATUS_FN(CreateTensorTypeAndShapeInfo, OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(SetTensorElementType, OrtTensorTypeAndShapeInfo*, enum ONNXTensorElementDataType);
  ORT_STATUS_FN(SetDimensions, OrtTensorTypeAndShapeInfo*, const int64_t*, size_t);
  ORT_STATUS_FN(GetTensorElementType, const OrtTensorTypeAndShapeInfo*,
      enum ONNXTensorElementDataType*);
  ORT_STATUS_FN(GetDimensionsCount, const OrtTensorTypeAndShapeInfo*, size_t*);
  ORT_STATUS_FN(GetDimensions, const OrtTensorTypeAndShapeInfo*, int64_t*, size_t);
  ORT_STATUS_FN(GetSymbolicDimensions, const OrtTensorTypeAndShapeInfo*, const char* dim_params[],
      size_t);
  ORT_STATUS_FN(GetTensorShapeElementCount, const OrtTensorTypeAndShapeInfo*, size_t*);
  ORT_STATUS_FN(GetTensorTypeAndShape, const OrtValue*, OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(GetTypeInfo, const OrtValue*, OrtTypeInfo**);
  ORT_STATUS_FN(GetValueType, const OrtValue*, enum ONNXType*);
  ORT_STATUS_FN(CreateMemoryInfo, const char*, enum OrtAllocatorType, int, enum OrtMemType,
      OrtMemoryInfo**);
  ORT_STATUS_FN(CreateCpuMemoryInfo, enum OrtAllocatorType, enum OrtMemType, OrtMemoryInfo**);
  ORT_STATUS_FN(CompareMemoryInfo, const OrtMemoryInfo*, const OrtMemoryInfo*, int*);
  ORT_STATUS_FN(MemoryInfoGetName, const OrtMemoryInfo*, const char**);
  ORT_STATUS_FN(MemoryInfoGetId, const OrtMemoryInfo*, int*);
  ORT_STATUS_FN(MemoryInfoGetMemType, const OrtMemoryInfo*, OrtMemType*);
  ORT_STATUS_FN(MemoryInfoGetType, const OrtMemoryInfo*, OrtAllocatorType*);
  ORT_STATUS_FN(AllocatorAlloc, OrtAllocator*, size_t, void**);
  ORT_STATUS_FN(AllocatorFree, OrtAllocator*, void*);
  ORT_STATUS_FN(AllocatorGetInfo, const OrtAllocator*, const OrtMemoryInfo**);
  ORT_STATUS_FN(GetAllocatorWithDefaultOptions, OrtAllocator**);
  ORT_STATUS_FN(AddFreeDimensionOverride, OrtSessionOptions*, const char*, int64_t);
  ORT_STATUS_FN(GetValue, const OrtValue*, int, OrtAllocator*, OrtValue**);
  ORT_STATUS_FN(GetValueCount, const OrtValue*, size_t*);
  ORT_STATUS_FN(CreateValue, const OrtValue* const*, size_t, enum ONNXType, OrtValue**);
  ORT_STATUS_FN(CreateOpaqueValue, const char*, const char*, const void*, size_t, OrtValue**);
  ORT_STATUS_FN(GetOpaqueValue, const char*, const char*, const OrtValue*, void*, size_t);
  ORT_STATUS_FN(KernelInfoGetAttribute_float, const OrtKernelInfo*, const char*, float*);
  ORT_STATUS_FN(KernelInfoGetAttribute_int64, const OrtKernelInfo*, const char*, int64_t*);
  ORT_STATUS_FN(KernelInfoGetAttribute_string, const OrtKernelInfo*, const char*, char*, size_t*);
  ORT_STATUS_FN(KernelContext_GetInputCount, const OrtKernelContext*, size_t*);
  ORT_STATUS_FN(KernelContext_GetOutputCount, const OrtKernelContext*, size_t*);
  ORT_STATUS_FN(KernelContext_GetInput, const OrtKernelContext*, size_t, const OrtValue**);
  ORT_STATUS_FN(KernelContext_GetOutput, OrtKernelContext*, size_t, const int64_t*, size_t,
      OrtValue**);
  ORT_FN(void, ReleaseEnv, OrtEnv*);
  ORT_FN(void, ReleaseStatus, OrtStatus*);
  ORT_FN(void, ReleaseMemoryInfo, OrtMemoryInfo*);
  ORT_FN(void, ReleaseSession, OrtSession*);
  ORT_FN(void, ReleaseValue, OrtValue*);
  ORT_FN(void, ReleaseRunOptions, OrtRunOptions*);
  ORT_FN(void, ReleaseTypeInfo, OrtTypeInfo*);
  ORT_FN(void, ReleaseTensorTypeAndShapeInfo, OrtTensorTypeAndShapeInfo*);
  ORT_FN(void, ReleaseSessionOptions, OrtSessionOptions*);
  ORT_FN(void, ReleaseCustomOpDomain, OrtCustomOpDomain*);
  // Version 2: 119 entries
  ORT_STATUS_FN(GetDenotationFromTypeInfo, const OrtTypeInfo*, const char** const, size_t*);
  ORT_STATUS_FN(CastTypeInfoToMapTypeInfo, const OrtTypeInfo*, const OrtMapTypeInfo**);
  ORT_STATUS_FN(CastTypeInfoToSequenceTypeInfo, const OrtTypeInfo*, const OrtSequenceTypeInfo**);
  ORT_STATUS_FN(GetMapKeyType, const OrtMapTypeInfo*, enum ONNXTensorElementDataType*);
  ORT_STATUS_FN(GetMapValueType, const OrtMapTypeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(GetSequenceElementType, const OrtSequenceTypeInfo*, OrtTypeInfo**);
  ORT_FN(void, ReleaseMapTypeInfo, OrtMapTypeInfo*);
  ORT_FN(void, ReleaseSequenceTypeInfo, OrtSequenceTypeInfo*);
  ORT_STATUS_FN(SessionEndProfiling, OrtSession*, OrtAllocator*, char**);
  ORT_STATUS_FN(SessionGetModelMetadata, const OrtSession*, OrtModelMetadata**);
  ORT_STATUS_FN(ModelMetadataGetProducerName, const OrtModelMetadata*, OrtAllocator*, char**);
  ORT_STATUS_FN(ModelMetadataGetGraphName, const OrtModelMetadata*, OrtAllocator*, char**);
  ORT_STATUS_FN(ModelMetadataGetDomain, const OrtModelMetadata*, OrtAllocator*, char**);
  ORT_STATUS_FN(ModelMetadataGetDescription, const OrtModelMetadata*, OrtAllocator*, char**);
  ORT_STATUS_FN(ModelMetadataLookupCustomMetadataMap, const OrtModelMetadata*, OrtAllocator*,
      const char*, char**);
  ORT_STATUS_FN(ModelMetadataGetVersion, const OrtModelMetadata*, int64_t*);
  ORT_FN(void, ReleaseModelMetadata, OrtModelMetadata*);
  // Version 3: 125 entries
  ORT_STATUS_FN(CreateEnvWithGlobalThreadPools, OrtLoggingLevel, const char*,
      const OrtThreadingOptions*, OrtEnv**);
  ORT_STATUS_FN(DisablePerSessionThreads, OrtSessionOptions*);
  ORT_STATUS_FN(CreateThreadingOptions, OrtThreadingOptions**);
  ORT_FN(void, ReleaseThreadingOptions, OrtThreadingOptions*);
  ORT_STATUS_FN(ModelMetadataGetCustomMetadataMapKeys, const OrtModelMetadata*, OrtAllocator*,
      char***, int64_t*);
  ORT_STATUS_FN(AddFreeDimensionOverrideByName, OrtSessionOptions*, const char*, int64_t);
  // Version 4: 127 entries
  ORT_STATUS_FN(GetAvailableProviders, char***, int*);
  ORT_STATUS_FN(ReleaseAvailableProviders, char**, int);
  // Version 5: 150 entries
  ORT_STATUS_FN(GetStringTensorElementLength, const OrtValue*, size_t, size_t*);
  ORT_STATUS_FN(GetStringTensorElement, const OrtValue*, size_t, size_t, void*);
  ORT_STATUS_FN(FillStringTensorElement, OrtValue*, const char*, size_t);
  ORT_STATUS_FN(AddSessionConfigEntry, OrtSessionOptions*, const char*, const char*);
  ORT_STATUS_FN(CreateAllocator, const OrtSession*, const OrtMemoryInfo*, OrtAllocator**);
  ORT_FN(void, ReleaseAllocator, OrtAllocator*);
  ORT_STATUS_FN(RunWithBinding, OrtSession*, const OrtRunOptions*, const OrtIoBinding*);
  ORT_STATUS_FN(CreateIoBinding, OrtSession*, OrtIoBinding**);
  ORT_FN(void, ReleaseIoBinding, OrtIoBinding*);
  ORT_STATUS_FN(BindInput, OrtIoBinding*, const char*, const OrtValue*);
  ORT_STATUS_FN(BindOutput, OrtIoBinding*, const char*, const OrtValue*);
  ORT_STATUS_FN(BindOutputToDevice, OrtIoBinding*, const char*, const OrtMemoryInfo*);
  ORT_STATUS_FN(GetBoundOutputNames, const OrtIoBinding*, OrtAllocator*, char**, size_t**, size_t*);
  ORT_STATUS_FN(GetBoundOutputValues, const OrtIoBinding*, OrtAllocator*, OrtValue***, size_t*);
  ORT_FN(void, ClearBoundInputs, OrtIoBinding*);
  ORT_FN(void, ClearBoundOutputs, OrtIoBinding*);
  ORT_STATUS_FN(TensorAt, OrtValue*, const int64_t*, size_t, void**);
  ORT_STATUS_FN(CreateAndRegisterAllocator, OrtEnv*, const OrtMemoryInfo*, const OrtArenaCfg*);
  ORT_STATUS_FN(SetLanguageProjection, const OrtEnv*, OrtLanguageProjection);
  ORT_STATUS_FN(SessionGetProfilingStartTimeNs, const OrtSession*, uint64_t*);
  ORT_STATUS_FN(SetGlobalIntraOpNumThreads, OrtThreadingOptions*, int);
  ORT_STATUS_FN(SetGlobalInterOpNumThreads, OrtThreadingOptions*, int);
  ORT_STATUS_FN(SetGlobalSpinControl, OrtThreadingOptions*, int);
  // Version 6: 158 entries
  ORT_STATUS_FN(AddInitializer, OrtSessionOptions*, const char*, const OrtValue*);
  ORT_STATUS_FN(CreateEnvWithCustomLoggerAndGlobalThreadPools, OrtLoggingFunction, void*,
      OrtLoggingLevel, const char*, const OrtThreadingOptions*, OrtEnv**);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_CUDA, OrtSessionOptions*,
      const OrtCUDAProviderOptions*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_ROCM, OrtSessionOptions*,
      const OrtROCMProviderOptions*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_OpenVINO, OrtSessionOptions*,
      const OrtOpenVINOProviderOptions*);
  ORT_STATUS_FN(SetGlobalDenormalAsZero, OrtThreadingOptions*);
  ORT_STATUS_FN(CreateArenaCfg, size_t, int, int, int, OrtArenaCfg**);
  ORT_FN(void, ReleaseArenaCfg, OrtArenaCfg*);
  // Version 7: 162 entries
  ORT_STATUS_FN(ModelMetadataGetGraphDescription, const OrtModelMetadata*, OrtAllocator*, char**);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_TensorRT, OrtSessionOptions*,
      const OrtTensorRTProviderOptions*);
  ORT_STATUS_FN(SetCurrentGpuDeviceId, int);
  ORT_STATUS_FN(GetCurrentGpuDeviceId, int*);
  // Version 8: 170 entries
  ORT_STATUS_FN(KernelInfoGetAttributeArray_float, const OrtKernelInfo*, const char*, float*,
      size_t*);
  ORT_STATUS_FN(KernelInfoGetAttributeArray_int64, const OrtKernelInfo*, const char*, int64_t*,
      size_t*);
  ORT_STATUS_FN(CreateArenaCfgV2, const char* const*, const size_t*, size_t, OrtArenaCfg**);
  ORT_STATUS_FN(AddRunConfigEntry, OrtRunOptions*, const char*, const char*);
  ORT_STATUS_FN(CreatePrepackedWeightsContainer, OrtPrepackedWeightsContainer**);
  ORT_FN(void, ReleasePrepackedWeightsContainer, OrtPrepackedWeightsContainer*);
  ORT_STATUS_FN(CreateSessionWithPrepackedWeightsContainer, const OrtEnv*, const ORTCHAR_T*,
      const OrtSessionOptions*, OrtPrepackedWeightsContainer*, OrtSession**);
  ORT_STATUS_FN(CreateSessionFromArrayWithPrepackedWeightsContainer, const OrtEnv*, const void*,
      size_t, const OrtSessionOptions*, OrtPrepackedWeightsContainer*, OrtSession**);
  // Version 9: 192 entries
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_TensorRT_V2, OrtSessionOptions*,
      const OrtTensorRTProviderOptionsV2*);
  ORT_STATUS_FN(CreateTensorRTProviderOptions, OrtTensorRTProviderOptionsV2**);
  ORT_STATUS_FN(UpdateTensorRTProviderOptions, OrtTensorRTProviderOptionsV2*, const char* const*,
      const char* const*, size_t);
  ORT_STATUS_FN(GetTensorRTProviderOptionsAsString, const OrtTensorRTProviderOptionsV2*,
      OrtAllocator*, char**);
  ORT_FN(void, ReleaseTensorRTProviderOptions, OrtTensorRTProviderOptionsV2*);
  ORT_STATUS_FN(EnableOrtCustomOps, OrtSessionOptions*);
  ORT_STATUS_FN(RegisterAllocator, OrtEnv*, OrtAllocator*);
  ORT_STATUS_FN(UnregisterAllocator, OrtEnv*, const OrtMemoryInfo*);
  ORT_STATUS_FN(IsSparseTensor, const OrtValue*, int*);
  ORT_STATUS_FN(CreateSparseTensorAsOrtValue, OrtAllocator*, const int64_t*, size_t,
      ONNXTensorElementDataType, OrtValue**);
  ORT_STATUS_FN(FillSparseTensorCoo, OrtValue*, const OrtMemoryInfo*, const int64_t*, size_t,
      const void*, const int64_t*, size_t);
  ORT_STATUS_FN(FillSparseTensorCsr, OrtValue*, const OrtMemoryInfo*, const int64_t*, size_t,
      const void*, const int64_t*, size_t, const int64_t*, size_t);
  ORT_STATUS_FN(FillSparseTensorBlockSparse, OrtValue*, const OrtMemoryInfo*, const int64_t*,
      size_t, const void*, const int64_t*, size_t, const int32_t*);
  ORT_STATUS_FN(CreateSparseTensorWithValuesAsOrtValue, const OrtMemoryInfo*, void*, const int64_t*,
      size_t, const int64_t*, size_t, ONNXTensorElementDataType, OrtValue**);
  ORT_STATUS_FN(UseCooIndices, OrtValue*, int64_t*, size_t);
  ORT_STATUS_FN(UseCsrIndices, OrtValue*, int64_t*, size_t, int64_t*, size_t);
  ORT_STATUS_FN(UseBlockSparseIndices, OrtValue*, const int64_t*, size_t, int32_t*);
  ORT_STATUS_FN(GetSparseTensorFormat, const OrtValue*, enum OrtSparseFormat*);
  ORT_STATUS_FN(GetSparseTensorValuesTypeAndShape, const OrtValue*, OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(GetSparseTensorValues, const OrtValue*, const void**);
  ORT_STATUS_FN(GetSparseTensorIndicesTypeShape, const OrtValue*, enum OrtSparseIndicesFormat,
      OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(GetSparseTensorIndices, const OrtValue*, enum OrtSparseIndicesFormat, size_t*,
      const void**);
  // Version 10: 204 entries
  ORT_STATUS_FN(HasValue, const OrtValue*, int*);
  ORT_STATUS_FN(KernelContext_GetGPUComputeStream, const OrtKernelContext*, void**);
  ORT_STATUS_FN(GetTensorMemoryInfo, const OrtValue*, const OrtMemoryInfo**);
  ORT_STATUS_FN(GetExecutionProviderApi, const char*, uint32_t, const void**);
  ORT_STATUS_FN(SessionOptionsSetCustomCreateThreadFn, OrtSessionOptions*, OrtCustomCreateThreadFn);
  ORT_STATUS_FN(SessionOptionsSetCustomThreadCreationOptions, OrtSessionOptions*, void*);
  ORT_STATUS_FN(SessionOptionsSetCustomJoinThreadFn, OrtSessionOptions*, OrtCustomJoinThreadFn);
  ORT_STATUS_FN(SetGlobalCustomCreateThreadFn, OrtThreadingOptions*, OrtCustomCreateThreadFn);
  ORT_STATUS_FN(SetGlobalCustomThreadCreationOptions, OrtThreadingOptions*, void*);
  ORT_STATUS_FN(SetGlobalCustomJoinThreadFn, OrtThreadingOptions*, OrtCustomJoinThreadFn);
  ORT_STATUS_FN(SynchronizeBoundInputs, OrtIoBinding*);
  ORT_STATUS_FN(SynchronizeBoundOutputs, OrtIoBinding*);
  // Version 11: 210 entries
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_CUDA_V2, OrtSessionOptions*,
      const OrtCUDAProviderOptionsV2*);
  ORT_STATUS_FN(CreateCUDAProviderOptions, OrtCUDAProviderOptionsV2**);
  ORT_STATUS_FN(UpdateCUDAProviderOptions, OrtCUDAProviderOptionsV2*, const char* const*,
      const char* const*, size_t);
  ORT_STATUS_FN(GetCUDAProviderOptionsAsString, const OrtCUDAProviderOptionsV2*, OrtAllocator*,
      char**);
  ORT_FN(void, ReleaseCUDAProviderOptions, OrtCUDAProviderOptionsV2*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_MIGraphX, OrtSessionOptions*,
      const OrtMIGraphXProviderOptions*);
  // Version 12: 219 entries
  ORT_STATUS_FN(AddExternalInitializers, OrtSessionOptions*, const char* const*,
      const OrtValue* const*, size_t);
  ORT_STATUS_FN(CreateOpAttr, const char*, const void*, int, OrtOpAttrType, OrtOpAttr**);
  ORT_FN(void, ReleaseOpAttr, OrtOpAttr*);
  ORT_STATUS_FN(CreateOp, const OrtKernelInfo*, const char*, const char*, int, const char**,
      const ONNXTensorElementDataType*, int, const OrtOpAttr* const*, int, int, int, OrtOp**);
  ORT_STATUS_FN(InvokeOp, const OrtKernelContext*, const OrtOp*, const OrtValue* const*, int,
      OrtValue* const*, int);
  ORT_FN(void, ReleaseOp, OrtOp*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider, OrtSessionOptions*, const char*,
      const char* const*, const char* const*, size_t);
  ORT_STATUS_FN(CopyKernelInfo, const OrtKernelInfo*, OrtKernelInfo**);
  ORT_FN(void, ReleaseKernelInfo, OrtKernelInfo*);
  // Version 13: 225 entries
  ORT_FN(const OrtTrainingApi*, GetTrainingApi, uint32_t);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_CANN, OrtSessionOptions*,
      const OrtCANNProviderOptions*);
  ORT_STATUS_FN(CreateCANNProviderOptions, OrtCANNProviderOptions**);
  ORT_STATUS_FN(UpdateCANNProviderOptions, OrtCANNProviderOptions*, const char* const*,
      const char* const*, size_t);
  ORT_STATUS_FN(GetCANNProviderOptionsAsString, const OrtCANNProviderOptions*, OrtAllocator*,
      char**);
  ORT_FN(void, ReleaseCANNProviderOptions, OrtCANNProviderOptions*);
  // Version 14: 239 entries
  ORT_FN(void, MemoryInfoGetDeviceType, const OrtMemoryInfo*, OrtMemoryInfoDeviceType*);
  ORT_STATUS_FN(UpdateEnvWithCustomLogLevel, OrtEnv*, OrtLoggingLevel);
  ORT_STATUS_FN(SetGlobalIntraOpThreadAffinity, OrtThreadingOptions*, const char*);
  ORT_STATUS_FN(RegisterCustomOpsLibrary_V2, OrtSessionOptions*, const ORTCHAR_T*);
  ORT_STATUS_FN(RegisterCustomOpsUsingFunction, OrtSessionOptions*, const char*);
  ORT_STATUS_FN(KernelInfo_GetInputCount, const OrtKernelInfo*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetOutputCount, const OrtKernelInfo*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetInputName, const OrtKernelInfo*, size_t, char*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetOutputName, const OrtKernelInfo*, size_t, char*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetInputTypeInfo, const OrtKernelInfo*, size_t, OrtTypeInfo**);
  ORT_STATUS_FN(KernelInfo_GetOutputTypeInfo, const OrtKernelInfo*, size_t, OrtTypeInfo**);
  ORT_STATUS_FN(KernelInfoGetAttribute_tensor, const OrtKernelInfo*, const char*, OrtAllocator*,
      OrtValue**);
  ORT_STATUS_FN(HasSessionConfigEntry, const OrtSessionOptions*, const char*, int*);
  ORT_STATUS_FN(GetSessionConfigEntry, const OrtSessionOptions*, const char*, char*, size_t*);
  // Version 15: 255 entries
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_Dnnl, OrtSessionOptions*,
      const OrtDnnlProviderOptions*);
  ORT_STATUS_FN(CreateDnnlProviderOptions, OrtDnnlProviderOptions**);
  ORT_STATUS_FN(UpdateDnnlProviderOptions, OrtDnnlProviderOptions*, const char* const*,
      const char* const*, size_t);
  ORT_STATUS_FN(GetDnnlProviderOptionsAsString, const OrtDnnlProviderOptions*, OrtAllocator*,
      char**);
  ORT_FN(void, ReleaseDnnlProviderOptions, OrtDnnlProviderOptions*);
  ORT_STATUS_FN(KernelInfo_GetNodeName, const OrtKernelInfo*, char*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetLogger, const OrtKernelInfo*, const OrtLogger**);
  ORT_STATUS_FN(KernelContext_GetLogger, const OrtKernelContext*, const OrtLogger**);
  ORT_STATUS_FN(Logger_LogMessage, const OrtLogger*, OrtLoggingLevel, const char*, const ORTCHAR_T*,
      int, const char*);
  ORT_STATUS_FN(Logger_GetLoggingSeverityLevel, const OrtLogger*, OrtLoggingLevel*);
  ORT_STATUS_FN(KernelInfoGetConstantInput_tensor, const OrtKernelInfo*, size_t, int*,
      const OrtValue**);
  ORT_STATUS_FN(CastTypeInfoToOptionalTypeInfo, const OrtTypeInfo*, const OrtOptionalTypeInfo**);
  ORT_STATUS_FN(GetOptionalContainedTypeInfo, const OrtOptionalTypeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(GetResizedStringTensorElementBuffer, OrtValue*, size_t, size_t, char**);
  ORT_STATUS_FN(KernelContext_GetAllocator, const OrtKernelContext*, const OrtMemoryInfo*,
      OrtAllocator**);
  ORT_FN(const char*, GetBuildInfoString, void);
  // Version 16: 266 entries
  ORT_STATUS_FN(CreateROCMProviderOptions, OrtROCMProviderOptions**);
  ORT_STATUS_FN(UpdateROCMProviderOptions, OrtROCMProviderOptions*, const char* const*,
      const char* const*, size_t);
  ORT_STATUS_FN(GetROCMProviderOptionsAsString, const OrtROCMProviderOptions*, OrtAllocator*,
      char**);
  ORT_FN(void, ReleaseROCMProviderOptions, OrtROCMProviderOptions*);
  ORT_STATUS_FN(CreateAndRegisterAllocatorV2, OrtEnv*, const char*, const OrtMemoryInfo*,
      const OrtArenaCfg*, const char* const*, const char* const*, size_t);
  ORT_STATUS_FN(RunAsync, OrtSession*, const OrtRunOptions*, const char* const*,
      const OrtValue* const*, size_t, const char* const*, size_t, OrtValue**, RunAsyncCallbackFn,
      void*);
  ORT_STATUS_FN(UpdateTensorRTProviderOptionsWithValue, OrtTensorRTProviderOptionsV2*, const char*,
      void*);
  ORT_STATUS_FN(GetTensorRTProviderOptionsByName, const OrtTensorRTProviderOptionsV2*, const char*,
      void**);
  ORT_STATUS_FN(UpdateCUDAProviderOptionsWithValue, OrtCUDAProviderOptionsV2*, const char*, void*);
  ORT_STATUS_FN(GetCUDAProviderOptionsByName, const OrtCUDAProviderOptionsV2*, const char*, void**);
  ORT_STATUS_FN(KernelContext_GetResource, const OrtKernelContext*, int, int, void**);
  // Version 17: 276 entries
  ORT_STATUS_FN(SetUserLoggingFunction, OrtSessionOptions*, OrtLoggingFunction, void*);
  ORT_STATUS_FN(ShapeInferContext_GetInputCount, const OrtShapeInferContext*, size_t*);
  ORT_STATUS_FN(ShapeInferContext_GetInputTypeShape, const OrtShapeInferContext*, size_t,
      OrtTensorTypeAndShapeInfo**);
  ORT_STATUS_FN(ShapeInferContext_GetAttribute, const OrtShapeInferContext*, const char*,
      const OrtOpAttr**);
  ORT_STATUS_FN(ShapeInferContext_SetOutputTypeShape, const OrtShapeInferContext*, size_t,
      const OrtTensorTypeAndShapeInfo*);
  ORT_STATUS_FN(SetSymbolicDimensions, OrtTensorTypeAndShapeInfo*, const char* dim_params[],
      size_t);
  ORT_STATUS_FN(ReadOpAttr, const OrtOpAttr*, OrtOpAttrType, void*, size_t, size_t*);
  ORT_STATUS_FN(SetDeterministicCompute, OrtSessionOptions*, bool);
  ORT_STATUS_FN(KernelContext_ParallelFor, const OrtKernelContext*, void (*)(void*, size_t), size_t,
      size_t, void*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_OpenVINO_V2, OrtSessionOptions*,
      const char* const*, const char* const*, size_t);
  // Version 18: 280 entries
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_VitisAI, OrtSessionOptions*,
      const char* const*, const char* const*, size_t);
  ORT_STATUS_FN(KernelContext_GetScratchBuffer, const OrtKernelContext*, const OrtMemoryInfo*,
      size_t, void**);
  ORT_STATUS_FN(KernelInfoGetAllocator, const OrtKernelInfo*, OrtMemType, OrtAllocator**);
  ORT_STATUS_FN(AddExternalInitializersFromFilesInMemory, OrtSessionOptions*,
      const ORTCHAR_T* const*, char* const*, const size_t*, size_t);
  // Version 20: 285 entries
  ORT_STATUS_FN(CreateLoraAdapter, const ORTCHAR_T*, OrtAllocator*, OrtLoraAdapter**);
  ORT_STATUS_FN(CreateLoraAdapterFromArray, const void*, size_t, OrtAllocator*, OrtLoraAdapter**);
  ORT_FN(void, ReleaseLoraAdapter, OrtLoraAdapter*);
  ORT_STATUS_FN(RunOptionsAddActiveLoraAdapter, OrtRunOptions*, const OrtLoraAdapter*);
  ORT_STATUS_FN(SetEpDynamicOptions, OrtSession*, const char* const*, const char* const*, size_t);
  // Version 22: 318 entries
  ORT_FN(void, ReleaseValueInfo, OrtValueInfo*);
  ORT_FN(void, ReleaseNode, OrtNode*);
  ORT_FN(void, ReleaseGraph, OrtGraph*);
  ORT_FN(void, ReleaseModel, OrtModel*);
  ORT_STATUS_FN(GetValueInfoName, const OrtValueInfo*, const char**);
  ORT_STATUS_FN(GetValueInfoTypeInfo, const OrtValueInfo*, const OrtTypeInfo**);
  ORT_FN(const OrtModelEditorApi*, GetModelEditorApi, void);
  ORT_STATUS_FN(CreateTensorWithDataAndDeleterAsOrtValue, OrtAllocator*, void*, size_t,
      const int64_t*, size_t, ONNXTensorElementDataType, OrtValue**);
  ORT_STATUS_FN(SessionOptionsSetLoadCancellationFlag, OrtSessionOptions*, bool);
  ORT_FN(const OrtCompileApi*, GetCompileApi, void);
  ORT_FN(void, CreateKeyValuePairs, OrtKeyValuePairs**);
  ORT_FN(void, AddKeyValuePair, OrtKeyValuePairs*, const char*, const char*);
  ORT_FN(const char*, GetKeyValue, const OrtKeyValuePairs*, const char*);
  ORT_FN(void, GetKeyValuePairs, const OrtKeyValuePairs*, const char* const**, const char* const**,
      size_t*);
  ORT_FN(void, RemoveKeyValuePair, OrtKeyValuePairs*, const char*);
  ORT_FN(void, ReleaseKeyValuePairs, OrtKeyValuePairs*);
  ORT_STATUS_FN(RegisterExecutionProviderLibrary, OrtEnv*, const char*, const ORTCHAR_T*);
  ORT_STATUS_FN(UnregisterExecutionProviderLibrary, OrtEnv*, const char*);
  ORT_STATUS_FN(GetEpDevices, const OrtEnv*, const OrtEpDevice* const**, size_t*);
  ORT_STATUS_FN(SessionOptionsAppendExecutionProvider_V2, OrtSessionOptions*, OrtEnv*,
      const OrtEpDevice* const*, size_t, const char* const*, const char* const*, size_t);
  ORT_STATUS_FN(SessionOptionsSetEpSelectionPolicy, OrtSessionOptions*,
      OrtExecutionProviderDevicePolicy);
  ORT_STATUS_FN(SessionOptionsSetEpSelectionPolicyDelegate, OrtSessionOptions*, EpSelectionDelegate,
      void*);
  ORT_FN(OrtHardwareDeviceType, HardwareDevice_Type, const OrtHardwareDevice*);
  ORT_FN(uint32_t, HardwareDevice_VendorId, const OrtHardwareDevice*);
  ORT_FN(const char*, HardwareDevice_Vendor, const OrtHardwareDevice*);
  ORT_FN(uint32_t, HardwareDevice_DeviceId, const OrtHardwareDevice*);
  ORT_FN(const OrtKeyValuePairs*, HardwareDevice_Metadata, const OrtHardwareDevice*);
  ORT_FN(const char*, EpDevice_EpName, const OrtEpDevice*);
  ORT_FN(const char*, EpDevice_EpVendor, const OrtEpDevice*);
  ORT_FN(const OrtKeyValuePairs*, EpDevice_EpMetadata, const OrtEpDevice*);
  ORT_FN(const OrtKeyValuePairs*, EpDevice_EpOptions, const OrtEpDevice*);
  ORT_FN(const OrtHardwareDevice*, EpDevice_Device, const OrtEpDevice*);
  ORT_FN(const OrtEpApi*, GetEpApi, void);
  // Version 23: 390 entries
  ORT_STATUS_FN(GetTensorSizeInBytes, const OrtValue*, size_t*);
  ORT_STATUS_FN(AllocatorGetStats, const OrtAllocator*, OrtKeyValuePairs**);
  ORT_STATUS_FN(CreateMemoryInfo_V2, const char*, enum OrtMemoryInfoDeviceType, uint32_t, int32_t,
      enum OrtDeviceMemoryType, size_t, enum OrtAllocatorType, OrtMemoryInfo**);
  ORT_FN(OrtDeviceMemoryType, MemoryInfoGetDeviceMemType, const OrtMemoryInfo*);
  ORT_FN(uint32_t, MemoryInfoGetVendorId, const OrtMemoryInfo*);
  ORT_STATUS_FN(ValueInfo_GetValueProducer, const OrtValueInfo*, const OrtNode**, size_t*);
  ORT_STATUS_FN(ValueInfo_GetValueNumConsumers, const OrtValueInfo*, size_t*);
  ORT_STATUS_FN(ValueInfo_GetValueConsumers, const OrtValueInfo*, const OrtNode**, int64_t*,
      size_t);
  ORT_STATUS_FN(ValueInfo_GetInitializerValue, const OrtValueInfo*, const OrtValue**);
  ORT_STATUS_FN(ValueInfo_GetExternalInitializerInfo, const OrtValueInfo*,
      OrtExternalInitializerInfo**);
  ORT_STATUS_FN(ValueInfo_IsRequiredGraphInput, const OrtValueInfo*, bool*);
  ORT_STATUS_FN(ValueInfo_IsOptionalGraphInput, const OrtValueInfo*, bool*);
  ORT_STATUS_FN(ValueInfo_IsGraphOutput, const OrtValueInfo*, bool*);
  ORT_STATUS_FN(ValueInfo_IsConstantInitializer, const OrtValueInfo*, bool*);
  ORT_STATUS_FN(ValueInfo_IsFromOuterScope, const OrtValueInfo*, bool*);
  ORT_STATUS_FN(Graph_GetName, const OrtGraph*, const char**);
  ORT_STATUS_FN(Graph_GetModelPath, const OrtGraph*, const ORTCHAR_T**);
  ORT_STATUS_FN(Graph_GetOnnxIRVersion, const OrtGraph*, int64_t*);
  ORT_STATUS_FN(Graph_GetNumOperatorSets, const OrtGraph*, size_t*);
  ORT_STATUS_FN(Graph_GetOperatorSets, const OrtGraph*, const char**, int64_t*, size_t);
  ORT_STATUS_FN(Graph_GetNumInputs, const OrtGraph*, size_t*);
  ORT_STATUS_FN(Graph_GetInputs, const OrtGraph*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Graph_GetNumOutputs, const OrtGraph*, size_t*);
  ORT_STATUS_FN(Graph_GetOutputs, const OrtGraph*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Graph_GetNumInitializers, const OrtGraph*, size_t*);
  ORT_STATUS_FN(Graph_GetInitializers, const OrtGraph*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Graph_GetNumNodes, const OrtGraph*, size_t*);
  ORT_STATUS_FN(Graph_GetNodes, const OrtGraph*, const OrtNode**, size_t);
  ORT_STATUS_FN(Graph_GetParentNode, const OrtGraph*, const OrtNode**);
  ORT_STATUS_FN(Graph_GetGraphView, const OrtGraph*, const OrtNode**, size_t, OrtGraph**);
  ORT_STATUS_FN(Node_GetId, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetName, const OrtNode*, const char**);
  ORT_STATUS_FN(Node_GetOperatorType, const OrtNode*, const char**);
  ORT_STATUS_FN(Node_GetDomain, const OrtNode*, const char**);
  ORT_STATUS_FN(Node_GetSinceVersion, const OrtNode*, int*);
  ORT_STATUS_FN(Node_GetNumInputs, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetInputs, const OrtNode*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Node_GetNumOutputs, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetOutputs, const OrtNode*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Node_GetNumImplicitInputs, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetImplicitInputs, const OrtNode*, const OrtValueInfo**, size_t);
  ORT_STATUS_FN(Node_GetNumAttributes, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetAttributes, const OrtNode*, const OrtOpAttr**, size_t);
  ORT_STATUS_FN(Node_GetAttributeByName, const OrtNode*, const char*, const OrtOpAttr**);
  ORT_STATUS_FN(OpAttr_GetTensorAttributeAsOrtValue, const OrtOpAttr*, OrtValue**);
  ORT_STATUS_FN(OpAttr_GetType, const OrtOpAttr*, OrtOpAttrType*);
  ORT_STATUS_FN(OpAttr_GetName, const OrtOpAttr*, const char**);
  ORT_STATUS_FN(Node_GetNumSubgraphs, const OrtNode*, size_t*);
  ORT_STATUS_FN(Node_GetSubgraphs, const OrtNode*, const OrtGraph**, size_t, const char**);
  ORT_STATUS_FN(Node_GetGraph, const OrtNode*, const OrtGraph**);
  ORT_STATUS_FN(Node_GetEpName, const OrtNode*, const char**);
  ORT_FN(void, ReleaseExternalInitializerInfo, OrtExternalInitializerInfo*);
  ORT_FN(const ORTCHAR_T*, ExternalInitializerInfo_GetFilePath, const OrtExternalInitializerInfo*);
  ORT_FN(int64_t, ExternalInitializerInfo_GetFileOffset, const OrtExternalInitializerInfo*);
  ORT_FN(size_t, ExternalInitializerInfo_GetByteSize, const OrtExternalInitializerInfo*);
  ORT_FN(const char*, GetRunConfigEntry, const OrtRunOptions*, const char*);
  ORT_FN(const OrtMemoryInfo*, EpDevice_MemoryInfo, const OrtEpDevice*, OrtDeviceMemoryType);
  ORT_STATUS_FN(CreateSharedAllocator, OrtEnv*, const OrtEpDevice*, OrtDeviceMemoryType,
      OrtAllocatorType, const OrtKeyValuePairs*, OrtAllocator**);
  ORT_STATUS_FN(GetSharedAllocator, OrtEnv*, const OrtMemoryInfo*, OrtAllocator**);
  ORT_STATUS_FN(ReleaseSharedAllocator, OrtEnv*, const OrtEpDevice*, OrtDeviceMemoryType);
  ORT_STATUS_FN(GetTensorData, const OrtValue*, const void**);
  ORT_STATUS_FN(GetSessionOptionsConfigEntries, const OrtSessionOptions*, OrtKeyValuePairs**);
  ORT_STATUS_FN(SessionGetMemoryInfoForInputs, const OrtSession*, const OrtMemoryInfo**, size_t);
  ORT_STATUS_FN(SessionGetMemoryInfoForOutputs, const OrtSession*, const OrtMemoryInfo**, size_t);
  ORT_STATUS_FN(SessionGetEpDeviceForInputs, const OrtSession*, const OrtEpDevice**, size_t);
  ORT_STATUS_FN(CreateSyncStreamForEpDevice, const OrtEpDevice*, const OrtKeyValuePairs*,
      OrtSyncStream**);
  ORT_FN(void*, SyncStream_GetHandle, OrtSyncStream*);
  ORT_FN(void, ReleaseSyncStream, OrtSyncStream*);
  ORT_STATUS_FN(CopyTensors, const OrtEnv*, const OrtValue* const*, OrtValue* const*,
      OrtSyncStream*, size_t);
  ORT_STATUS_FN(Graph_GetModelMetadata, const OrtGraph*, OrtModelMetadata**);
  ORT_STATUS_FN(GetModelCompatibilityForEpDevices, const OrtEpDevice* const*, size_t, const char*,
      OrtCompiledModelCompatibility*);
  ORT_STATUS_FN(CreateExternalInitializerInfo, const ORTCHAR_T*, int64_t, size_t,
      OrtExternalInitializerInfo**);
  // Version 24: 415 entries
  ORT_FN(bool, TensorTypeAndShape_HasShape, const OrtTensorTypeAndShapeInfo*);
  ORT_STATUS_FN(KernelInfo_GetConfigEntries, const OrtKernelInfo*, OrtKeyValuePairs**);
  ORT_STATUS_FN(KernelInfo_GetOperatorDomain, const OrtKernelInfo*, char*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetOperatorType, const OrtKernelInfo*, char*, size_t*);
  ORT_STATUS_FN(KernelInfo_GetOperatorSinceVersion, const OrtKernelInfo*, int*);
  ORT_FN(const OrtInteropApi*, GetInteropApi, void);
  ORT_STATUS_FN(SessionGetEpDeviceForOutputs, const OrtSession*, const OrtEpDevice**, size_t);
  ORT_STATUS_FN(GetNumHardwareDevices, const OrtEnv*, size_t*);
  ORT_STATUS_FN(GetHardwareDevices, const OrtEnv*, const OrtHardwareDevice**, size_t);
  ORT_STATUS_FN(GetHardwareDeviceEpIncompatibilityDetails, const OrtEnv*, const char*,
      const OrtHardwareDevice*, OrtDeviceEpIncompatibilityDetails**);
  ORT_STATUS_FN(DeviceEpIncompatibilityDetails_GetReasonsBitmask,
      const OrtDeviceEpIncompatibilityDetails*, uint32_t*);
  ORT_STATUS_FN(DeviceEpIncompatibilityDetails_GetNotes, const OrtDeviceEpIncompatibilityDetails*,
      const char**);
  ORT_STATUS_FN(DeviceEpIncompatibilityDetails_GetErrorCode,
      const OrtDeviceEpIncompatibilityDetails*, int32_t*);
  ORT_FN(void, ReleaseDeviceEpIncompatibilityDetails, OrtDeviceEpIncompatibilityDetails*);
  ORT_STATUS_FN(GetCompatibilityInfoFromModel, const ORTCHAR_T*, const char*, OrtAllocator*,
      char**);
  ORT_STATUS_FN(GetCompatibilityInfoFromModelBytes, const void*, size_t, const char*, OrtAllocator*,
      char**);
  ORT_STATUS_FN(CreateEnvWithOptions, const OrtEnvCreationOptions*, OrtEnv**);
  ORT_STATUS_FN(Session_GetEpGraphAssignmentInfo, const OrtSession*,
      const OrtEpAssignedSubgraph* const**, size_t*);
  ORT_STATUS_FN(EpAssignedSubgraph_GetEpName, const OrtEpAssignedSubgraph*, const char**);
  ORT_STATUS_FN(EpAssignedSubgraph_GetNodes, const OrtEpAssignedSubgraph*,
      const OrtEpAssignedNode* const**, size_t*);
  ORT_STATUS_FN(EpAssignedNode_GetName, const OrtEpAssignedNode*, const char**);
  ORT_STATUS_FN(EpAssignedNode_GetDomain, const OrtEpAssignedNode*, const char**);
  ORT_STATUS_FN(EpAssignedNode_GetOperatorType, const OrtEpAssignedNode*, const char**);
  ORT_FN(void, RunOptionsSetSyncStream, OrtRunOptions*, OrtSyncStream*);
  ORT_STATUS_FN(GetTensorElementTypeAndShapeDataReference, const OrtValue*,
      ONNXTensorElementDataType*, const int64_t**, size_t*);
  // Version 25: 419 entries
  ORT_STATUS_FN(RunOptionsEnableProfiling, OrtRunOptions*, const ORTCHAR_T*);
  ORT_STATUS_FN(RunOptionsDisableProfiling, OrtRunOptions*);
  ORT_STATUS_FN(KernelInfoGetAttributeArray_string, const OrtKernelInfo*, const char*,
      OrtAllocator*, char***, size_t*);
  ORT_STATUS_FN(SetPerSessionThreadPoolCallbacks, OrtEnv*, const OrtThreadPoolCallbacksConfig*);
  // Version 27: 422 entries
  ORT_STATUS_FN(GetMemPatternEnabled, const OrtSessionOptions*, int*);
  ORT_STATUS_FN(GetSessionExecutionMode, const OrtSessionOptions*, ExecutionMode*);
  ORT_STATUS_FN(SessionReleaseCapturedGraph, OrtSession*, int);
  // Version 28: 424 entries
  ORT_FN(OrtExperimentalFnPtr, GetExperimentalFunction, const char*);
  ORT_STATUS_FN(KernelContext_GetSyncStream, const OrtKernelContext*, OrtSyncStream**);
  // Version 29: 425 entries
  ORT_STATUS_FN(SessionOptionsSetWeightlessSourceModelBuffer, OrtSessionOptions*, const void*,
      size_t);
  // Version 30: 426 entries
  ORT_STATUS_FN(KernelContext_GetPreallocatedOutput, const OrtKernelContext*, size_t, OrtValue**);
  // Version 31: 428 entries
  ORT_STATUS_FN(SessionOptionsSetEpContextDataReadFunc, OrtSessionOptions*, OrtReadNamedBufferFunc,
      void*);
  ORT_FN(const OrtModelPackageApi*, GetModelPackageApi, void);
};

// A custom operator, implemented by the client; `version` says how many of the entries there are.
struct OrtCustomOp {
  uint32_t version;
  ORT_OP_FN(void*, CreateKernel, const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);
  ORT_OP_FN(const char*, GetName, const OrtCustomOp*);
  ORT_OP_FN(const char*, GetExecutionProviderType, const OrtCustomOp*);
  ORT_OP_FN(ONNXTensorElementDataType, GetInputType, const OrtCustomOp*, size_t);
  ORT_OP_FN(size_t, GetInputTypeCount, const OrtCustomOp*);
  ORT_OP_FN(ONNXTensorElementDataType, GetOutputType, const OrtCustomOp*, size_t);
  ORT_OP_FN(size_t, GetOutputTypeCount, const OrtCustomOp*);
  ORT_OP_FN(void, KernelCompute, void*, OrtKernelContext*);
  ORT_OP_FN(void, KernelDestroy, void*);
  ORT_OP_FN(OrtCustomOpInputOutputCharacteristic, GetInputCharacteristic, const OrtCustomOp*,
      size_t);
  ORT_OP_FN(OrtCustomOpInputOutputCharacteristic, GetOutputCharacteristic, const OrtCustomOp*,
      size_t);
  ORT_OP_FN(OrtMemType, GetInputMemoryType, const OrtCustomOp*, size_t);
  ORT_OP_FN(int, GetVariadicInputMinArity, const OrtCustomOp*);
  ORT_OP_FN(int, GetVariadicInputHomogeneity, const OrtCustomOp*);
  ORT_OP_FN(int, GetVariadicOutputMinArity, const OrtCustomOp*);
  ORT_OP_FN(int, GetVariadicOutputHomogeneity, const OrtCustomOp*);
  ORT_OP_FN(OrtStatus*, CreateKernelV2, const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*,
      void**);
  ORT_OP_FN(OrtStatus*, KernelComputeV2, void*, OrtKernelContext*);
  ORT_OP_FN(OrtStatus*, InferOutputShapeFn, const OrtCustomOp*, OrtShapeInferContext*);
  ORT_OP_FN(int, GetStartVersion, const OrtCustomOp*);
  ORT_OP_FN(int, GetEndVersion, const OrtCustomOp*);
  ORT_OP_FN(size_t, GetMayInplace, int**, int**);
  ORT_OP_FN(void, ReleaseMayInplace, int*, int*);
  ORT_OP_FN(size_t, GetAliasMap, int**, int**);
  ORT_OP_FN(void, ReleaseAliasMap, int*, int*);
};

struct OrtModelEditorApi {
  ORT_STATUS_FN(CreateTensorTypeInfo, const OrtTensorTypeAndShapeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(CreateSparseTensorTypeInfo, const OrtTensorTypeAndShapeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(CreateMapTypeInfo, ONNXTensorElementDataType, const OrtTypeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(CreateSequenceTypeInfo, const OrtTypeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(CreateOptionalTypeInfo, const OrtTypeInfo*, OrtTypeInfo**);
  ORT_STATUS_FN(CreateValueInfo, const char*, const OrtTypeInfo*, OrtValueInfo**);
  ORT_STATUS_FN(CreateNode, const char*, const char*, const char*, const char* const*, size_t,
      const char* const*, size_t, OrtOpAttr**, size_t, OrtNode**);
  ORT_STATUS_FN(CreateGraph, OrtGraph**);
  ORT_STATUS_FN(SetGraphInputs, OrtGraph*, OrtValueInfo**, size_t);
  ORT_STATUS_FN(SetGraphOutputs, OrtGraph*, OrtValueInfo**, size_t);
  ORT_STATUS_FN(AddInitializerToGraph, OrtGraph*, const char*, OrtValue*, bool);
  ORT_STATUS_FN(AddNodeToGraph, OrtGraph*, OrtNode*);
  ORT_STATUS_FN(CreateModel, const char* const*, const int*, size_t, OrtModel**);
  ORT_STATUS_FN(AddGraphToModel, OrtModel*, OrtGraph*);
  ORT_STATUS_FN(CreateSessionFromModel, const OrtEnv*, const OrtModel*, const OrtSessionOptions*,
      OrtSession**);
  ORT_STATUS_FN(CreateModelEditorSession, const OrtEnv*, const ORTCHAR_T*, const OrtSessionOptions*,
      OrtSession**);
  ORT_STATUS_FN(CreateModelEditorSessionFromArray, const OrtEnv*, const void*, size_t,
      const OrtSessionOptions*, OrtSession**);
  ORT_STATUS_FN(SessionGetOpsetForDomain, const OrtSession*, const char*, int*);
  ORT_STATUS_FN(ApplyModelToModelEditorSession, OrtSession*, OrtModel*);
  ORT_STATUS_FN(FinalizeModelEditorSession, OrtSession*, const OrtSessionOptions*,
      OrtPrepackedWeightsContainer*);
};

struct OrtCompileApi {
  ORT_FN(void, ReleaseModelCompilationOptions, OrtModelCompilationOptions*);
  ORT_STATUS_FN(CreateModelCompilationOptionsFromSessionOptions, const OrtEnv*,
      const OrtSessionOptions*, OrtModelCompilationOptions**);
  ORT_STATUS_FN(ModelCompilationOptions_SetInputModelPath, OrtModelCompilationOptions*,
      const ORTCHAR_T*);
  ORT_STATUS_FN(ModelCompilationOptions_SetInputModelFromBuffer, OrtModelCompilationOptions*,
      const void*, size_t);
  ORT_STATUS_FN(ModelCompilationOptions_SetOutputModelPath, OrtModelCompilationOptions*,
      const ORTCHAR_T*);
  ORT_STATUS_FN(ModelCompilationOptions_SetOutputModelExternalInitializersFile,
      OrtModelCompilationOptions*, const ORTCHAR_T*, size_t);
  ORT_STATUS_FN(ModelCompilationOptions_SetOutputModelBuffer, OrtModelCompilationOptions*,
      OrtAllocator*, void**, size_t*);
  ORT_STATUS_FN(ModelCompilationOptions_SetEpContextEmbedMode, OrtModelCompilationOptions*, bool);
  ORT_STATUS_FN(CompileModel, const OrtEnv*, const OrtModelCompilationOptions*);
  ORT_STATUS_FN(ModelCompilationOptions_SetFlags, OrtModelCompilationOptions*, uint32_t);
  ORT_STATUS_FN(ModelCompilationOptions_SetEpContextBinaryInformation, OrtModelCompilationOptions*,
      const ORTCHAR_T*, const ORTCHAR_T*);
  ORT_STATUS_FN(ModelCompilationOptions_SetGraphOptimizationLevel, OrtModelCompilationOptions*,
      GraphOptimizationLevel);
  ORT_STATUS_FN(ModelCompilationOptions_SetOutputModelWriteFunc, OrtModelCompilationOptions*,
      OrtWriteBufferFunc, void*);
  ORT_STATUS_FN(ModelCompilationOptions_SetOutputModelGetInitializerLocationFunc,
      OrtModelCompilationOptions*, OrtGetInitializerLocationFunc, void*);
  ORT_STATUS_FN(ModelCompilationOptions_SetInputModel, OrtModelCompilationOptions*,
      const OrtModel*);
  ORT_STATUS_FN(ModelCompilationOptions_SetWeightlessEnabled, OrtModelCompilationOptions*, bool);
};

struct OrtInteropApi {
  ORT_STATUS_FN(CreateExternalResourceImporterForDevice, const OrtEpDevice*,
      OrtExternalResourceImporter**);
  ORT_FN(void, ReleaseExternalResourceImporter, OrtExternalResourceImporter*);
  ORT_STATUS_FN(CanImportMemory, const OrtExternalResourceImporter*, OrtExternalMemoryHandleType,
      bool*);
  ORT_STATUS_FN(ImportMemory, OrtExternalResourceImporter*, const OrtExternalMemoryDescriptor*,
      OrtExternalMemoryHandle**);
  ORT_FN(void, ReleaseExternalMemoryHandle, OrtExternalMemoryHandle*);
  ORT_STATUS_FN(CreateTensorFromMemory, OrtExternalResourceImporter*,
      const OrtExternalMemoryHandle*, const OrtExternalTensorDescriptor*, OrtValue**);
  ORT_STATUS_FN(CanImportSemaphore, const OrtExternalResourceImporter*, OrtExternalSemaphoreType,
      bool*);
  ORT_STATUS_FN(ImportSemaphore, OrtExternalResourceImporter*,
      const OrtExternalSemaphoreDescriptor*, OrtExternalSemaphoreHandle**);
  ORT_FN(void, ReleaseExternalSemaphoreHandle, OrtExternalSemaphoreHandle*);
  ORT_STATUS_FN(WaitSemaphore, OrtExternalResourceImporter*, OrtExternalSemaphoreHandle*,
      OrtSyncStream*, uint64_t);
  ORT_STATUS_FN(SignalSemaphore, OrtExternalResourceImporter*, OrtExternalSemaphoreHandle*,
      OrtSyncStream*, uint64_t);
  ORT_STATUS_FN(InitGraphicsInteropForEpDevice, const OrtEpDevice*,
      const OrtGraphicsInteropConfig*);
  ORT_STATUS_FN(DeinitGraphicsInteropForEpDevice, const OrtEpDevice*);
};
// clang-format on

#ifdef __cplusplus
#define ORT_TABLE_ENDS(LAST, COUNT) \
  static_assert(offsetof(OrtApi, LAST) == ((COUNT)-1) * sizeof(void*), "order of OrtApi")
ORT_TABLE_ENDS(ReleaseCustomOpDomain, 102);
ORT_TABLE_ENDS(ReleaseModelMetadata, 119);
ORT_TABLE_ENDS(AddFreeDimensionOverrideByName, 125);
ORT_TABLE_ENDS(ReleaseAvailableProviders, 127);
ORT_TABLE_ENDS(SetGlobalSpinControl, 150);
ORT_TABLE_ENDS(ReleaseArenaCfg, 158);
ORT_TABLE_ENDS(GetCurrentGpuDeviceId, 162);
ORT_TABLE_ENDS(CreateSessionFromArrayWithPrepackedWeightsContainer, 170);
ORT_TABLE_ENDS(GetSparseTensorIndices, 192);
ORT_TABLE_ENDS(SynchronizeBoundOutputs, 204);
ORT_TABLE_ENDS(SessionOptionsAppendExecutionProvider_MIGraphX, 210);
ORT_TABLE_ENDS(ReleaseKernelInfo, 219);
ORT_TABLE_ENDS(ReleaseCANNProviderOptions, 225);
ORT_TABLE_ENDS(GetSessionConfigEntry, 239);
ORT_TABLE_ENDS(GetBuildInfoString, 255);
ORT_TABLE_ENDS(KernelContext_GetResource, 266);
ORT_TABLE_ENDS(SessionOptionsAppendExecutionProvider_OpenVINO_V2, 276);
ORT_TABLE_ENDS(AddExternalInitializersFromFilesInMemory, 280);
ORT_TABLE_ENDS(SetEpDynamicOptions, 285);
ORT_TABLE_ENDS(GetEpApi, 318);
ORT_TABLE_ENDS(CreateExternalInitializerInfo, 390);
ORT_TABLE_ENDS(GetTensorElementTypeAndShapeDataReference, 415);
ORT_TABLE_ENDS(SetPerSessionThreadPoolCallbacks, 419);
ORT_TABLE_ENDS(SessionReleaseCapturedGraph, 422);
ORT_TABLE_ENDS(KernelContext_GetSyncStream, 424);
ORT_TABLE_ENDS(SessionOptionsSetWeightlessSourceModelBuffer, 425);
ORT_TABLE_ENDS(KernelContext_GetPreallocatedOutput, 426);
ORT_TABLE_ENDS(GetModelPackageApi, 428);
#undef ORT_TABLE_ENDS
static_assert(sizeof(OrtApi) == 428 * sizeof(void*), "size of OrtApi");
static_assert(sizeof(OrtApiBase) == 2 * sizeof(void*), "size of OrtApiBase");
static_assert(sizeof(OrtAllocator) == 8 * sizeof(void*), "size of OrtAllocator");
static_assert(sizeof(OrtCustomOp) == 26 * sizeof(void*), "size of OrtCustomOp");
static_assert(sizeof(OrtModelEditorApi) == 20 * sizeof(void*), "size of OrtModelEditorApi");
static_assert(sizeof(OrtCompileApi) == 16 * sizeof(void*), "size of OrtCompileApi");
static_assert(sizeof(OrtInteropApi) == 13 * sizeof(void*), "size of OrtInteropApi");
}
#endif

#include "onnxruntime_ep_c_api.h"
