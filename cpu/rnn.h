// The pointwise step of recurrent cells: gate sums to the new state. The matrix products before it
// are gemm's. Entry point: rnn_kernels(tier).
#pragma once

#include <cstdint>

#include "cpu/tier.h"

namespace sardonyx {

// One batch row of an LSTM step with the default activations. Gates lie in ONNX's order: input,
// output, forget, cell, each of `hidden` floats, complete sums with all biases.
struct LstmStep {
  const float* gates = nullptr;     // [4 * hidden]
  const float* cell = nullptr;      // [hidden]: c of the step before
  const float* peephole = nullptr;  // [3 * hidden]: input, output, forget; null: none
  float* cell_out = nullptr;        // [hidden]; may be `cell`
  float* hidden_out = nullptr;      // [hidden]
  int64_t hidden = 0;
  float clip = 0;             // gate sums are clipped to [-clip, clip]; 0: they are not
  bool input_forget = false;  // forget = 1 - input
};

// One batch row of a GRU step with the default activations, ONNX's order: update, reset, hidden.
// gates: sums of the input products and their biases; recurrent: those of the state before. With
// linear_before_reset, the hidden part is gates + reset * recurrent. Without, it is complete in
// gates already and `recurrent` supplies update and reset only: the caller multiplies
// reset * state by the matrix in between, see gru_reset.
struct GruStep {
  const float* gates = nullptr;      // [3 * hidden]
  const float* recurrent = nullptr;  // [3 * hidden], or [2 * hidden] without linear_before_reset
  const float* state = nullptr;      // [hidden]: h of the step before
  float* state_out = nullptr;        // [hidden]; may be `state`
  int64_t hidden = 0;
  float clip = 0;
  bool linear_before_reset = false;
};

// One batch row of a plain recurrent step: tanh, or the positive part, of complete sums.
struct PlainStep {
  const float* sums = nullptr;  // [hidden]
  float* state_out = nullptr;   // [hidden]
  int64_t hidden = 0;
  float clip = 0;
  bool relu = false;
};

struct RnnKernels {
  void (*lstm)(const LstmStep& step);
  void (*gru)(const GruStep& step);
  // state_out = sigmoid(gates[reset] + recurrent[reset]) * state, for GRUs that reset before the
  // product.
  void (*gru_reset)(const GruStep& step);
  void (*plain)(const PlainStep& step);
};

const RnnKernels& rnn_kernels(Tier tier);

}  // namespace sardonyx
