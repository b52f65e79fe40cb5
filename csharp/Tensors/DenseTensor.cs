using System;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// A tensor whose elements lie in one piece of memory.
    public class DenseTensor<T> : Tensor<T>
    {
        internal static DenseTensor<T> FromArray(Array array, bool reverseStride)
        {
            if (array == null) throw new ArgumentNullException(nameof(array));
            var dims = new int[array.Rank];
            for (int i = 0; i < dims.Length; ++i) dims[i] = array.GetLength(i);
            var made = new DenseTensor<T>(dims.AsSpan(), reverseStride);
            var index = new int[dims.Length];
            for (int i = 0; i < array.Length; ++i)
            {
                Layout.Split(i, dims, index);
                made[index] = (T)array.GetValue(index);
            }
            return made;
        }

        public DenseTensor(int length) : base(length)
        {
            Buffer = new T[length];
        }

        public DenseTensor(ReadOnlySpan<int> dimensions, bool reverseStride = false)
            : base(dimensions, reverseStride)
        {
            Buffer = new T[checked((int)Length)];
        }

        public DenseTensor(Memory<T> memory, ReadOnlySpan<int> dimensions,
            bool reverseStride = false)
            : base(dimensions, reverseStride)
        {
            if (memory.Length < Length)
            {
                throw new ArgumentException("The dimensions need " + Length +
                    " elements, and the memory has " + memory.Length + ".", nameof(dimensions));
            }
            Buffer = memory;
        }

        /// The memory itself; a change of it is a change of the tensor.
        public Memory<T> Buffer { get; }

        internal override bool IsPinnable => !IsReversedStride && typeof(T) != typeof(string);

        public override T GetValue(int index)
        {
            T value = Buffer.Span[index];
            GC.KeepAlive(this);
            return value;
        }

        public override void SetValue(int index, T value)
        {
            Span<T> elements = Buffer.Span;
            elements[index] = value;
            GC.KeepAlive(this);
        }

        public override Tensor<T> Clone()
        {
            var made = new DenseTensor<T>(Dimensions, IsReversedStride);
            Buffer.Span.Slice(0, (int)Length).CopyTo(made.Buffer.Span);
            GC.KeepAlive(this);
            return made;
        }

        public override Tensor<TResult> CloneEmpty<TResult>(ReadOnlySpan<int> dimensions)
        {
            return new DenseTensor<TResult>(dimensions, IsReversedStride);
        }

        public override DenseTensor<T> ToDenseTensor()
        {
            return (DenseTensor<T>)Clone();
        }

        public override void Fill(T value)
        {
            Buffer.Span.Slice(0, (int)Length).Fill(value);
            GC.KeepAlive(this);
        }

        /// The same memory in other dimensions.
        public override Tensor<T> Reshape(ReadOnlySpan<int> dimensions)
        {
            long length = Shapes.ElementCount(Shapes.Widen(dimensions));
            if (length != Length)
            {
                throw new ArgumentException("Cannot reshape a tensor of " + Length +
                    " elements to one of " + length + ".", nameof(dimensions));
            }
            return new DenseTensor<T>(Buffer, dimensions, IsReversedStride);
        }

        protected override void CopyTo(T[] array, int arrayIndex)
        {
            if (array == null) throw new ArgumentNullException(nameof(array));
            if (arrayIndex < 0 || array.Length - arrayIndex < Length)
            {
                throw new ArgumentException("The array is too small.", nameof(array));
            }
            Buffer.Span.Slice(0, (int)Length).CopyTo(new Span<T>(array, arrayIndex, (int)Length));
            GC.KeepAlive(this);
        }
    }

    /// Arrays become tensors by copying.
    public static class ArrayTensorExtensions
    {
        public static DenseTensor<T> ToTensor<T>(this T[] array)
        {
            return new DenseTensor<T>((T[])array.Clone(), new[] { array.Length });
        }

        public static DenseTensor<T> ToTensor<T>(this T[,] array, bool reverseStride = false)
        {
            return DenseTensor<T>.FromArray(array, reverseStride);
        }

        public static DenseTensor<T> ToTensor<T>(this T[,,] array, bool reverseStride = false)
        {
            return DenseTensor<T>.FromArray(array, reverseStride);
        }

        public static DenseTensor<T> ToTensor<T>(this T[,,,] array, bool reverseStride = false)
        {
            return DenseTensor<T>.FromArray(array, reverseStride);
        }

        public static DenseTensor<T> ToTensor<T>(this Array array, bool reverseStride = false)
        {
            return DenseTensor<T>.FromArray(array, reverseStride);
        }
    }
}
