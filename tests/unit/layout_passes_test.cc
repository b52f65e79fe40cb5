// Batch norms, channels-last layout and fused epilogues: what becomes of small networks, and that
// they still compute the same.
#include <gmock/gmock.h>

#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;

Network residual_network() {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,H,W] x, float[8,3,3,3] w0, float[8] s, float[8] b, float[8] m, float[8] v,
       float[8,8,3,3] w1, float[8,1,3,3] w2, float[8] b2, float[5,8] w3, float[5] b3)
      => (float[N,5] y) {
      c0 = Conv<pads = [1,1,1,1], strides = [2,2]>(x, w0)
      n0 = BatchNormalization(c0, s, b, m, v)
      r0 = Relu(n0)
      p0 = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(r0)
      c1 = Conv<pads = [1,1,1,1]>(p0, w1)
      g1 = Sigmoid(c1)
      a1 = Mul(c1, g1)
      c2 = Conv<pads = [1,1,1,1], group = 8>(a1, w2, b2)
      d2 = Add(c2, p0)
      r2 = Relu(d2)
      q = GlobalAveragePool(r2)
      f = Flatten(q)
      y = Gemm<transB = 1>(f, w3, b3) })");
  network.weight("w0", {8, 3, 3, 3}).weight("s", {8}).weight("b", {8}).weight("m", {8});
  network.weight("v", {8}, 0.5f, 2).weight("w1", {8, 8, 3, 3}).weight("w2", {8, 1, 3, 3});
  network.weight("b2", {8}).weight("w3", {5, 8}).weight("b3", {5});
  return network;
}

TEST(LayoutPasses, LeaveOneTransposeInAResidualNetwork) {
  const Network network = residual_network();
  EXPECT_THAT(
      Network::ops(*network.at_level(99)),
      ElementsAre("Transpose", "sardonyx.Conv", "sardonyx.MaxPool", "sardonyx.Conv",
                  "sardonyx.Conv", "sardonyx.GlobalAveragePool", "Reshape", "Flatten", "Gemm"));
  network.expect_same_results({2, 3, 17, 15});
}

TEST(LayoutPasses, HandTheLayoutThroughDataMovement) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 18]>
    g (float[N,2,9,10] x, float[6,2,1,1] w, float[6,1,1] scale, float[4,3,3,3] w2, float[10] row)
      => (float[N,4,5,6] y, float[N,6] z) {
      c = Conv(x, w)
      k = Mul(c, scale)
      pads = Constant<value = int64[8] {0,0,1,0,0,0,0,2}>()
      p = Pad(k, pads)
      a, b = Split<axis = 1, num_outputs = 2>(p)
      j = Concat<axis = 1>(b, a)
      starts = Constant<value = int64[2] {1, 0}>()
      ends = Constant<value = int64[2] {8, 10}>()
      axes = Constant<value = int64[2] {-2, 3}>()
      t = Slice(j, starts, ends, axes)
      u = Add(t, row)
      e, f = Split<axis = 1, num_outputs = 2>(u)
      m = Max(e, f)
      d = Conv<strides = [1,1]>(m, w2)
      one = Constant<value = int64[1] {2}>()
      h = ReduceMean<keepdims = 1>(d, one)
      v = Sub(d, h)
      y0 = Slice(v, zero2, six, three)
      zero2 = Constant<value = int64[1] {0}>()
      six = Constant<value = int64[1] {6}>()
      three = Constant<value = int64[1] {3}>()
      y = Identity(y0)
      both = Constant<value = int64[2] {2, 3}>()
      z = ReduceSum<keepdims = 0>(j, both) })");
  network.weight("w", {6, 2, 1, 1}).weight("scale", {6, 1, 1}).weight("w2", {4, 3, 3, 3});
  network.weight("row", {10});
  const auto ops = Network::ops(*network.at_level(99));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Transpose"), 2) << "one in, one out";
  network.expect_same_results({2, 2, 9, 10});
}

TEST(LayoutPasses, NeedNoTransposeInAChannelsLastModel) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,8,8,3] x, float[4,3,3,3] w, float[4] b) => (float[N,6,6,4] y) {
      t = Transpose<perm = [0,3,1,2]>(x)
      c = Conv(t, w, b)
      r = LeakyRelu<alpha = 0.1>(c)
      y = Transpose<perm = [0,2,3,1]>(r) })");
  network.weight("w", {4, 3, 3, 3}).weight("b", {4});
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("sardonyx.Conv"));
  network.expect_same_results({2, 8, 8, 3});
}

Network network_that_ends_in_resize(const std::string& end, const std::string& scales) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 18]>
    g (float[1,2,5,6] x, float[3,2,1,1] w, float[3,3,1,1] w2) => (float[a,b,c,d] y) {
      v = Conv(x, w)
      scales = Constant<value = float[4] {)" +
                  scales + R"(}>()
      r = Resize<mode = "linear">(v, "", scales)
      )" + end + "}");
  network.weight("w", {3, 2, 1, 1}).weight("w2", {3, 3, 1, 1});
  return network;
}

