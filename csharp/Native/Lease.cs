using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Keeps a handle from being released while a call uses it, whoever disposes of it meanwhile.
    internal struct Lease : IDisposable
    {
        private SafeHandle handle;

        internal IntPtr Pointer { get; }

        /// A handle that is null has the pointer NULL.
        internal Lease(SafeHandle handle)
        {
            this.handle = null;
            Pointer = IntPtr.Zero;
            if (handle == null) return;
            bool held = false;
            handle.DangerousAddRef(ref held);
            this.handle = handle;
            Pointer = handle.DangerousGetHandle();
        }

        public void Dispose()
        {
            handle?.DangerousRelease();
            handle = null;
        }
    }

    internal static class LeaseExtensions
    {
        internal static Lease Hold(this SafeHandle handle)
        {
            return new Lease(handle);
        }
    }

    /// Leases of many handles, and their pointers in order.
    internal sealed class Leases : IDisposable
    {
        private readonly Lease[] leases;
        private int count;

        internal IntPtr[] Pointers { get; }

        internal Leases(int capacity)
        {
            leases = new Lease[capacity];
            Pointers = new IntPtr[capacity];
        }

        internal void Add(SafeHandle handle)
        {
            leases[count] = new Lease(handle);
            Pointers[count] = leases[count].Pointer;
            ++count;
        }

        public void Dispose()
        {
            while (count > 0) leases[--count].Dispose();
        }
    }
}
