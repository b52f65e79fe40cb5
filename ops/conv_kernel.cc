// Runs cpu/conv and cpu/depthwise for one node.
#include "ops/conv_kernel.h"

#include "cpu/band_conv.h"
#include "cpu/conv_transpose.h"
#include "cpu/depthwise.h"
#include "cpu/depthwise_block.h"
#include "cpu/group_conv.h"
#include "cpu/pooled_conv.h"
#include "cpu/winograd.h"
#include "ops/pool_kernel.h"

namespace sardonyx {
namespace {

constexpr size_t kAlignment = 64;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

ConvShape conv_shape(const ConvSizes& conv) {
  ConvShape shape = kernel_shape(conv.window, conv.src_spatial, conv.dst_spatial);
  shape.batch = conv.batch;
  shape.groups = conv.groups;
  shape.in_channels = conv.channels;
  shape.out_channels = conv.filters;
  return shape;
}

std::string weight_tag(std::string_view name, const KernelRequest& request, const ConvSizes& conv) {
  return fmt::format("{} {} {} groups {}", name, tier_name(request.tier),
                     request.inputs[1].shape().to_string(), conv.groups);
}

Result<void> check_sizes(const ConvSizes& conv) {
  const Shape channels{conv.batch, conv.channels, conv.filters};
  if (channels.count() == 0) return decline("a tensor is empty");
  return check_channels_last(conv.layout, conv.window, conv.src_spatial, conv.dst_spatial);
}

// How each kernel of the machine room is sized, packed and run; kStrides: pixels may lie apart.
template <class T>
struct IndirectConv {
  static constexpr bool kStrides = true;
  const GemmKernels<T>* kernels;

  explicit IndirectConv(Tier tier) : kernels(&gemm_kernels<T>(tier)) {}
  static std::string name(const ConvShape&) { return sizeof(T) == 4 ? "conv f32" : "conv f64"; }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(conv_packed_count(*kernels, shape));
  }
  void pack(const ConvShape& shape, const T* weights, T* packed, ThreadPool& pool) const {
    conv_pack(*kernels, shape, weights, packed, pool);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return conv_workspace_bytes(*kernels, shape, threads);
  }
  void run(const ConvShape& shape, const T* src, const T* packed, const Epilogue<T>& epilogue,
           T* dst, void* workspace, ThreadPool& pool) const {
    conv(*kernels, shape, src, packed, epilogue, dst, workspace, pool);
  }
  bool adds_in_place(const ConvShape& shape) const { return conv_adds_in_place(*kernels, shape); }
};

template <Bf16Kind kKind>
struct Bf16Conv {
  static constexpr bool kStrides = true;
  const Bf16Kernels* kernels;
  const GemmKernels<float>* finish;

  explicit Bf16Conv(Tier tier)
      : kernels(bf16_kernels(tier, kKind)), finish(&gemm_kernels<float>(tier)) {}
  static std::string name(const ConvShape&) { return "bf16"; }
  size_t packed_count(const ConvShape& shape) const {
    return conv_bf16_packed_bytes(shape) / sizeof(float);
  }
  void pack(const ConvShape& shape, const float* weights, float* packed, ThreadPool& pool) const {
    conv_bf16_pack(shape, weights, packed, pool);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return conv_bf16_workspace_bytes(shape, threads);
  }
  void run(const ConvShape& shape, const float* src, const float* packed,
           const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) const {
    conv_bf16(*kernels, *finish, shape, src, packed, epilogue, dst, workspace, pool);
  }
};

struct BandConv {
  static constexpr bool kStrides = false;
  const GemmKernels<float>* kernels;

