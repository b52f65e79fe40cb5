// The whole path on small models: dynamic shapes, shapes that depend on data, control flow,
// functions, results in the caller's memory, limits, cancelling, and the errors users see.
#include <gmock/gmock.h>

#include "api/session_state.h"
#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Session, RunsAnyBatchWithOneSession) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,2] x) => (float[N,2] y) { t = Relu(x)  y = Add(t, x) })")
                              .value();
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({1, 2}, {-1, 2})}})), ElementsAre(-1, 4));
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({2, 2}, {1, -2, 3, -4})}})),
              ElementsAre(2, -2, 6, -4));
  EXPECT_EQ(run_one(session, {{"x", floats({0, 2}, {})}}).tensor().shape(), (Shape{0, 2}));
}

TEST(Session, ComputesShapesWhilePlanning) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,C,H] x) => (float[M,K] y) {
      s = Shape(x)
      zero = Constant<value = int64[1] {0}>()
      n = Gather<axis = 0>(s, zero)
      rest = Constant<value = int64[1] {-1}>()
      target = Concat<axis = 0>(n, rest)
      y = Reshape(x, target) })")
                              .value();
  const Value y = run_one(session, {{"x", floats({2, 3, 1}, {1, 2, 3, 4, 5, 6})}});
  EXPECT_EQ(y.tensor().shape(), (Shape{2, 3}));
  EXPECT_THAT(elements_of(y), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Session, WaitsForValuesThatShapesDependOn) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x, int64[R] shape) => (float y_dims) {
      r = Relu(x)  t = Reshape(r, shape)  y_dims = Neg(t) })")
                              .value();
  for (const auto& [dims, expected] : std::vector<std::pair<std::vector<int64_t>, Shape>>{
           {{2, 3}, {2, 3}}, {{3, -1}, {3, 2}}, {{6}, {6}}}) {
    const auto rank = static_cast<int64_t>(dims.size());
    const Value y =
        run_one(session, {{"x", floats({6}, {-1, 2, 3, 4, 5, 6})}, {"shape", ints({rank}, dims)}});
    EXPECT_EQ(y.tensor().shape(), expected);
    EXPECT_THAT(elements_of(y), ElementsAre(0, -2, -3, -4, -5, -6));
  }
}

constexpr char kIf[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (bool c, float[N] x) => (float[M] y) {
      shift = Constant<value = float[1] {10}>()
      t = Neg(x)
      y = If<then_branch = yes () => (float[N] a) { a = Add(t, shift) },
             else_branch = no () => (float[N] b) { b = Identity(x) }>(c) })";

TEST(Session, RunsTheChosenBranch) {
  const Session session = load_text(kIf).value();
  const Value x = floats({2}, {1, 2});
  EXPECT_THAT(elements_of(run_one(session, {{"c", Tensor::scalar(true)}, {"x", x}})),
              ElementsAre(9, 8));
  EXPECT_THAT(elements_of(run_one(session, {{"c", Tensor::scalar(false)}, {"x", x}})),
              ElementsAre(1, 2));
}

TEST(Session, InlinesTheBranchOfAConstantCondition) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[M] y) {
      c = Constant<value = bool {1}>()
      shift = Constant<value = float[1] {10}>()
      t = Neg(x)
      y = If<then_branch = yes () => (float[N] a) { a = Add(t, shift) },
             else_branch = no () => (float[N] b) { b = Identity(x) }>(c) })")
                              .value();
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({2}, {1, 2})}})), ElementsAre(9, 8));
  EXPECT_THAT(to_text(*session.state().graph), ::testing::Not(HasSubstr("If")));
}

TEST(Session, LoopsWithCarriedAndStackedValues) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (int64 m, float[2] start) => (float[2] last, float[T,2] all) {
      go = Constant<value = bool {1}>()
      last, all = Loop<body = b (int64 i, bool go_in, float[2] v) => (bool go_out, float[2] w,
                                                                     float[2] seen) {
        go_out = Identity(go_in)  w = Add(v, start)  seen = Identity(w) }>(m, go, start) })")
                              .value();
  const auto results =
      session.run({{"m", Tensor::scalar(int64_t{3})}, {"start", floats({2}, {1, 10})}}).value();
  EXPECT_THAT(elements_of(results[0]), ElementsAre(4, 40));
  EXPECT_EQ(results[1].tensor().shape(), (Shape{3, 2}));
  EXPECT_THAT(elements_of(results[1]), ElementsAre(2, 20, 3, 30, 4, 40));
  const auto none =
      session.run({{"m", Tensor::scalar(int64_t{0})}, {"start", floats({2}, {1, 10})}}).value();
  EXPECT_THAT(elements_of(none[0]), ElementsAre(1, 10));
  EXPECT_EQ(none[1].tensor().shape(), (Shape{0, 2}));
}

TEST(Session, ScansBackwards) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float zero, float[T] x) => (float sum, float[T] sums) {
      sum, sums = Scan<num_scan_inputs = 1, scan_input_directions = [1],
        body = b (float s, float v) => (float t, float u) { t = Add(s, v)  u = Identity(t) }>
        (zero, x) })")
                              .value();
  const auto results =
      session.run({{"zero", Tensor::scalar(0.f)}, {"x", floats({3}, {1, 10, 100})}}).value();
  EXPECT_THAT(elements_of(results[0]), ElementsAre(111));
  EXPECT_THAT(elements_of(results[1]), ElementsAre(100, 110, 111));
}

