// Runs cpu/gemm for one node: everything that does not change from run to run is decided here.
#include "ops/gemm_kernel.h"

#include <algorithm>

#include "cpu/gemm.h"

namespace sardonyx {
namespace {

template <class T>
std::shared_ptr<void> pack_constant_b(const KernelRequest& request, const Product& product) {
  const MatrixShape& matrix = product.matrix;
  const Tensor* b = request.inputs[1].constant;
  if (b == nullptr || b->count() != matrix.depth * matrix.columns) return nullptr;
  const GemmKernels<T>& kernels = gemm_kernels<T>(request.tier);
  const std::string tag = fmt::format("gemm b {} {} {} {} {}", tier_name(request.tier), sizeof(T),
                                      matrix.depth, matrix.columns, product.trans_b);
  return request.weights.get(*b, tag, [&] {
    const int64_t count = packed_b_count(kernels, matrix.depth, matrix.columns);
    auto packed = WeightCache::allocate(static_cast<size_t>(count) * sizeof(T));
    const int64_t ldb = product.trans_b ? matrix.depth : matrix.columns;
    const auto pool = shared_thread_pool(request.threads);
    pack_b(kernels, b->as<T>(), ldb, product.trans_b, matrix.depth, matrix.columns,
           static_cast<T*>(packed.get()), *pool);
    return packed;
  });
}

template <class T>
class GemmKernel final : public Kernel {
 public:
  GemmKernel(const KernelRequest& request, const Product& product)
      : kernels_(gemm_kernels<T>(request.tier)),
        product_(product),
        packed_b_(pack_constant_b<T>(request, product)) {
    if (product.bias != nullptr) bias_ = *product.bias;
    if (product.matrix.depth == 0) multiply_zeros();
    set_sizes();
    workspace_bytes_ = gemm_workspace_bytes(kernels_, sizes_, request.threads);
  }

  void run(RunArgs& args) const override {
    GemmArgs<T> gemm_args = sizes_;
    gemm_args.a = zeros_.empty() ? args.inputs[0].as<T>() : zeros_.data();
    gemm_args.b = zeros_.empty() ? args.inputs[1].as<T>() : zeros_.data();
    gemm_args.c = args.outputs[0].as<T>();
    Epilogue<T>& epilogue = gemm_args.epilogue;
    if (bias_.has_data()) {
      epilogue.bias = bias_.as<T>();
    } else if (product_.bias_input != 0) {
      epilogue.bias = args.inputs[product_.bias_input].as<T>();
    }
    FusedEpilogue::Binding binding;
    product_.epilogue.bind(args, sizes_.n, epilogue, binding);
    gemm(kernels_, gemm_args, args.workspace, *args.pool);
  }

  size_t workspace_bytes() const override { return workspace_bytes_; }
  double flops() const override { return product_.matrix.flops(); }

 private:
  void set_sizes() {
    const MatrixShape& matrix = product_.matrix;
    GemmArgs<T>& sizes = sizes_;
    sizes.m = matrix.rows;
    sizes.n = matrix.columns;
    sizes.k = matrix.depth;
    sizes.trans_a = product_.trans_a;
    sizes.trans_b = product_.trans_b;
    sizes.lda = product_.trans_a ? matrix.rows : matrix.depth;
    sizes.ldb = product_.trans_b ? matrix.depth : matrix.columns;
    sizes.ldc = matrix.columns;
    sizes.packed_b = static_cast<const T*>(packed_b_.get());
    sizes.batch = matrix.batch();
    sizes.c_stride = matrix.rows * matrix.columns;
    sizes.residual_stride = sizes.c_stride;
    sizes.epilogue.alpha = static_cast<T>(product_.alpha);
    if (is_one_tall_product()) {
      sizes.m *= sizes.batch;
      sizes.batch = 1;
      return;
    }
    for (int64_t item = 0; item < sizes.batch; ++item) {
      const auto i = static_cast<size_t>(item);
      a_offsets_.push_back(matrix.a_matrices[i] * matrix.rows * matrix.depth);
      b_offsets_.push_back(matrix.b_matrices[i] * matrix.depth * matrix.columns);
    }
    sizes.a_offsets = a_offsets_.data();
    sizes.b_offsets = b_offsets_.data();
  }

  // A sum of no products is 0: a column of zeros times a row of zeros, for all matrices.
  void multiply_zeros() {
    MatrixShape& matrix = product_.matrix;
    zeros_.resize(static_cast<size_t>(std::max(matrix.rows, matrix.columns)));
    matrix.depth = 1;
    std::fill(matrix.a_matrices.begin(), matrix.a_matrices.end(), 0);
    std::fill(matrix.b_matrices.begin(), matrix.b_matrices.end(), 0);
  }

  // All products have the same B, and their rows of A lie one after the other.
  bool is_one_tall_product() const {
    if (product_.trans_a || !product_.matrix.one_b()) return false;
    for (size_t i = 0; i < product_.matrix.a_matrices.size(); ++i) {
      if (product_.matrix.a_matrices[i] != static_cast<int64_t>(i)) return false;
    }
    return true;
  }

  const GemmKernels<T>& kernels_;
  Product product_;
  std::shared_ptr<void> packed_b_;
  Tensor bias_;
  std::vector<T> zeros_;  // in place of inputs that have no elements
  GemmArgs<T> sizes_;
  std::vector<int64_t> a_offsets_;
  std::vector<int64_t> b_offsets_;
  size_t workspace_bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Kernel>> make_gemm_kernel(const KernelRequest& request,
                                                 const Product& product) {
  const DType dtype = request.inputs[0].dtype();
  if (dtype != DType::kFloat32 && dtype != DType::kFloat64) {
    return decline("{} is neither float32 nor float64", dtype_name(dtype));
  }
  const MatrixShape& matrix = product.matrix;
  if (matrix.batch() == 0 || matrix.rows == 0 || matrix.columns == 0) {
    return make_kernel([](RunArgs&) {});
  }
  if (dtype == DType::kFloat64) return std::make_unique<GemmKernel<double>>(request, product);
  return std::make_unique<GemmKernel<float>>(request, product);
}

}  // namespace sardonyx
