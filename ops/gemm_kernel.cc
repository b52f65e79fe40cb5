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

// The sizes of a product; not to be copied, since the arguments point at the offsets.
template <class T>
struct ProductSizes {
  GemmArgs<T> args;
  std::vector<int64_t> a_offsets;
  std::vector<int64_t> b_offsets;

  explicit ProductSizes(const Product& product) {
    const MatrixShape& matrix = product.matrix;
    args.m = matrix.rows;
    args.n = matrix.columns;
    args.k = matrix.depth;
    args.trans_a = product.trans_a;
    args.trans_b = product.trans_b;
    args.lda = product.trans_a ? matrix.rows : matrix.depth;
    args.ldb = product.trans_b ? matrix.depth : matrix.columns;
    args.ldc = matrix.columns;
    args.batch = matrix.batch();
    args.c_stride = matrix.rows * matrix.columns;
    args.residual_stride = args.c_stride;
    args.epilogue.alpha = static_cast<T>(product.alpha);
    if (is_one_tall_product(product)) {
      args.m *= args.batch;
      args.batch = 1;
      return;
    }
    for (int64_t item = 0; item < args.batch; ++item) {
      const auto i = static_cast<size_t>(item);
      a_offsets.push_back(matrix.a_matrices[i] * matrix.rows * matrix.depth);
      b_offsets.push_back(matrix.b_matrices[i] * matrix.depth * matrix.columns);
    }
    args.a_offsets = a_offsets.data();
    args.b_offsets = b_offsets.data();
  }
  ProductSizes(const ProductSizes&) = delete;
  ProductSizes& operator=(const ProductSizes&) = delete;

  // All products have the same B, and their rows of A lie one after the other.
  static bool is_one_tall_product(const Product& product) {
    if (product.trans_a || !product.matrix.one_b()) return false;
    for (size_t i = 0; i < product.matrix.a_matrices.size(); ++i) {
      if (product.matrix.a_matrices[i] != static_cast<int64_t>(i)) return false;
    }
    return true;
  }
};

// The arguments of one run, but for B.
template <class T>
GemmArgs<T> bind_operands(RunArgs& args, const GemmArgs<T>& sizes, const Product& product,
                          FusedEpilogue::Binding& binding) {
  GemmArgs<T> bound = sizes;
  bound.a = args.inputs[0].as<T>();
  bound.c = args.outputs[0].as<T>();
  Epilogue<T>& epilogue = bound.epilogue;
  if (product.bias.has_data()) {
    epilogue.bias = product.bias.as<T>();
  } else if (product.bias_input != 0) {
    epilogue.bias = args.inputs[product.bias_input].as<T>();
  }
  product.epilogue.bind(args, sizes.n, epilogue, binding);
  return bound;
}

// A sum of no products is 0: a column of zeros times a row of zeros, for all matrices.
Product with_inner_dim(Product product) {
  MatrixShape& matrix = product.matrix;
  if (matrix.depth != 0) return product;
  matrix.depth = 1;
  std::fill(matrix.a_matrices.begin(), matrix.a_matrices.end(), 0);
  std::fill(matrix.b_matrices.begin(), matrix.b_matrices.end(), 0);
  return product;
}

template <class T>
class GemmKernel final : public Kernel {
 public:
  GemmKernel(const KernelRequest& request, const Product& product)
      : kernels_(gemm_kernels<T>(request.tier)),
        product_(with_inner_dim(product)),
        packed_b_(pack_constant_b<T>(request, product_)),
        sizes_(product_) {
    if (product.matrix.depth == 0) {
      zeros_.resize(static_cast<size_t>(std::max(sizes_.args.m, sizes_.args.n)));
    }
    sizes_.args.packed_b = static_cast<const T*>(packed_b_.get());
    workspace_bytes_ = gemm_workspace_bytes(kernels_, sizes_.args, request.threads);
  }

