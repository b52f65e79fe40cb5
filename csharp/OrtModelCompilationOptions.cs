using System;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    [Flags]
    public enum OrtCompileApiFlags : uint
    {
        NONE = 0,
        ERROR_IF_NO_NODES_COMPILED = 1,
        ERROR_IF_OUTPUT_FILE_EXISTS = 2,
    }

    /// Writes a model as a session with these options would run it.
    public class OrtModelCompilationOptions : SafeHandle
    {
        // The library reads the model when it compiles.
        private GCHandle model;

        public OrtModelCompilationOptions(SessionOptions sessionOptions) : base(IntPtr.Zero, true)
        {
            if (sessionOptions == null) throw new ArgumentNullException(nameof(sessionOptions));
            FnPPO create = Since(Table.CreateModelCompilationOptionsFromSessionOptions);
            using (Lease env = OrtEnv.Instance().Hold())
            using (Lease options = sessionOptions.Hold())
            {
                IntPtr made;
                Status.Check(create(env.Pointer, options.Pointer, out made));
                SetHandle(made);
            }
        }

        private static T Since<T>(T entry) where T : class
        {
            return Status.Since(entry, 22, "OrtModelCompilationOptions");
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        public void CompileModel()
        {
            using (Lease env = OrtEnv.Instance().Hold())
            using (Lease options = this.Hold())
            {
                Status.Check(Since(Table.CompileModel)(env.Pointer, options.Pointer));
            }
        }

        public void SetInputModelPath(string path)
        {
            Set(Table.ModelCompilationOptions_SetInputModelPath, Text.Path(path));
        }

        public void SetInputModelFromBuffer(byte[] buffer)
        {
            if (buffer == null) throw new ArgumentNullException(nameof(buffer));
            GCHandle pin = GCHandle.Alloc(buffer, GCHandleType.Pinned);
            using (Lease options = this.Hold())
            {
                if (model.IsAllocated) model.Free();
                model = pin;
                Status.Check(Since(Table.ModelCompilationOptions_SetInputModelFromBuffer)(
                    options.Pointer, pin.AddrOfPinnedObject(), Shapes.Count(buffer.Length)));
            }
        }

        public void SetOutputModelPath(string path)
        {
            Set(Table.ModelCompilationOptions_SetOutputModelPath, Text.Path(path));
        }

        /// Initializers of at least `threshold` bytes go to this file.
        public void SetOutputModelExternalInitializersFile(string filePath, ulong threshold)
        {
            using (Lease options = this.Hold())
            {
                FnPSN set = Table.ModelCompilationOptions_SetOutputModelExternalInitializersFile;
                Status.Check(Since(set)(
                    options.Pointer, Text.Path(filePath), (UIntPtr)threshold));
            }
        }

        public void SetEpContextEmbedMode(bool embed)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Since(Table.ModelCompilationOptions_SetEpContextEmbedMode)(
                    options.Pointer, embed ? (byte)1 : (byte)0));
            }
        }

        public void SetFlags(OrtCompileApiFlags flags)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Since(Table.ModelCompilationOptions_SetFlags)(
                    options.Pointer, (uint)flags));
            }
        }

        public void SetGraphOptimizationLevel(GraphOptimizationLevel level)
        {
            using (Lease options = this.Hold())
            {
                Status.Check(Since(Table.ModelCompilationOptions_SetGraphOptimizationLevel)(
                    options.Pointer, (int)level));
            }
        }

        private void Set(FnPS entry, byte[] value)
        {
            using (Lease options = this.Hold()) Status.Check(Since(entry)(options.Pointer, value));
        }

        protected override bool ReleaseHandle()
        {
            Table.ReleaseModelCompilationOptions(handle);
            handle = IntPtr.Zero;
            if (model.IsAllocated) model.Free();
            return true;
        }
    }
}
