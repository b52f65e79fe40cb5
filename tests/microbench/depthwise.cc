// Depthwise convolutions of MobileNetV2 and EfficientNet-B0.
#include "cpu/depthwise.h"

#include "tests/microbench/bench.h"

namespace sardonyx {
namespace {

struct Shape {
  int64_t size, kernel, stride, channels;
};

constexpr Shape kShapes[] = {
    {112, 3, 1, 32}, {112, 3, 2, 96}, {56, 3, 1, 144}, {56, 3, 2, 144},
    {28, 3, 1, 192}, {28, 5, 1, 240}, {14, 3, 1, 384}, {14, 5, 1, 672},
    {14, 5, 2, 672}, {7, 3, 1, 960},  {7, 5, 1, 1152}, {56, 7, 1, 96},
};

}  // namespace

void bench_depthwise(const BenchOptions& options, ThreadPool& pool) {
  for (const Shape& shape : kShapes) {
    const std::string size = std::to_string(shape.size);
    const std::string kernel = std::to_string(shape.kernel);
    const std::string name = "depthwise/" + size + " " + kernel + "x" + kernel + "/" +
                             std::to_string(shape.stride) + " " + std::to_string(shape.channels);
    if (name.find(options.filter) == std::string::npos) continue;
    const int64_t out = (shape.size - 1) / shape.stride + 1;
    const int64_t pad = shape.kernel / 2;
    const ConvShape s{.in = {1, shape.size, shape.size},
                      .out = {1, out, out},
                      .kernel = {1, shape.kernel, shape.kernel},
                      .stride = {1, shape.stride, shape.stride},
                      .pad = {0, pad, pad},
                      .groups = shape.channels,
                      .in_channels = shape.channels,
                      .out_channels = shape.channels};
    const Buffer src(s.in_pixels() * s.in_channels), dst(s.out_pixels() * s.out_channels);
    const Buffer packed(s.in_channels * s.taps()), bias(s.out_channels);
    const Buffer space(static_cast<int64_t>(depthwise_workspace_bytes(s, options.threads) / 4));
    Epilogue<float> epilogue = relu_epilogue<float>(bias.data());
    const double flops = 2.0 * s.out_pixels() * s.out_channels * s.taps();
    const double bytes = 4.0 * (s.in_pixels() + s.out_pixels()) * s.in_channels;
    bench(options, name, flops, bytes, [&] {
      depthwise(options.tier, s, src.data(), packed.data(), epilogue, dst.data(), space.data(),
                pool);
    });
    epilogue.activation = Activation::kSilu;
    bench(options, name + " silu", flops, bytes, [&] {
      depthwise(options.tier, s, src.data(), packed.data(), epilogue, dst.data(), space.data(),
                pool);
    });
  }
}

}  // namespace sardonyx
