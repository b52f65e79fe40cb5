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

// Output lines of one class, those with one remainder by the strides: each has pixels of each phase
// along the line.
struct LineClass {
  int64_t z = 0, y = 0;           // the remainders
  int64_t depth = 0, height = 0;  // lines of an item
  LineClass(const ConvShape& s, int64_t index)
      : z(index / s.stride[1]),
        y(index % s.stride[1]),
        depth(divide_up(s.out[0] - z, s.stride[0])),
        height(divide_up(s.out[1] - y, s.stride[1])) {}

  struct Line {
    int64_t item = 0, z = 0, y = 0;
    int64_t pixel(const ConvShape& s) const {
      return ((item * s.out[0] + z) * s.out[1] + y) * s.out[2];
    }
  };
  int64_t lines(const ConvShape& s) const { return s.batch * depth * height; }
  Line line(const ConvShape& s, int64_t index) const {
    return {index / height / depth, z + index / height % depth * s.stride[0],
            y + index % height * s.stride[1]};
  }
};

// The pixels of one phase and group in some lines of a class. The division above truncates towards
// zero, but it is exact: the tap is one of the phase's.
template <class T>
struct PhasePixels {
  const ConvShape& shape;
  const LineClass& lines;
  const T* src = nullptr;  // at the first channel of the group
  Phase phase = {};
  int64_t first_line = 0;
  int64_t per_line = 0;  // pixels
};

template <class T>
void fill_phase(const void* opaque, int64_t row, int64_t rows, int64_t segment, int64_t segments,
                int64_t offset, const T** out) {
  const auto& pixels = *static_cast<const PhasePixels<T>*>(opaque);
  const ConvShape& s = pixels.shape;
  const int64_t taps_y = phase_taps(s, 1, pixels.phase[1]);
  const int64_t taps_x = phase_taps(s, 2, pixels.phase[2]);
  const int64_t ld = s.src_stride();
  for (int64_t i = 0; i < segments; ++i, out += rows) {
    const int64_t tap = segment + i;
    const int64_t kz = phase_tap(s, 0, pixels.phase[0], tap / taps_x / taps_y);
    const int64_t ky = phase_tap(s, 1, pixels.phase[1], tap / taps_x % taps_y);
    const int64_t kx = phase_tap(s, 2, pixels.phase[2], tap % taps_x);
    const int64_t first_x = input_position(s, 2, pixels.phase[2], kx);
    for (int64_t r = 0; r < rows;) {
      const int64_t line = (row + r) / pixels.per_line, pixel = (row + r) % pixels.per_line;
      const LineClass::Line at = pixels.lines.line(s, pixels.first_line + line);
      const int64_t z = input_position(s, 0, at.z, kz);
      const int64_t y = input_position(s, 1, at.y, ky);
      const bool outside = z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1];
      const T* from = pixels.src + ((at.item * s.in[0] + z) * s.in[1] + y) * s.in[2] * ld + offset;
      const int64_t count = std::min(pixels.per_line - pixel, rows - r);
      for (int64_t n = 0; n < count; ++n, ++r) {
        const int64_t x = first_x + pixel + n;
        out[r] = outside || x < 0 || x >= s.in[2] ? kZeros<T> : from + x * ld;
      }
    }
  }
}

// Lines of a class at once: where they are short, some for a block of rows, whose results wait in
// memory of the task until they are spread over their lines.
struct Cut {
  int64_t lines = 1;    // per block
  int64_t blocks = 0;   // of a class
  int64_t waiting = 0;  // elements of a block

  Cut(const ConvShape& s, int threads) {
    constexpr int64_t kShortLine = 48, kRows = 96;
    const int64_t pixels = divide_up(s.out[2], s.stride[2]);
    const int64_t all = LineClass(s, 0).lines(s);
    if (pixels < kShortLine) lines = std::min(divide_up(kRows, pixels), all);
    const int64_t classes = s.stride[0] * s.stride[1] * s.groups;
    while (lines > 1 && threads > 1 && classes * divide_up(all, lines) < 2 * threads) {
      lines = divide_up(lines, 2);
    }
    blocks = divide_up(all, lines);
    if (lines > 1) waiting = divide_up(lines * pixels * s.out_channels / s.groups, 16) * 16;
  }
};

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
size_t conv_transpose_workspace_bytes(const ConvShape& s, int threads) {
  const Cut cut(s, threads);
  const int64_t tasks = s.stride[0] * s.stride[1] * s.groups * cut.blocks;
  return static_cast<size_t>(tasks * cut.waiting) * sizeof(T);
}

namespace {

// Lines [line, line_end) of a class, of one group.
template <class T>
class Lines {
 public:
  Lines(const GemmKernels<T>& kernels, const ConvShape& shape, const LineClass& lines,
        const Epilogue<T>& epilogue, int64_t group, T* dst)
      : kernels_(kernels),
        s_(shape),
        class_(lines),
        epilogue_(epilogue),
        group_(group),
        cols_(shape.out_channels / shape.groups),
        dst_(dst + group * cols_) {
    epilogue_.fn = nullptr;
    if (epilogue_.bias != nullptr) epilogue_.bias += group * cols_;
    if (epilogue_.residual != nullptr) epilogue_.residual += group * cols_;
  }

