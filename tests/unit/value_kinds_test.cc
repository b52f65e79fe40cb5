// Values that are no tensors as inputs and outputs of sessions, bodies under the control of their
// run, and types without a session: what C++ programs see of them.
#include "api/infer_shapes.h"
#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

constexpr char kHead[] = "<ir_version: 10, opset_import: [\"\": 21]> ";

Session loaded(const std::string& text, const SessionOptions& options = {}) {
  auto session = load_text(kHead + text, options);
  EXPECT_TRUE(session.has_value()) << error_of(session);
  return std::move(*session);
}

std::string run_error(const Session& session, const std::vector<NamedValue>& inputs,
                      const RunOptions& options = {}) {
  const auto results = session.run(inputs, {}, options);
  return results ? "no error" : results.error().text();
}

TEST(ValueKinds, SequencesInAndOut) {
  const Session session = loaded(
      "g (seq(float[N]) x) => (seq(float[N]) y, int64 n) {"
      " i = Constant<value = int64 {-1}>() last = SequenceAt(x, i) y = SequenceInsert(x, last)"
      " n = SequenceLength(y) }");
  EXPECT_EQ(session.inputs()[0].type, "seq(tensor(float))");
  const Value x = Value::sequence({floats({1}, {1}), floats({2}, {2, 3})}, DType::kFloat32);
  const auto results = session.run({{"x", x}});
  ASSERT_TRUE(results.has_value()) << results.error().text();
  ASSERT_EQ((*results)[0].items().size(), 3u);
  EXPECT_EQ(elements_of((*results)[0].items()[2]), (std::vector<float>{2, 3}));
  EXPECT_EQ(elements_of<int64_t>((*results)[1]), (std::vector<int64_t>{3}));
  EXPECT_NE(run_error(session, {{"x", floats({1}, {1})}}), "no error");
}

TEST(ValueKinds, OptionalsInAndOut) {
  const Session session = loaded(
      "g (optional(float[N]) x) => (optional(float[N]) y, bool has) {"
      " y = Identity(x) has = OptionalHasElement(x) }");
  for (const bool given : {true, false}) {
    const Value x = given ? Value::optional(floats({1}, {4})) : Value::optional();
    const auto results = session.run({{"x", x}});
    ASSERT_TRUE(results.has_value()) << results.error().text();
    EXPECT_EQ((*results)[0].has_value(), given);
    EXPECT_EQ(*(*results)[1].tensor().as<bool>(), given);
  }
}

TEST(ValueKinds, SparseTensorsPassThrough) {
  const Session session =
      loaded("g (sparse_tensor(float[2,3]) x) => (sparse_tensor(float[2,3]) x) { }");
  const Value x = Value::sparse({Shape{2, 3}, floats({2}, {5, 7}), ints({2}, {1, 5})});
  const auto results = session.run({{"x", x}});
  ASSERT_TRUE(results.has_value()) << results.error().text();
  EXPECT_EQ((*results)[0].sparse().dense_shape, (Shape{2, 3}));
  EXPECT_EQ(elements_of((*results)[0].sparse().values), (std::vector<float>{5, 7}));
}

constexpr char kLoop[] =
    "g (float[N] x, int64 n) => (float[N] y) { go = Constant<value = bool {1}>()"
    " [loop] y = Loop(n, go, x) <body = b (int64 i, bool c, float[N] v) => (c, w)"
    " { [inner] w = Sin(v) }> }";

TEST(Bodies, StepsAreProfiledWithTheirDepth) {
  SessionOptions options;
  options.profiling = true;
  const Session session = loaded(kLoop, options);
  run_one(session, {{"x", floats({1}, {1})}, {"n", Tensor::scalar(int64_t{3})}});
  int inner = 0;
  int loop = 0;
  for (const StepTime& step : session.take_profile()) {
    if (step.node == "inner") inner += step.depth == 1 ? 1 : 100;
    if (step.node == "loop") loop += step.depth == 0 ? 1 : 100;
  }
  EXPECT_EQ(inner, 3);
  EXPECT_EQ(loop, 1);
}

TEST(Bodies, ObeyTheDeadlineOfTheirRun) {
  const Session session = loaded(kLoop);
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  const std::string error =
      run_error(session, {{"x", floats({1}, {1})}, {"n", Tensor::scalar(INT64_MAX)}}, options);
  EXPECT_NE(error.find("deadline"), std::string::npos) << error;
  EXPECT_NE(error.find("loop"), std::string::npos) << error;
}

Result<std::string> inferred(const std::string& text, bool strict) {
  const std::string bytes = TRY(write_model(TRY(parse_text(text))));
  InferShapesOptions options;
  options.strict = strict;
  const std::string result =
      TRY(infer_shapes(std::as_bytes(std::span(bytes.data(), bytes.size())), options));
  const Bytes view{result.data(), result.size(), nullptr};
  std::string list;
  for (const ValueDef& info : TRY(read_model(view)).graph.value_info) {
    list += info.name + ": " + to_text(info.type) + "; ";
  }
  return list;
}

TEST(InferShapes, WritesTypesAndExpressions) {
  const auto list = inferred(std::string(kHead) +
                                 "g (float[N,3] x) => (y) { t = Concat<axis = 0>(x, x)"
                                 " u = Transpose(t) s = Shape(u) y = Reshape(x, s) }",
                             true);
  ASSERT_TRUE(list.has_value()) << list.error().text();
  EXPECT_NE(list->find("t: float[\"2*N\",3]"), std::string::npos) << *list;
  EXPECT_NE(list->find("u: float[3,\"2*N\"]"), std::string::npos) << *list;
  EXPECT_NE(list->find("s: int64[2]"), std::string::npos) << *list;
}

TEST(InferShapes, PassesOverWhatItDoesNotKnowUnlessStrict) {
  const std::string text =
      "<ir_version: 10, opset_import: [\"\": 21, \"com.acme\": 1]> "
      "g (float[2] x) => (y) { t = Neg(x) u = com.acme.Magic(t) y = Neg(u) }";
  const auto list = inferred(text, false);
  ASSERT_TRUE(list.has_value()) << list.error().text();
  EXPECT_NE(list->find("t: float[2]"), std::string::npos) << *list;
  EXPECT_EQ(list->find("u:"), std::string::npos) << *list;
  const auto strict = inferred(text, true);
  ASSERT_FALSE(strict.has_value());
  EXPECT_NE(strict.error().text().find("com.acme.Magic"), std::string::npos);
}

TEST(InferShapes, RefusesTypesThatDisagree) {
  const auto list =
      inferred(std::string(kHead) + "g (float[2] x) => (float[3] y) { y = Neg(x) }", true);
  ASSERT_FALSE(list.has_value());
  EXPECT_NE(list.error().text().find("is float[2], but it is declared as float[3]"),
            std::string::npos)
      << list.error().text();
}

}  // namespace
}  // namespace sardonyx