  explicit BandConv(Tier tier) : kernels(&gemm_kernels<float>(tier)) {}
  int64_t pixels(const ConvShape& shape) const { return band_pixels(*kernels, shape); }
  std::string name(const ConvShape& shape) const {
    return fmt::format("band {} stride {}", pixels(shape), shape.stride[2]);
  }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(band_conv_packed_count(*kernels, pixels(shape), shape));
  }
  void pack(const ConvShape& shape, const float* weights, float* packed, ThreadPool& pool) const {
    band_conv_pack(*kernels, pixels(shape), shape, weights, packed, pool);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return band_conv_workspace_bytes(*kernels, pixels(shape), shape, threads);
  }
  void run(const ConvShape& shape, const float* src, const float* packed,
           const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) const {
    band_conv(*kernels, pixels(shape), shape, src, packed, epilogue, dst, workspace, pool);
  }
};

struct DepthwiseConv {
  static constexpr bool kStrides = true;
  Tier tier;

  explicit DepthwiseConv(Tier at_tier) : tier(at_tier) {}
  static std::string name(const ConvShape&) { return "depthwise"; }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(shape.out_channels * shape.taps());
  }
  void pack(const ConvShape& shape, const float* weights, float* packed, ThreadPool&) const {
    depthwise_pack(shape, weights, packed);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return depthwise_workspace_bytes(shape, threads);
  }
  void run(const ConvShape& shape, const float* src, const float* packed,
           const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) const {
    depthwise(tier, shape, src, packed, epilogue, dst, workspace, pool);
  }
};

struct GroupedConv {
  static constexpr bool kStrides = true;
  Tier tier;

  explicit GroupedConv(Tier at_tier) : tier(at_tier) {}
  GroupConvForm form(const ConvShape& shape) const { return group_conv_form(tier, shape); }
  std::string name(const ConvShape& shape) const {
    return fmt::format("grouped {}", form(shape).width);
  }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(shape.out_channels * (shape.in_channels / shape.groups) *
                               shape.taps());
  }
  void pack(const ConvShape& shape, const float* weights, float* packed, ThreadPool&) const {
    group_conv_pack(form(shape), shape, weights, packed);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return group_conv_workspace_bytes(form(shape), shape, threads);
  }
  void run(const ConvShape& shape, const float* src, const float* packed,
           const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) const {
    group_conv(tier, shape, src, packed, epilogue, dst, workspace, pool);
  }
};

struct WinogradConv {
  static constexpr bool kStrides = true;
  Tier tier;

  explicit WinogradConv(Tier at_tier) : tier(at_tier) {}
  int tile(const ConvShape& shape) const { return winograd_tile(tier, shape); }
  std::string name(const ConvShape& shape) const {
    const WinogradPacking packing = winograd_packing(tier, tile(shape), shape);
    if (packing == WinogradPacking::kConv) return IndirectConv<float>::name(shape);
    if (packing == WinogradPacking::kGroupConv) return GroupedConv(tier).name(shape);
    return fmt::format("winograd {}", tile(shape));
  }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(winograd_packed_count(tier, tile(shape), shape));
  }
  void pack(const ConvShape& shape, const float* weights, float* packed, ThreadPool& pool) const {
    winograd_pack(tier, tile(shape), shape, weights, packed, pool);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return winograd_workspace_bytes(tier, tile(shape), shape, threads);
  }
  void run(const ConvShape& shape, const float* src, const float* packed,
           const Epilogue<float>& epilogue, float* dst, void* workspace, ThreadPool& pool) const {
    winograd(tier, tile(shape), shape, src, packed, epilogue, dst, workspace, pool);
  }
};

template <class T>
struct TransposedConv {
  static constexpr bool kStrides = true;
  const GemmKernels<T>* kernels;

  explicit TransposedConv(Tier tier) : kernels(&gemm_kernels<T>(tier)) {}
  static std::string name(const ConvShape&) {
    return sizeof(T) == 4 ? "transposed f32" : "transposed f64";
  }
  size_t packed_count(const ConvShape& shape) const {
    return static_cast<size_t>(conv_transpose_packed_count(*kernels, shape));
  }
  void pack(const ConvShape& shape, const T* weights, T* packed, ThreadPool& pool) const {
    conv_transpose_pack(*kernels, shape, weights, packed, pool);
  }
  size_t workspace_bytes(const ConvShape& shape, int threads) const {
    return conv_transpose_workspace_bytes<T>(shape, threads);
  }
  void run(const ConvShape& shape, const T* src, const T* packed, const Epilogue<T>& epilogue,
           T* dst, void* workspace, ThreadPool& pool) const {
    conv_transpose(*kernels, shape, src, packed, epilogue, dst, workspace, pool);
  }
};

