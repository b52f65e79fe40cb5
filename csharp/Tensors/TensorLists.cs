using System;
using System.Collections;
using System.Collections.Generic;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    // A tensor as a list of fixed size, in memory's order, and its comparisons.
    public abstract partial class Tensor<T>
    {
        private InvalidOperationException FixedSize()
        {
            return new InvalidOperationException("A tensor has a fixed size.");
        }

        public bool IsFixedSize => true;

        public bool IsReadOnly => false;

        protected virtual int IndexOf(T item)
        {
            EqualityComparer<T> comparer = EqualityComparer<T>.Default;
            for (int i = 0; i < Length; ++i)
            {
                if (comparer.Equals(GetValue(i), item)) return i;
            }
            return -1;
        }

        protected virtual bool Contains(T item)
        {
            return IndexOf(item) >= 0;
        }

        protected virtual void CopyTo(T[] array, int arrayIndex)
        {
            if (array == null) throw new ArgumentNullException(nameof(array));
            if (arrayIndex < 0 || array.Length - arrayIndex < Length)
            {
                throw new ArgumentException("The array is too small.", nameof(array));
            }
            for (int i = 0; i < Length; ++i) array[arrayIndex + i] = GetValue(i);
        }

        public IEnumerator<T> GetEnumerator()
        {
            for (int i = 0; i < Length; ++i) yield return GetValue(i);
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        int ICollection.Count => checked((int)Length);

        bool ICollection.IsSynchronized => false;

        object ICollection.SyncRoot => this;

        void ICollection.CopyTo(Array array, int index)
        {
            if (array == null) throw new ArgumentNullException(nameof(array));
            for (int i = 0; i < Length; ++i) array.SetValue(GetValue(i), index + i);
        }

        object IList.this[int index]
        {
            get => GetValue(index);
            set => SetValue(index, (T)value);
        }

        int IList.Add(object value)
        {
            throw FixedSize();
        }

        void IList.Clear()
        {
            Fill(default(T));
        }

        bool IList.Contains(object value)
        {
            return value is T && Contains((T)value);
        }

        int IList.IndexOf(object value)
        {
            return value is T ? IndexOf((T)value) : -1;
        }

        void IList.Insert(int index, object value)
        {
            throw FixedSize();
        }

        void IList.Remove(object value)
        {
            throw FixedSize();
        }

        void IList.RemoveAt(int index)
        {
            throw FixedSize();
        }

        int ICollection<T>.Count => checked((int)Length);

        void ICollection<T>.Add(T item)
        {
            throw FixedSize();
        }

        void ICollection<T>.Clear()
        {
            Fill(default(T));
        }

        bool ICollection<T>.Contains(T item)
        {
            return Contains(item);
        }

        void ICollection<T>.CopyTo(T[] array, int arrayIndex)
        {
            CopyTo(array, arrayIndex);
        }

        bool ICollection<T>.Remove(T item)
        {
            throw FixedSize();
        }

        int IReadOnlyCollection<T>.Count => checked((int)Length);

        T IList<T>.this[int index]
        {
            get => GetValue(index);
            set => SetValue(index, value);
        }

        int IList<T>.IndexOf(T item)
        {
            return IndexOf(item);
        }

        void IList<T>.Insert(int index, T item)
        {
            throw FixedSize();
        }

        void IList<T>.RemoveAt(int index)
        {
            throw FixedSize();
        }

        T IReadOnlyList<T>.this[int index] => GetValue(index);

        int IStructuralComparable.CompareTo(object other, IComparer comparer)
        {
            if (other == null) return 1;
            var list = other as IList;
            if (list == null || list.Count != Length)
            {
                throw new ArgumentException("Only a list of as many elements compares.");
            }
            RequireSameDims(other);
            for (int i = 0; i < Length; ++i)
            {
                int order = comparer.Compare(GetValue(i), list[i]);
                if (order != 0) return order;
            }
            return 0;
        }

        bool IStructuralEquatable.Equals(object other, IEqualityComparer comparer)
        {
            var list = other as IList;
            if (list == null || list.Count != Length) return false;
            RequireSameDims(other);
            for (int i = 0; i < Length; ++i)
            {
                if (!comparer.Equals(GetValue(i), list[i])) return false;
            }
            return true;
        }

        private void RequireSameDims(object other)
        {
            var tensor = other as Tensor<T>;
            if (tensor != null && !tensor.Dimensions.SequenceEqual(Dimensions))
            {
                throw new ArgumentException("The tensors have different dimensions.");
            }
        }

        int IStructuralEquatable.GetHashCode(IEqualityComparer comparer)
        {
            int hash = 17;
            for (int i = 0; i < Length; ++i)
            {
                hash = unchecked(hash * 31 + comparer.GetHashCode(GetValue(i)));
            }
            return hash;
        }

        public static int Compare(Tensor<T> left, Tensor<T> right)
        {
            return StructuralComparisons.StructuralComparer.Compare(left, right);
        }

        public static bool Equals(Tensor<T> left, Tensor<T> right)
        {
            return StructuralComparisons.StructuralEqualityComparer.Equals(left, right);
        }
    }
}
