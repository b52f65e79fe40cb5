using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    public enum OrtHardwareDeviceType
    {
        CPU = 0,
        GPU = 1,
        NPU = 2,
    }

    public enum OrtDeviceMemoryType
    {
        DEFAULT = 0,
        HOST_ACCESSIBLE = 5,
    }

    public enum ExecutionProviderDevicePolicy
    {
        DEFAULT = 0,
        PREFER_CPU = 1,
        PREFER_NPU = 2,
        PREFER_GPU = 3,
        MAX_PERFORMANCE = 4,
        MAX_EFFICIENCY = 5,
        MIN_OVERALL_POWER = 6,
    }

    /// Texts by keys, in the library's memory.
    public class OrtKeyValuePairs : SafeHandle
    {
        private Dictionary<string, string> entries = new Dictionary<string, string>();

        public OrtKeyValuePairs() : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Since(Table.CreateKeyValuePairs, 22, nameof(OrtKeyValuePairs))(out made);
            SetHandle(made);
        }

        public OrtKeyValuePairs(IReadOnlyDictionary<string, string> keyValuePairs) : this()
        {
            if (keyValuePairs == null) return;
            foreach (KeyValuePair<string, string> each in keyValuePairs) Add(each.Key, each.Value);
        }

        internal OrtKeyValuePairs(IntPtr borrowed) : base(IntPtr.Zero, false)
        {
            SetHandle(borrowed);
            Refresh();
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public IReadOnlyDictionary<string, string> Entries => entries;

        public void Add(string key, string value)
        {
            using (Lease pairs = this.Hold())
            {
                Table.AddKeyValuePair(pairs.Pointer, Text.Bytes(key), Text.Bytes(value));
            }
            entries[key] = value;
        }

        public void Remove(string key)
        {
            using (Lease pairs = this.Hold())
            {
                Table.RemoveKeyValuePair(pairs.Pointer, Text.Bytes(key));
            }
            entries.Remove(key);
        }

        /// Reads Entries anew, after the library wrote them.
        public void Refresh()
        {
            using (Lease pairs = this.Hold())
            {
                IntPtr keys, values;
                UIntPtr count;
                Table.GetKeyValuePairs(pairs.Pointer, out keys, out values, out count);
                var read = new Dictionary<string, string>();
                for (int i = 0; i < (int)count; ++i)
                {
                    read[Text.Read(Marshal.ReadIntPtr(keys, i * IntPtr.Size))] =
                        Text.Read(Marshal.ReadIntPtr(values, i * IntPtr.Size));
                }
                entries = read;
            }
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseKeyValuePairs(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// A processor that providers may use. The environment has it.
    public class OrtHardwareDevice
    {
        private readonly IntPtr device;

        internal OrtHardwareDevice(IntPtr device)
        {
            this.device = device;
        }

        internal IntPtr Pointer => device;

        public OrtHardwareDeviceType Type =>
            (OrtHardwareDeviceType)Table.HardwareDevice_Type(device);

        public uint VendorId => (uint)Table.HardwareDevice_VendorId(device);

        public string Vendor => Text.Read(Table.HardwareDevice_Vendor(device));

        public uint DeviceId => (uint)Table.HardwareDevice_DeviceId(device);

        public OrtKeyValuePairs Metadata =>
            new OrtKeyValuePairs(Table.HardwareDevice_Metadata(device));
    }

    /// A provider with a processor that it can use. The environment has it.
    public class OrtEpDevice
    {
        internal IntPtr Pointer { get; }

        internal OrtEpDevice(IntPtr device)
        {
            Pointer = device;
        }

        public string EpName => Text.Read(Table.EpDevice_EpName(Pointer));

        public string EpVendor => Text.Read(Table.EpDevice_EpVendor(Pointer));

        public OrtKeyValuePairs EpMetadata =>
            new OrtKeyValuePairs(Table.EpDevice_EpMetadata(Pointer));

        public OrtKeyValuePairs EpOptions =>
            new OrtKeyValuePairs(Table.EpDevice_EpOptions(Pointer));

        public OrtHardwareDevice HardwareDevice =>
            new OrtHardwareDevice(Table.EpDevice_Device(Pointer));

        /// Null where the provider has no memory of the kind.
        public OrtMemoryInfo GetMemoryInfo(OrtDeviceMemoryType deviceMemoryType)
        {
            IntPtr info = Status.Since(Table.EpDevice_MemoryInfo, 23, "GetMemoryInfo")(
                Pointer, (int)deviceMemoryType);
            return info == IntPtr.Zero ? null : new OrtMemoryInfo(info, this);
        }

        public OrtSyncStream CreateSyncStream(IReadOnlyDictionary<string, string> streamOptions)
        {
            FnPPO create = Status.Since(Table.CreateSyncStreamForEpDevice, 23, "CreateSyncStream");
            using (var pairs = new OrtKeyValuePairs(streamOptions))
            using (Lease options = pairs.Hold())
            {
                IntPtr made;
                Status.Check(create(Pointer, options.Pointer, out made));
                return new OrtSyncStream(made);
            }
        }
    }

    /// A stream of a device's work.
    public class OrtSyncStream : SafeHandle
    {
        internal OrtSyncStream(IntPtr stream) : base(IntPtr.Zero, true)
        {
            SetHandle(stream);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        /// What the device's own library calls it.
        public IntPtr GetHandle()
        {
            using (Lease stream = this.Hold()) return Table.SyncStream_GetHandle(stream.Pointer);
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseSyncStream(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    public partial class SessionOptions
    {
        public void AppendExecutionProvider(OrtEnv env, IReadOnlyList<OrtEpDevice> epDevices,
            IReadOnlyDictionary<string, string> epOptions)
        {
            if (env == null) throw new ArgumentNullException(nameof(env));
            if (epDevices == null) throw new ArgumentNullException(nameof(epDevices));
            IntPtr[] devices = epDevices.Select(each => each.Pointer).ToArray();
            string[] keys = epOptions?.Keys.ToArray() ?? new string[0];
            using (var names = new Texts(keys))
            using (var values = new Texts(keys.Select(key => epOptions[key])))
            using (Lease options = this.Hold())
            using (Lease owner = env.Hold())
            {
                Status.Check(Status.Since(Table.SessionOptionsAppendExecutionProvider_V2, 22,
                    "Appending devices")(options.Pointer, owner.Pointer, devices,
                    Shapes.Count(devices.Length), names.Pointers, values.Pointers,
                    Shapes.Count(keys.Length)));
            }
        }

        public void SetEpSelectionPolicy(ExecutionProviderDevicePolicy policy)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Status.Since(Table.SessionOptionsSetEpSelectionPolicy, 22,
                    "SetEpSelectionPolicy")(options.Pointer, (int)policy));
            }
        }
    }
}
