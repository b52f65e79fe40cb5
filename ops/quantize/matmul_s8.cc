// B is packed when planned where it and its zero points are constant, else in each run; a B without
// batch takes all matrices of A as one. Many small products run side by side, each on one thread.
#include "ops/quantize/matmul_s8.h"

#include <numeric>

namespace sardonyx {
namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

class MatMulS8 final : public Kernel {
 public:
  MatMulS8(const KernelRequest& request, const ScaleInputs& inputs, const MatrixShape& shape,
           bool trans_b, const BytesOperand& a, const BytesOperand& b, const ScaledOutput& output)
      : tier_(request.tier),
        inputs_(inputs),
        matrix_(shape),
        trans_b_(trans_b),
        a_(a),
        b_(b),
        output_(output) {
    shares_b_ = matrix_.one_b();
    std::vector<int64_t> in_order(matrix_.a_matrices.size());
    std::iota(in_order.begin(), in_order.end(), int64_t{0});
    joins_a_ = shares_b_ && matrix_.a_matrices == in_order && a.zero_count() <= 1;
    rows_ = joins_a_ ? matrix_.batch() * matrix_.rows : matrix_.rows;
    items_ = joins_a_ ? 1 : matrix_.batch();
    const double flops = matrix_.flops() / static_cast<double>(items_);
    spread_items_ =
        !shares_b_ && items_ >= 2 * request.threads && request.threads > 1 && flops < 2e7;
    padded_ = padded_cols_s8(tier_, matrix_.columns);
    packed_bytes_ = aligned(packed_s8_bytes(tier_, matrix_.columns, 1, matrix_.depth));
    gemm_bytes_ = aligned(gemm_s8_workspace_bytes(tier_, rows_, matrix_.columns, matrix_.depth,
                                                  spread_items_ ? 1 : request.threads));
    const auto constant = [&](int index) {
      return has_operand(request, index) ? request.inputs[static_cast<size_t>(index)].constant
                                         : nullptr;
    };
    const Tensor* b_constant = constant(inputs.b);
    if (shares_b_ && b_constant != nullptr &&
        (b.zero_count() == 0 || constant(inputs.b_zero) != nullptr)) {
      pack_constant(request, *b_constant, constant(inputs.b_zero));
    }
  }

  size_t workspace_bytes() const override { return 2 * column_bytes() + slots() * slot_bytes(); }

  void run(RunArgs& args) const override {
    auto* at = static_cast<std::byte*>(args.workspace);
    const auto take = [&at](size_t bytes) { return std::exchange(at, at + bytes); };
    auto* scales = reinterpret_cast<float*>(take(column_bytes()));
    auto* bias = reinterpret_cast<float*>(take(column_bytes()));
    GemmS8Args gemm;
    gemm.m = rows_;
    gemm.lda = matrix_.depth;
    gemm.output = output_.describe(args);
    gemm.output.ld = matrix_.columns;
    gemm.output.add = output_.int_bias(args);
    if (output_.result() != ResultS8::kInt32) {
      output_.write_scales(args, scales);
      std::fill(scales + matrix_.columns, scales + padded_, 0.0f);
      gemm.output.scale = scales;
      gemm.output.bias = float_bias(args, bias);
    }
    if (spread_items_) {
      args.pool->parallel_for(static_cast<int64_t>(slots()), [&](int64_t slot) {
        const auto slot_count = static_cast<int64_t>(slots());
        for (int64_t i = items_ * slot / slot_count; i < items_ * (slot + 1) / slot_count; ++i) {
          run_item(args, gemm, i, true, at + static_cast<size_t>(slot) * slot_bytes(), nullptr);
        }
      });
      return;
    }
    for (int64_t i = 0; i < items_; ++i) {
      run_item(args, gemm, i, i == 0 || !shares_b_, at, args.pool);
    }
  }

  bool reads(size_t input) const override {
    return packed_ == nullptr || static_cast<int>(input) != inputs_.b;
  }
  double flops() const override { return matrix_.flops(); }

 private:
  size_t column_bytes() const { return aligned(static_cast<size_t>(padded_) * sizeof(float)); }
  // What one product needs at a time: for cpu/gemm_s8, zero points, and B packed.
  size_t slot_bytes() const {
    return gemm_bytes_ + a_.workspace_bytes() + b_.workspace_bytes() +
           (packed_ == nullptr ? packed_bytes_ : 0);
  }
  size_t slots() const {
    constexpr int64_t kMostSlots = 8;
    return static_cast<size_t>(spread_items_ ? std::min(items_, kMostSlots) : 1);
  }

  static const void* bytes(const RunArgs& args, int index) {
    return index < 0 || static_cast<size_t>(index) >= args.inputs.size()
               ? nullptr
               : args.inputs[static_cast<size_t>(index)].data;
  }