TEST(LayoutPasses, ReorderBeforeAResizeThatEnlarges) {
  const std::string enlarge = "1, 1, 2, 3", reduce = "1, 1, 1, 0.5";
  const Network last = network_that_ends_in_resize("s = Sigmoid(r) y = Neg(s)", enlarge);
  EXPECT_THAT(
      Network::ops(*last.at_level(99)),
      ElementsAre("Transpose", "sardonyx.Conv", "Transpose", "Resize", "sardonyx.Elementwise"));
  last.expect_same_results({1, 2, 5, 6});
  const Network smaller = network_that_ends_in_resize("y = Neg(r)", reduce);
  EXPECT_EQ(Network::ops(*smaller.at_level(99))[2], "Resize");
  smaller.expect_same_results({1, 2, 5, 6});
  const Network used = network_that_ends_in_resize("y = Conv(r, w2)", enlarge);
  EXPECT_EQ(Network::ops(*used.at_level(99))[2], "Resize");
  used.expect_same_results({1, 2, 5, 6});
}

TEST(LayoutPasses, TurnAnImageIntoASequenceWithOneTranspose) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,1,4,9] x, float[5,1,4,2] w) => (float[8,N,5] y) {
      c = Conv(x, w)
      two = Constant<value = int64[1] {2}>()
      s = Squeeze(c, two)
      y = Transpose<perm = [2,0,1]>(s) })");
  network.weight("w", {5, 1, 4, 2});
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("Reshape", "sardonyx.Conv", "Squeeze", "Transpose"));
  network.expect_same_results({3, 1, 4, 9});
}

// Behind the patches of a vision transformer, a Transpose gives both orders of axes; what is added
// to them has only its own, so the sums stay in that.
TEST(LayoutPasses, LeaveASequenceThatHasBothOrders) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,8,8] x, float[12,3,4,4] w, float[1,1,12] token, float[12,12] m)
        => (float[N,5,12] y) {
      c = Conv<strides = [4,4]>(x, w)
      flat = Constant<value = int64[3] {0, 12, -1}>()
      f = Reshape(c, flat)
      t = Transpose<perm = [0,2,1]>(f)
      batch = Shape<start = 0, end = 1>(x)
      ones = Constant<value = int64[2] {1, 1}>()
      to = Concat<axis = 0>(batch, ones)
      first = Expand(token, to)
      s = Concat<axis = 1>(first, t)
      a = MatMul(s, m)
      r = Relu(a)
      y = Add(s, r) })");
  network.weight("w", {12, 3, 4, 4}).weight("token", {1, 1, 12}).weight("m", {12, 12});
  const std::vector<std::string> ops = Network::ops(*network.at_level(99));
  // Of the picture, back behind the convolution, and the one of the model.
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Transpose"), 3);
  network.expect_same_results({2, 3, 8, 8});
}

TEST(LayoutPasses, MakeMulAndAddOfABatchNormWithoutConvBefore) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4,6,5] x, float[4] s, float[4] b, float[4] m, float[4] v, float[3,4,1,1] w)
      => (float[N,3,6,5] y) {
      n = BatchNormalization(x, s, b, m, v)
      r = Relu(n)
      y = Conv(r, w) })");
  network.weight("s", {4}).weight("b", {4}).weight("m", {4}).weight("v", {4}, 0.5f, 2);
  network.weight("w", {3, 4, 1, 1});
  EXPECT_THAT(Network::ops(*network.at_level(1)),
              ::testing::Not(::testing::Contains(std::string("BatchNormalization"))));
  network.expect_same_results({2, 4, 6, 5});
}

TEST(LayoutPasses, FoldABatchNormIntoTransposedAndGroupedConvolutions) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4,5,5] x, float[4,3,2,2] w, float[6] s, float[6] b, float[6] m, float[6] v,
       float[6] b0) => (float[N,6,10,10] y) {
      c = ConvTranspose<strides = [2,2], group = 2>(x, w, b0)
      y = BatchNormalization(c, s, b, m, v) })");
  network.weight("w", {4, 3, 2, 2}).weight("s", {6}).weight("b", {6}).weight("m", {6});
  network.weight("v", {6}, 0.5f, 2).weight("b0", {6});
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("Transpose", "sardonyx.ConvTranspose", "Transpose"));
  network.expect_same_results({2, 4, 5, 5});
}

TEST(LayoutPasses, FoldArithmeticWithConstantsIntoConvolutions) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4,5,5] x, float[6,4,3,3] w, float[6] b, float[1] one, float[6,1,1] per,
       float[1,6,1,1] more, float[] number) => (float[N,6,3,3] y) {
      c = Conv(x, w, b)
      p = Mul(one, c)
      q = Add(p, number)
      r = Div(q, per)
      s = Sub(r, more)
      y = Relu(s) })");
  network.weight("w", {6, 4, 3, 3})
      .weight("b", {6})
      .weight("one", {1})
      .weight("per", {6, 1, 1}, 1, 2);
  network.weight("more", {1, 6, 1, 1}).weight("number", {});
  EXPECT_THAT(Network::ops(*network.at_level(1)), ElementsAre("Conv", "Relu"));
  network.expect_same_results({2, 4, 5, 5});
}

