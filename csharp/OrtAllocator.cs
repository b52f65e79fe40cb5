using System;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.OnnxRuntime
{
    /// Gives memory: the library's own, or a session's.
    public class OrtAllocator : SafeHandle
    {
        private static readonly Lazy<OrtAllocator> standard = new Lazy<OrtAllocator>(MakeDefault);

        // A session's allocator must not outlive it.
        private readonly SafeHandle session;

        private OrtAllocator(IntPtr borrowed) : base(IntPtr.Zero, false)
        {
            SetHandle(borrowed);
        }

        public OrtAllocator(InferenceSession session, OrtMemoryInfo memInfo)
            : base(IntPtr.Zero, true)
        {
            if (session == null) throw new ArgumentNullException(nameof(session));
            using (Lease owner = session.Handle.Hold())
            using (Lease memory = new Lease(memInfo))
            {
                IntPtr made;
                Status.Check(Table.CreateAllocator(owner.Pointer, memory.Pointer, out made));
                SetHandle(made);
            }
            bool held = false;
            session.Handle.DangerousAddRef(ref held);
            this.session = session.Handle;
        }

        private static OrtAllocator MakeDefault()
        {
            IntPtr allocator;
            Status.Check(Table.GetAllocatorWithDefaultOptions(out allocator));
            return new OrtAllocator(allocator);
        }

        public static OrtAllocator DefaultInstance => standard.Value;

        internal static IntPtr DefaultPointer => standard.Value.handle;

        public override bool IsInvalid => handle == IntPtr.Zero;

        public OrtMemoryInfo Info
        {
            get
            {
                using (Lease allocator = this.Hold())
                {
                    IntPtr info;
                    Status.Check(Table.AllocatorGetInfo(allocator.Pointer, out info));
                    return new OrtMemoryInfo(info, this);
                }
            }
        }

        public OrtMemoryAllocation Allocate(uint size)
        {
            using (Lease allocator = this.Hold())
            {
                IntPtr memory;
                Status.Check(Table.AllocatorAlloc(allocator.Pointer, (UIntPtr)size, out memory));
                return new OrtMemoryAllocation(this, memory, size);
            }
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseAllocator(handle);
            handle = IntPtr.Zero;
            session?.DangerousRelease();
            return true;
        }
    }

    /// Memory of an allocator, given back when disposed.
    public class OrtMemoryAllocation : SafeHandle
    {
        private readonly OrtAllocator allocator;

        internal OrtMemoryAllocation(OrtAllocator allocator, IntPtr memory, uint size)
            : base(IntPtr.Zero, true)
        {
            bool held = false;
            allocator.DangerousAddRef(ref held);
            this.allocator = allocator;
            Size = size;
            SetHandle(memory);
        }

        public uint Size { get; }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public OrtMemoryInfo Info => allocator.Info;

        protected override bool ReleaseHandle()
        {
            IntPtr status = Table.AllocatorFree(allocator.DangerousGetHandle(), handle);
            if (status != IntPtr.Zero) Table.ReleaseStatus(status);
            handle = IntPtr.Zero;
            allocator.DangerousRelease();
            return status == IntPtr.Zero;
        }
    }

    /// Memory of the program's own, to be bound as an input or output.
    public class OrtExternalAllocation
    {
        public OrtExternalAllocation(OrtMemoryInfo memInfo, long[] shape,
            TensorElementType elementType, IntPtr pointer, long sizeInBytes)
        {
            if (memInfo == null) throw new ArgumentNullException(nameof(memInfo));
            if (shape == null) throw new ArgumentNullException(nameof(shape));
            TensorElementTypeInfo type = TensorBase.GetElementTypeInfo(elementType);
            if (type == null || type.IsString)
            {
                throw new ArgumentException("Tensors of strings are not supported, nor " +
                    elementType, nameof(elementType));
            }
            long needed = Shapes.ByteCount(shape, type.TypeSize);
            if (needed > sizeInBytes)
            {
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument, "The shape needs " +
                    needed + " bytes, and the memory has " + sizeInBytes);
            }
            Info = memInfo;
            Shape = (long[])shape.Clone();
            ElementType = elementType;
            Pointer = pointer;
            Size = sizeInBytes;
        }

        public OrtMemoryInfo Info { get; }

        public TensorElementType ElementType { get; }

        public IntPtr Pointer { get; }

        public long Size { get; }

        public long[] Shape { get; }
    }
}
