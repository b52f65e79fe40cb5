// GRU: gates z, r and candidate h, in this order (spec: GRU, Equations).
#include "ops/recurrent_kernel.h"

namespace sardonyx {
namespace {

const RecurrentKind& kind() {
  static const RecurrentKind kind{3, {"Sigmoid", "Tanh"}, false, "linear_before_reset"};
  return kind;
}

Result<void> infer(InferContext& context) { return infer_recurrent(context, kind()); }

struct PlainCell {
  template <class T>
  static void step(const RecurrentWeights<T>& weights, const GateFunction* functions, const T* x,
                   RecurrentState& state) {
    const Recurrent& shape = weights.shape;
    const GateFunction& f = functions[0];
    const GateFunction& g = functions[1];
    const auto gate = [&](int64_t which, int64_t unit) {
      return f(
          shape.clipped(weights.of_input(which, unit, x) + weights.of_state(which, unit, state.h)));
    };
    double* reset = state.scratch;
    double* reset_h = state.c;
    for (int64_t unit = 0; unit < shape.hidden; ++unit) {
      reset[unit] = gate(1, unit);
      reset_h[unit] = reset[unit] * state.h[unit];
    }
    for (int64_t unit = 0; unit < shape.hidden; ++unit) {
      const double product = shape.flag ? reset[unit] * weights.of_state(2, unit, state.h)
                                        : weights.of_state(2, unit, reset_h);
      const double candidate = g(shape.clipped(weights.of_input(2, unit, x) + product));
      const double z = gate(0, unit);
      state.next_h[unit] = (1 - z) * candidate + z * state.h[unit];
    }
  }
};

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_plain_recurrent<PlainCell>(request, kind());
}

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  return make_gru_kernel(request, kind());
}

}  // namespace

OpDef op_GRU() {
  OpDef op = recurrent_op(kind());
  op.versions = {1, 3, 7, 14, 22};
  op.infer = infer;
  op.kernels = {{"gemm per step", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
