// Steps of LSTM and GRU against the specification's formulas in f64, on every tier.
#include "cpu/rnn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double clip(double x, double bound) { return bound > 0 ? std::min(std::max(x, -bound), bound) : x; }
constexpr double kTolerance = 1e-6;  // values of size 1 after a handful of roundings

void check_lstm(Tier tier, int64_t h, bool peephole, float bound, bool input_forget) {
  const auto gates = random_floats(static_cast<size_t>(4 * h), 1, -4, 4);
  const auto cell = random_floats(static_cast<size_t>(h), 2);
  const auto p = random_floats(static_cast<size_t>(3 * h), 3);
  std::vector<float> next(cell), hidden(static_cast<size_t>(h));
  const LstmStep step{gates.data(), next.data(),   peephole ? p.data() : nullptr,
                      next.data(),  hidden.data(), h,
                      bound,        input_forget};
  rnn_kernels(tier).lstm(step);
  for (int64_t i = 0; i < h; ++i) {
    const double c = cell[i];
    const auto peep = [&](int64_t at, double state) { return peephole ? p[at] * state : 0.0; };
    const double input = sigmoid(clip(gates[i] + peep(i, c), bound));
    const double forget =
        input_forget ? 1 - input : sigmoid(clip(gates[2 * h + i] + peep(2 * h + i, c), bound));
    const double want = forget * c + input * std::tanh(clip(gates[3 * h + i], bound));
    const double output = sigmoid(clip(gates[h + i] + peep(h + i, want), bound));
    ASSERT_NEAR(next[i], want, kTolerance) << tier_name(tier);
    ASSERT_NEAR(hidden[i], output * std::tanh(want), kTolerance) << tier_name(tier);
  }
}

TEST(Rnn, Lstm) {
  for (Tier tier : available_tiers()) {
    for (int64_t hidden : {1, 3, 16, 37, 256}) {
      check_lstm(tier, hidden, false, 0, false);
      check_lstm(tier, hidden, true, 0, false);
      check_lstm(tier, hidden, false, 1.5f, false);
      check_lstm(tier, hidden, true, 1.5f, true);
    }
  }
}

void check_gru(Tier tier, int64_t h, bool linear, float bound) {
  const auto gates = random_floats(static_cast<size_t>(3 * h), 1, -3, 3);
  const auto recurrent = random_floats(static_cast<size_t>(3 * h), 2, -3, 3);
  const auto state = random_floats(static_cast<size_t>(h), 3);
  std::vector<float> next(state), reset_state(static_cast<size_t>(h));
  GruStep step{gates.data(), recurrent.data(), next.data(), next.data(), h, bound, linear};
  rnn_kernels(tier).gru(step);
  step.state = state.data();
  step.state_out = reset_state.data();
  rnn_kernels(tier).gru_reset(step);
  for (int64_t i = 0; i < h; ++i) {
    const double update = sigmoid(clip(gates[i] + double(recurrent[i]), bound));
    const double reset = sigmoid(clip(gates[h + i] + double(recurrent[h + i]), bound));
    double candidate = gates[2 * h + i];
    if (linear) candidate += reset * recurrent[2 * h + i];
    candidate = std::tanh(clip(candidate, bound));
    ASSERT_NEAR(next[i], (1 - update) * candidate + update * state[i], kTolerance);
    ASSERT_NEAR(reset_state[i], reset * state[i], kTolerance);
  }
}

TEST(Rnn, Gru) {
  for (Tier tier : available_tiers()) {
    for (int64_t hidden : {1, 5, 16, 37, 128}) {
      check_gru(tier, hidden, false, 0);
      check_gru(tier, hidden, true, 0);
      check_gru(tier, hidden, true, 1);
    }
  }
}

}  // namespace
}  // namespace sardonyx
