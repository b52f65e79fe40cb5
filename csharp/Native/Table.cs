using System;

namespace Microsoft.ML.OnnxRuntime
{
    /// The functions of the C API that this assembly calls, by their places in the table. Those
    /// that came after API version 14 are null where the library is older: see Status.Since.
    internal static class Table
    {
        internal static readonly GetIntP GetErrorCode = Library.Bind<GetIntP>(1);
        internal static readonly GetP GetErrorMessage = Library.Bind<GetP>(2);
        internal static readonly VoidP ReleaseStatus = Library.Bind<VoidP>(93);

        // The environment.
        internal static readonly FnISO CreateEnv = Library.Bind<FnISO>(3);
        internal static readonly FnPPISO CreateEnvWithCustomLogger = Library.Bind<FnPPISO>(4);
        internal static readonly FnISPO CreateEnvWithGlobalThreadPools = Library.Bind<FnISPO>(119);
        internal static readonly FnPPISPO CreateEnvWithCustomLoggerAndGlobalThreadPools =
            Library.Bind<FnPPISPO>(151);
        internal static readonly VoidP ReleaseEnv = Library.Bind<VoidP>(92);
        internal static readonly FnP EnableTelemetryEvents = Library.Bind<FnP>(5);
        internal static readonly FnP DisableTelemetryEvents = Library.Bind<FnP>(6);
        internal static readonly FnPI SetLanguageProjection = Library.Bind<FnPI>(145);
        internal static readonly FnPI UpdateEnvWithCustomLogLevel = Library.Bind<FnPI>(226);
        internal static readonly FnPPP CreateAndRegisterAllocator = Library.Bind<FnPPP>(144);
        internal static readonly FnOOi GetAvailableProviders = Library.Bind<FnOOi>(125);
        internal static readonly FnPI ReleaseAvailableProviders = Library.Bind<FnPI>(126);
        internal static readonly FnO CreateThreadingOptions = Library.Bind<FnO>(121);
        internal static readonly VoidP ReleaseThreadingOptions = Library.Bind<VoidP>(122);
        internal static readonly FnPI SetGlobalIntraOpNumThreads = Library.Bind<FnPI>(147);
        internal static readonly FnPI SetGlobalInterOpNumThreads = Library.Bind<FnPI>(148);
        internal static readonly FnPI SetGlobalSpinControl = Library.Bind<FnPI>(149);
        internal static readonly FnP SetGlobalDenormalAsZero = Library.Bind<FnP>(155);
        internal static readonly FnNIIIO CreateArenaCfg = Library.Bind<FnNIIIO>(156);
        internal static readonly VoidP ReleaseArenaCfg = Library.Bind<VoidP>(157);

