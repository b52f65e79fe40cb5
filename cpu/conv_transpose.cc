#include "cpu/conv_transpose.h"

#include <algorithm>
#include <array>

#include "cpu/zeros.h"

namespace sardonyx {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t remainder(int64_t a, int64_t b) { return ((a % b) + b) % b; }

// Along one axis: whether tap k reaches outputs of this phase, phase = output % stride.
bool tap_in_phase(const ConvShape& s, int axis, int64_t phase, int64_t k) {
  return remainder(phase + s.pad[axis] - k * s.dilation[axis], s.stride[axis]) == 0;
}

int64_t phase_taps(const ConvShape& s, int axis, int64_t phase) {
  int64_t taps = 0;
  for (int64_t k = 0; k < s.kernel[axis]; ++k) taps += tap_in_phase(s, axis, phase, k);
  return taps;
}

// Tap number n of those of a phase.
int64_t phase_tap(const ConvShape& s, int axis, int64_t phase, int64_t n) {
  int64_t k = 0;
  while (!tap_in_phase(s, axis, phase, k) || n-- > 0) ++k;
  return k;
}

using Phase = std::array<int64_t, 3>;

Phase phase_at(const ConvShape& s, int64_t index) {
  return {index / s.stride[2] / s.stride[1], index / s.stride[2] % s.stride[1],
          index % s.stride[2]};
}
int64_t phase_count(const ConvShape& s) { return s.stride[0] * s.stride[1] * s.stride[2]; }
int64_t taps_of(const ConvShape& s, const Phase& phase) {
  return phase_taps(s, 0, phase[0]) * phase_taps(s, 1, phase[1]) * phase_taps(s, 2, phase[2]);
}

// Packed elements of one phase of one group.
template <class T>
int64_t phase_packed(const GemmKernels<T>& kernels, const ConvShape& s, const Phase& phase) {
  return packed_b_count(kernels, taps_of(s, phase) * s.in_channels / s.groups,
                        s.out_channels / s.groups);
}

// The input position under tap k of output position `out` of the tap's phase.
int64_t input_position(const ConvShape& s, int axis, int64_t out, int64_t k) {
  return (out + s.pad[axis] - k * s.dilation[axis]) / s.stride[axis];
}

// One line of output pixels of one phase and group. The division above truncates towards zero, but
// it is exact: the tap is one of the phase's.
template <class T>
struct PhaseLine {
  const ConvShape* shape = nullptr;
  const T* src = nullptr;  // of the item, at the first channel of the group
  Phase phase = {};
  int64_t z = 0, y = 0;  // of the output line
};

template <class T>
void fill_phase(const void* opaque, int64_t row, int64_t rows, int64_t segment, int64_t segments,
                int64_t offset, const T** out) {
  const auto& line = *static_cast<const PhaseLine<T>*>(opaque);
  const ConvShape& s = *line.shape;
  const int64_t taps_y = phase_taps(s, 1, line.phase[1]);
  const int64_t taps_x = phase_taps(s, 2, line.phase[2]);
  const int64_t ld = s.src_stride();
  for (int64_t i = 0; i < segments; ++i, out += rows) {
    const int64_t tap = segment + i;
    const int64_t kz = phase_tap(s, 0, line.phase[0], tap / taps_x / taps_y);
    const int64_t ky = phase_tap(s, 1, line.phase[1], tap / taps_x % taps_y);
    const int64_t kx = phase_tap(s, 2, line.phase[2], tap % taps_x);
    const int64_t z = input_position(s, 0, line.z, kz);
    const int64_t y = input_position(s, 1, line.y, ky);
    const int64_t x = input_position(s, 2, line.phase[2], kx) + row;
    const bool outside = z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1];
    const T* from = line.src + ((z * s.in[1] + y) * s.in[2] + x) * ld + offset;
    for (int64_t r = 0; r < rows; ++r) {
      const bool zero = outside || x + r < 0 || x + r >= s.in[2];
      out[r] = zero ? kZeros<T> : from + r * ld;
    }
  }
}

template <class T>
void pack_phase(const GemmKernels<T>& kernels, const ConvShape& s, const Phase& phase,
                int64_t group, const T* weights, T* packed) {
  const int64_t channels = s.in_channels / s.groups;
  const int64_t cols = s.out_channels / s.groups;
  const int64_t taps = taps_of(s, phase);
  const int64_t taps_y = phase_taps(s, 1, phase[1]);
  const int64_t taps_x = phase_taps(s, 2, phase[2]);
  const int64_t k = taps * channels;
  for (int64_t col = 0; col < cols; col += kernels.panel_cols) {
    const int64_t used = std::min<int64_t>(kernels.panel_cols, cols - col);
    const int64_t width = divide_up(used, kernels.lanes) * kernels.lanes;
    T* dst = packed + col * k;
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t kz = phase_tap(s, 0, phase[0], tap / taps_x / taps_y);
      const int64_t ky = phase_tap(s, 1, phase[1], tap / taps_x % taps_y);
      const int64_t kx = phase_tap(s, 2, phase[2], tap % taps_x);
      const int64_t at = (kz * s.kernel[1] + ky) * s.kernel[2] + kx;
      for (int64_t c = 0; c < channels; ++c, dst += width) {
        const T* from = weights + ((group * channels + c) * cols + col) * s.taps() + at;
        for (int64_t i = 0; i < width; ++i) dst[i] = i < used ? from[i * s.taps()] : T(0);
      }
    }
  }
}

}  // namespace

