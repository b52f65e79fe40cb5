// Batches that run in parts: which graphs keep the items of a batch apart, and that a run in parts
// gives what one run gives, with the same bits for every number of threads.
#include <gmock/gmock.h>

#include "api/inspect.h"
#include "plan/items.h"
#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::HasSubstr;

std::string graph_text(const std::string& inputs, const std::string& outputs,
                       const std::string& nodes) {
  return "<ir_version: 10, opset_import: [\"\" : 21]> g (" + inputs + ") => (" + outputs + ") {" +
         nodes + "}";
}

bool has_items(const std::string& text, int level = 0) {
  const Network network(text);
  return find_items(*network.at_level(level)).has_value();
}

TEST(Items, StayApartInWhatWorksAlongOtherAxes) {
  const std::vector<std::string> bodies = {
      "y = Relu(x)",
      "y = Mul(x, c)",
      "y = Softmax<axis = -1>(x)",
      "y = Transpose<perm = [0, 2, 1]>(x)",
      "y = Concat<axis = 1>(x, x)",
      "y = MatMul(x, w)",
      "t = Transpose<perm = [0, 2, 1]>(x)  y = MatMul(x, t)",
      "axes = Constant<value = int64[1] {2}>()  y = ReduceMean(x, axes)",
      "s = Constant<value = int64[2] {0, -1}>()  y = Reshape(x, s)",
      // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text
      "n = Shape<end = 1>(x)  rest = Constant<value = int64[1] {32}>() "
      "s = Concat<axis = 0>(n, rest)  y = Reshape(x, s)",
      "n = Shape(x)  z = ConstantOfShape(n)  y = Add(x, z)",
      "n = Shape(x)  e = Expand(c, n)  y = Add(x, e)",
      "i = Constant<value = int64[2] {1, 0}>()  y = Gather<axis = 2>(x, i)",
      "a = Constant<value = int64[1] {1}>()  b = Constant<value = int64[1] {3}>() "
      "y = Slice(x, a, b, a)",
      "y = Flatten(x)",
      "n = Shape<start = 1, end = 2>(x)  f = Cast<to = 1>(n)  y = Div(x, f)",
  };
  for (const std::string& body : bodies) {
    EXPECT_TRUE(has_items(graph_text("float[N,4,8] x, float[8] c, float[8,3] w", "float y", body)))
        << body;
  }
}

TEST(Items, MixInWhatWorksAlongTheirAxis) {
  const std::vector<std::string> bodies = {
      "y = Softmax<axis = 0>(x)",
      "y = Softmax<axis = -3>(x)",
      "y = Transpose<perm = [1, 0, 2]>(x)",
      "y = Concat<axis = 0>(x, x)",
      "y = CumSum(x, zero)",
      "y = ReduceMean(x)",
      "y = ReduceMean<noop_with_empty_axes = 0>(x, empty)",
      "s = Constant<value = int64[3] {4, -1, 8}>()  y = Reshape(x, s)",
      "n = Shape<end = 1>(x)  f = Cast<to = 1>(n)  y = Div(x, f)",
      "n = Size(x)  f = Cast<to = 1>(n)  y = Div(x, f)",
      // NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one text
      "a = Constant<value = int64[1] {-1}>()  b = Constant<value = int64[1] {-1000}>() "
      "o = Constant<value = int64[1] {0}>()  y = Slice(x, a, b, o, a)",
      "i = Constant<value = int64[2] {1, 0}>()  y = Gather<axis = 0>(x, i)",
      "r = RandomNormalLike(x)  y = Add(x, r)",
      "q, s, p = DynamicQuantizeLinear(x)  y = DequantizeLinear(q, s, p)",
      "m, i = MaxPool<kernel_shape = [2]>(x)  f = Cast<to = 1>(i)  y = Add(m, f)",
      "f = Flatten(x)  t = Transpose(f)  g = MatMul(f, t)  y = Softmax(g)",
      "e = Shape(x)  z = ConstantOfShape(e)  l = Unsqueeze(z, empty)  y = NonZero(l)",
      "u = Unsqueeze(x, zeros)  d = Add(u, x)  y = Squeeze(d, zeros)",
  };
  for (const std::string& body : bodies) {
    const std::string constants =
        "zero = Constant<value = int64 {0}>()  zeros = Constant<value = int64[1] {0}>() "
        "empty = Constant<value = int64[0] {}>()  ";
    EXPECT_FALSE(has_items(graph_text("float[N,4,8] x", "float y", constants + body))) << body;
  }
}

