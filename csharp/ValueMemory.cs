using System;
using System.Buffers;

namespace Microsoft.ML.OnnxRuntime
{
    /// The elements of a tensor of the library as Memory, which keeps the value.
    internal sealed class ValueMemory<T> : MemoryManager<T> where T : struct
    {
        private readonly OrtValue value;
        private readonly ValueHandle handle;
        private readonly IntPtr data;
        private readonly int count;

        internal ValueMemory(OrtValue value, long count)
        {
            this.value = value;
            handle = value.Handle;
            this.count = checked((int)count);
            data = value.Data();
        }

        public override unsafe Span<T> GetSpan()
        {
            if (value.IsDisposed)
            {
                throw new ObjectDisposedException(nameof(DisposableNamedOnnxValue),
                    "The output whose memory this is has been disposed of.");
            }
            return new Span<T>((void*)data, count);
        }

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            if ((uint)elementIndex > (uint)count)
            {
                throw new ArgumentOutOfRangeException(nameof(elementIndex));
            }
            GetSpan();
            bool held = false;
            handle.DangerousAddRef(ref held);
            int size = Tensors.TensorBase.Require(typeof(T)).TypeSize;
            return new MemoryHandle((byte*)data + (long)elementIndex * size, pinnable: this);
        }

        public override void Unpin()
        {
            handle.DangerousRelease();
        }

        // Made by the value, which alone is disposed of.
        protected override void Dispose(bool disposing)
        {
        }
    }
}
