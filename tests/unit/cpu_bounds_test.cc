// No kernel touches a byte outside of its operands: every operand borders on a forbidden page, once
// at its end, once at its beginning, on every tier. What is computed is checked elsewhere; here
// both runs must agree.
#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "cpu/conv.h"
#include "cpu/conv_s8.h"
#include "cpu/conv_transpose.h"
#include "cpu/depthwise.h"
#include "cpu/gemm.h"
#include "cpu/norm.h"
#include "cpu/pool.h"
#include "cpu/resize.h"
#include "cpu/rnn.h"
#include "cpu/softmax.h"
#include "cpu/transpose.h"
#include "tests/support/guarded.h"
#include "tests/support/numbers.h"

namespace sardonyx {
namespace {

using Floats = Guarded<float>;

Floats operand(int64_t count, uint32_t seed, bool at_end) {
  return Floats(random_floats(static_cast<size_t>(count), seed), at_end);
}
Guarded<char> space(size_t bytes, bool at_end) {
  return Guarded<char>(std::vector<char>((bytes + 63) / 64 * 64), at_end);
}

// Runs fn(tier, at_end) -> result both ways on every tier.
template <class Fn>
void both_ways(const Fn& fn) {
  for (Tier tier : available_tiers()) {
    EXPECT_TRUE(fn(tier, true) == fn(tier, false)) << tier_name(tier);
  }
}

std::vector<float> run_gemm(Tier tier, bool at_end, int64_t m, int64_t n, int64_t k, bool packed,
                            bool trans_b, Activation activation) {
  const auto& kernels = gemm_kernels<float>(tier);
  ThreadPool pool(2);
  const Floats a = operand(m * k, 1, at_end), b = operand(k * n, 2, at_end);
  const Floats bias = operand(n, 3, at_end), residual = operand(m * n, 4, at_end);
  const Floats c = operand(m * n, 5, at_end);
  const Floats packed_b = operand(packed_b_count(kernels, k, n), 6, at_end);
  GemmArgs<float> args;
  args.m = m;
  args.n = n;
  args.k = k;
  args.a = a.data();
  args.lda = k;
  args.b = b.data();
  args.ldb = trans_b ? k : n;
  args.trans_b = trans_b;
  args.c = c.data();
  args.ldc = n;
  args.epilogue.bias = bias.data();
  args.epilogue.residual = residual.data();
  args.epilogue.residual_ld = n;
  args.epilogue.activation = activation;
  args.epilogue.p1 = 1;
  if (packed) {
    pack_b(kernels, b.data(), args.ldb, trans_b, k, n, packed_b.data(), pool);
    args.packed_b = packed_b.data();
  }
  const auto workspace = space(gemm_workspace_bytes(kernels, args, 2), at_end);
  gemm(kernels, args, workspace.data(), pool);
  return c.values();
}

TEST(Bounds, Gemm) {
  for (int64_t m : {1, 2, 3, 5, 13, 25}) {
    for (int64_t n : {1, 3, 9, 17, 37, 130}) {
      for (bool packed : {false, true}) {
        both_ways([&](Tier tier, bool at_end) {
          return run_gemm(tier, at_end, m, n, 7, packed, false, Activation::kClip);
        });
        both_ways([&](Tier tier, bool at_end) {
          return run_gemm(tier, at_end, m, n, 1037, packed, true, Activation::kSilu);
        });
      }
    }
  }
}

ConvShape conv_shape(int64_t kernel, int64_t stride, int64_t in, int64_t out, int64_t groups) {
  ConvShape s{.batch = 2,
              .in = {1, 6, 9},
              .kernel = {1, kernel, kernel},
              .stride = {1, stride, stride},
              .pad = {0, kernel / 2, kernel / 2},
              .groups = groups,
              .in_channels = in,
              .out_channels = out};
  for (int i = 1; i < 3; ++i) s.out[i] = (s.in[i] + 2 * s.pad[i] - kernel) / stride + 1;
  return s;
}

std::vector<float> run_conv(Tier tier, bool at_end, const ConvShape& s) {
  const auto& kernels = gemm_kernels<float>(tier);
  ThreadPool pool(2);
  const Floats src = operand(s.batch * s.in_pixels() * s.in_channels, 1, at_end);
  const Floats weights = operand(s.out_channels * s.in_channels / s.groups * s.taps(), 2, at_end);
  const Floats bias = operand(s.out_channels, 3, at_end);
  const Floats dst = operand(s.batch * s.out_pixels() * s.out_channels, 4, at_end);
  const Epilogue<float> epilogue = relu_epilogue<float>(bias.data());
  if (depth_multiplier(s) != 0) {
    const Floats packed = operand(s.out_channels * s.taps(), 5, at_end);
    depthwise_pack(s, weights.data(), packed.data());
    const auto workspace = space(depthwise_workspace_bytes(s, 2), at_end);
    depthwise(tier, s, src.data(), packed.data(), epilogue, dst.data(), workspace.data(), pool);
  } else {
    const Floats packed = operand(conv_packed_count(kernels, s), 5, at_end);
    conv_pack(kernels, s, weights.data(), packed.data(), pool);
    const auto workspace = space(conv_workspace_bytes(kernels, s, 2), at_end);
    conv(kernels, s, src.data(), packed.data(), epilogue, dst.data(), workspace.data(), pool);
  }
  return dst.values();
}

TEST(Bounds, Convolutions) {
  for (int64_t kernel : {1, 3, 5, 7}) {
    for (int64_t stride : {1, 2}) {
      for (const auto& [in, out, groups] : std::vector<std::array<int64_t, 3>>{{3, 9, 1},
                                                                               {1, 17, 1},
                                                                               {20, 33, 1},
                                                                               {12, 18, 3},
                                                                               {5, 5, 5},
                                                                               {24, 24, 24},
                                                                               {70, 70, 70},
                                                                               {5, 10, 5},
                                                                               {20, 60, 20}}) {
        const ConvShape s = conv_shape(kernel, stride, in, out, groups);
        both_ways([&](Tier tier, bool at_end) { return run_conv(tier, at_end, s); });
      }
    }
  }
}

TEST(Bounds, TransposedConvolution) {
  ConvShape s{.batch = 2,
              .in = {1, 4, 5},
              .kernel = {1, 3, 3},
              .stride = {1, 2, 2},
              .pad = {0, 1, 1},
              .groups = 2,
              .in_channels = 6,
              .out_channels = 22};
  s.out = {1, 7, 10};
  both_ways([&](Tier tier, bool at_end) {
    const auto& kernels = gemm_kernels<float>(tier);
    ThreadPool pool(2);
    const Floats src = operand(s.batch * s.in_pixels() * 6, 1, at_end);
    const Floats weights = operand(6 * 11 * 9, 2, at_end);
    const Floats packed = operand(conv_transpose_packed_count(kernels, s), 3, at_end);
    const Floats dst = operand(s.batch * s.out_pixels() * 22, 4, at_end);
    conv_transpose_pack(kernels, s, weights.data(), packed.data(), pool);
    const size_t bytes = conv_transpose_workspace_bytes<float>(s, 2);
    const Floats space = operand(static_cast<int64_t>(bytes / sizeof(float)), 5, at_end);
    conv_transpose(kernels, s, src.data(), packed.data(), Epilogue<float>(), dst.data(),
                   space.data(), pool);
    return dst.values();
  });
}

TEST(Bounds, Pools) {
  for (int64_t channels : {1, 5, 20, 67}) {
    for (PoolMode mode : {PoolMode::kMax, PoolMode::kAverage}) {
      both_ways([&](Tier tier, bool at_end) {
        PoolArgs args;
        args.shape = conv_shape(3, 2, channels, channels, channels);
        args.mode = mode;
        ThreadPool workers(2);
        const Floats src = operand(2 * args.shape.in_pixels() * channels, 1, at_end);
        const Floats dst = operand(2 * args.shape.out_pixels() * channels, 2, at_end);
        pool(tier, args, src.data(), dst.data(), workers);
        return dst.values();
      });
    }
  }
}

TEST(Bounds, Rows) {
  for (int64_t cols : {1, 3, 16, 19, 40}) {
    both_ways([&](Tier tier, bool at_end) {
      const Floats src = operand(2 * cols, 1, at_end), mask = operand(cols, 2, at_end);
      const Floats dst = operand(2 * cols, 3, at_end);
      const SoftmaxRows args{src.data(), cols, dst.data(), cols, cols, 1, mask.data(), 0};
      softmax_kernels(tier).softmax(args, 0, 2);
      softmax_kernels(tier).log_softmax(args, 0, 1);
      return dst.values();
    });
    both_ways([&](Tier tier, bool at_end) {
      const Floats src = operand(2 * cols, 1, at_end), residual = operand(2 * cols, 2, at_end);
      const Floats scale = operand(cols, 3, at_end), bias = operand(cols, 4, at_end);
      const Floats dst = operand(2 * cols, 5, at_end);
      const NormRows args{src.data(), residual.data(), scale.data(), bias.data(), dst.data(),
                          nullptr,    nullptr,         nullptr,      cols,        1e-5f};
      norm_kernels(tier).layer_norm(args, 0, 2);
      norm_kernels(tier).rms_norm(args, 1, 2);
      return dst.values();
    });
    both_ways([&](Tier tier, bool at_end) {
      const Floats gates = operand(4 * cols, 1, at_end), peephole = operand(3 * cols, 2, at_end);
      const Floats cell = operand(cols, 3, at_end), hidden = operand(cols, 4, at_end);
      rnn_kernels(tier).lstm(
          {gates.data(), cell.data(), peephole.data(), cell.data(), hidden.data(), cols, 0, false});
      const Floats sums = operand(3 * cols, 5, at_end);
      rnn_kernels(tier).gru(
          {sums.data(), peephole.data(), cell.data(), hidden.data(), cols, 0, true});
      return hidden.values();
    });
  }
}

TEST(Bounds, Permutations) {
  for (const auto& dims :
       std::vector<std::vector<int64_t>>{{3, 5, 7}, {2, 3, 50}, {1, 40, 3}, {2, 33, 70}}) {
    both_ways([&](Tier tier, bool at_end) {
      const int64_t count = dims[0] * dims[1] * dims[2];
      const Floats src = operand(count, 1, at_end), dst = operand(count, 2, at_end);
      const std::vector<int64_t> perm = {0, 2, 1};
      ThreadPool pool(2);
      permute(tier, dims, perm, 4, src.data(), dst.data(), pool);
      permute(tier, std::vector<int64_t>{dims[0], dims[1], dims[2] / 2}, perm, 8, src.data(),
              dst.data(), pool);
      return dst.values();
    });
  }
}

TEST(Bounds, Resizes) {
  for (int64_t channels : {1, 3, 20}) {
    both_ways([&](Tier tier, bool at_end) {
      std::vector<int32_t> index;
      index.reserve(2 * 19);
      for (int32_t i = 0; i < 2 * 19; ++i) index.push_back(i * 5 % 7);
      const Guarded<int32_t> indices(index, at_end);
      const Floats weights = operand(2 * 19, 1, at_end);
      const Floats src = operand(7 * 7 * channels, 2, at_end);
      const Floats dst = operand(19 * 19 * channels, 3, at_end);
      const ResizeAxis axis{7, 19, 2, indices.data(), weights.data()};
      const ResizeArgs args{1, channels, axis, axis, src.data(), dst.data()};
      ThreadPool pool(2);
      const auto workspace = space(resize_workspace_bytes(tier, args, 2), at_end);
      resize(tier, args, workspace.data(), pool);
      return dst.values();
    });
  }
}

TEST(Bounds, Integers) {
  for (int64_t n : {1, 9, 37}) {
    for (int64_t k : {1, 6, 33}) {
      both_ways([&](Tier tier, bool at_end) {
        constexpr int64_t kRows = 13;
        const Guarded<uint8_t> a(std::vector<uint8_t>(static_cast<size_t>(kRows * k), 200), at_end);
        const Guarded<uint8_t> b(std::vector<uint8_t>(static_cast<size_t>(k * n), 100), at_end);
        const Guarded<int32_t> c(std::vector<int32_t>(static_cast<size_t>(kRows * n)), at_end);
        const auto packed = space(packed_s8_bytes(tier, n, 1, k), at_end);
        ThreadPool pool(2);
        PlacesS8 places;
        places.step = n;
        places.col_step = 1;
        pack_b_s8(tier, {b.data(), false}, places, n, 1, k, packed.data(), &pool);
        GemmS8Args args;
        args.m = kRows;
        args.a = {a.data(), true};
        args.lda = k;
        args.b = packed_s8(tier, packed.data(), n, 1, k);
        args.output.dst = c.data();
        args.output.ld = n;
        const auto workspace = space(gemm_s8_workspace_bytes(tier, kRows, n, k, 2), at_end);
        gemm_s8(tier, args, workspace.data(), &pool);
        return c.values();
      });
    }
  }
}

TEST(Bounds, ByteConvolutions) {
  for (int64_t channels : {3, 16, 21}) {
    for (const bool depthwise : {false, true}) {
      both_ways([&](Tier tier, bool at_end) {
        const ConvShape shape{.in = {1, 4, 7},
                              .out = {1, 4, 7},
                              .kernel = {1, 3, 3},
                              .pad = {0, 1, 1},
                              .groups = depthwise ? channels : 1,
                              .in_channels = channels,
                              .out_channels = channels};
        const auto bytes = [&](int64_t count) {
          return Guarded<uint8_t>(std::vector<uint8_t>(static_cast<size_t>(count), 200), at_end);
        };
        const auto x = bytes(28 * channels);
        const auto w = bytes(9 * channels * channels / shape.groups);
        const auto y = bytes(28 * channels);
        const auto packed = space(conv_s8_packed_bytes(tier, shape), at_end);
        const auto workspace = space(conv_s8_workspace_bytes(tier, shape, 2), at_end);
        ThreadPool pool(2);
        conv_s8_pack(tier, shape, {w.data(), true}, packed.data(), pool);
        std::vector<float> scales(static_cast<size_t>(conv_s8_columns(tier, shape)), 1e-4f);
        ConvS8Args args;
        args.src = {x.data(), false};
        args.packed = packed.data();
        args.output.result = ResultS8::kUint8;
        args.output.scale = scales.data();
        args.output.zero = 128;
        args.output.dst = y.data();
        saturate_s8(args.output);
        conv_s8(tier, shape, args, workspace.data(), pool);
        return y.values();
      });
    }
  }
}

}  // namespace
}  // namespace sardonyx