        // Providers and devices.
        internal static readonly VoidO CreateKeyValuePairs = Library.Bind<VoidO>(295, 22);
        internal static readonly VoidPSS AddKeyValuePair = Library.Bind<VoidPSS>(296, 22);
        internal static readonly VoidPOOn GetKeyValuePairs = Library.Bind<VoidPOOn>(298, 22);
        internal static readonly VoidPS RemoveKeyValuePair = Library.Bind<VoidPS>(299, 22);
        internal static readonly VoidP ReleaseKeyValuePairs = Library.Bind<VoidP>(300, 22);
        internal static readonly FnPSS RegisterExecutionProviderLibrary =
            Library.Bind<FnPSS>(301, 22);
        internal static readonly FnPS UnregisterExecutionProviderLibrary =
            Library.Bind<FnPS>(302, 22);
        internal static readonly FnPOOn GetEpDevices = Library.Bind<FnPOOn>(303, 22);
        internal static readonly FnPPANAAN SessionOptionsAppendExecutionProvider_V2 =
            Library.Bind<FnPPANAAN>(304, 22);
        internal static readonly FnPI SessionOptionsSetEpSelectionPolicy =
            Library.Bind<FnPI>(305, 22);
        internal static readonly GetIntP HardwareDevice_Type = Library.Bind<GetIntP>(307, 22);
        internal static readonly GetIntP HardwareDevice_VendorId = Library.Bind<GetIntP>(308, 22);
        internal static readonly GetP HardwareDevice_Vendor = Library.Bind<GetP>(309, 22);
        internal static readonly GetIntP HardwareDevice_DeviceId = Library.Bind<GetIntP>(310, 22);
        internal static readonly GetP HardwareDevice_Metadata = Library.Bind<GetP>(311, 22);
        internal static readonly GetP EpDevice_EpName = Library.Bind<GetP>(312, 22);
        internal static readonly GetP EpDevice_EpVendor = Library.Bind<GetP>(313, 22);
        internal static readonly GetP EpDevice_EpMetadata = Library.Bind<GetP>(314, 22);
        internal static readonly GetP EpDevice_EpOptions = Library.Bind<GetP>(315, 22);
        internal static readonly GetP EpDevice_Device = Library.Bind<GetP>(316, 22);
        internal static readonly GetPI EpDevice_MemoryInfo = Library.Bind<GetPI>(374, 23);
        internal static readonly FnPPO CreateSyncStreamForEpDevice = Library.Bind<FnPPO>(383, 23);
        internal static readonly GetP SyncStream_GetHandle = Library.Bind<GetP>(384, 23);
        internal static readonly VoidP ReleaseSyncStream = Library.Bind<VoidP>(385, 23);
        internal static readonly FnPAAPN CopyTensors = Library.Bind<FnPAAPN>(386, 23);
        internal static readonly FnANSOi GetModelCompatibilityForEpDevices =
            Library.Bind<FnANSOi>(388, 23);
        internal static readonly FnPOn GetNumHardwareDevices = Library.Bind<FnPOn>(397, 24);
        internal static readonly FnPAN GetHardwareDevices = Library.Bind<FnPAN>(398, 24);
        internal static readonly FnSSPO GetCompatibilityInfoFromModel =
            Library.Bind<FnSSPO>(404, 24);
        internal static readonly FnSNSPO GetCompatibilityInfoFromModelBytes =
            Library.Bind<FnSNSPO>(405, 24);
        internal static readonly FnPAN SessionGetEpDeviceForInputs = Library.Bind<FnPAN>(382, 23);
        internal static readonly FnPSPPAAN CreateAndRegisterAllocatorV2 =
            Library.Bind<FnPSPPAAN>(259, 16);
        internal static readonly FnPP UnregisterAllocator = Library.Bind<FnPP>(177);
        internal static readonly FnSIUIINIO CreateMemoryInfo_V2 = Library.Bind<FnSIUIINIO>(320, 23);
        internal static readonly GetIntP MemoryInfoGetDeviceMemType =
            Library.Bind<GetIntP>(321, 23);
        internal static readonly GetIntP MemoryInfoGetVendorId = Library.Bind<GetIntP>(322, 23);

