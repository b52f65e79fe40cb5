// RNN: H' = f(W x + Wb + R h + Rb) (spec: RNN, Equations).
#include "ops/recurrent_kernel.h"

namespace sardonyx {
namespace {

const RecurrentKind& kind() {
  static const RecurrentKind kind{1, {"Tanh"}, false, ""};
  return kind;
}

Result<void> infer(InferContext& context) { return infer_recurrent(context, kind()); }

struct PlainCell {
  template <class T>
  static void step(const RecurrentWeights<T>& weights, const GateFunction* functions, const T* x,
                   RecurrentState& state) {
    for (int64_t unit = 0; unit < weights.shape.hidden; ++unit) {
      state.next_h[unit] = functions[0](
          weights.shape.clipped(weights.of_input(0, unit, x) + weights.of_state(0, unit, state.h)));
    }
  }
};

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_plain_recurrent<PlainCell>(request, kind());
}

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  return make_rnn_kernel(request, kind());
}

}  // namespace

OpDef op_RNN() {
  OpDef op = recurrent_op(kind());
  op.versions = {1, 7, 14, 22};
  op.infer = infer;
  op.kernels = {{"gemm per step", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
