// ConvSizes: the sizes of one convolution: Conv, ConvInteger, QLinearConv and ConvTranspose read
// them from a node the same way, with the same checks. Also the plain loop that the first three
// fall back on. Entry points: infer_conv, read_forward_conv_sizes, plain_conv.
#pragma once

#include "base/thread_pool.h"
#include "ops/window.h"

namespace sardonyx {

struct ConvSizes {
  Layout layout;
  Window window;  // pads fixed
  int64_t batch = 0;
  int64_t groups = 1;
  int64_t channels = 0;  // of the input, all groups
  int64_t filters = 0;   // channels of the output, all groups
  Shape src_spatial;
  Shape dst_spatial;
  // ConvTranspose: weights are [channels, filters / groups, taps...], not
  // [filters, channels / groups, taps...], and the window slides over the output.
  bool transposed = false;

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  double flops() const {
    const int64_t positions = transposed ? src_spatial.count() : dst_spatial.count();
    return 2.0 * static_cast<double>(batch * positions * filters) *
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

// What all convolutions read alike, once all shapes are known: all but filters and window.
Result<ConvSizes> read_conv_sizes(const KernelRequest& request, const ConvInputs& inputs);
// The sizes of a forward convolution; infer_conv has checked them.
Result<ConvSizes> read_forward_conv_sizes(const KernelRequest& request, const ConvInputs& inputs);

// The kernel from the attribute, else from the weight; nullopt when neither is known.
Result<std::optional<std::vector<int64_t>>> find_kernel(const AttrMap& attrs,
                                                        const std::optional<Dims>& weight,
                                                        size_t spatial_rank);
// Whether the bias, where there is one, has one number per filter.
Result<void> check_conv_bias(const InferContext& context, const ConvInputs& inputs,
                             const Dim& filters);

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
// The spatial offset whose product with tap `tap` a ConvTranspose adds to output position `at`; -1
// when there is none.
int64_t transposed_tap_position(const Window& window, const Shape& src_spatial, const Shape& at,
                                const Shape& tap);

// For each output element: store(offset in dst, filter, sum of load_x(offset) * load_w(offset)).
// Parallel over images and filters.
template <class Sum, class LoadX, class LoadW, class Store>
void plain_conv(const ConvSizes& conv, ThreadPool& pool, LoadX load_x, LoadW load_w, Store store) {
  const LayoutStrides src(conv.layout, conv.channels, conv.src_spatial.count());
  const LayoutStrides dst(conv.layout, conv.filters, conv.dst_spatial.count());
  const Shape kernel{std::span<const int64_t>(conv.window.kernel)};
  const int64_t taps = conv.window.taps();
  const int64_t group_channels = conv.group_channels();
  const int64_t group_filters = conv.group_filters();
  const int64_t positions = conv.dst_spatial.count();
  pool.parallel_for(conv.batch * conv.filters, [&](int64_t task) {
    const int64_t image = task / conv.filters;
    const int64_t filter = task % conv.filters;
    const int64_t group = filter / group_filters;
    const int64_t src_base = image * src.batch + group * group_channels * src.channel;
    const int64_t first_weight =
        taps * (conv.transposed ? group * group_channels * group_filters + filter % group_filters
                                : filter * group_channels);
    const int64_t weight_step = taps * (conv.transposed ? group_filters : 1);
    Odometer at(conv.dst_spatial);
    for (int64_t position = 0; position < positions; ++position, at.next()) {
      Sum sum = 0;
      Odometer tap(kernel);
      for (int64_t t = 0; t < taps; ++t, tap.next()) {
        const int64_t from =
            conv.transposed
                ? transposed_tap_position(conv.window, conv.src_spatial, at.at(), tap.at())
                : tap_position(conv.window, conv.src_spatial, at.at(), tap.at());
        if (from < 0) continue;
        const int64_t x = src_base + from * src.spatial;
        for (int64_t c = 0; c < group_channels; ++c) {
          sum += load_x(x + c * src.channel) * load_w(first_weight + t + c * weight_step);
        }
      }
      store(image * dst.batch + filter * dst.channel + position * dst.spatial, filter, sum);
    }
  });
}

// The kernel of a float convolution of inputs 0, 1 and (bias) 2 that runs plain_conv.
Result<std::unique_ptr<Kernel>> make_plain_conv(const KernelRequest& request,
                                                const ConvSizes& conv);

}  // namespace sardonyx
