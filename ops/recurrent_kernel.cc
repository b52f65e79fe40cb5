// Sequences as matrix products: gates of every step from the inputs first, then one product with
// the state per step. Rows of a batch that have ended keep their state and give zeros.
#include "ops/recurrent_kernel.h"

#include "cpu/gemm.h"
#include "cpu/rnn.h"

namespace sardonyx {
namespace {

constexpr size_t kAlignment = 64;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

const float* input_at(const RunArgs& args, size_t index, int64_t offset) {
  return RecurrentWeights<float>::at(args, index, offset);
}

// Hands out parts of the workspace.
class Space {
 public:
  explicit Space(void* memory) : at_(static_cast<std::byte*>(memory)) {}
  float* floats(int64_t count) {
    auto* part = static_cast<float*>(static_cast<void*>(at_));
    at_ += aligned(static_cast<size_t>(count) * sizeof(float));
    return part;
  }
  void* rest() const { return at_; }

 private:
  std::byte* at_;
};

// What one run works on.
struct RunState {
  float* bias = nullptr;   // [directions * columns] of the input product
  float* gates = nullptr;  // [rows of X, directions * columns]
  float* sums = nullptr;   // [directions, batch, columns]
  float* h = nullptr;      // [directions, batch, hidden]
  float* c = nullptr;      // the same: cells, or the state after the reset
  void* workspace = nullptr;
};

// What all of them do alike. Cell says how a step goes on from the sums.
template <class Cell>
class RecurrentKernel final : public Kernel {
 public:
  RecurrentKernel(const KernelRequest& request, const Recurrent& shape)
      : shape_(shape),
        columns_(shape.gates * shape.hidden),
        threads_(request.threads),
        gemm_(gemm_kernels<float>(request.tier)),
        cell_(rnn_kernels(request.tier)) {
    packed_w_ = request.weights.get(*request.inputs[1].constant, tag("w", request), [&] {
      return pack(*request.inputs[1].constant, shape_.directions * columns_, shape_.input, 1);
    });
    packed_r_ = request.weights.get(*request.inputs[2].constant, tag("r", request), [&] {
      return pack(*request.inputs[2].constant, columns_, shape_.hidden,
                  shape_.directions * Cell::kProducts);
    });
  }

  void run(RunArgs& args) const override {
    if (!check_sequence_lengths(shape_, args)) return;
    const RunState state = lay_out(args.workspace);
    fill_bias(args, state);
    multiply_inputs(args, state);
    args.pool->parallel_for(shape_.directions,
                            [&](int64_t direction) { run_direction(args, state, direction); });
  }

  size_t workspace_bytes() const override {
    const int64_t rows = shape_.directions * shape_.batch;
    size_t bytes = gemm_workspace_bytes(gemm_, input_product(), threads_);
    for (int64_t count : {shape_.directions * columns_, shape_.steps * rows * columns_,
                          rows * columns_, rows * shape_.hidden, rows * shape_.hidden}) {
      bytes += aligned(static_cast<size_t>(count) * sizeof(float));
    }
    return bytes;
  }

  bool reads(size_t input) const override { return input != 1 && input != 2; }

  double flops() const override {
    return 2.0 * static_cast<double>(shape_.steps * shape_.batch * shape_.directions) *
           static_cast<double>(columns_ * (shape_.input + shape_.hidden));
  }

 private:
  static std::string tag(std::string_view name, const KernelRequest& request) {
    return fmt::format("recurrent {} {} {}", name, tier_name(request.tier), Cell::kName);
  }

  RunState lay_out(void* workspace) const {
    const int64_t rows = shape_.directions * shape_.batch;
    Space space(workspace);
    RunState state;
    state.bias = space.floats(shape_.directions * columns_);
    state.gates = space.floats(shape_.steps * shape_.batch * shape_.directions * columns_);
    state.sums = space.floats(rows * columns_);
    state.h = space.floats(rows * shape_.hidden);
    state.c = space.floats(rows * shape_.hidden);
    state.workspace = space.rest();
    return state;
  }

