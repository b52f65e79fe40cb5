using System;
using System.Collections.Generic;
using System.Linq;

namespace Microsoft.ML.OnnxRuntime
{
    // Runs. Names are looked up in the model first, so that a wrong one is told by its text.
    public partial class InferenceSession
    {
        // What is fed to a run or taken from it: names, and the values, which it may own.
        private sealed class Feed : IDisposable
        {
            private readonly bool owns;
            private readonly List<OrtValue> values;

            internal string[] Names { get; }

            internal Leases Held { get; }

            internal Feed(IEnumerable<string> names, IEnumerable<OrtValue> values, bool owns)
            {
                this.owns = owns;
                Names = names.ToArray();
                this.values = new List<OrtValue>(Names.Length);
                Held = new Leases(Names.Length);
                try
                {
                    foreach (OrtValue each in values)
                    {
                        if (each == null) throw new ArgumentNullException(nameof(values));
                        this.values.Add(each);
                        Held.Add(each.Handle);
                    }
                }
                catch
                {
                    Dispose();
                    throw;
                }
            }

            internal IntPtr[] Pointers => Held.Pointers;

            public void Dispose()
            {
                Held.Dispose();
                if (!owns) return;
                foreach (OrtValue each in values) each.Dispose();
            }
        }

        private Feed Inputs(IReadOnlyCollection<NamedOnnxValue> values)
        {
            if (values == null) throw new ArgumentNullException(nameof(values));
            string[] names = values.Select(each => each.Name).ToArray();
            RequireInputs(names);
            int index = 0;
            return new Feed(names, values.Select(each => ToOrtValue(each, names[index++])), true);
        }

        // What kind of value and which elements the model wants is told in terms of .NET.
        private OrtValue ToOrtValue(NamedOnnxValue named, string name)
        {
            NodeMetadata wanted = InputType(name);
            var tensor = named.Value as Tensors.TensorBase;
            if (named.ValueType != wanted.OnnxValueType &&
                wanted.OnnxValueType != OnnxValueType.ONNX_TYPE_OPTIONAL)
            {
                throw new OnnxRuntimeException(ErrorCode.RuntimeException, "Input '" + name +
                    "' metadata expects: " + wanted.OnnxValueType + ", and is given: " +
                    named.ValueType);
            }
            if (wanted.IsTensor && tensor != null &&
                tensor.GetTypeInfo()?.ElementType != wanted.ElementDataType)
            {
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                    "Tensor element data type discovered: " + tensor.GetTypeInfo()?.ElementType +
                    " metadata expected: " + wanted.ElementDataType);
            }
            return named.ToOrtValue();
        }

        private Feed Inputs(IReadOnlyCollection<string> names,
            IReadOnlyCollection<FixedBufferOnnxValue> values)
        {
            RequireSameCount("input", names, values);
            RequireInputs(names);
            return new Feed(names, values.Select(each => each.Value), false);
        }

        private Feed Inputs(IReadOnlyCollection<string> names, IReadOnlyCollection<OrtValue> values)
        {
            RequireSameCount("input", names, values);
            RequireInputs(names);
            return new Feed(names, values, false);
        }

        private Feed Outputs(IReadOnlyCollection<NamedOnnxValue> values)
        {
            if (values == null) throw new ArgumentNullException(nameof(values));
            foreach (NamedOnnxValue each in values)
            {
                var tensor = each.Value as Tensors.TensorBase;
                if (tensor != null && tensor.IsPinnable) continue;
                throw new NotSupportedException("Output '" + each.Name +
                    "' is to be written into a DenseTensor of numbers; a Tensor of " +
                    "reverseStride is not supported");
            }
            string[] names = values.Select(each => each.Name).ToArray();
            RequireOutputs(names);
            return new Feed(names, values.Select(each => each.ToOrtValue()), true);
        }

        private Feed Outputs(IReadOnlyCollection<string> names,
            IReadOnlyCollection<FixedBufferOnnxValue> values)
        {
            RequireSameCount("output", names, values);
            RequireOutputs(names);
            return new Feed(names, values.Select(each => each.Value), false);
        }

