// Gelu, layer norms and chains of elementwise nodes: what becomes of them, and that they still
// compute the same.
#include <gmock/gmock.h>

#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;

// The bounds of an old Clip come as casts to the type of its data.
TEST(FoldConstants, KnowsACastLikeByItsTypes) {
  Network network(R"(<ir_version: 4, opset_import: ["" : 9]>
    g (float[N,4] x, float[4,3] w) => (float[N,3] y) {
      m = MatMul(x, w)
      y = Clip<min = -0.25, max = 0.5>(m) })");
  network.weight("w", {4, 3});
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("sardonyx.MatMul"));
  network.expect_same_results({2, 4});
}

// Padding that is computed from the shape of what was padded by such padding, in floats.
TEST(FoldConstants, FollowsShapesThatItFindsItself) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,2,9,8] x, float[2,2,3,3] w) => (float[1,2,H,W] y) {
      two = Constant<value = float {2}>()  zeros = Constant<value = int64[2] {0, 0}>()
      at = Constant<value = int64[1] {3}>()
      s0 = Shape(x)  w0 = Gather(s0, at)  f0 = Cast<to = 1>(w0)  h0 = Div(f0, two)
      c0 = Ceil(h0)  i0 = Cast<to = 7>(c0)
      p0 = Concat<axis = 0>(zeros, zeros, zeros, i0, i0)  a = Pad(x, p0)  r = Relu(a)
      s1 = Shape(r)  w1 = Gather(s1, at)  f1 = Cast<to = 1>(w1)  h1 = Div(f1, two)
      c1 = Ceil(h1)  i1 = Cast<to = 7>(c1)
      p1 = Concat<axis = 0>(zeros, zeros, zeros, i1, i1)  b = Pad(r, p1)
      y = Conv(b, w) })");
  network.weight("w", {2, 2, 3, 3});
  EXPECT_THAT(Network::ops(*network.at_level(1)), ElementsAre("Pad", "Relu", "Conv"));
  network.expect_same_results({1, 2, 9, 8});
}

// Pads that are zeros beside and below pictures are the convolution's.
TEST(FoldPad, GivesPaddingToTheConvolution) {
  for (const auto& [body, folds] : std::vector<std::pair<std::string, bool>>{
           {"a = Pad(x, pads)  y = Conv(a, w)", true},
           {"a = Pad(x, pads, zero)  y = Conv<pads = [1,0,2,1]>(a, w)", true},
           {"a = Pad(x, pads)  y = Conv<auto_pad = \"VALID\">(a, w)", true},
           {"a = Pad(x, some, zero, axes)  y = Conv(a, w)", true},
           {"a = Pad(x, pads)  y = Conv<auto_pad = \"SAME_UPPER\">(a, w)", false},
           {"a = Pad(x, pads, one)  y = Conv(a, w)", false},
           {"a = Pad<mode = \"reflect\">(x, pads)  y = Conv(a, w)", false},
           {"a = Pad(x, less)  y = Conv(a, w)", false},
           {"a = Pad(x, pads)  y = MaxPool<kernel_shape = [2,2]>(a)", false},
       }) {
    Network network(R"(<ir_version: 8, opset_import: ["" : 18]>
    g (float[N,2,9,8] x, float[3,2,3,3] w) => (float[N,C,H,W] y) {
      pads = Constant<value = int64[8] {0, 0, 0, 1, 0, 0, 2, 3}>()
      less = Constant<value = int64[8] {0, 0, 0, 1, 0, 0, -1, 3}>()
      some = Constant<value = int64[4] {2, 0, 1, 3}>()
      axes = Constant<value = int64[2] {-1, 2}>()
      zero = Constant<value = float {0}>()  one = Constant<value = float {1}>()
      )" + body + " }");
    network.weight("w", {3, 2, 3, 3});
    const std::vector<std::string> ops = Network::ops(*network.at_level(1));
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Pad"), folds ? 0 : 1) << body;
    network.expect_same_results({2, 2, 9, 8});
  }
}

