using System;

namespace Microsoft.ML.OnnxRuntime
{
    /// Counts of elements and bytes of shapes.
    internal static class Shapes
    {
        internal static long ElementCount(ReadOnlySpan<long> shape)
        {
            long count = 1;
            foreach (long dim in shape)
            {
                if (dim < 0)
                {
                    throw new ArgumentOutOfRangeException(nameof(shape), dim,
                        "A shape must not have negative dimensions.");
                }
                count = checked(count * dim);
            }
            return count;
        }

        internal static long ByteCount(ReadOnlySpan<long> shape, int elementSize)
        {
            return checked(ElementCount(shape) * elementSize);
        }

        internal static long[] Widen(ReadOnlySpan<int> dims)
        {
            var shape = new long[dims.Length];
            for (int i = 0; i < dims.Length; ++i) shape[i] = dims[i];
            return shape;
        }

        internal static int[] Narrow(long[] shape)
        {
            var dims = new int[shape.Length];
            for (int i = 0; i < dims.Length; ++i) dims[i] = checked((int)shape[i]);
            return dims;
        }

        internal static UIntPtr Count(int count)
        {
            return (UIntPtr)(uint)count;
        }
    }
}