  // `parts` matrices [columns / parts in all, depth], transposed and packed one after the other;
  // parts of one direction are its gates before and from the split on.
  std::shared_ptr<void> pack(const Tensor& weights, int64_t columns, int64_t depth,
                             int64_t parts) const {
    const int64_t per_direction = parts == 1 ? 1 : Cell::kProducts;
    int64_t total = 0;
    for (int64_t part = 0; part < parts; ++part) {
      total += packed_b_count(gemm_, depth, part_columns(columns, part, per_direction));
    }
    auto packed = WeightCache::allocate(static_cast<size_t>(total) * sizeof(float));
    auto* dst = static_cast<float*>(packed.get());
    const float* src = weights.as<float>();
    const auto pool = shared_thread_pool(threads_);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t count = part_columns(columns, part, per_direction);
      pack_b(gemm_, src, depth, true, depth, count, dst, *pool);
      src += count * depth;
      dst += packed_b_count(gemm_, depth, count);
    }
    return packed;
  }
  int64_t part_columns(int64_t columns, int64_t part, int64_t per_direction) const {
    if (per_direction == 1) return columns;
    return part % 2 == 0 ? 2 * shape_.hidden : shape_.hidden;
  }
  // The packed recurrent matrix of a direction, from its `product`-th part on.
  const float* packed_r(int64_t direction, int64_t product) const {
    const auto* at = static_cast<const float*>(packed_r_.get());
    for (int64_t part = 0; part < direction * Cell::kProducts + product; ++part) {
      at += packed_b_count(gemm_, shape_.hidden, part_columns(columns_, part, Cell::kProducts));
    }
    return at;
  }

  // Both biases, but for those that Cell adds to the recurrent product alone.
  void fill_bias(const RunArgs& args, const RunState& state) const {
    for (int64_t direction = 0; direction < shape_.directions; ++direction) {
      const float* bias = input_at(args, kRecurrentB, direction * 2 * columns_);
      for (int64_t i = 0; i < columns_; ++i) {
        float sum = 0;
        if (bias != nullptr) sum = bias[i];
        if (bias != nullptr && i < Cell::joined_bias(shape_)) sum += bias[columns_ + i];
        state.bias[direction * columns_ + i] = sum;
      }
    }
  }

  GemmArgs<float> input_product() const {
    GemmArgs<float> product;
    product.m = shape_.steps * shape_.batch;
    product.n = shape_.directions * columns_;
    product.k = shape_.input;
    product.lda = shape_.input;
    product.ldc = product.n;
    product.packed_b = static_cast<const float*>(packed_w_.get());
    return product;
  }
  void multiply_inputs(RunArgs& args, const RunState& state) const {
    GemmArgs<float> product = input_product();
    product.a = args.inputs[0].as<float>();
    product.c = state.gates;
    product.epilogue.bias = state.bias;
    gemm(gemm_, product, state.workspace, *args.pool);
  }

  // The gates that the input gave for a step of a row.
  float* gates_of(const RunState& state, int64_t step, int64_t row, int64_t direction) const {
    return state.gates +
           (shape_.x_offset(step, row) / shape_.input * shape_.directions + direction) * columns_;
  }

  void run_direction(RunArgs& args, const RunState& state, int64_t direction) const {
    float* h = state.h + direction * shape_.batch * shape_.hidden;
    float* c = state.c + direction * shape_.batch * shape_.hidden;
    for (int64_t row = 0; row < shape_.batch; ++row) {
      const int64_t offset = shape_.state_offset(direction, row);
      copy_or_clear(input_at(args, kRecurrentH, offset), h + row * shape_.hidden);
      copy_or_clear(input_at(args, kRecurrentC, offset), c + row * shape_.hidden);
    }
    for (int64_t i = 0; i < shape_.steps; ++i) run_step(args, state, direction, i, h, c);
    for (int64_t row = 0; row < shape_.batch; ++row) {
      const int64_t offset = shape_.state_offset(direction, row);
      store(args, 1, offset, h + row * shape_.hidden);
      store(args, 2, offset, c + row * shape_.hidden);
    }
  }

  void run_step(RunArgs& args, const RunState& state, int64_t direction, int64_t i, float* h,
                float* c) const {
    float* sums = state.sums + direction * shape_.batch * columns_;
    // The input's gates of all rows at once, when all rows are at the same step.
    const int64_t same_step = shape_.is_reverse(direction) ? shape_.steps - 1 - i : i;
    const bool together = !has_lengths(args);
    const float* gates = together ? gates_of(state, same_step, 0, direction) : nullptr;
    if constexpr (Cell::kProducts == 1) {
      multiply_whole_state(args, direction, h, sums, gates);
    } else {
      cell_.multiply(*this, args, direction, h, sums);
    }
    for (int64_t row = 0; row < shape_.batch; ++row) {
      const int64_t length = sequence_length(shape_, args, row);
      if (i >= length) {
        store(args, 0, shape_.y_offset(i, direction, row), nullptr);
        continue;
      }
      const int64_t step = shape_.is_reverse(direction) ? length - 1 - i : i;
      cell_.step(*this, args, direction, gates_of(state, step, row, direction),
                 sums + row * columns_, h + row * shape_.hidden, c + row * shape_.hidden);
      store(args, 0, shape_.y_offset(step, direction, row), h + row * shape_.hidden);
    }
  }

