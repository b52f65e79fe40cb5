// Activations over a block that stays in the first cache, and softmax and layer normalisation over
// rows of transformer size. Nanoseconds per vector are time * lanes / floats.
#include <utility>

#include "cpu/gemm_kernels.h"
#include "cpu/norm.h"
#include "cpu/softmax.h"
#include "tests/microbench/bench.h"

namespace sardonyx {
namespace {

constexpr std::pair<const char*, Activation> kActivations[] = {
    {"sigmoid", Activation::kSigmoid},    {"silu", Activation::kSilu},
    {"tanh", Activation::kTanh},          {"gelu", Activation::kGelu},
    {"gelu_tanh", Activation::kGeluTanh}, {"hard_swish", Activation::kHardSwish},
    {"softplus", Activation::kSoftplus},
};

}  // namespace

void bench_activation(const BenchOptions& options, ThreadPool&) {
  constexpr int64_t kFloats = 4096;
  const Buffer src(kFloats), block(kFloats);
  const auto& kernels = gemm_kernels<float>(options.tier);
  for (const auto& [name, activation] : kActivations) {
    bench(options, std::string("activation/4096 ") + name, 0, 8.0 * kFloats, [&] {
      kernels.activate(activation, 0, 0, src.data(), 64, nullptr, 0, block.data(), 64, kFloats / 64,
                       64);
    });
  }
  const SoftmaxRows softmax{src.data(), 128, block.data(), 128, 128, 0.125f, nullptr, 0};
  bench(options, "activation/softmax 32 x 128", 0, 8.0 * kFloats,
        [&] { softmax_kernels(options.tier).softmax(softmax, 0, 32); });
  NormRows norm;
  norm.src = src.data();
  norm.dst = block.data();
  norm.cols = 512;
  norm.scale = norm.bias = src.data();
  norm.epsilon = 1e-5f;
  bench(options, "activation/layer_norm 8 x 512", 0, 8.0 * kFloats,
        [&] { norm_kernels(options.tier).layer_norm(norm, 0, 8); });
}

}  // namespace sardonyx
