using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;

namespace Microsoft.ML.OnnxRuntime
{
    /// A loaded model, to be run by any number of threads at once.
    public partial class InferenceSession : IDisposable
    {
        private Dictionary<string, NodeMetadata> inputs;
        private Dictionary<string, NodeMetadata> outputs;
        private Dictionary<string, NodeMetadata> initializers;
        private ModelMetadata modelMetadata;

        private SessionHandle handle;
        private volatile bool disposed;

        // Runs under way keep the session itself until they end.
        internal SessionHandle Handle =>
            disposed ? throw new ObjectDisposedException(nameof(InferenceSession)) : handle;

        public InferenceSession(string modelPath)
        {
            Load(null, null, Text.Path(modelPath), null);
        }

        public InferenceSession(string modelPath, SessionOptions options)
        {
            Load(Require(options), null, Text.Path(modelPath), null);
        }

        public InferenceSession(string modelPath,
            PrePackedWeightsContainer prepackedWeightsContainer)
        {
            Load(null, prepackedWeightsContainer, Text.Path(modelPath), null);
        }

        public InferenceSession(string modelPath, SessionOptions options,
            PrePackedWeightsContainer prepackedWeightsContainer)
        {
            Load(Require(options), prepackedWeightsContainer, Text.Path(modelPath), null);
        }

        public InferenceSession(byte[] model)
        {
            Load(null, null, null, Require(model));
        }

        public InferenceSession(byte[] model, SessionOptions options)
        {
            Load(Require(options), null, null, Require(model));
        }

        public InferenceSession(byte[] model, PrePackedWeightsContainer prepackedWeightsContainer)
        {
            Load(null, prepackedWeightsContainer, null, Require(model));
        }

        public InferenceSession(byte[] model, SessionOptions options,
            PrePackedWeightsContainer prepackedWeightsContainer)
        {
            Load(Require(options), prepackedWeightsContainer, null, Require(model));
        }

        private static T Require<T>(T argument) where T : class
        {
            return argument ?? throw new ArgumentNullException(typeof(T).Name);
        }

