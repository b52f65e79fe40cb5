// The f32 kernels of LSTM, GRU and RNN with their default activations (RNN: Relu too) and constant
// weights: the input products of all steps and directions as one gemm, then step by step the
// recurrent product and the gates, both directions side by side. Entry points: make_lstm_kernel,
// make_gru_kernel, make_rnn_kernel.
#pragma once

#include "ops/recurrent.h"

namespace sardonyx {

Result<std::unique_ptr<Kernel>> make_lstm_kernel(const KernelRequest& request,
                                                 const RecurrentKind& kind);
Result<std::unique_ptr<Kernel>> make_gru_kernel(const KernelRequest& request,
                                                const RecurrentKind& kind);
Result<std::unique_ptr<Kernel>> make_rnn_kernel(const KernelRequest& request,
                                                const RecurrentKind& kind);

}  // namespace sardonyx
