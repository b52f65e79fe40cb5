using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    public class MapMetadata
    {
        internal MapMetadata(TensorElementType keyDataType, NodeMetadata valueMetadata)
        {
            KeyDataType = keyDataType;
            ValueMetadata = valueMetadata;
        }

        public TensorElementType KeyDataType { get; }

        public NodeMetadata ValueMetadata { get; }
    }

    public class SequenceMetadata
    {
        internal SequenceMetadata(NodeMetadata elementMeta)
        {
            ElementMeta = elementMeta;
        }

        public NodeMetadata ElementMeta { get; }
    }

    public class OptionalMetadata
    {
        internal OptionalMetadata(NodeMetadata elementMeta)
        {
            ElementMeta = elementMeta;
        }

        public NodeMetadata ElementMeta { get; }
    }

    /// What a model says of an input, an output, or an initializer that may be replaced.
    public class NodeMetadata
    {
        private static readonly int[] noDims = new int[0];
        private static readonly string[] noNames = new string[0];

        private readonly OrtTensorTypeAndShapeInfo? tensor;
        private readonly MapMetadata map;
        private readonly SequenceMetadata sequence;
        private readonly OptionalMetadata optional;

        internal NodeMetadata(OrtTypeInfo type)
        {
            OnnxValueType = type.OnnxType;
            switch (OnnxValueType)
            {
                case OnnxValueType.ONNX_TYPE_TENSOR:
                case OnnxValueType.ONNX_TYPE_SPARSETENSOR:
                    tensor = type.TensorTypeAndShapeInfo;
                    Dimensions = Shapes.Narrow(tensor.Value.Shape);
                    break;
                case OnnxValueType.ONNX_TYPE_SEQUENCE:
                    sequence = new SequenceMetadata(
                        new NodeMetadata(type.SequenceTypeInfo.ElementType));
                    break;
                case OnnxValueType.ONNX_TYPE_MAP:
                    map = new MapMetadata(type.MapTypeInfo.KeyType,
                        new NodeMetadata(type.MapTypeInfo.ValueType));
                    break;
                case OnnxValueType.ONNX_TYPE_OPTIONAL:
                    optional = new OptionalMetadata(
                        new NodeMetadata(type.OptionalTypeInfo.ElementType));
                    break;
            }
        }

        public OnnxValueType OnnxValueType { get; }

        public bool IsTensor => OnnxValueType == OnnxValueType.ONNX_TYPE_TENSOR;

        public bool IsString => tensor != null && tensor.Value.IsString;

        /// -1 for a dim that the model leaves open.
        public int[] Dimensions { get; } = noDims;

        /// Names of dims, empty where there is none.
        public string[] SymbolicDimensions => tensor?.SymbolicDimensions ?? noNames;

        public TensorElementType ElementDataType
        {
            get
            {
                if (tensor != null) return tensor.Value.ElementDataType;
                throw Not("Tensor");
            }
        }

        /// The type of .NET of elements; null where there is none.
        public Type ElementType =>
            tensor == null ? null : TensorBase.GetElementTypeInfo(ElementDataType)?.TensorType;

        public MapMetadata AsMapMetadata()
        {
            return map ?? throw Not("Map");
        }

        public SequenceMetadata AsSequenceMetadata()
        {
            return sequence ?? throw Not("Sequence");
        }

        public OptionalMetadata AsOptionalMetadata()
        {
            return optional ?? throw Not("Optional");
        }

        private OnnxRuntimeException Not(string kind)
        {
            return new OnnxRuntimeException(ErrorCode.Fail,
                "Instance does not contain " + kind + " metadata; it is " + OnnxValueType);
        }
    }

    /// What a model says of itself.
    public class ModelMetadata
    {
        internal ModelMetadata(SafeHandle session)
        {
            IntPtr metadata;
            using (Lease held = session.Hold())
            {
                Status.Check(Table.SessionGetModelMetadata(held.Pointer, out metadata));
            }
            try
            {
                ProducerName = Read(Table.ModelMetadataGetProducerName, metadata);
                GraphName = Read(Table.ModelMetadataGetGraphName, metadata);
                Domain = Read(Table.ModelMetadataGetDomain, metadata);
                Description = Read(Table.ModelMetadataGetDescription, metadata);
                GraphDescription = Read(Table.ModelMetadataGetGraphDescription, metadata);
                long version;
                Status.Check(Table.ModelMetadataGetVersion(metadata, out version));
                Version = version;
                ReadMap(metadata);
            }
            finally
            {
                Table.ReleaseModelMetadata(metadata);
            }
        }

        private static string Read(FnPPO entry, IntPtr metadata)
        {
            IntPtr text;
            Status.Check(entry(metadata, OrtAllocator.DefaultPointer, out text));
            return Text.Take(text);
        }

        private void ReadMap(IntPtr metadata)
        {
            IntPtr list;
            long count;
            Status.Check(Table.ModelMetadataGetCustomMetadataMapKeys(
                metadata, OrtAllocator.DefaultPointer, out list, out count));
            foreach (string key in NativeLists.TakeTexts(list, count))
            {
                IntPtr value;
                Status.Check(Table.ModelMetadataLookupCustomMetadataMap(
                    metadata, OrtAllocator.DefaultPointer, Text.Bytes(key), out value));
                CustomMetadataMap[key] = Text.Take(value);
            }
        }

        public string ProducerName { get; }

        public string GraphName { get; }

        public string Domain { get; }

        public string Description { get; }

        public string GraphDescription { get; }

        public long Version { get; }

        public Dictionary<string, string> CustomMetadataMap { get; } =
            new Dictionary<string, string>();
    }
}
