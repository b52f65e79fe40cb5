// has_byte_dot: whether the processor has the dot product of bytes that belongs to a tier.
#pragma once

#include "base/cpu_features.h"
#include "cpu/tier.h"

namespace sardonyx {

inline bool has_byte_dot(Tier tier) {
  const CpuFeatures& cpu = cpu_features();
  return (has_avx512(tier) && cpu.avx512_vnni) || (tier == Tier::kAvx2 && cpu.avx_vnni);
}

}  // namespace sardonyx
