// Lines are cut into strips and channels into blocks, and all lines of a task are done for one of
// those, so that the input lines that one window shares with the next are still in the first cache.
// Where the pixels of these lines would share few sets of that cache, they are copied end to end
// first.
#include "cpu/depthwise.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cpu/epilogue_pass.h"
#include "cpu/tasks.h"

namespace sardonyx {
namespace {

constexpr int64_t kCacheFloats = 8192;  // of the first cache, for the lines under a window
constexpr int64_t kStripPixels = 32;    // or less
constexpr int64_t kPassFloats = 4096;   // for a pass of an epilogue

int64_t tasks_of(const ConvShape& s, int threads) {
  const double line_flops = 2.0 * static_cast<double>(s.out[2] * s.out_channels * s.taps());
  return choose_tasks(s.batch * s.out[0] * s.out[1], line_flops / 100, threads);
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Whether the lines under a window would drive each other out of the first cache, for the distance
// of their pixels: those that are a multiple of 2^n cache lines apart have only 64 / 2^n of its
// sets. Of a dense tensor: workspaces are sized before a kernel learns of another stride.
bool share_few_sets(const ConvShape& s) {
  constexpr int64_t kLineFloats = 16, kSets = 64, kWays = 8;
  if (s.in_channels % kLineFloats != 0) return false;
  const int64_t sets = kSets / std::gcd(s.in_channels / kLineFloats, kSets);
  const int64_t pixels = std::min(s.in[2], kStripPixels * s.stride[2] + s.kernel[2]);
  return 2 * sets * kWays < s.kernel[0] * s.kernel[1] * pixels;
}

// Whether vectors may hold several pixels, on the tiers whose vectors the channels do not fill.
bool may_spread(const ConvShape& s) {
  return depth_multiplier(s) == 1 && s.in_channels < kMostLanes && s.stride[2] == 1;
}

bool copies_lines(const ConvShape& s) {
  constexpr int64_t kManyTaps = 9;
  if (may_spread(s)) return true;
  return s.taps() >= kManyTaps && depth_multiplier(s) == 1 && share_few_sets(s);
}

// Output pixels of a strip, in whole tiles of 7 or of 8. Strips share the input pixels at their
// ends, which are not to be most of what is copied.
int64_t strip_pixels(const ConvShape& s) {
  const int64_t width = s.out[2];
  const int64_t tile = width % 7 == 0 ? 7 : 8;
  const int64_t shared = (s.kernel[2] - 1) * s.dilation[2] / s.stride[2];
  int64_t most = copies_lines(s) ? std::max(kStripPixels, 2 * shared) : kStripPixels;
  if (may_spread(s)) {
    most = std::max(most, kCacheFloats / (s.kernel[0] * s.kernel[1] * s.in_channels));
  }
  return divide_up(divide_up(width, divide_up(width, most)), tile) * tile;
}
// Input pixels under a strip.
int64_t strip_inputs(const ConvShape& s) {
  const int64_t outputs = std::min(strip_pixels(s), s.out[2]);
  return (outputs - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
}

// A multiple of 16 channels; all of them where their lines fit.
int64_t block_channels(const ConvShape& s) {
  const int64_t width = std::min(s.in[2], strip_pixels(s) * s.stride[2] + s.kernel[2]);
  const int64_t pixels = (s.kernel[0] * s.kernel[1] + 1) * width;
  const int64_t fit = std::max<int64_t>(kCacheFloats / std::max<int64_t>(pixels, 1) / 16 * 16, 16);
  return divide_up(divide_up(s.out_channels, divide_up(s.out_channels, fit)), 16) * 16;
}

class DepthwiseTask {
 public:
  DepthwiseTask(Tier tier, const ConvShape& shape, const DepthwiseLines& lines,
                const Epilogue<float>& epilogue)
      : kernels_(depthwise_kernels(tier)),
        pass_(gemm_kernels<float>(tier), epilogue),
        shape_(shape),
        lines_(lines),
        inputs_(strip_inputs(shape)) {
    part_.rows = lines.rows;
    part_.kernel_rows = shape.kernel[0] * shape.kernel[1];
    part_.kernel_cols = shape.kernel[2];
    part_.stride = shape.stride[2];
    part_.dilation = shape.dilation[2];
    part_.pad = shape.pad[2];
    part_.in_width = shape.in[2];
    part_.src_ld = shape.src_stride();
    part_.zeros = lines.zeros;
    part_.weights = lines.packed;
    part_.bias = epilogue.bias;
    part_.channels = shape.out_channels;
    part_.multiplier = depth_multiplier(shape);
    part_.dst_ld = shape.dst_stride();
    part_.dst_line = shape.out[2] * part_.dst_ld;
    part_.alpha = epilogue.alpha;
    part_.low = pass_.low();
    part_.high = pass_.high();
    copies_ = lines.copies != nullptr && copies_lines(shape);
    const bool dense = part_.dst_ld == part_.channels;
    if (copies_ && may_spread(shape) && dense) {
      float* const spread =
          lines.copies + depthwise_rows(shape) * inputs_ * part_.channels + kMostLanes;
      if (kernels_.spread_weights(part_, spread)) part_.spread = spread;
    }
    pairs_ = shape.kernel[0] == 1 && shape.stride[1] == shape.stride[2] && shape.dilation[1] == 1 &&
             kernels_.takes_pairs(part_);
  }

  void run(int64_t line, int64_t line_end) {
    const int64_t width = shape_.out[2];
    const int64_t strip = strip_pixels(shape_);
    const int64_t step = block_channels(shape_);
    for (int64_t x = 0; x < width; x += strip) {
      for (int64_t c = 0; c < shape_.out_channels; c = part_.channel_end) {
        part_.channel = c;
        part_.channel_end = c + step;
        // No block is narrower than a vector, unless all of it is.
        if (shape_.out_channels - part_.channel_end < 16) part_.channel_end = shape_.out_channels;
        strip_ = x;
        if (copies_) std::fill_n(copied_rows(), depthwise_rows(shape_), nullptr);
        for (int64_t i = line; i < line_end; i += part_.lines) {
          const bool is_last = i + 1 == line_end || (i + 1) % shape_.out[1] == 0;
          part_.lines = pairs_ && !is_last ? 2 : 1;
          run_lines(i, x, std::min(x + strip, width));
        }
      }
    }
  }

 private:
  // Pixels [x, x_end) of one line or two.
  void run_lines(int64_t line, int64_t x, int64_t x_end) {
    find_rows(line);
    if (copies_) copy_rows();
    const int64_t width = shape_.out[2];
    const int64_t block = part_.channel_end - part_.channel;
    const int64_t fit = std::max<int64_t>(kPassFloats / block / 56, 1) * 56;
    const int64_t step = pass_.needed() ? fit : width;
    for (part_.first = x; part_.first < x_end; part_.first += step) {
      part_.count = std::min(step, x_end - part_.first);
      const int64_t row = line * width + part_.first;
      float* dst = lines_.dst + (row - lines_.dst_line * width) * part_.dst_ld;
      part_.dst = dst;
      kernels_.line(copies_ ? of_copies() : part_);
      for (int64_t l = 0; l < part_.lines; ++l) {
        pass_.run(dst + l * part_.dst_line + part_.channel, part_.dst_ld, part_.count, block,
                  row + l * width, part_.channel);
      }
    }
  }

  // The input lines under the windows.
  void find_rows(int64_t line) {
    const ConvShape& s = shape_;
    const int64_t y0 = line % s.out[1] * s.stride[1] - s.pad[1];
    const int64_t z0 = line / s.out[1] % s.out[0] * s.stride[0] - s.pad[0];
    const int64_t item = line / s.out[1] / s.out[0];
    for (int64_t r = 0; r < row_count(); ++r) {
      const int64_t row = part_.lines == 1 ? r % s.kernel[1] : r;
      const int64_t z = z0 + (r - row) / s.kernel[1] * s.dilation[0];
      const int64_t y = y0 + row * s.dilation[1];
      const bool outside = z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1];
      const int64_t index = lines_.ring != 0 ? y % lines_.ring : (item * s.in[0] + z) * s.in[1] + y;
      lines_.rows[r] = outside ? nullptr : lines_.src + index * s.in[2] * s.src_stride();
    }
  }

  int64_t row_count() const { return part_.kernel_rows + (part_.lines - 1) * part_.stride; }
  // Which line is in each of as many places; behind the lines under the windows.
  const float** copied_rows() const { return lines_.rows + depthwise_rows(shape_); }
  int64_t block_ld() const { return part_.channel_end - part_.channel; }
  float* place(int64_t index) const { return lines_.copies + index * inputs_ * block_ld(); }

  // Puts the lines under the windows into places, as far as they are not there; the rows point at
  // them then.
  void copy_rows() {
    const int64_t count = row_count();
    const float** const held = copied_rows();
    const float** const wanted = lines_.rows;
    const auto is_wanted = [&](const float* line) {
      return line != nullptr && std::find(wanted, wanted + count, line) != wanted + count;
    };
    int64_t free = 0;
    for (int64_t r = 0; r < count; ++r) {
      if (wanted[r] == nullptr || std::find(held, held + count, wanted[r]) != held + count)
        continue;
      while (is_wanted(held[free])) ++free;
      copy_line(wanted[r], place(free));
      held[free] = wanted[r];
    }
    for (int64_t r = 0; r < count; ++r) {
      if (wanted[r] == nullptr) continue;
      wanted[r] = place(std::find(held, held + count, wanted[r]) - held);
    }
  }
  // The pixels under the strip, of the channels of the block; zeros in the padding.
  void copy_line(const float* line, float* to) const {
    constexpr int64_t kLineFloats = 16;  // of the cache: mostly the block
    const int64_t block = block_ld();
    const int64_t x0 = strip_ * part_.stride - part_.pad;
    const int64_t first = std::clamp<int64_t>(-x0, 0, inputs_);
    const int64_t end = std::clamp<int64_t>(part_.in_width - x0, first, inputs_);
    const float* from = line + (x0 + first) * part_.src_ld + part_.channel;
    std::fill_n(to, first * block, 0.0f);
    if (part_.src_ld == block) std::copy_n(from, (end - first) * block, to + first * block);
    for (int64_t i = first; i < end && part_.src_ld != block; ++i, from += part_.src_ld) {
      if (block == kLineFloats) {
        std::memcpy(to + i * kLineFloats, from, kLineFloats * sizeof(float));
      } else {
        std::copy_n(from, block, to + i * block);
      }
    }
    std::fill_n(to + end * block, (inputs_ - end) * block, 0.0f);
  }
  // The part as it lies in the copies.
  DepthwiseLine of_copies() const {
    DepthwiseLine part = part_;
    part.first -= strip_;
    part.pad = 0;
    part.in_width = inputs_;
    part.src_ld = block_ld();
    part.weights += part_.channel;
    if (part.bias != nullptr) part.bias += part_.channel;
    part.dst += part_.channel;
    part.channel = 0;
    part.channel_end = block_ld();
    return part;
  }

  const DepthwiseKernels& kernels_;
  const EpiloguePass pass_;
  const ConvShape& shape_;
  const DepthwiseLines lines_;
  bool pairs_ = false;
  bool copies_ = false;
  int64_t strip_ = 0;     // its first output pixel
  const int64_t inputs_;  // pixels under a strip
  DepthwiseLine part_;
};

// The workspace: a pixel of zeros, the copies of each task, then the row pointers of each.
int64_t zeros_count(const ConvShape& s) { return (s.in_channels + 15) / 16 * 16; }
int64_t pointers_per_task(const ConvShape& s) { return divide_up(2 * depthwise_rows(s), 8) * 8; }

}  // namespace

int64_t depth_multiplier(const ConvShape& shape) {
  if (shape.groups != shape.in_channels || shape.out_channels % shape.groups != 0) return 0;
  const int64_t multiplier = shape.out_channels / shape.groups;
  // One channel into many is a product.
  return shape.groups == 1 && multiplier > 1 ? 0 : multiplier;
}

int64_t depthwise_rows(const ConvShape& shape) {
  return shape.kernel[0] * shape.kernel[1] + shape.stride[1];
}

void depthwise_pack(const ConvShape& shape, const float* weights, float* packed) {
  const int64_t taps = shape.taps();
  for (int64_t c = 0; c < shape.out_channels; ++c) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      packed[tap * shape.out_channels + c] = weights[c * taps + tap];
    }
  }
}

