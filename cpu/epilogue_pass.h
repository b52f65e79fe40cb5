// EpiloguePass: what kernels that clip alone leave of an epilogue to a second pass, over pixels
// that they have just written: other activations, a residual, the callback.
#pragma once

#include <cstdint>
#include <limits>

#include "cpu/epilogue.h"
#include "cpu/gemm_kernels.h"

namespace sardonyx {

class EpiloguePass {
 public:
  EpiloguePass(const GemmKernels<float>& kernels, const Epilogue<float>& epilogue)
      : kernels_(kernels), e_(epilogue) {
    const bool clips = e_.activation == Activation::kClip && e_.residual == nullptr;
    needed_ = e_.residual != nullptr || (!clips && e_.activation != Activation::kNone);
    if (clips) {
      low_ = e_.p0;
      high_ = e_.p1;
    }
  }

  // What the kernel clips to.
  float low() const { return low_; }
  float high() const { return high_; }
  bool needed() const { return needed_ || e_.fn != nullptr; }

  // Rows [row, row + rows) and columns [col, col + cols) of the epilogue, which are at c.
  void run(float* c, int64_t ldc, int64_t rows, int64_t cols, int64_t row, int64_t col) const {
    const float* residual =
        e_.residual == nullptr ? nullptr : e_.residual + row * e_.residual_ld + col;
    const auto activate = [&](Activation activation, const float* added) {
      kernels_.activate(activation, e_.p0, e_.p1, c, ldc, added, e_.residual_ld, c, ldc, rows,
                        cols);
    };
    if (needed_) {
      if (residual != nullptr && !e_.residual_after) {
        activate(Activation::kNone, residual);
        residual = nullptr;
      }
      activate(e_.activation, residual);
    }
    if (e_.fn != nullptr) e_.fn(e_.context, c, ldc, rows, cols, row, col);
  }

 private:
  const GemmKernels<float>& kernels_;
  const Epilogue<float>& e_;
  bool needed_ = false;
  float low_ = -std::numeric_limits<float>::infinity();
  float high_ = std::numeric_limits<float>::infinity();
};

}  // namespace sardonyx
