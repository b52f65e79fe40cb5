using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Options of one run, or of many.
    public class RunOptions : SafeHandle
    {
        private readonly List<SafeHandle> adapters = new List<SafeHandle>();
        private string logId = string.Empty;
        private bool terminate;

        public RunOptions() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateRunOptions(out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public OrtLoggingLevel LogSeverityLevel
        {
            get => (OrtLoggingLevel)Get(Table.RunOptionsGetRunLogSeverityLevel);
            set => Set(Table.RunOptionsSetRunLogSeverityLevel, (int)value);
        }

        public int LogVerbosityLevel
        {
            get => Get(Table.RunOptionsGetRunLogVerbosityLevel);
            set => Set(Table.RunOptionsSetRunLogVerbosityLevel, value);
        }

        /// What the log calls the run.
        public string LogId
        {
            get => logId;
            set
            {
                using (Lease options = this.Hold())
                {
                    Status.Check(Table.RunOptionsSetRunTag(options.Pointer, Text.Bytes(value)));
                }
                logId = value;
            }
        }

        /// Ends the runs that use these options, those to come and those under way.
        public bool Terminate
        {
            get => terminate;
            set
            {
                using (Lease options = this.Hold())
                {
                    Status.Check(value
                        ? Table.RunOptionsSetTerminate(options.Pointer)
                        : Table.RunOptionsUnsetTerminate(options.Pointer));
                }
                terminate = value;
            }
        }

        public void AddRunConfigEntry(string configKey, string configValue)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Table.AddRunConfigEntry(
                    options.Pointer, Text.Bytes(configKey), Text.Bytes(configValue)));
            }
        }

        /// Null for a key that was not added.
        public string GetRunConfigEntry(string configKey)
        {
            using (Lease options = this.Hold())
            {
                return Text.Read(Status.Since(Table.GetRunConfigEntry, 23, "GetRunConfigEntry")(
                    options.Pointer, Text.Bytes(configKey)));
            }
        }

        /// The adapter must live as long as runs use these options.
        public void AddActiveLoraAdapter(OrtLoraAdapter loraAdapter)
        {
            if (loraAdapter == null) throw new ArgumentNullException(nameof(loraAdapter));
            using (Lease options = this.Hold())
            using (Lease adapter = loraAdapter.Hold())
            {
                Status.Check(Status.Since(Table.RunOptionsAddActiveLoraAdapter, 20,
                    "AddActiveLoraAdapter")(options.Pointer, adapter.Pointer));
                bool held = false;
                loraAdapter.DangerousAddRef(ref held);
                lock (adapters) adapters.Add(loraAdapter);
            }
        }

        private int Get(FnPOi entry)
        {
            using (Lease options = this.Hold())
            {
                int value;
                Status.Check(entry(options.Pointer, out value));
                return value;
            }
        }

        private void Set(FnPI entry, int value)
        {
            using (Lease options = this.Hold()) Status.Check(entry(options.Pointer, value));
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseRunOptions(handle);
            handle = IntPtr.Zero;
            foreach (SafeHandle each in adapters) each.DangerousRelease();
            return true;
        }
    }

    /// The weights of a LoRA adapter, which runs use in place of inputs of the model.
    public class OrtLoraAdapter : SafeHandle
    {
        private OrtLoraAdapter(IntPtr handle) : base(IntPtr.Zero, true)
        {
            SetHandle(handle);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        /// From a file. The allocator, if one is given, is of a device that the weights go to.
        public static OrtLoraAdapter Create(string adapterPath, OrtAllocator ortAllocator)
        {
            using (Lease allocator = new Lease(ortAllocator))
            {
                IntPtr made;
                Status.Check(Status.Since(Table.CreateLoraAdapter, 20, "OrtLoraAdapter")(
                    Text.Path(adapterPath), allocator.Pointer, out made));
                return new OrtLoraAdapter(made);
            }
        }

        public static OrtLoraAdapter Create(byte[] bytes, OrtAllocator ortAllocator)
        {
            if (bytes == null) throw new ArgumentNullException(nameof(bytes));
            using (Lease allocator = new Lease(ortAllocator))
            {
                IntPtr made;
                Status.Check(Status.Since(Table.CreateLoraAdapterFromArray, 20, "OrtLoraAdapter")(
                    bytes, Shapes.Count(bytes.Length), allocator.Pointer, out made));
                return new OrtLoraAdapter(made);
            }
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseLoraAdapter(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }
}
