// resize: separable interpolation of channels-last pictures from tables of taps, which the caller
// makes for nearest (1 tap), linear (2), cubic (4) or antialiased (more) filters and any coordinate
// rule. Entry point: resize.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/thread_pool.h"
#include "cpu/tier.h"

namespace sardonyx {

// Output position i is the sum over t < taps of weight[i * taps + t] times the input at
// index[i * taps + t], 0 <= index < in.
struct ResizeAxis {
  int64_t in = 1, out = 1, taps = 1;
  const int32_t* index = nullptr;
  const float* weight = nullptr;  // null with one tap: 1
};

struct ResizeArgs {
  int64_t batch = 1, channels = 1;
  ResizeAxis y, x;
  const float* src = nullptr;  // [batch, y.in, x.in, channels]
  float* dst = nullptr;        // [batch, y.out, x.out, channels]
};

size_t resize_workspace_bytes(Tier tier, const ResizeArgs& args, int threads);
void resize(Tier tier, const ResizeArgs& args, void* workspace, ThreadPool& pool);

// An axis of pictures with one channel, whose neighbouring outputs lie in one vector: per vector,
// where its taps begin, and per tap and lane how far behind that it is.
struct GrayAxis {
  struct Group {
    int32_t begin;
    bool in_one_vector;  // that begins there, or in the whole line where that is shorter
  };

  int64_t in = 1, out = 1, taps = 1;
  const Group* groups = nullptr;    // [vectors]
  const int32_t* offset = nullptr;  // [vectors, taps, lanes]
  const float* weight = nullptr;    // the same; null: 1
};

struct ResizeKernels {
  int64_t lanes;
  // dst[i] = sum over t < taps of weights[t] * rows[t][i].
  void (*blend)(const float* const* rows, const float* weights, int64_t taps, float* dst,
                int64_t count);
  // dst[x * channels + c] = sum over t of weight * line[index * channels + c].
  void (*line)(const ResizeAxis& axis, const float* line, int64_t channels, float* dst);
  void (*gray_line)(const GrayAxis& axis, const float* line, float* dst);
};
const ResizeKernels& resize_kernels(Tier tier);

}  // namespace sardonyx