TEST(Session, InlinesFunctionsWithAttributeReferences) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
    g (float[N] x) => (float[N] y) { t = own.Leak<slope = 0.5>(x)  y = own.Leak(t) }
    <domain: "own", opset_import: ["" : 17]>
    Leak <slope: float = 0.25> (a) => (b) { b = LeakyRelu<alpha: float = @slope>(a) })")
                              .value();
  EXPECT_THAT(elements_of(run_one(session, {{"x", floats({2}, {-8, 3})}})), ElementsAre(-1, 3));
}

TEST(Session, WritesResultsIntoTheCallersMemory) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y, float[N] z) { y = Neg(x)  z = Identity(y) })")
                              .value();
  float buffer[2] = {};
  std::vector<Value> results(2);
  results[1] = Tensor::wrap(DType::kFloat32, {2}, buffer, nullptr);
  ASSERT_TRUE(session.run_into({{"x", floats({2}, {1, 2})}}, {"y", "z"}, results));
  EXPECT_THAT(buffer, ElementsAre(-1, -2));
  EXPECT_THAT(elements_of(results[0]), ElementsAre(-1, -2));
  results[1] = Tensor::wrap(DType::kFloat32, {1}, buffer, nullptr);
  const auto wrong = session.run_into({{"x", floats({2}, {1, 2})}}, {"y", "z"}, results);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().text(), HasSubstr("output 'z'"));
}

TEST(Session, TakesOverridableInitializersFromTheCaller) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[2] x, float[2] w = {1, 2}) => (float[2] y) { y = Mul(x, w) })")
                              .value();
  ASSERT_EQ(session.inputs().size(), 1u);
  ASSERT_EQ(session.overridable_initializers().size(), 1u);
  const Value x = floats({2}, {3, 4});
  EXPECT_THAT(elements_of(run_one(session, {{"x", x}})), ElementsAre(3, 8));
  EXPECT_THAT(elements_of(run_one(session, {{"x", x}, {"w", floats({2}, {10, 10})}})),
              ElementsAre(30, 40));
}

TEST(Session, SaysWhatIsWrongWithAnInput) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3] x, float[N] z) => (float[N,3] y) { a = Relu(x)  b = Relu(z)  y = Identity(a) })")
                              .value();
  const Value z = floats({2}, {0, 0});
  const auto error = [&](const std::vector<NamedValue>& inputs) {
    const auto results = session.run(inputs);
    return results ? std::string("no error") : results.error().text();
  };
  EXPECT_THAT(error({{"x", ints({2, 3}, {1, 2, 3, 4, 5, 6})}, {"z", z}}),
              HasSubstr("Unexpected input data type. Actual: (tensor(int64)) , expected: "
                        "(tensor(float))"));
  EXPECT_THAT(error({{"x", floats({3}, {1, 2, 3})}, {"z", z}}),
              HasSubstr("Invalid rank for input: x Got: 1 Expected: 2"));
  EXPECT_THAT(error({{"x", floats({2, 2}, {1, 2, 3, 4})}, {"z", z}}),
              HasSubstr("Got invalid dimensions for input: x for the following indices\n index: 1 "
                        "Got: 2 Expected: 3"));
  EXPECT_THAT(error({{"x", floats({1, 3}, {1, 2, 3})}, {"z", z}}), HasSubstr("symbol 'N'"));
  EXPECT_THAT(error({{"x", floats({1, 3}, {1, 2, 3})}}), HasSubstr("Missing Input: z"));
  EXPECT_THAT(error({{"nobody", z}}), HasSubstr("Invalid input name: nobody"));
}

TEST(Session, ListsAllUnknownOperatorsAtOnce) {
  const auto session = load_text(R"(<ir_version: 8, opset_import: ["" : 17, "shop" : 1]>
    g (float[N] x) => (float[N] y) { [first] a = Frobnicate(x) [second] b = shop.Sell(a)
                                     [third] y = Frobnicate(b) })");
  const std::string error = error_of(session);
  EXPECT_THAT(error, HasSubstr("Frobnicate (node 'first', 'third')"));
  EXPECT_THAT(error, HasSubstr("shop.Sell (node 'second')"));
}

TEST(Session, NamesCyclesAndMissingValues) {
  EXPECT_THAT(error_of(load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y) { [one] a = Add(x, b) [two] b = Relu(a)  y = Neg(b) })")),
              HasSubstr("cycle"));
  EXPECT_THAT(error_of(load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y) { [one] y = Add(x, w) })")),
              HasSubstr("'w'"));
}

TEST(Session, KeepsTheMemoryLimit) {
  SessionOptions options;
  options.memory_limit = 1000;
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y) { a = Softmax(x)  b = Softmax(a)  y = Add(b, x) })",
                                    options)
                              .value();
  EXPECT_TRUE(session.run({{"x", floats({10}, std::vector<float>(10, 1.f))}}));
  const auto large = session.run({{"x", floats({1000}, std::vector<float>(1000, 1.f))}});
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().text(), HasSubstr("memory limit of 1000 bytes"));
}

TEST(Session, StopsWhenItIsTold) {
  const Session session = load_text(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N] x) => (float[N] y) { y = Exp(x) })")
                              .value();
  const std::atomic<bool> cancel = true;
  RunOptions options;
  options.cancel = &cancel;
  const auto results = session.run({{"x", floats({1}, {1})}}, {}, options);
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().text(), "Exiting due to terminate flag being set to true.");
}

TEST(Session, ThrowsOnRequest) {
  EXPECT_THROW((void)Session::load("/no/such/model.onnx").value(), Exception);
}

}  // namespace
}  // namespace sardonyx
