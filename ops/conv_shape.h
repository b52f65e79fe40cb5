// ConvShape: the sizes of one convolution: Conv, ConvInteger, QLinearConv and ConvTranspose read
// them from a node the same way, with the same checks. Also the plain loop that the first three
// fall back on. Entry points: infer_conv, read_conv_shape, plain_conv.
#pragma once

#include "base/thread_pool.h"
#include "ops/window.h"

namespace sardonyx {

struct ConvShape {
  Layout layout;
  Window window;  // pads fixed
  int64_t batch = 0;
  int64_t groups = 1;
  int64_t channels = 0;  // of the input, all groups
  int64_t filters = 0;   // channels of the output, all groups
  Shape src_spatial;
  Shape dst_spatial;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  double flops() const {
    return 2.0 * static_cast<double>(batch * dst_spatial.count() * filters) *
           static_cast<double>(group_channels() * window.taps());
  }
};

// Which inputs are data, weight and bias; -1 where there is none.
struct ConvInputs {
  int x = 0;
  int w = 1;
  int bias = 2;
};

// Output 0 of a convolution with this element dtype.
Result<void> infer_conv(InferContext& context, const ConvInputs& inputs, DType output);

// The sizes, once all shapes are known; infer_conv has checked them.
Result<ConvShape> read_conv_shape(const KernelRequest& request, const ConvInputs& inputs);

// Element offsets of a tensor in either layout: batch, channel and spatial strides.
struct LayoutStrides {
  int64_t batch;
  int64_t channel;
  int64_t spatial;

  LayoutStrides(const Layout& layout, int64_t channels, int64_t positions)
      : batch(channels * positions),
        channel(layout.channels_last ? 1 : positions),
        spatial(layout.channels_last ? channels : 1) {}
};

// The spatial offset that tap `tap` of the window at `at` reads; -1 when it falls into padding.
int64_t tap_position(const Window& window, const Shape& src_spatial, const Shape& at,
                     const Shape& tap);

// For each output element: store(offset in dst, filter, sum of load_x(offset) * load_w(offset)).
// Weights are [filters, channels / groups, taps...]. Parallel over images and filters.
template <class Sum, class LoadX, class LoadW, class Store>
void plain_conv(const ConvShape& conv, ThreadPool& pool, LoadX load_x, LoadW load_w, Store store) {
  const LayoutStrides src(conv.layout, conv.channels, conv.src_spatial.count());
  const LayoutStrides dst(conv.layout, conv.filters, conv.dst_spatial.count());
  const Shape kernel{std::span<const int64_t>(conv.window.kernel)};
  const int64_t taps = conv.window.taps();
  const int64_t group_channels = conv.group_channels();
  const int64_t positions = conv.dst_spatial.count();
  pool.parallel_for(conv.batch * conv.filters, [&](int64_t task) {
    const int64_t image = task / conv.filters;
    const int64_t filter = task % conv.filters;
    const int64_t group = filter / conv.group_filters();
    const int64_t src_base = image * src.batch + group * group_channels * src.channel;
    Odometer at(conv.dst_spatial);
    for (int64_t position = 0; position < positions; ++position, at.next()) {
      Sum sum = 0;
      Odometer tap(kernel);
      for (int64_t t = 0; t < taps; ++t, tap.next()) {
        const int64_t from = tap_position(conv.window, conv.src_spatial, at.at(), tap.at());
        if (from < 0) continue;
        const int64_t x = src_base + from * src.spatial;
        const int64_t w = filter * group_channels * taps + t;
        for (int64_t c = 0; c < group_channels; ++c) {
          sum += load_x(x + c * src.channel) * load_w(w + c * taps);
        }
      }
      store(image * dst.batch + filter * dst.channel + position * dst.spatial, filter, sum);
    }
  });
}

}  // namespace sardonyx
