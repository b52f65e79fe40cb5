using System;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// A tensor's memory, pinned to be used in many runs as input or output.
    public class FixedBufferOnnxValue : IDisposable
    {
        internal OrtValue Value { get; }

        private FixedBufferOnnxValue(OrtValue value, TensorElementType elementType)
        {
            Value = value;
            ElementType = elementType;
        }

        internal OnnxValueType OnnxValueType => Value.OnnxType;

        internal TensorElementType ElementType { get; }

        public static FixedBufferOnnxValue CreateFromTensor<T>(Tensor<T> value)
        {
            if (value == null) throw new ArgumentNullException(nameof(value));
            if (value.IsReversedStride)
            {
                throw new NotSupportedException("Tensor of reverseStride is not supported");
            }
            TensorElementType type;
            OrtValue made = OrtValue.CreateFromTensorObject(value, out type);
            return new FixedBufferOnnxValue(made, type);
        }

        public static FixedBufferOnnxValue CreateFromMemory<T>(OrtMemoryInfo memoryInfo,
            Memory<T> memory, TensorElementType elementType, long[] shape, long bytesSize)
        {
            TensorTypeInfo type = TensorBase.Require(typeof(T));
            if (bytesSize > (long)memory.Length * type.TypeSize)
            {
                throw new ArgumentException("The memory has " +
                    (long)memory.Length * type.TypeSize + " bytes, fewer than " + bytesSize + ".",
                    nameof(bytesSize));
            }
            OrtValue made =
                OrtValue.OverMemory(memoryInfo, memory, elementType, shape, bytesSize);
            return new FixedBufferOnnxValue(made, elementType);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (disposing) Value.Dispose();
        }
    }
}
