// The kernels of matrix products of double.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemm_f64.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

#include "cpu/gemm_kernels.h"
#include "cpu/gemm_tile-inl.h"
#include "cpu/tier_table.h"

HWY_BEFORE_NAMESPACE();
namespace sardonyx {
namespace HWY_NAMESPACE {

extern const GemmKernels<double> kGemmF64;
constexpr GemmKernels<double> kGemmF64 = make_gemm_kernels<double>();

}  // namespace HWY_NAMESPACE
}  // namespace sardonyx
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sardonyx {
static const GemmKernels<double>& gemm_kernels_f64(Tier tier);
}
SARDONYX_TIER_TABLE(gemm_kernels_f64, GemmKernels<double>, kGemmF64)
namespace sardonyx {
template <>
const GemmKernels<double>& gemm_kernels<double>(Tier tier) {
  return gemm_kernels_f64(tier);
}
}  // namespace sardonyx
#endif