// Branches of one tensor that are added are one convolution, if their windows fit.
TEST(MergeConvBranches, AddsWeightsOfTheSameTensor) {
  const std::string three = "a = Conv<pads = [1,1,1,1]>(x, w3)  ";
  const std::string norm = "n = BatchNormalization(x, s, t, m, v)  ";
  const std::string deep = "a = Conv<group = 4, pads = [1,1,1,1]>(x, d3)  ";
  for (const auto& [body, convs] : std::vector<std::pair<std::string, int>>{
           {three + "b = Conv(x, w1, c)  y = Add(a, b)", 1},
           {three + "b = Conv(x, w1, c)  y = Add(b, a)", 1},
           {three + norm + "y = Add(a, n)", 1},
           {three + norm + "b = Conv(x, w1, c)  p = Add(n, b)  y = Add(p, a)", 1},
           {three + "y = Add(x, a)", 1},
           {deep + norm + "y = Add(n, a)", 1},
           {deep + "b = Conv<group = 4>(x, d1)  p = Add(x, b)  y = Add(a, p)", 1},
           {"a = Conv<pads = [2,2,2,2], dilations = [2,2]>(x, w3)  b = Conv(x, w1)  y = Add(a, b)",
            1},
           {"a = Conv<pads = [1,1,1,1], strides = [2,2]>(x, w3)  "
            "b = Conv<strides = [2,2]>(x, w1)  y = Add(a, b)",
            1},
           // The windows are the same size but lie elsewhere; results of different sizes.
           {"a = Conv<pads = [1,1,1,1]>(x, w3)  b = Conv<pads = [2,2,0,0]>(x, w3)  y = Add(a, b)",
            2},
           {"a = Conv<pads = [0,1,2,1]>(x, w3)  b = Conv(x, w1)  y = Add(a, b)", 1},
           {"a = Conv(x, w3)  b = Conv<strides = [9,8]>(x, w1)  y = Add(a, b)", 2},
           {three + "r = Relu(x)  b = Conv(r, w1)  y = Add(a, b)", 2},
           {three + "b = Conv(x, w1)  p = Add(a, b)  y = Mul(p, b)", 2},
           {deep + "b = Conv(x, w1)  y = Add(a, b)", 2},
       }) {
    Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4,9,8] x, float[4,4,3,3] w3, float[4,4,1,1] w1, float[4] c, float[4,1,3,3] d3,
       float[4,1,1,1] d1, float[4] s, float[4] t, float[4] m) => (float[N,4,H,W] y) {
      v = Constant<value = float[4] {0.5, 1, 1.5, 2}>()
      )" + body + " }");
    network.weight("w3", {4, 4, 3, 3}).weight("w1", {4, 4, 1, 1}).weight("c", {4});
    network.weight("d3", {4, 1, 3, 3}).weight("d1", {4, 1, 1, 1});
    network.weight("s", {4}).weight("t", {4}).weight("m", {4});
    const auto graph = network.at_level(2);
    int found = 0;
    for (const std::string& op : Network::ops(*graph)) {
      found += op == "Conv" || op == "sardonyx.Conv";
      EXPECT_TRUE(convs != 1 || (op != "Add" && op != "Mul")) << op << " in " << body;
    }
    EXPECT_EQ(found, convs) << body;
    network.expect_same_results({2, 4, 9, 8});
  }
}

constexpr char kSwish[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,5] x) => (float[N,5] y) {
      three = Constant<value = float {3}>()
      zero = Constant<value = float {0}>()
      six = Constant<value = float {6}>()
      sixth = Constant<value = float {0.16666667}>()
      a = Add(x, three)
      c = Clip(a, zero, six)
      @ })";

std::vector<std::string> swish_ops(const std::string& end) {
  std::string text = kSwish;
  text.replace(text.find('@'), 1, end);
  const Network network(text);
  network.expect_same_results({9, 5});
  return Network::ops(*network.at_level(99));
}

