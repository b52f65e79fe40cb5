// The loops around the tiles: tasks take blocks of output lines, copy the lines of the input under
// them with their padding, and go through them once for each set of output channels, whose weights
// stay in the first cache meanwhile.
#include "cpu/group_conv.h"

#include <algorithm>

#include "cpu/conv_lines.h"
#include "cpu/epilogue_pass.h"
#include "cpu/tasks.h"

namespace sardonyx {
namespace {

constexpr int64_t kBlockFloats = int64_t{64} << 10;  // of copied lines: half a second cache

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// How the lines of the output are cut; those of all items follow one another.
struct Cut {
  int64_t width = 0;   // pixels of a copied line, as far as whole tiles read
  int64_t pixel = 0;   // floats from one to the next
  int64_t lines = 0;   // of the output, per block
  int64_t blocks = 0;  // of one item
  int64_t copied = 0;  // floats of a block
};

Cut cut_lines(const GroupConvForm& form, const ConvShape& s, int threads) {
  Cut cut;
  const int64_t pixels = divide_up(s.out[2], form.pixels) * form.pixels;
  cut.width = (pixels - 1) * s.stride[2] + (s.kernel[2] - 1) * s.dilation[2] + 1;
  // Not so that all pixels share sets of the first cache.
  cut.pixel = s.in_channels + 16;
  const int64_t line = cut.width * cut.pixel;
  int64_t lines = 1;
  while (lines < s.out[1] && lines_under(s, lines + 1) * line <= kBlockFloats) ++lines;
  // Even blocks, some for each thread.
  const int64_t channels = s.in_channels / s.groups;
  const auto line_flops =
      2.0 * static_cast<double>(s.out[2] * s.out_channels * s.taps() * channels);
  const int64_t tasks = choose_tasks(s.out[1], line_flops / 100, threads);
  const int64_t wanted = s.batch >= 2 * threads ? 1 : std::min<int64_t>(tasks, 2 * threads);
  cut.blocks = std::max(divide_up(s.out[1], lines), wanted);
  cut.lines = divide_up(s.out[1], cut.blocks);
  cut.blocks = divide_up(s.out[1], cut.lines);
  cut.copied = whole_cache_lines(lines_under(s, cut.lines) * line);
  return cut;
}

class Block {
 public:
  Block(const GroupConvForm& form, const Cut& cut, const ConvShape& shape, const float* src,
        const float* packed, const Epilogue<float>& epilogue, const GemmKernels<float>& gemm,
        float* dst, float* copied)
      : form_(form),
        cut_(cut),
        s_(shape),
        src_(src),
        packed_(packed),
        bias_(epilogue.bias),
        pass_(gemm, epilogue),
        dst_(dst),
        copied_(copied) {
    tiles_.src_line = cut.width * cut.pixel * s_.dilation[1];
    tiles_.src_tap = cut.pixel * s_.dilation[2];
    tiles_.src_pixel = cut.pixel * s_.stride[2];
    tiles_.kernel_rows = s_.kernel[1];
    tiles_.kernel_cols = s_.kernel[2];
    tiles_.channels = s_.in_channels / s_.groups;
    tiles_.alpha = epilogue.alpha;
    tiles_.low = pass_.low();
    tiles_.high = pass_.high();
    tiles_.dst_pixel = s_.dst_stride();
    tiles_.count = s_.out[2];
  }

  // Output lines [line, line_end) of an item.
  void run(int64_t item, int64_t line, int64_t line_end) {
    copy_lines(item, line * s_.stride[1] - s_.pad[1], lines_under(s_, line_end - line));
    const int64_t of_group = s_.out_channels / s_.groups;
    const int64_t weights = form_.width * s_.taps() * tiles_.channels;
    for (int64_t out = 0; out < s_.out_channels; out += form_.width) {
      const float* src = copied_ + out / of_group * tiles_.channels;
      tiles_.weights = packed_ + out / form_.width * weights;
      tiles_.bias = bias_ == nullptr ? nullptr : bias_ + out;
      for (int64_t y = line; y < line_end; ++y) {
        tiles_.src = src + (y - line) * s_.stride[1] * cut_.width * cut_.pixel;
        tiles_.dst = dst_ + first_pixel(item, y) * s_.dst_stride() + out;
        form_.tiles(tiles_);
      }
    }
    for (int64_t y = line; y < line_end && pass_.needed(); ++y) {
      const int64_t pixel = first_pixel(item, y);
      pass_.run(dst_ + pixel * s_.dst_stride(), s_.dst_stride(), s_.out[2], s_.out_channels, pixel,
                0);
    }
  }