int64_t depthwise_copies(const ConvShape& shape) {
  if (!copies_lines(shape)) return 0;
  if (may_spread(shape)) {
    const int64_t lines = depthwise_rows(shape) * strip_inputs(shape) * shape.in_channels;
    return divide_up(lines + kMostLanes + (shape.taps() + 1) * kMostSpread, 16) * 16;
  }
  return divide_up(depthwise_rows(shape) * strip_inputs(shape) * (block_channels(shape) + 16), 16) *
         16;
}

size_t depthwise_workspace_bytes(const ConvShape& shape, int threads) {
  const int64_t tasks = tasks_of(shape, threads);
  return static_cast<size_t>(zeros_count(shape) + tasks * depthwise_copies(shape)) * sizeof(float) +
         static_cast<size_t>(tasks * pointers_per_task(shape)) * sizeof(const float*);
}

void depthwise(Tier tier, const ConvShape& shape, const float* src, const float* packed,
               const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) {
  const int64_t tasks = tasks_of(shape, pool.threads());
  const int64_t lines = shape.batch * shape.out[0] * shape.out[1];
  float* zeros = static_cast<float*>(workspace);
  std::fill(zeros, zeros + shape.in_channels, 0.0f);
  float* const copies = zeros + zeros_count(shape);
  const float** pointers =
      static_cast<const float**>(static_cast<void*>(copies + tasks * depthwise_copies(shape)));
  pool.parallel_for(tasks, [&](int64_t task) {
    const DepthwiseLines of_task{src,
                                 0,
                                 packed,
                                 zeros,
                                 pointers + task * pointers_per_task(shape),
                                 copies + task * depthwise_copies(shape),
                                 dst,
                                 0};
    depthwise_lines(tier, shape, of_task, epilogue, lines * task / tasks,
                    lines * (task + 1) / tasks);
  });
}

void depthwise_lines(Tier tier, const ConvShape& shape, const DepthwiseLines& lines,
                     const Epilogue<float>& epilogue, int64_t line, int64_t line_end) {
  DepthwiseTask(tier, shape, lines, epilogue).run(line, line_end);
}

}  // namespace sardonyx
