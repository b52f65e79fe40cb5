// The f32 and f64 kernels of channels-last convolutions: indirect matrix product, depthwise or
// transposed, with the weights packed when the plan is made, if they are constant.
// Entry points: make_conv_kernel, make_winograd_kernel, make_depthwise_kernel,
// make_group_conv_kernel, make_bf16_conv_kernel, make_conv_transpose_kernel.
#pragma once

#include "cpu/conv.h"
#include "ops/conv_sizes.h"
#include "ops/fused_epilogue.h"

namespace sardonyx {

// Inputs 0, 1 and 2 are data, weight (as ONNX has it) and bias; conv.layout is channels-last.
// Declines what it cannot do: other dtypes, more than three spatial axes, empty tensors.
Result<std::unique_ptr<Kernel>> make_conv_kernel(const KernelRequest& request,
                                                 const ConvSizes& conv,
                                                 const FusedEpilogue& epilogue);
Result<std::unique_ptr<Kernel>> make_depthwise_kernel(const KernelRequest& request,
                                                      const ConvSizes& conv,
                                                      const FusedEpilogue& epilogue);
Result<std::unique_ptr<Kernel>> make_group_conv_kernel(const KernelRequest& request,
                                                       const ConvSizes& conv,
                                                       const FusedEpilogue& epilogue);
Result<std::unique_ptr<Kernel>> make_band_kernel(const KernelRequest& request,
                                                 const ConvSizes& conv,
                                                 const FusedEpilogue& epilogue);
Result<std::unique_ptr<Kernel>> make_winograd_kernel(const KernelRequest& request,
                                                     const ConvSizes& conv,
                                                     const FusedEpilogue& epilogue);
// f32 convolutions with operands rounded to bf16; declines where the session does not ask for them,
// and where the weights are not constant or fill no tiles.
Result<std::unique_ptr<Kernel>> make_bf16_conv_kernel(const KernelRequest& request,
                                                      const ConvSizes& conv,
                                                      const FusedEpilogue& epilogue, Bf16Kind kind);
Result<std::unique_ptr<Kernel>> make_conv_transpose_kernel(const KernelRequest& request,
                                                           const ConvSizes& conv,
                                                           const FusedEpilogue& epilogue);

// One kernel for both, where the second is all that reads the first's result and it pays
// (cpu/depthwise_block.h, cpu/pooled_conv.h), or null. Its inputs are those of the first, then
// those of the second, of which input 0 is omitted. The first may be such a kernel itself.
std::unique_ptr<Kernel> join_convolutions(Tier tier, int threads, std::unique_ptr<Kernel>& first,
                                          size_t first_inputs, std::unique_ptr<Kernel>& second,
                                          size_t second_inputs);

// Sizes as the machine room has them: up to three spatial axes become depth, height, width; missing
// outer ones have one position. Also for poolings.
ConvShape kernel_shape(const Window& window, const Shape& src_spatial, const Shape& dst_spatial);
// Declines layouts, ranks, pads and empty tensors that the channels-last kernels do not take.
Result<void> check_channels_last(const Layout& layout, const Window& window, const Shape& src,
                                 const Shape& dst);

}  // namespace sardonyx
