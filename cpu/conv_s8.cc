// Three ways to see a convolution as rows: pixels as they lie (1x1), a segment per tap given by
// pointers, and, where pixels do not end on a multiple of 4, rows copied together.
#include "cpu/conv_s8.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "cpu/depthwise_s8.h"

namespace sardonyx {
namespace {

constexpr int64_t kMostTaps = 256;  // that are given by pointers

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
size_t aligned(int64_t bytes) { return static_cast<size_t>(divide_up(bytes, 64) * 64); }

struct ViewS8 {
  bool copied = false;
  int64_t channels = 0, cols = 0;  // of a group
  int64_t segments = 0, depth = 0;
  int64_t row_scratch = 0;
};

ViewS8 view_of(const ConvShape& s) {
  ViewS8 view;
  view.channels = s.in_channels / s.groups;
  view.cols = s.out_channels / s.groups;
  view.copied = view.channels % 4 != 0 || s.taps() > kMostTaps;
  view.segments = view.copied ? 1 : s.taps();
  view.depth = view.copied ? s.taps() * view.channels : view.channels;
  if (view.copied) view.row_scratch = divide_up(view.depth, 4) * 4;
  return view;
}

// How many groups that follow one another are multiplied as one, with weights that count for
// nothing between them: so that they fill a panel, which takes as long for one.
int64_t joined_groups(Tier tier, const ConvShape& s) {
  if (s.groups == 1) return 1;
  constexpr int64_t kMostChannels = 64;
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  const int64_t panel = gemm_s8_kernels(tier).panel_cols;
  int64_t joined = 1;
  for (int64_t n = 2; n <= s.groups && n * out <= panel && n * in <= kMostChannels; ++n) {
    if (s.groups % n == 0) joined = n;
  }
  return joined;
}

ConvShape with_joined_groups(Tier tier, ConvShape s) {
  s.groups /= joined_groups(tier, s);
  return s;
}

// Weights of `joined` groups as of one.
std::vector<uint8_t> join_weights(const ConvShape& s, int64_t joined, const BytesMatrix& weights) {
  const int64_t channels = s.in_channels / s.groups, taps = s.taps();
  const int64_t of_group = s.out_channels / s.groups, own = channels * taps;
  const auto* from = static_cast<const uint8_t*>(weights.data);
  std::vector<uint8_t> to(static_cast<size_t>(s.out_channels * joined * own));
  for (int64_t col = 0; col < s.out_channels; ++col, from += own) {
    const auto nothing = static_cast<uint8_t>(weights.zero_point(col));
    uint8_t* line = to.data() + col * joined * own;
    std::fill_n(line, joined * own, nothing);
    std::copy_n(from, own, line + col / of_group % joined * own);
  }
  return to;
}

// Whether output pixels are input pixels.
bool is_dense(const ConvShape& s) {
  constexpr std::array<int64_t, 3> kOnes = {1, 1, 1}, kZeros = {0, 0, 0};
  return s.taps() == 1 && s.stride == kOnes && s.pad == kZeros && s.in == s.out;
}

struct SourceS8 {
  const ConvShape& shape;
  const uint8_t* src;   // at the first channel of the group
  const uint8_t* pads;  // a pixel in the padding, one group of it
  int64_t channels;
};

// Output pixels that follow one another on a line, and the input position under tap 0 of the first.
struct OutputRun {
  int64_t count, item, z, y, x;
};
OutputRun run_at(const ConvShape& s, int64_t pixel, int64_t most) {
  const int64_t x = pixel % s.out[2], line = pixel / s.out[2];
  return {std::min(s.out[2] - x, most), line / s.out[1] / s.out[0],
          line / s.out[1] % s.out[0] * s.stride[0] - s.pad[0],
          line % s.out[1] * s.stride[1] - s.pad[1], x * s.stride[2] - s.pad[2]};
}

// The input line at (z, y), or null in the padding.
const uint8_t* line_at(const SourceS8& source, int64_t item, int64_t z, int64_t y) {
  const ConvShape& s = source.shape;
  if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1]) return nullptr;
  return source.src + ((item * s.in[0] + z) * s.in[1] + y) * s.in[2] * s.src_stride();
}

// Pixel by pixel where a segment is one.
void point_at_pixels(const void* opaque, int64_t row, int64_t rows, const uint8_t** out, uint8_t*) {
  const auto& source = *static_cast<const SourceS8*>(opaque);
  const int64_t ld = source.shape.src_stride();
  for (int64_t r = 0; r < rows; ++r) out[r] = source.src + (row + r) * ld;
}

