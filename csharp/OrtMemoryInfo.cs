using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// Where memory is, and whose allocator made it.
    public class OrtMemoryInfo : SafeHandle
    {
        public static readonly byte[] allocatorCPU = Text.Bytes("Cpu");
        public static readonly byte[] allocatorCUDA = Text.Bytes("Cuda");
        public static readonly byte[] allocatorCUDA_PINNED = Text.Bytes("CudaPinned");
        public static readonly byte[] allocatorDML = Text.Bytes("DML");
        public static readonly byte[] allocatorHIP = Text.Bytes("Hip");
        public static readonly byte[] allocatorHIP_PINNED = Text.Bytes("HipPinned");
        public static readonly byte[] allocatorWebGPU_BUFFER = Text.Bytes("WebGPU_Buffer");

        private static readonly Lazy<OrtMemoryInfo> cpu = new Lazy<OrtMemoryInfo>(
            () => new OrtMemoryInfo(
                allocatorCPU, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Cpu));

        // Of a value or an allocator, which must outlive this.
        private readonly object owner;

        public OrtMemoryInfo(string allocatorName, OrtAllocatorType allocatorType, int deviceId,
            OrtMemType memoryType)
            : this(Text.Bytes(allocatorName), allocatorType, deviceId, memoryType)
        {
        }

        public OrtMemoryInfo(byte[] utf8AllocatorName, OrtAllocatorType allocatorType, int deviceId,
            OrtMemType memoryType)
            : base(IntPtr.Zero, true)
        {
            byte[] name = utf8AllocatorName;
            if (name == null) throw new ArgumentNullException(nameof(utf8AllocatorName));
            if (name.Length == 0 || name[name.Length - 1] != 0)
            {
                throw new ArgumentException("It must end with a 0.", nameof(utf8AllocatorName));
            }
            IntPtr made;
            Status.Check(Table.CreateMemoryInfo(name, (int)allocatorType, deviceId,
                (int)memoryType, out made));
            SetHandle(made);
        }

        public OrtMemoryInfo(string name, OrtMemoryInfoDeviceType deviceType, uint vendorId,
            int deviceId, OrtDeviceMemoryType deviceMemType, ulong alignment,
            OrtAllocatorType allocatorType)
            : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Status.Since(Table.CreateMemoryInfo_V2, 23, "This OrtMemoryInfo")(
                Text.Bytes(name), (int)deviceType, vendorId, deviceId, (int)deviceMemType,
                (UIntPtr)alignment, (int)allocatorType, out made));
            SetHandle(made);
        }

        internal OrtMemoryInfo(IntPtr borrowed, object owner) : base(IntPtr.Zero, false)
        {
            this.owner = owner;
            SetHandle(borrowed);
        }

        public static OrtMemoryInfo DefaultInstance => cpu.Value;

        public override bool IsInvalid => handle == IntPtr.Zero;

        public string Name
        {
            get
            {
                using (Lease memory = this.Hold())
                {
                    IntPtr name;
                    Status.Check(Table.MemoryInfoGetName(memory.Pointer, out name));
                    return Text.Read(name);
                }
            }
        }

        public int Id => Number(Table.MemoryInfoGetId);

        public OrtMemType GetMemoryType()
        {
            return (OrtMemType)Number(Table.MemoryInfoGetMemType);
        }

        public OrtAllocatorType GetAllocatorType()
        {
            return (OrtAllocatorType)Number(Table.MemoryInfoGetType);
        }

        public OrtDeviceMemoryType GetDeviceMemoryType()
        {
            using (Lease memory = this.Hold())
            {
                return (OrtDeviceMemoryType)Status.Since(Table.MemoryInfoGetDeviceMemType, 23,
                    "GetDeviceMemoryType")(memory.Pointer);
            }
        }

        public uint GetVendorId()
        {
            using (Lease memory = this.Hold())
            {
                return (uint)Status.Since(Table.MemoryInfoGetVendorId, 23, "GetVendorId")(
                    memory.Pointer);
            }
        }

        private int Number(FnPOi entry)
        {
            using (Lease memory = this.Hold())
            {
                int number;
                Status.Check(entry(memory.Pointer, out number));
                GC.KeepAlive(owner);
                return number;
            }
        }

        public override bool Equals(object obj)
        {
            var other = obj as OrtMemoryInfo;
            return other != null && Equals(other);
        }

        public bool Equals(OrtMemoryInfo other)
        {
            if (other == null) return false;
            if (ReferenceEquals(this, other)) return true;
            using (Lease left = this.Hold())
            using (Lease right = other.Hold())
            {
                int different;
                Status.Check(Table.CompareMemoryInfo(left.Pointer, right.Pointer, out different));
                return different == 0;
            }
        }

        public override int GetHashCode()
        {
            return Name.GetHashCode() * 31 + Id;
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseMemoryInfo(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }

    /// Settings of an allocator with an arena; -1 or 0 for a default.
    public class OrtArenaCfg : SafeHandle
    {
        public OrtArenaCfg(uint maxMemory, int arenaExtendStrategy, int initialChunkSizeBytes,
            int maxDeadBytesPerChunk)
            : base(IntPtr.Zero, true)
        {
            IntPtr made;
            Status.Check(Table.CreateArenaCfg((UIntPtr)maxMemory, arenaExtendStrategy,
                initialChunkSizeBytes, maxDeadBytesPerChunk, out made));
            SetHandle(made);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            Table.ReleaseArenaCfg(handle);
            handle = IntPtr.Zero;
            return true;
        }
    }
}
