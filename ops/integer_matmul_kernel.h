// MatMulInteger through cpu/gemm_s32. Entry point: make_gemm_s32.
#pragma once

#include "ops/kernel.h"

namespace sardonyx {

Result<std::unique_ptr<Kernel>> make_gemm_s32(const KernelRequest& request);

}  // namespace sardonyx
