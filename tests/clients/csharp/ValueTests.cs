// Values of the library: their kinds, memory, sequences and maps.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class ValueTests
{
    private static readonly long[] four = { 4 };

    public static void StandsOnManagedMemory()
    {
        float[] data = { 1, 2, 3, 4 };
        using (OrtValue value = OrtValue.CreateTensorValueFromMemory(data, new long[] { 2, 2 }))
        {
            data[2] = 30;
            Check.Equal(30f, value.GetTensorDataAsSpan<float>()[2]);
            Span<float> span = value.GetTensorMutableDataAsSpan<float>();
            span[3] = 40;
            Check.Equal(40f, data[3]);
            using (OrtMemoryInfo info = value.GetTensorMemoryInfo()) Check.Equal("Cpu", info.Name);
            Check.Equal(OnnxValueType.ONNX_TYPE_TENSOR, value.GetTypeInfo().OnnxType);
            Check.Elements(new long[] { 2, 2 }, value.GetTypeInfo().TensorTypeAndShapeInfo.Shape);
        }
        var part = new Memory<float>(data, 1, 2);
        using (OrtValue value = OrtValue.CreateTensorValueFromMemory(
            OrtMemoryInfo.DefaultInstance, part, new long[] { 2 }))
        {
            Check.Elements(new float[] { 2, 30 }, value.GetTensorDataAsSpan<float>().ToArray());
        }
    }

    public static void StandsOnNativeMemory()
    {
        IntPtr memory = Marshal.AllocHGlobal(16);
        try
        {
            Marshal.Copy(Models.A, 0, memory, 4);
            using (OrtValue value = OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance, TensorElementType.Float, four, memory, 16))
            {
                Check.Elements(Models.A, value.GetTensorDataAsSpan<float>().ToArray());
            }
        }
        finally
        {
            Marshal.FreeHGlobal(memory);
        }
    }

    public static void RefusesWhatDoesNotFit()
    {
        Check.Throws<OnnxRuntimeException>("[ErrorCode:InvalidArgument]",
            () => OrtValue.CreateTensorValueFromMemory(new float[3], four));
        Check.Throws<ArgumentOutOfRangeException>("negative",
            () => OrtValue.CreateTensorValueFromMemory(new float[3], new long[] { -3 }));
        Check.Throws<OnnxRuntimeException>("[ErrorCode:InvalidArgument]",
            () => OrtValue.CreateTensorValueFromMemory(new DateTime[4], four));
        Check.Throws<OnnxRuntimeException>("[ErrorCode:",
            () => OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance,
                TensorElementType.Float, four, new IntPtr(4096), 15));
        using (OrtValue value = OrtValue.CreateTensorValueFromMemory(Models.A, four))
        {
            Check.Throws<OnnxRuntimeException>("Requested type: System.Int32 does not match",
                () => value.GetTensorDataAsSpan<int>());
            Check.Throws<OnnxRuntimeException>("ONNX_TYPE_TENSOR is not a sequence",
                () => value.ProcessSequence((each, index) => { }, OrtAllocator.DefaultInstance));
            Check.Throws<OnnxRuntimeException>("", () => value.GetStringElement(0));
            Check.Throws<OnnxRuntimeException>("", () => value.GetStringTensorAsArray());
        }
    }

    private static List<OrtValue> Halves()
    {
        return new List<OrtValue>
        {
            OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2 }, new long[] { 2 }),
            OrtValue.CreateTensorValueFromMemory(new float[] { 3, 4 }, new long[] { 2 }),
        };
    }

    public static void MakesSequences()
    {
        List<OrtValue> halves = Halves();
        using (OrtValue sequence = OrtValue.CreateSequence(halves))
        {
            Check.Equal(0, halves.Count);
            Check.Equal(OnnxValueType.ONNX_TYPE_SEQUENCE, sequence.OnnxType);
            Check.Equal(2, sequence.GetValueCount());
            var seen = new List<float>();
            sequence.ProcessSequence((element, index) =>
            {
                Check.Equal(seen.Count, 2 * index);
                seen.AddRange(element.GetTensorDataAsSpan<float>().ToArray());
            }, OrtAllocator.DefaultInstance);
            Check.Elements(Models.A, seen);
            OrtTypeInfo type = sequence.GetTypeInfo();
            Check.Equal(TensorElementType.Float,
                type.SequenceTypeInfo.ElementType.TensorTypeAndShapeInfo.ElementDataType);
        }
    }

    public static void ElementsOutliveSequences()
    {
        OrtValue second;
        using (OrtValue sequence = OrtValue.CreateSequence(Halves()))
        {
            second = sequence.GetValue(1, OrtAllocator.DefaultInstance);
        }
        LifetimeTests.Collect();
        using (second)
        {
            Check.Elements(new float[] { 3, 4 }, second.GetTensorDataAsSpan<float>().ToArray());
        }
    }

    private static Dictionary<string, float> Read(OrtValue map)
    {
        var read = new Dictionary<string, float>();
        map.ProcessMap((keys, values) =>
        {
            string[] names = keys.GetStringTensorAsArray();
            float[] numbers = values.GetTensorDataAsSpan<float>().ToArray();
            for (int i = 0; i < names.Length; ++i) read[names[i]] = numbers[i];
        }, OrtAllocator.DefaultInstance);
        return read;
    }

    public static void MakesMaps()
    {
        using (OrtValue map = OrtValue.CreateMapWithStringKeys(Models.AB, new[] { 1.5f, 2 }))
        {
            Check.Equal(OnnxValueType.ONNX_TYPE_MAP, map.OnnxType);
            Check.Equal(2f, Read(map)["b"]);
            OrtMapTypeInfo type = map.GetTypeInfo().MapTypeInfo;
            Check.Equal(TensorElementType.String, type.KeyType);
        }
        using (OrtValue map = OrtValue.CreateMap(new long[] { 3, 4 }, new[] { 1.5f, 2 }))
        {
            map.ProcessMap((keys, values) =>
            {
                Check.Elements(new long[] { 3, 4 }, keys.GetTensorDataAsSpan<long>().ToArray());
                Check.Elements(new[] { 1.5f, 2 }, values.GetTensorDataAsSpan<float>().ToArray());
            }, OrtAllocator.DefaultInstance);
        }
        Check.Throws<ArgumentException>("Received keys: 1, Values: 2",
            () => OrtValue.CreateMap(new long[] { 3 }, new[] { 1.5f, 2 }));
    }

    public static void FeedsContainers()
    {
        using (InferenceSession session = Models.Load("given_containers.onnx"))
        using (OrtValue parts = OrtValue.CreateSequence(Halves()))
        using (OrtValue table =
            OrtValue.CreateMapWithStringKeys(new[] { "a", "b" }, new[] { 1.5f, 2.5f }))
        {
            var inputs =
                new Dictionary<string, OrtValue> { { "parts", parts }, { "table", table } };
            using (var results = session.Run(Models.Defaults, inputs, session.OutputNames))
            {
                Check.Elements(new float[] { 4, 6 },
                    results[0].GetTensorDataAsSpan<float>().ToArray());
                Check.Elements(new[] { 1.5f, 2.5f },
                    results[1].GetTensorDataAsSpan<float>().ToArray());
            }
        }
    }

    public static void FetchesContainers()
    {
        using (InferenceSession session = Models.Load("containers.onnx"))
        using (OrtValue x =
            OrtValue.CreateTensorValueFromMemory(new[] { 0.25f, 0.75f }, new long[] { 1, 2 }))
        using (var results = session.Run(
            Models.Defaults, new[] { "x" }, new[] { x }, session.OutputNames))
        {
            var seen = new List<float>();
            results[0].ProcessSequence(
                (element, index) => seen.AddRange(element.GetTensorDataAsSpan<float>().ToArray()),
                OrtAllocator.DefaultInstance);
            Check.Elements(new[] { 0.25f, 0.75f }, seen);
            Dictionary<string, float> named = null;
            results[2].ProcessSequence(
                (map, index) => named = Read(map), OrtAllocator.DefaultInstance);
            Check.Equal(0.75f, named["yes"]);
            Check.Equal(2, named.Count);
        }
    }
}
