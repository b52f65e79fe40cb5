// The kernels of MatMul, Gemm and their fused form: cpu/gemm in f32 and f64 with B packed when the
// plan is made, if it is constant, and cpu/gemm_bf16 where that is asked for.
// Entry point: product_candidates.
#pragma once

#include "cpu/gemm_bf16.h"
#include "ops/fused_epilogue.h"
#include "ops/matrix_shape.h"

namespace sardonyx {

// y = epilogue(alpha * A * B + bias), A and B inputs 0 and 1.
struct Product {
  MatrixShape matrix;
  bool trans_a = false;  // the last two axes of A lie swapped in memory
  bool trans_b = false;
  double alpha = 1;
  size_t bias_input = 0;  // one number per column; 0: none
  Tensor bias;            // in place of that input: a constant; without data: none
  FusedEpilogue epilogue;
};

// Declines dtypes other than f32 and f64.
Result<std::unique_ptr<Kernel>> make_gemm_kernel(const KernelRequest& request,
                                                 const Product& product);

// f32 products with operands rounded to bf16; declines where the session does not ask for them, and
// where B is not constant.
Result<std::unique_ptr<Kernel>> make_bf16_gemm_kernel(const KernelRequest& request,
                                                      const Product& product, Bf16Kind kind);

using ReadProduct = Result<Product> (*)(const KernelRequest& request);

template <ReadProduct kRead>
Result<std::unique_ptr<Kernel>> make_product(const KernelRequest& request) {
  return make_gemm_kernel(request, TRY(kRead(request)));
}
template <ReadProduct kRead, Bf16Kind kKind>
Result<std::unique_ptr<Kernel>> make_bf16_product(const KernelRequest& request) {
  return make_bf16_gemm_kernel(request, TRY(kRead(request)), kKind);
}

// The kernels of an operator that says which product it is, best first.
template <ReadProduct kRead>
std::vector<KernelCandidate> product_candidates() {
  return {{"amx bf16 gemm", make_bf16_product<kRead, Bf16Kind::kTiles>},
          {"bf16 gemm", make_bf16_product<kRead, Bf16Kind::kDots>},
          {"gemm", make_product<kRead>}};
}

}  // namespace sardonyx
