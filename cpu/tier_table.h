// SARDONYX_TIER_TABLE(getter, Table, kTable): defines `const Table& getter(Tier)`, which picks the
// constant kTable of the namespace of that tier. For use under HWY_ONCE, at global scope, in a
// file compiled through hwy/foreach_target.h; see cpu/tier.h.
#pragma once

#include "cpu/tier.h"
#include "hwy/detect_targets.h"

#if HWY_TARGETS & HWY_AVX3
#define SARDONYX_TIER_AVX512(kTable) \
  case Tier::kAvx512:                \
  case Tier::kAmx:                   \
  case Tier::kAmxF32:                \
    return N_AVX3::kTable;
#else
#define SARDONYX_TIER_AVX512(kTable)
#endif

#if HWY_TARGETS & HWY_AVX2
#define SARDONYX_TIER_AVX2(kTable) \
  case Tier::kAvx2:                \
    return N_AVX2::kTable;
#else
#define SARDONYX_TIER_AVX2(kTable)
#endif

// The static target is the lowest tier of the build and answers for every other value.
#define SARDONYX_TIER_TABLE(getter, Table, kTable) \
  namespace sardonyx {                             \
  const Table& getter(Tier tier) {                 \
    switch (tier) {                                \
      SARDONYX_TIER_AVX512(kTable)                 \
      SARDONYX_TIER_AVX2(kTable)                   \
      default:                                     \
        return SARDONYX_LOWEST_TIER::kTable;       \
    }                                              \
  }                                                \
  }

#if HWY_STATIC_TARGET == HWY_AVX3
#define SARDONYX_LOWEST_TIER N_AVX3
#elif HWY_STATIC_TARGET == HWY_AVX2
#define SARDONYX_LOWEST_TIER N_AVX2
#elif HWY_STATIC_TARGET == HWY_SSE4
#define SARDONYX_LOWEST_TIER N_SSE4
#elif HWY_STATIC_TARGET == HWY_NEON
#define SARDONYX_LOWEST_TIER N_NEON
#elif HWY_STATIC_TARGET == HWY_EMU128
#define SARDONYX_LOWEST_TIER N_EMU128
#else
#error "no tier is defined for this target of Highway"
#endif
