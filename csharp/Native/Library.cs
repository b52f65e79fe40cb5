using System;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Finds libonnxruntime and reads its table of functions.
    internal static class Library
    {
        // What the table must have at least; all versions give the same table.
        private const uint ApiVersion = 14;

        // The newest library has 428 entries; one of API 29, the first of these, has 425.
        private static readonly IntPtr table;
        private static readonly IntPtr compileTable;

        /// What OrtGetApiBase gives.
        internal static IntPtr Base { get; }

        internal static string Version { get; }

        /// The newest version of the API that the library has: 31 for 1.31.1.
        internal static int Minor { get; }

        [StructLayout(LayoutKind.Sequential)]
        private struct ApiBase
        {
            internal IntPtr GetApi;
            internal IntPtr GetVersionString;
        }

        [UnmanagedFunctionPointer(CallingConvention.Winapi)]
        private delegate IntPtr GetApi(uint version);

        [UnmanagedFunctionPointer(CallingConvention.Winapi)]
        private delegate IntPtr GetPointer();

        [DllImport("onnxruntime", EntryPoint = "OrtGetApiBase")]
        private static extern IntPtr GetApiBase();

        // An installation for programs alone has the name with the version, not the one for links.
        [DllImport("libonnxruntime.so.1", EntryPoint = "OrtGetApiBase")]
        private static extern IntPtr GetApiBaseOfSoname();

        static Library()
        {
            Base = FindBase();
            var start = (ApiBase)Marshal.PtrToStructure(Base, typeof(ApiBase));
            Version = Text.Read(Function<GetPointer>(start.GetVersionString)());
            table = Function<GetApi>(start.GetApi)(ApiVersion);
            if (table == IntPtr.Zero)
            {
                throw new NotSupportedException("libonnxruntime " + Version +
                    " has no API version " + ApiVersion + "; a newer library is needed");
            }
            string[] parts = Version.Split('.');
            int minor = 0;
            if (parts.Length > 1)
            {
                int.TryParse(
                    parts[1], NumberStyles.Integer, CultureInfo.InvariantCulture, out minor);
            }
            Minor = minor;
            if (Minor >= 22) compileTable = Function<GetPointer>(Entry(294))();
        }

        private static IntPtr FindBase()
        {
            try
            {
                return GetApiBase();
            }
            catch (DllNotFoundException)
            {
                return GetApiBaseOfSoname();
            }
        }

        private static IntPtr Entry(int index)
        {
            return Marshal.ReadIntPtr(table, index * IntPtr.Size);
        }

        private static T Function<T>(IntPtr pointer)
        {
            return (T)(object)Marshal.GetDelegateForFunctionPointer(pointer, typeof(T));
        }

        /// The entry at a place of the table; null where the library is older than the version of
        /// the API that added it.
        internal static T Bind<T>(int index, int since = 1) where T : class
        {
            return Minor < since ? null : Function<T>(Entry(index));
        }

        /// The same of the table for compiling models.
        internal static T BindCompile<T>(int index) where T : class
        {
            if (compileTable == IntPtr.Zero) return null;
            return Function<T>(Marshal.ReadIntPtr(compileTable, index * IntPtr.Size));
        }
    }
}
