// LSTM: gates i, o, f and cell candidate c, in this order (spec: LSTM, Equations).
#include "ops/lstm_cell.h"
#include "ops/recurrent_kernel.h"

namespace sardonyx {
namespace {

Result<void> infer(InferContext& context) { return infer_recurrent(context, lstm_kind()); }

Result<std::unique_ptr<Kernel>> make_reference(const KernelRequest& request) {
  return make_plain_recurrent<LstmCell>(request, lstm_kind());
}

Result<std::unique_ptr<Kernel>> make_fast(const KernelRequest& request) {
  return make_lstm_kernel(request, lstm_kind());
}

}  // namespace

OpDef op_LSTM() {
  OpDef op = recurrent_op(lstm_kind());
  op.versions = {1, 7, 14, 22};
  op.infer = infer;
  op.kernels = {{"gemm per step", make_fast}, {"reference", make_reference}};
  return op;
}

}  // namespace sardonyx