// Tap by tap for output pixels that follow one another on a line.
void point_at_taps(const void* opaque, int64_t row, int64_t rows, const uint8_t** out, uint8_t*) {
  const auto& source = *static_cast<const SourceS8*>(opaque);
  const ConvShape& s = source.shape;
  const int64_t ld = s.src_stride(), step = s.stride[2] * ld;
  for (int64_t done = 0; done < rows;) {
    const OutputRun run = run_at(s, row + done, rows - done);
    const int64_t count = run.count;
    const uint8_t** to = out + done;
    for (int64_t kz = 0; kz < s.kernel[0]; ++kz) {
      for (int64_t ky = 0; ky < s.kernel[1]; ++ky) {
        const uint8_t* line =
            line_at(source, run.item, run.z + kz * s.dilation[0], run.y + ky * s.dilation[1]);
        for (int64_t kx = 0; kx < s.kernel[2]; ++kx, to += rows) {
          int64_t at = run.x + kx * s.dilation[2];
          if (line == nullptr) {
            std::fill(to, to + count, source.pads);
          } else if (at >= 0 && at + (count - 1) * s.stride[2] < s.in[2]) {
            const uint8_t* from = line + at * ld;
            for (int64_t i = 0; i < count; ++i, from += step) to[i] = from;
          } else {
            for (int64_t i = 0; i < count; ++i, at += s.stride[2]) {
              to[i] = at < 0 || at >= s.in[2] ? source.pads : line + at * ld;
            }
          }
        }
      }
    }
    done += count;
  }
}

// Short runs of bytes, without the call that memcpy becomes.
void copy_short(const uint8_t* src, uint8_t* dst, size_t count) {
  if (count > 32) {
    std::memcpy(dst, src, count);
  } else if (count >= 16) {
    std::memcpy(dst, src, 16);
    std::memcpy(dst + count - 16, src + count - 16, 16);
  } else if (count >= 8) {
    std::memcpy(dst, src, 8);
    std::memcpy(dst + count - 8, src + count - 8, 8);
  } else {
    for (size_t i = 0; i < count; ++i) dst[i] = src[i];
  }
}

// `bytes` bytes for each of `count` pixels.
void copy_rows(const uint8_t* src, int64_t step, uint8_t* dst, int64_t dst_step, int64_t count,
               size_t bytes) {
  if (bytes >= 16 && bytes <= 32) {
    for (int64_t i = 0; i < count; ++i, src += step, dst += dst_step) {
      std::memcpy(dst, src, 16);
      std::memcpy(dst + bytes - 16, src + bytes - 16, 16);
    }
  } else {
    for (int64_t i = 0; i < count; ++i, src += step, dst += dst_step) copy_short(src, dst, bytes);
  }
}

// One kernel row of one pixel, from input position x on.
void copy_kernel_row(const SourceS8& source, const uint8_t* line, int64_t x, uint8_t* dst) {
  const ConvShape& s = source.shape;
  const auto channels = static_cast<size_t>(source.channels);
  for (int64_t kx = 0; kx < s.kernel[2]; ++kx, x += s.dilation[2], dst += channels) {
    const bool outside = line == nullptr || x < 0 || x >= s.in[2];
    copy_short(outside ? source.pads : line + x * s.src_stride(), dst, channels);
  }
}

