using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// A tensor, sequence or map of .NET, with the name of an input or output.
    public class NamedOnnxValue
    {
        // A map's value, whose types of keys and values are known where it is made.
        private readonly Func<OrtValue> makeMap;

        protected NamedOnnxValue(string name, object value)
            : this(name, value, OnnxValueType.ONNX_TYPE_TENSOR)
        {
        }

        internal NamedOnnxValue(string name, object value, OnnxValueType valueType,
            Func<OrtValue> makeMap = null)
        {
            Name = name ?? throw new ArgumentNullException(nameof(name));
            Value = value ?? throw new ArgumentNullException(nameof(value));
            ValueType = valueType;
            this.makeMap = makeMap;
        }

        public string Name { get; set; }

        public object Value { get; set; }

        public OnnxValueType ValueType { get; internal set; }

        public static NamedOnnxValue CreateFromTensor<T>(string name, Tensor<T> value)
        {
            return new NamedOnnxValue(name, value, OnnxValueType.ONNX_TYPE_TENSOR);
        }

        /// Of tensors, or of other named values.
        public static NamedOnnxValue CreateFromSequence<T>(string name, IEnumerable<T> value)
        {
            return new NamedOnnxValue(name, value, OnnxValueType.ONNX_TYPE_SEQUENCE);
        }

        public static NamedOnnxValue CreateFromMap<K, V>(string name, IDictionary<K, V> value)
        {
            if (value == null) throw new ArgumentNullException(nameof(value));
            TensorBase.Require(typeof(K));
            TensorBase.Require(typeof(V));
            return new NamedOnnxValue(name, value, OnnxValueType.ONNX_TYPE_MAP,
                () => OrtValue.MapOf(() => OrtValue.Vector(value.Keys.ToArray()),
                    () => OrtValue.Vector(value.Values.ToArray())));
        }

        /// Null if the value is another.
        public Tensor<T> AsTensor<T>()
        {
            return Value as Tensor<T>;
        }

        public IEnumerable<T> AsEnumerable<T>()
        {
            return Value as IEnumerable<T>;
        }

        public IDictionary<K, V> AsDictionary<K, V>()
        {
            return Value as IDictionary<K, V>;
        }

        /// The value of the library, to be disposed of.
        internal OrtValue ToOrtValue()
        {
            switch (ValueType)
            {
                case OnnxValueType.ONNX_TYPE_TENSOR:
                    return Require<TensorBase>("a Tensor<T>").ToOrtValue();
                case OnnxValueType.ONNX_TYPE_SEQUENCE:
                    return Sequence(Require<System.Collections.IEnumerable>("an IEnumerable"));
                case OnnxValueType.ONNX_TYPE_MAP:
                    if (makeMap != null) return makeMap();
                    break;
            }
            throw new OnnxRuntimeException(ErrorCode.NotImplemented,
                "'" + Name + "': no value of the runtime can be made of a " + Value.GetType());
        }

        private T Require<T>(string what) where T : class
        {
            return Value as T ?? throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "'" + Name + "' is to be " + what + ", and is a " + Value?.GetType());
        }

        private OrtValue Sequence(System.Collections.IEnumerable elements)
        {
            var members = new List<OrtValue>();
            try
            {
                foreach (object each in elements)
                {
                    var named = each as NamedOnnxValue;
                    var tensor = each as TensorBase;
                    if (named == null && tensor == null)
                    {
                        throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "'" + Name +
                            "': a sequence is of Tensor<T> or NamedOnnxValue, not of " +
                            each?.GetType());
                    }
                    members.Add(named != null ? named.ToOrtValue() : tensor.ToOrtValue());
                }
                return OrtValue.CreateSequence(members);
            }
            finally
            {
                foreach (OrtValue each in members) each.Dispose();
            }
        }
    }
}