        private Feed Outputs(IReadOnlyCollection<string> names,
            IReadOnlyCollection<OrtValue> values)
        {
            RequireSameCount("output", names, values);
            RequireOutputs(names);
            return new Feed(names, values, false);
        }

        private static void RequireSameCount<T>(string side, IReadOnlyCollection<string> names,
            IReadOnlyCollection<T> values)
        {
            if (names == null) throw new ArgumentNullException(side + "Names");
            if (values == null) throw new ArgumentNullException(side + "Values");
            if (names.Count == values.Count) return;
            throw new ArgumentException("Length of " + side + "Names (" + names.Count +
                ") must match that of " + side + "Values (" + values.Count + ").");
        }

        private void RequireInputs(IEnumerable<string> names)
        {
            foreach (string name in names) InputType(name);
        }

        private NodeMetadata InputType(string name)
        {
            NodeMetadata type;
            if (name == null) throw new ArgumentNullException(nameof(name));
            if (inputs.TryGetValue(name, out type)) return type;
            if (initializers.TryGetValue(name, out type)) return type;
            throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                "Input name: '" + name + "' is not in the metadata");
        }

        private void RequireOutputs(IEnumerable<string> names)
        {
            if (names == null) throw new ArgumentNullException(nameof(names));
            foreach (string name in names)
            {
                if (name == null) throw new ArgumentNullException(nameof(names));
                if (outputs.ContainsKey(name)) continue;
                throw new OnnxRuntimeException(ErrorCode.InvalidArgument,
                    "Output name: '" + name + "' is not in the metadata");
            }
        }

        private void Call(RunOptions runOptions, Feed feed, string[] outputNames, IntPtr[] results)
        {
            using (Lease session = Handle.Hold())
            using (Lease options = new Lease(runOptions))
            using (var names = new Texts(feed.Names))
            using (var wanted = new Texts(outputNames))
            {
                Status.Check(Table.Run(session.Pointer, options.Pointer, names.Pointers,
                    feed.Pointers, Shapes.Count(feed.Names.Length), wanted.Pointers,
                    Shapes.Count(outputNames.Length), results));
            }
        }

        private DisposableList<OrtValue> RunForValues(RunOptions options, Feed feed,
            IReadOnlyCollection<string> outputNames)
        {
            using (feed)
            {
                string[] names = outputNames as string[] ?? outputNames?.ToArray();
                RequireOutputs(names);
                var results = new IntPtr[names.Length];
                Call(options, feed, names, results);
                return TakeAll(results);
            }
        }

        // Each handle is made before a value is asked for anything, so that none is lost.
        internal static DisposableList<OrtValue> TakeAll(IntPtr[] results)
        {
            ValueHandle[] handles = Array.ConvertAll(results, each => new ValueHandle(each));
            var values = new DisposableList<OrtValue>(handles.Length);
            foreach (ValueHandle each in handles) values.Add(new OrtValue(each));
            return values;
        }

        private IDisposableReadOnlyCollection<DisposableNamedOnnxValue> RunForNamed(
            RunOptions options, Feed feed, IReadOnlyCollection<string> outputNames)
        {
            return Name(RunForValues(options, feed, outputNames), outputNames);
        }

        private static DisposableList<DisposableNamedOnnxValue> Name(
            DisposableList<OrtValue> values, IEnumerable<string> names)
        {
            var named = new DisposableList<DisposableNamedOnnxValue>(values.Count);
            try
            {
                int index = 0;
                foreach (string name in names)
                {
                    named.Add(DisposableNamedOnnxValue.FromOrtValue(name, values[index++]));
                }
                return named;
            }
            catch
            {
                named.Dispose();
                values.Dispose();
                throw;
            }
        }

        private void RunInto(RunOptions options, Feed feed, Func<Feed> makeOutputs)
        {
            using (feed)
            using (Feed outputs = makeOutputs())
            {
                Call(options, feed, outputs.Names, outputs.Pointers);
            }
        }
    }
}