TEST(FuseHardSwish, TakesTheFactorsInAnyOrder) {
  for (const char* end : {
           "m = Mul(x, c)  y = Div(m, six)",
           "m = Mul(c, x)  y = Mul(sixth, m)",
           "h = Div(c, six)  y = Mul(x, h)",
           "h = Mul(c, sixth)  y = Mul(h, x)",
       }) {
    EXPECT_THAT(swish_ops(end), ElementsAre("HardSwish")) << end;
  }
  EXPECT_THAT(swish_ops("y = Div(c, six)"), ElementsAre("HardSigmoid"));
}

TEST(FuseHardSwish, LeavesOtherForms) {
  for (const char* end : {
           "m = Mul(x, c)  y = Div(six, m)",    // the quotient upside down
           "m = Mul(a, c)  y = Div(m, six)",    // another factor
           "m = Mul(x, c)  y = Div(m, three)",  // another divisor
           "m = Mul(x, c)  d = Div(m, six)  y = Add(d, c)",
       }) {
    const std::vector<std::string> ops = swish_ops(end);
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "HardSwish"), 0) << end;
  }
}

constexpr char kAttention[] = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,T,24] x, float[24,24] wq, float[24,24] wk, float[24,24] wv) => (float[N,T,24] y) {
      split = Constant<value = int64[4] {0, 0, 4, 6}>()
      join = Constant<value = int64[3] {0, 0, 24}>()
      root = Constant<value = float {2.4494898}>()
      q = MatMul(x, wq)  q4 = Reshape(q, split)  qt = Transpose<perm = [0, 2, 1, 3]>(q4)
      k = MatMul(x, wk)  k4 = Reshape(k, split)  kt = Transpose<perm = [0, 2, 3, 1]>(k4)
      v = MatMul(x, wv)  v4 = Reshape(v, split)  vt = Transpose<perm = [0, 2, 1, 3]>(v4)
      s = MatMul(qt, kt)  d = Div(s, root)
      p = Softmax<axis = -1>(d)
      o = MatMul(p, vt)  ot = Transpose<perm = [0, 2, 1, 3]>(o)  y = Reshape(ot, join) })";

// Scales and offsets behind an activation, in any order and number, are part of a product's tail.
TEST(FuseEpilogue, ScalesActivations) {
  for (const std::string tail :
       {"a = HardSwish(m)  b = Mul(a, s)  y = Add(b, o)",
        "a = Relu(m)  b = Mul(s, a)  y = Add(o, b)", "a = HardSwish(m)  y = Mul(a, s)",
        "a = Relu(m)  y = Add(a, o)", "a = HardSwish(m)  b = Add(a, o)  y = Mul(b, s)",
        "a = Relu(m)  y = Mul(a, row)",
        "b = Add(m, x)  a = HardSwish(b)  c = Mul(a, s)  y = Add(c, o)",
        "a = Relu(m)  c = Mul(a, s)  d = Add(c, o)  y = Add(d, x)"}) {
    Network network(R"(<ir_version: 10, opset_import: ["" : 21]>
        g (float[N,40] x, float[40,40] w) => (float[N,40] y) {
          s = Constant<value = float[1] {-1.75}>()
          o = Constant<value = float[1] {0.375}>()
          row = Constant<value = float[40] {)" +
                    [] {
                      std::string numbers = "1";
                      for (int i = 1; i < 40; ++i) numbers += ", " + std::to_string(i);
                      return numbers;
                    }() +
                    "}>()  m = MatMul(x, w)  " + tail + "}");
    network.weight("w", {40, 40});
    EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("sardonyx.MatMul")) << tail;
    network.expect_same_results({9, 40});
  }
}