        // Options of sessions.
        internal static readonly FnO CreateSessionOptions = Library.Bind<FnO>(10);
        internal static readonly VoidP ReleaseSessionOptions = Library.Bind<VoidP>(100);
        internal static readonly FnPS SetOptimizedModelFilePath = Library.Bind<FnPS>(11);
        internal static readonly FnPI SetSessionExecutionMode = Library.Bind<FnPI>(13);
        internal static readonly FnPS EnableProfiling = Library.Bind<FnPS>(14);
        internal static readonly FnP DisableProfiling = Library.Bind<FnP>(15);
        internal static readonly FnP EnableMemPattern = Library.Bind<FnP>(16);
        internal static readonly FnP DisableMemPattern = Library.Bind<FnP>(17);
        internal static readonly FnP EnableCpuMemArena = Library.Bind<FnP>(18);
        internal static readonly FnP DisableCpuMemArena = Library.Bind<FnP>(19);
        internal static readonly FnPS SetSessionLogId = Library.Bind<FnPS>(20);
        internal static readonly FnPI SetSessionLogVerbosityLevel = Library.Bind<FnPI>(21);
        internal static readonly FnPI SetSessionLogSeverityLevel = Library.Bind<FnPI>(22);
        internal static readonly FnPI SetSessionGraphOptimizationLevel = Library.Bind<FnPI>(23);
        internal static readonly FnPI SetIntraOpNumThreads = Library.Bind<FnPI>(24);
        internal static readonly FnPI SetInterOpNumThreads = Library.Bind<FnPI>(25);
        internal static readonly FnPSO RegisterCustomOpsLibrary = Library.Bind<FnPSO>(29);
        internal static readonly FnPSL AddFreeDimensionOverride = Library.Bind<FnPSL>(79);
        internal static readonly FnP DisablePerSessionThreads = Library.Bind<FnP>(120);
        internal static readonly FnPSL AddFreeDimensionOverrideByName = Library.Bind<FnPSL>(124);
        internal static readonly FnPSS AddSessionConfigEntry = Library.Bind<FnPSS>(130);
        internal static readonly FnPSP AddInitializer = Library.Bind<FnPSP>(150);
        internal static readonly FnPSAAN SessionOptionsAppendExecutionProvider =
            Library.Bind<FnPSAAN>(216);
        internal static readonly FnPS RegisterCustomOpsLibrary_V2 = Library.Bind<FnPS>(228);
        internal static readonly FnPSOi HasSessionConfigEntry = Library.Bind<FnPSOi>(237);
        internal static readonly FnPSSN GetSessionConfigEntry = Library.Bind<FnPSSN>(238);
        internal static readonly FnPB SessionOptionsSetLoadCancellationFlag =
            Library.Bind<FnPB>(293, 22);
        internal static readonly FnO CreateCUDAProviderOptions = Library.Bind<FnO>(205);
        internal static readonly FnPAAN UpdateCUDAProviderOptions = Library.Bind<FnPAAN>(206);
        internal static readonly FnPPO GetCUDAProviderOptionsAsString = Library.Bind<FnPPO>(207);
        internal static readonly VoidP ReleaseCUDAProviderOptions = Library.Bind<VoidP>(208);
        internal static readonly FnPP SessionOptionsAppendExecutionProvider_CUDA_V2 =
            Library.Bind<FnPP>(204);
        internal static readonly FnO CreateROCMProviderOptions = Library.Bind<FnO>(255, 16);
        internal static readonly FnPAAN UpdateROCMProviderOptions = Library.Bind<FnPAAN>(256, 16);
        internal static readonly FnPPO GetROCMProviderOptionsAsString =
            Library.Bind<FnPPO>(257, 16);
        internal static readonly VoidP ReleaseROCMProviderOptions = Library.Bind<VoidP>(258, 16);
        internal static readonly FnPP SessionOptionsAppendExecutionProvider_ROCM =
            Library.Bind<FnPP>(153);
        internal static readonly FnO CreateTensorRTProviderOptions = Library.Bind<FnO>(171);
        internal static readonly FnPAAN UpdateTensorRTProviderOptions = Library.Bind<FnPAAN>(172);
        internal static readonly FnPPO GetTensorRTProviderOptionsAsString =
            Library.Bind<FnPPO>(173);
        internal static readonly VoidP ReleaseTensorRTProviderOptions = Library.Bind<VoidP>(174);
        internal static readonly FnPP SessionOptionsAppendExecutionProvider_TensorRT_V2 =
            Library.Bind<FnPP>(170);

