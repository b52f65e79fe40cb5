// Elementwise kernels against plain loops: broadcasting, widths of rows, tiers, threads, in place,
// programs of several steps, epilogues.
#include "ops/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "ops/infer.h"

namespace sardonyx {
namespace {

std::vector<float> random_floats(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-4.0f, 4.0f);
  std::vector<float> floats(count);
  for (float& number : floats) number = numbers(random);
  return floats;
}

Tensor random_tensor(const Shape& shape, uint32_t seed) {
  const auto floats = random_floats(static_cast<size_t>(shape.count()), seed);
  return Tensor::from<float>(shape, floats);
}

// Runs one node on a tier with a number of threads.
Tensor run_node(const Node& node, const std::vector<Tensor>& inputs, Tier tier, int threads) {
  const OpDef* op = find_op(node.domain, node.op_type);
  EXPECT_NE(op, nullptr) << node.op_type;
  const Graph graph;
  std::vector<ValueType> types;
  std::vector<Operand> operands;
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) {
    types.push_back(ValueType::tensor(input.dtype(), to_dims(input.shape())));
    operands.push_back({types.back(), nullptr});
    views.push_back(input.view());
  }
  const std::vector<const Tensor*> constants(inputs.size(), nullptr);
  const std::vector<std::optional<Dims>> ints(inputs.size());
  auto inference = infer_one(*op, graph, node, types, constants, ints);
  EXPECT_TRUE(inference) << inference.error().text();
  std::vector<Operand> outputs{{inference->types[0], nullptr}};
  WeightCache weights;
  const KernelRequest request{node, operands, outputs, tier, threads, weights, {}};
  auto kernel = op->kernels[0].make(request);
  for (size_t i = 1; !kernel && i < op->kernels.size(); ++i) kernel = op->kernels[i].make(request);
  EXPECT_TRUE(kernel) << kernel.error().text();
  Tensor result = *Tensor::allocate(outputs[0].dtype(), outputs[0].shape());
  std::vector<TensorView> results{result.view()};
  const std::vector<const Value*> input_values(inputs.size(), nullptr);
  std::vector<Value*> output_values{nullptr};
  ThreadPool pool(threads);
  Error error{Code::kOk, "", ""};
  RunArgs args{views, results, input_values, output_values, nullptr, &pool, &error};
  (*kernel)->run(args);
  return result;
}

Node make_node(std::string op_type, size_t inputs) {
  Node node;
  node.op_type = std::move(op_type);
  for (size_t i = 0; i < inputs; ++i) node.inputs.push_back(static_cast<ValueId>(i));
  node.outputs = {static_cast<ValueId>(inputs)};
  return node;
}

// The element of a dense operand that broadcasts to element `position` of `shape`.
size_t broadcast_index(const Shape& operand, const Shape& shape, int64_t position) {
  int64_t index = 0, stride = 1;
  for (size_t i = 0; i < operand.rank(); ++i) {
    const int64_t dim = operand[operand.rank() - 1 - i];
    const int64_t out = shape[shape.rank() - 1 - i];
    if (dim != 1) index += position % out * stride;
    stride *= dim;
    position /= out;
  }
  return static_cast<size_t>(index);
}

struct BroadcastCase {
  Shape a, b, out;
};

class Broadcast : public testing::TestWithParam<BroadcastCase> {};

