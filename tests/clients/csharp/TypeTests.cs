// Every element type, through a model that gives back what it takes, by both kinds of values.
using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class TypeTests
{
    private static void Passes<T>(string type, TensorElementType element, T[] data) where T : struct
    {
        using (InferenceSession session = Models.Load("type_" + type + ".onnx"))
        {
            NodeMetadata input = session.InputMetadata["input"];
            Check.Equal(typeof(T), input.ElementType);
            Check.Equal(element, input.ElementDataType);
            Check.Elements(new[] { 1, 5 }, input.Dimensions);
            var tensor = new DenseTensor<T>((T[])data.Clone(), new[] { 1, 5 });
            var named = new[] { NamedOnnxValue.CreateFromTensor("input", tensor) };
            using (var results = session.Run(named))
            {
                Check.Equal("output", results[0].Name);
                Check.Equal(element, results[0].ElementType);
                Check.Elements(new[] { 1, 5 }, results[0].AsTensor<T>().Dimensions.ToArray());
                Check.Elements(data, results[0].AsTensor<T>());
                Check.Elements(data, results[0].AsEnumerable<T>());
                Check.Elements(data, ((DenseTensor<T>)results[0].Value).Buffer.Span.ToArray());
            }
            using (OrtValue value = OrtValue.CreateTensorValueFromMemory(
                (T[])data.Clone(), new long[] { 1, 5 }))
            using (var options = new RunOptions())
            using (var results = session.Run(options,
                new Dictionary<string, OrtValue> { { "input", value } }, session.OutputNames))
            {
                Check.True(results[0].IsTensor, "a tensor");
                OrtTensorTypeAndShapeInfo info = results[0].GetTensorTypeAndShape();
                Check.Equal(element, info.ElementDataType);
                Check.Elements(new long[] { 1, 5 }, info.Shape);
                Check.Equal(5L, info.ElementCount);
                Check.Elements(data, results[0].GetTensorDataAsSpan<T>().ToArray());
                int size = TensorBase.GetTypeInfo(typeof(T)).TypeSize;
                Check.Equal(5 * size, results[0].GetTensorMutableRawData().Length);
                Check.Equal(5L * size, results[0].GetTensorSizeInBytes());
            }
        }
    }

    public static void PassesFloat()
    {
        Passes("float32", TensorElementType.Float,
            new[] { 1.5f, -2, 0, float.MaxValue, float.Epsilon });
    }

    public static void PassesDouble()
    {
        Passes("float64", TensorElementType.Double, new[] { 1.5, -2, 0, 1e300, double.NaN });
    }

    public static void PassesSByte()
    {
        Passes("int8", TensorElementType.Int8, new sbyte[] { 1, -2, 127, -128, 0 });
    }

    public static void PassesByte()
    {
        Passes("uint8", TensorElementType.UInt8, new byte[] { 1, 2, 255, 128, 0 });
    }

    public static void PassesShort()
    {
        Passes("int16", TensorElementType.Int16, new short[] { 1, -2, 32767, -32768, 0 });
    }

    public static void PassesUShort()
    {
        Passes("uint16", TensorElementType.UInt16, new ushort[] { 1, 2, 65535, 0, 1 });
    }

    public static void PassesInt()
    {
        Passes("int32", TensorElementType.Int32, new[] { 1, -2, int.MaxValue, int.MinValue, 0 });
    }

    public static void PassesUInt()
    {
        Passes("uint32", TensorElementType.UInt32, new uint[] { 1, 2, uint.MaxValue, 0, 1 });
    }

    public static void PassesLong()
    {
        Passes("int64", TensorElementType.Int64, new[] { 1, -2, long.MaxValue, long.MinValue, 0 });
    }

    public static void PassesULong()
    {
        Passes("uint64", TensorElementType.UInt64, new ulong[] { 1, 2, ulong.MaxValue, 0, 1 });
    }

    public static void PassesBool()
    {
        Passes("bool", TensorElementType.Bool, new[] { true, false, true, true, false });
    }

    public static void PassesFloat16()
    {
        Passes("float16", TensorElementType.Float16, new[] { Float16.One, (Float16)(-2.5f),
            Float16.Zero, Float16.MaxValue, new Float16(1) });
    }

    public static void PassesBFloat16()
    {
        Passes("bfloat16", TensorElementType.BFloat16, new[] { BFloat16.One, (BFloat16)(-2.5f),
            BFloat16.Zero, BFloat16.MaxValue, new BFloat16(1) });
    }

    private static readonly string[] texts = { "a", "", "ünïcode ✓ 😀", "with\nlines", "e" };

    public static void PassesStrings()
    {
        using (InferenceSession session = Models.Load("type_string.onnx"))
        {
            Check.True(session.InputMetadata["input"].IsString, "an input of strings");
            Check.Equal(typeof(string), session.InputMetadata["input"].ElementType);
            var tensor = new DenseTensor<string>(texts, new[] { 1, 5 });
            var named = new[] { NamedOnnxValue.CreateFromTensor("input", tensor) };
            using (var results = session.Run(named))
            {
                Check.Elements(texts, results[0].AsTensor<string>());
                Check.Equal(TensorElementType.String, results[0].ElementType);
            }
            using (OrtValue value = OrtValue.CreateFromStringTensor(tensor))
            using (var results = session.Run(Models.Defaults,
                new Dictionary<string, OrtValue> { { "input", value } }, session.OutputNames))
            {
                Check.Elements(texts, results[0].GetStringTensorAsArray());
                Check.Equal(texts[2], results[0].GetStringElement(2));
                Check.Equal(texts[2], results[0].GetStringElementAsMemory(2).ToString());
                Check.Elements(new byte[] { (byte)'a' },
                    results[0].GetStringElementAsSpan(0).ToArray());
            }
        }
    }

    public static void WritesStringsInPlace()
    {
        using (OrtValue value = OrtValue.CreateTensorWithEmptyStrings(
            OrtAllocator.DefaultInstance, new long[] { 2, 2 }))
        {
            Check.Elements(new[] { "", "", "", "" }, value.GetStringTensorAsArray());
            value.StringTensorSetElementAt("first".AsSpan(), 0);
            value.StringTensorSetElementAt("zwölf".AsMemory(), 1);
            value.StringTensorSetElementAt(new ReadOnlySpan<byte>(new byte[] { 0x68, 0x69 }), 2);
            Check.Elements(new[] { "first", "zwölf", "hi", "" }, value.GetStringTensorAsArray());
            value.StringTensorSetElementAt("".AsSpan(), 0);
            Check.Equal("", value.GetStringElement(0));
            Check.Throws<OnnxRuntimeException>("", () => value.GetStringElement(4));
            Check.Throws<OnnxRuntimeException>("",
                () => value.StringTensorSetElementAt("x".AsSpan(), 4));
            Check.Throws<OnnxRuntimeException>("Strings are not supported",
                () => value.GetTensorDataAsSpan<byte>());
        }
    }

    // 0x3555 is the float16 next to 1/3, 0x3EAB the bfloat16; ties go to the even one.
    public static void RoundsHalfs()
    {
        Check.Equal((ushort)0x3555, ((Float16)(1 / 3f)).value);
        Check.Equal((ushort)0x7BFF, ((Float16)65519f).value);
        Check.Equal((ushort)0x7C00, ((Float16)65520f).value);
        Check.Equal((ushort)0x6800, ((Float16)2049f).value);
        Check.Equal((ushort)0x6802, ((Float16)2051f).value);
        Check.Equal((ushort)0x0001, ((Float16)5.9604645e-8f).value);
        Check.Equal((ushort)0x0000, ((Float16)2.9802322e-8f).value);
        Check.Equal((ushort)0x0002, ((Float16)8.940697e-8f).value);
        Check.Equal((ushort)0x8000, ((Float16)(-0f)).value);
        Check.Equal((ushort)0x0400, ((Float16)6.1035156e-5f).value);
        Check.Equal((ushort)0x0400, ((Float16)6.1035153e-5f).value);
        Check.Equal((ushort)0x3EAB, ((BFloat16)(1 / 3f)).value);
        Check.Equal((ushort)0x4000, ((BFloat16)(2 + 1f / 128)).value);
        Check.Equal((ushort)0x4002, ((BFloat16)(2 + 3f / 128)).value);
        Check.Equal((ushort)0x7F80, ((BFloat16)float.MaxValue).value);
        Check.True(Float16.IsNaN((Float16)float.NaN) && BFloat16.IsNaN((BFloat16)float.NaN), "NaN");
        Check.Equal(1 / 1024f, new Float16(0x1400).ToFloat());
        Check.Equal(5.9604645e-8f, new Float16(1).ToFloat());
        Check.Equal(-6.1035156e-5f, new Float16(0x8400).ToFloat());
        Check.Equal(float.NegativeInfinity, Float16.NegativeInfinity.ToFloat());
        for (int bits = 0; bits < 0x10000; ++bits)
        {
            var half = new Float16((ushort)bits);
            if (!Float16.IsNaN(half)) Check.Equal(half.value, ((Float16)half.ToFloat()).value);
            var brain = new BFloat16((ushort)bits);
            if (!BFloat16.IsNaN(brain)) Check.Equal(brain.value, ((BFloat16)brain.ToFloat()).value);
        }
        Check.True(Float16.One > Float16.Zero, "order");
        Check.True(Float16.Zero > Float16.Negate(Float16.One), "order");
    }
}
