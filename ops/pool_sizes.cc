// The checks and the output shape that the window poolings share.
#include "ops/pool_sizes.h"

#include <algorithm>

namespace sardonyx {

Result<Dims> infer_pool_dims(InferContext& context) {
  const Dims& src = context.dims(0);
  const std::vector<int64_t>& kernel = context.attrs().get_ints("kernel_shape");
  if (src.size() < 3 || kernel.size() != src.size() - 2) {
    return fail(Code::kInvalidArgument,
                "kernel_shape has {} numbers, so {} must have rank {} (batch, channels, spatial)",
                kernel.size(), context.describe(0), kernel.size() + 2);
  }
  const Layout layout{context.attrs().get_int("channels_last") != 0, src.size()};
  const Window window = TRY(read_window(context.attrs(), kernel));
  const Dims spatial =
      TRY(window_output_dims(window, spatial_part<Dim>(layout, std::span<const Dim>(src))));
  return join_dims(layout, src[0], src[layout.channel_axis()], spatial);
}

Result<PoolSizes> read_pool_sizes(const AttrMap& attrs, const Shape& src, const Shape& dst) {
  PoolSizes pool;
  pool.layout = {attrs.get_int("channels_last") != 0, src.rank()};
  pool.window = TRY(read_window(attrs, attrs.get_ints("kernel_shape")));
  pool.batch = src[0];
  pool.channels = src[pool.layout.channel_axis()];
  pool.src_spatial = spatial_shape(pool.layout, src);
  pool.dst_spatial = spatial_shape(pool.layout, dst);
  fix_pads(pool.window, pool.src_spatial);
  return pool;
}

PoolTaps::PoolTaps(const PoolSizes& pool)
    : dims_(pool.src_spatial), dilations_(pool.window.dilations) {
  const Window& window = pool.window;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t dim = dims_[axis];
    const int64_t dilation = window.dilations[axis];
    std::vector<Range>& ranges = ranges_.emplace_back();
    for (int64_t i = 0; i < pool.dst_spatial[axis]; ++i) {
      const int64_t start = i * window.strides[axis] - window.pads_begin[axis];
      const int64_t before = start < 0 ? (-start + dilation - 1) / dilation : 0;
      const int64_t first = start + before * dilation;
      const int64_t inside = first < dim ? (dim - first + dilation - 1) / dilation : 0;
      ranges.push_back(
          {first, std::max<int64_t>(0, std::min(inside, window.kernel[axis] - before))});
    }
  }
}

int64_t padded_taps(const PoolSizes& pool, const Shape& at) {
  const Window& window = pool.window;
  int64_t product = 1;
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    const int64_t first = at[axis] * window.strides[axis] - window.pads_begin[axis];
    const int64_t end = pool.src_spatial[axis] + window.pads_end[axis];
    const int64_t fitting = (end - first + window.dilations[axis] - 1) / window.dilations[axis];
    product *= std::clamp<int64_t>(fitting, 0, window.kernel[axis]);
  }
  return product;
}

}  // namespace sardonyx
