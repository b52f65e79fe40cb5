// Runs cpu/conv and cpu/depthwise for one node.
#include "ops/conv_kernel.h"

#include "cpu/conv.h"
#include "cpu/depthwise.h"

namespace sardonyx {
namespace {

constexpr size_t kAlignment = 64;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// Up to three spatial axes become depth, height, width; missing outer ones have one position.
ConvShape kernel_shape(const ConvSizes& conv) {
  ConvShape shape;
  shape.batch = conv.batch;
  shape.groups = conv.groups;
  shape.in_channels = conv.channels;
  shape.out_channels = conv.filters;
  const size_t first = 3 - conv.window.rank();
  for (size_t axis = 0; axis < conv.window.rank(); ++axis) {
    shape.in[first + axis] = conv.src_spatial[axis];
    shape.out[first + axis] = conv.dst_spatial[axis];
    shape.kernel[first + axis] = conv.window.kernel[axis];
    shape.stride[first + axis] = conv.window.strides[axis];
    shape.dilation[first + axis] = conv.window.dilations[axis];
    shape.pad[first + axis] = conv.window.pads_begin[axis];
  }
  return shape;
}

std::string weight_tag(std::string_view name, const KernelRequest& request, const ConvSizes& conv) {
  return fmt::format("{} {} {} groups {}", name, tier_name(request.tier),
                     request.inputs[1].shape().to_string(), conv.groups);
}

Result<void> check_sizes(const ConvSizes& conv) {
  if (!conv.layout.channels_last) return decline("the layout is not channels-last");
  if (conv.window.rank() > 3) return decline("more than three spatial axes");
  if (conv.batch == 0 || conv.channels == 0 || conv.filters == 0 || conv.src_spatial.count() == 0 ||
      conv.dst_spatial.count() == 0) {
    return decline("a tensor is empty");
  }
  for (int64_t pad : conv.window.pads_begin) {
    if (pad < 0) return decline("pads are negative");
  }
  return {};
}

// How one of the two kernels of the machine room is sized, packed and run.
template <class T>
struct IndirectConv {
  const GemmKernels<T>* kernels;

  explicit IndirectConv(Tier tier) : kernels(&gemm_kernels<T>(tier)) {}
  static constexpr std::string_view kName = sizeof(T) == 4 ? "conv f32" : "conv f64";
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
};

struct DepthwiseConv {
  Tier tier;

  explicit DepthwiseConv(Tier at_tier) : tier(at_tier) {}
  static constexpr std::string_view kName = "depthwise";
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

template <class T, class Method>
class ConvKernel final : public Kernel {
 public:
  ConvKernel(const KernelRequest& request, const ConvSizes& conv, const FusedEpilogue& epilogue)
      : method_(request.tier),
        shape_(kernel_shape(conv)),
        epilogue_(epilogue),
        flops_(conv.flops()),
        kernel_bytes_(aligned(method_.workspace_bytes(shape_, request.threads))) {
    const Tensor* weights = request.inputs[1].constant;
    if (weights == nullptr) return;
    packed_ = request.weights.get(*weights, weight_tag(Method::kName, request, conv), [&] {
      auto packed = WeightCache::allocate(method_.packed_count(shape_) * sizeof(T));
      const auto pool = shared_thread_pool(request.threads);
      method_.pack(shape_, weights->as<T>(), static_cast<T*>(packed.get()), *pool);
      return packed;
    });
  }

  void run(RunArgs& args) const override {
    Epilogue<T> epilogue;
    if (args.inputs.size() > 2) epilogue.bias = args.inputs[2].as<T>();
    epilogue_.bind(args, shape_.out_channels, epilogue);
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
  double flops() const override { return flops_; }

 private:
  Method method_;
  ConvShape shape_;
  FusedEpilogue epilogue_;
  double flops_;
  size_t kernel_bytes_;
  std::shared_ptr<void> packed_;  // null: packed anew in each run
};

}  // namespace

Result<std::unique_ptr<Kernel>> make_conv_kernel(const KernelRequest& request,
                                                 const ConvSizes& conv,
                                                 const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  const DType dtype = request.inputs[0].dtype();
  if (dtype == DType::kFloat32) {
    return std::make_unique<ConvKernel<float, IndirectConv<float>>>(request, conv, epilogue);
  }
  if (dtype == DType::kFloat64) {
    return std::make_unique<ConvKernel<double, IndirectConv<double>>>(request, conv, epilogue);
  }
  return decline("{} is neither float32 nor float64", dtype_name(dtype));
}

Result<std::unique_ptr<Kernel>> make_depthwise_kernel(const KernelRequest& request,
                                                      const ConvSizes& conv,
                                                      const FusedEpilogue& epilogue) {
  TRY(check_sizes(conv));
  if (request.inputs[0].dtype() != DType::kFloat32) return decline("not float32");
  if (!is_depthwise(kernel_shape(conv))) return decline("not one filter per channel");
  return std::make_unique<ConvKernel<float, DepthwiseConv>>(request, conv, epilogue);
}

}  // namespace sardonyx
