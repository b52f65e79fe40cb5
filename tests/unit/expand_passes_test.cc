// FlexAttention and Gradient: the nodes that they become, whatever the level.
#include <gmock/gmock.h>

#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;

TEST(ExpandFlexAttention, BecomesProductsAndItsBodies) {
  const Network network(R"(<ir_version: 13, opset_import: ["" : 24, "ai.onnx.preview" : 1]>
    g (float[1,2,3,4] q, float[1,2,3,4] k, float[1,2,3,4] v) => (float[1,2,3,4] y) {
      y = ai.onnx.preview.FlexAttention(q, k, v) <
        score_mod = a (float[B,H,L,S] s) => (float[B,H,L,S] o) { o = Tanh(s) }> })");
  EXPECT_THAT(Network::ops(*network.at_level(0)),
              ElementsAre("Mul", "Mul", "Transpose", "MatMul", "Cast", "Tanh", "Softmax", "Cast",
                          "MatMul", "Cast"));
}

TEST(ExpandGradients, ReversesTheNodesBetween) {
  const Network network(R"(<ir_version: 10, opset_import: ["" : 22, "ai.onnx.preview.training" : 1]>
    g (float[2] x) => (float[2] dx) {
      y = Exp(x)
      dx = ai.onnx.preview.training.Gradient<xs = ["x"], y = "y">(x) })");
  // y, ones of its shape, their product, and the name of the result.
  EXPECT_THAT(Network::ops(*network.at_level(0)),
              ElementsAre("Exp", "Shape", "Expand", "Mul", "Identity"));
}

TEST(ExpandGradients, ComputesOnceMoreAtAnotherPoint) {
  const Network network(R"(<ir_version: 10, opset_import: ["" : 22, "ai.onnx.preview.training" : 1]>
    g (float[2] x, float[2] p) => (float[2] y, float[2] dx) {
      y = Exp(x)
      dx = ai.onnx.preview.training.Gradient<xs = ["x"], y = "y">(p) })");
  EXPECT_THAT(Network::ops(*network.at_level(0)),
              ElementsAre("Exp", "Exp", "Shape", "Expand", "Mul", "Identity"));
}

}  // namespace
}  // namespace sardonyx