 private:
  int64_t first_pixel(int64_t item, int64_t y) const { return (item * s_.out[1] + y) * s_.out[2]; }

  // `count` lines of the input from y on, zeros in the padding.
  void copy_lines(int64_t item, int64_t y, int64_t count) {
    const int64_t pad = std::min(s_.pad[2], cut_.width);
    const int64_t inside = std::clamp<int64_t>(cut_.width - pad, 0, s_.in[2]);
    float* to = copied_;
    for (int64_t i = 0; i < count; ++i, to += cut_.width * cut_.pixel) {
      if (y + i < 0 || y + i >= s_.in[1]) {
        std::fill_n(to, cut_.width * cut_.pixel, 0.0f);
        continue;
      }
      std::fill_n(to, pad * cut_.pixel, 0.0f);
      const float* from = src_ + (item * s_.in[1] + y + i) * s_.in[2] * s_.src_stride();
      float* pixel = to + pad * cut_.pixel;
      for (int64_t x = 0; x < inside; ++x, from += s_.src_stride(), pixel += cut_.pixel) {
        std::copy_n(from, s_.in_channels, pixel);
      }
      std::fill(pixel, to + cut_.width * cut_.pixel, 0.0f);
    }
  }

  const GroupConvForm& form_;
  const Cut& cut_;
  const ConvShape& s_;
  const float* src_;
  const float* packed_;
  const float* bias_;
  const EpiloguePass pass_;
  float* dst_;
  float* copied_;
  GroupTiles tiles_;
};

}  // namespace

GroupConvForm group_conv_form(Tier tier, const ConvShape& s) {
  // Sums are one chain of multiply-adds, which must not be long.
  constexpr int64_t kMostProducts = 512;
  const GroupConvKernels& kernels = group_conv_kernels(tier);
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  GroupConvForm form;
  if (s.groups == 1 || !is_flat(s) || in * s.taps() > kMostProducts) return form;
  const auto vectors = static_cast<size_t>(out / kernels.lanes);
  if (out % kernels.lanes == 0 && vectors <= kMostGroupVectors) {
    form.tiles = kernels.wide[vectors];
    form.pixels = kernels.wide_pixels[vectors];
    form.width = out;
  } else if (in == out && s.out_channels % kernels.lanes == 0 && (out == 4 || out == 8)) {
    form.tiles = out == 4 ? kernels.fours : kernels.eights;
    form.pixels = kernels.narrow_pixels;
    form.width = kernels.lanes;
  }
  return form;
}

void group_conv_pack(const GroupConvForm& form, const ConvShape& s, const float* weights,
                     float* packed) {
  const int64_t channels = s.in_channels / s.groups, taps = s.taps();
  // From [column][channel][tap] to [tap][channel][column], `width` columns at a time.
  for (int64_t out = 0; out < s.out_channels; out += form.width) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t channel = 0; channel < channels; ++channel) {
        for (int64_t i = 0; i < form.width; ++i) {
          *packed++ = weights[((out + i) * channels + channel) * taps + tap];
        }
      }
    }
  }
}

size_t group_conv_workspace_bytes(const GroupConvForm& form, const ConvShape& s, int threads) {
  const Cut cut = cut_lines(form, s, threads);
  return static_cast<size_t>(s.batch * cut.blocks * cut.copied) * sizeof(float);
}

void group_conv(Tier tier, const ConvShape& s, const float* src, const float* packed,
                const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) {
  const GroupConvForm form = group_conv_form(tier, s);
  const Cut cut = cut_lines(form, s, pool.threads());
  pool.parallel_for(s.batch * cut.blocks, [&](int64_t task) {
    const int64_t item = task / cut.blocks, line = task % cut.blocks * cut.lines;
    float* copied = static_cast<float*>(workspace) + task * cut.copied;
    Block block(form, cut, s, src, packed, epilogue, gemm_kernels<float>(tier), dst, copied);
    block.run(item, line, std::min(line + cut.lines, s.out[1]));
  });
}

}  // namespace sardonyx
