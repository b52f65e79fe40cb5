// Every pass keeps the meaning of a graph: small models of the shapes that passes look for, run
// without any pass, with all of them, and with each one left out, on random inputs.
#include <gmock/gmock.h>

#include <cmath>
#include <random>

#include "passes/pass.h"
#include "tests/support/text_session.h"

namespace sardonyx {
namespace {

struct Case {
  std::string_view name;
  std::string_view text;
};

// All inputs but the first become weights.
constexpr Case kCases[] = {
    {"conv_bn_relu_residual", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,4,9,7] x, float[6,4,3,3] w, float[6] s, float[6] b, float[6] m, float[6] v,
         float[6,6,1,1] w2) => (float[N,6,9,7] y) {
        c = Conv<pads = [1,1,1,1]>(x, w)
        positive = Abs(v)
        n = BatchNormalization(c, s, b, m, positive)
        r = Relu(n)  p = Conv(r, w2)  q = Add(p, r)  y = Clip(q) })"},
    {"squeeze_excite", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,8,6,6] x, float[8,1,3,3] w, float[2,8,1,1] down, float[8,2,1,1] up)
        => (float[N,8,6,6] y) {
        d = Conv<group = 8, pads = [1,1,1,1]>(x, w)
        gate = Sigmoid(d)  a = Mul(d, gate)
        m = GlobalAveragePool(a)  f = Conv(m, down)  fr = Relu(f)  e = Conv(fr, up)
        es = Sigmoid(e)  y = Mul(a, es) })"},
    {"hard_swish_by_hand", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,3,8,8] x, float[5,3,3,3] w) => (float[N,5,4,4] y) {
        three = Constant<value = float {3}>()  zero = Constant<value = float {0}>()
        six = Constant<value = float {6}>()
        c = Conv<pads = [1,1,1,1], strides = [2,2]>(x, w)
        s = Add(c, three)  k = Clip(s, zero, six)  p = Mul(c, k)  y = Div(p, six) })"},
    {"concat_pool_transpose", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,4,8,8] x, float[3,4,1,1] w, float[5,4,3,3] v) => (float[N,4,4,8] y) {
        a = Conv(x, w)  b = Conv<pads = [1,1,1,1]>(x, v)  c = Concat<axis = 1>(a, b)
        p = MaxPool<kernel_shape = [2,2], strides = [2,2]>(c)
        y = Transpose<perm = [0,2,3,1]>(p) })"},
    {"gelu_and_layer_norm_by_hand", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,T,8] x, float[8,16] w, float[16] b, float[16] scale, float[16] shift)
        => (float[N,T,16] y) {
        root = Constant<value = float {1.4142135}>()  one = Constant<value = float {1}>()
        half = Constant<value = float {0.5}>()  two = Constant<value = float {2}>()
        epsilon = Constant<value = float {0.00001}>()
        h = MatMul(x, w)  hb = Add(h, b)
        d = Div(hb, root)  e = Erf(d)  e1 = Add(e, one)  g1 = Mul(hb, e1)  a = Mul(g1, half)
        mean = ReduceMean<axes = [-1]>(a)  centred = Sub(a, mean)  sq = Pow(centred, two)
        variance = ReduceMean<axes = [-1]>(sq)  ve = Add(variance, epsilon)  sd = Sqrt(ve)
        normal = Div(centred, sd)  scaled = Mul(normal, scale)  y = Add(scaled, shift) })"},
    {"attention", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,T,8] x, float[8,8] wq, float[8,8] wk, float[8,8] wv) => (float[N,T,8] y) {
        shape = Constant<value = int64[4] {0, 0, 2, 4}>()
        back = Constant<value = int64[3] {0, 0, 8}>()
        scale = Constant<value = float {0.5}>()
        q0 = MatMul(x, wq)  k0 = MatMul(x, wk)  v0 = MatMul(x, wv)
        q1 = Reshape(q0, shape)  k1 = Reshape(k0, shape)  v1 = Reshape(v0, shape)
        q = Transpose<perm = [0,2,1,3]>(q1)  k = Transpose<perm = [0,2,3,1]>(k1)
        v = Transpose<perm = [0,2,1,3]>(v1)
        s = MatMul(q, k)  ss = Mul(s, scale)  p = Softmax(ss)  o = MatMul(p, v)
        t = Transpose<perm = [0,2,1,3]>(o)  y = Reshape(t, back) })"},
    {"elementwise_chain", R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[N,5] x, float[5] b) => (float[N,5] y, float[N,5] z) {
        a = Add(x, b)  c = Tanh(a)  d = Mul(c, x)  e = Exp(c)  z = Sub(e, d)  f = Neg(d)
        y = Max(f, x) })"},
};

