// com.microsoft AttnLSTM: an LSTM that looks at a memory after each step (Bahdanau's attention),
// and takes what it saw there with the input of the next.
#include <algorithm>
#include <cmath>

#include "ops/lstm_cell.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

constexpr size_t kQueryWeights = 8, kMemoryWeights = 9, kVector = 10, kMemory = 11,
                 kMemoryLengths = 12, kLayer = 13;

Result<void> infer(InferContext& context) {
  for (const size_t i : {kQueryWeights, kMemoryWeights, kVector, kMemory}) {
    if (context.has_input(i)) continue;
    return fail(Code::kInvalidGraph, "QW, MW, V and M must be given, but input {} is not", i);
  }
  TRY(expect_rank(context, kVector, 2));
  TRY(expect_rank(context, kMemoryLengths, 1));
  for (const size_t i : {kQueryWeights, kMemoryWeights, kMemory, kLayer}) {
    TRY(expect_rank(context, i, 3));
  }
  const auto dim = [&](size_t index, size_t axis) {
    return context.has_rank(index) ? context.dims(index)[axis] : Dim::unknown();
  };
  const Dim depth = TRY(same_dim(dim(kMemory, 2), dim(kMemoryWeights, 1), "the depth of M and MW"));
  Dim size = TRY(same_dim(dim(kQueryWeights, 2), dim(kMemoryWeights, 2), "dim 2 of QW and MW"));
  size = TRY(same_dim(size, dim(kVector, 1), "dim 2 of QW and dim 1 of V"));
  const Dim hidden = TRY(same_dim(dim(kQueryWeights, 1), dim(2, 2), "dim 1 of QW and hidden_size"));
  for (const size_t i : {kMemoryWeights, kVector, kLayer}) {
    if (!context.has_input(i)) continue;
    TRY(same_dim(dim(kQueryWeights, 0), dim(i, 0), "the directions of the weights"));
  }
  TRY(same_dim(dim(kQueryWeights, 0), dim(1, 0), "the directions of QW and W"));
  TRY(same_dim(dim(0, 1), dim(kMemory, 0), "the batch of X and M"));
  if (context.has_input(kMemoryLengths)) {
    TRY(same_dim(dim(0, 1), dim(kMemoryLengths, 0), "the batch of X and memory_seq_lens"));
  }
  if (!context.has_input(kLayer)) return infer_recurrent(context, lstm_kind(), depth);
  if (depth.is_constant() && hidden.is_constant()) {
    TRY(same_dim(Dim(depth.value() + hidden.value()), dim(kLayer, 1),
                 "memory_depth + hidden_size and dim 1 of AW"));
  }
  return infer_recurrent(context, lstm_kind(), dim(kLayer, 2));
}

struct AttnLstm {
  Recurrent cell;  // whose input is what X has, and what attention gave
  int64_t input = 0, attended = 0;
  int64_t memory = 0, depth = 0, size = 0;  // steps of M, numbers of each, numbers to compare
  bool has_layer = false;
};

// One row of the batch in one direction.
template <class T>
class AttnRow {
 public:
  AttnRow(const AttnLstm& lstm, RunArgs& args, int64_t direction, int64_t row)
      : lstm_(lstm), args_(args), direction_(direction), row_(row) {
    const int64_t size = lstm.size;
    query_ = of_direction(kQueryWeights, lstm.cell.hidden * size);
    vector_ = of_direction(kVector, size);
    layer_ = of_direction(kLayer, (lstm.depth + lstm.cell.hidden) * lstm.attended);
    memory_ = args.inputs[kMemory].as<T>() + row * lstm.memory * lstm.depth;
    count_ = given(kMemoryLengths) ? args.inputs[kMemoryLengths].as<int32_t>()[row] : lstm.memory;
    const T* weights = of_direction(kMemoryWeights, lstm.depth * size);
    keys_.assign(static_cast<size_t>(count_ * size), 0.0);
    for (int64_t i = 0; i < count_; ++i) {
      for (int64_t d = 0; d < lstm.depth; ++d) {
        const double number = widen(memory_[i * lstm.depth + d]);
        for (int64_t j = 0; j < size; ++j) {
          keys_[static_cast<size_t>(i * size + j)] += number * widen(weights[d * size + j]);
        }
      }
    }
  }

  void run() {
    const Recurrent& cell = lstm_.cell;
    const auto hidden = static_cast<size_t>(cell.hidden);
    std::vector<double> h(hidden), next(hidden), c(hidden), scratch(hidden);
    RecurrentState state{h.data(), next.data(), c.data(), scratch.data()};
    const int64_t offset = cell.state_offset(direction_, row_);
    load_state<T>(args_, kRecurrentH, offset, cell.hidden, state.h);
    load_state<T>(args_, kRecurrentC, offset, cell.hidden, state.c);
    const RecurrentWeights<T> weights(cell, direction_, args_);
    std::vector<T> x(static_cast<size_t>(cell.input), narrow<T>(0));
    const int64_t length = sequence_length(cell, args_, row_);
    for (int64_t i = 0; i < length; ++i) {
      const int64_t step = cell.is_reverse(direction_) ? length - 1 - i : i;
      const T* from = args_.inputs[0].as<T>() + (step * cell.batch + row_) * lstm_.input;
      std::copy(from, from + lstm_.input, x.begin());
      LstmCell::step(weights, cell.of_direction(direction_), x.data(), state);
      std::swap(state.h, state.next_h);
      attend(state.h, x.data() + lstm_.input);
      store_state<T>(args_, 0, cell.y_offset(step, direction_, row_), cell.hidden, state.h);
    }
    for (int64_t step = length; step < cell.steps; ++step) {
      store_state<T>(args_, 0, cell.y_offset(step, direction_, row_), cell.hidden, nullptr);
    }
    store_state<T>(args_, 1, offset, cell.hidden, state.h);
    store_state<T>(args_, 2, offset, cell.hidden, state.c);
  }