        private void Load(SessionOptions options, PrePackedWeightsContainer container, byte[] path,
            byte[] model)
        {
            OrtEnv env = OrtEnv.Instance();
            SessionOptions used = options ?? new SessionOptions();
            try
            {
                Create(env, used, container, path, model);
            }
            finally
            {
                if (options == null) used.Dispose();
            }
            try
            {
                ReadTypes();
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }

        private void Create(OrtEnv env, SessionOptions options, PrePackedWeightsContainer container,
            byte[] path, byte[] model)
        {
            using (Lease owner = env.Hold())
            using (Lease settings = options.Hold())
            using (Lease weights = new Lease(container))
            {
                IntPtr e = owner.Pointer, o = settings.Pointer, w = weights.Pointer, made, status;
                if (model != null)
                {
                    UIntPtr size = Shapes.Count(model.Length);
                    status = container == null
                        ? Table.CreateSessionFromArray(e, model, size, o, out made)
                        : Table.CreateSessionFromArrayWithPrepackedWeightsContainer(
                            e, model, size, o, w, out made);
                }
                else
                {
                    status = container == null
                        ? Table.CreateSession(e, path, o, out made)
                        : Table.CreateSessionWithPrepackedWeightsContainer(e, path, o, w, out made);
                }
                Status.Check(status);
                var foundations = new List<SafeHandle>(options.Initializers) { env };
                if (container != null) foundations.Add(container);
                handle = new SessionHandle(made, foundations.ToArray());
            }
        }

        private void ReadTypes()
        {
            using (Lease session = Handle.Hold())
            {
                IntPtr held = session.Pointer;
                InputNames = Names(held, Table.SessionGetInputCount, Table.SessionGetInputName);
                OutputNames = Names(held, Table.SessionGetOutputCount, Table.SessionGetOutputName);
                OverridableNames = Names(held, Table.SessionGetOverridableInitializerCount,
                    Table.SessionGetOverridableInitializerName);
                inputs = Types(held, InputNames, Table.SessionGetInputTypeInfo);
                outputs = Types(held, OutputNames, Table.SessionGetOutputTypeInfo);
                initializers = Types(held, OverridableNames,
                    Table.SessionGetOverridableInitializerTypeInfo);
                long start;
                Status.Check(Table.SessionGetProfilingStartTimeNs(held, out start));
                ProfilingStartTimeNs = (ulong)start;
            }
        }

        private static string[] Names(IntPtr session, FnPOn countOf, FnPNPO nameOf)
        {
            UIntPtr count;
            Status.Check(countOf(session, out count));
            var names = new string[(int)count];
            for (int i = 0; i < names.Length; ++i)
            {
                IntPtr name;
                Status.Check(
                    nameOf(session, Shapes.Count(i), OrtAllocator.DefaultPointer, out name));
                names[i] = Text.Take(name);
            }
            return names;
        }

        private static Dictionary<string, NodeMetadata> Types(IntPtr session,
            IReadOnlyList<string> names, FnPNO typeOf)
        {
            var types = new Dictionary<string, NodeMetadata>(names.Count);
            for (int i = 0; i < names.Count; ++i)
            {
                IntPtr info;
                Status.Check(typeOf(session, Shapes.Count(i), out info));
                types[names[i]] = new NodeMetadata(OrtTypeInfo.Take(info));
            }
            return types;
        }

        public IReadOnlyDictionary<string, NodeMetadata> InputMetadata => inputs;

        public IReadOnlyDictionary<string, NodeMetadata> OutputMetadata => outputs;

        public IReadOnlyDictionary<string, NodeMetadata> OverridableInitializerMetadata =>
            initializers;

        public IReadOnlyList<string> InputNames { get; private set; }

        public IReadOnlyList<string> OutputNames { get; private set; }

        private IReadOnlyList<string> OverridableNames { get; set; }

        public ModelMetadata ModelMetadata
        {
            get
            {
                if (modelMetadata == null) modelMetadata = new ModelMetadata(Handle);
                return modelMetadata;
            }
        }

        public ulong ProfilingStartTimeNs { get; private set; }

        /// Writes the profile, and gives the name of its file.
        public string EndProfiling()
        {
            using (Lease session = Handle.Hold())
            {
                IntPtr name;
                Status.Check(Table.SessionEndProfiling(
                    session.Pointer, OrtAllocator.DefaultPointer, out name));
                return Text.Take(name);
            }
        }

        public void SetEpDynamicOptions(IReadOnlyDictionary<string, string> options)
        {
            if (options == null) throw new ArgumentNullException(nameof(options));
            string[] keys = options.Keys.ToArray();
            using (var names = new Texts(keys))
            using (var values = new Texts(keys.Select(key => options[key])))
            using (Lease session = Handle.Hold())
            {
                Status.Check(Status.Since(Table.SetEpDynamicOptions, 20, "SetEpDynamicOptions")(
                    session.Pointer, names.Pointers, values.Pointers, Shapes.Count(keys.Length)));
            }
        }

        public IDisposableReadOnlyCollection<OrtMemoryInfo> GetMemoryInfosForInputs()
        {
            return MemoryInfos(Table.SessionGetMemoryInfoForInputs, InputNames.Count);
        }

        public IDisposableReadOnlyCollection<OrtMemoryInfo> GetMemoryInfosForOutputs()
        {
            return MemoryInfos(Table.SessionGetMemoryInfoForOutputs, OutputNames.Count);
        }

        private DisposableList<OrtMemoryInfo> MemoryInfos(FnPAN entry, int count)
        {
            var infos = new DisposableList<OrtMemoryInfo>(count);
            foreach (IntPtr each in Each(entry, count, "GetMemoryInfosForInputs/Outputs"))
            {
                infos.Add(new OrtMemoryInfo(each, Handle));
            }
            return infos;
        }

        /// The device that each input is wanted on; null where it does not matter.
        public IReadOnlyList<OrtEpDevice> GetEpDeviceForInputs()
        {
            IntPtr[] devices = Each(
                Table.SessionGetEpDeviceForInputs, InputNames.Count, "GetEpDeviceForInputs");
            return Array.ConvertAll(
                devices, each => each == IntPtr.Zero ? null : new OrtEpDevice(each));
        }

        private IntPtr[] Each(FnPAN entry, int count, string name)
        {
            var pointers = new IntPtr[count];
            using (Lease session = Handle.Hold())
            {
                Status.Check(Status.Since(entry, 23, name)(
                    session.Pointer, pointers, Shapes.Count(count)));
            }
            return pointers;
        }

        public void Dispose()
        {
            Dispose(true);
            GC.SuppressFinalize(this);
        }

        protected virtual void Dispose(bool disposing)
        {
            if (disposing) handle?.Dispose();
            disposed = true;
        }
    }
}
