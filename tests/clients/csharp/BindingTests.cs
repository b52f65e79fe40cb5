// Bindings of inputs and outputs to memory.
using System;
using System.Linq;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class BindingTests
{
    private static readonly long[] shape = { 2, 2 };

    public static void WritesIntoBoundOutputs()
    {
        var sum = new float[4];
        using (InferenceSession session = Models.Arithmetic())
        using (OrtIoBinding binding = session.CreateIoBinding())
        using (var options = new RunOptions())
        using (OrtValue a = Models.SquareValue(Models.A), b = Models.SquareValue(Models.B))
        using (OrtValue output = Models.SquareValue(sum))
        {
            binding.BindInput("a", a);
            binding.BindInput("b", b);
            binding.BindOutput("sum", output);
            binding.BindOutputToDevice("product", OrtMemoryInfo.DefaultInstance);
            Check.Elements(new[] { "sum", "product" }, binding.GetOutputNames());
            for (int i = 0; i < 3; ++i)
            {
                Array.Clear(sum, 0, 4);
                binding.SynchronizeBoundInputs();
                session.RunWithBinding(options, binding);
                binding.SynchronizeBoundOutputs();
                Check.Elements(Models.Sum, sum);
            }
            using (var results = binding.GetOutputValues())
            {
                Check.Elements(Models.Sum, results[0].GetTensorDataAsSpan<float>().ToArray());
                Check.Elements(Models.Product, results[1].GetTensorDataAsSpan<float>().ToArray());
            }
            using (var results = session.RunWithBoundResults(options, binding))
            {
                Check.Elements(Models.Product, results[1].GetTensorDataAsSpan<float>().ToArray());
            }
            using (var results = session.RunWithBindingAndNames(options, binding))
            {
                Check.Equal("product", results[1].Name);
                Check.Elements(Models.Product, results[1].AsTensor<float>());
            }
            binding.ClearBoundOutputs();
            Check.Equal(0, binding.GetOutputNames().Length);
            binding.ClearBoundInputs();
            Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                () => session.RunWithBoundResults(options, binding));
        }
    }

    public static void BindsMemoryOfAllocators()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance))
        using (OrtMemoryAllocation memory = allocator.Allocate(16))
        using (OrtIoBinding binding = session.CreateIoBinding())
        using (var a = FixedBufferOnnxValue.CreateFromTensor(Models.Square(Models.A)))
        {
            Check.Equal(16u, memory.Size);
            Check.Equal("Cpu", memory.Info.Name);
            GCHandle b = GCHandle.Alloc(Models.B, GCHandleType.Pinned);
            var external = new OrtExternalAllocation(OrtMemoryInfo.DefaultInstance, shape,
                TensorElementType.Float, b.AddrOfPinnedObject(), 16);
            binding.BindInput("a", a);
            binding.BindInput("b", external);
            binding.BindOutput("sum", TensorElementType.Float, shape, memory);
            session.RunWithBinding(Models.Defaults, binding);
            var sum = new float[4];
            Marshal.Copy(memory.DangerousGetHandle(), sum, 0, 4);
            Check.Elements(Models.Sum, sum);
            b.Free();
            Check.Throws<OnnxRuntimeException>("16 bytes", () => new OrtExternalAllocation(
                OrtMemoryInfo.DefaultInstance, shape, TensorElementType.Float, IntPtr.Zero, 15));
        }
    }

    [NotInAssembly("it frees what is in use")]
    public static void TakesNewValuesForNames()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (OrtIoBinding binding = session.CreateIoBinding())
        using (OrtValue b = Models.SquareValue(Models.B))
        {
            binding.BindInput("b", b);
            for (int i = 0; i < 3; ++i)
            {
                using (OrtValue a = Models.SquareValue(Models.A.Select(each => each + i).ToArray()))
                {
                    binding.BindInput("a", a);
                }
                binding.BindOutputToDevice("sum", OrtMemoryInfo.DefaultInstance);
                LifetimeTests.Churn();
                using (var results = session.RunWithBoundResults(Models.Defaults, binding))
                {
                    Check.Elements(Models.Sum.Select(each => each + i),
                        results[0].GetTensorDataAsSpan<float>().ToArray());
                }
            }
        }
    }

    private static OrtIoBinding Bound(InferenceSession session, float first)
    {
        OrtIoBinding binding = session.CreateIoBinding();
        binding.BindInput("a", Models.SquareValue(new[] { first, 1, 2, 3 }));
        binding.BindInput("b", Models.SquareValue(new float[4]));
        binding.BindOutputToDevice("sum", OrtMemoryInfo.DefaultInstance);
        return binding;
    }

    // The values are forgotten, not disposed of; the original assembly leaves them to the caller.
    [NotInAssembly("it frees what is in use")]
    public static void BindingsHoldTheirValues()
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            OrtIoBinding[] bindings =
                Enumerable.Range(0, 300).Select(i => Bound(session, i)).ToArray();
            LifetimeTests.Churn();
            for (int i = 0; i < bindings.Length; ++i)
            {
                using (var results = session.RunWithBoundResults(Models.Defaults, bindings[i]))
                {
                    Check.Elements(new float[] { i, 1, 2, 3 },
                        results[0].GetTensorDataAsSpan<float>().ToArray());
                }
                bindings[i].Dispose();
            }
        }
    }

    public static void RefusesWhatDoesNotFit()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (OrtValue a = Models.SquareValue(Models.A), b = Models.SquareValue(Models.B))
        using (OrtValue small =
            OrtValue.CreateTensorValueFromMemory(new float[2], new long[] { 1, 2 }))
        {
            using (OrtIoBinding binding = session.CreateIoBinding())
            {
                Check.Throws<OnnxRuntimeException>("nobody", () =>
                {
                    binding.BindInput("nobody", a);
                    binding.BindOutputToDevice("sum", OrtMemoryInfo.DefaultInstance);
                    session.RunWithBinding(Models.Defaults, binding);
                });
            }
            using (OrtIoBinding binding = session.CreateIoBinding())
            {
                binding.BindInput("a", a);
                binding.BindInput("b", b);
                binding.BindOutput("sum", small);
                Check.Throws<OnnxRuntimeException>("[ErrorCode:",
                    () => session.RunWithBinding(Models.Defaults, binding));
            }
        }
    }
}