 private:
  bool given(size_t index) const {
    return index < args_.inputs.size() && args_.inputs[index].data != nullptr;
  }
  const T* of_direction(size_t index, int64_t count) const {
    return given(index) ? args_.inputs[index].as<T>() + direction_ * count : nullptr;
  }

  // What the memory has for a query, through the layer where there is one.
  void attend(const double* h, T* to) const {
    const int64_t size = lstm_.size;
    std::vector<double> query(static_cast<size_t>(size), 0.0), seen;
    for (int64_t i = 0; i < lstm_.cell.hidden; ++i) {
      for (int64_t j = 0; j < size; ++j) {
        query[static_cast<size_t>(j)] += h[i] * widen(query_[i * size + j]);
      }
    }
    std::vector<double> weights(static_cast<size_t>(count_), 0.0);
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < count_; ++i) {
      double& score = weights[static_cast<size_t>(i)];
      for (int64_t j = 0; j < size; ++j) {
        const auto at = static_cast<size_t>(i * size + j);
        score += widen(vector_[j]) * std::tanh(keys_[at] + query[static_cast<size_t>(j)]);
      }
      most = std::max(most, score);
    }
    for (double& each : weights) sum += each = std::exp(each - most);
    if (lstm_.has_layer) seen.assign(h, h + lstm_.cell.hidden);
    const size_t front = seen.size();
    seen.resize(front + static_cast<size_t>(lstm_.depth), 0.0);
    for (int64_t i = 0; i < count_; ++i) {
      for (int64_t d = 0; d < lstm_.depth; ++d) {
        seen[front + static_cast<size_t>(d)] +=
            weights[static_cast<size_t>(i)] / sum * widen(memory_[i * lstm_.depth + d]);
      }
    }
    for (int64_t j = 0; j < lstm_.attended; ++j) {
      double number = lstm_.has_layer ? 0 : seen[static_cast<size_t>(j)];
      for (size_t i = 0; i < seen.size() && lstm_.has_layer; ++i) {
        number += seen[i] * widen(layer_[static_cast<int64_t>(i) * lstm_.attended + j]);
      }
      to[j] = narrow<T>(number);
    }
  }

  const AttnLstm& lstm_;
  RunArgs& args_;
  int64_t direction_, row_, count_ = 0;
  const T *query_ = nullptr, *vector_ = nullptr, *layer_ = nullptr, *memory_ = nullptr;
  std::vector<double> keys_;
};

bool check_memory_lengths(const AttnLstm& lstm, RunArgs& args) {
  if (args.inputs.size() <= kMemoryLengths) return true;
  const TensorView& lengths = args.inputs[kMemoryLengths];
  for (int64_t row = 0; lengths.data != nullptr && row < lstm.cell.batch; ++row) {
    const int32_t length = lengths.as<int32_t>()[row];
    if (length >= 0 && length <= lstm.memory) continue;
    args.report(Code::kInvalidArgument,
                fmt::format("memory_seq_lens[{}] is {}, expected 0 to {} (the steps of M)", row,
                            length, lstm.memory));
    return false;
  }
  return true;
}

Result<std::unique_ptr<Kernel>> make_attn_lstm(const KernelRequest& request) {
  AttnLstm lstm;
  lstm.cell = TRY(read_recurrent(request, lstm_kind()));
  const Shape memory = request.inputs[kMemory].shape();
  lstm.memory = memory[1];
  lstm.depth = memory[2];
  lstm.size = request.inputs[kVector].shape()[1];
  lstm.has_layer = request.has_input(kLayer);
  lstm.attended = lstm.has_layer ? request.inputs[kLayer].shape()[2] : lstm.depth;
  lstm.input = lstm.cell.input;
  lstm.cell.input += lstm.attended;
  std::unique_ptr<Kernel> kernel;
  visit_float(request.inputs[0].dtype(), [&](auto tag) {
    using T = typename decltype(tag)::Type;
    kernel = make_kernel([lstm](RunArgs& args) {
      if (!check_sequence_lengths(lstm.cell, args) || !check_memory_lengths(lstm, args)) return;
      args.pool->parallel_for(lstm.cell.directions * lstm.cell.batch, [&](int64_t task) {
        AttnRow<T>(lstm, args, task / lstm.cell.batch, task % lstm.cell.batch).run();
      });
    });
  });
  return kernel;
}

}  // namespace

OpDef op_AttnLSTM() {
  OpDef op = recurrent_op(lstm_kind());
  const auto floats = [](const char* name) {
    return FormalParam{name, "T", kFloatTypes, Form::kOptional};
  };
  op.versions = {1};
  for (const char* name : {"QW", "MW", "V", "M"}) op.inputs.push_back(floats(name));
  op.inputs.push_back({"memory_seq_lens", "T1", dtype_set(DType::kInt32), Form::kOptional});
  op.inputs.push_back(floats("AW"));
  std::erase_if(op.attrs, [](const FormalAttr& attr) { return attr.name == "layout"; });
  op.infer = infer;
  op.kernels = {{"reference", make_attn_lstm}};
  return op;
}

}  // namespace sardonyx
