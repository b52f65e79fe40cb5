// Tier: one instruction set that the kernels of this room are compiled for. Which one runs is
// decided once, from the processor, the operating system and SARDONYX_TIER, and passed on as a
// value; every kernel family turns it into a table of plain function pointers.
//
// How to add a family `foo` (here or in ops/), with cpu/norm.{h,cc} as the smallest example:
//
//  1. foo.h declares the table and its getter; arguments are raw pointers and sizes:
//         struct FooKernels { void (*rows)(const float* src, float* dst, int64_t count); };
//         const FooKernels& foo_kernels(Tier tier);
//  2. foo.cc is compiled once per tier by Highway's foreach_target:
//         #undef HWY_TARGET_INCLUDE
//         #define HWY_TARGET_INCLUDE "cpu/foo.cc"
//         #include "hwy/foreach_target.h"  // keep: must come before highway.h
//         #include "hwy/highway.h"
//         #include "cpu/foo.h"
//         #include "cpu/tier_table.h"
//         #include "cpu/vector_math-inl.h"           // if it needs exp, tanh, ...
//         HWY_BEFORE_NAMESPACE();
//         namespace sardonyx { namespace HWY_NAMESPACE { namespace {
//         namespace hn = hwy::HWY_NAMESPACE;
//         void rows(...) { const hn::ScalableTag<float> d; ... }
//         }
//         extern const FooKernels kFooKernels;        // unique name per family
//         const FooKernels kFooKernels = {rows};
//         }}
//         HWY_AFTER_NAMESPACE();
//         #if HWY_ONCE
//         SARDONYX_TIER_TABLE(foo_kernels, FooKernels, kFooKernels)
//         #endif
//
// Rules: everything but the table is in the anonymous namespace (families share the namespaces
// N_AVX2 and so on). No lambdas and no std algorithms between HWY_BEFORE_NAMESPACE and
// HWY_AFTER_NAMESPACE: they are not compiled for the tier. Loops over threads stay outside of
// it, or call parallel_for with a lambda marked HWY_ATTR. Keep one family per file: each is
// compiled three times. A tail is masked (LoadN-like, see load_n and store_n in
// cpu/vector_math-inl.h), so that no byte outside of the operands is touched.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sardonyx {

// kAmx is kAvx512 with tiles: the same code but for the products of cpu/amx.h, of 8 bits and of
// bf16. kAmxF32 multiplies f32 with them as well, see cpu/gemm_split.h.
enum class Tier : uint8_t { kSse4, kAvx2, kAvx512, kAmx, kAmxF32, kNeon };

inline bool has_amx(Tier tier) { return tier == Tier::kAmx || tier == Tier::kAmxF32; }
inline bool has_avx512(Tier tier) { return tier == Tier::kAvx512 || has_amx(tier); }

std::string_view tier_name(Tier tier);  // "sse4", "avx2", "avx512", "amx", "amx_f32", "neon"
std::optional<Tier> tier_from_name(std::string_view name);

// The tiers that this build has and this machine can run, lowest first; never empty.
std::vector<Tier> available_tiers();

// The tier to use: SARDONYX_TIER when it is set, else the highest one. Fails when the
// variable names a tier that does not exist or that this machine or build lacks.
Result<Tier> choose_tier();

// choose_tier(), decided once; the highest tier where choose_tier() fails. Whoever opens a
// session reports the failure of choose_tier() first.
Tier best_tier();

}  // namespace sardonyx