TEST(Items, AreThoseOfAllInputsAlike) {
  EXPECT_TRUE(has_items(graph_text("float[N,4] a, float[N,4] b, float c", "float[N,4] y",
                                   "t = Add(a, b)  y = Mul(t, c)")));
  // The number of items elsewhere than in front.
  EXPECT_FALSE(has_items(graph_text("float[N,4] a, float[4,N] b", "float y", "y = MatMul(a, b)")));
  // The items broadcast to another axis.
  EXPECT_FALSE(
      has_items(graph_text("float[N,N] a, float[N,1] b", "float[N,N] y", "y = Add(a, b)")));
  EXPECT_FALSE(has_items(graph_text("float[N,4] b, float[M,N,4] a", "float y", "y = Add(a, b)")));
  EXPECT_TRUE(has_items(graph_text("float[M,N,4] a, float[N,4] b", "float y", "y = Add(a, b)")));
  // An output without items.
  EXPECT_FALSE(has_items(graph_text("float[N,4] a, float[3] b", "float[N,4] y, float[3] z",
                                    "y = Relu(a)  z = Relu(b)")));
  // A shape that only the caller knows.
  EXPECT_FALSE(has_items(
      graph_text("float[N,4] a, int64[2] shape", "float[N,4] y", "y = Reshape(a, shape)")));
  EXPECT_FALSE(has_items(graph_text("float[3,4] a", "float[3,4] y", "y = Relu(a)")));
}

constexpr char kNet[] = R"(<ir_version: 10, opset_import: ["" : 21]>
    g (float[N,16,H,W] x, float[24,16,3,3] w1, float[24] s, float[24,24,1,1] w2, float[24,1,3,3] w3,
       float[24,10] w4, float[10] b4) => (float[N,10] y, float[N,24,H,W] map) {
      a = Conv<pads = [1, 1, 1, 1]>(x, w1)
      n = BatchNormalization(a, s, s, s, s)
      r = Relu(n)
      d = Conv<pads = [1, 1, 1, 1], group = 24>(r, w3)
      e = Conv(d, w2)
      map = Add(e, r)
      g = GlobalAveragePool(map)
      f = Flatten(g)
      y = Gemm(f, w4, b4) })";

Result<Session> load_net(int threads, const char* split) {
  Model model = parse_text(kNet).value();
  const std::vector<Shape> shapes = {{24, 16, 3, 3}, {24},     {24, 24, 1, 1},
                                     {24, 1, 3, 3},  {24, 10}, {10}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    auto numbers = noise(shapes[i].count(), static_cast<uint32_t>(i + 1));
    for (float& number : numbers) number = 0.6F + 0.4F * number;
    TensorDef def;
    def.name = model.graph.inputs[i + 1].name;
    def.data = floats(shapes[i], numbers);
    model.graph.initializers.push_back(def);
  }
  model.graph.inputs.resize(1);
  auto bytes = std::make_shared<std::string>(TRY(write_model(model)));
  SessionOptions options;
  options.threads = threads;
  options.config["sardonyx.split_batches"] = split;
  return Session::load(std::span(reinterpret_cast<const std::byte*>(bytes->data()), bytes->size()),
                       bytes, options);
}

using Elements = std::vector<std::vector<float>>;

Elements run_net(const Session& session, int64_t batch, int64_t side) {
  const Shape shape{batch, 16, side, side};
  const auto results = session.run({{"x", floats(shape, noise(shape.count(), 99))}});
  Elements elements;
  for (const Value& result : results.value()) elements.push_back(elements_of(result));
  return elements;
}

