using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace Microsoft.ML.OnnxRuntime
{
    public partial class InferenceSession
    {
        /// Runs on the session's threads, into the values given; they are what the task gives.
        public Task<IReadOnlyCollection<OrtValue>> RunAsync(RunOptions options,
            IReadOnlyCollection<string> inputNames, IReadOnlyCollection<OrtValue> inputValues,
            IReadOnlyCollection<string> outputNames, IReadOnlyCollection<OrtValue> outputValues)
        {
            var call = new AsyncCall(outputValues);
            try
            {
                call.Keep(options, Inputs(inputNames, inputValues),
                    Outputs(outputNames, outputValues));
                call.Start(Handle);
            }
            catch
            {
                call.Dispose();
                throw;
            }
            return call.Task;
        }

        // What a run under way needs: it stays until the library says that it has run.
        private sealed class AsyncCall : IDisposable
        {
            private static readonly AsyncCallback callback = Done;
            private static readonly IntPtr callbackPointer =
                Marshal.GetFunctionPointerForDelegate(callback);

            private readonly TaskCompletionSource<IReadOnlyCollection<OrtValue>> completion =
                new TaskCompletionSource<IReadOnlyCollection<OrtValue>>(
                    TaskCreationOptions.RunContinuationsAsynchronously);
            private readonly IReadOnlyCollection<OrtValue> results;
            private readonly List<IDisposable> kept = new List<IDisposable>();
            private readonly List<IntPtr> arrays = new List<IntPtr>();
            private IntPtr options, inputs, inputNames, outputs, outputNames;
            private UIntPtr inputCount, outputCount;
            private Lease session, optionsLease;
            private GCHandle self;

            internal AsyncCall(IReadOnlyCollection<OrtValue> results)
            {
                this.results = results;
            }

            internal Task<IReadOnlyCollection<OrtValue>> Task => completion.Task;

            internal void Keep(RunOptions runOptions, Feed from, Feed into)
            {
                kept.Add(from);
                kept.Add(into);
                optionsLease = new Lease(runOptions);
                options = optionsLease.Pointer;
                inputNames = TextArray(from.Names);
                inputs = Array(from.Pointers);
                inputCount = Shapes.Count(from.Names.Length);
                outputNames = TextArray(into.Names);
                outputs = Array(into.Pointers);
                outputCount = Shapes.Count(into.Names.Length);
            }

            private IntPtr TextArray(string[] names)
            {
                var texts = new Texts(names);
                kept.Add(texts);
                return Array(texts.Pointers);
            }

            private IntPtr Array(IntPtr[] pointers)
            {
                IntPtr array = Marshal.AllocHGlobal(Math.Max(1, pointers.Length) * IntPtr.Size);
                arrays.Add(array);
                Marshal.Copy(pointers, 0, array, pointers.Length);
                return array;
            }

            internal void Start(SessionHandle handle)
            {
                session = handle.Hold();
                self = GCHandle.Alloc(this);
                Status.Check(Status.Since(Table.RunAsync, 16, "RunAsync")(session.Pointer, options,
                    inputNames, inputs, inputCount, outputNames, outputCount, outputs,
                    callbackPointer, GCHandle.ToIntPtr(self)));
            }

            // On a thread of the library's: nothing may be thrown.
            private static void Done(IntPtr userData, IntPtr outputs, UIntPtr count, IntPtr status)
            {
                var call = (AsyncCall)GCHandle.FromIntPtr(userData).Target;
                if (status == IntPtr.Zero)
                {
                    call.Dispose();
                    call.completion.TrySetResult(call.results);
                    return;
                }
                OnnxRuntimeException error = Status.Take(status);
                call.Dispose();
                call.completion.TrySetException(error);
            }

            public void Dispose()
            {
                foreach (IDisposable each in kept) each.Dispose();
                kept.Clear();
                foreach (IntPtr each in arrays) Marshal.FreeHGlobal(each);
                arrays.Clear();
                session.Dispose();
                optionsLease.Dispose();
                if (self.IsAllocated) self.Free();
            }
        }
    }
}
