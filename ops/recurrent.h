// Recurrent: what LSTM, GRU and RNN have in common: sizes, directions, layout, activations, the
// type-and-shape rule, and the plain kernel that walks the steps of each sequence with a cell.
// Entry points: infer_recurrent, read_recurrent, make_plain_recurrent.
#pragma once

#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "ops/number.h"
#include "ops/op.h"

namespace sardonyx {

enum class GateFunctionKind : uint8_t {
  kAffine,
  kElu,
  kHardSigmoid,
  kLeakyRelu,
  kRelu,
  kScaledTanh,
  kSigmoid,
  kSoftplus,
  kSoftsign,
  kTanh,
  kThresholdedRelu
};

struct GateFunction {
  GateFunctionKind kind = GateFunctionKind::kTanh;
  double alpha = 0;
  double beta = 0;

  double operator()(double x) const;
};

struct Recurrent {
  int64_t steps = 0;
  int64_t batch = 0;
  int64_t input = 0;
  int64_t hidden = 0;
  int64_t gates = 0;
  int64_t directions = 1;
  bool reverse = false;      // the only direction is the reverse one
  bool batch_first = false;  // layout = 1
  bool has_clip = false;
  double clip = 0;
  bool flag = false;  // LSTM input_forget, GRU linear_before_reset
  // Those of the first direction, then those of the second.
  std::vector<GateFunction> activations;

  bool is_reverse(int64_t direction) const { return reverse || direction == 1; }
  size_t activation_count() const { return activations.size() / static_cast<size_t>(directions); }
  const GateFunction* of_direction(int64_t direction) const {
    return activations.data() + static_cast<size_t>(direction) * activation_count();
  }
  double clipped(double x) const {
    return has_clip ? (x < -clip ? -clip : (x > clip ? clip : x)) : x;
  }

  // Element offsets of what belongs to one step and one row.
  int64_t x_offset(int64_t step, int64_t row) const {
    return (batch_first ? row * steps + step : step * batch + row) * input;
  }
  int64_t y_offset(int64_t step, int64_t direction, int64_t row) const {
    return (batch_first ? (row * steps + step) * directions + direction
                        : (step * directions + direction) * batch + row) *
           hidden;
  }
  int64_t state_offset(int64_t direction, int64_t row) const {
    return (batch_first ? row * directions + direction : direction * batch + row) * hidden;
  }
};

// What sets one recurrent operator apart from the others.
struct RecurrentKind {
  int64_t gates;
  std::vector<std::string> activations;  // defaults of one direction
  bool has_cell;                         // LSTM: initial_c and Y_c
  StaticText flag;                       // the attribute that Recurrent::flag is; may be empty
};

// Inputs of all kinds: X, W, R, B, sequence_lens, initial_h, and for LSTM initial_c and P.
inline constexpr size_t kRecurrentB = 3, kRecurrentLens = 4, kRecurrentH = 5, kRecurrentC = 6,
                        kRecurrentP = 7;

// `attended`: how many numbers each step takes beside those of X.
Result<void> infer_recurrent(InferContext& context, const RecurrentKind& kind,
                             const Dim& attended = Dim(0));
Result<Recurrent> read_recurrent(const KernelRequest& request, const RecurrentKind& kind);
// The declaration without rule and kernels.
OpDef recurrent_op(const RecurrentKind& kind);

// The weights of one direction: W is [gates * hidden, input], R is [gates * hidden, hidden].
template <class T>
struct RecurrentWeights {
  const Recurrent& shape;
  const T* w;
  const T* r;
  const T* bias;       // of W, then of R, gates * hidden each; or null
  const T* peepholes;  // 3 * hidden, or null

  RecurrentWeights(const Recurrent& recurrent, int64_t direction, const RunArgs& args)
      : shape(recurrent),
        w(at(args, 1, direction * recurrent.gates * recurrent.hidden * recurrent.input)),
        r(at(args, 2, direction * recurrent.gates * recurrent.hidden * recurrent.hidden)),
        bias(at(args, kRecurrentB, direction * 2 * recurrent.gates * recurrent.hidden)),
        peepholes(at(args, kRecurrentP, direction * 3 * recurrent.hidden)) {}

  // W x + Wb of one unit of a gate.
  double of_input(int64_t gate, int64_t unit, const T* x) const {
    const int64_t row = gate * shape.hidden + unit;
    double sum = bias == nullptr ? 0 : widen(bias[row]);
    for (int64_t i = 0; i < shape.input; ++i) sum += widen(w[row * shape.input + i]) * widen(x[i]);
    return sum;
  }
  // R h + Rb of one unit of a gate.
  double of_state(int64_t gate, int64_t unit, const double* h) const {
    const int64_t row = gate * shape.hidden + unit;
    double sum = bias == nullptr ? 0 : widen(bias[shape.gates * shape.hidden + row]);
    for (int64_t i = 0; i < shape.hidden; ++i) sum += widen(r[row * shape.hidden + i]) * h[i];
    return sum;
  }
  double peephole(int64_t which, int64_t unit, double c) const {
    return peepholes == nullptr ? 0 : widen(peepholes[which * shape.hidden + unit]) * c;
  }

