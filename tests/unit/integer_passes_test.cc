// Quantize/dequantize groups, and integer products that are scaled behind: what becomes of them,
// and that they still compute the same.
#include <gmock/gmock.h>

#include "tests/support/network.h"

namespace sardonyx {
namespace {

using ::testing::ElementsAre;

TEST(UseIntegerKernels, MultipliesStoredNumbers) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4] x) => (float[N,3] y) {
      s = Constant<value = float {0.0625}>()  z = Constant<value = uint8 {120}>()
      ws = Constant<value = float[3] {0.5, 0.25, 0.125}>()
      wz = Constant<value = int8[3] {0, 0, 0}>()
      w = Constant<value = int8[4,3] {1,-2,3, 4,5,-6, 7,8,9, -10,11,12}>()
      ys = Constant<value = float {0.03125}>()  yz = Constant<value = uint8 {99}>()
      q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
      wd = DequantizeLinear<axis = 1>(w, ws, wz)
      m = MatMul(d, wd)  r = Relu(m)
      yq = QuantizeLinear(r, ys, yz)  y = DequantizeLinear(yq, ys, yz) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.Quantize", "sardonyx.QLinearMatMul", "sardonyx.Dequantize"));
  network.expect_same_results({5, 4});
}

// The bias is in units of both scales; the pooling moves stored numbers; the addition is one pass.
TEST(UseIntegerKernels, RunsABlockOfAPictureNetOnBytes) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4,8,8] x) => (float[N,4,4,4] y) {
      s = Constant<value = float {0.0078125}>()  z = Constant<value = uint8 {128}>()
      ws = Constant<value = float {0.25}>()  wz = Constant<value = int8 {0}>()
      w = Constant<value = int8[4,4,1,1] {1,-2,3,4, 5,-6,7,8, 9,-10,11,12, -1,-2,-3,4}>()
      b = Constant<value = int32[4] {100, -200, 300, 400}>()
      bs = Constant<value = float {0.001953125}>()  bz = Constant<value = int32 {0}>()
      t = Constant<value = float {0.0625}>()
      q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
      wd = DequantizeLinear(w, ws, wz)  bd = DequantizeLinear(b, bs, bz)
      c = Conv(d, wd, bd)
      cq = QuantizeLinear(c, t, z)  cd = DequantizeLinear(cq, t, z)
      a = Add(cd, d)
      aq = QuantizeLinear(a, t, z)  ad = DequantizeLinear(aq, t, z)
      p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(ad)
      pq = QuantizeLinear(p, t, z)  y = DequantizeLinear(pq, t, z) })");
  EXPECT_THAT(Network::ops(*network.at_level(2)),
              ElementsAre("sardonyx.Quantize", "sardonyx.QLinearConv", "sardonyx.Elementwise",
                          "MaxPool", "sardonyx.Dequantize"));
  network.expect_same_results({2, 4, 8, 8});
}

// Scales differ, so the bytes of one input are made anew; those of the other stay.
TEST(UseIntegerKernels, ConcatenatesBytes) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4] x) => (float[N,8] y) {
      s = Constant<value = float {0.0078125}>()  z = Constant<value = uint8 {128}>()
      t = Constant<value = float {0.03125}>()
      q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
      r = Neg(d)  rq = QuantizeLinear(r, t, z)  rd = DequantizeLinear(rq, t, z)
      c = Concat<axis = 1>(d, rd)
      cq = QuantizeLinear(c, t, z)  y = DequantizeLinear(cq, t, z) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.Quantize", "sardonyx.Elementwise", "sardonyx.Elementwise",
                          "Concat", "sardonyx.Dequantize"));
  network.expect_same_results({3, 4});
}

// What another node or the caller reads in floats stays in floats.
TEST(UseIntegerKernels, LeavesWhatOthersRead) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4] x) => (float[N,4] y, float[N,4] m) {
      s = Constant<value = float {0.0625}>()  z = Constant<value = uint8 {120}>()
      w = Constant<value = int8[4,4] {1,-2,3,4, 5,-6,7,8, 9,-10,11,12, -1,-2,-3,4}>()
      wz = Constant<value = int8 {0}>()
      q = QuantizeLinear(x, s, z)  d = DequantizeLinear(q, s, z)
      wd = DequantizeLinear(w, s, wz)
      m = MatMul(d, wd)
      yq = QuantizeLinear(m, s, z)  y = DequantizeLinear(yq, s, z) })");
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("sardonyx.Quantize", "sardonyx.QLinearMatMul", "sardonyx.Elementwise"));
  network.expect_same_results({5, 4});
}

TEST(FuseIntegerScales, JoinsCastScalesAndBias) {
  Network network(R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[N,4] x, float[3] b) => (float[N,3] y) {
      w = Constant<value = int8[4,3] {1,-2,3, 4,5,-6, 7,8,9, -10,11,12}>()
      ws = Constant<value = float[3] {0.5, 0.25, 0.125}>()
      q, s, z = DynamicQuantizeLinear(x)
      m = MatMulInteger(q, w, z)
      f = Cast<to = 1>(m)  scales = Mul(s, ws)  p = Mul(f, scales)  y = Add(b, p) })");
  network.weight("b", {3});
  EXPECT_THAT(Network::ops(*network.at_level(99)),
              ElementsAre("DynamicQuantizeLinear", "sardonyx.QLinearMatMul"));
  network.expect_same_results({5, 4});
}

}  // namespace
}  // namespace sardonyx
