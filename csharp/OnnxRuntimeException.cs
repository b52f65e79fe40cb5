using System;

namespace Microsoft.ML.OnnxRuntime
{
    // The statuses of the C API.
    internal enum ErrorCode
    {
        Ok = 0,
        Fail = 1,
        InvalidArgument = 2,
        NoSuchFile = 3,
        NoModel = 4,
        EngineError = 5,
        RuntimeException = 6,
        InvalidProtobuf = 7,
        ModelLoaded = 8,
        NotImplemented = 9,
        InvalidGraph = 10,
        EpFail = 11,
        ModelLoadCanceled = 12,
        ModelRequiresCompilation = 13,
        NotFound = 14,
        DeviceReset = 15,
    }

    /// What the library reports; the text begins with [ErrorCode:...].
    public class OnnxRuntimeException : Exception
    {
        internal ErrorCode Code { get; }

        internal OnnxRuntimeException(ErrorCode code, string message)
            : base("[ErrorCode:" + code + "] " + message)
        {
            Code = code;
        }
    }
}
