using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    // The shapes of the functions of the C API. A name lists the parameters: P a pointer, N a
    // size_t, I an int, U a uint32_t, B a bool, L an int64_t, S bytes (of a text, a path, a model),
    // A an array of pointers, D of dims; O, On, Oi and Ol what is written. All return a status, but
    // those that begin with Void or Get.

    internal delegate IntPtr FnO(out IntPtr a);
    internal delegate IntPtr FnP(IntPtr a);
    internal delegate IntPtr FnPP(IntPtr a, IntPtr b);
    internal delegate IntPtr FnPO(IntPtr a, out IntPtr b);
    internal delegate IntPtr FnPOn(IntPtr a, out UIntPtr b);
    internal delegate IntPtr FnPOi(IntPtr a, out int b);
    internal delegate IntPtr FnPOl(IntPtr a, out long b);
    internal delegate IntPtr FnPI(IntPtr a, int b);
    internal delegate IntPtr FnPB(IntPtr a, byte b);
    internal delegate IntPtr FnPU(IntPtr a, uint b);
    internal delegate IntPtr FnPS(IntPtr a, byte[] b);
    internal delegate IntPtr FnPSS(IntPtr a, byte[] b, byte[] c);
    internal delegate IntPtr FnPSL(IntPtr a, byte[] b, long c);
    internal delegate IntPtr FnPSP(IntPtr a, byte[] b, IntPtr c);
    internal delegate IntPtr FnPSO(IntPtr a, byte[] b, out IntPtr c);
    internal delegate IntPtr FnPSOi(IntPtr a, byte[] b, out int c);
    internal delegate IntPtr FnPSSN(IntPtr a, byte[] b, [In, Out] byte[] c, ref UIntPtr d);
    internal delegate IntPtr FnPSPO(IntPtr a, byte[] b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnPSN(IntPtr a, byte[] b, UIntPtr c);
    internal delegate IntPtr FnPPN(IntPtr a, IntPtr b, UIntPtr c);
    internal delegate IntPtr FnPNO(IntPtr a, UIntPtr b, out IntPtr c);
    internal delegate IntPtr FnPNOn(IntPtr a, UIntPtr b, out UIntPtr c);
    internal delegate IntPtr FnPNPO(IntPtr a, UIntPtr b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnPNNO(IntPtr a, UIntPtr b, UIntPtr c, out IntPtr d);
    internal delegate IntPtr FnPNNP(IntPtr a, UIntPtr b, UIntPtr c, IntPtr d);
    internal delegate IntPtr FnPPO(IntPtr a, IntPtr b, out IntPtr c);
    internal delegate IntPtr FnPPP(IntPtr a, IntPtr b, IntPtr c);
    internal delegate IntPtr FnPPOi(IntPtr a, IntPtr b, out int c);
    internal delegate IntPtr FnPPSO(IntPtr a, IntPtr b, byte[] c, out IntPtr d);
    internal delegate IntPtr FnPPOOl(IntPtr a, IntPtr b, out IntPtr c, out long d);
    internal delegate IntPtr FnPPOOn(IntPtr a, IntPtr b, out IntPtr c, out UIntPtr d);
    internal delegate IntPtr FnPPOOOn(
        IntPtr a, IntPtr b, out IntPtr c, out IntPtr d, out UIntPtr e);
    internal delegate IntPtr FnPIPO(IntPtr a, int b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnOOi(out IntPtr a, out int b);
    internal delegate IntPtr FnSPO(byte[] a, IntPtr b, out IntPtr c);
    internal delegate IntPtr FnSNPO(byte[] a, UIntPtr b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnSIIIO(byte[] a, int b, int c, int d, out IntPtr e);
    internal delegate IntPtr FnISO(int a, byte[] b, out IntPtr c);
    internal delegate IntPtr FnISPO(int a, byte[] b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnPPISO(IntPtr a, IntPtr b, int c, byte[] d, out IntPtr e);
    internal delegate IntPtr FnPPISPO(
        IntPtr a, IntPtr b, int c, byte[] d, IntPtr e, out IntPtr f);
    internal delegate IntPtr FnNIIIO(UIntPtr a, int b, int c, int d, out IntPtr e);
    internal delegate IntPtr FnPDN(IntPtr a, [In, Out] long[] b, UIntPtr c);
    internal delegate IntPtr FnPAN(IntPtr a, [In, Out] IntPtr[] b, UIntPtr c);
    internal delegate IntPtr FnPAAN(IntPtr a, IntPtr[] b, IntPtr[] c, UIntPtr d);
    internal delegate IntPtr FnPSAAN(IntPtr a, byte[] b, IntPtr[] c, IntPtr[] d, UIntPtr e);
    internal delegate IntPtr FnANIO(IntPtr[] a, UIntPtr b, int c, out IntPtr d);
    internal delegate IntPtr FnPDNIO(IntPtr a, long[] b, UIntPtr c, int d, out IntPtr e);
    internal delegate IntPtr FnPPNDNIO(
        IntPtr a, IntPtr b, UIntPtr c, long[] d, UIntPtr e, int f, out IntPtr g);
    internal delegate IntPtr FnPSNPO(IntPtr a, byte[] b, UIntPtr c, IntPtr d, out IntPtr e);
    internal delegate IntPtr FnPSPPO(IntPtr a, byte[] b, IntPtr c, IntPtr d, out IntPtr e);
    internal delegate IntPtr FnPSNPPO(
        IntPtr a, byte[] b, UIntPtr c, IntPtr d, IntPtr e, out IntPtr f);
    internal delegate IntPtr FnRun(
        IntPtr session, IntPtr options, IntPtr[] inputNames, IntPtr[] inputs, UIntPtr inputCount,
        IntPtr[] outputNames, UIntPtr outputCount, [In, Out] IntPtr[] outputs);
    internal delegate IntPtr FnRunAsync(
        IntPtr session, IntPtr options, IntPtr inputNames, IntPtr inputs, UIntPtr inputCount,
        IntPtr outputNames, UIntPtr outputCount, IntPtr outputs, IntPtr callback, IntPtr userData);

    internal delegate IntPtr FnPOOn(IntPtr a, out IntPtr b, out UIntPtr c);
    internal delegate IntPtr FnPPANAAN(
        IntPtr a, IntPtr b, IntPtr[] c, UIntPtr d, IntPtr[] e, IntPtr[] f, UIntPtr g);
    internal delegate IntPtr FnPAAPN(
        IntPtr a, IntPtr[] b, IntPtr[] c, IntPtr d, UIntPtr e);
    internal delegate IntPtr FnANSOi(IntPtr[] a, UIntPtr b, byte[] c, out int d);
    internal delegate IntPtr FnSSPO(byte[] a, byte[] b, IntPtr c, out IntPtr d);
    internal delegate IntPtr FnSNSPO(byte[] a, UIntPtr b, byte[] c, IntPtr d, out IntPtr e);
    internal delegate IntPtr FnPSPPAAN(
        IntPtr a, byte[] b, IntPtr c, IntPtr d, IntPtr[] e, IntPtr[] f, UIntPtr g);
    internal delegate IntPtr FnSIUIINIO(
        byte[] a, int b, uint c, int d, int e, UIntPtr f, int g, out IntPtr h);

    internal delegate void VoidO(out IntPtr a);
    internal delegate void VoidP(IntPtr a);
    internal delegate void VoidPS(IntPtr a, byte[] b);
    internal delegate void VoidPSS(IntPtr a, byte[] b, byte[] c);
    internal delegate void VoidPOOn(IntPtr a, out IntPtr b, out IntPtr c, out UIntPtr d);
    internal delegate IntPtr GetP(IntPtr a);
    internal delegate IntPtr GetPI(IntPtr a, int b);
    internal delegate IntPtr GetPS(IntPtr a, byte[] b);
    internal delegate int GetIntP(IntPtr a);

    /// What RunAsync calls when it has run.
    [UnmanagedFunctionPointer(CallingConvention.Winapi)]
    internal delegate void AsyncCallback(
        IntPtr userData, IntPtr outputs, UIntPtr outputCount, IntPtr status);

    /// The logging function as the C API calls it.
    [UnmanagedFunctionPointer(CallingConvention.Winapi)]
    internal delegate void NativeLogging(
        IntPtr param, int severity, IntPtr category, IntPtr logId, IntPtr location, IntPtr message);
}
