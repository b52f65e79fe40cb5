// DeformConv: a convolution whose taps read where an input of offsets moves them, between the
// elements by linear interpolation (zero outside), scaled by an optional mask.
#include <cmath>

#include "ops/cells.h"
#include "ops/conv_sizes.h"
#include "ops/number.h"
#include "ops/rule_parts.h"

namespace sardonyx {
namespace {

enum Operands : size_t { kData, kWeight, kOffset, kBias, kMask };
constexpr ConvInputs kInputs{kData, kWeight, kBias};

// The channels of the offsets or the mask: `each` for every tap and offset group.
Result<void> check_moves(const InferContext& context, size_t index, const Dims& dst, int64_t each) {
  if (!context.has_rank(index) || !context.has_rank(kWeight)) return {};
  const Dims& given = context.dims(index);
  TRY(expect_rank(context, index, static_cast<int64_t>(dst.size())));
  for (size_t i = 0; i < dst.size(); ++i) {
    if (i != 1) TRY(same_dim(given[i], dst[i], "the batch and positions of offsets and result"));
  }
  int64_t channels = each;
  for (size_t i = 2; i < context.dims(kWeight).size(); ++i) {
    if (!context.dims(kWeight)[i].is_constant()) return {};
    channels *= context.dims(kWeight)[i].value();
  }
  if (!given[1].is_constant() || given[1].value() == channels) return {};
  return fail(Code::kInvalidArgument, "{} has {} channels, expected {}", context.describe(index),
              given[1].value(), channels);
}

Result<void> infer_deform_conv(InferContext& context) {
  const int64_t groups = context.attrs().get_int("offset_group");
  if (groups < 1)
    return fail(Code::kInvalidArgument, "offset_group is {}, expected 1 or more", groups);
  TRY(infer_conv(context, kInputs, context.dtype(kData)));
  if (!context.has_rank(kData)) return {};
  const Dim& channels = context.dims(kData)[1];
  if (channels.is_constant() && channels.value() % groups != 0) {
    return fail(Code::kInvalidArgument, "{} does not divide into {} offset groups",
                context.describe(kData), groups);
  }
  const Dims dst = *context.output_types()[0].dims;
  TRY(check_moves(context, kOffset, dst, groups * (context.rank(kData) - 2)));
  TRY(check_moves(context, kMask, dst, groups));
  return {};
}

class DeformConv {
 public:
  DeformConv(ConvSizes conv, int64_t offset_groups)
      : conv_(std::move(conv)),
        offset_groups_(offset_groups),
        taps_(conv_.window.taps()),
        rank_(conv_.window.rank()),
        positions_(conv_.dst_spatial.count()) {}

  int64_t images() const { return conv_.batch; }
  int64_t positions() const { return positions_; }
  // What one position reads: one number for each channel and tap.
  size_t column_size() const { return static_cast<size_t>(conv_.channels * taps_); }
  int64_t work() const { return conv_.filters * conv_.group_channels() * taps_ * 8; }

  template <class T>
  void run(const RunArgs& args, int64_t image, int64_t position, double* column, T* dst) const {
    const T* x =
        args.inputs[kData].as<const T>() + image * conv_.channels * conv_.src_spatial.count();
    const int64_t group_channels = conv_.channels / offset_groups_;
    for (int64_t g = 0; g < offset_groups_; ++g) {
      for (int64_t tap = 0; tap < taps_; ++tap) {
        const std::vector<double> at = place<T>(args, image, g, tap, position);
        const double scale = mask_at<T>(args, image, g, tap, position);
        for (int64_t c = g * group_channels; c < (g + 1) * group_channels; ++c) {
          column[c * taps_ + tap] = scale * sample(x + c * conv_.src_spatial.count(), at);
        }
      }
    }
    multiply(args, column, dst + image * conv_.filters * positions_ + position);
  }

 private:
  static bool given(const RunArgs& args, size_t index) {
    return index < args.inputs.size() && args.inputs[index].data != nullptr;
  }

