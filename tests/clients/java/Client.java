// What programs do with onnxruntime for Java: every type of tensor, sequences and maps, metadata,
// options, errors, profiles, runs side by side. Exits with 1 when a case failed.
import ai.onnxruntime.*;
import java.nio.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

public class Client {
  interface Case {
    void run() throws Exception;
  }

  static final OrtEnvironment env = OrtEnvironment.getEnvironment("clients");
  static String models;
  static int failed = 0;

  static void test(String name, Case body) {
    try {
      body.run();
      System.out.println("ok " + name);
    } catch (Throwable error) {
      ++failed;
      System.out.println("not ok " + name);
      error.printStackTrace(System.out);
    }
  }

  static void check(boolean condition, String what) {
    if (!condition) throw new AssertionError(what);
  }

  static void checkEqual(Object want, Object got) {
    check(Objects.deepEquals(want, got), "wanted " + Arrays.deepToString(new Object[] {want}) +
        ", got " + Arrays.deepToString(new Object[] {got}));
  }

  static void checkFails(OrtException.OrtErrorCode code, String message, Case body) throws Exception {
    try {
      body.run();
    } catch (OrtException error) {
      check(error.getMessage().contains(message), error.getMessage());
      if (code != null) checkEqual(code, error.getCode());
      return;
    }
    throw new AssertionError("no error with: " + message);
  }

  static OrtSession load(String name) throws OrtException {
    return env.createSession(models + "/" + name);
  }

  static Map<String, OnnxTensor> pair() throws OrtException {
    return Map.of("a", OnnxTensor.createTensor(env, new float[][] {{1, 2}, {3, 4}}), "b",
        OnnxTensor.createTensor(env, new float[][] {{5, 6}, {7, 8}}));
  }

  static void passes(String type, Object data) throws Exception {
    try (OrtSession session = load("type_" + type + ".onnx");
         OnnxTensor tensor = OnnxTensor.createTensor(env, data);
         OrtSession.Result result = session.run(Map.of("input", tensor))) {
      checkEqual(data, result.get(0).getValue());
      TensorInfo info = (TensorInfo) result.get(0).getInfo();
      checkEqual(new long[] {1, 5}, info.getShape());
    }
  }

  static void types() {
    test("float", () -> passes("float32", new float[][] {{1.5f, -2, 0, 3.25f, Float.NaN}}));
    test("double", () -> passes("float64", new double[][] {{1.5, -2, 0, 1e300, -0.0}}));
    test("byte", () -> passes("int8", new byte[][] {{1, -2, 127, -128, 0}}));
    test("short", () -> passes("int16", new short[][] {{1, -2, 32767, -32768, 0}}));
    test("int", () -> passes("int32", new int[][] {{1, -2, Integer.MAX_VALUE, Integer.MIN_VALUE, 0}}));
    test("long", () -> passes("int64", new long[][] {{1, -2, Long.MAX_VALUE, Long.MIN_VALUE, 0}}));
    test("boolean", () -> passes("bool", new boolean[][] {{true, false, true, true, false}}));
    test("String", () -> passes("string", new String[][] {{"a", "", "ünïcode ✓", "d", "e"}}));
    test("buffer of uint8", () -> {
      ByteBuffer bytes = ByteBuffer.allocateDirect(5).order(ByteOrder.nativeOrder());
      bytes.put(new byte[] {1, 2, -1, 4, 5}).flip();
      try (OrtSession session = load("type_uint8.onnx");
           OnnxTensor tensor = OnnxTensor.createTensor(env, bytes, new long[] {1, 5}, OnnxJavaType.UINT8);
           OrtSession.Result result = session.run(Map.of("input", tensor))) {
        checkEqual(new byte[][] {{1, 2, -1, 4, 5}}, result.get(0).getValue());
      }
    });
    test("float16", () -> {
      ShortBuffer halves = ByteBuffer.allocateDirect(10).order(ByteOrder.nativeOrder()).asShortBuffer();
      halves.put(new short[] {0x3c00, 0x4000, 0, (short) 0xc000, 0x3800}).flip();
      try (OrtSession session = load("type_float16.onnx");
           OnnxTensor tensor = OnnxTensor.createTensor(env, halves, new long[] {1, 5}, OnnxJavaType.FLOAT16);
           OrtSession.Result result = session.run(Map.of("input", tensor))) {
        checkEqual(new float[][] {{1, 2, 0, -2, 0.5f}}, result.get(0).getValue());
      }
    });
  }

