// The plain cell of LSTM: gates i, o, f and cell candidate c, in this order (spec: LSTM,
// Equations).
#pragma once

#include "ops/recurrent.h"

namespace sardonyx {

inline const RecurrentKind& lstm_kind() {
  static const RecurrentKind kind{4, {"Sigmoid", "Tanh", "Tanh"}, true, "input_forget"};
  return kind;
}

struct LstmCell {
  template <class T>
  static void step(const RecurrentWeights<T>& weights, const GateFunction* functions, const T* x,
                   RecurrentState& state) {
    const Recurrent& shape = weights.shape;
    const GateFunction& f = functions[0];
    const GateFunction& g = functions[1];
    const GateFunction& h = functions[2];
    for (int64_t unit = 0; unit < shape.hidden; ++unit) {
      const auto sum = [&](int64_t gate) {
        return weights.of_input(gate, unit, x) + weights.of_state(gate, unit, state.h);
      };
      const double old_c = state.c[unit];
      const double i = f(shape.clipped(sum(0) + weights.peephole(0, unit, old_c)));
      const double forget =
          shape.flag ? 1 - i : f(shape.clipped(sum(2) + weights.peephole(2, unit, old_c)));
      const double c = forget * old_c + i * g(shape.clipped(sum(3)));
      const double o = f(shape.clipped(sum(1) + weights.peephole(1, unit, c)));
      state.c[unit] = c;
      state.next_h[unit] = o * h(c);
    }
  }
};

}  // namespace sardonyx
