// Epilogue: what happens to an output element of a matrix product or convolution between its sum
// and memory, so that no second pass over the output is needed:
//
//     y = activation(alpha * sum + bias[col] + residual)        (residual_after = false)
//     y = activation(alpha * sum + bias[col]) + residual        (residual_after = true)
//
// and then, where given, fn(context, ...) on finished blocks that are still in the first cache.
#pragma once

#include <cstdint>
#include <limits>

namespace sardonyx {

enum class Activation : uint8_t {
  kNone,
  kClip,       // min(max(y, p0), p1); Relu is p0 = 0, p1 = infinity
  kLeakyRelu,  // y < 0 ? p0 * y : y
  kElu,        // y < 0 ? p0 * (exp(y) - 1) : y
  kSigmoid,
  kTanh,
  kSilu,         // y * sigmoid(y)
  kHardSigmoid,  // min(max(p0 * y + p1, 0), 1)
  kHardSwish,    // y * min(max(y / 6 + 1/2, 0), 1)
  kGelu,         // with erf
  kGeluTanh,     // the tanh form
  kSoftplus,
  kMish,             // y * tanh(softplus(y))
  kScaledRelu,       // p0 * max(y, 0) + p1
  kScaledHardSwish,  // p0 * hardswish(y) + p1
};

// Called on blocks of an output once each block is final; blocks cover the output, and do not
// overlap. c points at element (row0, col0); rows are ldc elements apart. For a batch, row0 counts
// through it: row0 = item * m + row.
template <class T>
using EpilogueFn = void (*)(void* context, T* c, int64_t ldc, int64_t rows, int64_t cols,
                            int64_t row0, int64_t col0);

template <class T>
struct Epilogue {
  T alpha = 1;
  const T* bias = nullptr;      // [cols]
  const T* residual = nullptr;  // [rows, cols], rows residual_ld apart; may be the output itself
  int64_t residual_ld = 0;
  bool residual_after = false;
  Activation activation = Activation::kNone;
  T p0 = 0;
  T p1 = 0;
  EpilogueFn<T> fn = nullptr;
  void* context = nullptr;
};

template <class T>
Epilogue<T> relu_epilogue(const T* bias) {
  Epilogue<T> epilogue;
  epilogue.bias = bias;
  epilogue.activation = Activation::kClip;
  epilogue.p1 = std::numeric_limits<T>::infinity();
  return epilogue;
}

}  // namespace sardonyx
