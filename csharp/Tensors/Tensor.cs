using System;
using System.Collections;
using System.Collections.Generic;
using System.Text;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// Makes tensors.
    public static class Tensor
    {
        public static Tensor<T> CreateIdentity<T>(int size)
        {
            return CreateIdentity(size, false, Numbers.One<T>());
        }

        public static Tensor<T> CreateIdentity<T>(int size, bool columnMajor)
        {
            return CreateIdentity(size, columnMajor, Numbers.One<T>());
        }

        public static Tensor<T> CreateIdentity<T>(int size, bool columnMajor, T oneValue)
        {
            var made = new DenseTensor<T>(new[] { size, size }, columnMajor);
            for (int i = 0; i < size; ++i) made[i, i] = oneValue;
            return made;
        }

        public static Tensor<T> CreateFromDiagonal<T>(Tensor<T> diagonal)
        {
            return CreateFromDiagonal(diagonal, 0);
        }

        /// A tensor with two axes more in the place of the first of `diagonal`, which lies on a
        /// diagonal of theirs.
        public static Tensor<T> CreateFromDiagonal<T>(Tensor<T> diagonal, int offset)
        {
            if (diagonal.Rank < 1)
            {
                throw new ArgumentException("A diagonal has at least 1 axis.", nameof(diagonal));
            }
            int length = diagonal.Dimensions[0];
            int size = length + Math.Abs(offset);
            var dims = new int[diagonal.Rank + 1];
            dims[0] = dims[1] = size;
            for (int i = 1; i < diagonal.Rank; ++i) dims[i + 1] = diagonal.Dimensions[i];
            Tensor<T> made = diagonal.CloneEmpty(dims);
            var from = new int[diagonal.Rank];
            var to = new int[dims.Length];
            for (long i = 0; i < diagonal.Length; ++i)
            {
                Layout.Split(i, diagonal.Dimensions, from);
                to[0] = offset < 0 ? from[0] - offset : from[0];
                to[1] = offset > 0 ? from[0] + offset : from[0];
                Array.Copy(from, 1, to, 2, from.Length - 1);
                made[to] = diagonal[from];
            }
            return made;
        }
    }

    /// A tensor: its dims, and access to elements by position or index.
    public abstract partial class Tensor<T> : TensorBase, IList, IList<T>, IReadOnlyList<T>,
        IStructuralComparable, IStructuralEquatable
    {
        private readonly int[] dimensions;
        private readonly int[] strides;

        protected Tensor(int length) : base(typeof(T))
        {
            if (length < 0) throw new ArgumentOutOfRangeException(nameof(length));
            dimensions = new[] { length };
            strides = new[] { 1 };
            Length = length;
        }

        protected Tensor(ReadOnlySpan<int> dimensions, bool reverseStride) : base(typeof(T))
        {
            this.dimensions = dimensions.ToArray();
            Length = Shapes.ElementCount(Shapes.Widen(dimensions));
            strides = Layout.Strides(this.dimensions, reverseStride);
            IsReversedStride = reverseStride;
        }

        public long Length { get; }

        public int Rank => dimensions.Length;

        /// Whether the first axis, not the last, is the one whose neighbours lie side by side.
        public bool IsReversedStride { get; }

        public ReadOnlySpan<int> Dimensions => dimensions;

        public ReadOnlySpan<int> Strides => strides;

        /// The element at a position in memory's order.
        public abstract T GetValue(int index);

        public abstract void SetValue(int index, T value);

        public abstract Tensor<T> Clone();

        public abstract Tensor<TResult> CloneEmpty<TResult>(ReadOnlySpan<int> dimensions);

        public abstract Tensor<T> Reshape(ReadOnlySpan<int> dimensions);

        public virtual Tensor<T> CloneEmpty()
        {
            return CloneEmpty<T>(dimensions);
        }

        public virtual Tensor<T> CloneEmpty(ReadOnlySpan<int> dimensions)
        {
            return CloneEmpty<T>(dimensions);
        }

        public virtual Tensor<TResult> CloneEmpty<TResult>()
        {
            return CloneEmpty<TResult>(dimensions);
        }

        public virtual DenseTensor<T> ToDenseTensor()
        {
            var made = new DenseTensor<T>(dimensions, IsReversedStride);
            for (int i = 0; i < Length; ++i) made.SetValue(i, GetValue(i));
            return made;
        }

        public virtual void Fill(T value)
        {
            for (int i = 0; i < Length; ++i) SetValue(i, value);
        }

        public virtual T this[params int[] indices]
        {
            get
            {
                if (indices == null) throw new ArgumentNullException(nameof(indices));
                return this[new ReadOnlySpan<int>(indices)];
            }
            set
            {
                if (indices == null) throw new ArgumentNullException(nameof(indices));
                this[new ReadOnlySpan<int>(indices)] = value;
            }
        }

        public virtual T this[ReadOnlySpan<int> indices]
        {
            get => GetValue(Layout.Position(dimensions, strides, indices));
            set => SetValue(Layout.Position(dimensions, strides, indices), value);
        }

        public Tensor<T> GetDiagonal()
        {
            return GetDiagonal(0);
        }

        /// The elements whose second index is the first plus `offset`.
        public Tensor<T> GetDiagonal(int offset)
        {
            if (Rank < 2) throw new InvalidOperationException("A diagonal needs at least 2 axes.");
            int startRow = Math.Max(0, -offset), startColumn = Math.Max(0, offset);
            int length = Math.Min(dimensions[0] - startRow, dimensions[1] - startColumn);
            if (length <= 0)
            {
                throw new ArgumentException("There is no such diagonal.", nameof(offset));
            }
            var dims = new int[Rank - 1];
            dims[0] = length;
            Array.Copy(dimensions, 2, dims, 1, Rank - 2);
            Tensor<T> made = CloneEmpty(dims);
            var to = new int[dims.Length];
            var from = new int[Rank];
            for (long i = 0; i < made.Length; ++i)
            {
                Layout.Split(i, dims, to);
                from[0] = startRow + to[0];
                from[1] = startColumn + to[0];
                Array.Copy(to, 1, from, 2, to.Length - 1);
                made[to] = this[from];
            }
            return made;
        }

        public Tensor<T> GetTriangle()
        {
            return GetTriangle(0, false);
        }

        public Tensor<T> GetTriangle(int offset)
        {
            return GetTriangle(offset, false);
        }

        public Tensor<T> GetUpperTriangle()
        {
            return GetTriangle(0, true);
        }

        public Tensor<T> GetUpperTriangle(int offset)
        {
            return GetTriangle(offset, true);
        }

        // A copy with 0 above, or below, a diagonal of the first two axes.
        private Tensor<T> GetTriangle(int offset, bool upper)
        {
            if (Rank < 2) throw new InvalidOperationException("A triangle needs at least 2 axes.");
            Tensor<T> made = CloneEmpty();
            var index = new int[Rank];
            for (long i = 0; i < Length; ++i)
            {
                Layout.Split(i, dimensions, index);
                int column = index[1] - index[0];
                if (upper ? column >= offset : column <= offset) made[index] = this[index];
            }
            return made;
        }

        /// The elements in braces, as C# writes arrays.
        public string GetArrayString(bool includeWhitespace = true)
        {
            var text = new StringBuilder();
            Write(text, new int[Rank], 0, includeWhitespace);
            return text.ToString();
        }

        private void Write(StringBuilder text, int[] index, int axis, bool space)
        {
            if (axis == Rank)
            {
                text.Append(this[index]);
                return;
            }
            bool nested = axis + 1 < Rank;
            string indent = new string(' ', space ? 4 * axis : 0);
            text.Append(indent).Append('{');
            if (nested && space) text.Append(Environment.NewLine);
            for (int i = 0; i < dimensions[axis]; ++i)
            {
                if (i > 0) text.Append(',');
                if (i > 0 && nested && space) text.Append(Environment.NewLine);
                index[axis] = i;
                Write(text, index, axis + 1, space);
            }
            if (nested && space) text.Append(Environment.NewLine).Append(indent);
            text.Append('}');
        }

        internal override OrtValue ToOrtValue()
        {
            if (typeof(T) == typeof(string))
            {
                return OrtValue.CreateFromStringTensor((Tensor<string>)(object)this);
            }
            var dense = this as DenseTensor<T>;
            if (dense == null || IsReversedStride) dense = RowMajor();
            return OrtValue.OverMemory(OrtMemoryInfo.DefaultInstance, dense.Buffer,
                Shapes.Widen(dense.Dimensions));
        }

        internal DenseTensor<T> RowMajor()
        {
            var made = new DenseTensor<T>(dimensions);
            var index = new int[Rank];
            for (int i = 0; i < Length; ++i)
            {
                Layout.Split(i, dimensions, index);
                made.SetValue(i, this[index]);
            }
            return made;
        }
    }
}
