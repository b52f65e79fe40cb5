// What steps that take a convolution some lines at a time have in common: cpu/depthwise_block.cc
// and cpu/pooled_conv.cc.
#pragma once

#include <cstdint>

#include "cpu/conv.h"
#include "cpu/epilogue.h"

namespace sardonyx {

// A convolution with packed weights as conv_pack and depthwise_pack leave them.
struct ConvStage {
  ConvShape shape;
  const float* packed = nullptr;
  Epilogue<float> epilogue;
};

// Two axes: the outermost of the three has one position.
inline bool is_flat(const ConvShape& s) {
  return s.kernel[0] == 1 && s.in[0] == 1 && s.out[0] == 1 && s.stride[0] == 1 && s.pad[0] == 0;
}

// Whether a tensor between two steps of a thread is worth keeping from memory.
inline bool is_large_between(int64_t floats, int threads) {
  constexpr int64_t kLeastBytes = int64_t{1} << 20;
  return floats * int64_t{sizeof(float)} >= kLeastBytes * threads;
}

// Lines of the input under the window of `lines` lines of the output.
inline int64_t lines_under(const ConvShape& s, int64_t lines) {
  return (lines - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1;
}

// That a task keeps at once: a quarter of common second caches.
inline constexpr int64_t kBandFloats = int64_t{128} << 10;

// Tasks for so many lines of the output. Where tasks meet, lines are computed twice: few of them.
inline int64_t tasks_of_lines(int64_t lines, int threads) {
  if (threads == 1) return 1;
  const int64_t tasks = lines < 16 * threads ? threads : 2 * threads;
  return tasks < lines ? tasks : lines;
}

inline int64_t whole_cache_lines(int64_t floats) { return (floats + 15) / 16 * 16; }

}  // namespace sardonyx
