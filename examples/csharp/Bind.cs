// Runs a model ten times into memory that is bound once: Bind.exe MODEL. Prints the first five
// values of the output.
using System;
using System.Globalization;
using System.Linq;
using Microsoft.ML.OnnxRuntime;

public static class Bind
{
    private static long[] Shape(NodeMetadata node)
    {
        return node.Dimensions.Select(dim => (long)Math.Max(dim, 1)).ToArray();
    }

    private static float[] Elements(long[] shape)
    {
        return new float[shape.Aggregate(1L, (count, dim) => count * dim)];
    }

    public static int Main(string[] arguments)
    {
        if (arguments.Length != 1)
        {
            Console.Error.WriteLine("usage: Bind MODEL");
            return 2;
        }
        using (var session = new InferenceSession(arguments[0]))
        {
            string input = session.InputNames[0], output = session.OutputNames[0];
            long[] inputShape = Shape(session.InputMetadata[input]);
            long[] outputShape = Shape(session.OutputMetadata[output]);
            float[] image = Elements(inputShape);
            for (int i = 0; i < image.Length; ++i) image[i] = i % 256 / 255f;
            float[] scores = Elements(outputShape);

            // Both values stand on the arrays, which stay pinned while the values live.
            using (var fed = OrtValue.CreateTensorValueFromMemory(image, inputShape))
            using (var fetched = OrtValue.CreateTensorValueFromMemory(scores, outputShape))
            using (var options = new RunOptions())
            using (OrtIoBinding binding = session.CreateIoBinding())
            {
                binding.BindInput(input, fed);
                binding.BindOutput(output, fetched);
                for (int i = 0; i < 10; ++i) session.RunWithBinding(options, binding);
            }
            Console.WriteLine(string.Join(" ", scores.Take(5).Select(
                score => score.ToString("G9", CultureInfo.InvariantCulture))));
        }
        return 0;
    }
}