void copy_taps(const void* opaque, int64_t row, int64_t rows, const uint8_t** out,
               uint8_t* scratch) {
  const auto& source = *static_cast<const SourceS8*>(opaque);
  const ConvShape& s = source.shape;
  const ViewS8 view = view_of(s);
  for (int64_t r = 0; r < rows; ++r) {
    out[r] = scratch + r * view.row_scratch;
    std::fill(scratch + r * view.row_scratch + view.depth, scratch + (r + 1) * view.row_scratch,
              uint8_t{0});
  }
  const int64_t row_bytes = s.kernel[2] * source.channels;
  // Whether a kernel row lies together in the input, where it is inside.
  const bool together = s.dilation[2] == 1 && s.src_stride() == source.channels;
  for (int64_t done = 0; done < rows;) {
    const OutputRun run = run_at(s, row + done, rows - done);
    uint8_t* to = scratch + done * view.row_scratch;
    for (int64_t kz = 0; kz < s.kernel[0]; ++kz) {
      for (int64_t ky = 0; ky < s.kernel[1]; ++ky, to += row_bytes) {
        const uint8_t* line =
            line_at(source, run.item, run.z + kz * s.dilation[0], run.y + ky * s.dilation[1]);
        // Pixels [first, last) are those whose kernel row is inside.
        int64_t first = 0, last = 0;
        if (together && line != nullptr) {
          first = run.x < 0 ? std::min(divide_up(-run.x, s.stride[2]), run.count) : 0;
          const int64_t room = s.in[2] - s.kernel[2] - run.x;
          last = room < 0 ? first : std::clamp(room / s.stride[2] + 1, first, run.count);
          copy_rows(line + (run.x + first * s.stride[2]) * source.channels,
                    s.stride[2] * source.channels, to + first * view.row_scratch, view.row_scratch,
                    last - first, static_cast<size_t>(row_bytes));
        }
        const auto copy_one = [&](int64_t i) {
          copy_kernel_row(source, line, run.x + i * s.stride[2], to + i * view.row_scratch);
        };
        for (int64_t i = 0; i < first; ++i) copy_one(i);
        for (int64_t i = last; i < run.count; ++i) copy_one(i);
      }
    }
    done += run.count;
  }
}

struct ConvTasks {
  TaskGrid grid;  // of one group
  int64_t tasks = 0;
};
ConvTasks tasks_of(Tier tier, const ConvShape& s, const ViewS8& view, int threads) {
  const GemmS8Kernels& kernels = gemm_s8_kernels(tier, view.segments, view.depth);
  const int64_t cut = std::min<int64_t>(divide_up(2 * threads, s.groups), threads);
  ConvTasks tasks;
  tasks.grid = choose_grid({.rows = s.batch * s.out_pixels(),
                            .row_step = kernels.tile_rows,
                            .panels = divide_up(view.cols, kernels.panel_cols),
                            .panel_cols = kernels.panel_cols,
                            .k = view.segments * view.depth,
                            .speed = kSpeedS8},
                           static_cast<int>(cut));
  tasks.tasks = tasks.grid.tasks() * s.groups;
  return tasks;
}

}  // namespace

size_t conv_s8_packed_bytes(Tier tier, const ConvShape& given) {
  if (is_depthwise(given)) return depthwise_s8_packed_bytes(tier, given);
  const ConvShape shape = with_joined_groups(tier, given);
  const ViewS8 view = view_of(shape);
  return static_cast<size_t>(shape.groups) *
         packed_s8_bytes(tier, view.cols, view.segments, view.depth);
}

static void pack_groups(Tier tier, const ConvShape& shape, const BytesMatrix& weights, void* dst,
                        ThreadPool& pool) {
  const ViewS8 view = view_of(shape);
  const int64_t taps = shape.taps();
  PlacesS8 places;
  places.segment_step = 1;
  places.step = taps;
  places.col_step = taps * view.channels;
  if (view.copied) {
    places.inner = view.channels;
    places.outer_step = 1;
  }
  const size_t bytes = packed_s8_bytes(tier, view.cols, view.segments, view.depth);
  for (int64_t group = 0; group < shape.groups; ++group) {
    BytesMatrix part = weights;
    const int64_t first = group * view.cols;
    part.data = static_cast<const uint8_t*>(weights.data) + first * places.col_step;
    if (weights.zero_point_per_line) part.zero_points += first;
    pack_b_s8(tier, part, places, view.cols, view.segments, view.depth,
              static_cast<std::byte*>(dst) + static_cast<size_t>(group) * bytes, &pool);
  }
}

void conv_s8_pack(Tier tier, const ConvShape& given, const BytesMatrix& weights, void* dst,
                  ThreadPool& pool) {
  if (is_depthwise(given)) return depthwise_s8_pack(tier, given, weights, dst);
  const ConvShape shape = with_joined_groups(tier, given);
  if (shape.groups != given.groups) {
    const auto joined = join_weights(given, given.groups / shape.groups, weights);
    BytesMatrix matrix = weights;
    matrix.data = joined.data();
    return pack_groups(tier, shape, matrix, dst, pool);
  }
  pack_groups(tier, shape, weights, dst, pool);
}

