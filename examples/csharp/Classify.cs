// Classifies a picture: Classify.exe MODEL PICTURE.ppm (binary PPM, 224 by 224), five lines
// "class score", the best first.
using System;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

public static class Classify
{
    private const int Side = 224;
    private static readonly float[] mean = { 0.485f, 0.456f, 0.406f };
    private static readonly float[] deviation = { 0.229f, 0.224f, 0.225f };

    private static DenseTensor<float> ReadPicture(string path)
    {
        byte[] header = Encoding.ASCII.GetBytes("P6\n" + Side + " " + Side + "\n255\n");
        byte[] bytes = File.ReadAllBytes(path);
        if (bytes.Length != header.Length + 3 * Side * Side ||
            !bytes.Take(header.Length).SequenceEqual(header))
        {
            throw new InvalidDataException(path + " is no binary PPM of " + Side + " by " + Side);
        }
        var image = new DenseTensor<float>(new[] { 1, 3, Side, Side });
        Span<float> pixels = image.Buffer.Span;
        for (int channel = 0; channel < 3; ++channel)
        {
            for (int i = 0; i < Side * Side; ++i)
            {
                float value = bytes[header.Length + 3 * i + channel] / 255f;
                pixels[channel * Side * Side + i] = (value - mean[channel]) / deviation[channel];
            }
        }
        return image;
    }

    public static int Main(string[] arguments)
    {
        if (arguments.Length != 2)
        {
            Console.Error.WriteLine("usage: Classify MODEL PICTURE.ppm");
            return 2;
        }
        using (var session = new InferenceSession(arguments[0]))
        {
            var input = NamedOnnxValue.CreateFromTensor(
                session.InputNames[0], ReadPicture(arguments[1]));
            using (var results = session.Run(new[] { input }))
            {
                var best = results[0].AsEnumerable<float>()
                    .Select((score, index) => new { score, index })
                    .OrderByDescending(each => each.score).Take(5);
                foreach (var each in best)
                {
                    Console.WriteLine(string.Format(
                        CultureInfo.InvariantCulture, "{0} {1:F6}", each.index, each.score));
                }
            }
        }
        return 0;
    }
}
