// Matrix products at the shapes of 1x1 convolutions, transformer layers, classifiers, attention.
#include "cpu/gemm.h"

#include <array>

#include "tests/microbench/bench.h"

namespace sardonyx {
namespace {

struct Shape {
  const char* name;
  int64_t m, n, k;
  Activation activation = Activation::kClip;
  bool residual = false;
};

constexpr Shape kShapes[] = {
    {"gemm/square 1024", 1024, 1024, 1024},
    {"gemm/resnet50 56x56 64->64", 3136, 64, 64},
    {"gemm/resnet50 56x56 64->256 +residual", 3136, 256, 64, Activation::kClip, true},
    {"gemm/resnet50 56x56 256->64", 3136, 64, 256},
    {"gemm/resnet50 28x28 512->128", 784, 128, 512},
    {"gemm/resnet50 28x28 128->512", 784, 512, 128},
    {"gemm/resnet50 14x14 1024->256", 196, 256, 1024},
    {"gemm/resnet50 14x14 256->1024", 196, 1024, 256},
    {"gemm/resnet50 7x7 2048->512", 49, 512, 2048},
    {"gemm/resnet50 7x7 512->2048", 49, 2048, 512},
    {"gemm/resnet50 fc", 1, 1000, 2048, Activation::kNone},
    {"gemm/mobilenet 112x112 32->16", 12544, 16, 32},
    {"gemm/mobilenet 112x112 16->96", 12544, 96, 16},
    {"gemm/mobilenet 56x56 96->24", 3136, 24, 96},
    {"gemm/mobilenet 56x56 24->144", 3136, 144, 24},
    {"gemm/mobilenet 28x28 192->32", 784, 32, 192},
    {"gemm/mobilenet 14x14 384->64", 196, 64, 384},
    {"gemm/mobilenet 14x14 96->576", 196, 576, 96},
    {"gemm/mobilenet 7x7 160->960", 49, 960, 160},
    {"gemm/mobilenet 7x7 960->160", 49, 160, 960},
    {"gemm/mobilenet 7x7 320->1280", 49, 1280, 320},
    {"gemm/efficientnet 28x28 40->240 silu", 784, 240, 40, Activation::kSilu},
    {"gemm/bert T128 768->768", 128, 768, 768, Activation::kNone},
    {"gemm/bert T128 768->2304", 128, 2304, 768, Activation::kNone},
    {"gemm/bert T128 768->3072 gelu", 128, 3072, 768, Activation::kGelu},
    {"gemm/bert T128 3072->768", 128, 768, 3072, Activation::kNone},
    {"gemm/bert T8 768->768", 8, 768, 768, Activation::kNone},
    {"gemm/minilm T128 384->1536 gelu", 128, 1536, 384, Activation::kGelu},
    {"gemm/minilm T128 1536->384", 128, 384, 1536, Activation::kNone},
    {"gemm/lstm step 256->1024", 1, 1024, 256, Activation::kNone},
};

void bench_packed(const BenchOptions& options, ThreadPool& pool, const Shape& s) {
  const auto& kernels = gemm_kernels<float>(options.tier);
  const Buffer a(s.m * s.k), b(s.k * s.n), packed(packed_b_count(kernels, s.k, s.n));
  const Buffer bias(s.n), residual(s.m * s.n), c(s.m * s.n);
  pack_b(kernels, b.data(), s.n, false, s.k, s.n, packed.data(), pool);
  GemmArgs<float> args;
  args.m = s.m;
  args.n = s.n;
  args.k = s.k;
  args.a = a.data();
  args.lda = s.k;
  args.packed_b = packed.data();
  args.c = c.data();
  args.ldc = s.n;
  args.epilogue.bias = bias.data();
  args.epilogue.activation = s.activation;
  args.epilogue.p1 = 6;
  if (s.residual) {
    args.epilogue.residual = residual.data();
    args.epilogue.residual_ld = s.n;
  }
  const double flops = 2.0 * s.m * s.n * s.k;
  const double bytes = 4.0 * (s.m * s.k + s.k * s.n + s.m * s.n);
  const Buffer space(
      static_cast<int64_t>(gemm_workspace_bytes(kernels, args, pool.threads()) / 4 + 1));
  bench(options, s.name, flops, bytes, [&] { gemm(kernels, args, space.data(), pool); });
}

// Attention of BERT-base: 12 heads out of [T, 3 * 768], both operands dynamic.
void bench_attention(const BenchOptions& options, ThreadPool& pool, int64_t tokens) {
  const auto& kernels = gemm_kernels<float>(options.tier);
  const Buffer qkv(tokens * 2304), scores(12 * tokens * tokens), out(tokens * 768);
  GemmArgs<float> args;
  args.batch = 12;
  args.m = tokens;
  args.n = tokens;
  args.k = 64;
  args.a = qkv.data();
  args.lda = 2304;
  args.a_stride = 64;
  args.b = qkv.data() + 768;
  args.ldb = 2304;
  args.trans_b = true;
  args.b_stride = 64;
  args.c = scores.data();
  args.ldc = tokens;
  args.c_stride = tokens * tokens;
  const Buffer space(static_cast<int64_t>(gemm_workspace_bytes(kernels, args, pool.threads()) / 4 +
                                          16 * tokens * 64 * 8));
  const double flops = 2.0 * 12 * tokens * tokens * 64;
  const std::string size = "T" + std::to_string(tokens);
  bench(options, "gemm/attention QK' " + size, flops, 0,
        [&] { gemm(kernels, args, space.data(), pool); });
  args.n = 64;
  args.k = tokens;
  args.a = scores.data();
  args.lda = tokens;
  args.a_stride = tokens * tokens;
  args.b = qkv.data() + 1536;
  args.trans_b = false;
  args.c = out.data();
  args.ldc = 768;
  args.c_stride = 64;
  bench(options, "gemm/attention PV " + size, flops, 0,
        [&] { gemm(kernels, args, space.data(), pool); });
}

}  // namespace

void bench_gemm(const BenchOptions& options, ThreadPool& pool) {
  for (const Shape& shape : kShapes) {
    if (std::string(shape.name).find(options.filter) == std::string::npos) continue;
    bench_packed(options, pool, shape);
  }
  for (int64_t tokens : {16, 128}) bench_attention(options, pool, tokens);
}

}  // namespace sardonyx