template <class T, class Method>
class ConvKernel final : public Kernel {
 public:
  ConvKernel(const KernelRequest& request, const ConvSizes& conv, const FusedEpilogue& epilogue)
      : method_(request.tier),
        shape_(conv_shape(conv)),
        epilogue_(epilogue),
        flops_(conv.flops()),
        kernel_bytes_(aligned(method_.workspace_bytes(shape_, request.threads))) {
    const Tensor* weights = request.inputs[1].constant;
    if (weights == nullptr) return;
    packed_ = request.weights.get(*weights, weight_tag(method_.name(shape_), request, conv), [&] {
      auto packed = WeightCache::allocate(method_.packed_count(shape_) * sizeof(T));
      const auto pool = shared_thread_pool(request.threads);
      method_.pack(shape_, weights->as<T>(), static_cast<T*>(packed.get()), *pool);
      return packed;
    });
  }

  void run(RunArgs& args) const override {
    Epilogue<T> epilogue;
    if (args.inputs.size() > 2) epilogue.bias = args.inputs[2].as<T>();
    FusedEpilogue::Binding binding;
    epilogue_.bind(args, shape_.out_channels, epilogue, binding);
    const T* packed = static_cast<const T*>(packed_.get());
    if (packed == nullptr) {
      T* space = static_cast<T*>(
          static_cast<void*>(static_cast<std::byte*>(args.workspace) + kernel_bytes_));
      method_.pack(shape_, args.inputs[1].as<T>(), space, *args.pool);
      packed = space;
    }
    method_.run(shape_, args.inputs[0].as<T>(), packed, epilogue, args.outputs[0].as<T>(),
                args.workspace, *args.pool);
  }

  size_t workspace_bytes() const override {
    if (packed_ != nullptr) return kernel_bytes_;
    return kernel_bytes_ + method_.packed_count(shape_) * sizeof(T);
  }
  bool takes_stride(size_t input, int64_t row) const override {
    if (!Method::kStrides) return false;
    // Few channels are read as one row with those of the next pixels.
    constexpr int64_t kFewChannels = 16;
    if (input == 0) return row == shape_.in_channels && row >= kFewChannels;
    return row == shape_.out_channels && epilogue_.takes_stride(input);
  }
  bool gives_stride(size_t, int64_t row) const override {
    return Method::kStrides && row == shape_.out_channels;
  }
  void set_input_stride(size_t input, int64_t stride) override {
    if (input == 0) {
      shape_.src_ld = stride;
    } else {
      epilogue_.set_stride(stride);
    }
  }
  void set_output_stride(size_t, int64_t stride) override { shape_.dst_ld = stride; }
  // The result over what is added to it: a line of the cache is fetched once then, not twice.
  bool can_overwrite(size_t input, size_t) const override {
    if constexpr (requires { method_.adds_in_place(shape_); }) {
      return epilogue_.is_residual(input) && method_.adds_in_place(shape_) &&
             epilogue_.residual_stride(shape_.out_channels) == shape_.dst_stride();
    }
    return false;
  }
  bool reads(size_t input) const override { return input != 1 || packed_ == nullptr; }
  double flops() const override { return flops_; }

  const ConvShape& shape() const { return shape_; }
  bool is_packed() const { return packed_ != nullptr; }
  // What the kernels of cpu/ need to do its part of a run, which `binding` outlives.
  ConvStage stage(const RunArgs& args, FusedEpilogue::Binding& binding) const {
    ConvStage stage{shape_, static_cast<const float*>(packed_.get()), {}};
    if (args.inputs.size() > 2) stage.epilogue.bias = args.inputs[2].as<float>();
    epilogue_.bind(args, shape_.out_channels, stage.epilogue, binding);
    return stage;
  }

