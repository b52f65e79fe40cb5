// Bind MODEL: runs ten times into one output of its own, and prints the output's first values.
import ai.onnxruntime.*;
import java.nio.*;
import java.util.*;

public class Bind {
  static FloatBuffer allocate(long[] shape) {
    int count = (int) OrtUtil.elementCount(shape);
    return ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder()).asFloatBuffer();
  }

  public static void main(String[] arguments) throws Exception {
    OrtEnvironment env = OrtEnvironment.getEnvironment();
    try (OrtSession session = env.createSession(arguments[0])) {
      NodeInfo input = session.getInputInfo().values().iterator().next();
      NodeInfo output = session.getOutputInfo().values().iterator().next();
      long[] inputShape = ((TensorInfo) input.getInfo()).getShape();
      long[] outputShape = ((TensorInfo) output.getInfo()).getShape();
      FloatBuffer image = allocate(inputShape), scores = allocate(outputShape);
      for (int i = 0; i < image.capacity(); ++i) image.put(i, i % 256 / 255f);

      // Tensors over direct buffers share their memory; the second map names where outputs go.
      try (OnnxTensor from = OnnxTensor.createTensor(env, image, inputShape);
           OnnxTensor into = OnnxTensor.createTensor(env, scores, outputShape)) {
        for (int run = 0; run < 10; ++run) {
          session.run(Map.of(input.getName(), from), Map.of(output.getName(), into)).close();
        }
      }
      StringJoiner line = new StringJoiner(" ");
      for (int i = 0; i < 5; ++i) line.add(Float.toString(scores.get(i)));
      System.out.println(line);
    }
  }
}