  // Phase x of the lines; weights are those of the phase and group. waiting: memory for the
  // results.
  void run_phase(int64_t x, int64_t line, int64_t line_end, const T* src, const T* weights,
                 T* waiting) {
    const PhasePixels<T> pixels{s_,
                                class_,
                                src + group_ * (s_.in_channels / s_.groups),
                                {class_.z, class_.y, x},
                                line,
                                divide_up(s_.out[2] - x, s_.stride[2])};
    BlockArgs<T> args;
    args.n = cols_;
    args.segments = taps_of(s_, pixels.phase);
    args.depth = s_.in_channels / s_.groups;
    args.fill_rows = fill_phase<T>;
    args.source = &pixels;
    args.zeros = kZeros<T>;
    // By what does not depend on the threads.
    args.split = pays_to_split(kernels_, class_.lines(s_) * pixels.per_line, cols_,
                               args.segments * args.depth);
    args.packed_b = weights;
    args.col0 = group_ * cols_;
    args.epilogue = epilogue_;
    if (line_end - line > 1 && epilogue_.residual == nullptr) {
      args.c = waiting;
      args.ldc = cols_;
      multiply(args, (line_end - line) * pixels.per_line);
      for (int64_t i = line; i < line_end; ++i) spread(pixels, i, waiting);
      return;
    }
    args.ldc = s_.stride[2] * s_.dst_stride();
    args.epilogue.residual_ld *= s_.stride[2];
    PhasePixels<T> one = pixels;
    args.source = &one;
    for (; one.first_line < line_end; ++one.first_line) {
      const int64_t pixel = class_.line(s_, one.first_line).pixel(s_) + x;
      args.c = dst_ + pixel * s_.dst_stride();
      if (epilogue_.residual != nullptr) {
        args.epilogue.residual = epilogue_.residual + pixel * epilogue_.residual_ld;
      }
      multiply(args, pixels.per_line);
    }
  }

 private:
  void multiply(const BlockArgs<T>& args, int64_t rows) const {
    gemm_blocks(kernels_, args, 0, rows, 0, divide_up(cols_, kernels_.panel_cols));
  }

  // The results of a line to their places.
  void spread(const PhasePixels<T>& pixels, int64_t line, const T* waiting) const {
    const T* from = waiting + (line - pixels.first_line) * pixels.per_line * cols_;
    T* to = dst_ + (class_.line(s_, line).pixel(s_) + pixels.phase[2]) * s_.dst_stride();
    for (int64_t p = 0; p < pixels.per_line; ++p, from += cols_) {
      std::copy_n(from, cols_, to + p * s_.stride[2] * s_.dst_stride());
    }
  }

  const GemmKernels<T>& kernels_;
  const ConvShape& s_;
  const LineClass& class_;
  Epilogue<T> epilogue_;
  int64_t group_, cols_;
  T* dst_;  // at the first channel of the group
};

}  // namespace

template <class T>
void conv_transpose(const GemmKernels<T>& kernels, const ConvShape& s, const T* src,
                    const T* packed, const Epilogue<T>& epilogue, T* dst, void* workspace,
                    ThreadPool& pool) {
  const Cut cut(s, pool.threads());
  const int64_t cols = s.out_channels / s.groups;
  pool.parallel_for(s.stride[0] * s.stride[1] * s.groups * cut.blocks, [&](int64_t task) {
    const LineClass lines(s, task / cut.blocks / s.groups);
    const int64_t group = task / cut.blocks % s.groups;
    const int64_t line = task % cut.blocks * cut.lines;
    const int64_t line_end = std::min(line + cut.lines, lines.lines(s));
    if (line >= line_end) return;
    Lines<T> work(kernels, s, lines, epilogue, group, dst);
    T* waiting = static_cast<T*>(workspace) + task * cut.waiting;
    const T* weights = packed;
    for (int64_t i = 0; i < phase_count(s); ++i) {
      const Phase phase = phase_at(s, i);
      const int64_t of_group = phase_packed(kernels, s, phase);
      if (phase[0] == lines.z && phase[1] == lines.y && phase[2] < s.out[2]) {
        work.run_phase(phase[2], line, line_end, src, weights + group * of_group, waiting);
      }
      weights += s.groups * of_group;
    }
    // A callback wants whole pixels side by side: lines at once, when all their phases are done.
    if (epilogue.fn == nullptr) return;
    for (int64_t i = line; i < line_end; ++i) {
      const int64_t pixel = lines.line(s, i).pixel(s);
      epilogue.fn(epilogue.context, dst + pixel * s.dst_stride() + group * cols, s.dst_stride(),
                  s.out[2], cols, pixel, group * cols);
    }
  });
}

#define SARDONYX_CONV_TRANSPOSE(T)                                                          \
  template int64_t conv_transpose_packed_count(const GemmKernels<T>&, const ConvShape&);    \
  template void conv_transpose_pack(const GemmKernels<T>&, const ConvShape&, const T*, T*,  \
                                    ThreadPool&);                                           \
  template size_t conv_transpose_workspace_bytes<T>(const ConvShape&, int);                 \
  template void conv_transpose(const GemmKernels<T>&, const ConvShape&, const T*, const T*, \
                               const Epilogue<T>&, T*, void*, ThreadPool&);
SARDONYX_CONV_TRANSPOSE(float)
SARDONYX_CONV_TRANSPOSE(double)
#undef SARDONYX_CONV_TRANSPOSE

}  // namespace sardonyx
