using System;
using System.Collections.Generic;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// What tensors of all element types have.
    public class TensorBase
    {
        private static readonly Dictionary<Type, TensorTypeInfo> byType =
            new Dictionary<Type, TensorTypeInfo>();
        private static readonly Dictionary<TensorElementType, TensorElementTypeInfo> byElement =
            new Dictionary<TensorElementType, TensorElementTypeInfo>();

        private readonly Type type;

        static TensorBase()
        {
            Add(typeof(float), TensorElementType.Float, sizeof(float));
            Add(typeof(byte), TensorElementType.UInt8, sizeof(byte));
            Add(typeof(sbyte), TensorElementType.Int8, sizeof(sbyte));
            Add(typeof(ushort), TensorElementType.UInt16, sizeof(ushort));
            Add(typeof(short), TensorElementType.Int16, sizeof(short));
            Add(typeof(int), TensorElementType.Int32, sizeof(int));
            Add(typeof(long), TensorElementType.Int64, sizeof(long));
            Add(typeof(string), TensorElementType.String, IntPtr.Size);
            Add(typeof(bool), TensorElementType.Bool, sizeof(bool));
            Add(typeof(Float16), TensorElementType.Float16, sizeof(ushort));
            Add(typeof(double), TensorElementType.Double, sizeof(double));
            Add(typeof(uint), TensorElementType.UInt32, sizeof(uint));
            Add(typeof(ulong), TensorElementType.UInt64, sizeof(ulong));
            Add(typeof(BFloat16), TensorElementType.BFloat16, sizeof(ushort));
        }

        private static void Add(Type type, TensorElementType element, int size)
        {
            byType.Add(type, new TensorTypeInfo(element, size));
            byElement.Add(element, new TensorElementTypeInfo(type, size));
        }

        protected TensorBase(Type primitiveType)
        {
            type = primitiveType;
        }

        /// Null for a type that tensors do not have.
        public static TensorTypeInfo GetTypeInfo(Type type)
        {
            TensorTypeInfo info;
            byType.TryGetValue(type, out info);
            return info;
        }

        /// Null for an element type that no type of .NET holds.
        public static TensorElementTypeInfo GetElementTypeInfo(TensorElementType elementType)
        {
            TensorElementTypeInfo info;
            byElement.TryGetValue(elementType, out info);
            return info;
        }

        public TensorTypeInfo GetTypeInfo()
        {
            return GetTypeInfo(type);
        }

        internal static TensorTypeInfo Require(Type type)
        {
            return GetTypeInfo(type) ?? throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "Tensors have no elements of the type " + type.FullName);
        }

        /// Whether a value can be over this tensor's own memory.
        internal virtual bool IsPinnable => false;

        /// A value with the elements of this tensor: over its memory where that is dense.
        internal virtual OrtValue ToOrtValue()
        {
            throw new NotSupportedException(GetType() + " cannot be a value of the runtime");
        }
    }
}
