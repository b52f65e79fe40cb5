using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// What a program that wants the log for itself gives in EnvironmentCreationOptions.
    public delegate void DOrtLoggingFunction(
        IntPtr param, OrtLoggingLevel severity, string category, string logId,
        string codeLocation, string message);

    /// How OrtEnv.CreateInstanceWithOptions makes the environment; what is null has its default.
    public struct EnvironmentCreationOptions
    {
        public string logId;
        public OrtLoggingLevel? logLevel;
        public OrtThreadingOptions threadOptions;
        public IntPtr? loggingParam;
        public DOrtLoggingFunction loggingFunction;
    }

    /// The one environment of the process: log, and thread pools that sessions share.
    public sealed partial class OrtEnv : SafeHandle
    {
        private const OrtLoggingLevel defaultLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING;
        private static readonly object gate = new object();
        private static OrtEnv instance;

        // The library calls it for as long as it lives.
        private readonly NativeLogging nativeLogging;
        private OrtLoggingLevel level;

        private OrtEnv(IntPtr handle, OrtLoggingLevel level, NativeLogging nativeLogging)
            : base(IntPtr.Zero, true)
        {
            SetHandle(handle);
            this.level = level;
            this.nativeLogging = nativeLogging;
            Status.Check(Table.SetLanguageProjection(
                handle, (int)OrtLanguageProjection.ORT_PROJECTION_CSHARP));
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public static bool IsCreated
        {
            get
            {
                lock (gate) return instance != null;
            }
        }

        /// The environment, made with defaults if there is none.
        public static OrtEnv Instance()
        {
            lock (gate)
            {
                if (instance == null)
                {
                    var defaults = new EnvironmentCreationOptions();
                    instance = Create(ref defaults);
                }
                return instance;
            }
        }

        public static OrtEnv CreateInstanceWithOptions(ref EnvironmentCreationOptions options)
        {
            lock (gate)
            {
                if (instance != null)
                {
                    throw new OnnxRuntimeException(ErrorCode.RuntimeException,
                        "OrtEnv singleton instance already exists, supplied options would not " +
                        "have effect");
                }
                instance = Create(ref options);
                return instance;
            }
        }

        private static OrtEnv Create(ref EnvironmentCreationOptions options)
        {
            byte[] logId = Text.Bytes(options.logId ?? "CSharpOnnxRuntime");
            OrtLoggingLevel level = options.logLevel ?? defaultLevel;
            IntPtr param = options.loggingParam ?? IntPtr.Zero;
            NativeLogging logging = Adapt(options.loggingFunction);
            IntPtr function = logging == null
                ? IntPtr.Zero
                : Marshal.GetFunctionPointerForDelegate(logging);
            IntPtr made;
            using (Lease threads = new Lease(options.threadOptions))
            {
                bool pools = options.threadOptions != null;
                IntPtr status;
                if (logging == null)
                {
                    status = pools
                        ? Table.CreateEnvWithGlobalThreadPools(
                            (int)level, logId, threads.Pointer, out made)
                        : Table.CreateEnv((int)level, logId, out made);
                }
                else
                {
                    status = pools
                        ? Table.CreateEnvWithCustomLoggerAndGlobalThreadPools(
                            function, param, (int)level, logId, threads.Pointer, out made)
                        : Table.CreateEnvWithCustomLogger(
                            function, param, (int)level, logId, out made);
                }
                Status.Check(status);
            }
            return new OrtEnv(made, level, logging);
        }

        // An exception must not pass through the library's frames.
        private static NativeLogging Adapt(DOrtLoggingFunction function)
        {
            if (function == null) return null;
            return (param, severity, category, logId, location, message) =>
            {
                try
                {
                    function(param, (OrtLoggingLevel)severity, Text.Read(category),
                        Text.Read(logId), Text.Read(location), Text.Read(message));
                }
                catch (Exception error)
                {
                    Console.Error.WriteLine("OrtEnv: the logging function threw " + error);
                }
            };
        }

        public OrtLoggingLevel EnvLogLevel
        {
            get => level;
            set
            {
                using (Lease env = this.Hold())
                {
                    Status.Check(Table.UpdateEnvWithCustomLogLevel(env.Pointer, (int)value));
                }
                level = value;
            }
        }

        public string GetVersionString()
        {
            return Library.Version;
        }

        public string[] GetAvailableProviders()
        {
            IntPtr list;
            int count;
            Status.Check(Table.GetAvailableProviders(out list, out count));
            try
            {
                var names = new string[count];
                for (int i = 0; i < count; ++i)
                {
                    names[i] = Text.Read(Marshal.ReadIntPtr(list, i * IntPtr.Size));
                }
                return names;
            }
            finally
            {
                Status.Check(Table.ReleaseAvailableProviders(list, count));
            }
        }

        public void EnableTelemetryEvents()
        {
            using (Lease env = this.Hold()) Status.Check(Table.EnableTelemetryEvents(env.Pointer));
        }

        public void DisableTelemetryEvents()
        {
            using (Lease env = this.Hold()) Status.Check(Table.DisableTelemetryEvents(env.Pointer));
        }

        // Sessions keep the handle; a new environment may be made meanwhile.
        protected override void Dispose(bool disposing)
        {
            lock (gate)
            {
                if (ReferenceEquals(instance, this)) instance = null;
            }
            base.Dispose(disposing);
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseEnv(handle);
            GC.KeepAlive(nativeLogging);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// Settings of the thread pools that sessions share; see
    /// SessionOptions.DisablePerSessionThreads.
    public sealed class OrtThreadingOptions : SafeHandle
    {
        public OrtThreadingOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateThreadingOptions(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public int GlobalIntraOpNumThreads
        {
            set => Set(Table.SetGlobalIntraOpNumThreads, value);
        }

        public int GlobalInterOpNumThreads
        {
            set => Set(Table.SetGlobalInterOpNumThreads, value);
        }

        public bool GlobalSpinControl
        {
            set => Set(Table.SetGlobalSpinControl, value ? 1 : 0);
        }

        public void SetGlobalDenormalAsZero()
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.SetGlobalDenormalAsZero(options.Pointer));
            }
        }

        private void Set(FnPI entry, int value)
        {
            using (Lease options = this.Hold()) Status.Check(entry(options.Pointer, value));
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseThreadingOptions(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }
}