  static void runs() {
    test("all outputs, and some", () -> {
      try (OrtSession session = load("arithmetic.onnx"); OrtSession.Result all = session.run(pair());
           OrtSession.Result some = session.run(pair(), Set.of("product"))) {
        checkEqual(new float[][] {{6, 8}, {10, 12}}, all.get("sum").get().getValue());
        checkEqual(new float[][] {{5, 12}, {21, 32}}, some.get("product").get().getValue());
        checkEqual(1, some.size());
      }
    });
    test("pinned outputs", () -> {
      FloatBuffer place = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder()).asFloatBuffer();
      try (OrtSession session = load("arithmetic.onnx");
           OnnxTensor pinned = OnnxTensor.createTensor(env, place, new long[] {2, 2});
           OrtSession.Result result = session.run(pair(), Map.of("sum", pinned))) {
        checkEqual(6f, place.get(0));
        checkEqual(12f, place.get(3));
      }
    });
    test("sequences and maps", () -> {
      try (OrtSession session = load("containers.onnx");
           OnnxTensor x = OnnxTensor.createTensor(env, new float[][] {{0.25f, 0.75f}});
           OrtSession.Result result = session.run(Map.of("x", x))) {
        List<?> parts = ((OnnxSequence) result.get("parts").get()).getValue();
        checkEqual(2, parts.size());
        checkEqual(new float[][] {{0.75f}}, ((OnnxTensor) parts.get(1)).getValue());
        OnnxMap scores = (OnnxMap) ((OnnxSequence) result.get("scores").get()).getValue().get(0);
        checkEqual(Map.of(10L, 0.25f, 20L, 0.75f), scores.getValue());
        OnnxMap named = (OnnxMap) ((OnnxSequence) result.get("named").get()).getValue().get(0);
        checkEqual(Map.of("no", 0.25f, "yes", 0.75f), named.getValue());
      }
    });
    test("side by side", () -> {
      ExecutorService pool = Executors.newFixedThreadPool(4);
      try (OrtSession session = load("arithmetic.onnx")) {
        List<Future<Object>> results = new ArrayList<>();
        for (int i = 0; i < 40; ++i) {
          results.add(pool.submit(() -> {
            try (OrtSession.Result result = session.run(pair())) {
              return result.get("sum").get().getValue();
            }
          }));
        }
        for (Future<Object> result : results) checkEqual(new float[][] {{6, 8}, {10, 12}}, result.get());
      } finally {
        pool.shutdown();
      }
    });
  }

  static void information() {
    test("metadata", () -> {
      try (OrtSession session = load("arithmetic.onnx")) {
        OnnxModelMetadata metadata = session.getMetadata();
        checkEqual("clients", metadata.getProducerName());
        checkEqual("arithmetic", metadata.getGraphName());
        checkEqual("a graph", metadata.getGraphDescription());
        checkEqual("clients.test", metadata.getDomain());
        checkEqual("adds", metadata.getDescription());
        checkEqual(7L, metadata.getVersion());
        checkEqual(Map.of("key", "value"), metadata.getCustomMetadata());
      }
    });
    test("inputs and outputs", () -> {
      try (OrtSession session = load("arithmetic.onnx")) {
        checkEqual(List.of("a", "b"), new ArrayList<>(session.getInputNames()));
        TensorInfo info = (TensorInfo) session.getInputInfo().get("a").getInfo();
        checkEqual(OnnxJavaType.FLOAT, info.type);
        checkEqual(new long[] {-1, 2}, info.getShape());
        checkEqual(new String[] {"N", ""}, info.getDimensionNames());
      }
    });
    test("container types", () -> {
      try (OrtSession session = load("containers.onnx")) {
        SequenceInfo info = (SequenceInfo) session.getOutputInfo().get("scores").getInfo();
        check(info.isSequenceOfMaps(), "no sequence of maps");
        checkEqual(OnnxJavaType.INT64, info.mapInfo.keyType);
      }
    });
    test("providers", () -> checkEqual(EnumSet.of(OrtProvider.CPU), OrtEnvironment.getAvailableProviders()));
    test("devices", () -> checkEqual("CPUExecutionProvider", env.getEpDevices().get(0).getEpName()));
  }

  static void options() {
    test("options", () -> {
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions();
           OrtSession.RunOptions run = new OrtSession.RunOptions()) {
        options.setIntraOpNumThreads(1);
        options.setInterOpNumThreads(1);
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.BASIC_OPT);
        options.setExecutionMode(OrtSession.SessionOptions.ExecutionMode.SEQUENTIAL);
        options.setMemoryPatternOptimization(true);
        options.setCPUArenaAllocator(true);
        options.setLoggerId("mine");
        options.addConfigEntry("session.key", "value");
        options.setSymbolicDimensionValue("N", 2);
        options.addCPU(true);
        run.setRunTag("tag");
        checkEqual("tag", run.getRunTag());
        run.setLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
        try (OrtSession session = env.createSession(models + "/arithmetic.onnx", options);
             OrtSession.Result result = session.run(pair(), run)) {
          checkEqual(new float[][] {{6, 8}, {10, 12}}, result.get(0).getValue());
        }
      }
    });
    test("initializers in memory", () -> {
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions();
           OnnxTensor w = OnnxTensor.createTensor(env, new float[] {10, 20, 30, 40})) {
        options.addExternalInitializers(Map.of("w", w));
        try (OrtSession session = env.createSession(models + "/external.onnx", options);
             OnnxTensor x = OnnxTensor.createTensor(env, new float[] {1, 1, 1, 1});
             OrtSession.Result result = session.run(Map.of("x", x))) {
          checkEqual(new float[] {11, 21, 31, 41}, result.get(0).getValue());
        }
      }
    });
    test("profiles", () -> {
      Path folder = Files.createTempDirectory("profile");
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
        options.enableProfiling(folder.resolve("run").toString());
        try (OrtSession session = env.createSession(models + "/arithmetic.onnx", options)) {
          check(session.getProfilingStartTimeInNs() > 0, "no start");
          String name = session.endProfiling();
          check(name.startsWith(folder.resolve("run").toString()) && name.contains(".json"), name);
          Files.delete(Path.of(name));
        }
      }
      Files.delete(folder);
    });
    test("adapters that are none", () -> checkFails(null, "", () -> OrtLoraAdapter.create(new byte[] {1, 2, 3})));
  }

  static void errors() {
    test("missing file", () -> checkFails(OrtException.OrtErrorCode.ORT_NO_SUCHFILE, "failed", () -> load("none.onnx")));
    test("broken file", () -> checkFails(OrtException.OrtErrorCode.ORT_INVALID_PROTOBUF, "failed", () -> load("broken.onnx")));
    test("other providers", () -> {
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
        checkFails(null, "", () -> options.addCUDA(0));
        checkFails(null, "QNN", () -> options.addQnn(Map.of()));
      }
    });
    test("terminated run", () -> {
      try (OrtSession session = load("arithmetic.onnx"); OrtSession.RunOptions run = new OrtSession.RunOptions()) {
        run.setTerminate(true);
        checkFails(null, "Exiting due to terminate flag being set to true.", () -> session.run(pair(), run));
      }
    });
    test("wrong dims and types", () -> {
      try (OrtSession session = load("arithmetic.onnx");
           OnnxTensor flat = OnnxTensor.createTensor(env, new float[] {1, 2});
           OnnxTensor wide = OnnxTensor.createTensor(env, new float[][] {{1, 2, 3}});
           OnnxTensor doubles = OnnxTensor.createTensor(env, new double[][] {{1, 2}})) {
        OnnxTensor b = pair().get("b");
        OrtException.OrtErrorCode invalid = OrtException.OrtErrorCode.ORT_INVALID_ARGUMENT;
        checkFails(invalid, "Invalid rank for input: a", () -> session.run(Map.of("a", flat, "b", b)));
        checkFails(invalid, "Got invalid dimensions for input: a", () -> session.run(Map.of("a", wide, "b", b)));
        checkFails(invalid, "Unexpected input data type. Actual: (tensor(double)) , expected: (tensor(float))",
            () -> session.run(Map.of("a", doubles, "b", b)));
      }
    });
    test("custom operators that are none", () -> {
      try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
        checkFails(null, "Failed to", () -> options.registerCustomOpLibrary("/no/such/library.so"));
      }
    });
  }

  public static void main(String[] arguments) {
    models = arguments[0];
    types();
    runs();
    information();
    options();
    errors();
    System.exit(failed == 0 ? 0 : 1);
  }
}
