// What programs get wrong, and how they are told.
using System;
using System.Collections.Generic;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class ErrorTests
{
    private static void Fails(string message, Action<InferenceSession> body)
    {
        using (InferenceSession session = Models.Arithmetic())
        {
            Check.Throws<OnnxRuntimeException>(message, () => body(session));
        }
    }

    private static NamedOnnxValue Floats(string name, params int[] dims)
    {
        return NamedOnnxValue.CreateFromTensor(name, new DenseTensor<float>(dims));
    }

    public static void NamesWrongInputs()
    {
        Fails("[ErrorCode:InvalidArgument] Input name: 'wrong_name' is not in the metadata",
            session => session.Run(new[] { Floats("wrong_name", 2, 2) }));
        Fails("Input name: 'extra' is not in the metadata", session =>
        {
            List<NamedOnnxValue> inputs = Models.Pair();
            inputs.Add(Floats("extra", 2, 2));
            session.Run(inputs);
        });
        using (OrtValue value = Models.SquareValue(Models.A))
        {
            Fails("Input name: 'bad' is not in the metadata", session =>
                session.Run(
                    Models.Defaults, new[] { "bad" }, new[] { value }, session.OutputNames));
        }
    }

    public static void NamesWrongOutputs()
    {
        Fails("[ErrorCode:InvalidArgument] Output name: 'bad_output_name' is not in the metadata",
            session => session.Run(Models.Pair(), new[] { "bad_output_name" }));
        Fails("At least one output should be requested.",
            session => session.Run(Models.Pair(), new string[0]));
    }

    [NotInLibrary("the kernel that misses its operand reports it, as ErrorCode:Fail")]
    public static void NamesMissingInputs()
    {
        Fails("[ErrorCode:InvalidArgument] Missing Input: b",
            session => session.Run(new[] { Floats("a", 2, 2) }));
    }

    public static void TellsWrongRanks()
    {
        Fails("Invalid rank for input: a",
            session => session.Run(new[] { Floats("a", 2), Floats("b", 2, 2) }));
    }

    public static void TellsWrongDimensions()
    {
        Fails("[ErrorCode:InvalidArgument] Got invalid dimensions for input: a",
            session => session.Run(new[] { Floats("a", 2, 3), Floats("b", 2, 2) }));
    }

    public static void TellsWrongTypes()
    {
        Fails("[ErrorCode:InvalidArgument] Tensor element data type discovered: Int32 metadata " +
            "expected: Float", session => session.Run(new[]
            {
                NamedOnnxValue.CreateFromTensor("a", new DenseTensor<int>(new[] { 2, 2 })),
                Floats("b", 2, 2),
            }));
        using (OrtValue doubles = OrtValue.CreateTensorValueFromMemory(
            new double[4], new long[] { 2, 2 }), floats = Models.SquareValue(Models.B))
        {
            Fails("[ErrorCode:InvalidArgument] Unexpected input data type. Actual: " +
                "(tensor(double)) , expected: (tensor(float))", session => session.Run(
                    Models.Defaults, Models.AB, new[] { doubles, floats }, session.OutputNames));
        }
        Fails("ONNX_TYPE_SEQUENCE", session => session.Run(new[]
        {
            NamedOnnxValue.CreateFromSequence("a", new[] { new DenseTensor<float>(new[] { 2 }) }),
            Floats("b", 2, 2),
        }));
    }

    public static void CountsNamesAndValues()
    {
        using (InferenceSession session = Models.Arithmetic())
        using (var a = FixedBufferOnnxValue.CreateFromTensor(Models.Square(Models.A)))
        using (OrtValue value = Models.SquareValue(Models.A))
        {
            Check.Throws<ArgumentException>(
                "Length of inputNames (2) must match that of inputValues (1).",
                () => session.Run(Models.AB, new[] { a }));
            Check.Throws<ArgumentException>(
                "Length of outputNames (1) must match that of outputValues (2).",
                () => session.Run(Models.Defaults, Models.AB, new[] { value, value },
                    new[] { "sum" }, new[] { value, value }));
        }
    }

    public static void TellsWrongOutputBuffers()
    {
        Fails("[ErrorCode:", session => session.Run(Models.Pair(), new[] { Floats("sum", 1, 2) }));
        Fails("[ErrorCode:", session => session.Run(Models.Pair(), new[]
        {
            NamedOnnxValue.CreateFromTensor("sum", new DenseTensor<double>(new[] { 2, 2 })),
        }));
    }

    public static void TellsOfModelsThatDoNotLoad()
    {
        Check.Throws<OnnxRuntimeException>("[ErrorCode:NoSuchFile] Load model from missing.onnx " +
            "failed", () => new InferenceSession("missing.onnx"));
        Check.Throws<OnnxRuntimeException>("[ErrorCode:InvalidProtobuf]",
            () => new InferenceSession(Models.Path("broken.onnx")));
        Check.Throws<OnnxRuntimeException>("[ErrorCode:InvalidProtobuf]",
            () => new InferenceSession(Models.Bytes("broken.onnx")));
        Check.Throws<OnnxRuntimeException>("[ErrorCode:",
            () => new InferenceSession(new byte[0]));
    }

    private static void Closed(Action body)
    {
        Check.Throws<ObjectDisposedException>("", body);
    }

    [NotInAssembly("it hands NULL to the library, or uses what is freed")]
    public static void RefusesWhatIsDisposedOf()
    {
        InferenceSession session = Models.Arithmetic();
        OrtIoBinding binding = session.CreateIoBinding();
        OrtValue value = Models.SquareValue(Models.A);
        IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results =
            session.Run(Models.Pair());
        Tensor<float> sum = results[0].AsTensor<float>();
        value.Dispose();
        value.Dispose();
        Closed(() => value.GetTensorTypeAndShape());
        Closed(() => value.GetTensorDataAsSpan<float>());
        Closed(() => binding.BindInput("a", value));
        Closed(() => session.Run(
            Models.Defaults, new[] { "a" }, new[] { value }, session.OutputNames));
        results.Dispose();
        Closed(() => sum.GetValue(0));
        binding.Dispose();
        Closed(() => session.RunWithBinding(Models.Defaults, binding));
        var runOptions = new RunOptions();
        runOptions.Dispose();
        Closed(() => runOptions.Terminate = true);
        Closed(() => session.Run(Models.Pair(), session.OutputNames, runOptions));
        session.Dispose();
        session.Dispose();
        Closed(() => session.Run(Models.Pair()));
        Closed(() => session.CreateIoBinding());
        Closed(() => session.EndProfiling());
        var options = new SessionOptions();
        options.Dispose();
        Closed(() => options.IntraOpNumThreads = 1);
        Closed(() => new InferenceSession(Models.Path("arithmetic.onnx"), options));
    }
}