  // Read in whole panels.
  const float* float_bias(const RunArgs& args, float* space) const {
    const float* bias = output_.float_bias(args);
    if (bias == nullptr) return nullptr;
    std::fill(std::copy_n(bias, matrix_.columns, space), space + padded_, 0.0f);
    return space;
  }

  PlacesS8 places() const {
    PlacesS8 places;
    places.step = trans_b_ ? 1 : matrix_.columns;
    places.col_step = trans_b_ ? matrix_.depth : 1;
    return places;
  }

  void run_item(const RunArgs& args, GemmS8Args gemm, int64_t item, bool pack, std::byte* space,
                ThreadPool* pool) const {
    const auto at = static_cast<size_t>(item);
    auto* a_zeros = reinterpret_cast<int32_t*>(space + gemm_bytes_);
    auto* b_zeros = reinterpret_cast<int32_t*>(space + gemm_bytes_ + a_.workspace_bytes());
    const void* packed = packed_.get();
    if (packed == nullptr) {
      std::byte* to = space + gemm_bytes_ + a_.workspace_bytes() + b_.workspace_bytes();
      packed = to;
      if (pack) {
        const auto* b = static_cast<const uint8_t*>(bytes(args, inputs_.b)) +
                        matrix_.b_matrices[at] * matrix_.depth * matrix_.columns;
        pack_b_s8(tier_, b_.bind(b, bytes(args, inputs_.b_zero), b_zeros), places(),
                  matrix_.columns, 1, matrix_.depth, to, pool);
      }
    }
    const auto* a = static_cast<const uint8_t*>(bytes(args, inputs_.a)) +
                    matrix_.a_matrices[at] * matrix_.rows * matrix_.depth;
    gemm.a = a_.bind(a, bytes(args, inputs_.a_zero), a_zeros);
    gemm.b = packed_s8(tier_, packed, matrix_.columns, 1, matrix_.depth);
    gemm.output.dst = args.outputs[0].as<std::byte>() +
                      static_cast<size_t>(item * matrix_.rows * matrix_.columns) *
                          result_bytes_s8(output_.result());
    gemm_s8(tier_, gemm, space, pool);
  }

  void pack_constant(const KernelRequest& request, const Tensor& b, const Tensor* zero) {
    // The zero point belongs to what is packed, so its bytes belong to the tag.
    std::string tag = fmt::format("s8 {} {}x{} {}", static_cast<int>(tier_), matrix_.depth,
                                  matrix_.columns, trans_b_);
    if (zero != nullptr) tag.append(zero->as<char>(), zero->bytes());
    packed_ = request.weights.get(b, tag, [&] {
      std::vector<int32_t> zeros(static_cast<size_t>(b_.zero_count()));
      auto packed = WeightCache::allocate(packed_bytes_);
      const auto pool = shared_thread_pool(request.threads);
      pack_b_s8(tier_, b_.bind(b.data(), zero == nullptr ? nullptr : zero->data(), zeros.data()),
                places(), matrix_.columns, 1, matrix_.depth, packed.get(), pool.get());
      return packed;
    });
  }

  Tier tier_;
  ScaleInputs inputs_;
  MatrixShape matrix_;
  bool trans_b_ = false;
  BytesOperand a_, b_;
  ScaledOutput output_;
  bool shares_b_ = false;      // one matrix B for all of A
  bool joins_a_ = false;       // the matrices of A lie end to end and are multiplied as one
  bool spread_items_ = false;  // products side by side
  int64_t rows_ = 0, items_ = 0, padded_ = 0;
  size_t gemm_bytes_ = 0;
  size_t packed_bytes_ = 0;
  std::shared_ptr<void> packed_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> make_matmul_s8(const KernelRequest& request,
                                               const ScaleInputs& inputs, bool trans_b) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const Shape b_shape = request.inputs[static_cast<size_t>(inputs.b)].shape();
  const MatrixShape shape = read_matrix_shape(request.inputs[static_cast<size_t>(inputs.a)].shape(),
                                              trans_b ? swap_last_two(b_shape) : b_shape);
  if (shape.batch() == 0 || shape.rows == 0 || shape.columns == 0 || shape.depth == 0) {
    return decline("a matrix is empty");
  }
  const BytesOperand a = TRY(BytesOperand::read(request, inputs.a, inputs.a_zero, shape.rows));
  const BytesOperand b = TRY(BytesOperand::read(request, inputs.b, inputs.b_zero, shape.columns));
  const ScaledOutput output = TRY(ScaledOutput::read(request, inputs, shape.columns));
  return std::make_unique<MatMulS8>(request, inputs, shape, trans_b, a, b, output);
}

}  // namespace sardonyx
