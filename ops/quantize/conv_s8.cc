// Weights are packed when planned where they and their zero points are constant, else in each run.
#include "ops/quantize/conv_s8.h"

#include "cpu/conv_s8.h"
#include "ops/conv_kernel.h"

namespace sardonyx {
namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

class ConvS8 final : public Kernel {
 public:
  ConvS8(const KernelRequest& request, const ScaleInputs& inputs, const ConvSizes& conv,
         const BytesOperand& x, const BytesOperand& w, const ScaledOutput& output)
      : tier_(request.tier),
        inputs_(inputs),
        shape_(kernel_shape(conv.window, conv.src_spatial, conv.dst_spatial)),
        x_(x),
        w_(w),
        output_(output),
        flops_(conv.flops()) {
    shape_.batch = conv.batch;
    shape_.groups = conv.groups;
    shape_.in_channels = conv.channels;
    shape_.out_channels = conv.filters;
    columns_ = conv_s8_columns(tier_, shape_);
    packed_bytes_ = aligned(conv_s8_packed_bytes(tier_, shape_));
    conv_bytes_ = aligned(conv_s8_workspace_bytes(tier_, shape_, request.threads));
    const Tensor* weights = request.inputs[static_cast<size_t>(inputs.b)].constant;
    const Tensor* zero = has_operand(request, inputs.b_zero)
                             ? request.inputs[static_cast<size_t>(inputs.b_zero)].constant
                             : nullptr;
    if (weights == nullptr || (w.zero_count() != 0 && zero == nullptr)) return;
    std::string tag = fmt::format("conv s8 {} {} groups {} from {} {}", static_cast<int>(tier_),
                                  request.inputs[static_cast<size_t>(inputs.b)].shape().to_string(),
                                  conv.groups, shape_.in_channels, columns_);
    if (zero != nullptr) tag.append(zero->as<char>(), zero->bytes());
    packed_ = request.weights.get(*weights, tag, [&] {
      std::vector<int32_t> zeros(static_cast<size_t>(w_.zero_count()));
      auto packed = WeightCache::allocate(packed_bytes_);
      const auto pool = shared_thread_pool(request.threads);
      const void* zero_data = zero == nullptr ? nullptr : zero->data();
      conv_s8_pack(tier_, shape_, w_.bind(weights->data(), zero_data, zeros.data()), packed.get(),
                   *pool);
      return packed;
    });
  }

  size_t workspace_bytes() const override {
    return conv_bytes_ + 3 * column_bytes() + x_.workspace_bytes() + w_.workspace_bytes() +
           (packed_ == nullptr ? packed_bytes_ : 0);
  }

  void run(RunArgs& args) const override {
    auto* at = static_cast<std::byte*>(args.workspace) + conv_bytes_;
    const auto take = [&at](size_t bytes) { return std::exchange(at, at + bytes); };
    auto* scales = reinterpret_cast<float*>(take(column_bytes()));
    auto* spread = reinterpret_cast<float*>(take(column_bytes()));
    auto* bias = reinterpret_cast<float*>(take(column_bytes()));
    auto* x_zeros = reinterpret_cast<int32_t*>(take(x_.workspace_bytes()));
    auto* w_zeros = reinterpret_cast<int32_t*>(take(w_.workspace_bytes()));
    ConvS8Args conv;
    conv.src = x_.bind(data(args, inputs_.a), data(args, inputs_.a_zero), x_zeros);
    conv.packed = packed_.get();
    if (packed_ == nullptr) {
      conv_s8_pack(tier_, shape_,
                   w_.bind(data(args, inputs_.b), data(args, inputs_.b_zero), w_zeros), at,
                   *args.pool);
      conv.packed = at;
    }
    conv.bias = output_.int_bias(args);
    conv.output = output_.describe(args);
    conv.output.dst = args.outputs[0].data;
    conv.output.ld = shape_.dst_stride();
    if (output_.result() != ResultS8::kInt32) {
      output_.write_scales(args, scales);
      conv_s8_spread(tier_, shape_, scales, spread);
      conv.output.scale = spread;
      if (const float* float_bias = output_.float_bias(args)) {
        conv_s8_spread(tier_, shape_, float_bias, bias);
        conv.output.bias = bias;
      }
    }
    conv_s8(tier_, shape_, conv, args.workspace, *args.pool);
  }

  bool reads(size_t input) const override {
    return packed_ == nullptr || static_cast<int>(input) != inputs_.b;
  }
  double flops() const override { return flops_; }

 private:
  size_t column_bytes() const { return aligned(static_cast<size_t>(columns_) * sizeof(float)); }
  static const void* data(const RunArgs& args, int index) {
    return index < 0 || static_cast<size_t>(index) >= args.inputs.size()
               ? nullptr
               : args.inputs[static_cast<size_t>(index)].data;
  }

  Tier tier_;
  ScaleInputs inputs_;
  ConvShape shape_;
  BytesOperand x_, w_;
  ScaledOutput output_;
  double flops_;
  int64_t columns_ = 0;
  size_t packed_bytes_ = 0;
  size_t conv_bytes_ = 0;
  std::shared_ptr<void> packed_;  // null: packed anew in each run
};

}  // namespace

Result<std::unique_ptr<Kernel>> make_conv_s8(const KernelRequest& request,
                                             const ScaleInputs& inputs, const ConvSizes& conv) {
  if (Shape{conv.batch, conv.channels, conv.filters}.count() == 0) {
    return decline("a tensor is empty");
  }
  TRY(check_channels_last(conv.layout, conv.window, conv.src_spatial, conv.dst_spatial));
  const BytesOperand x = TRY(BytesOperand::read(request, inputs.a, inputs.a_zero, 1));
  const BytesOperand w = TRY(BytesOperand::read(request, inputs.b, inputs.b_zero, conv.filters));
  const ScaledOutput output = TRY(ScaledOutput::read(request, inputs, conv.filters));
  return std::make_unique<ConvS8>(request, inputs, conv, x, w, output);
}

}  // namespace sardonyx
