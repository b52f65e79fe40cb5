using System;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// Where elements of dense tensors lie.
    internal static class Layout
    {
        internal static int[] Strides(int[] dimensions, bool reverse)
        {
            var strides = new int[dimensions.Length];
            long stride = 1;
            for (int i = 0; i < strides.Length; ++i)
            {
                int axis = reverse ? i : strides.Length - 1 - i;
                strides[axis] = checked((int)stride);
                stride *= dimensions[axis];
            }
            return strides;
        }

        internal static int Position(int[] dimensions, int[] strides, ReadOnlySpan<int> indices)
        {
            if (indices.Length == 1 && dimensions.Length == 0 && indices[0] == 0) return 0;
            if (indices.Length != dimensions.Length)
            {
                throw new ArgumentException("A tensor of rank " + dimensions.Length +
                    " takes as many indices, not " + indices.Length + ".", nameof(indices));
            }
            int position = 0;
            for (int i = 0; i < indices.Length; ++i)
            {
                if ((uint)indices[i] >= (uint)dimensions[i])
                {
                    throw new IndexOutOfRangeException("Index " + indices[i] + " of axis " + i +
                        " is not in 0.." + (dimensions[i] - 1) + ".");
                }
                position += strides[i] * indices[i];
            }
            return position;
        }

        /// The indices of the element that is `position`-th in row-major order.
        internal static void Split(long position, ReadOnlySpan<int> dimensions, int[] indices)
        {
            for (int axis = dimensions.Length - 1; axis >= 0; --axis)
            {
                indices[axis] = (int)(position % dimensions[axis]);
                position /= dimensions[axis];
            }
        }
    }

    internal static class Numbers
    {
        internal static T One<T>()
        {
            if (typeof(T) == typeof(Float16)) return (T)(object)Float16.One;
            if (typeof(T) == typeof(BFloat16)) return (T)(object)BFloat16.One;
            try
            {
                return (T)Convert.ChangeType(1, typeof(T));
            }
            catch (InvalidCastException)
            {
                throw new NotSupportedException(typeof(T) + " has no one; give it");
            }
        }
    }
}