  static bool has_lengths(const RunArgs& args) {
    return args.inputs.size() > kRecurrentLens && args.inputs[kRecurrentLens].data != nullptr;
  }
  // From the gates of one row to those of the next, at one step.
  int64_t gates_ld() const {
    return (shape_.batch_first ? shape_.steps : 1) * shape_.directions * columns_;
  }

  void copy_or_clear(const float* src, float* dst) const {
    if (src == nullptr) {
      std::fill_n(dst, shape_.hidden, 0.0f);
    } else {
      std::copy_n(src, shape_.hidden, dst);
    }
  }
  void store(RunArgs& args, size_t index, int64_t offset, const float* src) const {
    if (index >= args.outputs.size() || args.outputs[index].data == nullptr) return;
    copy_or_clear(src, args.outputs[index].as<float>() + offset);
  }

  friend Cell;
  struct StateProduct {
    int64_t part = 0;  // of Cell::kProducts
    const float* a = nullptr;
    int64_t rows = 0;
    float* dst = nullptr;  // rows columns_ apart
    const float* bias = nullptr;
    const float* residual = nullptr;
    int64_t residual_ld = 0;
  };
  void multiply_state(RunArgs& args, int64_t direction, const StateProduct& what) const {
    GemmArgs<float> product;
    product.m = what.rows;
    product.n = part_columns(columns_, what.part, Cell::kProducts);
    product.k = shape_.hidden;
    product.a = what.a;
    product.lda = shape_.hidden;
    product.packed_b = packed_r(direction, what.part);
    product.c = what.dst;
    product.ldc = columns_;
    product.epilogue.bias = what.bias;
    product.epilogue.residual = what.residual;
    product.epilogue.residual_ld = what.residual_ld;
    gemm(gemm_, product, nullptr, *args.pool);
  }

  // What the input gave a row, where multiply_whole_state has not added it for all of them.
  void add_gates(const RunArgs& args, const float* gates, float* sums) const {
    if (!has_lengths(args)) return;
    for (int64_t i = 0; i < columns_; ++i) sums[i] += gates[i];
  }
  // All columns in one product, on top of what the input gave.
  void multiply_whole_state(RunArgs& args, int64_t direction, const float* h, float* sums,
                            const float* gates) const {
    multiply_state(args, direction, {0, h, shape_.batch, sums, nullptr, gates, gates_ld()});
  }

  Recurrent shape_;
  int64_t columns_;
  int threads_;
  const GemmKernels<float>& gemm_;
  Cell cell_;
  std::shared_ptr<void> packed_w_;
  std::shared_ptr<void> packed_r_;
};

struct LstmCell {
  static constexpr std::string_view kName = "lstm";
  static constexpr int64_t kProducts = 1;  // per step and direction
  const RnnKernels& kernels;

  explicit LstmCell(const RnnKernels& of_tier) : kernels(of_tier) {}
  static int64_t joined_bias(const Recurrent& shape) { return 4 * shape.hidden; }

  template <class Owner>
  void step(const Owner& owner, RunArgs& args, int64_t direction, const float* gates, float* sums,
            float* h, float* c) const {
    const Recurrent& shape = owner.shape_;
    owner.add_gates(args, gates, sums);
    LstmStep step;
    step.gates = sums;
    step.cell = c;
    step.cell_out = c;
    step.hidden_out = h;
    step.peephole = input_at(args, kRecurrentP, direction * 3 * shape.hidden);
    step.hidden = shape.hidden;
    step.clip = static_cast<float>(shape.clip);
    step.input_forget = shape.flag;
    kernels.lstm(step);
  }
};

struct GruCell {
  static constexpr std::string_view kName = "gru";
  static constexpr int64_t kProducts = 2;  // z and r, then h
  const RnnKernels& kernels;

