using System;

namespace Microsoft.ML.OnnxRuntime.Tensors
{
    /// Element types, as ONNX numbers them.
    public enum TensorElementType
    {
        Float = 1,
        UInt8 = 2,
        Int8 = 3,
        UInt16 = 4,
        Int16 = 5,
        Int32 = 6,
        Int64 = 7,
        String = 8,
        Bool = 9,
        Float16 = 10,
        Double = 11,
        UInt32 = 12,
        UInt64 = 13,
        Complex64 = 14,
        Complex128 = 15,
        BFloat16 = 16,
        DataTypeMax = 17,
    }

    /// The type of .NET that holds elements of a type.
    public class TensorElementTypeInfo
    {
        public TensorElementTypeInfo(Type type, int typeSize)
        {
            TensorType = type;
            TypeSize = typeSize;
        }

        public Type TensorType { get; }

        /// Bytes of an element; of a string, of a reference to it.
        public int TypeSize { get; }

        public bool IsString => TensorType == typeof(string);
    }

    /// The element type that a type of .NET stands for.
    public class TensorTypeInfo
    {
        public TensorTypeInfo(TensorElementType elementType, int typeSize)
        {
            ElementType = elementType;
            TypeSize = typeSize;
        }

        public TensorElementType ElementType { get; }

        public int TypeSize { get; }

        public bool IsString => ElementType == TensorElementType.String;
    }
}
