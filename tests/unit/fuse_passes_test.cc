// Gelu, layer norms and chains of elementwise nodes: what becomes of them, and that they still
// compute the same.
#include <gmock/gmock.h>

#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;

TEST(FuseElementwise, JoinsAChainWithBroadcastOperands) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6,5] x, float[5] s, float[6,1] b) => (float[N,6,5] y) {
      half = Constant<value = float {0.5}>()
      a = Mul(x, s)
      c = Add(a, b)
      g = Sigmoid(c)
      d = Mul(c, g)
      e = Sub(d, half)
      y = Exp(e) })");
  network.weight("s", {5}).weight("b", {6, 1});
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("sardonyx.Elementwise"));
  network.expect_same_results({3, 6, 5});
}

// `c` is an output too, and `small` has other dims than its users.
TEST(FuseElementwise, LeavesWhatOthersReadAndWhatIsSmaller) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6,5] x, float[5] s) => (float[N,6,5] y, float[N,6,5] c) {
      t = Tanh(s)
      small = Neg(t)
      c = Mul(x, small)
      d = Abs(c)
      y = Sqrt(d) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.Elementwise", "Mul", "sardonyx.Elementwise"));
}

TEST(FuseElementwise, KeepsConditionsAndConversions) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,40] x) => (float[N,40] y) {
      zero = Constant<value = float {0}>()
      ten = Constant<value = float {10}>()
      p = Less(x, zero)
      f = Cast<to = 1>(p)
      m = Mul(x, ten)
      r = Where(p, m, x)
      y = Add(r, f) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("sardonyx.Elementwise"));
  network.expect_same_results({7, 40});
}

TEST(FuseElementwise, LeavesShapeArithmeticAlone) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4] x) => (float[M] y) {
      s = Shape(x)
      two = Constant<value = int64[1] {2}>()
      a = Mul(s, two)
      b = Add(a, two)
      c = Div(b, two)
      d = Sub(c, one)
      one = Constant<value = int64[1] {1}>()
      r = Reshape(x, d)
      flat = Constant<value = int64[1] {-1}>()
      y = Reshape(r, flat) })");
  network.expect_same_results({3, 4});
}

TEST(FuseGelu, KnowsTheErfFormInEveryOrder) {
  const char* const forms[] = {
      "d = Div(x, root)  e = Erf(d)  s = Add(e, one)  m = Mul(x, s)  y = Mul(m, half)",
      "d = Mul(x, inverse)  e = Erf(d)  s = Add(one, e)  m = Mul(half, x)  y = Mul(m, s)",
      "d = Div(x, root)  e = Erf(d)  s = Add(e, one)  m = Mul(s, half)  y = Mul(x, m)"};
  for (const char* form : forms) {
    const Network network(std::string(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,5] x) => (float[N,5] y) {
        root = Constant<value = float {1.4142135}>()
        inverse = Constant<value = float {0.70710677}>()
        one = Constant<value = float {1}>()
        half = Constant<value = float {0.5}>() )") +
                          form + " }");
    EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("Gelu")) << form;
    network.expect_same_results({3, 5});
  }
}

TEST(FuseLayerNorm, KnowsItSpelledOut) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6,8] x, float[8] scale, float[8] bias) => (float[N,6,8] y) {
      two = Constant<value = float {2}>()
      epsilon = Constant<value = float {0.00001}>()
      m = ReduceMean<axes = [-1]>(x)
      d = Sub(x, m)
      q = Pow(d, two)
      v = ReduceMean<axes = [-1]>(q)
      w = Add(v, epsilon)
      r = Sqrt(w)
      n = Div(d, r)
      k = Mul(n, scale)
      y = Add(k, bias) })");
  network.weight("scale", {8}).weight("bias", {8});
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("LayerNormalization"));
  network.expect_same_results({2, 6, 8});
}

}  // namespace
}  // namespace sardonyx
