// The environment: providers, versions, logs, pools of threads.
using System;
using System.Collections.Generic;
using System.Linq;
using Microsoft.ML.OnnxRuntime;

public static class EnvironmentTests
{
    public static void KnowsItsVersion()
    {
        string[] version = OrtEnv.Instance().GetVersionString().Split('.');
        Check.Equal(3, version.Length);
        Check.Equal("1", version[0]);
        Check.True(int.Parse(version[1]) >= 14, "as new as is needed");
        Check.Equal("CPUExecutionProvider", OrtEnv.Instance().GetAvailableProviders().Last());
        OrtEnv.Instance().DisableTelemetryEvents();
        OrtEnv.Instance().EnableTelemetryEvents();
        Check.True(ReferenceEquals(OrtEnv.Instance(), OrtEnv.Instance()), "one environment");
    }

    [NotInAssembly("an exception of the logging function goes through the library")]
    public static void LogsToThePrograms()
    {
        LifetimeTests.Collect();
        OrtEnv.Instance().Dispose();
        LifetimeTests.Collect();
        Check.True(!OrtEnv.IsCreated, "no environment");
        var messages = new List<string>();
        var parameters = new HashSet<IntPtr>();
        using (var threads = new OrtThreadingOptions
        {
            GlobalIntraOpNumThreads = 2, GlobalInterOpNumThreads = 1, GlobalSpinControl = false,
        })
        {
            threads.SetGlobalDenormalAsZero();
            var options = new EnvironmentCreationOptions
            {
                logId = "csharp", logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_VERBOSE,
                loggingParam = new IntPtr(42), threadOptions = threads,
                loggingFunction = (param, severity, category, logId, location, message) =>
                {
                    lock (messages)
                    {
                        parameters.Add(param);
                        messages.Add(severity + " " + logId + " " + message);
                    }
                    throw new InvalidOperationException("must not reach the library");
                },
            };
            var silent = Console.Error;
            Console.SetError(System.IO.TextWriter.Null);
            try
            {
                OrtEnv env = OrtEnv.CreateInstanceWithOptions(ref options);
                Check.Throws<OnnxRuntimeException>("already exists",
                    () => OrtEnv.CreateInstanceWithOptions(ref options));
                Check.Equal(OrtLoggingLevel.ORT_LOGGING_LEVEL_VERBOSE, env.EnvLogLevel);
                LifetimeTests.Collect();
                RunOnSharedThreads();
                env.EnvLogLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL;
            }
            finally
            {
                LifetimeTests.Collect();
                OrtEnv.Instance().Dispose();
                Console.SetError(silent);
            }
        }
        LifetimeTests.Collect();
        Check.True(messages.Count > 0, "messages");
        Check.Elements(new[] { new IntPtr(42) }, parameters);
        Check.True(messages.Any(each => each.Contains("INFO") || each.Contains("VERBOSE")),
            "messages of all levels: " + messages[0]);
        Check.Equal(OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING, OrtEnv.Instance().EnvLogLevel);
        RunOnSharedThreads();
    }

    private static void RunOnSharedThreads()
    {
        using (var options = new SessionOptions())
        {
            if (OrtEnv.Instance().EnvLogLevel == OrtLoggingLevel.ORT_LOGGING_LEVEL_VERBOSE)
            {
                options.DisablePerSessionThreads();
                options.LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_VERBOSE;
            }
            using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
            using (var results = session.Run(Models.Pair()))
            {
                Check.Elements(Models.Sum, results[0].AsEnumerable<float>());
            }
        }
    }

    public static void ListsDevices()
    {
        OrtEpDevice cpu = OrtEnv.Instance().GetEpDevices()
            .Single(each => each.EpName == "CPUExecutionProvider");
        Check.True(cpu.EpVendor.Length > 0, "a vendor");
        Check.Equal(OrtHardwareDeviceType.CPU, cpu.HardwareDevice.Type);
        Check.True(cpu.HardwareDevice.Vendor != null, "a vendor of the processor");
        Check.True(cpu.HardwareDevice.Metadata.Entries != null, "what else is known");
        Check.True(cpu.EpMetadata.Entries != null && cpu.EpOptions.Entries != null, "options");
        using (var options = new SessionOptions())
        {
            options.AppendExecutionProvider(OrtEnv.Instance(), new[] { cpu }, null);
            using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
            {
                session.Run(Models.Pair()).Dispose();
            }
        }
        Check.Throws<OnnxRuntimeException>("[ErrorCode:", () => OrtEnv.Instance()
            .RegisterExecutionProviderLibrary("nobody", "/no/such/library.so"));
        using (var pairs = new OrtKeyValuePairs(new Dictionary<string, string> { { "a", "1" } }))
        {
            pairs.Add("b", "2");
            pairs.Remove("a");
            pairs.Refresh();
            Check.Elements(
                new[] { "b=2" }, pairs.Entries.Select(each => each.Key + "=" + each.Value));
        }
    }

    [NotInLibrary("it copies from one device to another alone")]
    public static void CopiesTensors()
    {
        using (OrtValue from = Models.SquareValue(Models.A))
        using (OrtValue to = Models.SquareValue(new float[4]))
        {
            OrtEnv.Instance().CopyTensors(new[] { from }, new[] { to }, null);
            Check.Elements(Models.A, to.GetTensorDataAsSpan<float>().ToArray());
        }
    }

    public static void ListsHardware()
    {
        IReadOnlyList<OrtHardwareDevice> devices = OrtEnv.Instance().GetHardwareDevices();
        Check.Equal(OrtEnv.Instance().GetNumHardwareDevices(), devices.Count);
        Check.True(devices.Any(each => each.Type == OrtHardwareDeviceType.CPU), "a processor");
        using (var memory = new OrtMemoryInfo("mine", OrtMemoryInfoDeviceType.GPU, 0x10DE, 1,
            OrtDeviceMemoryType.HOST_ACCESSIBLE, 16, OrtAllocatorType.DeviceAllocator))
        {
            Check.Equal("mine", memory.Name);
            Check.Equal(1, memory.Id);
            Check.Equal(0x10DEu, memory.GetVendorId());
            Check.Equal(OrtDeviceMemoryType.HOST_ACCESSIBLE, memory.GetDeviceMemoryType());
        }
        using (InferenceSession session = Models.Arithmetic())
        {
            Check.Equal(2, session.GetEpDeviceForInputs().Count);
        }
    }

    public static void RegistersAllocators()
    {
        using (var info = new OrtMemoryInfo("Cpu", OrtAllocatorType.ArenaAllocator, 0,
            OrtMemType.Default))
        using (var arena = new OrtArenaCfg(0, -1, -1, -1))
        {
            OrtEnv.Instance().CreateAndRegisterAllocator(info, arena);
        }
        using (var options = new SessionOptions())
        {
            options.AddSessionConfigEntry("session.use_env_allocators", "1");
            using (var session = new InferenceSession(Models.Path("arithmetic.onnx"), options))
            {
                session.Run(Models.Pair()).Dispose();
            }
        }
    }
}
