using System;
using System.Collections;
using System.Collections.Generic;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// Results, disposed of together.
    public interface IDisposableReadOnlyCollection<T> : IReadOnlyList<T>, IDisposable
    {
    }

    internal sealed class DisposableList<T> : List<T>, IDisposableReadOnlyCollection<T>
        where T : IDisposable
    {
        internal DisposableList(int capacity) : base(capacity)
        {
        }

        public void Dispose()
        {
            foreach (T each in this) each.Dispose();
            Clear();
        }
    }

    /// An output. A tensor of numbers is over the library's memory until this is disposed of;
    /// strings, sequences of them, and maps are copies.
    public class DisposableNamedOnnxValue : NamedOnnxValue, IDisposable
    {
        private IDisposable owned;

        private DisposableNamedOnnxValue(string name, object value, OnnxValueType valueType,
            TensorElementType elementType, IDisposable owned, Func<OrtValue> makeMap = null)
            : base(name, value, valueType, makeMap)
        {
            ElementType = elementType;
            this.owned = owned;
        }

        public TensorElementType ElementType { get; }

        /// Takes a value; it is disposed of with what is made, or at once where that is a copy.
        internal static DisposableNamedOnnxValue FromOrtValue(string name, OrtValue value)
        {
            try
            {
                switch (value.OnnxType)
                {
                    case OnnxValueType.ONNX_TYPE_TENSOR:
                        return FromTensor(name, value);
                    case OnnxValueType.ONNX_TYPE_SEQUENCE:
                        return FromSequence(name, value);
                    case OnnxValueType.ONNX_TYPE_MAP:
                        return FromMap(name, value);
                    default:
                        throw new OnnxRuntimeException(ErrorCode.NotImplemented, "Output '" + name +
                            "' is " + value.OnnxType + "; use a Run that gives OrtValues");
                }
            }
            catch
            {
                value.Dispose();
                throw;
            }
        }

        private static DisposableNamedOnnxValue FromTensor(string name, OrtValue value)
        {
            OrtTensorTypeAndShapeInfo info = value.GetTensorTypeAndShape();
            int[] dims = Shapes.Narrow(info.Shape);
            if (info.IsString)
            {
                var strings = new DenseTensor<string>(value.GetStringTensorAsArray(), dims);
                value.Dispose();
                return new DisposableNamedOnnxValue(name, strings,
                    OnnxValueType.ONNX_TYPE_TENSOR, info.ElementDataType, null);
            }
            object tensor = Over(value, info, dims);
            return new DisposableNamedOnnxValue(name, tensor, OnnxValueType.ONNX_TYPE_TENSOR,
                info.ElementDataType, value);
        }

        private static object Over(OrtValue value, OrtTensorTypeAndShapeInfo info, int[] dims)
        {
            long count = info.ElementCount;
            switch (info.ElementDataType)
            {
                case TensorElementType.Float: return Over<float>(value, count, dims);
                case TensorElementType.Double: return Over<double>(value, count, dims);
                case TensorElementType.UInt8: return Over<byte>(value, count, dims);
                case TensorElementType.Int8: return Over<sbyte>(value, count, dims);
                case TensorElementType.UInt16: return Over<ushort>(value, count, dims);
                case TensorElementType.Int16: return Over<short>(value, count, dims);
                case TensorElementType.Int32: return Over<int>(value, count, dims);
                case TensorElementType.UInt32: return Over<uint>(value, count, dims);
                case TensorElementType.Int64: return Over<long>(value, count, dims);
                case TensorElementType.UInt64: return Over<ulong>(value, count, dims);
                case TensorElementType.Bool: return Over<bool>(value, count, dims);
                case TensorElementType.Float16: return Over<Float16>(value, count, dims);
                case TensorElementType.BFloat16: return Over<BFloat16>(value, count, dims);
                default:
                    throw new OnnxRuntimeException(ErrorCode.NotImplemented, "A tensor of " +
                        info.ElementDataType + " is no Tensor<T>; use a Run that gives OrtValues");
            }
        }

        private static DenseTensor<T> Over<T>(OrtValue value, long count, int[] dims)
            where T : struct
        {
            return new DenseTensor<T>(new ValueMemory<T>(value, count).Memory, dims);
        }

        private static DisposableNamedOnnxValue FromSequence(string name, OrtValue value)
        {
            int count = value.GetValueCount();
            var elements = new DisposableList<DisposableNamedOnnxValue>(count);
            try
            {
                var type = TensorElementType.DataTypeMax;
                for (int i = 0; i < count; ++i)
                {
                    OrtValue element = value.GetValue(i, OrtAllocator.DefaultInstance);
                    elements.Add(FromOrtValue(string.Empty, element));
                    type = elements[i].ElementType;
                }
                value.Dispose();
                return new DisposableNamedOnnxValue(name, elements,
                    OnnxValueType.ONNX_TYPE_SEQUENCE, type, elements);
            }
            catch
            {
                elements.Dispose();
                throw;
            }
        }

        private static DisposableNamedOnnxValue FromMap(string name, OrtValue value)
        {
            using (value)
            using (OrtValue keys = value.GetValue(0, OrtAllocator.DefaultInstance))
            using (OrtValue values = value.GetValue(1, OrtAllocator.DefaultInstance))
            using (DisposableNamedOnnxValue scores = FromTensor(string.Empty, values))
            {
                TensorElementType type = keys.GetTensorTypeAndShape().ElementDataType;
                if (type == TensorElementType.String)
                {
                    return FromMap(name, keys.GetStringTensorAsArray(), scores);
                }
                if (type == TensorElementType.Int64)
                {
                    return FromMap(name, keys.GetTensorDataAsSpan<long>().ToArray(), scores);
                }
                throw new OnnxRuntimeException(ErrorCode.NotImplemented,
                    "Keys of maps are strings or 64-bit integers, not " + type);
            }
        }

        private static DisposableNamedOnnxValue FromMap<K>(string name, K[] keys,
            DisposableNamedOnnxValue values)
        {
            switch (values.ElementType)
            {
                case TensorElementType.Float: return FromMap<K, float>(name, keys, values);
                case TensorElementType.Double: return FromMap<K, double>(name, keys, values);
                case TensorElementType.Int64: return FromMap<K, long>(name, keys, values);
                case TensorElementType.String: return FromMap<K, string>(name, keys, values);
                default:
                    throw new OnnxRuntimeException(ErrorCode.NotImplemented,
                        "Values of maps are numbers of 64 bits, floats or strings, not " +
                        values.ElementType);
            }
        }

        private static DisposableNamedOnnxValue FromMap<K, V>(string name, K[] keys,
            DisposableNamedOnnxValue values)
        {
            Tensor<V> scores = values.AsTensor<V>();
            var map = new Dictionary<K, V>(keys.Length);
            for (int i = 0; i < keys.Length; ++i) map[keys[i]] = scores.GetValue(i);
            return new DisposableNamedOnnxValue(name, map, OnnxValueType.ONNX_TYPE_MAP,
                TensorBase.Require(typeof(V)).ElementType, null,
                CreateFromMap(name, map).ToOrtValue);
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (disposing) owned?.Dispose();
            owned = null;
        }
    }
}