int64_t conv_s8_columns(Tier tier, const ConvShape& given) {
  if (is_depthwise(given)) return padded_cols_s8(tier, given.out_channels);
  const ConvShape shape = with_joined_groups(tier, given);
  return shape.groups * padded_cols_s8(tier, shape.out_channels / shape.groups);
}

void conv_s8_spread(Tier tier, const ConvShape& shape, const float* per_channel, float* dst) {
  const int64_t groups = is_depthwise(shape) ? 1 : with_joined_groups(tier, shape).groups;
  const int64_t cols = shape.out_channels / groups;
  const int64_t padded = padded_cols_s8(tier, cols);
  for (int64_t group = 0; group < groups; ++group, dst += padded, per_channel += cols) {
    std::copy(per_channel, per_channel + cols, dst);
    std::fill(dst + cols, dst + padded, 0.0f);
  }
}

size_t conv_s8_workspace_bytes(Tier tier, const ConvShape& given, int threads) {
  if (is_depthwise(given)) return depthwise_s8_workspace_bytes(tier, given, threads);
  const ConvShape shape = with_joined_groups(tier, given);
  const ViewS8 view = view_of(shape);
  const ConvTasks tasks = tasks_of(tier, shape, view, threads);
  return aligned(view.channels) + aligned(4 * conv_s8_columns(tier, shape)) +
         static_cast<size_t>(tasks.tasks) *
             task_bytes_s8(tier, view.segments, view.depth, view.row_scratch);
}

void conv_s8(Tier tier, const ConvShape& given, const ConvS8Args& args, void* workspace,
             ThreadPool& pool) {
  if (is_depthwise(given)) return depthwise_s8(tier, given, args, workspace, pool);
  const ConvShape shape = with_joined_groups(tier, given);
  const ViewS8 view = view_of(shape);
  const ConvTasks tasks = tasks_of(tier, shape, view, pool.threads());
  const int64_t padded = padded_cols_s8(tier, view.cols);
  const size_t group_bytes = packed_s8_bytes(tier, view.cols, view.segments, view.depth);
  const auto packed_group = [&](int64_t group) {
    const void* at =
        static_cast<const std::byte*>(args.packed) + static_cast<size_t>(group) * group_bytes;
    return packed_s8(tier, at, view.cols, view.segments, view.depth);
  };
  auto* pads = static_cast<uint8_t*>(workspace);
  auto* add = reinterpret_cast<int32_t*>(pads + aligned(view.channels));
  auto* space = reinterpret_cast<std::byte*>(add) + aligned(4 * padded * shape.groups);
  std::fill(pads, pads + view.channels, static_cast<uint8_t>(args.src.zero_point(0)));
  for (int64_t group = 0; group < shape.groups; ++group) {
    const int32_t* bias = args.bias == nullptr ? nullptr : args.bias + group * view.cols;
    add_zero_point_s8(tier, packed_group(group), args.src.is_signed, args.src.zero_point(0), bias,
                      add + group * padded);
  }
  const size_t task_bytes = task_bytes_s8(tier, view.segments, view.depth, view.row_scratch);
  const auto result_bytes = static_cast<int64_t>(result_bytes_s8(args.output.result));
  pool.parallel_for(tasks.tasks, [&](int64_t task) {
    const int64_t group = task / tasks.grid.tasks();
    const int64_t part = task % tasks.grid.tasks();
    const SourceS8 source{shape, static_cast<const uint8_t*>(args.src.data) + group * view.channels,
                          pads, view.channels};
    BlocksS8 blocks;
    blocks.fill_rows = view.copied ? copy_taps : is_dense(shape) ? point_at_pixels : point_at_taps;
    blocks.source = &source;
    blocks.row_scratch = view.row_scratch;
    blocks.is_signed = args.src.is_signed;
    blocks.b = packed_group(group);
    blocks.col0 = group * view.cols;
    blocks.output = args.output;
    blocks.output.add = add + group * padded;
    if (args.output.scale != nullptr) blocks.output.scale += group * padded;
    if (args.output.bias != nullptr) blocks.output.bias += group * padded;
    blocks.output.dst = static_cast<std::byte*>(args.output.dst) + group * view.cols * result_bytes;
    blocks.output.ld = shape.dst_stride();
    gemm_s8_blocks(tier, blocks, tasks.grid.row_begin(part), tasks.grid.row_end(part),
                   tasks.grid.panel_begin(part), tasks.grid.panel_end(part),
                   space + static_cast<size_t>(task) * task_bytes);
  });
}

}  // namespace sardonyx