        // Sessions.
        internal static readonly FnPSPO CreateSession = Library.Bind<FnPSPO>(7);
        internal static readonly FnPSNPO CreateSessionFromArray = Library.Bind<FnPSNPO>(8);
        internal static readonly FnPSPPO CreateSessionWithPrepackedWeightsContainer =
            Library.Bind<FnPSPPO>(168);
        internal static readonly FnPSNPPO CreateSessionFromArrayWithPrepackedWeightsContainer =
            Library.Bind<FnPSNPPO>(169);
        internal static readonly VoidP ReleaseSession = Library.Bind<VoidP>(95);
        internal static readonly FnO CreatePrepackedWeightsContainer = Library.Bind<FnO>(166);
        internal static readonly VoidP ReleasePrepackedWeightsContainer = Library.Bind<VoidP>(167);
        internal static readonly FnPOn SessionGetInputCount = Library.Bind<FnPOn>(30);
        internal static readonly FnPOn SessionGetOutputCount = Library.Bind<FnPOn>(31);
        internal static readonly FnPOn SessionGetOverridableInitializerCount =
            Library.Bind<FnPOn>(32);
        internal static readonly FnPNO SessionGetInputTypeInfo = Library.Bind<FnPNO>(33);
        internal static readonly FnPNO SessionGetOutputTypeInfo = Library.Bind<FnPNO>(34);
        internal static readonly FnPNO SessionGetOverridableInitializerTypeInfo =
            Library.Bind<FnPNO>(35);
        internal static readonly FnPNPO SessionGetInputName = Library.Bind<FnPNPO>(36);
        internal static readonly FnPNPO SessionGetOutputName = Library.Bind<FnPNPO>(37);
        internal static readonly FnPNPO SessionGetOverridableInitializerName =
            Library.Bind<FnPNPO>(38);
        internal static readonly FnPPO SessionEndProfiling = Library.Bind<FnPPO>(110);
        internal static readonly FnPOl SessionGetProfilingStartTimeNs = Library.Bind<FnPOl>(146);
        internal static readonly FnPAN SessionGetMemoryInfoForInputs = Library.Bind<FnPAN>(380, 23);
        internal static readonly FnPAN SessionGetMemoryInfoForOutputs =
            Library.Bind<FnPAN>(381, 23);
        internal static readonly FnPAAN SetEpDynamicOptions = Library.Bind<FnPAAN>(284, 20);
        internal static readonly FnPO SessionGetModelMetadata = Library.Bind<FnPO>(111);
        internal static readonly FnPPO ModelMetadataGetProducerName = Library.Bind<FnPPO>(112);
        internal static readonly FnPPO ModelMetadataGetGraphName = Library.Bind<FnPPO>(113);
        internal static readonly FnPPO ModelMetadataGetDomain = Library.Bind<FnPPO>(114);
        internal static readonly FnPPO ModelMetadataGetDescription = Library.Bind<FnPPO>(115);
        internal static readonly FnPPSO ModelMetadataLookupCustomMetadataMap =
            Library.Bind<FnPPSO>(116);
        internal static readonly FnPOl ModelMetadataGetVersion = Library.Bind<FnPOl>(117);
        internal static readonly VoidP ReleaseModelMetadata = Library.Bind<VoidP>(118);
        internal static readonly FnPPOOl ModelMetadataGetCustomMetadataMapKeys =
            Library.Bind<FnPPOOl>(123);
        internal static readonly FnPPO ModelMetadataGetGraphDescription = Library.Bind<FnPPO>(158);