 private:
  Method method_;
  ConvShape shape_;
  FusedEpilogue epilogue_;
  double flops_;
  size_t kernel_bytes_;
  std::shared_ptr<void> packed_;  // null: packed anew in each run
};

using Indirect = ConvKernel<float, IndirectConv<float>>;
using Depthwise = ConvKernel<float, DepthwiseConv>;

// Two or three convolutions in one; its inputs are those of the first, then those of the others,
// whose inputs 0 are omitted.
class DepthwiseBlockKernel final : public Kernel {
 public:
  struct Stage {
    std::unique_ptr<Kernel> kernel;
    size_t inputs = 0;
  };

  DepthwiseBlockKernel(Tier tier, int threads, std::vector<Stage> stages)
      : tier_(tier), stages_(std::move(stages)) {
    DepthwiseBlock block;
    block.first.shape = indirect(0).shape();
    block.depthwise.shape = depthwise().shape();
    if (stages_.size() > 2) block.projection = ConvStage{indirect(2).shape(), nullptr, {}};
    workspace_bytes_ = depthwise_block_workspace_bytes(block, threads);
  }

  void run(RunArgs& args) const override {
    std::array<FusedEpilogue::Binding, 3> bindings;
    DepthwiseBlock block;
    block.first = indirect(0).stage(args_of(args, 0), bindings[0]);
    block.depthwise = depthwise().stage(args_of(args, 1), bindings[1]);
    if (stages_.size() > 2) block.projection = indirect(2).stage(args_of(args, 2), bindings[2]);
    depthwise_block(tier_, block, args.inputs[0].as<float>(), args.outputs[0].as<float>(),
                    args.workspace, *args.pool);
  }
  size_t workspace_bytes() const override { return workspace_bytes_; }
  bool takes_stride(size_t input, int64_t row) const override {
    const Kernel& kernel = stage_of(input);
    return kernel.takes_stride(input, row);
  }
  void set_input_stride(size_t input, int64_t stride) override {
    Kernel& kernel = stage_of(input);
    kernel.set_input_stride(input, stride);
  }
  bool gives_stride(size_t output, int64_t row) const override {
    return stages_.back().kernel->gives_stride(output, row);
  }
  void set_output_stride(size_t output, int64_t stride) override {
    stages_.back().kernel->set_output_stride(output, stride);
  }
  bool reads(size_t input) const override {
    const Kernel& kernel = stage_of(input);
    return kernel.reads(input);
  }
  double flops() const override {
    double sum = 0;
    for (const Stage& stage : stages_) sum += stage.kernel->flops();
    return sum;
  }

  const ConvShape* unprojected() const {
    return stages_.size() == 2 ? &depthwise().shape() : nullptr;
  }
  std::vector<Stage> take_stages() { return std::move(stages_); }

 private:
  const Indirect& indirect(size_t stage) const {
    return static_cast<const Indirect&>(*stages_[stage].kernel);
  }
  const Depthwise& depthwise() const { return static_cast<const Depthwise&>(*stages_[1].kernel); }

  // The stage that has the input, which becomes one of its own.
  Kernel& stage_of(size_t& input) const {
    size_t stage = 0;
    while (input >= stages_[stage].inputs) input -= stages_[stage++].inputs;
    return *stages_[stage].kernel;
  }
  RunArgs args_of(const RunArgs& args, size_t stage) const {
    size_t begin = 0;
    for (size_t i = 0; i < stage; ++i) begin += stages_[i].inputs;
    RunArgs own = args;
    own.inputs = args.inputs.subspan(begin, stages_[stage].inputs);
    return own;
  }

  Tier tier_;
  std::vector<Stage> stages_;
  size_t workspace_bytes_ = 0;
};

// A convolution and the pooling of its result.
class PooledConvKernel final : public Kernel {
 public:
  PooledConvKernel(Tier tier, int threads, std::unique_ptr<Kernel> conv,
                   std::unique_ptr<Kernel> pool)
      : tier_(tier),
        conv_(std::move(conv)),
        pool_(std::move(pool)),
        workspace_bytes_(
            pooled_conv_workspace_bytes(conv_kernel().shape(), this->pool(), threads)) {}

