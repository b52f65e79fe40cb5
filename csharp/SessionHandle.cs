using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// A session of the library, with what must outlive it.
    internal sealed class SessionHandle : SafeHandle
    {
        private readonly SafeHandle[] foundations;

        internal SessionHandle(IntPtr session, params SafeHandle[] foundations)
            : base(IntPtr.Zero, true)
        {
            foreach (SafeHandle each in foundations)
            {
                bool held = false;
                each.DangerousAddRef(ref held);
            }
            this.foundations = foundations;
            SetHandle(session);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            Table.ReleaseSession(handle);
            handle = IntPtr.Zero;
            foreach (SafeHandle each in foundations) each.DangerousRelease();
            return true;
        }
    }

    /// Weights in the form that kernels want, shared by sessions.
    public class PrePackedWeightsContainer : SafeHandle
    {
        public PrePackedWeightsContainer() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreatePrepackedWeightsContainer(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            Table.ReleasePrepackedWeightsContainer(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }
}
