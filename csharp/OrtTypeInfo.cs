using System;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// Element type and shape of a tensor, or of what a model says of one: there a dim may be -1,
    /// with or without a name.
    public struct OrtTensorTypeAndShapeInfo
    {
        internal OrtTensorTypeAndShapeInfo(IntPtr info) : this()
        {
            int element;
            UIntPtr rank;
            Status.Check(Table.GetTensorElementType(info, out element));
            Status.Check(Table.GetDimensionsCount(info, out rank));
            ElementDataType = (TensorElementType)element;
            DimensionsCount = (int)rank;
            Shape = new long[DimensionsCount];
            Status.Check(Table.GetDimensions(info, Shape, rank));
            bool isKnown = Array.TrueForAll(Shape, dim => dim >= 0);
            ElementCount = isKnown ? Shapes.ElementCount(Shape) : -1;
            var names = new IntPtr[DimensionsCount];
            Status.Check(Table.GetSymbolicDimensions(info, names, rank));
            SymbolicDimensions = Array.ConvertAll(names, name => Text.Read(name) ?? string.Empty);
        }

        public TensorElementType ElementDataType { get; }

        public bool IsString => ElementDataType == TensorElementType.String;

        /// -1 where a dim is.
        public long ElementCount { get; }

        public int DimensionsCount { get; }

        public long[] Shape { get; }

        /// Names of dims, empty where there is none.
        public string[] SymbolicDimensions { get; }
    }

    /// The type of the elements of a sequence, or of what an optional value holds.
    public class OrtSequenceOrOptionalTypeInfo
    {
        internal OrtSequenceOrOptionalTypeInfo(OrtTypeInfo elementType)
        {
            ElementType = elementType;
        }

        public OrtTypeInfo ElementType { get; }
    }

    public class OrtMapTypeInfo
    {
        internal OrtMapTypeInfo(TensorElementType keyType, OrtTypeInfo valueType)
        {
            KeyType = keyType;
            ValueType = valueType;
        }

        public TensorElementType KeyType { get; }

        public OrtTypeInfo ValueType { get; }
    }

    /// The type of a value: all that the library tells of it, read at once.
    public class OrtTypeInfo
    {
        private readonly OrtTensorTypeAndShapeInfo? tensor;
        private readonly OrtSequenceOrOptionalTypeInfo sequence;
        private readonly OrtSequenceOrOptionalTypeInfo optional;
        private readonly OrtMapTypeInfo map;

        private OrtTypeInfo(IntPtr info)
        {
            int kind;
            IntPtr inner;
            Status.Check(Table.GetOnnxTypeFromTypeInfo(info, out kind));
            OnnxType = (OnnxValueType)kind;
            switch (OnnxType)
            {
                case OnnxValueType.ONNX_TYPE_TENSOR:
                case OnnxValueType.ONNX_TYPE_SPARSETENSOR:
                    Status.Check(Table.CastTypeInfoToTensorInfo(info, out inner));
                    tensor = new OrtTensorTypeAndShapeInfo(inner);
                    break;
                case OnnxValueType.ONNX_TYPE_SEQUENCE:
                    Status.Check(Table.CastTypeInfoToSequenceTypeInfo(info, out inner));
                    sequence = Element(inner, Table.GetSequenceElementType);
                    break;
                case OnnxValueType.ONNX_TYPE_MAP:
                    int key;
                    Status.Check(Table.CastTypeInfoToMapTypeInfo(info, out inner));
                    Status.Check(Table.GetMapKeyType(inner, out key));
                    map = new OrtMapTypeInfo((TensorElementType)key,
                        Element(inner, Table.GetMapValueType).ElementType);
                    break;
                case OnnxValueType.ONNX_TYPE_OPTIONAL:
                    Status.Check(Status.Since(Table.CastTypeInfoToOptionalTypeInfo, 15,
                        "an optional type")(info, out inner));
                    optional = Element(inner, Table.GetOptionalContainedTypeInfo);
                    break;
            }
        }

        // The library gives this one to be released, other than what it casts to.
        private static OrtSequenceOrOptionalTypeInfo Element(IntPtr info, FnPO entry)
        {
            IntPtr element;
            Status.Check(entry(info, out element));
            return new OrtSequenceOrOptionalTypeInfo(Take(element));
        }

        /// Reads a type and releases it.
        internal static OrtTypeInfo Take(IntPtr info)
        {
            try
            {
                return new OrtTypeInfo(info);
            }
            finally
            {
                Table.ReleaseTypeInfo(info);
            }
        }

        public OnnxValueType OnnxType { get; }

        public OrtTensorTypeAndShapeInfo TensorTypeAndShapeInfo =>
            tensor ?? throw Not("a tensor");

        public OrtSequenceOrOptionalTypeInfo SequenceTypeInfo =>
            sequence ?? throw Not("a sequence");

        public OrtSequenceOrOptionalTypeInfo OptionalTypeInfo =>
            optional ?? throw Not("optional");

        public OrtMapTypeInfo MapTypeInfo => map ?? throw Not("a map");

        private OnnxRuntimeException Not(string kind)
        {
            return new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "The type is " + OnnxType + ", not " + kind);
        }
    }
}
