// Convolutions at the shapes of ResNet-50, MobileNetV2, SqueezeNet, CRNN and super-resolution.
#include "cpu/group_conv.h"
#include "cpu/winograd.h"

#include "tests/microbench/bench.h"

namespace sardonyx {
namespace {

struct Shape {
  const char* name;
  int64_t size, kernel, stride, in, out, groups;
};

constexpr Shape kShapes[] = {
    {"conv/resnet50 224 7x7/2 3->64", 224, 7, 2, 3, 64, 1},
    {"conv/resnet50 56 3x3 64->64", 56, 3, 1, 64, 64, 1},
    {"conv/resnet50 28 3x3 128->128", 28, 3, 1, 128, 128, 1},
    {"conv/resnet50 14 3x3 256->256", 14, 3, 1, 256, 256, 1},
    {"conv/resnet50 7 3x3 512->512", 7, 3, 1, 512, 512, 1},
    {"conv/resnet50 56 1x1/2 256->512", 56, 1, 2, 256, 512, 1},
    {"conv/mobilenet 224 3x3/2 3->32", 224, 3, 2, 3, 32, 1},
    {"conv/squeezenet 54 3x3 16->64", 54, 3, 1, 16, 64, 1},
    {"conv/superres 224 5x5 1->64", 224, 5, 1, 1, 64, 1},
    {"conv/superres 224 3x3 64->64", 224, 3, 1, 64, 64, 1},
    {"conv/superres 224 3x3 64->32", 224, 3, 1, 64, 32, 1},
    {"conv/superres 224 3x3 32->9", 224, 3, 1, 32, 9, 1},
    {"conv/resnext 56 3x3 128->128 g32", 56, 3, 1, 128, 128, 32},
    {"conv/resnext 28 3x3 256->256 g32", 28, 3, 1, 256, 256, 32},
    {"conv/resnext 14 3x3 512->512 g32", 14, 3, 1, 512, 512, 32},
    {"conv/resnext 7 3x3 1024->1024 g32", 7, 3, 1, 1024, 1024, 32},
    {"conv/regnet 28 3x3 168->168 g7", 28, 3, 1, 168, 168, 7},
    {"conv/regnet 14 3x3 408->408 g17", 14, 3, 1, 408, 408, 17},
    {"conv/regnet 7 3x3 912->912 g38", 7, 3, 1, 912, 912, 38},
    {"conv/nextvit 56 3x3 96->96 g3", 56, 3, 1, 96, 96, 3},
    {"conv/nextvit 14 3x3 384->384 g12", 14, 3, 1, 384, 384, 12},
    {"conv/resnest 28 3x3 128->256 g2", 28, 3, 1, 128, 256, 2},
    {"conv/shufflenet 28 1x1 240->240 g3", 28, 1, 1, 240, 240, 3},
};

}  // namespace

void bench_conv(const BenchOptions& options, ThreadPool& pool) {
  const Tier tier = options.tier;
  const auto& kernels = gemm_kernels<float>(tier);
  for (const Shape& shape : kShapes) {
    if (std::string(shape.name).find(options.filter) == std::string::npos) continue;
    const int64_t pad = shape.kernel / 2;
    const int64_t out = (shape.size + 2 * pad - shape.kernel) / shape.stride + 1;
    ConvShape s{.in = {1, shape.size, shape.size},
                .out = {1, out, out},
                .kernel = {1, shape.kernel, shape.kernel},
                .stride = {1, shape.stride, shape.stride},
                .pad = {0, pad, pad},
                .groups = shape.groups,
                .in_channels = shape.in,
                .out_channels = shape.out};
    const Buffer src(s.in_pixels() * s.in_channels), dst(s.out_pixels() * s.out_channels);
    const Buffer weights(s.out_channels * s.in_channels / s.groups * s.taps());
    const Buffer packed(conv_packed_count(kernels, s)), bias(s.out_channels);
    const Buffer space(static_cast<int64_t>(conv_workspace_bytes(kernels, s, options.threads) / 4));
    conv_pack(kernels, s, weights.data(), packed.data(), pool);
    const auto epilogue = relu_epilogue<float>(bias.data());
    const double flops =
        2.0 * s.out_pixels() * s.out_channels * s.taps() * s.in_channels / s.groups;
    const double bytes = 4.0 * (s.in_pixels() * s.in_channels + s.out_pixels() * s.out_channels);
    bench(options, shape.name, flops, bytes, [&] {
      conv(kernels, s, src.data(), packed.data(), epilogue, dst.data(), space.data(), pool);
    });
    if (const GroupConvForm form = group_conv_form(tier, s); form.tiles != nullptr) {
      const Buffer grouped(s.out_channels * s.in_channels / s.groups * s.taps());
      group_conv_pack(form, s, weights.data(), grouped.data());
      const Buffer lines(
          static_cast<int64_t>(group_conv_workspace_bytes(form, s, options.threads) / 4));
      bench(options, std::string(shape.name) + " grouped", flops, bytes, [&] {
        group_conv(tier, s, src.data(), grouped.data(), epilogue, dst.data(), lines.data(), pool);
      });
    }
    if (shape.kernel != 3 || shape.stride != 1 || shape.in < 16) continue;
    // Operations are those of the plain convolution, so that the lines compare.
    for (const int tile : {2, 4}) {
      const Buffer planes(
          static_cast<int64_t>(winograd_workspace_bytes(tier, tile, s, options.threads) / 4));
      const Buffer transformed(winograd_packed_count(tier, tile, s));
      winograd_pack(tier, tile, s, weights.data(), transformed.data(), pool);
      std::string name = std::string(shape.name) + " winograd " + std::to_string(tile);
      if (winograd_tile(tier, s) == tile) name += " *";
      bench(options, name, flops, bytes, [&] {
        winograd(tier, tile, s, src.data(), transformed.data(), epilogue, dst.data(), planes.data(),
                 pool);
      });
    }
  }
}

}  // namespace sardonyx
