using System;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// Counts, strides and positions of dense shapes, row by row.
    public static class ShapeUtils
    {
        public static long GetSizeForShape(ReadOnlySpan<long> shape)
        {
            return Shapes.ElementCount(shape);
        }

        public static long[] GetStrides(ReadOnlySpan<long> dimensions)
        {
            var strides = new long[dimensions.Length];
            long stride = 1;
            for (int i = strides.Length - 1; i >= 0; --i)
            {
                if (dimensions[i] < 0)
                {
                    throw new ArgumentException("Dimension " + i + " is negative.");
                }
                strides[i] = stride;
                stride = checked(stride * dimensions[i]);
            }
            return strides;
        }

        /// Where the element of these indices lies; axes before `startFromDimension` do not count.
        public static long GetIndex(ReadOnlySpan<long> strides, ReadOnlySpan<long> indices,
            int startFromDimension = 0)
        {
            if (strides.Length != indices.Length)
            {
                throw new ArgumentException("There are " + strides.Length + " strides and " +
                    indices.Length + " indices.");
            }
            long position = 0;
            for (int i = startFromDimension; i < indices.Length; ++i)
            {
                position = checked(position + strides[i] * indices[i]);
            }
            return position;
        }
    }
}
