// Sessions: what they say of models, and runs in every form.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class SessionTests
{
    public static void DescribesItself()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            Check.Elements(Models.AB, session.InputNames);
            Check.Elements(new[] { "sum", "product" }, session.OutputNames);
            NodeMetadata a = session.InputMetadata["a"];
            Check.True(a.IsTensor && !a.IsString, "a tensor of numbers");
            Check.Equal(OnnxValueType.ONNX_TYPE_TENSOR, a.OnnxValueType);
            Check.Equal(typeof(float), a.ElementType);
            Check.Elements(new[] { -1, 2 }, a.Dimensions);
            Check.Elements(new[] { "N", "" }, a.SymbolicDimensions);
            Check.Equal(0, session.OverridableInitializerMetadata.Count);
            Check.Throws<OnnxRuntimeException>("[ErrorCode:Fail] Instance does not contain Map " +
                "metadata", () => a.AsMapMetadata());
            ModelMetadata model = session.ModelMetadata;
            Check.Equal("clients", model.ProducerName);
            Check.Equal("arithmetic", model.GraphName);
            Check.Equal("a graph", model.GraphDescription);
            Check.Equal("clients.test", model.Domain);
            Check.Equal("adds", model.Description);
            Check.Equal(7L, model.Version);
            Check.Equal(1, model.CustomMetadataMap.Count);
            Check.Equal("value", model.CustomMetadataMap["key"]);
            Check.Equal(2, session.GetMemoryInfosForInputs().Count);
            Check.Equal("Cpu", session.GetMemoryInfosForOutputs()[0].Name);
        }
    }

    public static void DescribesContainers()
    {
        using (InferenceSession session = Models.Load("containers.onnx"))
        {
            NodeMetadata parts = session.OutputMetadata["parts"];
            Check.Equal(OnnxValueType.ONNX_TYPE_SEQUENCE, parts.OnnxValueType);
            Check.Equal(typeof(float), parts.AsSequenceMetadata().ElementMeta.ElementType);
            MapMetadata map =
                session.OutputMetadata["scores"].AsSequenceMetadata().ElementMeta.AsMapMetadata();
            Check.Equal(TensorElementType.Int64, map.KeyDataType);
            Check.Equal(TensorElementType.Float, map.ValueMetadata.ElementDataType);
        }
        using (InferenceSession session = Models.Load("overridable.onnx"))
        {
            Check.Elements(new[] { "x" }, session.InputNames);
            NodeMetadata shift = session.OverridableInitializerMetadata["shift"];
            Check.Elements(new[] { 3 }, shift.Dimensions);
        }
    }

    private static void CheckSum(IEnumerable<float> sum, IEnumerable<float> product)
    {
        Check.Elements(Models.Sum, sum);
        Check.Elements(Models.Product, product);
    }

    public static void RunsOnNamedValues()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            using (var results = session.Run(Models.Pair()))
            {
                CheckSum(results.First().AsEnumerable<float>(), results.Last().AsTensor<float>());
                Check.Equal(2, results.Count);
            }
            using (var results = session.Run(Models.Pair(), new[] { "product" }))
            {
                Check.Equal(1, results.Count);
                Check.Elements(Models.Product, results[0].AsTensor<float>());
            }
            using (var options = new RunOptions())
            using (var results = session.Run(Models.Pair(), new[] { "product", "sum" }, options))
            {
                CheckSum(results[1].AsTensor<float>(), results[0].AsTensor<float>());
            }
        }
    }

    public static void RunsFromBytes()
    {
        using (var session = new InferenceSession(Models.Bytes("arithmetic.onnx")))
        using (var results = session.Run(Models.Pair()))
        {
            CheckSum(results[0].AsTensor<float>(), results[1].AsTensor<float>());
        }
    }

    public static void RunsOnFixedBuffers()
    {
        var sum = new float[4];
        var product = new DenseTensor<float>(new[] { 2, 2 });
        string[] outputs = { "sum", "product" };
        using (InferenceSession session = Models.Arithmetic())
        using (var a = FixedBufferOnnxValue.CreateFromTensor(Models.Square(Models.A)))
        using (var b = FixedBufferOnnxValue.CreateFromMemory<float>(OrtMemoryInfo.DefaultInstance,
            Models.B, TensorElementType.Float, new long[] { 2, 2 }, 16))
        using (var sumBuffer = FixedBufferOnnxValue.CreateFromMemory<float>(
            OrtMemoryInfo.DefaultInstance, sum, TensorElementType.Float, new long[] { 2, 2 }, 16))
        using (var productBuffer = FixedBufferOnnxValue.CreateFromTensor(product))
        {
            FixedBufferOnnxValue[] inputs = { a, b }, fetched = { sumBuffer, productBuffer };
            using (var results = session.Run(Models.AB, inputs))
            {
                CheckSum(results[0].AsTensor<float>(), results[1].AsTensor<float>());
            }
            using (var results = session.Run(Models.AB, inputs, new[] { "sum" }))
            {
                Check.Elements(Models.Sum, results[0].AsTensor<float>());
            }
            session.Run(Models.AB, inputs, outputs, fetched);
            CheckSum(sum, product);
            product.Fill(0);
            session.Run(Models.Pair(), outputs, fetched);
            CheckSum(sum, product);
            product.Fill(0);
            session.Run(Models.AB, inputs,
                new[] { NamedOnnxValue.CreateFromTensor("product", product) });
            Check.Elements(Models.Product, product);
        }
    }

    public static void WritesIntoTensors()
    {
        var sum = new DenseTensor<float>(new[] { 2, 2 });
        var product = new DenseTensor<float>(new[] { 2, 2 });
        var outputs = new[]
        {
            NamedOnnxValue.CreateFromTensor("sum", sum),
            NamedOnnxValue.CreateFromTensor("product", product),
        };
        using (InferenceSession session = Models.Arithmetic())
        {
            session.Run(Models.Pair(), outputs);
            CheckSum(sum, product);
            var columns = new DenseTensor<float>(new[] { 2, 2 }, true);
            Check.Throws<NotSupportedException>("reverseStride", () => session.Run(Models.Pair(),
                new[] { NamedOnnxValue.CreateFromTensor("sum", columns) }));
        }
    }

    public static void RunsOnValues()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (OrtValue a = Models.SquareValue(Models.A), b = Models.SquareValue(Models.B))
        using (var options = new RunOptions())
        {
            var inputs = new Dictionary<string, OrtValue> { { "a", a }, { "b", b } };
            using (var results = session.Run(options, inputs, session.OutputNames))
            {
                CheckSum(results[0].GetTensorDataAsSpan<float>().ToArray(),
                    results[1].GetTensorDataAsSpan<float>().ToArray());
            }
            OrtValue[] values = { a, b };
            using (var results = session.Run(options, Models.AB, values, new[] { "product" }))
            {
                Check.Elements(Models.Product, results[0].GetTensorDataAsSpan<float>().ToArray());
            }
            var sum = new float[4];
            using (OrtValue made = Models.SquareValue(sum))
            using (OrtValue product = OrtValue.CreateAllocatedTensorValue(
                OrtAllocator.DefaultInstance, TensorElementType.Float, new long[] { 2, 2 }))
            {
                session.Run(
                    options, Models.AB, values, session.OutputNames, new[] { made, product });
                CheckSum(sum, product.GetTensorDataAsSpan<float>().ToArray());
            }
        }
    }

    public static void RunsEmptyTensors()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (var results = session.Run(new[]
        {
            NamedOnnxValue.CreateFromTensor("a", new DenseTensor<float>(new[] { 0, 2 })),
            NamedOnnxValue.CreateFromTensor("b", new DenseTensor<float>(new[] { 0, 2 })),
        }))
        {
            Check.Elements(new[] { 0, 2 }, results[0].AsTensor<float>().Dimensions.ToArray());
            Check.Equal(0, results[0].AsTensor<float>().Count());
        }
    }

    [NotInAssembly("Mono does not marshal its callback")]
    public static void RunsAsynchronously()
    {
        using (var options = new SessionOptions { IntraOpNumThreads = 2 })
        using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
        using (OrtValue a = Models.SquareValue(Models.A), b = Models.SquareValue(Models.B))
        {
            var tasks = new List<Task<IReadOnlyCollection<OrtValue>>>();
            for (int i = 0; i < 20; ++i)
            {
                tasks.Add(session.RunAsync(Models.Defaults, Models.AB, new[] { a, b },
                    session.OutputNames, new[]
                    {
                        Models.SquareValue(new float[4]), Models.SquareValue(new float[4]),
                    }));
            }
            foreach (var task in tasks)
            {
                Check.True(task.Wait(TimeSpan.FromSeconds(30)), "a run ends");
                List<OrtValue> results = task.Result.ToList();
                CheckSum(results[0].GetTensorDataAsSpan<float>().ToArray(),
                    results[1].GetTensorDataAsSpan<float>().ToArray());
                results.ForEach(each => each.Dispose());
            }
            using (OrtValue small =
                OrtValue.CreateTensorValueFromMemory(new float[2], new long[] { 1, 2 }))
            {
                var task = session.RunAsync(
                    Models.Defaults, Models.AB, new[] { a, b }, new[] { "sum" }, new[] { small });
                var error = Check.Throws<AggregateException>("", () => task.Wait(30000));
                Check.True(error.InnerException is OnnxRuntimeException, "the runtime's error");
            }
        }
    }

    public static void ReplacesInitializers()
    {
        var x = NamedOnnxValue.CreateFromTensor(
            "x", new DenseTensor<float>(new float[] { 1, 1, 1 }, new[] { 1, 3 }));
        var shift = NamedOnnxValue.CreateFromTensor("shift",
            new DenseTensor<float>(new float[] { 7, 8, 9 }, new[] { 3 }));
        using (InferenceSession session = Models.Load("overridable.onnx"))
        {
            using (var results = session.Run(new[] { x }))
            {
                Check.Elements(new float[] { 2, 12, 103 }, results[0].AsTensor<float>());
            }
            using (var results = session.Run(new[] { x, shift }))
            {
                Check.Elements(new float[] { 8, 18, 109 }, results[0].AsTensor<float>());
            }
        }
    }

    public static void GivesContainersAsNamedValues()
    {
        var x = NamedOnnxValue.CreateFromTensor(
            "x", new DenseTensor<float>(new[] { 0.25f, 0.75f }, new[] { 1, 2 }));
        using (InferenceSession session = Models.Load("containers.onnx"))
        using (var results = session.Run(new[] { x }))
        {
            Check.Equal(OnnxValueType.ONNX_TYPE_SEQUENCE, results[0].ValueType);
            List<NamedOnnxValue> parts = results[0].AsEnumerable<NamedOnnxValue>().ToList();
            Check.Elements(new[] { 0.25f }, parts[0].AsTensor<float>());
            Check.Elements(new[] { 0.75f }, parts[1].AsTensor<float>());
            IDictionary<long, float> scores =
                results[1].AsEnumerable<NamedOnnxValue>().Single().AsDictionary<long, float>();
            Check.Equal(0.25f, scores[10]);
            Check.Equal(0.75f, scores[20]);
            IDictionary<string, float> named =
                results[2].AsEnumerable<NamedOnnxValue>().Single().AsDictionary<string, float>();
            Check.Equal(0.25f, named["no"]);
            Check.Equal(0.75f, named["yes"]);
        }
    }

    public static void TakesContainersAsNamedValues()
    {
        var one = new DenseTensor<float>(new float[] { 1, 2 }, new[] { 2 });
        var two = new DenseTensor<float>(new float[] { 3, 4 }, new[] { 2 });
        var map = new Dictionary<string, float> { { "b", 2.5f }, { "a", 1.5f } };
        using (InferenceSession session = Models.Load("given_containers.onnx"))
        {
            var table = NamedOnnxValue.CreateFromMap("table", map);
            var parts = NamedOnnxValue.CreateFromSequence("parts", new[]
            {
                NamedOnnxValue.CreateFromTensor("", one), NamedOnnxValue.CreateFromTensor("", two),
            });
            using (var results = session.Run(new[] { parts, table }))
            {
                Check.Elements(new float[] { 4, 6 }, results[0].AsTensor<float>());
                Check.Elements(new[] { 1.5f, 2.5f }, results[1].AsTensor<float>());
            }
        }
    }
}