Tensor random_tensor(const ArgInfo& input, std::mt19937& random) {
  Shape shape;
  for (const ArgInfo::Dim& dim : input.dims) shape.push_back(dim.value >= 0 ? dim.value : 3);
  std::uniform_real_distribution<float> numbers(-1.f, 1.f);
  std::vector<float> elements(static_cast<size_t>(shape.count()));
  for (float& element : elements) element = numbers(random);
  return floats(shape, elements);
}

// The model with every input but the first made a constant of random numbers, as weights are.
Model with_weights(std::string_view text, uint32_t seed) {
  Model model = parse_text(text).value();
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-1.f, 1.f);
  auto& inputs = model.graph.inputs;
  for (size_t i = 1; i < inputs.size(); ++i) {
    Shape shape;
    for (const DimDef& dim : inputs[i].type.dims) shape.push_back(dim.value);
    std::vector<float> elements(static_cast<size_t>(shape.count()));
    for (float& element : elements) element = numbers(random);
    TensorDef weight;
    weight.name = inputs[i].name;
    weight.data = floats(shape, elements);
    model.graph.initializers.push_back(std::move(weight));
  }
  inputs.resize(1);
  return model;
}

Result<Session> load(const Model& model, OptimizationLevel level, const std::string& without) {
  SessionOptions options;
  options.optimization = level;
  if (!without.empty()) options.disabled_passes = {without};
  auto bytes = std::make_shared<std::string>(TRY(write_model(model)));
  const auto* data = reinterpret_cast<const std::byte*>(bytes->data());
  return Session::load(std::span(data, bytes->size()), bytes, options);
}

void expect_near(const std::vector<Value>& got, const std::vector<Value>& expected,
                 const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t o = 0; o < got.size(); ++o) {
    ASSERT_EQ(got[o].tensor().shape(), expected[o].tensor().shape()) << what;
    const auto a = elements_of(got[o]);
    const auto b = elements_of(expected[o]);
    for (size_t i = 0; i < a.size(); ++i) {
      ASSERT_NEAR(a[i], b[i], 2e-5 + 2e-5 * std::fabs(b[i])) << what << ", element " << i;
    }
  }
}

class PassEquivalence : public testing::TestWithParam<Case> {};

TEST_P(PassEquivalence, HoldsWithEveryPassAndWithoutEach) {
  const Model model = with_weights(GetParam().text, 11);
  const Session plain = load(model, OptimizationLevel::kNone, "").value();
  std::mt19937 random(5);
  const std::vector<NamedValue> inputs = {
      {plain.inputs()[0].name, random_tensor(plain.inputs()[0], random)}};
  const auto expected = plain.run(inputs).value();
  std::vector<std::string> left_out = {""};
  for (const Pass& pass : all_passes()) left_out.emplace_back(pass.name);
  for (const std::string& name : left_out) {
    const Session session = load(model, OptimizationLevel::kAll, name).value();
    expect_near(session.run(inputs).value(), expected,
                name.empty() ? "with all passes" : "without " + name);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PassEquivalence, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace sardonyx