  explicit GruCell(const RnnKernels& of_tier) : kernels(of_tier) {}
  // With linear_before_reset, the reset gate multiplies the recurrent bias of h too.
  static int64_t joined_bias(const Recurrent& shape) { return (shape.flag ? 2 : 3) * shape.hidden; }

  template <class Owner>
  void multiply(const Owner& owner, RunArgs& args, int64_t direction, const float* h,
                float* sums) const {
    const Recurrent& shape = owner.shape_;
    owner.multiply_state(args, direction, {0, h, shape.batch, sums, nullptr, nullptr, 0});
    if (!shape.flag) return;
    const float* bias = input_at(args, kRecurrentB, direction * 2 * owner.columns_);
    if (bias != nullptr) bias += owner.columns_ + 2 * shape.hidden;
    owner.multiply_state(args, direction,
                         {1, h, shape.batch, sums + 2 * shape.hidden, bias, nullptr, 0});
  }
  template <class Owner>
  void step(const Owner& owner, RunArgs& args, int64_t direction, float* gates, float* sums,
            float* h, float* c) const {
    const Recurrent& shape = owner.shape_;
    GruStep step;
    step.gates = gates;
    step.recurrent = sums;
    step.state = h;
    step.hidden = shape.hidden;
    step.clip = static_cast<float>(shape.clip);
    step.linear_before_reset = shape.flag;
    if (!shape.flag) {
      step.state_out = c;
      kernels.gru_reset(step);
      float* candidate = gates + 2 * shape.hidden;
      owner.multiply_state(args, direction, {1, c, 1, candidate, nullptr, candidate, 0});
    }
    step.state_out = h;
    kernels.gru(step);
  }
};

struct PlainCell {
  static constexpr std::string_view kName = "rnn";
  static constexpr int64_t kProducts = 1;
  const RnnKernels& kernels;

  explicit PlainCell(const RnnKernels& of_tier) : kernels(of_tier) {}
  static int64_t joined_bias(const Recurrent& shape) { return shape.hidden; }

  template <class Owner>
  void step(const Owner& owner, RunArgs& args, int64_t direction, const float* gates, float* sums,
            float* h, float*) const {
    const Recurrent& shape = owner.shape_;
    owner.add_gates(args, gates, sums);
    PlainStep step;
    step.sums = sums;
    step.state_out = h;
    step.hidden = shape.hidden;
    step.clip = static_cast<float>(shape.clip);
    step.relu = shape.activations[static_cast<size_t>(direction)].kind == GateFunctionKind::kRelu;
    kernels.plain(step);
  }
};

// Why the fast kernels do not take a node, if so.
Result<Recurrent> read_plain_activations(const KernelRequest& request, const RecurrentKind& kind) {
  Recurrent shape = TRY(read_recurrent(request, kind));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (request.inputs[1].constant == nullptr || request.inputs[2].constant == nullptr) {
    return decline("its weights are not constant");
  }
  if (shape.steps * shape.batch * shape.input * shape.hidden == 0) return decline("it is empty");
  if (shape.has_clip && !(shape.clip > 0)) return decline("it clips at 0");
  for (size_t i = 0; i < shape.activations.size(); ++i) {
    const GateFunctionKind found = shape.activations[i].kind;
    const bool is_plain = shape.activation_count() == 1;
    const bool is_gate = !is_plain && i % shape.activation_count() == 0;
    if (is_plain && found == GateFunctionKind::kRelu) continue;
    const auto wanted = is_gate ? GateFunctionKind::kSigmoid : GateFunctionKind::kTanh;
    if (found != wanted) return decline("its activations are not the default");
  }
  return shape;
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_lstm_kernel(const KernelRequest& request,
                                                 const RecurrentKind& kind) {
  const Recurrent shape = TRY(read_plain_activations(request, kind));
  return std::make_unique<RecurrentKernel<LstmCell>>(request, shape);
}

Result<std::unique_ptr<Kernel>> make_gru_kernel(const KernelRequest& request,
                                                const RecurrentKind& kind) {
  const Recurrent shape = TRY(read_plain_activations(request, kind));
  return std::make_unique<RecurrentKernel<GruCell>>(request, shape);
}

Result<std::unique_ptr<Kernel>> make_rnn_kernel(const KernelRequest& request,
                                                const RecurrentKind& kind) {
  const Recurrent shape = TRY(read_plain_activations(request, kind));
  return std::make_unique<RecurrentKernel<PlainCell>>(request, shape);
}

}  // namespace sardonyx
