using System;

namespace Microsoft.ML.OnnxRuntime
{
    /// What kind a value is.
    public enum OnnxValueType
    {
        ONNX_TYPE_UNKNOWN = 0,
        ONNX_TYPE_TENSOR = 1,
        ONNX_TYPE_SEQUENCE = 2,
        ONNX_TYPE_MAP = 3,
        ONNX_TYPE_OPAQUE = 4,
        ONNX_TYPE_SPARSETENSOR = 5,
        ONNX_TYPE_OPTIONAL = 6,
    }

    public enum GraphOptimizationLevel
    {
        ORT_DISABLE_ALL = 0,
        ORT_ENABLE_BASIC = 1,
        ORT_ENABLE_EXTENDED = 2,
        ORT_ENABLE_LAYOUT = 3,
        ORT_ENABLE_ALL = 99,
    }

    public enum ExecutionMode
    {
        ORT_SEQUENTIAL = 0,
        ORT_PARALLEL = 1,
    }

    public enum OrtLoggingLevel
    {
        ORT_LOGGING_LEVEL_VERBOSE = 0,
        ORT_LOGGING_LEVEL_INFO = 1,
        ORT_LOGGING_LEVEL_WARNING = 2,
        ORT_LOGGING_LEVEL_ERROR = 3,
        ORT_LOGGING_LEVEL_FATAL = 4,
    }

    internal enum OrtLanguageProjection
    {
        ORT_PROJECTION_C = 0,
        ORT_PROJECTION_CPLUSPLUS = 1,
        ORT_PROJECTION_CSHARP = 2,
    }

    public enum OrtAllocatorType
    {
        DeviceAllocator = 0,
        ArenaAllocator = 1,
        ReadOnlyAllocator = 2,
    }

    public enum OrtMemType
    {
        CpuInput = -2,
        CpuOutput = -1,
        Cpu = -1,
        Default = 0,
    }

    public enum OrtMemoryInfoDeviceType
    {
        CPU = 0,
        GPU = 1,
        FPGA = 2,
        NPU = 3,
    }

    [Flags]
    public enum CoreMLFlags : uint
    {
        COREML_FLAG_USE_NONE = 0,
        COREML_FLAG_USE_CPU_ONLY = 1,
        COREML_FLAG_ENABLE_ON_SUBGRAPH = 2,
        COREML_FLAG_ONLY_ENABLE_DEVICE_WITH_ANE = 4,
        COREML_FLAG_ONLY_ALLOW_STATIC_INPUT_SHAPES = 8,
        COREML_FLAG_CREATE_MLPROGRAM = 16,
        COREML_FLAG_USE_CPU_AND_GPU = 32,
        COREML_FLAG_LAST = COREML_FLAG_USE_CPU_AND_GPU,
    }

    [Flags]
    public enum NnapiFlags
    {
        NNAPI_FLAG_USE_NONE = 0,
        NNAPI_FLAG_USE_FP16 = 1,
        NNAPI_FLAG_USE_NCHW = 2,
        NNAPI_FLAG_CPU_DISABLED = 4,
        NNAPI_FLAG_CPU_ONLY = 8,
        NNAPI_FLAG_LAST = NNAPI_FLAG_CPU_ONLY,
    }
}
