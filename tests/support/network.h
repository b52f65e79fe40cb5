// Network: a small model in text form, for tests of passes: what the passes make of it, and that it
// still computes the same.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "api/session_state.h"
#include "graph/build.h"
#include "ops/infer.h"
#include "tests/support/text_session.h"

namespace sardonyx {

// Numbers in [-1, 1) that follow from the seed.
inline std::vector<float> noise(int64_t count, uint32_t seed) {
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    numbers.push_back(static_cast<float>(seed >> 8) / 8388608.0f - 1.0f);
  }
  return numbers;
}

// A network written as text, some of whose inputs become constants of noise.
class Network {
 public:
  explicit Network(std::string_view text) {
    Model model = parse_text(text).value();
    graph_ = build_graph(model).value();
  }

  // Makes an input of the graph a constant.
  Network& weight(const std::string& name, const Shape& shape, float low = -1, float high = 1) {
    std::vector<float> numbers = noise(shape.count(), static_cast<uint32_t>(weights_.size() + 1));
    for (float& number : numbers) number = low + (number + 1) / 2 * (high - low);
    weights_.emplace_back(name, floats(shape, numbers));
    return *this;
  }

  // The graph after all passes up to a level.
  std::shared_ptr<Graph> at_level(int level) const {
    auto graph = std::make_shared<Graph>(*graph_);
    for (const auto& [name, tensor] : weights_) {
      for (ValueId input : graph->inputs()) {
        if (graph->value(input).name != name) continue;
        graph->replace_uses(input, graph->add_constant(name + "/constant", tensor));
      }
    }
    EXPECT_TRUE(infer_types(*graph).has_value());
    PassOptions options;
    options.level = level;
    options.tier = best_tier();
    const auto passed = run_passes(*graph, options);
    EXPECT_TRUE(passed.has_value()) << (passed ? "" : passed.error().text());
    return graph;
  }

  static std::vector<std::string> ops(const Graph& graph) {
    std::vector<std::string> names;
    const std::vector<NodeId> order = graph.order().value();
    for (NodeId id : order) {
      const Node& node = graph.node(id);
      names.push_back(node.domain.empty() ? node.op_type : node.domain + "." + node.op_type);
    }
    return names;
  }

  // The plan, with all passes, for inputs of this shape.
  std::shared_ptr<Plan> plan(const Shape& x, int threads) const {
    const auto graph = at_level(99);
    std::vector<ValueType> types;
    for (ValueId input : graph->inputs()) {
      const ValueType& type = graph->value(input).type;
      types.push_back(type.is_concrete() ? type : ValueType::tensor(DType::kFloat32, to_dims(x)));
    }
    return runner_of(graph, threads)->plan_for(types).value();
  }

  // The results with noise for the inputs that are not weights.
  std::vector<std::vector<float>> run(const std::shared_ptr<Graph>& graph, const Shape& x,
                                      int threads) const {
    const auto runner = runner_of(graph, threads);
    std::vector<Value> inputs;
    for (ValueId input : graph->inputs()) {
      const auto weight = std::find_if(weights_.begin(), weights_.end(), [&](const auto& each) {
        return each.first == graph->value(input).name;
      });
      inputs.push_back(weight != weights_.end() ? weight->second : floats(x, noise(x.count(), 99)));
    }
    std::vector<std::vector<float>> results;
    const auto values = runner->run(inputs, {});
    if (!values) {
      ADD_FAILURE() << values.error().text();
      return results;
    }
    for (const Value& value : *values) results.push_back(elements_of(value));
    return results;
  }

  // The network computes the same with and without passes, and with any number of threads.
  void expect_same_results(const Shape& x) const {
    const auto plain = run(at_level(0), x, 1);
    const auto fused = run(at_level(99), x, 1);
    EXPECT_EQ(fused, run(at_level(99), x, 3));
    ASSERT_EQ(plain.size(), fused.size());
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_EQ(plain[i].size(), fused[i].size());
      for (size_t j = 0; j < plain[i].size(); ++j) {
        ASSERT_NEAR(plain[i][j], fused[i][j], 2e-5 * (1 + std::fabs(plain[i][j]))) << i << " " << j;
      }
    }
  }

 private:
  static std::shared_ptr<PlanRunner> runner_of(const std::shared_ptr<Graph>& graph, int threads) {
    auto context = std::make_shared<PlanContext>();
    context->tier = best_tier();
    context->pool = shared_thread_pool(threads);
    context->weights = std::make_shared<WeightCache>();
    context->arenas = std::make_shared<ArenaPool>(0);
    return PlanRunner::make(graph, context).value();
  }

  std::shared_ptr<Graph> graph_;
  std::vector<std::pair<std::string, Tensor>> weights_;
};

}  // namespace sardonyx
