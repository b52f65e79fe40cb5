// What the assembly of this repository has beyond the original one.
using System;
using System.Collections.Generic;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class OwnTests
{
    public static void GivesConfigEntriesBack()
    {
        using (var options = new SessionOptions())
        {
            options.AddSessionConfigEntry("key", "wért");
            Check.True(options.HasSessionConfigEntry("key"), "the key");
            Check.True(!options.HasSessionConfigEntry("other"), "no other key");
            Check.Equal("wért", options.GetSessionConfigEntry("key"));
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.GetSessionConfigEntry("other"));
        }
        using (var options = new RunOptions())
        {
            options.AddRunConfigEntry("key", "value");
            Check.Equal("value", options.GetRunConfigEntry("key"));
            Check.True(options.GetRunConfigEntry("other") == null, "no other key");
        }
    }

    public static void RefusesNull()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            Check.Throws<ArgumentNullException>("",
                () => session.Run((IReadOnlyCollection<NamedOnnxValue>)null));
            Check.Throws<ArgumentNullException>("",
                () => session.Run(Models.Pair(), (string[])null));
        }
        Check.Throws<ArgumentNullException>("", () => new InferenceSession((string)null));
        Check.Throws<ArgumentNullException>("", () => new InferenceSession((byte[])null));
    }

    public static void NeedsNoRunOptions()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (OrtIoBinding binding = session.CreateIoBinding())
        using (OrtValue a = Models.SquareValue(Models.A), b = Models.SquareValue(Models.B))
        {
            Check.True(a.HasValue, "a value");
            binding.BindInput("a", a);
            binding.BindInput("b", b);
            binding.BindOutputToDevice("sum", OrtMemoryInfo.DefaultInstance);
            using (var results = session.RunWithBoundResults(null, binding))
            {
                Check.Elements(Models.Sum, results[0].GetTensorDataAsSpan<float>().ToArray());
            }
            using (var results = session.Run(null, Models.AB, new[] { a, b }, session.OutputNames))
            {
                Check.Elements(Models.Product, results[1].GetTensorDataAsSpan<float>().ToArray());
            }
        }
    }

    public static void TakesReversedStrides()
    {
        Tensor<float> columns = new float[,] { { 1, 2 }, { 3, 4 } }.ToTensor(true);
        using (InferenceSession session = Models.Arithmetic())
        using (var results = session.Run(new[]
        {
            NamedOnnxValue.CreateFromTensor("a", columns),
            NamedOnnxValue.CreateFromTensor("b", Models.Square(Models.B)),
        }))
        {
            Check.Elements(Models.Product, results[1].AsTensor<float>());
        }
    }

    public static void TakesSequencesOfTensors()
    {
        var one = new DenseTensor<float>(new float[] { 1, 2 }, new[] { 2 });
        var two = new DenseTensor<float>(new float[] { 3, 4 }, new[] { 2 });
        var map = new Dictionary<string, float> { { "b", 2.5f }, { "a", 1.5f } };
        using (InferenceSession session = Models.Load("given_containers.onnx"))
        using (var results = session.Run(new[]
        {
            NamedOnnxValue.CreateFromSequence("parts", new[] { one, two }),
            NamedOnnxValue.CreateFromMap("table", map),
        }))
        {
            Check.Elements(new float[] { 4, 6 }, results[0].AsTensor<float>());
        }
    }

    public static void ChecksRanks()
    {
        var tensor = new DenseTensor<int>(new[] { 2, 3 });
        Check.Throws<ArgumentException>("rank 2", () => tensor[0] = 1);
        Check.Throws<ArgumentException>("rank 2", () => tensor[0, 0, 0] = 1);
    }

    public static void HashesMemoryByWhatItIs()
    {
        using (var same = new OrtMemoryInfo("Cpu", OrtAllocatorType.DeviceAllocator, 0,
            OrtMemType.Cpu))
        {
            Check.Equal(OrtMemoryInfo.DefaultInstance.GetHashCode(), same.GetHashCode());
        }
    }

    public static void ComparesHalfsAsNumbers()
    {
        Check.True(Float16.Zero == Float16.NegativeZero, "zeros are equal");
        Check.True(Float16.NaN != Float16.NaN && Float16.NaN.Equals(Float16.NaN), "NaN");
        Check.True(BFloat16.Zero == BFloat16.NegativeZero, "zeros are equal");
        Check.True(BFloat16.NaN != BFloat16.NaN && BFloat16.NaN.Equals(BFloat16.NaN), "NaN");
    }

    public static void FindsConfigurations()
    {
        SessionOptionsContainer.Register(options => options.LogId = "default");
        SessionOptionsContainer.Register("mine", options => options.LogId = "mine");
        using (SessionOptions mine = SessionOptionsContainer.Create("mine"))
        using (SessionOptions other = SessionOptionsContainer.Create("other"))
        {
            Check.Equal("mine", mine.LogId);
            Check.Equal("default", other.LogId);
        }
        Check.Throws<KeyNotFoundException>(
            "other", () => SessionOptionsContainer.Create("other", false));
        SessionOptionsContainer.Reset();
        var parsed = new Dictionary<string, string>();
        ProviderOptionsValueHelper.StringToDict("a=1;b=2", parsed);
        Check.Equal("2", parsed["b"]);
    }
}
