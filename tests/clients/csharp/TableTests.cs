// What the managed assembly of Microsoft.ML.OnnxRuntime itself needs when it starts: it copies the
// table of functions as a structure, and makes delegates of entries, which must not be NULL.
using System;
using System.Runtime.InteropServices;

public static class TableTests
{
    // As many as in the structure of the newest of those assemblies, of API 1.30.
    private const int Copied = 417;
    private const int GetCompileApi = 294;

    private delegate IntPtr GetApi(uint version);

    private delegate IntPtr GetTable();

    [StructLayout(LayoutKind.Sequential)]
    private struct ApiBase
    {
        public IntPtr GetApi;
        public IntPtr GetVersionString;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Api
    {
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = Copied)]
        public IntPtr[] Entries;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct CompileApi
    {
        [MarshalAs(UnmanagedType.ByValArray, SizeConst = 15)]
        public IntPtr[] Entries;
    }

    [DllImport("onnxruntime")]
    private static extern IntPtr OrtGetApiBase();

    private static IntPtr Table()
    {
        var start = Marshal.PtrToStructure<ApiBase>(OrtGetApiBase());
        GetApi getApi = Marshal.GetDelegateForFunctionPointer<GetApi>(start.GetApi);
        return getApi(14);
    }

    private static void CheckDelegates(IntPtr[] entries)
    {
        for (int i = 0; i < entries.Length; ++i)
        {
            Check.True(entries[i] != IntPtr.Zero, "entry " + i + " is NULL");
            Marshal.GetDelegateForFunctionPointer(entries[i], typeof(GetTable));
        }
    }

    public static void CopiesTheWholeTable()
    {
        CheckDelegates(Marshal.PtrToStructure<Api>(Table()).Entries);
    }

    public static void HasATableForCompiling()
    {
        IntPtr entry = Marshal.ReadIntPtr(Table(), GetCompileApi * IntPtr.Size);
        IntPtr compile = Marshal.GetDelegateForFunctionPointer<GetTable>(entry)();
        Check.True(compile != IntPtr.Zero, "a table");
        CheckDelegates(Marshal.PtrToStructure<CompileApi>(compile).Entries);
    }
}