TEST(RemoveIdentities, KnowsWhatChangesNothing) {
  const auto ops = [](const std::string& node) {
    Network network(R"(<ir_version: 10, opset_import: ["" : 21]>
      g (float[N,4] x) => (float[N,K] y) {
        none = Constant<value = int64[4] {0, 0, 0, 0}>()  two = Constant<value = int64[1] {2}>()
        some = Constant<value = int64[4] {0, 0, 0, 1}>()  ones = Constant<value = int64[2] {1, 1}>()
        first = Constant<value = int64[1] {0}>()  end = Constant<value = int64[1] {9}>()
        last = Constant<value = int64[1] {-1}>()  begin = Constant<value = int64[1] {-9}>()
        one = Constant<value = int64[1] {1}>()  twice = Constant<value = int64[2] {1, 2}>()
        a = Exp(x)  b = )" +
                    node + "  y = Neg(b) }");
    network.expect_same_results({3, 4});
    return Network::ops(*network.at_level(99));
  };
  for (const std::string node : {"Pad(a, none)", "Tile(a, ones)", "Slice(a, first, end, one)",
                                 "Slice(a, first, end, one, one)"}) {
    EXPECT_EQ(ops(node).size(), 1u) << node;  // the other two are one step
  }
  for (const std::string node :
       {"Pad(a, some)", "Tile(a, twice)", "Slice(a, last, begin, one, last)",
        "Slice(a, one, end, one)", "Slice(a, first, end, one, two)"}) {
    EXPECT_EQ(ops(node).size(), 3u) << node;
  }
}

TEST(FuseAttention, TakesTheTransposesWithIt) {
  Network network(kAttention);
  network.weight("wq", {24, 24}).weight("wk", {24, 24}).weight("wv", {24, 24});
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("MatMul", "MatMul", "MatMul", "Attention", "Reshape", "Reshape"));
  network.expect_same_results({2, 5, 24});
}

// A mask that makes the scores larger, and scores that are read elsewhere, stay as they are.
TEST(FuseAttention, LeavesOtherForms) {
  std::string wider = kAttention;
  wider.replace(wider.find("p = Softmax<axis = -1>(d)"), 25,
                "m = Constant<value = float[2,1,1,1] {1, 2}>()  dm = Add(d, m)  "
                "p = Softmax<axis = -1>(dm)");
  std::string other_axis = kAttention;
  other_axis.replace(other_axis.find("axis = -1"), 9, "axis = 2");
  std::string number = kAttention;
  number.replace(number.find("p = Softmax<axis = -1>(d)"), 25,
                 "m = Constant<value = float {3}>()  dm = Add(d, m)  p = Softmax<axis = -1>(dm)");
  for (const std::string& text : {wider, other_axis, number}) {
    Network network(text);
    network.weight("wq", {24, 24}).weight("wk", {24, 24}).weight("wv", {24, 24});
    EXPECT_THAT(Network::ops(*network.at_level(99)),
                ::testing::Not(::testing::Contains("Attention")));
    network.expect_same_results({2, 5, 24});
  }
}

