// Points at the input pixels under some output pixels of a line and runs the tile over them.
#include "cpu/depthwise_s8.h"

#include <algorithm>
#include <array>

#include "cpu/tasks.h"

namespace sardonyx {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
size_t aligned(int64_t bytes) { return static_cast<size_t>(divide_up(bytes, 64) * 64); }

int64_t kernel_rows(const ConvShape& s) { return s.kernel[0] * s.kernel[1]; }
int64_t quads_of(const ConvShape& s) { return divide_up(kernel_rows(s), 4); }

// Input pixels under a line of output.
int64_t inputs_of(const ConvShape& s) {
  return (s.out[2] - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
}

struct PackedPlaces {
  int8_t* weights;
  int32_t* sums;   // per channel, of weights less zero points
  int32_t* zeros;  // per channel
  int32_t* has_zeros;
};
int64_t weight_bytes(Tier tier, const ConvShape& s) {
  return quads_of(s) * s.kernel[2] * padded_cols_s8(tier, s.out_channels) * 4;
}
PackedPlaces places_in(Tier tier, const ConvShape& s, const void* packed) {
  auto* at = static_cast<std::byte*>(const_cast<void*>(packed));
  const size_t columns = aligned(4 * padded_cols_s8(tier, s.out_channels));
  PackedPlaces places{};
  places.weights = reinterpret_cast<int8_t*>(at);
  at += aligned(weight_bytes(tier, s));
  places.sums = reinterpret_cast<int32_t*>(at);
  places.zeros = reinterpret_cast<int32_t*>(at + columns);
  places.has_zeros = reinterpret_cast<int32_t*>(at + 2 * columns);
  return places;
}

int64_t tasks_of(const ConvShape& s, int threads) {
  const int64_t lines = s.batch * s.out[0] * s.out[1];
  const double nanoseconds = static_cast<double>(s.out[2] * s.out_channels * s.taps()) * 0.01;
  return choose_tasks(lines, nanoseconds, threads);
}

class DepthwiseS8Task {
 public:
  DepthwiseS8Task(Tier tier, const ConvShape& shape, const ConvS8Args& args, const int32_t* add,
                  const uint8_t* pads, const uint8_t** pixels)
      : kernels_(depthwise_s8_kernels(tier)), s_(shape), args_(args), pads_(pads), pixels_(pixels) {
    const PackedPlaces packed = places_in(tier, shape, args.packed);
    inputs_ = inputs_of(shape);
    tile_.pixel_stride = inputs_;
    tile_.quads = quads_of(shape);
    tile_.kernel_rows = kernel_rows(shape);
    tile_.kernel_cols = shape.kernel[2];
    tile_.zeros = *packed.has_zeros != 0 ? packed.zeros : nullptr;
    tile_.is_signed = args.src.is_signed;
    tile_.weights = packed.weights;
    tile_.padded = padded_cols_s8(tier, shape.out_channels);
    tile_.channels = shape.out_channels;
    const OutputS8& output = args.output;
    tile_.finish.result = output.result;
    tile_.finish.add = add;
    tile_.finish.scale = output.scale;
    tile_.finish.bias = output.bias;
    tile_.finish.low = output.low;
    tile_.finish.high = output.high;
    tile_.finish.zero = output.zero;
    tile_.finish.ld = shape.dst_stride();
    tile_.dilation = shape.dilation[2];
    const bool square = shape.kernel[1] == shape.kernel[2] && shape.kernel[0] == 1;
    const bool known = shape.kernel[2] == 3 || shape.kernel[2] == 5;
    if (tile_.dilation == 1 && square && known && shape.stride[2] <= 2) {
      several_ = kernels_.tile[tile_.zeros != nullptr][shape.kernel[2] == 5][shape.stride[2] - 1];
    } else if (tile_.dilation == 1 && square && shape.kernel[2] == 7 && shape.stride[2] == 1 &&
               tile_.zeros == nullptr) {
      several_ = kernels_.seven;
    }
  }

  void run(int64_t line, int64_t line_end) {
    for (; line < line_end; ++line) {
      point(line);
      int64_t x = 0;
      if (several_ != nullptr) {
        for (int i = 0; i < 4; ++i) {
          const int64_t pixels = DepthwiseS8Kernels::kPixels[i];
          // Sevens only where they come out even.
          if (several_[i] == nullptr || (i == 0 && s_.out[2] % 7 != 0)) continue;
          for (; x + pixels <= s_.out[2]; x += pixels) run_tile(several_[i], line, x);
        }
      }
      for (; x < s_.out[2]; ++x) run_tile(kernels_.one, line, x);
      if (args_.output.fn != nullptr) {
        const int64_t row = line * s_.out[2];
        args_.output.fn(args_.output.context, dst_at(row), s_.dst_stride(), s_.out[2],
                        s_.out_channels, row, 0);
      }
    }
  }

 private:
  std::byte* dst_at(int64_t row) const {
    return static_cast<std::byte*>(args_.output.dst) +
           row * s_.dst_stride() * static_cast<int64_t>(result_bytes_s8(args_.output.result));
  }

  // The input pixels under all output pixels of a line.
  void point(int64_t line) {
    const int64_t y0 = line % s_.out[1] * s_.stride[1] - s_.pad[1];
    const int64_t z0 = line / s_.out[1] % s_.out[0] * s_.stride[0] - s_.pad[0];
    const int64_t item = line / s_.out[1] / s_.out[0];
    const int64_t before = std::clamp<int64_t>(s_.pad[2], 0, inputs_);
    const int64_t after = std::clamp<int64_t>(s_.pad[2] + s_.in[2], before, inputs_);
    const int64_t ld = s_.src_stride();
    for (int64_t row = 0; row < 4 * tile_.quads; ++row) {
      const int64_t z = z0 + row / s_.kernel[1] * s_.dilation[0];
      const int64_t y = y0 + row % s_.kernel[1] * s_.dilation[1];
      const uint8_t** to = pixels_ + row * inputs_;
      if (row >= kernel_rows(s_) || z < 0 || z >= s_.in[0] || y < 0 || y >= s_.in[1]) {
        std::fill(to, to + inputs_, pads_);
        continue;
      }
      std::fill(to, to + before, pads_);
      const auto* src = static_cast<const uint8_t*>(args_.src.data) +
                        ((item * s_.in[0] + z) * s_.in[1] + y) * s_.in[2] * ld;
      for (int64_t i = before; i < after; ++i, src += ld) to[i] = src;
      std::fill(to + after, to + inputs_, pads_);
    }
  }

  void run_tile(DepthwiseS8Kernels::Tile tile, int64_t line, int64_t x) {
    tile_.pixels = pixels_ + x * s_.stride[2];
    tile_.finish.dst = dst_at(line * s_.out[2] + x);
    tile(tile_);
  }

  const DepthwiseS8Kernels& kernels_;
  const ConvShape& s_;
  const ConvS8Args& args_;
  const uint8_t* pads_;
  const uint8_t** pixels_;
  int64_t inputs_ = 0;
  DepthwiseS8Tile tile_;
  const DepthwiseS8Kernels::Tile* several_ = nullptr;
};

size_t pointer_bytes(const ConvShape& s) {
  return aligned(4 * quads_of(s) * inputs_of(s) * static_cast<int64_t>(sizeof(void*)));
}

}  // namespace

size_t depthwise_s8_packed_bytes(Tier tier, const ConvShape& shape) {
  return aligned(weight_bytes(tier, shape)) +
         2 * aligned(4 * padded_cols_s8(tier, shape.out_channels)) + 64;
}

void depthwise_s8_pack(Tier tier, const ConvShape& shape, const BytesMatrix& weights, void* dst) {
  const PackedPlaces to = places_in(tier, shape, dst);
  const int64_t padded = padded_cols_s8(tier, shape.out_channels), cols = shape.kernel[2];
  std::fill(to.weights, to.weights + weight_bytes(tier, shape), int8_t{0});
  std::fill(to.sums, to.sums + padded, 0);
  std::fill(to.zeros, to.zeros + padded, 0);
  *to.has_zeros = 0;
  const int32_t shift = weights.is_signed ? 0 : 128;
  for (int64_t c = 0; c < shape.out_channels; ++c) {
    const int32_t zero = weights.zero_point(c);
    to.zeros[c] = zero - shift;
    if (to.zeros[c] != 0) *to.has_zeros = 1;
    for (int64_t tap = 0; tap < shape.taps(); ++tap) {
      const int64_t row = tap / cols;
      const int64_t place = ((row / 4 * cols + tap % cols) * padded + c) * 4 + row % 4;
      const int32_t weight = weights.at(c * shape.taps() + tap);
      to.weights[place] = static_cast<int8_t>(weight - shift);
      to.sums[c] += weight - zero;
    }
  }
}

size_t depthwise_s8_workspace_bytes(Tier tier, const ConvShape& shape, int threads) {
  return aligned(padded_cols_s8(tier, shape.out_channels)) +
         aligned(4 * padded_cols_s8(tier, shape.out_channels)) +
         static_cast<size_t>(tasks_of(shape, threads)) * pointer_bytes(shape);
}

void depthwise_s8(Tier tier, const ConvShape& shape, const ConvS8Args& args, void* workspace,
                  ThreadPool& pool) {
  const int64_t padded = padded_cols_s8(tier, shape.out_channels);
  auto* pads = static_cast<uint8_t*>(workspace);
  auto* add = reinterpret_cast<int32_t*>(pads + aligned(padded));
  auto* space = reinterpret_cast<std::byte*>(add) + aligned(4 * padded);
  std::fill(pads, pads + padded, static_cast<uint8_t>(args.src.zero_point(0)));
  PackedS8 sums;
  sums.n = shape.out_channels;
  sums.sums = places_in(tier, shape, args.packed).sums;
  add_zero_point_s8(tier, sums, args.src.is_signed, args.src.zero_point(0), args.bias, add);
  const int64_t lines = shape.batch * shape.out[0] * shape.out[1];
  const int64_t tasks = tasks_of(shape, pool.threads());
  pool.parallel_for(tasks, [&](int64_t task) {
    auto* pixels =
        reinterpret_cast<const uint8_t**>(space + static_cast<size_t>(task) * pointer_bytes(shape));
    DepthwiseS8Task(tier, shape, args, add, pads, pixels)
        .run(lines * task / tasks, lines * (task + 1) / tasks);
  });
}

}  // namespace sardonyx
