// The convolution with joined pixels is a plain one: kernel, stride and channels along the line are
// those of the joined ones. Lines whose pixels do not divide are written aside and copied.
#include "cpu/band_conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

ConvShape joined(int64_t pixels, const ConvShape& s) {
  ConvShape j = s;
  j.kernel[2] = s.kernel[2] + (pixels - 1) * s.stride[2];
  j.stride[2] = s.stride[2] * pixels;
  j.out[2] = divide_up(s.out[2], pixels);
  j.out_channels = s.out_channels * pixels;
  j.dst_ld = 0;
  return j;
}

int64_t lines_of(const ConvShape& s) { return s.batch * s.out[0] * s.out[1]; }

// Where the parts of the workspace begin, in elements.
struct Layout {
  bool aside = false;  // lines are written to `lines` first
  int64_t bias = 0, lines = 0, conv = 0;
};
Layout layout_of(int64_t pixels, const ConvShape& s) {
  constexpr int64_t kAlign = 16;
  const ConvShape j = joined(pixels, s);
  Layout layout;
  layout.aside = s.out[2] % pixels != 0;
  layout.lines = round_up(j.out_channels, kAlign);
  layout.conv = layout.lines;
  if (layout.aside) layout.conv += round_up(lines_of(s) * j.out[2] * j.out_channels, kAlign);
  return layout;
}

template <class Fn>
void for_lines(const ConvShape& s, ThreadPool& pool, Fn&& fn) {
  const int64_t lines = lines_of(s);
  const int64_t tasks = choose_tasks(lines, static_cast<double>(s.out[2]), pool.threads());
  pool.parallel_for(tasks, [&](int64_t task) {
    const int64_t end = lines * (task + 1) / tasks;
    for (int64_t line = lines * task / tasks; line < end; ++line) fn(line);
  });
}

}  // namespace

int64_t band_pixels(const GemmKernels<float>& kernels, const ConvShape& s) {
  const int64_t lanes = kernels.lanes;
  const bool dense = s.dst_stride() == s.out_channels;
  if (s.groups != 1 || s.dilation[2] != 1 || !dense || s.out_channels >= lanes) return 0;
  // Multiply-adds per output pixel, zeros and empty lanes counted, and what it takes to write rows
  // that fill no vector; a product of one vector of columns runs at about two thirds of the speed
  // of two.
  constexpr double kRaggedRow = 650;
  const auto lines = static_cast<double>(s.in_channels * s.kernel[0] * s.kernel[1]);
  const auto work = [&](int64_t pixels) {
    const int64_t columns = round_up(s.out_channels * pixels, lanes);
    const auto taps = static_cast<double>(s.kernel[2] + (pixels - 1) * s.stride[2]);
    const double speed = columns > lanes ? 1 : 0.67;
    const double ragged = columns != s.out_channels * pixels ? kRaggedRow : 0;
    const double row = lines * taps * static_cast<double>(columns) / speed + ragged;
    return row / static_cast<double>(pixels);
  };
  int64_t best = 0;
  double least = 0.6 * work(1);
  for (int64_t pixels = 2; pixels * s.out_channels <= 2 * kernels.panel_cols; pixels *= 2) {
    const int64_t row = (s.kernel[2] + (pixels - 1) * s.stride[2]) * s.in_channels;
    if (pixels > s.out[2] || row > kMaxChunkDepth / 2 || work(pixels) >= least) continue;
    best = pixels;
    least = work(pixels);
  }
  return best;
}

int64_t band_conv_packed_count(const GemmKernels<float>& kernels, int64_t pixels,
                               const ConvShape& shape) {
  return conv_packed_count(kernels, joined(pixels, shape));
}

void band_conv_pack(const GemmKernels<float>& kernels, int64_t pixels, const ConvShape& s,
                    const float* weights, float* packed, ThreadPool& pool) {
  const ConvShape j = joined(pixels, s);
  const int64_t rows = s.in_channels * s.kernel[0] * s.kernel[1];
  std::vector<float> band(static_cast<size_t>(j.out_channels * rows * j.kernel[2]), 0.0f);
  for (int64_t pixel = 0; pixel < pixels; ++pixel) {
    for (int64_t row = 0; row < s.out_channels * rows; ++row) {
      const float* from = weights + row * s.kernel[2];
      float* to = band.data() + (pixel * s.out_channels * rows + row) * j.kernel[2];
      std::copy_n(from, s.kernel[2], to + pixel * s.stride[2]);
    }
  }
  conv_pack(kernels, j, band.data(), packed, pool);
}

size_t band_conv_workspace_bytes(const GemmKernels<float>& kernels, int64_t pixels,
                                 const ConvShape& shape, int threads) {
  return static_cast<size_t>(layout_of(pixels, shape).conv) * sizeof(float) +
         conv_workspace_bytes(kernels, joined(pixels, shape), threads);
}

void band_conv(const GemmKernels<float>& kernels, int64_t pixels, const ConvShape& s,
               const float* src, const float* packed, const Epilogue<float>& epilogue, float* dst,
               void* workspace, ThreadPool& pool) {
  const ConvShape j = joined(pixels, s);
  const Layout layout = layout_of(pixels, s);
  float* space = static_cast<float*>(workspace);
  float* lines = layout.aside ? space + layout.lines : dst;
  Epilogue<float> own = epilogue;
  own.fn = nullptr;
  if (epilogue.bias != nullptr) {
    for (int64_t i = 0; i < j.out_channels; ++i) space[i] = epilogue.bias[i % s.out_channels];
    own.bias = space;
  }
  if (layout.aside) {
    own.residual = nullptr;
    own.activation = Activation::kNone;
  } else {
    own.residual_ld = j.out_channels;  // whole lines of it lie as those of the output do
  }
  conv(kernels, j, src, packed, own, lines, space + layout.conv, pool);
  const int64_t columns = s.out[2] * s.out_channels;
  if (layout.aside) {
    for_lines(s, pool, [&](int64_t line) {
      const int64_t at = line * columns;
      float* from = lines + line * j.out[2] * j.out_channels;
      const float* residual = epilogue.residual == nullptr ? nullptr : epilogue.residual + at;
      if (residual != nullptr && !epilogue.residual_after) {
        for (int64_t i = 0; i < columns; ++i) from[i] += residual[i];
        residual = nullptr;
      }
      kernels.activate(epilogue.activation, epilogue.p0, epilogue.p1, from, columns, residual,
                       columns, dst + at, columns, 1, columns);
    });
  }
  if (epilogue.fn == nullptr) return;
  for_lines(s, pool, [&](int64_t line) {
    epilogue.fn(epilogue.context, dst + line * columns, s.out_channels, s.out[2], s.out_channels,
                line * s.out[2], 0);
  });
}

}  // namespace sardonyx
