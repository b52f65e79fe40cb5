// Steps of a plan that one kernel does at once: where that is done, and that results stay the same.
#include <gmock/gmock.h>

#include "plan/runner.h"
#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kTwo[] = "depthwise behind indirect gemm";
constexpr char kThree[] = "indirect gemm behind depthwise behind indirect gemm";

Network block(const std::string& body, const std::string& outputs = "float y") {
  Network net(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,16,H,W] x, "
      "float[96,16,1,1] we, float[96] be, float[96,1,3,3] wd, float[16,96,1,1] wp) => (" +
      outputs + ") {" + body + "}");
  net.weight("we", {96, 16, 1, 1}, -0.4F, 0.4F)
      .weight("be", {96})
      .weight("wd", {96, 1, 3, 3}, -0.4F, 0.4F)
      .weight("wp", {16, 96, 1, 1}, -0.1F, 0.1F);
  return net;
}

std::vector<std::string> kernels(const Network& net, const Shape& x) {
  const std::shared_ptr<Plan> plan = net.plan(x, 1);
  std::vector<std::string> names;
  for (const Step& step : plan->steps) names.push_back(step.kernel.name);
  return names;
}

constexpr char kExpand[] =
    "e0 = Conv(x, we, be)  e = Clip(e0, zero, six)  d0 = Conv<group = 96, pads = [1, 1, 1, 1], "
    "strides = [2, 2]>(e, wd)  d = Clip(d0, zero, six)  ";
constexpr char kBounds[] =
    "zero = Constant<value = float {0}>()  six = Constant<value = float {6}>()  ";

TEST(JoinedSteps, ALargeExpansionAndItsDepthwiseConvolution) {
  const Network net = block(std::string(kBounds) + kExpand + "y = Conv(d, wp)");
  for (const Shape& x : {Shape{1, 16, 64, 60}, Shape{3, 16, 61, 57}}) {
    EXPECT_THAT(kernels(net, x), Contains(kTwo));
    net.expect_same_results(x);
  }
  EXPECT_THAT(kernels(net, {1, 16, 14, 14}), Not(Contains(kTwo)));
}

TEST(JoinedSteps, AResidualBesides) {
  const Network net = block(
      "e = Conv(x, we, be)  d0 = Conv<group = 96, pads = [1, 1, 1, 1]>(e, wd)  f = Conv(x, we)  "
      "d = Add(d0, f)  y = Conv(d, wp)");
  EXPECT_THAT(kernels(net, {1, 16, 64, 60}), Contains(kThree));
  net.expect_same_results({1, 16, 64, 60});
}

TEST(JoinedSteps, NotWhereTheExpansionIsReadElsewhere) {
  const Shape x{1, 16, 64, 60};
  const Network twice =
      block(std::string(kBounds) + kExpand + "s = ReduceMean(e)  p = Conv(d, wp)  y = Mul(p, s)");
  EXPECT_THAT(kernels(twice, x), Not(Contains(HasSubstr("behind"))));
  twice.expect_same_results(x);
  const Network result =
      block(std::string(kBounds) + kExpand + "y = Conv(d, wp)", "float y, float e");
  EXPECT_THAT(kernels(result, x), Not(Contains(HasSubstr("behind"))));
  result.expect_same_results(x);
}

// Two of the three, where the result of the second is read elsewhere.
TEST(JoinedSteps, WithoutAProjection) {
  const Network read =
      block(std::string(kBounds) + kExpand + "s = ReduceMean(d)  p = Conv(d, wp)  y = Mul(p, s)");
  EXPECT_THAT(kernels(read, {1, 16, 64, 60}), Contains(kTwo));
  read.expect_same_results({1, 16, 64, 60});
}

// The convolution of the picture, the first of such networks, and a residual around the block.
TEST(JoinedSteps, BehindOtherConvolutions) {
  Network net(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,3,H,W] x, float[32,3,3,3] w0, "
      "float[32,1,3,3] wd, float[8,32,1,1] wp, float[96,8,1,1] we, float[96,1,3,3] wf, "
      "float[8,96,1,1] wq) => (float y) {"
      "a = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w0)  r = Relu(a) "
      "d = Conv<group = 32, pads = [1, 1, 1, 1]>(r, wd)  dr = Relu(d)  p = Conv(dr, wp) "
      "e = Conv(p, we)  er = Relu(e)  f = Conv<group = 96, pads = [1, 1, 1, 1]>(er, wf) "
      "fr = Relu(f)  q = Conv(fr, wq)  y = Add(q, p) }");
  net.weight("w0", {32, 3, 3, 3}).weight("wd", {32, 1, 3, 3}).weight("wp", {8, 32, 1, 1});
  net.weight("we", {96, 8, 1, 1}).weight("wf", {96, 1, 3, 3}).weight("wq", {8, 96, 1, 1});
  const Shape x{2, 3, 210, 224};
  const std::vector<std::string> names = kernels(net, x);
  EXPECT_EQ(std::count(names.begin(), names.end(), kThree), 2);
  net.expect_same_results(x);
}

// Where networks for pictures begin.
TEST(JoinedSteps, AConvolutionAndItsPooling) {
  Network net(
      "<ir_version: 10, opset_import: [\"\" : 21]> g (float[N,3,H,W] x, float[64,3,3,3] w, "
      "float[64] b, float[8,64,1,1] v) => (float y) {"
      "c = Conv<pads = [1, 1, 1, 1], strides = [2, 2]>(x, w, b)  r = Relu(c) "
      "p = MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]>(r) "
      "y = Conv(p, v) }");
  net.weight("w", {64, 3, 3, 3}).weight("b", {64}).weight("v", {8, 64, 1, 1});
  for (const Shape& x : {Shape{1, 3, 160, 150}, Shape{2, 3, 131, 141}}) {
    EXPECT_THAT(kernels(net, x), Contains("boxes behind indirect gemm"));
    net.expect_same_results(x);
  }
  EXPECT_THAT(kernels(net, {1, 3, 60, 60}), Not(Contains(HasSubstr("behind"))));
}

}  // namespace
}  // namespace sardonyx
