// Concat and Split without copies, and results over what is added to them: which steps of a plan
// are left, where results are, and that they are the same as those of a plan with copies.
#include <gmock/gmock.h>

#include "plan/runner.h"
#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::Contains;
using ::testing::Not;

std::string graph_text(const std::string& body, const std::string& outputs = "float y") {
  return "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,32,H,W] x, float[32,32,1,1] w1, "
         "float[48,32,3,3] w3, float[32,1,3,3] wd, float[64,32,1,1] w2, float[16,16,3,3] wh, "
         "float[16,80,1,1] wj) => (" +
         outputs + ") {" + body + "}";
}

Network network(const std::string& text) {
  Network net(text);
  net.weight("w1", {32, 32, 1, 1}, -0.3F, 0.3F)
      .weight("w3", {48, 32, 3, 3}, -0.1F, 0.1F)
      .weight("wd", {32, 1, 3, 3})
      .weight("w2", {64, 32, 1, 1}, -0.3F, 0.3F)
      .weight("wh", {16, 16, 3, 3}, -0.1F, 0.1F)
      .weight("wj", {16, 80, 1, 1}, -0.2F, 0.2F);
  return net;
}

// The operators of the steps, with all passes.
std::vector<std::string> steps(const Network& net, const Shape& x) {
  const std::shared_ptr<Plan> plan = net.plan(x, 2);
  std::vector<std::string> names;
  for (const Step& step : plan->steps) names.push_back(step.op->name);
  return names;
}

void expect_steps_without(const std::string& op, const std::string& body) {
  const Network net = network(graph_text(body));
  for (const Shape& x : {Shape{1, 32, 9, 11}, Shape{3, 32, 20, 17}}) {
    EXPECT_THAT(steps(net, x), Not(Contains(op))) << body;
    net.expect_same_results(x);
  }
}
void expect_steps_with(const std::string& op, const std::string& text) {
  const Network net = network(text);
  for (const Shape& x : {Shape{3, 32, 9, 11}, Shape{2, 32, 20, 17}}) {
    EXPECT_THAT(steps(net, x), Contains(op)) << text;
    net.expect_same_results(x);
  }
}

constexpr char kTwo[] =
    "a0 = Conv(x, w1)  a = Relu(a0)  b0 = Conv<pads = [1, 1, 1, 1]>(a, w3)  b = Relu(b0) ";

TEST(InPlace, ConvolutionsWriteWhereTheirResultsAreJoined) {
  // `a` is read by the second convolution too.
  expect_steps_without("Concat", std::string(kTwo) + "c = Concat<axis = 1>(a, b)  y = Conv(c, wj)");
  expect_steps_without("Concat", std::string(kTwo) + "c = Concat<axis = 1>(b, a)  y = Conv(c, wj)");
}

TEST(InPlace, TheWholeMayBeAResult) {
  expect_steps_without("Concat", std::string(kTwo) +
                                     "c = Concat<axis = -3>(a, b)  t = Conv(c, wj)  "
                                     "y = Tanh(c)");
  expect_steps_without("Concat",
                       "a = Conv(x, w1)  b = Conv(a, w1)  c = Concat<axis = 0>(a, b) "
                       "y = Conv(c, w1)");
}

TEST(InPlace, PoolsDepthwiseAndWholesOfWholes) {
  expect_steps_without(
      "Concat",
      "a = Conv(x, w1)  p = MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(a) "
      "d = Conv<group = 32, pads = [1, 1, 1, 1]>(p, wd) "
      "e = Concat<axis = 1>(a, p, d)  r = Conv(x, w2)  f = Concat<axis = 1>(r, e) "
      "y = AveragePool<kernel_shape = [2, 2]>(f)");
}

