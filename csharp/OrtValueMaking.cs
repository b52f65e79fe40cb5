using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    // Values are made of memory of the program's, which is pinned and not copied, or of the
    // library's.
    public partial class OrtValue
    {
        /// Over memory that the program keeps for as long as the value lives.
        public static OrtValue CreateTensorValueWithData(OrtMemoryInfo memInfo,
            TensorElementType elementType, long[] shape, IntPtr dataBufferPtr,
            long bufferLengthInBytes)
        {
            return new OrtValue(new ValueHandle(
                OverData(memInfo, elementType, shape, dataBufferPtr, bufferLengthInBytes)));
        }

        private static IntPtr OverData(OrtMemoryInfo memInfo, TensorElementType elementType,
            long[] shape, IntPtr data, long bytes)
        {
            if (memInfo == null) throw new ArgumentNullException(nameof(memInfo));
            if (shape == null) throw new ArgumentNullException(nameof(shape));
            if (elementType == TensorElementType.String)
            {
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "A tensor of strings " +
                    "cannot stand on memory; use CreateFromStringTensor");
            }
            using (Lease memory = memInfo.Hold())
            {
                IntPtr made;
                Status.Check(Table.CreateTensorWithDataAsOrtValue(memory.Pointer, data,
                    (UIntPtr)(ulong)bytes, shape, Shapes.Count(shape.Length), (int)elementType,
                    out made));
                return made;
            }
        }

        /// Over managed memory, which is pinned until the value is disposed of.
        public static OrtValue CreateTensorValueFromMemory<T>(OrtMemoryInfo memoryInfo,
            Memory<T> memory, long[] shape) where T : struct
        {
            return OverMemory(memoryInfo, memory, shape);
        }

        public static OrtValue CreateTensorValueFromMemory<T>(T[] data, long[] shape)
            where T : struct
        {
            if (data == null) throw new ArgumentNullException(nameof(data));
            return OverMemory(OrtMemoryInfo.DefaultInstance, new Memory<T>(data), shape);
        }

        internal static OrtValue OverMemory<T>(OrtMemoryInfo memoryInfo, Memory<T> memory,
            long[] shape)
        {
            TensorTypeInfo type = TensorBase.Require(typeof(T));
            if (type.IsString)
            {
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "Strings cannot be " +
                    "pinned; use CreateFromStringTensor");
            }
            if (shape == null) throw new ArgumentNullException(nameof(shape));
            long elements = Shapes.ElementCount(shape);
            if (memory.Length < elements)
            {
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "The shape (" +
                    string.Join(",", shape) + ") has " + elements +
                    " elements, and the memory has " + memory.Length);
            }
            return OverMemory(memoryInfo, memory, type.ElementType, shape,
                (long)memory.Length * type.TypeSize);
        }

        internal static unsafe OrtValue OverMemory<T>(OrtMemoryInfo memoryInfo, Memory<T> memory,
            TensorElementType elementType, long[] shape, long bytes)
        {
            MemoryHandle pin = memory.Pin();
            try
            {
                IntPtr made =
                    OverData(memoryInfo, elementType, shape, (IntPtr)pin.Pointer, bytes);
                return new OrtValue(new ValueHandle(made, pin));
            }
            catch
            {
                pin.Dispose();
                throw;
            }
        }

        /// In memory of the allocator; what the elements are at first is not said.
        public static OrtValue CreateAllocatedTensorValue(OrtAllocator allocator,
            TensorElementType elementType, long[] shape)
        {
            if (shape == null) throw new ArgumentNullException(nameof(shape));
            using (Lease memory = new Lease(allocator ?? OrtAllocator.DefaultInstance))
            {
                IntPtr made;
                Status.Check(Table.CreateTensorAsOrtValue(memory.Pointer, shape,
                    Shapes.Count(shape.Length), (int)elementType, out made));
                return Take(made);
            }
        }

        public static OrtValue CreateTensorWithEmptyStrings(OrtAllocator allocator, long[] shape)
        {
            return CreateAllocatedTensorValue(allocator, TensorElementType.String, shape);
        }

        /// A copy of a tensor of strings; null stands for the empty string.
        public static OrtValue CreateFromStringTensor(Tensor<string> tensor)
        {
            if (tensor == null) throw new ArgumentNullException(nameof(tensor));
            DenseTensor<string> dense = tensor.IsReversedStride ? tensor.RowMajor() : null;
            return FromStrings(dense ?? tensor, Shapes.Widen(tensor.Dimensions));
        }

        private static OrtValue FromStrings(IEnumerable<string> strings, long[] shape)
        {
            OrtValue made = CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, shape);
            try
            {
                int index = 0;
                foreach (string each in strings)
                {
                    if (!string.IsNullOrEmpty(each))
                    {
                        made.StringTensorSetElementAt(each.AsSpan(), index);
                    }
                    ++index;
                }
                return made;
            }
            catch
            {
                made.Dispose();
                throw;
            }
        }

        /// A value over, or with, the elements of a tensor.
        public static OrtValue CreateFromTensorObject(TensorBase value,
            out TensorElementType elementType)
        {
            if (value == null) throw new ArgumentNullException(nameof(value));
            elementType = value.GetTypeInfo().ElementType;
            return value.ToOrtValue();
        }

        /// A sequence of values, which become its own: they are not to be used any more.
        public static OrtValue CreateSequence(ICollection<OrtValue> ortValues)
        {
            if (ortValues == null) throw new ArgumentNullException(nameof(ortValues));
            OrtValue made = Compose(ortValues.ToArray(), OnnxValueType.ONNX_TYPE_SEQUENCE);
            if (!ortValues.IsReadOnly) ortValues.Clear();
            return made;
        }

        /// A map of two tensors, which become its own.
        public static OrtValue CreateMap(ref OrtValue keys, ref OrtValue values)
        {
            if (keys == null || values == null)
            {
                throw new OnnxRuntimeException(
                    ErrorCode.InvalidArgument, "keys or values are null");
            }
            OrtValue made = Compose(new[] { keys, values }, OnnxValueType.ONNX_TYPE_MAP);
            keys = null;
            values = null;
            return made;
        }

        public static OrtValue CreateMap<K, V>(K[] keys, V[] values)
            where K : struct where V : struct
        {
            RequireSameCount(keys, values);
            return MapOf(() => Vector(keys), () => Vector(values));
        }

        public static OrtValue CreateMapWithStringKeys<V>(IReadOnlyCollection<string> keys,
            V[] values) where V : struct
        {
            RequireSameCount(keys, values);
            return MapOf(() => Vector(keys), () => Vector(values));
        }

        public static OrtValue CreateMapWithStringValues<K>(K[] keys,
            IReadOnlyCollection<string> values) where K : struct
        {
            RequireSameCount(keys, values);
            return MapOf(() => Vector(keys), () => Vector(values));
        }

        private static void RequireSameCount<K, V>(IReadOnlyCollection<K> keys,
            IReadOnlyCollection<V> values)
        {
            if (keys == null || values == null)
            {
                throw new OnnxRuntimeException(
                    ErrorCode.InvalidArgument, "keys or values are null");
            }
            if (keys.Count == values.Count) return;
            throw new ArgumentException("Expecting keys and values same len. Received keys: " +
                keys.Count + ", Values: " + values.Count);
        }

        internal static OrtValue Vector<T>(IReadOnlyCollection<T> elements)
        {
            var shape = new long[] { elements.Count };
            if (typeof(T) == typeof(string))
            {
                return FromStrings((IEnumerable<string>)elements, shape);
            }
            T[] array = elements as T[] ?? elements.ToArray();
            return OverMemory(OrtMemoryInfo.DefaultInstance, new Memory<T>(array), shape);
        }

        internal static OrtValue MapOf(Func<OrtValue> makeKeys, Func<OrtValue> makeValues)
        {
            OrtValue keys = makeKeys();
            OrtValue values = null;
            try
            {
                values = makeValues();
                return CreateMap(ref keys, ref values);
            }
            catch
            {
                keys?.Dispose();
                values?.Dispose();
                throw;
            }
        }

        // The members may stand on pinned memory, so they live as long as what is made of them.
        internal static OrtValue Compose(OrtValue[] members, OnnxValueType kind)
        {
            SafeHandle[] handles = Array.ConvertAll(members, each => (SafeHandle)each.Handle);
            using (var held = new Leases(handles.Length))
            {
                foreach (SafeHandle each in handles) held.Add(each);
                IntPtr made;
                Status.Check(Table.CreateValue(held.Pointers, Shapes.Count(handles.Length),
                    (int)kind, out made));
                var handle = new ValueHandle(made);
                handle.StandOn(handles);
                foreach (OrtValue each in members) each.Dispose();
                return new OrtValue(handle);
            }
        }
    }
}