  void run(RunArgs& args) const override {
    FusedEpilogue::Binding binding;
    RunArgs own = args;
    own.inputs = args.inputs.first(args.inputs.size() - 1);
    pooled_conv(tier_, conv_kernel().stage(own, binding), pool(), args.inputs[0].as<float>(),
                args.outputs[0].as<float>(), args.workspace, *args.pool);
  }
  size_t workspace_bytes() const override { return workspace_bytes_; }
  bool takes_stride(size_t input, int64_t row) const override {
    return conv_->takes_stride(input, row);
  }
  void set_input_stride(size_t input, int64_t stride) override {
    conv_->set_input_stride(input, stride);
  }
  bool gives_stride(size_t output, int64_t row) const override {
    return pool_->gives_stride(output, row);
  }
  void set_output_stride(size_t output, int64_t stride) override {
    pool_->set_output_stride(output, stride);
  }
  bool reads(size_t input) const override { return conv_->reads(input); }
  double flops() const override { return conv_->flops(); }

 private:
  const Indirect& conv_kernel() const { return static_cast<const Indirect&>(*conv_); }
  const PoolArgs& pool() const { return static_cast<const PoolKernel&>(*pool_).pool(); }

  Tier tier_;
  std::unique_ptr<Kernel> conv_, pool_;
  size_t workspace_bytes_;
};

// By the element type of input 0.
template <template <class> class Method>
Result<std::unique_ptr<Kernel>> make_typed_kernel(const KernelRequest& request,
                                                  const ConvSizes& conv,
                                                  const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  const DType dtype = request.inputs[0].dtype();
  if (dtype == DType::kFloat32) {
    return std::make_unique<ConvKernel<float, Method<float>>>(request, conv, epilogue);
  }
  if (dtype == DType::kFloat64) {
    return std::make_unique<ConvKernel<double, Method<double>>>(request, conv, epilogue);
  }
  return decline("{} is neither float32 nor float64", dtype_name(dtype));
}

}  // namespace

std::unique_ptr<Kernel> join_convolutions(Tier tier, int threads, std::unique_ptr<Kernel>& first,
                                          size_t first_inputs, std::unique_ptr<Kernel>& second,
                                          size_t second_inputs) {
  std::vector<DepthwiseBlockKernel::Stage> stages;
  const auto* before = dynamic_cast<const Indirect*>(first.get());
  const auto* depthwise = dynamic_cast<const Depthwise*>(second.get());
  auto* block = dynamic_cast<DepthwiseBlockKernel*>(first.get());
  const auto* behind = dynamic_cast<const Indirect*>(second.get());
  const auto* pool = dynamic_cast<const PoolKernel*>(second.get());
  if (before != nullptr && pool != nullptr && before->is_packed() &&
      pool->dtype() == DType::kFloat32 && can_join_pool(before->shape(), pool->pool(), threads)) {
    return std::make_unique<PooledConvKernel>(tier, threads, std::move(first), std::move(second));
  }
  if (before != nullptr && depthwise != nullptr && before->is_packed() && depthwise->is_packed() &&
      can_join_depthwise(before->shape(), depthwise->shape(), threads)) {
    stages.push_back({std::move(first), first_inputs});
  } else if (block != nullptr && block->unprojected() != nullptr && behind != nullptr &&
             behind->is_packed() &&
             can_join_projection(*block->unprojected(), behind->shape(), threads)) {
    stages = block->take_stages();
  } else {
    return nullptr;
  }
  stages.push_back({std::move(second), second_inputs});
  return std::make_unique<DepthwiseBlockKernel>(tier, threads, std::move(stages));
}