TEST(InPlace, PiecesAreReadWhereTheyLie) {
  // As in YOLOv8's blocks: the pieces go on to the whole, and the second through two convolutions
  // and an addition.
  const std::string block =
      "a = Conv(x, w1)  p, q = Split<axis = 1, num_outputs = 2>(a) "
      "h0 = Conv<pads = [1, 1, 1, 1]>(q, wh)  h1 = Relu(h0)  h2 = Conv<pads = [1, 1, 1, 1]>(h1, "
      "wh) "
      "h = Add(h2, q)  s = AveragePool<kernel_shape = [1, 1]>(x)  c = Concat<axis = 1>(p, q, h, s) "
      " y = Conv(c, wj)";
  expect_steps_without("Concat", block);
  expect_steps_without("Split", block);
  expect_steps_without("Split",
                       "a = Conv(x, w1)  p, q = Split<axis = 1, num_outputs = 2>(a) "
                       "h = Conv<pads = [1, 1, 1, 1]>(q, wh)  g = Conv<pads = [1, 1, 1, 1]>(p, wh) "
                       "y = Mul(h, g)");
}

std::string constant(const std::string& name, int64_t channels) {
  std::string numbers;
  for (int64_t i = 0; i < channels; ++i)
    numbers += fmt::format("{}{}", i == 0 ? "" : ", ", i % 7 - 3);
  return fmt::format("{} = Constant<value = float[{},1,1] {{{}}}>() ", name, channels, numbers);
}

// As in DenseNet: each layer joins everything before it, and scales it before its convolution.
TEST(InPlace, DenseBlocksGrowInOnePlace) {
  const std::string layers =
      std::string(kTwo) + constant("s80", 80) + constant("t80", 80) + constant("s96", 96) +
      "d = Concat<axis = 1>(a, b)  d0 = Mul(d, s80)  d1 = Add(d0, t80)  d2 = Relu(d1) "
      "e = Conv(d2, wj)  f = Concat<axis = 1>(a, b, e)  f0 = Mul(f, s96) ";
  expect_steps_without("Concat", layers + "y = Sigmoid(f0)");
  // Long rows, and two that lie apart in one step.
  const std::string wide =
      "c0 = Conv(x, w1)  c1 = Relu(c0) "
      "p = Concat<axis = 1>(c1, x, c1, x, c1, x, c1, x, c1, x) "
      "q = Concat<axis = 1>(c1, x, c1, x, c1, x, c1, x, c1, x, c0) "
      "r = Concat<axis = 1>(p, c0, c0)  m = Mul(p, p)  n = Exp(q)  y = Tanh(r)";
  const Network net = network(graph_text(wide, "float y, float m, float n"));
  for (const Shape& x : {Shape{1, 32, 9, 11}, Shape{3, 32, 20, 17}}) net.expect_same_results(x);
}

// A Transpose that only moves axes of one element is a view, also where pieces and wholes meet it.
TEST(InPlace, TransposesOfOneItemAreViews) {
  const Network net(R"(<ir_version: 10, opset_import: ["" : 21]>
    g (float[N,T,6] x) => (float[T,N,6] y, float[T,N,12] z, float[N,T,6] w) {
      y = Transpose<perm = [1, 0, 2]>(x)
      r = Relu(y)  n = Neg(y)
      z = Concat<axis = 2>(r, n)
      w = Transpose<perm = [1, 0, 2]>(r) })");
  EXPECT_THAT(steps(net, {1, 5, 6}), Not(Contains("Transpose")));
  EXPECT_THAT(steps(net, {2, 5, 6}), Contains("Transpose"));
  for (const int64_t items : {1, 2}) net.expect_same_results({items, 5, 6});
}

TEST(InPlace, CopiesAreLeftWhereTheyMust) {
  // A piece that is a result, that is joined twice, that comes from the caller, that an operator
  // reads that knows no strides.
  expect_steps_with("Concat",
                    graph_text(std::string(kTwo) + "c = Concat<axis = 1>(a, b)  y = Conv(c, wj)",
                               "float y, float a"));
  expect_steps_with("Concat",
                    graph_text("a = Conv(x, w1)  c = Concat<axis = 1>(a, a)  y = Relu(c)"));
  expect_steps_with("Concat",
                    graph_text("a = Conv(x, w1)  c = Concat<axis = 1>(x, a)  y = Relu(c)"));
  expect_steps_with("Concat", graph_text("a = Conv(x, w1)  s = Softmax<axis = 3>(a) "
                                         "b = Conv(a, w1)  c = Concat<axis = 1>(a, b) "
                                         "d = Add(s, b)  e = Concat<axis = 1>(c, d)  y = Relu(e)"));
  expect_steps_with("Split",
                    graph_text("p, q = Split<axis = 1, num_outputs = 2>(x)  y = Mul(p, q)"));
}

