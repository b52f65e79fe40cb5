// The channels-last 8-bit convolution through cpu/conv_s8. Entry point: make_conv_s8.
#pragma once

#include "ops/conv_sizes.h"
#include "ops/quantize/scales.h"

namespace sardonyx {

// Weights as ONNX has them. Declines what cpu/conv_s8 does not do.
Result<std::unique_ptr<Kernel>> make_conv_s8(const KernelRequest& request,
                                             const ScaleInputs& inputs, const ConvSizes& conv);

}  // namespace sardonyx
