// PoolSizes: the sizes of one MaxPool, AveragePool or LpPool, read from a node with its checks,
// and the plain loop over windows that all of them fall back on. Entry points: infer_pool,
// read_pool_sizes, plain_pool.
#pragma once

#include "base/thread_pool.h"
#include "ops/conv_sizes.h"
#include "ops/window.h"

namespace sardonyx {

struct PoolSizes {
  Layout layout;
  Window window;  // pads fixed
  int64_t batch = 0;
  int64_t channels = 0;
  Shape src_spatial;
  Shape dst_spatial;
};

// Dims of a pooling of input 0.
Result<Dims> infer_pool_dims(InferContext& context);
// The sizes of a pooling from `src` to `dst`, which infer_pool_dims has checked.
Result<PoolSizes> read_pool_sizes(const AttrMap& attrs, const Shape& src, const Shape& dst);

// The taps of windows that read the input, per axis and output position.
class PoolTaps {
 public:
  explicit PoolTaps(const PoolSizes& pool);

  // fn(spatial position) for each tap of the window at `at`, in the order of the taps.
  template <class Fn>
  void for_each(const Shape& at, Fn&& fn) const {
    walk(at, 0, 0, fn);
  }

 private:
  struct Range {
    int64_t first, count;  // positions of the axis, a dilation apart
  };

  template <class Fn>
  void walk(const Shape& at, size_t axis, int64_t outer, Fn& fn) const {
    const Range range = ranges_[axis][static_cast<size_t>(at[axis])];
    int64_t position = outer * dims_[axis] + range.first;
    if (axis + 1 == ranges_.size()) {
      for (int64_t i = 0; i < range.count; ++i, position += dilations_[axis]) fn(position);
      return;
    }
    for (int64_t i = 0; i < range.count; ++i, position += dilations_[axis]) {
      walk(at, axis + 1, position, fn);
    }
  }

  Shape dims_;
  std::vector<int64_t> dilations_;
  std::vector<std::vector<Range>> ranges_;
};

// Calls, for each output element, in any order: start(), then add(offset in src, spatial position)
// for each tap that reads the input, then finish(offset in dst, start of window). State is copied
// from `state` for each (image, channel), which run in parallel.
template <class State>
void plain_pool(const PoolSizes& pool, ThreadPool& threads, const State& state) {
  const LayoutStrides src(pool.layout, pool.channels, pool.src_spatial.count());
  const LayoutStrides dst(pool.layout, pool.channels, pool.dst_spatial.count());
  const PoolTaps taps(pool);
  const int64_t positions = pool.dst_spatial.count();
  threads.parallel_for(pool.batch * pool.channels, [&](int64_t task) {
    State local = state;
    const int64_t image = task / pool.channels;
    const int64_t channel = task % pool.channels;
    const int64_t src_base = image * src.batch + channel * src.channel;
    const int64_t dst_base = image * dst.batch + channel * dst.channel;
    Odometer at(pool.dst_spatial);
    for (int64_t position = 0; position < positions; ++position, at.next()) {
      local.start(task);
      taps.for_each(at.at(), [&](int64_t from) { local.add(src_base + from * src.spatial, from); });
      local.finish(dst_base + position * dst.spatial, at.at());
    }
  });
}

// Taps of the window at `at` that read the input or its padding: not those past the end, where
// ceil_mode lets a window stick out.
int64_t padded_taps(const PoolSizes& pool, const Shape& at);

}  // namespace sardonyx
