using System;

namespace Microsoft.ML.OnnxRuntime
{
    /// Statuses of the C API become exceptions.
    internal static class Status
    {
        internal static void Check(IntPtr status)
        {
            if (status != IntPtr.Zero) throw Take(status);
        }

        /// The exception that says what a status says; the status is released.
        internal static OnnxRuntimeException Take(IntPtr status)
        {
            try
            {
                var code = (ErrorCode)Table.GetErrorCode(status);
                return new OnnxRuntimeException(code, Text.Read(Table.GetErrorMessage(status)));
            }
            finally
            {
                Table.ReleaseStatus(status);
            }
        }

        /// A function that came to the API after the oldest version that this assembly works with.
        internal static T Since<T>(T function, int version, string name) where T : class
        {
            if (function != null) return function;
            throw new OnnxRuntimeException(ErrorCode.NotImplemented, name + " needs a library of " +
                "version 1." + version + " or newer; this one is " + Library.Version);
        }
    }
}