TEST_P(Broadcast, EqualsPlainLoopOnEveryTierAndThreadCount) {
  const auto& [a_shape, b_shape, out] = GetParam();
  const Tensor a = random_tensor(a_shape, 1), b = random_tensor(b_shape, 2);
  std::vector<float> expected(static_cast<size_t>(out.count()));
  for (size_t i = 0; i < expected.size(); ++i) {
    const auto position = static_cast<int64_t>(i);
    expected[i] = a.as<float>()[broadcast_index(a_shape, out, position)] -
                  b.as<float>()[broadcast_index(b_shape, out, position)];
  }
  for (const Tier tier : available_tiers()) {
    for (int threads = 1; threads <= 3; ++threads) {
      const Tensor result = run_node(make_node("Sub", 2), {a, b}, tier, threads);
      ASSERT_EQ(result.shape(), out);
      if (expected.empty()) continue;
      ASSERT_EQ(0, std::memcmp(result.data(), expected.data(), expected.size() * sizeof(float)))
          << tier_name(tier) << ", " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Elementwise, Broadcast,
    testing::Values(
        BroadcastCase{{3}, {3}, {3}}, BroadcastCase{{}, {}, {}}, BroadcastCase{{}, {5}, {5}},
        BroadcastCase{{0, 3}, {3}, {0, 3}}, BroadcastCase{{2, 0}, {1, 1}, {2, 0}},
        BroadcastCase{{100000}, {1}, {100000}}, BroadcastCase{{1}, {70001}, {70001}},
        BroadcastCase{{70, 1003}, {1003}, {70, 1003}},
        BroadcastCase{{70, 1003}, {70, 1}, {70, 1003}}, BroadcastCase{{7003, 7}, {7}, {7003, 7}},
        BroadcastCase{{7003, 7}, {7003, 1}, {7003, 7}}, BroadcastCase{{7003, 1}, {1, 7}, {7003, 7}},
        BroadcastCase{{2, 33, 14, 14}, {1, 33, 1, 1}, {2, 33, 14, 14}},
        BroadcastCase{{3, 9, 5, 48}, {3, 1, 1, 48}, {3, 9, 5, 48}},
        BroadcastCase{{3, 9, 5, 300}, {3, 1, 1, 300}, {3, 9, 5, 300}},
        BroadcastCase{{1, 9, 1, 3, 1}, {6, 1, 5, 1, 11}, {6, 9, 5, 3, 11}},
        BroadcastCase{{4, 1, 600}, {4, 17, 1}, {4, 17, 600}},
        BroadcastCase{
            {2, 3, 2, 3, 2, 3, 2, 3, 2}, {3, 1, 3, 1, 3, 1, 3, 1}, {2, 3, 2, 3, 2, 3, 2, 3, 2}}));

// silu(x * scale + bias) as a body of four nodes.
std::shared_ptr<Graph> make_body() {
  auto body = std::make_shared<Graph>();
  const ValueType type = ValueType::tensor(DType::kFloat32);
  const ValueId x = body->add_input("x", type);
  const ValueId scale = body->add_input("scale", type);
  const ValueId bias = body->add_input("bias", type);
  const ValueId scaled = body->add_node("Mul", "", {x, scale}, {}, "scaled");
  const ValueId sum = body->add_node("Add", "", {scaled, bias}, {}, "sum");
  const ValueId gate = body->add_node("Sigmoid", "", {sum}, {}, "gate");
  const ValueId y = body->add_node("Mul", "", {sum, gate}, {}, "y");
  for (const ValueId value : {scaled, sum, gate, y}) body->value(value).type = type;
  body->add_output("y", y, type);
  return body;
}

double silu(double x) { return x / (1 + std::exp(-x)); }

TEST(ElementwiseProgram, RunsABodyInOnePass) {
  Node node = make_node("Elementwise", 3);
  node.domain = "sardonyx";
  node.attrs.set("body", Subgraph{make_body(), {}});
  const Shape shape{5, 333, 61};
  const Tensor x = random_tensor(shape, 1), scale = random_tensor({61}, 2);
  const Tensor bias = random_tensor({5, 1, 1}, 3);
  for (const Tier tier : available_tiers()) {
    const Tensor result = run_node(node, {x, scale, bias}, tier, 1);
    for (size_t i = 0; i < static_cast<size_t>(x.count()); ++i) {
      const double sum =
          double(x.as<float>()[i]) * scale.as<float>()[i % 61] + bias.as<float>()[i / (333 * 61)];
      ASSERT_NEAR(silu(sum), result.as<float>()[i], 1e-5) << i;
    }
    const Tensor again = run_node(node, {x, scale, bias}, tier, 3);
    ASSERT_EQ(0, std::memcmp(result.data(), again.data(), result.bytes()));
  }
}

TEST(ElementwiseProgram, RunsOverBlocksInPlace) {
  const DType dtypes[] = {DType::kFloat32, DType::kFloat32, DType::kFloat32};
  struct Case {
    int64_t rows, cols, row_stride;
  };
  for (const Tier tier : available_tiers()) {
    const auto program = ElementwiseProgram::from_body(*make_body(), dtypes, tier);
    ASSERT_TRUE(program) << program.error().text();
    ASSERT_TRUE(program->can_run_block());
    for (const auto& [rows, cols, row_stride] :
         {Case{7, 16, 16}, Case{1000, 16, 16}, Case{3, 5000, 5100}, Case{9, 37, 64}}) {
      for (const auto over : {BlockOperand::Over::kColumns, BlockOperand::Over::kRows}) {
        auto block = random_floats(static_cast<size_t>(rows * row_stride), 1);
        const auto before = block;
        const auto scale = random_floats(static_cast<size_t>(std::max(rows, cols)), 2);
        const auto residual = random_floats(static_cast<size_t>(rows * cols), 3);
        const BlockOperand operands[] = {{scale.data(), over, 0},
                                         {residual.data(), BlockOperand::Over::kFull, cols}};
        program->run_block(operands, block.data(), rows, cols, row_stride);
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < row_stride; ++c) {
            const auto i = static_cast<size_t>(r * row_stride + c);
            if (c >= cols) {
              ASSERT_EQ(before[i], block[i]);
              continue;
            }
            const auto s = static_cast<size_t>(over == BlockOperand::Over::kRows ? r : c);
            const double sum = double(before[i]) * scale[s] + residual[size_t(r * cols + c)];
            ASSERT_NEAR(silu(sum), block[i], 1e-5);
          }
        }
      }
    }
  }
}

// Program inputs read after an output was written must not lie under it.
TEST(ElementwiseProgram, KnowsWhatItMayOverwrite) {
  Graph body;
  const ValueType type = ValueType::tensor(DType::kFloat32);
  const ValueId x = body.add_input("x", type);
  const ValueId y = body.add_input("y", type);
  const ValueId first = body.add_node("Relu", "", {x}, {}, "first");
  const ValueId second = body.add_node("Add", "", {first, y}, {}, "second");
  for (const ValueId value : {first, second}) body.value(value).type = type;
  body.add_output("first", first, type);
  body.add_output("second", second, type);
  const DType dtypes[] = {DType::kFloat32, DType::kFloat32};
  const auto program = ElementwiseProgram::from_body(body, dtypes, best_tier());
  ASSERT_TRUE(program) << program.error().text();
  EXPECT_TRUE(program->can_overwrite(0, 0));
  EXPECT_FALSE(program->can_overwrite(1, 0));
  EXPECT_TRUE(program->can_overwrite(1, 1));
}

}  // namespace
}  // namespace sardonyx