template <class T>
int64_t conv_transpose_packed_count(const GemmKernels<T>& kernels, const ConvShape& shape) {
  int64_t count = 0;
  for (int64_t i = 0; i < phase_count(shape); ++i) {
    count += shape.groups * phase_packed(kernels, shape, phase_at(shape, i));
  }
  return count;
}

template <class T>
void conv_transpose_pack(const GemmKernels<T>& kernels, const ConvShape& shape, const T* weights,
                         T* packed, ThreadPool& pool) {
  pool.parallel_for(phase_count(shape) * shape.groups, [&](int64_t task) {
    const int64_t index = task / shape.groups;
    const int64_t group = task % shape.groups;
    T* dst = packed;
    for (int64_t i = 0; i < index; ++i) {
      dst += shape.groups * phase_packed(kernels, shape, phase_at(shape, i));
    }
    const Phase phase = phase_at(shape, index);
    dst += group * phase_packed(kernels, shape, phase);
    pack_phase(kernels, shape, phase, group, weights, dst);
  });
}

template <class T>
void conv_transpose(const GemmKernels<T>& kernels, const ConvShape& shape, const T* src,
                    const T* packed, const Epilogue<T>& epilogue, T* dst, ThreadPool& pool) {
  const ConvShape& s = shape;
  const int64_t cols = s.out_channels / s.groups;
  const int64_t panels = divide_up(cols, kernels.panel_cols);
  const int64_t lines = s.batch * s.out[0] * s.out[1];
  pool.parallel_for(lines * s.groups, [&](int64_t task) {
    const int64_t group = task % s.groups;
    const int64_t line = task / s.groups;
    PhaseLine<T> source;
    source.shape = &s;
    source.z = line / s.out[1] % s.out[0];
    source.y = line % s.out[1];
    const int64_t item = line / s.out[1] / s.out[0];
    source.src = src + item * s.in_pixels() * s.src_stride() + group * (s.in_channels / s.groups);
    const T* weights = packed;
    for (int64_t i = 0; i < phase_count(s); ++i) {
      const Phase phase = phase_at(s, i);
      const int64_t phase_count_packed = phase_packed(kernels, s, phase);
      const bool here = phase[0] == source.z % s.stride[0] && phase[1] == source.y % s.stride[1];
      if (here && phase[2] < s.out[2]) {
        source.phase = phase;
        const int64_t pixel = line * s.out[2] + phase[2];
        const int64_t pixels = divide_up(s.out[2] - phase[2], s.stride[2]);
        BlockArgs<T> args;
        args.n = cols;
        args.segments = taps_of(s, phase);
        args.depth = s.in_channels / s.groups;
        args.fill_rows = fill_phase<T>;
        args.source = &source;
        args.split = pays_to_split(kernels, pixels, cols, args.segments * args.depth);
        args.packed_b = weights + group * phase_count_packed;
        args.col0 = group * cols;
        args.ldc = s.stride[2] * s.dst_stride();
        args.c = dst + pixel * s.dst_stride() + args.col0;
        args.epilogue = epilogue;
        args.epilogue.fn = nullptr;
        if (epilogue.bias != nullptr) args.epilogue.bias += args.col0;
        if (epilogue.residual != nullptr) {
          args.epilogue.residual += pixel * epilogue.residual_ld + args.col0;
          args.epilogue.residual_ld *= s.stride[2];
        }
        gemm_blocks(kernels, args, 0, pixels, 0, panels);
      }
      weights += s.groups * phase_count_packed;
    }
    // A callback wants whole pixels side by side: a line at once, when all its phases are done.
    if (epilogue.fn != nullptr) {
      T* c = dst + line * s.out[2] * s.dst_stride() + group * cols;
      epilogue.fn(epilogue.context, c, s.dst_stride(), s.out[2], cols, line * s.out[2],
                  group * cols);
    }
  });
}

#define SARDONYX_CONV_TRANSPOSE(T)                                                          \
  template int64_t conv_transpose_packed_count(const GemmKernels<T>&, const ConvShape&);    \
  template void conv_transpose_pack(const GemmKernels<T>&, const ConvShape&, const T*, T*,  \
                                    ThreadPool&);                                           \
  template void conv_transpose(const GemmKernels<T>&, const ConvShape&, const T*, const T*, \
                               const Epilogue<T>&, T*, ThreadPool&);
SARDONYX_CONV_TRANSPOSE(float)
SARDONYX_CONV_TRANSPOSE(double)
#undef SARDONYX_CONV_TRANSPOSE

}  // namespace sardonyx