  // Where a tap reads, in elements of the input.
  template <class T>
  std::vector<double> place(const RunArgs& args, int64_t image, int64_t group, int64_t tap,
                            int64_t position) const {
    const auto rank = static_cast<int64_t>(rank_);
    const T* offsets = args.inputs[kOffset].as<const T>();
    std::vector<double> at(rank_);
    int64_t tap_left = tap;
    int64_t position_left = position;
    for (size_t d = rank_; d-- > 0;) {
      const int64_t in_kernel = tap_left % conv_.window.kernel[d];
      const int64_t in_dst = position_left % conv_.dst_spatial[d];
      tap_left /= conv_.window.kernel[d];
      position_left /= conv_.dst_spatial[d];
      const int64_t channel =
          ((image * offset_groups_ + group) * taps_ + tap) * rank + static_cast<int64_t>(d);
      const int64_t regular = in_dst * conv_.window.strides[d] - conv_.window.pads_begin[d] +
                              in_kernel * conv_.window.dilations[d];
      at[d] = static_cast<double>(regular) +
              static_cast<double>(widen(offsets[channel * positions_ + position]));
    }
    return at;
  }

  template <class T>
  double mask_at(const RunArgs& args, int64_t image, int64_t group, int64_t tap,
                 int64_t position) const {
    if (!given(args, kMask)) return 1;
    const int64_t channel = (image * offset_groups_ + group) * taps_ + tap;
    return widen(args.inputs[kMask].as<const T>()[channel * positions_ + position]);
  }

  // The sum over the corners of the cell that `at` falls into.
  template <class T>
  double sample(const T* plane, const std::vector<double>& at) const {
    double sum = 0;
    for (size_t corner = 0; corner < size_t{1} << rank_; ++corner) {
      double weight = 1;
      int64_t offset = 0;
      for (size_t d = 0; d < rank_ && weight != 0; ++d) {
        const double low = std::floor(at[d]);
        const bool upper = (corner >> d & 1) != 0;
        const double index = upper ? low + 1 : low;
        const bool inside = index >= 0 && index < static_cast<double>(conv_.src_spatial[d]);
        weight *= !inside ? 0 : upper ? at[d] - low : 1 - (at[d] - low);
        offset = offset * conv_.src_spatial[d] + (inside ? static_cast<int64_t>(index) : 0);
      }
      if (weight != 0) sum += weight * static_cast<double>(widen(plane[offset]));
    }
    return sum;
  }

  // The dot products of the column with the filters.
  template <class T>
  void multiply(const RunArgs& args, const double* column, T* dst) const {
    const int64_t depth = conv_.group_channels() * taps_;
    for (int64_t f = 0; f < conv_.filters; ++f) {
      const T* weight = args.inputs[kWeight].as<const T>() + f * depth;
      const double* from = column + f / conv_.group_filters() * depth;
      double sum = given(args, kBias) ? widen(args.inputs[kBias].as<const T>()[f]) : 0.0;
      for (int64_t i = 0; i < depth; ++i) sum += from[i] * widen(weight[i]);
      dst[f * positions_] = narrow<T>(sum);
    }
  }

  ConvSizes conv_;
  int64_t offset_groups_;
  int64_t taps_;
  size_t rank_;
  int64_t positions_;
};

Result<std::unique_ptr<Kernel>> make_deform_conv(const KernelRequest& request) {
  const DeformConv conv(TRY(read_forward_conv_sizes(request, kInputs)),
                        request.node.attrs.get_int("offset_group"));
  return make_kernel([conv, shape = request.outputs[0].shape()](RunArgs& args) {
    const TensorView dst = args.allocate(0, args.inputs[kData].dtype, shape);
    if (args.failed()) return;
    visit_float(dst.dtype, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      parallel_ranges(args.pool, conv.images() * conv.positions(), conv.work(),
                      [&](int64_t first, int64_t last) {
                        std::vector<double> column(conv.column_size());
                        for (int64_t i = first; i < last; ++i) {
                          conv.run(args, i / conv.positions(), i % conv.positions(), column.data(),
                                   dst.as<T>());
                        }
                      });
    });
  });
}

}  // namespace

OpDef op_DeformConv() {
  using Kind = FormalAttr::Kind;
  OpDef op;
  op.versions = {19, 22};
  op.inputs = {{"X", "T", kFloatTypes},
               {"W", "T", kFloatTypes},
               {"offset", "T", kFloatTypes},
               {"B", "T", kFloatTypes, Form::kOptional},
               {"mask", "T", kFloatTypes, Form::kOptional}};
  op.outputs = {{"Y", "T", kFloatTypes}};
  op.attrs = {optional_attr("dilations", Kind::kInts),    int_attr("group", 1),
              optional_attr("kernel_shape", Kind::kInts), int_attr("offset_group", 1),
              optional_attr("pads", Kind::kInts),         optional_attr("strides", Kind::kInts)};
  op.infer = infer_deform_conv;
  op.kernels = {{"reference", make_deform_conv}};
  return op;
}

}  // namespace sardonyx
