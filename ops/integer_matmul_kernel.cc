// Feeds MatMulInteger to cpu/gemm_s32: B is packed when planned where it and its zero point are
// constant, else in each run; a B without batch takes all matrices of A as one.
#include "ops/integer_matmul_kernel.h"

#include <numeric>

#include "cpu/gemm_s32.h"
#include "ops/matrix_shape.h"

namespace sardonyx {
namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

int32_t byte_at(const void* data, bool is_signed, int64_t index) {
  return is_signed ? static_cast<const int8_t*>(data)[index]
                   : static_cast<const uint8_t*>(data)[index];
}

// Zero points as int32: one, or one per line.
struct ZeroPoints {
  int64_t count = 0;
  bool is_signed = false;

  size_t bytes() const { return aligned(static_cast<size_t>(count) * sizeof(int32_t)); }
  void widen(const void* src, int32_t* dst) const {
    for (int64_t i = 0; i < count; ++i) dst[i] = byte_at(src, is_signed, i);
  }
  BytesMatrix describe(const void* data, const int32_t* zeros) const {
    BytesMatrix matrix;
    matrix.data = data;
    matrix.is_signed = is_signed;
    matrix.zero_points = count == 0 ? nullptr : zeros;
    matrix.zero_point_per_line = count > 1;
    return matrix;
  }
};

Result<ZeroPoints> read_zero_points(const KernelRequest& request, size_t index, size_t matrix,
                                    int64_t lines) {
  ZeroPoints zeros;
  zeros.is_signed = request.inputs[matrix].dtype() == DType::kInt8;
  if (!request.has_input(index)) return zeros;
  zeros.count = request.inputs[index].shape().count();
  if (zeros.count > 1 && zeros.count != lines) return decline("zero points differ by matrix");
  return zeros;
}

class GemmS32Kernel final : public Kernel {
 public:
  GemmS32Kernel(const KernelRequest& request, const MatrixShape& shape, ZeroPoints a, ZeroPoints b)
      : tier_(request.tier), matrix_(shape), a_zeros_(a), b_zeros_(b) {
    shares_b_ = matrix_.one_b();
    std::vector<int64_t> in_order(matrix_.a_matrices.size());
    std::iota(in_order.begin(), in_order.end(), int64_t{0});
    joins_a_ = shares_b_ && matrix_.a_matrices == in_order && a.count <= 1;
    args_.m = joins_a_ ? matrix_.batch() * matrix_.rows : matrix_.rows;
    args_.n = matrix_.columns;
    args_.k = matrix_.depth;
    args_.lda = matrix_.depth;
    args_.ldc = matrix_.columns;
    args_.a = a_zeros_.describe(nullptr, nullptr);
    gemm_bytes_ = aligned(gemm_s32_workspace_bytes(tier_, args_, request.threads));
    const int64_t packed_count = packed_b_s32_count(tier_, matrix_.depth, matrix_.columns);
    packed_bytes_ = static_cast<size_t>(packed_count) * sizeof(int16_t);
    const Tensor* b_constant = request.inputs[1].constant;
    const Tensor* zero_constant = request.has_input(3) ? request.inputs[3].constant : nullptr;
    if (shares_b_ && b_constant != nullptr && (b.count == 0 || zero_constant != nullptr)) {
      pack_constant(request, *b_constant, zero_constant);
    }
  }

  size_t workspace_bytes() const override {
    return gemm_bytes_ + a_zeros_.bytes() + b_zeros_.bytes() +
           (packed_ == nullptr ? packed_bytes_ : 0);
  }

  void run(RunArgs& args) const override {
    auto* workspace = static_cast<std::byte*>(args.workspace);
    auto* a_zeros = reinterpret_cast<int32_t*>(workspace + gemm_bytes_);
    auto* b_zeros = reinterpret_cast<int32_t*>(workspace + gemm_bytes_ + a_zeros_.bytes());
    auto* packed =
        reinterpret_cast<int16_t*>(workspace + gemm_bytes_ + a_zeros_.bytes() + b_zeros_.bytes());
    if (a_zeros_.count != 0) a_zeros_.widen(args.inputs[2].data, a_zeros);
    GemmS32Args gemm = args_;
    gemm.packed_b = packed_ == nullptr ? packed : static_cast<const int16_t*>(packed_.get());
    if (packed_ == nullptr && b_zeros_.count != 0) b_zeros_.widen(args.inputs[3].data, b_zeros);
    const int64_t items = joins_a_ ? 1 : matrix_.batch();
    for (int64_t item = 0; item < items; ++item) {
      const auto at = static_cast<size_t>(item);
      if (packed_ == nullptr && (item == 0 || !shares_b_)) {
        const auto* b =
            args.inputs[1].as<uint8_t>() + matrix_.b_matrices[at] * matrix_.depth * matrix_.columns;
        pack_b_s32(tier_, b_zeros_.describe(b, b_zeros), matrix_.columns, false, matrix_.depth,
                   matrix_.columns, packed);
      }
      const auto* a =
          args.inputs[0].as<uint8_t>() + matrix_.a_matrices[at] * matrix_.rows * matrix_.depth;
      gemm.a = a_zeros_.describe(a, a_zeros);
      gemm.c = args.outputs[0].as<int32_t>() + item * matrix_.rows * matrix_.columns;
      gemm_s32(tier_, gemm, workspace, *args.pool);
    }
  }

  double flops() const override { return matrix_.flops(); }

 private:
  void pack_constant(const KernelRequest& request, const Tensor& b, const Tensor* zero) {
    // The zero point is subtracted while packing, so its bytes belong to the tag.
    std::string tag =
        fmt::format("s32 {} {}x{}", static_cast<int>(tier_), matrix_.depth, matrix_.columns);
    if (zero != nullptr) tag.append(zero->as<char>(), zero->bytes());
    packed_ = request.weights.get(b, tag, [&] {
      std::vector<int32_t> zeros(static_cast<size_t>(b_zeros_.count));
      if (zero != nullptr) b_zeros_.widen(zero->data(), zeros.data());
      auto packed = WeightCache::allocate(packed_bytes_);
      pack_b_s32(tier_, b_zeros_.describe(b.data(), zeros.data()), matrix_.columns, false,
                 matrix_.depth, matrix_.columns, static_cast<int16_t*>(packed.get()));
      return packed;
    });
  }

  Tier tier_;
  MatrixShape matrix_;
  ZeroPoints a_zeros_;
  ZeroPoints b_zeros_;
  bool shares_b_ = false;  // one matrix B for all of A
  bool joins_a_ = false;   // the matrices of A lie end to end and are multiplied as one
  GemmS32Args args_;
  size_t gemm_bytes_ = 0;
  size_t packed_bytes_ = 0;
  std::shared_ptr<void> packed_;
};

}  // namespace

Result<std::unique_ptr<Kernel>> make_gemm_s32(const KernelRequest& request) {
  for (const Operand& operand : request.inputs) {
    if (operand.present() && !operand.is_concrete()) {
      return decline("its shapes are not known when the plan is made");
    }
  }
  const MatrixShape shape = read_matrix_shape(request.inputs[0].shape(), request.inputs[1].shape());
  if (shape.batch() == 0 || shape.rows == 0 || shape.columns == 0 || shape.depth == 0) {
    return decline("a matrix is empty");
  }
  const ZeroPoints a = TRY(read_zero_points(request, 2, 0, shape.rows));
  const ZeroPoints b = TRY(read_zero_points(request, 3, 1, shape.columns));
  return std::make_unique<GemmS32Kernel>(request, shape, a, b);
}

}  // namespace sardonyx