// nn.MultiheadAttention has the sequence first, the heads of all items in one axis, and the scale
// at the queries.
TEST(FuseAttention, KnowsTheSequenceFirst) {
  const std::string plain = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[T,N,24] x, float[24,72] w) => (float[T,N,24] y) {
      zero = Constant<value = int64[1] {0}>()
      a = Constant<value = int64[1] {24}>()  b = Constant<value = int64[1] {48}>()
      c = Constant<value = int64[1] {72}>()  last = Constant<value = int64[1] {2}>()
      heads = Constant<value = int64[3] {0, -1, 6}>()
      join = Constant<value = int64[3] {0, -1, 24}>()
      root = Constant<value = float {2.4494898}>()
      m = MatMul(x, w)
      q0 = Slice(m, zero, a, last)  k0 = Slice(m, a, b, last)  v0 = Slice(m, b, c, last)
      q1 = Reshape(q0, heads)  q2 = Transpose<perm = [1, 0, 2]>(q1)  q = Div(q2, root)
      k1 = Reshape(k0, heads)  k = Transpose<perm = [1, 2, 0]>(k1)
      v1 = Reshape(v0, heads)  v = Transpose<perm = [1, 0, 2]>(v1)
      s = MatMul(q, k)  p = Softmax<axis = -1>(s)
      o = MatMul(p, v)  ot = Transpose<perm = [1, 0, 2]>(o)  y = Reshape(ot, join) })";
  std::string masked = plain;
  for (size_t at = 0; (at = masked.find("[T,N", at)) != std::string::npos;) masked[at + 1] = '5';
  masked.replace(masked.find(") =>"), 1, ", float[5,5] mask)");
  masked.replace(masked.find("p = Softmax<axis = -1>(s)"), 25,
                 "sm = Add(s, mask)  p = Softmax<axis = 2>(sm)");
  for (const bool has_mask : {false, true}) {
    Network network(has_mask ? masked : plain);
    network.weight("w", {24, 72});
    if (has_mask) network.weight("mask", {5, 5});
    const std::vector<std::string> ops = Network::ops(*network.at_level(99));
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Attention"), 1);
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Softmax"), 0);
    network.expect_same_results({5, 3, 24});
    network.expect_same_results({5, 1, 24});
  }
  // Heads that are not a part of the last axis.
  std::string crossed = plain;
  crossed.replace(crossed.find("k0 = Slice(m, a, b, last)"), 25, "k0 = Slice(m, a, c, last)");
  crossed.replace(crossed.find("k1 = Reshape(k0, heads)"), 23,
                  "k5 = Reshape(k0, heads)  k1 = Slice(k5, zero, four, one)");
  crossed.replace(
      crossed.find("zero ="), 0,
      "four = Constant<value = int64[1] {4}>()  one = Constant<value = int64[1] {1}>() ");
  Network other(crossed);
  other.weight("w", {24, 72});
  EXPECT_THAT(Network::ops(*other.at_level(99)), ::testing::Not(::testing::Contains("Attention")));
  other.expect_same_results({5, 1, 24});
}

TEST(FuseAttention, KeepsHeadsOutsideWhereTheyAre) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1,4,T,6] x, float[1,4,6,9] k, float[1,4,9,5] v, float[1,9] mask)
        => (float[1,4,T,5] y) {
      scale = Constant<value = float {0.5}>()
      s = MatMul(x, k)  d = Mul(scale, s)  m = Add(mask, d)
      p = Softmax<axis = 3>(m)
      y = MatMul(p, v) })");
  network.weight("k", {1, 4, 6, 9}).weight("v", {1, 4, 9, 5}).weight("mask", {1, 9});
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("Transpose", "Attention"));
  network.expect_same_results({1, 4, 7, 6});
}

// What the product cannot add while it is written becomes an Add; the rest stays.
TEST(SplitGemm, AddsAColumnBehind) {
  for (const auto& [c, ops] : std::vector<std::pair<std::string, std::vector<std::string>>>{
           {"s", {"ReduceSum", "Gemm", "Mul", "Add"}},
           {"column", {"Gemm", "Mul", "Add"}},
           {"number", {"ReduceSum", "Gemm", "Mul", "Add"}},
           {"row", {"Gemm"}},
           {"one", {"Gemm"}},
       }) {
    Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[5,6] x, float[3,6] w, float[5,1] column, float[3] row, float[1] one)
        => (float[5,3] y) {
      axis = Constant<value = int64[1] {1}>()  all = Constant<value = int64[2] {0, 1}>()
      s = ReduceSum(x, axis)  number = ReduceSum<keepdims = 0>(x, all)
      y = Gemm<transB = 1, alpha = -2.0, beta = 0.5>(x, w, )" +
                    c + ") }");
    network.weight("w", {3, 6}).weight("column", {5, 1}).weight("row", {3}).weight("one", {1});
    EXPECT_THAT(Network::ops(*network.at_level(99)), ::testing::ElementsAreArray(ops)) << c;
    network.expect_same_results({5, 6});
  }
}