  void run(RunArgs& args) const override {
    FusedEpilogue::Binding binding;
    GemmArgs<T> gemm_args = bind_operands(args, sizes_.args, product_, binding);
    gemm_args.b = args.inputs[1].as<T>();
    if (!zeros_.empty()) gemm_args.a = gemm_args.b = zeros_.data();
    gemm(kernels_, gemm_args, args.workspace, *args.pool);
  }

  size_t workspace_bytes() const override { return workspace_bytes_; }
  bool reads(size_t input) const override { return input != 1 || packed_b_ == nullptr; }
  double flops() const override { return product_.matrix.flops(); }

 private:
  const GemmKernels<T>& kernels_;
  Product product_;
  std::shared_ptr<void> packed_b_;
  ProductSizes<T> sizes_;
  std::vector<T> zeros_;  // in place of inputs that have no elements
  size_t workspace_bytes_ = 0;
};

std::shared_ptr<void> pack_constant_bf16(const KernelRequest& request, const Product& product) {
  const MatrixShape& matrix = product.matrix;
  const Tensor& b = *request.inputs[1].constant;
  const std::string tag =
      fmt::format("gemm b bf16 {} {} {}", matrix.depth, matrix.columns, product.trans_b);
  return request.weights.get(b, tag, [&] {
    auto packed = WeightCache::allocate(packed_b_bf16_bytes(matrix.depth, matrix.columns));
    const int64_t ldb = product.trans_b ? matrix.depth : matrix.columns;
    const auto pool = shared_thread_pool(request.threads);
    pack_b_bf16(b.as<float>(), ldb, product.trans_b, matrix.depth, matrix.columns, packed.get(),
                *pool);
    return packed;
  });
}

class Bf16GemmKernel final : public Kernel {
 public:
  Bf16GemmKernel(const KernelRequest& request, const Product& product, const Bf16Kernels& kernels)
      : kernels_(kernels),
        finish_(gemm_kernels<float>(request.tier)),
        product_(product),
        packed_b_(pack_constant_bf16(request, product)),
        sizes_(product) {}

  void run(RunArgs& args) const override {
    FusedEpilogue::Binding binding;
    const auto gemm_args = bind_operands(args, sizes_.args, product_, binding);
    gemm_bf16(kernels_, finish_, gemm_args, packed_b_.get(), args.workspace, *args.pool);
  }

  size_t workspace_bytes() const override { return gemm_bf16_workspace_bytes(sizes_.args); }
  bool reads(size_t input) const override { return input != 1; }
  double flops() const override { return product_.matrix.flops(); }

 private:
  const Bf16Kernels& kernels_;
  const GemmKernels<float>& finish_;
  Product product_;
  std::shared_ptr<void> packed_b_;
  ProductSizes<float> sizes_;
};

bool is_empty(const MatrixShape& matrix) {
  return matrix.batch() == 0 || matrix.rows == 0 || matrix.columns == 0 || matrix.depth == 0;
}

}  // namespace

Result<std::unique_ptr<Kernel>> make_bf16_gemm_kernel(const KernelRequest& request,
                                                      const Product& product, Bf16Kind kind) {
  if (!request.bf16_products) return decline("matmul_precision is not bf16");
  const MatrixShape& matrix = product.matrix;
  if (is_empty(matrix)) return decline("the product is empty");
  const DType dtype = request.inputs[0].dtype();
  if (dtype != DType::kFloat32) return decline("{} is not float32", dtype_name(dtype));
  const Tensor* b = request.inputs[1].constant;
  if (b == nullptr || b->count() != matrix.depth * matrix.columns) {
    return decline("B is not one constant matrix");
  }
  if (product.trans_a) return decline("A is transposed");
  const char* missing = nullptr;
  const Bf16Kernels* kernels = bf16_kernels(request.tier, kind, &missing);
  if (kernels == nullptr) return decline("{}", missing);
  return std::make_unique<Bf16GemmKernel>(request, product, *kernels);
}

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
