// Each task has some lines of the result. For a band of them, it computes the lines under their
// windows one below the other; those that the next band needs too move to the top.
#include "cpu/pooled_conv.h"

#include <algorithm>

namespace sardonyx {
namespace {

struct Bands {
  int64_t lines = 1;  // of the result, at once
  int64_t tasks = 1;
  int64_t line_floats = 0, kept_floats = 0, scratch = 0;

  int64_t task_floats() const { return kept_floats + scratch; }
};

Bands cut_bands(const ConvShape& conv, const ConvShape& pool, int threads) {
  Bands bands;
  bands.line_floats = conv.out[2] * conv.out_channels;
  const auto floats = [&](int64_t lines) {
    return std::min(lines_under(pool, lines), pool.in[1]) * bands.line_floats;
  };
  while (bands.lines < pool.out[1] && floats(bands.lines + 1) <= kBandFloats) ++bands.lines;
  bands.tasks = tasks_of_lines(pool.batch * pool.out[1], threads);
  bands.kept_floats = whole_cache_lines(floats(bands.lines));
  bands.scratch = whole_cache_lines(conv_pixels_scratch(conv));
  return bands;
}

class Task {
 public:
  Task(Tier tier, const ConvStage& conv, const PoolArgs& pool, const Bands& bands, float* memory)
      : tier_(tier),
        kernels_(gemm_kernels<float>(tier)),
        conv_(conv),
        pool_(pool),
        bands_(bands),
        kept_(memory),
        scratch_(memory + bands.kept_floats) {}

  // Lines of the result, counted through the batch.
  void run(const float* src, float* dst, int64_t line, int64_t line_end) {
    const ConvShape& s = pool_.shape;
    while (line < line_end) {
      const int64_t item = line / s.out[1], y = line % s.out[1];
      if (item != item_) begin_ = end_ = 0;
      item_ = item;
      const int64_t end = std::min({line + bands_.lines, line_end, (item + 1) * s.out[1]});
      const int64_t first = y * s.stride[1] - s.pad[1];
      keep(src, std::clamp<int64_t>(first, 0, s.in[1]),
           std::clamp<int64_t>(first + lines_under(s, end - line), 0, s.in[1]));
      pool_lines(tier_, pool_, kept_, begin_, dst, line, end);
      line = end;
    }
  }

 private:
  // Has lines [begin, end) of the item.
  void keep(const float* src, int64_t begin, int64_t end) {
    const ConvShape& s = conv_.shape;
    const int64_t have = std::max(end_, begin);
    std::copy(kept_ + std::min(begin - begin_, end_ - begin_) * bands_.line_floats,
              kept_ + (end_ - begin_) * bands_.line_floats, kept_);
    begin_ = begin;
    end_ = std::max(end, have);
    const int64_t pixel = item_ * s.out_pixels();
    if (have >= end) return;
    conv_pixels(kernels_, s, src, conv_.packed, conv_.epilogue, pixel + have * s.out[2],
                pixel + end * s.out[2], kept_ + (have - begin) * bands_.line_floats, scratch_);
  }

  const Tier tier_;
  const GemmKernels<float>& kernels_;
  const ConvStage& conv_;
  const PoolArgs& pool_;
  const Bands& bands_;
  float* const kept_;  // lines [begin_, end_) of item_
  float* const scratch_;
  int64_t item_ = -1;
  int64_t begin_ = 0, end_ = 0;
};

}  // namespace

bool can_join_pool(const ConvShape& conv, const PoolArgs& pool, int threads) {
  const ConvShape& s = pool.shape;
  return conv.groups == 1 && is_flat(conv) && is_flat(s) && pool.pad_end[0] == 0 &&
         conv.batch == s.batch && conv.out == s.in && conv.out_channels == s.in_channels &&
         conv.dst_stride() == conv.out_channels && s.src_stride() == s.in_channels &&
         is_large_between(conv.out_pixels() * conv.out_channels, threads);
}

size_t pooled_conv_workspace_bytes(const ConvShape& conv, const PoolArgs& pool, int threads) {
  const Bands bands = cut_bands(conv, pool.shape, threads);
  return static_cast<size_t>(bands.tasks * bands.task_floats()) * sizeof(float);
}

void pooled_conv(Tier tier, const ConvStage& conv, const PoolArgs& pool, const float* src,
                 float* dst, void* workspace, ThreadPool& threads) {
  const Bands bands = cut_bands(conv.shape, pool.shape, threads.threads());
  const int64_t lines = pool.shape.batch * pool.shape.out[1];
  threads.parallel_for(bands.tasks, [&](int64_t task) {
    float* memory = static_cast<float*>(workspace) + task * bands.task_floats();
    Task(tier, conv, pool, bands, memory)
        .run(src, dst, lines * task / bands.tasks, lines * (task + 1) / bands.tasks);
  });
}

}  // namespace sardonyx
