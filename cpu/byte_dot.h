// has_byte_dot: whether the dot product of bytes that belongs to a tier is used, because the
// processor has it. SARDONYX_BYTE_DOT=0 leaves it alone where it is not part of the tier (amx), to
// test what is done without.
#pragma once

#include <cstdlib>
#include <string_view>

#include "base/cpu_features.h"
#include "cpu/tier.h"

namespace sardonyx {

inline bool allows_byte_dot() {
  static const bool allowed = [] {
    const char* value = std::getenv("SARDONYX_BYTE_DOT");
    return value == nullptr || std::string_view(value) != "0";
  }();
  return allowed;
}

inline bool has_byte_dot(Tier tier) {
  const CpuFeatures& cpu = cpu_features();
  if (has_amx(tier)) return cpu.avx512_vnni;
  return allows_byte_dot() &&
         ((has_avx512(tier) && cpu.avx512_vnni) || (tier == Tier::kAvx2 && cpu.avx_vnni));
}

}  // namespace sardonyx