        // Runs.
        internal static readonly FnRun Run = Library.Bind<FnRun>(9);
        internal static readonly FnRunAsync RunAsync = Library.Bind<FnRunAsync>(260, 16);
        internal static readonly FnO CreateRunOptions = Library.Bind<FnO>(39);
        internal static readonly VoidP ReleaseRunOptions = Library.Bind<VoidP>(97);
        internal static readonly FnPI RunOptionsSetRunLogVerbosityLevel = Library.Bind<FnPI>(40);
        internal static readonly FnPI RunOptionsSetRunLogSeverityLevel = Library.Bind<FnPI>(41);
        internal static readonly FnPS RunOptionsSetRunTag = Library.Bind<FnPS>(42);
        internal static readonly FnPOi RunOptionsGetRunLogVerbosityLevel = Library.Bind<FnPOi>(43);
        internal static readonly FnPOi RunOptionsGetRunLogSeverityLevel = Library.Bind<FnPOi>(44);
        internal static readonly FnP RunOptionsSetTerminate = Library.Bind<FnP>(46);
        internal static readonly FnP RunOptionsUnsetTerminate = Library.Bind<FnP>(47);
        internal static readonly FnPSS AddRunConfigEntry = Library.Bind<FnPSS>(165);
        internal static readonly GetPS GetRunConfigEntry = Library.Bind<GetPS>(373, 23);
        internal static readonly FnPP RunOptionsAddActiveLoraAdapter = Library.Bind<FnPP>(283, 20);
        internal static readonly FnSPO CreateLoraAdapter = Library.Bind<FnSPO>(280, 20);
        internal static readonly FnSNPO CreateLoraAdapterFromArray = Library.Bind<FnSNPO>(281, 20);
        internal static readonly VoidP ReleaseLoraAdapter = Library.Bind<VoidP>(282, 20);
        internal static readonly FnPPP RunWithBinding = Library.Bind<FnPPP>(133);
        internal static readonly FnPO CreateIoBinding = Library.Bind<FnPO>(134);
        internal static readonly VoidP ReleaseIoBinding = Library.Bind<VoidP>(135);
        internal static readonly FnPSP BindInput = Library.Bind<FnPSP>(136);
        internal static readonly FnPSP BindOutput = Library.Bind<FnPSP>(137);
        internal static readonly FnPSP BindOutputToDevice = Library.Bind<FnPSP>(138);
        internal static readonly FnPPOOOn GetBoundOutputNames = Library.Bind<FnPPOOOn>(139);
        internal static readonly FnPPOOn GetBoundOutputValues = Library.Bind<FnPPOOn>(140);
        internal static readonly VoidP ClearBoundInputs = Library.Bind<VoidP>(141);
        internal static readonly VoidP ClearBoundOutputs = Library.Bind<VoidP>(142);
        internal static readonly FnP SynchronizeBoundInputs = Library.Bind<FnP>(202);
        internal static readonly FnP SynchronizeBoundOutputs = Library.Bind<FnP>(203);

        // Values.
        internal static readonly FnPDNIO CreateTensorAsOrtValue = Library.Bind<FnPDNIO>(48);
        internal static readonly FnPPNDNIO CreateTensorWithDataAsOrtValue =
            Library.Bind<FnPPNDNIO>(49);
        internal static readonly VoidP ReleaseValue = Library.Bind<VoidP>(96);
        internal static readonly FnPO GetTensorMutableData = Library.Bind<FnPO>(51);
        internal static readonly FnPO GetTensorTypeAndShape = Library.Bind<FnPO>(65);
        internal static readonly FnPO GetTypeInfo = Library.Bind<FnPO>(66);
        internal static readonly FnPOi GetValueType = Library.Bind<FnPOi>(67);
        internal static readonly FnPIPO GetValue = Library.Bind<FnPIPO>(80);
        internal static readonly FnPOn GetValueCount = Library.Bind<FnPOn>(81);
        internal static readonly FnANIO CreateValue = Library.Bind<FnANIO>(82);
        internal static readonly FnPOi HasValue = Library.Bind<FnPOi>(192);
        internal static readonly FnPO GetTensorMemoryInfo = Library.Bind<FnPO>(194);
        internal static readonly FnPOn GetTensorSizeInBytes = Library.Bind<FnPOn>(318, 23);
        internal static readonly FnPNOn GetStringTensorElementLength = Library.Bind<FnPNOn>(127);
        internal static readonly FnPNNP GetStringTensorElement = Library.Bind<FnPNNP>(128);
        internal static readonly FnPNNO GetResizedStringTensorElementBuffer =
            Library.Bind<FnPNNO>(252, 15);

