using System.Collections.Generic;
using System.Linq;

namespace Microsoft.ML.OnnxRuntime
{
    // The forms in which programs ask for runs. Outputs that are given are written into; others are
    // made, and are the caller's to dispose of.
    public partial class InferenceSession
    {
        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<NamedOnnxValue> inputs)
        {
            return Run(inputs, OutputNames, (RunOptions)null);
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<NamedOnnxValue> inputs, IReadOnlyCollection<string> outputNames)
        {
            return Run(inputs, outputNames, (RunOptions)null);
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<NamedOnnxValue> inputs, IReadOnlyCollection<string> outputNames,
            RunOptions options)
        {
            return RunForNamed(options, Inputs(inputs), outputNames);
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues)
        {
            return Run(inputNames, inputValues, OutputNames, (RunOptions)null);
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<string> outputNames)
        {
            return Run(inputNames, inputValues, outputNames, (RunOptions)null);
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> Run(
            IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<string> outputNames, RunOptions options)
        {
            return RunForNamed(options, Inputs(inputNames, inputValues), outputNames);
        }

        public void Run(IReadOnlyCollection<NamedOnnxValue> inputs,
            IReadOnlyCollection<NamedOnnxValue> outputs)
        {
            Run(inputs, outputs, null);
        }

        public void Run(IReadOnlyCollection<NamedOnnxValue> inputs,
            IReadOnlyCollection<NamedOnnxValue> outputs, RunOptions options)
        {
            RunInto(options, Inputs(inputs), () => Outputs(outputs));
        }

        public void Run(IReadOnlyCollection<NamedOnnxValue> inputs,
            IReadOnlyCollection<string> outputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> outputValues)
        {
            Run(inputs, outputNames, outputValues, null);
        }

        public void Run(IReadOnlyCollection<NamedOnnxValue> inputs,
            IReadOnlyCollection<string> outputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> outputValues, RunOptions options)
        {
            RunInto(options, Inputs(inputs), () => Outputs(outputNames, outputValues));
        }

        public void Run(IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<NamedOnnxValue> outputs)
        {
            Run(inputNames, inputValues, outputs, null);
        }

        public void Run(IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<NamedOnnxValue> outputs, RunOptions options)
        {
            RunInto(options, Inputs(inputNames, inputValues), () => Outputs(outputs));
        }

        public void Run(IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<string> outputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> outputValues)
        {
            Run(inputNames, inputValues, outputNames, outputValues, null);
        }

        public void Run(IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> inputValues,
            IReadOnlyCollection<string> outputNames,
            IReadOnlyCollection<FixedBufferOnnxValue> outputValues, RunOptions options)
        {
            RunInto(options, Inputs(inputNames, inputValues),
                () => Outputs(outputNames, outputValues));
        }

        public IDisposableReadOnlyCollection<OrtValue> Run(RunOptions runOptions,
            IReadOnlyDictionary<string, OrtValue> inputs, IReadOnlyCollection<string> outputNames)
        {
            return Run(runOptions, inputs?.Keys.ToArray(), inputs?.Values.ToArray(), outputNames);
        }

        public IDisposableReadOnlyCollection<OrtValue> Run(RunOptions runOptions,
            IReadOnlyCollection<string> inputNames, IReadOnlyCollection<OrtValue> inputValues,
            IReadOnlyCollection<string> outputNames)
        {
            return RunForValues(runOptions, Inputs(inputNames, inputValues), outputNames);
        }

        public void Run(RunOptions runOptions, IReadOnlyCollection<string> inputNames,
            IReadOnlyCollection<OrtValue> inputValues, IReadOnlyCollection<string> outputNames,
            IReadOnlyCollection<OrtValue> outputValues)
        {
            RunInto(runOptions, Inputs(inputNames, inputValues),
                () => Outputs(outputNames, outputValues));
        }

        public OrtIoBinding CreateIoBinding()
        {
            return new OrtIoBinding(this);
        }

        public void RunWithBinding(RunOptions runOptions, OrtIoBinding ioBinding)
        {
            using (Lease session = Handle.Hold())
            using (Lease options = new Lease(runOptions))
            using (Lease binding = new Lease(ioBinding))
            {
                Status.Check(Table.RunWithBinding(
                    session.Pointer, options.Pointer, binding.Pointer));
            }
        }

        public IDisposableReadOnlyCollection<OrtValue> RunWithBoundResults(RunOptions runOptions,
            OrtIoBinding ioBinding)
        {
            RunWithBinding(runOptions, ioBinding);
            ioBinding.SynchronizeBoundOutputs();
            return ioBinding.GetOutputValues();
        }

        public IDisposableReadOnlyCollection<DisposableNamedOnnxValue> RunWithBindingAndNames(
            RunOptions runOptions, OrtIoBinding ioBinding, string[] names = null)
        {
            RunWithBinding(runOptions, ioBinding);
            return Name(ioBinding.TakeOutputs(), names ?? ioBinding.GetOutputNames());
        }
    }
}