TEST(InPlace, PiecesAlongTheFirstAxisAreTensorsAsTheyAre) {
  expect_steps_without("Split",
                       "a = Conv(x, w1)  f = Flatten<axis = 0>(a) "
                       "p, q = Split<axis = 1, num_outputs = 2>(f)  y = Mul(p, q)");
}

TEST(InPlace, TheCallersMemoryHoldsTheWhole) {
  const std::string body = std::string(kTwo) + "y = Concat<axis = 1>(a, b)";
  const Network net = network(graph_text(body));
  net.expect_same_results({2, 32, 7, 5});
}

// Whether the last convolution of a plan writes over an operand.
bool overwrites(const Network& net, const Shape& x) {
  const std::shared_ptr<Plan> plan = net.plan(x, 2);
  const auto place = [&](ValueId id) {
    const Knowledge& known = plan->known;
    return known.places[static_cast<size_t>(known.roots[static_cast<size_t>(id)])];
  };
  bool found = false;
  for (const Step& step : plan->steps) {
    if (step.op->name != "Conv" || place(step.outputs[0]).kind != Place::Kind::kArena) continue;
    found = std::any_of(step.inputs.begin(), step.inputs.end(), [&](ValueId input) {
      return input != kNoValue && place(input).kind == Place::Kind::kArena &&
             place(input).offset == place(step.outputs[0]).offset;
    });
  }
  return found;
}

constexpr char kResidual[] = "a0 = Conv(x, w1)  a = Relu(a0)  b0 = Conv(a, w1)  b = Relu(b0)  ";

TEST(InPlace, AConvolutionWritesOverWhatItAdds) {
  const Network net =
      network(graph_text(std::string(kResidual) + "c = Conv(b, w1)  d = Add(c, a)  e = Relu(d)  "
                                                  "y = GlobalAveragePool(e)"));
  for (const Shape& x : {Shape{1, 32, 9, 11}, Shape{3, 32, 20, 17}, Shape{1, 32, 56, 60}}) {
    EXPECT_TRUE(overwrites(net, x));
    net.expect_same_results(x);
  }
}

// What is added, is read again afterwards, or by other taps of the same convolution.
TEST(InPlace, AConvolutionLeavesWhatIsReadElsewhere) {
  const Shape x{1, 32, 20, 17};
  const Network later =
      network(graph_text(std::string(kResidual) + "c = Conv(b, w1)  d = Add(c, a)  e = Relu(d)  "
                                                  "f = Mul(e, a)  y = GlobalAveragePool(f)"));
  EXPECT_FALSE(overwrites(later, x));
  later.expect_same_results(x);
  const Network itself =
      network(graph_text(std::string(kResidual) + "c = Conv(b, w1)  d = Add(c, b)  e = Relu(d)  "
                                                  "y = GlobalAveragePool(e)"));
  EXPECT_FALSE(overwrites(itself, x));
  itself.expect_same_results(x);
}

// Sums over many channels wait in the result for the rest.
TEST(InPlace, AConvolutionOfManyChannelsDoesNotWriteOverWhatItAdds) {
  Network net(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,512,H,W] x, float[512,512,1,1] w) "
      "=> (float y) { a0 = Conv(x, w)  a = Relu(a0)  b0 = Conv(a, w)  b = Relu(b0)  "
      "c = Conv(b, w)  d = Add(c, a)  e = Relu(d)  y = GlobalAveragePool(e) }");
  net.weight("w", {512, 512, 1, 1}, -0.05F, 0.05F);
  const Shape x{1, 512, 5, 7};
  EXPECT_FALSE(overwrites(net, x));
  net.expect_same_results(x);
}

}  // namespace
}  // namespace sardonyx
