using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// What may be asked of a value that is another's.
    public interface IReadOnlyOrtValue
    {
        OnnxValueType OnnxType { get; }

        bool IsTensor { get; }

        bool IsSparseTensor { get; }

        ReadOnlySpan<T> GetTensorDataAsSpan<T>() where T : struct;

        string[] GetStringTensorAsArray();

        string GetStringElement(int index);

        ReadOnlyMemory<char> GetStringElementAsMemory(int index);

        ReadOnlySpan<byte> GetStringElementAsSpan(int index);

        OrtTypeInfo GetTypeInfo();

        OrtTensorTypeAndShapeInfo GetTensorTypeAndShape();

        long GetTensorSizeInBytes();

        OrtMemoryInfo GetTensorMemoryInfo();

        int GetValueCount();

        OrtValue GetValue(int index, OrtAllocator allocator);
    }

    /// A value of the library: a tensor, a sequence, a map, or an optional one.
    public partial class OrtValue : IReadOnlyOrtValue, IDisposable
    {
        private readonly ValueHandle ownHandle;
        private OrtTensorTypeAndShapeInfo? tensorInfo;
        private volatile bool disposed;

        internal OrtValue(ValueHandle handle)
        {
            ownHandle = handle;
            using (Lease value = handle.Hold())
            {
                int kind;
                Status.Check(Table.GetValueType(value.Pointer, out kind));
                OnnxType = (OnnxValueType)kind;
            }
        }

        // Bindings, sequences and the like keep the value itself for as long as they need it.
        internal ValueHandle Handle =>
            disposed ? throw new ObjectDisposedException(nameof(OrtValue)) : ownHandle;

        internal bool IsDisposed => disposed;

        /// Takes a value that the library gave.
        internal static OrtValue Take(IntPtr value)
        {
            return new OrtValue(new ValueHandle(value));
        }

        public OnnxValueType OnnxType { get; }

        public bool IsTensor => OnnxType == OnnxValueType.ONNX_TYPE_TENSOR;

        public bool IsSparseTensor => OnnxType == OnnxValueType.ONNX_TYPE_SPARSETENSOR;

        /// False for an optional value without one.
        public bool HasValue
        {
            get
            {
                using (Lease value = Handle.Hold())
                {
                    int has;
                    Status.Check(Table.HasValue(value.Pointer, out has));
                    return has != 0;
                }
            }
        }

        public OrtTypeInfo GetTypeInfo()
        {
            using (Lease value = Handle.Hold())
            {
                IntPtr info;
                Status.Check(Table.GetTypeInfo(value.Pointer, out info));
                return OrtTypeInfo.Take(info);
            }
        }

        public OrtTensorTypeAndShapeInfo GetTensorTypeAndShape()
        {
            using (Lease value = Handle.Hold())
            {
                IntPtr info;
                Status.Check(Table.GetTensorTypeAndShape(value.Pointer, out info));
                try
                {
                    return new OrtTensorTypeAndShapeInfo(info);
                }
                finally
                {
                    Table.ReleaseTensorTypeAndShapeInfo(info);
                }
            }
        }

        // A tensor does not change its type or shape.
        private OrtTensorTypeAndShapeInfo TensorInfo
        {
            get
            {
                if (tensorInfo == null) tensorInfo = GetTensorTypeAndShape();
                return tensorInfo.Value;
            }
        }

        public OrtMemoryInfo GetTensorMemoryInfo()
        {
            using (Lease value = Handle.Hold())
            {
                IntPtr info;
                Status.Check(Table.GetTensorMemoryInfo(value.Pointer, out info));
                return new OrtMemoryInfo(info, Handle);
            }
        }

        public long GetTensorSizeInBytes()
        {
            using (Lease value = Handle.Hold())
            {
                UIntPtr size;
                Status.Check(Status.Since(Table.GetTensorSizeInBytes, 23, "GetTensorSizeInBytes")(
                    value.Pointer, out size));
                return (long)(ulong)size;
            }
        }

        /// The elements. The span is of the library's memory (or that of the program which the
        /// value was made from): it is good until the value is disposed of.
        public ReadOnlySpan<T> GetTensorDataAsSpan<T>() where T : struct
        {
            return Elements<T>();
        }

        public Span<T> GetTensorMutableDataAsSpan<T>() where T : struct
        {
            return Elements<T>();
        }

        public Span<byte> GetTensorMutableRawData()
        {
            OrtTensorTypeAndShapeInfo info = TensorInfo;
            TensorElementTypeInfo type = TensorBase.GetElementTypeInfo(info.ElementDataType);
            if (info.IsString) throw NoSpanOfStrings();
            long bytes = type != null ? info.ElementCount * type.TypeSize : GetTensorSizeInBytes();
            return Bytes(bytes);
        }

        private static OnnxRuntimeException NoSpanOfStrings()
        {
            return new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "Strings are not supported by this API; use GetStringElement or " +
                "GetStringTensorAsArray");
        }

        private unsafe Span<byte> Bytes(long count)
        {
            return new Span<byte>((void*)Data(), checked((int)count));
        }

        private unsafe Span<T> Elements<T>() where T : struct
        {
            OrtTensorTypeAndShapeInfo info = TensorInfo;
            if (info.IsString) throw NoSpanOfStrings();
            TensorElementTypeInfo held = TensorBase.GetElementTypeInfo(info.ElementDataType);
            if (held != null && held.TensorType == typeof(T))
            {
                return new Span<T>((void*)Data(), checked((int)info.ElementCount));
            }
            // Bytes of any type may be had; another type is a mistake.
            if (typeof(T) == typeof(byte)) return Cast<T>(GetTensorMutableRawData());
            throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "Requested type: " +
                typeof(T) + " does not match the actual type: " +
                (held?.TensorType.ToString() ?? info.ElementDataType.ToString()));
        }

        private static Span<T> Cast<T>(Span<byte> bytes) where T : struct
        {
            return MemoryMarshal.Cast<byte, T>(bytes);
        }

        internal IntPtr Data()
        {
            using (Lease value = Handle.Hold())
            {
                IntPtr data;
                Status.Check(Table.GetTensorMutableData(value.Pointer, out data));
                return data;
            }
        }

        public int GetValueCount()
        {
            using (Lease value = Handle.Hold())
            {
                UIntPtr count;
                Status.Check(Table.GetValueCount(value.Pointer, out count));
                return checked((int)count);
            }
        }

        /// An element of a sequence; of a map, 0 gives the keys and 1 the values.
        public OrtValue GetValue(int index, OrtAllocator allocator)
        {
            using (Lease value = Handle.Hold())
            using (Lease memory = new Lease(allocator ?? OrtAllocator.DefaultInstance))
            {
                IntPtr element;
                Status.Check(Table.GetValue(value.Pointer, index, memory.Pointer, out element));
                var handle = new ValueHandle(element);
                handle.StandOn(Handle);
                return new OrtValue(handle);
            }
        }

        public delegate void SequenceElementVisitor(OrtValue ortValue, int index);

        public delegate void MapVisitor(OrtValue keys, OrtValue values);

        /// Shows each element of a sequence, which is disposed of afterwards.
        public void ProcessSequence(SequenceElementVisitor visitor, OrtAllocator allocator)
        {
            if (visitor == null) throw new ArgumentNullException(nameof(visitor));
            Require(OnnxValueType.ONNX_TYPE_SEQUENCE, "a sequence");
            int count = GetValueCount();
            for (int i = 0; i < count; ++i)
            {
                using (OrtValue element = GetValue(i, allocator)) visitor(element, i);
            }
        }

        /// Shows keys and values of a map, which are disposed of afterwards.
        public void ProcessMap(MapVisitor visitor, OrtAllocator allocator)
        {
            if (visitor == null) throw new ArgumentNullException(nameof(visitor));
            Require(OnnxValueType.ONNX_TYPE_MAP, "a map");
            using (OrtValue keys = GetValue(0, allocator))
            using (OrtValue values = GetValue(1, allocator))
            {
                visitor(keys, values);
            }
        }

        private void Require(OnnxValueType kind, string name)
        {
            if (OnnxType == kind) return;
            throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "OrtValue.OnnxType of " + OnnxType + " is not " + name);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (disposing) ownHandle.Dispose();
            disposed = true;
        }
    }
}
