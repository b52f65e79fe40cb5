// Nothing is used after it is freed, nothing stays, and threads do not disturb each other.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class LifetimeTests
{
    internal static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
    }

    // Writes over memory that was freed or moved away from, as far as it can.
    internal static void Churn()
    {
        Collect();
        var kept = new float[20000][];
        for (int i = 0; i < kept.Length; ++i) kept[i] = new[] { -7f, -7f, -7f, -7f };
        Collect();
        GC.KeepAlive(kept);
    }

    internal static NamedOnnxValue[] Loop(long count)
    {
        return new[]
        {
            NamedOnnxValue.CreateFromTensor("count",
                new DenseTensor<long>(new[] { count }, new int[0])),
            NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(new float[1], new int[0])),
        };
    }

    // Kilobytes of memory that the process has in use.
    private static long Resident()
    {
        Collect();
        string line = File.ReadLines("/proc/self/status").First(each => each.StartsWith("VmRSS:"));
        return long.Parse(new string(line.Where(char.IsDigit).ToArray()));
    }

    // Grows by less than `bound` kilobytes from the first fifth to the end.
    private static void DoesNotGrow(int times, long bound, Action body)
    {
        long before = 0;
        for (int i = 0; i < times; ++i)
        {
            if (i == times / 5) before = Resident();
            body();
        }
        long grown = Resident() - before;
        Check.True(grown < bound, "grew by " + grown + " kB");
    }

    public static void ThousandSessionsDoNotGrow()
    {
        byte[] model = Models.Bytes("arithmetic.onnx");
        using (var options = new SessionOptions { IntraOpNumThreads = 1 })
        {
            DoesNotGrow(1000, 8 << 10, () =>
            {
                using (var session = new InferenceSession(model, options))
                using (var results = session.Run(Models.Pair()))
                {
                    Check.Elements(Models.Sum, results[0].AsTensor<float>());
                }
            });
        }
    }

    public static void RunsDoNotGrow()
    {
        using (InferenceSession session = Models.Load("type_string.onnx"))
        {
            string[] texts =
                Enumerable.Range(0, 5).Select(i => new string('x', 1000 * i)).ToArray();
            var tensor = new DenseTensor<string>(texts, new[] { 1, 5 });
            var inputs = new[] { NamedOnnxValue.CreateFromTensor("input", tensor) };
            DoesNotGrow(10000, 8 << 10, () => session.Run(inputs).Dispose());
        }
        using (InferenceSession session = Models.Load("containers.onnx"))
        {
            var x = NamedOnnxValue.CreateFromTensor("x", new DenseTensor<float>(new[] { 1, 2 }));
            DoesNotGrow(10000, 8 << 10, () => session.Run(new[] { x }).Dispose());
        }
    }

    [NotInLibrary("its memory grows with errors, by some 28 bytes each")]
    public static void ErrorsDoNotGrow()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            var a = NamedOnnxValue.CreateFromTensor("a", new DenseTensor<float>(new[] { 2, 3 }));
            var b = NamedOnnxValue.CreateFromTensor("b", new DenseTensor<float>(new[] { 2, 2 }));
            DoesNotGrow(30000, 3 << 10, () => Check.Throws<OnnxRuntimeException>(
                "Got invalid dimensions", () => session.Run(new[] { a, b })));
        }
    }

    // 4 MB each: what is forgotten, not disposed of, is freed as it is collected.
    public static void ForgottenValuesAreFreed()
    {
        DoesNotGrow(500, 64 << 10, () =>
        {
            OrtValue.CreateTensorValueFromMemory(new float[1 << 20], new long[] { 1 << 20 });
            OrtValue value = OrtValue.CreateAllocatedTensorValue(
                OrtAllocator.DefaultInstance, TensorElementType.Float, new long[] { 1 << 18 });
            value.GetTensorMutableDataAsSpan<float>().Fill(1);
            if (GC.CollectionCount(0) % 4 == 0) Collect();
        });
    }

    public static void ForgottenSessionsAreFreed()
    {
        byte[] model = Models.Bytes("classifier.onnx");
        using (var options = new SessionOptions { IntraOpNumThreads = 1 })
        {
            DoesNotGrow(100, 48 << 10, () =>
            {
                new InferenceSession(model, options);
                Collect();
            });
        }
    }

    public static void ResultsOutliveSessions()
    {
        IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results;
        using (InferenceSession session = Models.Arithmetic()) results = session.Run(Models.Pair());
        Collect();
        Check.Elements(Models.Sum, results[0].AsTensor<float>());
        Check.Elements(Models.Product, results[1].AsTensor<float>());
        results.Dispose();
    }

    public static void TensorsKeepResults()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            for (int i = 0; i < 50; ++i)
            {
                Tensor<float> sum = session.Run(Models.Pair())[0].AsTensor<float>();
                Collect();
                session.Run(Models.Pair()).Dispose();
                Check.Elements(Models.Sum, sum);
            }
        }
    }

    public static void ValuesHoldTheirArrays()
    {
        List<OrtValue> values = Enumerable.Range(0, 1000)
            .Select(i => Models.SquareValue(new float[] { i, 1, 2, 3 })).ToList();
        Churn();
        for (int i = 0; i < values.Count; ++i)
        {
            Check.Elements(
                new float[] { i, 1, 2, 3 }, values[i].GetTensorDataAsSpan<float>().ToArray());
            values[i].Dispose();
        }
    }

    // The collector moves and frees whatever is not held, all the time.
    public static void SurvivesCollections()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (OrtIoBinding binding = session.CreateIoBinding())
        using (var stop = new CancellationTokenSource())
        {
            Task collecting = Task.Run(() =>
            {
                while (!stop.IsCancellationRequested)
                {
                    GC.Collect(0);
                    GC.Collect();
                    Thread.Yield();
                }
            });
            var output = new float[4];
            for (int i = 0; i < 300; ++i)
            {
                float[] a = Models.A.Select(each => each * i).ToArray();
                float[] want = a.Zip(Models.B, (one, two) => one + two).ToArray();
                var named = new[]
                {
                    NamedOnnxValue.CreateFromTensor("a", Models.Square((float[])a.Clone())),
                    NamedOnnxValue.CreateFromTensor("b", Models.Square((float[])Models.B.Clone())),
                };
                Check.Elements(want, session.Run(named)[0].AsTensor<float>());
                binding.BindInput("a", Models.SquareValue((float[])a.Clone()));
                binding.BindInput("b", Models.SquareValue((float[])Models.B.Clone()));
                binding.BindOutput("sum", Models.SquareValue(output));
                session.RunWithBinding(Models.Defaults, binding);
                Check.Elements(want, output);
                OrtValue sequence = OrtValue.CreateSequence(
                    new[] { Models.SquareValue((float[])a.Clone()) }.ToList());
                OrtValue element = sequence.GetValue(0, OrtAllocator.DefaultInstance);
                sequence = null;
                Check.Elements(a, element.GetTensorDataAsSpan<float>().ToArray());
                GC.KeepAlive(element);
            }
            stop.Cancel();
            collecting.Wait();
        }
    }

    public static void ThreadsShareASession()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
            {
                for (int i = 0; i < 200; ++i)
                {
                    float number = worker * 1000 + i;
                    float[] a = Enumerable.Repeat(number, 2 * worker + 2).ToArray();
                    var dims = new[] { worker + 1, 2 };
                    var inputs = new[]
                    {
                        NamedOnnxValue.CreateFromTensor("a", new DenseTensor<float>(a, dims)),
                        NamedOnnxValue.CreateFromTensor("b", new DenseTensor<float>(a, dims)),
                    };
                    using (var results = session.Run(inputs))
                    {
                        Check.True(
                            results[0].AsTensor<float>().All(each => each == 2 * number), "sums");
                    }
                }
            });
        }
    }

    public static void ThreadsMakeSessions()
    {
        Parallel.For(0, 40, i =>
        {
            using (InferenceSession session = Models.Arithmetic())
            using (var results = session.Run(Models.Pair()))
            {
                Check.Elements(Models.Sum, results[0].AsTensor<float>());
            }
        });
    }

    [NotInAssembly("it frees what is in use")]
    public static void SessionsEndAfterTheirRuns()
    {
        InferenceSession session = Models.Load("long_loop.onnx");
        using (var options = new RunOptions())
        using (var starting = new ManualResetEventSlim())
        {
            Task running = Task.Run(() =>
            {
                starting.Set();
                session.Run(Loop(1000000000000), new[] { "y" }, options);
            });
            starting.Wait();
            Thread.Sleep(500);
            session.Dispose();
            Collect();
            options.Terminate = true;
            Check.Throws<ObjectDisposedException>("", () => session.Run(Loop(1)));
            var error = Check.Throws<AggregateException>("", () => running.Wait(30000));
            Check.Contains("terminate flag", error.InnerException.Message);
        }
    }
}