TEST(Items, RunsInPartsGiveWhatOneRunGives) {
  const Session whole = load_net(1, "0").value();
  std::vector<Session> parted;
  for (int threads : {1, 2, 3}) parted.push_back(load_net(threads, "1").value());
  for (const int64_t batch : {1, 2, 3, 4, 5, 7, 8}) {
    for (const int64_t side : {5, 40, 64}) {
      const Elements expected = run_net(whole, batch, side);
      const Elements one_thread = run_net(parted[0], batch, side);
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(one_thread[i].size(), expected[i].size());
        for (size_t k = 0; k < expected[i].size(); ++k) {
          ASSERT_NEAR(one_thread[i][k], expected[i][k], 1e-4 * std::abs(expected[i][k]) + 1e-5)
              << "batch " << batch << " side " << side;
        }
      }
      for (const Session& session : parted) {
        EXPECT_EQ(run_net(session, batch, side), one_thread) << "batch " << batch;
        EXPECT_EQ(run_net(session, batch, side), one_thread) << "batch " << batch;
      }
    }
  }
}

TEST(Items, PartsAreSmallOnlyWhereActivationsAreMany) {
  std::vector<StepTime> profile;
  const auto convolutions = [&](const Session& session, int64_t side) {
    RunOptions options;
    profile.clear();
    options.profile = &profile;
    const Shape shape{8, 16, side, side};
    EXPECT_TRUE(session.run({{"x", floats(shape, noise(shape.count(), 99))}}, {}, options));
    return std::count_if(profile.begin(), profile.end(),
                         [](const StepTime& step) { return step.op == "Conv"; });
  };
  const Session whole = load_net(1, "0").value();
  const Session parted = load_net(2, "1").value();
  EXPECT_EQ(convolutions(parted, 5), convolutions(whole, 5));
  EXPECT_EQ(convolutions(parted, 64), 8 * convolutions(whole, 64));
}

TEST(Items, APlanTellsOfTheParts) {
  const Session session = load_net(2, "1").value();
  const auto plan_of = [&](int64_t batch, int64_t side) {
    return describe_plan(session, {{"x", Shape{batch, 16, side, side}}}).value();
  };
  const auto work = [](const PlanReport& plan) {
    double flops = 0;
    for (const PlanStep& step : plan.steps) flops += step.flops;
    return flops;
  };
  const PlanReport one = plan_of(1, 64);
  const PlanReport parted = plan_of(8, 64);
  EXPECT_EQ(one.part_items, 0);
  EXPECT_EQ(parted.items, 8);
  EXPECT_EQ(parted.part_items, 1);
  EXPECT_EQ(parted.arena_bytes, one.arena_bytes);
  EXPECT_DOUBLE_EQ(work(parted), 8 * work(one));
  EXPECT_EQ(plan_of(8, 5).part_items, 0);
}

TEST(Items, PartsWriteIntoTheCallersMemory) {
  const Session session = load_net(2, "1").value();
  const Shape shape{6, 16, 64, 64};
  const Value x(floats(shape, noise(shape.count(), 99)));
  const Elements expected = run_net(session, 6, 64);
  std::vector<Value> results = {floats({6, 24, 64, 64}, std::vector<float>(6 * 24 * 64 * 64)),
                                floats({6, 10}, std::vector<float>(60))};
  const void* memory = results[0].tensor().data();
  ASSERT_TRUE(session.run_into({{"x", x}}, {"map", "y"}, results));
  EXPECT_EQ(results[0].tensor().data(), memory);
  EXPECT_EQ(elements_of(results[0]), expected[1]);
  EXPECT_EQ(elements_of(results[1]), expected[0]);
  results[1] = floats({5, 10}, std::vector<float>(50));
  const auto wrong = session.run_into({{"x", x}}, {"map", "y"}, results);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().text(), HasSubstr("'y'"));
  EXPECT_THAT(wrong.error().text(), HasSubstr("{6,10}"));
}

TEST(Items, TheSwitchTakesOneOrZero) {
  EXPECT_THAT(error_of(load_net(1, "yes")), HasSubstr("sardonyx.split_batches is 'yes'"));
}

}  // namespace
}  // namespace sardonyx
