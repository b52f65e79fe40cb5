using System;
using System.Buffers;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// A value of the library, with what it stands on: pinned memory, or the values it is made of.
    internal sealed class ValueHandle : SafeHandle
    {
        private MemoryHandle pin;
        private SafeHandle[] foundations;

        internal ValueHandle(IntPtr value) : base(IntPtr.Zero, true)
        {
            SetHandle(value);
        }

        internal ValueHandle(IntPtr value, MemoryHandle pin) : this(value)
        {
            this.pin = pin;
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        /// Keeps handles from being released before this one.
        internal void StandOn(params SafeHandle[] handles)
        {
            foreach (SafeHandle each in handles)
            {
                bool held = false;
                each.DangerousAddRef(ref held);
            }
            foundations = handles;
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseValue(handle);
            handle = IntPtr.Zero;
            pin.Dispose();
            if (foundations == null) return true;
            foreach (SafeHandle each in foundations) each.DangerousRelease();
            return true;
        }
    }
}