  static const T* at(const RunArgs& args, size_t index, int64_t offset) {
    if (index >= args.inputs.size() || args.inputs[index].data == nullptr) return nullptr;
    return args.inputs[index].as<T>() + offset;
  }
};

// State of one row of one direction: vectors of hidden numbers.
struct RecurrentState {
  double* h;
  double* next_h;
  double* c;
  double* scratch;
};

// Steps that row `row` takes part in.
inline int64_t sequence_length(const Recurrent& shape, const RunArgs& args, int64_t row) {
  if (args.inputs.size() <= kRecurrentLens || args.inputs[kRecurrentLens].data == nullptr) {
    return shape.steps;
  }
  return args.inputs[kRecurrentLens].as<int32_t>()[row];
}
// Reports the first length outside of [0, steps].
bool check_sequence_lengths(const Recurrent& shape, RunArgs& args);

template <class T>
void load_state(const RunArgs& args, size_t index, int64_t offset, int64_t count, double* dst) {
  const T* src = RecurrentWeights<T>::at(args, index, offset);
  for (int64_t i = 0; i < count; ++i) dst[i] = src == nullptr ? 0 : widen(src[i]);
}
template <class T>
void store_state(RunArgs& args, size_t index, int64_t offset, int64_t count, const double* src) {
  if (index >= args.outputs.size() || args.outputs[index].data == nullptr) return;
  T* dst = args.outputs[index].as<T>() + offset;
  for (int64_t i = 0; i < count; ++i) dst[i] = src == nullptr ? narrow<T>(0) : narrow<T>(src[i]);
}

// Cell::step(weights, activations, x, state) computes next_h (and c) from h (and c).
template <class T, class Cell>
void run_recurrent_row(const Recurrent& shape, RunArgs& args, int64_t direction, int64_t row) {
  double* memory =
      static_cast<double*>(args.workspace) + (direction * shape.batch + row) * 4 * shape.hidden;
  RecurrentState state{memory, memory + shape.hidden, memory + 2 * shape.hidden,
                       memory + 3 * shape.hidden};
  const int64_t state_offset = shape.state_offset(direction, row);
  load_state<T>(args, kRecurrentH, state_offset, shape.hidden, state.h);
  load_state<T>(args, kRecurrentC, state_offset, shape.hidden, state.c);
  const RecurrentWeights<T> weights(shape, direction, args);
  const int64_t length = sequence_length(shape, args, row);
  for (int64_t i = 0; i < length; ++i) {
    const int64_t step = shape.is_reverse(direction) ? length - 1 - i : i;
    const T* x = args.inputs[0].as<T>() + shape.x_offset(step, row);
    Cell::step(weights, shape.of_direction(direction), x, state);
    std::swap(state.h, state.next_h);
    store_state<T>(args, 0, shape.y_offset(step, direction, row), shape.hidden, state.h);
  }
  for (int64_t step = length; step < shape.steps; ++step) {
    store_state<T>(args, 0, shape.y_offset(step, direction, row), shape.hidden, nullptr);
  }
  store_state<T>(args, 1, state_offset, shape.hidden, state.h);
  store_state<T>(args, 2, state_offset, shape.hidden, state.c);
}

template <class Cell>
Result<std::unique_ptr<Kernel>> make_plain_recurrent(const KernelRequest& request,
                                                     const RecurrentKind& kind) {
  const Recurrent shape = TRY(read_recurrent(request, kind));
  const auto rows = static_cast<size_t>(shape.directions * shape.batch);
  const size_t bytes = rows * 4 * static_cast<size_t>(shape.hidden) * sizeof(double);
  const DType dtype = request.inputs[0].dtype();
  std::unique_ptr<Kernel> kernel;
  visit_float(dtype, [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel(
        [shape](RunArgs& args) {
          if (!check_sequence_lengths(shape, args)) return;
          args.pool->parallel_for(shape.directions * shape.batch, [&](int64_t task) {
            run_recurrent_row<T, Cell>(shape, args, task / shape.batch, task % shape.batch);
          });
        },
        bytes);
  });
  if (kernel == nullptr) return decline("{} is not a float", dtype_name(dtype));
  return kernel;
}

}  // namespace sardonyx