ConvShape kernel_shape(const Window& window, const Shape& src_spatial, const Shape& dst_spatial) {
  ConvShape shape;
  const size_t first = 3 - window.rank();
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    shape.in[first + axis] = src_spatial[axis];
    shape.out[first + axis] = dst_spatial[axis];
    shape.kernel[first + axis] = window.kernel[axis];
    shape.stride[first + axis] = window.strides[axis];
    shape.dilation[first + axis] = window.dilations[axis];
    shape.pad[first + axis] = window.pads_begin[axis];
  }
  return shape;
}

Result<void> check_channels_last(const Layout& layout, const Window& window, const Shape& src,
                                 const Shape& dst) {
  if (!layout.channels_last) return decline("the layout is not channels-last");
  if (window.rank() > 3) return decline("more than three spatial axes");
  if (src.count() == 0 || dst.count() == 0) return decline("a tensor is empty");
  for (size_t axis = 0; axis < window.rank(); ++axis) {
    if (window.pads_begin[axis] < 0 || window.pads_end[axis] < 0) {
      return decline("pads are negative");
    }
  }
  return {};
}

Result<std::unique_ptr<Kernel>> make_conv_kernel(const KernelRequest& request,
                                                 const ConvSizes& conv,
                                                 const FusedEpilogue& epilogue) {
  return make_typed_kernel<IndirectConv>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_conv_transpose_kernel(const KernelRequest& request,
                                                           const ConvSizes& conv,
                                                           const FusedEpilogue& epilogue) {
  return make_typed_kernel<TransposedConv>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_depthwise_kernel(const KernelRequest& request,
                                                      const ConvSizes& conv,
                                                      const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (depth_multiplier(conv_shape(conv)) == 0) return decline("not each channel by itself");
  return std::make_unique<ConvKernel<float, DepthwiseConv>>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_group_conv_kernel(const KernelRequest& request,
                                                       const ConvSizes& conv,
                                                       const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (group_conv_form(request.tier, conv_shape(conv)).tiles == nullptr) {
    return decline("not groups of few channels that fill vectors, or divide them evenly");
  }
  return std::make_unique<ConvKernel<float, GroupedConv>>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_bf16_conv_kernel(const KernelRequest& request,
                                                      const ConvSizes& conv,
                                                      const FusedEpilogue& epilogue,
                                                      Bf16Kind kind) {
  // Below these, most of what tiles multiply is padding.
  constexpr int64_t kFewProducts = 16, kFewColumns = 8;
  if (!request.bf16_products) return decline("matmul_precision is not bf16");
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (request.inputs[1].constant == nullptr) return decline("the weights are not constant");
  const ConvShape shape = conv_shape(conv);
  if (shape.in_channels / shape.groups * shape.taps() < kFewProducts ||
      shape.out_channels / shape.groups < kFewColumns) {
    return decline("a group has too few channels");
  }
  const char* missing = nullptr;
  if (bf16_kernels(request.tier, kind, &missing) == nullptr) return decline("{}", missing);
  if (kind == Bf16Kind::kTiles) {
    return std::make_unique<ConvKernel<float, Bf16Conv<Bf16Kind::kTiles>>>(request, conv, epilogue);
  }
  return std::make_unique<ConvKernel<float, Bf16Conv<Bf16Kind::kDots>>>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_band_kernel(const KernelRequest& request,
                                                 const ConvSizes& conv,
                                                 const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (request.inputs[1].constant == nullptr) return decline("the weights are not constant");
  if (band_pixels(gemm_kernels<float>(request.tier), conv_shape(conv)) == 0) {
    return decline("its channels fill vectors, or pixels do not");
  }
  return std::make_unique<ConvKernel<float, BandConv>>(request, conv, epilogue);
}

Result<std::unique_ptr<Kernel>> make_winograd_kernel(const KernelRequest& request,
                                                     const ConvSizes& conv,
                                                     const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (request.inputs[1].constant == nullptr) return decline("the weights are not constant");
  if (winograd_tile(request.tier, conv_shape(conv)) == 0) {
    return decline("not 3x3 with stride 1, or not worth it for this shape");
  }
  return std::make_unique<ConvKernel<float, WinogradConv>>(request, conv, epilogue);
}

}  // namespace sardonyx
