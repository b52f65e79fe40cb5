// The kernels of matrix products of float.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_f32.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/gemm_kernels.h"
#include "cpu/gemm_tile-inl.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

extern const GemmKernels<float> kGemmF32;
constexpr GemmKernels<float> kGemmF32 = make_gemm_kernels<float>();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx {
static const GemmKernels<float>& gemm_kernels_f32(Tier tier);
}
SARDONYX_TIER_TABLE(gemm_kernels_f32, GemmKernels<float>, kGemmF32)
namespace sardonyx {
template <>
const GemmKernels<float>& gemm_kernels<float>(Tier tier) {
  static const GemmKernels<float> with_tiles = [] {
    GemmKernels<float> kernels = gemm_kernels_f32(Tier::kAmxF32);
    kernels.split = split_kernels();
    return kernels;
  }();
  return tier == Tier::kAmxF32 ? with_tiles : gemm_kernels_f32(tier);
}
}  // namespace sardonyx
#endif