        // Types.
        internal static readonly VoidP ReleaseTypeInfo = Library.Bind<VoidP>(98);
        internal static readonly VoidP ReleaseTensorTypeAndShapeInfo = Library.Bind<VoidP>(99);
        internal static readonly FnPOi GetOnnxTypeFromTypeInfo = Library.Bind<FnPOi>(56);
        internal static readonly FnPO CastTypeInfoToTensorInfo = Library.Bind<FnPO>(55);
        internal static readonly FnPO CastTypeInfoToMapTypeInfo = Library.Bind<FnPO>(103);
        internal static readonly FnPO CastTypeInfoToSequenceTypeInfo = Library.Bind<FnPO>(104);
        internal static readonly FnPO CastTypeInfoToOptionalTypeInfo = Library.Bind<FnPO>(250, 15);
        internal static readonly FnPO GetOptionalContainedTypeInfo = Library.Bind<FnPO>(251, 15);
        internal static readonly FnPOi GetMapKeyType = Library.Bind<FnPOi>(105);
        internal static readonly FnPO GetMapValueType = Library.Bind<FnPO>(106);
        internal static readonly FnPO GetSequenceElementType = Library.Bind<FnPO>(107);
        internal static readonly FnPOi GetTensorElementType = Library.Bind<FnPOi>(60);
        internal static readonly FnPOn GetDimensionsCount = Library.Bind<FnPOn>(61);
        internal static readonly FnPDN GetDimensions = Library.Bind<FnPDN>(62);
        internal static readonly FnPAN GetSymbolicDimensions = Library.Bind<FnPAN>(63);

        // Memory.
        internal static readonly FnSIIIO CreateMemoryInfo = Library.Bind<FnSIIIO>(68);
        internal static readonly VoidP ReleaseMemoryInfo = Library.Bind<VoidP>(94);
        internal static readonly FnPPOi CompareMemoryInfo = Library.Bind<FnPPOi>(70);
        internal static readonly FnPO MemoryInfoGetName = Library.Bind<FnPO>(71);
        internal static readonly FnPOi MemoryInfoGetId = Library.Bind<FnPOi>(72);
        internal static readonly FnPOi MemoryInfoGetMemType = Library.Bind<FnPOi>(73);
        internal static readonly FnPOi MemoryInfoGetType = Library.Bind<FnPOi>(74);
        internal static readonly FnPNO AllocatorAlloc = Library.Bind<FnPNO>(75);
        internal static readonly FnPP AllocatorFree = Library.Bind<FnPP>(76);
        internal static readonly FnPO AllocatorGetInfo = Library.Bind<FnPO>(77);
        internal static readonly FnO GetAllocatorWithDefaultOptions = Library.Bind<FnO>(78);
        internal static readonly FnPPO CreateAllocator = Library.Bind<FnPPO>(131);
        internal static readonly VoidP ReleaseAllocator = Library.Bind<VoidP>(132);

        // The table for compiling models.
        internal static readonly VoidP ReleaseModelCompilationOptions =
            Library.BindCompile<VoidP>(0);
        internal static readonly FnPPO CreateModelCompilationOptionsFromSessionOptions =
            Library.BindCompile<FnPPO>(1);
        internal static readonly FnPS ModelCompilationOptions_SetInputModelPath =
            Library.BindCompile<FnPS>(2);
        internal static readonly FnPPN ModelCompilationOptions_SetInputModelFromBuffer =
            Library.BindCompile<FnPPN>(3);
        internal static readonly FnPS ModelCompilationOptions_SetOutputModelPath =
            Library.BindCompile<FnPS>(4);
        internal static readonly FnPSN
            ModelCompilationOptions_SetOutputModelExternalInitializersFile =
                Library.BindCompile<FnPSN>(5);
        internal static readonly FnPB ModelCompilationOptions_SetEpContextEmbedMode =
            Library.BindCompile<FnPB>(7);
        internal static readonly FnPP CompileModel = Library.BindCompile<FnPP>(8);
        internal static readonly FnPU ModelCompilationOptions_SetFlags =
            Library.BindCompile<FnPU>(9);
        internal static readonly FnPI ModelCompilationOptions_SetGraphOptimizationLevel =
            Library.BindCompile<FnPI>(11);
    }
}
