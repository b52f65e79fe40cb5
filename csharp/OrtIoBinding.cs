using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// Inputs and outputs bound to memory, for many runs.
    public class OrtIoBinding : SafeHandle
    {
        private readonly SafeHandle session;

        // What a name is bound to lives as long as the binding.
        private readonly object gate = new object();
        private readonly Dictionary<string, SafeHandle> boundInputs =
            new Dictionary<string, SafeHandle>();
        private readonly Dictionary<string, SafeHandle> boundOutputs =
            new Dictionary<string, SafeHandle>();

        internal OrtIoBinding(InferenceSession inferenceSession) : base(IntPtr.Zero, true)
        {
            using (Lease owner = inferenceSession.Handle.Hold())
            {
                IntPtr made;
                Status.Check(Table.CreateIoBinding(owner.Pointer, out made));
                SetHandle(made);
                bool held = false;
                inferenceSession.Handle.DangerousAddRef(ref held);
                session = inferenceSession.Handle;
            }
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public void BindInput(string name, OrtValue ortValue)
        {
            if (ortValue == null) throw new ArgumentNullException(nameof(ortValue));
            Bind(Table.BindInput, boundInputs, name, ortValue.Handle, ortValue.Handle);
        }

        public void BindInput(string name, FixedBufferOnnxValue fixedValue)
        {
            if (fixedValue == null) throw new ArgumentNullException(nameof(fixedValue));
            BindInput(name, fixedValue.Value);
        }

        public void BindInput(string name, OrtExternalAllocation allocation)
        {
            using (OrtValue value = Over(allocation)) BindInput(name, value);
        }

        public void BindInput(string name, TensorElementType elementType, long[] shape,
            OrtMemoryAllocation allocation)
        {
            using (OrtValue value = Over(elementType, shape, allocation)) BindInput(name, value);
        }

        public void BindOutput(string name, OrtValue ortValue)
        {
            if (ortValue == null) throw new ArgumentNullException(nameof(ortValue));
            Bind(Table.BindOutput, boundOutputs, name, ortValue.Handle, ortValue.Handle);
        }

        public void BindOutput(string name, FixedBufferOnnxValue fixedValue)
        {
            if (fixedValue == null) throw new ArgumentNullException(nameof(fixedValue));
            if (fixedValue.ElementType == TensorElementType.String)
            {
                throw new NotSupportedException("String tensors cannot be bound as outputs");
            }
            BindOutput(name, fixedValue.Value);
        }

        public void BindOutput(string name, OrtExternalAllocation allocation)
        {
            using (OrtValue value = Over(allocation)) BindOutput(name, value);
        }

        public void BindOutput(string name, TensorElementType elementType, long[] shape,
            OrtMemoryAllocation allocation)
        {
            using (OrtValue value = Over(elementType, shape, allocation)) BindOutput(name, value);
        }

        /// Each run makes the output in memory of this kind.
        public void BindOutputToDevice(string name, OrtMemoryInfo memInfo)
        {
            if (memInfo == null) throw new ArgumentNullException(nameof(memInfo));
            Bind(Table.BindOutputToDevice, boundOutputs, name, memInfo, null);
        }

        private static OrtValue Over(OrtExternalAllocation allocation)
        {
            if (allocation == null) throw new ArgumentNullException(nameof(allocation));
            return OrtValue.CreateTensorValueWithData(allocation.Info, allocation.ElementType,
                allocation.Shape, allocation.Pointer, allocation.Size);
        }

        private static OrtValue Over(TensorElementType elementType, long[] shape,
            OrtMemoryAllocation allocation)
        {
            if (allocation == null) throw new ArgumentNullException(nameof(allocation));
            using (Lease memory = allocation.Hold())
            {
                OrtValue value = OrtValue.CreateTensorValueWithData(
                    allocation.Info, elementType, shape, memory.Pointer, allocation.Size);
                value.Handle.StandOn(allocation);
                return value;
            }
        }

        private void Bind(FnPSP entry, Dictionary<string, SafeHandle> bound, string name,
            SafeHandle target, SafeHandle kept)
        {
            using (Lease binding = this.Hold())
            using (Lease value = target.Hold())
            {
                lock (gate)
                {
                    Status.Check(entry(binding.Pointer, Text.Bytes(name), value.Pointer));
                    Release(bound, name);
                    if (kept == null) return;
                    bool held = false;
                    kept.DangerousAddRef(ref held);
                    bound[name] = kept;
                }
            }
        }

        private static void Release(Dictionary<string, SafeHandle> bound, string name)
        {
            SafeHandle before;
            if (!bound.TryGetValue(name, out before)) return;
            bound.Remove(name);
            before.DangerousRelease();
        }

        public void SynchronizeBoundInputs()
        {
            using (Lease binding = this.Hold())
            {
                Status.Check(Table.SynchronizeBoundInputs(binding.Pointer));
            }
        }

        public void SynchronizeBoundOutputs()
        {
            using (Lease binding = this.Hold())
            {
                Status.Check(Table.SynchronizeBoundOutputs(binding.Pointer));
            }
        }

        /// Names of bound outputs, in the order in which they were bound.
        public string[] GetOutputNames()
        {
            using (Lease binding = this.Hold())
            {
                IntPtr buffer, lengths;
                UIntPtr count;
                Status.Check(Table.GetBoundOutputNames(binding.Pointer,
                    OrtAllocator.DefaultPointer, out buffer, out lengths, out count));
                IntPtr[] sizes = NativeLists.TakePointers(lengths, (long)(ulong)count);
                var names = new string[sizes.Length];
                IntPtr next = buffer;
                for (int i = 0; i < names.Length; ++i)
                {
                    names[i] = Text.Read(next, (int)sizes[i]);
                    next = IntPtr.Add(next, (int)sizes[i]);
                }
                NativeLists.Free(buffer);
                return names;
            }
        }

        /// Values of bound outputs, as the last run left them, in the order of GetOutputNames.
        public IDisposableReadOnlyCollection<OrtValue> GetOutputValues()
        {
            return TakeOutputs();
        }

        internal DisposableList<OrtValue> TakeOutputs()
        {
            using (Lease binding = this.Hold())
            {
                IntPtr list;
                UIntPtr count;
                Status.Check(Table.GetBoundOutputValues(binding.Pointer,
                    OrtAllocator.DefaultPointer, out list, out count));
                IntPtr[] pointers = NativeLists.TakePointers(list, (long)(ulong)count);
                DisposableList<OrtValue> values = InferenceSession.TakeAll(pointers);
                // A value may be over memory that the program bound.
                lock (gate)
                {
                    var bound = new SafeHandle[boundOutputs.Count];
                    boundOutputs.Values.CopyTo(bound, 0);
                    foreach (OrtValue each in values) each.Handle.StandOn(bound);
                }
                return values;
            }
        }

        public void ClearBoundInputs()
        {
            Clear(Table.ClearBoundInputs, boundInputs);
        }

        public void ClearBoundOutputs()
        {
            Clear(Table.ClearBoundOutputs, boundOutputs);
        }

        private void Clear(VoidP entry, Dictionary<string, SafeHandle> bound)
        {
            using (Lease binding = this.Hold())
            {
                lock (gate)
                {
                    entry(binding.Pointer);
                    ReleaseAll(bound);
                }
            }
        }

        private static void ReleaseAll(Dictionary<string, SafeHandle> bound)
        {
            foreach (SafeHandle each in bound.Values) each.DangerousRelease();
            bound.Clear();
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseIoBinding(handle);
            handle = IntPtr.Zero;
            ReleaseAll(boundInputs);
            ReleaseAll(boundOutputs);
            session.DangerousRelease();
            return true;
        }
    }
}
