// The f32 and f64 kernels of channels-last convolutions: indirect matrix product or depthwise, with
// the weights packed when the plan is made, if they are constant. Entry point: make_conv_kernel.
#pragma once

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

}  // namespace sardonyx
