using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Options that sessions are made with; a change does not touch sessions that there are.
    public partial class SessionOptions : SafeHandle
    {
        // Of initializers from the program's memory, which sessions stand on.
        private readonly List<SafeHandle> initializers = new List<SafeHandle>();

        private bool enableMemoryPattern = true;
        private bool enableCpuMemArena = true;
        private bool enableProfiling;
        private string profilePrefix = "onnxruntime_profile_";
        private string optimizedModelFilePath = string.Empty;
        private string logId = string.Empty;
        private OrtLoggingLevel logSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING;
        private int logVerbosityLevel;
        private int intraOpNumThreads;
        private int interOpNumThreads;
        private GraphOptimizationLevel graphOptimizationLevel =
            GraphOptimizationLevel.ORT_ENABLE_ALL;
        private ExecutionMode executionMode = ExecutionMode.ORT_SEQUENTIAL;

        public SessionOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateSessionOptions(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public bool EnableMemoryPattern
        {
            get => enableMemoryPattern;
            set
            {
                Do(value ? Table.EnableMemPattern : Table.DisableMemPattern);
                enableMemoryPattern = value;
            }
        }

        public bool EnableCpuMemArena
        {
            get => enableCpuMemArena;
            set
            {
                Do(value ? Table.EnableCpuMemArena : Table.DisableCpuMemArena);
                enableCpuMemArena = value;
            }
        }

        /// Writes a file that says what took how long; see InferenceSession.EndProfiling.
        public bool EnableProfiling
        {
            get => enableProfiling;
            set
            {
                if (value) Set(Table.EnableProfiling, Text.Path(profilePrefix));
                else Do(Table.DisableProfiling);
                enableProfiling = value;
            }
        }

        public string ProfileOutputPathPrefix
        {
            get => profilePrefix;
            set
            {
                byte[] path = Text.Path(value);
                if (enableProfiling) Set(Table.EnableProfiling, path);
                profilePrefix = value;
            }
        }

        /// Where a session writes the model as it runs it.
        public string OptimizedModelFilePath
        {
            get => optimizedModelFilePath;
            set
            {
                if (value == optimizedModelFilePath) return;
                Set(Table.SetOptimizedModelFilePath, Text.Path(value));
                optimizedModelFilePath = value;
            }
        }

        public string LogId
        {
            get => logId;
            set
            {
                Set(Table.SetSessionLogId, Text.Bytes(value));
                logId = value;
            }
        }

        public OrtLoggingLevel LogSeverityLevel
        {
            get => logSeverityLevel;
            set
            {
                Set(Table.SetSessionLogSeverityLevel, (int)value);
                logSeverityLevel = value;
            }
        }

        public int LogVerbosityLevel
        {
            get => logVerbosityLevel;
            set
            {
                Set(Table.SetSessionLogVerbosityLevel, value);
                logVerbosityLevel = value;
            }
        }

        public int IntraOpNumThreads
        {
            get => intraOpNumThreads;
            set
            {
                Set(Table.SetIntraOpNumThreads, value);
                intraOpNumThreads = value;
            }
        }

        public int InterOpNumThreads
        {
            get => interOpNumThreads;
            set
            {
                Set(Table.SetInterOpNumThreads, value);
                interOpNumThreads = value;
            }
        }

        public GraphOptimizationLevel GraphOptimizationLevel
        {
            get => graphOptimizationLevel;
            set
            {
                Set(Table.SetSessionGraphOptimizationLevel, (int)value);
                graphOptimizationLevel = value;
            }
        }

        public ExecutionMode ExecutionMode
        {
            get => executionMode;
            set
            {
                Set(Table.SetSessionExecutionMode, (int)value);
                executionMode = value;
            }
        }

        /// Sessions use the thread pools of the environment; see OrtThreadingOptions.
        public void DisablePerSessionThreads()
        {
            Do(Table.DisablePerSessionThreads);
        }

        public void SetLoadCancellationFlag(bool value)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Status.Since(Table.SessionOptionsSetLoadCancellationFlag, 22,
                    "SetLoadCancellationFlag")(options.Pointer, value ? (byte)1 : (byte)0));
            }
        }

        public void AddSessionConfigEntry(string configKey, string configValue)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.AddSessionConfigEntry(
                    options.Pointer, Text.Bytes(configKey), Text.Bytes(configValue)));
            }
        }

        public bool HasSessionConfigEntry(string configKey)
        {
            using (Lease options = this.Hold())
            {
                int has;
                Status.Check(Table.HasSessionConfigEntry(
                    options.Pointer, Text.Bytes(configKey), out has));
                return has != 0;
            }
        }

        public string GetSessionConfigEntry(string configKey)
        {
            using (Lease options = this.Hold())
            {
                byte[] key = Text.Bytes(configKey);
                UIntPtr size = UIntPtr.Zero;
                Status.Check(Table.GetSessionConfigEntry(options.Pointer, key, null, ref size));
                var value = new byte[checked((int)size)];
                Status.Check(Table.GetSessionConfigEntry(options.Pointer, key, value, ref size));
                return System.Text.Encoding.UTF8.GetString(value, 0, value.Length - 1);
            }
        }

        /// A dim that the model gives this denotation has this size.
        public void AddFreeDimensionOverride(string dimDenotation, long dimValue)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.AddFreeDimensionOverride(
                    options.Pointer, Text.Bytes(dimDenotation), dimValue));
            }
        }

        /// A dim that the model gives this name has this size.
        public void AddFreeDimensionOverrideByName(string dimName, long dimValue)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.AddFreeDimensionOverrideByName(
                    options.Pointer, Text.Bytes(dimName), dimValue));
            }
        }

        /// Replaces an initializer of the model. Sessions stand on the value's memory, which is
        /// kept until they and these options are disposed of.
        public void AddInitializer(string name, OrtValue ortValue)
        {
            if (ortValue == null) throw new ArgumentNullException(nameof(ortValue));
            using (Lease options = this.Hold())
            using (Lease value = ortValue.Handle.Hold())
            {
                Status.Check(Table.AddInitializer(
                    options.Pointer, Text.Bytes(name), value.Pointer));
                bool held = false;
                ortValue.Handle.DangerousAddRef(ref held);
                lock (initializers) initializers.Add(ortValue.Handle);
            }
        }

        internal SafeHandle[] Initializers
        {
            get
            {
                lock (initializers) return initializers.ToArray();
            }
        }

        /// A library of custom operators, which stays loaded.
        public void RegisterCustomOpLibrary(string libraryPath)
        {
            Set(Table.RegisterCustomOpsLibrary_V2, Text.Path(libraryPath));
        }

        /// The same; the library is the caller's to unload, after the sessions that use it.
        public void RegisterCustomOpLibraryV2(string libraryPath, out IntPtr libraryHandle)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.RegisterCustomOpsLibrary(
                    options.Pointer, Text.Bytes(libraryPath), out libraryHandle));
            }
        }

        [DllImport("ortextensions", EntryPoint = "RegisterCustomOps")]
        private static extern IntPtr RegisterExtensions(IntPtr options, IntPtr apiBase);

        /// The operators of onnxruntime-extensions, whose library must lie beside the program.
        public void RegisterOrtExtensions()
        {
            using (Lease options = this.Hold())
            {
                try
                {
                    Status.Check(RegisterExtensions(options.Pointer, Library.Base));
                }
                catch (DllNotFoundException error)
                {
                    throw new OnnxRuntimeException(ErrorCode.NoSuchFile,
                        "The library of onnxruntime-extensions was not found: " + error.Message);
                }
            }
        }

        private void Do(FnP entry)
        {
            using (Lease options = this.Hold()) Status.Check(entry(options.Pointer));
        }

        private void Set(FnPI entry, int value)
        {
            using (Lease options = this.Hold()) Status.Check(entry(options.Pointer, value));
        }

        private void Set(FnPS entry, byte[] value)
        {
            using (Lease options = this.Hold()) Status.Check(entry(options.Pointer, value));
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseSessionOptions(handle);
            handle = IntPtr.Zero;
            foreach (SafeHandle each in initializers) each.DangerousRelease();
            return true;
        }
    }
}
