// Options of sessions and of runs, the environment, adapters.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class OptionTests
{
    private static void CheckRuns(SessionOptions options)
    {
        using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
        using (var results = session.Run(Models.Pair()))
        {
            Check.Elements(Models.Sum, results[0].AsTensor<float>());
        }
    }

    public static void HasDefaults()
    {
        using (var options = new SessionOptions())
        {
            Check.True(options.EnableMemoryPattern && options.EnableCpuMemArena, "memory");
            Check.True(!options.EnableProfiling, "no profile");
            Check.Equal("onnxruntime_profile_", options.ProfileOutputPathPrefix);
            Check.Equal("", options.OptimizedModelFilePath);
            Check.Equal(GraphOptimizationLevel.ORT_ENABLE_ALL, options.GraphOptimizationLevel);
            Check.Equal(ExecutionMode.ORT_SEQUENTIAL, options.ExecutionMode);
            Check.Equal("", options.LogId);
            Check.Equal(OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING, options.LogSeverityLevel);
            Check.Equal(0, options.IntraOpNumThreads + options.InterOpNumThreads);
        }
        using (var options = new RunOptions())
        {
            Check.True(!options.Terminate, "no end");
            Check.Equal("", options.LogId);
            Check.Equal(0, options.LogVerbosityLevel);
        }
    }

    public static void TakesOptions()
    {
        using (var options = new SessionOptions
        {
            EnableMemoryPattern = false, EnableCpuMemArena = false, LogId = "mine",
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, LogVerbosityLevel = 1,
            IntraOpNumThreads = 1, InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_PARALLEL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC,
        })
        {
            options.AddSessionConfigEntry("key", "wért");
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AddSessionConfigEntry("", "value"));
            options.AppendExecutionProvider_CPU(0);
            CheckRuns(options);
        }
        using (var options = new RunOptions())
        {
            options.LogId = "run 7";
            options.LogVerbosityLevel = 3;
            options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;
            options.AddRunConfigEntry("key", "value");
            Check.Equal("run 7", options.LogId);
            Check.Equal(3, options.LogVerbosityLevel);
            Check.Equal(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, options.LogSeverityLevel);
        }
    }

    [NotInAssembly("it looks for functions that a library for the processor alone has not")]
    public static void RefusesProvidersThatAreNotThere()
    {
        using (var options = new SessionOptions())
        {
            Check.Throws<OnnxRuntimeException>("Nonsense",
                () => options.AppendExecutionProvider("Nonsense"));
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_CUDA());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_Tensorrt());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_DML());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_ROCm());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_OpenVINO());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.AppendExecutionProvider_CoreML());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => SessionOptions.MakeSessionOptionWithCudaProvider());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:", () => new OrtROCMProviderOptions());
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => options.RegisterCustomOpLibrary("/no/such/library.so"));
            Check.Throws<OnnxRuntimeException>("[ErrorCode:NoSuchFile]",
                () => options.RegisterOrtExtensions());
            CheckRuns(options);
        }
    }

    public static void FixesDimensions()
    {
        using (var options = new SessionOptions())
        {
            options.AddFreeDimensionOverrideByName("N", 2);
            CheckRuns(options);
            using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
            {
                Check.Elements(new[] { 2, 2 }, session.InputMetadata["a"].Dimensions);
            }
        }
        using (var options = new SessionOptions())
        {
            options.AddFreeDimensionOverride("BATCH", 4);
            using (var session = new InferenceSession(Models.Path("overridable.onnx"), options))
            {
                Check.Elements(new[] { 4, 3 }, session.InputMetadata["x"].Dimensions);
            }
        }
    }

    [NotInAssembly("it frees what is in use")]
    public static void TakesInitializersFromMemory()
    {
        var x = NamedOnnxValue.CreateFromTensor(
            "x", new DenseTensor<float>(new float[] { 1, 1, 1, 1 }, new[] { 4 }));
        InferenceSession session;
        using (var options = new SessionOptions())
        {
            using (OrtValue weights = OrtValue.CreateTensorValueFromMemory(
                new float[] { 10, 20, 30, 40 }, new long[] { 4 }))
            {
                options.AddInitializer("w", weights);
            }
            session = new InferenceSession(Models.Path("external.onnx"), options);
        }
        using (session)
        {
            for (int i = 0; i < 5; ++i)
            {
                LifetimeTests.Churn();
                using (var results = session.Run(new[] { x }))
                {
                    Check.Elements(new float[] { 11, 21, 31, 41 }, results[0].AsTensor<float>());
                }
            }
        }
    }

    public static void SharesPackedWeights()
    {
        using (var container = new PrePackedWeightsContainer())
        using (var options = new SessionOptions())
        using (var first =
            new InferenceSession(Models.Path("classifier.onnx"), options, container))
        using (var second =
            new InferenceSession(Models.Bytes("classifier.onnx"), options, container))
        {
            container.Dispose();
            var image = new DenseTensor<float>(new[] { 1, 3, 224, 224 });
            image.Fill(0.5f);
            var inputs = new[] { NamedOnnxValue.CreateFromTensor("image", image) };
            using (var one = first.Run(inputs))
            using (var two = second.Run(inputs))
            {
                Check.Elements(one[0].AsTensor<float>(), two[0].AsTensor<float>());
                Check.True(Math.Abs(one[0].AsTensor<float>().Sum() - 1) < 1e-4, "a softmax");
            }
        }
    }

    public static void WritesProfiles()
    {
        Models.InFolder(folder =>
        {
            using (var options = new SessionOptions())
            {
                options.ProfileOutputPathPrefix = Path.Combine(folder, "run");
                options.EnableProfiling = true;
                using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
                {
                    Check.True(session.ProfilingStartTimeNs > 0, "a start");
                    session.Run(Models.Pair()).Dispose();
                    string file = session.EndProfiling();
                    Check.Contains(Path.Combine(folder, "run"), file);
                    Check.Contains(".json", file);
                    Check.Contains("\"Add\"", File.ReadAllText(file));
                }
            }
        });
    }

    public static void WritesModels()
    {
        Models.InFolder(folder =>
        {
            string saved = Path.Combine(folder, "saved.onnx");
            using (var options = new SessionOptions())
            {
                options.GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_BASIC;
                options.OptimizedModelFilePath = saved;
                CheckRuns(options);
            }
            using (var session = new InferenceSession(saved))
            using (var results = session.Run(Models.Pair()))
            {
                Check.Elements(Models.Product, results[1].AsTensor<float>());
            }
            string compiled = Path.Combine(folder, "compiled.onnx");
            using (var options = new SessionOptions())
            using (var compilation = new OrtModelCompilationOptions(options))
            {
                compilation.SetInputModelFromBuffer(Models.Bytes("arithmetic.onnx"));
                compilation.SetOutputModelPath(compiled);
                compilation.SetFlags(OrtCompileApiFlags.ERROR_IF_OUTPUT_FILE_EXISTS);
                LifetimeTests.Collect();
                compilation.CompileModel();
            }
            using (var session = new InferenceSession(compiled))
            using (var results = session.Run(Models.Pair()))
            {
                Check.Elements(Models.Sum, results[0].AsTensor<float>());
            }
        });
    }

    private const string terminated = "Exiting due to terminate flag being set to true.";

    public static void EndsRuns()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (var options = new RunOptions { Terminate = true })
        {
            Check.Throws<OnnxRuntimeException>("[ErrorCode:Fail] " + terminated,
                () => session.Run(Models.Pair(), session.OutputNames, options));
            options.Terminate = false;
            session.Run(Models.Pair(), session.OutputNames, options).Dispose();
        }
    }

    public static void EndsRunsUnderWay()
    {
        using (InferenceSession session = Models.Load("long_loop.onnx"))
        using (var options = new RunOptions())
        {
            NamedOnnxValue[] inputs = LifetimeTests.Loop(1000000000000);
            Task ending = Task.Run(() =>
            {
                Thread.Sleep(200);
                options.Terminate = true;
            });
            Stopwatch watch = Stopwatch.StartNew();
            Check.Throws<OnnxRuntimeException>(terminated,
                () => session.Run(inputs, session.OutputNames, options));
            ending.Wait();
            Check.True(watch.Elapsed < TimeSpan.FromSeconds(30), "it ends soon");
        }
    }

    [NotInAssembly("it frees what is in use")]
    public static void UsesAdapters()
    {
        var x = NamedOnnxValue.CreateFromTensor("x", Models.Square(new float[4]));
        using (InferenceSession session = Models.Load("adapted.onnx"))
        using (var options = new RunOptions())
        {
            using (var results = session.Run(new[] { x }, session.OutputNames, options))
            {
                Check.Elements(new float[] { 0, 0, 0, 0 }, results[0].AsTensor<float>());
            }
            var path = OrtLoraAdapter.Create(Models.Path("adapted.onnx_adapter"), null);
            var bytes = OrtLoraAdapter.Create(Models.Bytes("adapted.onnx_adapter"), null);
            foreach (OrtLoraAdapter adapter in new[] { path, bytes })
            {
                using (var adapted = new RunOptions())
                {
                    adapted.AddActiveLoraAdapter(adapter);
                    adapter.Dispose();
                    LifetimeTests.Collect();
                    using (var results = session.Run(new[] { x }, session.OutputNames, adapted))
                    {
                        Check.Elements(
                            new float[] { 10, 20, 20, 40 }, results[0].AsTensor<float>());
                    }
                }
            }
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => OrtLoraAdapter.Create("/no/such/adapter", null));
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => OrtLoraAdapter.Create(new byte[] { 1, 2, 3 }, null));
        }
    }

    public static void ComparesMemory()
    {
        OrtMemoryInfo cpu = OrtMemoryInfo.DefaultInstance;
        using (var same = new OrtMemoryInfo("Cpu", OrtAllocatorType.DeviceAllocator, 0,
            OrtMemType.Cpu))
        using (var arena = new OrtMemoryInfo(OrtMemoryInfo.allocatorCPU,
            OrtAllocatorType.ArenaAllocator, 0, OrtMemType.Default))
        {
            Check.Equal("Cpu", cpu.Name);
            Check.Equal(0, cpu.Id);
            Check.Equal(OrtAllocatorType.DeviceAllocator, cpu.GetAllocatorType());
            Check.Equal(OrtMemType.Cpu, cpu.GetMemoryType());
            Check.Equal(OrtMemType.Default, arena.GetMemoryType());
            Check.True(cpu.Equals(same) && !cpu.Equals(arena), "comparisons");
        }
        Check.Throws<OnnxRuntimeException>("[ErrorCode:InvalidArgument]", () => new OrtMemoryInfo(
            "Nowhere", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default));
        Check.Equal("Cpu", OrtAllocator.DefaultInstance.Info.Name);
    }
}