// Heads and items in one axis, as bmm and baddbmm have them; the latter adds zeros.
TEST(SplitGathers, SplitsWhereEveryPositionIsTaken) {
  const std::string head = R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[3,N,5] x) => (float[N,5] y) {
      zero = Constant<value = int64 {0}>()
      one = Constant<value = int64 {1}>()
      last = Constant<value = int64 {-1}>()
      q = Gather(x, zero)  k = Gather(x, one)  v = )";
  const std::string tail = "  a = Sub(q, k)  y = Mul(a, v) }";
  const Network all(head + "Gather(x, last)" + tail);
  EXPECT_THAT(Network::ops(*all.at_level(1)),
              ElementsAre("Split", "Squeeze", "Squeeze", "Sub", "Squeeze", "Mul"));
  all.expect_same_results({3, 4, 5});
  const Network some(head + "Gather(x, one)" + tail);
  EXPECT_THAT(Network::ops(*some.at_level(1)), ElementsAre("Gather", "Gather", "Sub", "Mul"));
}

TEST(RemoveIdentities, KnowsDropoutThatDropsNothing) {
  const auto ops_of = [](const std::string& ratio, const std::string& mode, const char* wants) {
    const Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,5] x) => (float[N,5] y)" +
                          std::string(wants) + R"() {
        ratio = Constant<value = float {)" +
                          ratio + R"(}>()
        mode = Constant<value = bool {)" +
                          mode + R"(}>()
        d, m = Dropout(x, ratio, mode)
        y = Relu(d) })");
    return Network::ops(*network.at_level(1));
  };
  EXPECT_THAT(ops_of("0", "1", ""), ElementsAre("Relu"));
  EXPECT_THAT(ops_of("0.5", "0", ""), ElementsAre("Relu"));
  EXPECT_THAT(ops_of("0.5", "1", ""), ElementsAre("Dropout", "Relu"));
  EXPECT_THAT(ops_of("0", "1", ", bool[N,5] m"), ElementsAre("Dropout", "Relu"));
}

TEST(FuseAttention, KnowsHeadsAmongTheItems) {
  for (const std::string scores :
       {"m = Identity(d)", "m = Add(d, zeros)", "m = Add(d, all)", "m = Add(each, d)"}) {
    Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,7,6] x, float[1,7] all, float[1,7,7] each) => (float[N,7,6] y) {
      scale = Constant<value = float {0.5}>()
      zeros = Constant<value = float[1,1,7] {0, 0, 0, 0, 0, 0, 0}>()
      k = Transpose<perm = [0, 2, 1]>(x)
      s = MatMul(x, k)  d = Mul(scale, s)  )" +
                    scores + R"(
      p = Softmax<axis = -1>(m)
      y = MatMul(p, x) })");
    network.weight("all", {1, 7}).weight("each", {1, 7, 7});
    const std::vector<std::string> ops = Network::ops(*network.at_level(99));
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Attention"), 1) << scores;
    network.expect_same_results({3, 7, 6});
  }
}

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

// In between the numbers are rounded to float16, as they were; the weight is widened once.
TEST(WidenNarrowFloats, MultipliesInFloat32BetweenCasts) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,6] x, float[6,4] w) => (float[N,4] y) {
      a = Cast<to = 10>(x)
      b = Cast<to = 10>(w)
      p = MatMul(a, b)
      r = Relu(p)
      y = Cast<to = 1>(r) })");
  network.weight("w", {6, 4});
  EXPECT_THAT(Network::ops(*network.at_level(1)),
              ElementsAre("Cast", "Cast", "MatMul", "Cast", "Relu", "Cast"));
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.Elementwise", "MatMul", "sardonyx.Elementwise"));
  network.expect_same_results({7, 6});
}

TEST(WidenNarrowFloats, PicksElementsAsTheyAre) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 13]>
    g (float16[1,2,N,3] x, float[0] roi, float[4] s) => (float16[1,2,M,K] y) {
      y = Resize(x, roi, s)
    })");
  EXPECT_THAT(Network::ops(*network.at_level(99)), ElementsAre("Resize"));
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
