// Classify MODEL PICTURE.ppm: prints the five best classes, `index score`.
import ai.onnxruntime.*;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.stream.IntStream;

public class Classify {
  static final int PIXELS = 224 * 224;
  static final float[] MEAN = {0.485f, 0.456f, 0.406f}, DEVIATION = {0.229f, 0.224f, 0.225f};

  static FloatBuffer readPicture(String path) throws Exception {
    byte[] header = "P6\n224 224\n255\n".getBytes(StandardCharsets.US_ASCII);
    byte[] file = Files.readAllBytes(Path.of(path));
    if (file.length != header.length + 3 * PIXELS || !Arrays.equals(header, Arrays.copyOf(file, header.length))) {
      throw new IllegalArgumentException(path + " is no P6 picture of 224 by 224");
    }
    FloatBuffer image = FloatBuffer.allocate(3 * PIXELS);
    for (int i = 0; i < 3 * PIXELS; ++i) {
      int channel = i % 3, pixel = i / 3;
      float value = Byte.toUnsignedInt(file[header.length + i]) / 255f;
      image.put(channel * PIXELS + pixel, (value - MEAN[channel]) / DEVIATION[channel]);
    }
    return image;
  }

  public static void main(String[] arguments) throws Exception {
    OrtEnvironment env = OrtEnvironment.getEnvironment();
    try (OrtSession session = env.createSession(arguments[0]);
         OnnxTensor image =
             OnnxTensor.createTensor(env, readPicture(arguments[1]), new long[] {1, 3, 224, 224});
         OrtSession.Result result =
             session.run(Map.of(session.getInputNames().iterator().next(), image))) {
      float[] scores = ((float[][]) result.get(0).getValue())[0];
      IntStream.range(0, scores.length).boxed()
          .sorted(Comparator.comparing((Integer index) -> -scores[index])).limit(5)
          .forEach(index -> System.out.printf(Locale.ROOT, "%d %.6f%n", index, scores[index]));
    }
  }
}