TEST(LayoutPasses, FoldArithmeticOfAChannelsLastModel) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,8,8,3] x, float[4,3,3,3] w, float[4] b, float[4] scale, float[1,1,1,4] shift)
      => (float[N,6,6,4] y) {
      t = Transpose<perm = [0,3,1,2]>(x)
      c = Conv(t, w, b)
      l = Transpose<perm = [0,2,3,1]>(c)
      m = Mul(l, scale)
      a = Add(m, shift)
      r = Relu(a)
      low = Constant<value = float {0}>()
      high = Constant<value = float {0.5}>()
      y = Clip(r, low, high) })");
  network.weight("w", {4, 3, 3, 3})
      .weight("b", {4})
      .weight("scale", {4})
      .weight("shift", {1, 1, 1, 4});
  const auto graph = network.at_level(99);
  EXPECT_THAT(Network::ops(*graph), ElementsAre("sardonyx.Conv"));
  for (const Node& node : graph->nodes()) {
    if (node.removed) continue;
    EXPECT_EQ(node.inputs.size(), 3);  // neither scale nor shift
  }
  network.expect_same_results({2, 8, 8, 3});
}

TEST(LayoutPasses, PoolChannelsLastAlone) {
  const Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,9,8] x) => (float[N,3,4,4] y) {
      s = Sigmoid(x)
      y = MaxPool<kernel_shape = [2,2], strides = [2,2]>(s) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("Sigmoid", "Transpose", "sardonyx.MaxPool", "Transpose"));
  network.expect_same_results({2, 3, 9, 8});
}

TEST(LayoutPasses, LeaveArithmeticThatIsNotPerChannel) {
  for (const char* body : {
           "c = Conv(x, w)  y = Mul(c, row)",     // along the last axis
           "c = Conv(x, w)  y = Div(number, c)",  // the constant divided by the result
           "c = Conv(x, w)  m = Mul(c, number)  y = Add(m, c)",  // read elsewhere
           "c = Conv(x, w)  y = Mul(c, whole)",                  // more axes than the result
       }) {
    Network network(std::string(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,4,6,6] x, float[6,4,1,1] w, float[6] row, float[] number, float[1,1,1,1,1] whole)
        => (float y) { )") +
                    body + "}");
    network.weight("w", {6, 4, 1, 1}).weight("row", {6}).weight("number", {}, 1, 2);
    network.weight("whole", {1, 1, 1, 1, 1});
    EXPECT_GT(Network::ops(*network.at_level(1)).size(), 1U) << body;
    network.expect_same_results({2, 4, 6, 6});
  }
}

TEST(LayoutPasses, GiveMatMulItsBiasActivationAndResidual) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 20]>
    g (float[N,7,6] x, float[6,9] w, float[9] b, float[9,6] w2, float[6] b2, float[6] scale)
      => (float[N,7,6] y) {
      m = MatMul(x, w)
      a = Add(b, m)
      h = Gelu(a)
      m2 = MatMul(h, w2)
      a2 = Add(m2, b2)
      k = Mul(a2, scale)
      y = Add(x, k) })");
  network.weight("w", {6, 9}).weight("b", {9}).weight("w2", {9, 6}).weight("b2", {6});
  network.weight("scale", {6});
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.MatMul", "sardonyx.MatMul"));
  network.expect_same_results({2, 7, 6});
}

// What an epilogue may not take: a value that somebody else reads, an operand that comes from it.
TEST(LayoutPasses, LeaveValuesThatOthersRead) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6] x, float[6,6] w) => (float[N,6] y, float[N,6] m) {
      m = MatMul(x, w)
      r = Relu(m)
      s = MatMul(r, w)
      t = Add(s, r)
      e = Softmax<axis = 1>(t)
      u = Mul(t, e)
      y = Add(u, m) })");
  network.weight("w", {6, 6});
  network.expect_same_results({3, 6});
}

TEST(LayoutPasses, KnowActivationsWrittenAsSeveralNodes) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3,6,6] x, float[4,3,3,3] w, float[4,4,1,1] w2, float[4,4,1,1] w3)
      => (float[N,4,4,4] y) {
      c = Conv(x, w)
      three = Constant<value = float {3}>()
      zero = Constant<value = float {0}>()
      six = Constant<value = float {6}>()
      a = Add(c, three)
      l = Clip(a, zero, six)
      p = Mul(c, l)
      h = Div(p, six)
      c2 = Conv(h, w2)
      g2 = HardSigmoid<alpha = 0.2, beta = 0.4>(c2)
      h2 = Mul(g2, c2)
      c3 = Conv(h2, w3)
      t = Softplus(c3)
      u = Tanh(t)
      y = Mul(c3, u) })");
  network.weight("w", {4, 3, 3, 3}).weight("w2", {4, 4, 1, 1}).weight("w3", {4, 4, 1, 1});
  EXPECT_THAT(
      Network::ops(*network.at_level(99)),
      ElementsAre("Transpose", "sardonyx.Conv", "sardonyx.Conv", "sardonyx.Conv", "Transpose"));
  network.expect_same_results({2, 3, 6, 6});
}

}  // namespace
}  // namespace sardonyx
